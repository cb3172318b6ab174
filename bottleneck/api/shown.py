"""How a store looks: in one line, and as tables in a notebook."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bottleneck.core import notebook
from bottleneck.core.sample import SPLITS
from bottleneck.core.text import as_known
from bottleneck.pipeline.network.recipe_words import recipe_line

if TYPE_CHECKING:
    from bottleneck.store.store import Store

MOST_SOURCES = 5  # named in one line


def in_a_line(store: Store) -> str:
    """Return what a store is: its folder, commit, network, rows and sources."""
    names = store.source_names
    sources = [
        f"{found['source']} ({notebook.plain(found['images'])} images, "
        f"{notebook.plain(found['classes'])} classes, {notebook.plain(found['splits'])})"
        for found in (_source_facts(store, name) for name in names[:MOST_SOURCES])
    ]
    n_more = len(names) - len(sources)
    listed = ", ".join([*sources, *([f"and {n_more} more"] if n_more else [])])
    return (
        f"FeatureStore({as_known(str(store.path))!r}, commit {store.state.number}: "
        f"{recipe_line(store.recipe, store.about)}; {_n_rows(store):,} rows; "
        f"{listed or 'no source'})"
    )


def in_html(store: Store) -> str:
    """Return the same as tables, every text escaped."""
    facts = {
        "folder": as_known(str(store.path)),
        "commit": f"{store.state.number} of {store.state.time}",
        "network": recipe_line(store.recipe, store.about),
        "layer": store.about.get("layer"),
        "rows": _n_rows(store),
    }
    names = store.source_names
    sources = [_source_facts(store, name) for name in names[: notebook.MOST_ROWS]]
    grid = notebook.grid("sources", sources, len(names)) if sources else ""
    return notebook.facts("FeatureStore", facts) + grid


def _n_rows(store: Store) -> int:
    return sum(part.rows for part in store.state.parts)


def _source_facts(store: Store, name: str) -> dict[str, object]:
    samples = store.snapshot(name).samples
    counts = np.bincount(samples.splits, minlength=len(SPLITS)).tolist()
    return {
        "source": name,
        "images": len(samples),
        "classes": len(samples.classes),
        "splits": {split: n for split, n in zip(SPLITS, counts, strict=True) if n},
    }
