"""Every pair of actions racing: the outcome that the design's table says."""

import multiprocessing
import os
from dataclasses import replace

import numpy as np
import pytest
from store_world import RECIPE, rows_and_digests, snapshot_of

from bottleneck.core import files
from bottleneck.core.errors import ConflictError, RecipeError
from bottleneck.core.recipe import Recipe
from bottleneck.store.fold import merged
from bottleneck.store.gc import gc
from bottleneck.store.log import DropSource, Log, MovedError, ReplaceParts, SetRecipe, SetSource
from bottleneck.store.store import Store


def add(store, seed, n=3):
    rows, digests = rows_and_digests(n, seed)
    return store.add_part(store.write_part(digests, rows, {"engine": "x", "batch": 4}))


def test_two_extractors_keep_both_parts(filled):
    first, second = Store.open(filled.path), Store.open(filled.path)
    first.commit([add(first, 1)], "one")
    state = second.commit([add(second, 2)], "two").state
    assert [part.rows for part in state.parts] == [20, 3, 3]
    assert state.number == filled.state.number + 2


def test_a_fold_and_an_extractor_keep_all_rows(filled):
    store = filled.commit([add(filled, 1)], "x")
    folding = ReplaceParts(
        tuple(part.name for part in store.state.parts), (merged(store, store.parts),)
    )
    Store.open(store.path).commit([add(store, 2)], "extractor")
    state = store.commit([folding], "fold").state
    assert [part.rows for part in state.parts] == [23, 3]  # the newest rows stay last


def test_a_fold_of_parts_that_another_fold_took_is_dropped(filled):
    store = filled.commit([add(filled, 1)], "x")
    names = tuple(part.name for part in store.state.parts)
    first, second = (ReplaceParts(names, (merged(store, store.parts),)) for _ in range(2))
    one = store.commit([first], "one")
    two = store.commit([second], "two")
    assert two.state.checksum == one.state.checksum


def test_an_extractor_whose_source_was_forgotten_stops(filled):
    other = Store.open(filled.path)
    other.commit([DropSource("s", other.state.sources["s"].snapshot)], "forget")
    entry = filled.write_snapshot(snapshot_of(rows_and_digests(2)[1]))
    with pytest.raises(ConflictError, match="forgotten while this ran"):
        filled.commit([SetSource("s", filled.state.sources["s"].snapshot, entry)], "extract")


def test_an_extractor_whose_recipe_was_replaced_stops(filled):
    other = replace(RECIPE, weights="cc" * 32)
    filled.write_recipe(other, {})
    Store.open(filled.path).commit([SetRecipe(RECIPE.id, other.id)], "replace")
    with pytest.raises(RecipeError, match="replaced while this ran"):
        filled.commit([add(filled, 1)], "extract")
    assert Store.open(filled.path).state.parts == ()


def test_two_replacements_of_the_recipe_keep_the_first(filled):
    others = [replace(RECIPE, weights=w * 32) for w in ("cc", "dd")]
    for other in others:
        filled.write_recipe(other, {})
    Store.open(filled.path).commit([SetRecipe(RECIPE.id, others[0].id)], "one")
    with pytest.raises(ConflictError):
        filled.commit([SetRecipe(RECIPE.id, others[1].id)], "two")


def test_a_train_and_an_extract_that_both_looked_make_the_second_look_again(filled):
    seen = filled.state.sources["s"].snapshot
    entry = filled.write_snapshot(snapshot_of(rows_and_digests(2)[1]))
    Store.open(filled.path).commit([SetSource("s", seen, entry)], "train")
    mine = filled.write_snapshot(snapshot_of(rows_and_digests(3)[1]))
    with pytest.raises(MovedError):
        filled.commit([SetSource("s", seen, mine)], "extract")


def test_forgetting_a_source_that_moved_stops(filled):
    seen = filled.state.sources["s"].snapshot
    entry = filled.write_snapshot(snapshot_of(rows_and_digests(2)[1]))
    Store.open(filled.path).commit([SetSource("s", seen, entry)], "extract")
    with pytest.raises(ConflictError):
        filled.commit([DropSource("s", seen)], "forget")


def _commit_many(path, worker):
    store = Store.open(path)
    for i in range(5):
        store = store.commit([add(store, 100 * worker + i, 1)], f"worker {worker}")


@pytest.mark.slow
def test_eight_processes_lose_no_commit(tmp_path):
    store = Store.create(tmp_path / "s", RECIPE, {}, "hdf5")
    context = multiprocessing.get_context("fork")
    workers = [context.Process(target=_commit_many, args=(store.path, i)) for i in range(8)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert [worker.exitcode for worker in workers] == [0] * 8
    assert len(Store.open(store.path).state.parts) == 40
    assert Log(store.path).numbers() == list(range(1, 42))


def test_a_stale_writer_never_commits_below_a_log_that_was_collected(filled):
    store = filled
    for i in range(3):
        store = store.commit([add(store, 10 + i, 1)], "x")
    collected = gc(store.path, grace_s=-10)["commit"]
    assert Log(store.path).numbers() == [collected]
    state = filled.commit([add(filled, 50, 1)], "late").state
    assert state.number == collected + 1 > store.state.number
    assert Log(store.path).newest().number == state.number


def test_without_hard_links_a_commit_takes_the_lock_and_stays_exclusive(filled, monkeypatch):
    def no_links(*_):
        raise OSError(1, "Operation not permitted")

    monkeypatch.setattr(files.os, "link", no_links)
    other = Store.open(filled.path)
    filled.commit([add(filled, 1)], "one")
    state = other.commit([add(other, 2)], "two").state
    assert [part.rows for part in state.parts] == [20, 3, 3]


def test_the_first_commit_says_that_there_are_no_hard_links(tmp_path, monkeypatch, caplog):
    def no_links(*_):
        raise OSError(1, "Operation not permitted")

    monkeypatch.setattr(files.os, "link", no_links)
    store = Store.create(tmp_path / "s", RECIPE, {}, "hdf5")
    assert "has no hard links: writers take turns by a lock" in caplog.text
    caplog.clear()
    store.commit([add(store, 3)], "later")
    assert not caplog.text


def test_gc_drops_what_engines_kept_for_a_recipe_that_is_gone(filled):
    ours = filled.derived / "openvino" / filled.recipe.id[:16]
    gone = filled.derived / "openvino" / ("f" * 16)
    for folder in (ours, gone):
        folder.mkdir(parents=True)
        (folder / "network.bin").write_bytes(b"x")
    assert gc(filled.path)["deleted"] == []  # too young
    assert f"derived/openvino/{'f' * 16}" in gc(filled.path, grace_s=-10)["deleted"]
    assert ours.exists()


def test_a_link_that_was_made_though_it_was_reported_lost_is_known_again(filled, monkeypatch):
    real = os.link

    def lies(source, target):
        real(source, target)
        raise FileExistsError(17, "File exists")

    monkeypatch.setattr(files.os, "link", lies)
    state = filled.commit([add(filled, 1)], "one").state
    assert state.number == filled.state.number + 1
    assert len(state.parts) == 2


def test_every_reader_keeps_its_commit_through_gc(filled):
    store = filled.commit([add(filled, 1)], "x")
    x = store.arrays()[0]
    expected = rows_and_digests(20)[0]
    new = ReplaceParts(tuple(p.name for p in store.state.parts), (merged(store, store.parts),))
    Store.open(store.path).commit([new], "fold")
    deleted = gc(store.path, grace_s=-10)["deleted"]
    assert any(name.startswith("parts/") for name in deleted)
    np.testing.assert_array_equal(np.asarray(x), expected)


def test_gc_leaves_what_is_younger_than_the_grace(filled):
    filled.write_part(*rows_and_digests(2, 5)[::-1], {})
    assert gc(filled.path)["deleted"] == []


def test_a_recipe_id_is_the_digest_of_all_its_keys():
    assert replace(RECIPE, weights="cc" * 32).id != RECIPE.id
    assert Recipe.from_json(RECIPE.to_json()) == RECIPE


def test_a_commit_whose_number_a_repair_freed_is_not_built_upon(filled):
    ours = filled  # has read commit N
    number = ours.state.number
    log = ours.path / "log"
    (log / f"{number:08}.json").rename(ours.path / "aside.json")  # as a repair moves it
    rows, digests = rows_and_digests(3, 7)
    other = Store.open(ours.path)
    other = other.commit([other.add_part(other.write_part(digests, rows, {}))], "other")
    assert other.state.number == number
    more, others = rows_and_digests(2, 8)
    ours = ours.commit([ours.add_part(ours.write_part(others, more, {}))], "ours")
    assert ours.has(digests).all()
    assert ours.has(others).all()
