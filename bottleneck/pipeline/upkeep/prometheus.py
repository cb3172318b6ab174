"""What stores hold and how their last runs ended, in the text format that Prometheus reads.

For each metric one `# HELP` and one `# TYPE` line, then a line for each store, or for each source
of each store: `name{store="…",source="…"} value`. In a label's value a backslash, a quotation mark
and a line break are escaped.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bottleneck.pipeline.upkeep.last_runs import timestamp

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    Value = float | int | None
    OfStore = Callable[[Mapping[str, Any]], Value]

PREFIX = "bottleneck_"
STORE: Mapping[str, tuple[str, OfStore]] = {
    "up": ("Whether the store could be opened.", lambda store: int("error" not in store)),
    "status_exit_code": ("What bottleneck status found, as an exit code.", lambda s: s.get("code")),
    "rows": ("Rows in the store.", lambda store: store.get("rows")),
    "parts": ("Files of rows in the store.", lambda store: store.get("parts")),
    "bytes": ("Bytes of the rows' files.", lambda store: store.get("bytes")),
    "commit": ("Number of the newest commit.", lambda store: store.get("commit")),
}
SOURCE: Mapping[str, tuple[str, OfStore]] = {
    "images": ("Images of the source.", lambda source: source["samples"]),
    "unique_images": ("Images that are no duplicates.", lambda source: source["unique"]),
    "cached_images": ("Images that have features.", lambda source: source["cached"]),
    "pending_images": ("Images whose features are missing.", lambda source: source["pending"]),
    "set_aside_images": (
        "Images that cannot be used.",
        lambda source: len(source["quarantined"]),
    ),
    "last_run_timestamp_seconds": (
        "When the last extraction ended, well or not.",
        lambda source: _time(source["last_run"]),
    ),
    "last_run_exit_code": (
        "Exit code of the last extraction.",
        lambda source: _of(source["last_run"], "code"),
    ),
    "last_run_duration_seconds": (
        "How long the last extraction took.",
        lambda source: _of(source["last_run"], "seconds"),
    ),
    "last_run_computed_images": (
        "Images that the last extraction computed.",
        lambda source: _of(source["last_run"], "computed"),
    ),
    "last_good_run_timestamp_seconds": (
        "When the last extraction that ended well ended.",
        lambda source: _time(source["last_good_run"]),
    ),
    "last_good_run_age_seconds": (
        "How long ago that was when these lines were written.",
        lambda source: _of(source["last_good_run"], "age_s"),
    ),
    "stale": (
        "Whether the source is out of date (with --check).",
        lambda source: source.get("stale"),
    ),
}


def exposition(stores: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the lines; a value that is not known has none.

    Parameters
    ----------
    stores : reports of `status` with `code`; of a store that cannot be opened, `store` and `error`
    """
    found: list[str] = []
    for name, (about, value) in STORE.items():
        lines = [_line(name, {"store": store["store"]}, value(store)) for store in stores]
        found += _metric(name, about, lines)
    for name, (about, value) in SOURCE.items():
        lines = [
            _line(name, {"store": store["store"], "source": source["name"]}, value(source))
            for store in stores
            for source in _sources(store)
        ]
        found += _metric(name, about, lines)
    return found


def _sources(store: Mapping[str, Any]) -> list[dict[str, Any]]:
    checks = store.get("check", {})
    stale = {name: int(bool(check["stale"])) for name, check in checks.items()}
    return [{**s, "stale": stale.get(s["name"])} for s in store.get("sources", [])]


def _metric(name: str, about: str, lines: Sequence[str | None]) -> list[str]:
    known = [line for line in lines if line is not None]
    if not known:
        return []
    return [f"# HELP {PREFIX}{name} {about}", f"# TYPE {PREFIX}{name} gauge", *known]


def _line(name: str, labels: Mapping[str, str], value: Value) -> str | None:
    if value is None:
        return None
    said = ",".join(f'{label}="{_escaped(text)}"' for label, text in labels.items())
    return f"{PREFIX}{name}{{{said}}} {value}"


def _escaped(text: str) -> str:
    plain = text.encode("utf-8", "backslashreplace").decode()  # names need not be UTF-8
    return plain.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _of(run: Mapping[str, Any] | None, key: str) -> Value:
    value = run[key] if run else None
    return value if isinstance(value, int | float) else None


def _time(run: Mapping[str, Any] | None) -> Value:
    return timestamp(run["time"]) if run else None
