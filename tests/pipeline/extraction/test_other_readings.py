"""A recorded source in its place that reads otherwise now: what is offered has been tried."""

import csv
import re
import shlex

import pytest
from world import picture

from bottleneck.core import console
from bottleneck.core.errors import DataError
from bottleneck.extract import lines, main
from bottleneck.pipeline.extraction.extract import extract
from bottleneck.pipeline.extraction.options import ExtractOptions
from bottleneck.pipeline.learning.train import TrainOptions, train
from bottleneck.pipeline.network.options import NetworkOptions
from bottleneck.store.store import Store

NETWORK = NetworkOptions(backbone="resnet50", weights="random:0", size=(8, 8), rows="float32")
N = 8


@pytest.fixture
def run(tmp_path, numpy_network, later):
    def again(**words):
        later()
        return extract(ExtractOptions(cache=tmp_path / "store", network=NETWORK, **words))

    return again


@pytest.fixture
def write(tmp_path):
    """Write a table of eight images; of each column, what stands in row i."""

    def table(name="t.csv", **columns):
        with (tmp_path / name).open("w", newline="") as file:
            rows = csv.writer(file)
            rows.writerow(["file", *columns])
            for i in range(N):
                image = f"images/{name}{i}.png"
                if not (tmp_path / image).exists():
                    picture(tmp_path / image, 100 * len(name) + i)
                rows.writerow([image, *(of(i) for of in columns.values())])
        return str(tmp_path / name)

    return table


def cat(i):
    return "cat" if i % 2 else "dog"


def half(i):
    return i // 4


def recorded(tmp_path):
    """Return class and split of each key that is recorded."""
    samples = Store.open(tmp_path / "store").snapshot(None).samples
    names = [*samples.classes, None]
    return {
        key: (names[label], split)
        for key, label, split in zip(
            samples.keys.tolist(), samples.labels.tolist(), samples.splits.tolist(), strict=True
        )
    }


def refused(run, tmp_path, capsys, later):
    """The next run is refused; what it offers keeps what was recorded, with nothing computed."""
    before = recorded(tmp_path)
    with pytest.raises(DataError, match="would change class or split") as it:
        run()
    kept = re.search(r"say which is meant: (--.*?) for what was recorded", it.value.do)
    taken = re.search(r"(?:recorded, or|now is meant:) (--.*?)(?: for what| \(|$)", it.value.do)[1]
    if kept:
        kept = kept[1]
        later()
        words = ["--cache", str(tmp_path / "store"), *shlex.split(kept)]
        assert console.run(main, words) == 0, capsys.readouterr()
        after = recorded(tmp_path)
        assert {key: after[key] for key in before} == before
        assert run()["computed"] == 0
        assert recorded(tmp_path) == after
    return kept, taken


@pytest.fixture
def told(run, tmp_path, capsys, later):
    return lambda: refused(run, tmp_path, capsys, later)


def test_a_column_of_labels_that_is_called_otherwise_is_refused(run, write, told):
    run(data=write(breed=cat))
    write(race=cat)
    assert told() == ("--label-column race", "--label-column ''")


def test_a_column_with_a_better_name_beside_the_recorded_one_is_refused(run, write, told):
    run(data=write(breed=cat))
    write(breed=cat, label=half)
    assert told() == ("--label-column breed", "--label-column label")


def test_what_is_read_now_can_be_taken_and_is_said(run, write):
    run(data=write(breed=cat))
    write(breed=cat, label=half)
    report = run(reading={"label_column": ("label",)})
    assert (report["computed"], report["classes"]) == (0, ["0", "1"])
    assert (report["changed_class"], report["changed_split"]) == (N, 0)


def test_a_column_that_is_called_otherwise_and_says_the_same_is_continued(run, write):
    run(data=write(breed=cat))
    write(label=cat)
    report = run()
    assert (report["computed"], report["changed_class"]) == (0, 0)
    assert report["classes"] == ["cat", "dog"]


def test_a_column_of_labels_that_is_gone_is_refused_and_none_is_offered(run, write, told):
    run(data=write(breed=cat))
    write(colour=half)
    assert told() == (None, "--label-column ''")


def test_a_column_of_splits_that_is_gone_is_refused(run, write, told):
    run(data=write(label=cat, split=lambda i: ("train", "test")[half(i)]))
    write(label=cat, part=half)  # nobody says what 0 and 1 mean
    assert told() == (None, "--label-column label")


def test_labels_and_splits_in_other_columns_are_both_found(run, write, told):
    run(data=write(breed=cat, split=lambda i: ("train", "test")[half(i)]))
    write(race=cat, label=half, split=lambda i: "train", old=lambda i: ("a", "test")[half(i)])
    with pytest.raises(DataError, match="no option was found"):
        run()
    write(race=cat, label=half, split=lambda i: "train", old=lambda i: ("Train", "Test")[half(i)])
    kept, _ = told()
    assert kept == "--label-column race --split-column old"


def test_labels_that_are_edited_in_their_column_are_news_and_are_counted(run, write):
    run(data=write(breed=cat))
    write(breed=lambda i: "cat" if i < 3 else cat(i))
    report = run()
    assert (report["computed"], report["changed_class"], report["changed_split"]) == (0, 2, 0)
    assert "since the last look: 2 changed class" in lines(report)
    assert run()["changed_class"] == 0


def test_splits_that_are_edited_in_their_column_are_counted(run, write):
    run(data=write(label=cat, split=lambda i: ("train", "test")[half(i)]))
    write(label=cat, split=lambda i: "train" if i < 5 else "test")
    report = run()
    assert (report["computed"], report["changed_class"], report["changed_split"]) == (0, 0, 1)
    assert "since the last look: 1 changed split" in lines(report)


def test_a_column_that_is_called_otherwise_in_one_of_several_tables_is_refused(run, write, told):
    for name in ("train.csv", "test.csv"):
        data = write(name, breed=cat)
    run(data=data.replace("test.csv", "t*.csv"))
    write("train.csv", race=cat)
    kept, _ = told()
    assert kept is None  # no option reads both


def test_training_goes_on_from_what_was_recorded(run, write, tmp_path):
    run(data=write(breed=cat))
    write(race=cat)
    report = train(TrainOptions(cache=tmp_path / "store"))
    assert report["classes"] == 2


def test_eval_that_was_test_is_offered_as_test(run, tmp_path, told):
    for i, name in enumerate(["train/a", "train/b", "eval/a", "eval/b"]):
        picture(tmp_path / "p" / name / "0.png", i)
    run(data=str(tmp_path / "p"))
    assert [*recorded(tmp_path).values()] == [("a", 2), ("b", 2), ("a", 0), ("b", 0)]
    for i, name in enumerate(["test/a", "test/b"]):
        picture(tmp_path / "p" / name / "0.png", 10 + i)
    assert told() == ("--split-map eval=test", "--layout auto")


def test_a_layout_that_was_said_once_is_not_offered_again(run, tmp_path, told):
    for i, name in enumerate(["train/a", "train/b", "eval/a", "eval/b"]):
        picture(tmp_path / "p" / name / "0.png", i)
    run(data=str(tmp_path / "p"), reading={"layout": "{split}/{class}/*"})
    picture(tmp_path / "p/test/a/0.png", 10)
    with pytest.raises(DataError, match="would change class or split") as it:
        run()
    assert "--split-map eval=test for what was recorded, or --layout auto" in it.value.do
