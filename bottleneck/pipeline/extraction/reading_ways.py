"""What to say where a source reads otherwise than it was recorded: options that can be pasted.

What is said to give what was recorded has been tried: the source was listed with it, and each image
that is recorded and there has its class and its split.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from bottleneck.core.errors import BottleneckError
from bottleneck.core.paths import from_json_text, to_json_text
from bottleneck.core.sample import NO_LABEL, SPLITS, show_key
from bottleneck.data.catalog import KINDS, TABLES, reopen
from bottleneck.data.how import each_text, written
from bottleneck.data.template import AUTO

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from bottleneck.core.sample import Samples
    from bottleneck.data.source import Listing
    from bottleneck.pipeline.extraction.look import Look
    from bottleneck.store.snapshot import Snapshot

    Options = dict[str, Any]
    Otherwise = Callable[[Listing], int]

# Their own names say a split where nothing else does.
_ARCHIVES = ("archive", "zip", "shards", "idx")
_MOST_COLUMNS = 12  # each is tried by reading the whole table
_FOLDER = "([^/]+)/[^/]+$"  # --label-from of the folder in a file's name
_FORGET = "bottleneck forget, and extract again, which computes nothing anew"


def ways(
    before: Snapshot,
    now: Look,
    at: int,
    otherwise: Otherwise,
    *,
    saying: Sequence[str],
    is_moved: bool,
) -> str:
    """Return how to keep what was recorded, and how to take what is read now.

    Parameters
    ----------
    at : the recorded position of a sample that differs
    otherwise : how many of the recorded images a listing reads otherwise, or has not
    saying : the options that say classes and splits
    is_moved : whether the command says how it is read by saying one of these at all; else by
        saying another one than was recorded
    """
    tried = _Tried(before, now, otherwise)
    names = {option.name for option in KINDS[now.source.spec["kind"]].options}
    was = {name: value for name, value in before.spec.items() if name in saying}
    recorded = {
        name: value
        for name, value in each_text(was, from_json_text).items()
        if name in names and now.source.spec.get(name) != was[name]
    }
    kept = tried.best([recorded])
    if kept is None and names & {"layout"}:
        kept = tried.best(_layouts(before, now, at, names))
    if kept is None and now.source.spec["kind"] in TABLES:
        kept = tried.best_of_columns()
    taken = tried.taken(names, {} if is_moved else was)
    new = " ".join(written(taken)) if taken else _FORGET
    template = now.listing.understood.layout
    found = f" ({template})" if taken == {"layout": AUTO} and template else ""
    if kept is None:
        is_edited = now.source.spec["kind"] in TABLES and before.spec["kind"] in TABLES
        why = "a newer version may read it otherwise, or it was edited since; " if is_edited else ""
        return (
            f"{why}no option was found that gives what was recorded; if what is read now is meant: "
            f"{new}{found}"
        )
    return (
        f"say which is meant: {' '.join(written(kept))} for what was recorded, or {new} for what "
        f"is read now{found}"
    )


class _Tried:
    """A source as it is, and what other options make of it."""

    def __init__(self, before: Snapshot, now: Look, otherwise: Otherwise) -> None:
        self.before, self.now = before, now
        self.otherwise = otherwise

    def listed(self, options: Options) -> Listing | None:
        """Return what the source is with these options; None where it cannot be read so."""
        try:
            return reopen(self.now.source.spec, options).list()
        except BottleneckError:
            return None

    def count(self, options: Options) -> int:
        """Return how many images are not as they were recorded, with these options."""
        listing = self.listed(options)
        return len(self.now.listing) + 1 if listing is None else self.otherwise(listing)

    def best(self, each: Iterator[Options] | Sequence[Options]) -> Options | None:
        """Return the first options that give what was recorded; None where none do."""
        tried: list[Options] = []
        for options in each:
            if options and options not in tried:
                tried.append(options)
                if not self.count(options):
                    return options
        return None

    def best_of_columns(self) -> Options | None:
        """Return the options of a table that give what was recorded, None where none do.

        What was recorded of its columns comes first. Where they are called otherwise, each column
        is tried: as that of the labels, then as that of the splits beside the best of those.
        """
        kept = _recorded_columns(self.before, self.now.listing)
        if kept and not self.count(kept):
            return kept
        understood = self.now.listing.understood
        columns = [
            name
            for name in understood.header
            if name and name != understood.columns.get("filename")
        ][:_MOST_COLUMNS]
        split_map = _split_map(self.before, self.now.listing)
        labels: list[Options] = [{"label_column": (name,)} for name in columns]
        splits: list[Options] = [{"split_column": name} for name in ("", *columns)]
        mapped: list[Options] = [each | split_map for each in splits if split_map]
        found: Options = {}
        least = self.count(found)
        for step in (
            [*labels, {"label_from": _FOLDER}],
            [*splits, *mapped, _split_of_all(self.before)],
        ):
            base = found
            for options in filter(None, step):
                n = self.count(base | options)
                if n < least:
                    found, least = base | options, n
                if not least:
                    return found
        return None

    def taken(self, names: set[str], recorded: Mapping[str, Any]) -> Options | None:
        """Return options that give what is read now, and are not what was recorded."""
        listing = self.now.listing
        found: list[Options] = []
        if "layout" in names:
            template = _with_split(
                listing.understood.layout or "*", self.now.source.spec["kind"], listing
            )
            found = [{"layout": AUTO}, {"layout": template}]
        if "label_column" in names:
            columns = listing.understood.columns
            label, split = columns.get("label", ""), columns.get("split")
            found.append({"label_column": (label,)})
            if ", " in label:
                found.append({"label_column": tuple(label.split(", "))})
            found += [{"split_column": split or ""}]
        if "label_from" in self.now.source.spec:
            found.append({"label_from": self.now.source.spec["label_from"]})
        for options in found:
            said = each_text(options, to_json_text)
            is_news = any(name not in recorded or recorded[name] != said[name] for name in said)
            given = self.listed(options) if is_news else None
            if given is not None and _are_same(given, listing):
                return options
        return None


def _are_same(one: Listing, other: Listing) -> bool:
    return (
        one.classes == other.classes
        and np.array_equal(one.keys, other.keys)
        and np.array_equal(one.labels, other.labels)
        and np.array_equal(one.splits, other.splits)
    )


def _layouts(before: Snapshot, now: Look, at: int, names: set[str]) -> Iterator[Options]:
    """Yield options for paths that may give what was recorded."""
    listing, spec = now.listing, now.source.spec
    kind = spec["kind"]
    was = before.understood.get("layout") or _template(before, listing, at)
    layouts = [_with_split(was, kind, before.samples)]
    layouts += [_with_split(listing.understood.layout or "*", kind, before.samples), was]
    layouts += [f"{{ignore}}/{layout}" for layout in layouts]
    yield from ({"layout": layout} for layout in layouts)
    split_map = _split_map(before, listing) if "split_map" in names else {}
    if split_map:
        yield split_map
        yield from ({"layout": layout, **split_map} for layout in layouts)
    label_from = spec.get("label_from", before.spec.get("label_from", ""))
    if "label_from" in names and label_from:
        anywhere = label_from.replace("^", "(?:^|/)", 1) if label_from[0] == "^" else label_from
        for more in ({}, *({"layout": layout} for layout in layouts)):
            yield {"label_from": anywhere, **more}


def _template(before: Snapshot, listing: Listing, at: int) -> str:
    """Return the --layout of what was recorded: stores of before layouts were said have none."""
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


def _split_map(before: Snapshot, listing: Listing) -> Options:
    """Return what words meant when they were recorded, where they mean another thing now."""
    was, now = before.understood.get("splits", {}), listing.understood.splits
    told = before.spec.get("split_map")
    pairs = [told] if told else []
    pairs += [f"{word}={split}" for word, split in was.items() if now.get(word) != split]
    return {"split_map": ",".join(pairs)} if pairs else {}


def _split_of_all(before: Snapshot) -> Options:
    splits = {*before.samples.splits.tolist()}
    return {"split_map": f"={SPLITS[splits.pop()]}"} if len(splits) == 1 else {}


def _recorded_columns(before: Snapshot, listing: Listing) -> Options:
    """Return what says of a table what was recorded of it."""
    was, now = before.understood.get("columns"), listing.understood.columns
    if was is None:
        return {}
    found: Options = {}
    if was.get("filename") != now.get("filename") and "filename" in was:
        found["file_column"] = was["filename"]
    if was.get("label") != now.get("label"):
        found["label_column"] = tuple(was["label"].split(", ")) if "label" in was else ("",)
    spelled = before.understood.get("splits", {})
    if "split" not in was:
        splits = {*before.samples.splits.tolist()}
        if "split" in now or listing.understood.splits:
            found["split_column"] = ""
        if splits in ({1}, {2}):
            found["split_map"] = f"={SPLITS[splits.pop()]}"
    elif was["split"] != now.get("split") or spelled != listing.understood.splits:
        found["split_column"] = was["split"]
        found["split_map"] = ",".join(f"{word}={to}" for word, to in spelled.items())
    return found
