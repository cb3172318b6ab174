"""What an extraction says to people: of one source of a store, and of several stores."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bottleneck._lines import left_alone_line, network_line, source_lines
from bottleneck.core import console
from bottleneck.core.text import count

if TYPE_CHECKING:
    from collections.abc import Mapping

UNKNOWN = "time not known, as no run with this network has computed anything yet"
SOON_S = 120  # below it, a time is said in seconds
NEWS = (
    "added", "changed", "renamed", "deleted", "changed_class", "changed_split", "changed_group",
)  # fmt: skip
HEADING = ("store", "code", "images", "computed", "cached", "pending", "set aside")
COLUMNS = ("store", "code", "samples", "computed", "cached", "pending", "quarantined")


def lines(report: Mapping[str, Any]) -> list[str]:
    """Return the report for people."""
    found = [
        f"{report['store']}: {_images(report)}: {_counts(report)}",
        f"network: {network_line(report['network'])}",
    ]
    what = [f"{report[k]:,} {k.replace('_', ' ')}" for k in NEWS if report[k]]
    has_news = bool(what or report["computed"] or "would" in report)
    found += [f"{report['source']}: {line}" for line in source_lines(report, notes=has_news)]
    found += left_alone_line(report)
    found += [
        f"{what} in train and in val or test: {count(report[key], 'image')} of train, left out by "
        "training"
        for key, what in (("leaking", "the same bytes"), ("leaking_by_group", "the same group"))
        if report[key]
    ]
    found += [f"set aside: {n:,} ({why})" for why, n in report["set_aside"].items()]
    if what and not report["first_look"]:
        found.append(f"since the last look: {', '.join(what)}")
    if "would" in report:
        return found + _would(report)
    seconds, rate = report["seconds"]["total"], report["images_per_second"]
    rated = f", {rate} images/s" if rate else ""
    return [*found, f"{seconds:.1f} s{rated}, commit {report['commit']}"]


def _images(report: Mapping[str, Any]) -> str:
    n, twice = report["samples"], report["duplicates"]
    images = f"{count(n, 'image')} of {report['source']}"
    if twice:
        images += f" ({twice:,} of them {'a duplicate' if twice == 1 else 'duplicates'})"
    return images


def _counts(report: Mapping[str, Any]) -> str:
    """Return what became of the images; a duplicate of one just computed is nothing cached."""
    cached = report["cached"] - report["copies"]
    return (
        f"{report['computed']:,} computed, {cached:,} cached, {report['pending']:,} pending, "
        f"{report['quarantined']:,} set aside"
    )


def _would(report: Mapping[str, Any]) -> list[str]:
    """Return what a run without --dry-run would do."""
    would = report["would"]
    seconds = would["seconds"]
    time = UNKNOWN if seconds is None else _about(seconds)
    listed = [f"  {entry['key']} ({entry['why']})" for entry in report.get("would_compute", [])]
    size = f"{would['bytes'] / 1e6:.1f} MB"
    aside = [
        f"would set aside: {n:,} of these ({ending}, which cannot be decoded here: convert them to "
        "JPEG or PNG)"
        for ending, n in report["undecodable"].items()
    ]
    first = f"would compute {count(would['computed'], 'image')}: {size} of features, {time}"
    return [first, *aside, *listed]


def _about(seconds: float) -> str:
    if seconds < SOON_S:
        return f"about {seconds:.0f} s"
    return f"about {seconds / 60:.0f} minutes"


def stores_lines(report: Mapping[str, Any]) -> list[str]:
    """Return what became of several stores, a line for each."""
    rows = [[store[column] for column in COLUMNS] for store in report["stores"]]
    failed = sum(1 for store in report["stores"] if store["code"])
    said = f"{count(len(rows), 'store')} in {report['seconds']['total']:.1f} s"
    return [*console.table([HEADING, *rows]), f"{said}, {failed} failed" if failed else said]
