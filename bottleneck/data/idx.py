"""IDX, the format of MNIST and its kin: a file of images, and one of labels beside it.

`train-images-idx3-ubyte` has its labels in `train-labels-idx1-ubyte`; `.` may stand for the last
`-` of the name, and `.gz` may follow. A folder with such files is one source: the words in a name
say its split, as those of folders do, and `t10k` is test. Plain files are read in place, packed
ones in memory. Without a file of labels there are no labels, which is said. The classes are the
numbers that stand there.
"""

from __future__ import annotations

import contextlib
import gzip
import math
import os
import struct
import time
import zlib
from typing import IO, TYPE_CHECKING

import numpy as np

from bottleneck.core.errors import DataError
from bottleneck.core.paths import absolute
from bottleneck.core.sample import SPLITS, key_array, show_key
from bottleneck.data.arrays import Arrays, ArraySource, Joined, Stored, stat_of_all
from bottleneck.data.catalog import IDX
from bottleneck.data.folder_words import split_told
from bottleneck.data.labels import number_labels
from bottleneck.data.reading import open_container
from bottleneck.data.reading_of_paths import images as counted
from bottleneck.data.reading_of_paths import quoted
from bottleneck.data.shards import matching
from bottleneck.data.source import Understood
from bottleneck.data.template import AUTO, split_of_all

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from bottleneck.data.arrays import Images
    from bottleneck.data.how import How

MAX_BYTES = 8 << 30  # of a packed file, unpacked
_UBYTE = 8  # the format's number for the type
_BROKEN = (ValueError, EOFError, OSError, zlib.error, struct.error, OverflowError)
_ADVICE = "give the files as they were published: NAME-images-idx3-ubyte and NAME-labels-idx1-ubyte"


def open_idx(path: Path, how: How) -> ArraySource:
    """Return the source of a file of images, or of a folder of them; nothing is read yet."""
    path = absolute(path)
    return ArraySource.of_file("idx", path, how, load=lambda: _load(path, how))


def open_idx_files(pattern: Path, how: How) -> ArraySource:
    """Return the source of all files of images that a pattern means; nothing is read yet."""
    path = absolute(pattern)

    def exists() -> bool:
        return bool(matching(path))

    return ArraySource.of_file(
        "idx_files", path, how, load=lambda: _load(path, how, is_pattern=True), exists=exists
    )


def _load(path: Path, how: How, *, is_pattern: bool = False) -> Arrays:
    """Return the images and labels of all files."""
    told = split_of_all(how["layout"] or AUTO)
    where, clock_ns = show_key(os.fsencode(path)), time.time_ns()
    is_folder = is_pattern or path.is_dir()
    images_of = [path]
    if is_folder:
        found = [*map(absolute, matching(path))] if is_pattern else _files_in(path)
        images_of = _one_for_each_split(found, where)
    if not images_of:
        raise DataError("no file of images (IDX)", where, _ADVICE)
    labels_of = [_labels_beside(file) for file in images_of]
    used = tuple(sorted({*images_of, *(file for file in labels_of if file)}))
    stat = _stat(used, where)
    parts: list[Images] = []
    counts, keys, texts, splits = [], [], [], []
    for file, beside in zip(images_of, labels_of, strict=True):
        split = _split_of(file) or "train"
        images, n = _images(file)
        texts += _labels(beside, n) if beside else [""] * n
        folder = f"{split}/".encode() if is_folder else b""
        keys += [b"%s%08d" % (folder, i) for i in range(n)]
        splits += [SPLITS.index(told or split)] * n
        parts.append(images)
        counts.append(n)
    labels, classes = number_labels(texts, "labels", where)
    if stat != _stat(used, where):
        raise DataError("changes while it is read", where, "run again")
    named = {file.name: said for file in images_of if (said := told or _split_of(file))}
    notes = [
        f"{counted(n)} without a label, as {_names_of_labels(file)[0]} is not beside {file.name}"
        for file, beside, n in zip(images_of, labels_of, counts, strict=True)
        if not beside
    ]
    return Arrays(
        keys=key_array(keys),
        images=Joined(parts, counts),
        labels=labels,
        splits=np.array(splits, np.uint8),
        classes=classes,
        paths=used,
        stat=stat,
        clock_ns=clock_ns,
        understood=Understood(splits=named, notes=tuple(notes)),
    )


def _files_in(folder: Path) -> list[Path]:
    """Return a folder's files, and those of splits that lie only in folders of their names.

    Some programs unpack each file into a folder of its name.
    """
    entries = sorted(folder.iterdir())
    found = [path for path in entries if path.is_file()]
    there = {_split_of(path) for path in found if _mark_of(path) and "images" in path.name}
    inner = [p for sub in entries if _is_for_one(sub) for p in sorted(sub.iterdir()) if p.is_file()]
    return found + [path for path in inner if _split_of(path) not in there]


def _is_for_one(folder: Path) -> bool:
    return folder.name.endswith("-ubyte") and folder.is_dir()


def _one_for_each_split(files: Sequence[Path], where: str) -> list[Path]:
    """Return the files of images in the order of their splits' names, one for each split."""
    found: dict[str, Path] = {}
    for path in files:
        if _mark_of(path) and "images" in path.name:
            split = _split_of(path)
            if split is None:
                raise DataError(
                    "the name does not say train, t10k, test or val",
                    show_key(os.fsencode(path)),
                    "rename it, or give the file itself instead",
                )
            other = found.setdefault(split, path)
            if other is not path:
                raise DataError(
                    f"{show_key(os.fsencode(other.name))} and {show_key(os.fsencode(path.name))} "
                    "are both of one split",
                    where,
                    f"give those that are meant: {_together([*files])}",
                )
    return [found[split] for split in sorted(found)]


def _together(files: Sequence[Path]) -> str:
    from bottleneck.data.together import idx_together  # noqa: PLC0415 - for a message alone

    images = [path for path in files if _mark_of(path) and "images" in path.name]
    return ", or ".join(f"--data {quoted(str(path))}" for path in idx_together(images))


def _mark_of(path: Path) -> str | None:
    name = path.name.removesuffix(".gz")
    return next((mark for mark in IDX if name.endswith(mark)), None)


def _split_of(path: Path) -> str | None:
    """Return the split that the words before `images` in a file's name mean; None for none."""
    words = path.name.lower().partition("images")[0].replace("t10k", "test")
    split = split_told(words.encode())
    return None if split is None else SPLITS[split]


def _names_of_labels(images: Path) -> list[str]:
    """Return the names that the file of labels of a file of images may have."""
    mark = _mark_of(images)
    if mark is None or "images" not in images.name:
        return []
    stem = images.name.removesuffix(".gz").replace("images", "labels").removesuffix(mark)
    begin = (mark[0], *({"-", "."} - {mark[0]}))
    return [f"{stem}{each}idx1-ubyte{packed}" for each in begin for packed in ("", ".gz")]


def _labels_beside(images: Path) -> Path | None:
    """Return the file of labels that goes with a file of images, packed or not."""
    names, folder = _names_of_labels(images), images.parent
    places = [folder]
    if _is_for_one(folder):  # the labels lie in one of their own, or beside these
        places += [folder.parent, *(sub for sub in folder.parent.iterdir() if _is_for_one(sub))]
    found = (place / name for place in places for name in names)
    return next((path for path in found if path.is_file()), None)


def _images(path: Path) -> tuple[Images, int]:
    """Return the images of a file and their number; plain ones stay where they are."""
    where = show_key(os.fsencode(path))
    with open_container(path) as (file, container):
        is_packed = file.read(2) == b"\x1f\x8b"
        file.seek(0)
        head = b"" if is_packed else file.read(4 + 4 * 4)
    if is_packed:
        values = _values(path)
        _check_images(values.shape, where)
        return values, len(values)
    shape, offset = _shape(head, where)
    _check_images(shape, where)
    if container.size != offset + math.prod(shape):
        raise DataError("an IDX file that is cut short or has more than it says", where, _ADVICE)
    return Stored(container, offset, shape[1:]), shape[0]


def _labels(path: Path, n: int) -> list[str]:
    values, where = _values(path), show_key(os.fsencode(path))
    if values.shape != (n,):
        raise DataError(
            f"holds {list(values.shape)} labels, but there are {n} images", where, _ADVICE
        )
    return [str(value) for value in values.tolist()]


def _values(path: Path) -> NDArray[np.uint8]:
    """Return the values of a file, which may be packed.

    Of a packed file no more is unpacked than its head says that there is.
    """
    where = show_key(os.fsencode(path))
    try:
        with open_container(path) as (file, _):
            is_packed = file.read(2) == b"\x1f\x8b"
            file.seek(0)
            with gzip.open(file) if is_packed else contextlib.nullcontext(file) as plain:
                shape, n_bytes = _read_head(plain, where)
                data = plain.read(n_bytes + 1)
    except DataError:
        raise
    except _BROKEN as error:
        raise DataError(f"not an IDX file, or damaged ({error})", where, _ADVICE) from error
    if len(data) != n_bytes:
        raise DataError("an IDX file that is cut short or has more than it says", where, _ADVICE)
    return np.frombuffer(data, np.uint8).reshape(shape)


def _read_head(file: gzip.GzipFile | IO[bytes], where: str) -> tuple[tuple[int, ...], int]:
    """Read the head of a file; return the shape that it says, and how many bytes that is."""
    head = file.read(4)
    head += file.read(4 * head[3]) if len(head) == 4 else b""
    shape, _ = _shape(head, where)
    n_bytes = math.prod(shape)
    if n_bytes > MAX_BYTES:
        raise DataError(f"says that it holds {n_bytes} bytes, too many", where, _ADVICE)
    return shape, n_bytes


def _shape(head: bytes, where: str) -> tuple[tuple[int, ...], int]:
    """Return the shape that the head of a file says, and the number of its bytes."""
    try:
        zeros, kind, rank = struct.unpack(">HBB", head[:4])
        if zeros or kind != _UBYTE or not 1 <= rank <= 4:
            raise ValueError(kind)
        return struct.unpack(f">{rank}I", head[4 : 4 + 4 * rank]), 4 + 4 * rank
    except (ValueError, struct.error) as error:
        raise DataError("not an IDX file of bytes", where, _ADVICE) from error


def _check_images(shape: Sequence[int], where: str) -> None:
    if len(shape) not in (3, 4) or (len(shape) == 4 and shape[3] not in (1, 3)) or not all(shape):
        raise DataError(
            f"holds {list(shape)}, which are no images",
            where,
            "images must be [n, height, width] or [n, height, width, 1 or 3]",
        )


def _stat(paths: Sequence[Path], where: str) -> tuple[int, int, int, int]:
    try:
        return stat_of_all(paths)
    except OSError as error:
        raise DataError("no such file", where, "check the name") from error
