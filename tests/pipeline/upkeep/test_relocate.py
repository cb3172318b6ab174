"""A source that lies elsewhere now, or is read in another way."""

import csv
import json
import re
import shlex
import shutil

import pytest
from world import picture

from bottleneck.core import console
from bottleneck.core.errors import DataError, UsageError
from bottleneck.pipeline.extraction.extract import extract
from bottleneck.pipeline.extraction.options import ExtractOptions
from bottleneck.pipeline.network.options import NetworkOptions
from bottleneck.pipeline.upkeep.relocate import RelocateOptions, relocate
from bottleneck.relocate import main
from bottleneck.store.store import Store

NETWORK = NetworkOptions(backbone="resnet50", weights="random:0", size=(8, 8), rows="float32")


@pytest.fixture
def cache(tmp_path, numpy_network, photos, later):
    later()
    options = ExtractOptions(data=str(photos), cache=tmp_path / "store", network=NETWORK)
    assert extract(options)["computed"] > 0
    return tmp_path / "store"


def moved(cache, data, reading=None, **options):
    told = RelocateOptions(
        cache=cache, source="photos", data=str(data), reading=reading or {}, **options
    )
    return relocate(told)


def again(cache, later, **options):
    later()
    return extract(ExtractOptions(cache=cache, network=NETWORK, **options))


def test_a_folder_that_moved_keeps_its_rows_and_its_name(cache, tmp_path, photos, later):
    n = len(Store.open(cache).snapshot("photos").samples)
    shutil.move(photos, tmp_path / "elsewhere")
    with pytest.raises(DataError, match=r"bottleneck relocate --cache .* photos NEWPLACE"):
        again(cache, later)
    report = moved(cache, str(tmp_path / "elsewhere"))
    assert (report["samples"], report["cached"], report["pending"]) == (n, n, 0)
    report = again(cache, later)
    assert (report["source"], report["computed"], report["cached"]) == ("photos", 0, n)
    assert (report["added"], report["deleted"]) == (0, 0)


def test_a_source_that_is_not_there_is_named_where_it_is_written(cache, tmp_path):
    with pytest.raises(UsageError, match=r"there are photos: .*: write one of them before DATA"):
        relocate(RelocateOptions(cache=cache, source="fotos", data=str(tmp_path)))


def test_a_folder_of_the_same_name_elsewhere_is_pointed_to_relocate(cache, tmp_path, photos, later):
    shutil.copytree(photos, tmp_path / "b" / "photos")
    with pytest.raises(UsageError, match=r"bottleneck relocate --cache .* photos DATA"):
        again(cache, later, data=str(tmp_path / "b" / "photos"))
    with pytest.raises(UsageError, match="read with other options"):
        again(cache, later, data=str(photos), reading={"include": ["cat/*"]})


def test_a_folder_that_must_now_be_told_apart_names_the_commands_that_work(cache, photos, later):
    n = len(Store.open(cache).snapshot("photos").samples)
    picture(photos / "test" / "new.png", seed=991)
    with pytest.raises(DataError, match=r"--exclude 'test/\*'"):
        again(cache, later, data=str(photos))
    with pytest.raises(UsageError, match="read with other options") as caught:
        again(cache, later, data=str(photos), reading={"exclude": ["test/*"]})
    command = re.search(r"bottleneck relocate (--cache .*?);", caught.value.do)[1]
    assert main(shlex.split(command)) == 0
    with pytest.raises(UsageError, match=r"other options \(--exclude 'test/\*'\)") as caught:
        again(cache, later, data=str(photos))
    command = re.search(r"bottleneck extract --cache (\S+) --source (\w+);", caught.value.do)
    assert command.groups() == (str(cache), "photos")
    report = again(cache, later, source="photos")
    assert (report["samples"], report["computed"], report["deleted"]) == (n, 0, 0)


def test_a_source_that_became_a_table_computes_nothing(cache, tmp_path, photos, later):
    path = tmp_path / "photos.csv"
    with path.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["filename", "label"])
        images = sorted(photos.rglob("*.png"))
        rows.writerows([image.relative_to(tmp_path), image.parent.name] for image in images)
    moved(cache, str(path))
    assert Store.open(cache).snapshot("photos").spec["kind"] == "table"
    report = again(cache, later)
    assert (report["computed"], report["cached"]) == (0, len(images))


def test_other_patterns_compute_nothing_and_can_be_taken_back(cache, photos, later):
    n = len(Store.open(cache).snapshot("photos").samples)
    only_cats = {"include": ["cat/*"]}
    with pytest.raises(DataError, match=r"only \d+ of the \d+ recorded images"):
        moved(cache, str(photos), {"include": ["cat/01.png"]})
    report = moved(cache, str(photos), only_cats, allow_shrink=True)
    assert report["samples"] < n
    assert again(cache, later)["computed"] == 0
    report = moved(cache, str(photos))
    assert (report["samples"], report["cached"]) == (n, n)
    assert again(cache, later)["computed"] == 0


def test_other_images_are_refused_and_nothing_is_recorded(cache, tmp_path):
    for i in range(12):
        picture(tmp_path / "other" / "cat" / f"{i}.png", 500 + i)
    before = Store.open(cache).state.number
    with pytest.raises(DataError, match=r"only 0 of the \d+ recorded images of photos are there"):
        moved(cache, str(tmp_path / "other"))
    assert Store.open(cache).state.number == before
    report = moved(cache, str(tmp_path / "other"), allow_shrink=True)
    assert (report["cached"], report["pending"]) == (0, 12)


def test_a_dry_run_changes_nothing_and_says_the_same(cache, tmp_path, photos):
    shutil.move(photos, tmp_path / "elsewhere")
    before = {p: p.read_bytes() for p in cache.rglob("*") if p.is_file()}
    dry = moved(cache, str(tmp_path / "elsewhere"), dry_run=True)
    assert {p: p.read_bytes() for p in cache.rglob("*") if p.is_file()} == before
    wet = moved(cache, str(tmp_path / "elsewhere"))
    different = {"dry_run", "commit"}
    assert {k: v for k, v in dry.items() if k not in different} == {
        k: v for k, v in wet.items() if k not in different
    }


def test_the_command_says_what_was_understood(cache, tmp_path, photos, capsys):
    shutil.move(photos, tmp_path / "elsewhere")
    words = ["--cache", str(cache), "photos", str(tmp_path / "elsewhere")]
    assert console.run(main, [*words, "--dry-run"]) == 0
    assert "photos would be" in capsys.readouterr().out
    assert console.run(main, [*words, "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["to"]["where"] == str(tmp_path / "elsewhere")
    assert console.run(main, ["--cache", str(cache), "photo", str(photos)]) == 2


def test_an_image_that_was_mended_meanwhile_is_pending_and_not_set_aside(
    cache, tmp_path, photos, later
):
    (photos / "cat/bad.png").write_bytes(b"no image")
    assert again(cache, later)["quarantined"] == 1
    picture(photos / "cat/bad.png", 700)
    shutil.move(photos, tmp_path / "elsewhere")
    report = moved(cache, tmp_path / "elsewhere")
    assert (report["pending"], report["quarantined"]) == (1, 0)
    assert again(cache, later)["computed"] == 1
