"""Predict, export and compare from Python: the same words as the commands."""

from __future__ import annotations

import argparse
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bottleneck.core import words
from bottleneck.core.errors import UsageError
from bottleneck.pipeline.learning.compare import CompareOptions, compare
from bottleneck.pipeline.learning.export import ExportOptions, export
from bottleneck.pipeline.learning.predict import PredictOptions, predictions
from bottleneck.pipeline.learning.rank import RankOptions, rank
from bottleneck.pipeline.network.options import NetworkOptions

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bottleneck.pipeline.learning.answers import Predictions

    Named = str | Path


def predict_images(
    images: Named | Iterable[Named],
    *,
    run: Named | None = None,
    backbone: Named | None = None,
    classes: Named | None = None,
    **options: Any,
) -> Predictions:
    """Return the classes of images; `bottleneck predict` from Python, with all probabilities.

    Parameters
    ----------
    images : files, folders, patterns, tables, arrays, archives, names of data sets; one or several
    run : a run's folder, or its name; None: the classes of `backbone` itself
    backbone : without `run`, the network; with it, where the run's model file is now
    classes : without `run`, imagenet or a file with a class name a line
    options : of the network weights, size, resample, preprocessing, network_version, imports,
        trust; and engine, devices, batch_size, threads

    Raises
    ------
    BottleneckError
        Of the class whose `exit_code` the command would have.
    """
    options["backbone"] = backbone
    network = take_network(options)
    return predictions(
        PredictOptions(
            images=_several(images),
            run=None if run is None else str(run),
            network=network,
            classes=None if classes is None else str(classes),
            **options,
        )
    )


def export_model(
    run: Named,
    file: Named,
    *,
    backbone: Named | None = None,
    weights: Named | None = None,
    imports: str | Iterable[str] | None = None,
    trust: bool | None = None,
) -> dict[str, Any]:
    """Write a run as one Keras model: uint8 pixels (n, height, width, 3), RGB, to (n, k) float32.

    Parameters
    ----------
    file : a new file, whose name ends with .keras
    backbone, weights : where the files of the run's network are now, where they were moved
    imports, trust : leave to run code that the network is made of, as the command's

    Returns
    -------
    dict
        The keys of `bottleneck export --json`: `classes` names the k columns, `input` and `output`
        are the shapes, None for n.

    Raises
    ------
    BottleneckError
        Of the class whose `exit_code` the command would have.
    """
    said = {"backbone": backbone, "weights": weights, "imports": imports, "trust": trust}
    return export(ExportOptions(file=Path(file), run=str(run), network=take_network(said)))


def export_features(
    cache: Named, file: Named, *, source: str | None = None, split: str | None = None
) -> dict[str, Any]:
    """Write a store's rows, labels and keys as `.npz` or `.csv`; `bottleneck export --cache`.

    The arrays of an .npz are rows (n, …) float16 or float32, labels (n,) int32 (-1 without one),
    keys, splits (n,) and classes (k,) as text.

    Returns
    -------
    dict
        The keys of `bottleneck export --json`: `shape` and `dtype` are the rows'.

    Raises
    ------
    BottleneckError
        Of the class whose `exit_code` the command would have.
    """
    return export(ExportOptions(file=Path(file), cache=Path(cache), source=source, split=split))


def compare_runs(
    runs: Named | Iterable[Named], *, seed: int = 0, picture: Named | None = None
) -> dict[str, Any]:
    """Return the figures of runs, the most accurate first; `bottleneck compare` from Python.

    Returns
    -------
    dict
        The keys of `bottleneck compare --json`: `runs` is a list of dicts (run, backbone, head,
        accuracy, accuracy_interval, loss, seconds, parameters, cache_bytes, …).

    Raises
    ------
    BottleneckError
        Of the class whose `exit_code` the command would have.
    """
    return compare(
        CompareOptions(
            runs=_several(runs), seed=seed, picture=None if picture is None else Path(picture)
        )
    )


def compare_backbones(
    backbones: Named | Iterable[Named],
    data: Named,
    *,
    caches: Named = "cache",
    seed: int = 0,
    validation_split: float = 0.2,
    picture: Named | None = None,
    **options: Any,
) -> dict[str, Any]:
    """Extract what is missing, train a linear head on each; `bottleneck compare --backbones`.

    Parameters
    ----------
    caches : the store of each lies below, under its name
    options : of the networks weights, pooling, size, rows, preprocessing, network_version, imports,
        trust, views, augment, views_seed; and further fields of `ExtractOptions`: limit, engine,
        devices, threads, …

    Returns
    -------
    dict
        The keys of `compare_runs`, and `failed`: (backbone, error) of those left out.

    Raises
    ------
    BottleneckError
        Of the class whose `exit_code` the command would have.
    """
    network = take_network(options)
    return rank(
        RankOptions(
            backbones=_several(backbones),
            data=str(data),
            caches=Path(caches),
            network=network,
            extraction=options,
            seed=seed,
            validation_split=validation_split,
            picture=None if picture is None else Path(picture),
        )
    )


def take_network(said: dict[str, Any]) -> NetworkOptions:
    """Take what is said of a network out of the words of a call.

    Raises
    ------
    UsageError
        When the size is none.
    """
    told = {field.name: said.pop(field.name, None) for field in fields(NetworkOptions)}
    told |= {name: str(told[name]) for name in ("backbone", "weights") if told[name] is not None}
    if told["imports"] is not None:
        told["imports"] = _several(told["imports"])
    if isinstance(told["augment"], str):
        told["augment"] = words.names(told["augment"])
    elif told["augment"] is not None:
        told["augment"] = tuple(told["augment"])
    if isinstance(told["size"], int | str):
        try:
            told["size"] = words.size(str(told["size"]))
        except argparse.ArgumentTypeError as error:
            raise UsageError(str(error), "size", "a number of pixels, HxW, or a pair") from error
    return NetworkOptions.of(told)


def _several(named: Named | Iterable[Named]) -> tuple[str, ...]:
    return (str(named),) if isinstance(named, str | Path) else tuple(map(str, named))
