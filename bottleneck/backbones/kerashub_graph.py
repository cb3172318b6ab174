"""The graph of a KerasHub backbone, opened: its encoders' blocks are layers like any other.

An encoder is one layer of KerasHub, with the blocks inside its `call`. Called on symbolic tensors,
`call` says which block gets what: that is a model of those blocks, and is replayed like one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bottleneck.backbones.cut import nodes_to
from bottleneck.core.errors import UsageError
from bottleneck.core.frameworks import import_keras

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

# Layers that only hand tensors from block to block.
_ENCODERS = {"ViTEncoder", "DINOV2Encoder", "DINOV3Encoder"}
# Tokens in front of those of the patches: of the class, of distillation, registers.
_PREFIX: Mapping[str, Callable[[Any], int]] = {
    "ViTBackbone": lambda network: int(network.use_class_token),
    "DeiTBackbone": lambda _: 2,
    "DINOV2Backbone": lambda network: 1 + network.num_register_tokens,
    "DINOV3Backbone": lambda network: 1 + network.num_register_tokens,
    "CLIPVisionEncoder": lambda _: 1,
    "MetaCLIP2VisionEncoder": lambda _: 1,
    "SigLIPVisionEncoder": lambda _: 0,
    "SwinTransformerBackbone": lambda _: 0,
}


def image_tower(network: Any, where: object) -> Any:
    """Return what in a backbone goes from images to features: itself, or its vision encoder.

    Raises
    ------
    UsageError
        When nothing in it takes images alone and gives one map or row of tokens.
    """
    tower = network
    if len(network.inputs) != 1:
        tower = getattr(network, "vision_encoder", None)
    of_images = len(getattr(tower, "inputs", ())) == 1 and len(tower.inputs[0].shape) == 4
    if not of_images:
        kind = type(network).__name__
        raise UsageError(f"{kind} has no network of images alone", where, "use an image backbone")
    if len(tower.outputs) != 1:
        raise UsageError(
            f"{type(tower).__name__} has {len(tower.outputs)} outputs, not one",
            where,
            "use the preset of its image encoder",
        )
    for layer in tower._flatten_layers():
        if getattr(layer, "quantization_mode", None):
            raise UsageError("quantised networks are not supported", where, "use one in float32")
    return tower


def prefix_tokens(tower: Any) -> int | None:
    """Return how many tokens stand before those of the patches; None where nobody knows."""
    count = _PREFIX.get(type(tower).__name__)
    return None if count is None else count(tower)


def opened(tower: Any) -> Any:
    """Return a keras.Model of the same layers, in which encoders are models of their blocks."""
    keras = import_keras()
    (image,) = tower.inputs
    start = keras.Input(image.shape[1:], dtype=image.dtype, name="image")
    tensors = {id(image): start}
    (output,) = tower.outputs
    for node in nodes_to(output):
        if not node.arguments.keras_tensors:
            continue  # the input
        args, kwargs = node.arguments.fill_in(tensors)
        kwargs = {key: value for key, value in kwargs.items() if key != "training"}
        call = _model_of if type(node.operation).__name__ in _ENCODERS else _called
        outputs = keras.tree.flatten(call(node.operation, args, kwargs))
        tensors.update({id(old): new for old, new in zip(node.outputs, outputs, strict=True)})
    return keras.Model(start, tensors[id(output)], name=tower.name)


def _called(operation: Any, args: Any, kwargs: dict[str, Any]) -> Any:
    return operation(*args, **kwargs)


def _model_of(encoder: Any, args: Any, kwargs: dict[str, Any]) -> Any:
    """Call a model of an encoder's blocks in the place of the encoder."""
    keras = import_keras()
    given = [
        one for one in keras.tree.flatten((args, kwargs)) if keras.backend.is_keras_tensor(one)
    ]
    inner = {id(one): keras.Input(one.shape[1:], dtype=one.dtype) for one in given}
    inside = keras.tree.map_structure(lambda one: inner.get(id(one), one), (args, kwargs))
    outputs = encoder.call(*inside[0], **inside[1])
    flat = keras.tree.flatten(outputs)
    return keras.Model([inner[id(one)] for one in given], flat, name=encoder.name)(given)


def pool(
    tensor: Any, pooling: str, name: str | None = None, *, prefix: int | None, tokens: int | None
) -> Any:
    """Append pooling of tokens (n, tokens, d), as the Keras layers that it is.

    Parameters
    ----------
    name : of the layer; None: Keras gives it one
    prefix : tokens before those of the patches, at the network's end
    tokens : how many the network has at its end

    Raises
    ------
    UsageError
        When there is no class token, or nobody knows which tokens are of patches.
    """
    keras, where = import_keras(), f"--pooling {pooling}"
    if pooling == "none":
        return tensor
    there = tensor.shape[1]
    if prefix and tokens is not None and there == tokens - prefix:
        prefix = 0  # before the others join them
    elif there != tokens:
        prefix = None
    if prefix is None:
        raise UsageError(
            "which of these tokens are of patches is not known here", where, "use --pooling none"
        )
    patches = tensor[:, prefix:] if prefix else tensor
    if pooling == "max":
        return keras.layers.GlobalMaxPooling1D(name=name)(patches)
    if pooling == "avg":
        return keras.layers.GlobalAveragePooling1D(name=name)(patches)
    if not prefix:
        raise UsageError("there is no class token", where, "use avg, max or none")
    if pooling == "cls":
        return tensor[:, 0]
    average = keras.layers.GlobalAveragePooling1D(name=name and f"{name}_average")(patches)
    return keras.layers.Concatenate(name=name)([tensor[:, 0], average])
