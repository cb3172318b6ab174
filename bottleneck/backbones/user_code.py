"""Modules with layers of the user's own, imported because the user says so (`--import`)."""

from __future__ import annotations

import contextlib
import sys
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bottleneck.core.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


def import_modules(names: Iterable[str]) -> dict[str, Any]:
    """Import modules and return the classes and functions that they define, by their names.

    A module of this environment, or of the current folder, which is looked in last.

    Raises
    ------
    UsageError
        When there is no such module, or it fails while it is imported.
    """
    found: dict[str, Any] = {}
    with _current_folder_in_path():
        for name in names:
            if not all(part.isidentifier() for part in name.split(".")):
                raise UsageError(
                    f"{name!r} is not the name of a module",
                    "--import",
                    "for mylayers.py give mylayers",
                )
            try:
                with contextlib.redirect_stdout(sys.stderr):  # stdout is for results
                    module = import_module(name)
            except (Exception, SystemExit) as error:
                reason = " ".join(f"{type(error).__name__}: {error}".split())[:200]
                raise UsageError(
                    f"cannot be imported ({reason})",
                    f"--import {name}",
                    "name a module of this environment or of the current folder",
                ) from error
            defined = {k: v for k, v in vars(module).items() if _is_defined_in(module, v)}
            found.update(defined)
    return found


@contextlib.contextmanager
def _current_folder_in_path() -> Iterator[None]:
    here = str(Path.cwd())
    added = here not in sys.path
    if added:
        sys.path.append(here)
    try:
        yield
    finally:
        if added and here in sys.path:
            sys.path.remove(here)


def _is_defined_in(module: Any, value: Any) -> bool:
    return callable(value) and getattr(value, "__module__", None) == module.__name__
