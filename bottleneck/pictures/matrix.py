"""The confusion matrix, drawn, and its worst confusions, to be told in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from bottleneck.pictures.canvas import WORDS, folded, new_figure, png, short

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

MOST_NAMES = 40  # classes; more names cannot be read
MOST_NUMBERS = 20  # classes; in more cells numbers cannot be read
MOST_DOTS = 400  # on a side; of more cells a picture has not enough, and would mix them to gray
NUMBERS = 9  # points
CONFUSIONS = 10  # that are told


class Confusion(NamedTuple):
    """How often one class is taken for another: `times` of the `of` rows that are of `truth`."""

    truth: int
    answer: int
    times: int
    of: int


def worst_confusions(counts: NDArray[np.int64], most: int = CONFUSIONS) -> list[Confusion]:
    """Return which classes are taken for which most often, of counts (k, k), the most first.

    Of equal counts the larger share of the class is first. Single mistakes are left out: which of
    them are told would be chance.
    """
    n_rows = counts.sum(axis=1)
    wrong = counts - np.diag(np.diag(counts))
    truth, answer = np.nonzero(wrong > 1)
    times = wrong[truth, answer]
    order = np.lexsort((n_rows[truth], -times))[:most]
    return [
        Confusion(int(truth[i]), int(answer[i]), int(times[i]), int(n_rows[truth[i]]))
        for i in order
    ]


def confusion_matrix(counts: NDArray[np.integer[Any]], classes: Sequence[str], title: str) -> bytes:
    """Return a PNG of a confusion matrix (k, k): row the truth, column the answer."""
    return png(confusion_figure(counts, classes, title))


def confusion_figure(counts: NDArray[np.integer[Any]], classes: Sequence[str], title: str) -> Any:
    """Return the figure of a confusion matrix.

    Cells hold counts, which add up to the rows that were judged; colour is the share of the row, so
    that a rare class is seen as well as a common one. Where cells are too small for numbers, small
    shares get more colour than they have, or a percent would not be seen.
    """
    from matplotlib.colors import Normalize, PowerNorm  # noqa: PLC0415 - only where it is drawn

    n = len(classes)
    share = counts / np.maximum(counts.sum(1, keepdims=True), 1)
    has_numbers, has_names = n <= MOST_NUMBERS, n <= MOST_NAMES
    names = [short(name) for name in classes] if has_names else []
    letters = max(map(len, names), default=4)
    side = n * _cell(counts) if has_numbers else min(0.26 * n, 6.5) if has_names else 4.4
    width = max(side + 0.45 + 0.085 * letters + (0 if has_numbers else 0.8), 3.6)
    slanted = letters > 3
    figure = new_figure(width, side + 0.95 + (0.062 * letters if slanted else 0.1))
    axes = figure.add_subplot()
    scale = Normalize(0, 1) if has_numbers else PowerNorm(0.5, 0, 1)
    blocks = -(-n // MOST_DOTS)
    whole = (-0.5, n - 0.5, n - 0.5, -0.5)
    image = axes.imshow(_largest(share, blocks), cmap="Blues", norm=scale, extent=whole)
    if has_names:
        axes.set_xticks(
            range(n),
            names,
            rotation=45 if slanted else 0,
            ha="right" if slanted else "center",
            rotation_mode="anchor",
            fontsize=NUMBERS,
        )
        axes.set_yticks(range(n), names, fontsize=NUMBERS)
    if has_numbers:
        _write_numbers(axes, image, counts, share)
        axes.tick_params(length=0)
    else:
        of = f", the largest of {blocks} by {blocks} cells" if blocks > 1 else ""
        figure.colorbar(image, ax=axes, label=f"share of the row{of}", fraction=0.046, pad=0.03)
    more = "" if has_names else " (classes in their order)"
    axes.set_xlabel(f"answer{more}")
    axes.set_ylabel(f"truth{more}")
    figure.suptitle(folded(title, int(width * 13)), **WORDS)
    return figure


def _largest(share: NDArray[np.float64], blocks: int) -> NDArray[np.float64]:
    """Return the largest of each square of cells, `blocks` on a side."""
    missing = -len(share) % blocks
    padded = np.pad(share, (0, missing))
    n = len(padded) // blocks
    return np.asarray(padded.reshape(n, blocks, n, blocks).max(axis=(1, 3)))


def _cell(counts: NDArray[np.integer[Any]]) -> float:
    """Return the side of a cell that its longest number fits, in inches."""
    digits = len(f"{int(counts.max(initial=0))}")
    return max(0.36 if len(counts) > 5 else 0.6, digits * NUMBERS * 0.64 / 72 + 0.08)


def _write_numbers(
    axes: Any, image: Any, counts: NDArray[np.integer[Any]], share: NDArray[np.float64]
) -> None:
    for row, column in zip(*np.nonzero(counts), strict=True):
        colour = readable_on(image.to_rgba(share[row, column]))
        words = {"ha": "center", "va": "center", "color": colour, "fontsize": NUMBERS}
        axes.text(column, row, str(counts[row, column]), **words)


def readable_on(colour: Sequence[float]) -> str:
    """Return black or white, whichever stands out more from a colour (red, green, blue, 0 to 1).

    By the contrast of the Web Content Accessibility Guidelines 2.2; it is 4.5 at least on any
    colour, which is what they ask for.
    """
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in colour[:3]]
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    return "black" if (luminance + 0.05) / 0.05 >= 1.05 / (luminance + 0.05) else "white"
