"""Search: the nearest images to one of the store, and to one that is not."""

import base64
import io
import json
import re
import shutil
import tarfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from world import picture, row_of, tree

from bottleneck.core.errors import DataError, UsageError
from bottleneck.pipeline.extraction.extract import extract
from bottleneck.pipeline.extraction.options import ExtractOptions
from bottleneck.pipeline.looking.search import SearchOptions, search
from bottleneck.pipeline.network.options import NetworkOptions
from bottleneck.search import main
from bottleneck.store.store import Store

NETWORK = NetworkOptions(backbone="resnet50", weights="random:0", size=(8, 8))


@pytest.fixture
def cache(tmp_path, photos, numpy_network):
    extract(ExtractOptions(cache=tmp_path / "store", data=str(photos), network=NETWORK))
    numpy_network.opened.clear()
    return tmp_path / "store"


def found(cache, *images, **more):
    return search(SearchOptions(cache=cache, images=tuple(map(str, images)), **more))


def by_hand(cache, row, source=None):
    """Return the keys of the store, the nearest first."""
    store = Store.open(cache)
    x, _, keys = store.arrays(source)
    x = np.asarray(x, "f8")
    centred, asked = x - x.mean(0), np.asarray(row, "f8") - x.mean(0)
    cosines = centred @ asked / np.linalg.norm(centred, axis=1) / np.linalg.norm(asked)
    order = np.argsort(-cosines)
    return [keys[i].decode() for i in order], cosines[order]


def test_an_image_of_the_store_is_searched_for_by_its_key_and_is_not_its_own_neighbour(
    cache, photos, numpy_network
):
    shutil.rmtree(photos)
    store = Store.open(cache)
    x, _, keys = store.arrays()
    report = found(cache, "cat/01.png", top=5)
    wanted, cosines = by_hand(cache, x[keys.tolist().index(b"cat/01.png")])
    near = report["images"][0]["nearest"]
    assert [one["key"] for one in near] == wanted[1:6]
    np.testing.assert_allclose([one["cosine"] for one in near], cosines[1:6], atol=2e-3)
    assert near[0]["class"] == near[0]["key"].split("/")[0]
    assert report["computed"] == 0
    assert not numpy_network.opened


def test_another_image_is_computed_as_the_store_would_and_nothing_is_written(
    cache, tmp_path, numpy_network
):
    from PIL import Image

    new = picture(tmp_path / "new" / "x.png", 77)
    before = tree(cache)
    report = found(cache, new, top=3)
    pixels = np.asarray(Image.open(new).resize((8, 8), Image.Resampling.BILINEAR))
    wanted, _ = by_hand(cache, row_of(pixels))
    assert [one["key"] for one in report["images"][0]["nearest"]] == wanted[:3]
    assert report["computed"] == 1
    assert tree(cache) == before


def test_a_file_whose_content_the_store_has_is_not_computed_and_its_own_entry_is_first(
    cache, photos, tmp_path, numpy_network
):
    shutil.copy(photos / "cat" / "03.png", tmp_path / "copy.png")
    near = found(cache, tmp_path / "copy.png")["images"][0]["nearest"]
    assert near[0]["key"] == "cat/03.png"
    assert near[0]["same_bytes"]
    assert near[0]["cosine"] == pytest.approx(1, abs=1e-3)
    assert len(near) == 12
    assert not numpy_network.opened


def test_a_row_of_another_source_of_the_store_is_not_computed_again(cache, tmp_path, numpy_network):
    other = picture(tmp_path / "other" / "x.png", 55)
    extract(ExtractOptions(cache=cache, data=str(tmp_path / "other"), network=NETWORK))
    numpy_network.opened.clear()
    report = found(cache, other, source="photos", top=3)
    wanted, _ = by_hand(cache, Store.open(cache).features("other")[0], "photos")
    assert [one["key"] for one in report["images"][0]["nearest"]] == wanted[:3]
    assert report["computed"] == 0
    assert not numpy_network.opened


def test_several_are_answered_in_their_order_and_what_is_no_image_has_a_reason(
    cache, photos, tmp_path, capsys
):
    (tmp_path / "bad.png").write_bytes(b"no image")
    report = found(cache, "dog/02.png", tmp_path / "bad.png", tmp_path / "none.png", "cat/01.png")
    assert [image["error"] is None for image in report["images"]] == [True, False, False, True]
    assert report["unusable"] == 2
    words = ["--cache", str(cache), "dog/02.png", str(tmp_path / "bad.png"), "--top", "2"]
    assert main(words) == 0
    out = capsys.readouterr().out
    assert "nearest to dog/02.png" in out
    assert "bad.png: cannot be used" in out
    assert main([*words, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["verb"] == "search"


def test_of_no_image_at_all_it_is_refused(cache, tmp_path):
    with pytest.raises(DataError, match="none of 2 images can be used"):
        found(cache, tmp_path / "none.png", tmp_path / "neither.png")


def pictures_on(text):
    """Return the pictures (n, h, w, 3) of a page, in order."""
    found = re.findall(r"data:image/png;base64,([^\"]+)", text)
    return [
        np.asarray(Image.open(io.BytesIO(base64.b64decode(one))).convert("RGB")) for one in found
    ]


def test_the_page_has_what_was_searched_for_and_the_nearest(cache, photos, tmp_path):
    page, other = tmp_path / "found.html", picture(tmp_path / "other.png", 3)
    report = found(cache, "dog/02.png", other, tmp_path / "none.png", top=3, page=page)
    text = page.read_text()
    assert "nearest to dog/02.png" in text
    assert f"Cannot be used: {tmp_path / 'none.png'}: no such file." in text
    files = []
    for answer, searched in zip(report["images"], (photos / "dog/02.png", other), strict=False):
        files += [searched, *(photos / near["key"] for near in answer["nearest"])]
    wanted = [np.asarray(Image.open(file).convert("RGB")) for file in files]
    shown = pictures_on(text)
    assert len(shown) == len(wanted) == 8
    for one, file in zip(shown, wanted, strict=True):
        np.testing.assert_array_equal(one, file)
    with pytest.raises(UsageError, match="exists"):
        found(cache, "dog/02.png", page=page)
    with pytest.raises(UsageError, match="a page is HTML"):
        found(cache, "dog/02.png", page=tmp_path / "found.txt")


def test_the_page_shows_what_was_searched_for_whatever_it_is_called(
    cache, photos, tmp_path, monkeypatch
):
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    files = [
        picture(Path("dog/02.png"), 71),  # named as an image of the store is
        picture(Path("two\nlines.png"), 72),
        picture(Path("packed.png"), 73),
    ]
    with tarfile.open("some.tar", "w") as archive:
        archive.add("packed.png")
    report = found(cache, "dog", "two\nlines.png", "some.tar", top=1, page=tmp_path / "p.html")
    assert report["images"][0]["image"] == "dog/02.png"
    shown = pictures_on((tmp_path / "p.html").read_text())
    assert len(shown) == 6  # each with its nearest
    for one, file in zip(shown[::2], files, strict=True):
        np.testing.assert_array_equal(one, np.asarray(Image.open(file)))


def test_the_page_without_the_source_has_no_pictures_and_says_so(cache, photos, tmp_path):
    shutil.rmtree(photos)
    assert main(["--cache", str(cache), "dog/02.png", "--page", str(tmp_path / "p.html")]) == 0
    text = (tmp_path / "p.html").read_text()
    assert "The source is not at hand, so its images have no pictures." in text
    assert not pictures_on(text)


def test_one_image_that_cannot_be_used_is_one_line(cache, tmp_path):
    (tmp_path / "bad.png").write_bytes(b"no image")
    with pytest.raises(DataError, match=r"^not an image of a format that is read here") as caught:
        found(cache, tmp_path / "bad.png")
    assert str(tmp_path / "bad.png") in str(caught.value)
    assert "\n" not in str(caught.value)
