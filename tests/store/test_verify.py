"""Verify and repair: what is damaged is named, what is good is kept."""

import json

import pytest
from store_world import rows_and_digests

from bottleneck.core.errors import DamagedError
from bottleneck.store.store import Store
from bottleneck.store.verify import verify


def commit_more(store, seed):
    """Commit a part of two rows."""
    rows, digests = rows_and_digests(2, seed)
    return store.commit([store.add_part(store.write_part(digests, rows, {}))], "x")


def test_a_number_that_was_damaged_before_may_be_damaged_again(filled):
    store = filled
    for seed in range(3):
        number = commit_more(store, seed).state.number
        newest = store.path / "log" / f"{number:08}.json"
        newest.write_bytes(b"damage %d" % seed)
        with pytest.raises(DamagedError):
            Store.open(store.path)
        assert verify(store.path, repair=True)["repaired"]
        assert Store.open(store.path).state.checksum == filled.state.checksum
    aside = sorted(p.name for p in (store.path / "log" / "damaged").iterdir())
    assert aside == [f"{number:08}-2.json", f"{number:08}-3.json", f"{number:08}.json"]
    assert verify(store.path)["damaged"] == []


def test_a_recipe_that_another_reader_could_read_otherwise_is_damage(filled):
    path = next((filled.path / "recipes").iterdir())
    text = path.read_text()
    twice = text.replace('"recipe": {', '"recipe": {"weights": "00", ', 1)
    assert json.loads(twice)["recipe"] == json.loads(text)["recipe"]
    path.write_text(twice)
    with pytest.raises(DamagedError, match="a key stands twice"):
        Store.open(filled.path)
    assert [damage["what"] for damage in verify(filled.path)["damaged"]] == ["recipe"]
