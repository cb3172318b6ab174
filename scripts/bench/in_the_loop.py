"""Epochs from the cache beside epochs with the frozen layers in the loop, as in plain Keras."""

import json
import os
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from baseline import network
from photos import copy_splits, write_splits
from timing import budget, interval, process, seconds, spread

from bottleneck.core.frameworks import import_keras
from bottleneck.core.recipe import ImageSpec
from bottleneck.core.reporter import Silent
from bottleneck.data.decode import decode
from bottleneck.heads.catalog import complete, load_kind
from bottleneck.heads.task import Task
from bottleneck.pipeline.network.network import resolve
from bottleneck.pipeline.network.options import NetworkOptions
from bottleneck.store.store import Store

BATCH = 32
CLASSES = 10
CHECKED = 8  # rows, spread over the source
BOUND = 1e-3  # relative L2: rows are rounded to float16

CONV_SIZE = 139
CONV_TRAIN, CONV_VALIDATION = 1000, 100
CONV = {"filters": 100, "kernel": 2}
CONV_EPOCHS = 50
CONV_RATIO = 20
# Of the convolution; with the softmax: 2 x 2 x 2048 x 100 + 100 and 100 x 10 + 10.
CONV_PARAMETERS = (819_300, 820_310)

TAIL_SIZE = 224
TAIL_TRAIN = 64
TAIL_CUTS = ("block3_conv1", "block4_pool")


def bench_conv(options):
    """Time the conv head on maps of ResNet50 [5, 5, 2048], of 1,000 images at 139x139."""
    n = options.files or CONV_TRAIN
    with tempfile.TemporaryDirectory() as temporary:
        cached = Cached(temporary, options, n, CONV_SIZE, "ResNet50")
        keras = import_keras()
        backbone = network(options.weights, CONV_SIZE, "ResNet50", None)
        cached.check(backbone, keras.applications.resnet50.preprocess_input)
        backbone.trainable = False
        pixels = keras.Input((CONV_SIZE, CONV_SIZE, 3))
        x = backbone(pixels, training=False)
        x = keras.layers.Conv2D(CONV["filters"], CONV["kernel"], activation="relu")(x)
        x = keras.layers.Dropout(0.4)(x)
        x = keras.layers.GlobalAveragePooling2D()(x)
        x = keras.layers.Dropout(0.3)(x)
        plain = keras.Model(pixels, keras.layers.Dense(CLASSES, activation="softmax")(x))
        plain.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
        fitted, ratios = cached.turns("conv", CONV, plain)
        found = fitted.model.get_layer("conv").count_params(), fitted.parameters
        if found != CONV_PARAMETERS:
            sys.exit(f"a head of {found} parameters, not {CONV_PARAMETERS}")
        print(f"  {found[0]:,} parameters, {found[1]:,} with the softmax;")
        print(f"  {interval(ratios)} times as fast; {budget(ratios, CONV_RATIO)}")
        epochs = options.epochs or CONV_EPOCHS
        words = [word for name, n in CONV.items() for word in (f"--{name}", n)]
        train = process(
            *("-m", "bottleneck.train", "--cache", cached.store.path, "--head", "conv", *words),
            *("--epochs", epochs, "--patience", 0, "--json", "--quiet"),
        )
        said = []
        took = seconds(lambda: said.append(json.loads(train())))
        print(
            f"  `train`, {epochs} epochs, whole process: {took:.1f} s; "
            f"accuracy {said[0]['accuracy']:.3f} on {said[0]['samples']['val']} images"
        )


def bench_tail(options):
    """Time `tail` behind cuts of VGG16 at 224x224."""
    for cut in (options.layer,) if options.layer else TAIL_CUTS:
        with tempfile.TemporaryDirectory() as temporary:
            n, size = options.files or TAIL_TRAIN, options.size or TAIL_SIZE
            cached = Cached(temporary, options, n, size, "VGG16", cut)
            keras = import_keras()
            base = network(options.weights, size, "VGG16", None)
            front = keras.Model(base.input, base.get_layer(cut).output)
            cached.check(front, keras.applications.vgg16.preprocess_input)
            front.trainable = False  # its layers, which `base` shares
            x = keras.layers.GlobalAveragePooling2D()(base.output)
            plain = keras.Model(base.input, keras.layers.Dense(CLASSES, activation="softmax")(x))
            sgd = keras.optimizers.SGD(1e-3, momentum=0.9, nesterov=True)
            plain.compile(sgd, "sparse_categorical_crossentropy", metrics=["accuracy"])
            fitted, ratios = cached.turns("tail", {}, plain)
            theirs = sum(int(np.prod(w.shape)) for w in plain.trainable_weights)
            if fitted.parameters != theirs:
                sys.exit(f"{fitted.parameters} parameters are trained, by plain Keras {theirs}")
            print(f"  {theirs:,} parameters are trained in both; {interval(ratios)} times as fast")


class Cached:
    """Images, a store of their maps, and the same images decoded for whoever has no cache."""

    def __init__(self, temporary, options, n, size, application, layer=None):
        self.images, self.runs = Path(temporary) / "images", options.runs
        kind, n_val = "generated pictures", max(n // 10, CLASSES)
        if options.images:
            kind = f"images of {options.images}"
            counts = {"train": ("train", n), "val": ("test", n_val)}
            copy_splits(options.images, self.images, counts)
        else:
            write_splits(self.images, {"train": n, "val": n_val}, 32, ".png")
        extract = process(
            *("-m", "bottleneck.extract", "--data", self.images, "--pooling", "none", "--json"),
            *("--backbone", application.lower(), "--weights", options.weights, "--size", size),
            *("--cache", Path(temporary) / "store", "--quiet", *(("--layer", layer) * bool(layer))),
        )
        report = json.loads(extract())
        self.store = Store.open(Path(temporary) / "store")
        self.features, self.labels, keys = self.store.arrays()
        self.split = np.array([not key.startswith(b"train/") for key in keys], np.uint8)
        spec = ImageSpec(size=(size, size))
        files = [self.images / os.fsdecode(key) for key in keys]
        self.pixels = np.stack([decode(path.read_bytes(), spec) for path in files])
        weights, at = Path(options.weights).name, f" at {layer}" if layer else ""
        n_bytes = sum(entry.n_bytes for entry in self.store.state.parts)
        print(
            f"{'tail' if layer else 'conv'}: {(self.split == 0).sum()} {kind} to train on, "
            f"{self.split.sum()} to validate; {application} ({weights}){at}, {size}x{size}"
        )
        print(
            f"  cached once in {report['seconds']['total']:.0f} s: maps {self.features.shape[1:]} "
            f"{self.features.dtype}, {n_bytes / 2**20:.0f} MiB"
        )

    def check(self, front, preprocess):
        """Stop unless our maps are plain Keras' of the same pixels; prepare these."""
        self.pixels = preprocess(self.pixels.astype(np.float32))
        at = np.unique(np.linspace(0, len(self.pixels) - 1, CHECKED).astype(int))
        expected = front.predict(self.pixels[at], verbose=0).reshape(len(at), -1)
        apart = self.features.take(at).reshape(expected.shape) - expected
        worst = (np.linalg.norm(apart, axis=1) / np.linalg.norm(expected, axis=1)).max()
        if not worst <= BOUND:
            sys.exit(f"our maps are not plain Keras' of the same pixels: {worst:.1e} apart")
        print(f"  checked: {len(at)} maps are plain Keras' of the same pixels (worst {worst:.1e})")

    def turns(self, head, told, plain):
        """Train from the cache and in the loop, an epoch of each in turn: → head and ratios.

        The first of each, which also builds and traces, is not counted.
        """
        (x, y), (x_val, y_val) = (
            (self.pixels[self.split == part], self.labels[self.split == part]) for part in (0, 1)
        )

        def loop():
            plain.fit(x, y, batch_size=BATCH, validation_data=(x_val, y_val), verbose=0)

        ours, base = [], []
        start = time.perf_counter()

        class AfterEpoch(Silent):
            def say(self, message):
                nonlocal start
                ours.append(time.perf_counter() - start)
                base.append(seconds(loop))
                start = time.perf_counter()

        told = {**told, "epochs": self.runs + 1, "patience": 0, "batch_size": BATCH}
        fitted = load_kind(head).fit(
            Task(
                rows=self.features,
                targets=self.labels,
                split=self.split,
                n_outputs=CLASSES,
                options=complete(head, told),
                reporter=AfterEpoch(),
                network=lambda: resolve(NetworkOptions(), self.store).backbone().behind(),
            )
        )
        print(f"  an epoch from the cache {spread(ours[1:])} (the first {ours[0]:.1f} s);")
        print(f"  with the frozen layers in the loop {spread(base[1:])}")
        return fitted, [b / a for a, b in zip(ours[1:], base[1:], strict=True)]
