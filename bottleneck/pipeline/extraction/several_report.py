"""What a run on several stores says of itself: each store's own report and code, and their sum."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bottleneck.core.errors import STOPS, code_of, first_code
from bottleneck.pipeline.extraction.turn import PARTIAL

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

# What the turns in a store add up to; the keys are those of one extraction.
SUMS = ("samples", "cached", "computed", "pending", "quarantined", "bytes_written")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Ended:
    """How one turn ended: a report, an error, or a word on why there was nothing to do.

    Attributes
    ----------
    source : None where the store failed before any source of it was known
    computed : of a turn without a report, how many rows it had committed
    """

    store: Path
    source: str | None
    report: dict[str, Any] | None = None
    error: BaseException | None = None
    skipped: str | None = None
    computed: int = 0


def several_report(
    caches: Sequence[Path],
    ends: Sequence[Ended],
    told: Mapping[int, Mapping[str, Any]],
    seconds: float,
    *,
    is_strict: bool = False,
) -> dict[str, Any]:
    """Return one object on all stores: `code`, and under `stores` each store's own.

    Parameters
    ----------
    told : the position of each turn that failed → what is said of its error in JSON
    """
    stores: dict[Path, list[dict[str, Any]]] = {cache: [] for cache in dict.fromkeys(caches)}
    for i, end in enumerate(ends):
        code = 0
        found: dict[str, Any] = dict(end.report or {"source": end.source, "computed": end.computed})
        if end.error is not None:
            code = code_of(end.error)
            found["error"] = dict(told[i])
        elif is_strict and found.get("partial"):
            code = PARTIAL
        if end.skipped is not None:
            found["skipped"] = end.skipped
        stores.setdefault(end.store, []).append({**found, "code": code})
    entries = [_entry(store, sources) for store, sources in stores.items()]
    stops = [code_of(end.error) for end in ends if isinstance(end.error, STOPS)]
    return {
        "verb": "extract",
        "code": stops[0] if stops else first_code(entry["code"] for entry in entries),
        **{key: sum(entry[key] for entry in entries) for key in SUMS},
        "partial": any(entry["partial"] for entry in entries),
        "seconds": {"total": round(seconds, 3)},
        "stores": entries,
    }


def _entry(store: Path, sources: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return what is said of one store: its code, what its sources add up to, and each of them."""
    code = first_code(source["code"] for source in sources)
    commits = [source["commit"] for source in sources if source.get("commit")]
    gravest = next((s["error"] for s in sources if s["code"] == code and "error" in s), None)
    return {
        "verb": "extract",
        "store": str(store),
        "code": code,
        **{key: sum(source.get(key, 0) for source in sources) for key in SUMS},
        "partial": any(source.get("partial", False) for source in sources),
        "commit": max(commits, default=None),
        **({"error": gravest} if gravest else {}),
        "sources": list(sources),
    }
