"""The network at work: opened when the first image needs it, and checked before it is believed.

Trust is measured. The first batch onto existing rows carries a few samples that have rows
already (canaries): another engine, another version, another decoder may differ by rounding and by
no more. If they differ by more, nothing has been written and nothing will be.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from bottleneck import backbones, engines
from bottleneck.core import generated
from bottleneck.core.errors import OtherRowsError, UsageError
from bottleneck.pipeline.extraction.canaries import N_CANARIES
from bottleneck.pipeline.extraction.flow import Busy, Seconds

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from bottleneck.engines.check import Agreement
    from bottleneck.engines.engine import Engine
    from bottleneck.pipeline.extraction.canaries import Canaries
    from bottleneck.pipeline.network.network import Network
    from bottleneck.store.store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineChoice:
    """Which engine is opened, and how.

    Attributes
    ----------
    name : the engine asked for, or auto
    devices : the device asked for; None for the best there is
    batch_size : pictures a call until the engine says otherwise
    may_grow : whether the engine may take larger batches, where that is faster
    made_by : the engine that made the rows that are there already
    kept : where engines keep what they can make again
    threads : of the processor that the engine may use; None: all that the process may
    spread : of reduced precision, what the rows that are there record of it
    """

    name: str
    devices: str | None
    batch_size: int
    may_grow: bool = False
    made_by: str | None = None
    kept: Path | None = None
    threads: int | None = None
    spread: Mapping[str, Any] | None = None


def is_apart(engine: str, devices: str | None, store: Store | None) -> bool:
    """Whether the engine that will compute has its network loaded in a process of its own.

    Parameters
    ----------
    store : whose rows are continued; None where there are none
    """
    return engines.catalog.loads_apart(engine, made_by=made_by(store), devices=devices)


def made_by(store: Store | None) -> str | None:
    """Return the engine that made the rows that are there, or that alone can make them."""
    if store is None:
        return None
    only = engines.catalog.engine_of(store.recipe.compute)
    return only or store.provenance().get("engine")


@dataclass(slots=True)
class Computer:
    """Rows of views of images, by an engine that is opened at the first call.

    Attributes
    ----------
    find_canaries : called once, before the first row is given out; those of each store
    n_stores : how many stores have rows already: the first batch leaves room for their canaries
    busy : counts the time of all calls
    views : pictures of each image, its views
    spans : of several cuts in one, where the numbers of each stand in a row
    checked : of each store how many canaries were checked and how well the worst agreed; None until
        they were
    refused : the stores by number whose canaries did not agree, and the error
    """

    network: Network
    find_canaries: Callable[[], Sequence[Canaries]]
    choice: EngineChoice
    n_stores: int
    busy: Busy = field(default_factory=lambda: Busy(Seconds()))
    views: int = 1
    spans: Sequence[slice] = (slice(None),)
    checked: list[dict[str, Any]] | None = None
    refused: dict[int, OtherRowsError] = field(default_factory=dict)
    _engine: Engine | None = None

    @property
    def batch_size(self) -> int:
        """Images, with all their views, that are computed at once."""
        size = self.choice.batch_size if self._engine is None else self._engine.batch_size
        return max(1, size // self.views)

    @property
    def room(self) -> int:
        """How many images the next call takes; the first leaves room for the canaries."""
        n_canaries = N_CANARIES * self.n_stores if self.checked is None else 0
        return max(1, self.batch_size - n_canaries)

    @property
    def lanes(self) -> int:
        """How many batches are computed side by side; 0 while none may be believed."""
        return 0 if self.checked is None else self.engine.lanes

    @property
    def canaries(self) -> dict[str, Any] | None:
        """What was checked for the one store, or the first; None until it was."""
        return None if self.checked is None else self.checked[0]

    @property
    def engine(self) -> Engine:
        """The engine; there is one after the first call."""
        assert self._engine is not None
        return self._engine

    def _open(self, sample: NDArray[np.uint8]) -> Engine:
        recipe = self.network.recipe
        return engines.catalog.open_engine(
            engines.catalog.within(self.choice.name, recipe.compute),
            engines.Frozen(
                recipe=recipe.id,
                size=recipe.image.size,
                channels=recipe.image.channels,
                batch_size=self.choice.batch_size,
                preprocess=lambda x: backbones.preprocessing.apply(recipe.preprocessing, x),
                model=lambda: self.network.backbone().model,
                portable=lambda: self.network.backbone().portable,
                traced=self.network.traced,
                reference=self.network.reference,
                sample=sample,
                kept=self.choice.kept,
                engines=self.network.engines,
                oracle=self.network.oracle,
                compute=recipe.compute,
                spread=self.choice.spread,
                may_grow=self.choice.may_grow,
                threads=self.choice.threads,
                compare=self._compare,
            ),
            made_by=self.choice.made_by,
            devices=self.choice.devices,
        )

    @property
    def provenance(self) -> dict[str, Any]:
        """What computes: engine, device, versions, batch shape; empty before anything did."""
        return {} if self._engine is None else dict(self._engine.provenance)

    def __call__(self, images: Sequence[NDArray[np.uint8]]) -> NDArray[np.float32]:
        """Return the (n, views, …) float32 rows of the views (views, height, width, 3) of n images.

        Raises
        ------
        OtherRowsError
            At the first call, when the canaries' rows come out otherwise than they are stored; of
            several stores, when those of all do.
        UsageError
            At the first call, for a network of the user's own that mixes the images of a batch.
        """
        with self.busy:
            return self._computed(images)

    def _computed(self, images: Sequence[NDArray[np.uint8]]) -> NDArray[np.float32]:
        if self._engine is None:
            self._engine = self._open(np.concatenate(images))
        if self.checked is None:
            found = self.find_canaries()
            before = [image for each in found for image in each.images]
            k = len(before)
            rows = self._rows([*before, *images])
            self._check_all(found, rows[:k])
            rows = rows[k:]
            if not k and self.network.is_users_own:
                self._check_neighbours(images, rows)
            return rows
        return self._rows(images)

    def _rows(self, images: Sequence[NDArray[np.uint8]]) -> NDArray[np.float32]:
        rows = self.engine(np.concatenate(images))
        return rows.reshape(len(images), self.views, *rows.shape[1:])

    def _check_neighbours(
        self, images: Sequence[NDArray[np.uint8]], rows: NDArray[np.float32]
    ) -> None:
        """Raise UsageError where an image has another row beside other images: one batch more.

        Rows that are there already show it by themselves: their canaries stand among others now.
        """
        n, height, width, channels = images[0].shape
        made = generated.pictures(N_CANARIES, (height, width), channels)
        others = np.resize(made, (max(2, self.engine.batch_size - n), *made.shape[1:]))
        # Other neighbours on both sides, and in the whole batch.
        batch = np.concatenate([others[:1], images[0], others[1:]])
        agreement = self._compare(self.engine(batch)[1 : n + 1], rows[0])
        if np.isfinite(rows[0]).all() and not agreement.ok:
            raise UsageError(
                "mixes the images of a batch: beside others an image has another row (relative "
                f"error {agreement.worst:.1e})",
                str(self.network.options.backbone),
                "save a network that computes each image by itself: nothing over its first axis",
            )

    @property
    def _bound(self) -> float:
        """How far rows may be from stored ones: rounding, or what fewer bits were seen to do."""
        return engines.check.allowed(self.provenance.get("spread"))

    def _compare(self, computed: NDArray[Any], stored: NDArray[Any]) -> Agreement:
        return engines.check.compare_each(self.spans)(computed, stored)

    def _check_all(self, found: Sequence[Canaries], rows: NDArray[np.float32]) -> None:
        checked = []
        at = 0
        for i, each in enumerate(found):
            end = at + len(each.images)
            try:
                checked.append(self._check(each, rows[at:end][..., each.span]))
            except OtherRowsError as error:
                self.refused[i] = error
                checked.append({"checked": end - at, "worst": None})
            at = end
        if len(self.refused) == len(found):
            raise self.refused[0]
        self.checked = checked

    def _check(self, found: Canaries, rows: NDArray[np.float32]) -> dict[str, Any]:
        if not len(rows):
            return {"checked": 0, "worst": None}
        # Each view by itself: one that is right must not hide one that is not.
        agreement = engines.check.compare(
            rows.reshape(-1, *rows.shape[2:]),
            found.rows.reshape(-1, *found.rows.shape[2:]),
            self._bound,
        )
        if not agreement.ok:
            now = self.provenance
            then = {key: found.provenance.get(key) for key in now}
            differing = [
                f"{key}: {now[key]} now, {then[key]} then" for key in now if now[key] != then[key]
            ]
            raise OtherRowsError(
                f"this machine computes other rows (relative error {agreement.worst:.1e}, "
                f"at most {agreement.bound:.1e} is rounding)",
                "nothing was written",
                "use the versions of then, or --replace, or another --cache",
                *differing,
            )
        return {"checked": len(rows), "worst": agreement.worst}
