"""What heads come to: fine-tuning beside a linear head, and the dense heads of tutorials."""

import json
import sys
import tempfile
from pathlib import Path

import numpy as np
from photos import copy_splits, write_splits
from timing import process, seconds

import bottleneck

SIZE = 139
EPOCHS = 20
RATE = 1e-3
# Name, --head, where MobileNetV2 is cut. A tail also trains the last convolution, Conv_1.
TAILS = (
    ("linear", "linear", None),
    ("tail, one block (16)", "tail", "block_15_add"),
    ("tail, three blocks (14 to 16)", "tail", "block_13_project_BN"),
)

DENSE_SIZE = 48
DENSE = ("--units", "1000,500,100", "--dropout", "0.3,0.4,0.2")
DIGITS = Path(bottleneck.__file__).parent / "data" / "digits.npz"
CLASSES = 4
COUNTS = {"train": 40, "test": 16}
SOFTMAX_SIZE = 224
SUMMARY = "100,356 trainable of 14,815,044 parameters"


def bench_tail_accuracy(options):
    """Fit linear and tails of one and three blocks of MobileNetV2; judge them on the same images.

    Wants images in train/ and test/, and weights that know something.
    """
    if not options.images or options.weights.startswith("random:"):
        print("tail-accuracy: left out, it wants --images FOLDER and --weights FILE of MobileNetV2")
        return
    size, epochs = options.size or SIZE, options.epochs or EPOCHS
    with tempfile.TemporaryDirectory() as temporary:
        folder, images = Path(temporary), options.images
        if options.files:
            images, n = folder / "images", options.files
            copy_splits(options.images, images, {"train": ("train", n), "test": ("test", n // 5)})
        network = ("--backbone", "mobilenetv2", "--weights", options.weights, "--size", size)
        print(f"tail-accuracy: MobileNetV2 ({Path(options.weights).name}) at {size}x{size},")
        print(f"  {epochs} epochs of SGD, learning rate {RATE}, momentum 0.9, Nesterov")
        for name, head, layer in TAILS:
            cache = folder / (layer or "pooled")
            cut = ("--layer", layer, "--pooling", "none") if layer else ()
            told = ("--epochs", epochs, "--learning-rate", RATE) if layer else ()
            extract = process(
                *("-m", "bottleneck.extract", "--data", images, "--cache", cache, *network, *cut),
                "--quiet",
            )
            took = seconds(extract)
            report = json.loads(
                process(
                    *("-m", "bottleneck.train", "--cache", cache),
                    *("--head", head, *told, "--json", "--quiet"),
                )()
            )
            compared = process("-m", "bottleneck.compare", report["run"], "--json", "--quiet")
            (run,) = json.loads(compared())["runs"]
            low, high = run["accuracy_interval"]
            print(
                f"  {name}{f', cut at {layer}' if layer else ''}:\n    accuracy "
                f"{run['accuracy']:.4f} ({low:.3f} to {high:.3f}, of 95 % of resamples) on "
                f"{run['samples']} {run['judged_on']} images;"
            )
            print(
                f"    {run['parameters']:,} parameters, {run['epochs']} epochs, "
                f"{run['seconds']:.1f} s; extracted in {took:.1f} s"
            )


def bench_dense(options):
    """Fit the dense head of a tutorial on digits, and the softmax of another, by two commands each.

    Digits stand in a table of gray pixels; the softmax has four classes and VGG16 at 224x224.
    """
    size = options.size or DENSE_SIZE
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        table = write_digits(folder / "digits.csv", options.files)
        epochs = ("--epochs", options.epochs) if options.epochs else ()
        words = (*DENSE, "--validation-split", "0.3", "--seed", "42", *epochs)
        print(f"dense: {table.name}, VGG16 ({Path(options.weights).name}) at {size}x{size},")
        print(f"  {' '.join(map(str, words))}")
        two_commands(table, folder / "dense", options.weights, size, words)
        write_splits(folder / "photos", COUNTS, 64, ".jpg", CLASSES)
        print(f"  flatten, softmax: {CLASSES} classes, train and test, VGG16 at {SOFTMAX_SIZE}:")
        softmax = ("--units", "none", *(epochs or ("--epochs", 10)))
        said = two_commands(
            folder / "photos", folder / "softmax", options.weights, SOFTMAX_SIZE, softmax
        )
        if SUMMARY not in said:
            sys.exit(f"the summary does not say {SUMMARY}")


def two_commands(data, cache, weights, size, words):
    """Extract flattened maps of VGG16 and train a dense head; print and return what it prints."""
    extract = process(
        *("-m", "bottleneck.extract", "--data", data, "--cache", cache, "--backbone", "vgg16"),
        *("--weights", weights, "--size", size, "--pooling", "none", "--quiet"),
    )
    said = []
    train = process("-m", "bottleneck.train", "--cache", cache, "--head", "dense", *words)
    took = seconds(extract), seconds(lambda: said.append(train()))
    for line in said[0].splitlines()[:-1]:  # the last is the run's folder
        print(f"  {line}")
    print(f"  whole processes: extract {took[0]:.1f} s, train {took[1]:.1f} s")
    return said[0]


def write_digits(path, n=None):
    """Write the packaged digits as `label,pixel0,…,pixel63`, a gray image a line."""
    with np.load(DIGITS) as digits:
        table = np.column_stack([digits["labels"], digits["images"].reshape(-1, 64)])[:n]
    header = ",".join(["label", *(f"pixel{i}" for i in range(64))])
    np.savetxt(path, table, fmt="%d", delimiter=",", header=header, comments="")
    return path
