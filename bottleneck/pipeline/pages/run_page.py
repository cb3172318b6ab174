"""The page of a run: what the store, the source and the head say, handed to `pictures.page`."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from bottleneck.core.paths import from_json_text, shown
from bottleneck.pictures import plots, target_page
from bottleneck.pictures.page import Page, render
from bottleneck.pipeline.extraction.plan import unique_count
from bottleneck.pipeline.network.recipe_words import recipe_facts, recipe_line
from bottleneck.pipeline.pages.decided import in_words
from bottleneck.pipeline.pages.engines import engines
from bottleneck.pipeline.pages.left_out import left_out_in_words
from bottleneck.pipeline.pages.mistakes import mistakes_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from bottleneck.core.sample import Samples
    from bottleneck.pipeline.extraction.look import Look
    from bottleneck.store.store import Store

FILE = "report.html"
NAMED = 20  # of those left out for one reason


def run_page(
    *,
    store: Store,
    samples: Samples,
    at: NDArray[np.int64],
    probabilities: NDArray[np.float32],
    now: Look | None,
    figures: Mapping[str, Any],
    history: Sequence[Mapping[str, Any]],
    drawn: Mapping[str, bytes],
    receipt: Mapping[str, Any],
    frozen: int | None,
    left_out_keys: Mapping[str, Sequence[str]],
) -> bytes:
    """Return report.html of a run.

    Parameters
    ----------
    at : (n,) positions among `samples` of those that the head was judged on
    probabilities : (n, classes), theirs; not looked at where there are no classes
    now : the source as it was looked at; None where it was not there
    figures, history, drawn, receipt : what the run's other files hold
    frozen : how many parameters stayed as they were, where that is known
    left_out_keys : reason → the names of what was left out for it, or of the first of them
    """
    without = "" if plots.can_draw() else f"No pictures of the fit: {plots.INSTALL}"
    panels = {} if without else plots.panels(history, receipt["options"])
    away = "The source was not at hand, so its pictures are not shown." if now is None else ""
    is_of_classes = figures.get("kind", "class") == "class"
    page = Page(
        title=f"{receipt['head']} head on {receipt['source']}",
        subtitle=recipe_line(store.recipe, store.about),
        metrics=figures,
        history=history,
        pictures={**drawn, **panels},
        no_pictures=without,
        frozen=frozen,
        mistakes=mistakes_of(probabilities, samples, at, now) if is_of_classes else (),
        about_mistakes=away,
        cache=_cache(store, samples, receipt, left_out_keys),
        receipt=receipt,
        time=f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        figures="" if is_of_classes else target_page.cards(figures, receipt, frozen),
        others=() if is_of_classes else target_page.sections(figures, drawn),
    )
    return render(page)


def _cache(
    store: Store,
    samples: Samples,
    receipt: Mapping[str, Any],
    left_out_keys: Mapping[str, Sequence[str]],
) -> dict[str, str]:
    """Return what the store held, in words."""
    state, name = store.state, receipt["source"]
    spec = store.snapshot(name).spec
    with_row = int((samples.known & store.has(samples.digests)).sum())
    left_out = left_out_in_words(receipt["split"]["left_out"], left_out_keys, NAMED)
    n_bytes = sum(part.n_bytes for part in state.parts)
    return {
        "store": shown(store.path),
        "commit": f"{state.number} of {state.time}",
        "checksum of the commit": state.checksum,
        **recipe_facts(store.recipe, store.about),
        "rows in the store": f"{sum(part.rows for part in state.parts):,}, {n_bytes / 1e6:.1f} MB",
        "computed by": "; ".join(engines(store)),
        "source": f"{name}: {spec['kind']} {shown(from_json_text(str(spec['where'])))}",
        "images": f"{len(samples):,}, {unique_count(samples):,} different, {with_row:,} with a row",
        "left out": "; ".join(left_out) or "none",
        **({"decisions": in_words(receipt["decisions"])} if "decisions" in receipt else {}),
    }
