"""Which images to label next: those that a head is unsure of, and unlike each other.

Each image stands for the step that its label would make a linear head take, if the likeliest class
were right: the row times (probabilities - that class). Long where the head is unsure, of another
direction where the image is unlike. Images are drawn one after another, each in proportion to its
squared distance from those that were drawn, and from no step at all (k-means++ on gradients, Ash
et al. 2020, "Deep Batch Active Learning by Diverse, Uncertain Gradient Lower Bounds"). Without any
label there is no head, and rows alone serve.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def label_next(
    units: NDArray[np.float32],
    probabilities: NDArray[np.float32] | None,
    number: int,
    seed: int = 0,
) -> NDArray[np.int64]:
    """Return the positions of the images to label next, at most `number`, in the order drawn.

    Parameters
    ----------
    units : (n, d) of those without a label
    probabilities : (n, k) by a head fitted to those that have one; None without such
    """
    n = len(units)
    if probabilities is None:
        error = np.ones((n, 1), np.float32)
    else:
        error = probabilities.copy()
        error[np.arange(n), probabilities.argmax(axis=1)] -= 1
    rows = np.concatenate([units, np.ones((n, 1), np.float32)], axis=1)  # the bias counts too
    squared = np.einsum("nd,nd->n", rows, rows) * np.einsum("nk,nk->n", error, error)
    by_chance = np.random.default_rng(seed)
    left = squared.astype(np.float64)
    chosen: list[int] = []
    at = int(squared.argmax())
    for _ in range(min(number, n)):
        chosen.append(at)
        product = (rows @ rows[at]) * (error @ error[at])
        left = np.minimum(left, np.maximum(squared + squared[at] - 2 * product, 0))
        left[chosen] = 0
        total = left.sum()
        if len(chosen) == n:
            break
        if total > 0:
            at = int(by_chance.choice(n, p=left / total))
        else:  # what is left is no step at all: any of them
            at = int(np.setdiff1d(np.arange(n), chosen)[0])
    return np.array(chosen, np.int64)
