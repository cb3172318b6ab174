"""Single objects of a bucket, read whole or from their beginning, and what proves them unchanged.

A bucket has no ctime, but it has something better: an object's entity tag stands for its content,
and size, tag and time of the last change come with each listing and with each read. Where all three
are as they were, so is the content. They stand where a file has size, inode and mtime; the place of
the ctime is 0, which no file is too young for. Where a server gives no tag, or a weak one, the time
of the last change stands there as well: what is young is then read again, as a young file is.

An object that is not there any more, or that may not be read, is a failure of its own. A server
that does not answer, and credentials that are not valid, end the run.
"""

from __future__ import annotations

import errno
import hashlib
import time
from typing import TYPE_CHECKING, Any

from bottleneck.core.buckets import Address, answers, require_same_process
from bottleneck.core.errors import PermissionDeniedError
from bottleneck.data.left_alone import HEAD_BYTES
from bottleneck.data.reading import check_size
from bottleneck.data.source import Read
from bottleneck.data.windows import Windows

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from bottleneck.core.paths import Stat

PAGE = 1000  # keys that a listing has in hand at once: servers give as many
AT_ONCE = 32  # requests: each waits for the network most of its time


def stat_of(found: Mapping[str, Any]) -> Stat:
    """Return what change detection compares of an object; see above.

    Listings of some servers tell parts of a second, answers to requests never do.
    """
    changed_ns = int(found["last_modified"].timestamp()) * 1_000_000_000
    tag = found["e_tag"]
    if not is_strong(tag):
        return found["size"], changed_ns, changed_ns, 0
    number = hashlib.blake2b(tag.strip('"').encode(), digest_size=8).digest()
    return found["size"], changed_ns, 0, int.from_bytes(number, "little", signed=True)


def is_strong(tag: str | None) -> bool:
    """Whether an entity tag stands for the bytes of an object."""
    return bool(tag) and not str(tag).startswith("W/")


def pages(
    place: Address, client: Any, prefix: str | None = None
) -> Iterator[Sequence[Mapping[str, Any]]]:
    """Yield what is below an address, as obstore describes objects: some at a time, none empty.

    Parameters
    ----------
    prefix : a folder there, to which it is restricted

    Raises
    ------
    OddKeyError
        For a key that is no path.
    """
    import obstore  # noqa: PLC0415 - an extra, and for buckets alone

    with answers(place):
        for page in obstore.list(client, prefix, chunk_size=PAGE):
            if page:
                yield page


def folders(place: Address, client: Any) -> tuple[list[str], Sequence[Mapping[str, Any]]]:
    """Return the folders right below an address, and the objects beside them; see `pages`."""
    import obstore  # noqa: PLC0415 - as above

    with answers(place):
        found = obstore.list_with_delimiter(client)
    return [*found["common_prefixes"]], found["objects"]


def head_of(folder: Address, name: str, client: Any = None) -> Mapping[str, Any] | None:
    """Return an object of that name below an address, as obstore describes it; None for none."""
    import obstore  # noqa: PLC0415 - as above

    try:
        with answers(folder.at(name)):
            found: Mapping[str, Any] = obstore.head(client or folder.client(), name)
    except FileNotFoundError:
        return None
    return found


def is_there(folder: Address, name: str) -> bool:
    """Whether there is an object of that name below an address."""
    return head_of(folder, name) is not None


class Connection:
    """obstore's client of what is below an address, and what it brought of large objects.

    It pickles: each process makes its own.
    """

    def __init__(self, place: Address, client: Any = None) -> None:
        self.place = place
        self.windows = Windows()
        self._client = client

    def __reduce__(self) -> tuple[Any, ...]:
        return Connection, (self.place,)

    @property
    def client(self) -> Any:
        """The client."""
        require_same_process(self.place)
        if self._client is None:
            self._client = self.place.client()
        return self._client


class Objects:
    """Objects below an address, by their keys; see `excerpt.Excerpt`. Any thread may read."""

    at_once = AT_ONCE

    def __init__(self, place: Address, keys: NDArray[np.bytes_], client: Any = None) -> None:
        self.place, self.keys = place, keys
        self._connection = Connection(place, client)

    def __reduce__(self) -> tuple[Any, ...]:
        return Objects, (self.place, self.keys)  # a client is its process's own

    def __len__(self) -> int:
        return len(self.keys)

    def read(self, index: int) -> Read:
        """Return an object as it is now.

        Raises
        ------
        OSError
            When it is not there any more, may not be read, or is too large.
        BottleneckError
            When the server or the credentials are at fault, so that all others will fail too.
        """
        import obstore  # noqa: PLC0415 - an extra, and for buckets alone

        key = bytes(self.keys[index]).decode()
        clock_ns = time.time_ns()
        try:
            with answers(self.place.at(key)):
                found = obstore.get(self._connection.client, key)
                check_size(found.meta["size"], key.encode())
                content = found.bytes().to_bytes()
        except PermissionDeniedError as error:
            raise of_one(error, key) from None
        return Read(content=content, stat=stat_of(found.meta), clock_ns=clock_ns)

    def head(self, index: int) -> bytes | None:
        """Return an object's first bytes; None where it cannot be read."""
        import obstore  # noqa: PLC0415 - an extra, and for buckets alone

        key = bytes(self.keys[index]).decode()
        try:
            with answers(self.place.at(key)):
                head = obstore.get_range(self._connection.client, key, start=0, length=HEAD_BYTES)
                return bytes(head.to_bytes())
        except FileNotFoundError:
            return None
        except PermissionDeniedError as error:
            of_one(error, key)
            return None


def of_one(error: PermissionDeniedError, key: str) -> OSError:
    """Return the error of one object that may not be read; what is wrong with all is raised."""
    if not error.what.startswith("not permitted"):
        raise error
    return OSError(errno.EACCES, error.what, key)
