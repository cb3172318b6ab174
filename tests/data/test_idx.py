"""IDX files and CIFAR's batches."""

import gzip
import pickle
import re
import struct
import tracemalloc

import numpy as np
import pytest

from bottleneck.core.errors import DataError
from bottleneck.data.catalog import open_source, reopen


def write(path, values, kind=8):
    data = (
        struct.pack(f">HBB{values.ndim}I", 0, kind, values.ndim, *values.shape) + values.tobytes()
    )
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


@pytest.fixture
def images():
    return np.random.default_rng(0).integers(0, 256, (12, 7, 5), np.uint8)


@pytest.mark.parametrize("mark", ["-", "."])
@pytest.mark.parametrize("packed", ["", ".gz"])
def test_a_file_gives_its_images_and_the_labels_beside_it(tmp_path, images, mark, packed):
    path = write(tmp_path / f"emnist-images{mark}idx3-ubyte{packed}", images)
    write(tmp_path / f"emnist-labels{mark}idx1-ubyte", np.arange(12, dtype=np.uint8) % 3 + 7)
    source = open_source(str(path))
    listing = source.list()
    assert listing.classes == ("7", "8", "9")
    assert listing.labels.tolist() == [0, 1, 2] * 4
    assert all(np.array_equal(source.read(i).content, images[i]) for i in range(12))


def test_without_labels_there_are_none_and_the_file_that_is_missing_is_named(tmp_path, images):
    path = write(tmp_path / "x-images-idx3-ubyte", images)
    listing = open_source(str(path)).list()
    assert listing.labels.tolist() == [-1] * 12
    said = "12 images are without a label, as x-labels-idx1-ubyte is not beside x-images-idx3-ubyte"
    assert listing.understood.notes == (said,)


def test_labels_of_one_file_of_two_are_said_to_be_missing(tmp_path, images):
    write(tmp_path / "train-images-idx3-ubyte", images)
    write(tmp_path / "train-labels-idx1-ubyte", np.arange(12, dtype=np.uint8) % 3)
    write(tmp_path / "t10k-images-idx3-ubyte.gz", images)
    listing = open_source(str(tmp_path)).list()
    assert listing.labels.tolist() == [-1] * 12 + [0, 1, 2] * 4
    (note,) = listing.understood.notes
    assert "t10k-labels-idx1-ubyte is not beside t10k-images-idx3-ubyte.gz" in note


def test_labels_may_be_spelled_with_the_other_mark(tmp_path, images):
    path = write(tmp_path / "train-images-idx3-ubyte", images)
    write(tmp_path / "train-labels.idx1-ubyte", np.arange(12, dtype=np.uint8) % 3)
    assert open_source(str(path)).list().labels.tolist() == [0, 1, 2] * 4


@pytest.mark.parametrize(
    ("name", "split"),
    [
        ("t10k", 2),
        ("test", 2),
        ("emnist-balanced-test", 2),
        ("val", 1),
        ("emnist-letters-train", 0),
        ("qmnist", 0),
    ],
)
def test_a_file_alone_is_the_split_that_its_name_says(tmp_path, images, name, split):
    path = write(tmp_path / f"{name}-images-idx3-ubyte", images)
    assert set(open_source(str(path)).list().splits.tolist()) == {split}


def test_a_folder_has_the_splits_of_its_files(tmp_path, images):
    write(tmp_path / "train-images-idx3-ubyte.gz", images)
    write(tmp_path / "t10k-images-idx3-ubyte", images[:5] ^ 255)
    source = open_source(str(tmp_path))
    assert source.spec["kind"] == "idx"
    listing = source.list()
    assert listing.splits.tolist() == [2] * 5 + [0] * 12
    assert np.array_equal(source.read(0).content, images[0] ^ 255)
    assert np.array_equal(source.read(5).content, images[0])


def lay(folder, images, prefix="", test="t10k", spelled="{name}"):
    """Write train (12) and test (5) and their labels."""
    for split, n in (("train", 12), (test, 5)):
        for what, values in (("images-idx3", images[:n]), ("labels-idx1", np.arange(n) % 3)):
            name = f"{prefix}{split}-{what}-ubyte"
            path = folder / spelled.format(name=name, dotted=name.replace("-idx", ".idx"))
            path.parent.mkdir(parents=True, exist_ok=True)
            write(path, values.astype(np.uint8))


SPELLED = ["{name}/{name}", "{name}/{dotted}"]


@pytest.mark.parametrize("spelled", SPELLED)
def test_files_that_lie_in_folders_of_their_names_are_one_source(tmp_path, images, spelled):
    lay(tmp_path / "mn", images, spelled=spelled)
    source = open_source(str(tmp_path / "mn"))
    listing = source.list()
    assert listing.splits.tolist() == [2] * 5 + [0] * 12
    assert listing.labels.tolist() == [0, 1, 2, 0, 1] + [0, 1, 2] * 4
    assert np.array_equal(source.read(5).content, images[0])
    lay(tmp_path / "mn", images, spelled="{dotted}")  # as Kaggle's has it: both
    assert open_source(str(tmp_path / "mn")).list().keys.tolist() == listing.keys.tolist()


@pytest.mark.parametrize("spelled", SPELLED)
def test_a_file_in_a_folder_of_its_name_has_the_labels_of_the_folder_beside_it(
    tmp_path, images, spelled
):
    lay(tmp_path / "mn", images, spelled=spelled)
    listing = open_source(str(tmp_path / "mn" / "t10k-images-idx3-ubyte")).list()
    assert (listing.splits.tolist(), listing.labels.tolist()) == ([2] * 5, [0, 1, 2, 0, 1])


@pytest.mark.parametrize("pattern", ["e-letters-*-images-idx3-ubyte", "e-*-idx3-ubyte"])
def test_a_pattern_of_files_of_images_is_one_source(tmp_path, images, pattern):
    lay(tmp_path, images, prefix="e-letters-", test="test")
    source = open_source(str(tmp_path / pattern))
    assert source.exists()
    listing = source.list()
    assert listing.splits.tolist() == [2] * 5 + [0] * 12
    assert listing.classes == ("0", "1", "2")
    assert (listing.labels >= 0).all()
    assert np.array_equal(source.read(5).content, images[0])
    assert reopen(source.spec).list().keys.tolist() == listing.keys.tolist()


def test_two_sets_in_one_pattern_are_refused_with_a_pattern_for_each(tmp_path, images):
    for each in ("digits", "letters"):
        lay(tmp_path, images, prefix=f"e-{each}-", test="test")
    with pytest.raises(DataError, match="are both of one split") as caught:
        open_source(str(tmp_path / "e-*-images-idx3-ubyte")).list()
    offers = re.findall("--data '(.*?)'", caught.value.do)
    assert [len(open_source(data).list()) for data in offers] == [17, 17]
    assert not open_source(str(tmp_path / "x-*-images-idx3-ubyte")).exists()
    with pytest.raises(DataError, match="no file of images"):
        open_source(str(tmp_path / "x-*-images-idx3-ubyte")).list()


def test_a_file_of_labels_that_changes_makes_every_stat_differ(tmp_path, images):
    write(tmp_path / "train-images-idx3-ubyte", images)
    write(tmp_path / "train-labels-idx1-ubyte", np.zeros(12, np.uint8))
    source = open_source(str(tmp_path))
    before = source.list().stats[0].tolist()
    write(tmp_path / "train-labels-idx1-ubyte", np.ones(12, np.uint8))
    with pytest.raises(OSError, match="changed after it was listed"):
        source.read(0)
    assert source.list().stats[0].tolist() != before


@pytest.mark.parametrize(
    ("write_it", "what"),
    [
        (lambda p, x: p.write_bytes(b"garbage"), "not an IDX file"),
        (lambda p, x: p.write_bytes(b""), "not an IDX file"),
        (lambda p, x: write(p, x, kind=13), "not an IDX file of bytes"),
        (lambda p, x: p.write_bytes(write(p, x).read_bytes()[:-1]), "cut short"),
        (lambda p, x: p.write_bytes(write(p, x).read_bytes() + b"1"), "more than it says"),
        (lambda p, x: write(p, x[0]), "which are no images"),
        (lambda p, x: write(p, x[:, :0]), "which are no images"),
        (lambda p, x: p.write_bytes(b"\x1f\x8bgarbage"), "or damaged"),
    ],
)
def test_what_is_no_file_of_images_is_refused(tmp_path, images, write_it, what):
    path = tmp_path / "a-images-idx3-ubyte"
    write_it(path, images)
    with pytest.raises(DataError, match=what):
        open_source(str(path)).list()


def test_labels_for_other_images_are_refused(tmp_path, images):
    path = write(tmp_path / "a-images-idx3-ubyte", images)
    write(tmp_path / "a-labels-idx1-ubyte", np.zeros(11, np.uint8))
    with pytest.raises(DataError, match="but there are 12 images"):
        open_source(str(path)).list()


def test_cifars_binary_batches_have_their_classes_by_name(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (6, 3, 32, 32), np.uint8)
    labels = np.array([2, 0, 1, 2, 0, 1], np.uint8)
    for name, at in (("data_batch_1.bin", slice(0, 4)), ("test_batch.bin", slice(4, 6))):
        rows = np.concatenate([labels[at, None], pixels[at].reshape(-1, 3072)], axis=1)
        (tmp_path / name).write_bytes(rows.tobytes())
    (tmp_path / "batches.meta.txt").write_text("zebra\napple\nmouse\n\n")
    source = open_source(str(tmp_path))
    listing = source.list()
    assert listing.splits.tolist() == [2, 2, 0, 0, 0, 0]
    named = [listing.classes[label] for label in listing.labels]
    assert named == ["zebra", "apple", "mouse", "zebra", "apple", "mouse"]
    assert np.array_equal(source.read(2).content, pixels[0].transpose(1, 2, 0))
    assert listing.understood.notes == ("2 batches of CIFAR's make",)


@pytest.mark.parametrize(
    ("folder", "names", "says"),
    [
        ("a", "data_batch_1 data_batch_2 data_batch_4 test_batch", "data_batch_3 is not there"),
        ("a", "data_batch_1", "test_batch is not there"),
        ("cifar-10-batches-bin", "data_batch_1 data_batch_2 data_batch_3 data_batch_4 test_batch",
         "data_batch_5 is not there, so its images are missing"),
        ("cifar-10-batches-bin", "data_batch_1 data_batch_3",
         "data_batch_2, data_batch_4, data_batch_5, test_batch are not there"),
        ("cifar-10-batches-bin",
         "data_batch_1 data_batch_2 data_batch_3 data_batch_4 data_batch_5 test_batch", ""),
    ],
)  # fmt: skip
def test_a_batch_of_cifars_that_is_missing_is_said(tmp_path, folder, names, says):
    (tmp_path / folder).mkdir()
    for name in names.split():
        (tmp_path / folder / f"{name}.bin").write_bytes(bytes(1 + 3072))
    _, *missing = open_source(str(tmp_path / folder)).list().understood.notes
    assert len(missing) == bool(says)
    assert says in "".join(missing)


def test_cifar_100s_binary_batches_have_the_fine_class(tmp_path):
    row = np.concatenate([[9, 1], np.zeros(3072)]).astype(np.uint8)
    for name in ("train.bin", "test.bin"):
        (tmp_path / name).write_bytes(row.tobytes())
    (tmp_path / "fine_label_names.txt").write_text("apple\naquarium_fish\n")
    assert open_source(str(tmp_path)).list().classes == ("aquarium_fish",)


def test_a_batch_that_is_cut_or_has_a_class_too_many_is_refused(tmp_path):
    path = tmp_path / "data_batch_1.bin"
    path.write_bytes(bytes(3072))
    with pytest.raises(DataError, match="not a batch of CIFAR"):
        open_source(str(tmp_path)).list()
    path.write_bytes(b"\5" + bytes(3072))
    (tmp_path / "batches.meta.txt").write_text("a\nb\n")
    with pytest.raises(DataError, match="none of the classes"):
        open_source(str(tmp_path)).list()


def test_a_pickle_that_would_run_code_is_refused(tmp_path):
    (tmp_path / "data_batch_1").write_bytes(b"cos\nsystem\n(S'touch /tmp/owned'\ntR.")
    with pytest.raises(DataError, match="not a batch of CIFAR"):
        open_source(str(tmp_path)).list()


@pytest.mark.parametrize(
    "fields",
    [
        {b"data": "PIXELS", b"labels": [[1], [2]]},
        {b"data": "PIXELS", b"labels": 5},
        {b"data": "PIXELS", b"labels": ["a", "b"]},
        {b"data": "PIXELS", b"labels": [10**12, 1]},
    ],
)
def test_a_pickle_of_odd_labels_is_refused(tmp_path, fields):
    pixels = np.zeros((2, 3072), np.uint8)
    made = {key: pixels if value == "PIXELS" else value for key, value in fields.items()}
    (tmp_path / "data_batch_1").write_bytes(pickle.dumps(made, protocol=2))
    with pytest.raises(DataError):
        open_source(str(tmp_path)).list()


@pytest.mark.parametrize("names", [5, [1, 2], {b"a": b"b"}])
def test_names_of_classes_of_another_kind_are_refused(tmp_path, names):
    batch = {b"data": np.zeros((2, 3072), np.uint8), b"labels": [0, 1]}
    (tmp_path / "data_batch_1").write_bytes(pickle.dumps(batch, protocol=2))
    (tmp_path / "batches.meta").write_bytes(pickle.dumps({b"label_names": names}, protocol=2))
    with pytest.raises(DataError, match="not a batch of CIFAR"):
        open_source(str(tmp_path)).list()


def test_a_packed_file_is_unpacked_no_further_than_its_head_says(tmp_path, images):
    path = write(tmp_path / "train-images-idx3-ubyte.gz", images)
    head = struct.pack(">HBB3I", 0, 8, 3, 2, 5, 5)
    path.write_bytes(gzip.compress(head + bytes(300 << 20), 1))
    tracemalloc.start()
    with pytest.raises(DataError, match="cut short or has more than it says"):
        open_source(str(path)).list()
    assert tracemalloc.get_traced_memory()[1] < 32 << 20
    tracemalloc.stop()
    path.write_bytes(gzip.compress(struct.pack(">HBB3I", 0, 8, 3, 2**20, 2**10, 2**10)))
    with pytest.raises(DataError, match="says that it holds 1099511627776 bytes, too many"):
        open_source(str(path)).list()
