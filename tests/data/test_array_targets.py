"""Classes, labels and numbers in arrays, of an .npz and from Python, beside the arrays."""

import numpy as np
import pytest

from bottleneck.api.labels import told_labels
from bottleneck.core.errors import DataError, UsageError
from bottleneck.core.given import Given
from bottleneck.data.catalog import open_source, reopen

X = np.arange(6 * 64, dtype=np.uint8).reshape(6, 8, 8)
MARKS = np.array([[1, 1, 0], [0, 0, 1], [0, 0, 0], [1, 0, 1], [0, 1, 0], [1, 1, 1]], "u1")
NUMBERS = np.array([0.5, -1, np.nan, 2, 3.25, 1e6])
ONE_HOT = np.eye(3, dtype="i8")[[2, 0, 1, 2, 0, 0]]


@pytest.fixture(params=["npz", "python"])
def listed(tmp_path, request):
    """The listing of X with these answers, saved in an .npz or handed over."""

    def make(y, **told):
        if request.param == "python":
            values, names = told_labels(y)
            return open_source(Given(images=X, labels=values, names=names), told).list()
        np.savez(tmp_path / "x.npz", x=X, y=np.asarray(y))
        source = open_source(str(tmp_path / "x.npz"), told)
        assert reopen(source.spec).spec == source.spec
        return source.list()

    return make


@pytest.mark.parametrize("dtype", ["u1", "?", "i8", "f4"])
def test_rows_of_several_ones_are_labels(listed, dtype):
    found = listed(MARKS.astype(dtype))
    assert found.targets.kind == "labels"
    np.testing.assert_array_equal(found.targets.values, MARKS.astype("f4"))
    assert len({*found.targets.names}) == 3
    assert set(found.labels.tolist()) == {-1}
    assert any("3 images have several labels, of 3" in note for note in found.understood.notes)


@pytest.mark.parametrize("width", [0, 1, 2])
def test_fractions_are_numbers(listed, width):
    y = NUMBERS if not width else np.stack([NUMBERS, NUMBERS[::-1]], axis=1)[:, :width]
    found = listed(y)
    assert found.targets.kind == "numbers"
    np.testing.assert_array_equal(found.targets.values, y.reshape(6, -1).astype("f4"))
    assert len(found.targets.names) == max(width, 1)
    assert any("numbers with fractions" in note for note in found.understood.notes)


def test_whole_numbers_and_texts_are_classes_until_somebody_says_otherwise(listed):
    y = [3, 0, 3, 1, 0, 1]
    assert [listed(y).classes[i] for i in listed(y).labels] == [*"303101"]
    found = listed(y, target_kind="numbers")
    np.testing.assert_array_equal(found.targets.values[:, 0], np.array(y, "f4"))
    marks = [0, 1, 0, 1, 1, 0]
    found = listed(marks, target_kind="labels")
    np.testing.assert_array_equal(found.targets.values[:, 0], np.array(marks, "f4"))
    texts = [*"abcabc"]
    assert [listed(texts).classes[i] for i in listed(texts).labels] == texts
    with pytest.raises(DataError, match="holds texts"):
        listed(texts, target_kind="numbers")


@pytest.mark.parametrize(
    ("n", "said"), [(0, "no image has"), (1, "1 image has"), (2, "2 images have")]
)
def test_how_many_have_several_labels_is_said_as_people_say_it(listed, n, said):
    marks = np.zeros((6, 3), "u1")
    marks[:n, :2] = 1
    found = listed(marks, target_kind="labels")
    assert f"{said} several labels, of 3" in found.understood.notes


def test_texts_that_list_labels_are_labels(listed):
    found = listed(["a|b", "b", "c", "a|c", "b", "a"])
    assert found.targets.names == ("a", "b", "c")
    assert found.targets.values.tolist()[:2] == [[1, 1, 0], [0, 1, 0]]


def test_one_hot_rows_may_be_either_and_are_refused_until_it_is_said(listed):
    with pytest.raises(
        DataError, match=r"one-hot.*, or labels.*--target-kind class for classes, labels"
    ):
        listed(ONE_HOT)
    found = listed(ONE_HOT, target_kind="class")
    assert [found.classes[i] for i in found.labels] == [*"201200"]
    without = np.where(np.arange(6)[:, None] == 1, 0, ONE_HOT)
    found = listed(without, target_kind="class")
    assert [[*found.classes, None][i] for i in found.labels] == ["2", None, *"1200"]
    found = listed(ONE_HOT, target_kind="labels")
    np.testing.assert_array_equal(found.targets.values, ONE_HOT)
    found = listed(ONE_HOT, target_kind="numbers")
    assert found.targets.kind == "numbers"


@pytest.mark.parametrize(
    ("y", "told", "message"),
    [
        (np.arange(12).reshape(6, 2), {}, "--target-kind numbers to predict them all"),
        (np.arange(12).reshape(6, 2), {"target_kind": "labels"}, "other numbers than 0 and 1"),
        (np.arange(12).reshape(6, 2), {"target_kind": "class"}, "no row of one 1"),
        (MARKS, {"target_kind": "class"}, "no row of one 1.*--target-kind labels"),
        (NUMBERS, {"target_kind": "class"}, "fractions"),
        (np.full((6, 2), np.nan), {}, "holds no number"),
        (np.full((6, 2), 1e300), {}, "no float32 can hold"),
        (np.full((6, 2), np.inf), {"target_kind": "numbers"}, "no float32 can hold"),
        (np.ones((5, 2)), {}, "images"),
    ],
)
def test_what_is_no_kind_is_refused(listed, y, told, message):
    with pytest.raises(DataError, match=message):
        listed(y, **told)


def test_whole_floats_in_a_file_are_refused_until_it_is_said(tmp_path):
    np.savez(tmp_path / "x.npz", x=X, y=np.array([1.0, 2, 1, 2, 1, np.nan]))
    path = str(tmp_path / "x.npz")
    with pytest.raises(DataError, match=r"whole numbers as floats.*--target-kind numbers"):
        open_source(path, {}).list()
    found = open_source(path, {"target_kind": "class"}).list()
    assert [[*found.classes, None][i] for i in found.labels] == ["1", "2", "1", "2", "1", None]


def test_splits_of_a_file_are_of_one_kind_and_one_without_answers_is_not_known(tmp_path):
    path = str(tmp_path / "x.npz")
    np.savez(path, x_train=X[:4], x_test=X[4:], y_train=MARKS[:4], target_names=["u", "v", "w"])
    found = open_source(path, {}).list()
    assert found.targets.names == ("u", "v", "w")
    expected = np.concatenate([np.full((2, 3), np.nan), MARKS[:4]])  # test sorts before train
    np.testing.assert_array_equal(found.targets.values, expected.astype("f4"))
    # Whether rows have several ones is seen in all splits together.
    np.savez(path, x_train=X[:4], x_test=X[4:], y_train=MARKS[[1, 1, 2, 1]], y_test=MARKS[4:])
    assert open_source(path, {}).list().targets.kind == "labels"
    np.savez(path, x_train=X[:4], x_test=X[4:], y_train=MARKS[:4], y_test=MARKS[4:, :2])
    with pytest.raises(DataError, match="not like that of another"):
        open_source(path, {}).list()
    np.savez(path, x=X, y=MARKS, target_names=["u", "u", "w"])
    with pytest.raises(DataError, match="2 different names of targets for 3 columns"):
        open_source(path, {}).list()


def listed_in_memory(labels, **told):
    values, names = told_labels(labels)
    return open_source(Given(images=X, labels=values, names=names), told).list()


def test_lists_of_names_and_columns_are_passed_from_python():
    found = listed_in_memory([["b", "a"], {"c"}, (), None, ["a"], ["a", "c"]])
    assert found.targets.names == ("a", "b", "c")
    nothing = [np.nan] * 3
    expected = [[1, 1, 0], [0, 0, 1], [0, 0, 0], nothing, [1, 0, 0], [1, 0, 1]]
    np.testing.assert_array_equal(found.targets.values, np.array(expected, "f4"))
    found = listed_in_memory({"age": [1, 2, 3, 4, 5, None], "mass": NUMBERS})
    assert found.targets.names == ("age", "mass")
    np.testing.assert_array_equal(found.targets.values[:, 0], [1, 2, 3, 4, 5, np.nan])
    found = listed_in_memory([None, 0.5, 1.5, np.nan, 2, 3])
    np.testing.assert_array_equal(found.targets.values[:, 0], [np.nan, 0.5, 1.5, np.nan, 2, 3])
    assert listed_in_memory([1.0, 2.0, None, np.nan, 1.0, 2.0]).classes == ("1.0", "2.0")


def test_a_table_of_pandas_gives_its_columns():
    pd = pytest.importorskip("pandas")
    table = pd.DataFrame({"u": MARKS[:, 0], "v": MARKS[:, 1]})
    assert listed_in_memory(table).targets.names == ("u", "v")
    assert listed_in_memory(pd.Series([*"abcabc"])).classes == ("a", "b", "c")
    found = listed_in_memory(pd.Series(NUMBERS))
    np.testing.assert_array_equal(found.targets.values[:, 0], NUMBERS.astype("f4"))


@pytest.mark.parametrize(
    "labels",
    [{"u": [1, 2], "v": [1]}, [["a"], [1.5]], {"u": ["x"] * 6}, np.zeros((6, 0)), [[1, 2], [1]]],
)
def test_what_is_no_label_is_refused(labels):
    with pytest.raises(UsageError, match="labels"):
        told_labels(labels)


def test_groups_are_passed_from_python_and_are_one_an_image():
    given = Given(images=X, labels=tuple("ababab"), groups=("x", "y", "x", "", "7", "7.0"))
    found = open_source(given, {}).list()
    assert [[*found.groups.names, ""][i] for i in found.groups.numbers] == [
        "x",
        "y",
        "x",
        "",
        "7",
        "7",
    ]
    with pytest.raises(DataError, match="2 groups for 6 images"):
        open_source(Given(images=X, groups=("x", "y")), {}).list()


@pytest.mark.parametrize("groups", [np.arange(5), np.arange(12).reshape(6, 2)[:3]])
def test_groups_of_an_npz_are_as_many_as_its_images(tmp_path, groups):
    np.savez(tmp_path / "x.npz", x=X, y=np.array(list("ababab")), groups=groups)
    with pytest.raises(DataError, match=r"groups is int64 .*, but there are 6 images"):
        open_source(str(tmp_path / "x.npz"), {}).list()
