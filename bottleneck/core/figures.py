"""What a head's figures are called, and which of them counts first, by the kind of target."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

# By this one heads are compared.
MAIN: Mapping[str, str] = MappingProxyType(
    {"class": "accuracy", "labels": "macro_average_precision", "numbers": "r2"}
)
# Of each fold: the main one first.
OF_FOLDS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "class": ("accuracy",),
        "labels": ("macro_average_precision", "micro_average_precision"),
        "numbers": ("r2", "rmse", "mae"),
    }
)
WORDS: Mapping[str, str] = MappingProxyType(
    {
        "accuracy": "accuracy",
        "macro_average_precision": "macro average precision",
        "micro_average_precision": "micro average precision",
        "r2": "R²",
        "rmse": "RMSE",
        "mae": "MAE",
    }
)
# What so many of few labels are.
FEW: Mapping[str, str] = MappingProxyType(
    {"class": "labels a class", "labels": "of each label", "numbers": "images drawn"}
)
_NO_BOUND = float("inf")
# Between which each lies, so that an interval does not say more.
BOUNDS: Mapping[str, tuple[float, float]] = MappingProxyType(
    {
        "accuracy": (0, 1),
        "macro_average_precision": (0, 1),
        "micro_average_precision": (0, 1),
        "r2": (-_NO_BOUND, 1),
        "rmse": (0, _NO_BOUND),
        "mae": (0, _NO_BOUND),
    }
)


def spelled(name: str, value: float) -> str:
    """Return a figure for people: four places of a share; four digits of what has a unit."""
    return f"{value:.4g}" if name in ("rmse", "mae") else f"{value:.4f}"
