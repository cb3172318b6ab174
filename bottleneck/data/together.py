"""Files that are one source when a pattern names them: tables of several splits, IDX, images.

Each pattern means the files that were looked at, and no others.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from bottleneck.core.errors import DataError
from bottleneck.core.paths import shown
from bottleneck.data.catalog import PATHS, REFUSED, is_pattern, kind_of
from bottleneck.data.folder_words import split_told, splits_of_level
from bottleneck.data.reading_of_paths import quoted
from bottleneck.data.shards import matching, spelled

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

_MOST = 3  # things that are named
_JSON_OF_ONE = b"{"  # what one image's annotations begin with; a table is a list


def tables_together(paths: Sequence[Path]) -> list[Path]:
    """Return tables, those of several splits as one pattern: `*/_classes.csv`, `{a,b}.csv`."""
    found = _grouped(
        paths, lambda p: (p.parent.parent, p.name, _says_split(p.parent.name)), _of_folders
    )
    return _grouped(found, lambda p: (p.parent, p.suffix, _says_split(p.stem)), _of_names)


def idx_together(paths: Sequence[Path]) -> list[Path]:
    """Return files of IDX's images, those of one set and several splits as one pattern."""

    def parted(path: Path) -> tuple[str, str, str]:
        """Return a name's word of a split, with what stands before and behind it."""
        start, images, end = path.name.partition("images")
        pieces = re.split(r"([-_.])", start)
        for i, piece in enumerate(pieces):
            if split_told(piece.replace("t10k", "test").encode()) is not None:
                return "".join(pieces[:i]), piece, "".join(pieces[i + 1 :]) + images + end
        return path.name, "", ""

    def rest(path: Path) -> object:
        start, _, end = parted(path)
        return path.parent, start, end

    def pattern(group: Sequence[Path]) -> Path:
        start, _, end = parted(group[0])
        return group[0].with_name(start + _braces([parted(path)[1] for path in group]) + end)

    return _grouped(paths, rest, pattern)


def not_archives(pattern: Path, paths: Sequence[Path]) -> DataError:
    """Return the error for a pattern of files that are no archives: what they are, what reads them.

    Parameters
    ----------
    paths : those that are no archives
    """
    by_kind: dict[str, list[Path]] = {}
    for path in paths:
        by_kind.setdefault(kind_of(path), []).append(path)
    ways = [way for kind, found in by_kind.items() for way in _ways(kind, found, pattern)]
    some = ", ".join(shown(path.name) for path in paths[:_MOST])
    kinds = [_about(kind, found) for kind, found in by_kind.items() if kind != "folder"]
    of = f" ({', '.join(kinds)})" if kinds else ""
    what = f"no archives, but {some}{', …' if len(paths) > _MOST else ''}{of}"
    refused = next((path for path in paths if path.suffix.lower() in REFUSED), None)
    if not ways and refused is not None:
        do = REFUSED[refused.suffix.lower()]
    elif ways:
        do = "give what reads them: " + ", or ".join(ways[:_MOST])
    else:
        do = "give a pattern of archives (.tar, .zip), of tables, or a folder of images"
    return DataError(
        what.replace("are no", "is no") if len(paths) == 1 else what, shown(pattern), do
    )


def _about(kind: str, paths: Sequence[Path]) -> str:
    if kind == "table":
        return "objects of JSON, of an image each" if _are_of_images(paths) else "tables"
    return {"image": "images", "idx": "files of IDX"}.get(kind, PATHS[kind].about)


def _are_of_images(paths: Sequence[Path]) -> bool:
    """Whether each is an object of JSON, such as annotations of one image; a table is a list."""
    return all(p.suffix.lower() == ".json" and _first_byte(p) == _JSON_OF_ONE for p in paths)


def _ways(kind: str, paths: Sequence[Path], pattern: Path) -> list[str]:
    """Return the words of a command line that read files of a kind."""
    if kind == "image":
        at = next((i for i, part in enumerate(pattern.parts) if is_pattern(part)), 0)
        root = pattern.__class__(*pattern.parts[:at])
        each = spelled(str(pattern.__class__(*pattern.parts[at:])))[:_MOST]
        return [" ".join([_data(root), *(f"--include {quoted(one)}" for one in each)])]
    if kind == "idx":
        return [*map(_data, idx_together([path for path in paths if "images" in path.name]))]
    if kind == "table":
        if _are_of_images(paths):
            return [_data(folder) for folder in sorted({path.parent for path in paths})]
        return [*map(_data, _by_ending(pattern, paths))]
    return [] if kind == "folder" else [*map(_data, paths)]


def _by_ending(pattern: Path, paths: Sequence[Path]) -> list[Path]:
    """Return the pattern with each ending that there is, where it means the same files."""
    found: list[Path] = []
    for ending in sorted({path.suffix for path in paths}):
        same = [path for path in paths if path.suffix == ending]
        narrow = pattern.with_suffix(ending) if ending else pattern
        is_one = len(same) > 1 and ending in PATHS["tables"].endings and matching(narrow) == same
        found += [narrow] if is_one else tables_together(same)
    return found


def _grouped(
    paths: Sequence[Path],
    key: Callable[[Path], object],
    pattern: Callable[[Sequence[Path]], Path | None],
) -> list[Path]:
    """Return the paths with each group of one key as its pattern, where it has one."""
    groups: dict[object, list[Path]] = {}
    for path in paths:
        groups.setdefault(key(path), []).append(path)
    found = []
    for group in groups.values():
        is_plain = len(group) > 1 and not any(is_pattern(str(path)) for path in group)
        one = pattern(group) if is_plain else None
        found += group if one is None else [one]
    return found


def _of_folders(group: Sequence[Path]) -> Path | None:
    """Return the pattern of tables of one name in folders that are splits."""
    names = [path.parent.name for path in group]
    if not _are_splits(names):
        return None
    above, name = group[0].parent.parent, group[0].name
    return _narrowest([above / "*" / name, above / _braces(names) / name], group)


def _of_names(group: Sequence[Path]) -> Path | None:
    """Return the pattern of tables in one folder whose names are splits."""
    stems = [path.stem for path in group]
    if not _are_splits(stems):
        return None
    folder, ending = group[0].parent, group[0].suffix
    return _narrowest([folder / f"*{ending}", folder / f"{_braces(stems)}{ending}"], group)


def _says_split(name: str) -> bool:
    return split_told(os.fsencode(name)) is not None


def _are_splits(names: Iterable[str]) -> bool:
    level = splits_of_level([os.fsencode(name) for name in names])
    return level is not None and len({*level.values()}) > 1


def _narrowest(patterns: Sequence[Path], group: Sequence[Path]) -> Path | None:
    """Return the first pattern that means these files and no others."""
    return next((one for one in patterns if matching(one) == sorted(group)), None)


def _braces(words: Sequence[str]) -> str:
    return "{" + ",".join(sorted(words)) + "}"


def _first_byte(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(64).lstrip(b"\xef\xbb\xbf \t\r\n")[:1]
    except OSError:
        return b""


def _data(path: Path) -> str:
    return f"--data {quoted(str(path))}"
