"""Damage: what a check found, and which images it concerns."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from bottleneck.core.digest import as_void
from bottleneck.core.errors import DamagedError
from bottleneck.core.sample import show_key
from bottleneck.core.text import PUTS_BACK
from bottleneck.store.lookup import Lookup
from bottleneck.store.part import Part, part_id

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from bottleneck.store.part import PartEntry
    from bottleneck.store.salvage import Salvaged
    from bottleneck.store.store import Store

MOST_KEYS = 20  # images that are named; how many there are is said
_NO_DIGESTS = np.zeros((0, 32), np.uint8)


@dataclass(frozen=True, slots=True, kw_only=True)
class Damage:
    """One thing whose bytes are not those that were written.

    Attributes
    ----------
    what : commit, recipe, part or snapshot
    name : its file's name; a snapshot's after its source's
    detail : what is wrong
    do : what to do
    rows_lost : rows that no repair brings back
    rows : their numbers in the part, as [first, last] pairs
    images : how many samples of the sources have no row for that
    keys : the first of these samples, as {source, key}
    commits : where only older commits name it, the first and the last of them
    """

    what: str
    name: str
    detail: str
    do: str = ""
    rows_lost: int = 0
    rows: list[list[int]] = field(default_factory=list)
    images: int = 0
    keys: list[dict[str, str]] = field(default_factory=list)
    commits: list[int] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        """Return it as a report holds it."""
        return asdict(self)


def with_advice(damage: Damage, path: Path, *, is_copied: bool) -> Damage:
    """Return the damage with what to do about it.

    Parameters
    ----------
    is_copied : whether this machine has a good copy of what a bucket lost
    """
    if damage.what == "recipe" and not damage.commits and not is_copied:
        do = (
            "restore this file from a backup, or extract into another --cache: nothing else says "
            "what the rows are"
        )
    else:
        do = f"run bottleneck verify --cache {path} --repair"
        if is_copied:
            do += f" here, {PUTS_BACK}"
        elif damage.images or damage.what == "snapshot":
            do += ", then bottleneck extract"
    return replace(damage, do=do)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BadPart:
    """A damaged part of the newest commit, and what of it is left."""

    entry: PartEntry
    detail: str
    left: Salvaged | None

    @property
    def n_good(self) -> int:
        """How many rows are good."""
        return 0 if self.left is None else len(self.left.good)

    @property
    def bad(self) -> NDArray[np.int64]:
        """The numbers of the rows that are lost."""
        good = np.zeros(0, np.int64) if self.left is None else self.left.good
        return np.setdiff1d(np.arange(self.entry.rows), good)

    @property
    def lost_digests(self) -> NDArray[np.uint8]:
        """The digests of the lost rows, as far as they can be read (and perhaps damaged)."""
        if self.left is None:
            return _NO_DIGESTS
        bad = self.bad
        return self.left.digests[bad[bad < len(self.left.digests)]]

    def names_its_images(self, recipe_id: str) -> bool:
        """Whether the digests are the ones that were written."""
        left = self.left
        return left is not None and (
            part_id(recipe_id, left.digests, left.checksums) == self.entry.id
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class WithoutRow:
    """Samples (n) whose images have no good row in any part."""

    sources: NDArray[Any]
    keys: list[bytes]
    digests: NDArray[np.uint8]

    def among(self, digests: NDArray[np.uint8]) -> NDArray[np.bool_]:
        """Return which samples have one of these digests."""
        if not len(digests) or not len(self.digests):
            return np.zeros(len(self.digests), bool)
        return np.isin(as_void(self.digests), as_void(digests))


def part_damages(store: Store, bad: Sequence[BadPart]) -> tuple[list[Damage], int]:
    """Return the damage of each bad part, and how many different images have lost their row.

    An image whose digest stands in a lost row has lost it. Where the digests themselves are
    damaged, the images that have no row, and that no other part names, are meant.
    """
    if not bad:
        return [], 0
    samples = _without_row(store, bad)
    named = np.concatenate([one.lost_digests for one in bad])
    is_lost = np.zeros(len(samples.keys), bool)
    damages = []
    for one in bad:
        mine = samples.among(one.lost_digests)
        if not one.names_its_images(store.state.recipe):
            mine |= ~samples.among(named)
        is_lost |= mine
        at = np.flatnonzero(mine)
        damages.append(
            Damage(
                what="part",
                name=one.entry.name,
                detail=one.detail,
                rows_lost=max(0, one.entry.rows - one.n_good),
                rows=spans(one.bad),
                images=len(at),
                keys=[_shown(samples, i) for i in at[:MOST_KEYS]],
            )
        )
    return damages, len(np.unique(as_void(samples.digests[is_lost])))


def _shown(samples: WithoutRow, position: int) -> dict[str, str]:
    return {"source": str(samples.sources[position]), "key": show_key(samples.keys[position])}


def spans(numbers: NDArray[np.int64]) -> list[list[int]]:
    """Return sorted numbers as [first, last] pairs."""
    if not len(numbers):
        return []
    cuts = np.flatnonzero(np.diff(numbers) != 1) + 1
    return [[int(run[0]), int(run[-1])] for run in np.split(numbers, cuts)]


def _without_row(store: Store, bad: Sequence[BadPart]) -> WithoutRow:
    good = [one.left.digests[one.left.good] for one in bad if one.left is not None]
    lookup = Lookup([*_digests_of_others(store, {one.entry.name for one in bad}), *good])
    names, keys, digests = list[str](), list[bytes](), [_NO_DIGESTS]
    for name in store.source_names:
        try:
            snapshot = store.snapshot(name)
        except DamagedError:
            continue  # it is found by itself
        samples = snapshot.samples
        aside = np.isin(samples.keys, np.array([e.key for e in snapshot.quarantine], "S"))
        at = np.flatnonzero(samples.known & ~aside & (lookup.find(samples.digests) < 0))
        names += [name] * len(at)
        keys += [bytes(key) for key in samples.keys[at]]
        digests.append(samples.digests[at])
    return WithoutRow(sources=np.array(names, object), keys=keys, digests=np.concatenate(digests))


def _digests_of_others(store: Store, names: set[str]) -> Iterator[NDArray[np.uint8]]:
    for entry in store.state.parts:
        if entry.name not in names:
            try:
                path = store.storage.fetch(entry.table, entry.files)
                yield Part(path, entry, store.state.recipe, store.recipe.rows).digests
            except DamagedError:
                continue  # whoever checks that part will find it
