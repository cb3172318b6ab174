"""What `--data` can be: one line for each kind of path, and for each data set known by name.

Importing it imports the standard library alone, so that help texts are made from it; a source's
own module is imported when one is opened.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, cast

from bottleneck.core.errors import DataError, UsageError
from bottleneck.core.given import HANDED, Given
from bottleneck.data import table_options
from bottleneck.data.addresses import ADDRESSES as ADDRESSES
from bottleneck.data.endings import EXTENSIONS
from bottleneck.data.endings import REFUSED as REFUSED
from bottleneck.data.kind import SourceSpec as SourceSpec
from bottleneck.data.options import ALL_OF_IT, IN_ARCHIVES, IN_FOLDERS, TARGET_KIND, UNPACK

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from bottleneck.core.option import Option
    from bottleneck.data.source import Source


_OF_TABLES = frozenset({".csv", ".tsv", ".txt", ".jsonl", ".ndjson", ".parquet"})
IDX = ("-idx3-ubyte", ".idx3-ubyte", "-idx4-ubyte", ".idx4-ubyte")
# A file is of the kind that has its ending, a folder of the kind that has what it holds; any other
# folder, and whatever is of no kind, is a folder of images.
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
            options=(TARGET_KIND,),
        ),
        "archive": SourceSpec(
            opens="bottleneck.data.archive:open_archive",
            about=".tar archive",
            # Packed ones as well, for an error that says what to do.
            endings=frozenset({".tar", ".tgz", ".tbz2", ".txz", ".gz", ".bz2", ".xz", ".zst"}),
            options=(*IN_ARCHIVES, UNPACK),
        ),
        "zip": SourceSpec(
            opens="bottleneck.data.zip:open_zip_source",
            about=".zip archive",
            endings=frozenset({".zip"}),
            options=IN_ARCHIVES,
        ),
        "shards": SourceSpec(
            opens="bottleneck.data.archive:open_shards",
            about="pattern of archives such as 'train-*.tar' or 'train-{000..099}.tar'",
            is_pattern=True,
            options=(*IN_ARCHIVES, UNPACK),
        ),
        "idx": SourceSpec(
            opens="bottleneck.data.idx:open_idx",
            about="folder or file of MNIST's kind (IDX)",
            endings=frozenset(f"{mark}{packed}" for mark in IDX for packed in ("", ".gz")),
            holds=tuple(
                frozenset({f"{folder}{split}-images{mark}{packed}"})
                for split in ("train", "t10k")
                for mark in IDX
                for packed in ("", ".gz")
                # Some programs unpack each file into a folder of its name.
                for folder in ("", f"{split}-images{mark.replace('.', '-')}/")
            ),
            options=(ALL_OF_IT,),
        ),
        "idx_files": SourceSpec(
            opens="bottleneck.data.idx:open_idx_files",
            about="pattern of IDX files such as '*-images-idx3-ubyte'",
            endings=frozenset(f"{mark}{packed}" for mark in IDX for packed in ("", ".gz")),
            is_pattern=True,
            options=(ALL_OF_IT,),
        ),
        "cifar": SourceSpec(
            opens="bottleneck.data.cifar:open_cifar",
            about="folder of CIFAR's batches",
            holds=(
                frozenset({"data_batch_1"}),
                frozenset({"data_batch_1.bin"}),
                frozenset({"train", "test", "meta"}),
                frozenset({"train.bin", "test.bin"}),
            ),
        ),
        "table": SourceSpec(
            opens="bottleneck.data.table:TableSource",
            about=".csv, .tsv, .jsonl or .parquet table",
            # Others as well: tables under other names, and an error that says what to do.
            endings=frozenset(
                _OF_TABLES
                | {".json"}
                | {".xml", ".xlsx", ".xls", ".ods"}
                | {
                    f"{table}{packed}"
                    for table in (".csv", ".tsv", ".txt", ".jsonl", ".json")
                    for packed in (".gz", ".zip", ".bz2", ".xz", ".zst")
                }
            ),
            options=table_options.OPTIONS,
        ),
        "tables": SourceSpec(
            opens="bottleneck.data.tables:TablesSource",
            about="pattern of tables such as 'data/*.parquet' or '{train,test}.csv'",
            endings=_OF_TABLES,
            is_pattern=True,
            options=table_options.OPTIONS,
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
_ONE = ("", "image")  # kinds of names that a prefix in a bucket may have
PATTERNS = ("include", "exclude")  # what every kind of source can be told
TABLES = ("table", "tables")  # the kinds whose columns say what is what
KINDS: Mapping[str, SourceSpec] = MappingProxyType({**PATHS, **ADDRESSES, **NAMED})


def described() -> str:
    """Return what `--data` can be, for a help text: no capital, no full stop."""
    kinds = ", ".join(map(_a, (*PATHS.values(), *ADDRESSES.values())))
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
    DataError
        For a file of a kind that is known and not read; the advice says what to make of it.
    """
    from bottleneck.core.paths import local_path  # noqa: PLC0415 - help texts do without
    from bottleneck.data.how import make_how  # noqa: PLC0415 - help texts do without

    if isinstance(data, Given):
        how = make_how(told, (TARGET_KIND,), "what is passed from Python")
        if data.digests is not None:
            return _open("bottleneck.data.collected:CollectedSource", data, how)
        return _open("bottleneck.data.memory:MemorySource", data, how)
    if not data:
        raise UsageError("--data is empty", "", f"give a folder, or one of {', '.join(NAMED)}")
    if data in NAMED:
        return _open(NAMED[data].opens, make_how(told, NAMED[data].options, f"the set {data}"))
    if ":/" in data and (found := _at_address(data)) is not None:
        place, spec = found
        return _open(spec.opens, place, make_how(told, spec.options, _a(spec)))
    path = local_path(data)
    if path.suffix.lower() in REFUSED and not path.is_dir():
        raise DataError(f"{path.suffix} files are not read", data, REFUSED[path.suffix.lower()])
    spec = PATHS[kind_of(path)]
    return _open(spec.opens, path, make_how(told, spec.options, _a(spec)))


def _at_address(data: str) -> tuple[str, SourceSpec] | None:
    """Return the address in a bucket that this is, and what is there; None for what is none.

    Raises
    ------
    DataError
        For what is read on a disk alone.
    """
    from bottleneck.core.buckets import address  # noqa: PLC0415 - help texts do without

    place = address(data)
    if place is None:
        return None
    name = place.prefix.lower()
    several = is_pattern(name)
    kinds = [spec for spec in ADDRESSES.values() if spec.is_pattern == several]
    spec = next((spec for spec in kinds if name.endswith(tuple(spec.endings))), None)
    if several and not spec:
        do = "give the prefix that all are below; --include and --exclude take patterns"
        raise DataError("of patterns in buckets, those of .tar archives alone are read", place, do)
    if not spec and _by_ending(Path(name), are_patterns=False) not in _ONE:
        do = "copy it to a disk, or give a prefix of class folders"
        raise DataError("zip archives, arrays and the like are not read in buckets", place, do)
    return str(place), spec or ADDRESSES["bucket"]


def holds_many(data: str) -> bool:
    """Whether `--data` of this is a set of samples: not so a file that is one image, or unknown."""
    path = Path(data)
    return data in NAMED or path.is_dir() or kind_of(path) not in {"folder", "image"}


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
        where = (from_json_text(spec["where"]),) if kind in {*PATHS, *ADDRESSES} else ()
        return _open(KINDS[kind].opens, *map(Path, where), how)
    if kind in HANDED:
        raise UsageError(
            "its images were passed from Python, so they cannot be opened again",
            spec.get("where"),
            HANDED[kind],
        )
    raise UsageError(
        f"unknown kind of source {kind!r}", "the record of the source", "upgrade bottleneck-cache"
    )


def kind_of(path: Path) -> str:
    """Return the kind in `PATHS` that a path is of; `folder` also for what is of none."""
    if path.is_dir():
        return next((kind for kind, spec in PATHS.items() if _holds(path, spec)), "folder")
    if not path.exists() and is_pattern(str(path)):
        return _by_ending(path, are_patterns=True) or "shards"
    return _by_ending(path, are_patterns=False) or "folder"


def _by_ending(path: Path, *, are_patterns: bool) -> str:
    """Return the kind that the longest ending of a name says; empty for none."""
    name = path.name.lower()
    found = [
        (len(ending), kind)
        for kind, spec in PATHS.items()
        if spec.is_pattern == are_patterns
        for ending in spec.endings
        if name.endswith(ending) and name != ending
    ]
    return max(found, default=(0, ""))[1]


def is_pattern(path: str) -> bool:
    """Whether a path has characters of a pattern: `* ? [`, a range `{000..099}`, or `{a,b}`."""
    braces = path.partition("{")[2]
    return any(character in path for character in "*?[") or ".." in braces or "," in braces


def _holds(folder: Path, spec: SourceSpec) -> bool:
    return any(all((folder / name).is_file() for name in names) for names in spec.holds)


def _a(spec: SourceSpec) -> str:
    return f"a {spec.about}".replace("a one", "one").replace("a image", "an image")


def _open(opener: str, *arguments: object) -> Source:
    module, function = opener.split(":")
    return cast("Callable[..., Source]", getattr(import_module(module), function))(*arguments)
