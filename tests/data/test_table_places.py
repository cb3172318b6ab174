"""Where the files of a table are when they are not where it says: what is offered, and works."""

import json
import re
import shlex

import pytest
from world import picture

from bottleneck.core.errors import DataError
from bottleneck.data.catalog import open_source


def photos(folder, *names):
    for i, name in enumerate(names):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        picture(folder / name, i)


def named(listing):
    names = [*listing.classes, None]
    return {
        k.decode(): names[n] for k, n in zip(listing.keys.tolist(), listing.labels, strict=True)
    }


def read_as_offered(path, told=None):
    """Return what is read with the --root that the refusal offers."""
    with pytest.raises(DataError) as caught:
        open_source(str(path), told).list()
    roots = re.findall(r"--root (\S+)", caught.value.do)
    assert roots
    roots = [shlex.split(root)[0] for root in roots]
    return roots, open_source(str(path), {**(told or {}), "root": roots}).list()


FILES = [f"{i:04x}-im{i}.jpg" for i in range(4)]


def task(i, *chosen, **more):
    results = [
        {"value": {"choices": [each] if isinstance(each, str) else each}, "from_name": "choice"}
        for each in chosen
    ]
    annotations = [{"id": i, "result": [result], "was_cancelled": False} for result in results]
    data = {"text": "a photo", "image": f"/data/upload/1/{FILES[i]}"}
    return {"id": i, "annotations": annotations, "data": data, "meta": {}} | more


def test_label_studios_tasks_are_images_with_what_was_chosen(tmp_path):
    photos(tmp_path / "media/upload/1", *FILES)
    skipped = {"result": [{"value": {"choices": ["Owl"]}}], "was_cancelled": True}
    tasks = [task(0, "Cat"), task(1, "Dog", "Dog"), task(2), task(3, annotations=[skipped])]
    (tmp_path / "p.json").write_text(json.dumps(tasks))
    roots, listing = read_as_offered(tmp_path / "p.json")
    assert roots == [str(tmp_path / "media")]
    keys = [f"/data/upload/1/{name}" for name in FILES]
    assert named(listing) == dict(zip(keys, ["Cat", "Dog", None, None], strict=True))
    assert not listing.understood.missing


@pytest.mark.parametrize(
    ("tasks", "what"),
    [
        (
            [task(0, "Cat"), task(1, "Cat", "Dog")],
            "task 2 has two annotations that chose otherwise",
        ),
    ],
)
def test_tasks_of_several_choices_are_refused(tmp_path, tasks, what):
    photos(tmp_path / "data/upload/1", *FILES)
    (tmp_path / "p.json").write_text(json.dumps(tasks))
    with pytest.raises(DataError, match=what):
        open_source(str(tmp_path / "p.json")).list()


def test_tasks_that_chose_several_things_have_several_labels(tmp_path):
    photos(tmp_path / "data/upload/1", *FILES)
    (tmp_path / "p.json").write_text(json.dumps([task(0, "Cat"), task(1, ["Cat", "Dog"])]))
    targets = open_source(str(tmp_path / "p.json")).list().targets
    assert (targets.kind, targets.names) == ("labels", ("Cat", "Dog"))
    assert targets.values.tolist() == [[1, 0], [1, 1]]


def test_label_studios_local_files_and_questions_are_columns(tmp_path):
    photos(tmp_path, *FILES)
    tasks = [task(i, "Cat", data={"image": f"/data/local-files/?d={FILES[i]}"}) for i in (0, 1)]
    for i, each in enumerate(tasks):
        more = {"value": {"choices": ["xy"[i]]}, "from_name": "side"}
        each["annotations"][0]["result"].append(more)
    (tmp_path / "p.json").write_text(json.dumps(tasks))
    listing = open_source(str(tmp_path / "p.json"), {"label_column": ["side"]}).list()
    assert named(listing) == {FILES[0]: "x", FILES[1]: "y"}


def test_the_folder_that_holds_the_ends_of_all_paths_is_offered(tmp_path):
    photos(tmp_path / "media/upload/1", *FILES)
    rows = [{"image": f"/data/upload/1/{n}", "id": i, "choice": "ab"[i % 2]}
            for i, n in enumerate(FILES)]  # fmt: skip
    (tmp_path / "min.json").write_text(json.dumps(rows))
    roots, listing = read_as_offered(tmp_path / "min.json", {"label_column": ["choice"]})
    assert len(roots) == 1
    assert listing.classes == ("a", "b")
    assert not listing.understood.missing


@pytest.mark.parametrize(
    ("table", "folder"),
    [("v/split/t.csv", "v"), ("v/sets/Main/t.csv", "v/JPEGImages"), ("v/a/t.csv", "v/b")],
)
def test_the_folder_around_or_beside_the_tables_is_offered(tmp_path, table, folder):
    photos(tmp_path / folder, "c/1.png", "c/2.png")
    (tmp_path / table).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / table).write_text("filename,label\nc/1.png,a\nc/2.png,b\n")
    roots, listing = read_as_offered(tmp_path / table)
    assert roots == [str(tmp_path / folder)]
    assert named(listing) == {"c/1.png": "a", "c/2.png": "b"}


def test_label_studios_address_of_a_local_file_is_that_file(tmp_path):
    photos(tmp_path, "imgs/a b.jpg", "imgs/c.jpg")
    names = ["/data/local-files/?d=imgs/a%20b.jpg", "/data/local-files/?d=imgs/c.jpg"]
    rows = [{"image": name, "label": "xy"[i]} for i, name in enumerate(names)]
    (tmp_path / "min.json").write_text(json.dumps(rows))
    listing = open_source(str(tmp_path / "min.json")).list()
    assert named(listing) == dict(zip(names, "xy", strict=True))
    assert not listing.understood.missing


def test_a_folder_that_only_holds_files_of_the_same_names_is_not_offered(tmp_path):
    photos(tmp_path / "test", "1.png", "2.png")
    (tmp_path / "t.csv").write_text("filename,label\ntrain/1.png,a\ntrain/2.png,b\n")
    with pytest.raises(DataError, match="2 of 2 files that it names are not there") as caught:
        open_source(str(tmp_path / "t.csv")).list()
    assert str(tmp_path / "test") not in caught.value.do


def test_numbers_that_lost_their_zeros_are_said(tmp_path):
    photos(tmp_path / "images", "000.png", "001.png", "002.png")
    (tmp_path / "t.csv").write_text("id,label\n0,a\n1,b\n2,a\n")
    with pytest.raises(DataError, match=r"000 is there: numbers have lost their zeros.*as text"):
        open_source(str(tmp_path / "t.csv"), {"root": [str(tmp_path / "images")]}).list()


def test_names_without_a_shared_folder_keep_their_first_letter(tmp_path):
    photos(tmp_path / "images", "a.png", "b.png")
    (tmp_path / "t.csv").write_text("filename,label\nxa.png,a\nyb.png,b\n")
    with pytest.raises(DataError, match="2 of 2 files that it names are not there"):
        open_source(str(tmp_path / "t.csv"), {"root": [str(tmp_path / "images")]}).list()
