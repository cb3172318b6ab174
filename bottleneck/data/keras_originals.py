"""The data sets of keras.datasets as they are downloaded: where the files lie, what is in them."""

from __future__ import annotations

import gzip
import io
import struct
import zipfile
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from bottleneck.core.errors import DataError
from bottleneck.core.sample import SPLITS
from bottleneck.data import pickled

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

Columns = tuple["NDArray[np.uint8]", "NDArray[Any]", int]  # pixels, labels, split


@dataclass(frozen=True, slots=True, kw_only=True)
class KerasSet:
    """A data set by the name of its module in keras.datasets.

    Attributes
    ----------
    title : str
        For people.
    classes : tuple of str
        In the order of the numbers in the originals.
    folders : tuple of str
        Where the files lie, below `KERAS_HOME/datasets`: Keras' own place first.
    files : tuple of str
    read : callable
        (name → content, folder) → pixels, labels and split of each part, test first, because
        "test/…" sorts before "train/…".
    advice : str
        Which file to put where, without a network.
    """

    name: str
    title: str
    classes: tuple[str, ...]
    folders: tuple[str, ...]
    files: tuple[str, ...]
    read: Callable[[Mapping[str, bytes], Path], list[Columns]]
    advice: str


_TEST, _TRAIN = SPLITS.index("test"), SPLITS.index("train")
_CIFAR = "https://www.cs.toronto.edu/~kriz/"
_KERAS = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/"
_FINE = """
apple aquarium_fish baby bear beaver bed bee beetle bicycle bottle bowl boy bridge bus butterfly
camel can castle caterpillar cattle chair chimpanzee clock cloud cockroach couch crab crocodile cup
dinosaur dolphin elephant flatfish forest fox girl hamster house kangaroo keyboard lamp lawn_mower
leopard lion lizard lobster man maple_tree motorcycle mountain mouse mushroom oak_tree orange orchid
otter palm_tree pear pickup_truck pine_tree plain plate poppy porcupine possum rabbit raccoon ray
road rocket rose sea seal shark shrew skunk skyscraper snail snake spider squirrel streetcar
sunflower sweet_pepper table tank telephone television tiger tractor train trout tulip turtle
wardrobe whale willow_tree wolf woman worm"""
_BROKEN = (ValueError, EOFError, KeyError, OSError, zlib.error, struct.error, zipfile.BadZipFile)


def _read_batches(
    contents: Mapping[str, bytes], folder: Path, key: bytes, n_classes: int
) -> list[Columns]:
    found = []
    for name, data in contents.items():
        try:
            batch = pickled.load(data)
            pixels, labels = batch[b"data"], np.array(batch[key])
            good = isinstance(pixels, np.ndarray) and pixels.shape == (len(labels), 3072)
        except MemoryError:
            raise
        except Exception as error:  # bad pickles make the unpickler raise anything at all
            raise _not_it("not a batch of CIFAR", folder / name) from error
        if not good:
            raise _not_it("not a batch of CIFAR", folder / name)
        pixels = pixels.reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)
        split = _TEST if name.startswith("test") else _TRAIN
        found.append(_checked(pixels, labels, split, n_classes, folder / name))
    return found


def _read_npz(contents: Mapping[str, bytes], folder: Path) -> list[Columns]:
    ((name, data),) = contents.items()
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as columns:
            parts = [(columns[f"x_{s}"], columns[f"y_{s}"]) for s in ("test", "train")]
    except _BROKEN as error:
        raise _not_it("not MNIST", folder / name) from error
    return [
        _checked(pixels, labels, split, 10, folder / name)
        for (pixels, labels), split in zip(parts, (_TEST, _TRAIN), strict=True)
    ]


def _read_idx(contents: Mapping[str, bytes], folder: Path) -> list[Columns]:
    found = []
    for prefix, split in (("t10k", _TEST), ("train", _TRAIN)):
        names = f"{prefix}-images-idx3-ubyte.gz", f"{prefix}-labels-idx1-ubyte.gz"
        pixels, labels = (_idx(contents[name], folder / name) for name in names)
        found.append(_checked(pixels, labels, split, 10, folder / names[0]))
    return found


def _idx(data: bytes, path: Path) -> NDArray[np.uint8]:
    """Return an array of IDX, the format of MNIST's author: dtype, rank, lengths, values."""
    try:
        plain = gzip.decompress(data)
        zeros, kind, rank = struct.unpack(">HBB", plain[:4])
        shape = struct.unpack(f">{rank}I", plain[4 : 4 + 4 * rank])
        if (zeros, kind) != (0, 8):
            raise ValueError(kind)
        return np.frombuffer(plain, np.uint8, offset=4 + 4 * rank).reshape(shape)
    except _BROKEN as error:
        raise _not_it("not an IDX file of bytes", path) from error


def _checked(
    pixels: NDArray[Any], labels: NDArray[Any], split: int, n_classes: int, path: Path
) -> Columns:
    good = (
        pixels.dtype == np.uint8
        and pixels.ndim in (3, 4)
        and labels.shape == pixels.shape[:1]
        and labels.dtype.kind in "iu"
        and bool(((labels >= 0) & (labels < n_classes)).all())
    )
    if not good:
        raise _not_it("not the images and labels of this data set", path)
    return pixels, labels, split


def _not_it(what: str, path: Path) -> DataError:
    return DataError(what, path, "delete it, and have it downloaded or unpacked anew")


CIFAR10 = KerasSet(
    name="cifar10",
    title="CIFAR-10",
    classes=(
        "airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck",
    ),
    # Where keras.datasets unpacks: Keras 3 first, then as Keras 2 did and people do by hand.
    folders=("cifar-10-batches-py-target/cifar-10-batches-py", "cifar-10-batches-py"),
    files=("test_batch", *(f"data_batch_{i}" for i in range(1, 6))),
    read=lambda contents, folder: _read_batches(contents, folder, b"labels", 10),
    # Keras looks for its download by this name.
    advice=f"put {_CIFAR}cifar-10-python.tar.gz there as cifar-10-batches-py-target_archive, "
    "or unpack it there into cifar-10-batches-py/",
)  # fmt: skip
CIFAR100 = KerasSet(
    name="cifar100",
    title="CIFAR-100",
    classes=tuple(_FINE.split()),
    folders=("cifar-100-python-target/cifar-100-python", "cifar-100-python"),
    files=("test", "train"),
    read=lambda contents, folder: _read_batches(contents, folder, b"fine_labels", 100),
    advice=f"put {_CIFAR}cifar-100-python.tar.gz there as cifar-100-python-target_archive, "
    "or unpack it there into cifar-100-python/",
)
MNIST = KerasSet(
    name="mnist",
    title="MNIST",
    classes=tuple("0123456789"),
    folders=(".",),
    files=("mnist.npz",),
    read=_read_npz,
    advice=f"put {_KERAS}mnist.npz there",
)
FASHION_MNIST = KerasSet(
    name="fashion_mnist",
    title="Fashion-MNIST",
    classes=(
        "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat",
        "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
    ),
    folders=("fashion-mnist",),
    files=(
        "t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz",
        "train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz",
    ),
    read=_read_idx,
    advice=f"put train- and t10k-images-idx3-ubyte.gz and -labels-idx1-ubyte.gz from {_KERAS} "
    "there into fashion-mnist/",
)  # fmt: skip
