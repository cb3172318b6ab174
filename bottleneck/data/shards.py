"""Patterns of paths that mean several archives: `train-*.tar`, `shards/{000..099}.tar`."""

from __future__ import annotations

import glob
import re
from pathlib import Path

from bottleneck.core.errors import DataError, UsageError
from bottleneck.core.paths import shown

MOST = 100_000  # archives that one pattern may name
_RANGE = re.compile(r"\{(\d+)\.\.(\d+)\}")


def shards(pattern: Path) -> list[Path]:
    """Return the files that a pattern means, sorted by name.

    Raises
    ------
    DataError
        When two have one name, or one of a range is not there: part of a data set is not the
        data set.
    """
    spelled = _ranges(str(pattern))
    found: list[Path] = []
    for each in spelled:
        # Of a range every file must be there; of `*` whatever is there is meant.
        paths = sorted(map(Path, glob.glob(each))) or [Path(each)]  # noqa: PTH207 - it is absolute
        if len(spelled) > 1 and not paths[0].is_file():
            raise DataError("a shard is not there", shown(paths[0]), "check the range")
        found += [path for path in paths if path.is_file()]
    names = [path.name for path in found]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise DataError(
            f"two shards are called {shown(twice)}", shown(pattern), "give a pattern of one folder"
        )
    return sorted(found, key=lambda path: path.name)


def _ranges(pattern: str) -> list[str]:
    """Return the patterns that `{000..099}` stands for; the zeros in front are kept."""
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
    return [spelled for one in each for spelled in _ranges(one)]
