"""Where a store's bytes live: on this disk, or in a bucket with a copy on this disk.

Everything in `store/` works on files below `Storage.root`. A storage sees to it that what is read
is there (`fetch`), and that what was written is where others find it (`publish`, `create`). On a
disk both are one: `LocalStorage` fetches and publishes nothing. `objects.py` is the other.

Names are relative to the store, with `/`: `parts/0123….h5`. What is derived, the lock and the
history are files of this machine in either case.
"""

from __future__ import annotations

import contextlib
import logging
import os
from typing import TYPE_CHECKING, Any

from bottleneck.core import files
from bottleneck.core.errors import DamagedError, OccupiedError, UsageError
from bottleneck.core.paths import local_path
from bottleneck.core.text import printable
from bottleneck.store.inventory import BEFORE_A_STORE, COMMIT, COPY_OF, Entry, pieces, size_of
from bottleneck.store.table import ADVICE, bad_bytes_are_damage

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from contextlib import AbstractContextManager
    from pathlib import Path

    from bottleneck.store.inventory import Recorded
    from bottleneck.store.storage_protocol import Storage

log = logging.getLogger(__name__)


class LocalStorage:
    """A store on this disk."""

    __slots__ = ("root",)
    least_age_s = 600.0

    def __init__(self, root: Path) -> None:
        self.root = root

    @property
    def location(self) -> str:
        """What opens this store again."""
        return str(self.root.absolute())

    def is_there(self) -> bool:
        """Whether there is a log with commits."""
        if self._has_commits():
            return True
        if not self.root.exists():
            return False
        do = "choose another --cache"
        if not self.root.is_dir():
            raise OccupiedError("a file, and no feature store", self.root, do)
        is_other = bool(set(os.listdir(self.root)) - BEFORE_A_STORE)  # noqa: PTH208 - as below
        if is_other and not self._has_commits():  # nor was it made just now
            raise OccupiedError("a folder that is no feature store", self.root, do)
        return False

    def _has_commits(self) -> bool:
        try:
            return any(map(COMMIT.fullmatch, self.names("log")))
        except (FileNotFoundError, NotADirectoryError):
            return False

    def _require_own(self) -> None:
        """Raise UsageError for copies of a bucket: what is written here alone would be lost."""
        if (self.root / COPY_OF).exists():
            do = "name the address that its file copy-of has"
            raise UsageError("holds copies of a store in a bucket", self.root, do)

    def prepare(self) -> None:
        """Make the folder; UsageError for a name that reports and receipts could not hold."""
        self._require_own()
        try:
            str(self.root).encode()
        except UnicodeEncodeError:
            shown = printable(str(self.root))
            raise UsageError("its name is not UTF-8", shown, "give the store another") from None
        files.make_folder(self.root)

    def found(self) -> None:
        """Do nothing: links are exclusive, and where there are none, a lock is."""

    def names(self, room: str) -> list[str]:
        """Return the names in a folder."""
        return os.listdir(self.root / room)  # noqa: PTH208 - names are all it takes

    newest = names

    def entries(self, room: str) -> list[Entry]:
        """Return what is in a folder, hidden files included."""
        found = []
        for path in sorted((self.root / room).glob("*")):
            try:
                found.append(Entry(path.name, path.lstat().st_mtime))
            except FileNotFoundError:  # somebody else's gc, or a temporary name
                continue
        return found

    def has(self, name: str) -> bool:
        """Whether there is such a file."""
        return (self.root / name).exists()

    def is_due(self) -> bool:
        """Say yes: it costs a call of the system."""
        return True

    def create(self, name: str, data: bytes) -> None:
        """Create a file exclusively: by a link, else under a lock."""
        self._require_own()
        path = self.root / name
        try:
            files.create(path, data)
        except files.NoHardLinksError:
            if not name.startswith("log/"):
                # Needs no lock: whoever takes this name at the same time writes the same bytes.
                files.create_under_lock(path, data)
                return
            if name == "log/00000001.json":
                log.warning("%s has no hard links: writers take turns by a lock", path.parent)
            from filelock import FileLock  # noqa: PLC0415 - 10 ms, for such file systems

            with FileLock(path.parent / "lock"):
                files.create_under_lock(path, data)

    def publish(self, *names: str) -> None:
        """Do nothing: it is where others look."""

    def take_in(self, name: str, path: Path, recorded: Mapping[str, Any]) -> None:
        """Copy a table, reading and writing it a piece at a time."""
        files.make_folder((self.root / name).parent)
        temporary = files.temporary_name((self.root / name).parent, path.suffix)
        try:
            for inner, expected in recorded.items():
                file = temporary / inner
                files.make_folder(file.parent, is_temporary=True)
                with bad_bytes_are_damage(path):
                    if files.write_synced(file, pieces(path / inner)) != expected:
                        raise DamagedError("its bytes changed", path / inner, ADVICE)
            files.delete(self.root / name)
            files.publish(temporary, self.root / name, are_files_synced=True)
        finally:
            files.delete(temporary)

    @property
    def new_runs(self) -> Path:
        """Where others look: a run gets its name whole."""
        return self.root / "runs"

    def publish_run(self, name: str) -> Path:
        """Do nothing: it is where others look."""
        return self.new_runs / name

    def fetch(self, name: str, recorded: Mapping[str, Any] | None = None) -> Path:
        """Return its path."""
        return self.root / name

    def lent(self, name: str, recorded: Mapping[str, Any]) -> AbstractContextManager[Path]:
        """Return its path."""
        return contextlib.nullcontext(self.root / name)

    def fetch_all(self, tables: Iterable[Recorded]) -> None:
        """Do nothing: they are there."""

    def run_names(self) -> list[str]:
        """Return the names of the finished runs; what is not finished has a temporary name."""
        found = (path.parent.name for path in self.root.glob("runs/*/run.json"))
        return sorted(name for name in found if not name.startswith(files.TEMPORARY_PREFIX))

    def fetch_runs(self) -> list[Path]:
        """Return where they are."""
        return [self.new_runs / name for name in self.run_names()]

    def move(self, name: str, target: str) -> None:
        """Rename it, durably."""
        self._require_own()
        files.move(self.root / name, self.root / target)

    def n_bytes(self, name: str) -> int:
        """Return its size, or that of the files in it."""
        return size_of(self.root / name)

    def delete(self, *names: str) -> None:
        """Delete them."""
        self._require_own()
        for name in names:
            files.delete(self.root / name)

    def read_anew(self) -> AbstractContextManager[None]:
        """Do nothing: there is no other copy."""
        return contextlib.nullcontext()


def is_table_there(storage: Storage, recorded: Recorded) -> bool:
    """Whether a table is where others look: a folder is published whole, so one file tells."""
    inner = next(iter(recorded.files))
    return storage.has(f"{recorded.table}/{inner}".rstrip("/"))


# By the process and the folder that its copy is in. A process that was forked cannot use what the
# other opened; the copies themselves are a store on a disk to it, as far as they were fetched.
_opened: dict[tuple[int, str], Storage] = {}


def storage_of(path: Path | str | Storage) -> Storage:
    """Return where the store at a path or an address lives, or what was returned before.

    Raises
    ------
    UsageError
        For an address of another kind, or one that cannot be.
    MissingDependencyError
        For a bucket, without what reads it.
    """
    if not isinstance(path, str | os.PathLike):
        return path
    text = os.fspath(path)
    if known := _opened.get((os.getpid(), text)):
        return known
    if ":/" in text:
        from bottleneck.core.buckets import address  # noqa: PLC0415 - for buckets alone

        place = address(text)
        if place is not None:
            from bottleneck.store.objects import ObjectStorage  # noqa: PLC0415 - as above
            from bottleneck.store.part_cache import folder_of  # noqa: PLC0415 - as above

            root = folder_of(place)
            found = _opened.get((os.getpid(), str(root))) or ObjectStorage(place, root)
            return _opened.setdefault((os.getpid(), str(root)), found)
    return LocalStorage(local_path(path))
