"""What a head can be told: the names, what each means where nobody says, and which values will do.

Nothing heavy is imported, so that a wrong word is refused before anything is looked at.
"""

from __future__ import annotations

import math
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from bottleneck.core.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

# How a head that is a Keras network is trained. None: as the optimiser has it.
TRAINING: Mapping[str, Any] = MappingProxyType(
    {
        "optimizer": "adam",
        "learning_rate": None,
        "momentum": None,
        "nesterov": None,
        "weight_decay": 0.0,
        "epochs": 50,
        "batch_size": 32,
        "patience": 10,  # epochs without a lower validation loss; 0: all epochs, the last weights
        "class_weights": "none",
    }
)
# Small steps, for weights that are good already.
FINE_TUNING: Mapping[str, Any] = MappingProxyType(
    {"optimizer": "sgd", "learning_rate": 1e-3, "momentum": 0.9, "nesterov": True}
)
_OF_SGD = ("momentum", "nesterov")
_OPTIMIZERS: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        "adam": {"learning_rate": 1e-3},
        "sgd": {"learning_rate": 1e-2, "momentum": 0.9, "nesterov": False},
    }
)
MOST = 2**31 - 1  # of anything that is counted


def complete(head: str, defaults: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """Return every option of a head: what was given, else its default; None counts as not given.

    Raises
    ------
    UsageError
        For an option that the head does not have, or a value that it cannot take.
    """
    said = {name: value for name, value in given.items() if value is not None}
    for name in said:
        if name not in defaults:
            known = ", ".join(map(_flag, defaults))
            advice = f"it has {known}" if known else "it has no options: leave it away"
            raise UsageError(f"the head {head} has no such option", _flag(name), advice)
        _check(name, said[name])
    found = {**defaults, **said}
    if "optimizer" in found:
        _complete_optimizer(found, said)
    for name in ("units", "dropout"):
        if name in found:
            found[name] = tuple(found[name])
    return found


def _complete_optimizer(found: dict[str, Any], said: Mapping[str, Any]) -> None:
    """Fill in what the optimiser has by itself; what it does not have must not have been given."""
    own = _OPTIMIZERS[found["optimizer"]]
    for name in _OF_SGD:
        if name not in own:
            if name in said:
                raise UsageError(
                    f"{found['optimizer']} has none", _flag(name), "say --optimizer sgd"
                )
            found.pop(name)
    for name, value in own.items():
        if found[name] is None:
            found[name] = value
    if found.get("nesterov") and not found["momentum"]:
        raise UsageError("needs a momentum", "--nesterov", "such as --momentum 0.9")


def spread(values: tuple[float, ...], n_layers: int, flag: str = "--dropout") -> tuple[float, ...]:
    """Return one value a layer: one for all of them, or as many as there are layers.

    Raises
    ------
    UsageError
        When there are as many as neither.
    """
    if len(values) == 1:
        return values * n_layers
    if len(values) != n_layers:
        raise UsageError(
            f"{len(values)} values for {n_layers} layers", flag, "give one, or one for each layer"
        )
    return values


def _whole(least: int) -> Callable[[Any], bool]:
    return lambda value: type(value) is int and least <= value <= MOST


def _number(value: Any) -> bool:
    return type(value) in (int, float) and math.isfinite(value)


def _several(good: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, tuple | list) and all(map(good, value))


def _fraction(value: Any) -> bool:
    return _number(value) and 0 <= value < 1


# What will do, and how that is said.
_GOOD: Mapping[str, tuple[Callable[[Any], bool], str]] = MappingProxyType(
    {
        "units": (_several(_whole(1)), "such as 1000,500,100, or none"),
        "dropout": (_several(_fraction), "such as 0.3, or 0.3,0.4,0.2; below 1"),
        "filters": (_whole(1), "such as 100"),
        "kernel": (_whole(1), "such as 2"),
        "optimizer": (lambda value: value in _OPTIMIZERS, f"one of {', '.join(_OPTIMIZERS)}"),
        "learning_rate": (lambda value: _number(value) and value > 0, "such as 0.001"),
        "momentum": (_fraction, "such as 0.9; below 1"),
        "nesterov": (lambda value: isinstance(value, bool), "yes or no"),
        "weight_decay": (lambda value: _number(value) and value >= 0, "such as 0.0001"),
        "epochs": (_whole(1), "such as 50"),
        "batch_size": (_whole(1), "such as 32"),
        "patience": (_whole(0), "such as 10; 0 never stops early"),
        "class_weights": (lambda value: value in ("balanced", "none"), "balanced or none"),
    }
)


def _check(name: str, value: Any) -> None:
    good, advice = _GOOD[name]
    if not good(value):
        raise UsageError(f"{value!r} will not do", _flag(name), advice)


def _flag(name: str) -> str:
    return f"--{name.replace('_', '-')}"
