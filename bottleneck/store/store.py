"""A store at one commit: its recipe, its sources, its rows; and how it is written to."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from bottleneck.core.errors import DamagedError, DataError, ExpiredError, UsageError
from bottleneck.core.recipe import read_recipe_file
from bottleneck.core.sample import SPLITS
from bottleneck.core.sealed import read_own
from bottleneck.core.spare import spared
from bottleneck.store import history
from bottleneck.store.catalog import DEFAULT_FORMAT
from bottleneck.store.commit import State
from bottleneck.store.features import Features
from bottleneck.store.log import AddParts, Log
from bottleneck.store.lookup import Lookup, looked_up
from bottleneck.store.part import Part, PartEntry, write_part
from bottleneck.store.recipes import write_recipe
from bottleneck.store.snapshot import Snapshot, SnapshotEntry, read_snapshot, write_snapshot
from bottleneck.store.storage import storage_of
from bottleneck.store.table import ADVICE, load_format

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from bottleneck.core.recipe import Recipe
    from bottleneck.store.commit import Action
    from bottleneck.store.storage_protocol import Storage
    from bottleneck.store.table import Blocks


class Store:
    """A feature store, opened at one commit and staying there.

    Opening reads one file of the log and the recipe; parts are opened at first use and then stay
    readable, whatever gc deletes. Writing publishes files under new names and commits; it returns
    a new `Store` at the new commit.
    """

    def __init__(
        self, path: Path | str | Storage, state: State, before: Store | None = None
    ) -> None:
        self.storage = storage_of(path)
        self.path = self.storage.root
        self.state = state
        known = before.__dict__ if before else {}  # what is open stays so
        self._opened: dict[str, Part] = {p.entry.name: p for p in known.get("parts", ())}
        self._earlier: Lookup | None = known.get("_lookup")
        self._snapshots: dict[str, Snapshot] = {}
        recipe_path = self.storage.fetch(f"recipes/{state.recipe}.json")
        try:
            data = read_own(recipe_path, ADVICE)
        except FileNotFoundError as error:
            raise DamagedError("the recipe is missing", recipe_path, ADVICE) from error
        self.recipe: Recipe
        self.recipe, self.about = read_recipe_file(data, state.recipe, recipe_path)

    @staticmethod
    def is_there(path: Path) -> bool:
        """Whether a store is at `path`; False where one could be made.

        Raises
        ------
        UsageError
            When something else is there, or the path is an address that cannot be.
        """
        return storage_of(path).is_there()

    @staticmethod
    def prepare(path: Path) -> None:
        """Make the store's folder, so that its lock can be held.

        Raises
        ------
        UsageError
            For a name that is not UTF-8: reports and receipts could not tell of the store.
        """
        storage_of(path).prepare()

    @classmethod
    def create(
        cls, path: Path, recipe: Recipe, about: Mapping[str, Any], fmt: str = DEFAULT_FORMAT
    ) -> Store:
        """Make a store of no sources, or open the one that somebody else made meanwhile."""
        load_format(fmt)
        log, storage = Log(path), storage_of(path)
        storage.found()
        write_recipe(storage, recipe, about)
        return cls(path, log.create(State(format=fmt, recipe=recipe.id), "extract"))

    @classmethod
    def open(cls, path: Path | str, at: int | None = None) -> Store:
        """Open the store at its newest commit, or at commit `at`.

        Raises
        ------
        UsageError
            Not a store, of a newer format, or no commit of that number.
        DamagedError
            The commit or the recipe is damaged.
        """
        log = Log(path)
        if at is None:
            return cls(path, log.newest())
        numbers = log.numbers()
        if at not in numbers:
            known = f"{numbers[0]} to {numbers[-1]}" if numbers else "none"
            raise UsageError(f"no commit {at}", path, f"the log has {known}")
        return cls(path, log.at(at))

    def refresh(self) -> Store:
        """Return the store at its newest commit."""
        return self._at(Log(self.storage).newest())

    def _at(self, state: State) -> Store:
        if state.checksum == self.state.checksum:
            return self
        return Store(self.storage, state, self)

    # --- reading ------------------------------------------------------------------------------

    @property
    def format(self) -> str:
        """The format of its tables."""
        return self.state.format

    @property
    def source_names(self) -> list[str]:
        """The names of its sources, sorted."""
        return sorted(self.state.sources)

    @property
    def derived(self) -> Path:
        """The folder of files that can be deleted at any time."""
        return self.path / "derived"

    @property
    def runs(self) -> Path:
        """The folder of heads trained from here."""
        return self.path / "runs"

    def source_name(self, name: str | None, how: str = "name one with --source NAME") -> str:
        """Return `name`, or the one source there is.

        Parameters
        ----------
        how : how to name one, for an error

        Raises
        ------
        UsageError, DataError
            When there are several, or none of that name; when there is none at all.
        """
        names = self.source_names
        if name is None and len(names) == 1:
            return names[0]
        if name is None or name not in names:
            if not names:
                raise DataError("no source in it", self.path, "run bottleneck extract --data")
            problem = "which source?" if name is None else f"no source {name!r};"
            raise UsageError(f"{problem} there are {', '.join(names)}", self.path, how)
        return name

    def snapshot(self, name: str | None = None) -> Snapshot:
        """Return what a source was when last looked at; every byte is checked."""
        name = self.source_name(name)
        if name not in self._snapshots:
            entry = self.state.sources[name]
            try:
                read = read_snapshot(self.storage.fetch(entry.table, entry.files), entry)
            except DamagedError as error:
                raise self._expired_or(error) from error
            self._snapshots[name] = read
        return self._snapshots[name]

    @cached_property
    def parts(self) -> list[Part]:
        """The open parts."""
        try:
            entries = self.state.parts
            self.storage.fetch_all(e for e in entries if e.name not in self._opened)
            return [self._opened.get(entry.name) or self._part(entry) for entry in entries]
        except DamagedError as error:
            raise self._expired_or(error) from error

    def _part(self, entry: PartEntry) -> Part:
        path = self.storage.fetch(entry.table, entry.files)
        return Part(path, entry, self.state.recipe, self.recipe.rows)

    @cached_property
    def _lookup(self) -> Lookup:
        found = looked_up(self.parts, self._earlier, [*self._opened])
        self._earlier = None  # it may be large
        return found

    def _expired_or(self, error: DamagedError) -> DamagedError | ExpiredError:
        """Return the error that it is: something is missing because the log moved on, or damage."""
        if not Path(str(error.where)).exists():
            newest = Log(self.storage).newest()
            names = {part.name for part in newest.parts}
            names |= {entry.snapshot for entry in newest.sources.values()}
            if newest.number > self.state.number and not any(n in str(error.where) for n in names):
                return ExpiredError(
                    f"commit {self.state.number} was collected", self.path, "open the store again"
                )
        return error

    def part_handles(self) -> list[Any]:
        """Return each part as its format's own library opens it (zarr.Group, h5py.File), read-only.

        For dask, xarray and the like; the order is that of `parts`. The sizes of their files are
        checked, but not the rows that are then read: `verify` checks them.
        """
        return [load_format(self.format).handle(part.path) for part in self.parts]

    def has(self, digests: NDArray[np.uint8]) -> NDArray[np.bool_]:
        """Return which of the (n, 32) digests have a row, as (n,)."""
        return np.asarray(self._lookup.find(digests) >= 0)

    def rows(self, digests: NDArray[np.uint8]) -> NDArray[Any]:
        """Return the rows of (n, 32) digests as (n, …); ValueError where one has none."""
        return self.features_of(digests)[:]

    def provenance(self) -> dict[str, Any]:
        """Return what computed the newest rows (engine, device, versions, batch), if any."""
        return dict(self.parts[-1].provenance) if self.parts else {}

    def available(self, source: str | None = None, split: str | None = None) -> NDArray[np.int64]:
        """Return the positions of a source's samples that have a row, in order.

        Parameters
        ----------
        split : train, val or test; None for all
        """
        samples = self.snapshot(source).samples
        good = samples.known & self.has(samples.digests)
        if split is not None:
            if split not in SPLITS:
                raise UsageError(f"no split {split!r}", self.path, f"one of {', '.join(SPLITS)}")
            good &= samples.splits == SPLITS.index(split)
        return np.flatnonzero(good)

    def features(self, source: str | None = None, split: str | None = None) -> Features:
        """Return the features of a source's available samples, in the snapshot's order."""
        samples = self.snapshot(source).samples
        return self.features_of(samples.digests[self.available(source, split)])

    def arrays(
        self, source: str | None = None, split: str | None = None
    ) -> tuple[Features, NDArray[Any], NDArray[np.bytes_]]:
        """Return (X, y, keys) of the available samples, aligned.

        y is (n,) int32, -1 without a label; of labels or numbers (n, k) float32, NaN where one is
        not known.
        """
        samples = self.snapshot(source).samples
        at = self.available(source, split)
        y = samples.labels if samples.targets is None else samples.targets.values
        return self.features_of(samples.digests[at]), y[at], samples.keys[at]

    def features_of(self, digests: NDArray[np.uint8]) -> Features:
        """Return the features of (n, 32) digests, in that order; ValueError where one has none."""
        handles = self._lookup.find(digests)
        if (handles < 0).any():
            raise ValueError(f"{int((handles < 0).sum())} digests have no row")
        part_of, row_of = self._lookup.places(handles)
        return Features(self.parts, part_of, row_of, self.recipe.rows.shape, self.recipe.rows.dtype)

    # --- writing ------------------------------------------------------------------------------

    def write_part(
        self,
        digests: NDArray[np.uint8],
        rows: NDArray[Any] | Blocks,
        provenance: Mapping[str, Any],
        checksums: NDArray[np.uint32] | None = None,
    ) -> PartEntry:
        """Publish rows (n, …) of digests (n, 32), durable; a commit must still add them.

        `checksums` are given where the rows were checked against them already (folding).
        """
        folder, fmt, recipe = self.path / "parts", load_format(self.format), self.state.recipe
        entry = write_part(folder, fmt, recipe, digests, rows, provenance, checksums)
        self.storage.publish(entry.table)
        return entry

    def write_snapshot(self, snapshot: Snapshot) -> SnapshotEntry:
        """Publish a snapshot, durable; a commit must still set its source to it."""
        entry = write_snapshot(self.path / "snapshots", load_format(self.format), snapshot)
        self.storage.publish(entry.table)
        return entry

    def write_recipe(self, recipe: Recipe, about: Mapping[str, Any]) -> None:
        """Publish a recipe, durable; a commit must still set it."""
        write_recipe(self.storage, recipe, about)

    def add_part(self, *entries: PartEntry) -> AddParts:
        """Return the action that adds a part of this store's recipe, or several."""
        return AddParts(entries, self.state.recipe)

    def commit(self, actions: Sequence[Action], by: str) -> Store:
        """Commit actions on top of whatever the log says by now; return the store as it then is."""
        return self._at(Log(self.storage).commit(actions, by))

    def append_history(self, entry: Mapping[str, Any]) -> None:
        """Append one line about a run, with its checksum; where that cannot be done, it is said."""
        with spared(self.path / history.NAME):
            history.append(self.path, entry)

    def history(self) -> list[dict[str, Any]]:
        """Return what is recorded of runs, the oldest first; a line that is not whole is passed."""
        return history.read(self.path)
