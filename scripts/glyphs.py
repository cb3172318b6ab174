"""Generated signs: classes of a few strokes each, as an endless source of small gray shapes.

A class is one to three quadratic Bézier curves with random control points, each beginning where one
before it ended. Each picture of it has its own hand: the points tremble, the sign is turned,
sheared, scaled and moved, the pen is thin or thick. No font and no collection of handwriting is
read.
"""

from __future__ import annotations

import numpy as np

CLASSES = 500
SIDE = 32  # pixels
STROKES = 3  # at most
PER_STROKE = 20  # points
TREMBLE = 0.06  # of half a side, the deviation of each control point
PEN = (0.03, 0.09)  # of the side: half of the width


class Glyphs:
    """Classes drawn from a seed, and pictures of them."""

    def __init__(self, seed: int) -> None:
        rng = np.random.default_rng((seed, 3))
        self._controls = rng.uniform(-1, 1, (CLASSES, STROKES, 3, 2))
        self._controls[:, 1:, 0] = self._controls[:, :-1, 2]
        n_strokes = rng.integers(1, STROKES + 1, CLASSES)
        for i in range(STROKES):  # those that a class has not are its first one again
            without = n_strokes <= i
            self._controls[without, i] = self._controls[without, 0]
        t = np.linspace(0, 1, PER_STROKE)
        self._curve = np.stack([(1 - t) ** 2, 2 * t * (1 - t), t**2], 1)  # (points, 3)
        middles = (np.arange(SIDE) + 0.5) / SIDE
        self._pixels = np.stack(np.meshgrid(middles, middles, indexing="ij"), -1).reshape(-1, 2)

    def draw(self, n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Return pictures (n, SIDE, SIDE, 1) float32 from 0 to 1, and their classes (n,) int32."""
        labels = rng.integers(CLASSES, size=n)
        controls = self._controls[labels]
        controls = controls + rng.normal(0, TREMBLE, controls.shape)
        points = (self._curve @ controls).reshape(n, STROKES * PER_STROKE, 2)
        low, high = points.min(1, keepdims=True), points.max(1, keepdims=True)
        points = (points - (low + high) / 2) / (high - low).max(2, keepdims=True)  # in one unit
        turn, shear = rng.uniform(-0.2, 0.2, (2, n))
        scale = rng.uniform(0.55, 0.9, (n, 1, 1))
        cos, sin = np.cos(turn), np.sin(turn)
        hand = np.stack([cos, -sin, sin + shear, cos], 1).reshape(n, 2, 2) * scale
        points = points @ hand + 0.5 + rng.uniform(-0.06, 0.06, (n, 1, 2))
        squares = (
            (self._pixels**2).sum(1)[None, :, None]
            + (points**2).sum(2)[:, None, :]
            - 2 * self._pixels @ points.transpose(0, 2, 1)
        )
        distance = np.sqrt(np.maximum(squares.min(2), 0))
        ink = np.clip((rng.uniform(*PEN, (n, 1)) - distance) * SIDE + 0.5, 0, 1)
        return ink.reshape(n, SIDE, SIDE, 1).astype(np.float32), labels.astype(np.int32)
