"""Images that were handed over from Python: an array, or a list of paths, PIL images or arrays.

An array is what it would be in an .npy file: the same keys (00000000, 00000001, …), the same
digests. A PIL image is the array of its pixels, upright and RGB, as the decoder would make them
of its file. Files in a list are read as files, and their keys are their absolute paths.

Nothing here outlives the process, so the record of such a source can be read but not opened
again.
"""

from __future__ import annotations

import errno
import hashlib
import os
import threading
import time
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from bottleneck.core.digest import array_digest
from bottleneck.core.errors import DataError
from bottleneck.core.paths import Stat, to_json_text
from bottleneck.core.sample import key_array
from bottleneck.data.array_targets import answers_of_arrays
from bottleneck.data.arrays import refuse_one_picture
from bottleneck.data.decode import picture_to_rgb
from bottleneck.data.reading import NOT_THERE, read_file, stat_of
from bottleneck.data.source import SKIPPED, Listing, Read, Understood
from bottleneck.data.table_groups import make_groups
from bottleneck.data.undecodable import UndecodableError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from bottleneck.core.given import Given
    from bottleneck.data.how import How

_WHERE = "the images that were passed"
_ADVICE = "pass a uint8 array [n, height, width] or [n, height, width, 3], or a list of images"
_loading = threading.Lock()  # an image that PIL has not read yet is read by one thread


class MemorySource:
    """Images in memory, or a list of files. `list` looks at every pixel; `read` copies one."""

    def __init__(self, given: Given, how: How) -> None:
        self.given, self.how = given, how
        self._listed: tuple[Sequence[Any], list[int]] | None = None

    @property
    def name(self) -> str:
        """What the caller calls these images."""
        return self.given.name

    @property
    def spec(self) -> dict[str, Any]:
        """See `Source.spec`; of two sources given from Python, their names alone differ."""
        where = f"passed from Python as {to_json_text(self.given.name)!r}"
        return {"kind": "memory", "where": where, **self.how.to_json()}

    def exists(self) -> bool:
        """Whether the images are there: they are."""
        return True

    def list(self) -> Listing:
        """See `Source.list`; the stat of an image in memory is made from its pixels."""
        images, keys = _items(self.given.images)
        given, n = self.given, len(images)
        for what, each in (("label", given.labels), ("group", given.groups)):
            if each is not None and len(each) != n:
                raise DataError(
                    f"{len(each)} {what}s for {n} images", _WHERE, f"pass one {what} per image"
                )
        if len(set(keys)) < len(keys):
            raise DataError("a file is in the list twice", _WHERE, "pass each file once")
        order = sorted(range(len(keys)), key=keys.__getitem__)
        kept = [i for i in order if self.how.patterns.keeps(keys[i])]
        if not kept:
            what = "no images are left" if keys else "no images"
            raise DataError(what, _WHERE, "check include and exclude" if keys else _ADVICE)
        told = None if given.labels is None else np.array(given.labels)[kept]
        found = answers_of_arrays(
            [(told, len(kept))], given.names, self.how["target_kind"], "labels", _WHERE
        )
        of = given.groups and [given.groups[i] for i in kept]
        groups, said = make_groups(of) if of and any(of) else (None, ())
        stats = [_stat(images[i]) for i in kept]
        self._listed = (images, kept)
        return Listing(
            keys=key_array(keys[i] for i in kept),
            labels=found.labels,
            splits=np.zeros(len(kept), np.uint8),
            classes=found.classes,
            stats=np.array(stats, np.int64).reshape(-1, 4),
            skipped=dict.fromkeys(SKIPPED, 0) | {"excluded": len(keys) - len(kept)},
            device=0,
            understood=Understood(notes=(*found.notes, *said)),
            groups=groups,
            targets=found.targets,
        )

    def read(self, index: int) -> Read:
        """See `Source.read`."""
        if self._listed is None:
            raise ValueError("read() before list()")
        images, kept = self._listed
        image = images[kept[index]]
        if isinstance(image, bytes):
            return read_file(image)
        clock_ns = time.time_ns()
        content = pixels_of(image)
        return Read(content=content, stat=_stat_of_pixels(content), clock_ns=clock_ns)


def _items(images: Any) -> tuple[Sequence[Any], list[bytes]]:
    """Return the images (files as bytes of their paths) and their keys, in the caller's order."""
    if isinstance(images, Image.Image):
        images = [images]
    if hasattr(images, "__array_interface__") or hasattr(images, "__array__"):
        images = checked(np.asarray(images))
        return images, [b"%08d" % i for i in range(len(images))]
    items = [*images]
    n_paths = sum(isinstance(item, str | os.PathLike) for item in items)
    if n_paths not in (0, len(items)):
        raise DataError("paths and images are mixed", _WHERE, "pass two lists, in two calls")
    if n_paths:
        paths = [os.path.abspath(os.fsencode(item)) for item in items]  # noqa: PTH100 - bytes
        return [os.path.realpath(path) for path in paths], [_key(path) for path in paths]
    for i, item in enumerate(items):
        if not isinstance(item, Image.Image):
            items[i] = checked(np.asarray(item)[None])[0]
    return items, [b"%08d" % i for i in range(len(items))]


def _key(path: bytes) -> bytes:
    return path.replace(os.fsencode(os.sep), b"/")


def checked(array: NDArray[Any]) -> NDArray[np.uint8]:
    """Return an array of images; DataError where it is none."""
    shape = [*array.shape]
    what = f"an array of {array.dtype} {shape}"
    if array.dtype != np.uint8:
        raise DataError(what, _WHERE, "pixels must be uint8, from 0 to 255")
    if len(shape) not in (3, 4) or (len(shape) == 4 and shape[3] not in (1, 3)):
        raise DataError(what, _WHERE, _ADVICE)
    refuse_one_picture(shape, what, _WHERE)
    if not all(shape[1:]):
        raise DataError(what, _WHERE, "images must have pixels")
    return array


def pixels_of(image: Any) -> NDArray[np.uint8]:
    """Return a copy of an image's pixels; OSError where there are none."""
    if not isinstance(image, Image.Image):
        return np.array(image)  # a copy: what is hashed is what is decoded
    try:
        with _loading:
            image.load()
        return np.array(picture_to_rgb(image))
    except UndecodableError as error:
        raise OSError(errno.EINVAL, error.reason) from error
    except MemoryError:
        raise
    except Exception as error:  # broken files make Pillow raise anything at all
        raise OSError(errno.EINVAL, "Pillow cannot read it") from error


def _stat(image: Any) -> Stat:
    """Return what stands for an image's content; zeros where it cannot be read."""
    if isinstance(image, bytes):
        return stat_of(image)
    try:
        return _stat_of_pixels(pixels_of(image))
    except OSError:
        return NOT_THERE


def _stat_of_pixels(pixels: NDArray[np.uint8]) -> Stat:
    """Return a stat that only these pixels have: nothing else tells that memory was changed."""
    digest = hashlib.sha256(b"stat" + array_digest(pixels)).digest()
    first, second = (int.from_bytes(digest[i : i + 8], "big") >> 1 for i in (0, 8))
    return pixels.nbytes, first, 0, second  # a ctime of long ago, so that it is never racy
