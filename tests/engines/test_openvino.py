"""OpenVINO: made once, compared with plain Keras, kept by digest, made anew when foreign."""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import world
from world import flip, frozen

from bottleneck.backbones import Request
from bottleneck.backbones.catalog import load
from bottleneck.backbones.preprocessing import apply
from bottleneck.core.errors import MissingDependencyError, OtherRowsError, UsageError
from bottleneck.core.frameworks import import_keras
from bottleneck.core.generated import pictures
from bottleneck.engines import catalog, kept

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
def made(monkeypatch):
    """Count the networks that are made."""
    real, calls = world.traced, []

    def counted(*args):
        calls.append(1)
        return real(*args)

    monkeypatch.setattr(world, "traced", counted)
    return calls


def opened(network, folder, **more):
    return catalog.open_engine("openvino", frozen(network, SIZE, kept=folder, **more))


def no_model():
    raise MissingDependencyError("keras is not installed", "keras", "install it")


def folder_of(folder):
    return folder / "openvino" / ("ab" * 8)


def test_a_second_engine_makes_nothing_needs_no_keras_and_gives_the_same_bits(
    model, tmp_path, made
):
    images = pictures(9, SIZE)
    rows = opened(model, tmp_path)(images)
    np.testing.assert_array_equal(opened(None, tmp_path, traced=no_model)(images), rows)
    assert len(made) == 1


def test_what_an_older_version_made_is_made_anew(model, tmp_path, made, monkeypatch):
    opened(model, tmp_path)
    monkeypatch.setattr("bottleneck.engines.kept.VERSION", kept.VERSION + 1)
    opened(model, tmp_path)
    assert len(made) == 2


def test_another_machine_compiles_anew_and_compares_with_the_kept_rows(
    model, tmp_path, made, monkeypatch
):
    rows = opened(model, tmp_path)(pictures(5, SIZE))
    before = (folder_of(tmp_path) / "compiled.json").read_bytes()
    monkeypatch.setattr("bottleneck.engines.compiled._cpu", lambda: "another CPU")
    engine = opened(None, tmp_path, traced=no_model)
    np.testing.assert_allclose(engine(pictures(5, SIZE)), rows, rtol=1e-5)
    assert len(made) == 1
    assert (folder_of(tmp_path) / "compiled.json").read_bytes() != before


@pytest.mark.parametrize(
    ("name", "times"),
    [("compiled.blob", 1), ("compiled.json", 1), ("network.bin", 1), ("reference.safetensors", 1)],
)
def test_a_damaged_file_is_never_used(model, tmp_path, made, name, times):
    rows = opened(model, tmp_path)(pictures(5, SIZE))
    path = folder_of(tmp_path) / name
    flip(path, path.stat().st_size // 2)
    np.testing.assert_array_equal(opened(model, tmp_path)(pictures(5, SIZE)), rows)
    assert len(made) == times  # the compiled network is whole, or the network is


@pytest.mark.parametrize("name", ["network.bin", "network.xml", "reference.safetensors"])
def test_a_damaged_network_is_made_anew_when_it_is_needed(model, tmp_path, made, name):
    rows = opened(model, tmp_path)(pictures(5, SIZE))
    (folder_of(tmp_path) / "compiled.blob").unlink()
    path = folder_of(tmp_path) / name
    flip(path, path.stat().st_size // 2)
    np.testing.assert_array_equal(opened(model, tmp_path)(pictures(5, SIZE)), rows)
    assert len(made) == 2


def test_what_was_kept_for_another_recipe_is_never_used(model, tmp_path, made):
    opened(model, tmp_path)
    other = "ab" * 8 + "cd" * 24  # the same sixteen digits
    opened(model, tmp_path, recipe=other)
    assert len(made) == 2
    shutil.copytree(folder_of(tmp_path), tmp_path / "openvino" / ("cd" * 8))
    opened(model, tmp_path, recipe="cd" * 32)
    assert len(made) == 3


def test_a_network_that_computes_otherwise_is_refused_and_nothing_compiled_is_kept(model, tmp_path):
    keras = import_keras()
    other = keras.models.clone_model(model)
    other.set_weights([w * (1 + 1e-4) for w in model.get_weights()])
    wrong = {"traced": lambda: world.traced(other)}
    with pytest.raises(OtherRowsError, match="differ from Keras' by more than rounding"):
        opened(model, tmp_path, **wrong)
    assert not (folder_of(tmp_path) / "compiled.json").exists()
    with pytest.raises(OtherRowsError):  # nor does a second try find it checked
        opened(model, tmp_path, **wrong)


def golden(off):
    """Return a network's graph whose golden rows come out this far from the recorded ones."""

    def made(model):
        rows = np.ones((2, 8), np.float32)
        return replace(world.traced(model), golden=lambda: (rows * (1 + off), rows))

    return made


def test_golden_rows_are_enough_and_no_keras_is_asked(model, tmp_path):
    no_reference = {"traced": lambda: golden(1e-6)(model), "reference": lambda _: None}
    rows = opened(model, tmp_path, **no_reference)
    assert rows.provenance["check"] == "golden"
    assert rows.warning is None
    with pytest.raises(OtherRowsError, match="by more than rounding"):
        opened(model, None, traced=lambda: golden(1e-3)(model), reference=lambda _: None)


def test_with_nothing_to_compare_with_rows_are_unchecked_until_there_is(
    model, tmp_path, made, monkeypatch
):
    monkeypatch.setattr("bottleneck.engines.openvino.training_backend", lambda: None)
    engine = opened(model, tmp_path, reference=lambda _: None)
    assert engine.provenance["check"] == "unchecked"
    assert "nothing is here to compare" in engine.warning
    again = opened(None, tmp_path, traced=no_model)
    assert again.provenance["check"] == "unchecked"
    monkeypatch.setattr("bottleneck.engines.openvino.training_backend", lambda: "tensorflow")
    assert opened(model, tmp_path).provenance["check"] == "keras"
    assert opened(None, tmp_path, traced=no_model).provenance["check"] == "keras"
    assert len(made) == 2


def test_where_what_is_installed_cannot_compare_nobody_is_told_to_install_it(model):
    engine = opened(model, None, reference=lambda _: None)
    assert engine.check == "unchecked (tensorflow cannot compute it)"
    assert engine.warning == (
        "this network's rows were compared with nothing: tensorflow cannot compute it"
    )


def test_float32_is_what_was_compiled(model):
    """The processor's own default may be bfloat16, which is several per cent off."""
    compiled = opened(model, None).compiled
    assert compiled.get_property("INFERENCE_PRECISION_HINT").to_string() == "f32"
    executed = {
        str(node.get_rt_info()["runtimePrecision"].value)
        for node in compiled.get_runtime_model().get_ops()
        if str(node.get_rt_info()["layerType"].value) in ("Convolution", "Reduce", "Output")
    }
    assert executed == {"f32"}


def test_what_openvino_cannot_express_is_computed_by_keras_or_refused_in_one_line(caplog):
    keras = import_keras()
    image = keras.Input((*SIZE, 3))
    model = keras.Model(image, keras.ops.image.sobel_edges(image))
    engine = catalog.open_engine("auto", frozen(model, SIZE))
    assert engine.name == "keras"
    (line,) = [record.getMessage() for record in caplog.records]
    assert line.startswith("not computing with openvino but keras: OpenVINO cannot express this")
    with pytest.raises(UsageError, match=r"cannot express this network \(") as caught:
        opened(model, None)
    assert ("\n" in str(caught.value), caught.value.exit_code) == (False, 2)


def refuses():
    raise UsageError("OpenVINO cannot take this network", "--engine", "use another")


def test_auto_goes_on_with_the_next_engine_and_says_why(model, caplog):
    engine = catalog.open_engine("auto", frozen(model, SIZE, traced=refuses))
    assert engine.name == "keras"
    assert "not computing with openvino" in caplog.text
    with pytest.raises(UsageError, match="cannot take"):
        opened(model, None, traced=refuses)


def test_without_a_kept_network_and_without_keras_the_way_on_is_named(tmp_path):
    with pytest.raises(MissingDependencyError, match="keras is not installed"):
        opened(None, tmp_path, traced=no_model)


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
    monkeypatch.setattr("bottleneck.engines.catalog.is_here", lambda _: False)
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
            traced=no_model,
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


def test_a_cut_of_mini_without_keras_is_refused_by_name(tmp_path, monkeypatch):
    # Read by every Python process at its start, also by the one that would load the network.
    (tmp_path / "sitecustomize.py").write_text("import sys\nsys.modules['keras'] = None\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=os.pathsep)
    words = ("--data", "digits", "--backbone", "mini", "--layer", "block_4")
    code, said = extract_without_keras(*words, "--cache", tmp_path / "s")
    assert code == 2
    assert "bottleneck-cache[openvino]" in said["error"]["do"]
    assert not (tmp_path / "s").exists()


def test_an_engine_with_a_share_of_the_cores_leaves_it_to_the_system_which_they_are():
    """Pinned, that of each worker would take the first core of the machine."""
    import openvino as ov
    from openvino import opset13

    from bottleneck.engines.compiled import settings

    x = opset13.parameter([1, 4], np.float32)
    network = ov.Model([opset13.relu(x)], [x])
    compiled = ov.Core().compile_model(network, "CPU", settings("f32", 1))
    assert compiled.get_property("INFERENCE_NUM_THREADS") == 1
    assert not compiled.get_property("ENABLE_CPU_PINNING")
