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
from bottleneck.data.options import IN_ARCHIVES, IN_FOLDERS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from bottleneck.core.option import Option
    from bottleneck.data.source import Source


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceSpec:
    """A kind of source.

    Attributes
    ----------
    opens : str
        `module:function` that opens one. A path's takes the path and how it is read
        (`data.how.How`), a data set's the latter alone.
    about : str
        What it is, for help texts: a few words.
    endings : of the files that are of this kind, with the dot, in lower case
    options : what such a source can be told besides `include` and `exclude`, which all have
    """

    opens: str
    about: str
    endings: frozenset[str] = frozenset()
    options: tuple[Option, ...] = ()


# A path is of the first kind that has its ending; a folder, and whatever has none, is a folder.
PATHS: Mapping[str, SourceSpec] = MappingProxyType(
    {
        "folder": SourceSpec(
            opens="bottleneck.data.folder:FolderSource",
            about="folder of images",
            options=IN_FOLDERS,
        ),
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
            options=IN_ARCHIVES,
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
PATTERNS = ("include", "exclude")  # what every kind of source can be told
MEMORY = "memory"  # the kind of source that was handed over from Python
KINDS: Mapping[str, SourceSpec] = MappingProxyType({**PATHS, **NAMED})


def described() -> str:
    """Return what `--data` can be, for a help text: no capital, no full stop."""
    kinds = ", ".join(map(_a, PATHS.values()))
    return f"{kinds}, or the name of a data set ({', '.join(NAMED)})"


def options_of_all() -> Mapping[str, Mapping[str, Option]]:
    """Return what any kind of source can be told: by the option's name, the kinds that have it."""
    found: dict[str, dict[str, Option]] = {}
    for kind, spec in KINDS.items():
        for option in spec.options:
            found.setdefault(option.name, {})[kind] = option
    return found


def open_source(data: str | Given, told: Mapping[str, Any] | None = None) -> Source:
    """Return the source that `--data` names; nothing is read yet, and nothing need be there.

    A known name is that data set, also beside a folder of that name (`./digits` is the folder).
    A path is a folder, or a file of the kind that its ending says.

    Parameters
    ----------
    told : how it is read: `include` and `exclude`, and the options of its kind

    Raises
    ------
    UsageError
        When its kind has no such option, or there is no such kind.
    """
    from bottleneck.core.paths import local_path  # noqa: PLC0415 - help texts do without
    from bottleneck.data.how import make_how  # noqa: PLC0415 - help texts do without

    if isinstance(data, Given):
        how = make_how(told, (), "what is passed from Python")
        return _open("bottleneck.data.memory:MemorySource", data, how)
    if not data:
        raise UsageError("--data is empty", "", f"give a folder, or one of {', '.join(NAMED)}")
    if data in NAMED:
        return _open(NAMED[data].opens, make_how(told, NAMED[data].options, f"the set {data}"))
    path = local_path(data)
    spec = PATHS[_kind_of(path)]
    return _open(spec.opens, path, make_how(told, spec.options, _a(spec)))


def holds_many(data: str) -> bool:
    """Whether `--data` of this is a set of samples: not so a file that is one image, or unknown."""
    path = Path(data)
    return data in NAMED or path.is_dir() or _kind_of(path) not in {"folder", "image"}


def reopen(spec: Mapping[str, Any], told: Mapping[str, Any] | None = None) -> Source:
    """Return the source of a `Source.spec`.

    Parameters
    ----------
    told : what is read otherwise than it was: options of its kind, by name

    Raises
    ------
    UsageError
        When the kind is unknown here (written by a newer version), or its images were handed over
        from Python and are not kept anywhere.
    """
    from bottleneck.core.paths import from_json_text  # noqa: PLC0415 - help texts do without
    from bottleneck.data.how import how_from_json  # noqa: PLC0415 - help texts do without

    kind = str(spec.get("kind"))
    if kind in KINDS:
        how = how_from_json(spec, told, KINDS[kind].options, _a(KINDS[kind]))
        where = (Path(from_json_text(spec["where"])),) if kind in PATHS else ()
        return _open(KINDS[kind].opens, *where, how)
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


def _a(spec: SourceSpec) -> str:
    return f"a {spec.about}".replace("a one", "one")


def _open(opener: str, *arguments: object) -> Source:
    module, function = opener.split(":")
    return cast("Callable[..., Source]", getattr(import_module(module), function))(*arguments)
