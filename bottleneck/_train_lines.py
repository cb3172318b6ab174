"""What a training says to people: its figures, folds, few labels and calibration, and its run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bottleneck.core import console
from bottleneck.core.figures import FEW, MAIN, WORDS, spelled
from bottleneck.core.text import count

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

SAID = {"folds": "out-of-fold"}


def report_lines(report: Mapping[str, Any], left_out: Sequence[str]) -> list[str]:
    """Return the report for people.

    Parameters
    ----------
    left_out : what it says of images that were left out
    """
    found = []
    judged_on = report["judged_on"]
    if judged_on is not None:
        counts = {**report["samples"], "folds": report.get("folds", {}).get("samples")}
        judged = count(counts[judged_on], f"{SAID.get(judged_on, judged_on)} image")
        found.append(_FIGURES[report["kind"]](report, judged))
    else:
        found.append(
            f"fitted on all {report['samples']['train']:,} images: none was kept to judge it by, "
            "so there is no accuracy"
        )
    found += [*_folds(report), *_few_shot(report), *_calibration(report)]
    if left_out:
        found.append(f"left out: {', '.join(left_out)}")
    found.append(
        f"{report['head']} head, {_parameters(report)}, {count(report['epochs'], 'epoch')}, "
        f"{report['seconds']:.1f} s"
    )
    found += [f"{tracker}: {where}" for tracker, where in report["told"].items()]
    found.append(report["run"])
    return found


def _folds(report: Mapping[str, Any]) -> list[str]:
    folds = report.get("folds")
    if not folds:
        return []
    n = f"{folds['k']} folds" + (f", {folds['repeats']} times" if folds["repeats"] > 1 else "")
    main, *others = folds["figures"].items()
    return [f"{n}: mean {_of_folds(*main)}", *(f"  {_of_folds(*each)}" for each in others)]


def _of_folds(name: str, figure: Mapping[str, Any]) -> str:
    known = [value for value in figure["each"] if value is not None]
    if not known:
        return f"{WORDS[name]}: no fold tells it"
    each = f"each {spelled(name, min(known))} to {spelled(name, max(known))}"
    ends = figure["interval"]
    sure = "no interval: all alike"
    if ends:
        sure = f"95 % interval {spelled(name, ends[0])} to {spelled(name, ends[1])}"
    return f"{WORDS[name]} {spelled(name, figure['mean'])} ({sure}; {each})"


def _few_shot(report: Mapping[str, Any]) -> list[str]:
    entries = report.get("few_shot")
    if not entries:
        return []
    kind = report["kind"]
    rows = [(FEW[kind], "images", "tries", WORDS[MAIN[kind]], "95 % interval")]
    for entry in entries:
        interval, mean = entry["interval"], entry[MAIN[kind]]
        rows.append(
            (
                str(entry["labels"] or "all"),
                f"{entry['images']:,}",
                str(entry["tries"]),
                "-" if mean is None else f"{mean:.4f}",
                f"{interval[0]:.4f} to {interval[1]:.4f}" if interval else "-",
            )
        )
    return console.table(rows)


def _calibration(report: Mapping[str, Any]) -> list[str]:
    found = report.get("calibration")
    if not found:
        return []
    if "numbers" in found:
        each = [_width(name, of["width"], of["coverage"]) for name, of in found["numbers"].items()]
        by = count(found["samples"], "image")
        return [f"calibrated by {by}, {found['level']:.0%} lie within: {', '.join(each)}"]
    return [
        f"calibrated by {found['samples']:,} images at temperature {found['temperature']:.3f}: "
        f"calibration error {found['before']['ece']:.4f} before, {found['after']['ece']:.4f} after"
    ]


def _width(name: str, width: float | None, coverage: float | None) -> str:
    if width is None:
        return f"{name} not known, of too few"
    judged = "" if coverage is None else f" ({spelled('accuracy', coverage)} of those judged)"
    return f"{name} ± {width:.4g}{judged}"


def _of_classes(report: Mapping[str, Any], judged: str) -> str:
    # Of five classes the right one is always among five.
    top5 = f"top 5 {report['top5']:.4f}, " if report["classes"] > 5 else ""
    return (
        f"accuracy {report['accuracy']:.4f} on {judged} "
        f"({top5}loss {report['loss']:.4f}; {_baseline(report['baseline'])})"
    )


def _of_labels(report: Mapping[str, Any], judged: str) -> str:
    if report["macro_average_precision"] is None:
        return f"none of {judged} has any of the {report['targets']} labels, so nothing is judged"
    return (
        f"average precision {report['macro_average_precision']:.4f} macro, "
        f"{report['micro_average_precision']:.4f} micro on {judged}, {report['targets']} labels "
        f"(F1 {report['macro_f1']:.4f} macro, {report['micro_f1']:.4f} micro; by chance: average "
        f"precision {report['baseline']:.4f})"
    )


def _of_numbers(report: Mapping[str, Any], judged: str) -> str:
    r2 = "none" if report["r2"] is None else f"{report['r2']:.4f}"
    mean = f", mean of {report['targets']} numbers" if report["targets"] > 1 else ""
    if report["rmse"] is None:
        return f"of {judged} no number is known, so nothing is judged"
    return (
        f"R² {r2}, RMSE {report['rmse']:.4g}, MAE {report['mae']:.4g} on {judged}{mean} "
        f"(always the training mean: RMSE {report['baseline']:.4g})"
    )


_FIGURES = {"class": _of_classes, "labels": _of_labels, "numbers": _of_numbers}


def _baseline(baseline: float | None) -> str:
    if baseline is None:
        return "none of them is of the class that is commonest in training"
    return f"always the commonest class: {baseline:.4f}"


def _parameters(report: Mapping[str, Any]) -> str:
    trained, frozen = report["parameters"], report["frozen_parameters"]
    if frozen is None:
        return f"{trained:,} parameters"
    return f"{trained:,} trainable of {trained + frozen:,} parameters"
