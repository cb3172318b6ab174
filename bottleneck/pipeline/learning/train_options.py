"""What training is asked for."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

TRIES = 10  # of so many labels a class, where nobody says how many


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainOptions:
    """What `bottleneck train` is asked for; the words of its command line.

    Attributes
    ----------
    validation_split : the share that validates, where no split of the source says otherwise; 0 is
        none, so that the head is fitted on all
    on_stale : what to do with images that changed or vanished: drop, error or use
    head_options : what the head is told; its defaults for the rest
    tensorboard : folder that TensorBoard's event file goes below
    mlflow : the address of MLflow's server or store, or "" for MLflow's own default; None: not told
    folds, repeats : into how many folds the images are divided, and how often, so that each is
        judged by a fit that has not seen it; 0 folds is none
    few_shot, tries : with how many labels a class the head is fitted as well, and how often each
    calibrate : whether probabilities are made as sure as they are right
    decisions : a table of images that a person relabelled or dropped
    """

    cache: Path
    source: str | None = None
    head: str = "linear"
    seed: int = 0
    validation_split: float = 0.2
    on_stale: str = "drop"
    run: str | None = None
    head_options: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    tensorboard: Path | None = None
    mlflow: str | None = None
    folds: int = 0
    repeats: int = 1
    few_shot: tuple[int, ...] = ()
    tries: int = TRIES
    calibrate: bool = False
    decisions: Path | None = None
