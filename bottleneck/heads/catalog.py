"""The heads by name: one line each. Only the standard library is imported, so doors list them."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, cast

from bottleneck.core.errors import DamagedError, UsageError
from bottleneck.core.option import is_number
from bottleneck.core.sealed import unseal
from bottleneck.heads import options
from bottleneck.heads.options import (
    CLASS_WEIGHTS,
    DROPOUT,
    FILTERS,
    FINE_TUNING,
    KERNEL,
    LOSS,
    REFIT,
    STRENGTH,
    TRAINING,
    UNITS,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bottleneck.core.option import Option
    from bottleneck.heads.task import Fitted, Head

HEAD_FILE = "head.json"
KEY_OF_TEMPERATURE = "temperature"  # in that file; see `heads.calibration`
KEY_OF_LABELS = "temperature_of_labels"  # and whether it is that of several labels
ADVICE = "train again"  # where a run or its head is damaged


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadSpec:
    """What is known of a head before its module is imported.

    Attributes
    ----------
    module : has `fit` and `load`; see `heads.task.Head`
    about : what it is, in a few words, for --help
    options : what it can be told
    kinds : of targets that it can learn; see `heads.task.Task`
    """

    module: str
    about: str
    options: tuple[Option, ...] = ()
    kinds: tuple[str, ...] = ("class", "labels", "numbers")

    @property
    def defaults(self) -> Mapping[str, Any]:
        """The names of its options, and the default of each."""
        return {option.name: option.default for option in self.options}


HEADS: Mapping[str, HeadSpec] = MappingProxyType(
    {
        "linear": HeadSpec(
            module="bottleneck.heads.linear",
            about="softmax regression, in seconds; of labels logistic, of numbers ridge regression",
            options=(STRENGTH, CLASS_WEIGHTS, LOSS),
        ),
        "prototypes": HeadSpec(
            module="bottleneck.heads.prototypes",
            about="the nearest class mean, for few labels",
            kinds=("class",),
        ),
        "knn": HeadSpec(
            module="bottleneck.heads.knn",
            about="a vote of the nearest training images",
        ),
        "dense": HeadSpec(
            module="bottleneck.heads.dense",
            about="fully connected layers with dropout",
            options=(UNITS.by_default((256,)), DROPOUT.by_default((0.3,)), *TRAINING, REFIT, LOSS),
        ),
        "conv": HeadSpec(
            module="bottleneck.heads.conv",
            about="a small convolution, on maps extracted with --pooling none",
            options=(
                FILTERS.by_default(100),
                KERNEL.by_default(2),
                DROPOUT.by_default((0.4, 0.3)),
                *TRAINING,
                REFIT,
                LOSS,
            ),
        ),
        "tail": HeadSpec(
            module="bottleneck.heads.tail",
            about="fine-tunes the network's own layers behind the cut, on maps extracted with "
            "--layer and --pooling none",
            options=(*FINE_TUNING, LOSS),
        ),
    }
)


def spec(name: str) -> HeadSpec:
    """Return what is known of the head of this name; UsageError when there is none."""
    if name not in HEADS:
        raise UsageError(f"no head {name!r}", "--head", f"use one of {', '.join(HEADS)}")
    return HEADS[name]


def options_of_all() -> dict[str, dict[str, Option]]:
    """Return every option that a head has: its name → the heads that have it, each with its own."""
    found: dict[str, dict[str, Option]] = {}
    for head, known in HEADS.items():
        for option in known.options:
            found.setdefault(option.name, {})[head] = option
    return found


def described(heads: Mapping[str, Option]) -> str:
    """Return the help of an option that these heads have: which, what it means, its defaults."""
    by_default: dict[str, list[str]] = {}
    for head, option in heads.items():
        by_default.setdefault(option.shown_default, []).append(head)
    (first, _), *others = by_default.items()
    defaults = "".join(f"; for {', '.join(names)} {default}" for default, names in others)
    return f"{', '.join(heads)}: {next(iter(heads.values())).help}. Default: {first}{defaults}."


def complete(name: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return every option of a head, those that were not given by their defaults.

    Raises
    ------
    UsageError
        No such head, an option that it does not have, a value that it cannot take.
    """
    owners = options_of_all()
    return options.complete(
        name, spec(name).options, given, lambda option: [*owners.get(option, {})]
    )


# Options that only one kind of target has a use for.
_OF_KIND = MappingProxyType({"loss": "numbers", "class_weights": "class"})


def for_kind(
    name: str, told: Mapping[str, Any], kind: str, given: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the options of a head that mean something for targets of this kind.

    Parameters
    ----------
    told : all of them, as `complete` returns them
    given : those that somebody gave

    Raises
    ------
    UsageError
        When the head cannot learn such targets, or an option was given that is of another kind's.
    """
    if kind not in spec(name).kinds:
        able = ", ".join(head for head, known in HEADS.items() if kind in known.kinds)
        raise UsageError(
            f"the head {name} learns classes, and these are {kind}", "--head", f"use {able}"
        )
    for option, of in _OF_KIND.items():
        value = given.get(option)
        if of != kind and value is not None and value != spec(name).defaults.get(option):
            flag = f"--{option.replace('_', '-')}"
            what = {"class": "classes"}
            raise UsageError(
                f"{option.replace('_', ' ')} is of {what.get(of, of)}, and these targets are "
                f"{what.get(kind, kind)}",
                flag,
                "omit it",
            )
    return {key: value for key, value in told.items() if _OF_KIND.get(key, kind) == kind}


def load_kind(name: str) -> Head:
    """Return the head of this name; its libraries are imported now."""
    return cast("Head", import_module(spec(name).module))


def load_head(folder: str | Path) -> Fitted:
    """Return the fitted head of a run folder; needs no store.

    Raises
    ------
    UsageError
        When there is none, or a newer program wrote it.
    DamagedError
        When its files are not as they were written.
    """
    folder = Path(folder)
    path = folder / HEAD_FILE
    try:
        said = unseal(path, ADVICE)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise UsageError("no head in this folder", folder, "name the folder of a run") from error
    kind, temperature = said.get("head"), said.get(KEY_OF_TEMPERATURE)
    if not isinstance(kind, str):
        raise DamagedError("says no kind of head", path, ADVICE)
    if kind not in HEADS:
        raise UsageError(f"a head of an unknown kind, {kind!r}", path, "upgrade bottleneck-cache")
    head = load_kind(kind).load(folder)
    if temperature is None:
        return head
    if not is_number(temperature) or temperature <= 0:
        raise DamagedError("a temperature that is not above zero", path, ADVICE)
    found: Fitted = import_module("bottleneck.heads.calibration").Calibrated(
        head=head, temperature=temperature, of_labels=said.get(KEY_OF_LABELS) is True
    )
    return found
