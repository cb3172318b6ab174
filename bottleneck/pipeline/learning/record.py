"""A training as it is kept: the report, the receipt, the pictures, the page and the run folder."""

from __future__ import annotations

import platform
from dataclasses import fields
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from bottleneck.core import files
from bottleneck.core.paths import to_json_text
from bottleneck.core.sample import show_key
from bottleneck.core.text import as_known
from bottleneck.core.version import __version__
from bottleneck.heads.run import free_name, name_is_taken, write_run
from bottleneck.pictures import plots, target_plots
from bottleneck.pictures.reliability import FILE as RELIABILITY
from bottleneck.pictures.reliability import reliability
from bottleneck.pipeline.pages.model_card import FILE as CARD
from bottleneck.pipeline.pages.model_card import model_card
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

TRACKED = ("tensorboard", "mlflow")  # where else the run is told of
# Of the report, and not in the history.
LONG = {"left_out_keys", "few_shot", "calibration", "decisions"}
# In a receipt where asked for.
EVALUATION = ("folds", "repeats", "few_shot", "tries", "calibrate", "decisions")
# Of labels, and of numbers; None where there is another kind of target, as accuracy and top5 are.
MORE_FIGURES = (
    "macro_average_precision", "micro_average_precision", "macro_f1", "micro_f1",
    "mae", "rmse", "r2",
)  # fmt: skip
MOST_KEYS = 100  # of those left out for one reason, in the report


def record(
    options: TrainOptions,
    data: TrainingData,
    fitted: Fitted,
    judged: Judged,
    seconds: float,
    reporter: Reporter,
    found: Mapping[str, Any] = MappingProxyType({}),
    tables: Mapping[str, bytes] = MappingProxyType({}),
) -> dict[str, Any]:
    """Write the run's folder and the store's line about it; return the report.

    Parameters
    ----------
    found : what else is known, for the report and the figures
    tables : further files of the folder, by name
    """
    report = {**_report(options, data, fitted, judged, seconds), **found}
    figures = {
        **judged.figures,
        **found,
        **{key: report[key] for key in ("seconds", "epochs", "parameters")},
    }
    receipt = _receipt(options, data, fitted, report) | _receipt_of_targets(data, judged)
    title = f"{options.head} head on {data.source}"
    drawn = _pictures(fitted, figures, title, reporter, data, judged)
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
    card = model_card(
        store=data.store,
        samples=data.samples,
        receipt=receipt,
        figures=figures,
        asked=_said(options),
        head_options=options.head_options,
        fitted_options=fitted.options,
        left_out_keys=report["left_out_keys"],
        is_seen=data.now is not None,
    )
    run = write_run(
        data.store.storage.new_runs,
        options.run,
        options.head,
        receipt,
        figures,
        fitted.history,
        fitted,
        {**drawn, **tables, PAGE: page, CARD: card},
    )
    run = _published(data.store, run, options)
    report = {**report, "run": as_known(str(run))}
    entry = {k: v for k, v in report.items() if k not in LONG}
    data.store.append_history(history.ended(entry))
    return report


def _published(store: Store, run: Path, options: TrainOptions) -> Path:
    """Put a run where others look; return its folder. Elsewhere its name may have been taken."""
    while True:
        try:
            return store.storage.publish_run(run.name)
        except FileExistsError as error:
            if options.run is not None:
                files.delete(run)
                raise name_is_taken(store.runs, run.name) from error
            files.move(run, other := run.parent / free_name(run.parent, options.head))
            run = other


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
        "store": as_known(str(options.cache)),
        "source": data.source,
        "commit": store.state.number,
        "recipe": store.recipe.id,
        "head": options.head,
        "kind": data.kind,
        "classes": len(data.samples.classes),
        "targets": 0 if data.kind == "class" else len(data.names),
        "views": store.recipe.views.number,
        "samples": data.counts,
        "left_out": {why: len(keys) for why, keys in data.left_out.items()},
        "left_out_keys": {
            why: [show_key(bytes(key)) for key in keys[:MOST_KEYS]]
            for why, keys in data.left_out.items()
        },
        "judged_on": judged.split if len(judged.at) else None,
        **{key: figures[key] for key in ("accuracy", "top5", "loss", "baseline")},
        **{key: figures.get(key) for key in ("ece", "brier", *MORE_FIGURES)},
        "seconds": round(seconds, 3),
        "epochs": fitted.epochs,
        "parameters": fitted.parameters,
        "frozen_parameters": frozen_parameters(store, fitted),
        "source_seen": data.now is not None,
        **({"decisions": data.decisions} if data.decisions else {}),
    }


def _pictures(
    fitted: Fitted,
    figures: dict[str, Any],
    title: str,
    reporter: Reporter,
    data: TrainingData,
    judged: Judged,
) -> dict[str, bytes]:
    if not plots.can_draw():
        reporter.say(f"no pictures of the run: {plots.INSTALL}")
        return {}
    targets = data.samples.targets
    sure = {}
    if "calibration" in figures and data.kind != "numbers":
        sure[RELIABILITY] = reliability(figures["calibration"], title)
    if targets is None:
        return plots.draw(fitted.history, figures, title, fitted.options) | sure
    fit = plots.draw(fitted.history, {"confusion": (), "classes": {}}, title, fitted.options)
    truth = targets.values[judged.at]
    return fit | sure | target_plots.draw_targets(figures, judged.probabilities, truth, title)


def _receipt_of_targets(data: TrainingData, judged: Judged) -> dict[str, Any]:
    """Return what run.json says besides of labels or numbers: which, and what goes with each.

    That is the threshold of a label, and the width of a number's interval.
    """
    if data.kind == "class":
        return {}
    thresholds = {"thresholds": list(judged.thresholds)} if judged.thresholds else {}
    found = judged.figures.get("calibration", {}).get("numbers")
    widths = {"widths": [found[name]["width"] for name in data.names]} if found else {}
    return {"targets": {"kind": data.kind, "names": list(data.names), **thresholds, **widths}}


def _asked(options: TrainOptions) -> dict[str, Any]:
    """Return what was asked for that makes the head and its figures what they are, and its name."""
    return {
        field.name: _written(getattr(options, field.name))
        for field in fields(options)
        if field.name not in ("cache", "head_options", *TRACKED)
        and (field.name not in EVALUATION or getattr(options, field.name) != field.default)
    }


def _written(value: Any) -> Any:
    return to_json_text(str(value)) if isinstance(value, Path) else value


def _said(options: TrainOptions) -> dict[str, Any]:
    """Return what was asked for as a command says it: without defaults, but for the usual four."""
    always = ("head", "seed", "validation_split", "on_stale")
    defaults = {field.name: field.default for field in fields(options)}
    asked = _asked(options)
    return {k: v for k, v in asked.items() if k in always or v != defaults[k]}


def _receipt(
    options: TrainOptions, data: TrainingData, fitted: Fitted, report: Mapping[str, Any]
) -> dict[str, Any]:
    """Return run.json: everything that says where this head came from."""
    store = data.store
    return {
        "time": datetime.now(UTC).isoformat(timespec="microseconds"),
        "store": {
            "path": as_known(str(options.cache)),
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
        "options": {**_asked(options), **fitted.options},
        **({"decisions": data.decisions} if data.decisions else {}),
        "versions": {
            "bottleneck-cache": __version__,
            "numpy": np.__version__,
            "python": platform.python_version(),
            **fitted.versions,
        },
    }
