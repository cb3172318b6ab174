"""What was understood of a source, in words. Imports the standard library alone: doors use it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

MOST_CLASSES = 10
MOST_NOTES = 12
# The kinds of `Listing.skipped` that are said in words of their own.
KINDS = {
    "hidden": "hidden",
    "other": "other",
    "excluded": "excluded",
    "links": "links",
    "unnamed": "images without an image's ending",
}


def source_lines(source: Mapping[str, Any], *, notes: bool = True) -> list[str]:
    """Return what was understood of a source: classes, splits, images without a label.

    Parameters
    ----------
    source : a report's keys `classes`, `splits`, `unlabelled` and `understood`
    notes : whether to say also what else a person should know
    """
    understood = source.get("understood", {})
    classes, kind = source["classes"], source.get("kind", "class")
    if kind != "class":  # several labels an image, or numbers
        classes = source["targets"]
    named = ", ".join(classes[:MOST_CLASSES]) + (", …" if len(classes) > MOST_CLASSES else "")
    kinds = f"{len(classes)} class{'' if len(classes) == 1 else 'es'}"
    if kind != "class":
        kinds = f"{len(classes)} {kind if len(classes) != 1 else kind.removesuffix('s')}"
    splits = ", ".join(
        f"{split} {n:,}{_spelled(split, understood)}" for split, n in source["splits"].items() if n
    )
    found = [f"{kinds}{f' ({named})' if named else ''}; {splits or 'no images'}"]
    if source["unlabelled"]:
        what = "number" if kind == "numbers" else "label"
        found.append(f"{source['unlabelled']:,} without a {what}")
    if not notes:
        return found
    layout = understood.get("layout")
    if layout and layout not in PLAIN:
        found.append(f"read as {layout}")
    columns = understood.get("columns", {})
    if any(ours != theirs for ours, theirs in columns.items()):
        told = ", ".join(_column(*each) for each in columns.items())
        found.append(f"columns: {told}")
    missing = understood.get("missing")
    if missing:
        n, first = missing["files"], missing["first"]
        some = ", ".join(first) + (", …" if n > len(first) else "")
        found.append(f"{n:,} file{' is' if n == 1 else 's are'} not there: {some}")
    said = understood.get("notes", ())
    more = len(said) - MOST_NOTES
    found += said[:MOST_NOTES]
    return found + ([f"… and {more} more (all of them: --json)"] if more > 0 else [])


PLAIN = ("{class}/*", "{split}/{class}/*", "*")  # layouts that the line of classes says by itself


def left_alone_line(report: Mapping[str, Any]) -> list[str]:
    """Return what was left alone in one line; none where nothing was.

    Parameters
    ----------
    report : with the keys `skipped` and `understood`
    """
    skipped = report.get("skipped", {})
    system = report.get("understood", {}).get("left_alone", {})
    said = [f"{n:,} image{'' if n == 1 else 's'} in {name}" for name, n in system.items()]
    said += [f"{n:,} {KINDS[why]}" for why, n in skipped.items() if why in KINDS and n]
    return [f"left alone: {', '.join(said)}"] if said else []


def _spelled(split: str, understood: Mapping[str, Any]) -> str:
    """Return how a source spells a split, where that is not our word."""
    names = [name for name, ours in understood.get("splits", {}).items() if ours == split != name]
    return f" (from {', '.join(name or 'empty' for name in names)})" if names else ""


def spread_line(spread: Mapping[str, Any] | None) -> list[str]:
    """Return how far rows of reduced precision are from float32's; nothing for float32."""
    if spread is None:
        return []
    return [
        f"beside float32, on {spread['images']} images: cosine {spread['median']:.4f} (median), "
        f"{spread['cosine']:.4f} (smallest); largest number {spread['max_abs']:.4g}"
    ]


def _column(ours: str, theirs: str) -> str:
    """Return what a column is, or several columns with commas between."""
    return f"{theirs} are the {ours}s" if ", " in theirs else f"{theirs} is the {ours}"
