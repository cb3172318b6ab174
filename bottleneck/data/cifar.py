"""Folders of CIFAR's batches as they are published: Python's pickles, or the binary version.

`cifar-10-batches-py`, `cifar-100-python`, `cifar-10-batches-bin`, `cifar-100-binary`, and data
sets of the same make. Of CIFAR-100 the fine classes count. The names of the classes are those of
the files of names that lie there. No code in a pickle is ever run (`pickled`).
"""

from __future__ import annotations

import os
import re
import time
from typing import TYPE_CHECKING, Any

import numpy as np

from bottleneck.core.errors import DataError, from_os_error
from bottleneck.core.paths import absolute
from bottleneck.core.sample import SPLITS, key_array, show_key
from bottleneck.data import pickled
from bottleneck.data.arrays import Arrays, ArraySource, stat_of_all
from bottleneck.data.reading import open_container
from bottleneck.data.source import Understood

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from bottleneck.data.how import How

_PIXELS = 3 * 32 * 32
_MOST_CLASSES = 1 << 16
_CIFAR_10 = 5  # batches to train on
_MOST_NAMED = 5
_ADVICE = "unpack what was published anew, and give that folder"
# For each way of publishing: its batches, the file of names, and under which key the pickle has
# them; of the binary ones, how many bytes of labels stand before the pixels.
_Batch = tuple["NDArray[np.uint8]", "NDArray[Any]"]


def open_cifar(path: Path, how: How) -> ArraySource:
    """Return the source of such a folder; nothing is read yet."""
    path = absolute(path)
    return ArraySource.of_file("cifar", path, how, load=lambda: _load(path))


def _load(folder: Path) -> Arrays:
    where, clock_ns = show_key(os.fsencode(folder)), time.time_ns()
    names = sorted(path.name for path in folder.iterdir() if path.is_file())
    is_binary = any(name.endswith(".bin") for name in names)
    ending = ".bin" if is_binary else ""
    is_fine = f"train{ending}" in names
    begins = ("train", "test") if is_fine else ("data_batch_", "test_batch")
    batches = [
        name for name in names if name.removesuffix(".bin").startswith(begins) and "." not in
        name.removesuffix(ending)
    ]  # fmt: skip
    about = _file_of_names(names, is_binary=is_binary, is_fine=is_fine)
    used = tuple(folder / name for name in (*batches, *([about] if about else [])))
    stat = _stat(used)
    classes = _classes(folder / about, is_binary=is_binary) if about else ()
    read = _binary if is_binary else _pickle
    found = {name: read(folder / name, is_fine) for name in batches}
    if stat != _stat(used):
        raise DataError("changes while it is read", where, "run again")
    numbers = np.concatenate([labels for _, labels in found.values()])
    if (numbers < 0).any() or (classes and numbers.max() >= len(classes)):
        raise DataError("a label is none of the classes", where, _ADVICE)
    texts = np.array(classes or [str(i) for i in range(int(numbers.max()) + 1)])
    spelled, labels = np.unique(texts[numbers], return_inverse=True)
    is_test = np.concatenate(
        [np.full(len(y), name.startswith("test")) for name, (_, y) in found.items()]
    )
    order = np.argsort(~is_test, kind="stable")  # "test/…" sorts before "train/…"
    images = np.concatenate([pixels for pixels, _ in found.values()])[order]
    keys = [b"test/%05d" % i for i in range(int(is_test.sum()))]
    keys += [b"train/%05d" % i for i in range(int((~is_test).sum()))]
    splits = np.where(is_test, SPLITS.index("test"), SPLITS.index("train")).astype(np.uint8)
    return Arrays(
        keys=key_array(keys),
        images=images,
        labels=labels.astype(np.int32)[order],
        splits=splits[order],
        classes=tuple(spelled.tolist()),
        paths=used,
        stat=stat,
        clock_ns=clock_ns,
        understood=Understood(
            notes=(
                f"{len(batches)} batches of CIFAR's make",
                *(() if is_fine else _missing_note(batches, folder.name)),
            )
        ),
    )


def _missing_note(batches: list[str], folder: str) -> tuple[str, ...]:
    """Return which batches are not there: of CIFAR-10 five and a test, of others up to the last."""
    there = {name.removesuffix(".bin") for name in batches}
    numbers = {int(name[11:]) for name in there if re.fullmatch(r"data_batch_\d{1,4}", name)}
    last = max(numbers, default=0)
    if folder.startswith("cifar-10-"):
        last = max(last, _CIFAR_10)
    wanted = [f"data_batch_{i}" for i in range(1, last + 1)] + ["test_batch"]
    missing = [name for name in wanted if name not in there]
    if not missing:
        return ()
    some = ", ".join(missing[:_MOST_NAMED]) + (", …" if len(missing) > _MOST_NAMED else "")
    are = "is" if len(missing) == 1 else "are"
    its = "its" if len(missing) == 1 else "their"
    return (f"{some} {are} not there, so {its} images are missing; if not meant: {_ADVICE}",)


def _file_of_names(names: list[str], *, is_binary: bool, is_fine: bool) -> str | None:
    if is_binary:
        wanted = "fine_label_names.txt" if is_fine else "batches.meta.txt"
    else:
        wanted = "meta" if is_fine else "batches.meta"
    return wanted if wanted in names else None


def _classes(path: Path, *, is_binary: bool) -> tuple[str, ...]:
    """Return the names of the classes in the order of their numbers."""
    data = _read(path)
    if is_binary:
        return tuple(line for line in data.decode("utf-8", "replace").splitlines() if line)
    fields = _unpickled(data, path)
    found = fields.get(b"fine_label_names", fields.get(b"label_names", []))
    if not isinstance(found, list) or not all(isinstance(each, bytes) for each in found):
        raise _not_it(path)
    return tuple(each.decode("utf-8", "replace") for each in found)


def _pickle(path: Path, is_fine: bool) -> _Batch:
    fields = _unpickled(_read(path), path)
    pixels = fields.get(b"data")
    told = fields.get(b"fine_labels" if is_fine else b"labels", [])
    if not isinstance(told, list) or not all(type(each) is int for each in told):
        raise _not_it(path)
    labels = np.array([each if 0 <= each <= _MOST_CLASSES else -1 for each in told], np.int64)
    good = (
        isinstance(pixels, np.ndarray)
        and pixels.dtype == np.uint8
        and pixels.shape == (len(labels), _PIXELS)
    )
    if not good or not isinstance(pixels, np.ndarray):
        raise _not_it(path)
    return _upright(pixels), labels


def _binary(path: Path, is_fine: bool) -> _Batch:
    n_labels = 2 if is_fine else 1  # coarse and fine, or the one
    data = np.frombuffer(_read(path), np.uint8)
    if not len(data) or len(data) % (n_labels + _PIXELS):
        raise _not_it(path)
    rows = data.reshape(-1, n_labels + _PIXELS)
    return _upright(rows[:, n_labels:]), rows[:, n_labels - 1].astype(np.int64)


def _upright(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return pixels.reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)


def _unpickled(data: bytes, path: Path) -> dict[bytes, Any]:
    try:
        fields = pickled.load(data)
    except MemoryError:
        raise
    except Exception as error:  # bad pickles make the unpickler raise anything at all
        raise _not_it(path) from error
    if not isinstance(fields, dict):
        raise _not_it(path)
    return fields


def _read(path: Path) -> bytes:
    with open_container(path) as (file, _):
        return file.read()


def _stat(paths: tuple[Path, ...]) -> tuple[int, int, int, int]:
    try:
        return stat_of_all(paths)
    except OSError as error:
        raise from_os_error(error) or error from error


def _not_it(path: Path) -> DataError:
    return DataError("not a batch of CIFAR", show_key(os.fsencode(path)), _ADVICE)
