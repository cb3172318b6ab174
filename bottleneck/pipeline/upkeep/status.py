"""Status: what a store holds; with `check`, whether its sources are still what was recorded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from bottleneck.core.errors import BottleneckError, UsageError
from bottleneck.core.sample import NO_LABEL, SPLITS, find, key_array, show_key
from bottleneck.core.text import as_known
from bottleneck.data.catalog import reopen
from bottleneck.pipeline.extraction.look import look, recorded_samples
from bottleneck.pipeline.extraction.plan import is_as_it_failed, set_aside, unique_count
from bottleneck.pipeline.extraction.reading import guard_reading
from bottleneck.pipeline.extraction.saying import source_values
from bottleneck.pipeline.extraction.spread import spread_of
from bottleneck.pipeline.network.recipe_words import recipe_values
from bottleneck.pipeline.pages.engines import engines
from bottleneck.pipeline.upkeep.last_runs import last_runs, with_age
from bottleneck.pipeline.upkeep.left_out import left_out, same_bytes
from bottleneck.store.store import Store

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from bottleneck.core.sample import Samples


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusOptions:
    """What `bottleneck status` is asked for; the words of its command line."""

    cache: Path
    source: str | None = None
    why: str | None = None
    check: bool = False
    max_age_s: float | None = None  # of the last good run, for `check`
    history: bool = False
    draw: bool = False
    picture: Path | None = None  # where it is drawn; None: among the store's derived files


def status(options: StatusOptions) -> dict[str, Any]:
    """Return what the store holds (DESIGN's keys), and what `why` and `check` ask."""
    store = Store.open(options.cache)
    names = [store.source_name(options.source)] if options.source else store.source_names
    ran = last_runs(store.path, names)
    sources = [{**_source(store, name), **ran[name]} for name in names]
    runs = store.storage.run_names()
    report: dict[str, Any] = {
        "verb": "status",
        "store": as_known(str(options.cache)),
        "format": store.format,
        "commit": store.state.number,
        "time": store.state.time,
        "recipe": store.recipe.id,
        "about": store.about,
        "network": recipe_values(store.recipe, store.about),
        "views": store.recipe.views.number,
        "sources": sources,
        "rows": sum(entry.rows for entry in store.state.parts),
        "bytes": sum(entry.n_bytes for entry in store.state.parts),
        "parts": len(store.state.parts),
        "engines": engines(store),
        "spread": spread_of(store),
        "runs": runs,
    }
    if options.why is not None:
        report["why"] = _why(store, names, options.why)
    if options.check:
        limit = options.max_age_s
        report["check"] = {name: with_age(_check(store, name), ran[name], limit) for name in names}
    if options.history:
        report["history"] = store.history()
    if options.draw:
        from bottleneck.pipeline.pages.feature_picture import write_picture  # noqa: PLC0415 - when asked

        report["picture"] = str(write_picture(store, options.source, options.picture))
    return report


def _source(store: Store, name: str) -> dict[str, Any]:
    snapshot, samples = store.snapshot(name), recorded_samples(store, name)
    with_row = samples.known & store.has(samples.digests)
    aside = set_aside(snapshot.quarantine, samples, with_row)
    untrained = left_out(samples, with_row)
    reason_of = {entry.key: entry.reason for entry in snapshot.quarantine}
    return {
        "name": name,
        "spec": dict(snapshot.spec),
        "samples": len(samples),
        "unique": unique_count(samples),
        "duplicates": int(samples.known.sum()) - unique_count(samples),
        "cached": int(with_row.sum()),
        "pending": int((~with_row & ~aside).sum()),
        "unread": int((~samples.known & ~aside).sum()),
        "quarantined": [
            {"key": show_key(key), "reason": reason_of[key]}
            for key in map(bytes, samples.keys[aside])
        ],
        **source_values(samples),
        "understood": dict(snapshot.understood),
        "conflicting": _keys(samples, untrained.conflicting),
        "leaking": _keys(samples, untrained.leaking),
        "leaking_by_group": _keys(samples, untrained.of_group),
    }


def _keys(samples: Samples, positions: NDArray[np.int64]) -> list[str]:
    return [show_key(bytes(key)) for key in samples.keys[positions]]


def _why(store: Store, names: list[str], key: str) -> dict[str, Any]:
    """Say all that is known of one image."""
    wanted = key_array([key.encode("utf-8", "surrogateescape")])
    for name in names:
        snapshot, samples = store.snapshot(name), recorded_samples(store, name)
        if not _has(store, name, wanted):
            continue
        (at,) = find(samples.keys, wanted.astype(samples.keys.dtype))
        digest = samples.digests[at]
        known = bool(samples.known[at])
        has_row = known and bool(store.has(digest[None])[0])
        reasons = [
            entry.reason
            for entry in snapshot.quarantine
            if entry.key == wanted[0] and not has_row and is_as_it_failed(entry, samples, int(at))
        ]
        untrained = left_out(samples, samples.known & store.has(samples.digests))
        return {
            "key": key,
            "source": name,
            "digest": digest.tobytes().hex() if known else None,
            "class": _class(samples, at),
            "targets": _targets(samples, int(at)),
            "group": _group(samples, int(at)),
            "split": SPLITS[samples.splits[at]],
            "row": has_row,
            "quarantined": reasons[0] if reasons else None,
            "same_bytes": [_twin(samples, other) for other in same_bytes(samples, at)],
            "conflicting": at in untrained.conflicting,
            "leaking": at in untrained.leaking,
            "leaking_by_group": at in untrained.of_group,
            "means": _meaning(known=known, has_row=has_row, reasons=reasons),
            "also_in": [other for other in names if other != name and _has(store, other, wanted)],
        }
    raise UsageError(
        f"no image {key!r}", store.path, "a key is the image's path below the source's folder"
    )


def _class(samples: Samples, position: int) -> str | None:
    label = int(samples.labels[position])
    return samples.classes[label] if label != NO_LABEL else None


def _targets(samples: Samples, position: int) -> dict[str, float | None] | None:
    """Return each label or number of a sample, None where it is not known; None of classes."""
    if samples.targets is None:
        return None
    values = samples.targets.values[position].tolist()
    return {
        name: None if value != value else value
        for name, value in zip(samples.targets.names, values, strict=True)
    }


def _group(samples: Samples, position: int) -> str | None:
    number = -1 if samples.groups is None else int(samples.groups.numbers[position])
    return samples.groups.names[number] if samples.groups is not None and number >= 0 else None


def _has(store: Store, name: str, wanted: NDArray[np.bytes_]) -> bool:
    """Whether a source has an image of this key."""
    keys = recorded_samples(store, name).keys
    (at,) = find(keys, wanted.astype(keys.dtype))
    return bool(at >= 0 and keys[at] == wanted[0])


def _twin(samples: Samples, position: int) -> dict[str, Any]:
    """Return what is to be known of a sample whose image another one has too."""
    return {
        "key": show_key(bytes(samples.keys[position])),
        "class": _class(samples, position),
        "split": SPLITS[samples.splits[position]],
    }


def _meaning(*, known: bool, has_row: bool, reasons: list[str]) -> str:
    if has_row:
        return (
            "cached: the store has the features of these bytes, which the image had when it was "
            "last recorded; --check says whether images have changed since"
        )
    if reasons:
        return "set aside: tried again when its bytes, the decoder or the limits change"
    if known:
        return "pending: no features yet; the next extraction computes them"
    return "pending: not read yet; the next extraction reads it and computes its features"


def _check(store: Store, name: str) -> dict[str, Any]:
    """Compare a source with its record by names and stats.

    No image is read, but the few that could not be read before: their stats tell nothing.
    """
    snapshot, recorded = store.snapshot(name), recorded_samples(store, name)
    try:
        source = reopen(snapshot.spec)
        now = look(source, store)
        guard_reading(store.snapshot(name), now)
    except BottleneckError as error:
        return {"stale": True, "reason": str(error)}
    with_row = recorded.known & store.has(recorded.digests)
    aside = set_aside(snapshot.quarantine, recorded, with_row)
    at = find(recorded.keys, now.listing.keys)
    both = np.flatnonzero((at >= 0) & now.known)
    both = both[recorded.known[at[both]]]
    unknown = np.flatnonzero(~now.known & ~now.racy)
    unread = aside & ~recorded.known
    still = [i for i in unknown[unread[at[unknown]] & (at[unknown] >= 0)] if not now.can_read(i)]
    found = {
        "unknown": len(unknown) - len(still),
        "changed": int((recorded.digests[at[both]] != now.digests[both]).any(axis=1).sum()),
        "added": int((at < 0).sum()),
        "gone": int((find(now.listing.keys, recorded.keys) < 0).sum()),
        "pending": int((~with_row & ~aside).sum()),
        "unrecorded": int((recorded.known & ~snapshot.samples.known).sum()),
    }
    return {"stale": any(found.values()), **found}
