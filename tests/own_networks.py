"""Small networks as users save them, and a module with a layer of their own."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np

SIZE = (8, 9)
MODULE = """
import keras

class Doubled(keras.layers.Layer):
    def build(self, shape):
        self.more = self.add_weight(shape=(1,), name="more")

    def call(self, x):
        return x * 2 + self.more

def squared(x):
    return x * x
"""


def with_weights(model):
    """Give a model weights that depend on their shapes and order alone."""
    rng = np.random.default_rng(0)
    model.set_weights([rng.uniform(0.1, 1, w.shape).astype("f4") for w in model.get_weights()])
    return model


def small(keras, *, activation="relu", name=None, size=SIZE, channels=3):
    """Return two convolutions with a normalisation between them."""
    layers = keras.layers
    image = keras.Input((*size, channels))
    x = layers.Conv2D(4, 3, activation=activation, name="first")(image)
    x = layers.BatchNormalization()(x)
    x = layers.RandomFlip(name="flip")(x)
    x = layers.Conv2D(5, 3, name="second")(x)
    return with_weights(keras.Model(image, x, name=name))


def nested(keras):
    """Return a network of a network, whose last layer is called twice."""
    inner = small(keras, name="inner")
    image = keras.Input((*SIZE, 3))
    twice = keras.layers.Conv2D(5, 1, name="twice")
    return with_weights(keras.Model(image, twice(twice(inner(image)))))


def of_layer(keras, layer):
    """Return a network of one layer over an image."""
    image = keras.Input((*SIZE, 3))
    return keras.Model(image, layer(image))


def saved(model, path: Path) -> Path:
    """Save a model without Keras' warnings; return where."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.save(path)
    return path
