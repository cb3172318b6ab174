"""From Python: what the commands say, as arrays and dicts, and their family of errors."""

import json

import numpy as np
import pytest
from world import picture

import bottleneck
from bottleneck.core.errors import DataError, UsageError
from bottleneck.pipeline.extraction.extract import extract
from bottleneck.pipeline.extraction.options import ExtractOptions
from bottleneck.pipeline.learning.compare import CompareOptions, compare
from bottleneck.pipeline.learning.predict import PredictOptions, predict
from bottleneck.pipeline.learning.train import TrainOptions, train
from bottleneck.pipeline.network.options import NetworkOptions
from bottleneck.store.store import Store

NETWORK = NetworkOptions(backbone="resnet50", weights="random:0", size=(8, 8))


@pytest.fixture
def cache(tmp_path, photos, numpy_network, monkeypatch):
    monkeypatch.setattr("bottleneck.pictures.plots.can_draw", lambda: False)  # for speed
    extract(ExtractOptions(cache=tmp_path / "store", data=str(photos), network=NETWORK))
    return tmp_path / "store"


@pytest.fixture
def run(cache):
    return train(TrainOptions(cache=cache, run="first"))["run"]


def test_predictions_are_what_the_command_says_and_all_of_it(run, photos, tmp_path):
    images = [photos, picture(tmp_path / "new.png", 99), tmp_path / "none.png"]
    found = bottleneck.predict_images(images, run=run, threads=1)
    report = predict(PredictOptions(images=tuple(map(str, images)), run=run))
    assert (found.computed, found.cached) == (report["computed"], report["cached"]) == (1, 12)
    assert found.classes == found.descriptions == ("cat", "dog")
    assert (found.probabilities.shape, found.probabilities.dtype) == ((14, 2), np.float32)
    assert found.errors == (*[None] * 13, "no such file")
    assert np.isnan(found.probabilities[13]).all()
    for i, image in enumerate(report["images"]):
        assert (image["path"], image["key"]) == (found.paths[i], found.keys[i])
        said = {entry["class"]: entry["probability"] for entry in image["top"]}
        if said:
            assert [said["cat"], said["dog"]] == found.probabilities[i].tolist()
    (alone,) = bottleneck.predict_images(photos / "cat" / "01.png", run=run).probabilities
    assert alone.tolist() == found.probabilities[found.keys.index("cat/01.png")].tolist()


def test_features_are_written_as_the_store_holds_them(cache, tmp_path):
    report = bottleneck.export_features(cache, str(tmp_path / "f.npz"), source="photos")
    x, y, keys = Store.open(cache).arrays()
    with np.load(tmp_path / "f.npz", allow_pickle=False) as found:
        np.testing.assert_array_equal(found["rows"], x)
        np.testing.assert_array_equal(found["labels"], y)
        assert found["labels"].dtype == np.int32
        assert [*found["keys"]] == [key.decode() for key in keys]
        assert (report["shape"], report["dtype"]) == ([*found["rows"].shape], "float16")


def test_runs_and_backbones_are_compared_as_by_the_command(cache, run, photos, tmp_path):
    other = bottleneck.train_head(cache, seed=1, run="second")["run"]
    report = bottleneck.compare_runs([run, other], seed=3)
    assert report == compare(CompareOptions(runs=(run, other), seed=3))
    assert len(bottleneck.compare_runs(run)["runs"]) == 1
    assert len(bottleneck.compare_runs(cache=cache)["runs"]) == 2
    with pytest.raises(UsageError, match="no run named"):
        bottleneck.compare_runs([], cache=cache)
    ranked = bottleneck.compare_backbones(
        ["resnet50", "vgg16"],
        photos,
        caches=tmp_path / "caches",
        weights="random:0",
        size=8,
        limit=9,
    )
    assert {found["backbone"] for found in ranked["runs"]} == {"numpy"}
    assert [found["extracted"]["computed"] for found in ranked["runs"]] == [9, 9]
    assert sorted(path.name for path in (tmp_path / "caches").iterdir()) == ["resnet50", "vgg16"]


def test_the_last_run_of_a_store_answers_and_each_backbone_has_its_weights(
    cache, run, photos, tmp_path
):
    other = bottleneck.train_head(cache, run="second", tensorboard=tmp_path / "board")
    assert other["told"] == {"tensorboard": str(tmp_path / "board/second")}
    image = photos / "cat/01.png"
    named = bottleneck.predict_images(image, run=other["run"]).probabilities
    last = bottleneck.predict_images(image, run="last", cache=cache).probabilities
    np.testing.assert_array_equal(last, named)
    with pytest.raises(UsageError, match=r"runs has .*second"):
        bottleneck.export_model("third", tmp_path / "m.keras", cache=cache)
    bottleneck.compare_backbones(
        ["resnet50", "vgg16"],
        photos,
        caches=tmp_path / "caches",
        weights={"resnet50": "random:1", "vgg16": "random:2"},
        size=8,
    )
    asked = [Store.open(tmp_path / "caches" / name).about for name in ("resnet50", "vgg16")]
    assert [about["request"]["weights"] for about in asked] == ["random:1", "random:2"]


@pytest.mark.parametrize("augment", ["flip,crop", ["flip", "crop"]])
def test_views_are_named_by_a_text_or_one_by_one(photos, tmp_path, numpy_network, augment):
    bottleneck.compare_backbones(
        "resnet50", photos, caches=tmp_path, weights="random:0", size=8, views=2, augment=augment
    )
    asked = Store.open(tmp_path / "resnet50").about["request"]
    assert (asked["views"], asked["augment"]) == (2, ["flip", "crop"])


def test_what_a_command_refuses_raises_the_error_with_its_exit_code(cache, run, photos, tmp_path):
    calls = bottleneck
    for call, error in (
        (lambda: calls.extract_features(photos, cache=cache, size="large"), UsageError),
        (lambda: calls.predict_images([], run=run), DataError),
        (lambda: calls.predict_images(tmp_path / "none.png", run=run), DataError),
        (lambda: calls.predict_images(photos), UsageError),
        (lambda: calls.predict_images(photos, run=tmp_path), UsageError),
        (lambda: calls.predict_images(photos, run=run, size=8), UsageError),
        (lambda: calls.predict_images(photos, backbone="resnet50", size="large"), UsageError),
        (lambda: calls.predict_images(photos, backbone="resnet51"), UsageError),
        (lambda: calls.export_model(tmp_path, tmp_path / "m.keras"), UsageError),
        (lambda: calls.export_model(run, tmp_path / "m.npz"), UsageError),
        (lambda: calls.export_features(cache, tmp_path / "m.keras"), UsageError),
        (lambda: calls.export_features(cache, tmp_path / "f.npz", source="x"), UsageError),
        (lambda: calls.export_features(tmp_path, tmp_path / "f.npz"), UsageError),
        (lambda: calls.compare_runs([]), UsageError),
        (lambda: calls.compare_runs(tmp_path), UsageError),
        (lambda: calls.compare_backbones("resnet51", photos), UsageError),
        (lambda: calls.compare_backbones("mini", photos, picture="x.jpg"), UsageError),
    ):
        with pytest.raises(error) as caught:
            call()
        assert caught.value.exit_code in (2, 3)
    assert not [*tmp_path.glob("*.npz"), *tmp_path.glob("*.keras")]


@pytest.mark.parametrize(("asked", "n"), [(np.array([1, 2]), 3), (2, 2), ((1,), 2)])
def test_few_labels_may_be_one_number_or_an_array_of_them(
    tmp_path, photos, numpy_network, asked, n
):
    bottleneck.extract_features(
        photos, cache=tmp_path / "s", backbone="resnet50", weights="random:0", size=8
    )
    report = bottleneck.train_head(tmp_path / "s", few_shot=asked, tries=2)
    assert len(report["few_shot"]) == n
    json.dumps(report)


@pytest.mark.parametrize("wrong", [{"folds": 2.5}, {"few_shot": [1.5]}, {"few_shot": "1,5"}])
def test_counts_that_are_none_are_refused_before_anything_is_read(tmp_path, wrong):
    with pytest.raises(bottleneck.errors.UsageError, match="is not a whole number"):
        bottleneck.train_head(tmp_path / "none", **wrong)
