"""What is installed beside this package, without importing it."""

from __future__ import annotations

import os
from importlib.util import find_spec

TRAINING = ("tensorflow", "jax", "torch")  # the backends of Keras that compute and train


def is_here(package: str) -> bool:
    """Whether a package is installed; what was made impossible to import is not."""
    try:
        return find_spec(package) is not None
    except (ImportError, ValueError):
        return False


def training_backend() -> str | None:
    """Return a Keras backend that computes and trains: the one named, else one that is installed.

    None where there is none.
    """
    named = [name for name in TRAINING if name == os.environ.get("KERAS_BACKEND")]
    return next((name for name in (*named, *TRAINING) if is_here(name)), None)
