"""Rows computed again on this machine, beside the ones that are stored.

A checksum proves that a row is the one that was written. That it is what the network computes of
the image, here and today, only computing it again proves.
"""

from __future__ import annotations

import hashlib
import itertools
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from bottleneck import engines
from bottleneck.core.errors import BottleneckError
from bottleneck.core.guest import as_guest
from bottleneck.core.reporter import SILENT
from bottleneck.core.sample import find
from bottleneck.data.undecodable import Limits
from bottleneck.pipeline.extraction.canaries import NOTHING
from bottleneck.pipeline.extraction.compute import Computer, EngineChoice, is_apart, made_by
from bottleneck.pipeline.extraction.flow import Reader, Seconds
from bottleneck.pipeline.extraction.sources import reopen_existing
from bottleneck.pipeline.extraction.spread import spread_of
from bottleneck.pipeline.network import network as networks
from bottleneck.pipeline.network.options import NetworkOptions

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from bottleneck.core.reporter import Reporter
    from bottleneck.data.source import Source
    from bottleneck.store.store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class RecomputeOptions:
    """How many rows are computed again, which, and with what."""

    number: int
    seed: int = 0
    engine: str = "auto"
    devices: str | None = None
    imports: tuple[str, ...] | None = None
    trust: bool | None = None


@dataclass(slots=True)
class Differences:
    """How far computed rows are from stored ones; the worst of each so far.

    `allowed` is how far in relative L2 a row may be, beside what rounding it to be stored did.
    """

    allowed: float = engines.check.FLOAT32_BOUND
    n_rows: int = 0
    max_abs: float = 0.0
    cosine: float = 1.0
    relative: float = 0.0
    bound: float | None = None
    ok: bool = True
    _room: float = field(default=-np.inf)  # how far the worst is beyond its bound

    def add(self, computed: NDArray[np.float32], stored: NDArray[Any]) -> None:
        """Take in rows (k, views, …), each view by itself: none must hide another."""
        now = computed.reshape(-1, *computed.shape[2:])
        then = stored.reshape(-1, *stored.shape[2:])
        agreement = engines.check.compare(now, then, self.allowed)
        flat = [a.reshape(len(a), -1).astype(np.float64) for a in (now, then)]
        with np.errstate(invalid="ignore", over="ignore"):
            off = np.abs(flat[0] - flat[1]).max(initial=0.0)
            norms = np.linalg.norm(flat[0], axis=1) * np.linalg.norm(flat[1], axis=1)
            products = (flat[0] * flat[1]).sum(axis=1)
        cosines = np.divide(products, norms, out=np.ones_like(norms), where=norms != 0)
        self.n_rows += len(computed)
        self.max_abs = float(np.fmax(self.max_abs, off)) if np.isfinite(off) else np.inf
        self.cosine = min(self.cosine, float(np.nan_to_num(cosines, nan=-1.0).min()))
        self.ok &= agreement.ok
        room = agreement.worst - agreement.bound if np.isfinite(agreement.worst) else np.inf
        if room > self._room:
            self._room = room
            self.relative, self.bound = agreement.worst, agreement.bound


@as_guest()
def recompute(
    store: Store, options: RecomputeOptions, reporter: Reporter = SILENT
) -> dict[str, Any]:
    """Compute rows of images that can be read now again, and compare them with the stored ones.

    Which images is decided by the seed and their digests. float32 must agree as an extraction's
    canaries must; reduced precision within the spread that its parts record.

    Returns
    -------
    dict
        asked, computed; max_abs, cosine (the smallest), relative (the worst L2 error), bound (what
        is rounding); within (whether all agree; None where nothing was compared, or nothing says
        what would be far), why (in words, where something is to be said); engine, device

    Raises
    ------
    DamagedError
        When a stored row is not the one that was written.
    BottleneckError
        When the network cannot be had.
    """
    spread = spread_of(store)
    found = Differences(allowed=engines.check.allowed(spread))
    report = {"asked": options.number, "computed": 0, "seed": options.seed}
    nothing = dict.fromkeys(("max_abs", "cosine", "relative", "bound", "within"))
    if not options.number or not store.state.parts:
        return {**report, **nothing, "why": "the store has no rows", **_by({})}
    computer: Computer | None = None
    for images, digests in _batches(store, options):
        if computer is None:
            computer = _computer(store, options, reporter)
        stored = store.recipe.views.apart(store.rows(digests))
        found.add(computer(images), stored)
    if computer is None:
        unread = "no image with a row can be read here and is still what it was"
        return {**report, **nothing, "why": unread, **_by({})}
    is_known = store.recipe.compute == "float32" or spread is not None
    return {
        **report,
        "computed": found.n_rows,
        "max_abs": found.max_abs,
        "cosine": found.cosine,
        "relative": found.relative,
        "bound": found.bound,
        "within": found.ok if is_known else None,
        "why": None if is_known else f"the parts record no spread of {store.recipe.compute}",
        **_by(computer.provenance),
    }


def _by(provenance: dict[str, Any]) -> dict[str, Any]:
    return {"engine": provenance.get("engine"), "device": provenance.get("device")}


def _reader(store: Store, source: Source) -> Reader:
    return Reader(
        source=source,
        image=store.recipe.image,
        views=store.recipe.views,
        limits=Limits(),
        has_row=lambda _: False,
        seconds=Seconds(),
    )


def _computer(store: Store, options: RecomputeOptions, reporter: Reporter) -> Computer:
    permissions = NetworkOptions(imports=options.imports or None, trust=options.trust or None)
    made = store.provenance()
    apart = is_apart(options.engine, options.devices, store)
    network = networks.resolve(permissions, store, reporter, is_apart=apart)
    return Computer(
        network=network,
        find_canaries=lambda: [NOTHING],
        choice=EngineChoice(
            name=options.engine,
            devices=options.devices,
            batch_size=made.get("batch") or network.batch_size,
            made_by=made_by(store),
            spread=spread_of(store),
            kept=store.derived,
        ),
        n_stores=0,
        views=store.recipe.views.number,
    )


def _batches(
    store: Store, options: RecomputeOptions
) -> Iterator[tuple[list[NDArray[np.uint8]], NDArray[np.uint8]]]:
    """Yield (views of images, their digests (k, 32)), so many of each as are computed at once."""
    size = max(1, int(store.provenance().get("batch") or 64) // store.recipe.views.number)
    chosen = itertools.islice(_images(store, options.seed), options.number)
    while batch := list(itertools.islice(chosen, size)):
        images, digests = zip(*batch, strict=True)
        yield list(images), np.array(digests)


def _images(store: Store, seed: int) -> Iterator[tuple[NDArray[np.uint8], NDArray[np.uint8]]]:
    """Yield (views, digest) of each image with a row that is still what it was, mixed by hash."""
    places: dict[bytes, tuple[Reader, int]] = {}
    for name, source in reopen_existing(store, None):
        samples = store.snapshot(name).samples
        try:
            listing = source.list()
        except BottleneckError:
            continue  # emptied, or damaged: there is nothing to read
        reader = _reader(store, source)
        at = find(listing.keys, samples.keys)
        with_row = samples.known & store.has(samples.digests) & (at >= 0)
        for i in np.flatnonzero(with_row):
            places.setdefault(samples.digests[i].tobytes(), (reader, int(at[i])))
    for digest in sorted(places, key=lambda digest: _mixed(seed, digest)):
        reader, index = places[digest]
        image = reader.image_of(index, digest)
        if image is not None:
            yield image, np.frombuffer(digest, np.uint8)


def _mixed(seed: int, digest: bytes) -> bytes:
    return hashlib.blake2b(b"%d %b" % (seed, digest), digest_size=8).digest()
