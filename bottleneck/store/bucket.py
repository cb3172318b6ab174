"""The objects below an address: listed, read and written, with what a network does to each.

obstore tries again by itself what may be asked twice. What is done here is the rest: a put whose
answer was lost may have succeeded, and is then no rival of itself; the bytes that come are read
some requests ahead; and a listing is one answer among others, that may be behind.
"""

from __future__ import annotations

import contextlib
import errno
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from bottleneck.core import files
from bottleneck.core.buckets import answers, require_same_process
from bottleneck.core.errors import BottleneckError, UnavailableError, UsageError
from bottleneck.store.inventory import table_files

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from pathlib import Path

    from bottleneck.core.buckets import Address

CHUNK_BYTES = 8 << 20  # that much in one request: it must pass within the client's 30 s
AT_ONCE = 8
TRIES = 4  # beyond those of the client, each of which takes its time
PAUSE_S = 0.1  # doubled after each try
PATIENCE_S = 45.0  # after which none begins: of a server that says nothing, one takes two minutes
T = TypeVar("T")
S = TypeVar("S")


class Seen(NamedTuple):
    """An object as a listing or an answer has it."""

    modified: int  # seconds of the epoch; servers give fractions in some answers alone
    n_bytes: int


class Bucket:
    """What is below an address. Any thread may call."""

    def __init__(self, address: Address) -> None:
        self.address = address
        self._client = address.client()

    @property
    def _objects(self) -> Any:
        """The module."""
        require_same_process(self.address)
        import obstore  # noqa: PLC0415 - for buckets alone

        return obstore

    def listed(self, prefix: str, after: str | None = None) -> Iterator[tuple[str, Seen]]:
        """Yield (name, what is seen of it) of the objects below a prefix that ends with /."""
        with answers(self.address):  # people know the address, not the rooms
            for batch in self._objects.list(self._client, prefix or None, offset=after):
                yield from ((meta["path"], _seen(meta)) for meta in batch)

    def head(self, name: str) -> Seen | None:
        """Return what is seen of an object; None where there is none."""
        with contextlib.suppress(FileNotFoundError), answers(self.address.at(name)):
            return _seen(self._objects.head(self._client, name))
        return None

    def get(self, name: str) -> tuple[bytes, Seen]:
        """Return an object's bytes; FileNotFoundError where there is none."""
        with answers(self.address.at(name)):
            found = self._objects.get(self._client, name)
            return bytes(found.bytes()), _seen(found.meta)

    def pieces(self, name: str, n_bytes: int) -> Iterator[bytes]:
        """Yield an object's bytes, some requests ahead.

        Parameters
        ----------
        n_bytes : how many there should be; all there are come in any case
        """
        if n_bytes <= CHUNK_BYTES:
            yield self.get(name)[0]
            return
        where = self.address.at(name)
        with answers(where):
            there = int(self._objects.head(self._client, name)["size"])

        def piece(start: int) -> bytes:
            end = min(start + CHUNK_BYTES, there)
            with answers(where):
                return bytes(self._objects.get_range(self._client, name, start=start, end=end))

        starts = range(0, there, CHUNK_BYTES)
        with ThreadPoolExecutor(AT_ONCE) as pool:
            for first in range(0, len(starts), AT_ONCE):
                yield from pool.map(piece, starts[first : first + AT_ONCE])

    def download(self, name: str, path: Path, recorded: Mapping[str, Any]) -> bool:
        """Write a table's files at `path`, as far as they are there.

        Parameters
        ----------
        recorded : its files, as a commit records them

        Returns
        -------
        Whether they are the ones that were recorded.
        """
        is_good = True
        for inner, (n_bytes, digest) in recorded.items():
            file = path / inner
            files.make_folder(file.parent, is_temporary=True)
            pieces = self.pieces(f"{name}/{inner}".rstrip("/"), n_bytes)
            try:
                is_good &= files.write_synced(file, pieces) == [n_bytes, digest]
            except FileNotFoundError:
                files.delete(file)
                is_good = False
        return is_good

    def create(self, name: str, data: bytes) -> None:
        """Put an object if its name is free, else FileExistsError; an earlier try is no rival."""
        where, objects = self.address.at(name), self._objects
        said = UnavailableError("a name is taken, and nothing is there", where, "try again later")
        for _ in _tries():
            try:
                with answers(where):
                    objects.put(self._client, name, data, mode="create", use_multipart=False)
            except UnavailableError as error:  # it may have succeeded nevertheless, or may still
                said = error
            except objects.exceptions.AlreadyExistsError:
                pass
            else:
                return
            with contextlib.suppress(UnavailableError, FileNotFoundError):
                if self.get(name)[0] == data:
                    return
                raise FileExistsError(errno.EEXIST, "name exists", str(where))
        raise said

    def require_conditional_puts(self, name: str) -> None:
        """Raise UsageError unless a put may ask that its name is free; this one is tried."""
        do = "use a bucket whose server honours If-None-Match on PUT (S3, GCS, Azure, MinIO, R2 do)"
        refusal = UsageError("the bucket has no conditional puts", self.address, do)
        try:
            self.create(name, b"1")
            with contextlib.suppress(FileExistsError):
                self.create(name, b"2")
                raise refusal
        except UsageError as error:
            raise refusal if "cannot do this" in error.what else error from None
        finally:
            with contextlib.suppress(BottleneckError):
                self.delete([name])

    def upload(self, name: str, path: Path) -> None:
        """Put a file, in pieces where it is large; its name is nobody else's."""
        where = self.address.at(name)
        said: Exception = UnavailableError("nothing was put", where, "run the same command again")
        for _ in _tries():
            try:
                with answers(where):
                    self._objects.put(self._client, name, path, chunk_size=CHUNK_BYTES)
            except (UnavailableError, FileNotFoundError) as error:
                # The end of an upload in pieces may be asked for twice: the second time, of what
                # had succeeded, the server says that there is no such upload.
                if self._n_bytes(name) == path.stat().st_size:
                    return
                said = error
            else:
                return
        raise said

    def _n_bytes(self, name: str) -> int | None:
        with contextlib.suppress(BottleneckError):
            seen = self.head(name)
            return seen and seen.n_bytes
        return None

    def delete(self, names: list[str]) -> None:
        """Delete objects; what is gone already is no error."""
        with contextlib.suppress(FileNotFoundError), answers(self.address):
            if names:
                self._objects.delete(self._client, names)


def _tries() -> Iterator[int]:
    """Yield the number of each try, after a pause from the second on."""
    until = time.monotonic() + PATIENCE_S
    for attempt in range(TRIES):
        if attempt:
            if time.monotonic() > until:
                return
            time.sleep(PAUSE_S * 2 ** (attempt - 1))
        yield attempt


def _seen(meta: Any) -> Seen:
    return Seen(int(meta["last_modified"].timestamp()), int(meta["size"]))


def files_of(name: str, path: Path) -> dict[str, Path]:
    """Return the files of a table or a run, by the names of their objects."""
    return {f"{name}/{inner}".rstrip("/"): file for inner, file in table_files(path).items()}


def each(do: Callable[[T], S], of: Iterable[T]) -> list[S]:
    """Do something for several, some at once; what goes wrong first is raised."""
    items = list(of)
    if len(items) < 2:
        return [do(item) for item in items]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(do, items))
