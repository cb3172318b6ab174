"""The NumPy accelerator of the same import name (PyPI: Bottleneck), installed over this package."""

from __future__ import annotations

from pathlib import Path

from bottleneck.core.errors import UsageError

PACKAGE = Path(__file__).parents[1]
# What the accelerator's distributions hold and ours does not: one look, where asking for the
# owners of the folder would read the metadata of everything that is installed.
ITS_FILE = "slow/__init__.py"


def check_alone(package: Path = PACKAGE) -> None:
    """Raise UsageError where the accelerator's files lie among ours: each lacks some of its own."""
    if (package / ITS_FILE).exists():
        raise UsageError(
            "the NumPy accelerator Bottleneck is installed over bottleneck-cache, and both own "
            "this folder",
            package,
            "pip uninstall Bottleneck bottleneck-cache, then install bottleneck-cache again",
        )
