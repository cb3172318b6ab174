"""Trackers: what they are told, when, and that a run is kept whatever becomes of that.

MLflow is not among what the tests install. A module of the same name stands in for the calls that
are made of it, so these tests say that they are made; that MLflow answers them was tried by hand
(mlflow-skinny 3.17, a file store).
"""

import csv
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

from bottleneck.core import console
from bottleneck.core.errors import MissingDependencyError, UnavailableError, UsageError
from bottleneck.heads.run import read_run
from bottleneck.pictures import plots
from bottleneck.pipeline.extraction.extract import extract
from bottleneck.pipeline.extraction.options import ExtractOptions
from bottleneck.pipeline.learning.trackers import curves, tell
from bottleneck.pipeline.learning.train import TrainOptions, train
from bottleneck.pipeline.network.options import NetworkOptions
from bottleneck.train import main as train_main

NETWORK = NetworkOptions(backbone="resnet50", weights="random:0", size=(8, 8))


@pytest.fixture
def cache(tmp_path, photos, numpy_network, later, monkeypatch):
    monkeypatch.setattr(plots, "can_draw", lambda: False)  # for speed
    extract(ExtractOptions(cache=tmp_path / "store", data=str(photos), network=NETWORK))
    later()
    return tmp_path / "store"


def fit(cache, **options):
    return train(TrainOptions(cache=cache, **options))


class Client:
    """Remembers what MLflow's client is called with."""

    calls: list = []
    broken = False

    def __init__(self, tracking_uri):
        self.calls.append(("client", tracking_uri))

    def __getattr__(self, name):
        def call(*words, **more):
            if self.broken and name != "search_experiments":
                raise OSError("the server went away. Long tale follows")
            self.calls.append((name, *words, more))
            return SimpleNamespace(experiment_id="7", info=SimpleNamespace(run_id="abc"))

        return call


@pytest.fixture
def mlflow(monkeypatch):
    module, entities = ModuleType("mlflow"), ModuleType("mlflow.entities")
    module.MlflowClient = type("Told", (Client,), {"calls": []})
    entities.Metric = lambda *values: ("metric", *values)
    entities.Param = lambda *values: ("param", *values)
    module.__spec__ = SimpleNamespace(name="mlflow")
    monkeypatch.setitem(sys.modules, "mlflow", module)
    monkeypatch.setitem(sys.modules, "mlflow.entities", entities)
    return module.MlflowClient


def test_tensorboard_gets_a_folder_of_the_run_s_name_and_a_second_one_beside_it(cache, tmp_path):
    board = tmp_path / "deep/board"
    told = [fit(cache, tensorboard=board, run="r")["told"]["tensorboard"]]
    (cache / "runs/r").rename(cache / "runs/old")
    told.append(fit(cache, tensorboard=board, run="r")["told"]["tensorboard"])
    assert told == [str(board / "r"), str(board / "r-2")]
    for folder in told:
        (file,) = Path(folder).iterdir()
        assert file.name.startswith("events.out.tfevents.")
        data = file.read_bytes()
        for word in (b"validation_loss", b"figures/accuracy", b"# linear head on photos"):
            assert word in data


def test_figures_of_folds_few_labels_and_calibration_are_told_too(cache, tmp_path):
    told = fit(cache, tensorboard=tmp_path / "b", folds=3, few_shot=(1,), tries=2, calibrate=True)
    (file,) = Path(told["told"]["tensorboard"]).iterdir()
    data = file.read_bytes()
    for word in ("folds_accuracy", "few_shot_1_accuracy", "few_shot_all_accuracy"):
        assert f"figures/{word}".encode() in data
    assert b"figures/calibration_temperature" in data
    assert b"figures/ece_before_calibration" in data


def test_a_tensorboard_folder_that_is_a_file_is_refused_before_training(cache, tmp_path):
    (tmp_path / "board").write_text("mine")
    with pytest.raises(UsageError, match=r"is no folder.*--tensorboard"):
        fit(cache, tensorboard=tmp_path / "board")
    assert not list((cache / "runs").glob("*"))


def test_without_mlflow_it_is_2_before_training_and_says_what_is_missing(
    cache, monkeypatch, capsys
):
    monkeypatch.setitem(sys.modules, "mlflow", None)
    with pytest.raises(MissingDependencyError, match="pip install mlflow"):
        fit(cache, mlflow="")
    assert console.run(train_main, ["--cache", str(cache), "--mlflow"]) == 2
    assert capsys.readouterr().err.count("error: ") == 1
    assert not list((cache / "runs").glob("*"))


def test_mlflow_is_told_parameters_figures_curves_and_files(cache, mlflow):
    report = fit(cache, mlflow="http://there", run="r", seed=4)
    assert report["told"] == {"mlflow": "abc"}
    assert ("client", "http://there") in mlflow.calls
    by_name = {call[0]: call for call in mlflow.calls}
    assert by_name["create_run"][1:] == ("7", {"run_name": "r"})
    metrics = [m for call in mlflow.calls if call[0] == "log_batch" for m in call[2]]
    params = dict(p[1:] for call in mlflow.calls if call[0] == "log_batch" for p in call[3])
    run = read_run(Path(report["run"]))
    assert ("final_accuracy", run.metrics["accuracy"]) in {(m[1], m[2]) for m in metrics}
    with (run.folder / "history.csv").open(newline="") as file:
        losses = [float(row["validation_loss"]) for row in csv.DictReader(file)]
    assert [m[2] for m in metrics if m[1] == "validation_loss"] == losses
    assert params["seed"] == "4"
    assert params["strength"] == str(run.options["strength"])
    assert by_name["log_artifacts"][1:3] == ("abc", report["run"])
    assert by_name["set_terminated"][1] == "abc"


def test_mlflow_is_told_names_that_it_takes(cache, mlflow, tmp_path):
    figures = {"r2_°C in/out?": 0.5, "mae_höhe-1.a": 0.25, "x" * 300: 1.0}
    options = TrainOptions(cache=cache, mlflow="http://there")
    tell(options, tmp_path, figures, [], {}, console.configure(quiet=True))
    told = {m[1]: m[2] for call in mlflow.calls if call[0] == "log_batch" for m in call[2]}
    assert told["final_r2__C in_out_"] == 0.5
    assert told["final_mae_höhe-1.a"] == 0.25  # letters of any language are letters to it
    assert max(map(len, told)) == 250  # the longest that it takes


def test_names_that_become_the_same_for_mlflow_are_told_apart(cache, mlflow, tmp_path):
    told = {"a/b": 1, "a:b": 2, "a_b": 3, "x" * 250: 4, "x" * 251: 5}
    figures = {name: float(value) for name, value in told.items()}
    options = TrainOptions(cache=cache, mlflow="http://there")
    tell(options, tmp_path, figures, [], {}, console.configure(quiet=True))
    found = [m[1:3] for call in mlflow.calls if call[0] == "log_batch" for m in call[2]]
    assert sorted(value for _, value in found) == [1, 2, 3, 4, 5]
    names = {value: name for name, value in found}
    assert (names[1], names[2], names[3]) == ("final_a_b-2", "final_a_b-3", "final_a_b")
    assert names[4] != names[5]
    assert max(map(len, names.values())) == 250


def test_mlflow_s_own_default_is_meant_where_no_address_is_given(cache, mlflow, capsys):
    assert console.run(train_main, ["--cache", str(cache), "--mlflow"]) == 0
    assert ("client", None) in mlflow.calls
    assert "mlflow: abc" in capsys.readouterr().out.splitlines()


def test_an_mlflow_that_does_not_answer_shows_before_training(cache, mlflow, monkeypatch):
    def refuse(*_, **__):
        raise RuntimeError("no such store. See our pages")

    monkeypatch.setattr(mlflow, "search_experiments", refuse, raising=False)
    for address, kind in (("http://there", UnavailableError), ("file:./x", UsageError)):
        with pytest.raises(kind, match="MLflow cannot be told: no such store: --mlflow"):
            fit(cache, mlflow=address)
    assert not list((cache / "runs").glob("*"))


def test_a_run_is_kept_where_mlflow_goes_away_meanwhile(cache, mlflow, monkeypatch, caplog):
    monkeypatch.setattr(mlflow, "broken", True)
    said = []
    reporter = console.configure(quiet=False)
    monkeypatch.setattr(type(reporter), "warn", lambda _, line: said.append(line))
    report = train(TrainOptions(cache=cache, mlflow=""), reporter)
    assert report["told"] == {}
    assert read_run(Path(report["run"])).head == "linear"
    assert said == [f"MLflow was not told of {report['run']}: the server went away"]


def test_who_is_told_is_no_part_of_the_receipt(cache, tmp_path):
    run = read_run(Path(fit(cache, tensorboard=tmp_path / "b")["run"]))
    assert not {"tensorboard", "mlflow"} & run.options.keys()


def test_epochs_are_the_steps_where_they_go_up_and_entries_where_not():
    rising = [{"epoch": 2, "loss": 1.0}, {"epoch": 5, "loss": 0.5, "rate": None}]
    assert [*curves(rising)] == [("loss", 2, 1.0), ("loss", 5, 0.5)]
    level = [{"epoch": 9, "loss": 1.0}, {"epoch": 9, "loss": 0.5}]
    assert [*curves(level)] == [("loss", 1, 1.0), ("loss", 2, 0.5)]
    assert [*curves([])] == []
