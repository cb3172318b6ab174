import io
import os
import zipfile

import numpy as np
import pytest

from bottleneck.core.errors import DataError
from bottleneck.core.given import Given
from bottleneck.core.sample import SPLITS
from bottleneck.data.catalog import open_source

RNG = np.random.default_rng(0)
X = RNG.integers(0, 256, (12, 4, 5, 3), np.uint8)
T = RNG.integers(0, 256, (7, 6, 3), np.uint8)


@pytest.fixture
def save(tmp_path):
    """Save arrays; return the source."""

    def make(how=np.savez, **arrays):
        how(tmp_path / "a.npz", **arrays)
        return open_source(str(tmp_path / "a.npz"))

    return make


def contents(source):
    return [source.read(i).content for i in range(len(source.list()))]


@pytest.mark.parametrize("how", [np.savez, np.savez_compressed])
@pytest.mark.parametrize("layout", [np.ascontiguousarray, np.asfortranarray])
def test_images_labels_and_splits_are_those_that_numpy_reads(save, tmp_path, how, layout):
    y = RNG.integers(0, 12, 12)
    source = save(how, x_train=layout(X), y_train=y, x_test=layout(T), y_test=np.ones((7, 1), "u1"))
    listing = source.list()
    oracle = np.load(tmp_path / "a.npz")
    found = contents(source)
    for got, expected in zip(found, [*oracle["x_test"], *oracle["x_train"]], strict=True):
        assert got.dtype == np.uint8
        np.testing.assert_array_equal(got, expected)
    assert listing.keys.tolist()[6:8] == [b"test/00000006", b"train/00000000"]
    assert listing.splits.tolist() == [2] * 7 + [0] * 12
    assert [listing.classes[i] for i in listing.labels] == ["1"] * 7 + [str(v) for v in y]


def test_x_and_y_are_train_and_texts_are_class_names(save):
    listing = save(x=T, y=np.array(["dog", "cat", "", "dog", "ape", "ape", "dog"])).list()
    assert listing.classes == ("ape", "cat", "dog")
    assert listing.labels.tolist() == [2, 1, -1, 2, 0, 0, 2]
    assert set(listing.splits.tolist()) == {0}
    assert save(x=T, y=np.array([b"dog"] * 7)).list().classes == ("dog",)


def test_an_npy_and_an_x_without_y_have_no_labels(save, tmp_path):
    assert set(save(x=X).list().labels.tolist()) == {-1}
    np.save(tmp_path / "b.npy", T)
    source = open_source(str(tmp_path / "b.npy"))
    assert set(source.list().labels.tolist()) == {-1}
    np.testing.assert_array_equal(contents(source), T)
    np.save(tmp_path / "b.npy", np.asfortranarray(T))
    np.testing.assert_array_equal(contents(open_source(str(tmp_path / "b.npy"))), T)
    assert save(x_train=X, y_train=np.zeros(12, bool), x_test=X).list().classes == ("0",)


def test_what_lies_plainly_in_the_file_is_never_read_whole(save, monkeypatch):
    source = save(x=X, y=np.arange(12))
    whole = np.lib.format.read_array
    monkeypatch.setattr(
        np.lib.format, "read_array", lambda f, **k: (a := whole(f, **k), a.ndim == 1 or 1 / 0)[0]
    )
    np.testing.assert_array_equal(contents(source), X)


@pytest.mark.parametrize(
    ("arrays", "says"),
    [
        ({"x": X.astype("f4")}, r"x is float32 \[12, 4, 5, 3\].*uint8"),
        ({"x": X.astype("i8")}, "x is int64.*uint8"),
        ({"x": X.transpose(0, 3, 1, 2)}, r"x is uint8 \[12, 3, 4, 5\].*height, width"),
        ({"x": X[0, 0]}, "height, width"),
        ({"x": np.zeros((3, 0, 5), "u1")}, "images must have pixels"),
        ({"x": np.zeros((0, 4, 5), "u1")}, "no images"),
        ({"x": X, "y": np.arange(11)}, r"y is int64 \[11\], but there are 12 images"),
        (
            {"x": X, "y": np.arange(12.0)},
            r"y is \[12\] of whole numbers as floats: regression targets",
        ),
        ({"x": X, "y": np.eye(12)}, r"y is \[12, 12\].*one-hot.*, or labels"),
        ({"x": X, "y": np.zeros((12, 3), "u1")}, r"y is \[12, 3\].*one-hot.*, or labels"),
        ({"x": X, "y": np.array(["a, b", "b, a"] * 6)}, "'y' holds 'b, a'.*multi-label"),
        ({"x": X, "y": np.zeros(12, "c8")}, "y is complex64.*numbers or texts"),
        ({"x": X, "y": np.array([None] * 12)}, "y holds Python objects"),
        ({"faces": X}, r"there are: faces"),
        ({"x": X, "x_train": X}, r"neither x nor x_train alone"),
        ({"x_train": X, "y_test": np.arange(3)}, "y_test without x_test"),
    ],
)
def test_arrays_that_will_not_do_are_named_with_what_they_are(save, arrays, says):
    with pytest.raises(DataError, match=says) as caught:
        save(**arrays).list()
    assert "a.npz" in str(caught.value)


PICTURE = RNG.integers(0, 256, (24, 20, 3), np.uint8)
ONE = {
    "colors behind": (PICTURE, PICTURE[None], r"x\[None\]"),
    "with alpha": (
        np.dstack([PICTURE, PICTURE[..., 0]]),
        PICTURE[None],
        r"x\[None, ..., :3\]",
    ),
    "colors in front": (
        PICTURE.transpose(2, 0, 1),
        PICTURE[None],
        r"x.transpose\(1, 2, 0\)\[None\]",
    ),
}


@pytest.mark.parametrize("kind", ONE)
def test_one_color_picture_is_not_read_as_gray_ones(tmp_path, kind):
    x, right, way = ONE[kind]
    np.save(tmp_path / "x.npy", x)
    with pytest.raises(DataError, match=rf"may be one color picture, or .*give {way}") as caught:
        open_source(str(tmp_path / "x.npy")).list()
    with pytest.raises(DataError, match="may be one color picture"):
        open_source(Given(images=x, labels=None, name="memory")).list()
    told = str(caught.value).partition("give ")[2].partition(" for one")[0]
    saved = eval(told, {"x": x})
    np.testing.assert_array_equal(saved, right)
    np.save(tmp_path / "x.npy", saved)
    np.testing.assert_array_equal(contents(open_source(str(tmp_path / "x.npy"))), right)
    np.save(tmp_path / "x.npy", x[..., None])
    assert len(open_source(str(tmp_path / "x.npy")).list()) == len(x)


@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 8, 8), (4, 28, 28), (28, 28, 28)])
def test_gray_images_are_read_as_they_are(tmp_path, shape):
    x = RNG.integers(0, 256, shape, np.uint8)
    np.save(tmp_path / "x.npy", x)
    np.testing.assert_array_equal(contents(open_source(str(tmp_path / "x.npy"))), x)


def test_a_pickle_in_an_array_file_is_never_read(save, tmp_path):
    class Bomb:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "ran"),)

    with pytest.raises(DataError, match="Python objects"):
        save(x=np.array([Bomb()] * 3)).list()
    assert not (tmp_path / "ran").exists()


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_two_arrays_of_one_name_are_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as file:
        file.writestr("x.npy", npy(X))
        file.writestr("x.npy", npy(X))
    with pytest.raises(DataError, match="two arrays of one name"):
        open_source(str(tmp_path / "a.npz")).list()


def npy(array):
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


@pytest.mark.parametrize("name", ["a.npz", "a.npy"])
@pytest.mark.parametrize("data", [b"", b"PK\3\4", b"garbage" * 99, npy(X)[:-1], npy(X)[:20]])
def test_a_broken_file_is_a_data_error(tmp_path, name, data):
    (tmp_path / name).write_bytes(data)
    with pytest.raises(DataError, match=r"a\.np"):
        open_source(str(tmp_path / name)).list()


def test_every_cut_of_an_npz_is_a_data_error_and_every_flip_one_or_other_content(save, tmp_path):
    path = tmp_path / "a.npz"
    save(x=T, y=np.arange(7))
    good = path.read_bytes()
    for n in range(0, len(good), 37):
        path.write_bytes(good[:n])
        with pytest.raises(DataError):
            open_source(str(path)).list()
    for n in range(0, len(good), 5):
        bad = bytearray(good)
        bad[n] ^= 0xFF
        path.write_bytes(bad)
        try:
            source = open_source(str(path))
            source.list()
            source.read(0)
        except (DataError, OSError):
            continue


def test_a_head_that_claims_more_than_there_is_is_refused_without_memory_for_it(tmp_path):
    head = io.BytesIO()
    claim = {"descr": "|u1", "fortran_order": False, "shape": (1 << 40, 64, 64)}
    np.lib.format.write_array_header_2_0(head, claim)
    with zipfile.ZipFile(tmp_path / "a.npz", "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("x.npy", head.getvalue() + bytes(99))
    (tmp_path / "a.npy").write_bytes(head.getvalue() + bytes(99))
    for name in ("a.npz", "a.npy"):
        with pytest.raises(DataError, match="x is cut short"):
            open_source(str(tmp_path / name)).list()


def test_an_array_file_that_changes_after_listing_gives_no_image(save, tmp_path):
    source = save(x=X)
    source.list()
    save(x=X[::-1])
    with pytest.raises(OSError, match="changed after it was listed"):
        source.read(0)


@pytest.mark.parametrize("kind", ["npy", "npz", "packed npz"])
def test_one_changed_byte_in_a_head_is_a_data_error_or_another_array(tmp_path, kind):
    images = np.zeros((3, 4, 5, 3), np.uint8)
    path = tmp_path / f"x.{kind[-3:]}"
    if kind == "npy":
        np.save(path, images)
    else:
        (np.savez if kind == "npz" else np.savez_compressed)(path, x=images)
    whole = path.read_bytes()
    ends = 128 if kind == "npy" else min(len(whole), 220)
    for at in range(ends):
        for value in b"(-'\xff" if kind == "npy" else b"-\xff":
            path.write_bytes(whole[:at] + bytes([value]) + whole[at + 1 :])
            try:
                listing = open_source(str(path)).list()
            except DataError:
                continue
            assert len(listing) >= 1


def test_an_array_that_unpacks_to_more_than_the_memory_is_refused_before_it_is(save, monkeypatch):
    source = save(np.savez_compressed, x=np.zeros((40, 8, 8, 3), np.uint8))
    monkeypatch.setattr("bottleneck.data.numpy_files._memory_bytes", lambda: 10_000)
    monkeypatch.setattr(np.lib.format, "read_array", None)
    with pytest.raises(DataError, match="unpacks to"):
        source.list()


@pytest.mark.parametrize(
    ("names", "splits"),
    [
        ("x_train y_train x_val y_val x_test y_test", "train val test"),
        (
            "train_images train_labels val_images val_labels test_images test_labels",
            "train val test",
        ),
        ("X_train Y_train X_valid Y_valid", "train val"),
        ("train_x train_y eval_x eval_y", "train test"),
        ("images_train targets_train data_test target_test", "train test"),
    ],
)
def test_usual_names_of_arrays_are_understood_and_said(tmp_path, names, splits):
    splits, names = splits.split(), names.split()
    rng = np.random.default_rng(0)
    made = {}
    for i, name in enumerate(names):
        x = rng.integers(0, 256, (4, 6, 5, 3), np.uint8)
        made[name] = np.arange(4) % 2 + i // 2 if i % 2 else x
    np.savez(tmp_path / "a.npz", **made, unlabeled_x=np.zeros((2, 3, 3), np.uint8))
    source = open_source(str(tmp_path / "a.npz"))
    listing = source.list()
    for i, key in enumerate(listing.keys.tolist()):
        split, _, row = key.decode().partition("/")
        at = 2 * splits.index(split)
        assert SPLITS[listing.splits[i]] == split
        assert listing.classes[listing.labels[i]] == str(made[names[at + 1]][int(row)])
        assert np.array_equal(source.read(i).content, made[names[at]][int(row)])
    is_ours = names[0] == "x_train"
    assert listing.understood.notes == () if is_ours else names[0] in listing.understood.notes[0]


@pytest.mark.parametrize("names", ["x y", "X Y", "images labels", "data target", "arr_0 arr_1"])
def test_usual_names_without_splits(tmp_path, names):
    x, y = names.split()
    np.savez(tmp_path / "a.npz", **{x: X, y: np.arange(len(X)) % 2})
    listing = open_source(str(tmp_path / "a.npz")).list()
    assert (len(listing), listing.classes) == (len(X), ("0", "1"))


def test_names_that_may_be_the_same_arrays_are_refused_and_ours_come_first(tmp_path):
    np.savez(tmp_path / "a.npz", images=X, data=X)
    with pytest.raises(DataError, match="both images and data may be x"):
        open_source(str(tmp_path / "a.npz")).list()
    np.savez(tmp_path / "a.npz", x=X, data=X[:1])
    assert len(open_source(str(tmp_path / "a.npz")).list()) == len(X)
    np.savez(tmp_path / "a.npz", x_train=X, images=X[:1])
    assert len(open_source(str(tmp_path / "a.npz")).list()) == len(X)
