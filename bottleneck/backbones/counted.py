"""What counts of a layer's config, and which layers do nothing in a frozen network.

For the classes in `COUNTED` the keys listed there count, spelled when they differ from the default
that is pinned here, so that no Keras can change their meaning by a new default; any other key
counts when it is not the constructor's default, so that a Keras that adds a key changes nothing
until somebody sets it. For the other classes of Keras every key counts. Never counted of a layer:
names, `trainable`, floating-point dtypes (the copy is float32), initialisers, regularisers,
constraints, seeds: they decide nothing in a trained, frozen network. That holds for Keras' own
layers alone: of a bare operation (a cast to some dtype, say) and of what is somebody's own
everything counts but names and `trainable`.
"""

from __future__ import annotations

import inspect
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from bottleneck.backbones.known import (
    config_of,
    foreign_config,
    foreign_object,
    is_lambda,
    is_of_keras,
    is_of_keras_hub,
)
from bottleneck.backbones.twin import is_integer

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

_REQUIRED = object()  # a key without a default: always spelled
_CHANNELS = {"data_format": "channels_last"}
_CONV: Mapping[str, Any] = {
    "kernel_size": _REQUIRED,
    "strides": (1, 1),
    "padding": "valid",
    "dilation_rate": (1, 1),
    "activation": "linear",
    "use_bias": True,
    **_CHANNELS,
}
_POOL = {"pool_size": (2, 2), "strides": None, "padding": "valid", **_CHANNELS}
_NORM = {"axis": -1, "epsilon": 1e-3, "center": True, "scale": True}
_MERGE: Mapping[str, Any] = {}

COUNTED: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        "Conv2D": {"filters": _REQUIRED, "groups": 1, **_CONV},
        "DepthwiseConv2D": {"depth_multiplier": 1, **_CONV},
        "SeparableConv2D": {"filters": _REQUIRED, "depth_multiplier": 1, **_CONV},
        "Dense": {"units": _REQUIRED, "activation": "linear", "use_bias": True},
        "BatchNormalization": _NORM,
        "LayerNormalization": {**_NORM, "rms_scaling": False},
        "Normalization": {"axis": -1, "mean": None, "variance": None, "invert": False},
        "Rescaling": {"scale": _REQUIRED, "offset": 0.0},
        "LayerScale": {"projection_dim": _REQUIRED},
        "Activation": {"activation": _REQUIRED},
        "ReLU": {"max_value": None, "negative_slope": 0.0, "threshold": 0.0},
        "LeakyReLU": {"negative_slope": 0.3},
        "Softmax": {"axis": -1},
        "MaxPooling2D": _POOL,
        "AveragePooling2D": _POOL,
        "GlobalAveragePooling2D": {"keepdims": False, **_CHANNELS},
        "GlobalMaxPooling2D": {"keepdims": False, **_CHANNELS},
        "ZeroPadding2D": {"padding": ((1, 1), (1, 1)), **_CHANNELS},
        "Cropping2D": {"cropping": ((0, 0), (0, 0)), **_CHANNELS},
        "UpSampling2D": {"size": (2, 2), "interpolation": "nearest", **_CHANNELS},
        "Flatten": _CHANNELS,
        "Reshape": {"target_shape": _REQUIRED},
        "Permute": {"dims": _REQUIRED},
        "Concatenate": {"axis": -1},
        "Add": _MERGE,
        "Multiply": _MERGE,
        "Subtract": _MERGE,
        "Average": _MERGE,
        "Maximum": _MERGE,
        "Minimum": _MERGE,
    }
)
_NAMES = {"name", "trainable"}  # decide nothing in anything
# Decide nothing in a layer of Keras': momentum is of training; the rest is how it came to be.
_NEVER = {
    *_NAMES,
    "dtype",
    "seed",
    "momentum",
    "renorm_momentum",
    "synchronized",
    "init_values",
    "batch_shape",
    "batch_input_shape",
    "build_config",
}
# In a layer of KerasHub's: of training alone.
_HUBS_NEVER = {
    "attention_dropout",
    "attention_dropout_rate",
    "drop_path",
    "drop_path_rate",
    "drop_prob",
    "drop_rate",
    "dropout",
    "dropout_rate",
}
_NEVER_SUFFIXES = ("_initializer", "_regularizer", "_constraint")
# Nothing happens in them when a network is frozen.
PASSED_OVER_BEFORE = {
    "Dropout",
    "SpatialDropout1D",
    "SpatialDropout2D",
    "SpatialDropout3D",
    "GaussianNoise",
    "GaussianDropout",
    "AlphaDropout",
    "StochasticDepth",
    "ActivityRegularization",
    "Identity",
}
# Not AutoContrast, CenterCrop, Resizing and the adaptive equalization: they change pictures always.
PASSED_OVER = {
    *PASSED_OVER_BEFORE,
    "AugMix",
    "CutMix",
    "Equalization",
    "MaxNumBoundingBoxes",
    "MixUp",
    "RandAugment",
    "RandomBrightness",
    "RandomColorDegeneration",
    "RandomColorJitter",
    "RandomContrast",
    "RandomCrop",
    "RandomElasticTransform",
    "RandomErasing",
    "RandomFlip",
    "RandomGaussianBlur",
    "RandomGrayscale",
    "RandomHue",
    "RandomInvert",
    "RandomPerspective",
    "RandomPosterization",
    "RandomRotation",
    "RandomSaturation",
    "RandomSharpness",
    "RandomShear",
    "RandomTranslation",
    "RandomZoom",
    "Solarization",
}


def does_nothing(node: Any, *, passed_over: Collection[str] = PASSED_OVER) -> bool:
    """Whether what a node's operation gives is what it was given, one tensor for one."""
    one_for_one = len(node.arguments.keras_tensors) == len(node.outputs) == 1
    name, kind = type(node.operation).__name__, type(node.operation)
    if not one_for_one or not is_of_keras(kind) or is_of_keras_hub(kind):
        return False
    if name in passed_over:
        return True
    return name == "Activation" and config_of(node.operation).get("activation") == "linear"


def counted_config(operation: Any, rank: int) -> dict[str, Any]:
    """Return the part of a config that decides the result."""
    config = config_of(operation)
    name = type(operation).__name__
    is_layer = hasattr(operation, "weights")
    is_foreign = not is_of_keras(type(operation))
    is_hubs = is_of_keras_hub(type(operation))
    pinned = COUNTED.get(name) if is_layer and not is_foreign and not is_hubs else None
    if is_hubs:
        config = {key: value for key, value in config.items() if key not in _HUBS_NEVER}
    defaults = _constructor_defaults(type(operation))
    counted: dict[str, Any] = {}
    for key, value in config.items():
        if _never_counts(key, value, of_keras=is_layer and not is_foreign):
            continue
        # Operations that add an axis count it in their output, so their -1 must stay as it is.
        spelled = _spell(value, key, rank if pinned is not None else None)
        if is_hubs:
            counts = spelled != _spell(defaults.get(key, _REQUIRED), key, None)
        elif pinned is None:
            counts = True
        elif key in pinned:
            counts = spelled != _spell(pinned[key], key, rank)
        else:
            counts = spelled != _spell(defaults.get(key, _REQUIRED), key, rank)
        if counts:
            counted[key] = spelled
    return counted


def _never_counts(key: str, value: Any, *, of_keras: bool) -> bool:
    if key == "dtype" and is_integer(value):  # stays in the copy
        return False
    return key in _NAMES or (of_keras and (key in _NEVER or key.endswith(_NEVER_SUFFIXES)))


def _constructor_defaults(kind: type) -> dict[str, Any]:
    parameters = inspect.signature(kind).parameters.values()
    return {p.name: p.default for p in parameters if p.default is not p.empty}


def _spell(value: Any, key: str, rank: int | None) -> Any:
    """Return a config's value in one spelling: lists, positive axes, no names of objects.

    Of code that is not Keras' the name alone is in it (the user says which version), never the
    byte code; of objects of such a class also the config.
    """
    if value is _REQUIRED:
        return {"required": True}
    if key in ("axis", "axes") and isinstance(value, int) and rank is not None:
        return value % rank
    if isinstance(value, list | tuple):
        items = [_spell(item, key, rank) for item in value]
        # LayerNormalization writes its one axis as a list.
        return items[0] if key == "axis" and len(items) == 1 else items
    if isinstance(value, dict):
        if is_lambda(value, key):
            return {"foreign": "a lambda"}
        if "class_name" in value and "config" in value:  # a layer inside a layer
            inner, foreign = value["config"], foreign_object(value)
            if isinstance(inner, dict):
                inner = {
                    k: _spell(v, k, rank)
                    for k, v in inner.items()
                    if not _never_counts(k, v, of_keras=foreign is None)
                }
            return {"class": foreign or value["class_name"], "config": inner}
        return {str(k): _spell(v, k, rank) for k, v in value.items()}
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, np.generic):
        return value.item()
    if callable(value):  # somebody's own by its whole name
        if not is_of_keras(value):
            return {"foreign": foreign_config(value)}
        return getattr(value, "__name__", type(value).__name__)
    return value
