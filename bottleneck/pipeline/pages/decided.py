"""Samples as a person decided about them, and that in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bottleneck.core.text import count
from bottleneck.data.decisions import DROP, KEEP, RELABEL, Decided, decide, read_decisions

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from bottleneck.core.reporter import Reporter
    from bottleneck.core.sample import Samples

NAMED = 3  # keys, and classes


def decided(samples: Samples, file: Path | None, source: str, reporter: Reporter) -> Decided:
    """Return samples as the decisions of a file make them, and say what those are.

    Raises
    ------
    DataError
        See `data.decisions.read_decisions` and `decide`.
    """
    found = decide(samples, None if file is None else read_decisions(file), source)
    report = found.report
    if report is None:
        return found
    reporter.say(in_words(report))
    if report["new_classes"]:
        names = _listed(report["new_classes"], len(report["new_classes"]))
        reporter.warn(f"{report['file']} gives classes that {source} has not: {names}")
    if report["not_found"]:
        keys = _listed(report["not_found_keys"], report["not_found"])
        reporter.warn(
            f"{report['file']} decides about {count(report['not_found'], 'key')} that {source} "
            f"has not: {keys}"
        )
    return found


def in_words(report: Mapping[str, Any]) -> str:
    """Return how many images were kept, relabelled and dropped."""
    return (
        f"decisions of {report['file']}: {report[KEEP]:,} kept, {report[RELABEL]:,} relabelled, "
        f"{report[DROP]:,} dropped"
    )


def _listed(names: list[str], n: int) -> str:
    return ", ".join(names[:NAMED]) + (", …" if n > NAMED else "")
