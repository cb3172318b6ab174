"""Tables that an older program recorded, which read into other labels now."""

import csv

import pytest
from world import picture

from bottleneck.core.errors import DataError
from bottleneck.pipeline.extraction.extract import extract
from bottleneck.pipeline.extraction.options import ExtractOptions
from bottleneck.pipeline.network.options import NetworkOptions
from bottleneck.store.log import SetSource
from bottleneck.store.snapshot import Snapshot
from bottleneck.store.store import Store

NETWORK = NetworkOptions(backbone="resnet50", weights="random:0", size=(8, 8), rows="float32")


@pytest.fixture
def table(tmp_path):
    """A table of twelve images in two classes; with what to call the second one, it is written."""

    def write(second):
        path = tmp_path / "t.csv"
        with path.open("w", newline="") as file:
            rows = csv.writer(file)
            rows.writerow(["filename", "label"])
            for i in range(12):
                name = f"images/{i}.png"
                if not (tmp_path / name).exists():
                    picture(tmp_path / name, i)
                rows.writerow([name, "cat" if i % 2 else second])
        return path

    return write


def as_of_old(cache, **changed):
    """Record the source as a program did that said nothing of how it read a table."""
    store = Store.open(cache)
    recorded = store.snapshot("t.csv")
    samples = recorded.samples
    values = {name: getattr(samples, name) for name in samples.__dataclass_fields__} | changed
    old = Snapshot(samples=type(samples)(**values), spec=recorded.spec)
    entry = store.write_snapshot(old)
    store.commit([SetSource("t.csv", store.state.sources["t.csv"].snapshot, entry)], "extract")


@pytest.fixture
def run(tmp_path, numpy_network, later):
    def again(**words):
        later()
        return extract(ExtractOptions(cache=tmp_path / "store", network=NETWORK, **words))

    return again


def test_a_label_that_an_older_program_read_otherwise_is_refused_until_it_is_said(
    run, table, tmp_path
):
    run(data=str(table("NaN")))
    labels = Store.open(tmp_path / "store").snapshot("t.csv").samples.labels + 1
    as_of_old(tmp_path / "store", labels=labels, classes=("NaN", "cat"))
    with pytest.raises(DataError, match=r"6 images would change class or split.*class NaN") as said:
        run()
    assert "--label-column 'label'" in str(said.value)
    report = run(reading={"label_column": ("label",)})
    assert (report["computed"], report["unlabelled"]) == (0, 6)
    assert run()["unlabelled"] == 6


def test_a_table_of_old_that_reads_as_it_did_is_continued(run, table, tmp_path):
    run(data=str(table("dog")))
    as_of_old(tmp_path / "store")
    assert run()["computed"] == 0


def test_a_table_whose_labels_are_edited_afterwards_is_read_with_the_new_ones(run, table):
    run(data=str(table("dog")))
    table("bird")
    report = run()
    assert (report["computed"], report["classes"]) == (0, ["bird", "cat"])


def test_classes_of_a_table_that_are_one_for_a_person_are_refused_or_joined(run, table):
    with pytest.raises(DataError, match=r"Cat \(6\) and cat \(6\) differ in case.*--join-classes"):
        run(data=str(table("Cat")))
    report = run(data=str(table("Cat")), reading={"join_classes": True})
    assert report["classes"] == ["Cat"]
    assert any("one class, Cat" in note for note in report["understood"]["notes"])
