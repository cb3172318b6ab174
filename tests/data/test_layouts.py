"""How folders lie on people's disks: what each is read as, or that it is refused, and how."""

import shlex
import tarfile

import pytest

from bottleneck.core.errors import DataError, UsageError
from bottleneck.core.sample import SPLITS
from bottleneck.data.archive import open_archive
from bottleneck.data.folder import FolderSource
from bottleneck.data.how import make_how
from bottleneck.data.options import IN_FOLDERS


def spread(text):
    """Return the folders of `train/{a,b} test`."""
    found = []
    for one in text.split():
        todo = [one]
        while todo:
            now = todo.pop()
            if "{" not in now:
                found.append(now)
                continue
            before, _, rest = now.partition("{")
            names, _, after = rest.partition("}")
            todo += [before + name + after for name in names.split(",")]
    return found


@pytest.fixture
def lay(plant):
    """Put two images into each of these folders; return the root."""

    def make(text):
        return plant(*(f"{folder}/{i}.jpg" for folder in spread(text) for i in (1, 2)))

    return make


def table(listing):
    """Return (split, class) → number of images; a class of "-" is none."""
    found = {}
    for split, label in zip(listing.splits.tolist(), listing.labels.tolist(), strict=True):
        name = listing.classes[label] if label >= 0 else "-"
        key = f"{SPLITS[split]} {name}"
        found[key] = found.get(key, 0) + 1
    return found


def words(text, n=2):
    """Return the table of `train:a,b test:-`: n images of each."""
    return {
        f"{split} {name}": n
        for split, _, names in (part.partition(":") for part in text.split())
        for name in names.split(",")
    }


def ways_in(advice):
    """Return each way that an advice offers, as the command line would read it."""
    found = []
    for way in advice.split(": ", 1)[1].split(", or "):
        told = {"include": [], "exclude": []}
        words = shlex.split(way.rpartition(" (")[0])
        while words:
            option = words.pop(0).removeprefix("--").replace("-", "_")
            if option == "join_classes":
                told[option] = True
            elif option in ("include", "exclude"):
                told[option].append(words.pop(0))
            else:
                told[option] = words.pop(0)
        found.append(make_how(told, IN_FOLDERS))
    return found


def reading(listing):
    """Return what a listing makes of each key; there is at least one."""
    names = [listing.classes[label] if label >= 0 else None for label in listing.labels.tolist()]
    assert names
    return frozenset(zip(listing.keys.tolist(), listing.splits.tolist(), names, strict=True))


READ = {
    "Training/{a,b,c} Testing/{a,b,c}": ("train:a,b,c test:a,b,c", "{split}/{class}/*"),
    "seg_train/seg_train/{a,b} seg_test/seg_test/{a,b} seg_pred": (
        "train:a,b test:a,b,-", "{split}/{ignore}/{class}/*"),
    "seg_train/{a,b} seg_test/{a,b} seg_pred/seg_pred": (
        "train:a,b test:a,b,-", "{split}/{class}/*"),
    "101_ObjectCategories/{a,b,c}": ("train:a,b,c", "{ignore}/{class}/*"),
    "train/{w1,w2}/images val/images test/images": (
        "train:w1,w2 val:- test:-", "{split}/{class}/*"),
    "{train,dev}/{a,b}": ("train:a,b val:a,b", "{split}/{class}/*"),
    "{TRAIN,EVAL}/{a,b}": ("train:a,b test:a,b", "{split}/{class}/*"),
    "{train,eval,test}/{a,b}": ("train:a,b val:a,b test:a,b", "{split}/{class}/*"),
    "{training_set,test_set}/{a,b}": ("train:a,b test:a,b", "{split}/{class}/*"),
    "{TrainSet,ValidationSet}/{a,b}": ("train:a,b val:a,b", "{split}/{class}/*"),
    "data/{train2017,val2017}/{a,b}": ("train:a,b val:a,b", "{ignore}/{split}/{class}/*"),
    "asl_train/asl_train/{a,b} asl_test/asl_test": (
        "train:a,b test:-", "{split}/{ignore}/{class}/*"),
    "training_data/{train,val}/{a,b}": ("train:a,b val:a,b", "{ignore}/{split}/{class}/*"),
    "x/y/{a,b}": ("train:a,b", "{ignore}/{ignore}/{class}/*"),
    "x/x/{train,test}/{a,b}": ("train:a,b test:a,b", "{ignore}/{ignore}/{split}/{class}/*"),
    "{cats,dogs}/{train,test}": ("train:cats,dogs test:cats,dogs", "{class}/{split}/*"),
    "x/{cats,dogs}/{train,val}/images": (
        "train:cats,dogs val:cats,dogs", "{ignore}/{class}/{split}/*"),
    "bottle/train/good bottle/test/{good,broken}": (
        "train:good test:good,broken", "{ignore}/{split}/{class}/*"),
    "images/{cat,dog}": ("train:cat,dog", "{ignore}/{class}/*"),
    "images/{train,val}": ("train:- val:-", "{ignore}/{split}/*"),
    "{train,valid}/images": ("train:- val:-", "{split}/{ignore}/*"),
    "{train,test}/images/{a,b}": ("train:a,b test:a,b", "{split}/{ignore}/{class}/*"),
    "{a,b}/images": ("train:a,b", "{class}/*"),
    "a/a b/b": ("train:a,b", "{class}/*"),
    "root/": ("train:-", "{ignore}/*"),
    "train/cat test/{cat,dog}": ("train:cat test:cat,dog", "{split}/{class}/*"),
    "{bullet_train,bus}": ("train:bullet_train,bus", "{class}/*"),
    "{photos,drawings}": ("train:photos,drawings", "{class}/*"),
    "{train,test}": ("train:- test:-", "{split}/*"),
    "{Train_Images,Test_Images}/{a,b}": ("train:a,b test:a,b", "{split}/{class}/*"),
    "{images_train,images_val}/{a,b}": ("train:a,b val:a,b", "{split}/{class}/*"),
    "{1_train,2_val,3_test}/{a,b}": ("train:a,b val:a,b test:a,b", "{split}/{class}/*"),
    "trainset_v2/{a,b} test/{a,b}": ("train:a,b test:a,b", "{split}/{class}/*"),
    "{train_64x64,test}/{a,b}": ("train:a,b test:a,b", "{split}/{class}/*"),
    "{fold1_train,fold1_test}/{a,b}": ("train:a,b test:a,b", "{split}/{class}/*"),
    "train-val-test_2021-03-04/{train,val,test}/{a,b}": (
        "train:a,b val:a,b test:a,b", "{ignore}/{split}/{class}/*"),
    "DATASET/{TRAIN,TEST}/{a,b}": ("train:a,b test:a,b", "{ignore}/{split}/{class}/*"),
    "data/raw/{train,tests}/{a,b}": ("train:a,b test:a,b", "{ignore}/{ignore}/{split}/{class}/*"),
    "Animals-10/raw-img/{cane,gatto}": ("train:cane,gatto", "{ignore}/{ignore}/{class}/*"),
    "flowers/flowers/{daisy,rose}": ("train:daisy,rose", "{ignore}/{ignore}/{class}/*"),
    "{train,val}/{n01440764,n01443537}": (
        "train:n01440764,n01443537 val:n01440764,n01443537", "{split}/{class}/*"),
    "{train,test}/Images/{0,10}": ("train:0,10 test:0,10", "{split}/{ignore}/{class}/*"),
    "{train,test}/{a,b} unlabeled/a": ("train:a,b,- test:a,b", "{split}/{class}/*"),
    "{train,test}/{a,b} unlabelled": ("train:a,b,- test:a,b", "{split}/{class}/*"),
    "{train,test}/{a,b} train/unsup": ("train:a,b,- test:a,b", "{split}/{class}/*"),
    "train/{a,b} test_unlabeled/a": ("train:a,b test:-", "{split}/{class}/*"),
    "{cat,dog,Unlabeled}": ("train:cat,dog,-", "{class}/*"),
    "{cat,dog,NA}": ("train:cat,dog,NA", "{class}/*"),
    "{test_tube,beaker}": ("train:test_tube,beaker", "{class}/*"),
    "{training_wheels,bike}": ("train:training_wheels,bike", "{class}/*"),
    "{val_d_isere,chamonix}": ("train:val_d_isere,chamonix", "{class}/*"),
    "{with_mask,without_mask}": ("train:with_mask,without_mask", "{class}/*"),
    "cat": ("train:cat", "{class}/*"),
}  # fmt: skip


@pytest.mark.parametrize("folders", READ)
def test_a_layout_that_can_only_mean_one_thing_is_read_as_that(lay, tmp_path, folders):
    expected, layout = READ[folders]
    root = lay(folders)
    listing = FolderSource(root).list()
    assert table(listing) == words(expected)
    assert listing.understood.layout == layout
    with tarfile.open(tmp_path / "root.tar", "w") as archive:
        archive.add(root, arcname=".")
    packed = open_archive(tmp_path / "root.tar").list()
    assert table(packed) == words(expected)


@pytest.mark.parametrize("folders", READ)
def test_the_layout_that_is_said_of_it_reads_it_in_the_same_way(lay, folders):
    root = lay(folders)
    by_itself = FolderSource(root).list()
    told = make_how({"layout": by_itself.understood.layout}, IN_FOLDERS)
    if not any(
        part in folders for part in ("seg_pred", "asl", "val/images", "unsup", "Unlabeled")
    ):  # wrappers that not every split has; a class that is none
        assert table(FolderSource(root, told).list()) == table(by_itself)


REFUSED = {
    "PlantVillage/{a,b} PlantVillage/PlantVillage/{a,b}": (
        "PlantVillage/PlantVillage/ holds", "--exclude 'PlantVillage/PlantVillage/*'"),
    "{a,b} copy/{a,b}": ("copy/ holds", "--exclude 'copy/*'"),
    "{car,train,bus}": ("train/ is named like a split, but bus", "--layout '{class}/*'"),
    "train/{a,b} extra": ("train/ is named like a split, but extra", "--exclude 'extra/*'"),
    "{train,test}/{a,b} more/{a,b}": ("but more beside it is none", "--exclude 'more/*'"),
    "{a,b} a/train": ("a/train/ is named like a split", "--exclude 'a/train/*'"),
    "{a,b,images}": ("images says that images are in it", "--layout '{class}/*'"),
    "train/{a,images} test/a": (
        "images says that images are in it", "--layout '{split}/{class}/*'"),
    "{x,y}/{images,masks}": ("masks/ holds what belongs to photos", "--exclude 'masks'"),
    "{amazon,webcam}/{mug,pen}": ("holds no image itself", "'{group}/{class}/*'"),
    "{amazon,webcam}/images/{mug,pen}": ("holds no image itself", "'{group}/{ignore}/{class}/*'"),
    "{run,jump}/{v1,v2}": ("holds no image itself", "--layout '{class}/*'"),
    "{bottle,cable}/{train,test}/{good,bad}": (
        "either may be the classes", "'{ignore}/{split}/{class}/*'"),
    "cat cat/old": ("would be the only class, and holds folders", "--layout '{class}/*'"),
    "crash_test/{a,b}": ("may be a split, or only a folder around", "'{ignore}/{class}/*'"),
    "{train,test}/{a,train}": (
        "is named like a split, but a beside", "--layout '{split}/{class}/*'"),
    "animals/{cat,dog} plants/{rose,tulip}": (
        "holds no image itself", "--layout '{ignore}/{class}/*' (train 8; 4 classes"),
    "x/{p1,p2}/{cat,dog}": ("holds no image itself", "--layout '{ignore}/{group}/{class}/*'"),
    "animals/{cat,dog}/{train,test} plants/{rose,tulip}/{train,test}": (
        "is named like a split", "--layout '{ignore}/{class}/{split}/*' (train 8, test 8; 4 c"),
    "cat/{train,test} dog": ("cat/test/ is named", "--layout '{class}/{split}/*' (train 4, test 2"),
    "cat/{train,test} dog/{train,test,more}": ("but more beside", "--exclude 'dog/more/*'"),
    "{cat,dog} test": ("named like a split, but cat", "--exclude 'test/*' (train 4; 2 classes"),
    "{cat,dog} train/{cat,dog}": ("train/ holds cat, dog", "--include 'train/*' (train 4; 2 c"),
    "{cat,dog} {train,test}/{cat,dog}": (
        "test/, train/ hold cat, dog", "--include 'test/*' --include 'train/*' (train 4, test 4"),
    "x/{train,val}/{a,b} x/x/{train,val}/{a,b}": ("x/x/ holds train, val", "--exclude 'x/x/*'"),
    "{training_wheels,val_d_isere}": ("they name splits", "--layout '{class}/*' (train 4; 2 cl"),
    "fold_{1,2}/{a,b}": ("one name with a number", "--layout '{group}/{class}/*' (train 8; 2 c"),
    "images_{1,2,3}": ("one name with a number", "--layout '*' (train 6; no classes)"),
    "{cat,dog}_{train,test}": ("name splits", "--layout '{class}_{split}/*' (train 4, test 4; 2"),
    "{train,val}-{hot_dog,cat}": ("name splits", "--layout '{split}-{class}/*' (train 4, val 4; 2"),
    "{cat,dog,cat_test}": ("cat_test names a split", "--exclude 'cat_test/*' (train 4; 2 classes"),
    "{cat,dog,pred}": ("pred says that it has no labels", "--exclude 'pred/*' (train 4; 2 cl"),
    "{train,test}/{a,b} train_hard/{a,b}": ("but train_hard beside", "--layout '{split}/{class}/*'"),
    "{images,masks}": ("masks/ holds what belongs", "--exclude 'masks/*' (train 2; no classes)"),
    "{mask,no_mask}": ("mask/ holds what belongs", "--layout '{class}/*' (train 4; 2 classes"),
    "{train,val}/{images,masks}": ("holds what belongs", "--exclude 'masks' (train 2, val 2; no"),
    "{x,y}/train/good {x,y}/test/{good,bad} {x,y}/ground_truth/bad": (
        "holds what belongs", "--exclude 'ground_truth' --layout '{class}/{split}/{class}/*'"),
    "JPEGImages SegmentationClass SegmentationObject": (
        "holds what belongs", "--exclude 'SegmentationClass/*' --exclude 'SegmentationObject/*'"),
    "{v,w}/{full,train,test}/{0,1}": (
        "but full beside", "--exclude 'full' --layout '{class}/{split}/*' (train 8, test 8; 2"),
    "fish/{shark,eel/{moray,conger}} bird/{owl,hawk}": (
        "holds no image itself", "--layout '**/{class}/*' (train 10; 5 classes"),
    "{p1,p2}/{Cat,dog} p3/cat": (
        "holds no image itself", "--layout '{group}/{class}/*' --join-classes (train 10; 2 cl"),
}  # fmt: skip


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
    readings = [reading(FolderSource(root, how).list()) for how in ways_in(caught.value.do)]
    assert readings
    assert len(set(readings)) == len(readings)


TOLD = [
    ("{amazon,webcam}/{mug,pen}", "{ignore}/{class}/*", {"train mug": 4, "train pen": 4}),
    ("{x,y}/{train,test}/{a,b}", "{class}/{split}/{class}/*",
     words("train:x/a,x/b,y/a,y/b test:x/a,x/b,y/a,y/b")),
    ("{car,train}", "{class}/*", words("train:car,train")),
    ("{p,q}/r/{a,b}", "**/{class}/*", {"train a": 4, "train b": 4}),
    ("fold_train/{a,b} other_test/{a,b}", "*_*/{class}/*", {"train a": 4, "train b": 4}),
    ("fold_train/{a,b} other_test/{a,b}", "{split}/{class}/*", words("train:a,b test:a,b")),
    ("{train,test}/{a,b} test", "{split}/{class}/*", words("train:a,b test:a,b,-")),
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
    for wrong in ("{class}", "{klass}/*", "{split}/{split}/*", ""):
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


PAIRS = [
    ("train/{Cat,Dog} test/{cat,dog}", "Cat (2) and cat (2) differ in case", ("Cat", "Dog")),
    ("{Cat,cat}", "differ in case", ("Cat",)),
    ("train/caf\u00e9 train/b test/cafe\u0301 test/b", "Unicode form", ("b", "cafe\u0301")),
    ("{STRASSE,stra\u00dfe}", "differ in case", ("STRASSE",)),
    ("{\u00c9t\u00e9,e\u0301te\u0301}", "differ in case", ("e\u0301te\u0301",)),
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


def test_how_the_source_spells_each_split_is_said(lay):
    listing = FolderSource(lay("{Training,Testing}/{a,b}")).list()
    assert listing.understood.splits == {"Training": "train", "Testing": "test"}
