"""Folders that divide files and are no classes; tables whose labels are none."""

import pytest
from world import picture

from bottleneck.core.errors import DataError
from bottleneck.data.catalog import open_source


@pytest.fixture
def folders(tmp_path):
    def make(*names):
        for i, name in enumerate(names):
            for j in range(2):
                picture(tmp_path / "x" / name / f"{j}.png", 10 * i + j)
        return str(tmp_path / "x")

    return make


DIVIDED = [
    ("HAM10000_images_part_1", "HAM10000_images_part_2"),
    ("images_001", "images_002", "images_003"),
    ("Part 1", "Part 2"),
    ("images_a", "images_b"),
    ("fold0", "fold1", "fold2"),
    ("trainA", "trainB", "testA", "testB"),
    ("train_cats", "train_dogs", "test_cats", "test_dogs"),
    ("bounding_box_train", "bounding_box_test", "query"),
    ("cat", "dog", "cat_test"),
    ("cat", "dog", "predictions"),
]


@pytest.mark.parametrize("names", DIVIDED, ids=" ".join)
def test_folders_that_divide_files_are_refused_with_both_ways(folders, names):
    data = folders(*names)
    with pytest.raises(DataError, match=r"(would be classes, but|may be splits).*--layout"):
        open_source(data).list()
    listing = open_source(data, {"layout": "{class}/*"}).list()
    assert len(listing.classes) == len(names)
    listing = open_source(data, {"layout": "{ignore}/*"}).list()
    assert listing.classes == ()


CLASSES = [
    ("0", "1", "2"),
    ("class0", "class1", "class2"),
    ("n01440764", "n01443537"),
    ("bullet_train", "car", "bus"),
    ("cat", "dog"),
    ("grade1", "grade2", "grade3"),
    ("test_tube", "beaker"),
]


@pytest.mark.parametrize("names", CLASSES, ids=" ".join)
def test_classes_with_numbers_or_split_words_in_their_names_stay_classes(folders, names):
    assert open_source(folders(*names)).list().classes == tuple(sorted(names))


@pytest.mark.parametrize(
    "told", [{"layout": "{ignore}/{class}/{ignore}/*"}, {"label_from": "(zzz)?"}]
)
def test_what_is_told_and_finds_no_class_is_refused(folders, told):
    with pytest.raises(DataError):
        open_source(folders("cat", "dog"), told).list()


@pytest.fixture
def table(tmp_path):
    def make(text, name="t.csv"):
        for i in range(8):
            picture(tmp_path / f"{i}.png", i)
        (tmp_path / name).write_text(text)
        return str(tmp_path / name)

    return make


def test_a_running_number_is_no_class_unless_its_column_is_named(table):
    data = table("".join(f"{i + 1} {i}.png\n" for i in range(8)), "images.txt")
    with pytest.raises(DataError, match=r"a label of its own.*--label-column"):
        open_source(data, {"header": False}).list()
    data = table("filename,label\n" + "".join(f"{i}.png,name{i}\n" for i in range(8)))
    with pytest.raises(DataError, match="a label of its own"):
        open_source(data).list()
    assert len(open_source(data, {"label_column": ("label",)}).list().classes) == 8


def test_all_of_a_table_can_be_test_and_a_map_without_a_column_is_refused(table):
    data = table("filename,label\n" + "".join(f"{i}.png,{'ab'[i % 2]}\n" for i in range(8)))
    assert set(open_source(data, {"split_map": "=test"}).list().splits.tolist()) == {2}
    with pytest.raises(DataError, match="no column says the split"):
        open_source(data, {"split_map": "0=train,1=test"}).list()


def test_every_row_of_json_says_which_columns_there_are(table):
    rows = [f'{{"file_name": "{i % 8}.png", "n": "{i}"}}' for i in range(8)]
    rows[7] = '{"file_name": "7.png", "split": "test"}'
    data = table("\n".join(rows), "t.jsonl")
    with pytest.raises(DataError, match="'split' is empty in 7"):
        open_source(data).list()


def test_pixels_that_are_sorted_by_class_do_not_give_their_last_pixel_as_label(table):
    lines = [f"{i // 40}," + ",".join(str((i * 7 + j) % 256) for j in range(16)) for i in range(80)]
    with pytest.raises(DataError, match="--label-column 1"):
        open_source(table("\n".join(lines)), {"header": False}).list()
    told = {"header": False, "label_column": ("1",)}
    listing = open_source(table("\n".join(lines)), told).list()
    assert listing.classes == ("0", "1")
