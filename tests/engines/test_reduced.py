"""bfloat16: whose arithmetic it is, that it is what runs, and how far it is from float32."""

import numpy as np
import pytest
from world import frozen

from bottleneck.core.errors import OtherRowsError, UsageError
from bottleneck.core.frameworks import import_keras, import_openvino
from bottleneck.core.generated import pictures
from bottleneck.engines import catalog

SIZE = (16, 16)


@pytest.fixture
def all_installed(monkeypatch):
    monkeypatch.setattr(catalog, "_is_installed", lambda _: True)
    monkeypatch.setattr(catalog, "training_backend", lambda: "jax")


@pytest.mark.parametrize(
    ("compute", "asked", "made_by", "devices", "said"),
    [
        ("float32", "openvino", None, "cpu", "float32"),
        ("bfloat16", "auto", None, "cpu", "bfloat16/openvino"),
        ("bfloat16", "auto", "keras", "cpu", "bfloat16/keras-jax"),
        ("bfloat16", "auto", None, "gpu:0", "bfloat16/keras-jax"),
        ("bfloat16", "keras", None, "cpu", "bfloat16/keras-jax"),
        ("bfloat16/openvino", "keras", None, "cpu", "bfloat16/openvino"),  # a recipe's own word
    ],
)
def test_the_arithmetic_names_the_engine_that_would_be_taken(
    all_installed, compute, asked, made_by, devices, said
):
    assert catalog.arithmetic(compute, asked, made_by=made_by, devices=devices) == said


def test_what_an_engine_cannot_compute_in_is_refused(all_installed):
    with pytest.raises(UsageError, match="does not compute in float8"):
        catalog.arithmetic("float8", "auto", devices="cpu")


def test_rows_of_an_engines_own_arithmetic_leave_that_engine_alone():
    assert catalog.within("auto", "float32") == "auto"
    assert catalog.within("auto", "bfloat16/keras-jax") == "keras"
    assert catalog.within("openvino", "bfloat16/openvino") == "openvino"
    with pytest.raises(UsageError, match="only openvino computes"):
        catalog.within("keras", "bfloat16/openvino")


@pytest.fixture(scope="module")
def model():
    keras = import_keras()
    keras.utils.set_random_seed(0)
    image = keras.Input((*SIZE, 3))
    x = keras.layers.Conv2D(16, 3, activation="relu")(image)
    x = keras.layers.BatchNormalization()(x)
    x = keras.layers.Conv2D(16, 3, activation="relu")(x)
    return keras.Model(image, keras.layers.GlobalAveragePooling2D()(x))


def opened(name, model, **more):
    return catalog.open_engine(name, frozen(model, SIZE, **more))


def check_bfloat16(name, arithmetic, model):
    """The rows are float32's, rounded as bfloat16 rounds, and the spread says how far."""
    images = pictures(9, SIZE)
    exact = opened(name, model)(images)
    engine = opened(name, model, compute=arithmetic, sample=images)
    rows = engine(images)
    errors = np.linalg.norm(rows - exact, axis=1) / np.linalg.norm(exact, axis=1)
    assert 1e-4 < errors.max() < 0.05
    found = engine.provenance["spread"]
    assert found["images"] == 9
    assert found["relative"] == pytest.approx(errors.max(), rel=1e-3)
    return engine


@pytest.mark.slow
def test_keras_computes_in_bfloat16_by_a_policy_of_the_copy_alone(model):
    backend = import_keras().backend.backend()
    check_bfloat16("keras", f"bfloat16/keras-{backend}", model)
    assert {layer.compute_dtype for layer in model.layers} == {"float32"}


@pytest.mark.slow
def test_another_backend_of_keras_is_another_arithmetic(model):
    with pytest.raises(UsageError, match="set KERAS_BACKEND=other") as caught:
        opened("keras", model, compute="bfloat16/keras-other")
    assert caught.value.exit_code == 2


@pytest.fixture
def openvino():
    """OpenVINO's modules; left out where it is not installed."""
    pytest.importorskip("openvino")
    from bottleneck.engines import compiled

    return compiled


@pytest.fixture
def bfloat16(openvino):
    """The same; left out where the processor has no bfloat16."""
    if "BF16" not in import_openvino().Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
        pytest.skip("this processor has no bfloat16")
    return openvino


@pytest.mark.slow
def test_a_float32_network_itself_says_that_nothing_of_it_runs_in_fewer_bits(openvino, model):
    compiled = opened("openvino", model).compiled
    assert compiled.get_property("INFERENCE_PRECISION_HINT").get_type_name() == "f32"
    assert "f32" in openvino.precisions(compiled)
    assert not {"bf16", "f16"} & set(openvino.precisions(compiled))


@pytest.mark.slow
def test_a_network_that_says_it_runs_another_precision_is_refused(openvino, model):
    compiled = opened("openvino", model).compiled
    openvino.require_precision(compiled, "f32")
    with pytest.raises(UsageError, match="does not compute this network in bf16 here") as caught:
        openvino.require_precision(compiled, "bf16")
    assert caught.value.exit_code == 2


@pytest.mark.slow
def test_a_processor_that_passes_over_the_wish_for_bfloat16_is_found_out(
    openvino, model, monkeypatch
):
    """OpenVINO computes in float32 there and says nothing."""
    real = openvino.settings
    monkeypatch.setattr(openvino, "settings", lambda *_: real("f32"))
    with pytest.raises(UsageError, match=r"it says f32, its layers .*f32"):
        opened("openvino", model, compute="bfloat16/openvino")


@pytest.mark.slow
def test_openvino_computes_in_bfloat16_and_says_so(bfloat16, model):
    compiled = check_bfloat16("openvino", "bfloat16/openvino", model).compiled
    assert compiled.get_property("INFERENCE_PRECISION_HINT").get_type_name() == "bf16"
    assert "bf16" in bfloat16.precisions(compiled)
    with pytest.raises(UsageError, match="in f32 here"):
        bfloat16.require_precision(compiled, "f32")


@pytest.mark.slow
def test_with_a_recorded_spread_the_kept_network_is_taken_as_it_is(bfloat16, model, tmp_path):
    images = pictures(9, SIZE)
    first = opened("openvino", model, compute="bfloat16/openvino", kept=tmp_path, sample=images)
    recorded = first.provenance["spread"]

    def none():
        raise AssertionError("made anew")

    again = opened(
        "openvino", model, compute="bfloat16/openvino", kept=tmp_path, spread=recorded, traced=none
    )
    np.testing.assert_array_equal(again(images), first(images))
    assert again.provenance["spread"] == recorded
    assert "bf16" in bfloat16.precisions(again.compiled)


@pytest.mark.slow
def test_a_network_that_fewer_bits_ruin_is_refused(model, monkeypatch):
    monkeypatch.setattr("bottleneck.engines.check.LEAST_MEDIAN", 1.1)
    backend = import_keras().backend.backend()
    with pytest.raises(OtherRowsError, match="too far from float32") as caught:
        opened("keras", model, compute=f"bfloat16/keras-{backend}")
    assert caught.value.exit_code == 4
