"""The log: numbered commits, each the whole state of a store. The newest is the truth.

A commit is created exclusively (`Storage.create`), which fails when its number is taken. Losing
that race means: read the newest state and apply one's own actions to it. Each action has a
precondition on the state, so no clock is compared and no lock is needed.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar

from bottleneck.core import files
from bottleneck.core.errors import BusyError, ConflictError, DamagedError, RecipeError, UsageError
from bottleneck.core.sealed import read_own
from bottleneck.store.commit import commit_file, next_commit, read_commit
from bottleneck.store.inventory import COMMIT
from bottleneck.store.storage import storage_of
from bottleneck.store.table import ADVICE

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from bottleneck.store.commit import Action, State
    from bottleneck.store.part import PartEntry
    from bottleneck.store.snapshot import SnapshotEntry
    from bottleneck.store.storage_protocol import Storage

ATTEMPTS = 1000  # each lost race is somebody's progress; this many is a fault of ours
LAST_NUMBER = 99_999_999  # a name with more digits is no commit's: nobody would see it


class MovedError(ConflictError):
    """A source stands at another snapshot than this run saw: look again, try anew."""


@dataclass(frozen=True, slots=True)
class AddParts:
    """Add published parts, one at least; stops when the recipe is another one by then."""

    entries: tuple[PartEntry, ...]
    recipe: str

    def apply(self, state: State) -> State | None:
        """Return the state with the parts, or None where all are there already."""
        if state.recipe != self.recipe:
            what = "the store's recipe was replaced while this ran"
            raise RecipeError(what, self.entries[0].name, "run the command again")
        names = {part.name for part in state.parts}
        new = tuple(entry for entry in self.entries if entry.name not in names)
        return replace(state, parts=state.parts + new) if new else None

    def to_json(self) -> dict[str, Any]:
        """Return the action as the commit records it."""
        names = [entry.name for entry in self.entries]
        several = {"action": "add parts", "names": names}
        return several if len(names) > 1 else {"action": "add part", "name": names[0]}


@dataclass(frozen=True, slots=True)
class ReplaceParts:
    """Put parts B in the place of parts A; dropped unless all of A are still there."""

    old: tuple[str, ...]
    new: tuple[PartEntry, ...]

    def apply(self, state: State) -> State | None:
        """Return the state with B for A, or None."""
        names = {part.name for part in state.parts}
        if not set(self.old) <= names:
            return None
        # In the place of the last of them: parts stay in the order of their age.
        olds = [i for i, part in enumerate(state.parts) if part.name in self.old]
        end = olds[-1] + 1 if olds else len(state.parts)
        before = (part for part in state.parts[:end] if part.name not in self.old)
        return replace(state, parts=(*before, *self.new, *state.parts[end:]))

    def to_json(self) -> dict[str, Any]:
        """Return the action as the commit records it."""
        return {
            "action": "replace parts",
            "old": list(self.old),
            "new": [part.name for part in self.new],
        }


@dataclass(frozen=True, slots=True)
class SetSource:
    """Set a source from snapshot `before` (None: it was not there) to `after`."""

    name: str
    before: str | None
    after: SnapshotEntry

    def apply(self, state: State) -> State | None:
        """Return the state with the source at `after`.

        Raises
        ------
        ConflictError
            When the source was forgotten meanwhile.
        MovedError
            When it stands at another snapshot.
        """
        current = state.sources.get(self.name)
        if current is None and self.before is not None:
            raise ConflictError(
                f"the source {self.name} was forgotten while this ran",
                self.name,
                "run the command again to add it again",
            )
        if (current.snapshot if current else None) != self.before:
            raise MovedError(
                "another run recorded the source meanwhile", self.name, "run the command again"
            )
        return replace(state, sources={**state.sources, self.name: self.after})

    def to_json(self) -> dict[str, Any]:
        """Return the action as the commit records it."""
        return {
            "action": "set source",
            "source": self.name,
            "before": self.before,
            "after": self.after.snapshot,
        }


@dataclass(frozen=True, slots=True)
class DropSource:
    """Forget a source that stands at snapshot `before`."""

    name: str
    before: str

    def apply(self, state: State) -> State | None:
        """Return the state without the source; ConflictError unless it is as it was seen."""
        current = state.sources.get(self.name)
        if current is None or current.snapshot != self.before:
            raise ConflictError(
                f"the source {self.name} changed meanwhile",
                self.name,
                "check it with bottleneck status, then try again",
            )
        rest = {name: entry for name, entry in state.sources.items() if name != self.name}
        return replace(state, sources=rest)

    def to_json(self) -> dict[str, Any]:
        """Return the action as the commit records it."""
        return {"action": "drop source", "source": self.name, "before": self.before}


@dataclass(frozen=True, slots=True)
class SetRecipe:
    """Set the recipe from `before` to `after`; the old recipe's parts leave with it."""

    before: str
    after: str

    def apply(self, state: State) -> State | None:
        """Return the state under the new recipe; ConflictError unless it stands at `before`."""
        if state.recipe != self.before:
            raise ConflictError(
                "another run replaced the recipe meanwhile",
                self.after[:12],
                "check the store with bottleneck status, then try again",
            )
        return replace(state, recipe=self.after, parts=())

    def to_json(self) -> dict[str, Any]:
        """Return the action as the commit records it."""
        return {"action": "set recipe", "before": self.before, "after": self.after}


class Log:
    """The folder `log/` of a store; UsageError where its path is an address that cannot be."""

    NAME: ClassVar[str] = "log"

    def __init__(self, root: Path | str | Storage) -> None:
        self._storage = storage_of(root)
        self.folder = self._storage.root / self.NAME

    def path(self, number: int) -> Path:
        """Return where the commit of this number stands, once it was fetched."""
        return self.folder / f"{number:08d}.json"

    def name(self, number: int) -> str:
        """Return the name of the commit of this number."""
        return f"{self.NAME}/{number:08d}.json"

    def has(self, number: int) -> bool:
        """Whether there is a commit of this number."""
        return self._storage.has(self.name(number))

    def data(self, number: int) -> bytes:
        """Return the bytes of a commit as they stand there; raises what `at` does."""
        return read_own(self._storage.fetch(self.name(number)), ADVICE)

    def numbers(self) -> list[int]:
        """Return the numbers of the commits that are there, in order.

        Raises
        ------
        UsageError
            Where there is no log.
        """
        return self._numbers(self._storage.names)

    def _numbers(self, names: Callable[[str], list[str]]) -> list[int]:
        try:
            found = names(self.NAME)
        except (FileNotFoundError, NotADirectoryError) as error:
            raise not_a_store(self.folder.parent) from error
        return sorted(int(name[:8]) for name in found if COMMIT.fullmatch(name))

    def superseded(self, before: float) -> list[int]:
        """Return the numbers of the commits that were not the newest any more at a time, in order.

        A reader takes the newest commit there is, so what it took is as old as the commit that
        came after it: a commit of last month is young while it is the newest, and for a grace
        from then on. Times (seconds of the epoch) are what the file system says of the files;
        no commit was superseded before it was written, whatever a clock that was set back says.
        """
        entries = self._storage.entries(self.NAME)
        written = {int(e.name[:8]): e.modified for e in entries if COMMIT.fullmatch(e.name)}
        there = sorted(written)
        return [
            number
            for number, after in itertools.pairwise(there)
            if max(written[number], written[after]) < before
        ]

    def newest(self) -> State:
        """Return the newest commit. A damaged one is an error, never silently the one before."""
        while True:
            numbers = self._numbers(self._storage.newest)
            if not numbers:
                raise not_a_store(self.folder.parent)
            try:
                return self.at(numbers[-1])
            except FileNotFoundError:  # moved aside between listing and reading
                continue

    def at(self, number: int) -> State:
        """Return the commit of this number; its checksum is computed anew.

        Raises
        ------
        FileNotFoundError
            When there is none.
        DamagedError
            When its bytes are not the ones that were written.
        UsageError
            When a newer program wrote it.
        """
        path = self.path(number)
        state = read_commit(self.data(number), path)
        if state.number != number:
            raise DamagedError(f"holds commit {state.number}", path, ADVICE)
        return state

    def commit(self, actions: Sequence[Action], by: str) -> State:
        """Append a commit of these actions to the newest state; return the state that is there.

        The newest state is read anew, also where its number is one that was read before: a repair
        may have moved that commit aside, and another run taken the number. Actions that find their
        work done or undone drop themselves; when none is left, nothing is written and the newest
        state is returned.

        Raises
        ------
        RecipeError, ConflictError, MovedError
            When an action's precondition does not hold.
        """
        for _ in range(ATTEMPTS):
            before = self.newest()
            after, done = before, list[dict[str, Any]]()
            for action in actions:
                applied = action.apply(after)
                if applied is not None:
                    after, done = applied, [*done, action.to_json()]
            if not done:
                return before
            if before.number >= LAST_NUMBER:
                do = "it was not counted up to that: check who wrote it, and make another --cache"
                raise DamagedError("no commit can follow the last number", self.folder, do)
            state = next_commit(after, before, done, by)
            if self._put(state):
                return state
        raise BusyError(f"lost {ATTEMPTS} races", self.folder, "run the command again")

    def create(self, state: State, by: str) -> State:
        """Write commit 1, or return the newest state if somebody else was first."""
        files.make_folder(self.folder)
        first = next_commit(state, None, [{"action": "create"}], by)
        return first if self._put(first) else self.newest()

    def _put(self, state: State) -> bool:
        try:
            self._storage.create(self.name(state.number), commit_file(state))
        except FileExistsError:
            # A network file system may report a failure for a link that was made after all.
            return self.has(state.number) and self._is_ours(state)
        return True

    def _is_ours(self, state: State) -> bool:
        try:
            return self.at(state.number).write_id == state.write_id
        except (DamagedError, FileNotFoundError):
            return False


def not_a_store(path: Path) -> UsageError:
    """Return the error for a folder that is no store."""
    return UsageError("not a feature store", path, "make one with bottleneck extract --cache")
