"""The recipe as a value: its JSON, its identity, what differs, and the views of a row."""

from dataclasses import replace

import numpy as np
import pytest
from store_world import RECIPE

from bottleneck.core.recipe import Recipe, RowSpec, ViewSpec

FLIPPED = ViewSpec(number=3, operations=("flip 0.5",), seed=7)


def test_a_recipe_survives_its_json():
    for recipe in (RECIPE, replace(RECIPE, views=FLIPPED, network_version="mine 2")):
        assert Recipe.from_json(recipe.to_json()) == recipe


def test_the_id_of_a_recipe_is_the_one_that_was_recorded_before_there_were_gray_images():
    assert RECIPE.id == "4f3d890f431ff916ee39620733fe2f74c17fd51ae0b4271658f90b35c86baa37"
    gray = replace(RECIPE, image=replace(RECIPE.image, mode="gray"))
    assert (gray.id == RECIPE.id, gray.to_json()["image"]["mode"]) == (False, "gray")
    assert RECIPE.differences(gray) == [("image.mode", "rgb", "gray")]


def test_a_fit_counts_and_is_spelled_only_where_it_is_not_the_one_of_before():
    cropped = replace(RECIPE, image=replace(RECIPE.image, fit="crop"))
    assert "fit" not in RECIPE.to_json()["image"]
    assert Recipe.from_json(cropped.to_json()) == cropped
    assert (cropped.id == RECIPE.id, cropped.to_json()["image"]["fit"]) == (False, "crop")
    assert RECIPE.differences(cropped) == [("image.fit", "squash", "crop")]


def test_what_differs_is_named_with_both_values():
    other = replace(RECIPE, weights="cc" * 32, rows=RowSpec(dtype="float32", shape=(16,)))
    assert RECIPE.differences(other) == [
        ("weights", RECIPE.weights, other.weights),
        ("rows.dtype", "float16", "float32"),
    ]
    assert RECIPE.differences(RECIPE) == []


def test_the_first_view_is_the_image_itself():
    rows = np.arange(24).reshape(2, 3, 4)
    np.testing.assert_array_equal(FLIPPED.first(rows), rows[:, 0])
    np.testing.assert_array_equal(ViewSpec().first(rows), rows)
    assert np.shares_memory(FLIPPED.first(rows), rows)


@pytest.mark.parametrize("words", [{"number": 0}, {"seed": 1}, {"number": 2}])
def test_views_that_cannot_be_are_refused(words):
    with pytest.raises(ValueError, match="no views"):
        ViewSpec(**words)
