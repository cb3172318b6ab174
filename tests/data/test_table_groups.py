"""What a table says of which images belong together, beside a dict of its rows."""

import csv
import io

import numpy as np
import pytest
from world import picture

from bottleneck.core.errors import DataError, UsageError
from bottleneck.data.catalog import open_source, reopen

ROWS = [("a", "cat", "p7"), ("b", "dog", "p9"), ("c", "cat", "p7"), ("d", "dog", "")]


@pytest.fixture
def listed(tmp_path):
    def make(column="group", rows=ROWS, name="t.csv", **told):
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(["filename", "label", column])
        for i, (letter, *rest) in enumerate(rows):
            picture(tmp_path / f"{letter}.png", i)
            writer.writerow([f"{letter}.png", *rest])
        (tmp_path / name).write_text(text.getvalue())
        source = open_source(str(tmp_path / name), told)
        listing = source.list()
        again = reopen(source.spec).list()
        assert (again.groups is None) == (listing.groups is None)
        assert again.groups is None or again.groups.same_as(listing.groups)
        return listing

    return make


def said(listing):
    names = [*listing.groups.names, ""]
    return dict(zip(map(bytes.decode, listing.keys.tolist()),
                    [names[i] for i in listing.groups.numbers], strict=True))  # fmt: skip


def of(rows):
    return {f"{letter}.png": group for letter, _, group in rows}


@pytest.mark.parametrize("column", ["group", "Group", " GROUP "])
def test_a_column_called_group_is_taken_by_itself(listed, column):
    found = listed(column)
    assert said(found) == of(ROWS)
    assert found.classes == ("cat", "dog")
    assert found.understood.columns["group"].strip() == column.strip()
    assert {"2 groups of images", "1 image in no group"} <= {*found.understood.notes}


def test_any_other_column_is_taken_by_its_name_alone(listed):
    assert listed("patient_id").groups is None
    assert said(listed("patient_id", group_column="patient_id")) == of(ROWS)
    assert listed("group", group_column="").groups is None
    with pytest.raises(DataError, match="no column 'patient'"):
        listed("patient_id", group_column="patient")


def test_a_column_that_says_nothing_is_not_taken_unless_it_is_named(listed):
    same = [(*row[:2], "x") for row in ROWS]
    empty = [(*row[:2], "") for row in ROWS]
    assert listed(rows=same).groups is None
    assert listed(rows=empty).groups is None
    assert listed(rows=empty, group_column="group").groups is None
    assert said(listed(rows=same, group_column="group")) == of(same)


def test_words_for_splits_are_no_groups(listed):
    rows = [(*row[:2], word) for row, word in zip(ROWS, ["train", "test"] * 2, strict=True)]
    with pytest.raises(DataError, match="column 'group' holds words for splits"):
        listed(rows=rows)
    found = listed(rows=rows, split_column="")
    assert found.groups is None
    assert any("holds words for splits" in note for note in found.understood.notes)
    assert said(listed(rows=rows, group_column="group")) == of(rows)


def test_a_column_that_is_the_label_groups_nothing(listed):
    found = listed(rows=[(*row[:2], group) for row, group in zip(ROWS, "uvuv", strict=True)],
                   label_column="group")  # fmt: skip
    assert (found.classes, found.groups) == (("u", "v"), None)


def test_missing_words_are_no_group_and_whole_numbers_are_one_however_written(listed):
    rows = [(*row[:2], text) for row, text in zip(ROWS, ["7", "7.0", "NA", "07"], strict=True)]
    assert said(listed(rows=rows)) == {"a.png": "7", "b.png": "7", "c.png": "", "d.png": "07"}


def test_an_expression_finds_groups_in_names(listed):
    found = listed("place", group_by="^([ab])")
    assert said(found) == {"a.png": "a", "b.png": "b", "c.png": "", "d.png": ""}
    assert any(note.startswith("--group-by does not match all") for note in found.understood.notes)
    with pytest.raises(DataError, match=r"--group-by 'x\(\.\)' matches no path"):
        listed("place", group_by="x(.)")
    with pytest.raises(UsageError, match="both say the groups"):
        listed("place", group_by="^(a)", group_column="place")
    # The expression is what holds beside a column that nobody named.
    assert said(listed("group", group_by="^([ab])"))["a.png"] == "a"


def test_a_pattern_of_names_leaves_the_groups_of_the_rest(listed):
    found = listed(exclude=["b*"])
    assert said(found) == {name: group for name, group in of(ROWS).items() if name != "b.png"}
    assert found.groups.names == ("p7",)


def test_one_patient_is_one_group_in_several_tables(tmp_path):
    for name, rows in {"train": ["p1", "p2"], "test": ["p2", "7"], "val": ["7.0", ""]}.items():
        lines = ["filename,label,group"]
        for i, group in enumerate(rows):
            picture(tmp_path / f"{name}{i}.png", len(name) * 10 + i)
            lines.append(f"{name}{i}.png,{'ab'[i]},{group}")
        (tmp_path / f"{name}.csv").write_text("\n".join(lines))
    found = open_source(str(tmp_path / "{train,val,test}.csv"), {}).list()
    assert found.groups.names == ("7", "p1", "p2")
    assert said(found) == {
        "test.csv/test0.png": "p2", "test.csv/test1.png": "7",
        "train.csv/train0.png": "p1", "train.csv/train1.png": "p2",
        "val.csv/val0.png": "7", "val.csv/val1.png": "",
    }  # fmt: skip


def test_tables_of_which_some_say_groups(tmp_path):
    for i in range(4):
        picture(tmp_path / f"{i}.png", i)
    (tmp_path / "train.csv").write_text("filename,label,group\n0.png,a,x\n1.png,b,y\n")
    (tmp_path / "test.csv").write_text("filename,label\n2.png,a\n3.png,b\n")
    found = open_source(str(tmp_path / "{train,test}.csv"), {}).list()
    assert said(found) == {
        "test.csv/2.png": "", "test.csv/3.png": "", "train.csv/0.png": "x", "train.csv/1.png": "y"
    }  # fmt: skip


def test_tables_of_which_none_says_groups_have_none(tmp_path):
    for i in range(2):
        picture(tmp_path / f"{i}.png", i)
    for name in ("train", "test"):
        (tmp_path / f"{name}.csv").write_text("filename,label\n0.png,a\n1.png,b\n")
    assert open_source(str(tmp_path / "{train,test}.csv"), {}).list().groups is None


def test_a_table_of_pixels_has_a_column_of_groups_and_no_names(tmp_path):
    header = ",".join(["label", "group", *(f"pixel{i}" for i in range(16))])
    body = [",".join([str(i % 2), "uvw"[i % 3], *["9"] * 15, str(i)]) for i in range(9)]
    (tmp_path / "x.csv").write_text("\n".join([header, *body]))
    found = open_source(str(tmp_path / "x.csv"), {}).list()
    assert [found.groups.names[i] for i in found.groups.numbers] == [*"uvw"] * 3
    assert "3 groups of images" in found.understood.notes
    with pytest.raises(UsageError, match=r"no paths.*--group-by.*--group-column"):
        open_source(str(tmp_path / "x.csv"), {"group_by": "(.)"}).list()


def test_parquet_of_files_and_of_images_has_groups(tmp_path):
    pa = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    names = [picture(tmp_path / f"{i}.png", i) for i in range(4)]
    groups, labels = [3, 3, None, 8], ["a", "b", "a", "b"]
    files = pa.table({"filename": [path.name for path in names], "label": labels, "group": groups})
    parquet.write_table(files, tmp_path / "files.parquet")
    images = pa.table(
        {"image": [path.read_bytes() for path in names], "label": labels, "who": groups}
    )
    parquet.write_table(images, tmp_path / "images.parquet")
    for name, told in (("files", {}), ("images", {"group_column": "who"})):
        found = open_source(str(tmp_path / f"{name}.parquet"), told).list()
        assert found.groups.names == ("3", "8")
        assert found.groups.numbers.tolist() == [0, 0, -1, 1]
    assert open_source(str(tmp_path / "images.parquet"), {}).list().groups is None


@pytest.mark.parametrize("dtype", ["i8", "U2", "S2"])
def test_an_npz_has_groups(tmp_path, dtype):
    x = np.arange(6 * 64, dtype=np.uint8).reshape(6, 8, 8)
    groups = np.array([4, 4, 5, 5, 6, 6]).astype(dtype)
    np.savez(tmp_path / "x.npz", x_train=x[:4], x_test=x[4:], y_train=[0, 1, 0, 1],
             y_test=[0, 1], groups_train=groups[:4], test_groups=groups[4:])  # fmt: skip
    found = open_source(str(tmp_path / "x.npz"), {}).list()
    assert [found.groups.names[i] for i in found.groups.numbers] == [*"664455"]
    np.savez(tmp_path / "y.npz", x=x, y=[0, 1] * 3, group=np.zeros(6))
    found = open_source(str(tmp_path / "y.npz"), {}).list()
    assert found.groups is None
    assert any("group is float64 [6]" in note for note in found.understood.notes)
    np.savez(tmp_path / "z.npz", x_train=x, groups_test=groups)
    with pytest.raises(DataError, match="groups_test without x_test"):
        open_source(str(tmp_path / "z.npz"), {}).list()


def test_a_column_of_groups_is_none_of_the_labels(tmp_path):
    for i in range(4):
        picture(tmp_path / f"{i}.png", i)
    lines = ["filename,group,cat,dog", "0.png,0,1,1", "1.png,1,0,1", "2.png,1,1,0", "3.png,0,1,1"]
    (tmp_path / "t.csv").write_text("\n".join(lines))
    found = open_source(str(tmp_path / "t.csv"), {}).list()
    assert found.targets.names == ("cat", "dog")
    assert found.groups.names == ("0", "1")


def test_images_that_are_left_out_take_their_groups_with_them(tmp_path):
    x = np.arange(4 * 64, dtype=np.uint8).reshape(4, 8, 8)
    np.savez(tmp_path / "x.npz", x=x, groups=["a", "b", "c", "b"])
    found = open_source(str(tmp_path / "x.npz"), {"exclude": ["*0"]}).list()
    assert (found.groups.names, found.groups.numbers.tolist()) == (("b", "c"), [0, 1, 0])
    for i in range(2):
        picture(tmp_path / f"{i}.png", i)
    (tmp_path / "train.csv").write_text("filename,label,group\n0.png,a,x\n1.png,b,y\n")
    (tmp_path / "test.csv").write_text("filename,label,group\n0.png,a,z\n1.png,b,y\n")
    source = open_source(str(tmp_path / "{train,test}.csv"), {"exclude": ["test.csv/0*"]})
    found = source.list()
    assert found.groups.names == ("x", "y")
    assert found.groups.numbers.tolist() == [1, 0, 1]
