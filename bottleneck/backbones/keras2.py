"""Files that Keras 2 saved: Keras 3 reads few of them, and says of the others what helps nobody."""

from __future__ import annotations

import contextlib
import json
from typing import TYPE_CHECKING, Any

import h5py

from bottleneck.core.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path


def check_metadata(metadata: bytes, path: Path) -> None:
    """Refuse a `.keras` file whose metadata say that Keras 2 saved it.

    Raises
    ------
    UsageError
        For such a file, with the two lines that save it anew.
    """
    told: Any = None
    with contextlib.suppress(ValueError, RecursionError):
        told = json.loads(metadata)
    version = told.get("keras_version") if isinstance(told, dict) else None
    if isinstance(version, str) and version.startswith("2."):
        raise saved_by_it(path, version)


def version_of_hdf5(path: Path) -> str | None:
    """Return the version of Keras 2 that saved a whole network in HDF5, None if none did."""
    with contextlib.suppress(OSError, RuntimeError, KeyError, ValueError, TypeError):
        with h5py.File(path, "r") as file:
            version = file.attrs.get("keras_version", b"")
        version = version.decode() if isinstance(version, bytes) else str(version)
        return version if version.startswith("2.") else None
    return None


def saved_by_it(path: Path, version: str) -> UsageError:
    """Return the error for a file of Keras 2, with the two lines that save it anew."""
    weights, anew = f"{path.stem}-weights.h5", f"{path.stem}-3.keras"
    return UsageError(
        f"saved by Keras 2 ({version[:20]}), whose files Keras 3 reads in part only",
        path,
        "save it anew with these two lines",
        f"where it was made: model.save_weights({weights!r})",
        f"in Keras 3, of the model that your code builds there: model.load_weights({weights!r}); "
        f"model.save({anew!r})",
    )
