"""Images that are handed over a few at a time, one call after the other: a source that only grows.

What a caller has at hand is some of them, and another some the next time: a fold, a batch. So the
key of an image is its digest in hexadecimal, which no order and no path changes, and the source is
all that were ever handed over. Only those at hand can be read.
"""

from __future__ import annotations

import errno
import os
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from bottleneck.core.digest import DIGEST_BYTES, sample_digest
from bottleneck.core.errors import DataError
from bottleneck.core.paths import to_json_text
from bottleneck.core.sample import NO_LABEL
from bottleneck.data.memory import checked, pixels_of
from bottleneck.data.reading import NOT_THERE, read_file
from bottleneck.data.source import SKIPPED, Listing, Read
from bottleneck.data.stat_table import StatTable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from bottleneck.core.given import Given
    from bottleneck.core.paths import Stat
    from bottleneck.data.how import How

AT_HAND: Stat = (1, 0, 0, 0)  # of long ago; the digest is the key, so nothing else need prove it
_ADVICE = "pass paths, PIL images, or uint8 arrays [n, height, width, 3]"


class CollectedSource:
    """Images by their digests; `Given.digests` says which there are, `Given.images` are at hand."""

    def __init__(self, given: Given, how: How) -> None:
        self.given, self.how = given, how
        self._listed: list[bytes] = []

    @property
    def name(self) -> str:
        """What the caller calls these images."""
        return self.given.name

    @property
    def spec(self) -> dict[str, Any]:
        """See `Source.spec`."""
        where = f"collected from Python as {to_json_text(self.given.name)!r}"
        return {"kind": "collected", "where": where, **self.how.to_json()}

    def exists(self) -> bool:
        """Whether the images are there: some are."""
        return True

    def list(self) -> Listing:
        """See `Source.list`; every digest is known, because it is the key."""
        assert self.given.digests is not None
        digests = np.unique(self.given.digests(), axis=0)
        self._listed = [digest.tobytes() for digest in digests]
        keys = keys_of(digests)
        at_hand = [AT_HAND if each in self.given.images else NOT_THERE for each in self._listed]
        stats = np.array(at_hand, np.int64).reshape(-1, 4)
        n = len(digests)
        return Listing(
            keys=keys,
            labels=np.full(n, NO_LABEL, np.int32),
            splits=np.zeros(n, np.uint8),
            classes=(),
            stats=stats,
            skipped=dict.fromkeys(SKIPPED, 0),
            device=0,
            seen=StatTable(keys=keys, stats=stats, digests=digests, since=np.zeros(n, np.int64)),
        )

    def read(self, index: int) -> Read:
        """See `Source.read`."""
        digest = self._listed[index]
        image = self.given.images.get(digest)
        if image is None:
            raise OSError(errno.ENOENT, "it is not at hand: pass it again")
        found = read_item(image)
        if sample_digest(found.content) != digest:
            raise OSError(errno.EAGAIN, "it changed after it was passed")
        return replace(found, stat=AT_HAND)


def keys_of(digests: NDArray[np.uint8]) -> NDArray[np.bytes_]:
    """Return the keys of (n, 32) digests."""
    text = np.ascontiguousarray(digests).tobytes().hex().encode()
    return np.frombuffer(text, f"S{2 * DIGEST_BYTES}")


def digests_of(keys: NDArray[np.bytes_]) -> NDArray[np.uint8]:
    """Return the (n, 32) digests that are these keys."""
    digests = bytes.fromhex(b"".join(keys.tolist()).decode())
    return np.frombuffer(digests, np.uint8).reshape(-1, DIGEST_BYTES)


def items_of(images: Any) -> Sequence[Any] | NDArray[np.uint8]:
    """Return each image that a caller hands over: the path of a file as bytes, a picture, an array.

    Parameters
    ----------
    images : a sequence of paths, of PIL images, of uint8 arrays; or one uint8 array
        (n, height, width[, 3]); or an array, a series or a table of one column that holds paths

    Raises
    ------
    DataError
        When it is something else.
    """
    if isinstance(images, str | bytes | os.PathLike | Image.Image):
        raise DataError("one image, where several are expected", repr(images)[:80], "pass a list")
    if hasattr(images, "__array__") or hasattr(images, "__array_interface__"):
        array = np.asarray(images)
        if array.dtype.kind not in "OUT":
            return checked(array)
        if array.ndim == 2 and array.shape[1] == 1:
            array = array[:, 0]
        if array.ndim != 1:
            raise DataError(f"a table of shape {[*array.shape]}", "the images", _ADVICE)
        images = array.tolist()
    return [_item(image, i) for i, image in enumerate(images)]


def _item(image: Any, position: int) -> Any:
    if isinstance(image, str | os.PathLike):
        return os.path.abspath(os.fsencode(image))  # noqa: PTH100 - bytes
    if isinstance(image, Image.Image):
        return image
    try:
        return checked(np.asarray(image)[None])[0]
    except DataError as error:
        raise DataError(error.what, f"image {position}", _ADVICE) from error


def read_item(image: Any) -> Read:
    """Return the content of what `items_of` returns.

    Raises
    ------
    OSError
        When it cannot be read.
    """
    if isinstance(image, bytes):
        try:
            return read_file(image)
        except OSError as error:
            if error.errno != errno.ELOOP:
                raise
        return read_file(os.path.realpath(image))  # of each file it would take longer than reading
    clock_ns = time.time_ns()
    return Read(content=pixels_of(image), stat=AT_HAND, clock_ns=clock_ns)
