"""An object that holds many samples, read by ranges.

Each request is made for the object that was listed (`If-Match`), and what it answers is compared
with what was seen then, for servers that do not look at the condition.
"""

from __future__ import annotations

import errno
import time
from typing import TYPE_CHECKING, Any

import numpy as np

from bottleneck.core.buckets import answers
from bottleneck.core.errors import PermissionDeniedError
from bottleneck.data.bucket_objects import Connection, is_strong, of_one, stat_of
from bottleneck.data.reading import check_size
from bottleneck.data.source import Read

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bottleneck.core.paths import Stat


_NONE = np.zeros((0, 2), np.int64)


class Ranged:
    """An object as it was listed; see `contained.Container`. Any thread may read.

    Parameters
    ----------
    found : the object, as obstore describes it

    Attributes
    ----------
    runs : where members lie one behind the other in the order in which they are read
    """

    device = 0

    def __init__(self, connection: Connection, key: str, found: Mapping[str, Any]) -> None:
        self.connection, self.key = connection, key
        self.runs = _NONE
        self.stat: Stat = stat_of(found)
        tag = found["e_tag"]
        # Listings of some servers tell it without its quotes.
        self.tag = f'"{tag.strip(chr(34))}"' if is_strong(tag) else None

    @property
    def size(self) -> int:
        """In bytes."""
        return self.stat[0]

    def piece(self, offset: int, n_bytes: int) -> Read:
        """Return bytes of it; those in a run with their neighbours. Raises what `fetch` does."""
        at = int(np.searchsorted(self.runs[:, 0], offset, "right")) - 1
        end = int(self.runs[at, 1]) if at >= 0 else 0
        if offset + n_bytes > end or not n_bytes:
            return self.fetch(offset, n_bytes)
        return self.connection.windows.piece(self, offset, n_bytes, end)

    def fetch(self, offset: int, n_bytes: int) -> Read:
        """Return bytes of it in one request, while it is still the object that was listed.

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
