"""Several labels an image, and numbers: trained, judged, shown, predicted, compared."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pyarrow import parquet
from sklearn.metrics import (
    average_precision_score,
    f1_score,
    mean_absolute_error,
    r2_score,
    root_mean_squared_error,
)

import bottleneck
from bottleneck._extract_lines import lines as extract_lines
from bottleneck.compare import lines as compare_lines
from bottleneck.core import console
from bottleneck.core.errors import DataError, UsageError
from bottleneck.heads.catalog import load_head
from bottleneck.pictures import plots
from bottleneck.pipeline.extraction.extract import extract
from bottleneck.pipeline.extraction.options import ExtractOptions
from bottleneck.pipeline.learning.compare import CompareOptions, compare
from bottleneck.pipeline.learning.export import ExportOptions, export
from bottleneck.pipeline.learning.predict import PredictOptions, predict
from bottleneck.pipeline.learning.train import TrainOptions, train
from bottleneck.pipeline.network.options import NetworkOptions
from bottleneck.predict import lines as predict_lines
from bottleneck.store.store import Store
from bottleneck.train import lines

NETWORK = NetworkOptions(backbone="resnet50", weights="random:0", size=(8, 8))
N = 60
LOSSES = ("squared", "huber")


def pictures(folder):
    """Write images of noise in some colour; return red, green and blue of each, from 0 to 1."""
    rng = np.random.default_rng(0)
    colours = rng.random((N, 3))
    for i, colour in enumerate(colours):
        pixels = np.clip(colour * 200 + rng.normal(0, 20, (12, 12, 3)), 0, 255).astype("u1")
        folder.mkdir(exist_ok=True)
        Image.fromarray(pixels).save(folder / f"{i:02}.png")
    return colours


@pytest.fixture
def colours(tmp_path):
    return pictures(tmp_path / "images")


def table(folder, header, rows):
    """Write a table of the images; a third of them is to test."""
    text = [f"filename,split,{header}"]
    text += [
        f"images/{i:02}.png,{'test' if i % 3 == 0 else 'train'},{row}" for i, row in enumerate(rows)
    ]
    path = folder / "table.csv"
    path.write_text("\n".join(text) + "\n")
    return path


def extracted(tmp_path, path, later, **how):
    later()
    options = ExtractOptions(cache=tmp_path / "store", data=str(path), network=NETWORK, reading=how)
    extract(options)
    return tmp_path / "store"


@pytest.fixture
def of_labels(tmp_path, colours, numpy_network, later):
    is_there = colours > 0.5
    is_there[:, 2] |= is_there[:, :2].all(axis=1)  # some have all three
    rows = [",".join(str(int(x)) for x in row) for row in is_there]
    return extracted(tmp_path, table(tmp_path, "red,green,blue", rows), later), is_there


def fit(cache, **options):
    return train(TrainOptions(cache=cache, **options), console.configure(quiet=False))


def test_labels_are_trained_and_judged_as_scikit_learn_judges_them(of_labels):
    cache, is_there = of_labels
    report = fit(cache)
    assert (report["kind"], report["targets"], report["accuracy"]) == ("labels", 3, None)
    assert report["samples"]["test"] == 20
    head = load_head(report["run"])
    x, y, keys = Store.open(cache).arrays(split="test")
    p = head.predict(x)
    at = [int(bytes(key)[-6:-4]) for key in keys]
    truth = is_there[at]
    assert report["macro_average_precision"] == pytest.approx(average_precision_score(truth, p))
    assert report["micro_average_precision"] == pytest.approx(
        average_precision_score(truth, p, average="micro")
    )
    receipt = json.loads(Path(report["run"], "run.json").read_text())
    of = receipt["targets"]
    assert (of["kind"], of["names"]) == ("labels", ["red", "green", "blue"])
    assert receipt["classes"] == []
    said = p >= np.array(of["thresholds"], "f4")
    assert report["macro_f1"] == pytest.approx(f1_score(truth, said, average="macro"))
    assert report["micro_f1"] == pytest.approx(f1_score(truth, said, average="micro"))
    assert report["macro_average_precision"] > report["baseline"] + 0.2
    assert "average precision" in lines(report)[0]


def test_a_label_s_threshold_is_that_of_the_highest_f1_on_the_validation_rows(of_labels):
    cache, is_there = of_labels
    run = Path(fit(cache)["run"])
    receipt = json.loads((run / "run.json").read_text())
    metrics = json.loads((run / "metrics.json").read_text())
    of = metrics["labels"]["green"]
    assert of["threshold"] == receipt["targets"]["thresholds"][1]
    assert of["samples"] == 20
    assert 0 < of["threshold"] < 1
    assert of["threshold"] != 0.5


def test_the_page_and_the_picture_show_each_label(of_labels):
    cache, _ = of_labels
    run = Path(fit(cache)["run"])
    page = (run / "report.html").read_text()
    assert "Macro average precision" in page
    assert '<th scope="row">green</th>' in page
    assert "most confident mistakes" not in page
    assert (run / "labels.png").exists() == plots.can_draw()


def test_predict_says_every_label_and_whether_it_passes(of_labels, tmp_path):
    cache, _ = of_labels
    run = fit(cache)["run"]
    file = tmp_path / "said.csv"
    report = predict(
        PredictOptions(images=(str(tmp_path / "images"),), run=run, top=1, csv=file),
        console.configure(quiet=True),
    )
    assert (report["kind"], report["computed"], len(report["images"])) == ("labels", 0, N)
    for image in report["images"]:
        assert {entry["label"] for entry in image["top"]} == {"red", "green", "blue"}
        values = [entry["probability"] for entry in image["top"]]
        assert values == sorted(values, reverse=True)
        assert all(e["passes"] == (e["probability"] >= e["threshold"]) for e in image["top"])
    shown = predict_lines(report)
    assert shown[0].split() == ["image", "labels"]
    rows = list(csv.DictReader(file.read_text().splitlines()))
    assert len(rows) == N
    found = {e["label"]: e for e in report["images"][5]["top"]}
    assert float(rows[5]["green"]) == found["green"]["probability"]
    passing = [name for name in ("red", "green", "blue") if found[name]["passes"]]
    assert rows[5]["labels"] == "|".join(passing)
    said = bottleneck.predict_images(tmp_path / "images", run=run)
    assert (said.kind, said.classes) == ("labels", ("red", "green", "blue"))
    assert said.passes[5].tolist() == [found[n]["passes"] for n in ("red", "green", "blue")]
    assert "3 labels" in repr(said)
    assert said._row(5)["labels"] == ", ".join(passing) or "none"


def test_runs_of_one_kind_are_ranked_by_its_main_figure_and_unlike_kinds_are_refused(
    of_labels, tmp_path, later
):
    cache, is_there = of_labels
    runs = [fit(cache, run="good")["run"], fit(cache, seed=1, run="other")["run"]]
    report = compare(CompareOptions(runs=tuple(runs)))
    figures = [entry["macro_average_precision"] for entry in report["runs"]]
    assert figures == sorted(figures, reverse=True)
    assert {entry["kind"] for entry in report["runs"]} == {"labels"}
    rows = ["red" if x[0] else "other" for x in is_there]
    classes = extracted(tmp_path / "more", table(tmp_path, "label", rows), later)
    with pytest.raises(UsageError, match="unlike kinds") as caught:
        compare(CompareOptions(runs=(*runs, fit(classes)["run"])))
    assert caught.value.exit_code == 2


def test_an_image_with_other_labels_elsewhere_is_left_out(tmp_path, colours, numpy_network, later):
    rows = [",".join(str(int(x > 0.5)) for x in row) for row in colours]
    rows[4], rows[5] = "1,1,0", "0,1,0"
    one, other = tmp_path / "images/04.png", tmp_path / "images/05.png"
    other.write_bytes(one.read_bytes())
    cache = extracted(tmp_path, table(tmp_path, "red,green,blue", rows), later)
    assert fit(cache)["left_out"]["conflicting"] == 2


def test_what_is_not_known_of_an_image_is_neither_learned_nor_judged(
    tmp_path, colours, numpy_network, later
):
    rows = [[str(int(x > 0.5)) for x in row] for row in colours]
    rows[7] = ["", "", ""]  # nothing
    for row in rows[::4]:
        row[1] = ""
    rows[1] = ["1", "1", "1"]
    cache = extracted(tmp_path, table(tmp_path, "a,b,c", [",".join(row) for row in rows]), later)
    report = fit(cache)
    assert sum(report["samples"].values()) == N - 1
    metrics = json.loads(Path(report["run"], "metrics.json").read_text())
    assert metrics["labels"]["b"]["samples"] == 20 - 5
    assert metrics["labels"]["a"]["samples"] == 20


def test_a_head_that_learns_classes_alone_is_refused_in_one_line(of_labels):
    cache, _ = of_labels
    with pytest.raises(UsageError, match=r"prototypes learns classes.*use linear"):
        fit(cache, head="prototypes")
    with pytest.raises(UsageError, match="loss is of numbers, and these targets are labels"):
        fit(cache, head_options={"loss": "huber"})


def test_targets_that_are_called_as_other_columns_have_names_of_their_own(
    tmp_path, colours, numpy_network, later
):
    names = "label,target_label,f0"
    path = table(tmp_path, names, [f"{i % 7}.5,{i}.25,{i}.75" for i in range(len(colours))])
    cache = extracted(tmp_path, path, later, label_column=names.split(","), target_kind="numbers")
    for end in (".csv", ".parquet"):
        export(ExportOptions(file=tmp_path / f"features{end}", cache=cache))
    header = (tmp_path / "features.csv").read_text().splitlines()[0].split(",")
    called = ["target_label", "target_target_label", "target_f0"]
    assert header[:6] == ["key", *called, "split", "f0"]
    names_there = parquet.read_schema(tmp_path / "features.parquet").names
    assert names_there[2:5] == called


@pytest.mark.parametrize("end", [".npz", ".csv"])
def test_features_are_exported_with_their_labels(of_labels, tmp_path, end):
    cache, is_there = of_labels
    file = tmp_path / f"features{end}"
    report = export(ExportOptions(file=file, cache=cache))
    assert (report["kind"], report["targets"]) == ("labels", ["red", "green", "blue"])
    if end == ".npz":
        found = np.load(file)
        np.testing.assert_array_equal(found["targets"], is_there)
        assert found["target_names"].tolist() == ["red", "green", "blue"]
    else:
        rows = list(csv.DictReader(file.read_text().splitlines()))
        assert [row["blue"] for row in rows] == [str(int(x)) for x in is_there[:, 2]]


def test_arrays_give_a_column_for_each_label(of_labels):
    cache, is_there = of_labels
    _, y, _ = bottleneck.open_store(cache).arrays()
    assert y.dtype == np.float32
    np.testing.assert_array_equal(y, is_there)


@pytest.fixture
def of_numbers(tmp_path, colours, numpy_network, later):
    """Return a store of images, and how bright each is (with a fraction), and how red."""
    truth = np.stack([colours.mean(axis=1) * 3 + 10, colours[:, 0]], axis=1).astype("f4")
    rows = [f"{bright:.6g},{red:.6g}" for bright, red in truth.tolist()]
    path = table(tmp_path, "bright,red", rows)
    return extracted(tmp_path, path, later, label_column=["bright", "red"]), truth


def test_numbers_are_trained_and_judged_as_scikit_learn_judges_them(of_numbers):
    cache, truth = of_numbers
    report = fit(cache)
    assert (report["kind"], report["targets"], report["accuracy"]) == ("numbers", 2, None)
    head = load_head(report["run"])
    x, y, keys = Store.open(cache).arrays(split="test")
    at = [int(bytes(key)[-6:-4]) for key in keys]
    np.testing.assert_allclose(y, truth[at], rtol=1e-5)
    said = head.predict(x)
    assert report["r2"] == pytest.approx(r2_score(y, said), rel=1e-6)
    assert report["mae"] == pytest.approx(mean_absolute_error(y, said))
    each = root_mean_squared_error(y, said, multioutput="raw_values")
    assert report["rmse"] == pytest.approx(each.mean())
    assert report["r2"] > 0.9
    assert lines(report)[0].startswith("R² 0.9")
    receipt = json.loads(Path(report["run"], "run.json").read_text())
    assert receipt["targets"] == {"kind": "numbers", "names": ["bright", "red"]}


def test_the_baseline_of_numbers_is_always_the_training_mean(of_numbers):
    cache, truth = of_numbers
    report = fit(cache, validation_split=0)
    metrics = json.loads(Path(report["run"], "metrics.json").read_text())
    is_test = np.arange(N) % 3 == 0
    mean = truth[~is_test].mean(axis=0)
    wrong = np.sqrt(((truth[is_test] - mean) ** 2).mean(axis=0))
    assert metrics["numbers"]["red"]["baseline_rmse"] == pytest.approx(wrong[1], rel=1e-4)
    assert report["baseline"] == pytest.approx(wrong.mean(), rel=1e-4)


def test_numbers_have_a_page_a_picture_and_predictions(of_numbers, tmp_path):
    cache, truth = of_numbers
    run = Path(fit(cache)["run"])
    page = (run / "report.html").read_text()
    assert "Always the training mean" in page
    assert '<th scope="row">bright</th>' in page
    assert (run / "numbers.png").exists() == plots.can_draw()
    file = tmp_path / "said.csv"
    report = predict(
        PredictOptions(images=(str(tmp_path / "images"),), run=str(run), csv=file),
        console.configure(quiet=True),
    )
    assert [entry["number"] for entry in report["images"][3]["top"]] == ["bright", "red"]
    assert report["images"][3]["top"][0]["value"] == pytest.approx(truth[3, 0], abs=0.5)
    rows = list(csv.DictReader(file.read_text().splitlines()))
    assert list(rows[0]) == ["path", "key", "error", "bright", "red"]
    assert float(rows[3]["red"]) == report["images"][3]["top"][1]["value"]
    assert predict_lines(report)[0].split() == ["image", "bright", "red"]
    said = bottleneck.predict_images(tmp_path / "images", run=run)
    assert said.values[3].tolist() == [e["value"] for e in report["images"][3]["top"]]
    with pytest.raises(ValueError, match="no thresholds"):
        _ = said.passes


def test_numbers_are_listed_as_the_columns_are_whichever_is_larger(
    tmp_path, colours, numpy_network, later
):
    rows = [f"{-10 - red:.6g},{red:.6g}" for red in colours[:, 0].tolist()]
    path = table(tmp_path, "low,high", rows)
    cache = extracted(tmp_path, path, later, label_column=["low", "high"])
    asked = PredictOptions(images=(str(tmp_path / "images"),), run=fit(cache)["run"])
    for image in predict(asked)["images"]:
        assert [entry["number"] for entry in image["top"]] == ["low", "high"]
        assert image["top"][0]["value"] < -5 < image["top"][1]["value"]


def test_runs_of_numbers_are_ranked_by_r2_and_drawn(of_numbers, tmp_path):
    cache, _ = of_numbers
    runs = tuple(fit(cache, run=loss, head_options={"loss": loss})["run"] for loss in LOSSES)
    picture = tmp_path / "compared.png" if plots.can_draw() else None
    report = compare(CompareOptions(runs=runs, picture=picture))
    figures = [entry["r2"] for entry in report["runs"]]
    assert figures == sorted(figures, reverse=True)
    heading, first, *_ = compare_lines(report)
    assert heading.split()[2:7] == ["R²", "95%", "interval", "RMSE", "MAE"]
    assert f"{figures[0]:.4f}" in first


def test_what_was_understood_says_how_many_labels_or_numbers(of_numbers):
    report = extract(ExtractOptions(cache=of_numbers[0], dry_run=True))
    assert (report["kind"], report["targets"], report["unlabelled"]) == (
        "numbers", ["bright", "red"], 0,
    )  # fmt: skip
    assert "2 numbers (bright, red)" in "\n".join(extract_lines(report))


def test_one_number_for_all_is_nothing_to_learn(tmp_path, colours, numpy_network, later):
    path = table(tmp_path, "y", ["0.5"] * N)
    cache = extracted(tmp_path, path, later)
    with pytest.raises(DataError, match="one and the same number"):
        fit(cache)


def test_of_a_store_with_unlike_kinds_a_source_or_a_kind_is_compared(
    tmp_path, colours, numpy_network, later
):
    for name, rows in (
        ("tags", [",".join(str(int(x > 0.5)) for x in row) for row in colours]),
        ("light", [f"{row.sum():.3f}" for row in colours]),
        ("kind", ["red" if row[0] > 0.5 else "other" for row in colours]),
    ):
        header = {"tags": "red,green,blue", "light": "value", "kind": "label"}[name]
        path = table(tmp_path, header, rows).rename(tmp_path / f"{name}.csv")
        cache = extracted(tmp_path, path, later)
        fit(cache, source=f"{name}.csv", run=name)
    fit(cache, source="tags.csv", run="again", seed=1)
    with pytest.raises(UsageError, match="unlike kinds") as caught:
        compare(CompareOptions(cache=cache))
    for way in ("--target-kind labels", "--target-kind class", "--source light.csv"):
        assert way in str(caught.value)

    def of(**options):
        report = compare(CompareOptions(cache=cache, **options))
        return sorted(Path(entry["run"]).name for entry in report["runs"])

    assert of(target_kind="labels") == ["again", "tags"] == of(source="tags.csv")
    assert of(target_kind="numbers") == ["light"]
    assert of(source="kind.csv", target_kind="class") == ["kind"]
    with pytest.raises(UsageError, match=r"there are runs of kind\.csv \(class\), light\.csv"):
        of(source="kind.csv", target_kind="labels")
    with pytest.raises(UsageError, match="runs are named"):
        compare(CompareOptions(runs=("tags",), cache=cache, source="tags.csv"))
    assert bottleneck.compare_runs(cache=cache, target_kind="numbers")["runs"][0]["r2"] is not None


def test_figures_have_intervals_in_metrics_on_the_page_and_card_and_where_compared(
    of_labels, tmp_path, colours, later
):
    run = Path(fit(of_labels[0])["run"])
    metrics = json.loads((run / "metrics.json").read_text())
    low, high = metrics["intervals"]["macro_average_precision"]
    assert low < metrics["macro_average_precision"] < high
    said = f"95% interval {low:.4f} to {high:.4f}"
    assert said in (run / "report.html").read_text()
    assert said in (run / "README.md").read_text()
    report = compare(CompareOptions(runs=(str(run),)))
    assert report["runs"][0]["interval"] == [low, high]
    assert f"{low:.4f} to {high:.4f}" in "\n".join(compare_lines(report))
    path = table(tmp_path, "value", [f"{row.sum():.3f}" for row in colours])
    run = Path(fit(extracted(tmp_path / "more", path, later))["run"])
    metrics = json.loads((run / "metrics.json").read_text())
    for name in ("r2", "rmse", "mae"):
        low, high = metrics["intervals"][name]
        assert low < metrics[name] < high
    page, card = (run / "report.html").read_text(), (run / "README.md").read_text()
    low, high = metrics["intervals"]["r2"]
    assert f"95% interval {low:.4f} to {high:.4f}" in page
    assert f"95% interval {low:.4f} to {high:.4f}" in card
