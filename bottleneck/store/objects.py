"""A store in a bucket, by way of copies on this disk (`part_cache.py`).

The protocol is that of a disk. Commits and recipes are put under the condition that their name is
free; whoever finds it taken reads what stands there: its own bytes mean that an earlier try had
succeeded after all. Parts and snapshots have names of their own, so a put that is repeated puts
the same once more. Nothing is ever overwritten by other bytes.

A listing may be behind, so nothing rests on one alone: which number is free, the put itself says,
and a number that this machine knows of is asked for by its name.

Copies of commits and runs are as old as their objects, to the second, and are fetched anew where
age or size differ; a repair may have given a commit's number to another one.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import time
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bottleneck.core import copies, files
from bottleneck.core.errors import DamagedError, OccupiedError
from bottleneck.core.text import known_as
from bottleneck.store import inventory, part_cache, unsent
from bottleneck.store.anew import Anew
from bottleneck.store.bucket import Bucket, Seen, each, files_of
from bottleneck.store.inventory import COMMIT, Entry
from bottleneck.store.table import ADVICE
from bottleneck.store.unsent import RECEIPT

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from bottleneck.core.buckets import Address
    from bottleneck.store.inventory import Recorded

ROOMS = ("log", "parts", "snapshots", "recipes", "runs", "claims")  # what others see too
DUE_S = 5.0  # between two questions for the commits of others, while batches are computed
_RUN_FILE = re.compile(r"runs(/[A-Za-z0-9][A-Za-z0-9._-]{0,99}){2}")


class ObjectStorage:
    """A store in a bucket; see `Storage` for what each call promises."""

    # A server's clock may be 15 minutes from ours: beyond that it refuses what we sign.
    least_age_s = 1800.0

    def __init__(self, address: Address, root: Path) -> None:
        part_cache.check(root)
        self.root = root
        self.bucket = Bucket(address)
        self._listed: dict[str, Seen] = {}  # by name, of the last listing of each room
        self._last_commit = ""  # that is known to be there, whatever a listing says
        self._next_due = 0.0
        self._anew: Anew | None = None  # while a check runs
        known_as(str(self.root), str(address), but="derived")
        known_as(str(Path(str(address))), str(address))

    @property
    def location(self) -> str:
        """The address."""
        return str(self.bucket.address)

    # --- what is there ------------------------------------------------------------------------

    def is_there(self) -> bool:
        """Whether there is a log with commits; UsageError where something else is."""
        if self.newest("log"):
            return True
        for name, _ in self.bucket.listed(""):
            if name.split("/")[0] not in inventory.BEFORE_A_STORE | {"tmp"}:
                do = "choose another --cache"
                raise OccupiedError("a prefix that is no feature store", self.location, do)
        return False

    def prepare(self) -> None:
        """Make the folder of copies."""
        part_cache.make(self.root, self.bucket.address)

    def found(self) -> None:
        """Try whether a put can be conditional: without that, two writers would lose rows."""
        self.bucket.require_conditional_puts(f"tmp/{uuid.uuid4().hex}")

    def names(self, room: str) -> list[str]:
        """Return the names in a room; where there is none, there is no room."""
        found = sorted(self._list(room))
        if not found:
            raise FileNotFoundError(errno.ENOENT, "nothing is there", f"{self.location}/{room}")
        return found

    def newest(self, room: str) -> list[str]:
        """Return the last names of the log; of a listing that is behind, what is known besides."""
        known = max([self._last_commit, *self._copied(room)], default="")
        found = self._list(room, after=_before(known)) if known else {}
        if not any(map(COMMIT.fullmatch, found)):  # a repair took it away
            found = self._list(room)
        names = sorted(filter(COMMIT.fullmatch, found))
        if known and (not names or known > names[-1]):
            if self.has(f"{room}/{known}"):
                names.append(known)
            else:
                self._last_commit = ""
                files.delete(self.root / room / known)
        return names

    def _copied(self, room: str) -> list[str]:
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            return list(filter(COMMIT.fullmatch, os.listdir(self.root / room)))  # noqa: PTH208
        return []

    def entries(self, room: str) -> list[Entry]:
        """Return what is in a room, a table with its newest file's age."""
        return [Entry(name, seen.modified) for name, seen in sorted(self._list(room).items())]

    def _list(self, room: str, after: str | None = None) -> dict[str, Seen]:
        """List a room: name → age of its newest object, bytes of all."""
        found: dict[str, Seen] = {}
        for key, seen in self.bucket.listed(f"{room}/", after and f"{room}/{after}"):
            name, _, _ = key[len(room) + 1 :].partition("/")
            before = found.get(name, Seen(0, 0))
            newest = max(before.modified, seen.modified)
            found[name] = Seen(newest, before.n_bytes + seen.n_bytes)
        self._listed |= {f"{room}/{name}": seen for name, seen in found.items()}
        return found

    def is_due(self) -> bool:
        """Whether some seconds have passed since the last yes."""
        if time.monotonic() < self._next_due:
            return False
        self._next_due = time.monotonic() + DUE_S
        return True

    def has(self, name: str) -> bool:
        """Whether there is such an object."""
        return self.bucket.head(name) is not None

    def n_bytes(self, name: str) -> int:
        """Return the bytes of what was listed; of what is of this machine, those on its disk."""
        path = self.root / name
        if name.split("/")[0] not in ROOMS:
            return inventory.size_of(path)
        return self._listed.get(name, Seen(0, 0)).n_bytes

    # --- writing ------------------------------------------------------------------------------

    def create(self, name: str, data: bytes) -> None:
        """Put an object if its name is free."""
        if name.startswith("log/"):
            self._last_commit = max(self._last_commit, name[len("log/") :])
        self.bucket.create(name, data)

    def publish(self, *names: str) -> None:
        """Put whole tables, under names that are their own."""
        for name in names:
            found = files_of(name, self.root / name)
            each(lambda it: self.bucket.upload(*it), found.items())
        part_cache.evict(self.root)

    def take_in(self, name: str, path: Path, recorded: Mapping[str, Any]) -> None:
        """Put a table of another store."""
        inventory.check_files(path, recorded)
        each(lambda it: self.bucket.upload(*it), files_of(name, path).items())

    @property
    def new_runs(self) -> Path:
        """Apart from the copies: what is killed before it is sent is sent by the next command."""
        return self.root / unsent.ROOM

    def publish_run(self, name: str) -> Path:
        """Put a run's files under names that are free; what cannot be put there now is kept."""
        return unsent.send(self.bucket, self.root, name)

    def move(self, name: str, target: str) -> None:
        """Copy an object to a name that is free, then delete it."""
        data, _ = self.bucket.get(name)
        self.bucket.create(target, data)
        with contextlib.suppress(FileNotFoundError):
            if self.bucket.get(name)[0] == data:  # not what another repair made room for meanwhile
                self.bucket.delete([name])
        files.delete(self.root / name)

    def delete(self, *names: str) -> None:
        """Delete what has these names, and the copies; what is of this machine alone, there."""
        doomed = list[str]()
        for name in names:
            if name.endswith(".zarr"):
                doomed += [inner for inner, _ in self.bucket.listed(f"{name}/")]
            elif name.split("/")[0] in ROOMS:
                doomed.append(name)
        self.bucket.delete(doomed)
        for name in names:
            files.delete(self.root / name)

    # --- reading ------------------------------------------------------------------------------

    @contextlib.contextmanager
    def read_anew(self) -> Iterator[Anew]:
        """Fetch everything as it stands there, meanwhile; good copies stay."""
        self._anew = anew = Anew(self.bucket, self.root)
        try:
            yield anew
        finally:
            self._anew = None
            anew.end()

    def fetch(self, name: str, recorded: Mapping[str, Any] | None = None) -> Path:
        """Return where a copy is."""
        path = self.root / name
        if recorded is None:
            if self._anew is not None and name.startswith("recipes/"):
                return self._anew.recipe(name)
            if not self._is_current(name, path):
                self._fetch_file(name, path)
        elif self._anew is not None:
            return self._anew.fetch(name, recorded)
        else:
            self._fetch_tables({name: recorded})
        return path

    @contextlib.contextmanager
    def lent(self, name: str, recorded: Mapping[str, Any]) -> Iterator[Path]:
        """Yield where its copy is, or where it is meanwhile."""
        path = self.root / name
        is_here = part_cache.use(path)
        with contextlib.nullcontext(path) if is_here else self._downloaded(name, recorded) as found:
            if not found.exists():
                raise DamagedError("a file is missing", path, ADVICE)
            yield found

    def fetch_all(self, tables: Iterable[Recorded]) -> None:
        """Fetch tables, several at once."""
        if self._anew is None:  # a check has one at a time
            self._fetch_tables({table.table: table.files for table in tables})

    def run_names(self) -> list[str]:
        """Return the names of the runs whose receipt is there."""
        unsent.send_all(self.bucket, self.root)
        return sorted(name.split("/")[1] for name in self._runs() if name.endswith(f"/{RECEIPT}"))

    def fetch_runs(self) -> list[Path]:
        """Fetch the files of finished runs that are not here, or not as they are there.

        The copy of a run that somebody deleted there is not among them.
        """
        unsent.send_all(self.bucket, self.root)
        found = self._runs()
        finished = {name.rpartition("/")[0] for name in found if name.endswith(f"/{RECEIPT}")}
        beside = [name for name in found if name.rpartition("/")[0] in finished]
        each(self.fetch, [name for name in beside if not name.endswith(f"/{RECEIPT}")])
        each(self.fetch, [f"{run}/{RECEIPT}" for run in finished])  # the last, as when written
        return [self.root / run for run in sorted(finished)]

    def _runs(self) -> list[str]:
        """List the files of runs; whoever may write there chose their names."""
        seen = {name: it for name, it in self.bucket.listed("runs/") if _RUN_FILE.fullmatch(name)}
        self._listed |= seen
        return sorted(seen)

    def _is_current(self, name: str, path: Path) -> bool:
        """Whether a copy is as the last listing has it; a recipe never changes."""
        if self._anew is not None:
            return False
        try:
            stat = path.stat()
        except FileNotFoundError:
            return False
        there = Seen(int(stat.st_mtime), stat.st_size)
        return name.startswith("recipes/") or self._listed.get(name) == there

    def _fetch_file(self, name: str, path: Path) -> None:
        """Fetch a small object; where there is none, there is no copy either."""
        try:
            data, seen = self.bucket.get(name)
        except FileNotFoundError:
            files.delete(path)
            return
        part_cache.make(self.root, self.bucket.address, path.parent)
        temporary = files.temporary_name(path.parent)
        files.write_synced(temporary, data)
        copies.set_age(temporary, seen.modified)
        copies.take_place(temporary, path)
        self._listed[name] = seen

    def _fetch_tables(self, tables: Mapping[str, Mapping[str, Any]]) -> None:
        """Fetch the tables that are not here; what was not used for longest makes room first."""
        come = {name: it for name, it in tables.items() if not part_cache.use(self.root / name)}
        if come:
            part_cache.evict(self.root, room_for=sum(map(inventory.n_bytes, come.values())))
            each(lambda it: self._fetch_table(*it), come.items())

    def _fetch_table(self, name: str, recorded: Mapping[str, Any]) -> None:
        with self._downloaded(name, recorded) as temporary:
            if temporary.exists():
                copies.take_place(temporary, self.root / name)
            else:
                copies.discard(self.root / name)  # whoever opens it says that it is missing

    @contextlib.contextmanager
    def _downloaded(self, name: str, recorded: Mapping[str, Any]) -> Iterator[Path]:
        """Fetch a table under a temporary name; nothing is there where it is not to be had."""
        path = self.root / name
        part_cache.make(self.root, self.bucket.address, path.parent)
        temporary = files.temporary_name(path.parent, path.suffix)
        try:
            is_good = self.bucket.download(name, temporary, recorded)
            if temporary.exists() and not is_good:
                raise DamagedError("its bytes changed", path, ADVICE)
            yield temporary
        finally:
            files.delete(temporary)


def _before(name: str) -> str:
    """Return a name after which this one is the next, as a listing counts."""
    return f"{int(name[:8]) - 1:08d}.json"
