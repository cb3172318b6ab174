"""Name to source: one line for each data set that is known by name; all else is a path."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, cast

from bottleneck.core.errors import UsageError
from bottleneck.data.patterns import Patterns, make_patterns, patterns_from_json
from bottleneck.data.source import from_json_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from bottleneck.data.source import Source

NAMED: Mapping[str, str] = MappingProxyType(
    {
        "digits": "bottleneck.data.digits:open_digits",
        "cifar10": "bottleneck.data.keras_sets:open_cifar10",
    }
)


def open_source(data: str, include: Iterable[str] = (), exclude: Iterable[str] = ()) -> Source:
    """Return the source that `--data` names; nothing is read yet, and nothing need be there.

    A known name is that data set, also beside a folder of that name (`./digits` is the folder).
    """
    patterns = make_patterns(include, exclude)
    if not data:
        raise UsageError("--data is empty", "", f"give a folder, or one of {', '.join(NAMED)}")
    if data in NAMED:
        return _named(data, patterns)
    return _folder(data, patterns)


def reopen(spec: Mapping[str, Any]) -> Source:
    """Return the source of a `Source.spec`.

    Raises
    ------
    UsageError
        When the kind is unknown here (written by a newer version).
    """
    kind, patterns = spec.get("kind"), patterns_from_json(dict(spec))
    if kind == "folder":
        return _folder(from_json_text(spec["where"]), patterns)
    if kind in NAMED:
        return _named(str(kind), patterns)
    raise UsageError(f"unknown kind of source {kind!r}", "the snapshot's spec", "upgrade")


def _named(name: str, patterns: Patterns) -> Source:
    module, function = NAMED[name].split(":")
    return cast("Callable[[Patterns], Source]", getattr(import_module(module), function))(patterns)


def _folder(path: str, patterns: Patterns) -> Source:
    from bottleneck.data.folder import FolderSource  # noqa: PLC0415 - as lazy as the named ones

    return FolderSource(Path(path), patterns)
