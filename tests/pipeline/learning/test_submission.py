"""Submissions: the columns, the rows and the spelling that somebody asked for, and nothing else."""

import csv
import shutil
from pathlib import Path

import numpy as np
import pytest
from world import picture

from bottleneck.core import console
from bottleneck.core.errors import DataError, UsageError
from bottleneck.heads.catalog import load_head
from bottleneck.pictures import plots
from bottleneck.pipeline.extraction.extract import extract
from bottleneck.pipeline.extraction.options import ExtractOptions
from bottleneck.pipeline.learning.predict import PredictOptions, predict, predictions
from bottleneck.pipeline.learning.train import TrainOptions, train
from bottleneck.pipeline.network.options import NetworkOptions
from bottleneck.predict import main as predict_main
from bottleneck.store.store import Store

NETWORK = NetworkOptions(backbone="resnet50", weights="random:0", size=(8, 8))


@pytest.fixture
def run(tmp_path, photos, numpy_network, monkeypatch):
    """A run on twelve images by the numpy network; four more without labels are in test/."""
    monkeypatch.setattr(plots, "can_draw", lambda: False)  # for speed
    monkeypatch.chdir(tmp_path)
    extract(ExtractOptions(cache=tmp_path / "store", data=str(photos), network=NETWORK))
    for i in range(4):
        picture(tmp_path / "test" / f"0{i}.png", 100 + i)
    return train(TrainOptions(cache=tmp_path / "store", run="first"))["run"]


def ask(run, *images, **options):
    columns = options.pop("columns", "")
    options = {
        "csv": Path("out.csv"),
        "columns": tuple(filter(None, columns.split(","))),
        **options,
    }
    return predict(PredictOptions(images=images or ("test",), run=run, **options))


def table(name="out.csv"):
    with Path(name).open(newline="") as file:
        return list(csv.reader(file))


def truth(run, names):
    """Return the probabilities (n, 2) of cat and dog of images of test/, from the store's rows."""
    extract(ExtractOptions(cache=Path("store"), data="test", source="test"))
    x, _, keys = Store.open("store").arrays("test")
    rows = load_head(run).predict(x)
    found = {bytes(key).decode(): row for key, row in zip(keys, rows, strict=True)}
    return np.array([found[f"{name}.png"] for name in names])


def test_a_label_is_the_class_that_is_most_probable_and_an_id_has_no_ending(run):
    report = ask(run, columns="id,label")
    header, *rows = table()
    assert header == ["id", "label"]
    assert [row[0] for row in rows] == ["00", "01", "02", "03"]
    best = truth(run, ["00", "01", "02", "03"]).argmax(1)
    assert [row[1] for row in rows] == [("cat", "dog")[i] for i in best]
    assert (report["rows"], report["columns"]) == (4, ["id", "label"])


@pytest.mark.parametrize(
    ("columns", "header", "of"),
    [
        ("id,*", ["id", "cat", "dog"], [0, 1]),
        ("id,dog,cat", ["id", "dog", "cat"], [1, 0]),
        ("id,is_dog=dog", ["id", "is_dog"], [1]),
    ],
)
def test_a_class_is_its_probability_under_its_name_or_another(run, columns, header, of):
    ask(run, columns=columns)
    found, *rows = table()
    assert found == header
    values = np.array([row[1:] for row in rows], np.float32)
    np.testing.assert_allclose(values, truth(run, [row[0] for row in rows])[:, of], atol=1e-6)


@pytest.mark.parametrize(
    ("columns", "ids"),
    [("id=name,label", ["00.png", "01.png"]), ("id=key,label", ["a/00.png", "b/01.png"])],
)
def test_an_id_may_be_the_file_s_name_or_its_key(run, columns, ids):
    picture(Path("more/a/00.png"), 7)
    picture(Path("more/b/01.png"), 8)
    ask(run, "more", columns=columns)
    assert [row[0] for row in table()[1:]] == ids


def test_two_images_of_one_id_are_refused_with_the_longer_spelling(run):
    picture(Path("more/a/00.png"), 7)
    picture(Path("more/b/00.png"), 8)
    with pytest.raises(DataError, match=r"two images of the id '00'.*id=name,… or id=key,…"):
        ask(run, "more", columns="id,label")
    assert not Path("out.csv").exists()
    ask(run, "more", columns="id=key,label")
    assert len(table()) == 3


@pytest.mark.parametrize("spelled", ["{}", "{}.png", "test/{}.png", "test/{}"])
def test_a_sample_says_which_in_which_order_and_how_they_are_spelled(run, spelled):
    ids = [spelled.format(name) for name in ("02", "00", "03")]
    Path("sample.csv").write_text("﻿image,label\r\n" + "".join(f"{i},cat\r\n" for i in ids), "utf-8")
    ask(run, like=Path("sample.csv"))
    header, *rows = table()
    assert header == ["image", "label"]
    assert [row[0] for row in rows] == ids
    best = truth(run, ["02", "00", "03"]).argmax(1)
    assert [row[1] for row in rows] == [("cat", "dog")[i] for i in best]


def test_a_sample_with_a_column_for_each_class_gets_probabilities_in_its_order(run):
    Path("sample.csv").write_text("id,dog,cat\n03,0.5,0.5\n01,0.5,0.5\n")
    ask(run, like=Path("sample.csv"))
    header, *rows = table()
    assert header == ["id", "dog", "cat"]
    values = np.array([row[1:] for row in rows], np.float32)
    np.testing.assert_allclose(values, truth(run, ["03", "01"])[:, ::-1], atol=1e-6)


def test_a_name_with_its_ending_is_not_taken_for_another_without_it(run):
    picture(Path("test/00.png.png"), 9)
    Path("sample.csv").write_text("id,label\n00.png,\n00.png.png,\n")
    ask(run, like=Path("sample.csv"), columns="id,label=cat")
    first, second = (float(row[1]) for row in table()[1:])
    expected = truth(run, ["00", "00.png"])[:, 0]
    np.testing.assert_allclose([first, second], expected, atol=1e-6)


def test_ids_without_an_image_are_counted_and_one_is_named(run):
    Path("sample.csv").write_text("id,label\n00,cat\n77,cat\n88,cat\n")
    with pytest.raises(DataError, match=r"2 of 3 ids have no image, such as 77: sample\.csv"):
        ask(run, like=Path("sample.csv"))


def test_an_id_that_is_several_images_is_refused_with_both(run):
    shutil.copytree("test", "other/test")
    Path("sample.csv").write_text("id,label\n00,cat\n")
    with pytest.raises(DataError, match=r"1 of 1 ids are several images.*other/test/00\.png"):
        ask(run, "test", "other/test", like=Path("sample.csv"))
    ask(run, "test", "test", like=Path("sample.csv"))  # the same path twice is one image
    assert len(table()) == 2


def test_images_that_the_sample_does_not_ask_for_are_said(run, capsys):
    Path("sample.csv").write_text("id,label\n00,cat\n")
    words = ["--run", run, "test", "--csv", "out.csv", "--like", "sample.csv"]
    assert console.run(predict_main, words) == 0
    said = capsys.readouterr()
    assert "3 of the images are not in sample.csv" in said.err
    assert said.out.splitlines()[-1] == "out.csv: 1 row of id,label"


@pytest.mark.parametrize("value", ["0.5", "1", "Cat"])
def test_a_value_that_is_no_class_is_asked_about_unless_the_columns_are_said(run, value):
    Path("sample.csv").write_text(f"id,label\n00,{value}\n01,\n")
    with pytest.raises(DataError, match=r"'label' is no class.*--columns id,label .*label=CLASS"):
        ask(run, like=Path("sample.csv"))
    ask(run, like=Path("sample.csv"), columns="id,label=dog")
    assert 0 < float(table()[1][1]) < 1


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ("id", "one column alone"),
        ("id,label,other", "'other' is no class"),
        ("id,label=bird", "'bird' is no class"),
        ("id,cat,bird", "'bird' is no class"),
        ("id,bird,cat", "'bird' is no class"),
        ("id,Cat", "'Cat' is no class"),  # a misspelled class, not a name for the predicted one
        ("id,cat,cat", "'cat' is there twice"),
        ("id=path,label", "'path' is no spelling of an id"),
    ],
)
def test_columns_that_cannot_be_meant_are_2(run, columns, said):
    with pytest.raises(UsageError, match=said):
        ask(run, columns=columns)
    assert not Path("out.csv").exists()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"", "no table"),
        (b"id,label\n", "no ids"),
        (b"id\n1\n", "one column"),
        (b"id,label\n1\n", "row 1 has 1 fields"),
        (b"\xff\xfe", "UTF-8"),
    ],
)
def test_a_sample_that_is_none_is_one_line(run, text, said):
    Path("sample.csv").write_bytes(text)
    with pytest.raises((DataError, UsageError), match=said):
        ask(run, like=Path("sample.csv"))


def test_columns_that_are_not_the_sample_s_are_2(run):
    Path("sample.csv").write_text("id,label\n00,cat\n")
    with pytest.raises(UsageError, match=r"not the columns of the sample.*it has id,label"):
        ask(run, like=Path("sample.csv"), columns="id,class")
    with pytest.raises(UsageError, match="no such file"):
        ask(run, like=Path("none.csv"))


def test_what_cannot_be_read_has_empty_fields_and_is_said(run, capsys):
    Path("test/01.png").write_bytes(b"not an image")
    words = ["--run", run, "test", "--csv", "out.csv", "--columns", "id,label,*"]
    assert console.run(predict_main, [*words, "--strict"]) == 3
    assert "1 of 4 images could not be used" in capsys.readouterr().err
    assert table()[2] == ["01", "", "", ""]
    assert all(table()[3])


def test_texts_are_the_very_ones_that_are_expected(run):
    Path("test/00.png").rename("test/-1+1.png")
    ask(run, columns="id,label")
    assert table()[1][0] == "-1+1"


def test_what_a_file_is_like_needs_a_file(run):
    for options in ({"columns": "id,label"}, {"like": Path("s.csv")}, {"force": True}):
        with pytest.raises(UsageError, match="name the file: --csv FILE"):
            ask(run, csv=None, **options)


def test_a_file_is_replaced_when_that_is_said_and_only_a_plain_one(run):
    Path("out.csv").write_text("old")
    with pytest.raises(UsageError, match="exists"):
        ask(run, columns="id,label")
    assert Path("out.csv").read_text() == "old"
    ask(run, columns="id,label", force=True)
    assert table()[0] == ["id", "label"]
    Path("link.csv").symlink_to("out.csv")
    Path("folder.csv").mkdir()
    for name in ("link.csv", "folder.csv"):
        with pytest.raises(UsageError, match="no plain file"):
            ask(run, csv=Path(name), force=True)


def test_a_file_that_may_be_replaced_stays_where_the_command_fails(run):
    Path("out.csv").write_text("old")
    with pytest.raises(DataError):
        ask(run, "nothing-here", columns="id,label", force=True)
    assert Path("out.csv").read_text() == "old"
    assert not list(Path().glob("tmp-*"))


def test_a_table_without_labels_names_the_images(run):
    Path("test.csv").write_text("id\n03\n01\n")
    ask(run, "test.csv", columns="id,label")
    assert [row[0] for row in table()[1:]] == ["01", "03"]


def test_the_report_has_as_many_classes_as_were_asked_for_whatever_the_file_has(run):
    report = ask(run, columns="id,*", top=1)
    assert {len(image["top"]) for image in report["images"]} == {1}
    assert len(table()[1]) == 3


@pytest.mark.parametrize(
    ("kind", "names", "said"),
    [
        ("labels", ("polar bear", "cat"), r"'polar bear' has one itself: .*--columns id,\*"),
        ("numbers", ("age", "size"), r"'answer' is none of the numbers: .*those are age, size"),
    ],
)
def test_one_column_for_what_it_cannot_hold_is_refused(run, kind, names, said):
    lines = [",".join(("filename", *names))]
    lines += [
        f"{p},{n % 2},{n % 3 > 0:d}" for n, p in enumerate(sorted(Path("photos").rglob("*.png")))
    ]
    Path("t.csv").write_text("\n".join(lines))
    reading = {"target_kind": kind, "label_column": names}
    extract(ExtractOptions(cache=Path("s"), data="t.csv", network=NETWORK, reading=reading))
    run = train(TrainOptions(cache=Path("s"), run="r"))["run"]
    with pytest.raises(UsageError, match=said):
        ask(run, columns="id,answer")


@pytest.mark.parametrize("kind", ["labels", "numbers"])
def test_labels_that_pass_have_blanks_between_and_a_number_is_itself(run, kind):
    names = ("soft", "small") if kind == "labels" else ("score",)
    lines = [",".join(("filename", *names))]
    for n, path in enumerate(sorted(Path("photos").rglob("*.png"))):
        values = (n % 2, n % 3 > 0) if kind == "labels" else (n / 7,)
        lines.append(",".join([str(path), *(str(float(value)) for value in values)]))
    Path("t.csv").write_text("\n".join(lines))
    reading = {"target_kind": kind, "label_column": names}
    extract(ExtractOptions(cache=Path("s"), data="t.csv", network=NETWORK, reading=reading))
    run = train(TrainOptions(cache=Path("s"), run="r"))["run"]
    found = predictions(PredictOptions(images=("test",), run=run))
    Path("sample.csv").write_text("id,answer\n00,\n01,\n02,\n03,\n")
    ask(run, like=Path("sample.csv"))
    answers = [row[1] for row in table()[1:]]
    if kind == "labels":
        passing = [
            " ".join(n for n, p in zip(names, row, strict=True) if p) for row in found.passes
        ]
        assert answers == passing
    else:
        np.testing.assert_array_equal(np.array(answers, np.float32), found.values[:, 0])
    ask(run, columns="id,*", force=True)
    values = np.array([row[1:] for row in table()[1:]], np.float32)
    np.testing.assert_array_equal(values, found.probabilities)


@pytest.mark.parametrize("delimiter", [";", "\t"])
def test_fields_stand_apart_as_in_the_sample(run, delimiter):
    Path("sample.csv").write_text(
        f"id{delimiter}label, or so\n02{delimiter}cat\n00{delimiter}cat\n"
    )
    ask(run, like=Path("sample.csv"))
    with Path("out.csv").open(newline="") as file:
        header, *rows = csv.reader(file, delimiter=delimiter)
    assert header == ["id", "label, or so"]
    best = truth(run, ["02", "00"]).argmax(1)
    assert rows == [[name, ("cat", "dog")[i]] for name, i in zip(["02", "00"], best, strict=True)]


@pytest.mark.parametrize(("columns", "first"), [("", "cat"), ("label,image", "00")])
def test_the_ids_may_be_in_any_column_that_holds_them_alone(run, columns, first):
    Path("sample.csv").write_text(f"label,image\n{first},03.png\ndog,01.png\n")
    ask(run, like=Path("sample.csv"), columns=columns)
    header, *rows = table()
    assert header == ["label", "image"]
    best = truth(run, ["03", "01"]).argmax(1)
    assert rows == [
        [("cat", "dog")[i], f"{name}.png"] for name, i in zip(["03", "01"], best, strict=True)
    ]


@pytest.mark.parametrize("columns", ["", "nr,id,label"])
@pytest.mark.parametrize("first", [0, 1])
def test_a_column_that_numbers_the_rows_goes_on_doing_so(run, columns, first):
    names = ["02", "00", "03"]
    lines = [f"{first + i};{name};cat\n" for i, name in enumerate(names)]
    Path("sample.csv").write_text("nr;id;label\n" + "".join(lines))
    ask(run, like=Path("sample.csv"), columns=columns)
    best = [("cat", "dog")[i] for i in truth(run, names).argmax(1)]
    lines = [f"{first + i};{name};{best[i]}\n" for i, name in enumerate(names)]
    assert Path("out.csv").read_text() == "nr;id;label\n" + "".join(lines)


def test_a_column_of_other_numbers_is_left_to_the_person(run):
    Path("sample.csv").write_text("nr;id;label\n7;02;cat\n9;00;cat\n8;03;cat\n")
    with pytest.raises(DataError, match=r"'nr' is no class, and holds '7'.*leave columns out"):
        ask(run, like=Path("sample.csv"))
    # One id without an image does not make another column that of the ids.
    Path("sample.csv").write_text("nr;id;label\n1;02;cat\n2;00;cat\n3;77;cat\n")
    with pytest.raises(DataError, match="1 of 3 ids have no image, such as 77"):
        ask(run, like=Path("sample.csv"))


@pytest.mark.parametrize("delimiter", ",;")
def test_a_sample_without_a_header_loses_no_id(run, delimiter):
    Path("sample.csv").write_text("02,cat\n00,cat\n03,cat\n".replace(",", delimiter))
    for columns in ("", "id,*"):
        with pytest.raises(DataError, match=r"no header: 02 is an image.*names of the columns"):
            ask(run, like=Path("sample.csv"), columns=columns)
    Path("test/00.png").rename("test/id.png")  # a header that is also an image's name
    Path("sample.csv").write_text("id,label\n02,cat\n03,cat\n".replace(",", delimiter))
    ask(run, like=Path("sample.csv"))
    assert len(Path("out.csv").read_text().splitlines()) == 3


def test_probabilities_stand_around_an_id_where_the_sample_has_them_so(run):
    Path("sample.csv").write_text("dog,id,cat\n0.5,03,0.5\n0.5,01,0.5\n")
    ask(run, like=Path("sample.csv"))
    header, *rows = table()
    assert (header, [row[1] for row in rows]) == (["dog", "id", "cat"], ["03", "01"])
    values = np.array([[row[2], row[0]] for row in rows], np.float32)
    np.testing.assert_allclose(values, truth(run, ["03", "01"]), atol=1e-6)
    # All classes, asked for by the command, stand behind the ids.
    ask(run, like=Path("sample.csv"), columns="id,*", force=True)
    assert [row[0] for row in table()] == ["id", "03", "01"]


def test_a_sample_without_any_image_is_judged_by_its_first_column(run):
    Path("sample.csv").write_text("label,image\ncat,77\ndog,88\n")
    with pytest.raises(
        DataError, match=r"no class, and holds '77'|2 of 2 ids have no image, such as cat"
    ):
        ask(run, like=Path("sample.csv"))


@pytest.mark.parametrize(
    ("field", "sign"),
    [
        ("soft|polar bear", "|"),
        ("soft; polar bear", ";"),
        ("polar bear", None),
        ("soft,small", ","),
    ],
)
def test_labels_stand_apart_as_in_the_sample(run, field, sign):
    names = ("soft", "small") if sign == "," else ("soft", "polar bear")
    lines = [",".join(("filename", *names))]
    for n, path in enumerate(sorted(Path("photos").rglob("*.png"))):
        lines.append(f"{path},{n % 2},{n % 3 > 0:d}")
    Path("t.csv").write_text("\n".join(lines))
    reading = {"target_kind": "labels", "label_column": names}
    extract(ExtractOptions(cache=Path("s"), data="t.csv", network=NETWORK, reading=reading))
    run = train(TrainOptions(cache=Path("s"), run="r"))["run"]
    Path("sample.csv").write_text(f'id,answer\n00,"{field}"\n01,soft\n02,\n03,\n')
    if sign is None:  # nothing says what stands between, and a blank is in a label
        with pytest.raises(UsageError, match="labels that pass stand with blanks between"):
            ask(run, like=Path("sample.csv"))
        return
    found = predictions(PredictOptions(images=("test",), run=run))
    ask(run, like=Path("sample.csv"))
    expected = [sign.join(n for n, p in zip(names, row, strict=True) if p) for row in found.passes]
    assert [row[1] for row in table()[1:]] == expected
    Path("sample.csv").write_text(f'id,answer\n00,"{field}"\n01,soft|tiger\n')
    with pytest.raises(DataError, match="'answer' is no class, and holds"):
        ask(run, like=Path("sample.csv"), force=True)
