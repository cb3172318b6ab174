"""Loading somebody's model file: looked into first, then Keras' safe mode, never compiled.

A whole network in HDF5 (`.h5`) has neither checksums nor a config that could be checked like that
of a `.keras` file, so it is loaded only when the user trusts it, as is code inside a file.
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

from bottleneck.backbones import foreign_hdf5, keras2, model_archive, model_config, user_code
from bottleneck.core.errors import UsageError
from bottleneck.core.frameworks import import_keras

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path
    from typing import BinaryIO

HDF5 = (".h5", ".hdf5")
SUFFIXES = (".keras", *HDF5)


def load(path: Path, *, imports: Sequence[str] = (), trust: bool = False) -> Any:
    """Return the keras.Model of a file that was the same before and after.

    Parameters
    ----------
    imports : modules with the user's own layers
    trust : code inside the file may run

    Raises
    ------
    UsageError
        No such file, not a network, one with code or classes that cannot be known.
    DamagedError
        A `.keras` file whose bytes are not those that were saved.
    """
    if not path.is_file():
        raise UsageError("no such model file", path, "put it there, or say where: --backbone FILE")
    if path.suffix not in SUFFIXES:
        raise UsageError("not a .keras file", path, model_archive.NOT_ONE)
    if path.suffix in HDF5 and not trust:
        raise UsageError(
            "a network in HDF5 may run code when it is loaded",
            path,
            "save it as .keras; or, if you trust who made it, --trust",
        )
    before = _stat(path)
    with path.open("rb") as file:
        if path.suffix in HDF5:
            foreign_hdf5.check(file, path, "check --backbone")
        else:
            _check(file, path, imported=bool(imports), trusted=trust)
    import_keras()  # what it sets is given back, before modules import it by themselves
    model = _load_with_keras(path, user_code.import_modules(imports), trust=trust)
    if _stat(path) != before:
        raise UsageError("changed while it was read", path, "run the same command again")
    return model


def reason(error: Exception) -> str:
    """Return the last thing that Keras says: it wraps errors, with a whole config between."""
    said = str(error).rpartition("Exception encountered:")[2] or type(error).__name__
    return " ".join(said.split())[:200]


def _check(file: BinaryIO, path: Path, *, imported: bool, trusted: bool) -> None:
    config = model_archive.read_config(file, path)
    if not isinstance(config, dict):
        raise UsageError("its config does not describe a network", path, model_archive.NOT_ONE)
    config["compile_config"] = None  # it is not compiled again
    if not imported:
        model_config.check_made_of_layers(config, path)
    try:
        model_config.check(config, path, imported=imported, trusted=trusted)
    except RecursionError as error:
        raise UsageError("its config is nested too deeply", path, model_archive.NOT_ONE) from error


def _stat(path: Path) -> tuple[int, ...]:
    stat = path.stat()
    return stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_ino


def _load_with_keras(path: Path, own: dict[str, Any], *, trust: bool) -> Any:
    keras = import_keras()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # of the optimizers of inner models
            return keras.saving.load_model(
                str(path), custom_objects=own, compile=False, safe_mode=not trust
            )
    except MemoryError:
        raise
    except Exception as error:
        version = keras2.version_of_hdf5(path) if path.suffix in HDF5 else None
        if version is not None:
            raise keras2.saved_by_it(path, version) from error
        raise UsageError(
            f"Keras cannot load it ({reason(error)})", path, "check that it loads in Keras"
        ) from error
