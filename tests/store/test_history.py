"""The history: lines that are whole are read, and no other line keeps them from it."""

import json

from bottleneck.store import history


def test_lines_are_read_in_order_and_damaged_ones_are_passed_over(filled):
    assert filled.history() == []
    for number in range(3):
        filled.append_history({"verb": "extract", "computed": number, "of": {"é": None}})
    path = filled.path / "history.jsonl"
    lines = path.read_bytes().splitlines()
    assert json.loads(lines[0])["checksum"]
    lines[1] = lines[1].replace(b'"computed": 1', b'"computed": 7')
    bad = [b"", b"{", b"[]", b"\xff", lines[0][:-9], lines[2].replace(b"{", b'{"verb": 1, ', 1)]
    path.write_bytes(b"\n".join([*bad, *lines, b'{"a": 1}']))
    assert [entry["computed"] for entry in filled.history()] == [0, 2]
    assert filled.history()[0] == {"verb": "extract", "computed": 0, "of": {"é": None}}


def test_a_torn_line_does_not_swallow_the_next_runs(filled):
    for number in range(3):
        if number == 2:
            path = filled.path / "history.jsonl"
            path.write_bytes(path.read_bytes()[:-9])
        filled.append_history({"verb": "extract", "computed": number})
    assert [entry["computed"] for entry in filled.history()] == [0, 2]


def test_a_run_that_failed_before_the_first_commit_leaves_a_folder_that_can_be_a_store(tmp_path):
    from bottleneck.store.store import Store

    store = tmp_path / "store"
    Store.prepare(store)
    (store / "log").mkdir(exist_ok=True)
    assert history.note(store, {"verb": "extract"}) is None
    assert not (store / history.NAME).exists()
    (store / history.NAME).write_bytes(b"")  # as an older run may have left it
    assert not Store.is_there(store)
