"""What a page says of folds, of few labels, and of how sure a head is, where that was asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bottleneck.core.figures import FEW, MAIN, WORDS, spelled
from bottleneck.core.text import count
from bottleneck.pictures.elements import drawn, facts, scrolled, text
from bottleneck.pictures.reliability import FILE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def sections(metrics: Mapping[str, Any], pictures: Mapping[str, bytes]) -> list[tuple[str, str]]:
    """Return (title, HTML) of each; the HTML is empty for what was not asked for.

    Parameters
    ----------
    metrics : what metrics.json holds
    pictures : PNGs by file name
    """
    return [
        ("Cross-validation", _folds(metrics.get("folds"))),
        ("Few labels", _few(metrics.get("few_shot"), metrics.get("kind", "class"))),
        ("Calibration", _calibration(metrics.get("calibration"), pictures)),
    ]


def interval(found: Mapping[str, Any]) -> str:
    """Return the 95 % interval of a mean; a dash where there is none."""
    ends = found["interval"]
    return f"{ends[0]:.4f} to {ends[1]:.4f}" if ends else "-"


def _folds(found: Mapping[str, Any] | None) -> str:
    if not found:
        return ""
    again = f", {found['repeats']} times" if found["repeats"] > 1 else ""
    said: dict[str, Any] = {"folds": f"{found['k']}{again}, of {count(found['samples'], 'image')}"}
    figures = found.get("figures") or {"accuracy": {**found, "mean": found["accuracy"]}}
    for i, (name, figure) in enumerate(figures.items()):
        mean, ends = figure["mean"], figure["interval"]
        said[f"mean {WORDS[name]}"] = "-" if mean is None else spelled(name, mean)
        shown = f"{spelled(name, ends[0])} to {spelled(name, ends[1])}" if ends else "-"
        said["95 % interval" if not i else f"95 % interval of {WORDS[name]}"] = shown
        if not i:
            each = ["-" if value is None else spelled(name, value) for value in figure["each"]]
            said["of each fold"] = each
    return facts({**said, "every image": "out_of_fold.csv, beside this page"})


def _few(entries: Sequence[Mapping[str, Any]] | None, kind: str) -> str:
    if not entries:
        return ""
    main = MAIN[kind]
    columns = (FEW[kind], "images", "tries", f"mean {WORDS[main]}", "95 % interval")
    head = "".join(f'<th scope="col">{name}</th>' for name in columns)
    rows = "".join(
        f'<tr><th scope="row">{text(entry["labels"] or "all")}</th><td>{entry["images"]:,}</td>'
        f"<td>{entry['tries']}</td><td>{_mean(entry[main])}</td><td>{interval(entry)}</td></tr>"
        for entry in entries
    )
    words = WORDS[main]
    name = f"{words[:1].upper()}{words[1:]} with so many: {FEW[kind]}"
    return scrolled(
        f'<table class="numbers"><caption>{name}</caption>'
        f"<thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>",
        name,
    )


def _mean(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"


def _calibration(found: Mapping[str, Any] | None, pictures: Mapping[str, bytes]) -> str:
    if not found:
        return ""
    if "numbers" in found:
        said = {"by": count(found["samples"], "image")}
        return facts(said | {name: _within(found, of) for name, of in found["numbers"].items()})
    before, after = found["before"]["ece"], found["after"]["ece"]
    temperature = facts(
        {
            "temperature": f"{found['temperature']:.4f}, of {count(found['samples'], 'image')}",
            "expected calibration error": f"{before:.4f} before, {after:.4f} after",
        }
    )
    words = "How often the answers are right, over how sure the head is, before and after."
    return temperature + (drawn(pictures[FILE], words, words) if FILE in pictures else "")


def _within(found: Mapping[str, Any], of: Mapping[str, Any]) -> str:
    if of["width"] is None:
        return "too few images tell how far off it may be"
    judged = "" if of["coverage"] is None else f"; of those judged {of['coverage']:.4f}"
    return f"± {of['width']:.4g} for {found['level']:.0%} of images{judged}"
