"""The one edge where KerasHub is imported."""

from __future__ import annotations

import contextlib
import warnings
from importlib import import_module
from typing import TYPE_CHECKING, Any

from bottleneck.core import guest
from bottleneck.core.errors import MissingDependencyError
from bottleneck.core.frameworks import collector_paused, generators_kept, import_keras
from bottleneck.core.installed import TRAINING

if TYPE_CHECKING:
    from collections.abc import Iterator

INSTALL = "pip install 'bottleneck-cache[kerashub]'"
_OF_TEXT = "tensorflow_text"


@contextlib.contextmanager
def others_hidden() -> Iterator[None]:
    """Hide the frameworks beside the one that Keras computes with: KerasHub imports them too."""
    others = {*TRAINING, _OF_TEXT} - {import_keras().backend.backend()}
    with contextlib.ExitStack() as held:
        for name in sorted(others):
            held.enter_context(guest.module_hidden(name))
        yield


def import_keras_hub() -> Any:
    """Import KerasHub, with no framework beside the one that Keras computes with.

    It imports TensorFlow wherever that is installed, for texts and pipelines that nobody asks for
    here; without it, it goes on.

    Raises
    ------
    MissingDependencyError
        When it, Keras or Keras' backend is not installed.
    """
    try:
        with (
            others_hidden(),
            warnings.catch_warnings(),
            guest.environment_kept(),
            generators_kept(),
            collector_paused(),
        ):
            return import_module("keras_hub")
    except ImportError as error:
        raise MissingDependencyError(
            f"{error.name or 'keras_hub'} is not installed", "kerashub:", INSTALL
        ) from error
