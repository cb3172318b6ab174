"""Copies of stores: between disks and buckets, whole, and never over what is another's."""

import re
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from bucket_world import ADDRESS
from store_world import RECIPE, add_part, fold_all, rows_and_digests
from world import tree

from bottleneck.core.errors import ConflictError, DamagedError, UnavailableError, UsageError
from bottleneck.pipeline.upkeep.copy import copy
from bottleneck.store import transfer
from bottleneck.store.log import SetRecipe
from bottleneck.store.store import Store
from bottleneck.store.verify import verify


@pytest.fixture(params=["disk", "bucket"])
def other(request, tmp_path):
    """A place for a copy."""
    if request.param == "disk":
        return tmp_path / "copy"
    request.getfixturevalue("bucket")
    return ADDRESS


def same(one, two):
    """Whether two stores hold the same in the same order."""
    a, b = Store.open(one), Store.open(two)
    assert (a.recipe.id, a.format, a.state.sources, a.state.parts) == (
        b.recipe.id, b.format, b.state.sources, b.state.parts,
    )  # fmt: skip
    for x, y in zip(a.arrays(), b.arrays(), strict=True):
        np.testing.assert_array_equal(np.asarray(x), np.asarray(y))
    assert verify(two)["damaged"] == []


def test_a_copy_is_the_store_and_brings_what_is_new_when_it_is_made_again(filled, other):
    first = copy(filled.path, other)
    assert (first["files"], first["there"], first["rows"]) == (2, 0, 20)
    same(filled.path, other)
    add_part(filled.path)
    again = copy(filled.path, other)
    assert (again["files"], again["there"], again["rows"]) == (1, 2, 23)
    same(filled.path, other)
    once_more = copy(filled.path, other)
    assert (once_more["files"], once_more["bytes"]) == (0, 0)
    assert once_more["to_commit"] == again["to_commit"]


def test_copies_of_another_store_or_of_a_later_commit_are_not_replaced(filled, tmp_path, other):
    shutil.copytree(filled.path, tmp_path / "earlier")
    stranger = Store.create(tmp_path / "stranger", RECIPE, {"backbone": "x"}, filled.format)
    for _ in range(4):  # its commits have the numbers of the first store's, and more
        add_part(stranger.path)
    add_part(filled.path)
    copy(filled.path, other)
    before = Store.open(other).state
    for wrong in (tmp_path / "stranger", tmp_path / "earlier"):
        with pytest.raises(ConflictError, match="another store"):
            copy(wrong, other)
    assert Store.open(other).state == before
    add_part(filled.path)
    copy(filled.path, other)
    same(filled.path, other)


def test_there_and_back_again(filled, bucket, tmp_path, elsewhere):
    copy(filled.path, ADDRESS)
    elsewhere()
    copy(ADDRESS, tmp_path / "laptop")
    same(filled.path, tmp_path / "laptop")


def test_a_copy_from_a_bucket_leaves_no_other_copies_and_uses_those_there_are(
    filled, bucket, tmp_path, elsewhere
):
    copy(filled.path, ADDRESS)
    elsewhere()
    assert copy(ADDRESS, tmp_path / "back")["files"] == 2
    root = Store.open(ADDRESS).path
    assert [*root.glob("parts/*"), *root.glob("snapshots/*")] == []
    same(filled.path, tmp_path / "back")
    assert len(Store.open(ADDRESS).parts) == 1
    asked = []
    bucket.harm = lambda request: asked.append(request.key)
    copy(ADDRESS, tmp_path / "again")
    assert [key for key in asked if "/snapshots/" in key]
    assert not [key for key in asked if "/parts/" in key]
    assert len([*root.glob("parts/*")]) == 1


def test_folding_the_first_store_is_brought_too(filled, other):
    for _ in range(17):
        filled = filled.commit([filled.add_part(filled.write_part(
            *rows_and_digests(2, filled.state.number)[::-1], {"engine": "x", "batch": 4}
        ))], "x")  # fmt: skip
    copy(filled.path, other)
    fold_all(filled.path)
    assert len(Store.open(filled.path).state.parts) == 1
    copy(filled.path, other)
    same(filled.path, other)


def test_a_copy_that_was_stopped_goes_on_where_it_was(filled, bucket):
    add_part(filled.path)
    n = iter(range(100))
    bucket.harm = lambda r: (
        "503 SlowDown" if r.method == "PUT" and "/parts/" in r.path and next(n) > 0 else None
    )
    with pytest.raises(UnavailableError):
        copy(filled.path, ADDRESS)
    assert Store.open(ADDRESS).state.parts == ()
    bucket.harm = lambda _: None
    again = copy(filled.path, ADDRESS)
    assert again["there"] >= 1
    assert again["files"] < 3
    same(filled.path, ADDRESS)


def test_a_store_that_went_on_by_itself_is_left_as_it_is(filled, other):
    copy(filled.path, other)
    add_part(other)
    before = Store.open(other).state
    add_part(filled.path)
    with pytest.raises(ConflictError, match="commits of its own"):
        copy(filled.path, other)
    assert Store.open(other).state == before


def test_a_store_made_for_itself_is_left_as_it_is(filled, tmp_path):
    theirs = Store.create(tmp_path / "theirs", RECIPE, {})
    add_part(theirs.path)
    with pytest.raises(ConflictError, match="commits of its own"):
        copy(filled.path, theirs.path)


def test_one_that_commits_while_a_copy_is_made_wins(filled, other, monkeypatch):
    copy(filled.path, other)
    add_part(filled.path)
    real = transfer._missing

    def meanwhile(*words):
        monkeypatch.setattr(transfer, "_missing", real)
        add_part(other)
        return real(*words)

    monkeypatch.setattr(transfer, "_missing", meanwhile)
    with pytest.raises(ConflictError, match="commits of its own"):
        copy(filled.path, other)


def test_damage_is_not_copied(filled, other):
    part = filled.parts[0]
    victim = part.path if part.path.is_file() else part.path / "rows" / "c" / "0" / "0"
    data = bytearray(victim.read_bytes())
    data[-1] ^= 1
    victim.write_bytes(data)
    with pytest.raises(DamagedError, match="its bytes changed"):
        copy(filled.path, other)
    assert Store.open(other).state.parts == ()


def test_a_recipe_that_the_first_store_got_since_is_brought_too(filled, other):
    copy(filled.path, other)
    recipe = replace(RECIPE, weights="9" * 64)
    filled.write_recipe(recipe, {"backbone": "x"})
    filled.commit([SetRecipe(filled.recipe.id, recipe.id)], "new")
    copy(filled.path, other)
    assert Store.open(other).recipe.id == recipe.id
    assert verify(other)["damaged"] == []


def test_what_is_lost_in_the_bucket_is_named_as_it_is_called_there(
    filled, bucket, elsewhere, tmp_path
):
    copy(filled.path, ADDRESS)
    name = filled.state.parts[0].table
    for key in filter(re.compile(name).match, bucket.objects()):
        bucket.put(key, None)
    elsewhere()
    said = f"(a file is missing|its bytes changed): s3://bucket/stores/first/{name}: run"
    with pytest.raises(DamagedError, match=said):
        copy(ADDRESS, tmp_path / "copy")


def test_what_gc_took_from_under_a_long_copy_is_brought_again(filled, other, monkeypatch):
    real, looks = transfer._missing, iter(range(9))

    def taken(there, entries):
        if next(looks) == 1:
            there.delete(entries[-1].table)
        return real(there, entries)

    monkeypatch.setattr(transfer, "_missing", taken)
    assert copy(filled.path, other)["files"] == 3
    same(filled.path, other)


def test_a_file_cut_off_in_the_copy_is_brought_again(filled, tmp_path):
    shutil.copytree(filled.path / "parts", tmp_path / "copy" / "parts")
    Store.create(tmp_path / "copy", RECIPE, {}, filled.format)
    part = tmp_path / "copy" / filled.state.parts[0].table
    victim = part if part.is_file() else part / "rows" / "c" / "0" / "0"
    victim.write_bytes(victim.read_bytes()[:-1])
    copy(filled.path, tmp_path / "copy")
    same(filled.path, tmp_path / "copy")


def test_what_is_no_place_for_a_copy_is_refused_untouched(filled, tmp_path):
    holiday = tmp_path / "holiday"
    holiday.mkdir()
    (holiday / "a.jpg").write_bytes(b"1")
    with pytest.raises(UsageError, match="no feature store"):
        copy(filled.path, holiday)
    assert list(tree(holiday)) == ["a.jpg"]
    with pytest.raises(UsageError, match="both are the same store"):
        copy(filled.path, filled.path)


@pytest.mark.parametrize("to", ["cache/../cache/x", "cache/x/below", "link", "cache/x/log/y"])
def test_a_copy_into_itself_is_refused_however_it_is_spelled(to, filled, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shutil.copytree(filled.path, "cache/x")
    (tmp_path / "link").symlink_to("cache/x")
    before = tree(tmp_path)
    with pytest.raises(UsageError, match=r"same store|into itself"):
        copy(Path("cache/x"), Path(to))
    assert tree(tmp_path) == before


def test_a_copy_into_a_bucket_below_itself_is_refused(filled, bucket):
    copy(filled.path, ADDRESS)
    before = bucket.objects()
    with pytest.raises(UsageError, match="into itself"):
        copy(ADDRESS, ADDRESS / "below")
    assert bucket.objects() == before


def test_where_something_else_is_a_copy_is_told_to_go_elsewhere(filled, other, bucket, tmp_path):
    bucket.put("notes.txt", b"x")
    (tmp_path / "copy").mkdir()
    (tmp_path / "copy" / "notes.txt").write_text("x")
    with pytest.raises(UsageError, match="choose another place") as caught:
        copy(filled.path, other)
    assert "--cache" not in str(caught.value)
