import zipfile

import pytest

from bottleneck.data.catalog import open_source
from bottleneck.data.patterns import make_patterns


@pytest.mark.parametrize(
    ("pattern", "key", "kept"),
    [
        ("*.png", b"train/cat/1.png", True),
        ("*.png", b"train/cat/1.jpg", False),
        ("cat", b"train/cat/1.jpg", True),
        ("cat/", b"train/cat/1.jpg", True),
        ("cat", b"train/cats/1.jpg", False),
        ("Cat", b"train/cat/1.jpg", False),
        ("train/*", b"train/cat/1.jpg", True),
        ("train/*.jpg", b"train/cat/1.jpg", True),
        ("cat/*", b"train/cat/1.jpg", False),
        ("?.jpg", "train/é.jpg".encode(), True),
        ("[0-4]*", b"train/cat/3.jpg", True),
        ("*\n*", b"a/b\nc.jpg", True),
        ("\udcff.jpg", b"a/\xff.jpg", True),
    ],
)
def test_a_pattern_matches_the_whole_key_or_one_of_its_parts(pattern, key, kept):
    assert make_patterns([pattern], []).keeps(key) is kept
    assert make_patterns([], [pattern]).keeps(key) is not kept


def test_exclude_wins_over_include():
    assert not make_patterns(["*.png"], ["cat"]).keeps(b"cat/1.png")


def as_folder(root):
    return root


def as_zip(root):
    with zipfile.ZipFile(root.parent / "a.zip", "w") as archive:
        for file in root.rglob("*.png"):
            archive.write(file, file.relative_to(root))
    return root.parent / "a.zip"


def as_table(root):
    lines = [f"{file.relative_to(root)},x\n" for file in root.rglob("*.png")]
    (root / "t.csv").write_text("filename,label\n" + "".join(lines))
    return root / "t.csv"


@pytest.mark.parametrize("made", [as_folder, as_zip, as_table])
def test_a_pattern_that_matches_no_image_is_said(plant, made):
    data = made(plant("cat/1.png", "cat/2.png", "dog/1.png"))
    told = {"include": ["cat", "bird/*"], "exclude": ["cat/2.png", "*_mask.png"]}
    listing = open_source(str(data), told).list()
    assert listing.keys.tolist() == [b"cat/1.png"]
    assert [note for note in listing.understood.notes if "matches no image" in note] == [
        "--include 'bird/*' matches no image",
        "--exclude '*_mask.png' matches no image",
    ]
