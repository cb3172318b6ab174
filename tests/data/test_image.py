import os

import pytest

from bottleneck.core.errors import DataError
from bottleneck.data.catalog import open_source
from bottleneck.data.how import make_how
from bottleneck.data.image import ImageSource


def test_a_single_image_is_one_sample_without_a_label(plant):
    path = plant("cat/1.JPG", "cat/2.png") / "cat" / "1.JPG"
    source = open_source(str(path))
    listing = source.list()
    assert listing.keys.tolist() == [b"1.JPG"]
    assert (listing.labels.tolist(), listing.classes) == ([-1], ())
    assert source.read(0).content == path.read_bytes()
    assert source.name == "1.JPG"
    with pytest.raises(IndexError):
        source.read(1)


def test_an_image_may_be_a_link_and_be_called_anything(plant, tmp_path):
    root = plant("1.png")
    link = tmp_path / os.fsdecode(b"\xff\n.png")
    link.symlink_to(root / "1.png")
    source = ImageSource(link)
    assert source.list().keys.tolist() == [b"\xff\n.png"]
    assert source.read(0).content == (root / "1.png").read_bytes()


def test_an_image_that_is_not_there_or_a_pipe_or_excluded_is_a_data_error(tmp_path, plant):
    with pytest.raises(DataError, match=r"no such file.*x\.png"):
        open_source(str(tmp_path / "x.png")).list()
    os.mkfifo(tmp_path / "p.png")
    with pytest.raises(DataError, match=r"no regular file.*p\.png"):
        open_source(str(tmp_path / "p.png")).list()
    path = plant("1.png") / "1.png"
    with pytest.raises(DataError, match="no images are left"):
        ImageSource(path, make_how({"include": [], "exclude": ["*.png"]})).list()
