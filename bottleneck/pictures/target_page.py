"""What a run's page says of labels and of numbers, where a page of classes has a confusion matrix.

Figures are cards, and each label or number is a line of a table, beside the picture of all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bottleneck.core.figures import spelled
from bottleneck.core.text import count
from bottleneck.pictures.canvas import SPLIT_NAMES
from bottleneck.pictures.elements import drawn, scrolled, text, value
from bottleneck.pictures.target_plots import LABELS, NUMBERS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

MOST_OPEN = 20  # lines of a table that is open; more are folded

Card = tuple[str, str, str]  # name, HTML of the figure, what it is


def cards(metrics: Mapping[str, Any], receipt: Mapping[str, Any], frozen: int | None) -> str:
    """Return the figures of a run of labels or numbers as HTML.

    Parameters
    ----------
    metrics, receipt : what metrics.json and run.json hold
    frozen : how many parameters stayed as they were, where that is known
    """
    judged = f"of {_judged(metrics)}"
    figures = _of_labels if metrics["kind"] == "labels" else _of_numbers
    samples = receipt["split"]["samples"]
    left_out = [f"{n:,} {why}" for why, n in receipt["split"]["left_out"].items() if n]
    trained = f"images; {samples['val']:,} to validate, {samples['test']:,} to test"
    if left_out:
        trained += f"; left out: {', '.join(left_out)}"
    of = "" if frozen is None else f"trainable of {metrics['parameters'] + frozen:,}"
    found: list[Card] = [
        *figures(metrics, judged),
        ("Trained on", f"{samples['train']:,}", trained),
        ("Parameters", f"{metrics['parameters']:,}", of),
        ("Epochs", f"{metrics['epochs']:,}", "how often the training rows were gone through"),
        ("Seconds", f"{metrics['seconds']:.1f}", "from the rows in the cache"),
    ]
    each = (
        f"<div><dt>{text(name)}</dt><dd>{figure}<small>{text(more)}</small></dd></div>"
        for name, figure, more in found
    )
    return f'<dl class="cards">{"".join(each)}</dl>'


def _of_labels(metrics: Mapping[str, Any], judged: str) -> list[Card]:
    chosen = "thresholds were chosen on the validation images"
    if metrics["split"] == "folds":
        chosen = "thresholds of each fold were chosen on the other folds"
    if metrics["split"] == "val":
        chosen += ", which are these, so F1 is somewhat too good"
    return [
        (
            "Macro average precision",
            value(metrics["macro_average_precision"]),
            judged + _sure("macro_average_precision", metrics),
        ),
        ("By chance", value(metrics["baseline"]), "the macro average precision to beat"),
        (
            "Micro average precision",
            value(metrics["micro_average_precision"]),
            "all labels of all images together",
        ),
        ("Macro F1", value(metrics["macro_f1"]), chosen),
        ("Micro F1", value(metrics["micro_f1"]), "all labels of all images together"),
        ("Loss", value(metrics["loss"]), "mean binary cross-entropy, nats"),
    ]


def _of_numbers(metrics: Mapping[str, Any], judged: str) -> list[Card]:
    n = len(metrics["numbers"])
    mean = f"mean of {n} numbers, {judged}" if n > 1 else judged
    return [
        ("R²", value(metrics["r2"]), mean + _sure("r2", metrics)),
        (
            "RMSE",
            value(metrics["rmse"]),
            "root of the mean squared error, in the number's unit" + _sure("rmse", metrics),
        ),
        ("Always the training mean", value(metrics["baseline"]), "the RMSE to beat"),
        (
            "MAE",
            value(metrics["mae"]),
            "mean absolute error, in the number's unit" + _sure("mae", metrics),
        ),
    ]


def _sure(name: str, metrics: Mapping[str, Any]) -> str:
    """Return the interval of a figure behind what it is; of folds it is of their mean."""
    if metrics["split"] == "folds":
        ends = metrics["folds"]["figures"][name]["interval"]
    else:
        ends = (metrics.get("intervals") or {}).get(name)
    return f"; 95% interval {spelled(name, ends[0])} to {spelled(name, ends[1])}" if ends else ""


def sections(metrics: Mapping[str, Any], pictures: Mapping[str, bytes]) -> list[tuple[str, str]]:
    """Return (title, HTML) of the sections about each label or number."""
    is_labels = metrics["kind"] == "labels"
    title, picture = ("Labels", LABELS) if is_labels else ("Numbers", NUMBERS)
    shown = ""
    if picture in pictures:
        words = (
            "The average precision of each label, the lowest first, and what an order by chance "
            "would have."
            if is_labels
            else "What was predicted over what is true, and how far off it is."
        )
        shown = drawn(pictures[picture], words, words)
    table = _labels(metrics) if is_labels else _numbers(metrics)
    return [(title, f'<div class="beside"><div>{shown}</div>{table}</div>')]


def _labels(metrics: Mapping[str, Any]) -> str:
    columns: dict[str, Callable[[Mapping[str, Any]], str]] = {
        "images": lambda found: f"{found['samples']:,}",
        "have it": lambda found: f"{found['positives']:,}",
        "average precision": lambda found: _share(found["average_precision"]),
        "F1": lambda found: _share(found["f1"]),
        "precision": lambda found: _share(found["precision"]),
        "recall": lambda found: _share(found["recall"]),
        "threshold": lambda found: _share(found["threshold"]),
    }
    return _table("label", metrics["labels"], columns, _judged(metrics))


def _numbers(metrics: Mapping[str, Any]) -> str:
    columns: dict[str, Callable[[Mapping[str, Any]], str]] = {
        "images": lambda found: f"{found['samples']:,}",
        "R²": lambda found: _share(found["r2"]),
        "RMSE": lambda found: _figure(found["rmse"]),
        "of the training mean": lambda found: _figure(found["baseline_rmse"]),
        "MAE": lambda found: _figure(found["mae"]),
        "of the mean": lambda found: _figure(found["baseline_mae"]),
    }
    return _table("number", metrics["numbers"], columns, _judged(metrics))


def _table(
    what: str,
    each: Mapping[str, Mapping[str, Any]],
    columns: Mapping[str, Callable[[Mapping[str, Any]], str]],
    judged: str,
) -> str:
    names: Sequence[str] = [what, *columns]
    head = "".join(f'<th scope="col">{name}</th>' for name in names)
    rows = "".join(
        f'<tr><th scope="row">{text(name)}</th>'
        + "".join(f"<td>{shown(found)}</td>" for shown in columns.values())
        + "</tr>"
        for name, found in each.items()
    )
    caption = f"Each {what} of the {judged}"
    table = scrolled(
        f'<table class="numbers"><caption>{caption}</caption><thead><tr>{head}</tr></thead>'
        f"<tbody>{rows}</tbody></table>",
        caption,
    )
    if len(each) > MOST_OPEN:
        return f"<details><summary>{len(each):,} {what}s, each</summary>{table}</details>"
    return table


def _judged(metrics: Mapping[str, Any]) -> str:
    return count(metrics["samples"], f"{SPLIT_NAMES[metrics['split']]} image")


def _share(number: float | None) -> str:
    return "-" if number is None else f"{number:.4f}"


def _figure(number: float | None) -> str:
    return "-" if number is None else f"{number:.4g}"
