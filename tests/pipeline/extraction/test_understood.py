"""What was understood of a source is said, recorded, and never changes by itself."""

import shutil
from dataclasses import replace

import pytest
from world import picture

from bottleneck.core.errors import DataError
from bottleneck.data import by_path, table_rows
from bottleneck.data.reading_of_paths import by_template
from bottleneck.extract import lines
from bottleneck.pipeline.extraction.extract import extract
from bottleneck.pipeline.extraction.options import ExtractOptions
from bottleneck.pipeline.learning.train import TrainOptions, train
from bottleneck.pipeline.network.options import NetworkOptions
from bottleneck.pipeline.upkeep.status import StatusOptions, status
from bottleneck.store.store import Store

NETWORK = NetworkOptions(backbone="resnet50", weights="random:0", size=(8, 8))
FIND = by_path.find_layout


class Told:
    """A reporter that keeps what it is told."""

    def __init__(self):
        self.lines = []

    def say(self, text):
        self.lines.append(text)

    warn = say

    def progress(self, total, what):
        from bottleneck.core.reporter import SILENT

        return SILENT.progress(total, what)


@pytest.fixture
def data(tmp_path):
    root = tmp_path / "data"
    for i in range(12):
        split = "Training" if i < 8 else "Testing"
        picture(root / split / ("cat" if i % 2 else "dog") / f"{i:02}.png", i)
    return root


@pytest.fixture
def run(tmp_path, data, numpy_network, later):
    def again(reporter=None, **options):
        later()
        told = {"data": str(data), "network": NETWORK, **options}
        made = ExtractOptions(cache=tmp_path / "store", **told)
        return extract(made) if reporter is None else extract(made, reporter)

    return again


@pytest.fixture
def as_before(monkeypatch):
    """Read folders as programs did that knew train, val and test alone."""

    def old(folders, name):
        return replace(by_template(folders, "{class}/*", ""), template="")

    monkeypatch.setattr(by_path, "find_layout", old)


def test_what_was_understood_is_said_before_anything_is_computed_and_only_when_it_is_new(run, data):
    picture(data / "Training/@eaDir/x.png", 90)
    told = Told()
    report = run(told)
    said = "data: 2 classes (cat, dog); train 8 (from Training), test 4 (from Testing)"
    assert said in told.lines
    assert "data: left alone: 1 image in @eaDir" in told.lines
    first = next(i for i, line in enumerate(told.lines) if line.startswith("computing on"))
    assert told.lines.index(said) < first
    assert report["understood"]["splits"] == {"Training": "train", "Testing": "test"}
    assert report["understood"]["left_alone"] == {"@eaDir": 1}
    again = Told()
    assert run(again)["computed"] == 0
    assert again.lines == []


def test_a_dry_run_shows_it_alone_and_a_run_without_news_is_short(run, data):
    (data / "Testing/bird").mkdir()
    picture(data / "Testing/bird/1.png", 70)
    shown = lines(run(dry_run=True))
    assert "data: class bird is in test and not in train" in shown
    assert "data: class bird is in test and not in train" in lines(run())
    assert "data: class bird is in test and not in train" not in lines(run())


def test_status_says_it_without_looking_at_the_source(run, data, tmp_path):
    run()
    shutil.rmtree(data)
    (source,) = status(StatusOptions(cache=tmp_path / "store"))["sources"]
    assert source["understood"] == {
        "layout": "{split}/{class}/*",
        "splits": {"Training": "train", "Testing": "test"},
    }


def test_copies_of_one_image_in_train_and_test_are_said_at_extraction(run, data):
    for i in range(10):
        shutil.copy(data / "Training/cat/01.png", data / f"Testing/cat/copy{i}.png")
    report = run()
    assert report["leaking"] == 1
    assert any("the same bytes in train and in val or test: 1 image" in s for s in lines(report))
    shutil.copy(data / "Training/cat/01.png", data / "Training/cat/again.png")
    assert run()["leaking"] == 2


def test_a_store_of_before_that_reads_as_it_did_is_continued(
    run, tmp_path, as_before, monkeypatch, data
):
    shutil.rmtree(data)
    for i in range(6):
        picture(data / ("cat" if i % 2 else "dog") / f"{i}.png", i)
    assert run()["computed"] == 6
    before = Store.open(tmp_path / "store").state.number
    monkeypatch.setattr(by_path, "find_layout", FIND)
    assert run()["computed"] == 0
    assert Store.open(tmp_path / "store").state.number == before


def test_where_the_same_paths_read_otherwise_than_recorded_both_readings_are_named(
    run, tmp_path, numpy_network, as_before, monkeypatch, data
):
    assert run()["classes"] == ["Testing", "Training"]
    store = tmp_path / "store"
    before = Store.open(store).state.number
    monkeypatch.setattr(by_path, "find_layout", FIND)
    for told in ({}, {"data": None}, {"dry_run": True}):
        with pytest.raises(DataError) as caught:
            run(**told)
        assert "12 images would change class or split" in caught.value.what
        assert "recorded as class Testing, train" in caught.value.what
        assert "read as class cat, test" in caught.value.what
        assert "--layout '{class}/*' for what was recorded" in caught.value.do
        assert "--layout auto for what is read now ({split}/{class}/*)" in caught.value.do
    assert Store.open(store).state.number == before
    assert status(StatusOptions(cache=store, check=True))["check"]["data"]["stale"]


@pytest.mark.parametrize("given", [True, False])
@pytest.mark.parametrize(
    ("layout", "classes"),
    [("{class}/*", ["Testing", "Training"]), ("auto", ["cat", "dog"]),
     ("{split}/{class}/*", ["cat", "dog"])],
)  # fmt: skip
def test_the_layout_that_is_said_is_recorded_and_nothing_is_computed_again(
    run, as_before, monkeypatch, data, layout, classes, given
):
    run()
    monkeypatch.setattr(by_path, "find_layout", FIND)
    report = run(data=str(data) if given else None, reading={"layout": layout})
    assert (report["computed"], report["classes"], report["source"]) == (0, classes, "data")
    assert run(data=None)["classes"] == classes


@pytest.mark.parametrize("is_new", [True, False])
@pytest.mark.parametrize("told", [{"split_column": ""}, {"label_column": "label"}])
def test_a_table_whose_folders_say_the_splits_all_at_once_or_no_more_is_refused(
    run, data, monkeypatch, is_new, told
):
    paths = [path.relative_to(data) for path in sorted(data.rglob("*.png"))]
    rows = ["path,label", *(f"{path.as_posix()},{path.parent.name}" for path in paths)]
    table = data / "t.csv"
    table.write_text("\n".join(rows) + "\n")
    with monkeypatch.context() as patch:
        if is_new:  # a program that did not look at the folders
            patch.setattr(table_rows, "splits_of_paths", lambda *_: (bytearray(), {}, ()))
        run(data=str(table))
    if not is_new:
        picture(data / "more.png", 99)
        table.write_text("\n".join([*rows, "more.png,cat"]) + "\n")
    with pytest.raises(DataError, match="would change class or split") as caught:
        run(data=str(table))
    assert "--label-column label" in caught.value.do
    assert ("--split-column ''" in caught.value.do) == is_new
    run(data=str(table), reading=told)


def test_training_never_takes_other_labels_than_recorded(
    run, tmp_path, as_before, monkeypatch, data
):
    run()
    monkeypatch.setattr(by_path, "find_layout", FIND)
    told = Told()
    assert train(TrainOptions(cache=tmp_path / "store", head="linear", run="r"), told)
    recorded = Store.open(tmp_path / "store").snapshot("data").samples
    assert recorded.classes == ("Testing", "Training")
    assert any("would change class or split" in line for line in told.lines)


def test_a_folder_that_changes_what_all_others_mean_is_refused(run, data):
    run()
    picture(data / "more/cat/1.png", 50)
    with pytest.raises(DataError, match="named like a split, but more beside it is none"):
        run()
