"""What a config names is Keras' own, or is refused before it is built."""

import pytest

from bottleneck.backbones.model_config import check, findings
from bottleneck.core.errors import UsageError


def thing(module, name, config=None, **more):
    return {"module": module, "class_name": name, "config": config or {}, **more}


def network(**config):
    """Return a network inside a network, whose one layer has this config."""
    layer = thing("keras.layers", "Conv2D", {"name": "conv", "trainable": True, **config})
    inner = thing("keras", "Sequential", {"name": "inner", "trainable": True, "layers": [layer]})
    layers = {"name": "outer", "trainable": True, "layers": [inner]}
    return thing("keras.src.models.functional", "Functional", layers)


OWN_PARTS = [
    {"dtype": thing("keras", "DTypePolicy", {"name": "float32"})},
    {"kernel_initializer": thing("keras.initializers", "GlorotUniform")},
    {"kernel_regularizer": thing("keras.regularizers", "L2")},
    {"activation": "relu"},
    {"activation": thing("keras.layers", "ReLU")},
    {"activation": thing("keras.ops", "function", "relu")},
    {"args": [{"class_name": "__keras_tensor__", "config": {"shape": [1]}}, 3]},
    {"layer": thing("keras.src.applications.convnext", "LayerScale")},
    {"name": "a>b"},
]
OTHERS = [
    ({"function": {"class_name": "__lambda__", "config": {"code": "4w"}}}, "code", "a lambda"),
    ({"activation": {"value": ["4w", None, None]}}, "code", "a lambda"),
    (
        {"layer": thing("keras.layers", "Lambda", {"name": "l", "trainable": True})},
        "code",
        "Lambda",
    ),
    ({"layer": thing("keras.layers", "TFSMLayer", {"filepath": "x"})}, "code", "TFSMLayer"),
    ({"layer": thing("keras.src.utils.torch_utils", "TorchModuleWrapper")}, "code", "TorchModule"),
    ({"layer": thing("mine", "Own")}, "foreign", "Own"),
    ({"layer": thing(None, "Own", registered_name="p>Own")}, "foreign", "Own"),
    ({"layer": {"class_name": "Conv2D", "config": {}}}, "foreign", "Conv2D"),
    ({"layer": thing("os", "system")}, "foreign", "system"),
    ({"layer": thing("kerasy.layers", "Dense")}, "foreign", "Dense"),
    ({"activation": "p>own"}, "foreign", "p>own"),
    ({"activation": thing("builtins", "function", "own")}, "foreign", "the function own"),
    ({"activation": thing("keras.utils", "function", "get_file")}, "never", "get_file"),
    ({"activation": thing("keras.saving", "function", "load_model")}, "never", "load_model"),
    ({"layer": thing("keras.layers", "StringLookup", {"vocabulary": "/x"})}, "never", "String"),
    ({"layer": thing("keras.callbacks", "RemoteMonitor")}, "never", "RemoteMonitor"),
    ({"layer": thing("keras.src.utils.file_utils", "x")}, "never", "x"),
]


@pytest.mark.parametrize("config", OWN_PARTS, ids=str)
def test_keras_own_parts_pass(config):
    assert list(findings(network(**config))) == []
    check(network(**config), "m.keras", imported=False, trusted=False)


@pytest.mark.parametrize(("config", "kind", "what"), OTHERS, ids=str)
def test_anything_else_is_found_and_refused_with_its_layer(config, kind, what):
    (found,) = findings(network(**config))
    assert (found.kind, found.layer) == (kind, "l" if what == "Lambda" else "conv")
    assert what in found.what
    with pytest.raises(UsageError, match="keras, layer "):
        check(network(**config), "m.keras", imported=False, trusted=False)


@pytest.mark.parametrize(("config", "kind", "what"), OTHERS, ids=str)
def test_leave_is_for_one_kind_alone(config, kind, what):
    for imported, trusted in ((True, False), (False, True), (True, True)):
        if {"foreign": imported, "code": trusted, "never": False}[kind]:
            check(network(**config), "m.keras", imported=imported, trusted=trusted)
        else:
            with pytest.raises(UsageError):
                check(network(**config), "m.keras", imported=imported, trusted=trusted)


def test_what_an_inner_model_was_compiled_with_is_left_to_keras_but_for_code():
    own = {"loss": thing("builtins", "function", "mean_squared_error")}
    assert list(findings({**network(), "compile_config": own})) == []
    code = {"loss": {"class_name": "__lambda__", "config": {}}}
    assert [f.kind for f in findings({**network(), "compile_config": code})] == ["code"]
