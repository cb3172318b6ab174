"""From a folder of JPEG files to a committed store, beside what a careful user writes today."""

import json
import os
import shutil
import statistics
import sys
import tempfile
from pathlib import Path

import numpy as np
from baseline import APPLICATIONS, network
from photos import write_photos
from timing import interval, process, spread, turns

from bottleneck.core.frameworks import import_keras
from bottleneck.core.recipe import ImageSpec
from bottleneck.data.decode import decode
from bottleneck.store.store import Store

SIZE = 139
FILES = 5_000
JPEG_PIXELS = 32  # a side, as in CIFAR-10
BASELINE = Path(__file__).with_name("baseline.py")
CHECKED = 64  # rows, spread over the folder
BOUND = 5e-5  # relative L2: float32 by another order of sums
# Enlarging is the same but for rounding to whole levels; making smaller is not (Pillow averages).
NEAR = 0.9  # cosine of a row and the baseline's, the median


def bench_cold(options):
    """Time a network at 139x139, whole processes, in turns with the baseline.

    In float32, and where the processor has it in bfloat16.
    """
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        images = options.images or folder / "images"
        if not options.images:
            write_photos(images, options.files or FILES, JPEG_PIXELS, ".jpg")
        store, plain = folder / "store", folder / "plain"
        name, weights = options.backbone, options.weights
        baseline = process(BASELINE, images, weights, SIZE, plain, name)
        baseline()
        for compute in ("float32", "bfloat16"):
            extract = process(
                *("-m", "bottleneck.extract", "--data", images, "--cache", store, "--json"),
                *("--backbone", name, "--weights", weights, "--size", SIZE, "--quiet"),
                *("--rows", "float32", "--compute", compute),
            )
            shutil.rmtree(store, ignore_errors=True)
            report = json.loads(extract())
            n = report["computed"]
            print(f"cold: {n} images, {name} ({Path(weights).name}) at {SIZE}, {compute}")
            if compute == "float32":
                print(f"  {check(images, store, plain, weights, name)}")
            clear = lambda: shutil.rmtree(store)  # noqa: E731
            ours, base, ratios = turns(
                extract, baseline, n=options.runs, before=clear, warm_up=False
            )
            rates = [n / statistics.median(times) for times in (ours, base)]
            faster = interval([1 / ratio for ratio in ratios])
            print(f"  extract ({report['engine']}) {spread(ours)}, {rates[0]:.0f} images/s")
            print(
                f"  image_dataset_from_directory, predict, np.save {spread(base)}, {rates[1]:.0f}/s"
            )
            print(f"  {faster} times as fast")


def check(images, store, plain, weights, name):
    """Stop unless our rows are plain Keras' of our pixels; say how near the baseline's are."""
    opened = Store.open(store)
    features, _, keys = opened.arrays()
    ours = dict(zip(map(bytes, keys), range(len(keys)), strict=True))
    paths = (plain / "paths.txt").read_text(encoding="utf-8").splitlines()
    theirs = [os.fsencode(Path(path).relative_to(images).as_posix()) for path in paths]
    rows = np.load(plain / "rows.npy")
    if sorted(theirs) != sorted(ours) or rows.shape != features.shape:
        sys.exit(f"not the same images: {features.shape} here, {rows.shape} by the baseline")
    at = np.unique(np.linspace(0, len(keys) - 1, CHECKED).astype(int))
    spec = ImageSpec(size=(SIZE, SIZE))
    pixels = [decode((images / os.fsdecode(keys[i])).read_bytes(), spec) for i in at]
    expected = keras_rows(np.stack(pixels), weights, name)
    worst = float((norm(features.take(at) - expected) / norm(expected)).max())
    if not worst <= BOUND:
        sys.exit(f"our rows are not plain Keras' of the same pixels: {worst:.1e} apart")
    mine = features.take([ours[key] for key in theirs])
    cosines = (mine * rows).sum(axis=1) / (norm(mine) * norm(rows))
    if not np.median(cosines) >= NEAR:
        sys.exit(f"the baseline's rows are others: a median cosine of {np.median(cosines):.3f}")
    return (
        f"checked: {len(at)} rows are plain Keras' of the same pixels (worst {worst:.1e}); cosine "
        f"with the baseline's {np.median(cosines):.4f} in the median, smallest {cosines.min():.4f}"
    )


def keras_rows(pixels, weights, name):
    """Return what plain Keras computes of pixels (n, height, width, 3) uint8."""
    keras = import_keras()  # IEEE float32 on a GPU as well
    application, module = APPLICATIONS[name]
    preprocess_input = getattr(keras.applications, module).preprocess_input
    prepared = preprocess_input(pixels.astype(np.float32))
    return network(weights, pixels.shape[1], application).predict(prepared, verbose=0)


def norm(rows):
    """Return the length of each row."""
    return np.linalg.norm(rows, axis=1)
