"""Wrong input for every kind of source, through the door: one line, the code of the table."""

import gzip
import os
import tarfile
from pathlib import Path

import numpy as np
import pytest
from test_doors import failing, words
from world import picture

from bottleneck.core import console
from bottleneck.extract import main as extract_main
from bottleneck.train import main as train_main

X = np.zeros((3, 4, 4), np.uint8)


def text(content, name="t.csv"):
    return lambda folder: (folder / name).write_text(content) and folder / name


def npz(**arrays):
    return lambda folder: np.savez(folder / "a.npz", **arrays) or folder / "a.npz"


def tar(name, **fields):
    def make(folder):
        with tarfile.open(folder / "a.tar", "w") as archive:
            info = tarfile.TarInfo(name)
            for field, value in fields.items():
                setattr(info, field, value)
            archive.addfile(info)
        return folder / "a.tar"

    return make


def packed(folder):
    (folder / "a.tar.gz").write_bytes(gzip.compress(tar("cat/1.png")(folder).read_bytes()))
    return folder / "a.tar.gz"


def pipe(folder):
    os.mkfifo(folder / "a.tar")
    return folder / "a.tar"


WRONG = {
    "no such table": (lambda folder: folder / "t.csv", 3, "no such file"),
    "no such npz": (lambda folder: folder / "a.npz", 3, "no such file"),
    "no such tar": (lambda folder: folder / "a.tar", 3, "no such file"),
    "no such image": (lambda folder: folder / "a.jpg", 3, "no such file"),
    "an unknown kind": (text("x", "a.doc"), 3, "a .npz or .npy array, a .tar archive"),
    "a table without a header": (text("a.png,cat\n"), 3, "say --no-header"),
    "a split by number": (text("file,label,split\na,b,0\n"), 3, "--split-map 0=SPLIT"),
    "boxes": (text("{}", "a.xml"), 3, "boxes of objects"),
    "a table of addresses": (text("url,label\nhttp://a/b,c\n"), 3, "an address and no file"),
    "a key twice": (text("filename,label\na,b\na,b\n"), 3, "stands in lines 2 and 3"),
    "regression": (text("filename,label\na,0.5\nb,0.7\n"), 3, "regression targets"),
    "too few fields": (text("filename,label,split\na,b\n"), 3, "an empty one"),
    "no table": (lambda folder: folder / "train-*.parquet", 3, "no file matches"),
    "several labels": (text("filename,labels\na,b c\n"), 3, "multi-label"),
    "files elsewhere": (text("filename,label\nx.png,b\n"), 3, "1 of 1 files"),
    "pixels that are none": (text("label,pixel0\n1,300\n2,999\n"), 3, "line 2: pixels must be"),
    "pixels that are no square": (text("label,pixel0,pixel1\n1,3,3\n"), 3, "no square"),
    "floats": (npz(x=X / 255), 3, "pixels must be uint8"),
    "targets": (npz(x=X, y=np.arange(3.0)), 3, "regression targets"),
    "one-hot labels": (npz(x=X, y=np.eye(3)), 3, "one-hot"),
    "objects": (npz(x=np.array([None])), 3, "Python objects"),
    "no x": (npz(a=X), 3, "there are: a"),
    "no numpy file": (text("garbage", "a.npy"), 3, "not a file of numpy's"),
    "no tar": (text("garbage", "a.tar"), 3, "not a whole tar archive"),
    "compressed": (packed, 3, "compressed (gzip)"),
    "a member outside": (tar("../1.png"), 3, "leads out of the archive"),
    "devices alone": (tar("cat/1.png", type=tarfile.CHRTYPE), 3, "1 other"),
    "a pipe": (pipe, 3, "no regular file"),
    "no image": (text("garbage", "a.png"), 3, "not an image"),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_data_is_one_line_with_its_code(name, tmp_path, numpy_network, capsys):
    make, code, says = WRONG[name]
    got, said = failing(capsys, extract_main, words(tmp_path, make(tmp_path)))
    assert (got, says in said) == (code, True), said


@pytest.mark.parametrize("name", ["cifar100", "mnist", "fashion_mnist"])
def test_a_data_set_that_is_not_here_is_9_with_the_file_and_the_place(
    name, tmp_path, numpy_network, capsys, monkeypatch
):
    import sys

    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "k"))
    monkeypatch.setitem(sys.modules, "keras.datasets", None)
    code, said = failing(capsys, extract_main, words(tmp_path, name))
    assert code == 9
    assert "https://" in said
    assert str(tmp_path / "k" / "datasets") in said
    assert "--data digits" in said


def test_a_table_that_may_not_be_read_is_13(tmp_path, numpy_network, capsys, monkeypatch):
    path: Path = text("filename,label\na,b\n")(tmp_path)
    real = os.open

    def refuse(name, *rest):
        if os.fsencode(name) == os.fsencode(path):
            raise PermissionError(13, "Permission denied", name)
        return real(name, *rest)

    monkeypatch.setattr("bottleneck.data.reading.os.open", refuse)
    assert failing(capsys, extract_main, words(tmp_path, path))[0] == 13


def test_training_on_a_single_image_is_3_and_says_what_to_do(tmp_path, numpy_network, capsys):
    path = picture(tmp_path / "1.png", 1)
    assert console.run(extract_main, words(tmp_path, path)) == 0
    code, said = failing(capsys, train_main, ["--cache", str(tmp_path / "store")])
    assert code == 3
    assert "no sample has a label, so there is nothing to learn" in said
    assert "class folders, or name their classes in a table" in said
