"""What `--data` can be: one line for each kind of path, and for each data set known by name.

Importing it imports the standard library alone, so that help texts are made from it; a source's
own module is imported when one is opened.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, cast

from bottleneck.core.errors import UsageError
from bottleneck.core.given import Given
from bottleneck.data.endings import EXTENSIONS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from bottleneck.data.source import Source


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceSpec:
    """A kind of source.

    Attributes
    ----------
    opens : str
        `module:function` that opens one. A path's takes the path and patterns, a data set's the
        patterns alone.
    about : str
        What it is, for help texts: a few words.
    endings : of the files that are of this kind, with the dot, in lower case
    """

    opens: str
    about: str
    endings: frozenset[str] = frozenset()


# A path is of the first kind that has its ending; a folder, and whatever has none, is a folder.
PATHS: Mapping[str, SourceSpec] = MappingProxyType(
    {
        "folder": SourceSpec(opens="bottleneck.data.folder:FolderSource", about="folder of images"),
        "image": SourceSpec(
            opens="bottleneck.data.image:ImageSource",
            about="one image",
            endings=frozenset(ending.decode() for ending in EXTENSIONS),
        ),
        "array": SourceSpec(
            opens="bottleneck.data.numpy_files:open_array_file",
            about=".npz or .npy array",
            endings=frozenset({".npz", ".npy"}),
        ),
        "archive": SourceSpec(
            opens="bottleneck.data.archive:ArchiveSource",
            about=".tar archive",
            # Packed ones as well, for an error that says what to do.
            endings=frozenset(
                {".tar", ".tgz", ".tbz2", ".txz", ".gz", ".bz2", ".xz", ".zst", ".zip"}
            ),
        ),
        "table": SourceSpec(
            opens="bottleneck.data.table:TableSource",
            about=".csv or .tsv table",
            endings=frozenset({".csv", ".tsv"}),
        ),
    }
)
NAMED: Mapping[str, SourceSpec] = MappingProxyType(
    {
        "digits": SourceSpec(
            opens="bottleneck.data.digits:open_digits", about="1,797 digits, in the package"
        ),
        "cifar10": SourceSpec(
            opens="bottleneck.data.keras_sets:open_cifar10", about="60,000 photos, 10 classes"
        ),
        "cifar100": SourceSpec(
            opens="bottleneck.data.keras_sets:open_cifar100", about="60,000 photos, 100 classes"
        ),
        "mnist": SourceSpec(
            opens="bottleneck.data.keras_sets:open_mnist", about="70,000 digits, 10 classes"
        ),
        "fashion_mnist": SourceSpec(
            opens="bottleneck.data.keras_sets:open_fashion_mnist",
            about="70,000 clothes, 10 classes",
        ),
    }
)
MEMORY = "memory"  # the kind of source that was handed over from Python
KINDS: Mapping[str, SourceSpec] = MappingProxyType({**PATHS, **NAMED})


def described() -> str:
    """Return what `--data` can be, for a help text: no capital, no full stop."""
    kinds = ", ".join(f"a {spec.about}".replace("a one", "one") for spec in PATHS.values())
    return f"{kinds}, or the name of a data set ({', '.join(NAMED)})"


def open_source(
    data: str | Given, include: Iterable[str] = (), exclude: Iterable[str] = ()
) -> Source:
    """Return the source that `--data` names; nothing is read yet, and nothing need be there.

    A known name is that data set, also beside a folder of that name (`./digits` is the folder).
    A path is a folder, or a file of the kind that its ending says.
    """
    from bottleneck.core.paths import local_path  # noqa: PLC0415 - help texts do without
    from bottleneck.data.patterns import make_patterns  # noqa: PLC0415 - help texts do without

    patterns = make_patterns(include, exclude)
    if isinstance(data, Given):
        return _open("bottleneck.data.memory:MemorySource", data, patterns)
    if not data:
        raise UsageError("--data is empty", "", f"give a folder, or one of {', '.join(NAMED)}")
    if data in NAMED:
        return _open(NAMED[data].opens, patterns)
    path = local_path(data)
    return _open(PATHS[_kind_of(path)].opens, path, patterns)


def holds_many(data: str) -> bool:
    """Whether `--data` of this is a set of samples: not so a file that is one image, or unknown."""
    path = Path(data)
    return data in NAMED or path.is_dir() or _kind_of(path) not in {"folder", "image"}


def reopen(spec: Mapping[str, Any]) -> Source:
    """Return the source of a `Source.spec`.

    Raises
    ------
    UsageError
        When the kind is unknown here (written by a newer version), or its images were handed over
        from Python and are not kept anywhere.
    """
    from bottleneck.core.paths import from_json_text  # noqa: PLC0415 - help texts do without
    from bottleneck.data.patterns import patterns_from_json  # noqa: PLC0415

    kind, patterns = str(spec.get("kind")), patterns_from_json(dict(spec))
    if kind in PATHS:
        return _open(PATHS[kind].opens, Path(from_json_text(spec["where"])), patterns)
    if kind in NAMED:
        return _open(NAMED[kind].opens, patterns)
    if kind == MEMORY:
        raise UsageError(
            "its images were passed from Python, so they cannot be opened again",
            spec.get("where"),
            "pass the same images again as the first argument of extract_features, with the same "
            "source=",
        )
    raise UsageError(
        f"unknown kind of source {kind!r}", "the record of the source", "upgrade bottleneck-cache"
    )


def _kind_of(path: Path) -> str:
    suffix = path.suffix.lower()
    found = (kind for kind, spec in PATHS.items() if suffix in spec.endings)
    return "folder" if path.is_dir() else next(found, "folder")


def _open(opener: str, *arguments: object) -> Source:
    module, function = opener.split(":")
    return cast("Callable[..., Source]", getattr(import_module(module), function))(*arguments)
