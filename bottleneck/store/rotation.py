"""Which files a partial check takes: those that were not checked for the longest time.

What was checked is remembered in `derived/`, so it may be lost: then it starts anew. A file that
was found damaged is checked every time, beside the others, until it is mended.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bottleneck.core import files
from bottleneck.core.errors import BottleneckError
from bottleneck.core.sealed import check_seal, read_own, with_checksum

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from pathlib import Path

    from bottleneck.core.portion import Portion

NAME = "verified.json"


@dataclass(slots=True)
class Rotation:
    """In which run each file was checked last.

    Attributes
    ----------
    path : where this is remembered
    run : the number of the last run
    checked : file → run
    damaged : files that were found damaged
    """

    path: Path
    run: int = 0
    checked: dict[str, int] = field(default_factory=dict)
    damaged: set[str] = field(default_factory=set)

    def choose(self, sizes: Mapping[str, int], portion: Portion) -> set[str]:
        """Return the files (name → bytes) that are to be checked now."""
        chosen, n_bytes, of_bytes = set[str](), 0, sum(sizes.values())
        # By hash, so that large and small, old and new come mixed.
        order = sorted(sizes, key=lambda name: (self.checked.get(name, 0), _mixed(name)))
        for name in order:
            if portion.is_met(len(chosen), n_bytes, of_bytes):
                break
            chosen.add(name)
            n_bytes += sizes[name]
        return chosen | self.damaged & sizes.keys()

    def save(
        self, chosen: Collection[str], damaged: Collection[str], there: Collection[str]
    ) -> None:
        """Remember what was checked and found; where that cannot be written, it is forgotten."""
        self.run += 1
        self.checked |= dict.fromkeys(chosen, self.run)
        content = {
            "run": self.run,
            "checked": {name: run for name, run in self.checked.items() if name in there},
            "damaged": sorted(damaged),
        }
        with contextlib.suppress(OSError):
            files.replace(self.path, json.dumps(with_checksum(content)).encode())


def rotation(derived: Path) -> Rotation:
    """Return what is remembered in a store's folder `derived/`."""
    path = derived / NAME
    try:
        plain = check_seal(read_own(path, ""), path, "")
        checked = {str(name): int(run) for name, run in plain["checked"].items()}
        return Rotation(path, int(plain["run"]), checked, set(map(str, plain["damaged"])))
    except (OSError, BottleneckError, ValueError, KeyError, TypeError, AttributeError):
        return Rotation(path)


def _mixed(name: str) -> bytes:
    return hashlib.blake2b(name.encode(), digest_size=8).digest()
