"""Data sets of keras.datasets by name, converted once into files that can be memory-mapped.

In `KERAS_HOME/datasets/bottleneck/` a conversion is a folder `<name>-<write16>`: images.npy,
labels.npy, splits.npy, and about.json with the digest of each, and the digests and stats of the
originals that they were made from. It is published by one rename, so a partial one is never
seen under its name. It is used while the small files have their digests, images.npy has its
stat (or, after a copy, its digest), and the originals have their stats (or, after a copy, their
digests) or are gone. Otherwise it is made anew. Nothing else there is touched.

Of the originals, some are pickles. They are read by an unpickler that knows numpy arrays alone,
so no code in one is ever run. Keras is imported only to download what is not there.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import logging
import time
import uuid
import warnings
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np

from bottleneck.core import files
from bottleneck.core.errors import DataError, UnavailableError, from_os_error
from bottleneck.core.frameworks import import_callers_keras
from bottleneck.core.paths import keras_home, stat_row
from bottleneck.core.sample import key_array
from bottleneck.data.arrays import Arrays, ArraySource
from bottleneck.data.keras_originals import CIFAR10, CIFAR100, FASHION_MNIST, MNIST, KerasSet

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from bottleneck.data.how import How

_COLUMNS = ("images", "labels", "splits")
_VERSION = 1
log = logging.getLogger(__name__)


def open_set(originals: KerasSet, how: How) -> ArraySource:
    """Return the source; nothing is read yet."""
    found = _Conversion(originals)
    return ArraySource(originals.name, how, load=found.load, exists=found.exists)


def open_cifar10(how: How) -> ArraySource:
    """Return the source; nothing is read yet."""
    return open_set(CIFAR10, how)


def open_cifar100(how: How) -> ArraySource:
    """Return the source, with its 100 fine classes; nothing is read yet."""
    return open_set(CIFAR100, how)


def open_mnist(how: How) -> ArraySource:
    """Return the source; nothing is read yet."""
    return open_set(MNIST, how)


def open_fashion_mnist(how: How) -> ArraySource:
    """Return the source; nothing is read yet."""
    return open_set(FASHION_MNIST, how)


class _Conversion:
    """One data set: its originals, and what was made of them."""

    def __init__(self, originals: KerasSet) -> None:
        self.set = originals
        self.home = keras_home() / "datasets"
        self.target = self.home / "bottleneck"

    def exists(self) -> bool:
        return self.originals() is not None or any(self.conversions())

    def load(self) -> Arrays:
        try:
            return self.find(self.originals()) or self.make()
        except OSError as error:
            raise from_os_error(error) or error from error

    def find(self, originals: Path | None) -> Arrays | None:
        """Return the first conversion that is good."""
        found = (_open(self.set, folder, originals) for folder in self.conversions())
        return next(filter(None, found), None)

    def make(self) -> Arrays:
        """Convert the originals, downloading them if not there; one process at a time."""
        from filelock import FileLock  # noqa: PLC0415 - for the one run that converts

        files.make_folder(self.target)  # and KERAS_HOME, without which Keras falls back on /tmp
        with FileLock(self.target / "lock"):
            originals = self.originals()
            found = self.find(originals)  # another run's, while this one waited
            if found is not None:
                return found
            if originals is None:
                originals = self.download()
            for old in (*self.conversions(), *self.target.glob(f"{files.TEMPORARY_PREFIX}*")):
                files.delete(old)  # of other originals, damaged, or left by a kill: a cache
            found = _open(self.set, _convert(self.set, originals, self.target), originals)
        if found is None:
            raise DataError("changed while it was converted", originals, "run again")
        return found

    def originals(self) -> Path | None:
        """Return the folder with all files, or None."""
        folders = (self.home / name for name in self.set.folders)
        return next((f for f in folders if all((f / n).is_file() for n in self.set.files)), None)

    def conversions(self) -> list[Path]:
        return sorted(self.target.glob(f"{self.set.name}-*"))

    def download(self) -> Path:
        """Have Keras fetch the data set; return the folder with all files."""
        try:  # seconds, and only to download
            import_callers_keras()
            module = getattr(import_module("keras.datasets"), self.set.name)
            log.info("downloading %s to %s", self.set.title, self.home)
            # Keras reports on stdout, where a result alone may stand.
            with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                module.load_data()
        except MemoryError:
            raise
        except Exception as error:  # Keras raises bare Exception when it cannot download
            raise self.unavailable() from error
        originals = self.originals()
        if originals is None:
            raise self.unavailable()
        return originals

    def unavailable(self) -> UnavailableError:
        return UnavailableError(
            f"{self.set.title} is not here and cannot be downloaded",
            self.home,
            f"{self.set.advice}; what works at once: --data digits",
        )


def _stat_of(path: Path) -> str:
    # As text: many readers of JSON have no exact number for nanoseconds since 1970.
    return " ".join(map(str, stat_row(path.stat())))


def _digest_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _open(known: KerasSet, folder: Path, originals: Path | None) -> Arrays | None:
    """Return a conversion's arrays, or None when it is damaged or of other originals."""
    clock_ns = time.time_ns()
    try:
        about = json.loads((folder / "about.json").read_bytes())
        if about["version"] != _VERSION:
            return None
        fresh = {
            **{f"{name}.npy": folder / f"{name}.npy" for name in _COLUMNS},
            **({file: originals / file for file in known.files} if originals else {}),
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
        classes=tuple(sorted(known.classes)),
        paths=(path,),
        stat=row,
        clock_ns=clock_ns,
    )


def _spell(about: dict[str, Any]) -> bytes:
    return json.dumps(about, indent=1).encode() + b"\n"


def _convert(known: KerasSet, originals: Path, folder: Path) -> Path:
    """Read the originals and publish them as arrays; return the folder."""
    entries: dict[str, dict[str, Any]] = {}
    contents: dict[str, bytes] = {}
    for name in known.files:
        path = originals / name
        before = _stat_of(path)
        data = contents[name] = files.read(path)
        if before != _stat_of(path):
            raise DataError("changes while it is read", path, "run again")
        entries[name] = {"stat": before, "sha256": hashlib.sha256(data).hexdigest()}
    images, labels, splits = [], [], []
    rank = np.argsort(np.argsort(known.classes)).astype(np.int32)  # class names are sorted here
    for pixels, numbers, split in known.read(contents, originals):
        images.append(pixels)
        labels.append(rank[numbers])
        splits.append(np.full(len(numbers), split, np.uint8))
    columns: dict[str, NDArray[Any]] = {
        "images": np.concatenate(images),
        "labels": np.concatenate(labels),
        "splits": np.concatenate(splits),
    }
    target = folder / f"{known.name}-{uuid.uuid4().hex[:16]}"
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
