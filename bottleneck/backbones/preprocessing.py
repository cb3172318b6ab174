"""From pixels 0 to 255, RGB, to what a network was trained on: the arithmetic, spelled out.

The text is part of the recipe; `apply` does what the text says to numpy's arrays, Keras' tensors
and, but for BGR, OpenVINO's nodes. Constants are arrays, because OpenVINO guesses another type for
a plain number. Source of each: the `preprocess_input` of the network's own module in
keras.applications, which a test walks.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from bottleneck.backbones import affine
from bottleneck.core.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray

CAFFE = "bgr-103.939,116.779,123.68"
TENSORFLOW = "x/127.5-1"
TORCH = "x/255-0.485,0.456,0.406/0.229,0.224,0.225"
NONE = "none"
TEXTS = (CAFFE, TENSORFLOW, TORCH, NONE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """An arithmetic that users can choose by a name."""

    text: str  # of TEXTS
    help: str  # one line for people


# The names are those of `mode` in keras.applications.
NAMED: Mapping[str, Named] = MappingProxyType(
    {
        "none": Named(text=NONE, help="pixels stay from 0 to 255"),
        "tf": Named(text=TENSORFLOW, help="pixels are scaled to -1 to 1"),
        "caffe": Named(text=CAFFE, help="blue first, and ImageNet's mean is subtracted"),
        "torch": Named(text=TORCH, help="scaled to 0 to 1, then ImageNet's mean and deviation"),
    }
)


def named(name: str | None, default: str) -> str:
    """Return the arithmetic that a user names; where nobody names one, the network's own."""
    if name is None:
        return default
    if name not in NAMED:
        known = ", ".join(NAMED)
        raise UsageError(f"no preprocessing {name!r}", "--preprocessing", f"one of {known}")
    return NAMED[name].text


def _constant(*values: float) -> NDArray[np.float32]:
    import numpy as np  # noqa: PLC0415 - names can be listed without it

    return np.array(values, np.float32)


def is_of_rgb(text: str) -> bool:
    """Whether the arithmetic has a constant for each of three channels."""
    return text in (CAFFE, TORCH)


def apply(text: str, x: Any) -> Any:
    """Preprocess `x` (n, height, width, 3), float32 RGB from 0 to 255, as `text` says."""
    if affine.is_affine(text):
        return affine.apply(text, x)
    if text == NONE:
        return x
    if text == TENSORFLOW:
        return x / _constant(127.5) - _constant(1.0)
    if text == CAFFE:
        return _blue_first(x) - _constant(103.939, 116.779, 123.68)
    if text == TORCH:
        mean, deviation = _constant(0.485, 0.456, 0.406), _constant(0.229, 0.224, 0.225)
        return (x / _constant(255.0) - mean) / deviation
    raise UsageError(f"no preprocessing {text!r}", "recipe", f"one of {', '.join(TEXTS)}")


def _blue_first(x: Any) -> Any:
    import numpy as np  # noqa: PLC0415 - names can be listed without it

    if isinstance(x, np.ndarray):
        return x[..., ::-1]
    from bottleneck.core.frameworks import import_keras  # noqa: PLC0415 - who has its tensors has it

    return import_keras().ops.flip(x, axis=-1)  # not every backend of Keras slices backwards
