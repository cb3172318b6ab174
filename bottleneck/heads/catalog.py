"""The heads by name. Nothing here imports more than the standard library."""

from __future__ import annotations

from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, cast

from bottleneck.core.errors import DamagedError, UsageError
from bottleneck.core.sealed import unseal
from bottleneck.heads import options

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bottleneck.heads.task import Fitted, Head

HEAD_FILE = "head.json"
ADVICE = "train again"  # where a run or its head is damaged


@dataclass(frozen=True, slots=True)
class HeadSpec:
    """What is known of a head before its module is imported."""

    module: str
    options: Mapping[str, Any] = field(default_factory=dict)  # what it can be told → the default


# One line a head.
HEADS: Mapping[str, HeadSpec] = MappingProxyType(
    {
        "linear": HeadSpec("bottleneck.heads.linear"),
        "dense": HeadSpec(
            "bottleneck.heads.dense", {"units": (256,), "dropout": (0.3,), **options.TRAINING}
        ),
        "conv": HeadSpec(
            "bottleneck.heads.conv",
            {"filters": 100, "kernel": 2, "dropout": (0.4, 0.3), **options.TRAINING},
        ),
        "tail": HeadSpec("bottleneck.heads.tail", {**options.TRAINING, **options.FINE_TUNING}),
    }
)


def spec(name: str) -> HeadSpec:
    """Return what is known of the head of this name; UsageError when there is none."""
    if name not in HEADS:
        raise UsageError(f"no head {name!r}", "--head", f"one of {', '.join(HEADS)}")
    return HEADS[name]


def complete(name: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return every option of a head, those that were not given by their defaults.

    Raises
    ------
    UsageError
        No such head, an option that it does not have, a value that it cannot take.
    """
    return options.complete(name, spec(name).options, given)


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
        kind = unseal(path, ADVICE).get("head")
    except (FileNotFoundError, NotADirectoryError) as error:
        raise UsageError("no head in this folder", folder, "name the folder of a run") from error
    if not isinstance(kind, str):
        raise DamagedError("says no kind of head", path, ADVICE)
    if kind not in HEADS:
        raise UsageError(f"a head of an unknown kind, {kind!r}", path, "upgrade bottleneck-cache")
    return load_kind(kind).load(folder)
