"""What is installed beside this package, and which version of it, without importing it."""

from __future__ import annotations

import os
import sys
from importlib.util import find_spec

from bottleneck.core.errors import MissingDependencyError

TRAINING = ("tensorflow", "jax", "torch")  # the backends of Keras that compute and train


def installed_version(package: str) -> str | None:
    """Return the version of a package whose name is one plain word; None where it is not there.

    The name of the folder that an installer leaves beside each package has it.
    `importlib.metadata` reads more to say the same, and importing that takes longer than all else
    that a run without news does about its network; it is asked where there is no such folder.
    """
    prefix = f"{package.lower()}-"
    for folder in sys.path:
        try:
            names = os.listdir(folder or ".")  # noqa: PTH208 - names are all it takes
        except OSError:
            continue
        for name in names:
            if name.lower().startswith(prefix) and name.endswith(".dist-info"):
                return name.removesuffix(".dist-info")[len(prefix) :]
    from importlib import metadata  # noqa: PLC0415 - see above

    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


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


def require(package: str, extra: str, what: str, called: str | None = None) -> None:
    """Raise MissingDependencyError unless a package is installed that `what` needs.

    Parameters
    ----------
    extra : the extra of ours that brings it
    called : what people call it; None for its own name
    """
    if not is_here(package):
        raise MissingDependencyError(
            f"{called or package} is not installed",
            what,
            f"pip install 'bottleneck-cache[{extra}]'",
        )
