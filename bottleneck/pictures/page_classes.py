"""What a page says of the classes: which is taken for which, and each with its figures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from bottleneck.pictures.elements import drawn, scrolled, text
from bottleneck.pictures.matrix import worst_confusions

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

MOST_OPEN = 20  # classes in a table that is open; more are folded
MOST_IN_CELLS = 10  # classes whose numbers are read off the matrix on a phone too
_COLUMNS = ("class", "images", "recall", "precision", "F1", "most often taken for (times)")
_LEAST = {1, 4}  # the columns that a narrow screen leaves out


def classes_section(metrics: Mapping[str, Any], matrix: bytes | None, judged: str) -> str:
    """Return the confusion matrix, and what it says of each class, in words.

    Parameters
    ----------
    metrics : what metrics.json holds
    matrix : PNG, where one was drawn
    judged : how many images of which split, in words
    """
    names = list(metrics["classes"])
    counts = np.array(metrics["confusion"], np.int64).reshape(len(names), len(names))
    told = _confusions(counts, names)
    shown = "" if matrix is None else drawn(matrix, *_words(counts, names))
    return f'<div class="beside"><div>{shown}{told}</div>{_table(metrics, counts, judged)}</div>'


def _words(counts: NDArray[np.int64], names: Sequence[str]) -> tuple[str, str]:
    """Return the matrix in words, and its caption."""
    caption = (
        f"{len(names):,} classes: a row is the truth, a column the answer, "
        "and the colour the share of the row"
    )
    worst = worst_confusions(counts, 1)
    if worst:
        caption += (
            f"; most often {names[worst[0].truth]} is taken for {names[worst[0].answer]}, "
            f"{_times(worst[0].times)}"
        )
    return f"{caption}.", f"{caption}."


def _confusions(counts: NDArray[np.int64], names: Sequence[str]) -> str:
    """Return the worst confusions as a list, where the matrix has more cells than can be read."""
    worst = worst_confusions(counts) if len(names) > MOST_IN_CELLS else []
    if not worst:
        return ""
    found = "".join(
        f"<li><b>{text(names[one.truth])}</b> taken for <b>{text(names[one.answer])}</b> "
        f"<small>{_times(one.times)} of {one.of:,} ({one.times / one.of:.1%})</small></li>"
        for one in worst
    )
    return f'<h3>The most frequent confusions</h3><ol class="confusions">{found}</ol>'


def _table(metrics: Mapping[str, Any], counts: NDArray[np.int64], judged: str) -> str:
    classes = metrics["classes"]
    names = list(classes)
    wrong = counts - np.diag(np.diag(counts))
    rows = []
    for i, (name, found) in enumerate(classes.items()):
        other = int(wrong[i].argmax())
        taken = f"{text(names[other])} ({wrong[i, other]:,})" if wrong[i, other] else ""
        rows.append(_row(name, f"{found['samples']:,}", found, taken))
    foot = _row("mean (macro)", "", metrics["macro"], "")
    head = "".join(f'<th scope="col"{_least(at)}>{name}</th>' for at, name in enumerate(_COLUMNS))
    caption = f"Each class of the {judged}"
    table = scrolled(
        f"<table><caption>{caption}</caption><thead><tr>{head}</tr></thead>"
        f"<tbody>{''.join(rows)}</tbody><tfoot>{foot}</tfoot></table>",
        caption,
    )
    if len(classes) > MOST_OPEN:
        return f"<details><summary>{len(classes):,} classes, each</summary>{table}</details>"
    return table


def _row(name: str, n: str, found: Mapping[str, Any], taken: str) -> str:
    cells = (n, *(_share(found[key]) for key in ("recall", "precision", "f1")), taken)
    return (
        f'<tr><th scope="row">{text(name)}</th>'
        + "".join(f"<td{_least(at)}>{cell}</td>" for at, cell in enumerate(cells, 1))
        + "</tr>"
    )


def _least(column: int) -> str:
    return ' class="least"' if column in _LEAST else ""


def _share(number: float | None) -> str:
    return "-" if number is None else f"{number:.4f}"


def _times(n: int) -> str:
    return {1: "once", 2: "twice"}.get(int(n), f"{n:,} times")
