"""What tests of every head share: rows of a shape that each takes, and a network to go on from."""

import numpy as np

from bottleneck.backbones.backbone import from_model
from bottleneck.core.frameworks import import_keras
from bottleneck.heads.catalog import HEADS

SHAPES = {"conv": (3, 2, 1), "tail": (3, 2, 1)}  # of rows, where a head does not take flat ones
SMALL = {"epochs": 2, "units": (5,), "filters": 4}


def is_network(name):
    return "optimizer" in {option.name for option in HEADS[name].options}


def behind(shape):
    """Return a small network, cut where its maps have this shape."""
    keras = import_keras()
    image = keras.Input((*shape[:2], 3))
    maps = keras.layers.Conv2D(shape[2], 1, name="cut")(image)
    y = keras.layers.Dropout(0.2)(keras.layers.Conv2D(4, 2, activation="relu")(maps))
    model = keras.Model(image, keras.layers.BatchNormalization()(y))
    rng = np.random.default_rng(1)
    model.set_weights([rng.random(w.shape).astype("f4") for w in model.get_weights()])
    return from_model(model, layer="cut", size=shape[:2]).behind()
