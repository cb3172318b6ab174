"""Stores that were written once, and a reader that knows docs/format.md alone."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import format_reader
import numpy as np
import pytest
from format_reader import read_store

from bottleneck.core.errors import BottleneckError
from bottleneck.store.catalog import FORMATS
from bottleneck.store.store import Store
from bottleneck.store.verify import verify

ROOT = Path(__file__).parents[2]
STORES = ROOT / "tests" / "golden" / "stores"
NAMES = sorted(path.name for path in STORES.iterdir() if path.is_dir())


@pytest.fixture(params=NAMES)
def golden(request):
    """Return the folder of a golden store and what it holds."""
    return STORES / request.param, json.loads((STORES / f"{request.param}.json").read_bytes())


def files_of(path):
    """Return {relative path: bytes} of all files below."""
    return {p.relative_to(path).as_posix(): p.read_bytes() for p in path.rglob("*") if p.is_file()}


def numbers_of(targets):
    """Return the targets' values as an array; None is NaN."""
    return np.array(targets["values"], np.float32)


def test_there_is_a_golden_store_of_each_format_and_version():
    kinds = ("v1-", "v2-", "v1-upkeep-")
    assert {f"{kind}{fmt}" for kind in kinds for fmt in FORMATS} == set(NAMES)


def test_every_golden_store_is_read_as_it_was_written(golden):
    path, expected = golden
    store = Store.open(path)
    assert (store.format, store.state.number, store.state.version, store.recipe.id) == (
        expected["format"], expected["commit"], expected["version"], expected["recipe"],
    )  # fmt: skip
    assert verify(path)["damaged"] == []
    found = store.snapshot("photos")
    samples = found.samples
    assert [bytes(key).hex() for key in samples.keys] == expected["keys"]
    assert [digest.tobytes().hex() for digest in samples.digests] == expected["digests"]
    assert samples.known.tolist() == expected["known"]
    assert samples.labels.tolist() == expected["labels"]
    assert samples.splits.tolist() == expected["splits"]
    assert list(samples.classes) == expected["classes"]
    quarantine = [[entry.key.hex(), entry.reason] for entry in found.quarantine]
    assert quarantine == expected["quarantine"]
    if expected["groups"] is None:
        assert (samples.groups, samples.targets) == (None, None)
    else:
        assert samples.groups.numbers.tolist() == expected["groups"]["numbers"]
        assert list(samples.groups.names) == expected["groups"]["names"]
        assert samples.targets.kind == expected["targets"]["kind"]
        assert list(samples.targets.names) == expected["targets"]["names"]
        np.testing.assert_array_equal(samples.targets.values, numbers_of(expected["targets"]))
    rows, labels, keys = store.arrays()
    with_row = [i for i, digest in enumerate(expected["digests"]) if digest in expected["rows"]]
    assert [bytes(key).hex() for key in keys] == [expected["keys"][i] for i in with_row]
    if expected["targets"] is None:
        assert labels.tolist() == [expected["labels"][i] for i in with_row]
    else:
        np.testing.assert_array_equal(labels, numbers_of(expected["targets"])[with_row])
    assert (rows.dtype, rows.shape[1:]) == (expected["dtype"], tuple(expected["shape"]))
    wanted = [expected["rows"][expected["digests"][i]] for i in with_row]
    np.testing.assert_array_equal(np.asarray(rows).reshape(len(with_row), -1), wanted)


def test_what_gc_and_a_repair_record_is_read(golden):
    path, expected = golden
    actions = [action for n in (5, 6, 7) if n <= expected["commit"] for action in _actions(path, n)]
    kinds = [action["action"] for action in actions]
    assert kinds == (["add part", "drop rows", "give up"] if expected["commit"] == 7 else [])
    if actions:
        (old,), (new,) = actions[1]["old"], actions[1]["new"]
        assert [part.name for part in Store.open(path).state.parts][-1] == new
        assert actions[1]["sources"] == {
            "photos": Store.open(path).state.sources["photos"].snapshot
        }
        assert actions[2]["files"] == [f"parts/{old}"]


def _actions(path, number):
    return json.loads((path / "log" / f"{number:08}.json").read_bytes())["actions"]


def test_older_commits_of_a_golden_store_are_read_too(golden):
    path, _ = golden
    counts = [len(Store.open(path, at).state.parts) for at in (1, 2, 3, 4)]
    assert counts == [0, 0, 1, 2]
    assert Store.open(path, 1).source_names == []


def test_a_reader_made_from_the_document_alone_reads_the_same(golden):
    path, expected = golden
    newest, recipe_file, rows, sources = read_store(path)
    assert (newest["format"], newest["number"], newest["format_version"], newest["recipe"]) == (
        expected["format"], expected["commit"], expected["version"], expected["recipe"],
    )  # fmt: skip
    assert recipe_file["about"] == {"backbone": "golden", "layer": "é"}
    assert rows.keys() == expected["rows"].keys()
    for digest, row in rows.items():
        assert row.shape == tuple(expected["shape"])
        assert row.ravel().tolist() == expected["rows"][digest]
    (found,) = sources.values()
    assert [key.hex() for key in found["keys"]] == expected["keys"]
    for name in ("digests", "known", "labels", "splits", "classes", "groups"):
        assert found[name] == expected[name], name
    if expected["targets"] is not None:
        np.testing.assert_array_equal(found["targets"]["values"], numbers_of(expected["targets"]))
    assert found["spec"]["where"] == "/photos/é"
    assert [[e["key"], e["reason"]] for e in found["quarantine"]] == expected["quarantine"]
    assert [line["verb"] for line in format_reader.history(path)] == ["extract"]


def test_that_reader_knows_of_no_line_of_ours():
    code = (
        f"import sys; sys.path.insert(0, {str(ROOT / 'tests')!r}); import format_reader\n"
        "assert not [name for name in sys.modules if name.startswith('bottleneck')]"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_both_readers_see_any_changed_byte_of_what_a_store_rests_on(golden, tmp_path):
    """Also where only one of them looks: ours reads no older commits, and no padding."""
    path, _ = golden
    copy = tmp_path / "store"
    shutil.copytree(path, copy)
    rng = np.random.default_rng(0)
    for file in sorted(p for p in copy.rglob("*") if p.is_file()):
        data = file.read_bytes()
        for at in rng.integers(0, len(data), 5):
            file.write_bytes(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])
            with pytest.raises((ValueError, KeyError, TypeError, OSError, AssertionError)):
                read_store(copy)
                format_reader.history(copy)
            if file.name != "history.jsonl":
                assert _is_damaged(copy), (file, at)
        file.write_bytes(data)
    assert not _is_damaged(copy)


def _is_damaged(path):
    try:
        return bool(verify(path)["damaged"])
    except BottleneckError:
        return True


def test_what_is_written_today_is_byte_for_byte_what_was_written_then(tmp_path):
    from make_golden_stores import make_all

    assert sorted(make_all(tmp_path)) == NAMES
    then, now = files_of(STORES), files_of(tmp_path)
    assert now.keys() == then.keys() - {".gitattributes"}
    assert [name for name, data in now.items() if data != then[name]] == []


def test_a_golden_store_that_is_there_is_not_made_anew(tmp_path):
    from make_golden_stores import make_all

    for name in NAMES:
        (tmp_path / name).mkdir()
    assert make_all(tmp_path) == []
