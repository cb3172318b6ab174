"""Images handed over a few at a time: known by their bytes, listed by them, read where at hand."""

import os

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from world import picture

from bottleneck.core.digest import sample_digest
from bottleneck.core.errors import DataError, UsageError
from bottleneck.core.given import Given
from bottleneck.data.catalog import open_source, reopen
from bottleneck.data.collected import digests_of, items_of, keys_of, read_item
from bottleneck.data.scan import EMPTY, lookup, merged

PIXELS = np.random.default_rng(0).integers(0, 256, (5, 6, 4, 3), np.uint8)
DIGESTS = np.array([[*sample_digest(each)] for each in PIXELS], np.uint8)


def contents(images):
    return [sample_digest(read_item(item).content) for item in items_of(images)]


@pytest.fixture
def files(tmp_path):
    return [picture(tmp_path / f"{i}.png", i) for i in (3, 1, 2)]


def test_an_image_is_its_bytes_however_it_is_handed_over(files):
    expected = [sample_digest(path.read_bytes()) for path in files]
    texts = [str(path) for path in files]
    for images in (
        files, tuple(texts), iter(files), np.array(texts), np.array(files, object),
        pd.Series(texts), pd.DataFrame({"path": texts}), np.array(texts)[:, None],
    ):  # fmt: skip
        assert contents(images) == expected


def test_pixels_are_the_same_as_an_array_as_a_list_and_as_pictures():
    expected = [sample_digest(each) for each in PIXELS]
    pictures = [Image.fromarray(each) for each in PIXELS]
    for images in (PIXELS, [*PIXELS], pictures, [*PIXELS[:2], *pictures[2:]]):
        assert contents(images) == expected


def test_a_link_is_the_file_that_it_leads_to(files, tmp_path):
    link, folder = tmp_path / "link.png", tmp_path / "folder"
    link.symlink_to(files[0])
    folder.symlink_to(tmp_path)
    expected = sample_digest(files[0].read_bytes())
    assert contents([link, folder / files[0].name, folder / "link.png"]) == [expected] * 3


def test_files_and_pictures_may_stand_beside_each_other(files):
    found = contents([files[0], PIXELS[1]])
    assert found == [sample_digest(files[0].read_bytes()), sample_digest(PIXELS[1])]


@pytest.mark.parametrize(
    ("images", "message"),
    [
        ("a.png", "one image"),
        (Image.fromarray(PIXELS[0]), "one image"),
        (PIXELS / 255, "float64"),
        (np.zeros((3, 2), "U4"), "a table of shape"),
        ([PIXELS[0], 1.5], "image 1"),
        ([PIXELS[0], None], "image 1"),
    ],
)
def test_what_is_no_image_is_refused_and_named(images, message):
    with pytest.raises(DataError, match=message):
        items_of(images)


def source_of(digests, at_hand):
    return open_source(Given(images=at_hand, name="x", digests=lambda: digests))


def test_every_digest_is_listed_and_known_at_hand_or_not():
    source = source_of(DIGESTS[[2, 0, 2, 1]], {DIGESTS[0].tobytes(): PIXELS[0]})
    listing = source.list()
    assert listing.keys.tolist() == sorted(DIGESTS[i].tobytes().hex().encode() for i in (0, 1, 2))
    np.testing.assert_array_equal(digests_of(listing.keys), np.unique(DIGESTS[:3], axis=0))
    known = lookup(merged(EMPTY, listing.seen, listing), listing)
    assert known.known.all()
    np.testing.assert_array_equal(keys_of(known.digests), listing.keys)
    assert listing.classes == ()
    at_hand = [digests_of(listing.keys[i : i + 1])[0].tobytes() == DIGESTS[0].tobytes()
               for i in range(3)]  # fmt: skip
    assert listing.stats.any(axis=1).tolist() == at_hand
    for i, there in enumerate(at_hand):
        if there:
            np.testing.assert_array_equal(source.read(i).content, PIXELS[0])
        else:
            with pytest.raises(OSError, match="not at hand"):
                source.read(i)


def test_nothing_at_all_is_an_empty_list():
    assert len(source_of(DIGESTS[:0], {}).list()) == 0
    assert digests_of(keys_of(DIGESTS[:0])).shape == (0, 32)


def test_a_file_that_changed_after_it_was_hashed_is_not_taken_for_what_it_was(files):
    digest = sample_digest(files[0].read_bytes())
    source = source_of(np.array([[*digest]], np.uint8), {digest: os.fsencode(files[0])})
    source.list()
    assert sample_digest(source.read(0).content) == digest
    picture(files[0], 99)
    with pytest.raises(OSError, match="changed"):
        source.read(0)


def test_it_is_another_source_than_what_was_passed_at_once():
    one = source_of(DIGESTS, {})
    other = open_source(Given(images=PIXELS, name="x"))
    assert one.name == other.name == "x"
    assert one.spec != other.spec
    with pytest.raises(UsageError, match=r"cannot be opened again.*CachedFeatures"):
        reopen(one.spec)
