"""From pixels 0 to 255, RGB, to what a network was trained on: the arithmetic, spelled out.

The text is part of the recipe; `apply` does what the text says to numpy's arrays, Keras' tensors
and OpenVINO's nodes. Constants are arrays, because OpenVINO guesses another type for a plain
number. Source of each of Keras': the `preprocess_input` of the network's own module in
keras.applications, which a test walks.

A text is `none`, or a formula in the order in which it is computed, of which each part may be
missing: `x`, or `bgr` for blue first; `/SCALE`; `-MEAN`; `/DEVIATION`, the last two of one number,
or of three with commas. Behind it may stand where the network has its channels: ` nchw` or ` nhwc`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from bottleneck.backbones import affine
from bottleneck.core.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray

    Numbers = tuple[float, ...]

CAFFE = "bgr-103.939,116.779,123.68"
TENSORFLOW = "x/127.5-1"
TORCH = "x/255-0.485,0.456,0.406/0.229,0.224,0.225"
CLIP = "x/255-0.48145466,0.4578275,0.40821073/0.26862954,0.26130258,0.27577711"
UNIT = "x/255"
NONE = "none"
TEXTS = (CAFFE, TENSORFLOW, TORCH, CLIP, UNIT, NONE)  # of the names
LAYOUTS = ("nchw", "nhwc")  # where ONNX networks have channels; Keras' are always last
_NUMBER = r"-?\d+(?:\.\d+)?(?:e[+-]?\d+)?"
_NUMBERS = f"{_NUMBER}(?:,{_NUMBER},{_NUMBER})?"
_FORMULA = re.compile(f"(x|bgr)(?:/({_NUMBER}))?(?:-({_NUMBERS}))?(?:/({_NUMBERS}))?")
LEAST, MOST = 1e-6, 1e6  # of what pixels can be divided by
FORMULA = "a formula such as x/255-0.5/0.5 or bgr-104,117,123"


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """An arithmetic that users can choose by a name."""

    text: str  # the formula
    help: str  # one line for people


# The first names are those of `mode` in keras.applications.
NAMED: Mapping[str, Named] = MappingProxyType(
    {
        "none": Named(text=NONE, help="pixels stay from 0 to 255"),
        "tf": Named(text=TENSORFLOW, help="pixels are scaled to -1 to 1"),
        "caffe": Named(text=CAFFE, help="blue first, and ImageNet's mean is subtracted"),
        "torch": Named(text=TORCH, help="scaled to 0 to 1, then ImageNet's mean and deviation"),
        "imagenet": Named(text=TORCH, help="as torch, and as timm and torchvision call it"),
        "clip": Named(text=CLIP, help="as torch, with the mean and deviation of OpenAI's CLIP"),
        "unit": Named(text=UNIT, help="pixels are scaled to 0 to 1"),
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Formula:
    """A formula's parts: `(x / scale - mean) / deviation`, each of one number or of three.

    An empty part is nothing that is done.
    """

    blue_first: bool = False
    scale: Numbers = ()
    mean: Numbers = ()
    deviation: Numbers = ()
    layout: str | None = None  # of LAYOUTS; None: as it is, channels last

    @property
    def text(self) -> str:
        """The formula as a recipe spells it: without what changes nothing."""
        parts = [
            "bgr" if self.blue_first else "x",
            *(f"/{_spelled(self.scale)}" for _ in self.scale[:1]),
            *(f"-{_spelled(self.mean)}" for _ in self.mean[:1]),
            *(f"/{_spelled(self.deviation)}" for _ in self.deviation[:1]),
        ]
        text = "".join(parts)
        return " ".join(filter(None, (NONE if text == "x" else text, self.layout)))


def named(name: str | None, default: str) -> str:
    """Return the arithmetic that a user names or spells; where nobody does, the network's own."""
    if name is None:
        return default
    found = formula(name)
    if found.layout is not None:
        raise UsageError(
            f"{found.layout} is for ONNX files", "--preprocessing", "name the arithmetic alone"
        )
    return found.text


def formula(text: str) -> Formula:
    """Return what a text says, or a name of `NAMED`; UsageError where it says nothing."""
    words = text.split()
    layout = words.pop() if words[1:] and words[-1] in LAYOUTS else None
    said = NAMED[words[0]].text if len(words) == 1 and words[0] in NAMED else "".join(words)
    match = _FORMULA.fullmatch({"x": "", NONE: "x"}.get(said, said))
    parts = [_numbers(part) for part in match.groups()[1:]] if match else []
    if match is None or not all(LEAST < abs(n) < MOST for n in (*parts[0], *parts[2])):
        known = ", ".join(NAMED)
        raise UsageError(
            f"no preprocessing {text!r}", "--preprocessing", f"one of {known}; or {FORMULA}"
        )
    return Formula(
        blue_first=match[1] == "bgr",
        scale=() if parts[0] == (1.0,) else parts[0],
        mean=() if parts[1] == (0.0,) else parts[1],
        deviation=() if parts[2] == (1.0,) else parts[2],
        layout=layout,
    )


def _numbers(part: str | None) -> Numbers:
    """Return the numbers of a part; three equal ones are one."""
    numbers = tuple(float(number) for number in part.split(",")) if part else ()
    return numbers[:1] if len(set(numbers)) == 1 else numbers


def _spelled(numbers: Numbers) -> str:
    return ",".join(repr(number).removesuffix(".0") for number in numbers)


def _constant(*values: float) -> NDArray[np.float32]:
    import numpy as np  # noqa: PLC0415 - names can be listed without it

    return np.array(values, np.float32)


def in_layout(said: Formula, layout: str) -> Formula:
    """Return a formula for a network that has its channels there."""
    return replace(said, layout=layout)


def changes_numbers(text: str) -> bool:
    """Whether the arithmetic does more than to order channels and axes."""
    said = formula(text)
    return bool(said.scale or said.mean or said.deviation)


def is_of_rgb(text: str) -> bool:
    """Whether the arithmetic is one of three channels."""
    said = formula(text)
    return said.blue_first or max(map(len, (said.scale, said.mean, said.deviation))) == 3


def apply(text: str, x: Any) -> Any:
    """Preprocess `x` (n, height, width, 3), float32 RGB from 0 to 255, as `text` says."""
    if affine.is_affine(text):
        return affine.apply(text, x)
    said = formula(text)
    x = _blue_first(x) if said.blue_first else x
    x = x / _constant(*said.scale) if said.scale else x
    x = x - _constant(*said.mean) if said.mean else x
    x = x / _constant(*said.deviation) if said.deviation else x
    return x if said.layout != "nchw" else _channels_first(x)


def _blue_first(x: Any) -> Any:
    import numpy as np  # noqa: PLC0415 - names can be listed without it

    if isinstance(x, np.ndarray):
        return x[..., ::-1]
    from bottleneck.core import frameworks  # noqa: PLC0415 - who has its tensors has it

    if _is_openvinos(x):
        ops = frameworks.import_openvino().opset13
        return ops.gather(x, np.array([2, 1, 0], np.int64), np.array(3, np.int64))
    return frameworks.import_keras().ops.flip(x, axis=-1)  # not every backend slices backwards


def _channels_first(x: Any) -> Any:
    import numpy as np  # noqa: PLC0415 - names can be listed without it

    order = np.array([0, 3, 1, 2], np.int64)
    if isinstance(x, np.ndarray):
        return x.transpose(order)
    from bottleneck.core.frameworks import import_openvino  # noqa: PLC0415 - ONNX networks' alone

    return import_openvino().opset13.transpose(x, order)


def _is_openvinos(x: Any) -> bool:
    return type(x).__module__.partition(".")[0] == "openvino"
