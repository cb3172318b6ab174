"""verify and gc as commands and from Python: codes, keys, and what people read."""

import json
import shutil

import numpy as np
import pytest
from world import flip

import bottleneck
from bottleneck.core import console
from bottleneck.core.errors import UsageError
from bottleneck.gc import main as gc_main
from bottleneck.pipeline.extraction.extract import extract
from bottleneck.pipeline.extraction.options import ExtractOptions
from bottleneck.pipeline.network.options import NetworkOptions
from bottleneck.pipeline.upkeep.upkeep import forget
from bottleneck.store.store import Store
from bottleneck.verify import main as verify_main

NETWORK = NetworkOptions(backbone="resnet50", weights="random:0", size=(8, 8))


@pytest.fixture
def cache(tmp_path, photos, numpy_network, later):
    """A store of twelve photos."""
    extract(ExtractOptions(cache=tmp_path / "store", data=str(photos), network=NETWORK))
    return tmp_path / "store"


def verify(capsys, cache, *words):
    code = console.run(verify_main, ["--cache", str(cache), *words])
    return code, capsys.readouterr().out.splitlines()


def lose_a_row(cache, row=3):
    part = Store.open(cache).parts[0]
    data = np.asarray(part.slice(row, row + 1)).tobytes()
    flip(part.path, part.path.read_bytes().index(data))
    return part.entry.name


def test_a_lost_row_is_told_with_its_image_and_after_the_repair_with_what_is_computed(
    cache, capsys
):
    name = lose_a_row(cache)
    code, said = verify(capsys, cache)
    assert code == 5
    assert said[0] == f"damaged part {name}: its bytes changed"
    assert said[1] == "  1 row lost: 3"
    assert said[2].startswith("  1 image without: photos: ")
    assert said[3] == (
        f"to do: run bottleneck verify --cache {cache} --repair, then bottleneck extract"
    )
    code, said = verify(capsys, cache, "--repair")
    assert (code, said[-1].partition(": ")[2]) == (
        0, "1 row lost; run bottleneck extract again, which computes 1 image",
    )  # fmt: skip
    assert verify(capsys, cache)[0] == 0


def test_the_keys_of_a_report_say_what_was_lost(cache, capsys):
    lose_a_row(cache)
    code, said = verify(capsys, cache, "--repair", "--json")
    (report,) = map(json.loads, said)
    assert (code, report["rows_lost"], report["to_compute"], report["repaired"]) == (0, 1, 1, True)
    (damage,) = report["damaged"]
    assert damage["rows"] == [[3, 3]]
    assert [key["source"] for key in damage["keys"]] == ["photos"]


def test_a_sample_says_how_much_of_the_store_it_was(cache, capsys):
    code, said = verify(capsys, cache, "--sample", "1")
    assert code == 0
    assert said[0].startswith("1 of ")
    assert said[0].endswith("commits and recipes are as they were written")
    (report,) = map(json.loads, verify(capsys, cache, "--sample", "5%", "--json")[1])
    assert report["sample"].keys() == {"files", "of_files", "bytes", "of_bytes"}


@pytest.mark.parametrize("words", [["--sample", "0%"], ["--sample", "x"], ["--recompute", "0"]])
def test_what_cannot_be_meant_is_2(cache, words):
    with pytest.raises(UsageError) as caught:
        verify_main(["--cache", str(cache), *words])
    assert caught.value.where == words[0]


def test_a_machine_that_computes_other_rows_is_4(cache, capsys, numpy_network):
    code, said = verify(capsys, cache, "--recompute", "5")
    assert (code, said[-1]) == (0, "this machine computes these rows")
    assert said[-2].startswith("5 rows computed again on a test: largest difference ")
    numpy_network.factor = 1.01
    code, said = verify(capsys, cache, "--recompute", "5", "--json")
    assert code == 4
    (report,) = map(json.loads, said)
    assert report["recompute"]["within"] is False


def test_damage_comes_before_other_rows(cache, capsys, numpy_network):
    lose_a_row(cache)
    numpy_network.factor = 1.01
    code, said = verify(capsys, cache, "--recompute", "5")
    assert (code, said[-1]) == (5, "nothing was computed again: repair the store first")


def test_without_its_source_a_store_is_verified_and_says_that_nothing_was_computed(
    cache, capsys, photos
):
    shutil.rmtree(photos)
    code, said = verify(capsys, cache, "--recompute", "5")
    assert code == 0
    assert said[-1].startswith("nothing was computed again: no image with a row can be read here")


def test_gc_says_how_many_rows_and_bytes_would_go(cache, capsys):
    forget(cache, None)
    words = ["--cache", str(cache), "--grace", "0s"]
    assert console.run(gc_main, [*words, "--dry-run", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["rows"], told["dry_run"], told["unread"]) == (12, True, [])
    assert told["row_bytes"] > 12 * 12
    assert console.run(gc_main, words) == 0
    assert "dropped 12 rows that no image needs: about " in capsys.readouterr().out


def test_python_says_the_same(cache, numpy_network):
    assert bottleneck.verify_store(cache)["rows"] == 12
    report = bottleneck.verify_store(str(cache), sample="5%", recompute=np.int64(3))
    assert report["recompute"]["computed"] == 3
    with pytest.raises(UsageError, match="no part of a store"):
        bottleneck.verify_store(cache, sample="a bit")
    with pytest.raises(UsageError, match="not above zero"):
        bottleneck.verify_store(cache, recompute=0)
    lose_a_row(cache)
    assert bottleneck.verify_store(cache, repair=True)["rows_lost"] == 1
    report = bottleneck.collect_garbage(cache, grace_s=-10, dry_run=True)
    assert report["verb"] == "gc"
    assert bottleneck.collect_garbage(cache, grace_s=-10)["deleted"] == report["deleted"]
