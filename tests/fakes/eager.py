"""An engine in the fewest lines: Keras called layer by layer, on the CPU."""

from __future__ import annotations

import platform

import numpy as np

from bottleneck.core.errors import UsageError
from bottleneck.engines.batches import Batches


class Eager:
    """One frozen network."""

    name = "eager"
    device = "the CPU"
    warning = None
    lanes = 1

    def __init__(self, frozen):
        model = frozen.model()

        def call(images):
            return np.asarray(model(frozen.preprocess(images.astype(np.float32)), training=False))

        self._batches = Batches(lambda *_: call, frozen.batch_size, self.device)

    @property
    def batch_size(self):
        return self._batches.size

    @property
    def provenance(self):
        return {
            "engine": self.name,
            "device": self.device,
            "host": platform.node(),
            "batch": self.batch_size,
        }

    def __call__(self, images):
        return self._batches(images)


def open_engine(frozen, *, devices=None):
    if devices not in (None, "cpu"):
        raise UsageError(f"no device {devices!r}", "--devices", "there is cpu")
    return Eager(frozen)
