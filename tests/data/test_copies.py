"""Folders that hold the same names as the one around them are compared, in folders and archives."""

import zipfile

import pytest

from bottleneck.core.errors import DataError
from bottleneck.data import copies
from bottleneck.data.catalog import open_source

NAMES = [f"{name}/{i}.png" for name in ("a", "b") for i in range(12)]


@pytest.fixture
def twice(plant, draw):
    """Plant a folder and one in it of the same name, whose images `change` makes others."""

    def make(change=lambda name, content: content, names=NAMES):
        outer = {f"x/{name}": draw(seed=i) for i, name in enumerate(NAMES)}
        inner = {f"x/x/{n}": change(n, outer[f"x/{n}"]) for n in names}
        return plant(**outer, **inner)

    return make


def refusal(path):
    with pytest.raises(DataError) as caught:
        open_source(str(path)).list()
    return caught.value.what, caught.value.do


def test_a_copy_is_said_to_be_one_and_there_is_one_way_to_leave_it_out(twice):
    what, do = refusal(twice())
    assert what == (
        "x/x/ holds a, b, and so does the folder around it: a copy, by the names of all 24 images "
        "and the bytes of the 12 that were compared"
    )
    assert do == "say which is meant: --exclude 'x/x/*' (train 24; 2 classes: a, b)"


def test_a_copy_in_an_archive_is_seen_as_well(twice, tmp_path):
    root = twice()
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        for file in root.rglob("*.png"):
            archive.write(file, file.relative_to(root))
    what, do = refusal(tmp_path / "x.zip")
    assert "a copy, by the names of all 24 images" in what
    assert do == "say which is meant: --exclude 'x/*' (train 24; 2 classes: a, b)"


def test_few_images_are_all_compared(twice, monkeypatch):
    monkeypatch.setattr(copies, "MOST_COMPARED", 24)
    assert "and the bytes of all" in refusal(twice())[0]


def test_other_bytes_under_the_same_names_are_no_copy(twice):
    what, do = refusal(twice(lambda name, content: content + b"\0" * name.startswith("b")))
    assert "all names of its 24 images are there too, with the same bytes in 6 of 12" in what
    assert "--exclude 'x/x/*'" in do
    assert "--include 'x/x/*'" in do


def test_other_names_are_counted(twice):
    what, do = refusal(twice(names=NAMES[3:]))
    assert "a copy, by the names of all 21" in what
    assert "--include" not in do


def test_some_of_the_names_are_no_copy(twice, draw):
    root = twice(names=NAMES[3:])
    (root / "x" / "x" / "a" / "new.png").write_bytes(draw(seed=99))
    what, do = refusal(root)
    assert "21 of its 22 images are there under the same names" in what
    assert "--include 'x/x/*'" in do


def test_an_image_that_cannot_be_read_leaves_it_open(twice, monkeypatch):
    from bottleneck.data.confined import Confined

    def read(self, key):
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(Confined, "read", read)
    what, _ = refusal(twice())
    assert what.endswith("all names of its 24 images are there too")
