"""Stores made to harm: what is no file, and JSON whose checksum is right and whose values are not.

Whoever makes a store can compute every checksum, so a checksum alone proves nothing here. Every
verb must end by itself, with a code of the table, one line, and nothing that a terminal obeys.
"""

import json
import os
import random
import shutil

import pytest
from hostile_world import ESCAPE, SPECIAL, VALUES, is_shown_safely, places, run, sealed, with_value
from world import picture

from bottleneck.core.canonical import canonical_digest
from bottleneck.extract import main as extract_main
from bottleneck.forget import main as forget_main
from bottleneck.gc import main as gc_main
from bottleneck.predict import main as predict_main
from bottleneck.status import main as status_main
from bottleneck.store.inventory import files_of
from bottleneck.store.table import load_format
from bottleneck.train import main as train_main
from bottleneck.verify import main as verify_main

CODES = {0, 2, 3, 4, 5, 6}
LONG = bool(os.environ.get("BOTTLENECK_SOAK"))
TRIALS = 10_000 if LONG else 12


@pytest.fixture(params=["hdf5", "zarr"])
def fmt(request):
    return request.param


@pytest.fixture
def made(tmp_path, numpy_network, fmt):
    """Return the folder of a store with a source, an image set aside, and a run called `r`."""
    for i in range(6):
        picture(tmp_path / "photos" / ("cat" if i % 2 else "dog") / f"{i}.png", i)
    (tmp_path / "photos/cat/broken.png").write_bytes(b"broken")
    store = tmp_path / "store"
    words = ["--data", str(tmp_path / "photos"), "--cache", str(store), "--backbone", "resnet50"]
    words += ["--weights", "random:0", "--size", "8", "--format", fmt]
    assert run(extract_main, words)[0] == 0
    assert run(train_main, ["--cache", str(store), "--run", "r"])[0] == 0
    return store


def verbs(store):
    """Return each verb that reads a store, and its words."""
    cache = ["--cache", str(store)]
    return {
        "status": (status_main, [*cache, "--check", "--why", "cat/broken.png"]),
        "status --json": (status_main, [*cache, "--json"]),
        "verify": (verify_main, cache),
        "extract": (extract_main, [*cache, "--dry-run"]),
        "train": (train_main, cache),
        "forget": (forget_main, [*cache, "--dry-run"]),
        "gc": (gc_main, [*cache, "--dry-run"]),
        "predict": (predict_main, ["--run", str(store / "runs/r"), str(store.parent / "photos")]),
    }


def newest(store):
    return max((store / "log").glob("*.json"))


def check(store, what, doors=None):
    """Run verbs over a store; return how each ended, having held each to what must hold."""
    found = {}
    for name, (main, words) in (doors or verbs(store)).items():
        code, said = run(main, words)
        assert code in CODES, f"{what}: {name}: {code}\n{said}"
        assert "Traceback" not in said, f"{what}: {name}"
        assert is_shown_safely(said), f"{what}: {name}: {said!r}"
        errors = [line for line in said.splitlines() if line.startswith("error: ")]
        assert len(errors) <= 1, f"{what}: {name}: {said}"
        found[name] = code
    return found


LIGHT = ("status", "status --json", "verify", "extract", "gc")


@pytest.mark.slow
@pytest.mark.parametrize("room", ["log", "recipes", "history.jsonl", "lock", "derived"])
def test_what_is_no_file_in_the_place_of_one_is_damage_or_left_alone_and_never_waited_for(
    made, room
):
    places = {
        "log": [newest(made)],
        "recipes": list((made / "recipes").iterdir()),
        "derived": [p for p in (made / "derived").rglob("*") if p.is_file()],
    }
    kept = {path: path.read_bytes() for path in places.get(room, [made / room])}
    expected = {"log": 5, "recipes": 5}.get(room, 0)
    for special in SPECIAL:
        for path in kept:
            path.unlink()
            special(path)
        doors = verbs(made) if special is SPECIAL[0] else {n: verbs(made)[n] for n in LIGHT}
        found = check(made, f"{special.__name__} as {room}", doors)
        assert found["status --json"] == found["verify"] == expected, special.__name__
        for path, data in kept.items():
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
            path.write_bytes(data)


@pytest.mark.slow
def test_what_is_no_file_in_a_run_is_damage_and_never_waited_for(made):
    for special in SPECIAL:
        for name in ("run.json", "metrics.json"):
            copy = made / "runs" / f"copy-{name}"
            shutil.copytree(made / "runs/r", copy)
            (copy / name).unlink()
            special(copy / name)
            words = ["--run", str(copy), str(made.parent / "photos")]
            doors = {"predict": (predict_main, words)}
            assert check(made, special.__name__, doors) == {"predict": 5}, special.__name__
            check(made, f"{special.__name__} in a run", {"status": verbs(made)["status"]})
            shutil.rmtree(copy)


def test_an_extraction_ends_well_where_its_history_and_lock_are_pipes(made):
    for name in ("history.jsonl", "lock"):
        (made / name).unlink()
        os.mkfifo(made / name)
    picture(made.parent / "photos/cat/new.png", 99)
    code, said = run(extract_main, ["--cache", str(made)])
    assert code == 0, said
    assert "1 computed" in said
    assert "history.jsonl" in said


def test_a_link_in_the_place_of_a_commit_is_damage_though_the_bytes_are_the_same(made, tmp_path):
    commit = newest(made)
    commit.rename(tmp_path / "elsewhere.json")
    commit.symlink_to(tmp_path / "elsewhere.json")
    code, said = run(status_main, ["--cache", str(made)])
    assert code == 5
    assert "no regular file" in said


def test_a_commit_with_the_last_number_is_read_and_nothing_is_lost_behind_it(made):
    plain = json.loads(newest(made).read_bytes())
    (made / "log/99999999.json").write_bytes(sealed({**plain, "number": 99_999_999}))
    assert run(status_main, ["--cache", str(made)])[0] == 0
    code, said = run(forget_main, ["--cache", str(made)])
    assert code == 5
    assert "no commit can follow" in said
    assert not list((made / "log").glob("1*.json"))


def test_text_of_strangers_never_reaches_a_terminal_as_it_is(made):
    plain = json.loads(newest(made).read_bytes())
    source = plain["sources"].pop("photos")
    odd = {**plain, "time": ESCAPE, "by": ESCAPE, "sources": {ESCAPE: source}}
    newest(made).write_bytes(sealed(odd))
    found = check(made, "escapes")
    assert found["status"] == 0
    code, said = run(status_main, ["--cache", str(made)])
    assert "\\x1b[2J" in said


def hostile_commits(store):
    """Yield each value of a commit with each other value."""
    plain = json.loads(newest(store).read_bytes())
    for path in places(plain):
        for value in VALUES:
            yield (
                (path, value),
                lambda p=path, v=value: newest(store).write_bytes(sealed(with_value(plain, p, v))),
            )


def hostile_recipes(store):
    """Yield each value of a recipe with each other value, under the id that it then has."""
    (file,) = (store / "recipes").iterdir()
    plain, commit = json.loads(file.read_bytes()), json.loads(newest(store).read_bytes())

    def write(path, value):
        changed = with_value(plain, path, value)
        try:
            new_id = canonical_digest(changed["recipe"])
        except (ValueError, TypeError, KeyError):
            new_id = commit["recipe"]
        file.with_name(f"{new_id}.json").write_bytes(sealed(changed))
        newest(store).write_bytes(sealed({**commit, "recipe": new_id}))

    for path in places(plain):
        for value in VALUES:
            yield (path, value), lambda p=path, v=value: write(p, v)


def hostile_tables(store):
    """Yield each value of the attributes of a part or snapshot with each other value."""
    commit = json.loads(newest(store).read_bytes())
    entries = [
        ("parts", commit["parts"][0]),
        *(("snapshots", s) for s in commit["sources"].values()),
    ]
    fmt = load_format(commit["format"])

    def write(room, entry, path, value):
        table = store / room / (entry.get("name") or entry["snapshot"])
        opened = fmt.open(table)
        columns = {name: column.copy() for name, column in opened.columns.items()}
        changed = with_value(dict(opened.attributes), path, value)
        shutil.rmtree(table) if table.is_dir() else table.unlink()
        fmt.write(table, columns, changed)
        before = entry["files"]
        entry["files"] = files_of(table)
        newest(store).write_bytes(sealed(commit))
        entry["files"] = before

    for room, entry in entries:
        table = store / room / (entry.get("name") or entry["snapshot"])
        for path in places(dict(fmt.open(table).attributes)):
            for value in VALUES:
                yield (
                    (room, path, value),
                    lambda *, r=room, e=entry, p=path, v=value: write(r, e, p, v),
                )


@pytest.mark.slow
@pytest.mark.parametrize("corpus", [hostile_commits, hostile_recipes, hostile_tables])
def test_json_with_values_of_other_kinds_and_the_right_checksum_is_an_error_or_harmless(
    made, corpus
):
    kept = made.with_name("kept")
    shutil.copytree(made, kept)
    cases = list(corpus(made))
    for what, write in random.Random(0).sample(cases, min(TRIALS, len(cases))):
        write()
        check(made, what, verbs(made) if LONG else {n: verbs(made)[n] for n in (*LIGHT, "train")})
        shutil.rmtree(made)
        shutil.copytree(kept, made)
