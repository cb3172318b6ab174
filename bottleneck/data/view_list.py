"""The operations that make views of an image, as data: nothing heavy is imported to list them."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True, kw_only=True)
class OperationSpec:
    """One operation."""

    spelled: str  # what a recipe calls it; it says the arithmetic
    help: str  # one line for people


# In the order in which they apply. What each computes is in `data.views`.
OPERATIONS: Mapping[str, OperationSpec] = MappingProxyType(
    {
        "flip": OperationSpec(spelled="flip 0.5", help="mirrored left and right, every other view"),
        "crop": OperationSpec(
            spelled="crop 0.8..1", help="a part of 80 % to 100 % of both sides, enlarged"
        ),
        "shear": OperationSpec(
            spelled="shear 0.2", help="top and bottom edges shifted apart by up to a fifth"
        ),
        "zoom": OperationSpec(
            spelled="zoom 0.8..1.2", help="enlarged or reduced about the middle by up to a fifth"
        ),
        "brightness": OperationSpec(
            spelled="brightness 0.7..1.3", help="made darker or brighter by up to 30 %"
        ),
    }
)
