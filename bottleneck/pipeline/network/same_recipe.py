"""Whether two recipes are one; each key that differs is said in words that people know."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from bottleneck.core.errors import RecipeError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bottleneck.core.recipe import Recipe

# Which words of `about` say what a digest of the recipe stands for.
DIGEST = re.compile("[0-9a-f]{64}")
NAMED = {"network": ("backbone", "layer", "output", "pooling"), "weights": ("weights",)}
START_ANEW = "use another --cache, or --replace to compute this store anew"


def check_same(
    recorded: Recipe,
    asked: Recipe,
    where: object,
    advice: str = START_ANEW,
    *,
    said: tuple[Mapping[str, Any], Mapping[str, Any]] = ({}, {}),
) -> None:
    """Raise RecipeError, one line for each key that differs, unless both recipes are one.

    Parameters
    ----------
    said : what is recorded `about` each recipe, for words in the place of digests
    """
    differences = recorded.differences(asked)
    if differences:
        raise RecipeError(
            "the recipe differs",
            where,
            advice,
            *(
                f"{key}: {_short(theirs)} asked, {_short(ours)} there"
                for difference in differences
                for key, ours, theirs in _in_words(difference, *said)
            ),
        )


def _in_words(
    difference: tuple[str, object, object], there: Mapping[str, Any], asked: Mapping[str, Any]
) -> list[tuple[str, object, object]]:
    """Return (key, ours, theirs) of what people know, where they would else read two digests."""
    found = [
        (key, there[key], asked[key])
        for key in NAMED.get(difference[0], ())
        if there.get(key, asked.get(key)) != asked.get(key) and key in asked
    ]
    return found or [difference]


def _short(value: object) -> str:
    if value is None:
        return "none"
    if isinstance(value, tuple):
        numbers = all(isinstance(item, int) for item in value)
        return ("x" if numbers else ", ").join(map(str, value)) or "none"
    text = str(value)
    return text[:12] if DIGEST.fullmatch(text) else text
