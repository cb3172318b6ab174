"""OpenVINO: converted once, compared with plain Keras, kept by digest, made anew when foreign."""

import json
import shutil
import subprocess
import sys

import numpy as np
import pytest
from world import flip, frozen

from bottleneck.backbones import Request
from bottleneck.backbones.catalog import load
from bottleneck.backbones.preprocessing import apply
from bottleneck.core.errors import MissingDependencyError, OtherRowsError, UsageError
from bottleneck.core.frameworks import import_keras
from bottleneck.core.generated import pictures
from bottleneck.engines import catalog, convert, kept

pytest.importorskip("openvino")
# Real engines with a real network: what `make fast` leaves out.
pytestmark = pytest.mark.slow
SIZE = (16, 16)


@pytest.fixture(scope="module")
def model():
    keras = import_keras()
    keras.utils.set_random_seed(0)
    image = keras.Input((*SIZE, 3))
    x = keras.layers.Conv2D(8, 3, activation="relu")(image)
    return keras.Model(image, keras.layers.GlobalAveragePooling2D()(x))


@pytest.fixture
def converted(monkeypatch):
    """Count the conversions."""
    real, calls = convert.convert, []

    def counted(*args):
        calls.append(1)
        return real(*args)

    monkeypatch.setattr("bottleneck.engines.openvino.convert", counted)
    return calls


def opened(network, folder, **more):
    return catalog.open_engine("openvino", frozen(network, SIZE, kept=folder, **more))


def no_model():
    raise MissingDependencyError("keras is not installed", "keras", "install it")


def folder_of(folder):
    return folder / "openvino" / ("ab" * 8)


def test_a_second_engine_converts_nothing_needs_no_keras_and_gives_the_same_bits(
    model, tmp_path, converted
):
    images = pictures(9, SIZE)
    rows = opened(model, tmp_path)(images)
    np.testing.assert_array_equal(opened(None, tmp_path, model=no_model)(images), rows)
    assert len(converted) == 1


def test_what_an_older_conversion_made_is_converted_anew(model, tmp_path, converted, monkeypatch):
    opened(model, tmp_path)
    monkeypatch.setattr("bottleneck.engines.kept.VERSION", kept.VERSION + 1)
    opened(model, tmp_path)
    assert len(converted) == 2


def test_another_machine_compiles_anew_and_compares_with_the_kept_rows(
    model, tmp_path, converted, monkeypatch
):
    rows = opened(model, tmp_path)(pictures(5, SIZE))
    before = (folder_of(tmp_path) / "compiled.json").read_bytes()
    monkeypatch.setattr("bottleneck.engines.openvino._cpu", lambda: "another CPU")
    engine = opened(None, tmp_path, model=no_model)
    np.testing.assert_allclose(engine(pictures(5, SIZE)), rows, rtol=1e-5)
    assert len(converted) == 1
    assert (folder_of(tmp_path) / "compiled.json").read_bytes() != before


@pytest.mark.parametrize(
    ("name", "conversions"),
    [("compiled.blob", 1), ("compiled.json", 1), ("network.bin", 1), ("reference.safetensors", 1)],
)
def test_a_damaged_file_is_never_used(model, tmp_path, converted, name, conversions):
    rows = opened(model, tmp_path)(pictures(5, SIZE))
    path = folder_of(tmp_path) / name
    flip(path, path.stat().st_size // 2)
    np.testing.assert_array_equal(opened(model, tmp_path)(pictures(5, SIZE)), rows)
    assert len(converted) == conversions  # the compiled network is whole, or the network is


@pytest.mark.parametrize("name", ["network.bin", "network.xml", "reference.safetensors"])
def test_a_damaged_network_is_converted_anew_when_it_is_needed(model, tmp_path, converted, name):
    rows = opened(model, tmp_path)(pictures(5, SIZE))
    (folder_of(tmp_path) / "compiled.blob").unlink()
    path = folder_of(tmp_path) / name
    flip(path, path.stat().st_size // 2)
    np.testing.assert_array_equal(opened(model, tmp_path)(pictures(5, SIZE)), rows)
    assert len(converted) == 2


def test_what_was_kept_for_another_recipe_is_never_used(model, tmp_path, converted):
    opened(model, tmp_path)
    other = "ab" * 8 + "cd" * 24  # the same sixteen digits
    opened(model, tmp_path, recipe=other)
    assert len(converted) == 2
    shutil.copytree(folder_of(tmp_path), tmp_path / "openvino" / ("cd" * 8))
    opened(model, tmp_path, recipe="cd" * 32)
    assert len(converted) == 3


def test_a_network_that_computes_otherwise_is_refused_and_nothing_compiled_is_kept(
    model, tmp_path, monkeypatch
):
    real = convert.convert
    keras = import_keras()
    other = keras.models.clone_model(model)
    other.set_weights([w * (1 + 1e-4) for w in model.get_weights()])

    def wrong(frozen_network, portable):
        return real(frozen(other, SIZE), portable)

    monkeypatch.setattr("bottleneck.engines.openvino.convert", wrong)
    with pytest.raises(OtherRowsError, match="differ from Keras' by more than rounding"):
        opened(model, tmp_path)
    assert not (folder_of(tmp_path) / "compiled.json").exists()
    with pytest.raises(OtherRowsError):  # nor does a second try find it checked
        opened(model, tmp_path)


def test_what_openvino_cannot_express_is_computed_by_keras_or_refused_in_one_line(caplog):
    keras = import_keras()
    image = keras.Input((*SIZE, 3))
    sequence = keras.layers.Reshape((SIZE[0], -1))(image)
    model = keras.Model(image, keras.layers.LSTM(2)(sequence))
    engine = catalog.open_engine("auto", frozen(model, SIZE))
    assert engine.name == "keras"
    (line,) = [record.getMessage() for record in caplog.records]
    assert line.startswith("not computing with openvino but keras: OpenVINO cannot express this")
    with pytest.raises(UsageError, match=r"cannot express this network \(TensorList") as caught:
        opened(model, None)
    assert ("\n" in str(caught.value), caught.value.exit_code) == (False, 2)


def test_auto_goes_on_with_the_next_engine_and_says_why(model, monkeypatch, caplog):
    def refuses(*_):
        raise UsageError("OpenVINO cannot convert this network", "--engine", "use another")

    monkeypatch.setattr("bottleneck.engines.openvino.convert", refuses)
    engine = catalog.open_engine("auto", frozen(model, SIZE))
    assert engine.name == "keras"
    assert "not computing with openvino" in caplog.text
    with pytest.raises(UsageError, match="cannot convert"):
        opened(model, None)


def test_without_a_kept_network_and_without_keras_the_way_on_is_named(tmp_path):
    with pytest.raises(MissingDependencyError, match="keras is not installed"):
        opened(None, tmp_path, model=no_model)


def test_a_gpu_is_not_openvino_s(model):
    with pytest.raises(UsageError, match="no device 'gpu'"):
        catalog.open_engine("openvino", frozen(model, SIZE), devices="gpu")


@pytest.mark.parametrize(
    ("made_by", "devices", "first"),
    [
        (None, None, "openvino"),
        ("keras", None, "keras"),
        ("openvino", "gpu", "openvino"),
        (None, "gpu:0", "keras"),
        ("gone", "cpu", "openvino"),
    ],
)
def test_auto_keeps_the_engine_of_the_rows_else_takes_the_fastest(
    monkeypatch, made_by, devices, first
):
    monkeypatch.setattr("shutil.which", lambda _: None)
    assert catalog.candidates("auto", made_by=made_by, devices=devices)[0] == first


def test_without_any_engine_both_ways_to_one_are_named(monkeypatch):
    monkeypatch.setattr("bottleneck.engines.catalog.find_spec", lambda _: None)
    with pytest.raises(MissingDependencyError, match=r"\[openvino\].* or .*\[tensorflow\]"):
        catalog.candidates("auto")
    with pytest.raises(MissingDependencyError, match=r"openvino is not installed.*\[openvino\]'$"):
        catalog.candidates("openvino")


def test_mini_s_rows_are_those_of_plain_keras():
    ours = load(Request(backbone="mini", weights="shipped"))
    images = pictures(40, (64, 64))[32:]
    engine = catalog.open_engine(
        "openvino",
        frozen(
            None,
            (64, 64),
            preprocess=lambda x: apply(ours.preprocessing, x),
            model=no_model,
            portable=lambda: ours.portable,
        ),
    )
    expected = ours.model.predict(apply(ours.preprocessing, images.astype("f4")), verbose=0)
    errors = np.linalg.norm(engine(images) - expected, axis=1) / np.linalg.norm(expected, axis=1)
    assert errors.max() < 5e-5


NO_KERAS = (
    "import sys\n"
    "sys.modules.update(dict.fromkeys(['keras', 'tensorflow', 'jax', 'torch']))\n"
    "from bottleneck.core import console\n"
    "from bottleneck.extract import main\n"
    "code = console.run(lambda _=None: main(sys.argv[1:]))\n"
    "loaded = {m for m in sys.modules if sys.modules[m]}\n"
    "foreign = {'openvino_telemetry', 'pandas', 'zarr'} & loaded\n"
    "assert not foreign, foreign\n"
    "sys.exit(code)\n"
)


def extract_without_keras(*args):
    done = subprocess.run(
        [sys.executable, "-c", NO_KERAS, *map(str, args), "--json"],
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, json.loads(done.stdout) if done.stdout else done.stderr


def test_mini_runs_without_keras_and_continues_a_store_that_keras_began(tmp_path):
    from bottleneck.pipeline.extraction.extract import extract
    from bottleneck.pipeline.extraction.options import ExtractOptions
    from bottleneck.pipeline.network.options import NetworkOptions

    options = ExtractOptions(
        cache=tmp_path / "s",
        data="digits",
        network=NetworkOptions(backbone="mini"),
        engine="keras",
        limit=70,
    )
    assert extract(options)["engine"] == "keras"
    words = ("--data", "digits", "--backbone", "mini", "--cache", tmp_path / "s")
    code, report = extract_without_keras(*words)
    assert (code, report["cached"], report["engine"]) == (0, 70, "openvino")
    assert report["computed"] == report["samples"] - 70
    assert report["canaries"]["checked"] == 4
    assert report["canaries"]["worst"] < 5e-4  # the rows are float16
    code, report = extract_without_keras(*words)
    assert (code, report["computed"], report["pending"]) == (0, 0, 0)


def test_a_cut_of_mini_without_keras_is_refused_by_name(tmp_path):
    words = ("--data", "digits", "--backbone", "mini", "--layer", "block_4")
    code, said = extract_without_keras(*words, "--cache", tmp_path / "s")
    assert code == 2
    assert "bottleneck-cache[tensorflow]" in said["error"]["do"]
    assert not (tmp_path / "s").exists()
