"""What a person decided about images: a table of keys that overrides what a source says of them.

The page of `bottleneck inspect` saves such a table, `decisions.csv`: `key,decision,label`, where a
decision is keep, relabel or drop. It is applied to samples as they are read; neither the source nor
what is recorded of it changes.

A label is of a picture: an image that is given another class gets it under each of its keys. What
is dropped is a key: of two copies the other one stays.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from bottleneck.core.digest import as_void
from bottleneck.core.errors import DataError
from bottleneck.core.paths import local_path
from bottleneck.core.sample import NO_LABEL, find, key_array, show_key
from bottleneck.core.text import from_cell, printable
from bottleneck.data.how import How
from bottleneck.data.reading import open_container
from bottleneck.data.table_text import read_sheet

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from bottleneck.core.sample import Samples

KEEP, RELABEL, DROP = "keep", "relabel", "drop"
WORDS = (KEEP, RELABEL, DROP)
COLUMNS = ("key", "decision")  # and label, where one is changed
MOST_KEYS = 20  # that are named in a report
_HOW = How(options={"encoding": None, "header": True})
_ADVICE = "take the file that the page of bottleneck inspect saves: key,decision,label"


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What was decided about one key; `label` is the new class of what is relabelled."""

    key: str  # as people are shown it
    what: str  # one of WORDS
    label: str
    line: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Decisions:
    """A table of decisions.

    Attributes
    ----------
    file : as it was named
    digest : SHA-256 of its bytes, as hex digits
    each : one for each key, in the order of the table
    """

    file: str
    digest: str
    each: Sequence[Decision]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Decided:
    """Samples as they are after decisions.

    Attributes
    ----------
    samples : with the labels that were decided on
    dropped : (n,) bool, which of them are left out
    settled : (n,) bool, whose label a person has looked at: kept or given
    report : what was decided, for reports and receipts; None where there were no decisions
    known : those that are of these samples
    """

    samples: Samples
    dropped: NDArray[np.bool_]
    settled: NDArray[np.bool_]
    report: dict[str, Any] | None = None
    known: Sequence[Decision] = ()


def read_decisions(path: Path) -> Decisions:
    """Return the decisions of a CSV file.

    Raises
    ------
    DataError
        When there is no such file, it has not these columns, or a line says what cannot be done.
    UsageError
        For an address.
    PermissionDeniedError
        When it may not be read.
    """
    with open_container(local_path(path)) as (file, _):
        data = file.read()
    where = str(path)
    found: dict[str, Decision] = {}
    for one in _lines(data, path.suffix, where):
        before = found.setdefault(one.key, one)
        if (before.what, before.label) != (one.what, one.label):
            raise DataError(
                f"lines {before.line} and {one.line} decide differently about {one.key}",
                where,
                "delete one of them",
            )
    return Decisions(file=where, digest=hashlib.sha256(data).hexdigest(), each=[*found.values()])


def _lines(data: bytes, suffix: str, where: str) -> Iterator[Decision]:
    if not data.strip():
        raise DataError("an empty file, and no table of decisions", where, _ADVICE)
    sheet = read_sheet(data, suffix, _HOW, where)
    names = [name.lower() for name in sheet.header]
    missing = [name for name in COLUMNS if name not in names]
    if missing:
        raise DataError(
            f"no column {' or '.join(missing)}: its first line is {sheet.first!r}", where, _ADVICE
        )
    key, what = (names.index(name) for name in COLUMNS)
    label = names.index("label") if "label" in names else None
    for line, fields in sheet.rows():
        one = Decision(
            key=from_cell(fields[key] or ""),
            what=(fields[what] or "").strip().lower(),
            label="" if label is None else from_cell((fields[label] or "").strip()),
            line=line,
        )
        if one.what not in WORDS:
            said = f"the decision {printable(one.what)!r}" if one.what else "no decision"
            raise DataError(f"line {line} has {said}", where, f"say {', '.join(WORDS)}")
        if one.what == RELABEL and not one.label:
            do = "name the new class in the column label, or delete the line"
            raise DataError(f"line {line} relabels {one.key}, and says no class", where, do)
        yield replace(one, label=one.label if one.what == RELABEL else "")


def undecided(samples: Samples) -> Decided:
    """Return samples about which nothing was decided."""
    nothing = np.zeros(len(samples), bool)
    return Decided(samples=samples, dropped=nothing, settled=nothing)


def decide(samples: Samples, decisions: Decisions | None, source: str) -> Decided:
    """Return samples as they are after decisions; what is decided of other keys is counted.

    Raises
    ------
    DataError
        When none of the keys is one of these, or a class is given to what has no classes.
    """
    if decisions is None:
        return undecided(samples)
    at = _positions(samples, [one.key for one in decisions.each])
    known = [(int(i), one) for i, one in zip(at, decisions.each, strict=True) if i >= 0]
    if not known:
        if not decisions.each:
            raise DataError("no decision in it", decisions.file, _ADVICE)
        raise DataError(
            f"none of its {len(decisions.each):,} keys is an image of {source}; the first is "
            f"{decisions.each[0].key}",
            decisions.file,
            "name the source that was looked into: --source NAME",
        )
    told = {word: np.array([i for i, one in known if one.what == word], int) for word in WORDS}
    dropped, settled = np.zeros((2, len(samples)), bool)
    dropped[told[DROP]] = True
    settled[told[KEEP]] = True
    relabelled = [(i, one) for i, one in known if one.what == RELABEL]
    if relabelled and samples.kind != "class":
        raise DataError(
            f"line {relabelled[0][1].line} gives a class, and these targets are {samples.kind}",
            decisions.file,
            "keep or drop such images",
        )
    changed, new = _relabelled(samples, relabelled, settled)
    missing = [one.key for i, one in zip(at, decisions.each, strict=True) if i < 0]
    report = {
        "file": decisions.file,
        "sha256": decisions.digest,
        **{word: len(told[word]) for word in WORDS},
        "new_classes": new,
        "not_found": len(missing),
        "not_found_keys": missing[:MOST_KEYS],
    }
    return Decided(
        samples=changed,
        dropped=dropped,
        settled=settled,
        report=report,
        known=[one for _, one in known],
    )


def _relabelled(
    samples: Samples, relabelled: Sequence[tuple[int, Decision]], settled: NDArray[np.bool_]
) -> tuple[Samples, list[str]]:
    """Return samples with their new classes, and which of those there were not; fill `settled`."""
    if not relabelled:
        return samples, []
    names = {one.label for _, one in relabelled}
    new = sorted(names - {*samples.classes})
    classes = tuple(sorted({*samples.classes, *new}))
    number = {name: i for i, name in enumerate(classes)}
    moved = np.array([number[name] for name in samples.classes] or [0], np.int32)
    labels = np.where(samples.labels >= 0, moved[samples.labels], np.int32(NO_LABEL))
    alike = as_void(samples.digests)
    for i, one in relabelled:
        if samples.known[i]:
            copies = samples.known & (alike == alike[i]) & ~settled
            labels[copies], settled[copies] = number[one.label], True
    for i, one in relabelled:  # what is said of a key itself counts more than of its copy
        labels[i], settled[i] = number[one.label], True
    return replace(samples, labels=labels.astype(np.int32), classes=classes), new


def _positions(samples: Samples, keys: Sequence[str]) -> NDArray[np.int64]:
    """Return where each key stands among the samples, as it is or as people are shown it; -1."""
    raw = key_array([key.encode("utf-8", "surrogateescape").replace(b"\0", b"\n") for key in keys])
    at = find(samples.keys, raw)
    left = np.flatnonzero(at < 0)
    if len(left):
        shown = {show_key(bytes(key)): i for i, key in enumerate(samples.keys.tolist())}
        at[left] = [shown.get(keys[i], -1) for i in left.tolist()]
    return at
