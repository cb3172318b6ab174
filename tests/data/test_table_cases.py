"""Tables as people have them: each is read as a person would, or refused with the way to say it."""

import os
import re
import shlex
from collections import Counter

import numpy as np
import pytest
from table_cases import CASES, NAMES, Case, image, labels, pixels, plant, smooth, table

from bottleneck import extract
from bottleneck._options import reading
from bottleneck.core.errors import DataError, UsageError
from bottleneck.core.sample import SPLITS
from bottleneck.data.catalog import open_source, reopen


def here(value, root):
    """Return what is told, below the folder of a test."""
    if isinstance(value, list):
        return [here(each, root) for each in value]
    return value.replace("ROOT", str(root)) if isinstance(value, str) else value


def opened(case, root):
    path = plant(case, root)
    if isinstance(case.text, str) and "ROOT" in case.text:
        path.write_text(case.text.replace("ROOT", str(root)))
    return open_source(str(path), {name: here(value, root) for name, value in case.told.items()})


def seen(source):
    listing = source.list()
    counts = Counter(listing.classes[i] for i in listing.labels if i >= 0)
    return listing, dict(counts)


@pytest.mark.parametrize("name", CASES)
def test_a_table_as_people_have_it_is_read_as_a_person_would(name, tmp_path):
    case = CASES[name]
    source = opened(case, tmp_path)
    if case.refused:
        with pytest.raises(DataError, match=case.refused) as caught:
            source.list()
        assert "\n" not in str(caught.value)
        assert caught.value.do
        return
    listing, counts = seen(source)
    assert counts == case.classes
    assert tuple(np.bincount(listing.splits, minlength=3).tolist()) == case.splits
    assert int((listing.labels < 0).sum()) == case.unlabelled
    if case.columns is not None:
        assert listing.understood.columns == case.columns
    assert re.search(case.says, "; ".join(listing.understood.notes))
    assert (listing.targets.names if listing.targets else ()) == case.targets
    assert listing.understood.missing.get("files", 0) == case.gone
    for i in range(len(listing) if not case.gone else 0):
        source.read(i)
    again = reopen(source.spec)
    assert again.spec == source.spec
    assert np.array_equal(again.list().labels, listing.labels)
    assert set(listing.understood.splits.values()) <= set(SPLITS)


_OPTION = r"--[a-z-]+(?: (?:'[^']*'|(?!--|if |for |and |or )[^\s;()',]+(?:,[^\s;()',]+)*))?"
_WAYS = re.compile(rf"(?<![a-z-]){_OPTION}(?: {_OPTION})*")


def ways_of(error):
    """Return the options that an error offers, each as a person would paste it."""
    found = (shlex.split(way) for way in _WAYS.findall(error.do))
    return [way for way in found if not re.search(r"\b(NAME|FOLDER|SPLIT)\b", " ".join(way))]


def complaint(source):
    """Return why a source cannot be listed; "" where it can."""
    try:
        source.list()
    except DataError as error:
        return str(error)
    return ""


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case.refused])
def test_what_a_refusal_offers_is_understood_when_it_is_pasted(name, tmp_path):
    case = CASES[name]
    source = opened(case, tmp_path)
    with pytest.raises(DataError) as caught:
        source.list()
    told = {key: here(value, tmp_path) for key, value in case.told.items()}
    for way in ways_of(caught.value):
        more = reading(extract.parser().parse_args(way))
        assert any(value not in (None, [], ()) for value in more.values()), way
        given = {key: value for key, value in more.items() if value not in (None, [], ())}
        again = complaint(open_source(str(source.path), {**told, **given}))
        assert again != str(caught.value), way
        assert "no column" not in again


def test_a_name_below_the_home_folder_is_found(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    source = opened(
        Case(text=table(row=lambda n: f"~/images/{n}.jpg,cat"), name="a/t.csv"), tmp_path
    )
    assert seen(source)[1] == {"cat": 24}
    assert source.read(3).content == image(3)


def test_the_pixels_of_a_color_table_are_those_that_numpy_reads(tmp_path):
    header = "label," + ",".join(f"pixel{i:04d}" for i in range(192))
    (tmp_path / "t.csv").write_text(pixels(header, 192, make=smooth))
    source = open_source(str(tmp_path / "t.csv"))
    source.list()
    planes = pixels(header, 192, make=lambda i: smooth(i).transpose(2, 0, 1))
    (tmp_path / "p.csv").write_text(planes)
    planar = open_source(str(tmp_path / "p.csv"), {"pixel_order": "planar"})
    planar.list()
    for i in range(24):
        assert np.array_equal(source.read(i).content, smooth(i))
        assert np.array_equal(planar.read(i).content, smooth(i))


def test_a_line_of_pixels_of_another_length_is_the_reason_of_its_line_alone(tmp_path):
    rows = [f"{i},{' '.join(['7'] * (16 if i != 2 else 15))}" for i in range(4)]
    (tmp_path / "t.csv").write_text("\n".join(["label,pixels", *rows]) + "\n")
    source = open_source(str(tmp_path / "t.csv"))
    assert len(source.list()) == 4
    assert source.read(3).content.tolist() == [[7] * 4] * 4
    with pytest.raises(OSError, match="line 4: 15 pixels"):
        source.read(2)


def test_a_folder_that_was_told_is_recorded_from_the_root_of_the_disk(tmp_path, monkeypatch):
    plant(Case(text=table("id,label", lambda n: f"{n},cat"), images="far/"), tmp_path)
    monkeypatch.chdir(tmp_path)
    source = open_source("t.csv", {"root": "far"})
    assert source.spec["root"] == [str(tmp_path / "far")]
    monkeypatch.chdir("/")
    assert len(reopen(source.spec).list()) == 24


def test_a_table_that_is_told_nothing_is_recorded_as_before(tmp_path):
    path = plant(Case(text=table()), tmp_path)
    spec = open_source(str(path)).spec
    assert spec == {"kind": "table", "where": str(path), "include": [], "exclude": []}


def test_python_and_the_command_line_record_one_spelling(tmp_path):
    path = plant(Case(text=table()), tmp_path)
    python = {"label_column": "label", "split_map": {0: "train", 1: "test"}, "root": tmp_path}
    line = {"label_column": ["label"], "split_map": "0=train,1=test", "root": [str(tmp_path)]}
    assert open_source(str(path), python).spec == open_source(str(path), line).spec


@pytest.mark.parametrize(
    "told", [{"split_map": "0=odd"}, {"encoding": "klingon"}, {"missing": 3}, {"header": "no"}]
)
def test_a_value_that_cannot_be_taken_is_wrong_usage(tmp_path, told):
    path = plant(Case(text=labels(["cat"])), tmp_path)
    with pytest.raises(UsageError):
        open_source(str(path), told).list()


def test_a_folder_is_listed_once_however_many_names_are_looked_for(tmp_path, monkeypatch):
    path = plant(Case(text=table("id,label", lambda n: f"images/{n},cat")), tmp_path)
    real, listed = os.scandir, Counter()

    def scandir(folder):
        listed[os.fsdecode(folder)] += 1
        return real(folder)

    monkeypatch.setattr(os, "scandir", scandir)
    assert len(open_source(str(path)).list()) == len(NAMES)
    assert listed[str(tmp_path / "images")] == 1


def test_names_in_another_unicode_form_are_one_file(tmp_path):
    composed, apart = "Hu\u0308ndchen.jpg", "H\u00fcndchen.jpg"
    case = Case(text=f"filename,label\n{apart},cat\n", files={composed: b""})
    source = open_source(str(plant(case, tmp_path)))
    assert seen(source)[1] == {"cat": 1}
    assert source.read(0).content == image(100)
