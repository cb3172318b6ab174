"""Folders as they lie on people's disks, and what is right for each: read as what, or refused."""

import re
import shlex

from bottleneck.core.errors import DataError
from bottleneck.core.sample import SPLITS
from bottleneck.data.folder import FolderSource


def spread(text):
    """Return the folders of `train/{a,b} test`."""
    found = []
    for one in text.split(" "):
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


def lay_in(plant, text):
    """Put two images into each of these folders; return the root."""
    return plant(*(f"{folder}/{i}.jpg" for folder in spread(text) for i in (1, 2)))


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
        words = shlex.split(re.split(r" \((?=(?:train|val|test) \d)", way)[0])
        while words:
            option = words.pop(0).removeprefix("--").replace("-", "_")
            if option == "join_classes":
                told[option] = True
            elif option in ("include", "exclude"):
                told[option].append(words.pop(0))
            else:
                told[option] = words.pop(0)
        found.append(told)
    return found


def reading(listing):
    """Return what a listing makes of each key, its group too; there is at least one."""
    names = [listing.classes[label] if label >= 0 else None for label in listing.labels.tolist()]
    assert names
    groups = [-1] * len(names) if listing.groups is None else listing.groups.numbers.tolist()
    return frozenset(
        zip(listing.keys.tolist(), listing.splits.tolist(), names, groups, strict=True)
    )


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
    "prediction_{train,test}/{a,b}": ("train:a,b test:a,b", "{split}/{class}/*"),
    "JPEGImages": ("train:-", "{ignore}/*"),
    "STL10/{train,test}_images": ("train:- test:-", "{ignore}/{split}/*"),
    "train/{a,b} unlabeled_test/a": (
        "train:a,b test:-", "{split}/{class}/*"),
    "trainingSet/trainingSet/{0,1} testSet/testSet": (
        "train:0,1 test:-", "{split}/{ignore}/{class}/*"),
    "I/Data/CLS-LOC/train/{n1,n2} I/Data/CLS-LOC/{val,test}": (
        "train:n1,n2 val:- test:-", "{ignore}/{ignore}/{ignore}/{split}/{class}/*"),
    "mnist_png/{training,testing}/{0,1,10}": (
        "train:0,1,10 test:0,1,10", "{ignore}/{split}/{class}/*"),
    "lfw/lfw/{Abel,Aaron}": ("train:Abel,Aaron", "{ignore}/{ignore}/{class}/*"),
    "{with_mask,without_mask}": ("train:with_mask,without_mask", "{class}/*"),
    "cat": ("train:cat", "{class}/*"),
}  # fmt: skip


REFUSED = {
    "PlantVillage/{a,b} PlantVillage/PlantVillage/{a,b}": (
        "PlantVillage/PlantVillage/ holds", "--exclude 'PlantVillage/PlantVillage/*'"),
    "{a,b} copy/{a,b}": ("copy/ holds", "--exclude 'copy/*'"),
    "{p,q}/{r,s}/{t,u}/{car,train,bus}": ("is named like a split", "--exclude 'train' --layout"),
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
    "{train,test}/{a,b} train_hard/{a,b}": ("but train_hard", "--layout '{split}/{class}/*'"),
    "rps/{paper,rock} rps/validation/{paper,rock}": (
        "rps/validation/ holds paper, rock", "--include 'rps/validation/*' (val 4; 2 classes"),
    "{train,valid}/{images,x}": ("images says that images are in it", "--layout '{split}/*'"),
    "test_predictions/{a,b} train/{a,b}": (
        "but test_predictions beside", "--exclude 'test_predictions/*' (train 4; 2 classes"),
    "{cam1,cam2}/{d1,d2}/{cat,dog}": (
        "holds no image itself", "--layout '{group}/{ignore}/{class}/*' (train 16; 2 classes"),
    "{train,valid,test}/{images,labels}": ("labels/ holds what belongs", "--exclude 'labels'"),
    "pets/images pets/annotations/trimaps": ("holds what", "--exclude 'pets/annotations/*'"),
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
    "{train_images,train_masks,test_images}": (
        "train_masks/ holds", "which is meant: --exclude 'train_masks/*' (train 2, test 2; no cl"),
    "{train,test}/{bus,car,train}": (
        "is named like a split", "meant: --layout '{split}/{class}/*' (train 6, test 6; 3 cl"),
    "train/x/{cat,dog} test/{cat,dog}": (
        "is named like the class dog", "--layout '{split}/**/{class}/*' (train 4, test 4; 2 cl"),
    "{train,query,gallery}/{p1,p2}": (
        "gallery, query, train may be splits", "--exclude 'gallery/*' --exclude 'query/*' (tra"),
    "{train,query,gallery}": (
        "gallery, query, train may be splits", "--split-map 'gallery=test,query=test' (train 2, t"),
    "train {seen,unseen}": ("may be splits", "--exclude 'seen/*' --exclude 'unseen/*' (train 2;"),
    "{seen,unseen}": ("may be splits by their names", "--layout '{class}/*' (train 4; 2 cl"),
    "{query,gallery}/{p1,p2}": ("may be splits", "--layout '{class}/*' (train 8; 2 classes: g"),
    "{entrenamiento,prueba}/{cat,dog}": (
        "may be splits", "--split-map 'entrenamiento=train,prueba=test' (train 4, test 4; 2 cl"),
    "x/{Trainingsdaten,Testdaten}": (
        "may be splits", "--split-map 'Testdaten=test,Trainingsdaten=train' (train 2, test 2; no"),
    "{tr,te}/{cat,dog}": ("may be splits", "--split-map 'te=test,tr=train' (train 4, test 4; 2"),
    "{train,challenge}/{a,b}": ("may be splits", "--split-map 'challenge=test' (train 4, test 4"),
    "{cat,dog}/{tr,te}": ("may be splits", "--split-map 'te=test,tr=train' (train 4, test 4; 2"),
    "{Valida\u00e7\u00e3o,Treino,Teste}_imagens/{a,b}": ("holds no image itself", "--layout"),
    "train/{p1,p2} val/{p3,p4}": (
        "no class of val (p3, p4, …) is in train", "--layout '{split}/{class}/*' (train 4, val 4"),
    "train/{p1,p2} {val,test}/{p3,p4}": ("may be patients", "--layout '{split}/*' (train 4, val"),
    "{p1,p2}/{Cat,dog} p3/cat": (
        "holds no image itself", "--layout '{group}/{class}/*' --join-classes (train 10; 2 cl"),
}  # fmt: skip


def page_row(text, root):
    """Return the row of docs/layouts.md for these folders; several where they are refused."""
    try:
        listing = FolderSource(root).list()
    except DataError as error:
        offered = [
            re.match(r"(.*?) \(((?:train|val|test) \d.*)\)$", way).groups()
            for way in error.do.split(": ", 1)[1].split(", or ")
        ]
        first = [f"`{text}`", *("" for _ in offered[1:])]
        return [f"| {a} | `{b}` | {c} |" for a, (b, c) in zip(first, offered, strict=True)]
    counts = {split: [] for split in SPLITS}
    for key, n in sorted(table(listing).items()):
        split, name = key.split(" ", 1)
        counts[split].append(f"{name} {n}" if name != "-" else f"{n} without a label")
    gives = "; ".join(f"{split}: {', '.join(each)}" for split, each in counts.items() if each)
    return [f"| `{text}` | `{listing.understood.layout}` | {gives} |"]
