"""What a source's images are at a glance, computed once for each content and kept with the store.

Kept as derived data, `derived/glances.bin`: it can be deleted at any time, and is then made anew.
"""

from __future__ import annotations

import hashlib
import struct
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from bottleneck.core import files
from bottleneck.core.digest import DIGEST_BYTES, as_void, sample_digest
from bottleneck.core.errors import BottleneckError
from bottleneck.core.sample import find
from bottleneck.core.spare import spared
from bottleneck.data.catalog import reopen
from bottleneck.data.glance import SIDE, glance, pixel_digest
from bottleneck.data.undecodable import UndecodableError
from bottleneck.pipeline.extraction.flow import default_threads
from bottleneck.pipeline.extraction.look import recall

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from bottleneck.core.reporter import Reporter
    from bottleneck.data.source import Source
    from bottleneck.pipeline.looking.images import Images
    from bottleneck.store.store import Store

FILE = "glances.bin"
MEASURES = ("width", "height", "light", "dark", "contrast", "sharpness")
CHUNK = 64  # images a task
_ENTRY = np.dtype(
    [
        ("digest", f"V{DIGEST_BYTES}"),
        *((name, "<f4") for name in MEASURES),
        ("gray", "u1", (SIDE, SIDE)),
    ]
)
_HEAD = struct.Struct("<8sQ")
_MAGIC = b"bn-glnc1"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Glances:
    """What u images are at a glance.

    Attributes
    ----------
    found : (u,) bool
        Of which images it is known; the others' numbers say nothing.
    entries : (u,) with a field for each of MEASURES, and `gray` (side, side) uint8
    """

    found: NDArray[np.bool_]
    entries: NDArray[np.void]


class Pictures:
    """The images of a source as they are read now, where the source is at hand.

    Each content is compared with its digest: an image that changed since is none.
    """

    def __init__(self, source: Source, places: NDArray[np.int64], digests: NDArray[np.uint8]):
        self._source, self._places, self._digests = source, places, digests

    def content(self, image: int) -> bytes | NDArray[np.uint8] | None:
        """Return what image `image` holds; None where it is gone, changed or cannot be read."""
        place = int(self._places[image])
        if place < 0:
            return None
        try:
            content = self._source.read(place).content
        except OSError:
            return None
        return content if sample_digest(content) == self._digests[image].tobytes() else None


def pictures_of(images: Images, reporter: Reporter) -> Pictures | None:
    """Return the images to look at; None, and say so, where their source is not at hand."""
    name = images.source
    try:
        source = reopen(images.store.snapshot(name).spec)
        if not source.exists():
            reporter.warn(f"the source {name} is not here: nothing is looked at but rows")
            return None
        recall(source, images.store)
        places = find(source.list().keys, images.samples.keys[images.first])
    except BottleneckError as error:
        reporter.warn(f"{error.what}: nothing of {name} is looked at but rows")
        return None
    return Pictures(source, places, images.digests)


def glances(images: Images, pictures: Pictures | None, reporter: Reporter) -> Glances:
    """Return what is known of each image, looking at those that nobody has looked at yet."""
    store = images.store
    kept = _kept(store)
    digests = as_void(images.digests)
    entries = np.zeros(len(images), _ENTRY)
    entries["digest"] = digests
    order = np.argsort(kept["digest"])
    at = np.searchsorted(kept["digest"], digests, sorter=order) if len(kept) else None
    found = np.zeros(len(images), bool)
    if at is not None:
        where = order[np.minimum(at, len(kept) - 1)]
        found = np.asarray(kept["digest"][where] == digests)
        entries[found] = kept[where[found]]
    left = np.flatnonzero(~found)
    if pictures is None or not len(left):
        return Glances(found=found, entries=entries)
    with reporter.progress(len(left), "look") as bar:
        _look(entries, found, pictures, left, bar.update)
    known = np.concatenate([entries[found], kept[~np.isin(kept["digest"], digests)]])
    _keep(store, known)
    return Glances(found=found, entries=entries)


def pixels_of(pictures: Pictures, image: int) -> bytes | None:
    """Return the digest of an image's pixels; None where there are none."""
    content = pictures.content(image)
    if content is None:
        return None
    try:
        return pixel_digest(content)
    except UndecodableError:
        return None


def _look(
    entries: NDArray[np.void],
    found: NDArray[np.bool_],
    pictures: Pictures,
    left: NDArray[np.int64],
    counted: Callable[[int], object],
) -> None:
    """Fill in the entries of these images, by several threads."""

    def look(some: NDArray[np.int64]) -> int:
        for image in some:
            content = pictures.content(image)
            if content is None:
                continue
            try:
                seen = glance(content)
            except UndecodableError:
                continue
            for name in (*MEASURES, "gray"):
                entries[name][image] = getattr(seen, name)
            found[image] = True
        return len(some)

    chunks = [left[at : at + CHUNK] for at in range(0, len(left), CHUNK)]
    pool = ThreadPoolExecutor(default_threads())
    try:
        for n in pool.map(look, chunks):
            counted(n)
    finally:
        pool.shutdown(cancel_futures=True)


def _kept(store: Store) -> NDArray[np.void]:
    """Return the entries of the file; none for anything but what `_keep` wrote."""
    try:
        data = files.read(store.derived / FILE)
    except OSError:
        return np.zeros(0, _ENTRY)
    body, checksum = data[:-DIGEST_BYTES], data[-DIGEST_BYTES:]
    if len(body) < _HEAD.size or hashlib.sha256(body).digest() != checksum:
        return np.zeros(0, _ENTRY)
    magic, n = _HEAD.unpack_from(body)
    if magic != _MAGIC or len(body) != _HEAD.size + n * _ENTRY.itemsize:
        return np.zeros(0, _ENTRY)
    return np.frombuffer(body, _ENTRY, n, _HEAD.size)


def _keep(store: Store, entries: NDArray[np.void]) -> None:
    """Write the file, of contents that the store has a row of."""
    digests = np.ascontiguousarray(entries["digest"]).view(np.uint8).reshape(-1, DIGEST_BYTES)
    entries = entries[store.has(digests)]
    body = _HEAD.pack(_MAGIC, len(entries)) + entries.tobytes()
    path = store.derived / FILE
    with spared(path):
        files.make_folder(path.parent)
        files.replace(path, body + hashlib.sha256(body).digest())
