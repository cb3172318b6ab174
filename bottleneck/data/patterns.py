"""--include and --exclude: which keys of a source count."""

from __future__ import annotations

import fnmatch
import os
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from bottleneck.core.paths import to_json_text

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True, slots=True, kw_only=True)
class Patterns:
    """Shell patterns (`* ? [abc]`, case counts) over keys.

    A pattern matches a key when it matches all of it (`*` crosses `/` there), or one of its
    folders, or its file name: `*.png`, `train/cat/*` and `cat` all work. A key counts when some
    include matches, or there is none, and no exclude does. Patterns only narrow: a file that is
    no image by its extension is not brought in by one.
    """

    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.include or self.exclude)

    def keeps(self, key: bytes) -> bool:
        """Whether this key counts."""
        whole = os.fsdecode(key)
        parts = (whole, *whole.split("/"))
        if self.include and not any(map(_compiled(self.include).match, parts)):
            return False
        return not (self.exclude and any(map(_compiled(self.exclude).match, parts)))

    def to_json(self) -> dict[str, list[str]]:
        """Return the two lists for a spec."""
        return {
            "include": [to_json_text(p) for p in self.include],
            "exclude": [to_json_text(p) for p in self.exclude],
        }


class Unmatched:
    """Which patterns have matched no key that was seen: mostly they are misspelled."""

    def __init__(self, patterns: Patterns) -> None:
        told = (("--include", patterns.include), ("--exclude", patterns.exclude))
        self._left = {
            (option, pattern): re.compile(fnmatch.translate(pattern))
            for option, each in told
            for pattern in each
        }

    def see(self, keys: Iterable[bytes]) -> None:
        """Look at keys, until each pattern has matched one."""
        for key in keys:
            if not self._left:
                return
            whole = os.fsdecode(key)
            parts = (whole, *whole.split("/"))
            self._left = {
                told: pattern
                for told, pattern in self._left.items()
                if not any(map(pattern.match, parts))
            }

    def notes(self) -> tuple[str, ...]:
        """Return what is to be said of them."""
        return tuple(f"{option} {pattern!r} matches no image" for option, pattern in self._left)


def make_patterns(include: Iterable[str], exclude: Iterable[str]) -> Patterns:
    """Return patterns; a trailing `/` (`cat/`, as shells complete it) does not count."""
    return Patterns(
        include=tuple(p.rstrip("/") for p in include), exclude=tuple(p.rstrip("/") for p in exclude)
    )


@lru_cache(maxsize=8)
def _compiled(patterns: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile("|".join(fnmatch.translate(p) for p in patterns))
