"""What lies in a folder that holds no images, or no labels for them: what to give instead.

A folder may hold one archive, the tables of a data set, or MNIST's files a folder below. Each is
named with the `--data` that reads it. A few thousand entries are looked at, and no file is read
but the first line of a text.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from bottleneck.core.paths import shown
from bottleneck.core.regular import open_regular
from bottleneck.core.sample import SPLITS, show_key
from bottleneck.data import webdataset
from bottleneck.data.catalog import REFUSED, is_pattern, kind_of
from bottleneck.data.folder_words import split_said
from bottleneck.data.left_alone import SYSTEM_FOLDERS, has_image_ending
from bottleneck.data.reading_of_paths import quoted
from bottleneck.data.together import idx_together, tables_together

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

MOST = 3  # things that are named
_MOST_ENTRIES = 5_000
_TABLES = frozenset({".csv", ".tsv", ".jsonl", ".ndjson", ".parquet"})
_LINES = frozenset({".csv", ".tsv", ".txt"})
_ARCHIVES = frozenset({"archive", "zip"})
_PACKED = re.compile(r"\.(tar\.(gz|bz2|xz)|tgz|tbz2|txz)$", re.IGNORECASE)
_NAMES_IMAGES = re.compile(rb"\.(jpe?g|png|bmp|gif|tiff?|webp)\b", re.IGNORECASE)
_TO_FILL_IN = re.compile(r"submi(t|ssion)", re.IGNORECASE)
_BETWEEN, _BETWEEN_TEXT = re.compile(rb"[,;\t|]"), re.compile(rb"[,;\t| ]")  # columns


def instead(root: Path) -> tuple[str, str]:
    """Return what a folder without images holds, for the end of a sentence, and what to do."""
    files: dict[tuple[Path, str], list[Path]] = {}  # by folder and kind
    others: list[Path] = []
    for folder, names in _folders(root):
        kind = kind_of(folder)
        if kind != "folder":
            return f", but files of {kind.upper()} in {_below(folder, root)}", _give(
                [_data(folder)]
            )
        for path in (folder / name for name in names):
            kind = kind_of(path)
            is_one = kind not in ("folder", "image") and path.suffix.lower() not in REFUSED
            is_form = kind == "table" and _TO_FILL_IN.search(path.name) is not None
            if is_one and not is_form and _is_readable(path, kind):
                files.setdefault((folder, kind), []).append(path)
            else:
                others.append(path)
    tables = [path for (_, kind), paths in files.items() if kind == "table" for path in paths]
    given = [*map(_data, tables_together(tables))] if len(tables) > 1 else []
    given += [
        way
        for (folder, kind), paths in files.items()
        if kind != "table" or not given
        for way in _ways(folder, kind, paths)
    ]
    if given:
        listed = [path for paths in files.values() for path in paths]
        return f", but {_listed(listed, root)}", _give(given)
    refused = next((path for path in others if path.suffix.lower() in REFUSED), None)
    if refused is not None:
        what = f", but {_below(refused, root)}, which is not read"
        return what, REFUSED[refused.suffix.lower()]
    if others:
        what = f", but {_listed(others, root)}: no ending of an image"
        return what, "give a folder that holds images"
    return "", "give a folder that holds images"


def tables_for(root: Path, folders: Sequence[bytes]) -> list[str]:
    """Return the notes on tables that may say the classes of the images in these folders."""
    places = {b""}
    for folder in folders[:_MOST_ENTRIES]:
        parts = folder.split(b"/")[:-1]
        places |= {b"/".join(parts[: n + 1]) for n in range(len(parts))}
    found = [
        path
        for place in sorted(places)[:_MOST_ENTRIES]
        for path in _files(root / os.fsdecode(place))
        if (
            path.suffix.lower() in _TABLES or (path.suffix.lower() == ".txt" and names_images(path))
        )
        and _may_say_classes(path)
    ]
    ways = ", or ".join(
        _data(path) if is_pattern(str(path)) else _table(path, root)
        for path in tables_together(found)[:MOST]
    )
    return [f"{_listed(found, root)} may say their classes: {ways}"] if found else []


def labels_beside(root: Path, folders: Sequence[bytes]) -> list[str]:
    """Return the note on labels that lie beside these images, as in WebDataset's archives."""
    for folder in folders[:_MOST_ENTRIES]:
        here = root / os.fsdecode(folder)
        names = sorted(os.fsencode(path.name) for path in _named(here))
        stems = {webdataset.stem(name) for name in names if has_image_ending(name)}
        beside = (n for n in names if webdataset.may_be_label(n) and webdataset.stem(n) in stems)
        found = next(beside, None)
        if found is not None and webdataset.says_class(here / os.fsdecode(found)):
            archive = root.with_name(f"{root.name}.tar")
            if archive.exists():
                archive = root.with_name(f"{root.name}-packed.tar")
            made, packed = quoted(str(archive)), quoted(str(root))
            return [
                f"{show_key(folder + found)} and others may say the classes of the images that "
                f"they lie beside, as in WebDataset's archives; in one they are read: "
                f"tar -cf {made} -C {packed} . and then --data {made}"
            ]
    return []


def _table(path: Path, root: Path) -> str:
    """Return the words of a command line that read a table as what it is beside its images."""
    parts = [*path.relative_to(root).parts[:-1], path.stem]
    split = next((n for p in parts if (n := split_said(os.fsencode(p)))), 0)
    bare = ""
    if names_images(path) and path.suffix.lower() in _LINES:
        n_columns = len(_BETWEEN_TEXT.split(_first_line(path).strip()))
        bare = " --no-header" + (" --label-column 2" if n_columns > 2 else "")
    return f"{_data(path)}{bare}{f' --split-map ={SPLITS[split]}' if split else ''}"


def _may_say_classes(path: Path) -> bool:
    """Whether a table may hold labels: one to be filled in does not, nor a mere list of files."""
    if _TO_FILL_IN.search(path.name):
        return False
    if path.suffix.lower() == ".parquet":
        return True
    between = _BETWEEN_TEXT if path.suffix.lower() == ".txt" else _BETWEEN
    return between.search(_first_line(path).strip()) is not None


def names_images(path: Path) -> bool:
    """Whether the first line of a text names an image."""
    return _NAMES_IMAGES.search(_first_line(path)) is not None


def _first_line(path: Path) -> bytes:
    """Return the first line of a file, cut off where it is long; nothing where there is none."""
    try:
        number = open_regular(path, os.O_RDONLY, follow=True)  # never a pipe, which would not end
        with os.fdopen(number, "rb") as file:
            return file.readline(1024)
    except OSError:
        return b""


def _is_readable(path: Path, kind: str) -> bool:
    """Whether a file of a kind by its ending is likely to be one."""
    if kind == "archive":
        return path.suffix.lower() == ".tar" or _PACKED.search(path.name) is not None
    if kind == "idx":
        return "images" in path.name
    return kind != "table" or path.suffix.lower() in _TABLES or names_images(path)


def _ways(folder: Path, kind: str, paths: list[Path]) -> list[str]:
    """Return the words of a command line that read files of one kind in one folder."""
    found = {path: match[0] for path in paths if (match := _PACKED.search(path.name))}
    packed = [*found] if kind == "archive" else []
    if packed:
        endings = {*found.values()}
        several = [folder / f"*{endings.pop()}"] if 1 == len(endings) < len(packed) else packed
        return [f"{_data(path)} --unpack FOLDER" for path in several]
    if kind == "idx":
        return [*map(_data, idx_together(paths))]
    endings = {path.suffix for path in paths}
    are_shards = kind in _ARCHIVES or endings == {".parquet"}
    if are_shards and len(paths) > 1 and len(endings) == 1:
        return [_data(folder / f"*{endings.pop()}")]
    return [_data(path) for path in paths]


def _folders(root: Path) -> Iterator[tuple[Path, list[str]]]:
    """Yield each folder that is looked at, and its files, sorted; no hidden ones."""
    n = 0
    for here, folders, files in os.walk(root):
        folders[:] = sorted(
            f for f in folders if f[0] != "." and os.fsencode(f.lower()) not in SYSTEM_FOLDERS
        )
        yield root.__class__(here), sorted(name for name in files if name[0] != ".")
        n += len(folders) + len(files)
        if n > _MOST_ENTRIES:
            return


def _files(folder: Path) -> list[Path]:
    """Return the files of a folder that may be tables."""
    return sorted(p for p in _named(folder) if p.suffix.lower() in _TABLES | _LINES and p.is_file())


def _named(folder: Path) -> list[Path]:
    """Return what lies in a folder, but for what is hidden."""
    try:
        return [path for path in folder.iterdir() if path.name[0] != "."]
    except OSError:
        return []


def _data(path: Path) -> str:
    return f"--data {quoted(str(path))}"


def _give(ways: Sequence[str]) -> str:
    more = ", …" if len(ways) > MOST else ""
    return "give what is there: " + ", or ".join(ways[:MOST]) + more


def _below(path: Path, root: Path) -> str:
    return shown(path.relative_to(root)) if path != root else "it"


def _listed(paths: Sequence[Path], root: Path) -> str:
    return ", ".join(_below(path, root) for path in paths[:MOST]) + (
        ", …" if len(paths) > MOST else ""
    )
