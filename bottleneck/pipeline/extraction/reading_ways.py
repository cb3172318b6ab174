"""What to say where a source reads otherwise than it was recorded: options that can be pasted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bottleneck.core.sample import NO_LABEL, SPLITS, show_key
from bottleneck.data.catalog import KINDS, TABLES
from bottleneck.data.table_words import way

if TYPE_CHECKING:
    from bottleneck.core.sample import Samples
    from bottleneck.data.source import Listing
    from bottleneck.store.snapshot import Snapshot

# Their own names say a split where nothing else does.
_ARCHIVES = ("archive", "zip", "shards", "idx")
_OURS = {"label": "label_column", "filename": "file_column", "split": "split_column"}
_FLAGS = {role: f"--{name.replace('_', '-')}" for role, name in _OURS.items()}


def ways(before: Snapshot, listing: Listing, at: int) -> str:
    """Return how to keep what was recorded, and how to take what is read now.

    Parameters
    ----------
    at : the recorded position of a sample that differs
    """
    kind = before.spec["kind"]
    if kind in TABLES:
        return _of_columns(before, listing)
    if "layout" in {option.name for option in KINDS[kind].options}:
        return _of_layout(before, listing, at)
    return (
        "if what is read now is meant: bottleneck forget, and extract again, which computes "
        "nothing anew; else go on with the version that recorded it"
    )


def _of_layout(before: Snapshot, listing: Listing, at: int) -> str:
    template = listing.understood.layout
    is_auto = before.spec.get("layout") == "auto"  # said once already: now it must be spelled
    spelled = _with_split(template or "*", before.spec["kind"], listing)
    new_way = f"'{spelled}'" if is_auto else "auto"
    kept = _with_split(_template(before, listing, at), before.spec["kind"], before.samples)
    return (
        f"say which is meant: --layout '{kept}' for what was recorded, or --layout {new_way} for "
        "what is read now" + ("" if is_auto or not template else f" ({template})")
    )


def _template(before: Snapshot, listing: Listing, at: int) -> str:
    """Return the --layout of what was recorded: stores of before layouts were said have none."""
    if before.understood.get("layout"):
        return str(before.understood["layout"])
    samples = before.samples
    label = int(samples.labels[at])
    if label == NO_LABEL or not listing.understood.layout:
        return "*"
    parts = [show_key(part) for part in bytes(samples.keys[at]).split(b"/")]
    return "{class}/*" if samples.classes[label] == parts[0] else "{split}/{class}/*"


def _with_split(template: str, kind: str, of: Listing | Samples) -> str:
    """Return a template that says the split of all, where there is one and no part is it."""
    splits = {*of.splits.tolist()}
    if "{split" in template or len(splits) != 1 or (kind not in _ARCHIVES and splits == {0}):
        return template
    return f"{{split={SPLITS[splits.pop()]}}}/{template}"


def _of_columns(before: Snapshot, listing: Listing) -> str:
    """Return the options of a table."""
    was, now = before.understood.get("columns"), listing.understood.columns
    free = [role for role in _OURS if _OURS[role] not in before.spec]
    role = next((role for role in free if role in now and ", " not in now[role]), None)
    new = way(_FLAGS[role], now[role]) if role else "bottleneck forget, and extract again"
    if was is None:
        label = now.get("label", "")
        return (
            "an older version may have read the table otherwise, or it was edited since; if what "
            f"is read now is meant: --label-column '{label}'; docs/tables.md has the other options"
        )
    kept = _kept(before, listing)
    said = f"{' '.join(kept)} for what was recorded, or " if kept else ""
    return (
        f"a newer version reads the table otherwise, or it was edited since: say {said}{new} for "
        "what is read now" + ("" if kept else "; docs/tables.md has the other options")
    )


def _kept(before: Snapshot, listing: Listing) -> list[str]:
    """Return what says of a table what was recorded of it."""
    was, now = before.understood["columns"], listing.understood.columns
    found = []
    if was.get("filename") != now.get("filename") and "filename" in was:
        found.append(way(_FLAGS["filename"], was["filename"]))
    if was.get("label") != now.get("label"):
        names = was["label"].split(", ") if "label" in was else [""]
        found += [way(_FLAGS["label"], name) for name in names]
    spelled = before.understood.get("splits", {})
    if "split" not in was:
        splits = {*before.samples.splits.tolist()}
        if "split" in now or listing.understood.splits:
            found.append("--split-column ''")
        if splits in ({1}, {2}):
            found.append(f"--split-map ={SPLITS[splits.pop()]}")
    elif was["split"] != now.get("split") or spelled != listing.understood.splits:
        found.append(way(_FLAGS["split"], was["split"]))
        found.append(way("--split-map", ",".join(f"{word}={to}" for word, to in spelled.items())))
    return found
