"""A run: a head, its figures, and the receipt that says what they came from.

run.json, the receipt, is sealed last: it holds the digest of every other file of the folder but
the README.md, which its readers may add to.
"""

from __future__ import annotations

import csv
import errno
import io
import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from bottleneck.core import files
from bottleneck.core.errors import BottleneckError, DamagedError, UsageError
from bottleneck.core.paths import local_path
from bottleneck.core.sealed import read_beside, seal, unseal
from bottleneck.core.strict_json import parse
from bottleneck.heads.catalog import ADVICE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bottleneck.heads.task import Fitted

RUN_FILE = "run.json"
METRICS_FILE = "metrics.json"
EDITABLE = {"README.md"}  # not sealed
LAST = "last"  # in the place of a run's name: the newest one
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_TAKEN = {errno.EEXIST, errno.ENOTEMPTY}  # what a rename says of a folder that is there


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What a run's receipt says of it.

    Attributes
    ----------
    store : where the store was, as it was named then (a relative path is of the folder of then)
    commit, recipe : the number and the id that the rows were of
    about : names for people: backbone, layer, weights
    snapshot : the name of what the source was when it was trained on
    classes : class names; a column of the probabilities is an index into them. Empty where the
        head predicts labels or numbers.
    head, options : the kind of head, and what it was fitted with
    metrics : the figures, of the split that they name
    kind : what the head predicts: class, labels or numbers
    targets : what each label or number is called
    thresholds : of each label, the probability from which on it counts as there
    widths : of each number, half of the interval that holds most; NaN where that is not known
    decisions : SHA-256 of the table that overrode labels, as hex digits; "" without one
    """

    folder: Path
    store: Path
    commit: int
    recipe: str
    about: Mapping[str, Any]
    source: str
    snapshot: str
    classes: tuple[str, ...]
    head: str
    options: Mapping[str, Any]
    metrics: Mapping[str, Any]
    kind: str = "class"
    targets: tuple[str, ...] = ()
    thresholds: tuple[float, ...] = ()
    widths: tuple[float, ...] = ()
    decisions: str = ""

    @property
    def names(self) -> tuple[str, ...]:
        """What each column of the predictions is called."""
        return self.classes if self.kind == "class" else self.targets

    @property
    def widths_of_names(self) -> dict[str, float | None]:
        """The width of each number by its name, None where it is not known; empty of none."""
        known = [width if width == width else None for width in self.widths]
        return dict(zip(self.names, known, strict=False))


def read_run(folder: Path) -> Run:
    """Return what the receipt of a run says, every file of it checked.

    Raises
    ------
    UsageError
        When the folder is no run, or of a newer program.
    DamagedError
        When a file is missing or not as it was written.
    """
    path = local_path(folder) / RUN_FILE
    try:
        receipt = unseal(path, ADVICE)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise UsageError("not a run", folder, "name a folder below the runs/ of a store") from error
    try:
        of = dict(receipt.get("targets", {}))
        found = {name: read_beside(path, receipt, name, ADVICE) for name in dict(receipt["files"])}
        return Run(
            folder=folder,
            store=Path(receipt["store"]["path"]),
            commit=receipt["store"]["commit"],
            recipe=receipt["recipe"],
            about=dict(receipt["about"]),
            source=receipt["source"],
            snapshot=receipt["snapshot"],
            classes=tuple(receipt["classes"]),
            head=receipt["head"],
            options=dict(receipt["options"]),
            metrics=parse(found[METRICS_FILE]),
            kind=_kind(of.get("kind", "class")),
            targets=tuple(of.get("names", ())),
            thresholds=tuple(map(float, of.get("thresholds", ()))),
            widths=tuple(float("nan" if w is None else w) for w in of.get("widths", ())),
            decisions=str(dict(receipt.get("decisions") or {}).get("sha256", "")),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise DamagedError(f"not a receipt ({error})", path, ADVICE) from error


def finished_at(run: Path) -> float:
    """Return when a run was finished, in seconds since 1970.

    A receipt of before receipts had a time, or one that is damaged (whoever takes that run is told
    so), is as old as its file.
    """
    path = run / RUN_FILE
    try:
        return datetime.fromisoformat(unseal(path, ADVICE)["time"]).timestamp()
    except (BottleneckError, KeyError, TypeError, ValueError):
        return path.stat().st_mtime


def _kind(kind: str) -> str:
    """Return what a head predicts; UsageError for what a newer program knows."""
    if kind not in ("class", "labels", "numbers"):
        raise UsageError(f"a head of {kind!r}", RUN_FILE, "upgrade bottleneck-cache")
    return kind


def check_name(runs: Path, name: str | None) -> None:
    """Raise UsageError unless a run of this name can be written."""
    if name is None:
        return
    # What looks like a leftover of a killed run is deleted by gc.
    if not _NAME.fullmatch(name) or name.startswith(files.TEMPORARY_PREFIX):
        raise UsageError(
            f"{name!r} cannot name a run",
            "--run",
            f"use letters, digits, . _ and -, and do not begin with {files.TEMPORARY_PREFIX}",
        )
    if name == LAST:
        raise UsageError(
            f"{LAST!r} means the newest run", "--run", "choose another name, or omit it"
        )
    if (runs / name).exists():
        raise name_is_taken(runs, name)


def write_run(
    runs: Path,
    name: str | None,
    head: str,
    receipt: Mapping[str, Any],
    metrics: Mapping[str, Any],
    history: Sequence[Mapping[str, Any]],
    fitted: Fitted,
    pictures: Mapping[str, bytes] = MappingProxyType({}),
) -> Path:
    """Write and publish a run folder, whole; return it.

    It holds run.json (the receipt), metrics.json, history.csv, the pictures and the pages, and the
    head's own files. Without `name` it is called by the time (UTC) and the head.
    """
    check_name(runs, name)
    files.make_folder(runs)
    temporary = files.temporary_name(runs)
    files.make_folder(temporary)
    try:
        files.write_synced(temporary / METRICS_FILE, _json(metrics))
        files.write_synced(temporary / "history.csv", _csv(history))
        for picture, data in pictures.items():
            files.write_synced(temporary / picture, data)
        fitted.save(temporary)
        names = sorted({path.name for path in temporary.iterdir()} - EDITABLE)
        files.write_synced(temporary / RUN_FILE, seal(receipt, temporary, names))
        return _publish(temporary, runs, name, head)
    except BaseException:
        files.delete(temporary)
        raise


def _publish(temporary: Path, runs: Path, name: str | None, head: str) -> Path:
    """Give a finished run its name; where a rival took it meanwhile, the next free one or stop."""
    while True:
        target = runs / (name or free_name(runs, head))
        try:
            files.publish(temporary, target)
        except OSError as error:
            if error.errno not in _TAKEN:
                raise
            if name is not None:
                raise name_is_taken(runs, name) from error
        else:
            return target


def name_is_taken(runs: Path, name: str) -> UsageError:
    """Return the error for a run of that name that is there."""
    return UsageError(f"the run {name!r} exists", runs, "choose another with --run NAME")


def free_name(runs: Path, head: str) -> str:
    """Return the name of a run that was given none: the time (UTC) and the head."""
    base = f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{head}"
    name, number = base, 1
    while (runs / name).exists():
        number += 1
        name = f"{base}-{number}"
    return name


def _json(content: Mapping[str, Any]) -> bytes:
    return (json.dumps(content, indent=1, allow_nan=False) + "\n").encode()


def _csv(history: Sequence[Mapping[str, Any]]) -> bytes:
    columns = list(dict.fromkeys(key for entry in history for key in entry))
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(history)
    return text.getvalue().encode()
