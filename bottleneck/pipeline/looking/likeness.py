"""Whether two small gray pictures show one picture: brighter, mirrored, saved anew, or a cut of it.

Two correlations decide, which no change of brightness or contrast touches. That of the brightness
itself says whether light and dark lie alike; many pictures of one kind are alike in that. That of
the details (what is left of a picture when its blur is taken away) says whether it is the very same
picture: unlike ones have none. Cuts are looked for as windows of the other picture, at several
sizes; first in pictures of half the side, because most pairs are out of the question by then.

Two drawings of a beetle on a leaf may be alike in both, beetle upon beetle, and of very many
windows one always fits. So pictures must also agree in all their parts, one by one: the leaf around
two beetles does not. A part in which nothing varies says nothing; where most are such, nothing says
that one picture is a cut of another.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

HOW = ("whole", "mirrored", "cut", "mirrored and cut")
LIKE = 0.8  # the least correlation of the brightness of two that are the same
LIKE_DETAILS = 0.72  # and of their details; see docs/inspect.md for what these find
CUT_LIKE = 0.85
CUT_LIKE_DETAILS = 0.75
TILES = 4  # parts of each side of a picture, or a window
TILES_LIKE = 0.7  # the least mean correlation of parts; see docs/inspect.md
FAINT = 0.5  # deviation, of 255: what varies less within a part says nothing
CUT_SIDES = (0.94, 0.88, 0.81, 0.75, 0.69, 0.62)  # of the whole side
BLOCK_PAIRS = 512
BLOCK_SMALL = 8192  # of what is done with few numbers each
TONED_DOWN = 2.0  # strength of details, of 255, from which they are
MAY_BE = 0.1  # less than LIKE that pictures of half the side may have, and still be looked at
FLAT = 1.5  # deviation, of 255: below it a picture has nothing to be recognised by


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Likeness:
    """How alike p pairs of pictures are.

    Attributes
    ----------
    is_same : (p,) bool
    details : (p,) float32, -1 to 1
        The correlation of their details.
    how : (p,) uint8, an index into `HOW`
    """

    is_same: NDArray[np.bool_]
    details: NDArray[np.float32]
    how: NDArray[np.uint8]


def may_be_same(gray: NDArray[np.uint8], pairs: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return which pairs (p, 2) of whole pictures are worth a closer look; most are not.

    By the brightness of pictures (n, side, side) at half their side; flat ones are let through.
    """
    n, side, _ = gray.shape
    small = np.empty((n, side // 2, side // 2), np.float16)  # there may be a million of them
    flat = np.empty(n, bool)
    for start in range(0, n, BLOCK_SMALL):
        some = gray[start : start + BLOCK_SMALL].astype(np.float32)
        flat[start : start + BLOCK_SMALL] = some.std(axis=(1, 2)) < FLAT
        some = _halved(some)
        some -= some.mean(axis=(1, 2), keepdims=True)
        some /= np.maximum(np.sqrt((some * some).sum(axis=(1, 2), keepdims=True)), 1e-6)
        small[start : start + BLOCK_SMALL] = some
    found = np.empty(len(pairs), bool)
    for start in range(0, len(pairs), BLOCK_SMALL):
        one, other = pairs[start : start + BLOCK_SMALL].T
        a, b = small[one].astype(np.float32), small[other].astype(np.float32)
        best = np.einsum("pij,pij->p", a, b)
        best = np.maximum(best, np.einsum("pij,pij->p", a, b[:, :, ::-1]))
        found[start : start + BLOCK_SMALL] = (best >= LIKE - MAY_BE) | flat[one] | flat[other]
    return found


def likeness(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> Likeness:
    """Return how alike pairs of whole pictures are, each (p, side, side) gray; no cuts.

    Pictures of one brightness have no details: two of them are the same where that is equal.
    """
    p = len(one)
    found = Likeness(
        is_same=np.zeros(p, bool), details=np.zeros(p, np.float32), how=np.zeros(p, np.uint8)
    )
    for start in range(0, p, BLOCK_PAIRS):
        at = slice(start, start + BLOCK_PAIRS)
        a, b = one[at].astype(np.float32), other[at].astype(np.float32)
        fine, fine_b = details_of(a), details_of(b)
        details = np.stack([_correlation(fine, v) for v in (fine_b, fine_b[:, :, ::-1])])
        light = np.stack([_correlation(a, v) for v in (b, b[:, :, ::-1])])
        how = np.where((light >= LIKE).any(axis=0), np.where(light < LIKE, -2, details), details)
        how = how.argmax(axis=0)
        pick = (how, np.arange(len(a)))
        is_same = (light[pick] >= LIKE) & (details[pick] >= LIKE_DETAILS)
        agree, varies = _parts(a, np.where((how == 1)[:, None, None], b[:, :, ::-1], b))
        agree = (agree * varies).sum(axis=1) / np.maximum(varies.sum(axis=1), 1)
        is_same &= agree >= TILES_LIKE
        flat = np.minimum(a.std(axis=(1, 2)), b.std(axis=(1, 2))) < FLAT
        is_equal = np.abs(a - b).mean(axis=(1, 2)) < 2 * FLAT
        found.is_same[at] = np.where(flat, is_equal, is_same)
        found.details[at] = np.where(flat, is_equal, details[pick])
        found.how[at] = np.where(flat, 0, how)
    return found


def cut_likeness(
    one: NDArray[np.uint8],
    other: NDArray[np.uint8],
    counted: Callable[[int], object] = lambda _: None,
) -> Likeness:
    """Return how alike pairs of pictures are if either is a cut of the other.

    A millisecond a pair that could be one, a tenth of it for most others.
    """
    p = len(one)
    found = Likeness(
        is_same=np.zeros(p, bool), details=np.zeros(p, np.float32), how=np.full(p, 2, np.uint8)
    )
    for start in range(0, p, BLOCK_PAIRS):
        stop = min(start + BLOCK_PAIRS, p)
        a, b = (v[start:stop].astype(np.float32) for v in (one, other))
        for how, there in ((2, b), (3, np.ascontiguousarray(b[:, :, ::-1]))):
            likely = np.flatnonzero(_best_window(_halved(a), _halved(there))[0] >= CUT_LIKE)
            if not len(likely):
                continue
            details, place = _best_window(a[likely], there[likely], of=details_of)
            at = start + likely
            better = details > found.details[at]
            found.details[at[better]] = details[better]
            found.how[at[better]] = how
            is_cut = details >= CUT_LIKE_DETAILS
            for i in np.flatnonzero(is_cut):
                pair = a[likely[i]], there[likely[i]]
                is_cut[i] = _cut_agrees(*pair, *place[i].tolist()) >= TILES_LIKE
            found.is_same[at] |= is_cut
        counted(stop - start)
    return found


def details_of(pictures: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return pictures (p, side, side) less their blur, a little blurred themselves.

    So that what JPEG or a change of size does to single pixels counts little. Where they are
    strong they are toned down: one dark ship on a plain sea would outweigh all else there is.
    """
    slightly = _blurred(pictures)
    fine = slightly - _blurred(_blurred(_blurred(slightly)))
    strength = _blurred(_blurred(_blurred(np.abs(fine))))
    return fine / (strength + TONED_DOWN)


def _blurred(pictures: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return pictures, each pixel averaged with those around it by 1 2 1 in both directions."""
    wide = np.pad(pictures, ((0, 0), (1, 1), (1, 1)), mode="edge")
    down = (wide[:, :-2] + 2 * wide[:, 1:-1] + wide[:, 2:]) / 4
    return np.asarray((down[:, :, :-2] + 2 * down[:, :, 1:-1] + down[:, :, 2:]) / 4, np.float32)


def _halved(pictures: NDArray[np.float32]) -> NDArray[np.float32]:
    p, side, _ = pictures.shape
    found = pictures.reshape(p, side // 2, 2, side // 2, 2).mean(axis=(2, 4))
    return np.asarray(found, np.float32)


def _correlation(a: NDArray[np.float32], b: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the correlation (p,) of the pixels of each pair; 0 where one is flat."""
    x, y = (v.reshape(len(v), -1) for v in (a, b))
    x, y = x - x.mean(axis=1, keepdims=True), y - y.mean(axis=1, keepdims=True)
    scale = np.sqrt(np.einsum("pd,pd->p", x, x) * np.einsum("pd,pd->p", y, y))
    found = np.einsum("pd,pd->p", x, y) / np.maximum(scale, 1e-6)
    return np.asarray(np.where(scale > 1e-6, found, 0), np.float32)


def _best_window(
    a: NDArray[np.float32],
    b: NDArray[np.float32],
    of: Callable[[NDArray[np.float32]], NDArray[np.float32]] = lambda pictures: pictures,
) -> tuple[NDArray[np.float32], NDArray[np.int16]]:
    """Return the highest correlation (p,) of either picture, made smaller, with a window of other.

    And where that is, (p, 4): which is the whole one, 0 or 1; the window's side, its top, its left.

    Parameters
    ----------
    of : what of the pictures is compared
    """
    best = np.full(len(a), -1, np.float32)
    place = np.zeros((len(a), 4), np.int16)
    for which, (whole, cut) in enumerate(((a, b), (b, a))):
        compared, side = of(whole), whole.shape[1]
        for n in sorted({round(share * side) for share in CUT_SIDES}):
            shrink = _shrinking(side, n)
            template = of(np.asarray(shrink @ cut @ shrink.T)).reshape(len(a), -1)
            template -= template.mean(axis=1, keepdims=True)
            template /= np.maximum(np.linalg.norm(template, axis=1, keepdims=True), 1e-6)
            windows = np.lib.stride_tricks.sliding_window_view(compared, (n, n), axis=(1, 2))
            for at in np.ndindex(windows.shape[1:3]):
                window = windows[:, *at].reshape(len(a), -1)
                product = np.einsum("pd,pd->p", window, template)  # the template's mean is zero
                spread = window.std(axis=1) * n
                like = product / np.maximum(spread, 1e-3)
                better = like > best
                best[better] = like[better]
                place[better] = which, n, *at
    return best, place


def _cut_agrees(
    a: NDArray[np.float32], b: NDArray[np.float32], which: int, n: int, top: int, left: int
) -> float:
    """Return how far all parts of a window agree with those of what may be a cut.

    A part in which nothing varies says nothing, and so counts as none that agrees.

    Parameters
    ----------
    a, b : (side, side) each; the others as in `_best_window`
    """
    whole, cut = (a, b) if which == 0 else (b, a)
    shrink = _shrinking(len(whole), n)
    window = whole[top : top + n, left : left + n]
    shrunk = np.asarray(shrink @ cut @ shrink.T, np.float32)
    return float(_parts(window[None], shrunk[None])[0].mean())


def _parts(
    one: NDArray[np.float32], other: NDArray[np.float32]
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Return the correlation of each part of pictures (p, n, n) with the same part of others.

    (p, parts), near 0 where nothing varies; and which of them vary.
    """
    p, n, _ = one.shape
    each = n // TILES
    m = TILES * each  # what is left over at the edge is not looked at
    x, y = (
        v[:, :m, :m].reshape(p, TILES, each, TILES, each).swapaxes(2, 3).reshape(p, TILES**2, -1)
        for v in (one, other)
    )
    x, y = x - x.mean(axis=2, keepdims=True), y - y.mean(axis=2, keepdims=True)
    spread = np.sqrt((x * x).mean(axis=2) * (y * y).mean(axis=2))
    varies = np.maximum((x * x).mean(axis=2), (y * y).mean(axis=2)) > FAINT**2
    return np.asarray((x * y).mean(axis=2) / (spread + FAINT**2), np.float32), varies


def _shrinking(side: int, n: int) -> NDArray[np.float32]:
    """Return what takes `side` pixels to `n` fewer ones, (n, side): the area that each covers."""
    edges = np.linspace(0, side, n + 1)
    low, high = edges[:-1, None], edges[1:, None]
    at = np.arange(side)[None]
    covered = np.clip(np.minimum(high, at + 1) - np.maximum(low, at), 0, None)
    return np.asarray(covered / covered.sum(axis=1, keepdims=True), np.float32)
