"""Prediction: answers are the head's on the very rows that the store holds, or would hold."""

import csv
import hashlib
import json
import os
import shutil
import tarfile
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image
from world import picture

from bottleneck.backbones import imagenet
from bottleneck.core import console
from bottleneck.core.errors import (
    DamagedError,
    DataError,
    OtherRowsError,
    RecipeError,
    UnavailableError,
    UsageError,
)
from bottleneck.heads.catalog import load_head
from bottleneck.pipeline.extraction.extract import extract
from bottleneck.pipeline.extraction.options import ExtractOptions
from bottleneck.pipeline.learning.predict import PredictOptions, predict
from bottleneck.pipeline.learning.train import TrainOptions, train
from bottleneck.pipeline.network.options import NetworkOptions
from bottleneck.predict import main as predict_main
from bottleneck.store.store import Store

NETWORK = NetworkOptions(backbone="resnet50", weights="random:0", size=(8, 8))


@pytest.fixture
def run(tmp_path, photos, numpy_network, monkeypatch):
    """A run on twelve images by the numpy network."""
    monkeypatch.setattr("bottleneck.pictures.plots.can_draw", lambda: False)  # for speed
    extract(ExtractOptions(cache=tmp_path / "store", data=str(photos), network=NETWORK))
    found = train(TrainOptions(cache=tmp_path / "store", run="first"))["run"]
    numpy_network.opened.clear()
    return found


def ask(run, *images, **options):
    return predict(PredictOptions(images=tuple(map(str, images)), run=run, **options))


def odd_images(root: Path) -> Path:
    """Write images of every unusual kind, two classes of them."""
    rng = np.random.default_rng(0)

    def noise(*shape):
        return Image.fromarray(rng.integers(0, 256, shape, np.uint8))

    for name in ("a", "b"):
        (root / name).mkdir(parents=True)
        noise(20, 30).save(root / name / "gray.png")
        noise(20, 30, 4).save(root / name / "rgba.png")
        noise(1, 1, 3).save(root / name / "tiny.png")
        noise(1200, 900, 3).save(root / name / "large.jpg")
        exif = Image.Exif()
        exif[0x0112] = 6
        noise(20, 40, 3).save(root / name / "rotated.jpg", exif=exif)
        for i in range(4):
            noise(16, 16, 3).save(root / name / f"{i}.png")
    return root


@pytest.mark.slow
def test_an_image_gets_the_answer_of_the_head_on_its_stored_row(tmp_path):
    data, cache = odd_images(tmp_path / "odd"), tmp_path / "store"
    network = NetworkOptions(backbone="mini", rows="float32")
    extract(ExtractOptions(cache=cache, data=str(data), network=network))
    run = train(TrainOptions(cache=cache, run="r"))["run"]
    x, _, keys = Store.open(cache).arrays()
    expected = load_head(Path(run)).predict(x)
    alone = shutil.move(run, tmp_path / "alone")
    stored = shutil.copytree(alone, run)
    assert len(keys) == 18
    shutil.move(cache, tmp_path / "moved")
    for where, computed in ((tmp_path / "moved/runs/r", 0), (alone, 18)):
        report = ask(str(where), data, top=2)
        assert (report["computed"], report["cached"]) == (computed, 18 - computed), stored
        assert [image["key"].encode() for image in report["images"]] == list(keys)
        for image, truth in zip(report["images"], expected, strict=True):
            found = {entry["class"]: entry["probability"] for entry in image["top"]}
            np.testing.assert_allclose([found["a"], found["b"]], truth, atol=1e-5)


def test_what_is_stored_is_not_computed_and_what_is_new_is(run, photos, tmp_path, numpy_network):
    report = ask(run, photos)
    assert (report["computed"], report["cached"], report["canaries"]) == (0, 12, None)
    assert not numpy_network.opened
    picture(tmp_path / "new.png", 99)
    shutil.copy(photos / "cat/01.png", tmp_path / "copy.png")
    report = ask(run, tmp_path / "new.png", tmp_path / "copy.png")
    assert (report["computed"], report["cached"]) == (1, 1)
    assert report["canaries"]["checked"] == 4
    assert numpy_network.opened[0].calls == [5]
    ask(run, tmp_path / "new.png", batch_size=64)
    assert numpy_network.opened[1].batch_size == 5  # not padded to 64


def test_an_image_named_twice_is_computed_once(run, tmp_path, numpy_network):
    new = picture(tmp_path / "new.png", 99)
    report = ask(run, new, new, shutil.copy(new, tmp_path / "copy.png"))
    assert (report["computed"], report["cached"], len(report["images"])) == (1, 2, 3)
    assert len({json.dumps(image["top"]) for image in report["images"]}) == 1


def test_more_images_than_a_batch_are_all_answered_in_their_order(run, tmp_path):
    for i in range(23):
        picture(tmp_path / "many" / f"{i:02}.png", 100 + i)
    whole = ask(run, tmp_path / "many", batch_size=5)
    for image in whole["images"][::7]:
        (alone,) = ask(run, image["path"])["images"]
        assert alone["top"] == image["top"]
    assert [image["key"] for image in whole["images"]] == [f"{i:02}.png" for i in range(23)]


def test_folders_patterns_and_files_are_taken_in_the_order_named(run, photos, monkeypatch):
    monkeypatch.chdir(photos)
    report = ask(run, "dog/04.png", "cat", "dog/0[02].png")
    shown = [(image["path"], image["key"]) for image in report["images"]]
    assert shown == [
        ("dog/04.png", "04.png"),
        *((f"cat/{i:02}.png", f"{i:02}.png") for i in range(1, 12, 2)),
        ("dog/00.png", "00.png"),
        ("dog/02.png", "02.png"),
    ]


def test_what_cannot_be_used_has_a_reason_and_the_others_an_answer(run, photos, tmp_path):
    (tmp_path / "bad.jpg").write_bytes((photos / "cat/01.png").read_bytes()[:80])
    (tmp_path / "empty").mkdir()
    os.mkfifo(tmp_path / "pipe.png")
    names = ("bad.jpg", "bad.jpg", "none.jpg", "no*.gif", "empty", "pipe.png")
    report = ask(run, *(tmp_path / name for name in names), photos / "cat/01.png")
    *bad, good = report["images"]
    assert [image["top"] for image in bad] == [[]] * 6
    reasons = (
        "truncated",
        "truncated",
        "no such file",
        "no file matches",
        "no images",
        "no regular",
    )
    for image, reason in zip(bad, reasons, strict=True):
        assert reason in image["error"].lower()
    assert good["error"] is None
    assert good["top"]


@pytest.fixture
def containers(photos, tmp_path):
    """The photos as a table, in a tar archive, and their pixels as an array."""
    keys = sorted(path.relative_to(photos).as_posix() for path in photos.rglob("*.png"))
    lines = ["filename,label", *(f"{key},{key[:3]}" for key in keys)]
    (photos / "t.csv").write_text("\n".join(lines))
    with tarfile.open(tmp_path / "p.tar", "w") as tar:
        for key in keys:
            tar.add(photos / key, key)
    np.save(tmp_path / "a.npy", np.stack([np.asarray(Image.open(photos / k)) for k in keys]))
    return keys


@pytest.mark.parametrize(
    ("name", "computed"),
    [
        ("photos/t.csv", 0),
        ("p.tar", 0),
        ("a.npy", 12),
        pytest.param("digits", 1797, marks=pytest.mark.slow),
    ],
)
def test_what_extract_takes_as_data_is_predicted_under_the_keys_of_the_store(
    run, containers, tmp_path, monkeypatch, name, computed
):
    monkeypatch.chdir(tmp_path)
    report = ask(run, name)
    assert (report["computed"], len(report["images"]) - report["cached"]) == (computed, computed)
    cache = Path(run).parents[1]
    extract(ExtractOptions(cache=cache, data=name, source="again"))
    x, _, keys = Store.open(cache).arrays("again")
    assert [image["key"].encode() for image in report["images"]] == list(keys)
    assert [i["path"] for i in report["images"]] == [f"{name}/{i['key']}" for i in report["images"]]
    expected = load_head(Path(run)).predict(x)
    for image, truth in zip(report["images"], expected, strict=True):
        found = {entry["class"]: entry["probability"] for entry in image["top"]}
        np.testing.assert_allclose([found["cat"], found["dog"]], truth, atol=1e-6)
    after = ask(run, name)
    assert (after["computed"], after["images"]) == (0, report["images"])


def test_the_pixels_of_a_png_and_of_an_array_get_one_answer(run, containers, photos, tmp_path):
    files, array = ask(run, photos)["images"], ask(run, tmp_path / "a.npy")["images"]
    assert [image["top"] for image in array] == [image["top"] for image in files]


@pytest.mark.slow
def test_a_data_set_s_name_is_the_data_set_also_beside_a_folder_and_says_so(
    run, photos, tmp_path, monkeypatch, caplog
):
    monkeypatch.chdir(tmp_path)
    shutil.copytree(photos / "cat", tmp_path / "digits")
    assert len(ask(run, "digits")["images"]) == 1797
    assert "./digits is what lies here" in caplog.text
    for word in ("./digits", "dig*"):
        assert len(ask(run, word)["images"]) == 6


def test_a_source_that_cannot_be_listed_is_its_own_error_alone_and_a_reason_among_others(
    run, photos, tmp_path, monkeypatch
):
    (tmp_path / "bad.csv").write_text("a,b\n")
    (tmp_path / "p.tar").write_bytes(b"garbage")
    with pytest.raises(DataError, match=r"no column 'filename'.*--no-header") as caught:
        ask(run, tmp_path / "bad.csv", tmp_path / "p.tar")
    assert "p.tar" in caught.value.details[0]
    *bad, good = ask(run, tmp_path / "bad.csv", tmp_path / "p.tar", photos / "cat/01.png")["images"]
    assert all(image["error"] and not image["top"] for image in bad)
    assert good["top"]

    def offline(*_):
        raise UnavailableError("not here", "there", "put it there")

    monkeypatch.setattr("bottleneck.data.keras_sets.open_mnist", offline)
    with pytest.raises(UnavailableError):
        ask(run, "mnist")


def test_nothing_usable_at_all_is_3_and_says_why(run, tmp_path):
    with pytest.raises(DataError) as caught:
        ask(run, tmp_path / "none.jpg", tmp_path / "empty")
    assert caught.value.exit_code == 3
    assert caught.value.details[0].endswith("none.jpg: no such file")


def test_the_best_classes_come_first_and_there_are_no_more_than_there_are(run, photos):
    for asked, expected in ((1, 1), (2, 2), (9, 2)):
        for image in ask(run, photos, top=asked)["images"]:
            found = [entry["probability"] for entry in image["top"]]
            assert len(found) == expected
            assert found == sorted(found, reverse=True)
            assert {entry["class"] for entry in image["top"]} <= {"cat", "dog"}


def test_the_csv_says_what_the_json_says(run, photos, tmp_path):
    strange = shutil.copy(photos / "cat/01.png", tmp_path / 'a, "b"\n.png')
    report = ask(run, photos, strange, tmp_path / "none.jpg", csv=tmp_path / "out.csv", top=3)
    with (tmp_path / "out.csv").open(newline="") as file:
        lines = list(csv.DictReader(file))
    assert len(lines) == 14
    for line, image in zip(lines, report["images"], strict=True):
        assert (line["path"], line["key"]) == (image["path"], image["key"])
        assert line["error"] == (image["error"] or "")
        found = [
            (line[f"class_{i}"], float(line[f"probability_{i}"]))
            for i in (1, 2, 3)
            if line[f"class_{i}"]
        ]
        assert found == [(entry["class"], entry["probability"]) for entry in image["top"]]


def test_a_csv_that_exists_is_not_written_over_and_nothing_is_computed(run, tmp_path, monkeypatch):
    (tmp_path / "out.csv").write_text("mine")
    monkeypatch.setattr("bottleneck.pipeline.learning.classifier.of_run", None)
    for name, word in (("out.csv", "exists"), ("none/out.csv", "no such folder")):
        with pytest.raises(UsageError, match=word):
            ask(run, tmp_path, csv=tmp_path / name)
    assert (tmp_path / "out.csv").read_text() == "mine"


def test_a_machine_that_computes_other_rows_predicts_nothing(
    run, tmp_path, numpy_network, monkeypatch
):
    monkeypatch.setattr(numpy_network, "factor", 1.01)
    with pytest.raises(OtherRowsError, match="nothing was predicted"):
        ask(run, picture(tmp_path / "new.png", 99))


def test_a_recorded_source_that_is_empty_by_now_only_has_no_canaries(run, photos, tmp_path):
    for path in photos.rglob("*.png"):
        path.unlink()
    report = ask(run, picture(tmp_path / "new.png", 99))
    assert (report["computed"], report["canaries"]["checked"]) == (1, 0)


def test_a_row_that_does_not_fit_is_a_reason(run, photos, tmp_path, numpy_network, monkeypatch):
    shutil.rmtree(photos)  # so that no canary tells
    monkeypatch.setattr(numpy_network, "factor", 1e9)
    with pytest.raises(DataError) as caught:
        ask(run, picture(tmp_path / "new.png", 99))
    assert "does not fit float16" in caught.value.details[0]


def test_a_run_of_a_store_with_another_recipe_is_computed_by_its_own(run, photos, caplog):
    caplog.set_level("INFO", "bottleneck")
    expected = ask(run, photos)["images"]
    options = NetworkOptions(backbone="resnet50", weights="random:1", size=(6, 6))
    cache = Path(run).parents[1]
    extract(ExtractOptions(cache=cache, data=str(photos), network=options, replace=True))
    report = ask(run, photos)
    assert report["computed"] == 12
    assert report["images"] == expected
    assert "another recipe by now" in caplog.text


def test_a_network_that_is_another_by_now_is_4(run, photos, tmp_path, monkeypatch):
    from bottleneck.pipeline.network import network as networks

    alone = shutil.copytree(run, tmp_path / "alone")
    shutil.rmtree(tmp_path / "store")
    real = networks.load
    monkeypatch.setattr(
        networks, "load", lambda options, *_, **__: real(replace(options, size=(9, 9)))
    )
    with pytest.raises(RecipeError, match="another recipe"):
        ask(str(alone), photos)


def test_a_run_is_found_by_its_name_below_cache(run, photos, tmp_path, monkeypatch):
    shutil.copytree(tmp_path / "store", tmp_path / "cache/one")
    monkeypatch.chdir(tmp_path)
    assert ask("first", photos)["run"] == "cache/one/runs/first"
    shutil.copytree(tmp_path / "store", tmp_path / "cache/two")
    for name in ("first", "second"):
        with pytest.raises(UsageError, match="which run"):
            ask(name, photos)


def test_a_folder_that_is_no_run_is_wrong_usage_and_a_bad_head_is_damage(run, photos, tmp_path):
    for wrong in (photos, tmp_path / "none/at/all", photos / "cat/01.png"):
        with pytest.raises(UsageError):
            ask(str(wrong), photos)
    path = Path(run) / "head.safetensors"
    path.write_bytes(path.read_bytes()[:-1] + b"?")
    with pytest.raises(DamagedError):
        ask(run, photos)


def test_the_door_gives_a_table_and_one_object_as_json(run, photos, tmp_path, capsys):
    words = ["--run", run, str(photos / "cat"), str(tmp_path / "none.jpg")]
    assert console.run(predict_main, words) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[0].split() == ["image", "top", "1", "top", "2"]
    assert said[-2].endswith("none.jpg: cannot be used: no such file")
    assert said[-1] == "0 computed, 6 cached, 1 cannot be used"
    assert console.run(predict_main, [*words, "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report.keys() >= {"verb", "run", "backbone", "images", "computed", "cached"}
    assert report["images"][0].keys() == {"path", "key", "error", "top"}
    assert report["images"][0]["top"][0].keys() == {"class", "description", "probability"}


@pytest.fixture
def class_index(tmp_path, monkeypatch):
    """A class index of made-up names, in a KERAS_HOME of its own."""
    index = {str(i): [f"n{i:08}", f"thing_{i}"] for i in range(1000)}
    (tmp_path / "keras/models").mkdir(parents=True)
    data = json.dumps(index).encode()
    (tmp_path / "keras/models/imagenet_class_index.json").write_bytes(data)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.setattr(imagenet, "MD5", hashlib.md5(data).hexdigest())
    return index


@pytest.mark.slow
def test_a_backbone_s_classes_are_those_of_decode_predictions(
    class_index, photos, monkeypatch, capsys
):
    words = ["--backbone", "mobilenetv2", "--weights", "random:0", "--size", "32", "--top", "4"]
    assert console.run(predict_main, [*words, str(photos / "cat"), "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    from bottleneck.backbones.drawn import give_drawn
    from bottleneck.core.frameworks import import_keras

    keras = import_keras()
    from keras.src.applications import imagenet_utils

    monkeypatch.setattr(imagenet_utils, "CLASS_INDEX", class_index)
    model = keras.applications.MobileNetV2(weights=None, input_shape=(32, 32, 3))
    give_drawn(model, 0)
    images = [
        np.asarray(
            keras.utils.load_img(image["path"], target_size=(32, 32), interpolation="bilinear"),
            np.float32,
        )
        for image in report["images"]
    ]
    batch = keras.applications.mobilenet_v2.preprocess_input(np.stack(images))
    p = np.asarray(model(batch, training=False))
    expected = keras.applications.mobilenet_v2.decode_predictions(p, top=4)
    assert len(expected) == report["computed"] == 6
    for image, row in zip(report["images"], expected, strict=True):
        # With random weights many classes are as likely but for rounding.
        found = [entry["probability"] for entry in image["top"]]
        np.testing.assert_allclose(found, [entry[2] for entry in row], rtol=5e-5)
        index = {name: int(i) for i, (name, _) in class_index.items()}
        for entry in image["top"]:
            assert entry["description"] == f"thing_{index[entry['class']]}"
        truth = p[report["images"].index(image)]
        of_those = [truth[index[entry["class"]]] for entry in image["top"]]
        np.testing.assert_allclose(found, of_those, rtol=5e-5)


def test_class_names_that_are_not_here_are_9_and_the_file_is_named(
    tmp_path, photos, monkeypatch, capsys
):
    def offline(*_, **__):
        raise OSError("no network")

    utils = SimpleNamespace(get_file=offline)
    monkeypatch.setattr(imagenet, "import_keras", lambda: None)
    monkeypatch.setattr(imagenet, "import_keras_file_utils", lambda: utils)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    for content in (None, "{}"):
        if content:
            (tmp_path / "keras/models").mkdir(parents=True)
            (tmp_path / "keras/models/imagenet_class_index.json").write_text(content)
        assert console.run(predict_main, ["--backbone", "mobilenetv2", str(photos)]) == 9
        assert "keras/models/imagenet_class_index.json" in capsys.readouterr().err


def test_a_backbone_without_classes_and_both_ways_at_once_are_wrong_usage(run, photos):
    for options in (
        {"run": None, "network": NetworkOptions(backbone="mini")},
        {"run": run, "network": NetworkOptions(size=(8, 8))},
        {"run": run, "network": NetworkOptions(preprocessing="tf")},
        {"run": run, "classes": "imagenet"},
    ):
        with pytest.raises(UsageError):
            predict(PredictOptions(images=(str(photos),), **options))
    assert console.run(predict_main, [str(photos)]) == 2


def test_images_that_cannot_be_used_are_counted_and_with_strict_end_with_3(run, photos, capsys):
    (photos / "bad.png").write_bytes(b"no image")
    words = [str(photos / "cat/01.png"), str(photos / "bad.png"), "--run", run]
    assert console.run(predict_main, words) == 0
    assert "1 of 2 images could not be used" in capsys.readouterr().err
    assert console.run(predict_main, [*words, "--strict"]) == 3
    assert "01.png" in capsys.readouterr().out  # the answers are given all the same
    assert console.run(predict_main, [words[0], "--run", run, "--strict"]) == 0
