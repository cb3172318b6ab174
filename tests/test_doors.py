"""Wrong input at every door: one line, the code of the table, no traceback."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from world import flip, picture, tree

from bottleneck.core import console
from bottleneck.core.errors import BottleneckError, DamagedError
from bottleneck.extract import main as extract_main
from bottleneck.forget import main as forget_main
from bottleneck.gc import main as gc_main
from bottleneck.predict import main as predict_main
from bottleneck.status import main as status_main
from bottleneck.train import main as train_main
from bottleneck.verify import main as verify_main

ROOT = Path(__file__).parents[1]


@pytest.fixture
def cache(tmp_path, photos, numpy_network, later):
    """A filled store, made through the door."""
    code = console.run(extract_main, words(tmp_path, photos))
    assert code == 0
    later()
    return tmp_path / "store"


def words(tmp_path, data, *more):
    """Return the words of an extraction; one that is among `more` too is taken from there."""
    said = {"--data": str(data), "--cache": str(tmp_path / "store")}
    said |= {"--backbone": "resnet50", "--weights": "random:0", "--size": "8"}
    return [word for option in said.items() if option[0] not in more for word in option] + [*more]


def failing(capsys, main, arguments):
    """Run a door that must fail; return code and message."""
    capsys.readouterr()
    try:
        code = console.run(main, arguments)
    except SystemExit as end:
        code = end.code
    said = capsys.readouterr()
    assert said.out == ""
    assert "Traceback" not in said.err
    assert len([line for line in said.err.splitlines() if line.startswith("error")]) == 1
    return code, said.err


def test_a_missing_and_an_empty_folder_are_3(tmp_path, numpy_network, capsys):
    assert failing(capsys, extract_main, words(tmp_path, tmp_path / "none"))[0] == 3
    (tmp_path / "empty").mkdir()
    code, said = failing(capsys, extract_main, words(tmp_path, tmp_path / "empty"))
    assert code == 3
    assert str(tmp_path / "empty") in said


def test_training_on_one_class_and_without_labels_is_3(tmp_path, numpy_network, capsys):
    for name in ("one/cat", "flat"):
        for i in range(3):
            picture(tmp_path / name / f"{i}.png", i)
    for name in ("one", "flat"):
        arguments = words(tmp_path / name, tmp_path / name)
        assert console.run(extract_main, arguments) == 0
        code, _ = failing(capsys, train_main, ["--cache", str(tmp_path / name / "store")])
        assert code == 3


def test_two_sources_and_no_source_named_is_2(cache, tmp_path, capsys):
    picture(tmp_path / "more/a/1.png", 90)
    assert console.run(extract_main, words(tmp_path, tmp_path / "more")) == 0
    for main in (train_main, forget_main):
        code, said = failing(capsys, main, ["--cache", str(cache)])
        assert code == 2
        assert "more, photos" in said


def test_a_folder_that_shrank_by_more_than_half_is_3(cache, tmp_path, photos, capsys):
    for path in sorted(photos.rglob("*.png"))[:8]:
        path.unlink()
    code, said = failing(capsys, extract_main, words(tmp_path, photos))
    assert code == 3
    assert "--allow-shrink" in said


def test_an_unknown_backbone_is_2_and_names_the_near_ones(tmp_path, photos, capsys):
    arguments = ["--data", str(photos), "--cache", str(tmp_path / "s"), "--backbone", "resnet5"]
    code, said = failing(capsys, extract_main, arguments)
    assert code == 2
    assert "resnet50" in said


def test_another_recipe_is_4_and_names_what_differs(cache, tmp_path, photos, capsys):
    code, said = failing(capsys, extract_main, words(tmp_path, photos, "--resample", "box"))
    assert code == 4
    assert "image.resample: box asked, bilinear there" in said
    assert "--replace" in said


def test_fast_decoding_is_another_recipe(cache, tmp_path, photos, capsys):
    code, said = failing(capsys, extract_main, words(tmp_path, photos, "--decode", "fast"))
    assert code == 4
    assert "image.decode: fast asked, exact there" in said


def test_a_taken_source_name_is_2(cache, tmp_path, capsys):
    picture(tmp_path / "b/photos/x/1.png", 1)
    code, _ = failing(capsys, extract_main, words(tmp_path, tmp_path / "b/photos"))
    assert code == 2


@pytest.mark.parametrize("main", [train_main, status_main, forget_main, verify_main, gc_main])
def test_a_folder_that_is_no_store_is_2(main, tmp_path, capsys):
    (tmp_path / "x").mkdir()
    for name in ("x", "none"):
        code, said = failing(capsys, main, ["--cache", str(tmp_path / name)])
        assert code == 2
        assert "not a feature store" in said


def test_a_store_that_would_be_where_a_file_is_is_2_and_the_advice_is_another_way(
    tmp_path, photos, numpy_network, capsys
):
    (tmp_path / "store").write_text("mine")
    code, said = failing(capsys, extract_main, words(tmp_path, photos))
    assert code == 2
    assert said.endswith("store: choose another --cache\n")
    assert (tmp_path / "store").read_text() == "mine"


def test_a_store_whose_name_is_not_utf_8_is_2_and_nothing_is_made(
    tmp_path, photos, numpy_network, capsys
):
    before = sorted(tmp_path.iterdir())
    code, said = failing(
        capsys, extract_main, words(tmp_path, photos, "--cache", str(tmp_path / "s\udcff"))
    )
    assert code == 2
    assert "s\\udcff" in said
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize(
    "more",
    [
        ["--size", "0"],
        ["--size", "x"],
        ["--limit", "0"],
        ["--pooling", "mean"],
        ["--format", "npy"],
        ["--wait", "soon"],
        ["--bogus"],
    ],
)
def test_wrong_words_are_2(tmp_path, photos, capsys, more):
    assert failing(capsys, extract_main, words(tmp_path, photos, *more))[0] == 2


def test_damage_is_5_and_verify_names_the_command_that_repairs(cache, capsys):
    part = next((cache / "parts").iterdir())
    flip(part, part.stat().st_size // 2)
    newest = sorted((cache / "log").glob("*.json"))[-1]
    flip(newest, 40)
    assert failing(capsys, status_main, ["--cache", str(cache)])[0] == 5
    assert console.run(verify_main, ["--cache", str(cache)]) == 5
    assert f"bottleneck verify --cache {cache} --repair" in capsys.readouterr().out
    assert console.run(verify_main, ["--cache", str(cache), "--repair"]) == 0


def test_status_check_is_6_when_an_image_changed(cache, photos, capsys):
    assert console.run(status_main, ["--cache", str(cache), "--check"]) == 0
    picture(photos / "cat/01.png", 90)
    assert console.run(status_main, ["--cache", str(cache), "--check"]) == 6
    assert "photos is out of date: 1 edited or touched" in capsys.readouterr().out


def test_a_missing_data_set_without_a_network_is_9(tmp_path, monkeypatch, capsys, numpy_network):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    from keras.src.datasets import cifar10

    def offline(*_, **__):
        raise OSError("no network")

    monkeypatch.setattr(cifar10, "get_file", offline)
    code, said = failing(capsys, extract_main, words(tmp_path, "cifar10"))
    assert code == 9
    assert "cifar-10" in said
    assert "digits" in said


def test_predicting_by_what_is_no_run_is_2_and_of_no_image_3(cache, tmp_path, photos, capsys):
    assert failing(capsys, predict_main, ["--run", str(photos), str(photos)])[0] == 2
    assert console.run(train_main, ["--cache", str(cache), "--run", "one"]) == 0
    run = ["--run", str(cache / "runs/one")]
    code, said = failing(capsys, predict_main, [*run, str(tmp_path / "none.jpg")])
    assert code == 3
    assert "none.jpg: no such file" in said
    (tmp_path / "answers.csv").touch()
    arguments = [*run, str(photos), "--csv", str(tmp_path / "answers.csv")]
    assert failing(capsys, predict_main, arguments)[0] == 2


def test_no_space_left_is_12_and_the_store_is_as_it_was(
    cache, tmp_path, photos, monkeypatch, capsys
):
    from bottleneck.core import files

    picture(photos / "cat/new.png", 91)

    def full(*_):
        raise OSError(28, "No space left on device", "disk")

    monkeypatch.setattr(files.os, "fsync", full)
    assert failing(capsys, extract_main, words(tmp_path, photos))[0] == 12
    monkeypatch.undo()
    assert console.run(verify_main, ["--cache", str(cache)]) == 0


def test_no_permission_is_13(cache, tmp_path, photos, monkeypatch, capsys):
    from bottleneck.core import files

    picture(photos / "cat/new.png", 91)

    def refused(*_):
        raise PermissionError(13, "Permission denied", "there")

    monkeypatch.setattr(files.os, "rename", refused)
    assert failing(capsys, extract_main, words(tmp_path, photos))[0] == 13


def test_a_store_that_is_held_is_75(cache, tmp_path, photos, capsys):
    from bottleneck.store.lock import hold

    with hold(cache):
        assert failing(capsys, extract_main, words(tmp_path, photos))[0] == 75


def test_garbage_in_the_lock_file_does_no_harm(cache, tmp_path, photos):
    (cache / "lock").write_bytes(b"\xff\x00{" * 99)
    assert console.run(extract_main, words(tmp_path, photos)) == 0


def test_without_tensorflow_the_install_command_is_named(tmp_path, photos, monkeypatch, capsys):
    def missing(name):
        raise ModuleNotFoundError(f"No module named {name!r}", name=name)

    monkeypatch.delitem(sys.modules, "keras", raising=False)
    monkeypatch.setattr("bottleneck.core.frameworks.import_module", missing)
    code, said = failing(capsys, extract_main, words(tmp_path, photos))
    assert code == 2
    assert "pip install 'bottleneck-cache[tensorflow]'" in said


def test_json_is_one_object_and_nothing_else(cache, tmp_path, photos, capsys):
    capsys.readouterr()
    for main, arguments, keys in (
        (extract_main, words(tmp_path, photos), {"verb", "computed", "seconds", "partial"}),
        (train_main, ["--cache", str(cache)], {"accuracy", "left_out", "run", "baseline"}),
        (status_main, ["--cache", str(cache)], {"sources", "engines", "rows", "runs"}),
        (status_main, ["--cache", str(cache), "--why", "cat/01.png"], {"why"}),
        (gc_main, ["--cache", str(cache), "--dry-run"], {"deleted", "bytes"}),
        (verify_main, ["--cache", str(cache)], {"damaged", "rows"}),
        (forget_main, ["--cache", str(cache)], {"source", "samples"}),
    ):
        assert console.run(main, [*arguments, "--json"]) == 0
        assert keys <= json.loads(capsys.readouterr().out).keys()


def test_forgetting_and_extracting_again_computes_nothing(cache, tmp_path, photos, capsys):
    assert console.run(forget_main, ["--cache", str(cache)]) == 0
    capsys.readouterr()
    assert console.run(extract_main, words(tmp_path, photos, "--json")) == 0
    assert json.loads(capsys.readouterr().out)["computed"] == 0


def test_a_source_is_forgotten_by_its_name_and_a_dry_run_changes_nothing(
    cache, tmp_path, photos, monkeypatch, capsys
):
    assert console.run(extract_main, words(tmp_path, photos, "--source", "again")) == 0
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache/one").symlink_to(cache)
    monkeypatch.chdir(tmp_path)
    code, said = failing(capsys, forget_main, [])
    assert (code, "name one: bottleneck forget SOURCE" in said) == (2, True)
    assert failing(capsys, forget_main, ["none"])[0] == 2
    assert failing(capsys, forget_main, ["again", "--source", "photos"])[0] == 2
    before = tree(cache)
    assert console.run(forget_main, ["again", "--dry-run"]) == 0
    assert capsys.readouterr().out == "would forget again (12 images)\n"
    assert tree(cache) == before
    assert console.run(forget_main, ["again", "--source", "again"]) == 0
    assert capsys.readouterr().out.startswith("forgot again (12 images), commit ")
    assert console.run(forget_main, ["--source", "photos", "--cache", str(cache)]) == 0


def test_a_bug_is_1_and_its_traceback_is_in_the_file_that_is_named(capsys, monkeypatch):
    def broken(_):
        raise ZeroDivisionError("oops")

    assert console.run(broken) == 1
    said = capsys.readouterr().err
    assert "Traceback" not in said
    path = Path(said.split("please report ")[1].strip())
    assert "ZeroDivisionError: oops" in path.read_text()
    path.unlink()


def test_an_error_survives_pickling_and_is_one_line():
    import pickle

    error = DamagedError("bad", "a\nb", "do", "detail")
    again = pickle.loads(pickle.dumps(error))
    assert (str(again), again.details) == ("bad: a b: do", ("detail",))
    codes = {c.__name__: c.exit_code for c in BottleneckError.__subclasses__()}
    assert set(codes.values()) <= {2, 3, 4, 5, 6, 9, 12, 13, 75}


def test_a_closed_pipe_is_no_error():
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = f"{sys.executable} -m bottleneck --help | true"
    done = subprocess.run(
        command, shell=True, env=environment, capture_output=True, text=True, check=False
    )
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("main", "more", "said"),
    [
        (extract_main, ["--bakcbone", "mini"], "--bakcbone: did you mean --backbone?"),
        (extract_main, ["--cahce=x"], "--cahce: did you mean --cache?"),
        (extract_main, ["-cache", "x"], "-cache: did you mean --cache?"),
        (train_main, ["--Epochs", "5"], "--Epochs: did you mean --epochs?"),
        (train_main, ["--xyzzy"], "--xyzzy: bottleneck train --help"),
        (extract_main, ["--recursive"], "--recursive: bottleneck extract --help"),
        (extract_main, ["--force"], "--force: bottleneck extract --help"),
        (extract_main, ["--gpu"], "--gpu: bottleneck extract --help"),
        (extract_main, ["--batch", "8"], "--batch: did you mean --batch-size?"),
        (extract_main, ["--image-size", "8"], "--image-size: did you mean --size?"),
        (extract_main, ["--data-dir", "x"], "--data-dir: did you mean --data?"),
        (extract_main, ["--pooling", "agv"], "--pooling: did you mean avg? Choose one of avg, max"),
        (extract_main, ["--rows", "int8"], "--rows: choose one of float16, float32"),
        (extract_main, ["--size", "big"], "--size: write pixels, such as 139"),
        (extract_main, [], "missing: --cache: name the folder"),
        (gc_main, [], "the following arguments are required: --cache"),
    ],
)
def test_a_wrong_word_is_2_and_the_near_one_is_proposed(capsys, main, more, said):
    code, found = failing(capsys, main, more)
    assert code == 2
    assert said in found
    assert len(found.splitlines()) == 1


@pytest.mark.parametrize("main", [extract_main, train_main, verify_main, predict_main])
def test_an_option_that_takes_one_value_is_refused_twice(capsys, main):
    option = {predict_main: "--run", extract_main: "--source"}.get(main, "--cache")
    code, said = failing(capsys, main, [option, "a", f"{option}=b", "c.jpg"])
    assert code == 2
    assert f"given more than once: {option}" in said


def test_what_looks_like_an_option_and_is_a_value_is_taken_as_one():
    from bottleneck.extract import parser
    from bottleneck.predict import parser as predict_parser

    words = ["--cache", "c", "--views-seed", "-3", "--include", "a", "--include", "-b c"]
    found = parser().parse_args(words)
    assert (found.views_seed, found.include) == (-3, ["a", "-b c"])
    assert predict_parser().parse_args(["--", "--odd.jpg", "--odd.jpg"]).images == ["--odd.jpg"] * 2


def failing_with_json(capsys, main, arguments):
    """Run a door that must fail with --json; return the code, the object and the message."""
    capsys.readouterr()
    code = console.run(main, [*arguments, "--json"])
    said = capsys.readouterr()
    (line,) = said.out.splitlines()
    return code, json.loads(line), said.err


def test_with_json_an_error_is_one_object_on_stdout_beside_the_line(
    cache, tmp_path, photos, capsys
):
    code, found, said = failing_with_json(
        capsys, extract_main, words(tmp_path, photos, "--resample", "box")
    )
    assert found["verb"] == "extract"
    error = found["error"]
    assert list(error) == ["code", "what", "where", "do", "details"]
    assert code == error["code"] == 4
    assert said.startswith(f"error: {error['what']}: {error['where']}: {error['do']}\n")
    assert any("image.resample: box" in line for line in error["details"])


def test_with_json_a_wrong_word_a_bug_and_an_interruption_are_objects_too(tmp_path, capsys):
    code, found, _ = failing_with_json(capsys, gc_main, ["--cache", str(tmp_path), "--grase", "1"])
    assert code == 2
    assert found == {
        "verb": "gc",
        "error": {
            "code": 2,
            "what": "unknown option",
            "where": "--grase",
            "do": "did you mean --grace?",
            "details": [],
        },
    }

    def broken(_):
        raise ZeroDivisionError("oops")

    def stopped(_):
        raise KeyboardInterrupt

    code, found, _ = failing_with_json(capsys, broken, [])
    assert code == found["error"]["code"] == 1
    assert "ZeroDivisionError: oops" in Path(found["error"]["where"]).read_text()
    Path(found["error"]["where"]).unlink()
    code, found, said = failing_with_json(capsys, stopped, [])
    assert code == found["error"]["code"] == 130
    assert said.startswith("interrupted: everything saved so far is kept")


def test_the_verb_of_an_error_is_known_when_the_module_is_run_itself(tmp_path):
    command = [sys.executable, "-m", "bottleneck.gc", "--cache", str(tmp_path), "--json"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert json.loads(done.stdout)["verb"] == "gc"


@pytest.fixture
def listing(monkeypatch):
    """Put a listing of made-up backbones and layers in the place of the pipeline's."""
    from bottleneck.pipeline.network import listing

    def layers(network):
        assert network.layer is None
        return [
            {"name": f"{network.backbone}_1", "class": "Conv2D", "shape": [7, 7, 64], "tail": True},
            {"name": "pool", "class": "Pooling", "shape": [64], "tail": False},
        ]

    monkeypatch.setattr(
        listing, "backbones", lambda: [{"name": "mini", "size": [64, 64], "features": 384}]
    )
    monkeypatch.setattr(listing, "layers", layers)


def test_the_word_list_prints_the_backbones_and_the_layers_of_one(listing, capsys):
    assert console.run(extract_main, ["--backbone", "list"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "name  size     features",
        "mini  64 x 64  384",
    ]
    assert console.run(extract_main, ["--backbone", "mini", "--layer", "list"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "name    class    shape       tail",
        "mini_1  Conv2D   7 x 7 x 64  yes",
        "pool    Pooling  64          no",
    ]
    assert console.run(extract_main, ["--backbone", "list", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["backbones"] == [{"name": "mini", "size": [64, 64], "features": 384}]


def test_the_layers_of_no_backbone_is_2(listing, capsys):
    code, said = failing(capsys, extract_main, ["--layer", "list"])
    assert code == 2
    assert "name it with --backbone" in said


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--head", "forest"], "invalid choice"),
        (["--units", "10,x"], "'x' is not a whole number above zero"),
        (["--dropout", "0.3;0.4"], "separate numbers with commas"),
        (["--epochs", "0"], "not a whole number above zero"),
        (["--epochs", "5"], "the head linear has no such option: --epochs"),
        (["--head", "dense", "--filters", "5"], "the head dense has no such option: --filters"),
        (["--head", "dense", "--units", "5", "--dropout", "0.1,0.2"], "2 values for 1 layers"),
        (["--head", "dense", "--dropout", "1.5"], "cannot be used: --dropout"),
        (["--head", "dense", "--momentum", "0.9"], "say --optimizer sgd"),
        (["--head", "dense", "--learning-rate", "0"], "cannot be used: --learning-rate"),
        (["--head", "conv"], "rows of shape 6 are not maps"),
    ],
)
def test_a_head_told_what_it_cannot_be_is_2(cache, capsys, more, said):
    code, found = failing(capsys, train_main, ["--cache", str(cache), *more])
    assert code == 2
    assert said in found
    assert not list((cache / "runs").glob("*")) if (cache / "runs").exists() else True


def test_the_heads_of_the_door_are_those_of_the_catalog_and_so_is_what_they_are_told():
    from bottleneck.heads.catalog import HEADS
    from bottleneck.train import parser

    given = parser().parse_args([])
    for head, spec in HEADS.items():
        assert parser().parse_args(["--head", head]).head == head
        for option in spec.options:
            assert getattr(given, option.name) is None
            assert option.flag in parser().format_help()
    words = ["--units", "none", "--dropout", "", "--no-nesterov", "--patience", "0"]
    found = parser().parse_args(words)
    assert (found.units, found.dropout, found.nesterov, found.patience) == ((), (), False, 0)


def test_status_names_the_version_of_each_engine():
    from types import SimpleNamespace

    from bottleneck.pipeline.pages.engines import engines

    made = (
        {"engine": "openvino", "openvino": "2026.1", "device": "the CPU"},
        {"engine": "keras", "keras": "3", "backend": "torch", "torch": "2.9", "device": "GPU:0"},
    )
    parts = [SimpleNamespace(provenance=one) for one in made]
    expected = ["keras (torch 2.9) on GPU:0", "openvino 2026.1 on the CPU"]
    assert engines(SimpleNamespace(parts=parts)) == expected
