"""The architecture of `mini`, told once: every framework builds it by walking this.

A residual network (He et al. 2016, "Deep Residual Learning for Image Recognition") of 1.3 million
parameters. Its convolutions carry a bias and no normalisation: training has normalisation, and
folds it into kernel and bias at the end.
"""

from __future__ import annotations

from typing import Any, Protocol

SIZE = 64  # height and width that it was trained for, pixels
WEIGHTS = "shipped"  # how --weights names the tensors in the package
STEM = 32  # channels
BLOCKS = ((48, 2), (48, 1), (96, 2), (96, 1), (160, 2), (160, 1))  # (channels, stride)
FEATURES = 384  # channels


class Builder(Protocol):
    """What a framework offers; tensors are (n, height, width, channels), whatever their type."""

    def conv(self, x: Any, name: str, channels: int, kernel: int, stride: int) -> Any:
        """Convolve with zero padding such that the output is ceil(input / stride) large."""

    def relu(self, x: Any, name: str) -> Any:
        """Return max(x, 0)."""

    def add(self, x: Any, y: Any, name: str) -> Any:
        """Return x + y."""

    def average(self, x: Any, name: str) -> Any:
        """Return the mean over height and width (n, channels)."""


def build(builder: Builder, x: Any) -> Any:
    """Return the features (n, 384) of preprocessed images x."""
    return builder.average(maps(builder, x), "average")


def maps(builder: Builder, x: Any) -> Any:
    """Return the feature maps (n, height / 16, width / 16, 384) of preprocessed images x."""
    x = builder.relu(builder.conv(x, "stem_conv", STEM, 3, 2), "stem")
    before = STEM
    for number, (channels, stride) in enumerate(BLOCKS, start=1):
        name = f"block_{number}"
        y = builder.relu(builder.conv(x, f"{name}_conv1", channels, 3, stride), f"{name}_relu")
        y = builder.conv(y, f"{name}_conv2", channels, 3, 1)
        if channels != before or stride > 1:
            x = builder.conv(x, f"{name}_shortcut", channels, 1, stride)
        x = builder.relu(builder.add(x, y, f"{name}_add"), name)
        before = channels
    return builder.relu(builder.conv(x, "top_conv", FEATURES, 1, 1), "top")
