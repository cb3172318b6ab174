"""Patterns of paths that mean several files: `*.tar`, `{000..099}.tar`, `{train,test}.csv`."""

from __future__ import annotations

import fnmatch
import glob
import os
import re
import stat
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, TypeVar

from bottleneck.core.errors import DataError, UsageError
from bottleneck.core.paths import shown

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

AnyPath = TypeVar("AnyPath", bound=PurePath)
MOST = 100_000  # files that one pattern may name
_RANGE = re.compile(r"\{(\d+)\.\.(\d+)\}")
_OF_SEVERAL = re.compile(r"-(\d+)-of-(\d+)")
_WORDS = re.compile(r"\{([^{}/]*,[^{}/]*)\}")


def shards(pattern: Path) -> list[Path]:
    """Return the files that a pattern means, sorted by name; DataError when two have one name."""
    return by_name(matching(pattern), shown(pattern))


def by_name(found: Sequence[AnyPath], pattern: str) -> list[AnyPath]:
    """Return shards, sorted by name; DataError when two have one name."""
    names = [path.name for path in found]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise DataError(
            f"two shards are called {shown(twice)}", pattern, "give a pattern of one folder"
        )
    return sorted(found, key=lambda path: path.name)


def matching(pattern: Path) -> list[Path]:
    """Return the files that a pattern means, sorted.

    Raises
    ------
    DataError
        When one of a range is not there: part of a data set is not the data set.
    """
    return all_of(str(pattern), lambda one: [*filter(_is_file, _globbed(Path(one)))])


def all_of(
    pattern: str, find: Callable[[str], Sequence[AnyPath]], below: str = ""
) -> list[AnyPath]:
    """Return what a pattern means, sorted.

    Of a range, and of words, every file must be there; of `*` whatever is there is meant.

    Parameters
    ----------
    find : returns what is there of a pattern without ranges and words
    below : what stands before the pattern, for messages

    Raises
    ------
    DataError
        When one of a range is not there.
    """
    each_spelled = spelled(pattern)
    found: list[AnyPath] = []
    for each in each_spelled:
        paths = find(each)
        if len(each_spelled) > 1 and not paths:
            raise DataError("a shard is not there", shown(below + each), "check the range")
        found += paths
    return sorted(set(found))


def missing_shards(paths: Sequence[PurePath]) -> tuple[str, ...]:
    """Return what to say of files such as `train-00000-of-00002` of which some are not there."""
    found: dict[tuple[str, str], set[int]] = {}
    for path in paths:
        match = _OF_SEVERAL.search(path.name)
        if match:
            name = str(path.parent / path.name[: match.start()])
            found.setdefault((name, match[2]), set()).add(int(match[1]))
    said = []
    for (name, total), numbers in sorted(found.items()):
        lacking = sorted({*range(int(total))} - numbers) if int(total) < MOST else []
        if lacking:
            first = f"{Path(name).name}-{lacking[0]:0{len(total)}d}-of-{total}"
            more = f" and {len(lacking) - 1} more are" if len(lacking) > 1 else " is"
            said.append(f"{shown(first)}{more} not among its files")
    return tuple(said)


def _globbed(pattern: Path) -> list[Path]:
    """Return the paths that a pattern of an absolute path means, as a shell would.

    `glob.glob` takes a folder that the disk does not read for one that is empty.
    """
    found = [Path(pattern.anchor)]
    for part in pattern.parts[1:]:
        if glob.has_magic(part):
            found = [folder / name for folder in found for name in _names(folder, part)]
        else:
            found = [folder / part for folder in found]
    return found


def _names(folder: Path, pattern: str) -> list[str]:
    try:
        names = os.listdir(folder)  # noqa: PTH208 - names
    except (FileNotFoundError, NotADirectoryError):
        return []
    is_hidden_meant = pattern.startswith(".")
    return sorted(
        name
        for name in names
        if fnmatch.fnmatch(name, pattern) and (is_hidden_meant or not name.startswith("."))
    )


def _is_file(path: Path) -> bool:
    try:
        return stat.S_ISREG(path.stat().st_mode)
    except (FileNotFoundError, NotADirectoryError):
        return False


def spelled(pattern: str) -> list[str]:
    """Return the patterns that `{000..099}` or `{a,b}` stands for; zeros in front are kept."""
    words = _WORDS.search(pattern)
    if words is not None:
        before, after = pattern[: words.start()], pattern[words.end() :]
        each = (before + word + after for word in words.group(1).split(","))
        return [name for one in each for name in spelled(one)]
    match = _RANGE.search(pattern)
    if match is None:
        return [pattern]
    first, last = (int(number) for number in match.groups())
    if not 0 <= last - first < MOST:
        raise UsageError(
            f"the range {match.group()} is empty or names more than {MOST} files",
            shown(pattern),
            "give it as {000..099}",
        )
    width = len(match.group(1))
    each = (f"{pattern[: match.start()]}{n:0{width}d}{pattern[match.end() :]}"
            for n in range(first, last + 1))  # fmt: skip
    return [name for one in each for name in spelled(one)]
