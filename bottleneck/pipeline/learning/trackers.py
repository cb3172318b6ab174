"""Where else a run is told of: TensorBoard, MLflow.

Told when the run is finished and kept. What keeps one of them from being told then is a warning:
the run is there all the same.
"""

from __future__ import annotations

import itertools
import os
import re
import socket
import time
from importlib import import_module
from typing import TYPE_CHECKING, Any

from bottleneck.core import files
from bottleneck.core.errors import MissingDependencyError, UnavailableError, UsageError
from bottleneck.core.figures import MAIN
from bottleneck.core.installed import is_here
from bottleneck.core.paths import local_path
from bottleneck.pipeline.learning.event_file import event_file

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from bottleneck.core.reporter import Reporter
    from bottleneck.pipeline.learning.train_options import TrainOptions

CARD = "README.md"
AT_ONCE = 100  # parameters or figures in one call: MLflow's own limit of parameters
MOST_OF_A_NAME = 250
EXPERIMENT = "MLFLOW_EXPERIMENT_NAME"  # MLflow's own variable


def check(options: TrainOptions) -> None:
    """Say before training what could not be told after it.

    Raises
    ------
    UsageError
        When TensorBoard's folder is a file, or MLflow cannot use the store that is named.
    MissingDependencyError
        When MLflow is asked for and not installed.
    UnavailableError
        When MLflow cannot reach its server.
    """
    if options.tensorboard is not None:
        folder = local_path(options.tensorboard)
        if os.path.lexists(folder) and not folder.is_dir():
            raise UsageError("is no folder", folder, "give one: --tensorboard DIR")
    if options.mlflow is not None:
        try:
            _client(options.mlflow).search_experiments(max_results=1)
        except MissingDependencyError:
            raise
        except Exception as error:  # MLflow's own, and those of whatever it calls
            raise _unavailable(options.mlflow, error) from error


def tell(
    options: TrainOptions,
    run: Path,
    figures: Mapping[str, Any],
    history: Sequence[Mapping[str, float]],
    parameters: Mapping[str, Any],
    reporter: Reporter,
) -> dict[str, str]:
    """Tell of a run wherever that is asked for; return where: TensorBoard's folder, MLflow's run.

    Parameters
    ----------
    figures : numbers are told, whatever else is among them is not
    history : what the fit reported, in order
    parameters : what it was fitted with
    """
    told: dict[str, str] = {}
    if options.tensorboard is not None:
        try:
            told["tensorboard"] = str(_tell_tensorboard(options.tensorboard, run, figures, history))
        except OSError as error:
            reporter.warn(f"TensorBoard was not told of {run}: {_first_line(error)}")
    if options.mlflow is not None:
        try:
            told["mlflow"] = _tell_mlflow(options.mlflow, run, figures, history, parameters)
        except Exception as error:  # noqa: BLE001 - as in `check`; and the run is kept
            reporter.warn(f"MLflow was not told of {run}: {_first_line(error)}")
    return told


def curves(history: Sequence[Mapping[str, float]]) -> Iterator[tuple[str, int, float]]:
    """Yield (name, step, value) of each number of a history but its epochs, which are the steps.

    Where epochs do not go up by each entry (a head that is fitted once for each strength), the
    entries are counted.
    """
    epochs = [int(entry["epoch"]) for entry in history]
    is_rising = all(a < b for a, b in itertools.pairwise(epochs))
    for number, entry in enumerate(history, 1):
        for name, value in entry.items():
            if name != "epoch" and value is not None:
                yield name, epochs[number - 1] if is_rising else number, float(value)


def _numbers(figures: Mapping[str, Any]) -> dict[str, float]:
    """Return the figures that are numbers, those of folds, few labels and calibration included."""
    found = {k: float(v) for k, v in figures.items() if type(v) in (int, float)}
    if "folds" in figures:
        for name, figure in figures["folds"]["figures"].items():
            if figure["mean"] is not None:
                found[f"folds_{name}"] = float(figure["mean"])
    main = MAIN[figures.get("kind", "class")]
    for entry in figures.get("few_shot", ()):
        if entry[main] is not None:
            found[f"few_shot_{entry['labels'] or 'all'}_{main}"] = float(entry[main])
    calibration = figures.get("calibration", {})
    for name, of in calibration.get("numbers", {}).items():
        found |= {f"{key}_{name}": float(v) for key, v in of.items() if v is not None}
    if "temperature" in calibration:
        found["calibration_temperature"] = float(calibration["temperature"])
        found["ece_before_calibration"] = float(calibration["before"]["ece"])
    return found


def _tell_tensorboard(
    folder: Path, run: Path, figures: Mapping[str, Any], history: Sequence[Mapping[str, float]]
) -> Path:
    """Write an event file into a folder of the run's name; another of that name goes beside."""
    name, number = folder / run.name, 1
    while name.exists():
        number += 1
        name = folder / f"{run.name}-{number}"
    final = [(f"figures/{figure}", 0, value) for figure, value in _numbers(figures).items()]
    card = (run / CARD).read_text(encoding="utf-8") if (run / CARD).exists() else ""
    now = time.time()
    data = event_file(now, [*curves(history), *final], [("model card", card)])
    files.make_folder(name)
    files.publish_bytes(
        name / f"events.out.tfevents.{int(now)}.{socket.gethostname()}.{os.getpid()}", data
    )
    return name


def _client(uri: str) -> Any:
    """Return MLflow's client; its own defaults where no address is given."""
    if not is_here("mlflow"):
        raise MissingDependencyError(
            "MLflow is not installed", "--mlflow", "pip install mlflow, or mlflow-skinny"
        )
    return import_module("mlflow").MlflowClient(tracking_uri=uri or None)


def _tell_mlflow(
    uri: str,
    run: Path,
    figures: Mapping[str, Any],
    history: Sequence[Mapping[str, float]],
    parameters: Mapping[str, Any],
) -> str:
    """Log parameters, figures, curves and the run's files; return the id of MLflow's run."""
    entities, client = import_module("mlflow.entities"), _client(uri)
    name = os.environ.get(EXPERIMENT, "Default")
    known = client.get_experiment_by_name(name)
    experiment = known.experiment_id if known else client.create_experiment(name)
    made: str = client.create_run(experiment, run_name=run.name).info.run_id
    now = int(time.time() * 1000)
    final = [(f"final_{figure}", 0, value) for figure, value in _numbers(figures).items()]
    points = [*curves(history), *final]
    names = _names(key for key, _, _ in points)
    metrics = [entities.Metric(names[key], value, now, step) for key, step, value in points]
    given = {key: value for key, value in parameters.items() if value is not None}
    params = [entities.Param(key, str(value)) for key, value in given.items()]
    for at in range(0, max(len(metrics), len(params)), AT_ONCE):
        client.log_batch(made, metrics[at : at + AT_ONCE], params[at : at + AT_ONCE])
    client.log_artifacts(made, str(run))
    client.set_terminated(made)
    return made


def _names(given: Iterable[str]) -> dict[str, str]:
    """Return for each name one that MLflow takes, and no two alike.

    People's own numbers and labels may have any character. A name that MLflow takes stays as it is.
    """
    valid = {name: re.sub(r"[^\w\-. ]", "_", name)[:MOST_OF_A_NAME] for name in given}
    found = {name: name for name, wanted in valid.items() if name == wanted}
    for name, wanted in valid.items():
        number, free = 1, wanted
        while name not in found and free in found.values():
            number += 1
            end = f"-{number}"
            free = wanted[: MOST_OF_A_NAME - len(end)] + end
        found[name] = free
    return found


def _unavailable(uri: str, error: Exception) -> UsageError | UnavailableError:
    kind = UnavailableError if uri.startswith("http") else UsageError
    return kind(
        f"MLflow cannot be told: {_first_line(error)}",
        f"--mlflow {uri}".strip(),
        "give the address of its server or store, or omit --mlflow",
    )


def _first_line(error: Exception) -> str:
    said = str(error).strip().splitlines() or [type(error).__name__]
    return said[0].partition(". ")[0][:200]
