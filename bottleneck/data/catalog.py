"""Name to source: a line for each data set that is known by name, and for each kind of path."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, cast

from bottleneck.core.errors import UsageError
from bottleneck.core.paths import from_json_text, local_path
from bottleneck.data.layout import EXTENSIONS
from bottleneck.data.patterns import make_patterns, patterns_from_json

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from bottleneck.data.source import Source

NAMED: Mapping[str, str] = MappingProxyType(
    {
        "digits": "bottleneck.data.digits:open_digits",
        "cifar10": "bottleneck.data.keras_sets:open_cifar10",
        "cifar100": "bottleneck.data.keras_sets:open_cifar100",
        "mnist": "bottleneck.data.keras_sets:open_mnist",
        "fashion_mnist": "bottleneck.data.keras_sets:open_fashion_mnist",
    }
)

_IMAGES = frozenset(ending.decode() for ending in EXTENSIONS)
_ARCHIVES = frozenset({".tar", ".tgz", ".tbz2", ".txz", ".gz", ".bz2", ".xz", ".zst", ".zip"})
# Kind of path: what opens it, and the endings of files by which it is known. A folder is one.
PATHS: Mapping[str, tuple[str, frozenset[str]]] = MappingProxyType(
    {
        "folder": ("bottleneck.data.folder:FolderSource", frozenset()),
        "image": ("bottleneck.data.image:ImageSource", _IMAGES),
        "array": ("bottleneck.data.numpy_files:open_array_file", frozenset({".npz", ".npy"})),
        "archive": ("bottleneck.data.archive:ArchiveSource", _ARCHIVES),
        "table": ("bottleneck.data.table:TableSource", frozenset({".csv", ".tsv"})),
    }
)


def open_source(data: str, include: Iterable[str] = (), exclude: Iterable[str] = ()) -> Source:
    """Return the source that `--data` names; nothing is read yet, and nothing need be there.

    A known name is that data set, also beside a folder of that name (`./digits` is the folder).
    A path is a folder, or a file of the kind that its ending says.
    """
    patterns = make_patterns(include, exclude)
    if not data:
        raise UsageError("--data is empty", "", f"give a folder, or one of {', '.join(NAMED)}")
    if data in NAMED:
        return _open(NAMED[data], patterns)
    path = local_path(data)
    return _open(PATHS[_kind_of(path)][0], path, patterns)


def holds_many(data: str) -> bool:
    """Whether `--data` of this is a set of samples: not so a file that is one image, or unknown."""
    path = Path(data)
    return data in NAMED or path.is_dir() or _kind_of(path) not in {"folder", "image"}


def reopen(spec: Mapping[str, Any]) -> Source:
    """Return the source of a `Source.spec`.

    Raises
    ------
    UsageError
        When the kind is unknown here (written by a newer version).
    """
    kind, patterns = str(spec.get("kind")), patterns_from_json(dict(spec))
    if kind in PATHS:
        return _open(PATHS[kind][0], Path(from_json_text(spec["where"])), patterns)
    if kind in NAMED:
        return _open(NAMED[kind], patterns)
    raise UsageError(f"unknown kind of source {kind!r}", "the snapshot's spec", "upgrade")


def _kind_of(path: Path) -> str:
    suffix = path.suffix.lower()
    found = (kind for kind, (_, endings) in PATHS.items() if suffix in endings)
    return "folder" if path.is_dir() else next(found, "folder")


def _open(opener: str, *arguments: object) -> Source:
    module, function = opener.split(":")
    return cast("Callable[..., Source]", getattr(import_module(module), function))(*arguments)
