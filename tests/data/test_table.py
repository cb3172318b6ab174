import csv
import os
import re

import numpy as np
import pytest
from world import picture

from bottleneck.core.errors import DataError, PermissionDeniedError, UsageError
from bottleneck.data import table
from bottleneck.data.catalog import open_source
from bottleneck.data.table import TableSource


@pytest.fixture
def write(plant):
    """Write a table beside two images; return its source."""

    def make(text, name="t.csv"):
        root = plant("a.png", "b.png", "sub/c.png")
        (root / name).write_bytes(text if isinstance(text, bytes) else text.encode())
        return TableSource(root / name)

    return make


def rows_of(listing):
    return [
        (bytes(key), listing.classes[label] if label >= 0 else None, int(split))
        for key, label, split in zip(listing.keys, listing.labels, listing.splits, strict=True)
    ]


def test_a_table_is_what_the_standard_library_reads_of_it(write, plant, draw):
    names = [
        "a.png",
        "sub/c.png",
        "odd, name.png",
        'quo"te.png',
        "-rf.png",
        "é.png",
        "new\nline.png",
    ]
    root = plant(**{name: draw(seed=i) for i, name in enumerate(names)})
    with (root / "t.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["split", "width", "filename", "label"])
        rows.writerows(["test", 7, name, f"class {i % 2}"] for i, name in enumerate(names))
    source = TableSource(root / "t.csv")
    listing = source.list()
    with (root / "t.csv").open(newline="") as file:
        expected = sorted((r["filename"].encode(), r["label"], 2) for r in csv.DictReader(file))
    assert rows_of(listing) == expected
    for i, key in enumerate(listing.keys.tolist()):
        path = root / key.decode()
        assert source.read(i).content == path.read_bytes()
        assert listing.stats[i, 3] == path.stat().st_ino


def test_without_a_split_all_is_train_and_an_empty_label_is_none(write):
    listing = write("filename,label\r\nb.png,dog\r\n\r\na.png,\r\n").list()
    assert rows_of(listing) == [(b"a.png", None, 0), (b"b.png", "dog", 0)]


def test_tsv_a_byte_order_mark_and_capital_letters_in_the_first_line_are_understood(write):
    text = "\ufeffFilename\tLabel\tSplit\na.png\tcat, wild\tVal\nb.png\tdog\ttrain\n"
    listing = write(text.encode(), "t.TSV").list()
    assert rows_of(listing) == [(b"a.png", "cat, wild", 1), (b"b.png", "dog", 0)]


@pytest.mark.parametrize("text", ["", "\n", "title,label\nfirst,cat\n"])
def test_a_first_line_without_filename_says_so(write, text):
    with pytest.raises(DataError, match=r"no column 'filename'.*t\.csv.*filename,label"):
        write(text).list()


def test_a_missing_label_column_leaves_images_without_labels_and_names_what_is_there(write):
    listing = write("filename,kind\na.png,cat\n").list()
    assert rows_of(listing) == [(b"a.png", None, 0)]
    (note,) = listing.understood.notes
    assert "(there are: kind)" in note
    assert "--label-column" in note


def test_a_key_twice_is_an_error_with_both_lines(write):
    with pytest.raises(DataError, match=r"a\.png stands in lines 2 and 5"):
        write("filename,label\na.png,cat\nb.png,cat\n\na.png,cat\n").list()


@pytest.mark.parametrize(
    "text",
    [
        "filename,target\na.png,30\nb.png,41\n",
        "filename,label\na.png,0.3\nb.png,2\n",
        "filename,label\na.png,1e-3\n",
        "filename,label\na.png,7\nb.png,.5\n",
    ],
)
def test_regression_targets_are_refused_by_name(write, text):
    with pytest.raises(DataError, match=r"('label'|'target').*regression targets") as caught:
        write(text).list()
    assert caught.value.exit_code == 3


@pytest.mark.parametrize(
    "text",
    [
        "filename,labels\na.png,cat dog\n",
        "filename,labels\na.png,cat\nb.png,cat&dog\n",
        "filename,label,label_2\na.png,cat,dog\n",
        'filename,label\na.png,"cat,dog"\nb.png,cat\nsub/c.png,dog\n',
    ],
)
def test_several_labels_an_image_are_refused_by_name(write, text):
    with pytest.raises(DataError, match=r"'label.*'.*multi-label"):
        write(text).list()


def test_whole_numbers_and_names_with_commas_are_classes(write):
    listing = write('filename,label\na.png,10\nb.png,9\nsub/c.png,"missile, projectile"\n').list()
    assert listing.classes == ("10", "9", "missile, projectile")
    assert write("filename,label\na.png,1.0\nb.png,-2\n").list().classes == ("-2", "1.0")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("filename,label\na.png,cat\nb.png\n", "line 3 has 1 columns, the first line 2"),
        ("filename,label\na.png,cat,dog\n", "line 2 has 3 columns"),
        ("filename,label\n,cat\n", "line 2 names no file"),
        ("filename,label,split\na.png,cat,odd\n", "'odd' is no split"),
        ("filename,label,split\na.png,cat,\n", r"'split' is empty in 1 of its rows \(lines 2\)"),
        ("filename,label,label\na.png,cat,cat\n", "two columns are called 'label'"),
        ("filename,label\n", "names no images"),
        ('filename,label\na.png,"ca"t\n', "line 2: "),
        ("filename,label\na.png," + "x" * 200_000, "line 2: field larger"),
        (
            b"\xff\xfe" + "filename,label\na.png,cat\n".encode("utf-16-le")[:-1],
            "not text in utf-16",
        ),
        (b"filename,label\na.png,c\0t\n", "not text in UTF-8"),
    ],
)
def test_what_is_wrong_in_a_table_is_one_line_that_names_the_place(write, text, says):
    with pytest.raises(DataError, match=says) as caught:
        write(text).list()
    assert "t.csv" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("spelled", [b"b\xe9.png", "bé.png".encode()])
def test_a_name_that_is_not_utf8_is_that_file_in_either_encoding(write, draw, spelled):
    source = write(b"filename,label\nb\xe9.png,caf\xe9\na.png,x\n")
    (source.path.parent / os.fsdecode(spelled)).write_bytes(draw(seed=5))
    listing = source.list()
    assert rows_of(listing) == [(b"a.png", "x", 0), ("bé.png".encode(), "café", 0)]
    assert source.read(1).content == draw(seed=5)


@pytest.mark.parametrize(("told", "line"), [("utf-8", 3), ("ascii", 3)])
def test_bytes_that_are_not_of_the_encoding_that_was_told_are_refused_with_their_line(
    write, told, line
):
    source = write(b"filename,label\na.png,x\nb.png,caf\xe9\n")
    source = open_source(str(source.path), {"encoding": told})
    with pytest.raises(DataError, match=rf"line {line}: not text in {told}.*--encoding cp1252"):
        source.list()
    source = open_source(str(source.path), {"encoding": "cp1252"})
    assert source.list().classes == ("café", "x")


def test_a_file_that_is_missing_stays_a_sample_that_cannot_be_read(write):
    source = write("filename,label\na.png,cat\nb.png,dog\ngone.png,dog\n")
    listing = source.list()
    assert rows_of(listing)[2] == (b"gone.png", "dog", 0)
    assert listing.stats[2].tolist() == [0, 0, 0, 0]
    with pytest.raises(FileNotFoundError):
        source.read(2)


def test_files_that_are_not_there_are_counted_and_the_first_are_named(write):
    gone = "".join(f"gone{i}.png,dog\n" for i in range(7))
    source = write("filename,label\na.png,cat\nb.png,cat\n" + gone)
    for name in range(9):
        (source.path.parent / f"x{name}.png").write_bytes(b"x")
    source.path.write_text(source.path.read_text() + "".join(f"x{i}.png,cat\n" for i in range(9)))
    understood = source.list().understood
    assert understood.to_json()["missing"] == {
        "files": 7,
        "first": ["gone0.png", "gone1.png", "gone2.png", "gone3.png", "gone4.png"],
    }
    assert write("filename,label\na.png,cat\n").list().understood.missing == {}


@pytest.mark.parametrize("told", ["nowhere", "a/../nowhere"])
def test_a_root_that_is_not_there_is_refused_by_its_whole_path(write, monkeypatch, told):
    source = write("filename,label\na.png,cat\n")
    monkeypatch.chdir(source.path.parent)
    with pytest.raises(DataError, match=r"no such folder: /.*nowhere.*run") as caught:
        open_source("t.csv", {"root": told}).list()
    assert caught.value.exit_code == 3
    assert str(source.path.parent) in str(caught.value)


def test_a_table_most_of_whose_files_are_missing_is_refused(write):
    with pytest.raises(DataError, match=r"2 of 3 files that it names are not there \(x/1.png, say"):
        write("filename,label\na.png,cat\nx/1.png,dog\nx/2.png,dog\n").list()


def test_a_folder_that_may_not_be_read_is_no_permission_not_missing_files(write, monkeypatch):
    source = write("filename,label\na.png,cat\nsub/c.png,dog\n")
    real = os.stat

    def stat(path, *rest, **more):
        if isinstance(path, bytes) and b"sub" in path:
            raise PermissionError(13, "Permission denied", path)
        return real(path, *rest, **more)

    monkeypatch.setattr(table.os, "stat", stat)
    with pytest.raises(PermissionDeniedError, match="sub"):
        source.list()


def test_names_may_lead_out_of_the_folder_and_links_are_followed(write, tmp_path, draw):
    (tmp_path / "far.png").write_bytes(draw(seed=8))
    source = write("filename,label\n../far.png,cat\nlink.png,cat\n")
    (source.path.parent / "link.png").symlink_to(tmp_path / "far.png")
    source.list()
    assert source.read(0).content == source.read(1).content == draw(seed=8)


def test_a_pipe_in_a_table_or_in_its_place_is_an_error_not_a_hang(write):
    source = write("filename,label\na.png,cat\npipe.png,cat\n")
    os.mkfifo(source.path.parent / "pipe.png")
    source.list()
    with pytest.raises(OSError, match="no regular file"):
        source.read(1)
    source.path.unlink()
    os.mkfifo(source.path)
    with pytest.raises(DataError, match="no regular file"):
        source.list()


def test_a_table_that_is_not_there_or_may_not_be_read(write, monkeypatch):
    source = write("filename,label\na.png,cat\n")
    assert source.exists()
    with monkeypatch.context() as patch:

        def refuse(path, *_):
            raise PermissionError(13, "Permission denied", path)

        patch.setattr("bottleneck.data.reading.os.open", refuse)
        with pytest.raises(PermissionDeniedError, match=r"t\.csv"):
            source.list()
    source.path.unlink()
    assert not source.exists()
    with pytest.raises(DataError, match=r"no such file.*t\.csv"):
        source.list()


def test_include_and_exclude_narrow_the_listing_and_its_classes(write):
    source = write("filename,label\na.png,cat\nb.png,dog\nsub/c.png,ape\n")
    listing = open_source(str(source.path), {"include": [], "exclude": ["sub", "b*"]}).list()
    assert rows_of(listing) == [(b"a.png", "cat", 0)]
    assert listing.skipped["excluded"] == 2
    with pytest.raises(DataError, match=r"names no images \(left alone: 3 excluded\)"):
        open_source(str(source.path), {"include": ["x"], "exclude": []}).list()


def test_an_edited_label_is_seen_although_no_image_changed(write):
    source = write("filename,label\na.png,cat\nb.png,dog\n")
    before = source.list()
    source.path.write_text("filename,label\na.png,dog\nb.png,dog\n")
    after = source.list()
    assert np.array_equal(before.stats, after.stats)
    assert rows_of(after)[0] == (b"a.png", "dog", 0)


@pytest.mark.parametrize("labels", [("1", "1.0"), ("10", "10."), ("-2", "-2.00")])
def test_one_number_in_two_spellings_is_not_two_classes(write, labels):
    one, other = labels
    with pytest.raises(DataError, match="one number"):
        write(f"filename,label\na.png,{one}\nb.png,{other}\n").list()
    source = write(f"filename,label\na.png,{one}\nb.png,{other}\nsub/c.png,cat\n")  # names, then
    assert len(source.list().classes) == 3


def test_labels_from_the_names_of_files(tmp_path):
    for i, name in enumerate(["pie/1.png", "cake/2.png", "3.png"]):
        picture(tmp_path / name, i)
    (tmp_path / "t.csv").write_text("filename,label\npie/1.png,a\ncake/2.png,b\n3.png,c\n")
    listing = open_source(str(tmp_path / "t.csv"), {"label_from": r"(\w+)/"}).list()
    assert listing.classes == ("cake", "pie")
    assert listing.labels.tolist() == [-1, 0, 1]  # of 3.png, cake/2.png, pie/1.png
    assert any("--label-from does not match all paths" in n for n in listing.understood.notes)
    with pytest.raises(DataError, match="--label-from 'x' matches no path"):
        open_source(str(tmp_path / "t.csv"), {"label_from": "x"}).list()
    with pytest.raises(UsageError, match="both say the classes"):
        open_source(str(tmp_path / "t.csv"), {"label_from": "x", "label_column": "label"})


def test_images_in_a_table_have_no_names_to_take_labels_from(tmp_path):
    (tmp_path / "t.csv").write_text("label,pixel0,pixel1,pixel2,pixel3\n1,2,3,4,5\n")
    with pytest.raises(UsageError, match="its images have no paths"):
        open_source(str(tmp_path / "t.csv"), {"label_from": "x"}).list()


def listed_table(folder, name, text, **told):
    """Return the listing of a table of a.jpg to f.jpg, which are there."""
    for i, letter in enumerate("abcdef"):
        picture(folder / f"{letter}.jpg", i)
    (folder / name).write_text(text)
    return open_source(str(folder / name), told).list()


def classes_of(listing):
    names = [*listing.classes, None]
    return {
        k.decode(): names[n] for k, n in zip(listing.keys.tolist(), listing.labels, strict=True)
    }


@pytest.mark.parametrize("between", [",", "\t", " "])
@pytest.mark.parametrize("quote", ["", '"'])
def test_names_of_rows_as_r_writes_them(tmp_path, between, quote):
    rows = [("file", "label"), ("1", "a.jpg", "cat"), ("2", "b.jpg", "dog"), ("3", "c.jpg", "cat")]
    text = "".join(between.join(quote + f + quote for f in row) + "\n" for row in rows)
    listing = listed_table(tmp_path, "t.txt", text)
    assert classes_of(listing) == {"a.jpg": "cat", "b.jpg": "dog", "c.jpg": "cat"}
    assert any("a name of their own in front" in note for note in listing.understood.notes)


@pytest.mark.parametrize(
    "text",
    [
        "file,label\na.jpg,cat,x\nb.jpg,dog\n",  # not all rows
        "file,label\na.jpg,cat,x\na.jpg,dog,y\n",  # no names: the first field stands twice
        "file,label\na.jpg,cat\nb.jpg,dog,x\n",
    ],
)
def test_rows_with_a_field_too_many_are_refused(tmp_path, text):
    with pytest.raises(DataError, match="columns, the first line 2"):
        listed_table(tmp_path, "t.csv", text)


def test_the_number_of_rows_above_a_table_is_no_line_of_names(tmp_path):
    text = "4\nSmiling Young \na.jpg -1  1\nb.jpg  1 -1\nc.jpg  1  1\nd.jpg -1 -1\n"
    listing = listed_table(tmp_path, "t.txt", text)
    assert listing.targets.names == ("Smiling", "Young")
    assert listing.targets.values.tolist() == [[0, 1], [1, 0], [1, 1], [0, 0]]
    assert "its first line is the number of its rows" in listing.understood.notes
    assert "2 columns of -1 and 1 were read as labels" in listing.understood.notes
    text = "7\nSmiling Young \na.jpg -1  1\nb.jpg  1 -1\nc.jpg  1  1\nd.jpg -1 -1\n"
    with pytest.raises(DataError):
        listed_table(tmp_path, "t.txt", text)


def test_a_class_that_may_stand_for_none_is_said(tmp_path):
    text = "file,label\na.jpg,?\nb.jpg,cat\nc.jpg,-\nd.jpg,dog\n"
    listing = listed_table(tmp_path, "t.csv", text)
    said = [note for note in listing.understood.notes if "stands for none" in note]
    assert said == [
        "1 row has the class '-'; if it stands for none: --missing=-",
        "1 row has the class '?'; if it stands for none: --missing='?'",
    ]
    assert listed_table(tmp_path, "t.csv", text, missing=["?", "-"]).classes == ("cat", "dog")


def test_splits_of_which_some_are_not_chosen_are_refused_until_they_are_said(tmp_path):
    text = "UNASSIGNED,a.jpg,cat\nTRAIN,b.jpg,dog\nTEST,c.jpg,cat\nUNASSIGNED,d.jpg,dog\n"
    told = {"header": False, "label_column": ["3"]}
    with pytest.raises(DataError, match="say --split-column 1"):
        listed_table(tmp_path, "t.csv", text, **told)
    with pytest.raises(DataError, match=r"'UNASSIGNED' is no split.*--split-map UNASSIGNED=SPLIT"):
        listed_table(tmp_path, "t.csv", text, **told, split_column="1")
    listing = listed_table(
        tmp_path, "t.csv", text, **told, split_column="1", split_map="UNASSIGNED=train"
    )
    assert listing.splits.tolist() == [0, 0, 2, 0]


def test_the_findings_of_x_rays_are_the_labels(tmp_path):
    text = "Image Index,Finding Labels,y]\na.jpg,Effusion,0.1\nb.jpg,No Finding,0.1\n"
    assert listed_table(tmp_path, "t.csv", text).classes == ("Effusion", "No Finding")
    several = listed_table(tmp_path, "t.csv", text.replace("Effusion", "Effusion|Mass"))
    assert several.targets.names == ("Effusion", "Mass", "No Finding")
    assert several.targets.values.tolist() == [[1, 1, 0], [0, 0, 1]]


OFFERS = [
    ("filename,labels\na.jpg,cat dog\nb.jpg,cat\n", "labels", ""),
    ("filename,labels\na.jpg,cat|dog\nb.jpg,cat\n", None, ""),
    ('filename,labels\na.jpg,"[""c0""]"\nb.jpg,"[""c1""]"\n', None, ""),
    ("filename,labels\na.jpg,Cat dog\nb.jpg,cat dog\n", "labels", " --join-classes"),
    ("filename,target\na.jpg,3\nb.jpg,17\n", "target", ""),
    ("filename,target\na.jpg,0.03\nb.jpg,0.13\n", None, ""),
    ("filename,tag\na.jpg,0 2\nb.jpg,0\nc.jpg,2\n", None, ""),
    ("filename,label\na.jpg,0 2\nb.jpg,0\nc.jpg,2\n", "label", ""),
    ("filename,breed,class\na.jpg,0.5,1\nb.jpg,0.7,1\nc.jpg,0.1,2\n", "class", ""),
]


@pytest.mark.parametrize(("text", "column", "more"), OFFERS)
def test_a_column_is_offered_as_the_labels_only_where_it_can_be(tmp_path, text, column, more):
    try:
        listed_table(tmp_path, "t.csv", text)
    except DataError as error:
        found = re.findall(r"--label-column (\w+)( --join-classes)?", error.do)
        assert found == ([(column, more)] if column else [])
    if column:
        told = {"label_column": [column], "join_classes": bool(more) or None}
        assert listed_table(tmp_path, "t.csv", text, **told).classes


def test_all_files_that_stand_in_several_rows_are_said_at_once(tmp_path):
    rows = ["a.jpg,x", "b.jpg,y", "a.jpg,x", "c.jpg,x", "b.jpg,x", "a.jpg,y"]
    text = "\n".join(["filename,label", *rows])
    said = r"a\.jpg stands in lines 2, 4 and 7, b\.jpg in lines 3 and 6; 2 files in all, 3 rows"
    with pytest.raises(DataError, match=said):
        listed_table(tmp_path, "t.csv", text)
    text = "filename,label\n" + "".join(f"{i}.jpg,x\n" for i in range(9)) * 9
    with pytest.raises(
        DataError, match=r"0\.jpg stands in lines .*, \.\.\.; 9 files in all"
    ) as caught:
        listed_table(tmp_path, "t.csv", text)
    assert "5.jpg" not in caught.value.what


def test_a_class_of_which_no_file_is_there_is_said(tmp_path):
    text = "filename,label\na.jpg,x\nb.jpg,y\nc.jpg,x\nTotal,3\n"
    notes = listed_table(tmp_path, "t.csv", text).understood.notes
    assert "no file of the class 3 is there, so none can be learned" in notes
    notes = listed_table(tmp_path, "t.csv", text + "d.jpg,3\n").understood.notes
    assert not any("can be learned" in note for note in notes)
