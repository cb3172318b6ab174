"""The history of runs: what is recorded, what status says, how old the last good one may be."""

import json
import platform
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from world import picture, tree

from bottleneck.core import console
from bottleneck.core.sealed import with_checksum
from bottleneck.extract import main as extract
from bottleneck.pipeline.upkeep.last_runs import last_runs
from bottleneck.pipeline.upkeep.prometheus import exposition
from bottleneck.status import main
from bottleneck.store.lock import hold
from bottleneck.store.store import Store


def status(capsys, *words):
    """Return the code, stdout and stderr of a status."""
    capsys.readouterr()
    code = console.run(main, [str(word) for word in words])
    said = capsys.readouterr()
    assert "Traceback" not in said.err
    return code, said.out, said.err


@pytest.fixture
def cache(tmp_path, photos, numpy_network, later):
    """A store that was filled once."""
    words = ["--data", str(photos), "--cache", str(tmp_path / "store"), "--backbone", "resnet50"]
    assert console.run(extract, [*words, "--weights", "random:0", "--size", "8"]) == 0
    later()
    return tmp_path / "store"


def rewritten(cache, *changes):
    """Change the lines of the history, each with a checksum of its own; None drops a key."""
    path = cache / "history.jsonl"
    lines = [json.loads(line) for line in path.read_bytes().splitlines()]
    for line, change in zip(lines, changes, strict=True):
        del line["checksum"]
        for key, value in change.items():
            line.pop(key, None)
            if value is not None:
                line[key] = value
    path.write_text("".join(json.dumps(with_checksum(line)) + "\n" for line in lines))


def ago(**how):
    return (datetime.now(UTC) - timedelta(**how)).isoformat(timespec="seconds")


def test_a_run_is_recorded_with_time_counts_seconds_versions_outcome_and_host(cache):
    (entry,) = Store.open(cache).history()
    at = datetime.fromisoformat(entry["time"])
    assert abs((datetime.now(UTC) - at).total_seconds()) < 600
    assert at.utcoffset() == timedelta(0)
    assert (entry["outcome"], entry["code"], entry["host"]) == ("done", 0, platform.node())
    assert entry["versions"]["bottleneck"]
    assert (entry["computed"], entry["source"]) == (12, "photos")
    assert entry["seconds"]["total"] > 0


def test_a_run_that_fails_is_recorded_with_its_code_and_a_dry_one_is_not(cache, photos, capsys):
    words = ["--cache", str(cache)]
    for path in sorted(photos.rglob("*.png"))[:8]:
        path.unlink()
    assert console.run(extract, [*words, "--dry-run"]) == 3
    assert len(Store.open(cache).history()) == 1
    assert console.run(extract, words) == 3
    with hold(cache):
        assert console.run(extract, words) == 75
    assert console.run(extract, [*words, "--pooling", "max", "--backbone", "resnet50"]) == 4
    entries = Store.open(cache).history()
    assert [entry["code"] for entry in entries] == [0, 3, 75, 4]
    assert [entry["outcome"] for entry in entries[1:]] == ["failed"] * 3
    assert entries[1]["error"] == "shrank from 12 to 4 images"
    code, out, _ = status(capsys, "--cache", cache, "--history")
    assert code == 0
    (row,) = [line for line in out.splitlines() if "shrank" in line]
    assert row.split()[1:3] == ["extract", "photos"]
    assert "failed: shrank from 12 to 4 images" in row
    _, out, _ = status(capsys, "--cache", cache, "--history", "--json")
    assert json.loads(out)["history"] == entries


def test_a_history_that_cannot_be_written_is_a_warning_and_never_the_end_of_a_run(
    cache, photos, capsys
):
    (cache / "history.jsonl").unlink()
    (cache / "history.jsonl").mkdir()
    picture(photos / "cat/new.png", 50)
    capsys.readouterr()
    assert console.run(extract, ["--cache", str(cache)]) == 0
    err = capsys.readouterr().err
    assert "warning: " in err
    assert "history.jsonl" in err
    assert len(Store.open(cache).arrays()[0]) == 13


def test_what_is_no_store_gets_no_history(tmp_path, photos, capsys):
    before = tree(tmp_path)
    assert console.run(extract, ["--cache", str(tmp_path / "none")]) == 2
    assert console.run(extract, ["--cache", str(photos)]) == 2
    assert tree(tmp_path) == before


@pytest.mark.parametrize(
    ("old", "limit", "code"),
    [
        ({"hours": 23}, "24h", 0),
        ({"hours": 25}, "24h", 6),
        ({"minutes": 80}, "90m", 0),
        ({"minutes": 100}, "90m", 6),
        ({"days": 6}, "7d", 0),
        ({"days": 8}, "7d", 6),
        ({"days": -1}, "1s", 0),
    ],
)
def test_a_last_good_run_that_is_too_old_is_6(cache, capsys, old, limit, code):
    rewritten(cache, {"time": ago(**old)})
    found, out, _ = status(capsys, "--cache", cache, "--check", "--max-age", limit)
    assert found == code
    assert ("too old" in out) == (code == 6)
    _, out, _ = status(capsys, "--cache", cache, "--check", "--max-age", limit, "--json")
    check = json.loads(out)["check"]["photos"]
    assert (check["too_old"], check["stale"]) == (code == 6, code == 6)
    assert status(capsys, "--cache", cache, "--check")[0] == 0


def test_a_run_that_failed_is_no_good_one_and_is_said(cache, capsys):
    with hold(cache):
        assert console.run(extract, ["--cache", str(cache)]) == 75
    rewritten(cache, {"time": ago(days=2)}, {})
    code, out, _ = status(capsys, "--cache", cache, "--check", "--max-age", "24h")
    assert code == 6
    assert "last good run 2 days ago; the last run ended with code 75: another run holds" in out


@pytest.mark.parametrize("change", [{"time": None}, {"time": "soon"}, {"source": "another"}])
def test_no_good_run_with_a_time_is_6(cache, capsys, change):
    rewritten(cache, change)
    code, out, _ = status(capsys, "--cache", cache, "--check", "--max-age", "365d")
    assert code == 6
    assert "no good run is recorded" in out


def test_a_line_of_before_there_were_codes_is_a_good_run(cache, capsys):
    rewritten(cache, {"code": None, "outcome": None, "host": None, "versions": None})
    assert status(capsys, "--cache", cache, "--check", "--max-age", "1h")[0] == 0
    assert " - " in status(capsys, "--cache", cache, "--history")[1]


def test_every_source_must_have_a_young_good_run(cache, tmp_path, capsys):
    picture(tmp_path / "more/x/1.png", 70)
    assert console.run(extract, ["--cache", str(cache), "--data", str(tmp_path / "more")]) == 0
    rewritten(cache, {"time": ago(days=3)}, {})
    code, out, _ = status(capsys, "--cache", cache, "--check", "--max-age", "24h", "--json")
    assert code == 6
    checks = json.loads(out)["check"]
    assert [checks[name]["too_old"] for name in ("more", "photos")] == [False, True]


def test_the_age_without_a_check_is_wrong_usage(cache, capsys):
    code, _, err = status(capsys, "--cache", cache, "--max-age", "24h")
    assert (code, len(err.splitlines())) == (2, 1)
    assert "add --check" in err
    code, _, err = status(capsys, "--cache", cache, "--check", "--max-age", "soon")
    assert (code, "7d" in err) == (2, True)


def test_nothing_in_a_history_drives_a_terminal(cache, capsys):
    rewritten(
        cache, {"host": "\x1b[31mhost\nline", "outcome": "failed", "error": "\x07", "code": 3}
    )
    for words in (["--history"], []):
        _, out, _ = status(capsys, "--cache", cache, *words)
        assert "\x1b" not in out
        assert "\x07" not in out


# --- Prometheus -------------------------------------------------------------------------------

LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(?:,|$)')
SAMPLE = re.compile(r"([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)(?: (-?\d+))?")


def parsed(text):
    """Read the text format: {(name, ((label, value), …)): number}; anything else fails."""
    assert text.endswith("\n")
    found, helped, typed, current = {}, set(), {}, None
    for line in text[:-1].split("\n"):
        if line.startswith("# HELP "):
            _, _, name, about = line.split(" ", 3)
            assert name not in helped
            assert about
            helped.add(name)
            current = name
        elif line.startswith("# TYPE "):
            _, _, name, kind = line.split(" ")
            assert name == current
            assert name not in typed
            assert kind in {"gauge", "counter"}
            typed[name] = kind
        else:
            match = SAMPLE.fullmatch(line)
            assert match, line
            name, labels, value, _ = match.groups()
            assert name == current  # all lines of a metric are one group
            assert name in typed
            pairs, at = [], 0
            while labels and at < len(labels):
                label = LABEL.match(labels, at)
                assert label, line
                text_of = re.sub(r"\\(.)", lambda m: {"n": "\n"}.get(m[1], m[1]), label[2])
                pairs.append((label[1], text_of))
                at = label.end()
            key = (name, tuple(pairs))
            assert key not in found
            found[key] = float(value)
    assert helped == set(typed)
    return found


def test_metrics_are_what_status_says_for_every_store_and_source(cache, tmp_path, photos, capsys):
    odd = 'a "b" \\n\\ é\nc'
    picture(tmp_path / "more/x/1.png", 70)
    (tmp_path / "more/x/2.png").write_text("no image")
    words = ["--cache", str(cache), "--data", str(tmp_path / "more"), "--source", odd]
    assert console.run(extract, words) == 0
    picture(tmp_path / "more/x/3.png", 71)
    (tmp_path / "stores/bad/log").mkdir(parents=True)
    (tmp_path / "stores/bad/log/00000001.json").write_text("{")
    cache.rename(tmp_path / "stores/good")
    good, bad = (str(tmp_path / "stores" / name) for name in ("good", "bad"))
    code, out, err = status(
        capsys, "--all", tmp_path / "stores", "--prometheus", "--check", "--quiet"
    )
    assert code == 5
    assert len(err.splitlines()) == 1
    found = parsed(out)

    def value(name, *sources, store=good):
        source = [("source", each) for each in sources]
        return found[f"bottleneck_{name}", (("store", store), *source)]

    assert (value("up"), value("up", store=bad), value("status_exit_code", store=bad)) == (1, 0, 5)
    assert value("rows") == 13
    assert value("bytes") == sum(e.n_bytes for e in Store.open(Path(good)).state.parts)
    assert (value("images", "photos"), value("cached_images", "photos")) == (12, 12)
    assert (value("images", odd), value("set_aside_images", odd)) == (2, 1)
    assert (value("pending_images", odd), value("stale", odd)) == (0, 1)
    assert value("last_run_exit_code", odd) == 0
    assert value("last_run_computed_images", odd) == 1
    entries = Store.open(Path(good)).history()
    at = datetime.fromisoformat(entries[0]["time"]).timestamp()
    assert value("last_good_run_timestamp_seconds", "photos") == at
    assert 0 <= value("last_good_run_age_seconds", "photos") < 600


def test_the_last_code_is_that_of_a_run_that_failed(cache, capsys):
    with hold(cache):
        assert console.run(extract, ["--cache", str(cache)]) == 75
    found = parsed(status(capsys, "--cache", cache, "--prometheus")[1])
    labels = (("store", str(cache)), ("source", "photos"))
    assert found["bottleneck_last_run_exit_code", labels] == 75
    assert ("bottleneck_last_good_run_age_seconds", labels) in found


def test_a_run_that_failed_before_a_source_was_known_is_the_last_of_every_source(cache, capsys):
    newest = max((cache / "log").glob("*.json"))
    whole = newest.read_bytes()
    newest.write_bytes(whole[:-20])
    assert console.run(extract, ["--cache", str(cache)]) == 5
    newest.write_bytes(whole)
    (last,) = last_runs(cache, ["photos"]).values()
    assert (last["last_run"]["code"], last["last_good_run"]["code"]) == (5, 0)


def test_a_store_without_a_history_has_no_lines_of_runs(cache, capsys):
    (cache / "history.jsonl").unlink()
    assert last_runs(cache, ["photos"])["photos"] == {"last_run": None, "last_good_run": None}
    code, out, _ = status(capsys, "--cache", cache, "--prometheus")
    assert code == 0
    assert "last" not in out
    parsed(out)


def test_a_name_that_is_not_utf_8_is_a_label_all_the_same():
    (line,) = [n for n in exposition([{"store": "a\udcff", "code": 0}]) if "up{" in n]
    assert line == 'bottleneck_up{store="a\\\\udcff"} 1'


def test_metrics_and_json_at_once_are_wrong_usage(cache, capsys):
    assert status(capsys, "--cache", cache, "--prometheus", "--json")[0] == 2


def test_a_command_about_other_data_that_is_refused_is_no_run_of_what_is_recorded(
    cache, tmp_path, capsys
):
    (tmp_path / "t.csv").write_text("filename,label\na.png,x\n")
    words = ["--cache", str(cache), "--data", str(tmp_path / "t.csv"), "--layout", "{class}/*"]
    assert console.run(extract, words) == 2
    assert Store.open(cache).history()[-1]["code"] == 2
    assert last_runs(cache, ["photos"])["photos"]["last_run"]["code"] == 0
    # About this very data it is one.
    photos = str(tmp_path / "photos")
    assert console.run(extract, ["--cache", str(cache), "--data", photos, "--header"]) == 2
    assert last_runs(cache, ["photos"])["photos"]["last_run"]["code"] == 2
