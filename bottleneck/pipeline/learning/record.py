"""A training as it is kept: the report, the receipt, the pictures, the page and the run folder."""

from __future__ import annotations

import platform
from dataclasses import fields
from typing import TYPE_CHECKING, Any

import numpy as np

from bottleneck.core.sample import show_key
from bottleneck.core.version import __version__
from bottleneck.heads.run import write_run
from bottleneck.pictures import plots
from bottleneck.pipeline.pages.run_page import FILE as PAGE
from bottleneck.pipeline.pages.run_page import run_page
from bottleneck.store import history

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bottleneck.core.reporter import Reporter
    from bottleneck.heads.task import Fitted
    from bottleneck.pipeline.learning.judge import Judged
    from bottleneck.pipeline.learning.train_options import TrainOptions
    from bottleneck.pipeline.learning.training_data import TrainingData
    from bottleneck.store.store import Store

MOST_KEYS = 100  # of those left out for one reason, in the report


def record(
    options: TrainOptions,
    data: TrainingData,
    fitted: Fitted,
    judged: Judged,
    seconds: float,
    reporter: Reporter,
) -> dict[str, Any]:
    """Write the run's folder and the store's line about it; return the report."""
    report = _report(options, data, fitted, judged, seconds)
    figures = {
        **judged.figures,
        **{key: report[key] for key in ("seconds", "epochs", "parameters")},
    }
    receipt = _receipt(options, data, fitted, report)
    title = f"{options.head} head on {data.source}"
    drawn = _pictures(fitted, figures, title, reporter)
    page = run_page(
        store=data.store,
        samples=data.samples,
        at=judged.at,
        probabilities=judged.probabilities,
        now=data.now,
        figures=figures,
        history=fitted.history,
        drawn=drawn,
        receipt=receipt,
        frozen=report["frozen_parameters"],
        left_out_keys=report["left_out_keys"],
    )
    run = write_run(
        data.store.runs,
        options.run,
        options.head,
        receipt,
        figures,
        fitted.history,
        fitted,
        {**drawn, PAGE: page},
    )
    report = {**report, "run": str(run)}
    entry = {k: v for k, v in report.items() if k != "left_out_keys"}
    data.store.append_history(history.ended(entry))
    return report


def frozen_parameters(store: Store, fitted: Fitted) -> int | None:
    """Return how many parameters stayed as they were, the network's among them, if that is known.

    Stores that were made before do not say how many their network has.
    """
    before: int | None = store.about.get("parameters")
    return None if before is None else before + fitted.frozen


def _report(
    options: TrainOptions,
    data: TrainingData,
    fitted: Fitted,
    judged: Judged,
    seconds: float,
) -> dict[str, Any]:
    """Return the report but for the run's folder (DESIGN's keys)."""
    store, figures = data.store, judged.figures
    return {
        "verb": "train",
        "store": str(options.cache),
        "source": data.source,
        "commit": store.state.number,
        "recipe": store.recipe.id,
        "head": options.head,
        "classes": len(data.samples.classes),
        "views": store.recipe.views.number,
        "samples": data.counts,
        "left_out": {why: len(keys) for why, keys in data.left_out.items()},
        "left_out_keys": {
            why: [show_key(bytes(key)) for key in keys[:MOST_KEYS]]
            for why, keys in data.left_out.items()
        },
        "judged_on": judged.split if data.counts[judged.split] else None,
        **{key: figures[key] for key in ("accuracy", "top5", "loss", "baseline")},
        "seconds": round(seconds, 3),
        "epochs": fitted.epochs,
        "parameters": fitted.parameters,
        "frozen_parameters": frozen_parameters(store, fitted),
        "source_seen": data.now is not None,
    }


def _pictures(
    fitted: Fitted, figures: dict[str, Any], title: str, reporter: Reporter
) -> dict[str, bytes]:
    if not plots.can_draw():
        reporter.say(f"no pictures of the run: {plots.INSTALL}")
        return {}
    return plots.draw(fitted.history, figures, title, fitted.options)


def _receipt(
    options: TrainOptions, data: TrainingData, fitted: Fitted, report: Mapping[str, Any]
) -> dict[str, Any]:
    """Return run.json: everything that says where this head came from."""
    store = data.store
    asked = {
        field.name: getattr(options, field.name)
        for field in fields(options)
        if field.name not in ("cache", "head_options")
    }
    return {
        "store": {
            "path": str(options.cache),
            "commit": store.state.number,
            "checksum": store.state.checksum,
        },
        "recipe": store.recipe.id,
        "about": store.about,
        "source": data.source,
        "snapshot": store.state.sources[data.source].snapshot,
        "classes": list(data.samples.classes),
        "split": {
            "validation": options.validation_split,
            "seed": options.seed,
            "samples": report["samples"],
            "left_out": report["left_out"],
        },
        "head": options.head,
        "options": {**asked, **fitted.options},
        "versions": {
            "bottleneck-cache": __version__,
            "numpy": np.__version__,
            "python": platform.python_version(),
            **fitted.versions,
        },
    }
