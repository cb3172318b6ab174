"""An object that holds many samples, read by ranges: pieces of it, or all of it in order.

Each request is made for the object that was listed (`If-Match`), and what it answers is compared
with what was seen then, for servers that do not look at the condition.
"""

from __future__ import annotations

import errno
import time
from typing import TYPE_CHECKING, Any

from bottleneck.core.buckets import answers
from bottleneck.core.errors import PermissionDeniedError
from bottleneck.data.bucket_objects import Connection, is_strong, of_one, stat_of
from bottleneck.data.reading import check_size
from bottleneck.data.source import Read

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from bottleneck.core.paths import Stat

LEAST, MOST = 64 << 10, 8 << 20  # bytes of a window


class Ranged:
    """An object as it was listed; see `contained.Container`. Any thread may read.

    Parameters
    ----------
    found : the object, as obstore describes it
    """

    device = 0

    def __init__(self, connection: Connection, key: str, found: Mapping[str, Any]) -> None:
        self.connection, self.key = connection, key
        self.stat: Stat = stat_of(found)
        tag = found["e_tag"]
        # Listings of some servers tell it without its quotes.
        self.tag = f'"{tag.strip(chr(34))}"' if is_strong(tag) else None

    @property
    def size(self) -> int:
        """In bytes."""
        return self.stat[0]

    def piece(self, offset: int, n_bytes: int) -> Read:
        """Return bytes of it, while it is still the object that was listed.

        Raises
        ------
        OSError
            When it is not there any more, may not be read, or is another one by now.
        BottleneckError
            When the server or the credentials are at fault, so that all others will fail too.
        """
        import obstore  # noqa: PLC0415 - an extra, and for buckets alone

        check_size(n_bytes, self.key.encode())
        clock_ns = time.time_ns()
        if not n_bytes:  # there is no such range
            return Read(content=b"", stat=self.stat, clock_ns=clock_ns)
        options: Any = {"range": (offset, offset + n_bytes)}
        if self.tag:
            options["if_match"] = self.tag
        try:
            with answers(self.connection.place.at(self.key)):
                try:
                    found = obstore.get(self.connection.client, self.key, options=options)
                    content = found.bytes().to_bytes()
                except obstore.exceptions.PreconditionError:
                    raise self._changed() from None
        except PermissionDeniedError as error:
            raise of_one(error, self.key) from None
        if stat_of(found.meta) != self.stat or len(content) != n_bytes:
            raise self._changed()
        return Read(content=content, stat=self.stat, clock_ns=clock_ns)

    def _changed(self) -> OSError:
        return OSError(errno.EAGAIN, "changed after it was listed", self.key)


class Windows:
    """The bytes of an object as a file to go through in order, leaping over what is not wanted.

    What is asked for comes with what follows it, in one request: a window. It doubles while what
    is wanted next lies close behind, and is small again after a leap. So of a tar of small members
    all bytes come, in few requests, and of one of large members little more than their heads.

    Parameters
    ----------
    piece : returns the bytes at an offset, so many; all of them are there
    size : of the object, in bytes
    """

    def __init__(self, piece: Callable[[int, int], bytes], size: int) -> None:
        self._piece, self._size = piece, size
        self._at = self._start = 0
        self._window = b""
        self._n_wanted = LEAST // 2

    def tell(self) -> int:
        """Return the position."""
        return self._at

    def seek(self, offset: int, whence: int = 0) -> int:
        """Go to a position; return it."""
        self._at = offset + (0, self._at, self._size)[whence]
        return self._at

    def read(self, n_bytes: int = -1) -> bytes:
        """Return the next bytes, fewer at the end."""
        end = self._size if n_bytes < 0 else min(self._at + n_bytes, self._size)
        found = []
        while self._at < end:
            if not self._start <= self._at < self._start + len(self._window):
                self._fetch()
            found.append(self._window[self._at - self._start : end - self._start])
            self._at += len(found[-1])
        return b"".join(found)

    def _fetch(self) -> None:
        gap = self._at - (self._start + len(self._window))
        is_close = 0 <= gap < self._n_wanted
        self._n_wanted = min(2 * self._n_wanted, MOST) if is_close else LEAST
        n_bytes = min(self._n_wanted, self._size - self._at)
        self._start, self._window = self._at, self._piece(self._at, n_bytes)
