"""The reliability picture draws what the bins say."""

import io

import numpy as np
import pytest
from PIL import Image

from bottleneck.pictures.reliability import reliability

pytest.importorskip("matplotlib")
pytestmark = pytest.mark.slow


def found(apart):
    def bins(shift):
        centres = (np.arange(15) + 0.5) / 15
        return [
            {"samples": 10 if i > 5 else 0, "confidence": c, "accuracy": max(0, c - shift)}
            for i, c in enumerate(centres)
        ]

    return {
        "before": {"ece": apart, "bins": bins(apart)},
        "after": {"ece": 0.01, "bins": bins(0.01)},
    }


def pixels(png):
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB")).astype(int)


def test_what_is_before_is_drawn_on_the_left_and_what_is_after_on_the_right():
    one, other = (pixels(reliability(found(apart), "a head")) for apart in (0.1, 0.4))
    assert one.shape == other.shape
    half = one.shape[1] // 2
    assert (one[:, :half] != other[:, :half]).any()
    assert (one[:, half:] == other[:, half:]).all()


def test_nothing_judged_is_drawn_too():
    empty = {"ece": 0.0, "bins": [{"samples": 0, "confidence": None, "accuracy": None}] * 15}
    assert pixels(reliability({"before": empty, "after": empty}, "$a")).std() > 1
