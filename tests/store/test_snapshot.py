"""Snapshots: what a source was, plain ones as ever, and those with later columns."""

import json
from dataclasses import replace

import numpy as np
import pytest
from store_world import rows_and_digests, snapshot_of

from bottleneck.core.canonical import canonical_digest
from bottleneck.core.errors import BottleneckError, DamagedError
from bottleneck.core.sample import Groups, Targets
from bottleneck.store import commit
from bottleneck.store.log import DropSource, SetSource
from bottleneck.store.snapshot import SnapshotEntry, read_snapshot
from bottleneck.store.store import Store
from bottleneck.store.table import load_format
from bottleneck.store.verify import verify

N = 6
GROUPS = Groups(numbers=np.array([0, 0, 1, -1, 2, 1], "i4"), names=("ann", "bob", "eve"))
TARGETS = Targets(
    values=np.array([[1, np.nan], [0, 1], [0, 0], [1, 1], [np.nan, np.nan], [1, 0]], "f4"),
    kind="labels",
    names=("dog", "out of doors"),
)
PLAIN = snapshot_of(rows_and_digests(N)[1])
LATER = {
    "group": {"groups": GROUPS},
    "targets": {"targets": TARGETS},
    "group and targets": {"groups": GROUPS, "targets": TARGETS},
}


def later(words):
    """Return a snapshot with later columns."""
    return replace(PLAIN, samples=replace(PLAIN.samples, **words))


def put(store, snapshot, name="s"):
    """Commit a snapshot as a source."""
    return store.commit([SetSource(name, None, store.write_snapshot(snapshot))], "test")


def newest(store):
    """Return the file of the newest commit, and what it holds."""
    path = sorted((store.path / "log").glob("*.json"))[-1]
    return path, json.loads(path.read_text())


def rewrite(path, plain):
    """Put a commit in place whose checksum is right."""
    rest = {key: value for key, value in plain.items() if key != "checksum"}
    path.write_text(json.dumps({**rest, "checksum": canonical_digest(rest)}))


@pytest.mark.parametrize("words", LATER.values(), ids=LATER)
def test_later_columns_are_read_as_they_were_written(store, words):
    snapshot = later(words)
    put(store, snapshot)
    found = Store.open(store.path).snapshot("s")
    assert found.same_as(snapshot)
    assert (found.samples.groups is None) == ("groups" not in words)
    assert (found.samples.targets is None) == ("targets" not in words)
    assert verify(store.path)["damaged"] == []


def test_a_plain_snapshot_stays_version_1_and_says_nothing_of_later_columns(store):
    put(store, PLAIN)
    _, plain = newest(store)
    assert plain["format_version"] == 1
    assert plain["sources"]["s"].keys() == {"snapshot", "files"}
    table = load_format(store.format).open(next((store.path / "snapshots").iterdir()))
    assert table.columns.keys() == {"key", "digest", "known", "label", "split"}
    assert table.attributes.keys() == {"classes", "spec", "quarantine"}
    found = Store.open(store.path).snapshot("s").samples
    assert (found.groups, found.targets) == (None, None)


def test_a_commit_is_of_version_2_while_it_names_such_a_snapshot(store):
    put(store, PLAIN, "plain")
    store = put(store, later({"groups": GROUPS}), "grouped")
    assert newest(store)[1]["format_version"] == 2
    store = put(store, PLAIN, "another")
    assert newest(store)[1]["format_version"] == 2
    drop = DropSource("grouped", store.state.sources["grouped"].snapshot)
    store = store.commit([drop], "forget")
    assert newest(store)[1]["format_version"] == 1
    assert Store.open(store.path).source_names == ["another", "plain"]


def test_a_program_that_knows_version_1_alone_asks_for_an_upgrade(store, monkeypatch):
    put(store, later({"targets": TARGETS}))
    monkeypatch.setattr(commit, "NEWEST_VERSION", 1)
    with pytest.raises(BottleneckError, match=r"format version 2.*upgrade") as caught:
        Store.open(store.path)
    assert caught.value.exit_code == 2


def test_a_commit_whose_version_does_not_fit_its_snapshots_is_damage(store):
    put(store, later({"groups": GROUPS}))
    path, plain = newest(store)
    rewrite(path, {**plain, "format_version": 1})
    with pytest.raises(DamagedError, match="does not fit its snapshots"):
        Store.open(store.path)


@pytest.mark.parametrize("version", [0, 3, True, "2", None])
def test_a_version_of_a_snapshot_that_there_is_not_is_damage(store, version):
    put(store, later({"groups": GROUPS}))
    path, plain = newest(store)
    plain["sources"]["s"]["version"] = version
    rewrite(path, plain)
    with pytest.raises(DamagedError, match="no version of a snapshot"):
        Store.open(store.path)


def test_columns_that_the_entry_does_not_speak_of_are_damage(store):
    for snapshot in (PLAIN, later({"groups": GROUPS})):
        entry = store.write_snapshot(snapshot)
        other = SnapshotEntry(snapshot=entry.snapshot, files=entry.files, version=3 - entry.version)
        with pytest.raises(DamagedError, match="not those of its version"):
            read_snapshot(store.path / "snapshots" / entry.snapshot, other)


@pytest.mark.parametrize(
    "words",
    [
        {"groups": replace(GROUPS, names=("ann", "bob"))},
        {"groups": replace(GROUPS, numbers=GROUPS.numbers - 1)},
        {"targets": replace(TARGETS, kind="colours")},
        {"targets": replace(TARGETS, names=("dog",))},
        {"targets": replace(TARGETS, values=TARGETS.values[:-1])},
        {"groups": replace(GROUPS, numbers=GROUPS.numbers[:-1])},
    ],
)
def test_groups_and_targets_that_cannot_be_are_damage(store, words):
    put(store, later(words))
    with pytest.raises(DamagedError):
        Store.open(store.path).snapshot("s")
