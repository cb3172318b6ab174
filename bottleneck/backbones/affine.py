"""Arithmetic of pixels as KerasHub spells it: `x*SCALE+OFFSET`, either of one number or of three.

A text is `x*0.5+-1.0`, `x*0.1,0.2,0.3`, `x+-1.0`, numbers as Python writes them.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

_NUMBER = r"-?\d+(?:\.\d+)?(?:e[+-]?\d+)?"
_NUMBERS = f"{_NUMBER}(?:,{_NUMBER})*"
_TEXT = re.compile(f"x(?:\\*({_NUMBERS}))?(?:\\+({_NUMBERS}))?")


def spelled(scale: Sequence[float], offset: Sequence[float]) -> str:
    """Return the text of an arithmetic; of no numbers is what is not done."""
    found = "x" + _part("*", scale, 1.0) + _part("+", offset, 0.0)
    return "none" if found == "x" else found


def _part(sign: str, numbers: Sequence[float], nothing: float) -> str:
    one = [float(number) for number in numbers]
    one = one[:1] if len(set(one)) == 1 else one
    return sign + ",".join(map(repr, one)) if one and one != [nothing] else ""


def is_affine(text: str) -> bool:
    """Whether a text is one of these."""
    return text[1:2] in ("*", "+") and _TEXT.fullmatch(text) is not None


def apply(text: str, x: Any) -> Any:
    """Multiply and add what `text` says to `x` (n, height, width, 3), float32."""
    import numpy as np  # noqa: PLC0415 - names can be listed without it

    match = _TEXT.fullmatch(text)
    assert match is not None
    scale, offset = (
        None if part is None else np.array([float(one) for one in part.split(",")], np.float32)
        for part in match.groups()
    )
    x = x if scale is None else x * scale
    return x if offset is None else x + offset
