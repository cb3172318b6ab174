"""What a training left out, in words: how many images, why, and the first of them by name."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

NAMED = 3  # of each reason
REASONS: Mapping[str, str] = MappingProxyType(
    {
        "changed": "the image changed since it was extracted",
        "gone": "no longer in the source",
        "pending": "no features yet: new, or changed since it was extracted",
        "unusable": "set aside: no features could be computed",
        "dropped": "a decision of yours",
        "conflicting": "the same image has two labels",
        "leaking": "the same image, or one of its group, is also among those to validate or test",
    }
)


def left_out_in_words(
    counts: Mapping[str, int], keys: Mapping[str, Sequence[str]], named: int = NAMED
) -> list[str]:
    """Return a phrase for each reason that left something out.

    Parameters
    ----------
    counts : reason → how many
    keys : reason → the names of those, or of the first of them
    named : how many of each reason are named
    """
    return [
        f"{n:,} {why} ({REASONS[why]}: {_listed(keys[why], n, named)})"
        for why, n in counts.items()
        if n
    ]


def _listed(names: Sequence[str], n: int, named: int) -> str:
    return ", ".join(names[:named]) + (", …" if n > min(named, len(names)) else "")
