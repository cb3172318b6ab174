"""The names of ImageNet's 1,000 classes, from the file that Keras' `decode_predictions` reads."""

from __future__ import annotations

import contextlib
import hashlib
import json
import socket
import sys
from pathlib import Path

from bottleneck.backbones.weights import (
    DOWNLOAD_TIMEOUT_S,
    import_keras_file_utils,
)
from bottleneck.core import files
from bottleneck.core.errors import UnavailableError
from bottleneck.core.frameworks import import_keras
from bottleneck.core.paths import keras_home

NAME = "imagenet_class_index.json"
URL = "https://storage.googleapis.com/download.tensorflow.org/data/" + NAME
MD5 = "c2c37ea517e94d9795004a39431a14cb"  # as Keras checks it


def class_names() -> tuple[tuple[str, str], ...]:
    """Return (WordNet id, name) of each class, in the order of the networks' outputs.

    Read from `KERAS_HOME/models`, also where that may not be written; fetched when it is not there.

    Raises
    ------
    UnavailableError
        When the file is not there, or not the one that Keras knows, and cannot be fetched.
    """
    path = keras_home() / "models" / NAME
    data = _read(path) or _read(_fetch(path))
    if data is None:
        raise _unavailable(path)
    index = json.loads(data)
    return tuple((str(index[str(i)][0]), str(index[str(i)][1])) for i in range(len(index)))


def _read(path: Path) -> bytes | None:
    try:
        data = files.read(path)
    except FileNotFoundError:
        return None
    return data if hashlib.md5(data, usedforsecurity=False).hexdigest() == MD5 else None


def _fetch(path: Path) -> Path:
    import_keras()
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(DOWNLOAD_TIMEOUT_S)
    try:
        with contextlib.redirect_stdout(sys.stderr):  # Keras tells of its downloads on stdout
            return Path(
                import_keras_file_utils().get_file(
                    NAME, URL, cache_dir=keras_home(), cache_subdir="models", file_hash=MD5
                )
            )
    except Exception as error:
        raise _unavailable(path) from error
    finally:
        socket.setdefaulttimeout(before)


def _unavailable(path: Path) -> UnavailableError:
    return UnavailableError(
        "the names of ImageNet's classes are not here, or not as Keras knows them, and cannot be "
        "downloaded",
        path,
        f"put {URL} there; a head trained on your own images needs none: --run",
    )
