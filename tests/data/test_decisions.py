"""Decisions about images: read from a table, and what samples are after them."""

import hashlib

import numpy as np
import pytest

from bottleneck.core.errors import BottleneckError, DataError
from bottleneck.core.sample import Samples, Targets, key_array
from bottleneck.core.text import cell, from_cell
from bottleneck.data.decisions import decide, read_decisions


def samples(keys, labels, digests=None, classes=("cat", "dog"), **more):
    n = len(keys)
    bytes_of = np.zeros((n, 32), np.uint8)
    bytes_of[:, 0] = range(n) if digests is None else digests
    return Samples(
        keys=key_array(keys), digests=bytes_of, known=np.ones(n, bool),
        labels=np.array(labels, np.int32), splits=np.zeros(n, np.uint8), classes=classes, **more,
    )  # fmt: skip


SOME = samples([b"a.png", b"b.png", b"c.png", b"d.png"], [0, 1, 0, -1])


def read(tmp_path, text, name="decisions.csv"):
    file = tmp_path / name
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_decisions(file)


def named(of):
    return [of.classes[label] if label >= 0 else None for label in of.labels]


def test_labels_are_those_that_were_given_and_the_rest_stays(tmp_path):
    told = read(
        tmp_path,
        "key,decision,label\na.png,relabel,dog\nb.png,drop,\nc.png,keep,\nd.png,relabel,ape\n",
    )
    found = decide(SOME, told, "photos")
    assert named(found.samples) == ["dog", "dog", "cat", "ape"]
    assert found.samples.classes == ("ape", "cat", "dog")
    assert found.dropped.tolist() == [False, True, False, False]
    assert found.settled.tolist() == [True, False, True, True]
    report = found.report
    assert (report["keep"], report["relabel"], report["drop"]) == (1, 2, 1)
    assert (report["new_classes"], report["not_found"]) == (["ape"], 0)
    assert report["sha256"] == hashlib.sha256((tmp_path / "decisions.csv").read_bytes()).hexdigest()
    assert named(SOME) == ["cat", "dog", "cat", None]  # which nobody changed


def test_a_class_goes_to_all_keys_of_an_image_and_a_drop_to_the_key_alone(tmp_path):
    some = samples([b"a", b"b", b"c", b"d"], [0, 0, 0, 1], digests=[7, 7, 7, 8])
    told = read(tmp_path, "key,decision,label\na,relabel,dog\nc,keep,\n")
    assert named(decide(some, told, "s").samples) == ["dog", "dog", "cat", "dog"]
    told = read(tmp_path, "key,decision,label\na,drop,\n")
    assert decide(some, told, "s").dropped.tolist() == [True, False, False, False]


def test_a_table_that_a_spreadsheet_saved_again_says_the_same(tmp_path):
    as_saved = "key,decision,label\na.png,relabel,dog\nb.png,drop,\n"
    plain = decide(SOME, read(tmp_path, as_saved), "s").samples
    for other in (
        as_saved.replace(",", ";"),
        as_saved.replace(",", "\t"),
        "\ufeff" + as_saved.replace("\n", "\r\n"),
        "Key,Decision,Label\na.png,Relabel, dog\nb.png,DROP,\n,,\n",
        "note,label,decision,key\nx,dog,relabel,a.png\n,,drop,b.png\n",
    ):
        found = decide(SOME, read(tmp_path, other), "s")
        assert found.samples.same_as(plain), other
        assert found.dropped.tolist() == [False, True, False, False]


@pytest.mark.parametrize("name", ["=1+1.png", "'=x.png", "-5", "@a", "'a", "plain", "\uff1dwide"])
def test_a_name_like_a_formula_is_found_again(tmp_path, name):
    assert from_cell(cell(name)) == name
    some = samples([name.encode()], [0])
    found = decide(some, read(tmp_path, f"key,decision\n{cell(name)},drop\n"), "s")
    assert found.dropped.tolist() == [True]


def test_a_name_that_does_not_print_is_found_as_people_are_shown_it(tmp_path):
    some = samples([b"a\xff\x1b.png"], [0])
    found = decide(some, read(tmp_path, "key,decision\na\\xff\\x1b.png,drop\n"), "s")
    assert found.dropped.tolist() == [True]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "an empty file"),
        ("key,label\na.png,dog\n", "no column decision: its first line is 'key,label'"),
        ("hello\n", "no column key or decision"),
        ("key,decision,label\na.png,delete,\n", "line 2 has the decision 'delete'"),
        ("key,decision,label\na.png,,\n", "line 2 has no decision"),
        ("key,decision,label\nb.png,keep,\na.png,relabel,\n", "line 3 relabels a.png, and says no"),
        ("key,decision\na.png,relabel\n", "line 2 relabels a.png, and says no class"),
        ("key,decision,label\na.png,keep,\na.png,drop,\n", "lines 2 and 3 decide differently"),
        ("key,decision,label\na.png,keep\n", "line 2 has 2 columns"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\0", "not text"),
        ("key,decision,label\n", "no decision in it"),
        ("key,decision,label\nx/a.png,drop,\n", "none of its 1 keys is an image of photos"),
    ],
)  # fmt: skip
def test_what_cannot_be_used_is_one_line_with_what_where_and_what_to_do(tmp_path, text, said):
    with pytest.raises(DataError, match="(?s)" + said.replace(".", r"\.")) as caught:
        decide(SOME, read(tmp_path, text), "photos")
    assert "decisions.csv" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert caught.value.exit_code == 3


def test_a_file_that_is_not_there_and_a_folder_are_said(tmp_path):
    for path, said in ((tmp_path / "no.csv", "no such file"), (tmp_path, "no regular file")):
        with pytest.raises(BottleneckError, match=said):
            read_decisions(path)


def test_the_same_line_twice_is_once(tmp_path):
    told = read(tmp_path, "key,decision\na.png,drop\na.png,drop\n")
    assert decide(SOME, told, "s").report["drop"] == 1


def test_of_other_keys_the_first_are_named(tmp_path):
    lines = "".join(f"other/{i}.png,drop\n" for i in range(30))
    found = decide(SOME, read(tmp_path, f"key,decision\na.png,drop\n{lines}"), "s").report
    assert (found["drop"], found["not_found"]) == (1, 30)
    assert found["not_found_keys"][:2] == ["other/0.png", "other/1.png"]
    assert len(found["not_found_keys"]) == 20


def test_numbers_have_no_class_but_can_be_dropped(tmp_path):
    numbers = Targets(values=np.ones((2, 1), np.float32), kind="numbers", names=("age",))
    some = samples([b"a.png", b"b.png"], [-1, -1], classes=(), targets=numbers)
    assert decide(some, read(tmp_path, "key,decision\na.png,drop\n"), "s").dropped.sum() == 1
    with pytest.raises(DataError, match="line 2 gives a class, and these targets are numbers"):
        decide(some, read(tmp_path, "key,decision,label\na.png,relabel,dog\n"), "s")


def test_unlabelled_images_get_their_first_classes(tmp_path):
    some = samples([b"a", b"b", b"c"], [-1, -1, -1], classes=())
    told = read(tmp_path, "key,decision,label\na,relabel,dog\nb,relabel,cat\n")
    assert named(decide(some, told, "s").samples) == ["dog", "cat", None]


def test_without_decisions_samples_are_themselves():
    found = decide(SOME, None, "s")
    assert found.samples is SOME
    assert not found.dropped.any()
    assert found.report is None
