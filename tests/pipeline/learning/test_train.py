"""Training: what is left out, what is said, what the receipt holds; and the API from Python."""

import json
import shutil
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest
from world import picture

import bottleneck
from bottleneck.core import console
from bottleneck.core.errors import DataError, StaleError, UsageError
from bottleneck.core.recipe import recipe_file
from bottleneck.heads.catalog import load_head
from bottleneck.pictures import plots
from bottleneck.pipeline.extraction.extract import extract
from bottleneck.pipeline.extraction.options import ExtractOptions
from bottleneck.pipeline.learning.record import frozen_parameters
from bottleneck.pipeline.learning.train import TrainOptions, train
from bottleneck.pipeline.network.options import NetworkOptions
from bottleneck.store.features import Features
from bottleneck.store.store import Store
from bottleneck.train import lines

NETWORK = NetworkOptions(backbone="resnet50", weights="random:0", size=(8, 8))


@pytest.fixture(params=["hdf5", "zarr"])
def cache(request, tmp_path, photos, numpy_network, later):
    for i in range(12, 40):
        picture(photos / ("cat" if i % 2 else "dog") / f"{i:02}.png", i)
    options = ExtractOptions(
        cache=tmp_path / "store", data=str(photos), network=NETWORK, format=request.param
    )
    extract(options)
    later()
    return tmp_path / "store"


def fit(cache, **options):
    return train(TrainOptions(cache=cache, **options), console.configure(quiet=False))


def test_without_matplotlib_one_line_says_what_is_missing(cache, monkeypatch, capsys):
    monkeypatch.setattr(plots, "can_draw", lambda: False)
    run = cache / "runs" / fit(cache)["run"].split("/")[-1]
    assert not list(run.glob("*.png"))
    assert (
        "no pictures of the run: pip install 'bottleneck-cache[plots]'" in capsys.readouterr().err
    )


def test_a_run_holds_receipt_metrics_history_and_a_head_that_predicts(cache):
    report = fit(cache)
    run = cache / "runs" / report["run"].split("/")[-1]
    names = sorted(p.name for p in run.iterdir())
    drawn = ["confusion.png", "curves.png"] if plots.can_draw() else []
    assert names == [
        "README.md", *drawn, "head.json", "head.safetensors", "history.csv", "metrics.json",
        "report.html", "run.json",
    ]  # fmt: skip
    receipt = json.loads((run / "run.json").read_text())
    state = Store.open(cache).state
    assert receipt["store"]["checksum"] == state.checksum
    assert receipt["recipe"] == state.recipe
    metrics = json.loads((run / "metrics.json").read_text())
    assert metrics["accuracy"] == report["accuracy"]
    assert metrics["classes"].keys() == {"cat", "dog"}
    x, _, _ = Store.open(cache).arrays()
    assert load_head(run).predict(x).shape == (40, 2)


def test_a_changed_image_is_left_out_and_the_next_extraction_computes_exactly_it(
    cache, photos, later
):
    picture(photos / "cat/01.png", 500)
    report = fit(cache)
    assert report["left_out"]["changed"] == 1
    assert sum(report["samples"].values()) == 39
    later()
    assert extract(ExtractOptions(cache=cache))["computed"] == 1
    later()
    assert sum(fit(cache)["samples"].values()) == 40


def test_a_vanished_image_is_left_out(cache, photos):
    (photos / "cat/01.png").unlink()
    report = fit(cache)
    assert (report["left_out"]["gone"], sum(report["samples"].values())) == (1, 39)


def test_a_renamed_or_touched_image_is_trained_on(cache, photos):
    (photos / "cat/01.png").rename(photos / "cat/zz.png")
    (photos / "cat/03.png").touch()
    report = fit(cache)
    assert report["left_out"]["gone"] == report["left_out"]["changed"] == 0
    assert sum(report["samples"].values()) == 40


def test_on_stale_error_stops_and_use_takes_the_old_rows(cache, photos):
    picture(photos / "cat/01.png", 500)
    with pytest.raises(StaleError) as caught:
        fit(cache, on_stale="error")
    assert caught.value.exit_code == 6
    number = Store.open(cache).state.number
    assert sum(fit(cache, on_stale="use")["samples"].values()) == 40
    assert Store.open(cache).state.number == number


def test_without_the_source_the_recorded_snapshot_serves_and_that_is_said(cache, photos, capsys):
    shutil.rmtree(photos)
    report = fit(cache)
    assert (sum(report["samples"].values()), report["source_seen"]) == (40, False)
    assert "not here" in capsys.readouterr().err


def test_an_empty_mount_point_counts_as_absent_and_commits_nothing(cache, photos, capsys):
    shutil.rmtree(photos)
    photos.mkdir()
    number = Store.open(cache).state.number
    assert sum(fit(cache)["samples"].values()) == 40
    assert Store.open(cache).state.number == number
    assert "training from what was recorded" in capsys.readouterr().err


def test_a_source_that_lost_half_is_trained_from_the_record_and_commits_nothing(cache, photos):
    for path in sorted(photos.rglob("*.png"))[:25]:
        path.unlink()
    number = Store.open(cache).state.number
    assert sum(fit(cache)["samples"].values()) == 40
    assert Store.open(cache).state.number == number


def test_an_image_under_two_labels_is_left_out(cache, photos, later):
    shutil.copy(photos / "cat/01.png", photos / "dog/twin.png")
    report = fit(cache)
    assert report["left_out"]["conflicting"] == 2


def test_the_same_seed_gives_the_same_head_and_another_another_split(cache):
    one, two, other = (fit(cache, seed=s) for s in (0, 0, 1))
    head = [load_head(__import__("pathlib").Path(r["run"])).weights for r in (one, two, other)]
    np.testing.assert_array_equal(head[0], head[1])
    assert (head[0] != head[2]).any()


def test_one_class_and_no_labels_are_refused(tmp_path, numpy_network):
    for i in range(3):
        picture(tmp_path / "flat" / f"{i}.png", i)
        picture(tmp_path / "one/cat" / f"{i}.png", i)
    for name, message in (("flat", "label"), ("one", "class")):
        cache = tmp_path / f"store-{name}"
        extract(ExtractOptions(cache=cache, data=str(tmp_path / name), network=NETWORK))
        with pytest.raises(DataError, match=message):
            fit(cache)


def test_a_run_name_that_is_taken_is_refused(cache):
    fit(cache, run="first")
    with pytest.raises(UsageError, match="exists"):
        fit(cache, run="first")


def test_training_imports_no_framework_and_no_scikit_learn(cache):
    code = (
        "import sys; from bottleneck.train import main;"
        f"assert main(['--cache', {str(cache)!r}, '--quiet']) == 0;"
        "heavy = {'tensorflow', 'keras', 'sklearn', 'scipy', 'zarr'} & set(sys.modules);"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


def test_from_python_the_words_are_those_of_the_commands(cache, photos, numpy_network):
    report = bottleneck.extract_features(
        photos, cache=cache, backbone="resnet50", weights="random:0", size=8
    )
    assert report["computed"] == 0
    assert bottleneck.train_head(cache, seed=3)["head"] == "linear"
    store = bottleneck.open_store(cache)
    x, y, keys = store.arrays("train")
    assert len(x) == len(y) == len(keys) == 40
    assert store.classes() == ("cat", "dog")
    from sklearn.linear_model import LogisticRegression

    LogisticRegression(max_iter=1000).fit(x, y)


@pytest.mark.slow
def test_the_data_sets_of_the_frameworks_hold_the_same_rows(cache):
    store = bottleneck.open_store(cache)
    x, y, _ = store.arrays()
    for found in (store.keras_dataset(batch_size=16), store.tf_dataset(batch_size=16)):
        batches = [found[i] for i in range(len(found))] if hasattr(found, "on_epoch_end") else found
        rows, labels = zip(*((np.asarray(a), np.asarray(b)) for a, b in batches), strict=True)
        np.testing.assert_array_equal(np.concatenate(rows), np.asarray(x, np.float32))
        np.testing.assert_array_equal(np.concatenate(labels), y)
        assert [len(r) for r in rows] == [16, 16, 8]
    shuffled = store.keras_dataset(batch_size=40, shuffle=True, seed=1)
    first = shuffled[0][1]
    shuffled.on_epoch_end()
    assert sorted(first) == sorted(y)
    assert (shuffled[0][1] != first).any()


def test_a_new_class_that_sorts_first_moves_no_image_between_train_and_validation(
    cache, photos, later
):
    before = fit(cache)["samples"]
    picture(photos / "ant/only.png", 900)
    extract(ExtractOptions(cache=cache))
    after = fit(cache)["samples"]
    assert sum(after.values()) == sum(before.values()) + 1
    assert after["val"] - before["val"] in (0, 1)
    assert after["train"] - before["train"] in (0, 1)


@pytest.mark.slow
def test_every_head_leaves_the_same_files_figures_and_receipt(cache):
    linear = fit(cache, run="linear")
    told = {"units": (4,), "epochs": 2, "batch_size": 8}
    dense = fit(cache, run="dense", head="dense", head_options=told)
    assert dense.keys() == linear.keys()
    assert (dense["head"], dense["epochs"], dense["parameters"]) == ("dense", 2, 6 * 4 + 4 + 10)
    runs = cache / "runs"
    names = {name: {path.name for path in (runs / name).iterdir()} for name in ("linear", "dense")}
    assert names["dense"] - {"head.keras", "curves.png"} == names["linear"] - {
        "head.safetensors",
        "curves.png",
    }
    metrics, receipts = (
        {name: json.loads((runs / name / file).read_text()) for name in names}
        for file in ("metrics.json", "run.json")
    )
    assert metrics["dense"].keys() == metrics["linear"].keys()
    assert receipts["dense"].keys() == receipts["linear"].keys()
    options = receipts["dense"]["options"]
    assert (options["units"], options["dropout"], options["optimizer"]) == ([4], [0.3], "adam")
    assert not {"units", "head_options", "cache"} & receipts["linear"]["options"].keys()
    assert {"keras", "tensorflow"} <= receipts["dense"]["versions"].keys()
    x, _, _ = Store.open(cache).arrays()
    assert load_head(runs / "dense").predict(x).shape == (40, 2)


@pytest.mark.slow
def test_from_python_a_head_is_told_by_the_words_of_the_command(cache):
    report = bottleneck.train_head(cache, head="dense", units=[], epochs=1, dropout=None)
    assert report["parameters"] == 6 * 2 + 2
    with pytest.raises(TypeError, match=r"train_head\(\) got an unexpected .* 'unit'. .* 'units'"):
        bottleneck.train_head(cache, head="dense", unit=3)
    with pytest.raises(UsageError, match="no such option: --filters"):
        bottleneck.train_head(cache, head="dense", filters=3)


def test_a_store_that_says_how_large_its_network_is_counts_it_as_frozen(cache):
    assert fit(cache)["frozen_parameters"] is None
    store = Store.open(cache)
    path = cache / "recipes" / f"{store.recipe.id}.json"
    path.write_bytes(recipe_file(store.recipe, {**store.about, "parameters": 1000}))
    report = fit(cache)
    assert report["frozen_parameters"] == 1000
    assert frozen_parameters(Store.open(cache), SimpleNamespace(frozen=24)) == 1024
    assert "linear head, 14 trainable of 1,014 parameters, " in lines(report)[-2]


def test_the_first_five_classes_are_said_where_there_are_more(cache):
    report = fit(cache)
    assert report["top5"] == 1.0
    assert "top 5" not in lines(report)[0]
    assert "(top 5 1.0000, loss " in lines({**report, "classes": 6})[0]


def test_what_a_head_cannot_be_told_is_refused_before_the_store_is_looked_at(tmp_path):
    with pytest.raises(UsageError, match="no such option: --units"):
        fit(tmp_path / "none", head_options={"units": (5,)})


@pytest.mark.slow
def test_rows_to_test_are_gathered_a_batch_at_a_time(tmp_path, numpy_network, monkeypatch):
    for i in range(40):
        part = "test" if i % 4 > 1 else "train"
        picture(tmp_path / "data" / part / ("cat" if i % 2 else "dog") / f"{i:02}.png", i)
    cache = tmp_path / "store"
    extract(ExtractOptions(cache=cache, data=str(tmp_path / "data"), network=NETWORK))
    sizes, take = [], Features.take

    def watched(self, indices):
        sizes.append(len(indices))
        return take(self, indices)

    monkeypatch.setattr(Features, "take", watched)
    report = fit(cache, head="dense", head_options={"units": (), "epochs": 1, "batch_size": 3})
    assert (report["judged_on"], report["samples"]["test"]) == ("test", 20)
    assert max(sizes) == 3


@pytest.mark.parametrize("head", ["linear", pytest.param("dense", marks=pytest.mark.slow)])
def test_without_validation_the_head_is_fitted_on_all_and_nothing_is_judged(cache, head):
    told = {} if head == "linear" else {"epochs": 1, "units": ()}
    report = fit(cache, validation_split=0, head=head, head_options=told)
    assert report["samples"] == {"train": 40, "val": 0, "test": 0}
    assert report["accuracy"] is report["baseline"] is None
    assert lines(report)[0] == (
        "fitted on all 40 images: none was kept to judge it by, so there is no accuracy"
    )
    page = (cache / "runs" / report["run"].split("/")[-1] / "report.html").read_text()
    assert "No image was judged." in page


@pytest.mark.parametrize("share", [1, 1.5, -0.1, float("nan")])
def test_a_share_that_leaves_nothing_to_train_on_is_refused(cache, share):
    with pytest.raises(UsageError, match="--validation-split: give a number from 0"):
        fit(cache, validation_split=share)


def test_what_is_left_out_is_named_in_the_report_the_line_and_the_page(cache, photos):
    shutil.copy(photos / "cat/01.png", photos / "dog/twin.png")
    (photos / "dog/00.png").unlink()
    picture(photos / "cat/03.png", 500)
    report = fit(cache)
    assert report["left_out_keys"] == {
        "changed": ["cat/03.png"],
        "gone": ["dog/00.png"],
        "pending": [],
        "unusable": [],
        "conflicting": ["cat/01.png", "dog/twin.png"],
        "leaking": [],
    }
    (line,) = (line for line in lines(report) if line.startswith("left out"))
    said = "2 conflicting (the same image has two labels: cat/01.png, dog/twin.png)"
    assert line.endswith(said)
    assert "1 gone (no longer in the source: dog/00.png)" in line
    page = (cache / "runs" / report["run"].split("/")[-1] / "report.html").read_text()
    assert said in page
    assert "left_out_keys" not in Store.open(cache).history()[-1]


def test_of_many_that_are_left_out_the_first_are_named(cache, photos):
    for i in range(1, 35, 2):
        shutil.copy(photos / f"cat/{i:02}.png", photos / f"dog/{i:02}-twin.png")
    report = fit(cache)
    assert report["left_out"]["conflicting"] == 34
    (line,) = (line for line in lines(report) if line.startswith("left out"))
    assert line.endswith("two labels: cat/01.png, cat/03.png, cat/05.png, …)")


def test_an_image_that_validates_under_another_name_is_named_as_leaking(cache, photos):
    for part, name in (("train", "a.png"), ("val", "b.png")):
        for kind in ("cat", "dog"):
            (photos.parent / "split" / part / kind).mkdir(parents=True)
            picture(
                photos.parent / "split" / part / kind / name,
                900 + 2 * len(part) + len(kind + name) + (kind == "cat"),
            )
    root = photos.parent / "split"
    shutil.copy(root / "val/cat/b.png", root / "train/cat/copy.png")
    other = photos.parent / "other"
    extract(ExtractOptions(cache=other, data=str(root), network=NETWORK))
    report = fit(other)
    assert report["left_out_keys"]["leaking"] == ["train/cat/copy.png"]
    (line,) = (line for line in lines(report) if line.startswith("left out"))
    why = "the same image, or one of its group, is also among those to validate or test"
    assert f"1 leaking ({why}: train/" in line


def test_where_no_judged_image_is_of_the_commonest_class_there_is_no_figure_for_it(cache):
    report = {**fit(cache), "baseline": None}
    assert "; none of them is of the class that is commonest in training)" in lines(report)[0]
    assert "commonest class: 0.0000" not in lines(report)[0]


def test_an_image_that_could_not_be_read_is_unusable_and_not_pending(cache, photos):
    (photos / "cat/bad.png").write_bytes(b"no image")
    extract(ExtractOptions(cache=cache, data=str(photos)))
    report = fit(cache)
    assert (report["left_out"]["pending"], report["left_out"]["unusable"]) == (0, 1)
    assert report["left_out_keys"]["unusable"] == ["cat/bad.png"]
