"""Looking into a store: what was planted among its images is found, and said in words."""

import csv
import json
import os
import shutil

import numpy as np
import pytest
from PIL import Image
from world import flip, tree

from bottleneck import open_store
from bottleneck.core.errors import DataError, UsageError
from bottleneck.forget import main as forget_main
from bottleneck.inspect import lines, main
from bottleneck.pipeline.extraction.extract import extract
from bottleneck.pipeline.extraction.options import ExtractOptions
from bottleneck.pipeline.learning.train import TrainOptions, train
from bottleneck.pipeline.looking.inspection import PARTS, InspectOptions, inspect
from bottleneck.pipeline.looking.sheet import as_csv
from bottleneck.pipeline.network.options import NetworkOptions

NETWORK = NetworkOptions(backbone="resnet50", weights="random:0", size=(8, 8))
N = 24  # images of a class


def patterned(seed, colour):
    """Return a picture of blobs in shades of a colour."""
    rng = np.random.default_rng(seed)
    small = Image.fromarray(rng.integers(40, 216, (12, 12), np.uint8))
    gray = np.asarray(small.resize((48, 48), Image.Resampling.BICUBIC), "f4")
    return Image.fromarray((gray[..., None] * np.array(colour)).astype(np.uint8))


def saved(image, path):
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path)
    return path


@pytest.fixture
def world(tmp_path):
    """Two classes that colour tells apart, in train and test, with things planted."""
    root = tmp_path / "photos"
    colours = {"red": (1, 0.3, 0.3), "blue": (0.3, 0.3, 1)}
    for c, (name, colour) in enumerate(colours.items()):
        for i in range(N):
            split = "test" if i >= 3 * N // 4 else "train"
            saved(patterned(100 * c + i, colour), root / split / name / f"{i:02}.png")
    red = Image.open(root / "train/red/00.png")
    (root / "test/red/bytes.png").write_bytes((root / "train/red/00.png").read_bytes())
    saved(red, root / "test/red/pixels.bmp")
    blue = Image.open(root / "train/blue/01.png")
    mirrored = blue.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    saved(mirrored, root / "test/blue/mirrored.png")
    saved(patterned(900, colours["blue"]), root / "train/red/wrong.png")
    saved(Image.new("RGB", (48, 48), (40, 40, 130)), root / "train/blue/blank.png")
    saved(patterned(901, colours["blue"]).resize((6, 6)), root / "train/blue/tiny.png")
    return root


@pytest.fixture
def cache(tmp_path, world, numpy_network, monkeypatch):
    monkeypatch.setattr("bottleneck.pictures.plots.can_draw", lambda: False)  # for speed
    extract(ExtractOptions(cache=tmp_path / "store", data=str(world), network=NETWORK))
    return tmp_path / "store"


def looked(cache, *only, **more):
    return inspect(InspectOptions(cache=cache, only=only or PARTS, **more))


def test_what_was_planted_is_found(cache):
    found = looked(cache)
    groups = {
        frozenset(image["key"] for image in group["images"]): group
        for group in found["same"]["groups"]
    }
    reds = frozenset({"train/red/00.png", "test/red/bytes.png", "test/red/pixels.bmp"})
    blues = frozenset({"train/blue/01.png", "test/blue/mirrored.png"})
    assert set(groups) == {reds, blues}
    assert all(group["is_leak"] for group in groups.values())
    ways = {i["key"]: i["same_as"] for g in groups.values() for i in g["images"]}
    assert sorted(ways[key] for key in reds) == ["", "bytes", "pixels"]
    assert sorted(ways[key] for key in blues) == ["", "mirrored"]
    assert found["same"]["counts"]["bytes"] == found["same"]["counts"]["mirrored"] == 1
    assert found["same"]["leaks"] == 3
    assert found["same"]["cut_groups"] == []
    disputed = {image["key"]: image for image in found["labels"]["disputed"][:2]}
    assert set(disputed) <= {"train/red/wrong.png", "train/blue/blank.png"}
    assert disputed["train/red/wrong.png"]["proposed"] == "blue"
    near = disputed["train/red/wrong.png"]["neighbours"]
    assert {"red", "blue"} >= {n["class"] for n in near} >= {"blue"}
    odd = {image["key"]: image["kinds"] for image in found["outliers"]["odd"]}
    assert "blank" in odd["train/blue/blank.png"]
    assert "tiny" in odd["train/blue/tiny.png"]
    assert found["classes"]["sizes"] == {"blue": N + 3, "red": N + 2}
    assert found["skipped"] == {"next": "every image has a label"}
    json.dumps(found, allow_nan=False)


def test_pictures_propose_what_rows_do_not(cache, monkeypatch):
    monkeypatch.setattr("bottleneck.pipeline.looking.same.NEAREST", 0)
    groups = [[i["key"] for i in g["images"]] for g in looked(cache, "same")["same"]["groups"]]
    assert any({"train/red/00.png", "test/red/pixels.bmp"} <= set(group) for group in groups)


def test_without_the_source_no_pictures_are_compared(cache, world, monkeypatch):
    shutil.rmtree(world)
    monkeypatch.setattr(
        "bottleneck.pipeline.looking.inspection.near_by_pictures",
        lambda _: pytest.fail("pictures that are not there were compared"),
    )
    assert looked(cache, "same")["same"]["by_rows_alone"] > 0


def test_one_file_for_both_table_and_page_is_refused_before_anything_is_written(cache, tmp_path):
    with pytest.raises(UsageError, match="one file for both"):
        looked(cache, csv=tmp_path / "x.html", page=cache / ".." / "x.html")
    assert not (tmp_path / "x.html").exists()


def test_a_store_whose_source_was_forgotten_says_how_to_fill_it(cache, capsys):
    assert forget_main(["photos", "--cache", str(cache)]) == 0
    capsys.readouterr()
    with pytest.raises(DataError, match=r"no source in it: .*: run bottleneck extract --data"):
        looked(cache)


def test_parts_may_have_spaces_between_them(cache, capsys):
    assert main(["--cache", str(cache), "--only", "outliers, classes", "--json"]) == 0
    assert {"outliers", "classes"} <= set(json.loads(capsys.readouterr().out))


def test_the_last_runs_accuracy_is_told_with_and_without_leaks(cache, world):
    saved(patterned(902, (0.3, 0.3, 1)), world / "test" / "red" / "blue.png")  # a wrong answer
    extract(ExtractOptions(cache=cache, data=str(world), network=NETWORK))
    run = train(TrainOptions(cache=cache, run="r"))
    told = looked(cache, "same")["same"]["run"]
    assert told["run"] == "r"
    assert told["leaked"] == 3
    assert told["samples"] == run["samples"]["test"]
    assert told["accuracy"] == pytest.approx(run["accuracy"])
    assert told["accuracy_without"] < told["accuracy"] < 1
    right = told["accuracy"] * told["samples"]
    without = right - told["accuracy_leaked"] * told["leaked"]
    assert told["accuracy_without"] == pytest.approx(without / (told["samples"] - 3))


def test_of_validation_images_no_accuracy_is_told_for_heads_are_fitted_to_them_too(cache, world):
    (world / "test").rename(world / "val")
    shutil.rmtree(cache)
    extract(ExtractOptions(cache=cache, data=str(world), network=NETWORK))
    found = looked(cache, "same")
    assert (found["same"]["run"], found["same"]["no_run"]) == (None, "no run on this source yet")
    train(TrainOptions(cache=cache, run="r"))
    found = looked(cache, "same")
    assert found["same"]["leaks"] == 3
    assert found["same"]["run"] is None
    why = "no test image has a label, and the run r may be fitted to all others"
    assert found["same"]["no_run"] == why
    assert f"what they do to the accuracy of the last run is not known: {why}" in lines(found, 3)


def test_the_last_run_is_the_one_that_other_commands_take_for_it(cache):
    for name in ("older", "r", "z-newest"):
        train(TrainOptions(cache=cache, run=name))
    runs = cache / "runs"
    shutil.copytree(runs / "z-newest", runs / "tmp-0123")  # a training that was killed
    os.utime(runs / "older" / "run.json")  # the receipt says the time, not the file
    assert looked(cache, "same")["same"]["run"]["run"] == "z-newest"
    flip(runs / "z-newest" / "head.json", 3)  # of which source it is, nobody knows
    assert looked(cache, "same")["same"]["run"]["run"] == "r"


def test_a_group_that_the_datas_own_split_cuts_is_said(tmp_path, world, numpy_network):
    how = {"group_by": "/([0-9])[0-9].png$"}  # 00 to 09, 10 to 19, 20 to 23
    data = str(world)
    extract(ExtractOptions(cache=tmp_path / "g", data=data, network=NETWORK, reading=how))
    csv_file, page = tmp_path / "g.csv", tmp_path / "g.html"
    found = looked(tmp_path / "g", "same", csv=csv_file, page=page)
    assert found["same"]["cut_groups"] == [{"group": "1", "splits": {"train": 16, "test": 4}}]
    said = lines(found, 3)
    assert "1: train 16, test 4" in said
    assert any(line.startswith("CUT GROUPS: 1 group of the source") for line in said)
    assert "same,cut group,1,,train and test,,,\n" in csv_file.read_text()
    assert "Groups of the source in several splits: 1 (1)." in page.read_text()


def test_without_the_source_rows_alone_are_looked_at_and_that_is_said(cache, world):
    shutil.rmtree(world)
    said = Told()
    found = inspect(InspectOptions(cache=cache), said)
    assert any("is not here" in line for line in said.warned)
    assert not found["source_seen"]
    assert found["outliers"]["looked_at"] == 0
    pairs = [group["images"] for group in found["same"]["groups"]]
    assert {"bytes", "rows"} >= {i["same_as"] for images in pairs for i in images} - {""}
    assert any("only their features" in line for line in lines(found, 3))


def test_what_was_seen_once_is_kept_and_serves_without_the_source(cache, world, monkeypatch):
    first = looked(cache)
    reads = []
    monkeypatch.setattr("bottleneck.pipeline.looking.glances.glance", reads.append)
    again = looked(cache)
    assert not reads
    assert again["outliers"] == first["outliers"]
    shutil.rmtree(world)
    gone = looked(cache)
    assert gone["outliers"] == first["outliers"]
    kept = cache / "derived" / "glances.bin"
    whole = kept.read_bytes()
    for damaged in (whole[:-1], whole[:-40] + bytes([whole[-40] ^ 1]) + whole[-39:], b""):
        kept.write_bytes(damaged)  # as if it were not there
        assert looked(cache, "outliers")["outliers"]["looked_at"] == 0


def test_an_image_that_changed_since_is_not_taken_for_what_it_was(cache, world):
    saved(Image.new("RGB", (48, 48)), world / "train/red/03.png")
    found = looked(cache, "outliers")
    assert found["outliers"]["looked_at"] == found["images"] - 1
    assert "train/red/03.png" not in {i["key"] for i in found["outliers"]["odd"]}


def test_nothing_else_of_the_store_is_written(cache, world):
    before = tree(cache)
    source = tree(world)
    looked(cache)
    after = tree(cache)
    assert after.pop("derived/glances.bin")
    assert after == before
    assert tree(world) == source


def test_unlabelled_images_are_proposed_and_there_is_nothing_to_dispute(tmp_path, numpy_network):
    for i in range(9):
        saved(patterned(i, (1, 1, 1)), tmp_path / "flat" / f"{i}.png")
    extract(ExtractOptions(cache=tmp_path / "s", data=str(tmp_path / "flat"), network=NETWORK))
    found = looked(tmp_path / "s", top=4)
    assert found["skipped"] == dict.fromkeys(("labels", "classes"), "no image has a label")
    assert len({image["key"] for image in found["next"]["images"]}) == 4
    assert found["next"]["unlabelled"] == 9
    assert found["next"]["difference_alone"] == "no two classes have a label yet"
    assert found["same"]["no_leaks"] == "all images are in one split: none can leak"
    assert found["same"]["leaks"] is None
    assert found["same"]["run"] is None


def test_a_seed_is_any_whole_number(cache, world, capsys):
    for i in range(5):
        saved(patterned(800 + i, (1, 1, 1)), world / "train" / f"{i}.png")  # without a label
    extract(ExtractOptions(cache=cache, data=str(world), network=NETWORK))
    capsys.readouterr()
    assert main(["--cache", str(cache), "--seed", "-1", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["labels"]["disputed"]
    assert len(report["next"]["images"]) == 5
    assert report["next"]["difference_alone"] is None
    assert looked(cache, "next", seed=-1)["next"] == report["next"]
    orders = {str(looked(cache, "next", seed=seed)["next"]) for seed in (-2, -1, 1, 2)}
    assert len(orders) > 1


@pytest.mark.parametrize(
    ("header", "how", "kind"),
    [("a,b", {}, "labels"), ("age,height", {"label_column": ["age", "height"]}, "numbers")],
)
def test_several_labels_and_numbers_are_no_classes_and_count_as_labelled(
    tmp_path, numpy_network, header, how, kind
):
    told = {"labels": ("1,0", "1,1"), "numbers": ("1.5,7", "2.25,8")}[kind]
    lines_of = [f"filename,split,{header}"]
    for i in range(12):
        saved(patterned(i, (1, 1, 1)), tmp_path / "images" / f"{i:02}.png")
        values = told[i % 2] if i < 9 else ","
        lines_of.append(f"images/{i:02}.png,{'train' if i % 3 else 'test'},{values}")
    (tmp_path / "t.csv").write_text("\n".join(lines_of) + "\n")
    data = str(tmp_path / "t.csv")
    extract(ExtractOptions(cache=tmp_path / "s", data=data, network=NETWORK, reading=how))
    found = looked(tmp_path / "s", page=tmp_path / "page.html")
    why = f"these are {kind}, and this looks at classes"
    assert found["skipped"] == {"labels": why, "classes": why}
    asked = {f"images/{i:02}.png" for i in (9, 10, 11)}
    assert {image["key"] for image in found["next"]["images"]} == asked
    assert (found["next"]["labelled"], found["next"]["unlabelled"]) == (9, 3)
    assert found["next"]["difference_alone"] == why
    assert f"by difference alone: {why}" in lines(found, 3)
    assert f"unlike each other ({why})" in (tmp_path / "page.html").read_text()


def test_one_class_is_said(tmp_path, numpy_network):
    for i in range(8):
        saved(patterned(i, (1, 1, 1)), tmp_path / "one" / "cat" / f"{i}.png")
    extract(ExtractOptions(cache=tmp_path / "s", data=str(tmp_path / "one"), network=NETWORK))
    assert looked(tmp_path / "s", "labels")["skipped"] == {"labels": "all labels are of one class"}


def test_an_image_under_two_labels_is_named(tmp_path, world, numpy_network):
    shutil.copy(world / "train/red/05.png", world / "train/blue/copy.png")
    extract(ExtractOptions(cache=tmp_path / "s", data=str(world), network=NETWORK))
    found = looked(tmp_path / "s", "same", "labels")
    assert found["labels"]["conflicting"] == [
        {"keys": ["train/blue/copy.png", "train/red/05.png"], "classes": ["blue", "red"]}
    ]
    group = next(g for g in found["same"]["groups"] if len(g["classes"]) == 2)
    assert group["classes"] == ["blue", "red"]


def test_an_unknown_part_and_a_store_without_rows_are_refused(cache, tmp_path):
    with pytest.raises(UsageError, match="no part 'leaks'"):
        looked(cache, "leaks")
    shutil.copytree(cache, tmp_path / "other")
    from bottleneck.store.log import SetSource
    from bottleneck.store.store import Store

    store = Store.open(tmp_path / "other")
    samples = store.snapshot().samples
    samples.known[:] = False
    entry = store.write_snapshot(store.snapshot())
    store.commit([SetSource("photos", store.state.sources["photos"].snapshot, entry)], "test")
    with pytest.raises(DataError, match="no image has features"):
        looked(tmp_path / "other")


def test_the_command_prints_tables_json_and_csv(cache, tmp_path, capsys):
    table = tmp_path / "found.csv"
    assert main(["--cache", str(cache), "--top", "2", "--csv", str(table)]) == 0
    out = capsys.readouterr().out
    for words in ("LEAKS: 3 validation or test images", "DOUBTFUL LABELS", "mirrored", "blank"):
        assert words in out
    assert main(["--cache", str(cache), "--json", "--only", "same"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["verb"] == "inspect"
    assert "labels" not in told
    rows = list(csv.DictReader(table.read_text().splitlines()))
    assert {row["part"] for row in rows} == {"same", "labels", "outliers", "classes"}
    wrong = [row for row in rows if row["key"] == "train/red/wrong.png"]
    assert any(row["proposed"] == "blue" for row in wrong)
    assert len({row["group"] for row in rows if row["part"] == "same"}) == 2


def test_the_table_has_what_is_found_of_classes_and_of_images_with_two_labels():
    report = {
        "labels": {"disputed": [], "conflicting": [{"keys": ["a", "b"], "classes": ["x", "y"]}]},
        "classes": {
            "confused": [{"one": "x", "other": "y", "taken": 2, "taken_back": 1, "share": 0.25}],
            "clusters": [{"class": "y", "sizes": [9, 8], "across": 0.01, "examples": ["c", "d"]}],
        },
    }
    rows = list(csv.reader(as_csv(report).decode().splitlines()))[1:]
    assert rows == [
        ["labels", "two labels", "1", "a", "", "x and y", "", ""],
        ["labels", "two labels", "1", "b", "", "x and y", "", ""],
        ["classes", "confused", "", "", "", "x", "y", "0.25"],
        ["classes", "two things", "1", "c", "", "y", "", "0.01"],
        ["classes", "two things", "1", "d", "", "y", "", "0.01"],
    ]


def test_from_python_it_is_the_same(cache):
    opened = open_store(cache)
    report = opened.inspect(only="same")
    assert report["same"] == looked(cache, "same")["same"]
    which, cosines = opened.neighbours(3)
    x, _, keys = opened.arrays()
    assert which.shape == cosines.shape == (len(x), 3)
    one, other = keys.index("test/blue/mirrored.png"), keys.index("train/blue/01.png")
    assert which[one, 0] == other
    assert cosines[one, 0] == pytest.approx(1, abs=1e-3)  # mean and deviation know no left or right
    copy, lead = keys.index("train/red/00.png"), keys.index("test/red/bytes.png")
    np.testing.assert_array_equal(which[copy], which[lead])
    assert copy not in which[copy]
    with pytest.raises(UsageError):
        opened.neighbours(0)


class Told:
    """Keeps what it is told."""

    def __init__(self):
        self.said, self.warned = [], []
        self.say, self.warn = self.said.append, self.warned.append

    def progress(self, total, what):
        from bottleneck.core.reporter import SILENT

        return SILENT.progress(total, what)


def test_the_page_shows_what_was_found(cache, world, tmp_path):
    looked(cache, page=tmp_path / "page.html")
    text = (tmp_path / "page.html").read_text()
    for words in ("test/blue/mirrored.png", "red, or blue?", "leak: train and test", "blank"):
        assert words in text
    assert text.count("data:image/png;base64,") > 8
    with pytest.raises(UsageError):  # it is there already
        looked(cache, page=tmp_path / "page.html")
    shutil.rmtree(world)
    looked(cache, page=tmp_path / "other.html")
    text = (tmp_path / "other.html").read_text()
    assert "data:image" not in text.split("<body>")[1]
    assert "The source is not at hand, so there are no pictures." in text


def test_a_page_is_html_by_its_name(cache, tmp_path):
    with pytest.raises(UsageError, match="a page is HTML") as caught:
        looked(cache, page=tmp_path / "page.txt")
    assert "end its name with .html" in str(caught.value)
    assert not (tmp_path / "page.txt").exists()
    looked(cache, page=tmp_path / "page.HTM")


def test_one_split_is_said_and_all_else_is_looked_for(tmp_path, world, numpy_network):
    extract(ExtractOptions(cache=tmp_path / "s", data=str(world / "train"), network=NETWORK))
    found = looked(tmp_path / "s")
    assert found["same"]["leaks"] is None
    assert found["same"]["no_run"] == "all images are in one split: none can leak"
    assert found["same"]["no_leaks"] in lines(found, 3)
    assert {"red/wrong.png"} <= {image["key"] for image in found["labels"]["disputed"]}


def decided(tmp_path, *rows):
    file = tmp_path / "decisions.csv"
    file.write_text("\n".join(["key,decision,label", *rows]) + "\n")
    return file


def test_what_was_decided_counts_and_is_not_asked_again(cache, world, tmp_path):
    file = decided(
        tmp_path, "train/red/wrong.png,relabel,blue", "test/red/bytes.png,drop,",
        "train/blue/tiny.png,keep,", "gone.png,drop,",
    )  # fmt: skip
    before, source = looked(cache), tree(world)
    page = tmp_path / "page.html"
    found = looked(cache, decisions=file, page=page)
    assert found["samples"] == before["samples"] - 1
    assert found["classes"]["sizes"] == {"blue": N + 4, "red": N + 1}
    assert found["labels"]["settled"] == 0  # blue it is, says everybody
    assert "train/red/wrong.png" not in {i["key"] for i in found["labels"]["disputed"]}
    assert "train/blue/tiny.png" in {i["key"] for i in before["outliers"]["odd"]}
    assert "train/blue/tiny.png" not in {i["key"] for i in found["outliers"]["odd"]}
    keys = {i["key"] for group in found["same"]["groups"] for i in group["images"]}
    assert "test/red/pixels.bmp" in keys
    assert "test/red/bytes.png" not in keys
    words = f"decisions of {file}: 1 kept, 1 relabelled, 1 dropped"
    assert f"{words}; 1 of other images" in lines(found, 3)
    text = page.read_text()
    assert f"{words}: those count here." in text
    assert '<li data-key="train/red/wrong.png" data-what="relabel" data-label="blue"></li>' in text
    assert '<li data-key="test/red/bytes.png" data-what="drop" data-label=""></li>' in text
    assert tree(world) == source
    assert open_store(cache).inspect(decisions=file)["decisions"] == found["decisions"]


def test_a_label_that_was_kept_is_not_disputed_again(cache, tmp_path):
    file = decided(tmp_path, "train/red/wrong.png,keep,")
    found = looked(cache, "labels", decisions=file)
    assert "train/red/wrong.png" not in {i["key"] for i in found["labels"]["disputed"]}
    assert found["labels"]["settled"] == 1


def test_where_every_image_is_dropped_that_is_said(cache, tmp_path):
    keys = open_store(cache).arrays()[2]
    with pytest.raises(DataError, match="every image is dropped"):
        looked(cache, decisions=decided(tmp_path, *(f"{key},drop," for key in keys)))


def test_of_classes_that_are_all_alike_in_size_one_size_is_said():
    of = {"accuracy": 1, "confused": [], "clusters": []}
    report = {
        "source": "x",
        "images": 4,
        "splits": {"train": 4},
        "pooled": [],
        "source_seen": True,
        "decisions": None,
        "neighbours": {"exact": True},
        "skipped": {},
        "seconds": 1,
    }
    said = lines({**report, "classes": {"sizes": {"a": 2, "b": 2}, **of}}, 3)
    assert any(line.startswith("CLASSES: 2, each of 2 images; accuracy") for line in said)
    said = lines({**report, "classes": {"sizes": {"a": 1, "b": 2}, **of}}, 3)
    assert any(line.startswith("CLASSES: 2, from 1 (a) to 2 images (b);") for line in said)
