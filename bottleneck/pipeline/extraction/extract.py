"""Extract: compute exactly the rows that are missing, and record what the source is now."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from bottleneck.core.guest import as_guest
from bottleneck.core.reporter import SILENT
from bottleneck.data.shared import SharedSource
from bottleneck.pipeline.extraction.sources import asked_for, choose_source
from bottleneck.pipeline.extraction.turn import Turn, failure_noted, take
from bottleneck.store.store import Store

if TYPE_CHECKING:
    from pathlib import Path

    from bottleneck.core.reporter import Reporter
    from bottleneck.pipeline.extraction.options import ExtractOptions


@as_guest()
def extract(
    options: ExtractOptions, reporter: Reporter = SILENT, *, is_strict: bool = False
) -> dict[str, Any]:
    """Bring a store up to date with a source and return the report (DESIGN's keys).

    Parameters
    ----------
    is_strict : whether the command ends with code 7 where something is left to compute; the history
        says what it ended with

    Raises
    ------
    DataError
        Nothing there, shrank by more than half, all unreadable, rows do not fit their dtype.
    RecipeError
        The recipe differs from the store's (without `replace`), or canaries disagree.
    BusyError
        Another run holds the store.
    """
    started = time.perf_counter()
    asked = asked_for(options.data, options.source)
    with failure_noted(options, asked, started, reporter):
        store = existing(options.cache)
        name, source = choose_source(
            store, options.data, options.source, options.reading, is_dry=options.dry_run
        )
    turn = Turn(
        options=options,
        name=name,
        source=SharedSource(source),
        reporter=reporter,
        started=started,
        is_strict=is_strict,
    )
    with failure_noted(options, name, started, reporter):
        return take(turn, store)


def existing(cache: Path) -> Store | None:
    """Return the store at `cache`, or None where one could be made."""
    return Store.open(cache) if Store.is_there(cache) else None
