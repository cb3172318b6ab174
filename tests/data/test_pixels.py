import os

import numpy as np
import pytest

from bottleneck.core.errors import DataError
from bottleneck.data.catalog import open_source


@pytest.fixture
def write(tmp_path):
    def make(text, name="t.csv"):
        (tmp_path / name).write_text(text)
        return open_source(str(tmp_path / name))

    return make


def table(pixels, labels=None, *, names=None, order=slice(None)):
    names = names or [f"pixel{i}" for i in range(pixels.shape[1])]
    rows = [names, *pixels.tolist()]
    columns = [rows]
    if labels is not None:
        columns.insert(0, [["label"], *([label] for label in labels)])
    columns = columns[order]
    lines = [[str(v) for part in line for v in part] for line in zip(*columns, strict=True)]
    return "\n".join(map(",".join, lines)) + "\n"


PIXELS = np.random.default_rng(0).integers(0, 256, (9, 64))


@pytest.mark.parametrize("order", [slice(None), slice(None, None, -1)])
def test_a_line_is_a_square_gray_image_with_the_pixels_that_numpy_reads(write, tmp_path, order):
    source = write(table(PIXELS, range(9), order=order))
    listing = source.list()
    skip = {"skiprows": 1, "delimiter": ",", "ndmin": 2}
    columns = range(1, 65) if order == slice(None) else range(64)
    oracle = np.loadtxt(tmp_path / "t.csv", usecols=columns, **skip).astype(np.uint8)
    assert listing.classes == tuple("012345678")
    for i in range(9):
        assert np.array_equal(source.read(i).content, oracle[i].reshape(8, 8))
        assert listing.classes[listing.labels[i]] == str(i)
    assert listing.keys.tolist()[:2] == [b"00000002", b"00000003"]  # the numbers of their lines


def test_numbers_from_one_names_with_two_numbers_quotes_and_whole_floats_are_read(write):
    names = [f"pixel_{i // 8}_{i % 8}" for i in range(64)]
    source = write(table(PIXELS.astype(float), names=names))
    source.list()
    assert np.array_equal(source.read(3).content, PIXELS[3].reshape(8, 8))
    text = table(PIXELS, names=[f"pixel{i}" for i in range(1, 65)])
    source = write("\r\n".join(",".join(f'"{v}"' for v in t.split(",")) for t in text.split()))
    source.list()
    assert np.array_equal(source.read(8).content, PIXELS[8].reshape(8, 8))


def test_without_a_label_column_there_are_no_labels_and_a_split_column_counts(write):
    text = table(PIXELS).splitlines()
    text = [text[0] + ",split", *(line + ",test" for line in text[1:])]
    listing = write("\n".join(text)).list()
    assert set(listing.labels.tolist()) == {-1}
    assert set(listing.splits.tolist()) == {2}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (table(PIXELS[:, :63]), "63 columns of pixels, pixel0 to pixel62, are no square"),
        ("label,pixel1,pixel0,pixel2,pixel3\n1,2,3,4,5\n", "are no square"),
        ("label,pixel,pixels,pixel_a,pixel_b\n1,2,3,4,5\n", "are no square"),
        ("pixel0,target\n3,5\n4,17\n", "'target': regression"),
        ("label,pixel0\n0.5,3\n", "'label' holds numbers such as 0.5: regression"),
        ("label,pixel0\n1,2,3\n", "line 2 has 3 columns, the first line 2"),
        ("label,pixel0\n", "no images"),
        ("label,pixel0,split\n1,2,x\n", "'x' is no split"),
    ],
)
def test_what_is_wrong_in_the_columns_is_one_line(write, text, says):
    with pytest.raises(DataError, match=says):
        write(text).list()


@pytest.mark.parametrize("value", ["256", "-1", "0.5", "nan", "x", "", "1e9", "inf"])
def test_a_pixel_that_is_no_gray_value_is_the_reason_of_its_line_alone(write, value):
    source = write(f"label,pixel0\n1,7\n1,{value}\n")
    source.list()
    assert source.read(0).content.tolist() == [[7]]
    with pytest.raises(OSError, match="line 3: pixels must be whole numbers from 0 to 255"):
        source.read(1)


def test_a_table_that_changes_after_listing_gives_no_image(write, tmp_path):
    source = write(table(PIXELS))
    source.list()
    os.utime(tmp_path / "t.csv", ns=(1, 1))
    with pytest.raises(OSError, match="changed after it was listed"):
        source.read(0)
