"""Which source a command means: by what it is, by its name, or because there is only one."""

from __future__ import annotations

from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Any

from bottleneck.core.errors import BottleneckError, DataError, UsageError
from bottleneck.core.paths import from_json_text, local_path
from bottleneck.core.text import printable
from bottleneck.data.catalog import PATHS, PATTERNS, open_source, reopen
from bottleneck.data.how import written
from bottleneck.data.source import Unpacks
from bottleneck.pipeline.extraction.look import recall

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from bottleneck.core.given import Given
    from bottleneck.data.source import Source
    from bottleneck.store.store import Store


def asked_for(data: str | Given | None, name: str | None) -> str | None:
    """Return the name of the source that a command is about, before it is opened; None for any."""
    if name is not None or data is None:
        return name
    return printable(Path(data).name) or data if isinstance(data, str) else data.name


def choose_source(
    store: Store | None,
    data: str | Given | None,
    name: str | None,
    reading: Mapping[str, Any] | None = None,
    *,
    is_dry: bool = False,
) -> tuple[str, Source]:
    """Return the name and the source that `--data` and `--source` mean; a dry one writes nothing.

    Without `--data` it is a recorded one, read as it was unless `reading` has other options of its
    kind. With it, a recorded source of the same description
    keeps its name, also one that is now told how to read its paths or columns; a new one takes
    `--source`, or the name of the folder or data set.

    Raises
    ------
    UsageError
        No data named, several sources to choose from, or the name belongs to another source.
    """
    chosen, source = _chosen(store, data, name, reading)
    if is_dry and isinstance(source, Unpacks):
        source.is_dry = True
    return chosen, source


def _chosen(
    store: Store | None,
    data: str | Given | None,
    name: str | None,
    reading: Mapping[str, Any] | None,
) -> tuple[str, Source]:
    if data is None:
        if store is None or not store.source_names:
            raise UsageError(
                "no images named", "--data", "name a folder or a data set, such as --data digits"
            )
        chosen = store.source_name(name)
        spec = store.snapshot(chosen).spec
        source = reopen(spec, reading)
        if spec["kind"] in PATHS and not source.exists():
            raise DataError(
                f"the source {chosen!r} is not there any more",
                spec["where"],
                "check that its disk is mounted; if it was moved: "
                f"{command(store.path, chosen)} NEWPLACE",
            )
        _check_roots(store, chosen, source.spec)
        return chosen, source
    source = open_source(data, reading)
    if store is None:
        return name or source.name, source
    specs = {known: store.snapshot(known).spec for known in store.source_names}
    if name is None:
        for known, spec in specs.items():
            if spec == source.spec:
                return known, source
    chosen = name or _name_of(source, specs)
    if chosen in specs and _is_read_anew(specs[chosen], source.spec, reading):
        return chosen, source
    if chosen in specs and specs[chosen] != source.spec:
        raise _taken(store, chosen, specs[chosen], source.spec)
    return chosen, source


def command(cache: Path, name: str) -> str:
    """Return the command that says where a source lies now, but for the place."""
    return f"bottleneck relocate --cache {quote(str(cache))} {quote(printable(name))}"


def _check_roots(store: Store, name: str, spec: Mapping[str, Any]) -> None:
    """Raise DataError where a folder with a recorded table's files is not there any more."""
    for root in spec.get("root", ()):
        if not Path(from_json_text(root)).is_dir():
            place = quote(from_json_text(spec["where"]))
            others = {key: value for key, value in spec.items() if key != "root"}
            raise DataError(
                f"the files of the source {name!r} are not there any more",
                root,
                "check that their disk is mounted; if they were moved: "
                f"{' '.join([command(store.path, name), place, *written(others)])} --root NEWPLACE",
            )


def _taken(
    store: Store, name: str, recorded: Mapping[str, Any], spec: Mapping[str, Any]
) -> UsageError:
    """Return the error for a name that another source has, or this one read in another way."""
    move = command(store.path, name)
    what = f"the source name {name!r} is taken by {recorded.get('where')}"
    if not _is_same_place(recorded, spec):
        return UsageError(
            what,
            store.path,
            "if these are the same images in another place or read otherwise: "
            f"{move} DATA; else choose another name with --source NAME",
        )
    place = quote(from_json_text(spec["where"])) if "where" in spec else "DATA"
    told, before = (" ".join(written(each)) for each in (spec, recorded))
    return UsageError(
        f"{what}, read with other options ({before or 'none'})",
        store.path,
        f"to read it as recorded: bottleneck extract --cache {quote(str(store.path))} "
        f"--source {quote(name)}; to read it so from now on: {move} {place}{told and f' {told}'}; "
        "else choose another name with --source NAME",
    )


def _name_of(source: Source, specs: Mapping[str, Mapping[str, Any]]) -> str:
    """Return the name of a new source: of a file, with its folder where another file has its name.

    Many tables are called metadata.csv. A file that is not there any more may be the same, moved.
    """
    spec, taken = source.spec, specs.get(source.name)
    if taken is None or _is_same_place(taken, spec) or not _is_file(spec) or not _is_file(taken):
        return source.name
    return f"{Path(from_json_text(spec['where'])).parent.name}/{source.name}"


def _is_file(spec: Mapping[str, Any]) -> bool:
    """Whether a source is one file, and it is there."""
    return spec["kind"] in PATHS and Path(from_json_text(spec["where"])).is_file()


def _is_read_anew(
    recorded: Mapping[str, Any], spec: Mapping[str, Any], reading: Mapping[str, Any] | None
) -> bool:
    """Whether it is the recorded source, of the same images, and told how to read it this time."""
    said = {key for key, value in (reading or {}).items() if value is not None}
    same = all(recorded.get(key) == spec.get(key) for key in ("kind", "where", *PATTERNS))
    return same and bool(said - {*PATTERNS})


def _is_same_place(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    return all(one.get(key) == other.get(key) for key in ("kind", "where"))


def reopen_existing(store: Store, leave_out: str | None) -> Iterator[tuple[str, Source]]:
    """Yield the other recorded sources that can still be opened."""
    for name in store.source_names:
        if name == leave_out:
            continue
        try:
            source = reopen(store.snapshot(name).spec)
            if source.exists():
                recall(source, store)
                yield name, source
        except BottleneckError:
            continue


def the_one_store(folder: Path = Path("cache")) -> Path:
    """Return the one store under `cache/`; UsageError when there are none or several."""
    found = sorted(path.parent for path in folder.glob("*/log") if path.is_dir())
    if len(found) != 1:
        listed = ", ".join(map(str, found)) or "none"
        raise UsageError(f"which store? there are: {listed}", folder, "name one with --cache")
    return found[0]


def distinct(caches: Sequence[Path]) -> list[Path]:
    """Return each folder once, under its first name."""
    found: dict[Path, Path] = {}
    for cache in caches:
        found.setdefault(cache.absolute(), cache)
    return list(found.values())


def stores_in(folder: Path) -> list[Path]:
    """Return the stores in a folder, sorted.

    Raises
    ------
    UsageError
        When it is a store itself, or there is none in it.
    """
    local_path(folder)
    found = sorted(path.parent for path in folder.glob("*/log") if path.is_dir())
    if (folder / "log").is_dir():
        raise UsageError("is a store itself", folder, "name it with --cache")
    if not found:
        raise UsageError("no feature store in it", folder, "name the folder that holds the stores")
    return found
