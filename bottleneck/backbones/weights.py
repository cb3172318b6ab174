"""Weights for an application: ImageNet's by their file, a file of the user's, or random ones."""

from __future__ import annotations

import contextlib
import hashlib
import io
import logging
import socket
from typing import TYPE_CHECKING, Any

from bottleneck.backbones import foreign_hdf5
from bottleneck.core.errors import BottleneckError, UnavailableError, UsageError
from bottleneck.core.frameworks import import_keras
from bottleneck.core.paths import keras_home

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

DOWNLOAD_TIMEOUT_S = 30.0
log = logging.getLogger(__name__)


class _Found(Exception):  # noqa: N818 - carries an answer out of Keras, never shown
    pass


def imagenet_file(build: Any, name: str) -> Path:
    """Return the local file of an application's ImageNet weights, downloading it if need be.

    `build` is called to learn which file Keras would fetch; nothing is fetched by that.

    Raises
    ------
    UnavailableError
        When it is not there and cannot be fetched.
    """
    asked, get_file = _asked_of(build)
    if not asked:
        raise UsageError(f"{name} has no ImageNet weights", "--weights", "give --weights PATH")
    path: Path = keras_home() / asked.get("cache_subdir", "models") / asked["fname"]
    if not path.exists():
        _download(get_file, asked, path, name)
    return path


def is_imagenet_file(build: Any, path: Path) -> bool:
    """Whether this is, byte by byte, the file that Keras would fetch for what `build` builds."""
    known = _asked_of(build)[0].get("file_hash")
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "md5").hexdigest() == known  # as Keras lists them
    except OSError:
        return False


def built_around(build: Any, path: Path) -> Any:
    """Return what `build` builds around ImageNet's weights, read by Keras from this file.

    Raises
    ------
    UsageError
        When the file is missing, is no HDF5 weight file, or its tensors do not fit the model.
    """
    _check_file(path)
    with _get_file(lambda *_, **__: str(path)):
        try:
            return build()
        except BottleneckError:
            raise
        except Exception as error:
            raise _misfit("the network", path, error) from error


def _asked_of(build: Any) -> tuple[dict[str, Any], Any]:
    """Return what Keras would ask `get_file` for, and `get_file`."""
    asked: dict[str, Any] = {}

    def record(fname: str, origin: str, *_: Any, **kwargs: Any) -> str:
        asked.update(fname=fname, origin=origin, **kwargs)
        raise _Found

    # The graph alone: no memory, no time.
    with _get_file(record) as real, import_keras().StatelessScope(), contextlib.suppress(_Found):
        build()
    return asked, real


@contextlib.contextmanager
def _get_file(ours: Callable[..., str]) -> Iterator[Any]:
    """Put a function in the place of the one by which Keras fetches files; yield that one."""
    module = import_keras_file_utils()
    real = module.get_file
    module.get_file = ours
    try:
        yield real
    finally:
        module.get_file = real


def import_keras_file_utils() -> Any:
    """Return the module through which keras.applications fetches files."""
    from keras.src.utils import file_utils  # noqa: PLC0415 - Keras is imported where it is used

    return file_utils


def _download(get_file: Any, asked: dict[str, Any], path: Path, name: str) -> None:
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(DOWNLOAD_TIMEOUT_S)
    try:
        log.info("downloading the ImageNet weights of %s to %s", name, path)
        with contextlib.redirect_stdout(io.StringIO()):  # Keras tells of its downloads there
            get_file(**asked)
    except Exception as error:
        raise UnavailableError(
            f"the ImageNet weights of {name} are not here and cannot be downloaded",
            path,
            "put the file there, or use --weights PATH; --weights random:0 works at once",
        ) from error
    finally:
        socket.setdefaulttimeout(before)


def load_file(model: Any, path: Path) -> None:
    """Load an HDF5 weight file into a model.

    Raises
    ------
    UsageError
        When the file is missing, is no HDF5 weight file, or its tensors do not fit the model.
    """
    _check_file(path)
    try:
        model.load_weights(str(path))
    except Exception as error:
        raise _misfit(model.name, path, error) from error


def _check_file(path: Path) -> None:
    if not path.is_file():
        raise UsageError("no such weight file", path, "put it there, or say where: --weights FILE")
    if path.suffix != ".h5":
        raise UsageError("not an HDF5 weight file (.h5)", path, "check --weights")
    with path.open("rb") as file:
        foreign_hdf5.check(file, path, "check --weights")


def _misfit(name: str, path: Path, error: Exception) -> UsageError:
    reason = " ".join(str(error).split())[:200]
    return UsageError(f"does not fit {name} ({reason})", path, "check --weights")
