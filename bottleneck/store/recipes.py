"""The recipes of a store, each in a file that is named by its id."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bottleneck.core import files
from bottleneck.core.recipe import read_recipe_file, recipe_file
from bottleneck.core.sealed import read_own
from bottleneck.store.table import ADVICE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bottleneck.core.recipe import Recipe
    from bottleneck.store.storage_protocol import Storage


def write_recipe(storage: Storage, recipe: Recipe, about: Mapping[str, Any]) -> None:
    """Publish a recipe in a store, durable; one that is there already must be whole."""
    files.make_folder(storage.root / "recipes")
    name, data = f"recipes/{recipe.id}.json", recipe_file(recipe, about)
    try:
        storage.create(name, data)
    except FileExistsError:
        file = storage.fetch(name)
        read_recipe_file(read_own(file, ADVICE), recipe.id, file)  # it must be whole to be shared
