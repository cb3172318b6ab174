"""Which version of a package is installed, without importing it."""

from __future__ import annotations

import os
import sys


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
