import pytest

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
