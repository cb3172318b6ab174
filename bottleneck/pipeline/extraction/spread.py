"""How far the rows of a store are from float32's, where they are of fewer bits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bottleneck.store.store import Store


def spread_of(store: Store | None) -> dict[str, Any] | None:
    """Return how far the rows of a store are from float32's, where they are of fewer bits.

    It was measured when the first of them were computed, and each part repeats it. Where several
    runs began a store at once, each has its own: the narrowest counts.
    """
    if store is None or store.recipe.compute == "float32":
        return None
    found = [part.provenance.get("spread") for part in store.parts]
    known = [spread for spread in found if isinstance(spread, dict) and "relative" in spread]
    return min(known, key=lambda spread: float(spread["relative"]), default=None)
