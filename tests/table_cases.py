"""Tables as people have them: what each is, how it is written, and what it must be read as.

24 images lie in `images/`: cat00.jpg … cat11.jpg and dog00.jpg … dog11.jpg.
"""

from __future__ import annotations

import io
import json
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from PIL import Image

NAMES = [f"{kind}{i:02d}" for kind in ("cat", "dog") for i in range(12)]
TWO = {"cat": 12, "dog": 12}


@dataclass(frozen=True, kw_only=True)
class Case:
    """A table, what is told of it, and what is right."""

    text: str | bytes
    name: str = "t.csv"
    told: dict[str, Any] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)  # besides images/
    images: str = "images/"  # where they are; one of them may be renamed
    rename: dict[str, str] = field(default_factory=dict)
    refused: str = ""  # a part of the message
    classes: dict[str, int] = field(default_factory=lambda: TWO)
    splits: tuple[int, int, int] = (24, 0, 0)
    unlabelled: int = 0
    columns: dict[str, str] | None = None
    says: str = ""  # a part of the notes
    targets: tuple[str, ...] = ()
    gone: int = 0  # files that are not there


def kind_of(name):
    return name[:3]


def table(head="filename,label", row=lambda n: f"images/{n}.jpg,{kind_of(n)}", end="\n"):
    return end.join([head, *map(row, NAMES)]) + end


def image(seed=0, size=(8, 8)):
    rng = np.random.default_rng(seed)
    file = io.BytesIO()
    Image.fromarray(rng.integers(0, 256, (size[1], size[0], 3), np.uint8)).save(file, "PNG")
    return file.getvalue()


def plant(case, root):
    """Write a case below a folder; return the table's path."""
    for i, name in enumerate(NAMES):
        path = root / case.images / (case.rename.get(name) or f"{name}.jpg")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(image(i))
    for i, (name, content) in enumerate(case.files.items()):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content or image(100 + i))
    path = root / case.name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(case.text if isinstance(case.text, bytes) else case.text.encode())
    return path


def labels(values, head="filename,label"):
    """A table whose labels are these, in turn."""
    return table(head, lambda n: f"images/{n}.jpg,{values[NAMES.index(n) % len(values)]}")


def split_by(values, head="filename,label,split"):
    return table(
        head, lambda n: f"images/{n}.jpg,{kind_of(n)},{values[NAMES.index(n) % len(values)]}"
    )


def in_folders(folders, end=".jpg"):
    """The path of each image, with these folders in turn."""
    return {n: f"{folders[i % len(folders)]}/{n}{end}" for i, n in enumerate(NAMES)}


def by_folders(folders, head="path,label\n", row="{path},{kind}", before="", **case):
    """A table whose images lie in these folders, in turn."""
    paths = in_folders(folders)
    windows = {n: (before + path).replace("/", "\\") for n, path in paths.items()}
    text = head
    for n in NAMES:
        doubled = windows[n].replace("\\", "\\\\")
        kinds = {"path": before + paths[n], "windows": windows[n], "doubled": doubled}
        text += row.format(**kinds, kind=kind_of(n)) + "\n"
    return Case(text=text, files=dict.fromkeys(paths.values(), b""), **case)


def lines(make):
    return "".join(json.dumps(make(n)) + "\n" for n in NAMES)


def pixels(header, n, *, label_first=True, seed=0, sep=",", make=None):
    rng = np.random.default_rng(seed)
    rows = []
    for i in range(24):
        values = make(i) if make else rng.integers(0, 256, n)
        text = [str(v) for v in np.asarray(values).ravel().tolist()]
        label = ["cat" if i < 12 else "dog"]
        rows.append(sep.join(label + text if label_first else text + label))
    return "\n".join([*([header] if header else []), *rows]) + "\n"


def smooth(i, side=8):
    """An image whose neighbours are alike, with colours that differ."""
    y, x = np.mgrid[0:side, 0:side]
    planes = [20 + 10 * c * 6 + 3 * x + 2 * y + i for c in range(3)]
    return np.stack(planes, -1).astype(np.uint8)


def names_of(n, start=0):
    return ",".join(f"pixel{i + start}" for i in range(n))


ONE_HOT = table("filename,cat,dog", lambda n: f"images/{n}.jpg,{int(n < 'd')},{int(n > 'd')}")
COCO = {
    "images": [{"id": 1, "file_name": "cat00.jpg"}],
    "annotations": [{"image_id": 1, "bbox": [0, 0, 1, 1], "category_id": 1}],
    "categories": [{"id": 1, "name": "cat"}],
}
VOC = "<annotation><filename>cat00.jpg</filename><object><name>cat</name></object></annotation>"
ENDLESS = {"row": lambda n: f"{n},{kind_of(n)}"}

# Names of columns, and which is what.
COLUMNS = {
    "id,label, ids without extension": Case(
        text=table("id,label", **ENDLESS),
        columns={"filename": "id", "label": "label"},
        says="24 names were found by adding their ending",
    ),
    "path,label": Case(text=table("path,label"), columns={"filename": "path", "label": "label"}),
    "filename,class": Case(text=table("filename,class")),
    "image_id,breed": Case(
        text=table("image_id,breed", **ENDLESS),
        columns={"filename": "image_id", "label": "breed"},
        says="its files are below images",
    ),
    "filenames alone": Case(
        text=table("filename", lambda n: f"images/{n}.jpg"),
        classes={},
        unlabelled=24,
        says="no column holds labels",
    ),
    "Image Path and Category, capitals and blanks": Case(text=table("Image Path,Category")),
    "an index column of pandas": Case(
        text=table(",img,target", lambda n: f"{NAMES.index(n)},images/{n}.jpg,{kind_of(n)}"),
        columns={"filename": "img", "label": "target"},
    ),
    "a name nobody thought of, but image endings": Case(
        text=table("bild,label"), columns={"filename": "bild", "label": "label"}
    ),
    "id and path": Case(
        text=table("id,path,label", lambda n: f"{NAMES.index(n)},images/{n}.jpg,{kind_of(n)}"),
        columns={"filename": "path", "label": "label"},
    ),
    "two columns of files": Case(
        text=table("image,path,label", lambda n: f"images/{n}.jpg,images/{n}.jpg,{kind_of(n)}"),
        refused="its column 'filename' may be 'image' or 'path'.*--file-column image",
    ),
    "two columns of files, told": Case(
        text=table("image,mask,path,label", lambda n: f"images/{n}.jpg,,x,{kind_of(n)}"),
        told={"file_column": "image"},
    ),
    "two columns of classes": Case(
        text=table("filename,class,breed", lambda n: f"images/{n}.jpg,{kind_of(n)},x"),
        refused="its column 'label' may be 'class' or 'breed'.*--label-column class",
    ),
    "two columns of classes, told": Case(
        text=table("filename,class,breed", lambda n: f"images/{n}.jpg,x,{kind_of(n)}"),
        told={"label_column": "breed"},
    ),
    "a label under a name of its own": Case(
        text=table("filename,cultivar"),
        classes={},
        unlabelled=24,
        says=r"no column is one of labels by its name \(there are: cultivar\).*--label-column",
    ),
    "a label under a name of its own, told": Case(
        text=table("filename,cultivar"), told={"label_column": ["cultivar"]}
    ),
    "a column that is not there, told": Case(
        text=table(), told={"label_column": "race"}, refused="no column 'race'.*filename, label"
    ),
    "no label wanted": Case(text=table(), told={"label_column": ""}, classes={}, unlabelled=24),
    "numbers to predict": Case(
        text=table("filename,target", lambda n: f"images/{n}.jpg,{NAMES.index(n) / 7}"),
        classes={},
        unlabelled=24,
        targets=("target",),
        says="target: numbers with fractions, so these are numbers to predict",
    ),
    "a target of class numbers": Case(
        text=table("filename,target", lambda n: f"images/{n}.jpg,{NAMES.index(n) % 10}"),
        classes={str(i): 3 if i < 4 else 2 for i in range(10)},
    ),
    "a target of class numbers with a fraction": Case(
        text=table("filename,target", lambda n: f"images/{n}.jpg,{NAMES.index(n) % 3 + 1}.0"),
        classes={"1.0": 8, "2.0": 8, "3.0": 8},
    ),
    "whole numbers to predict": Case(
        text=table("filename,target", lambda n: f"images/{n}.jpg,{20 + NAMES.index(n) // 2}"),
        refused="'target': regression targets.*if its numbers are classes: --label-column target",
    ),
    "a running number to predict": Case(
        text=table("filename,target", lambda n: f"images/{n}.jpg,{NAMES.index(n)}"),
        refused="'target': regression targets",
    ),
    "whole numbers to predict, told that they are classes": Case(
        text=table("filename,target", lambda n: f"images/{n}.jpg,{20 + NAMES.index(n) // 12}"),
        told={"label_column": "target"},
        classes={"20": 12, "21": 12},
    ),
    "fractions, told that they are the labels": Case(
        text=table("filename,label", lambda n: f"images/{n}.jpg,0.{NAMES.index(n) % 7}"),
        told={"label_column": "label"},
        classes={},
        unlabelled=24,
        targets=("label",),
    ),
    "fractions, told that they are classes": Case(
        text=table("filename,target", lambda n: f"images/{n}.jpg,0.{NAMES.index(n) % 2 + 1}"),
        told={"label_column": "target", "target_kind": "class"},
        classes={"0.1": 12, "0.2": 12},
    ),
    "fractions under label": Case(
        text=table("filename,label", lambda n: f"images/{n}.jpg,0.{NAMES.index(n) % 7}"),
        refused="holds numbers such as 0.1: regression.*numbers: --target-kind numbers",
    ),
    "whole numbers to predict, told": Case(
        text=table("filename,age", lambda n: f"images/{n}.jpg,{20 + NAMES.index(n)}"),
        told={"label_column": "age", "target_kind": "numbers"},
        classes={},
        unlabelled=24,
        targets=("age",),
    ),
    "several numbers to predict": Case(
        text=table("filename,x,y", lambda n: f"images/{n}.jpg,{NAMES.index(n)},0.{n[-1]}"),
        told={"label_column": ["x", "y"]},
        classes={},
        unlabelled=24,
        targets=("x", "y"),
        says="x, y: numbers with fractions",
    ),
    "numbers wanted, and no column is called so": Case(
        text=table("filename,age,height", lambda n: f"images/{n}.jpg,{NAMES.index(n)},1.8"),
        told={"target_kind": "numbers"},
        refused="which columns hold the numbers.*there are: filename, age.*--label-column age",
    ),
    "a word among numbers to predict": Case(
        text=table("filename,age", lambda n: f"images/{n}.jpg,{n if n == 'cat05' else 3}"),
        told={"label_column": "age", "target_kind": "numbers"},
        refused="line 7: column 'age' holds 'cat05', not a number",
    ),
    "class_id and class_name that say the same": Case(
        text=table(
            "filename,class_id,class_name", lambda n: f"images/{n}.jpg,{int(n > 'd')},{kind_of(n)}"
        ),
        columns={"filename": "filename", "label": "class_name"},
        says="class_id says the same as class_name",
    ),
    "class_id and class_name that do not": Case(
        text=table(
            "filename,class_id,class_name", lambda n: f"images/{n}.jpg,{n[-1]},{kind_of(n)}"
        ),
        refused="may be 'class_id' or 'class_name'.*--label-column class_id",
    ),
    "labels and class id that do not say the same": Case(
        text=table(
            "class id,filepaths,labels,data set",
            lambda n: f"{int(n[-1]) % 3},images/{n}.jpg,A {kind_of(n)},train",
        ),
        refused="may be 'class id' or 'labels', and.*--label-column 'class id' or --label-c",
    ),
    **{
        f"{name} of 0 and 1 and a category that do not say the same": Case(
            text=table(
                f"filename,{name},category",
                lambda n: f"images/{n}.jpg,{int(n[-1] < '5')},{kind_of(n)}",
            ),
            refused=f"may be '{name}' or 'category'.*--label-column {name} or --label-column cat",
        )
        for name in ("labels", "target", "class_id")
    },
    "a target and a diagnosis that say the same": Case(
        text=table(
            "filename,target,diagnosis", lambda n: f"images/{n}.jpg,{int(n > 'd')},{kind_of(n)}"
        ),
        columns={"filename": "filename", "label": "diagnosis"},
        says="target says the same as diagnosis",
    ),
    "a target of fractions beside a category": Case(
        text=table("filename,target,category", lambda n: f"images/{n}.jpg,0.{n[-1]},{kind_of(n)}"),
        columns={"filename": "filename", "label": "category"},
    ),
    "a label and a category that do not say the same": Case(
        text=table("filename,label,category", lambda n: f"images/{n}.jpg,{kind_of(n)},{n[-1]}"),
        says="its labels are those of label; of category they would be others",
    ),
    "class and breed with one value each": Case(
        text=table("filename,class,breed", lambda n: f"images/{n}.jpg,dog,collie"),
        refused="may be 'class' or 'breed'.*--label-column class",
    ),
    "labels of one word": Case(
        text=table("fname,labels"), columns={"filename": "fname", "label": "labels"}
    ),
    "labels of several words": Case(
        text=table("fname,labels", lambda n: f"images/{n}.jpg,a {kind_of(n)}"),
        refused="'labels'.*several labels an image.*if each text is one class: --label-column lab",
    ),
    "labels of several words, told": Case(
        text=table("fname,labels", lambda n: f"images/{n}.jpg,a {kind_of(n)}"),
        told={"label_column": "labels"},
        classes={"a cat": 12, "a dog": 12},
    ),
    "labels of several words beside their numbers": Case(
        text=table(
            "class id,filepaths,labels,data set",
            lambda n: f"{int(n > 'd')},images/{n}.jpg,A {kind_of(n)},train",
        ),
        classes={"A cat": 12, "A dog": 12},
        columns={"filename": "filepaths", "label": "labels", "split": "data set"},
    ),
    **{
        f"ids under {name!r}": Case(text=table(f"{name},label", **ENDLESS))
        for name in ("Image Index", "id_code", "filenames", "image_names", "ImageID", " File Name ")
    },
    "a running number under a name of its own": Case(
        text=table(
            "Unnamed: 0,picture,label", lambda n: f"{NAMES.index(n)},images/{n}.jpg,{kind_of(n)}"
        ),
        columns={"filename": "picture", "label": "label"},
    ),
    "a list of numbers and names": Case(
        text=table("", lambda n: f"{NAMES.index(n) + 1} images/{n}.jpg").lstrip(),
        name="images.txt",
        told={"header": False},
        refused="each of 24 rows has a label of its own.*--label-column ''",
    ),
    "a list with two blanks": Case(
        text=table("", lambda n: f"images/{n}.jpg  {kind_of(n)}").lstrip(),
        name="val.txt",
        told={"header": False},
    ),
    "a target of 0 and 1": Case(
        text=table("filename,target", lambda n: f"images/{n}.jpg,{int(n < 'd')}"),
        classes={"0": 12, "1": 12},
    ),
    "no header": Case(
        text=table().partition("\n")[2],
        refused="its first line names no columns but is images/cat00.jpg,cat.*--no-header",
    ),
    "no header, told": Case(
        text=table().partition("\n")[2],
        told={"header": False},
        columns={"filename": "1", "label": "2"},
    ),
    "no header, label first": Case(
        text=table("", lambda n: f"{kind_of(n)},images/{n}.jpg").lstrip(),
        told={"header": False},
        columns={"filename": "2", "label": "1"},
    ),
    "no header, three columns, told by number": Case(
        text=table("", lambda n: f"{NAMES.index(n)},images/{n}.jpg,{kind_of(n)}").lstrip(),
        told={"header": False, "label_column": "3"},
    ),
    "ids without a header": Case(
        text=table(**ENDLESS).partition("\n")[2],
        refused="no column 'filename'.*there are: cat00, cat.*: say --no-header if.*-column NAME$",
    ),
    **{
        f"{first} in the first line of three": Case(
            text=f"{first},{label},x\n"
            + table("", lambda n, name=name: f"{name(n)},{kind_of(n)},y").lstrip(),
            refused=f"there are: {first}, {label}, x.: .*: say --no-header --file-column 1 if",
        )
        for first, label, name in (
            ("Abyssinian_1", "Abyssinian", lambda n: f"Abyssinian_{n[-2:]}"),
            ("a", "owl", lambda n: chr(98 + NAMES.index(n))),
            ("owl", "dog", str),
            ("owl", "1", str),
        )
    },
    "a line of names that no one knows": Case(
        text=table("bild,sorte,ort", lambda n: f"{n},{kind_of(n)},y"),
        refused="say which, such as --file-column bild; the first line names",
    ),
    "a list in .txt with blanks": Case(
        text=table("", lambda n: f"images/{n}.jpg {kind_of(n)}").lstrip(),
        name="train.txt",
        told={"header": False},
        says="separated by blanks",
    ),
}
# Where the files are.
PATHS = {
    "backslashes": Case(
        text=table(row=lambda n: f"images\\{n}.jpg,{kind_of(n)}"), says="24 names hold blanks"
    ),
    "another case": Case(
        text=table(row=lambda n: f"images/{n}.JPG,{kind_of(n)}"), says="24 names.*another case"
    ),
    "another case of the folder": Case(
        text=table(row=lambda n: f"Images/{n}.jpg,{kind_of(n)}"), says="24 names"
    ),
    "percent escapes": Case(
        text=table(row=lambda n: f"my%20images/{n}.jpg,{kind_of(n)}"), images="my images/"
    ),
    "blanks around": Case(text=table(row=lambda n: f" images/{n}.jpg ,{kind_of(n)}")),
    "names alone, images beside": Case(
        text=table(row=lambda n: f"{n}.jpg,{kind_of(n)}"), says="its files are below images"
    ),
    "the table in a folder of its own": Case(
        text=table(row=lambda n: f"{n}.jpg,{kind_of(n)}"),
        name="labels/train.csv",
        says=r"its files are below \.\./images",
    ),
    "train.csv beside train and test": Case(
        text=table("id,label", **ENDLESS),
        name="train.csv",
        images="train/",
        files={f"test/{n}.jpg": b"" for n in NAMES},
        says="below train",
    ),
    "two usual places": Case(
        text=table(row=lambda n: f"{n}.jpg,{kind_of(n)}"),
        files={"photos/cat00.jpg": b""},
        refused="its files may be below images, photos.*--root",
    ),
    "two usual places, told": Case(
        text=table(row=lambda n: f"{n}.jpg,{kind_of(n)}"),
        files={"photos/cat00.jpg": b""},
        told={"root": "ROOT/images"},
    ),
    "a place that is not usual, told": Case(
        text=table("id,label", **ENDLESS), images="far/away/", told={"root": "ROOT/far/away"}
    ),
    "two folders, told": Case(
        text=table("image_id,dx", **ENDLESS) + "owl,owl\n",
        files={"part_2/owl.jpg": b""},
        told={"root": ["ROOT/images", "ROOT/part_2"]},
        classes={**TWO, "owl": 1},
        splits=(25, 0, 0),
    ),
    "two folders of the names of HAM10000": Case(
        text=table("image_id,dx", **ENDLESS) + "".join(f"owl{i:02},owl\n" for i in range(30)),
        images="HAM10000_images_part_1/",
        files={f"HAM10000_images_part_2/owl{i:02}.jpg": b"" for i in range(30)},
        refused="54 of 54 files.*--root .*/HAM10000_images_part_1 --root .*images_part_2$",
    ),
    "two folders, of which one is told": Case(
        text=table("image_id,dx", **ENDLESS) + "".join(f"owl{i:02},owl\n" for i in range(30)),
        images="part 1/",
        files={f"more/part 2/owl{i:02}.jpg": b"" for i in range(30)},
        told={"root": "ROOT/part 1"},
        refused="30 of 54 files.*--root '.*/part 1' --root '.*/more/part 2'$",
    ),
    "one name in two folders that were told": Case(
        text=table("image_id,dx", **ENDLESS),
        files={"part_2/cat03.jpg": b""},
        told={"root": ["ROOT/images", "ROOT/part_2"]},
        refused="cat03 is in .*images/cat03.jpg and in .*part_2/cat03.jpg",
    ),
    "an id that two files fit": Case(
        text=table("id,label", **ENDLESS),
        files={"images/cat00.png": b""},
        refused=r"cat00 may be cat00\.jpg or cat00\.png",
    ),
    "two names of one file": Case(
        text=table("id,label", **ENDLESS) + "cat00.jpg,cat\n",
        refused="cat00 and cat00.jpg are one file",
    ),
    "an id with a folder of its name beside": Case(
        text=table("id,label", **ENDLESS), files={"images/cat00/x.txt": b"x"}
    ),
    "file:// addresses": Case(text=table(row=lambda n: f"file://ROOT/images/{n}.jpg,{kind_of(n)}")),
    "addresses of the web": Case(
        text=table("url,label", lambda n: f"https://example.org/{n}.jpg,{kind_of(n)}"),
        refused="line 2 names https://example.org/cat00.jpg, an address and no file.*download",
    ),
    "addresses of a bucket": Case(
        text=table(row=lambda n: f"s3://b/{n}.jpg,{kind_of(n)}"), refused="line 2 names s3://b/"
    ),
    **{
        f"{before}images/ of another machine": Case(
            text=table(
                row=lambda n, b=before: f"{b}images/{n}.jpg,{kind_of(n)}".replace(
                    "/", "\\" if "C:" in b else "/"
                )
            ),
            says="is not here; the names were found without it",
        )
        for before in ("C:/Users/me/data/", "/home/you/", "/", "../input/set/", "data/")
    },
    **{
        f"names of another machine, {kind}": by_folders(
            ["cats", "dogs"], row=row, before=before, says="is not here; the names were found witho"
        )
        for kind, row, before in (
            ("with a folder for each class", "{path},{kind}", "/home/you/data/"),
            ("of Windows", "{windows},{kind}", "C:\\Users\\me\\data\\"),
            ("of Windows, written twice", "{doubled},{kind}", "C:\\Users\\me\\data\\"),
        )
    },
    "names of another machine, in the folder of that name": Case(
        text=table(row=lambda n: f"/data/photos/{n}.jpg,{kind_of(n)}"),
        name="photos/t.csv",
        images="photos/",
    ),
    "names of another machine, in a folder of another name": Case(
        text=table(row=lambda n: f"/data/train/{n}.jpg,{kind_of(n)}"),
        name="test/t.csv",
        images="test/",
        refused="24 of 24 files that it names are not there",
    ),
    "names of another machine, in a folder that is told": Case(
        text=table(row=lambda n: f"/data/train/{n}.jpg,{kind_of(n)}"),
        told={"root": "ROOT/images"},
    ),
    "images of another ending": Case(
        text=table(row=lambda n: f"images/{n}.png,{kind_of(n)}"),
        refused=r"24 of 24 files .*; cat00\.jpg is there: mend the endings",
    ),
    "some files that are not there": Case(
        text=table() + "images/gone.jpg,cat\n",
        classes={"cat": 13, "dog": 12},
        splits=(25, 0, 0),
        gone=1,
    ),
    "files that are not there": Case(
        text=table(row=lambda n: f"gone/{n}.jpg,{kind_of(n)}"),
        refused="24 of 24 files that it names are not there.*to --root FOLDER; check",
    ),
}
# How the text is written.
TEXTS = {
    "semicolons": Case(text=table().replace(",", ";"), says="separated by semicolons"),
    "tabs in .csv": Case(text=table().replace(",", "\t"), says="separated by tabs"),
    "vertical bars": Case(text=table().replace(",", "|"), says="separated by vertical bars"),
    "commas in .tsv": Case(text=table(), name="t.tsv", says="separated by commas"),
    "Excel's line sep=;": Case(text="sep=;\r\n" + table(end="\r\n").replace(",", ";")),
    "UTF-16 of a spreadsheet": Case(
        text=table(end="\r\n").replace(",", "\t").encode("utf-16"), says="UTF-16-LE"
    ),
    "UTF-16, big end first": Case(text=b"\xfe\xff" + table().encode("utf-16-be"), says="UTF-16-BE"),
    "UTF-16 without a mark": Case(text=table().encode("utf-16-le"), says="UTF-16-LE"),
    "UTF-8 with a mark": Case(text=table().encode("utf-8-sig")),
    "CR alone": Case(text=table(end="\r")),
    "cp1252": Case(
        text=labels(["Hündchen", "Kätzchen"]).encode("cp1252"),
        classes={"Hündchen": 12, "Kätzchen": 12},
        says="read as cp1252",
    ),
    "umlauts in UTF-8": Case(text=labels(["Hündchen"]), classes={"Hündchen": 24}),
    "UTF-8 that is damaged in one place": Case(
        text=labels(["Hündchen"]).encode() + b"images/x.jpg,H\xfcndchen\n",
        refused="line 26 holds bytes that are not UTF-8.*--encoding",
    ),
    "Cyrillic of Windows": Case(
        text=labels(["собака"]).encode("cp1251"), refused="line 2 holds bytes that are not UTF-8"
    ),
    "Cyrillic of Windows, told": Case(
        text=labels(["собака"]).encode("cp1251"),
        told={"encoding": "cp1251"},
        classes={"собака": 24},
    ),
    "Japanese, told": Case(
        text=labels(["犬"]).encode("shift_jis"), told={"encoding": "shift_jis"}, classes={"犬": 24}
    ),
    "cp1252, told that it is UTF-8": Case(
        text=labels(["Hündchen"]).encode("cp1252"),
        told={"encoding": "utf-8"},
        refused="line 2: not text in utf-8.*--encoding NAME, such as --encoding cp1252",
    ),
    "Cyrillic of Windows, told that it is UTF-8": Case(
        text=labels(["собака"]).encode("cp1251"),
        told={"encoding": "utf-8"},
        refused="line 2: not text in utf-8.*--encoding NAME$",
    ),
    "words in cp1252 with all its letters": Case(
        text=labels(
            ["Ça «là» \u2013 l\u2019été", "ÜBER 5 °C", "Œuf à ½", "Señor ¿Él?", "naïve Æsir"]
        ).encode("cp1252"),
        classes={
            "Ça «là» \u2013 l\u2019été": 5,
            "ÜBER 5 °C": 5,
            "Œuf à ½": 5,
            "Señor ¿Él?": 5,
            "naïve Æsir": 4,
        },
        says="read as cp1252",
    ),
    "quotes behind a blank": Case(text=table(row=lambda n: f'images/{n}.jpg, "{kind_of(n)}"')),
    "blanks behind separators": Case(
        text=table("filename, label", lambda n: f"images/{n}.jpg,  {kind_of(n)}")
    ),
    "trailing separators": Case(
        text=table("filename,label,", lambda n: f"images/{n}.jpg,cat,"), classes={"cat": 24}
    ),
    "trailing separators below alone": Case(
        text=table(row=lambda n: f"images/{n}.jpg,{kind_of(n)},,")
    ),
    "trailing separator above alone": Case(text=table("filename,label,")),
    "empty rows of a spreadsheet": Case(text=table() + ",\n,\n\n"),
    "a name with the separator in quotes": Case(
        text=table().replace("images/cat00.jpg", '"images/cat,00.jpg"'),
        rename={"cat00": "cat,00.jpg"},
    ),
    "Excel's line sep=; in quotes": Case(text='"sep=;"\n' + table().replace(",", ";")),
    "a line of words above": Case(
        text="# made by me\n" + table(),
        refused="line 2 has 2 columns, the first line 1.*delete the lines above.*'# made by me'",
    ),
    "a new line in quotes": Case(
        text=table("filename,label,comment", lambda n: f'images/{n}.jpg,{kind_of(n)},"a\n,b"')
    ),
    "CR LF and LF, and empty lines below": Case(
        text=table().replace("jpg,cat\n", "jpg,cat\r\n") + "\r\n\n\r\n"
    ),
    "cp1252 says which words": Case(
        text=labels(["Hündchen", "l\u2019été"]).encode("cp1252"),
        classes={"Hündchen": 12, "l\u2019été": 12},
        says="read as cp1252, that of Windows .Hündchen, l\u2019été.; --encoding",
    ),
    **{
        f"{word} in {name}, not told": Case(
            text=labels([word]).encode(name),
            refused="line 2 holds bytes that are not UTF-8.*it was saved: --encoding NAME$",
        )
        for name, word in (
            ("mac_roman", "Hündchen"),
            ("cp850", "Kätzchen"),
            ("cp1250", "łoś"),
            ("cp850", "Pérou"),
            ("cp1251", "собака"),
            ("gbk", "狗"),
            ("gbk", "猫狗"),
            ("gbk", "狼"),
            ("shift_jis", "犬"),
            ("shift_jis", "猫"),
            ("euc_kr", "개"),
            ("big5", "貓"),
            ("iso8859_7", "γάτα"),
        )
    },
    "a packed table under the name of a plain one": Case(
        text=b"\x1f\x8b\x08\0\0\0\0\0", refused=r"compressed \(gzip\), and no text"
    ),
    **{
        f"a table packed as {ending}": Case(
            text=b"x", name=f"t.csv{ending}", refused="a compressed table.*unpack it"
        )
        for ending in (".gz", ".zip", ".bz2", ".xz")
    },
    "tables put together, each with its names": Case(
        text=table() + "filename,label\nimages/cat00.jpg,cat\n".partition("images")[0],
        refused="line 26 repeats the names of columns",
    ),
    "a spreadsheet": Case(text="PK", name="t.xlsx", refused="a spreadsheet.*CSV"),
}
# Labels.
LABELS = {
    "long numbers": Case(
        text=labels(["104837261948372611", "104837261948372615"]),
        classes={"104837261948372611": 12, "104837261948372615": 12},
    ),
    "0e12 and 0e77": Case(text=labels(["0e12", "0e77"]), classes={"0e12": 12, "0e77": 12}),
    "007 and 7": Case(text=labels(["007", "7"]), classes={"007": 12, "7": 12}),
    "1e1 and 10": Case(text=labels(["1e1", "10"]), classes={"1e1": 12, "10": 12}),
    "1 and 1.0": Case(text=labels(["1", "1.0", "2"]), refused="'1' and '1.0', which are one"),
    "hundreds of digits": Case(text=labels(["9" * 400]), classes={"9" * 400: 24}),
    "NaN": Case(
        text=labels(["cat", "NaN", "dog", "dog"]),
        classes={"cat": 6, "dog": 12},
        unlabelled=6,
        says="6 rows have no label: 'NaN' stands for none",
    ),
    **{
        f"{word!r} for no label": Case(
            text=labels(["cat", word]), classes={"cat": 12}, unlabelled=12
        )
        for word in ("", "NA", "N/A", "null", "None", "<NA>", "nan", "#N/A")
    },
    "a class called None": Case(
        text=labels(["cat", "None"]), told={"missing": ""}, classes={"cat": 12, "None": 12}
    ),
    "a word of their own for no label": Case(
        text=labels(["cat", "?", "NA"]),
        told={"missing": "?"},
        classes={"cat": 8, "NA": 8},
        unlabelled=8,
    ),
    "a class called none": Case(text=labels(["cat", "none"]), classes={"cat": 12, "none": 12}),
    "several labels in a field": Case(
        text=labels(["cat|dog", "cat"]),
        classes={},
        unlabelled=24,
        targets=("cat", "dog"),
        says="12 rows have several labels, of 2",
    ),
    "several words, told that each is a label": Case(
        text=labels(["hot dog", "dog"]),
        told={"target_kind": "labels"},
        classes={},
        unlabelled=24,
        targets=("dog", "hot"),
    ),
    "one-hot, told that these are labels": Case(
        text=ONE_HOT,
        told={"target_kind": "labels"},
        classes={},
        unlabelled=24,
        targets=("cat", "dog"),
    ),
    "one label alone": Case(
        text=table("filename,male", lambda n: f"images/{n}.jpg,{int(n < 'd')}"),
        told={"label_column": "male", "target_kind": "labels"},
        classes={},
        unlabelled=24,
        targets=("male",),
    ),
    "several ones a row, told that these are classes": Case(
        text=ONE_HOT.replace("cat00.jpg,1,0", "cat00.jpg,1,1"),
        told={"target_kind": "class"},
        refused="1 row has several 1 in the columns of classes.*--target-kind labels",
    ),
    **{
        f"{kind} in {name!r}": Case(
            text=labels(values, f"filename,{name}"),
            refused=f"'{name}' holds .*several labels an image.*one class: --label-column {name}",
        )
        for name in ("label", "Target", "target", "category")
        for kind, values in (
            ("several numbers", ["0", "0 2", "1", "0 1 5"]),
            ("several words, each a class alone", ["cat", "dog", "cat dog"]),
            ("several words with + between", ["cat", "dog", "dog + cat"]),
        )
    },
    "several numbers, told that each text is a class": Case(
        text=labels(["0 2", "1"], "filename,Target"),
        told={"label_column": "Target"},
        classes={"0 2": 12, "1": 12},
    ),
    "several numbers in the one other column of two, without names": Case(
        text="".join(f"images/{n}.jpg,{'0 2' if n < 'd' else 1}\n" for n in NAMES),
        told={"header": False},
        refused="'2' holds '0 2'.*--label-column 2",
    ),
    "several numbers with commas": Case(
        text=labels(['"0,1,5"', "7"]), refused="'label' holds '0,1,5': several labels an image"
    ),
    "classes of several words": Case(
        text=labels(["hot dog", "dog", "apple 2"]), classes={"hot dog": 8, "dog": 8, "apple 2": 8}
    ),
    "one-hot": Case(
        text=ONE_HOT,
        columns={"filename": "filename", "label": "cat, dog"},
        says="2 columns of 0 and 1",
    ),
    "one-hot of Roboflow": Case(
        text=ONE_HOT.replace(",", ", ").replace("images/", ""), name="images/_classes.csv"
    ),
    "one-hot as 1.0 and 0.0": Case(text=ONE_HOT.replace(",1", ",1.0").replace(",0", ",0.0")),
    "one-hot with a row of zeros": Case(
        text=ONE_HOT.replace("cat00.jpg,1,0", "cat00.jpg,0,0"),
        refused="1 row has no 1 in columns cat, dog.*--label-column cat --label-column dog for",
    ),
    "one-hot with a row of zeros, told": Case(
        text=ONE_HOT.replace("cat00.jpg,1,0", "cat00.jpg,0,0"),
        told={"label_column": ["cat", "dog"]},
        classes={"cat": 11, "dog": 12},
        unlabelled=1,
        says="1 row has no 1",
    ),
    "one-hot beside other numbers": Case(
        text=table(
            "filename,patient,cat,dog",
            lambda n: f"images/{n}.jpg,{NAMES.index(n)},{int(n < 'd')},{int(n > 'd')}",
        ),
        classes={},
        unlabelled=24,
        says="there are: patient, cat, dog.*such as --label-column cat --label-column dog",
    ),
    "one-hot with empty fields for 0": Case(text=ONE_HOT.replace(",0", ",")),
    "one-hot with an empty row": Case(
        text=ONE_HOT.replace("cat00.jpg,1,0", "cat00.jpg,,"), refused="1 row has no 1 in columns"
    ),
    "one-hot with an empty row, told": Case(
        text=ONE_HOT.replace("cat00.jpg,1,0", "cat00.jpg,,"),
        told={"label_column": ["cat", "dog"]},
        classes={"cat": 11, "dog": 12},
        unlabelled=1,
    ),
    "two labels in two orders": Case(
        text=labels(['"cat, dog"', '"dog, cat"']), refused="'dog, cat': several labels an image"
    ),
    "attributes, of which no image happens to have two": Case(
        text=table(
            "filename,5_o_Clock_Shadow,Bald,Male",
            lambda n: (
                f"images/{n}.jpg,{','.join(str(int(NAMES.index(n) % 9 == k)) for k in (1, 4, 7))}"
            ),
        ),
        refused="no 1 in columns 5_o_Clock_Shadow, Bald, Male.*--label-column 5_o_Clock_Shadow to",
    ),
    "attributes of 1 and -1, of which no image has two": Case(
        text=table("filename,male,smiling", lambda n: f"images/{n}.jpg,-1,{-1 + 2 * (n < 'd')}"),
        refused="12 rows have no 1 in columns male, smiling",
    ),
    "attributes of 1 and -1, one each": Case(
        text=ONE_HOT.replace(",0", ",-1"),
        refused="1 and -1 stand in columns cat, dog",
    ),
    "attributes of 1 and -1, one each, told": Case(
        text=ONE_HOT.replace(",0", ",-1"), told={"label_column": ["cat", "dog"]}
    ),
    "forty attributes": Case(
        text=table(
            "filename," + ",".join(f"a{k}" for k in range(40)),
            lambda n: (
                f"images/{n}.jpg,{','.join(str(int(k == NAMES.index(n))) for k in range(1, 41))}"
            ),
        ),
        refused=r"columns a0, a1, a2, a3, a4, a5, …,.*--label-column NAME for each of the 40",
    ),
    "one attribute, told": Case(
        text=table("filename,male,smiling", lambda n: f"images/{n}.jpg,{int(n < 'd')},0"),
        told={"label_column": "male"},
        classes={"0": 12, "1": 12},
    ),
    "whole numbers with a fraction": Case(
        text=labels(["1.0", "2.0", ""]),
        classes={"1.0": 8, "2.0": 8},
        unlabelled=8,
        says="called as the table has them, with a fraction: 1.0",
    ),
    "decimal commas": Case(
        text=labels(["0,25", "0,5", "1,75"]).replace(",", ";", 1).replace("jpg,", "jpg;"),
        refused="'label' holds numbers such as 0,25: regression targets",
    ),
    "True and False": Case(text=labels(["True", "False"]), classes={"True": 12, "False": 12}),
    "dates": Case(
        text=labels(["2024-01-01", "2024-01-02"]),
        classes={"2024-01-01": 12, "2024-01-02": 12},
    ),
    "blanks around labels, hard ones too": Case(
        text=labels([" cat", "cat\u00a0", "dog "]), classes={"cat": 16, "dog": 8}
    ),
    "one image with two labels": Case(
        text=table() + "images/cat00.jpg,dog\n",
        refused=r"images/cat00\.jpg stands in lines 2 and 26",
    ),
    "several ones a row": Case(
        text=ONE_HOT.replace("cat00.jpg,1,0", "cat00.jpg,1,1"),
        classes={},
        unlabelled=24,
        targets=("cat", "dog"),
        says="1 row has several labels, of 2",
    ),
    "attributes of 1 and -1": Case(
        text=table("image_id,smiling,young", lambda n: f"{n},{(-1) ** int(n[-1])},1"),
        classes={},
        unlabelled=24,
        targets=("smiling", "young"),
    ),
    "some columns of 0 and 1, told": Case(
        text=table("image,cat,dog,weight", lambda n: f"{n},{int(n < 'd')},{int(n > 'd')},0.5"),
        told={"label_column": ["cat", "dog"]},
    ),
    "one-hot that is none in a late row": Case(
        text=ONE_HOT.replace("dog11.jpg,0,1", "dog11.jpg,0,2"),
        told={"label_column": ["cat", "dog"]},
        refused="line 25: column 'dog' holds '2', not 0 or 1",
    ),
}


# Splits.
SPLITS = {
    "train and test in the paths": by_folders(
        ["train/a", "train/a", "train/b", "test/a"],
        splits=(18, 0, 6),
        says="splits from the folders in 'path': train 18, test 6",
    ),
    "train_images, val_images and test_images in the paths, below another folder": by_folders(
        ["all/train_images/a", "all/val_images/b", "all/test_images/a"],
        splits=(8, 8, 8),
        says="splits from the folders in 'path': train 8, val 8, test 8",
    ),
    "splits below the classes in the paths": by_folders(
        ["a/train", "b/train", "a/eval"], splits=(16, 0, 8), says="train 16, test 8"
    ),
    "splits in paths of another machine": by_folders(
        ["train/a", "test/a"], before="/home/you/data/", splits=(12, 0, 12)
    ),
    "splits in the paths of a list without names": by_folders(
        ["train/a", "valid/a"],
        head="",
        row="{path} {kind}",
        name="t.txt",
        told={"header": False},
        splits=(12, 12, 0),
        says="splits from the folders in '1': train 12, val 12",
    ),
    "splits in the paths in JSON": by_folders(
        ["train/a", "test/a"],
        head="",
        row='{{"image": "{path}", "label": "{kind}"}}',
        name="t.jsonl",
        splits=(12, 0, 12),
    ),
    "splits in the paths, told that they are none": by_folders(
        ["train/a", "test/a"], told={"split_column": ""}, says="^$"
    ),
    "splits in the paths, told that all of it is val": by_folders(
        ["train/a", "test/a"], told={"split_map": "=val"}, splits=(0, 24, 0)
    ),
    "splits in the paths and in a column": by_folders(
        ["train/a", "test/a"], "path,label,split\n", "{path},{kind},train"
    ),
    "splits in two places of the paths": by_folders(
        ["train/test", "test/train"],
        refused="the folders in 'path' say the split in two places.*--split-column ''",
    ),
    "splits in some of the paths": by_folders(
        ["train/a", "test/a", "more/a"],
        says="16 of 24 paths in 'path' have a folder test and train, but no column says a split",
    ),
    "one split in all paths": by_folders(
        ["test/a"],
        says="24 of 24 paths in 'path' have a folder test, .*all of it is train; --split-map =test",
    ),
    "classes called as splits are among others": by_folders(["train", "car", "bus"], says="^$"),
    "training and testing": Case(text=split_by(["training", "testing"]), splits=(12, 0, 12)),
    "TRAIN, Dev, eval, Test": Case(
        text=split_by(["TRAIN", "Dev", "eval", "Test"]), splits=(6, 12, 6)
    ),
    "train_set, validation-set, test data": Case(
        text=split_by(["train_set", "validation-set", "test data"]), splits=(8, 8, 8)
    ),
    "a column called subset": Case(
        text=split_by(["train", "valid"], "filename,label,subset"), splits=(12, 12, 0)
    ),
    "a column called set with words": Case(
        text=split_by(["train", "test"], "filename,label,set"), splits=(12, 0, 12)
    ),
    **{
        f"words for splits in a column called {name!r}": Case(
            text=split_by(["train", "test", "valid"], f"filename,label,{name}"),
            refused=f"column '{name}' holds words for splits in every row.*"
            f"--split-column '?{name}'? if that says the split, or --split-column ''",
        )
        for name in ("use_for", "use", "set_name", "split1", "part of")
    },
    "words for splits in a column of another name, told": Case(
        text=split_by(["train", "test", "valid"], "filename,label,use"),
        told={"split_column": "use"},
        splits=(8, 8, 8),
    ),
    "words for splits in a column of another name, told that they are none": Case(
        text=split_by(["train", "test"], "filename,label,use"), told={"split_column": ""}
    ),
    "words for splits in two columns of other names": Case(
        text=split_by(["train,test", "test,train"], "filename,label,use,half"),
        refused="columns 'use' and 'half' hold words.*--split-column use or --split-column half if",
    ),
    "words for splits in two columns of names that may say it": Case(
        text=split_by(["train,test", "test,train"], "filename,label,set,phase"),
        refused="columns 'set' and 'phase' hold words",
    ),
    "words for splits in the second column of two, without names": Case(
        text="".join(f"images/{n}.jpg,{'train' if n < 'd' else 'test'}\n" for n in NAMES),
        told={"header": False},
        refused="column '2' holds words for splits.*--split-column 2 if",
    ),
    "words for splits in the first rows alone": Case(
        text=split_by(["train"], "filename,label,use") + "images/cat00.jpg?,cat,other\n",
        classes={"cat": 13, "dog": 12},
        splits=(25, 0, 0),
        gone=1,
    ),
    "train alone in a column of another name": Case(
        text=split_by(["train"], "filename,label,use"),
    ),
    "classes called as splits are": Case(
        text=labels(["train", "test"]), classes={"train": 12, "test": 12}
    ),
    "a column called fold with numbers": Case(
        text=split_by(["1", "2"], "filename,label,fold"), says="'fold' holds no words for splits"
    ),
    "0 and 1": Case(
        text=split_by(["0", "0", "1"]),
        refused=r"'split' holds '0' \(16\), '1' \(8\).*--split-map 0=SPLIT,1=SPLIT, where SPLIT is",
    ),
    "0 and 1, told": Case(
        text=split_by(["0", "0", "1"]), told={"split_map": "0=train,1=test"}, splits=(16, 0, 8)
    ),
    "0, 1, 2 of CelebA": Case(
        text=split_by(["0", "1", "2"], "image_id,label,partition"),
        refused=r"'partition' holds '0' \(8\), '1' \(8\), '2' \(8\).*0=SPLIT,1=SPLIT,2=SPLIT,",
    ),
    **{
        f"{name} of {yes} and {no}": Case(
            text=split_by([yes, no, no], f"filename,label,{name}"), splits=splits, says=says
        )
        for name, yes, no, splits, says in (
            ("is_test", "True", "False", (16, 0, 8), "1 in is_test is test, 0 is train"),
            ("is_training_image", "1", "0", (8, 0, 16), "1 in is_training_image is train, 0 is te"),
            ("is_train", "yes", "no", (8, 0, 16), "1 in is_train is train"),
            ("isTrain", "1.0", "0.0", (8, 0, 16), "1 in isTrain is train"),
            ("is_valid", "TRUE", "FALSE", (16, 8, 0), "1 in is_valid is val, 0 is train"),
            ("is_validation", "1", "0", (16, 8, 0), "0 is train"),
            ("test_set", "1", "0", (16, 0, 8), "1 in test_set is test"),
        )
    },
    "is_valid of most images": Case(
        text=split_by(["1", "1", "0"], "filename,label,is_valid"),
        refused="'is_valid' is 1 in 16 of 24 rows.*--split-column is_valid if.*--split-column ''",
    ),
    "is_valid of most images, told": Case(
        text=split_by(["1", "1", "0"], "filename,label,is_valid"),
        told={"split_column": "is_valid"},
        splits=(8, 16, 0),
    ),
    "invalid": Case(text=split_by(["1", "0", "0"], "filename,label,invalid")),
    "is_train with a gap": Case(
        text=split_by(["1", "0", ""], "filename,label,is_train"),
        refused="'is_train' is empty in 8 of its rows",
    ),
    "is_train with a gap far below": Case(
        text=table("filename,label,is_train", lambda n: f"images/{n}.jpg,cat,1")
        + "".join(f"images/cat00.jpg?{i},cat,{'' if i == 600 else 0}\n" for i in range(601)),
        refused="line 626: column 'is_train' holds '', neither 0 nor 1",
    ),
    "is_train of other words": Case(
        text=split_by(["Y", "N"], "filename,label,is_train"),
        refused=r"'is_train' holds 'N' \(12\), 'Y' \(12\)",
    ),
    "train and test": Case(
        text=table(
            "filename,label,train,test",
            lambda n: f"images/{n}.jpg,cat,{int(n < 'd')},{int(n > 'd')}",
        ),
        classes={"cat": 24},
        splits=(12, 0, 12),
        columns={"filename": "filename", "label": "label", "split": "train, test"},
    ),
    "is_val and is_test, the rest is train": Case(
        text=split_by(["1,0", "0,1", "0,0"], "filename,label,is_val,is_test"),
        splits=(8, 8, 8),
        says="1 in is_val is val, 1 in is_test is test, no 1 is train",
    ),
    "train, val and test, a row without": Case(
        text=split_by(["1,0,0", "0,1,0", "0,0,1", "0,0,0"], "filename,label,train,val,test"),
        refused="line 5 has no 1 in any of train, val, test",
    ),
    "train and test, a row with both": Case(
        text=split_by(["1,0", "0,1", "1,1"], "filename,label,is_train,is_test"),
        refused="line 4 has a 1 in each of is_train, is_test",
    ),
    "test alone": Case(
        text=split_by(["1", "0"], "filename,label,test"),
        refused="'test' holds 0 and 1.*--split-column test if.*--split-column '' if",
    ),
    "test alone, told": Case(
        text=split_by(["1", "0"], "filename,label,test"),
        told={"split_column": "test"},
        splits=(12, 0, 12),
    ),
    "test alone, told that it is none": Case(
        text=split_by(["1", "0"], "filename,label,test"), told={"split_column": ""}
    ),
    "is_test, told": Case(
        text=split_by(["True", "False"], "filename,label,is_test"),
        told={"split_map": {"true": "test", "false": "train"}},
        splits=(12, 0, 12),
    ),
    "a column of any name, told": Case(
        text=split_by(["a", "b"], "filename,label,half"),
        told={"split_column": "half", "split_map": "a=train,b=val"},
        splits=(12, 12, 0),
    ),
    "a split that is none, told": Case(
        text=split_by(["0", "1"]), told={"split_column": ""}, splits=(24, 0, 0)
    ),
    "test.csv without a split": Case(
        text=table(),
        name="set_Test.csv",
        says="its name says test, but no column says a split, so all of it is train; --split-map",
    ),
    "test.csv without a split, told": Case(
        text=table(), name="test.csv", told={"split_map": "=test"}, splits=(0, 0, 24), says="^$"
    ),
    "a val of pixels without a split": Case(
        text=pixels("label," + names_of(64), 64), name="mnist_val.csv", says="--split-map =val if"
    ),
    "partly empty": Case(
        text=split_by(["train", "", "test"]),
        refused=r"'split' is empty in 8 of its rows \(lines 3, 6, 9, 12, 15, ...\)",
    ),
    "partly empty, told": Case(
        text=split_by(["train", "", "test"]), told={"split_map": "=val"}, splits=(8, 8, 8)
    ),
    "a word that is no split": Case(
        text=split_by(["train", "later"]),
        refused="'later' is no split by its name.*--split-map later=SPLIT,",
    ),
    **{
        f"{', '.join(words)} for splits": Case(text=split_by(words), refused=f"--split-map {said}")
        for words, said in (
            (["te", "tr", "va", "te"], "te=test,tr=train,va=val;"),
            (["trainA", "trainA", "valB", "testC"], "testC=test,trainA=train,valB=val;"),
            (["treino", "teste", "teste"], "teste=test,treino=train;"),
            (["entraînement", "validación"], "'entraînement=train,validación=val'"),
            (["learn", "apply", "apply"], "apply=SPLIT,learn=SPLIT, where SPLIT is"),
            (["train", "ts", "ts"], "ts=SPLIT,"),
            (["t", "v", "v"], "t=SPLIT,v=SPLIT,"),
            (["tr", "other"], "other=SPLIT,tr=SPLIT,"),
            (["half a", "half b"], "'half a=SPLIT,half b=SPLIT',"),
            ([*"abcdefgh"], "WORD=SPLIT,…, where SPLIT is"),
        )
    },
}
# Other kinds of tables.
KINDS = {
    "metadata.csv": Case(
        text=table("file_name,label", lambda n: f"{n}.jpg,{kind_of(n)}"),
        name="images/metadata.csv",
    ),
    "metadata.jsonl": Case(
        text=lines(lambda n: {"file_name": f"{n}.jpg", "label": kind_of(n)}),
        name="images/metadata.jsonl",
    ),
    "captions": Case(
        text=lines(lambda n: {"file_name": f"{n}.jpg", "text": f"a {kind_of(n)}"}),
        name="images/metadata.jsonl",
        classes={},
        unlabelled=24,
        says="no column is one of labels by its name",
    ),
    "numbers, null and NaN in JSON": Case(
        text="".join(
            f'{{"path": "images/{n}.jpg", "label": {["1", "007e1", "null", "NaN"][i % 4]}}}\n'
            for i, n in enumerate(NAMES)
        ).replace("007e1", '"007"'),
        name="t.jsonl",
        classes={"1": 6, "007": 6},
        unlabelled=12,
    ),
    "the text None in JSON": Case(
        text=lines(lambda n: {"path": f"images/{n}.jpg", "label": "None"}),
        name="t.jsonl",
        classes={"None": 24},
    ),
    "a list of objects in .json": Case(
        text=json.dumps([{"image": f"images/{n}.jpg", "class": kind_of(n)} for n in NAMES]),
        name="t.json",
    ),
    "objects in lines in .json": Case(
        text=lines(lambda n: {"image": f"images/{n}.jpg", "class": kind_of(n)}), name="t.json"
    ),
    "a key that only some lines have": Case(
        text=lines(lambda n: {"image": f"images/{n}.jpg", **({"class": "cat"} if n < "d" else {})}),
        name="t.jsonl",
        classes={"cat": 12},
        unlabelled=12,
    ),
    "a list of labels in JSON": Case(
        text=lines(
            lambda n: {"image": f"images/{n}.jpg", "label": ["cat", "dog"][: 1 + (n < "d")]}
        ),
        name="t.jsonl",
        classes={},
        unlabelled=24,
        targets=("cat", "dog"),
    ),
    "a line that is no JSON": Case(
        text='{"image": "images/cat00.jpg"}\n{"image": \n',
        name="t.jsonl",
        refused="line 2: no JSON",
    ),
    "COCO": Case(text=json.dumps(COCO), name="a.json", refused="COCO.*boxes.*cut the objects"),
    "Pascal VOC": Case(text=VOC, name="a.xml", refused="Pascal VOC.*boxes"),
    "a table of boxes": Case(
        text=table(
            "filename,width,height,class,xmin,ymin,xmax,ymax",
            lambda n: f"images/{n}.jpg,8,8,{kind_of(n)},0,0,4,4",
        ),
        refused="columns xmin, ymin, xmax, ymax: boxes of objects",
    ),
    "a table of one box an image, told": Case(
        text=table("fname,x1,y1,x2,y2,class", lambda n: f"images/{n}.jpg,0,0,4,4,{kind_of(n)}"),
        told={"label_column": "class"},
    ),
    "a table of ours with boxes": Case(
        text=table("filename,label,x,y,w,h", lambda n: f"images/{n}.jpg,{kind_of(n)},0,0,4,4"),
        refused="columns x, y, w, h: boxes.*: --label-column label",
    ),
    "a table of ours with boxes, told": Case(
        text=table("filename,label,x,y,w,h", lambda n: f"images/{n}.jpg,{kind_of(n)},0,0,4,4"),
        told={"label_column": "label"},
    ),
    "objects of JSON as names": Case(
        text=lines(lambda n: {"image": {"path": f"images/{n}.jpg"}, "label": kind_of(n)}),
        name="t.jsonl",
        refused="line 1 has an object of JSON in the place of a file's name",
    ),
    "YOLO": Case(
        text="0 0.5 0.5 0.25 0.25\n1 0.1 0.2 0.1 0.1\n", name="a.txt", refused="YOLO.*boxes"
    ),
    "objects of Hugging Face": Case(
        text=lines(lambda n: {"file_name": f"{n}.jpg", "objects": {"bbox": [[0, 0, 1, 1]]}}),
        name="images/metadata.jsonl",
        refused="columns objects: boxes",
    ),
}
# Tables of pixels.
PIXELS = {
    "label,pixel0": Case(text=pixels("label," + names_of(64), 64), says="gray images of 8x8"),
    "label,1x1": Case(
        text=pixels("label," + ",".join(f"{y}x{x}" for y in range(1, 9) for x in range(1, 9)), 64),
        says="gray images of 8x8",
    ),
    "pixels last, no label's name but numbers": Case(
        text=pixels("label," + ",".join(map(str, range(64))), 64)
    ),
    "label last": Case(text=pixels(names_of(64) + ",label", 64, label_first=False)),
    "one column of pixels": Case(
        text="emotion,pixels,Usage\n"
        + "".join(
            f"{i % 3},{' '.join(map(str, [i] * 64))},"
            f"{('Training', 'PublicTest', 'PrivateTest')[i % 4 // 2]}\n"
            for i in range(24)
        ),
        classes={"0": 8, "1": 8, "2": 8},
        splits=(12, 12, 0),
        columns={"label": "emotion", "split": "Usage"},
        says="gray images of 8x8",
    ),
    "192 columns of noise": Case(
        text=pixels(names_of(192) + ",label", 192, label_first=False),
        says="color images of 8x8 pixels: red, green and blue of each pixel",
    ),
    "192 columns of pixels": Case(
        text=pixels("label," + names_of(192), 192, make=smooth), says="color images of 8x8"
    ),
    "192 columns of planes": Case(
        text=pixels("label," + names_of(192), 192, make=lambda i: smooth(i).transpose(2, 0, 1)),
        refused="look like all red pixels first.*--pixel-order planar",
    ),
    "192 columns of planes, told": Case(
        text=pixels("label," + names_of(192), 192, make=lambda i: smooth(i).transpose(2, 0, 1)),
        told={"pixel_order": "planar"},
        says="all red ones first",
    ),
    "pixels without a header": Case(
        text="".join(f"{i % 2},{','.join(map(str, [0] * 63 + [0]))}\n" for i in range(24)),
        refused="its first line names no columns.*--no-header",
    ),
    "pixels without a header, told": Case(
        text="".join(
            f"{i % 2},{','.join(map(str, [0] * 30 + [i] + [0] * 33))}\n" for i in range(24)
        ),
        told={"header": False},
        classes={"0": 12, "1": 12},
        columns={"label": "1"},
    ),
    "pixels without a header, label last": Case(
        text="".join(
            f"{','.join(map(str, [0] * 30 + [i] + [0] * 33))},{i % 2}\n" for i in range(24)
        ),
        told={"header": False},
        classes={"0": 12, "1": 12},
        columns={"label": "65"},
    ),
    "pixels without a header, either end": Case(
        text="".join(f"{i % 2},{','.join(map(str, [0] * 63 + [i]))}\n" for i in range(24)),
        told={"header": False},
        refused="its label may be column 1 or 65 of 65.*--label-column 1 or --label-column 65$",
    ),
    "pixels with semicolons": Case(
        text=pixels("label;" + names_of(64).replace(",", ";"), 64, sep=";")
    ),
    "pixels and missing labels": Case(
        text=pixels("label," + names_of(64), 64).replace("cat,", "NaN,"),
        classes={"dog": 12},
        unlabelled=12,
        says="12 rows have no label",
    ),
    "28x28 of Fashion-MNIST": Case(
        text=pixels("label," + names_of(784, 1), 784), says="gray images of 28x28"
    ),
    "2,352 columns of HAM10000, label last": Case(
        text=pixels(
            ",".join(f"pixel{i:04d}" for i in range(2352)) + ",label", 2352, label_first=False
        ),
        says="color images of 28x28",
    ),
    "fractions for pixels": Case(
        text=pixels("label," + names_of(64), 64, make=lambda i: np.full(64, 0.5)),
        refused="line 2: pixels must be whole numbers.*multiply fractions by 255",
    ),
    "umlauts beside pixels": Case(
        text=pixels("label," + names_of(64), 64).replace("cat", "Hündchen").encode("cp1252"),
        classes={"Hündchen": 12, "dog": 12},
    ),
    "umlauts beside pixels that are damaged": Case(
        text=pixels("label," + names_of(64), 64).replace("cat", "Hündchen").encode()
        + b"H\xfcndchen,"
        + b",".join([b"7"] * 64)
        + b"\n",
        refused="line 26 holds bytes that are not UTF-8",
    ),
    "63 columns": Case(text=pixels("label," + names_of(63), 63), refused="are no square"),
}
CASES = {**COLUMNS, **PATHS, **TEXTS, **LABELS, **SPLITS, **KINDS, **PIXELS}
