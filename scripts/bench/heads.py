"""Heads on random rows."""

import numpy as np
from timing import seconds, spread

from bottleneck.heads import linear
from bottleneck.heads.task import Task


def bench_linear(_):
    """Fit the linear head to convergence: 50,000 x 2048, 10 classes."""
    n, d, k = 50_000, 2048, 10
    rng = np.random.default_rng(0)
    y = rng.integers(0, k, n).astype(np.int32)
    basis = rng.standard_normal((64, d), np.float32) / 8
    centres = rng.standard_normal((k, 64), np.float32) / 2
    inner = centres[y] + rng.standard_normal((n, 64), np.float32)
    x = np.maximum(inner @ basis + rng.standard_normal((n, d), np.float32) / 2, 0)
    split = (rng.random(n) < 0.2).astype(np.uint8)
    work = lambda: linear.fit(  # noqa: E731
        Task(rows=x.astype(np.float16), targets=y, split=split, n_outputs=k)
    )
    print(f"linear head {n} x {d}, {k} classes: {spread([seconds(work) for _ in range(3)])}")
