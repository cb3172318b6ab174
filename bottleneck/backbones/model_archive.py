"""A `.keras` file, looked into before Keras opens it.

It is a zip of three members: the config (JSON), the tensors (HDF5) and metadata. All bytes are read
once here, so that a flipped bit is found by the zip's own checksums and is not taken for weights.
"""

from __future__ import annotations

import io
import json
import lzma
import struct
import zipfile
import zlib
from typing import TYPE_CHECKING, Any

from bottleneck.backbones import foreign_hdf5, keras2
from bottleneck.core.errors import DamagedError, UsageError

if TYPE_CHECKING:
    from pathlib import Path
    from typing import BinaryIO

CONFIG, TENSORS, METADATA = "config.json", "model.weights.h5", "metadata.json"
_MEMBERS = {CONFIG, TENSORS, METADATA}
MAX_EXPANSION = 100  # Keras does not compress; others who do get nowhere near
NOT_ONE = "save it with model.save('NAME.keras')"
AGAIN = "save or copy it again"
# What the standard library raises for zips that are broken in one way or another.
_BROKEN = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    EOFError,
    KeyError,
    NotImplementedError,
    OSError,
    OverflowError,
    RuntimeError,
    ValueError,
)


def read_config(file: BinaryIO, path: Path) -> Any:
    """Return the config of a `.keras` file whose every byte was read and is as it was written.

    Raises
    ------
    UsageError
        Not a `.keras` file, one with more in it than config and tensors, or one of Keras 2.
    DamagedError
        A zip that is cut short, or whose bytes changed.
    """
    if file.read(2) != b"PK":
        raise UsageError("not a .keras file", path, NOT_ONE)
    try:
        with zipfile.ZipFile(file) as archive:
            _check_members(archive.infolist(), path)
            config, tensors = archive.read(CONFIG), archive.read(TENSORS)
            metadata = archive.read(METADATA) if METADATA in archive.namelist() else b""
    except _BROKEN as error:
        reason = " ".join(str(error).split())[:120]
        raise DamagedError(f"a damaged .keras file ({reason})", path, AGAIN) from error
    keras2.check_metadata(metadata, path)
    foreign_hdf5.check(io.BytesIO(tensors), path, AGAIN)
    try:
        return json.loads(config)
    except (ValueError, RecursionError) as error:
        raise UsageError("its config is not JSON", path, NOT_ONE) from error


def _check_members(members: list[zipfile.ZipInfo], path: Path) -> None:
    names = [member.filename for member in members]
    missing = {CONFIG, TENSORS} - set(names)
    if missing:
        raise UsageError(f"no Keras model: without {min(missing)}", path, NOT_ONE)
    more = set(names) - _MEMBERS
    if more or len(names) > len(set(names)):
        what = min(more) if more else "a member twice"
        raise UsageError(
            f"holds {what[:80]}, which is neither layers nor tensors",
            path,
            "remove it from the file",
        )
    for member in members:
        if member.file_size > MAX_EXPANSION * max(member.compress_size, 1 << 20):
            raise UsageError(f"{member.filename} claims {member.file_size} bytes", path, NOT_ONE)
