"""A recipe in words, for people: what network, cut where, of what pictures, kept how."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bottleneck.core.recipe import Recipe


def recipe_line(recipe: Recipe, about: Mapping[str, Any]) -> str:
    """Return a recipe in one line: `mini (avg), 64 x 64 pixels, 384 numbers an image, float16`."""
    at = about.get("layer") or about.get("output")
    cut = ", ".join(filter(None, (at, about.get("pooling"))))
    backbone = f"{_name(about)} ({cut})" if cut else _name(about)
    return (
        f"{backbone}, {_pixels(recipe)}{_fitted(recipe)}{_decoded(recipe)}, {_numbers(recipe)}, "
        f"{recipe.rows.dtype}{_arithmetic(recipe)}"
    )


def recipe_facts(recipe: Recipe, about: Mapping[str, Any]) -> dict[str, str]:
    """Return a recipe as pairs: a few words, and what it says there."""
    image, plain = recipe.image, recipe.to_json()
    found = {
        "backbone": _name(about),
        "weights": str(about.get("weights")),
        "layer": str(about.get("layer") or "the last below the classes"),
        "pooling": str(about.get("pooling") or "none"),
        "preprocessing": recipe.preprocessing,
        "image": f"{_pixels(recipe)}, {image.mode.upper()}, {image.resample}{_fitted(recipe)}"
        f"{_decoded(recipe)}",
        "rows": f"{_numbers(recipe)}, {recipe.rows.dtype}",
        "arithmetic": recipe.compute,
    }
    if plain["views"] != 1:
        found["views"] = json.dumps(plain["views"])
    if recipe.network_version is not None:
        found["network version"] = recipe.network_version
    return {**found, "recipe": recipe.id}


def recipe_values(recipe: Recipe, about: Mapping[str, Any]) -> dict[str, Any]:
    """Return how an image becomes a row, as JSON; None where the store does not say."""
    return {
        "backbone": about.get("backbone"),
        "weights": about.get("weights"),
        "layer": about.get("layer"),
        "pooling": about.get("pooling"),
        "size": list(recipe.image.size),
        "resample": recipe.image.resample,
        "decode": recipe.image.decode,
        "fit": recipe.image.fit,
        "preprocessing": recipe.preprocessing,
        "shape": list(recipe.rows.shape),
        "dtype": recipe.rows.dtype,
        "compute": recipe.compute,
    }


def _name(about: Mapping[str, Any]) -> str:
    return str(about.get("backbone") or "a network")


def _pixels(recipe: Recipe) -> str:
    height, width = recipe.image.size
    return f"{height} x {width} pixels"


def _fitted(recipe: Recipe) -> str:
    return {"crop": ", cropped", "pad": ", padded"}.get(recipe.image.fit, "")


def _decoded(recipe: Recipe) -> str:
    return ", decoded fast" if recipe.image.decode == "fast" else ""


def _arithmetic(recipe: Recipe) -> str:
    return "" if recipe.compute == "float32" else f", computed in {recipe.compute}"


def _numbers(recipe: Recipe) -> str:
    shape = recipe.rows.shape
    return f"{' x '.join(map(str, shape))} numbers an image"
