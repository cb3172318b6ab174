"""Copy: a store's newest commit, brought to another disk, or to or from a bucket."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from bottleneck.core.errors import OccupiedError, UsageError
from bottleneck.core.reporter import SILENT
from bottleneck.core.text import as_known
from bottleneck.store import history
from bottleneck.store.lock import hold
from bottleneck.store.store import Store
from bottleneck.store.transfer import target_of, transfer

if TYPE_CHECKING:
    from pathlib import Path

    from bottleneck.core.reporter import Reporter


def copy(
    source: Path, target: Path, reporter: Reporter = SILENT, wait_s: float | None = None
) -> dict[str, Any]:
    """Bring the newest commit of a store to another one; see `store.transfer`.

    Returns
    -------
    dict
        verb, from, to, commit (of the first), to_commit, rows, files and bytes that came, there
        (files that had come before), seconds
    """
    started = time.perf_counter()
    store = Store.open(source)
    n_rows = sum(part.rows for part in store.state.parts)
    try:
        other = target_of(store, target)
    except OccupiedError as error:
        raise UsageError(error.what, error.where, "choose another place to copy to") from None
    with hold(target, wait_s), reporter.progress(n_rows, "copy") as bar:
        moved = transfer(store, other, bar.update)
    report = {
        "verb": "copy",
        "from": as_known(str(source)),
        "to": as_known(str(target)),
        "commit": moved.commit,
        "to_commit": moved.store.state.number,
        "rows": sum(part.rows for part in moved.store.state.parts),
        "files": moved.n_files,
        "bytes": moved.n_bytes,
        "there": moved.there,
        "seconds": round(time.perf_counter() - started, 3),
    }
    history.note(target, history.ended(report))
    return report
