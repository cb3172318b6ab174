"""Each planted copy is the edit that it is said to be, and what is found is counted right."""

from collections import Counter

import numpy as np
import pytest
from PIL import Image
from planted_copies import EDITS, RIGHT, WRONG, counted, lines_of, plant

EACH = 2  # of each kind


@pytest.fixture(scope="module")
def planted(tmp_path_factory):
    """Smooth pictures of 32 x 24 pixels and their copies: both folders, edited → (kind, of)."""
    data = tmp_path_factory.mktemp("data")
    for split, n in (("train", 20), ("test", 3)):
        for i in range(n):
            coarse = np.random.default_rng(100 * n + i).integers(0, 256, (4, 5, 3)).astype("u1")
            file = data / split / "ab"[i % 2] / f"{i}.png"
            file.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(coarse).resize((32, 24), Image.Resampling.BICUBIC).save(file)
    folder = tmp_path_factory.mktemp("planted")
    return data, folder, plant(data, folder, EACH * len(EDITS), 0)


def of_kind(planted, kind):
    """Yield both files of each copy of a kind."""
    data, folder, copies = planted
    found = [(data / of, folder / key) for key, (name, of) in copies.items() if name == kind]
    assert len(found) == EACH
    return found


def pixels(file):
    with Image.open(file) as image:
        return np.asarray(image.convert("RGB"), float)


def test_all_images_are_copied_and_copies_of_train_come_into_test_under_their_class(planted):
    data, folder, copies = planted
    for image in data.rglob("*.png"):
        assert (folder / image.relative_to(data)).read_bytes() == image.read_bytes()
    assert len(list(folder.rglob("*.*"))) == 23 + len(copies)
    assert len({of for _, of in copies.values()}) == len(copies)
    for key, (_, of) in copies.items():
        assert (key.split("/")[:2], of.split("/")[0]) == (["test", of.split("/")[1]], "train")


def test_the_same_seed_plants_the_same(planted, tmp_path):
    data, folder, copies = planted
    assert plant(data, tmp_path, len(copies), 0) == copies
    assert all((tmp_path / key).read_bytes() == (folder / key).read_bytes() for key in copies)
    assert plant(data, tmp_path / "other", len(copies), 1) != copies


def test_saved_as_png_has_the_same_pixels_in_other_bytes(tmp_path):
    file = tmp_path / "train/a/0.jpg"
    file.parent.mkdir(parents=True)
    noise = np.random.default_rng(0).integers(0, 256, (16, 16, 3)).astype("u1")
    Image.fromarray(noise).save(file)
    (key,) = plant(tmp_path, tmp_path / "out", 1, 0)
    assert (tmp_path / "out" / key).read_bytes().startswith(b"\x89PNG")
    np.testing.assert_array_equal(pixels(tmp_path / "out" / key), pixels(file))


def test_jpeg_of_quality_50_has_the_tables_of_the_standard(planted):
    for of, copy in of_kind(planted, "JPEG, quality 50"):
        with Image.open(copy) as saved:
            # Annex K.1 of ITU T.81, its first row; quality 50 takes the tables as they are.
            assert saved.quantization[0][:8] == [16, 11, 10, 16, 24, 40, 51, 61]
            assert saved.size == (32, 24)
        assert 0 < np.abs(pixels(copy) - pixels(of)).mean() < 10


def test_mirrored_is_left_for_right(planted):
    for of, copy in of_kind(planted, "mirrored"):
        np.testing.assert_array_equal(pixels(copy), pixels(of)[:, ::-1])


def test_a_cut_is_nine_tenths_of_each_side_at_the_size_of_the_picture(planted):
    for of, copy in of_kind(planted, "cropped to 90 %"):
        picture = Image.fromarray(pixels(of).astype("u1"))
        cuts = [
            picture.crop((x, y, x + 29, y + 22)).resize((32, 24), Image.Resampling.BICUBIC)
            for x in range(4)
            for y in range(3)
        ]
        assert sum(np.array_equal(np.asarray(cut, float), pixels(copy)) for cut in cuts) == 1


def test_brighter_is_by_thirty_percent_up_to_white(planted):
    for of, copy in of_kind(planted, "brighter by 30 %"):
        np.testing.assert_allclose(pixels(copy), np.minimum(1.3 * pixels(of), 255), atol=1)


def test_half_the_size_is_what_four_pixels_have_in_the_mean(planted):
    for of, copy in of_kind(planted, "half the size"):
        mean = pixels(of).reshape(12, 2, 16, 2, 3).mean(axis=(1, 3))
        assert np.abs(pixels(copy) - mean).mean() < 3


def test_gray_is_the_luma_in_three_channels(planted):
    for of, copy in of_kind(planted, "gray"):
        luma = pixels(of) @ [0.299, 0.587, 0.114]
        np.testing.assert_allclose(pixels(copy), np.stack([luma] * 3, axis=2), atol=1)


def test_what_was_planted_is_found_where_it_is_in_the_group_of_its_original():
    planted = {
        "test/a/p0.png": ("gray", "train/a/0.png"),
        "test/a/p1.png": ("gray", "train/a/1.png"),
        "test/a/p2.png": ("mirrored", "train/a/2.png"),
        "test/a/p3.png": ("cropped to 90 %", "train/a/9.png"),
    }

    def group(*images):
        return {"images": [{"key": key, "same_as": what} for key, what in images]}

    groups = [
        group(("train/a/0.png", ""), ("test/a/p0.png", "whole"), ("train/b/5.png", "whole")),
        group(("train/a/1.png", ""), ("test/a/p2.png", "cut")),
        group(("train/a/2.png", ""), ("train/a/8.png", "cut")),
        group(("train/a/9.png", ""), ("test/a/p3.png", "cut")),
    ]
    verdicts = {
        frozenset(("train/a/0.png", "train/b/5.png")): RIGHT,
        frozenset(("train/a/1.png", "train/a/2.png")): WRONG,
    }
    count = counted(groups, planted, verdicts)
    assert count.made == {"gray": 2, "mirrored": 1, "cropped to 90 %": 1}
    assert +count.found == Counter({"gray": 1, "cropped to 90 %": 1})
    assert count.as_what == {"gray": Counter({"whole": 1}), "cropped to 90 %": Counter({"cut": 1})}
    assert (count.ways["whole"].planted, count.ways["whole"].precision) == (1, 1.0)
    assert (count.ways["cut"].planted, count.ways["cut"].precision) == (1, 0.5)
    assert count.ways["cut"].said == {WRONG: 1, "not looked at": 1}
    assert [said for *_, said in count.others] == [RIGHT, WRONG, "not looked at"]
    assert ["gray", 1, 2, "0.500", "whole 1"] in lines_of(count)
    assert ["all", 2, 4, "", ""] in lines_of(count)
