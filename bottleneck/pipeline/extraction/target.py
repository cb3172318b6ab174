"""Where an extraction writes: the store as it stands by now, and its source's place in it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from bottleneck.core.digest import DIGEST_BYTES
from bottleneck.core.errors import BusyError, ConflictError, ExpiredError, RecipeError, UsageError
from bottleneck.pipeline.extraction.look import LOOKS
from bottleneck.pipeline.network.same_recipe import check_same
from bottleneck.store.log import Log, SetRecipe, SetSource

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from bottleneck.pipeline.extraction.options import ExtractOptions
    from bottleneck.pipeline.network.network import Network
    from bottleneck.store.claim import Claim
    from bottleneck.store.commit import Action
    from bottleneck.store.part import PartEntry
    from bottleneck.store.snapshot import Snapshot
    from bottleneck.store.store import Store

_NONE = np.zeros((0, DIGEST_BYTES), np.uint8)


def _nothing() -> None:
    pass


@dataclass(slots=True, eq=False)
class Target:
    """A store that is written to, at the newest commit of this run.

    Attributes
    ----------
    store_or_none : None where a dry run found no store
    recipe : the id of the recipe whose rows are written
    source : the source's name in it
    is_replacing : whether the store's recipe is another one, which the first commit replaces
    recorded : the snapshot that the newest commit names for the source, None where it has none
    seen : that snapshot's name, as this run saw it: others may move the source, and must be noticed
    is_shared : whether another run has committed since this one began
    before_commit : keeps what was learned of the images before the rows that it belongs to
    claim : on parts that no commit names yet, while there are any
    """

    store_or_none: Store | None
    recipe: str
    source: str
    is_replacing: bool
    recorded: Snapshot | None
    seen: str | None
    is_shared: bool = False
    before_commit: Callable[[], None] = _nothing
    claim: Claim | None = None

    @property
    def store(self) -> Store:
        """The store; a dry run does not get here without one."""
        assert self.store_or_none is not None
        return self.store_or_none

    @property
    def rows_store(self) -> Store | None:
        """The store whose rows serve this recipe; none while the recipe is being replaced."""
        return None if self.is_replacing else self.store_or_none

    @property
    def has_any_row(self) -> bool:
        """Whether there are rows that this run continues."""
        return self.rows_store is not None and bool(self.rows_store.state.parts)

    def has_row(self, digest: bytes) -> bool:
        """Whether there is a row for these bytes. Any thread may call."""
        store = self.rows_store
        return store is not None and bool(store.has(np.frombuffer(digest, np.uint8)[None])[0])

    def without_row(self, digests: NDArray[np.uint8]) -> NDArray[np.bool_]:
        """Return which of (n, 32) digests have no row yet, as (n,)."""
        store = self.rows_store
        return np.ones(len(digests), bool) if store is None else ~store.has(digests)

    def catch_up(self) -> None:
        """Go on from the newest commit, if it is another one; what it has need not be computed."""
        store = self.rows_store
        if store is None or not store.storage.is_due():
            return
        if Log(store.storage).has(store.state.number + 1):
            self._adopt(store.refresh())
            self.is_shared = True

    def _adopt(self, store: Store) -> None:
        """Go on from this commit, or from a newer one whose parts are all there.

        Rows are bound to the recipe of the store that they are written to: to one of another
        recipe, nothing that this run computes may ever be written.
        """
        for _ in range(LOOKS):
            if store.recipe.id != self.recipe:
                raise RecipeError(
                    "the store's recipe was replaced while this ran",
                    store.path,
                    "run the command again",
                )
            try:
                store.has(_NONE)  # opens the parts, before threads ask
            except ExpiredError:  # they were folded and collected just now
                store = store.refresh()
                continue
            self.store_or_none = store
            return
        raise BusyError("other runs keep replacing its parts", store.path, "run the command again")

    def provenance(self, key: str) -> Any:
        """Return what is recorded of the computation of the rows that are continued, or None."""
        return self.rows_store.provenance().get(key) if self.rows_store else None

    def claim_parts(self) -> None:
        """Keep gc of other machines from parts that no commit names yet, until `release`."""
        if self.claim is None:
            from bottleneck.store.claim import Claim  # noqa: PLC0415 - where there is work

            self.claim = Claim(self.store.storage)
            self.claim.begin()

    def release(self) -> None:
        """Claim nothing any more."""
        if self.claim is not None:
            self.claim.end()
            self.claim = None

    def require_parts(self, entries: Sequence[PartEntry]) -> None:
        """Raise ExpiredError where claimed parts are gone all the same, as after a sleep."""
        if self.claim is not None:
            self.claim.require(entries)

    def commit(self, actions: Sequence[Action]) -> None:
        """Commit actions on top of whatever the log says by now."""
        self.before_commit()
        before = self.store.state.number
        self._adopt(self.store.commit(actions, "extract"))
        self.is_shared |= self.store.state.number > before + 1

    def set_source(self, snapshot: Snapshot, network: Network) -> bool:
        """Record what the source is, and a recipe that is new; return whether that was news.

        Raises
        ------
        MovedError
            When another run set the source meanwhile.
        """
        is_news = self.recorded is None or not self.recorded.same_as(snapshot)
        if not is_news and not self.is_replacing:
            return False
        self._record(network, snapshot if is_news else None)
        self.recorded = snapshot
        self.seen = self.store.state.sources[self.source].snapshot
        return True

    def keep_source(self, network: Network) -> None:
        """Leave the source as another run recorded it; record only a recipe that is new."""
        if self.is_replacing:
            self._record(network, None)

    def refresh(self, network: Network, spec: Mapping[str, object]) -> None:
        """Go on from the newest commit, in which another run moved the source.

        Raises
        ------
        ConflictError
            When the name belongs to a source of another description by now.
        RecipeError
            When the store has another recipe by now.
        """
        self.is_shared = True
        self.keep_source(network)
        newest = self.store.refresh()
        _check_same(newest, network)
        self._adopt(newest)
        if self.source not in self.store.source_names:
            raise ConflictError(
                f"the source {self.source} was forgotten while this ran",
                self.source,
                "run the command again to add it again",
            )
        recorded = self.store.snapshot(self.source)
        if recorded.spec != spec:
            raise ConflictError(
                f"another run recorded other images as {self.source} meanwhile",
                self.store.path,
                "the rows are kept; run the command again with another --source NAME",
            )
        self.recorded = recorded
        self.seen = self.store.state.sources[self.source].snapshot

    def _record(self, network: Network, snapshot: Snapshot | None) -> None:
        """Commit the recipe, if it is new, and a snapshot; gc leaves both alone until then.

        The recipe may have been there for long, as one that nobody names any more. An object that
        is put in pieces is as old, to some servers, as the first of them.
        """
        from bottleneck.store.claim import claimed  # noqa: PLC0415 - where there is news

        actions: list[Action] = []
        with claimed(self.store.storage, at_once=self.is_replacing) as claim:
            if self.is_replacing:
                self.store.write_recipe(network.recipe, network.about)
                actions.append(SetRecipe(self.store.recipe.id, network.recipe.id))
            if snapshot is not None:
                entry = self.store.write_snapshot(snapshot)
                actions.append(SetSource(self.source, self.seen, entry))
                claim.require([entry])
            try:
                self.commit(actions)
            finally:  # gc that had asked for claims just before may have deleted it meanwhile
                if self.is_replacing:
                    self.store.write_recipe(network.recipe, network.about)
        self.is_replacing = False


def aim(options: ExtractOptions, store: Store | None, source: str, network: Network) -> Target:
    """Return the target of an extraction.

    Raises
    ------
    RecipeError
        When the store has another recipe, and nobody said to replace it.
    UsageError
        When the store has another format than was asked for.
    """
    is_replacing = store is not None and store.recipe.id != network.recipe.id
    if store is not None:
        if options.format not in (None, store.format):
            raise UsageError(
                f"the store's format is {store.format}",
                store.path,
                "omit --format, or say that one",
            )
        if is_replacing and not options.replace:
            _check_same(store, network)
    recorded = store.snapshot(source) if store and source in store.source_names else None
    seen = store.state.sources[source].snapshot if store and recorded else None
    return Target(store, network.recipe.id, source, is_replacing, recorded, seen)


def _check_same(store: Store, network: Network) -> None:
    said = (store.about, network.about)
    check_same(store.recipe, network.recipe, store.path, said=said)
