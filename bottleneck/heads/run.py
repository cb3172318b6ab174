"""A run: a head, its figures, and the receipt that says what they came from."""

from __future__ import annotations

import csv
import errno
import io
import json
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from bottleneck.core import files
from bottleneck.core.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from bottleneck.heads.catalog import Fitted

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_TAKEN = {errno.EEXIST, errno.ENOTEMPTY}  # what a rename says of a folder that is there


def check_name(runs: Path, name: str | None) -> None:
    """Raise UsageError unless a run of this name can be written."""
    if name is None:
        return
    # What looks like a leftover of a killed run is deleted by gc.
    if not _NAME.fullmatch(name) or name.startswith(files.TEMPORARY_PREFIX):
        raise UsageError(
            f"no name for a run: {name!r}",
            "--run",
            f"letters, digits, . _ -, and no {files.TEMPORARY_PREFIX} at its beginning",
        )
    if (runs / name).exists():
        raise _exists(runs, name)


def write_run(
    runs: Path,
    name: str | None,
    head: str,
    receipt: Mapping[str, Any],
    metrics: Mapping[str, Any],
    history: Sequence[Mapping[str, Any]],
    fitted: Fitted,
) -> Path:
    """Write and publish a run folder, whole; return it.

    It holds run.json (the receipt), metrics.json, history.csv, and the head's own files. Without
    `name` it is called by the time (UTC) and the head.
    """
    check_name(runs, name)
    files.make_folder(runs)
    temporary = files.temporary_name(runs)
    files.make_folder(temporary)
    try:
        files.write_synced(temporary / "run.json", _json(receipt))
        files.write_synced(temporary / "metrics.json", _json(metrics))
        files.write_synced(temporary / "history.csv", _csv(history))
        fitted.save(temporary)
        return _publish(temporary, runs, name, head)
    except BaseException:
        files.delete(temporary)
        raise


def _publish(temporary: Path, runs: Path, name: str | None, head: str) -> Path:
    """Give a finished run its name; where a rival took it meanwhile, the next free one or stop."""
    while True:
        target = runs / (name or _free_name(runs, head))
        try:
            files.publish(temporary, target)
        except OSError as error:
            if error.errno not in _TAKEN:
                raise
            if name is not None:
                raise _exists(runs, name) from error
        else:
            return target


def _exists(runs: Path, name: str) -> UsageError:
    return UsageError(f"the run {name!r} exists", runs, "choose another with --run NAME")


def _free_name(runs: Path, head: str) -> str:
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
