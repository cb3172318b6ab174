"""Bytes that change behind a store's back: found by verify, never served, mended with least loss.

`BOTTLENECK_SOAK=1` flips a thousand bits of each kind instead of some dozens.
"""

import json
import os
import shutil
from dataclasses import replace

import h5py
import numpy as np
import pytest
from store_world import RECIPE, rows_and_digests, snapshot_of
from world import flip, tree

from bottleneck.core.errors import BottleneckError, DamagedError, UsageError
from bottleneck.core.sample import Samples
from bottleneck.store.catalog import FORMATS
from bottleneck.store.log import ReplaceParts, SetRecipe, SetSource
from bottleneck.store.snapshot import QuarantineEntry, Snapshot
from bottleneck.store.store import Store
from bottleneck.store.table import bad_bytes_are_damage, load_format
from bottleneck.store.verify import verify

SOAK = os.environ.get("BOTTLENECK_SOAK") == "1"
FLIPS = 1000 if SOAK else 60
ROOMS = ("log", "recipes", "parts", "snapshots")
ROWS, DIGESTS = rows_and_digests(30)
BY = {"engine": "x", "batch": 4}


@pytest.fixture(params=sorted(FORMATS))
def fmt(request):
    return request.param


def add(store, rows, digests):
    return store.commit([store.add_part(store.write_part(digests, rows, BY))], "extract")


def look(store, digests):
    entry = store.write_snapshot(snapshot_of(digests))
    before = store.state.sources.get("s")
    return store.commit([SetSource("s", before and before.snapshot, entry)], "extract")


@pytest.fixture
def aged(tmp_path, fmt):
    """A store of two parts, with older commits that name another recipe, part and snapshot."""
    other = replace(RECIPE, weights="cc" * 32)
    store = Store.create(tmp_path / "store", other, {"backbone": "é", "rate": 1e-5}, fmt)
    store = add(look(store, DIGESTS[:5]), ROWS[:5], DIGESTS[:5])
    store.write_recipe(RECIPE, {"backbone": "é"})
    store = store.commit([SetRecipe(other.id, RECIPE.id)], "extract")
    store = add(store, ROWS[:20], DIGESTS[:20])
    store = add(store, ROWS[20:], DIGESTS[20:])
    return look(store, DIGESTS)


def truth(path):
    """Return every file that a store rests on."""
    return sorted(p for room in ROOMS for p in (path / room).rglob("*") if p.is_file())


def served(path):
    """Return what a reader gets: keys, labels and rows."""
    x, y, keys = Store.open(path).arrays()
    return keys.tolist(), y.tolist(), np.asarray(x).tobytes()


def found(path):
    """Return what verify finds; damage that keeps it from working is found too."""
    try:
        return verify(path)["damaged"]
    except DamagedError as error:
        return [error]


def test_every_flipped_bit_of_a_truth_file_is_found_and_none_is_served(aged):
    expected = served(aged.path)
    paths = truth(aged.path)
    rng = np.random.default_rng(16)
    missed, wrong, n_refused = [], [], 0
    for n in range(FLIPS):
        path = paths[n % len(paths)]
        data = path.read_bytes()
        at, bit = int(rng.integers(len(data))), int(rng.integers(8))
        flip(path, at, bit)
        if not found(aged.path):
            missed.append((path, at, bit))
        try:
            if served(aged.path) != expected:
                wrong.append((path, at, bit))
        except BottleneckError:
            n_refused += 1
        path.write_bytes(data)
    assert (missed, wrong) == ([], [])
    assert n_refused > FLIPS // 8  # those in files that the newest commit rests on
    assert found(aged.path) == []


def test_every_flipped_bit_is_mended_or_said_to_be_beyond_repair(aged, tmp_path):
    """After a repair every image has its own row or none, and the rest is as it was."""
    own = dict(zip((d.tobytes() for d in DIGESTS), (r.tobytes() for r in ROWS), strict=True))
    rng = np.random.default_rng(61)
    names = [path.relative_to(aged.path) for path in truth(aged.path)]
    recipe = f"{RECIPE.id}.json"
    for n in range(FLIPS // 2):
        name = names[n % len(names)]
        copy = tmp_path / str(n)
        shutil.copytree(aged.path, copy)
        flip(copy / name, int(rng.integers((copy / name).stat().st_size)), int(rng.integers(8)))
        report = verify(copy, repair=True)
        if name.name == recipe:
            assert not report["repaired"]
            continue
        assert report["repaired"], (name, report)
        assert verify(copy)["damaged"] == [], name
        store = Store.open(copy)
        n_rows = 0
        for part in store.parts:
            for digest, row in zip(part.digests, part.take(np.arange(len(part))), strict=True):
                assert own[digest.tobytes()] == row.tobytes()
                n_rows += 1
        least = 29 if name.parts[0] == "parts" else 30
        assert n_rows >= least, (name, n_rows)  # one bit takes one row at the most
        assert n_rows == 30 - report["rows_lost"]
        shutil.rmtree(copy)


def test_a_bit_that_changes_the_spelling_alone_is_found_too(aged):
    """5e-05 and 5E-05 are one number, and a checksum covers numbers, not letters."""
    file = next(p for p in (aged.path / "recipes").iterdir() if b"1e-05" in p.read_bytes())
    flip(file, file.read_bytes().index(b"1e-05") + 1, 5)
    assert b"1E-05" in file.read_bytes()
    assert [damage["what"] for damage in verify(aged.path)["damaged"]] == ["recipe"]


def test_a_flipped_bit_in_the_number_of_the_format_is_damage_and_no_newer_program(aged):
    newest = aged.path / "log" / f"{aged.state.number:08}.json"
    flip(newest, newest.read_bytes().index(b'"format_version": 1') + 18, 1)
    with pytest.raises(UsageError, match="upgrade"):
        Store.open(aged.path)
    assert [damage["what"] for damage in verify(aged.path)["damaged"]] == ["commit"]
    assert verify(aged.path, repair=True)["repaired"]
    assert Store.open(aged.path).state.number == aged.state.number - 1


# --- what else can happen to bytes ----------------------------------------------------------------


def part_file(store, number, column="rows"):
    """Return the file with a column's bytes in a part, and where they begin there."""
    path = store.path / "parts" / store.state.parts[number].name
    if path.is_dir():
        return next(p for p in (path / column / "c").rglob("*") if p.is_file()), 0
    if path.suffix == ".h5":
        with h5py.File(path) as file:
            return path, file[column].id.get_offset()
    column_bytes = {"rows": ROWS, "digests": DIGESTS}[column]
    first = column_bytes[0 if number == 0 else 20].tobytes()
    return path, path.read_bytes().index(first)


def truncated(store):
    path, at = part_file(store, 0)
    path.write_bytes(path.read_bytes()[: at + 15 * 32 + 3])


def missing(store):
    path = store.path / "parts" / store.state.parts[0].name
    shutil.rmtree(path) if path.is_dir() else path.unlink()


def swapped_parts(store):
    one, other = (store.path / "parts" / part.name for part in store.state.parts)
    aside = store.path / "aside"
    one.rename(aside), other.rename(one), aside.rename(other)


def swapped_digests(store):
    path, at = part_file(store, 0, "digests")
    data = bytearray(path.read_bytes())
    data[at : at + 32], data[at + 32 : at + 64] = data[at + 32 : at + 64], data[at : at + 32]
    path.write_bytes(bytes(data))


def other_recipe(store):
    other = Store.create(
        store.path.parent / "other", replace(RECIPE, weights="dd" * 32), {}, store.format
    )
    entry = other.write_part(DIGESTS[:20], ROWS[:20] + 1, BY)
    missing(store)
    shutil.move(other.path / "parts" / entry.name, store.path / "parts" / store.state.parts[0].name)


def trailing(store):
    path, _ = part_file(store, 0)
    with path.open("ab") as file:
        file.write(b"x")


def header(store):
    path = store.path / "parts" / store.state.parts[0].name
    flip(path / "rows" / "zarr.json" if path.is_dir() else path, 3)


def attributes(store):
    path = store.path / "parts" / store.state.parts[0].name
    path = path / "zarr.json" if path.is_dir() else path
    data = path.read_bytes()
    path.write_bytes(data.replace(b'"provenance"', b'"provemance"'))


def a_file_more(store):
    path = store.path / "parts" / store.state.parts[0].name
    if path.is_dir():
        (path / "more").write_bytes(b"x")
    else:
        trailing(store)


# what happens → how many of the part's rows are lost for that
HAPPENINGS = {
    truncated: 5,
    missing: 20,
    swapped_parts: 0,
    swapped_digests: 2,
    other_recipe: 20,
    trailing: 0,
    header: 0,
    attributes: 0,
    a_file_more: 0,
}


@pytest.mark.parametrize("happens", HAPPENINGS, ids=lambda happens: happens.__name__)
def test_a_repair_loses_the_rows_that_are_damaged_and_no_other(aged, happens):
    lost = HAPPENINGS[happens]
    expected = served(aged.path)
    happens(aged)
    if happens is attributes:  # no row is read by them
        assert served(aged.path) == expected
    else:
        with pytest.raises(DamagedError):
            served(aged.path)
    told = verify(aged.path)
    assert {damage["what"] for damage in told["damaged"]} == {"part"}
    assert (told["rows_lost"], told["to_compute"], told["repaired"]) == (lost, lost, False)
    before = Store.open(aged.path).state.number
    report = verify(aged.path, repair=True)
    assert (report["rows_lost"], report["to_compute"], report["repaired"]) == (lost, lost, True)
    assert report["commit"] == before + 1  # one commit
    assert verify(aged.path)["damaged"] == []
    store = Store.open(aged.path)
    has = store.has(DIGESTS)
    assert (~has).sum() == lost
    np.testing.assert_array_equal(store.rows(DIGESTS[has]), ROWS[has])


def test_a_chunk_that_is_gone_is_damage_and_never_fill_values(aged):
    if aged.format != "zarr":
        pytest.skip("zarr has chunks")
    for column, lost in (("rows", 20), ("digests", 20), ("checksums", 0)):
        copy = aged.path.parent / column
        shutil.copytree(aged.path, copy)
        next(
            p
            for p in (copy / "parts" / aged.state.parts[0].name / column / "c").rglob("*")
            if p.is_file()
        ).unlink()
        with pytest.raises(DamagedError):
            served(copy)
        assert verify(copy, repair=True)["rows_lost"] == lost
        assert verify(copy)["damaged"] == []


def test_findings_name_the_part_its_rows_the_images_and_what_to_do(aged):
    path, at = part_file(aged, 0)
    for row in (3, 4, 5, 9):
        flip(path, at + 32 * row)
    (damage,) = verify(aged.path)["damaged"]
    assert damage["name"] == aged.state.parts[0].name
    assert damage["rows"] == [[3, 5], [9, 9]]
    assert (damage["rows_lost"], damage["images"]) == (4, 4)
    assert damage["keys"] == [{"source": "s", "key": f"k{n:06}"} for n in (3, 4, 5, 9)]
    assert damage["do"].startswith(f"run bottleneck verify --cache {aged.path} --repair")


def test_images_are_named_where_the_digests_themselves_are_damaged(aged):
    path, at = part_file(aged, 1, "digests")
    flip(path, at + 32 * 4 + 7)
    (damage,) = verify(aged.path)["damaged"]
    assert damage["rows"] == [[4, 4]]
    assert damage["keys"] == [{"source": "s", "key": "k000024"}]


def test_an_image_with_another_good_row_has_lost_nothing(aged):
    store = add(aged, ROWS[3:5], DIGESTS[3:5])
    path, at = part_file(store, 0)
    flip(path, at + 32 * 3)
    report = verify(store.path)
    assert (report["rows_lost"], report["to_compute"]) == (1, 0)
    assert report["damaged"][0]["keys"] == []


def test_an_image_that_is_set_aside_has_lost_nothing(aged):
    samples = snapshot_of(DIGESTS).samples
    more = {k: getattr(samples, k) for k in ("keys", "known", "labels", "splits", "classes")}
    stranger = samples.digests.copy()
    stranger[0] = 7
    aside = QuarantineEntry(
        key=b"k000000", digest=b"\7" * 32, reason="bad", decoder="d", limits="l"
    )
    samples = Samples(digests=stranger, **more)
    found = Snapshot(samples=samples, spec={"kind": "test"}, quarantine=(aside,))
    entry = aged.write_snapshot(found)
    store = aged.commit([SetSource("s", aged.state.sources["s"].snapshot, entry)], "x")
    missing(store)
    (damage,) = verify(store.path)["damaged"]
    assert damage["images"] == 19


def test_what_only_older_commits_name_is_found_and_given_up(aged):
    old = aged.state.sources["s"].snapshot
    store = look(aged, DIGESTS[:29])
    file = next(p for p in truth(store.path) if old in str(p))
    flip(file, file.stat().st_size // 2)
    (damage,) = verify(store.path)["damaged"]
    assert (damage["what"], damage["commits"]) == ("snapshot", [aged.state.number] * 2)
    report = verify(store.path, repair=True)
    assert (report["repaired"], report["rows_lost"]) == (True, 0)
    assert verify(store.path)["damaged"] == []
    assert Store.open(store.path).source_names == ["s"]
    with pytest.raises(DamagedError):  # the older commit cannot be what it was
        Store.open(store.path, at=aged.state.number).snapshot("s")


def test_a_source_goes_back_to_the_newest_snapshot_that_can_be_read(aged):
    old = aged.state.sources["s"].snapshot
    store = look(aged, DIGESTS[:29])
    new = store.state.sources["s"].snapshot
    file = next(p for p in truth(store.path) if new in str(p))
    flip(file, file.stat().st_size // 2)
    assert verify(store.path, repair=True)["repaired"]
    found = Store.open(store.path)
    assert found.state.sources["s"].snapshot == old
    assert verify(store.path)["damaged"] == []


def test_an_older_recipe_that_is_damaged_is_given_up(aged):
    (old,) = (p for p in (aged.path / "recipes").iterdir() if p.stem != RECIPE.id)
    flip(old, 30)
    (damage,) = verify(aged.path)["damaged"]
    assert (damage["what"], damage["commits"]) == ("recipe", [1, 3])
    assert verify(aged.path, repair=True)["repaired"]
    assert verify(aged.path)["damaged"] == []


def test_the_recipe_of_the_newest_commit_is_beyond_repair_and_verify_says_the_way_on(aged):
    flip(aged.path / "recipes" / f"{RECIPE.id}.json", 30)
    before = tree(aged.path)
    report = verify(aged.path, repair=True)
    assert not report["repaired"]
    assert "restore this file from a backup" in report["damaged"][0]["do"]
    assert tree(aged.path) == before


def test_a_damaged_newest_commit_is_said_with_what_is_lost(aged):
    newest = aged.path / "log" / f"{aged.state.number:08}.json"
    store = add(aged, *rows_and_digests(7, 5))
    newest = aged.path / "log" / f"{store.state.number:08}.json"
    newest.write_text(newest.read_text().replace('"by": "extract"', '"by": "extracT"'))
    with pytest.raises(DamagedError):
        Store.open(aged.path)
    (damage,) = verify(aged.path)["damaged"]
    assert (damage["what"], damage["rows_lost"]) == ("commit", 7)
    assert f"7 rows that extracT recorded after commit {aged.state.number}" in damage["detail"]
    report = verify(aged.path, repair=True)
    assert (report["commit"], report["rows_lost"]) == (aged.state.number, 7)
    assert (aged.path / "log" / "damaged" / newest.name).exists()
    assert Store.open(aged.path).state.checksum == aged.state.checksum


def test_a_fold_that_is_lost_with_its_commit_loses_no_row(aged):
    from bottleneck.store.fold import merged

    names = tuple(part.name for part in aged.state.parts)
    store = aged.commit([ReplaceParts(names, (merged(aged, aged.parts),))], "fold")
    newest = aged.path / "log" / f"{store.state.number:08}.json"
    newest.write_text(newest.read_text().replace('"by": "fold"', '"by": "folD"'))
    assert verify(aged.path)["rows_lost"] == 0


def test_a_commit_of_another_history_is_found(aged):
    number = aged.state.number - 1
    file = aged.path / "log" / f"{number:08}.json"
    plain = json.loads(file.read_text())
    from bottleneck.core.canonical import canonical_digest

    rest = {**{k: v for k, v in plain.items() if k != "checksum"}, "by": "somebody else"}
    file.write_text(json.dumps({**rest, "checksum": canonical_digest(rest)}, indent=1) + "\n")
    (damage,) = verify(aged.path)["damaged"]
    assert (damage["what"], damage["name"]) == ("commit", file.name)
    assert verify(aged.path, repair=True)["repaired"]
    assert verify(aged.path)["damaged"] == []
    assert Store.open(aged.path).state.checksum == aged.state.checksum


def test_a_log_that_was_restored_opens_as_that_older_state_and_whoever_knew_more_is_told(aged):
    saved = {p.name: p.read_bytes() for p in (aged.path / "log").glob("*.json")}
    reader = add(aged, *rows_and_digests(7, 5))
    for path in (aged.path / "log").glob("*.json"):
        path.unlink()
    for name, data in saved.items():
        (aged.path / "log" / name).write_bytes(data)
    assert Store.open(aged.path).state.checksum == aged.state.checksum
    assert verify(aged.path)["damaged"] == []
    with pytest.raises(UsageError, match="no commit"):
        Store.open(aged.path, at=reader.state.number)


def test_a_newer_program_s_commit_is_never_moved_aside(aged):
    from bottleneck.core.canonical import canonical_digest

    newest = aged.path / "log" / f"{aged.state.number:08}.json"
    plain = json.loads(newest.read_text())
    rest = {**{k: v for k, v in plain.items() if k != "checksum"}, "format_version": 9}
    newest.write_text(json.dumps({**rest, "checksum": canonical_digest(rest)}))
    with pytest.raises(UsageError, match="upgrade"):
        verify(aged.path, repair=True)
    assert newest.exists()


def test_a_link_in_the_place_of_a_part_is_damage_and_is_not_followed(aged):
    part = aged.path / "parts" / aged.state.parts[0].name
    elsewhere = aged.path.parent / part.name
    part.rename(elsewhere)
    part.symlink_to(elsewhere)
    report = verify(aged.path, repair=True)
    assert report["rows_lost"] == 20
    assert verify(aged.path)["damaged"] == []


@pytest.mark.slow
def test_a_repair_takes_the_memory_of_a_few_blocks(aged, monkeypatch):
    import tracemalloc

    from bottleneck.store import copying

    monkeypatch.setattr(copying, "BLOCK_BYTES", 1 << 18)
    rows, digests = rows_and_digests(60_000, 3)
    store = add(aged, rows, digests)
    path = store.path / "parts" / store.state.parts[-1].name
    if path.is_dir():
        path = path / "rows" / "c" / "0" / "0"
    flip(path, path.read_bytes().index(rows[7].tobytes()))
    tracemalloc.start()
    report = verify(store.path, repair=True)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert report["rows_lost"] == 1
    assert peak < 20e6, f"{peak / 1e6:.1f} MB"


def test_columns_are_found_wherever_a_header_that_is_damaged_had_them(tmp_path, fmt):
    form = load_format(fmt)
    for n, width in ((1, 1), (3000, 16), (40, 70_000), (17, 5)):
        rng = np.random.default_rng(n)
        columns = {
            "rows": rng.normal(size=(n, width)).astype("<f2"),
            "digests": rng.integers(0, 256, (n, 32), np.uint8),
            "checksums": rng.integers(0, 2**32, n, np.uint32),
        }
        path = tmp_path / f"{n}{form.suffix}"
        form.write(path, columns, {"recipe": "x"})
        kinds = {name: (column.dtype.str, column.shape) for name, column in columns.items()}
        assert any(
            all(np.array_equal(guess[name], columns[name]) for name in columns)
            for guess in form.recover(path, kinds)
        )


@pytest.mark.parametrize("kind", [OSError, RuntimeError, KeyError])
def test_a_disk_that_does_not_read_is_no_damage_whatever_hdf5_calls_it(tmp_path, kind):
    """Or a repair would throw good rows away."""
    said = "Can't synchronously read data (errno = 5, error message = 'Input/output error')"
    path = tmp_path / "a.h5"
    with pytest.raises(OSError, match="Input/output") as caught, bad_bytes_are_damage(path):
        raise kind(said)
    assert (caught.value.errno, caught.value.filename) == (5, str(tmp_path / "a.h5"))
    with pytest.raises(DamagedError), bad_bytes_are_damage(tmp_path / "a.h5"):
        raise kind("truncated file")
