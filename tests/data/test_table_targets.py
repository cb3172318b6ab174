"""Several labels and numbers in the columns of a table: what is read, and what is refused."""

import numpy as np
import pytest
from world import picture

from bottleneck.core.errors import DataError, UsageError
from bottleneck.data.catalog import open_source, reopen


@pytest.fixture
def listed(tmp_path):
    def make(text, name="t.csv", **told):
        for i, letter in enumerate("abcd"):
            picture(tmp_path / f"{letter}.png", i)
        (tmp_path / name).write_text(text)
        source = open_source(str(tmp_path / name), told)
        again = reopen(source.spec)
        listing = source.list()
        assert (again.spec, again.list().targets is None) == (source.spec, listing.targets is None)
        return listing

    return make


def values(listing):
    assert set(listing.labels.tolist()) == {-1}
    return listing.targets.values.tolist()


@pytest.mark.parametrize(
    "fields",
    [
        ["cat|dog", "dog", "bird | cat"],
        ["cat;dog", "dog", "bird;cat;bird"],
        ['"[""cat"", ""dog""]"', "\"['dog']\"", '"[""bird"", ""cat""]"'],
        ['"{cat,dog}"', "dog", "bird|cat"],
    ],
)
def test_lists_of_labels_are_read_as_labels(listed, fields):
    text = "filename,label\n" + "".join(
        f"{n}.png,{f}\n" for n, f in zip("abc", fields, strict=True)
    )
    found = listed(text)
    assert (found.targets.kind, found.targets.names) == ("labels", ("bird", "cat", "dog"))
    assert values(found) == [[0, 1, 1], [0, 0, 1], [1, 1, 0]]
    assert "2 rows have several labels, of 3" in found.understood.notes


@pytest.mark.parametrize(
    ("fields", "names"),
    [
        (["a b", "b", "c a"], ("a", "b", "c")),
        (['"a, b"', "b", '"c,a"'], ("a", "b", "c")),
        (["hot dog|b", "b", "hot dog"], ("b", "hot dog")),
    ],
)
def test_words_are_labels_where_a_person_says_so(listed, fields, names):
    text = "filename,label\n" + "".join(
        f"{n}.png,{f}\n" for n, f in zip("abc", fields, strict=True)
    )
    found = listed(text, target_kind="labels")
    assert found.targets.names == names
    assert found.targets.values.sum(axis=1).tolist() == [2, 1, 2 if len(names) == 3 else 1]


def test_an_empty_field_is_not_known_and_empty_brackets_are_none_of_them(listed):
    found = listed("filename,label\na.png,x|y\nb.png,\nc.png,[]\nd.png,NA\n")
    np.testing.assert_array_equal(
        found.targets.values, [[1, 1], [np.nan] * 2, [0, 0], [np.nan] * 2]
    )
    assert any("2 rows have no labels written" in note for note in found.understood.notes)


def test_numbers_are_those_of_the_table_and_nothing_is_not_known(listed):
    text = "filename,target\na.png,0.25\nb.png,\nc.png,-1e3\nd.png,NA\n"
    np.testing.assert_array_equal(
        listed(text).targets.values, np.array([[0.25], [np.nan], [-1000], [np.nan]], "f4")
    )


def test_decimal_commas_are_numbers_where_a_person_says_that_they_are(listed):
    text = 'filename,label\na.png,"0,25"\nb.png,"1,5"\n'
    with pytest.raises(DataError, match="--target-kind numbers"):
        listed(text)
    assert values(listed(text, target_kind="numbers")) == [[0.25], [1.5]]


def test_whole_numbers_stay_classes_until_a_person_says_that_they_are_numbers(listed):
    text = "filename,label\na.png,3\nb.png,4\n"
    assert listed(text).classes == ("3", "4")
    found = listed(text, target_kind="numbers")
    assert (found.targets.kind, found.classes, values(found)) == ("numbers", (), [[3], [4]])


def test_a_number_that_float32_cannot_hold_is_refused_with_its_line(listed):
    with pytest.raises(DataError, match="line 3: column 'target' holds '1e39', not a number"):
        listed("filename,target\na.png,0.5\nb.png,1e39\n")


def test_an_unknown_kind_of_target_is_wrong_usage(listed):
    with pytest.raises(UsageError, match=r"--target-kind.*class, labels or numbers"):
        listed("filename,label\na.png,3\n", target_kind="boxes")


def test_label_1_and_label_2_are_refused_with_what_to_write(listed):
    for told in ({}, {"target_kind": "labels"}):
        with pytest.raises(DataError, match=r"'label_1'.*into one column, such as cat\|dog"):
            listed("filename,label_1,label_2\na.png,x,y\n", **told)


def test_pixels_of_a_table_may_have_several_labels_and_numbers(listed):
    rows = "".join(f"{i},{i % 2},1,0.5\n" for i in range(3))
    found = listed("pixel0,red,big,y\n" + rows, label_column=["red", "big"])
    assert values(found) == [[0, 1], [1, 1], [0, 1]]
    assert values(listed("pixel0,red,big,y\n" + rows, label_column="y")) == [[0.5]] * 3


@pytest.mark.parametrize("told", [{"target_kind": "numbers"}, {"target_kind": "labels"}])
def test_a_table_without_a_row_is_said_so(listed, told):
    with pytest.raises(DataError, match="names no images"):
        listed("filename,target\n", **told)


def test_rows_with_none_of_the_labels_are_those_of_which_all_is_known(listed):
    text = "filename,cat,dog\na.png,1,1\nb.png,0,0\nc.png,0,\nd.png,,\n"
    found = listed(text, target_kind="labels")
    assert {
        "1 row has several labels, of 2",
        "1 row has none of them",
        "1 row has no label written, so they are not known",
    } <= {*found.understood.notes}
