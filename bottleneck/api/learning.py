"""Classifiers from Python: train, load, predict, compare, export; the words of the commands."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any, Literal

from bottleneck.api import extraction, words
from bottleneck.api.keywords import proposing
from bottleneck.api.report import Report
from bottleneck.heads import catalog
from bottleneck.pipeline.learning.answers import Predictions as Predictions  # noqa: TC001
from bottleneck.pipeline.learning.export import ExportOptions, export
from bottleneck.pipeline.learning.predict import PredictOptions, predictions
from bottleneck.pipeline.learning.runs import find_run
from bottleneck.pipeline.learning.train import TrainOptions, train

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from os import PathLike

    from bottleneck.api.extraction import Decode, Fit, Resample
    from bottleneck.api.words import Images
    from bottleneck.heads.task import Fitted

HEAD_OPTIONS = (
    "units", "dropout", "filters", "kernel", "optimizer", "learning_rate", "momentum", "nesterov",
    "weight_decay", "epochs", "batch_size", "patience", "class_weights", "strength", "loss",
    "refit",
)  # fmt: skip
OnStale = Literal["drop", "error", "use"]


# Several to a line, by subject: one keyword a line would hide the rest of the function.
@proposing
def train_head(
    cache: str | PathLike[str], *, source: str | None = None, head: str = "linear", seed: int = 0,
    validation_split: float = 0.2, on_stale: OnStale = "drop", run: str | None = None,
    units: Sequence[int] | None = None, dropout: Sequence[float] | None = None,
    filters: int | None = None, kernel: int | None = None,
    optimizer: Literal["adam", "sgd"] | None = None, learning_rate: float | None = None,
    momentum: float | None = None, nesterov: bool | None = None,
    weight_decay: float | None = None, epochs: int | None = None, batch_size: int | None = None,
    patience: int | None = None, class_weights: Literal["balanced", "none"] | None = None,
    strength: float | None = None, loss: Literal["squared", "huber"] | None = None,
    refit: bool | None = None, folds: int = 0, repeats: int = 1,
    few_shot: int | Sequence[int] = (), tries: int = 10, calibrate: bool = False,
    decisions: str | PathLike[str] | None = None,
    head_options: Mapping[str, Any] | None = None,
    tensorboard: str | PathLike[str] | None = None, mlflow: str | bool = False,
    progress: bool = False,
) -> Report:  # fmt: skip
    """Train a head on the features in the store at `cache`.

    It learns what the store's images have: a class each, several labels, or numbers.

    Parameters
    ----------
    cache : the store's folder
    source : which images of the store, where there are several sources
    head : linear, prototypes, knn, dense, conv or tail
    seed : of the validation split, and of whatever the head draws
    validation_split : part of the training images that the head is chosen by, where no split of
        the data says it
    on_stale : images that changed since: `drop` leaves them out, `error` raises StaleError, `use`
        takes their old features
    run : name of the run's folder (default: time and head)
    units, dropout : of each layer; one dropout serves for all layers (dense, conv)
    filters, kernel : channels of the convolution, its height and width (conv)
    optimizer, learning_rate, momentum, nesterov, weight_decay, epochs, batch_size, patience,
    class_weights : how a head that is a network is trained; None: the head's own default. The
        linear head takes class_weights as well
    strength : of the linear head's regularisation; None: the best by folds of the training images
    refit : fit anew to training and validation images, for as many epochs as were best (dense,
        conv)
    folds, repeats : so many folds, each judged by a fit that has not seen it, and how often; the
        head is then fitted to all images
    few_shot, tries : also say how good it is with so many labels a class (of labels, images with
        each and without; of numbers, images), each so often
    calibrate : make probabilities as sure as they are right (temperature scaling); of numbers,
        find the width that 90 % of unseen images lie within (split conformal prediction)
    decisions : a CSV file that the page of `bottleneck inspect` saves: images that it drops are
        left out, and images that it relabels count as what it says
    loss : of numbers alone, squared or huber (linear, dense, conv, tail)
    head_options : the same by name, for heads whose options are not among the keywords
    tensorboard : a folder that TensorBoard's event file goes below
    mlflow : the address of MLflow's server or store that is told of the run; True: its default
    progress : show messages and bars, in notebooks too; without it, nothing is printed

    Returns
    -------
    dict, with the keys of `bottleneck train --json`
        `run` is the folder that `load_head` and `predict_images` take.

    Raises
    ------
    UsageError
        Not a store, no such head, or an option that this head does not have.
    DataError
        No features, no labels, or one class only.
    StaleError
        Images changed, and `on_stale` is error.
    """
    said = locals()
    words.check_choice("on_stale", on_stale, OnStale)
    told = {field.name: said[field.name] for field in fields(TrainOptions) if field.name in said}
    told["cache"] = words.store(cache)
    told["decisions"] = words.path_or_none(decisions)
    told["tensorboard"] = words.path_or_none(tensorboard)
    told["mlflow"] = None if mlflow is False else "" if mlflow is True else mlflow
    words.check_counts(said, "repeats", "tries")
    told["few_shot"] = words.counts(few_shot, "few_shot")
    (told["folds"],) = words.counts(folds, "folds") or (0,)
    told["head_options"] = {name: said[name] for name in HEAD_OPTIONS} | {**(head_options or {})}
    return Report(train(TrainOptions(**told), words.reporter(progress)))


@proposing
def load_head(run: str | PathLike[str]) -> Fitted:
    """Load the classifier of a run; neither the store nor the images are needed.

    Parameters
    ----------
    run : the run's folder, its name below `cache/*/runs/`, or last: the newest run of the one store
        below cache/

    Returns
    -------
    A fitted head: `predict(X)` takes features (n, …) and returns probabilities (n, classes)
    float32, in the order of `classes` of the run; of a run of labels or numbers (n, k), in the
    order of the names in its receipt: a probability for each label, or the numbers.

    Raises
    ------
    UsageError
        When there is no head in this folder, or a newer program wrote it.
    DamagedError
        When its files are not as they were written.
    """
    return catalog.load_head(find_run(words.text(run)))


@proposing
def predict_images(
    images: Images, *, run: str | PathLike[str] | None = None,
    cache: str | PathLike[str] | None = None,
    backbone: str | PathLike[str] | None = None, classes: str | PathLike[str] | None = None,
    weights: str | PathLike[str] | None = None, output: str | int | None = None,
    size: int | str | tuple[int, int] | None = None, resample: Resample | None = None,
    fit: Fit | None = None, decode: Decode | None = None,
    preprocessing: str | None = None, network_version: str | None = None,
    imports: str | Sequence[str] | None = None, trust: bool | None = None,
    engine: str | None = None, devices: str | None = None, batch_size: int | None = None,
    threads: int | None = None, progress: bool = False,
) -> Predictions:  # fmt: skip
    """Return the classes of images, with the probabilities of all of them; or labels, or numbers.

    Parameters
    ----------
    images : files, folders, patterns, tables, archives or names of data sets, one or several; or
        a uint8 array (n, height, width[, 3]), or a list of PIL images or of such arrays
    run : a run's folder, its name, or last: the newest one; None: the classes of `backbone` itself
    cache : the store whose run is named; without it, the stores below cache/ are searched
    backbone : without `run`, the network; with it, where the run's model file is now
    classes : without `run`, imagenet or a file with one class name per line
    weights, output, size, resample, fit, decode, preprocessing, network_version, imports, trust :
        of the network, as the command's
    engine, devices, batch_size, threads : how it is computed
    progress : show a bar and messages, in notebooks too; without it, nothing is printed

    Returns
    -------
    Predictions
        `probabilities` is (n, k) float32, NaN where `errors` says why there is no answer. Of a run
        of labels, `passes` says which each image has; of a run of numbers, `values` are those.

    Raises
    ------
    DataError
        When no image can be used.
    UsageError
        No such run or network.
    OtherRowsError
        When this machine computes other features than the run was trained on.
    """
    said = locals()
    extraction.check_network(said)
    words.check_counts(said, "batch_size", "threads")
    options = PredictOptions(
        images=words.images_to_predict(images),
        run=words.text_or_none(run),
        cache=words.store_or_none(cache),
        network=words.network(said),
        classes=words.text_or_none(classes),
        engine=engine,
        devices=devices,
        batch_size=batch_size,
        threads=threads,
    )
    return predictions(options, words.reporter(progress))


@proposing
def export_model(
    run: str | PathLike[str],
    file: str | PathLike[str],
    *,
    cache: str | PathLike[str] | None = None,
    backbone: str | PathLike[str] | None = None,
    weights: str | PathLike[str] | None = None,
    imports: str | Sequence[str] | None = None,
    trust: bool | None = None,
) -> Report:
    """Write a run as one Keras model: uint8 pixels (n, height, width, 3), RGB, to (n, k) float32.

    Parameters
    ----------
    run : a run's folder, its name, or last: the newest one
    file : a new file, whose name ends with .keras
    cache : the store whose run is named; without it, the stores below cache/ are searched
    backbone, weights : where the files of the run's network are now, where they were moved
    imports, trust : permission to run the code that a network is made of, as the command's

    Returns
    -------
    dict, with the keys of `bottleneck export --json`
        `classes` names the k columns; `input` and `output` are the shapes, None for n.

    Raises
    ------
    UsageError
        No such run, a file that exists, or one whose name ends otherwise.
    """
    network = words.network(locals())
    options = ExportOptions(
        file=words.path(file),
        run=words.text(run),
        network=network,
        cache=words.store_or_none(cache),
    )
    return Report(export(options))


@proposing
def export_features(
    cache: str | PathLike[str],
    file: str | PathLike[str],
    *,
    source: str | None = None,
    split: Literal["train", "val", "test"] | None = None,
) -> Report:
    """Write a store's rows, labels and keys as `.npz`, `.csv` or `.parquet`.

    The arrays of an .npz are rows (n, …) float16 or float32, labels (n,) int32 (-1 without one),
    keys, splits (n,) and classes (k,) as text. A .parquet file is what `to_arrow` gives.

    Parameters
    ----------
    cache : the store's folder
    file : a new file, whose name ends with .npz, .csv or .parquet
    source : which images of the store, where there are several sources
    split : train, val or test; None for all

    Returns
    -------
    dict, with the keys of `bottleneck export --json`
        `shape` and `dtype` are the rows'.

    Raises
    ------
    UsageError
        Not a store, no such source or split, a file that exists or whose name ends otherwise.
    DataError
        When there is no row to write.
    """
    options = ExportOptions(
        file=words.path(file), cache=words.store(cache), source=source, split=split
    )
    return Report(export(options))
