"""Exports: one model that says what predict says, and files that other tools read as they stand."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from world import picture

import bottleneck
from bottleneck.backbones import preprocessing
from bottleneck.backbones.backbone import from_model
from bottleneck.core import console
from bottleneck.core.errors import DataError, NoSpaceError, UsageError
from bottleneck.core.reporter import NoProgress
from bottleneck.data.decode import decode
from bottleneck.export import main as export_main
from bottleneck.heads import linear
from bottleneck.heads.network import whole_model
from bottleneck.pipeline.extraction.extract import extract
from bottleneck.pipeline.extraction.options import ExtractOptions
from bottleneck.pipeline.learning import feature_file
from bottleneck.pipeline.learning.export import ExportOptions, export
from bottleneck.pipeline.learning.predict import PredictOptions, predict
from bottleneck.pipeline.learning.train import TrainOptions, train
from bottleneck.pipeline.network.options import NetworkOptions
from bottleneck.store.store import Store

NETWORK = NetworkOptions(backbone="resnet50", weights="random:0", size=(8, 8))


@pytest.mark.slow
@pytest.mark.parametrize("rows", ["float32", "float16"])
def test_the_exported_model_says_of_the_pixels_what_predict_says_of_the_files(
    tmp_path, photos, rows
):
    from bottleneck.core.frameworks import import_keras

    cache = tmp_path / "store"
    network = NetworkOptions(backbone="mini", rows=rows)
    extract(ExtractOptions(cache=cache, data=str(photos), network=network, engine="keras"))
    run = train(TrainOptions(cache=cache))["run"]
    report = bottleneck.export_model(run, tmp_path / "model.keras")
    model = import_keras().models.load_model(tmp_path / "model.keras")  # safe mode
    assert report["classes"] == ["cat", "dog"]
    assert model.input_shape == tuple(report["input"])
    assert model.input.dtype == "uint8"
    found = predict(PredictOptions(images=(str(photos),), run=run))
    spec = Store.open(cache).recipe.image
    pixels = np.stack([decode(Path(i["path"]).read_bytes(), spec) for i in found["images"]])
    p = model.predict(pixels, verbose=0)
    for image, row in zip(found["images"], p, strict=True):
        truth = {entry["class"]: entry["probability"] for entry in image["top"]}
        np.testing.assert_allclose(row, [truth["cat"], truth["dog"]], atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("text", preprocessing.TEXTS)
def test_every_preprocessing_is_in_the_model_and_loads_in_safe_mode(tmp_path, text):
    from bottleneck.core.frameworks import import_keras

    keras = import_keras()
    image = keras.Input((4, 4, 3))
    frozen = keras.Model(image, keras.layers.GlobalAveragePooling2D()(image))
    rng = np.random.default_rng(0)
    head = linear.Linear(
        weights=rng.normal(size=(3, 5)).astype("f4"),
        bias=rng.normal(size=5).astype("f4"),
        mean=np.zeros(3, "f4"),
        scale=np.full(3, 50, "f4"),
        options={},
    )
    front = from_model(frozen, size=(4, 4), preprocessing=text).front()
    whole_model(front, "float32", head.append).save(tmp_path / "model.keras")
    pixels = rng.integers(0, 256, (7, 4, 4, 3), np.uint8)
    expected = head.predict(preprocessing.apply(text, pixels.astype("f4")).mean(axis=(1, 2)))
    found = keras.models.load_model(tmp_path / "model.keras").predict(pixels, verbose=0)
    np.testing.assert_allclose(found, expected, atol=1e-5)


@pytest.fixture(params=["hdf5", "zarr"])
def cache(request, tmp_path, numpy_network):
    """A store of images with and without labels, in two splits, one of them unreadable."""
    data = tmp_path / "data"
    for i in range(9):
        folder = ("train/ä, b", "train/dog", "test/dog")[i % 3]
        picture(data / folder / f"{i}.png", i)
    picture(data / "train/none.png", 50)
    (data / "test/dog/bad.png").write_bytes(b"?")
    extract(
        ExtractOptions(
            cache=tmp_path / "store", data=str(data), network=NETWORK, format=request.param
        )
    )
    return tmp_path / "store"


def test_npz_is_what_the_store_holds_and_nothing_is_pickled(cache, tmp_path, monkeypatch):
    monkeypatch.setattr(feature_file, "BLOCK_BYTES", 40)  # three rows at once
    x, y, keys = Store.open(cache).arrays()
    report = export(ExportOptions(file=tmp_path / "f.npz", cache=cache))
    assert (report["samples"], report["pending"], report["shape"]) == (10, 1, [10, 6])
    with np.load(tmp_path / "f.npz", allow_pickle=False) as found:
        assert found["rows"].dtype == "float16"
        np.testing.assert_array_equal(found["rows"], x)
        np.testing.assert_array_equal(found["labels"], y)
        assert list(found["keys"]) == [key.decode() for key in keys]
        assert list(found["classes"]) == ["dog", "ä, b"]
        assert [s == "test" for s in found["splits"]] == [k.startswith(b"test/") for k in keys]
        assert str(found["recipe"]) == report["recipe"]


def test_equal_rows_give_equal_bytes(cache, tmp_path):
    for name in ("a.npz", "b.npz", "a.csv", "b.csv"):
        export(ExportOptions(file=tmp_path / name, cache=cache))
    for end in ("npz", "csv"):
        assert (tmp_path / f"a.{end}").read_bytes() == (tmp_path / f"b.{end}").read_bytes()


def test_csv_gives_the_rows_back_bit_for_bit(cache, tmp_path, monkeypatch):
    monkeypatch.setattr(feature_file, "BLOCK_BYTES", 40)
    x, y, keys = Store.open(cache).arrays()
    export(ExportOptions(file=tmp_path / "f.csv", cache=cache))
    with (tmp_path / "f.csv").open(newline="", encoding="utf-8") as file:
        lines = list(csv.DictReader(file))
    assert [line["key"] for line in lines] == [key.decode() for key in keys]
    names = ["dog", "ä, b", ""]
    assert [line["label"] for line in lines] == [names[i] for i in y]
    rows = np.array([[line[f"f{i}"] for i in range(6)] for line in lines], dtype="f8")
    np.testing.assert_array_equal(rows.astype("f4"), np.asarray(x, "f4"))
    assert {line["split"] for line in lines} == {"train", "test"}


@pytest.mark.parametrize("dtype", ["f2", "f4"])
def test_nine_digits_are_enough_for_every_float(tmp_path, dtype):
    rng = np.random.default_rng(0)
    with np.errstate(over="ignore", under="ignore"):
        rows = (rng.normal(size=(50, 4)) * 10.0 ** rng.integers(-9, 5, (50, 4))).astype(dtype)
    table = feature_file.Table(
        rows=rows, keys=["k"] * 50, labels=np.zeros(50, np.int32), splits=["train"] * 50,
        classes=("a",), recipe="",
    )  # fmt: skip
    feature_file.write(tmp_path / "f.csv", table, NoProgress())
    found = np.loadtxt(tmp_path / "f.csv", delimiter=",", skiprows=1, usecols=(3, 4, 5, 6))
    np.testing.assert_array_equal(found.astype(dtype), rows)


def test_a_split_alone_can_be_had_and_an_empty_one_is_3(cache, tmp_path):
    report = export(ExportOptions(file=tmp_path / "f.csv", cache=cache, split="test"))
    assert (report["samples"], report["pending"]) == (3, 1)
    with pytest.raises(DataError):
        export(ExportOptions(file=tmp_path / "g.csv", cache=cache, split="val"))
    assert not (tmp_path / "g.csv").exists()


@pytest.mark.parametrize(
    ("name", "words", "message"),
    [
        ("f.xlsx", {}, "unknown kind"),
        ("f", {}, "unknown kind"),
        ("f.keras", {}, "made of a run"),
        ("f.keras", {"run": "r", "split": "test"}, "made of a run"),
        ("f.npz", {"run": "r"}, "a store's"),
        ("f.npz", {"network": NetworkOptions(trust=True)}, "a store's"),
        ("none/f.npz", {}, "no such folder"),
        ("mine.npz", {}, "exists"),
    ],
)
def test_wrong_words_are_2_and_write_nothing(tmp_path, name, words, message):
    (tmp_path / "mine.npz").write_bytes(b"mine")
    with pytest.raises(UsageError, match=message):
        export(ExportOptions(file=tmp_path / name, cache=tmp_path if not words else None, **words))
    assert [p.name for p in tmp_path.iterdir()] == ["mine.npz"]
    assert (tmp_path / "mine.npz").read_bytes() == b"mine"


def test_an_export_that_fails_leaves_nothing(cache, tmp_path, monkeypatch):
    def full(*_):
        raise NoSpaceError("no space left", "there", "")

    monkeypatch.setattr(feature_file, "_blocks", full)
    before = sorted(p.name for p in tmp_path.iterdir())
    for end in ("csv", "npz"):
        with pytest.raises(NoSpaceError):
            export(ExportOptions(file=tmp_path / f"f.{end}", cache=cache))
    assert sorted(p.name for p in tmp_path.iterdir()) == before


def test_the_door_says_what_was_written(cache, tmp_path, capsys):
    words = ["--cache", str(cache)]
    assert console.run(export_main, [*words, str(tmp_path / "f.npz")]) == 0
    said = capsys.readouterr().out
    assert "10 rows of data, float16 (10, 6), 1 without a row left out" in said
    assert console.run(export_main, [*words, str(tmp_path / "g.npz"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["samples"] == 10
    assert console.run(export_main, [*words, str(tmp_path / "g.npz")]) == 2
