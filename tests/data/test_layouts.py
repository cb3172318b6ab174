"""How folders lie on people's disks: what each is read as, or that it is refused, and how."""

import os
import re
from pathlib import Path

import numpy as np
import pytest
from layout_cases import READ, REFUSED, lay_in, page_row, reading, table, ways_in, words

from bottleneck.core.errors import DataError, UsageError
from bottleneck.data.folder import FolderSource
from bottleneck.data.how import make_how
from bottleneck.data.options import IN_FOLDERS


@pytest.fixture
def lay(plant):
    """Put two images into each of these folders; return the root."""
    return lambda text: lay_in(plant, text)


@pytest.mark.parametrize("folders", READ)
def test_a_layout_that_can_only_mean_one_thing_is_read_as_that(lay, folders):
    expected, layout = READ[folders]
    root = lay(folders)
    listing = FolderSource(root).list()
    assert table(listing) == words(expected)
    assert listing.understood.layout == layout


@pytest.mark.parametrize("folders", READ)
def test_the_layout_that_is_said_of_it_reads_it_in_the_same_way(lay, folders):
    root = lay(folders)
    by_itself = FolderSource(root).list()
    told = make_how({"layout": by_itself.understood.layout}, IN_FOLDERS)
    if not any(
        part in folders for part in ("seg_pred", "asl", "val/images", "unsup", "Unlabeled")
    ):  # wrappers that not every split has; a class that is none
        assert table(FolderSource(root, told).list()) == table(by_itself)


@pytest.mark.parametrize("folders", REFUSED)
def test_a_layout_that_can_mean_two_things_is_refused_with_the_way_to_say_it(lay, folders):
    what, way = REFUSED[folders]
    with pytest.raises(DataError) as caught:
        FolderSource(lay(folders)).list()
    assert what in caught.value.what
    assert way in caught.value.do


@pytest.mark.parametrize("folders", REFUSED)
def test_each_way_out_that_a_refusal_names_is_one(lay, folders):
    root = lay(folders)
    with pytest.raises(DataError) as caught:
        FolderSource(root).list()
    readings = [
        reading(FolderSource(root, make_how(told, IN_FOLDERS)).list())
        for told in ways_in(caught.value.do)
    ]
    assert readings
    assert len(set(readings)) == len(readings)


OFFERED = [
    ("{train,test}/{000,001}/{00,01}", "{split}/{class}/{class}/*",
     words("train:000/00,000/01,001/00,001/01 test:000/00,000/01,001/00,001/01"), None),
    ("{000,001}/{00,01}", "{class}/{class}/*", words("train:000/00,000/01,001/00,001/01"), None),
    ("{pos,neg}/{P01,P02}", "{class}/{group}/*", {"train pos": 4, "train neg": 4}, ("P01", "P02")),
    ("pos/{P01,P02} neg/{P03,P04}", "{class}/{group}/*", {"train pos": 4, "train neg": 4},
     ("P01", "P02", "P03", "P04")),
    ("{train,test}/{pos,neg}/{P01,P02}", "{split}/{class}/{group}/*",
     {"train pos": 4, "train neg": 4, "test pos": 4, "test neg": 4}, ("P01", "P02")),
]  # fmt: skip


@pytest.mark.parametrize(("folders", "layout", "expected", "groups"), OFFERED)
def test_classes_of_two_levels_and_what_belongs_together_are_offered(
    lay, folders, layout, expected, groups
):
    root = lay(folders)
    with pytest.raises(DataError) as caught:
        FolderSource(root).list()
    assert layout in [way.get("layout") for way in ways_in(caught.value.do)]
    listing = FolderSource(root, make_how({"layout": layout}, IN_FOLDERS)).list()
    assert table(listing) == expected
    assert (listing.groups and listing.groups.names) == groups


@pytest.mark.parametrize(
    ("folders", "told"),
    [
        ("{train,test}/{a,b} unlabeled lena", ["lena/*"]),
        ("{train,test}/{a,b} query/{a,b}", ["query/*"]),
        ("{entrenamiento,validation}/{a,b}", None),  # train would be left out
    ],
)
def test_no_more_is_left_out_than_need_be(lay, folders, told):
    with pytest.raises(DataError) as caught:
        FolderSource(lay(folders)).list()
    excluded = [way["exclude"] for way in ways_in(caught.value.do) if way["exclude"]]
    assert excluded == ([told] if told else [])


@pytest.mark.parametrize(
    ("folders", "note"),
    [
        ("train/{000,001}/{00,01} test", "000/00 and 001/00 are one class"),
        ("{p,q}/{a,b}", "p/a and q/a are one class"),
        ("pos/{P01,P02} neg/{P03,P04}", None),
    ],
)
def test_a_way_that_puts_folders_together_says_so(lay, folders, note):
    with pytest.raises(DataError) as caught:
        FolderSource(lay(folders)).list()
    found = re.findall(r"; (\S+ and \S+ are one class)\)", caught.value.do)
    assert found == ([note] if note else [])


@pytest.mark.parametrize(
    ("folders", "told", "expected"),
    [
        ("{data,test}/{a,b}", "data=train", words("train:a,b test:a,b")),
        ("{photos,val,test}/{a,b}", "photos=train", words("train:a,b val:a,b test:a,b")),
        ("x/{data,test}/{a,b}", "data=train", words("train:a,b test:a,b")),
        ("{train,more}/{a,b}", None, None),
        ("{a,b,test}", None, None),
    ],
)
def test_the_one_folder_beside_val_or_test_may_be_train(lay, folders, told, expected):
    root = lay(folders)
    with pytest.raises(DataError) as caught:
        FolderSource(root).list()
    maps = [way["split_map"] for way in ways_in(caught.value.do) if "split_map" in way]
    assert maps == ([told] if told else [])
    if told:
        assert (
            table(FolderSource(root, make_how({"split_map": told}, IN_FOLDERS)).list()) == expected
        )


@pytest.mark.parametrize(
    ("folders", "wrong"),
    [
        ("{train_images,train_masks,test_images}", "--layout"),
        ("{train,test}/{bus,car,train}", "--exclude"),
        ("train/x/{cat,dog} test/{cat,dog}", "--exclude"),
    ],
)
def test_a_way_that_reads_them_wrongly_is_not_offered(lay, folders, wrong):
    with pytest.raises(DataError) as caught:
        FolderSource(lay(folders)).list()
    assert wrong not in caught.value.do


TOLD = [
    ("{amazon,webcam}/{mug,pen}", "{ignore}/{class}/*", {"train mug": 4, "train pen": 4}),
    ("{x,y}/{train,test}/{a,b}", "{class}/{split}/{class}/*",
     words("train:x/a,x/b,y/a,y/b test:x/a,x/b,y/a,y/b")),
    ("{car,train}", "{class}/*", words("train:car,train")),
    ("{p,q}/r/{a,b}", "**/{class}/*", {"train a": 4, "train b": 4}),
    ("fold_train/{a,b} other_test/{a,b}", "*_*/{class}/*", {"train a": 4, "train b": 4}),
    ("fold_train/{a,b} other_test/{a,b}", "{split}/{class}/*", words("train:a,b test:a,b")),
    ("{train,test}/{a,b} test", "{split}/{class}/*", words("train:a,b test:a,b,-")),
    ("{a,b}", "{split=test}/{class}/*", words("test:a,b")),
    ("{train,test}/{a,b}", "{split=val}/{ignore}/{class}/*", {"val a": 4, "val b": 4}),
    ("{hot_dog,cat}_{train,test}", "{class}_{split}/*",
     words("train:hot_dog,cat test:hot_dog,cat")),
    ("x/{train,val}-{hot-dog,cat}", "x/{split}-{class}/*",
     words("train:hot-dog,cat val:hot-dog,cat")),
    ("{train,test}/{a,b} unlabeled/a", "{split}/{class}/*", words("train:a,b,- test:a,b")),
    ("{a,b}_photos", "{class}_photos/*", words("train:a,b")),
]  # fmt: skip


@pytest.mark.parametrize(("folders", "layout", "expected"), TOLD)
def test_a_layout_that_is_told_is_what_counts(lay, folders, layout, expected):
    listing = FolderSource(lay(folders), make_how({"layout": layout}, IN_FOLDERS)).list()
    assert table(listing) == expected


def test_groups_are_read_from_the_layout_or_by_an_expression(lay):
    root = lay("{p1,p2}/{a,b}")
    by_layout = FolderSource(root, make_how({"layout": "{group}/{class}/*"}, IN_FOLDERS)).list()
    told = {"layout": "{ignore}/{class}/*", "group_by": r"^p(\d)"}
    by_regex = FolderSource(root, make_how(told, IN_FOLDERS)).list()
    assert by_layout.groups.names == ("p1", "p2")
    assert by_regex.groups.names == ("1", "2")
    assert by_layout.groups.numbers.tolist() == by_regex.groups.numbers.tolist()
    assert by_layout.groups.numbers.tolist() == [0] * 4 + [1] * 4


def test_a_layout_that_does_not_fit_is_refused_and_one_that_is_none_is_wrong_usage(lay):
    root = lay("{a,b}")
    with pytest.raises(DataError, match="makes a a split"):
        FolderSource(root, make_how({"layout": "{split}/*"}, IN_FOLDERS)).list()
    with pytest.raises(DataError, match="do not lie as --layout"):
        FolderSource(root, make_how({"layout": "x/{class}/*"}, IN_FOLDERS)).list()
    wrongs = ["{class}", "{klass}/*", "{split}/{split}/*", "", "{split=all}/*", "{class}{split}/*"]
    wrongs += ["{split=test}/{split}/*", "{group}/{group}/*", "{split=test}_{class}/*"]
    for wrong in wrongs:
        with pytest.raises(UsageError, match="--layout"):
            make_how({"layout": wrong}, IN_FOLDERS)


@pytest.mark.parametrize("pattern", [r"(cat|dog)\.\d", r"(?P<class>cat|dog)\.(\d)", "cat|dog"])
def test_classes_are_found_in_the_names_of_files(plant, pattern):
    root = plant("train/cat.0.jpg", "train/dog.0.jpg", "train/dog.1.jpg", "test/7.jpg")
    listing = FolderSource(root, make_how({"label_from": pattern}, IN_FOLDERS)).list()
    assert table(listing) == {"train cat": 1, "train dog": 2, "test -": 1}
    assert any("1 image is without a label" in note for note in listing.understood.notes)
    with pytest.raises(DataError, match="matches no path"):
        FolderSource(root, make_how({"label_from": "bird"}, IN_FOLDERS)).list()


def test_splits_that_are_unclear_are_refused_also_when_names_say_the_classes(plant):
    root = plant("train/cat.0.jpg", "test/dog.1.jpg", "more/cat.2.jpg")
    told = {"label_from": r"(\w+)\.\d"}
    with pytest.raises(DataError, match="but more beside it is none") as caught:
        FolderSource(root, make_how(told, IN_FOLDERS)).list()
    assert caught.value.do == "say which is meant: --exclude 'more/*' (train 1, test 1)"
    (way,) = ways_in(caught.value.do)
    listing = FolderSource(root, make_how(way | told, IN_FOLDERS)).list()
    assert table(listing) == {"train cat": 1, "test dog": 1}


@pytest.mark.parametrize("folders", READ)
def test_splits_are_the_same_where_names_of_files_say_the_classes(lay, folders):
    root = lay(folders)
    by_itself = FolderSource(root).list()
    told = make_how({"label_from": r"(\w)\.\w+$"}, IN_FOLDERS)
    listing = FolderSource(root, told).list()
    assert listing.keys.tolist() == by_itself.keys.tolist()
    assert listing.splits.tolist() == by_itself.splits.tolist()


UNCLEAR = {
    "{train,test,query}": ["train 2, test 2"],
    "bounding_box_{train,test} query": ["train 2, test 4", "train 2, test 2", "train 6"],
    "{entrenamiento,prueba}": ["train 2, test 2", "train 4"],
    "{a,b}/{entrenamiento,prueba}": ["train 4, test 4", "train 8"],
    "{cat,dog}_{train,test}": ["train 4, test 4", "train 8"],
    "{x,y}/{cat,dog}_{train,test}": ["train 8, test 8", "train 16"],
    "{cat,dog,cat_test}": ["train 6", "train 4"],
    "a a/{train,test}": ["train 4, test 2"],
    "x/{images,masks}": ["train 2"],
    "flowers/{a,b} flowers/flowers/{a,b}": ["train 4", "train 4"],
}


@pytest.mark.parametrize("folders", UNCLEAR)
def test_what_is_unclear_without_classes_is_refused_where_names_say_them(lay, folders):
    root, told = lay(folders), {"label_from": r"(\w)\.\w+$"}
    with pytest.raises(DataError, match="say which is meant") as caught:
        FolderSource(root, make_how(told, IN_FOLDERS)).list()
    assert re.findall(r" \(((?:train|val|test) [^)]*)\)", caught.value.do) == UNCLEAR[folders]
    for way, said in zip(ways_in(caught.value.do), UNCLEAR[folders], strict=True):
        listing = FolderSource(root, make_how(way | told, IN_FOLDERS)).list()
        counts = np.bincount(listing.splits, minlength=3).tolist()
        found = zip(("train", "val", "test"), counts, strict=True)
        assert ", ".join(f"{split} {n}" for split, n in found if n) == said


PAIRS = [
    ("train/{Cat,Dog} test/{cat,dog}", "Cat (2) and cat (2) differ in case", ("Cat", "Dog")),
    ("{Cat,cat}", "differ in case", ("Cat",)),
    ("train/caf\u00e9 train/b test/cafe\u0301 test/b", "Unicode form", ("b", "cafe\u0301")),
    ("{STRASSE,stra\u00dfe}", "differ in case", ("STRASSE",)),
    ("{\u00c9t\u00e9,e\u0301te\u0301}", "differ in case", ("e\u0301te\u0301",)),
    ("{IRMAK,\u0131rmak}", "differ in case", ("IRMAK",)),
    ("{\u0130zmir,izmir}", "differ in case", ("izmir",)),
    (
        "{\u039f\u0394\u039f\u03a3,\u03bf\u03b4\u03bf\u03c2}",
        "differ in case",
        ("\u039f\u0394\u039f\u03a3",),
    ),
    (
        "train/{hot_dog,b} test/{hot\u00a0dog,b}",
        "differ in blanks, underscores",
        ("b", "hot_dog"),
    ),
    ("{cat,cat\u200b}", "'cat' (2) and 'cat\\u200b' (2) differ in blanks", ("cat\\u200b",)),
    ("{Hot_Dog,hot_dog}", "differ in case", ("Hot_Dog",)),
]


@pytest.mark.parametrize(("folders", "what", "classes"), PAIRS)
def test_classes_that_are_one_for_a_person_are_refused_or_joined(lay, folders, what, classes):
    root = lay(folders)
    with pytest.raises(DataError, match="classes that are one for a person") as caught:
        FolderSource(root).list()
    assert what in caught.value.what
    listing = FolderSource(root, make_how({"join_classes": True}, IN_FOLDERS)).list()
    assert listing.classes == classes
    assert any("one class" in note for note in listing.understood.notes)


@pytest.mark.parametrize(
    "folders",
    ["{s\u0131n\u0131r,sinir}", "{a_b,ab}", "{-1,1}", "{10-1,101}", "{1,01}", "{cat,cats}"],
)
def test_classes_that_are_two_for_a_person_stay_two(lay, folders):
    assert len(FolderSource(lay(folders)).list().classes) == 2


@pytest.mark.parametrize("name", ["a (1)", "a copy", "a - Copy", "a_copy", "thumbs", "Thumbnails"])
def test_a_folder_that_is_a_copy_by_its_name_is_no_class_by_itself(plant, name):
    root = plant("a/1.jpg", "b/1.jpg", f"{name}/1.jpg")
    with pytest.raises(DataError, match="by its name") as caught:
        FolderSource(root).list()
    left = [set(FolderSource(root, make_how(told, IN_FOLDERS)).list().classes)
            for told in ways_in(caught.value.do)]  # fmt: skip
    assert left == [{"a", "b", name}, {"a", "b"}]


@pytest.mark.parametrize("name", ["it's [1]", "a*b?", "\udcff\udcfe", "a\nb", "\u00fc"])
def test_a_way_to_leave_a_folder_out_can_be_typed_whatever_its_name(plant, name):
    root = plant("b/1.jpg", f"{name}/1.jpg", f"{name} (1)/1.jpg")
    with pytest.raises(DataError, match="by its name") as caught:
        FolderSource(root).list()
    assert caught.value.do.isprintable()
    _, without = ways_in(caught.value.do)
    keys = FolderSource(root, make_how(without, IN_FOLDERS)).list().keys.tolist()
    assert sorted(keys) == sorted([b"b/1.jpg", os.fsencode(name) + b"/1.jpg"])


def test_thumbnails_in_a_class_are_said_to_count(plant):
    notes = FolderSource(plant("a/1.jpg", "a/thumbs/1.jpg", "b/1.jpg")).list().understood.notes
    assert any("a/thumbs/ holds small copies" in n and "--exclude 'thumbs'" in n for n in notes)


def test_a_folder_without_images_is_named(plant):
    root = plant("a/1.jpg", "b/1.jpg")
    (root / "c").mkdir()
    (root / "d" / "e").mkdir(parents=True)
    (root / "d" / "e" / "x.txt").write_text("x")
    assert "no image in c/, d/e/" in FolderSource(root).list().understood.notes


def test_a_folder_that_is_called_test_is_train_and_the_way_to_say_it_is_said(plant):
    root = plant("a/1.jpg", "b/1.jpg").rename(plant().parent / "test")
    listing = FolderSource(root).list()
    assert set(listing.splits.tolist()) == {0}
    (note,) = listing.understood.notes
    told = note.partition("--layout '")[2].partition("'")[0]
    there = FolderSource(root, make_how({"layout": told}, IN_FOLDERS)).list()
    assert table(there) == {"test a": 1, "test b": 1}


def test_images_that_have_no_label_by_their_folder_are_said(lay):
    listing = FolderSource(lay("{train,test,unlabeled}/{a,b}")).list()
    assert table(listing) == words("train:a,b test:a,b") | {"train -": 4}
    assert "unlabeled: its images have no label, as its name says" in listing.understood.notes


def test_a_blank_behind_a_name_is_no_class_of_its_own_and_the_commoner_spelling_stays(plant):
    root = plant("cat/1.jpg", "cat /1.jpg", "cat /2.jpg", "dog/1.jpg")
    with pytest.raises(DataError, match="'cat' \\(1\\) and 'cat ' \\(2\\) differ in blanks"):
        FolderSource(root).list()
    listing = FolderSource(root, make_how({"join_classes": True}, IN_FOLDERS)).list()
    assert listing.classes == ("cat ", "dog")


def test_a_class_that_is_tested_and_not_trained_is_said(lay):
    listing = FolderSource(lay("train/{a,b} test/{a,c}")).list()
    assert "class c is in test and not in train" in listing.understood.notes


def test_images_beside_class_folders_and_flat_splits_are_said(plant):
    root = plant("1.jpg", "train/a/1.jpg", "train/b/1.jpg", "val/1.jpg", "val/2.jpg")
    notes = " | ".join(FolderSource(root).list().understood.notes)
    assert "1 image is beside the class folders and without a label" in notes
    assert "no class folders in val: 2 images are without a label" in notes


PAGE = Path(__file__).parents[2] / "docs" / "layouts.md"
ROWS = re.findall(r"^\| `([^`]*)` \|.*\n(?:\|  \|.*\n)*", PAGE.read_text(), re.MULTILINE)


@pytest.mark.parametrize("folders", ROWS)
def test_the_page_on_layouts_says_what_is_read(lay, folders):
    assert "\n".join(page_row(folders, lay(folders))) + "\n" in PAGE.read_text()


def test_how_the_source_spells_each_split_is_said(lay):
    listing = FolderSource(lay("{Training,Testing}/{a,b}")).list()
    assert listing.understood.splits == {"Training": "train", "Testing": "test"}


SUFFIXES = ["_mask", "_segmentation", "_seg", "_gt", "_label", "_annotation", "_thumb", "_depth"]


def ways_of(root, **told):
    """Return why these are refused, and each way out with what it reads; none twice."""
    with pytest.raises(DataError) as caught:
        FolderSource(root, make_how(told, IN_FOLDERS)).list()
    ways = ways_in(caught.value.do)
    read = [FolderSource(root, make_how(way | told, IN_FOLDERS)).list() for way in ways]
    assert len({reading(listing) for listing in read}) == len(read)
    return caught.value.what, list(zip(ways, read, strict=True))


@pytest.mark.parametrize("suffix", [*SUFFIXES, "-mask", " Mask", "_GT", "_mask_1"])
@pytest.mark.parametrize("ending", [".png", ".jpg"])
def test_images_that_belong_to_another_by_their_names_are_no_photos(plant, suffix, ending):
    photos = [f"{name}/{name} ({i}).png" for name in ("benign", "malignant") for i in (1, 2)]
    root = plant(*photos, *(f"{photo[:-4]}{suffix}{ending}" for photo in photos))
    what, ((without, photos_alone), (kept, all_of_it)) = ways_of(root)
    assert "4 of 8 images are no photos by their names" in what
    assert f"benign/benign (1){suffix}{ending}" in what
    assert without == {"include": [], "exclude": [f"*{suffix}{ending}"]}
    assert kept["layout"] == "{class}/*"
    assert sorted(photos_alone.keys.tolist()) == sorted(map(os.fsencode, photos))
    assert table(photos_alone) == words("train:benign,malignant")
    assert table(all_of_it) == words("train:benign,malignant", 4)
    assert any("are no photos by their names" in n for n in all_of_it.understood.notes)


def test_masks_of_several_kinds_and_numbers_are_left_out_together(plant):
    names = [f"{c}/{i}{suffix}.png" for c in "ab" for i in range(3)
             for suffix in ("", "_thumb", *(f"_mask_{k}" for k in range(9)))]  # fmt: skip
    _, ((without, photos), _) = ways_of(plant(*names))
    assert without["exclude"] == ["*_mask_*.png", "*_thumb.png"]
    assert table(photos) == words("train:a,b", 3)


@pytest.mark.parametrize(
    ("photo", "other", "pattern"),
    [
        ("{}.png", "mask_{}.png", "mask_*"),
        ("{}.jpg", "mask{}.png", "mask*"),
        ("img_{}.png", "gt_{}.png", "gt_*"),
        ("image-{}.jpg", "segmentation-{}.png", "segmentation-*"),
        ("{}_sat.jpg", "{}_mask.png", "*_mask.png"),
        ("{}_RGB.png", "{}_GT.png", "*_GT.png"),
    ],
)
def test_photos_may_say_that_they_are_and_the_word_may_stand_in_front(plant, photo, other, pattern):
    names = [f"{c}/{name.format(i)}" for c in "ab" for i in (1, 2) for name in (photo, other)]
    _, ((without, photos), (_, all_of_it)) = ways_of(plant(*names))
    assert without["exclude"] == [pattern]
    assert [key.decode() for key in photos.keys.tolist()] == sorted(names[::2])
    assert len(all_of_it) == 8


@pytest.mark.parametrize("folder", ["", "train/", "images/"])
def test_masks_beside_photos_without_classes_are_no_photos_either(plant, folder):
    root = plant(*(f"{folder}{i}{s}.png" for i in range(3) for s in ("", "_mask")))
    _, ((_, photos), _) = ways_of(root)
    assert len(photos) == 3


def test_masks_are_seen_where_names_say_the_classes(plant):
    root = plant(*(f"{c}.{i}{s}.png" for c in ("cat", "dog") for i in (1, 2) for s in ("", "_gt")))
    _, ((_, photos), _) = ways_of(root, label_from=r"(\w+)\.\d")
    with pytest.raises(DataError, match=r"\(train 4\), or --layout '\*' \(train 8\)$"):
        FolderSource(root, make_how({"label_from": r"(\w+)\.\d"}, IN_FOLDERS)).list()
    assert table(photos) == words("train:cat,dog")


def test_masks_are_left_out_in_each_way_where_folders_are_unclear_as_well(plant):
    root = plant(*(f"{x}/{c}/1{s}.png" for x in ("x", "y") for c in "ab" for s in ("", "_mask")))
    what, ways = ways_of(root)
    assert "holds no image itself" in what
    assert {len(listing) for _, listing in ways} == {4}


@pytest.mark.parametrize(
    "names",
    [
        ["a/face_mask.png", "a/face.png"] + [f"a/{i}.png" for i in range(300)],
        ["a/cat_label.png", "b/cat.png"],
        ["a/1_mask.png", "a/2_mask.png", "b/1.png"],
        ["a/1_left.png", "a/1.png"],
        ["a/masked_1.png", "a/1.png", "a/label_2.png"],
        ["a/normal_1.png", "a/img_1.png"],
    ],
)
def test_names_that_only_seem_to_be_of_masks_are_images(plant, names):
    assert len(FolderSource(plant(*names)).list()) == len(names)


TWINS = [
    ["cat_mask", "dog_mask"],
    ["cat_masks", "dog_masks"],
    ["cat_aug", "dog_aug"],
    ["cat_64x64", "dog_64x64"],
    ["Copy of cat"],
    ["cat - Kopie"],
    ["cat copy", "dog copy"],
    ["cat_backup"],
    ["cat_old", "dog_old"],
    ["Kopie von cat", "dog (2)"],
    ["cat_zzz", "dog_zzz"],
    ["zzz cat", "zzz dog"],
    ["CAT_MASK", "DOG_MASK"],
    ["cat_mask", "dog_mask", "cat_aug", "dog_aug"],
    ["cat [x]", "dog [x]", "Copy of cat", "cat_mask"],
]


@pytest.mark.parametrize("twins", TWINS)
@pytest.mark.parametrize("splits", [[""], ["train/", "test/"]])
def test_folders_that_are_named_after_classes_are_no_classes_in_silence(plant, twins, splits):
    root = plant(*(f"{s}{c}/{i}.jpg" for s in splits for c in ["cat", "dog", *twins] for i in "12"))
    what, ways = ways_of(root)
    assert ("by its name" if len(twins) == 1 else "by their names") in what
    ((_, all_of_them), (_, without)) = ways
    assert set(all_of_them.classes) == {"cat", "dog", *twins}
    assert without.classes == ("cat", "dog")
    assert len(without) == 4 * len(splits)


def test_twins_of_many_classes_are_left_out_by_one_pattern(plant):
    names = [f"c{chr(97 + i)}" for i in range(20)]
    _, (_, (without, listing)) = ways_of(
        plant(*(f"{n}{s}/1.jpg" for n in names for s in ("", "_zz")))
    )
    assert without["exclude"] == ["*_zz"]
    assert listing.classes == tuple(names)


@pytest.mark.parametrize(
    "folders",
    ["{bus,bus_stop,car}", "{apple,apple_pie,tart,cake,cake_walk,pie,ham}", "{oak,old_oak}"],
)
def test_classes_that_share_a_word_by_chance_stay_classes(lay, folders):
    assert FolderSource(lay(folders)).list().understood.layout == "{class}/*"


MAPPED = [
    ("{lernen,pruefen}/{a,b}", "lernen=train,pruefen=test", "train:a,b test:a,b"),
    ("{train,extra}/{a,b}", "extra=val", "train:a,b val:a,b"),
    ("w/{Lernen,Pruefen}", "lernen=train,PRUEFEN=test", "train:- test:-"),
    ("{a,b}/{x1,x2}", "x1=train,x2=val", "train:a,b val:a,b"),
    ("{test,extra}/{a,b}", "test=val,extra=train", "train:a,b val:a,b"),
]


@pytest.mark.parametrize(("folders", "split_map", "expected"), MAPPED)
@pytest.mark.parametrize("is_layout_told", [False, True])
def test_a_map_says_which_folders_are_which_splits(
    lay, folders, split_map, expected, is_layout_told
):
    root = lay(folders)
    told = {"split_map": split_map}
    listing = FolderSource(root, make_how(told, IN_FOLDERS)).list()
    assert table(listing) == words(expected)
    if is_layout_told:
        told["layout"] = listing.understood.layout
        assert table(FolderSource(root, make_how(told, IN_FOLDERS)).list()) == words(expected)


@pytest.mark.parametrize(
    "told",
    [
        {"split_map": "lernn=train,pruefen=test"},
        {"split_map": "x=train"},
        {"split_map": "x=train", "layout": "{ignore}/{class}/*"},
    ],
)
def test_a_map_that_names_no_folder_is_refused(lay, told):
    with pytest.raises(DataError) as caught:
        FolderSource(lay("{lernen,pruefen}/{a,b}"), make_how(told, IN_FOLDERS)).list()
    assert caught.value.exit_code == 3


def test_a_layout_whose_splits_are_none_by_name_says_how_to_map_them(lay):
    root = lay("{x,y}/{a,b}")
    told = {"layout": "{split}/{class}/*"}
    with pytest.raises(DataError, match="makes x a split") as caught:
        FolderSource(root, make_how(told, IN_FOLDERS)).list()
    assert "--split-map 'x=test,y=test'" in caught.value.do
    told["split_map"] = "x=train,y=test"
    listing = FolderSource(root, make_how(told, IN_FOLDERS)).list()
    assert table(listing) == words("train:a,b test:a,b")
