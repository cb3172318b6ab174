"""Checking a part of a store: other files each time, so that twenty runs with 5 % check all."""

import pytest
from store_world import rows_and_digests
from world import flip

from bottleneck.core.portion import Portion, portion
from bottleneck.store import checking
from bottleneck.store.rotation import rotation
from bottleneck.store.store import Store
from bottleneck.store.verify import verify


@pytest.fixture
def many(filled):
    """A store of 20 parts of unlike sizes."""
    store = filled
    actions = []
    for seed in range(1, 20):
        rows, digests = rows_and_digests(1 + seed * seed % 97, seed)
        actions.append(store.add_part(store.write_part(digests, rows, {"engine": "x", "batch": 4})))
    return store.commit(actions, "x")


@pytest.fixture
def read(monkeypatch):
    """The names of the tables that are checked."""
    names, real = [], checking._table

    def watched(seen, name, *rest):
        names.append(name)
        return real(seen, name, *rest)

    monkeypatch.setattr(checking, "_table", watched)
    return names


def every(store):
    tables = {f"parts/{part.name}" for part in store.state.parts}
    return tables | {f"snapshots/{e.snapshot}" for e in store.state.sources.values()}


def test_twenty_runs_with_5_percent_check_every_file(many, read):
    entries = [*many.state.parts, *many.state.sources.values()]
    largest = max(sum(size for size, _ in entry.files.values()) for entry in entries)
    for _ in range(20):
        report = verify(many.path, portion=Portion(5, "%"))
        assert report["damaged"] == []
        wanted = 0.05 * report["sample"]["of_bytes"]
        assert wanted <= report["sample"]["bytes"] <= wanted + largest
    assert set(read) == every(many)


def test_files_that_come_meanwhile_are_checked_too(many, read):
    store = many
    for seed in range(100, 120):
        verify(store.path, portion=Portion(5, "%"))
        rows, digests = rows_and_digests(3, seed)
        store = store.commit([store.add_part(store.write_part(digests, rows, {}))], "x")
    for _ in range(20):
        verify(store.path, portion=Portion(5, "%"))
    assert set(read) == every(store)


def test_no_file_is_checked_twice_before_all_were_once(many, read):
    for _ in range(4):
        verify(many.path, portion=Portion(5, "files"))
    assert len(read) == len(set(read)) == 20


def test_damage_is_found_within_twenty_runs_and_then_in_each(many):
    part = many.path / "parts" / many.state.parts[11].name
    part = part if part.is_file() else part / "digests" / "zarr.json"
    flip(part, part.stat().st_size // 2)
    codes = [bool(verify(many.path, portion=Portion(5, "%"))["damaged"]) for _ in range(20)]
    first = codes.index(True)
    assert all(codes[first:])
    assert verify(many.path, portion=Portion(5, "%"), repair=True)["repaired"]
    assert not any(verify(many.path, portion=Portion(5, "%"))["damaged"] for _ in range(20))


def test_commits_and_recipes_are_checked_every_time(many):
    flip(many.path / "log" / f"{many.state.number:08}.json", 40)
    report = verify(many.path, portion=Portion(1, "files"))
    assert [damage["what"] for damage in report["damaged"]] == ["commit"]


@pytest.mark.parametrize("bad", [b"", b"{", b'{"run": 1}', b"\xff" * 9])
def test_what_was_checked_may_be_lost_and_it_starts_anew(many, read, bad):
    verify(many.path, portion=Portion(10, "files"))
    (many.derived / "verified.json").write_bytes(bad)
    for _ in range(3):
        assert verify(many.path, portion=Portion(10, "files"))["damaged"] == []
    assert set(read) == every(many)


def test_every_flipped_bit_of_what_is_remembered_costs_time_alone(many):
    verify(many.path, portion=Portion(10, "files"))
    path = many.derived / "verified.json"
    data = path.read_bytes()
    whole = rotation(many.derived)
    for at in range(0, len(data), 13):
        flip(path, at, at % 8)
        found = rotation(many.derived)
        assert (found.run, found.checked) in ((0, {}), (whole.run, whole.checked))
        path.write_bytes(data)


def test_a_folder_that_cannot_be_written_is_no_error(many):
    path = many.derived
    path.rmdir() if path.exists() else None
    path.write_bytes(b"in the way")
    assert verify(many.path, portion=Portion(5, "%"))["damaged"] == []
    assert Store.open(many.path).state.checksum == many.state.checksum


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("5%", Portion(5, "%")), ("0.5 %", Portion(0.5, "%")), ("100%", Portion(100, "%")),
        ("10", Portion(10, "files")), ("2GB", Portion(2e9, "bytes")),
        ("1.5mb", Portion(1.5e6, "bytes")),
    ],
)  # fmt: skip
def test_a_portion_is_read(text, expected):
    assert portion(text) == expected


@pytest.mark.parametrize(
    "text", ["", "0", "0%", "101%", "-5%", "1.5", "5 apples", "nan%", "1e3", "\u0665%"]
)
def test_what_is_no_portion_is_refused(text):
    with pytest.raises(ValueError, match="no part of a store"):
        portion(text)
