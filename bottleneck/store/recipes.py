"""The recipes of a store, each in a file that is named by its id."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bottleneck.core import files
from bottleneck.core.recipe import read_recipe_file, recipe_file
from bottleneck.core.sealed import read_own
from bottleneck.store.table import ADVICE

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from bottleneck.core.recipe import Recipe


def write_recipe(path: Path, recipe: Recipe, about: Mapping[str, Any]) -> None:
    """Publish a recipe in the store at `path`, durable; one that is there already must be whole."""
    folder = path / "recipes"
    files.make_folder(folder)
    file, data = folder / f"{recipe.id}.json", recipe_file(recipe, about)
    try:
        try:
            files.create(file, data)
        except files.NoHardLinksError:
            # Needs no lock: whoever takes this name at the same time writes the same recipe.
            files.create_under_lock(file, data)
    except FileExistsError:
        read_recipe_file(read_own(file, ADVICE), recipe.id, file)  # it must be whole to be shared
