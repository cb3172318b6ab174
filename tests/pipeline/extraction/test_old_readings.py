"""Sources of every kind that an older program recorded, which read into other classes or splits."""

import csv
import io
import re
import shlex
import struct
import tarfile
import zipfile

import numpy as np
import pytest
from world import picture

from bottleneck.core.errors import DataError
from bottleneck.pipeline.extraction.extract import extract
from bottleneck.pipeline.extraction.options import ExtractOptions
from bottleneck.pipeline.network.options import NetworkOptions
from bottleneck.pipeline.upkeep.relocate import RelocateOptions, relocate
from bottleneck.store.log import SetSource
from bottleneck.store.snapshot import Snapshot
from bottleneck.store.store import Store

NETWORK = NetworkOptions(backbone="resnet50", weights="random:0", size=(8, 8), rows="float32")
N = 12


def write_table(path, columns):
    """Write a table of twelve images; of each column, what stands in row i."""
    with path.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["filename", *columns])
        for i in range(N):
            name = f"images/{i}.png"
            if not (path.parent / name).exists():
                picture(path.parent / name, i)
            rows.writerow([name, *(of(i) for of in columns.values())])
    return path


def write_tar(path, members):
    with tarfile.open(path, "w") as tar:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return path


def images(folder, names):
    """Return the bytes of a picture for each name, no two alike."""
    return {name: picture(folder / "made" / f"{i}.png", i).read_bytes()
            for i, name in enumerate(names)}  # fmt: skip


def label(i):
    return "cat" if i % 2 else "dog"


@pytest.fixture
def run(tmp_path, numpy_network, later):
    def again(**words):
        later()
        return extract(ExtractOptions(cache=tmp_path / "store", network=NETWORK, **words))

    return again


@pytest.fixture
def table(tmp_path):
    """A table of twelve images in two classes; with what to call the second one, it is written."""
    return lambda second: write_table(
        tmp_path / "t.csv", {"label": lambda i: "cat" if i % 2 else second}
    )


def as_of_old(cache, understood, **changed):
    """Record the source as programs did before readings had a number, and what they said."""
    store = Store.open(cache)
    name = store.source_name(None)
    recorded = store.snapshot(name)
    samples = recorded.samples
    values = {field: getattr(samples, field) for field in samples.__dataclass_fields__} | changed
    old = Snapshot(samples=type(samples)(**values), spec=recorded.spec, understood=understood)
    entry = store.write_snapshot(old)
    store.commit([SetSource(name, store.state.sources[name].snapshot, entry)], "extract")
    return old.samples


def pasted(said, flags):
    """Return the options that a message says keep what was recorded, as the API takes them."""
    told = re.search(r"(?:say|meant:) (--.*?) for what was recorded", said)[1]
    found = {}
    words = shlex.split(told)
    for flag, value in zip(words[::2], words[1::2], strict=True):
        found.setdefault(flag[2:].replace("-", "_"), []).append(value)
    assert found.keys() == flags
    return {k: tuple(v) if k == "label_column" else v[0] for k, v in found.items()}


def refused_and_kept(run, cache, old, flags):
    """The next run is refused; what it says keeps what was recorded, with nothing computed."""
    with pytest.raises(DataError, match="would change class or split") as said:
        run()
    report = run(reading=pasted(str(said.value), flags))
    assert report["computed"] == 0
    samples = Store.open(cache).snapshot(None).samples
    assert samples.classes == old.classes
    assert samples.labels.tolist() == old.labels.tolist()
    assert samples.splits.tolist() == old.splits.tolist()
    assert run()["computed"] == 0


ALL_TRAIN = {"splits": np.zeros(N, np.uint8)}
TABLE = {"columns": {"filename": "filename", "label": "label"}}


@pytest.mark.parametrize("column", ["is_training_image", "is_test", "in_val", "for_training"])
def test_a_flag_in_a_table(run, tmp_path, column):
    path = write_table(tmp_path / "t.csv", {"label": label, column: lambda i: int(i % 3 == 0)})
    run(data=str(path))
    old = as_of_old(tmp_path / "store", TABLE, **ALL_TRAIN)
    refused_and_kept(run, tmp_path / "store", old, {"split_column"})


def test_a_word_for_a_split_in_a_table(run, tmp_path):
    path = write_table(
        tmp_path / "t.csv", {"label": label, "set": lambda i: "train" if i % 3 else "tests"}
    )
    run(data=str(path))
    old = as_of_old(tmp_path / "store", TABLE, **ALL_TRAIN)
    refused_and_kept(run, tmp_path / "store", old, {"split_column"})


def test_columns_train_and_test_that_were_classes(run, tmp_path):
    path = write_table(
        tmp_path / "t.csv", {"train": lambda i: int(i % 3 > 0), "test": lambda i: int(i % 3 == 0)}
    )
    run(data=str(path), reading={"label_column": ("train", "test"), "split_column": ""})
    was = Store.open(tmp_path / "store").snapshot("t.csv").samples
    (tmp_path / "store").rename(tmp_path / "first")
    run(data=str(path))
    understood = {"columns": {"filename": "filename", "label": "train, test"}}
    old = as_of_old(
        tmp_path / "store", understood, classes=was.classes, labels=was.labels, splits=was.splits
    )
    refused_and_kept(run, tmp_path / "store", old, {"label_column", "split_column"})


def test_columns_of_labels_that_disagree_are_refused_whatever_was_recorded(run, tmp_path):
    path = write_table(tmp_path / "t.csv", {"class_name": label, "tags": lambda i: f"t{i % 3}"})
    run(data=str(path), reading={"label_column": ("tags",)})
    old = Store.open(tmp_path / "store").snapshot("t.csv").samples
    report = run()  # as the store knows it
    assert (report["computed"], report["classes"]) == (0, list(old.classes))
    with pytest.raises(DataError, match="--label-column"):
        run(data=str(path), source="again")


def test_what_is_read_of_a_table_now_can_be_taken(run, tmp_path):
    path = write_table(tmp_path / "t.csv", {"label": label, "is_test": lambda i: int(i < 4)})
    run(data=str(path))
    as_of_old(tmp_path / "store", TABLE, **ALL_TRAIN)
    with pytest.raises(DataError, match="or --label-column label for what is read now"):
        run()
    report = run(reading={"label_column": ("label",)})
    assert (report["computed"], report["splits"]["test"]) == (0, 4)


def test_a_table_that_got_a_column_of_splits_is_news(run, tmp_path):
    path = write_table(tmp_path / "t.csv", {"label": label})
    run(data=str(path))
    write_table(path, {"label": label, "split": lambda i: "test" if i < 4 else "train"})
    report = run()
    assert (report["computed"], report["splits"]["test"]) == (0, 4)


def test_an_old_table_whose_labels_were_edited_is_news(run, tmp_path):
    path = write_table(tmp_path / "t.csv", {"label": label})
    run(data=str(path))
    as_of_old(tmp_path / "store", TABLE)
    write_table(path, {"label": lambda i: "bird" if i % 2 else "dog"})
    report = run()
    assert (report["computed"], report["classes"]) == (0, ["bird", "dog"])


@pytest.fixture
def idx(tmp_path):
    def write(name="t10k", labels=range(N)):
        path = tmp_path / f"{name}-images-idx3-ubyte"
        pixels = np.random.default_rng(0).integers(0, 256, (N, 8, 8), np.uint8)
        path.write_bytes(struct.pack(">HBB3I", 0, 8, 3, *pixels.shape) + pixels.tobytes())
        beside = tmp_path / f"{name}-labels-idx1-ubyte"
        beside.write_bytes(struct.pack(">HBBI", 0, 8, 1, N) + bytes(i % 2 for i in labels))
        return path

    return write


def test_a_file_of_idx_by_its_name(run, tmp_path, idx):
    run(data=str(idx()))
    old = as_of_old(tmp_path / "store", {}, **ALL_TRAIN)
    refused_and_kept(run, tmp_path / "store", old, {"layout"})
    assert run(reading={"layout": "auto"})["splits"]["test"] == N


def test_labels_of_idx_that_are_edited_are_news(run, tmp_path, idx):
    run(data=str(idx("train")))
    before = Store.open(tmp_path / "store").snapshot(None)
    as_of_old(tmp_path / "store", before.understood)
    idx("train", labels=[1, *range(1, N)])
    run()
    samples = Store.open(tmp_path / "store").snapshot(None).samples
    assert samples.labels[0] == 1


def test_webdataset_by_its_name(run, tmp_path):
    members = images(tmp_path, [f"{i:03}.png" for i in range(N)])
    beside = {f"{i:03}.cls": str(i % 2).encode() for i in range(N)}
    run(data=str(write_tar(tmp_path / "birds-val.tar", {**members, **beside})))
    old = as_of_old(tmp_path / "store", {"notes": ["labels"]}, **ALL_TRAIN)
    refused_and_kept(run, tmp_path / "store", old, {"layout"})
    assert run(reading={"layout": "auto"})["splits"]["val"] == N


@pytest.mark.parametrize("kind", ["tar", "zip"])
def test_an_archive_of_class_folders_by_its_name(run, tmp_path, kind):
    members = images(tmp_path, [f"{label(i)}/{i:03}.png" for i in range(N)])
    path = tmp_path / f"birds-val.{kind}"
    if kind == "tar":
        write_tar(path, members)
    else:
        with zipfile.ZipFile(path, "w") as packed:
            for name, content in members.items():
                packed.writestr(name, content)
    run(data=str(path))
    old = as_of_old(tmp_path / "store", {"layout": "{class}/*"}, **ALL_TRAIN)
    refused_and_kept(run, tmp_path / "store", old, {"layout"})


@pytest.mark.parametrize("above", ["", "all/"])
def test_shards_by_their_names(run, tmp_path, above):
    members = images(tmp_path, [f"{above}{label(i)}/{i:03}.png" for i in range(N)])
    for shard in range(2):
        some = dict([*members.items()][shard::2] + [*members.items()][1 - shard : 4 : 2])
        write_tar(tmp_path / f"zebra-val-{shard}.tar", some)
    run(data=str(tmp_path / "zebra-val-*.tar"))
    samples = Store.open(tmp_path / "store").snapshot(None).samples
    template = "{ignore}/{class}/*" if above else "{class}/*"
    old = as_of_old(
        tmp_path / "store", {"layout": template}, splits=np.zeros(len(samples), np.uint8)
    )
    refused_and_kept(run, tmp_path / "store", old, {"layout"})


def test_a_folder(run, tmp_path):
    for i in range(N):
        picture(tmp_path / "photos" / ("train" if i % 3 else "test") / label(i) / f"{i}.png", i)
    run(data=str(tmp_path / "photos"))
    old = as_of_old(tmp_path / "store", {"layout": "{ignore}/{class}/*"}, **ALL_TRAIN)
    refused_and_kept(run, tmp_path / "store", old, {"layout"})


def test_an_array_says_how_to_go_on(run, tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (N, 8, 8, 3), np.uint8)
    np.savez(tmp_path / "a.npz", x=pixels, y=np.arange(N) % 2)
    run(data=str(tmp_path / "a.npz"))
    as_of_old(tmp_path / "store", {}, splits=np.full(N, 2, np.uint8))
    with pytest.raises(DataError, match=r"recorded as class 0, test.*bottleneck forget"):
        run()


def test_a_label_that_an_older_program_read_otherwise_is_refused_until_it_is_said(
    run, table, tmp_path
):
    run(data=str(table("NaN")))
    labels = Store.open(tmp_path / "store").snapshot("t.csv").samples.labels + 1
    as_of_old(tmp_path / "store", {}, labels=labels, classes=("NaN", "cat"))
    with pytest.raises(DataError, match=r"6 images would change class or split.*class NaN") as said:
        run()
    assert str(said.value).endswith("if what is read now is meant: --label-column label")
    report = run(reading={"label_column": ("label",)})
    assert (report["computed"], report["unlabelled"]) == (0, 6)
    assert run()["unlabelled"] == 6


def test_a_table_of_old_that_reads_as_it_did_is_continued(run, table, tmp_path):
    run(data=str(table("dog")))
    as_of_old(tmp_path / "store", {})
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


def moved(tmp_path, name, data, **reading):
    told = RelocateOptions(
        cache=tmp_path / "store", source=name, data=str(tmp_path / data), reading=reading
    )
    return relocate(told)


def test_a_folder_of_old_that_is_relocated_is_refused_as_it_is_in_its_place(run, tmp_path):
    for i in range(N):
        picture(tmp_path / "photos" / ("train" if i % 3 else "test") / label(i) / f"{i}.png", i)
    run(data=str(tmp_path / "photos"))
    old = as_of_old(tmp_path / "store", {"layout": "{ignore}/{class}/*"}, **ALL_TRAIN)
    (tmp_path / "photos").rename(tmp_path / "elsewhere")
    number = Store.open(tmp_path / "store").state.number
    with pytest.raises(DataError, match="4 images would change class or split") as said:
        moved(tmp_path, "photos", "elsewhere")
    assert Store.open(tmp_path / "store").state.number == number
    report = moved(tmp_path, "photos", "elsewhere", **pasted(str(said.value), {"layout"}))
    assert (report["cached"], report["splits"]["train"]) == (N, len(old))
    assert run()["computed"] == 0


def test_a_table_of_old_that_is_relocated_is_refused_as_it_is_in_its_place(run, tmp_path):
    path = write_table(tmp_path / "t.csv", {"label": label, "is_test": lambda i: int(i < 4)})
    run(data=str(path))
    as_of_old(tmp_path / "store", TABLE, **ALL_TRAIN)
    path.rename(tmp_path / "moved.csv")
    with pytest.raises(DataError, match="would change class or split") as said:
        moved(tmp_path, "t.csv", "moved.csv")
    report = moved(tmp_path, "t.csv", "moved.csv", **pasted(str(said.value), {"split_column"}))
    assert (report["cached"], report["splits"]["train"]) == (N, N)


def test_options_that_are_forgotten_when_a_table_is_relocated_change_no_label(run, tmp_path):
    columns = {"label": label, "breed": lambda i: f"breed {i % 3}"}
    path = write_table(tmp_path / "t.csv", columns)
    run(data=str(path), reading={"label_column": ("breed",)})
    with pytest.raises(DataError, match="would change class or split") as said:
        moved(tmp_path, "t.csv", "t.csv")
    report = moved(tmp_path, "t.csv", "t.csv", **pasted(str(said.value), {"label_column"}))
    assert report["classes"] == ["breed 0", "breed 1", "breed 2"]
    path.rename(tmp_path / "moved.csv")
    report = moved(tmp_path, "t.csv", "moved.csv")
    assert report["classes"] == ["breed 0", "breed 1", "breed 2"]
    assert report["kept"] == ["--label-column breed"]
    report = moved(tmp_path, "t.csv", "moved.csv", label_column=("label",))
    assert report["classes"] == ["cat", "dog"]


def test_a_table_that_is_edited_and_moved_is_refused_until_it_is_said(run, table, tmp_path):
    run(data=str(table("dog")))
    table("bird").rename(tmp_path / "moved.csv")
    with pytest.raises(DataError, match="no option was found that gives what was recorded"):
        moved(tmp_path, "t.csv", "moved.csv")
    report = moved(tmp_path, "t.csv", "moved.csv", label_column=("label",))
    assert (report["cached"], report["classes"]) == (N, ["bird", "cat"])
