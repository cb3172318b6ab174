"""Data sets of keras.datasets by name, converted once into files that can be memory-mapped.

In `KERAS_HOME/datasets/bottleneck/` a conversion is a folder `cifar10-<write16>`: images.npy,
labels.npy, splits.npy, and about.json with the digest of each, and the digests and stats of the
originals that they were made from. It is published by one rename, so a partial one is never
seen under its name. It is used while the small files have their digests, images.npy has its
stat (or, after a copy, its digest), and the originals have their stats (or, after a copy, their
digests) or are gone. Otherwise it is made anew. Nothing else there is touched.

The originals are pickles. They are read by an unpickler that knows numpy arrays alone, so no
code in one is ever run. Keras is imported only to download what is not there.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import sys
import time
import uuid
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from bottleneck.core import files
from bottleneck.core.errors import DataError, UnavailableError, from_os_error
from bottleneck.core.sample import key_array
from bottleneck.data import pickled
from bottleneck.data.arrays import Arrays, ArraySource
from bottleneck.data.source import stat_row

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from bottleneck.data.patterns import Patterns

CLASSES = (
    "airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck",
)  # fmt: skip
# Where keras.datasets.cifar10 unpacks: Keras 3 first, then as Keras 2 did and people do by hand.
FOLDERS = ("cifar-10-batches-py-target/cifar-10-batches-py", "cifar-10-batches-py")
ARCHIVE = "cifar-10-batches-py-target_archive"  # the name that Keras looks for its download by
URL = "https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz"
# In the order of the keys: "test/…" sorts before "train/…".
BATCHES = (("test_batch", 2), *((f"data_batch_{i}", 0) for i in range(1, 6)))
_COLUMNS = ("images", "labels", "splits")
_VERSION = 1


def open_cifar10(patterns: Patterns) -> ArraySource:
    """Return the source; nothing is read yet."""
    return ArraySource("cifar10", patterns, load=_load, exists=_exists)


def keras_home() -> Path:
    """Return the folder where Keras keeps its downloads: `KERAS_HOME`, else `~/.keras`."""
    return Path(os.path.abspath(Path(os.environ.get("KERAS_HOME") or "~/.keras").expanduser()))  # noqa: PTH100 - resolve() would follow links


def _exists() -> bool:
    return _originals() is not None or any(_conversions())


def _load() -> Arrays:
    try:
        return _find(_originals()) or _make()
    except OSError as error:
        raise from_os_error(error) or error from error


def _find(originals: Path | None) -> Arrays | None:
    """Return the first conversion that is good."""
    return next(filter(None, (_open(folder, originals) for folder in _conversions())), None)


def _make() -> Arrays:
    """Convert the originals, downloading them if they are not there; one process at a time."""
    from filelock import FileLock  # noqa: PLC0415 - for the one run that converts

    target = keras_home() / "datasets" / "bottleneck"
    files.make_folder(target)  # and so KERAS_HOME, without which Keras would fall back on /tmp
    with FileLock(target / "lock"):
        originals = _originals()
        found = _find(originals)  # another run's, while this one waited
        if found is not None:
            return found
        if originals is None:
            originals = _download()
        for old in (*_conversions(), *target.glob(f"{files.TEMPORARY_PREFIX}*")):
            files.delete(old)  # of other originals, damaged, or left over from a kill: a cache
        found = _open(_convert(originals, target), originals)
    if found is None:
        raise DataError("changed while it was converted", originals, "run again")
    return found


def _originals() -> Path | None:
    """Return the folder with all batches, or None."""
    for name in FOLDERS:
        folder = keras_home() / "datasets" / name
        if all((folder / batch).is_file() for batch, _ in BATCHES):
            return folder
    return None


def _conversions() -> Iterator[Path]:
    return iter(sorted((keras_home() / "datasets" / "bottleneck").glob("cifar10-*")))


def _download() -> Path:
    """Have Keras fetch and unpack the data set; return the folder with all batches."""
    try:
        from keras.datasets import cifar10  # noqa: PLC0415 - seconds, and only to download

        # Keras reports on stdout, where a result alone may stand.
        with contextlib.redirect_stdout(sys.stderr), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            cifar10.load_data()
    except MemoryError:
        raise
    except Exception as error:  # Keras raises bare Exception when it cannot download
        raise _unavailable() from error
    originals = _originals()
    if originals is None:
        raise _unavailable()
    return originals


def _unavailable() -> UnavailableError:
    datasets = keras_home() / "datasets"
    return UnavailableError(
        "CIFAR-10 is not here and cannot be downloaded",
        datasets,
        f"put {URL} there as {ARCHIVE}, or unpack it there into {FOLDERS[1]}/; "
        "what works at once: --data digits",
    )


def _stat_of(path: Path) -> str:
    # As text: many readers of JSON have no exact number for nanoseconds since 1970.
    return " ".join(map(str, stat_row(path.stat())))


def _digest_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _open(folder: Path, originals: Path | None) -> Arrays | None:
    """Return a conversion's arrays, or None when it is damaged or of other originals."""
    clock_ns = time.time_ns()
    try:
        about = json.loads((folder / "about.json").read_bytes())
        if about["version"] != _VERSION:
            return None
        fresh = {
            **{f"{name}.npy": folder / f"{name}.npy" for name in _COLUMNS},
            **({batch: originals / batch for batch, _ in BATCHES} if originals else {}),
        }
        moved = False
        for name, path in fresh.items():
            entry = about["files"][name]
            stat = _stat_of(path)
            if stat != entry["stat"] or name in ("labels.npy", "splits.npy"):
                if _digest_of(path) != entry["sha256"]:
                    return None
                moved = moved or stat != entry["stat"]
                entry["stat"] = stat
        if moved:  # the same bytes elsewhere: hash them this once
            with contextlib.suppress(OSError):  # a read-only copy is as good
                files.replace(folder / "about.json", _spell(about))
        path = folder / "images.npy"
        images = np.load(path, mmap_mode="r", allow_pickle=False)
        labels = np.load(folder / "labels.npy", allow_pickle=False)
        splits = np.load(folder / "splits.npy", allow_pickle=False)
        row = stat_row(path.stat())
    except (FileNotFoundError, NotADirectoryError, ValueError, KeyError, TypeError, EOFError):
        return None
    except AttributeError:  # about.json is JSON, but no object
        return None
    numbers = np.concatenate([np.arange(n) for n in (np.sum(splits == 2), np.sum(splits == 0))])
    keys = key_array(
        b"%s/%05d" % (b"test" if split == 2 else b"train", i)
        for split, i in zip(splits.tolist(), numbers.tolist(), strict=True)
    )
    return Arrays(
        keys=keys,
        images=images,
        labels=labels,
        splits=splits,
        classes=CLASSES,
        path=path,
        stat=row,
        clock_ns=clock_ns,
    )


def _spell(about: dict[str, Any]) -> bytes:
    return json.dumps(about, indent=1).encode() + b"\n"


def _convert(originals: Path, folder: Path) -> Path:
    """Read the batches and publish them as arrays; return the folder."""
    entries: dict[str, dict[str, Any]] = {}
    images, labels, splits = [], [], []
    for batch, split in BATCHES:
        path = originals / batch
        before = _stat_of(path)
        data = files.read(path)
        if before != _stat_of(path):
            raise DataError("changes while it is read", path, "run again")
        entries[batch] = {"stat": before, "sha256": hashlib.sha256(data).hexdigest()}
        pixels, numbers = _read_batch(data, path)
        images.append(pixels.reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1))
        labels.append(numbers)
        splits.append(np.full(len(numbers), split, np.uint8))
    columns: dict[str, NDArray[Any]] = {
        "images": np.concatenate(images),
        "labels": np.concatenate(labels),
        "splits": np.concatenate(splits),
    }
    target = folder / f"cifar10-{uuid.uuid4().hex[:16]}"
    temporary = files.temporary_name(folder)
    try:
        files.make_folder(temporary)
        for name, column in columns.items():
            path = temporary / f"{name}.npy"
            np.save(path, column, allow_pickle=False)
            entries[path.name] = {"stat": _stat_of(path), "sha256": _digest_of(path)}
        about = {"version": _VERSION, "made": originals.name, "files": entries}
        files.write_synced(temporary / "about.json", _spell(about))
        files.publish(temporary, target)
    finally:
        files.delete(temporary)  # nothing there once it is published
    return target


def _read_batch(data: bytes, path: Path) -> tuple[NDArray[np.uint8], NDArray[np.int32]]:
    """Return the pixels (n, 3072) and labels (n,) of one pickled batch."""
    try:
        batch = pickled.load(data)
        pixels, labels = batch[b"data"], np.array(batch[b"labels"])
        good = (
            isinstance(pixels, np.ndarray)
            and pixels.dtype == np.uint8
            and pixels.shape == (len(labels), 3072)
            and labels.ndim == 1
            and labels.dtype.kind in "iu"
            and bool(((labels >= 0) & (labels < len(CLASSES))).all())
        )
    except MemoryError:
        raise
    except Exception as error:  # bad pickles make the unpickler raise anything at all
        raise _no_batch(path) from error
    if not good:
        raise _no_batch(path)
    return pixels, labels.astype(np.int32)


def _no_batch(path: Path) -> DataError:
    return DataError("not a batch of CIFAR-10", path, "delete its folder and unpack it anew")
