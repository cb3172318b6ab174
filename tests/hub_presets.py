"""Small presets of KerasHub with weights drawn from a seed, saved as KerasHub saves them."""

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest

BESIDE = Path(sys.prefix) / "keras-hub"  # where the Makefile puts it: inside the environment
if BESIDE.is_dir() and importlib.util.find_spec("keras_hub") is None:
    sys.path.append(str(BESIDE))

# Not imported here: it takes seconds, and most workers need none.
needs_keras_hub = pytest.mark.skipif(
    importlib.util.find_spec("keras_hub") is None, reason="make test installs KerasHub"
)


def keras_hub():
    """Return KerasHub, imported as we do."""
    from bottleneck.core.kerashub import import_keras_hub

    return import_keras_hub()


SIZE = (32, 32)
SCALE, OFFSET = (0.017, 0.0175, 0.0174), (-2.1, -2.0, -1.8)


def _tower(**more):
    return {
        "patch_size": 8, "hidden_dim": 32, "num_layers": 2, "num_heads": 4,
        "intermediate_dim": 64, "image_shape": (*SIZE, 3), **more,
    }  # fmt: skip


def vit(hub, **more):
    words = _tower(mlp_dim=64)
    del words["intermediate_dim"]
    return hub.models.ViTBackbone(**{**words, **more})


def dinov2(hub, **more):
    words = _tower(num_register_tokens=2, position_embedding_shape=(64, 64, 3))
    return hub.models.DINOV2Backbone(**{**words, **more})


def dinov3(hub):
    return hub.models.DINOV3Backbone(**_tower())


def clip(hub):
    from keras_hub.src.models.clip.clip_text_encoder import CLIPTextEncoder
    from keras_hub.src.models.clip.clip_vision_encoder import CLIPVisionEncoder

    text = CLIPTextEncoder(50, 32, 32, 2, 4, 64, max_sequence_length=8, name="text_encoder")
    image = CLIPVisionEncoder(**_tower(), name="vision_encoder")
    return hub.models.CLIPBackbone(image, text, projection_dim=16)


def siglip(hub):
    from keras_hub.src.models.siglip.siglip_text_encoder import SigLIPTextEncoder
    from keras_hub.src.models.siglip.siglip_vision_encoder import SigLIPVisionEncoder

    text = SigLIPTextEncoder(
        vocabulary_size=50, embedding_dim=32, hidden_dim=32, num_layers=2, num_heads=4,
        intermediate_dim=64, max_sequence_length=8, name="text_encoder",
    )  # fmt: skip
    return hub.models.SigLIPBackbone(SigLIPVisionEncoder(**_tower(), name="vision_encoder"), text)


def resnet(hub):
    return hub.models.ResNetBackbone(
        input_conv_filters=[64],
        input_conv_kernel_sizes=[7],
        stackwise_num_filters=[64, 64],
        stackwise_num_blocks=[1, 1],
        stackwise_num_strides=[1, 2],
        block_type="basic_block",
        image_shape=(None, None, 3),
    )


KINDS = {
    "vit": vit,
    "dinov2": dinov2,
    "dinov3": dinov3,
    "clip": clip,
    "siglip": siglip,
    "resnet": resnet,
}


def saved(hub, backbone, folder, seed=0, **converter):
    """Give a backbone drawn weights, save it with an image converter; return the folder."""
    drawn = np.random.default_rng(seed)
    for weight in backbone.weights:
        if "int" in weight.dtype:
            continue  # numbers of positions
        around = 1.0 if weight.name in ("gamma", "moving_variance") else 0.0
        value = drawn.normal(around, 0.05, weight.shape)
        weight.assign(np.abs(value) if "variance" in weight.name else value)
    folder.mkdir()
    backbone.save_to_preset(str(folder))
    words = {"image_size": SIZE, "scale": SCALE, "offset": OFFSET, "interpolation": "bicubic"}
    hub.layers.ImageConverter(**{**words, **converter}).save_to_preset(str(folder))
    return folder
