"""Arrays of pixels in `.npz` and `.npy` files, uint8 (n, height, width) or (n, height, width, 3).

An .npz holds `x_train, y_train, x_test, y_test` (and `x_val, y_val`), or `x, y`, or arrays of other
usual names (`array_names`); without its y an x has no labels. An .npy is one x. Whether y is
classes, labels or numbers is told by `array_targets`; `groups` say which images belong together.
Pixels that lie plainly in the file (`np.save`, `np.savez`) are read from their place, one image at
a time; those of `np.savez_compressed`, or in Fortran order, are unpacked into memory. No pickle is
ever read.
"""

from __future__ import annotations

import errno
import math
import os
import struct
import zipfile
import zlib
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from bottleneck.core.errors import DataError
from bottleneck.core.paths import absolute
from bottleneck.core.sample import SPLITS, key_array, show_key
from bottleneck.data.array_names import ADVICE, NAMES, names_note, roles
from bottleneck.data.array_targets import answers_of_arrays, texts_of
from bottleneck.data.arrays import Arrays, ArraySource, Images, Joined, Stored, refuse_one_picture
from bottleneck.data.reading import Container, open_container
from bottleneck.data.source import Understood
from bottleneck.data.table_groups import make_groups

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from bottleneck.core.sample import Groups
    from bottleneck.data.how import How

_LOCAL = struct.Struct("<26xHH")  # a member's own head: its name and what is extra follow
_HEADERS = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
    (3, 0): np.lib.format.read_array_header_2_0,  # differs in names of fields alone
}
_BROKEN = (ValueError, EOFError, KeyError, zipfile.BadZipFile, zlib.error, struct.error)


def open_array_file(path: Path, how: How) -> ArraySource:
    """Return the source; nothing is read yet."""
    path = absolute(path)
    return ArraySource.of_file("array", path, how, load=lambda: _load(path, how))


class _Member:
    """One array of the file: its head is read, its values are not."""

    def __init__(self, file: BinaryIO, name: str, where: str) -> None:
        self.name, self.where = name, where
        try:
            self.shape, self.is_fortran, self.dtype = _HEADERS[np.lib.format.read_magic(file)](file)
        except OSError:
            raise
        except Exception as error:  # numpy parses it as Python: broken bytes raise anything at all
            raise ValueError(f"{name} has no head of numpy's") from error
        if any(n < 0 for n in self.shape):
            raise ValueError(f"{name} has a negative number of rows")
        self.head_bytes = file.tell()
        self.n_bytes = self.head_bytes + math.prod(self.shape) * self.dtype.itemsize

    def check_whole(self, n_bytes: int) -> None:
        if self.dtype.hasobject:
            raise DataError(
                f"{self.name} holds Python objects", self.where, "save numbers, not lists"
            )
        if n_bytes != self.n_bytes:
            raise DataError(f"{self.name} is cut short", self.where, "save it anew")

    def check_images(self) -> None:
        shape = self.shape
        what = f"{self.name} is {self.dtype} {list(shape)}"
        if self.dtype != np.uint8:
            raise DataError(what, self.where, "pixels must be uint8, 0 to 255")
        if len(shape) not in (3, 4) or (len(shape) == 4 and shape[3] not in (1, 3)):
            raise DataError(
                what, self.where, "images must be [n, height, width] or [n, height, width, 1 or 3]"
            )
        refuse_one_picture(shape, what, self.where)
        if not all(shape[1:]):
            raise DataError(what, self.where, "images must have pixels")


class _File:
    """An .npz or .npy file that is open: names of arrays, their heads, their values."""

    def __init__(self, file: BinaryIO, container: Container, where: str) -> None:
        self.file, self.container, self.where = file, container, where
        is_zip = file.read(4) == b"PK\3\4"
        file.seek(0)
        self.zip = zipfile.ZipFile(file) if is_zip else None
        if self.zip is None:
            self.names = ["x"]
        else:
            names = self.zip.namelist()
            if len(set(names)) < len(names):
                raise DataError("holds two arrays of one name", where, ADVICE)
            self.names = [name.removesuffix(".npy") for name in names]

    def head(self, name: str) -> _Member:
        if self.zip is None:
            self.file.seek(0)
            member = _Member(self.file, name, self.where)
            member.check_whole(self.container.size)
            return member
        info = self.zip.getinfo(f"{name}.npy")
        with self.zip.open(info) as file:
            member = _Member(file, name, self.where)  # type: ignore[arg-type] # it reads and tells
        member.check_whole(info.file_size)
        return member

    def values(self, name: str) -> NDArray[Any]:
        member = self.head(name)  # what it claims to be is what is there
        if member.n_bytes > _memory_bytes() // 2:
            what = f"{name} unpacks to {member.n_bytes} bytes, more than half of the memory here"
            raise DataError(what, self.where, "save it with np.savez, which packs nothing")
        if self.zip is None:
            self.file.seek(0)
            return np.lib.format.read_array(self.file, allow_pickle=False)
        with self.zip.open(f"{name}.npy") as file:
            return np.lib.format.read_array(file, allow_pickle=False)

    def images(self, name: str) -> tuple[Images, int]:
        """Return the images of an array and their number."""
        member = self.head(name)
        member.check_images()
        offset = self._offset(name)
        if offset is None or member.is_fortran:
            return self.values(name), member.shape[0]
        offset += member.head_bytes
        return Stored(self.container, offset, member.shape[1:]), member.shape[0]

    def _offset(self, name: str) -> int | None:
        """Return where an array's file begins in this one, or None where it is packed."""
        if self.zip is None:
            return 0
        info = self.zip.getinfo(f"{name}.npy")
        if info.compress_type != zipfile.ZIP_STORED:
            return None
        self.file.seek(info.header_offset)
        n_name, n_extra = _LOCAL.unpack(self.file.read(_LOCAL.size))
        return int(info.header_offset + _LOCAL.size + n_name + n_extra)

    def answers(self, name: str, n: int) -> NDArray[Any]:
        """Return what there is to learn of each of `n` images."""
        member = self.head(name)
        shape, dtype = member.shape, member.dtype
        what = f"{name} is {dtype} {list(shape)}"
        if dtype.kind not in "biufUS" or len(shape) not in (1, 2) or not all(shape[1:]):
            raise DataError(
                what, self.where, "labels must be numbers or texts, one an image or a row an image"
            )
        if shape[:1] != (n,):
            raise DataError(f"{what}, but there are {n} images", self.where, "one label an image")
        return self.values(name)

    def names_of_targets(self) -> list[str]:
        """Return what the columns of y are called, where an array says it."""
        for name in NAMES:
            if name in self.names and self.head(name).dtype.kind in "US":
                return [*map(str, self.values(name).reshape(-1).tolist())]
        return []


def _memory_bytes() -> int:
    """Return the memory of this machine; where it does not say, as much as there could be."""
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        return 1 << 62


def _load(path: Path, how: How) -> Arrays:
    where = show_key(os.fsencode(path))
    with open_container(path) as (file, container):
        try:
            return _arrays(_File(file, container, where), path, how)
        except MemoryError:
            raise
        except (NotImplementedError, RuntimeError) as error:  # another packing; a password
            raise DataError("cannot be unpacked here", where, ADVICE) from error
        except (*_BROKEN, OSError) as error:
            if isinstance(error, OSError) and error.errno != errno.EINVAL:  # a place before 0
                raise
            raise DataError("not a file of numpy's, or damaged", where, ADVICE) from error


def _arrays(file: _File, path: Path, how: How) -> Arrays:
    named = roles(file.names, file.where)
    parts: list[Images] = []
    answers: list[tuple[NDArray[Any] | None, int]] = []
    counts, keys, splits = [], [], []
    # In the order of the keys: "test/…" sorts before "train/…".
    for split in sorted({split for _, split in named}):
        if ("x", split) not in named:
            continue
        images, n = file.images(named["x", split])
        known = named.get(("y", split))
        answers.append((None if known is None else file.answers(known, n), n))
        folder = f"{split}/".encode() if split else b""
        keys += [b"%s%08d" % (folder, i) for i in range(n)]
        splits += [SPLITS.index(split) if split else 0] * n
        parts.append(images)
        counts.append(n)
    if not keys:
        raise DataError("no images", file.where, ADVICE)
    kind = how["target_kind"]
    found = answers_of_arrays(answers, file.names_of_targets(), kind, "y", file.where)
    groups, said = _groups(file, named, counts)
    return Arrays(
        keys=key_array(keys),
        images=Joined(parts, counts),
        labels=found.labels,
        splits=np.array(splits, np.uint8),
        classes=found.classes,
        targets=found.targets,
        groups=groups,
        paths=(path,),
        stat=file.container.stat,
        clock_ns=file.container.clock_ns,
        understood=Understood(notes=(*names_note(named), *found.notes, *said)),
    )


def _groups(
    file: _File, named: Mapping[tuple[str, str], str], counts: Sequence[int]
) -> tuple[Groups | None, tuple[str, ...]]:
    """Return which images belong together, None where no array says it, and what to say of it."""
    texts: list[str] = []
    splits = sorted(split for role, split in named if role == "x")
    for split, n in zip(splits, counts, strict=True):
        name = named.get(("groups", split))
        if name is None:
            texts += [""] * n
            continue
        member = file.head(name)
        what = f"{name} is {member.dtype} {list(member.shape)}"
        if member.shape[:1] != (n,):  # dropped, groups would leak
            raise DataError(f"{what}, but there are {n} images", file.where, "one group an image")
        if member.dtype.kind not in "iuUS" or member.shape not in {(n,), (n, 1)}:
            return None, (f"{what}, not a whole number or a text an image, and is not used",)
        texts += texts_of(file.values(name), n)
    return make_groups(texts) if any(texts) else (None, ())
