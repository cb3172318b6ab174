"""`scheme://…` where a path is meant is wrong usage at every door; it never becomes a folder."""

import sys
from importlib import import_module
from pathlib import Path

import pytest
from store_world import RECIPE

import bottleneck
from bottleneck.__main__ import VERBS, main
from bottleneck._store_options import store
from bottleneck.core.errors import UsageError
from bottleneck.core.paths import local_path
from bottleneck.core.reporter import SILENT
from bottleneck.pipeline.extraction.inputs import Inputs
from bottleneck.store.store import Store

GOLDEN = str(Path(__file__).parent / "golden" / "stores" / "v1-hdf5")
ADDRESS = "ftp://bucket/x"  # stores may be at s3:// (test_buckets.py)
IN_BUCKETS = sorted({*VERBS} - {"doctor"})  # verbs that may work on a store in a bucket
PICTURE = f"{ADDRESS}.png"
WORDS = [
    ("extract", "--cache", ADDRESS, "--data", "digits"),
    ("extract", "--all", ADDRESS),
    ("train", "--cache", ADDRESS),
    ("train", "--cache", GOLDEN, "--tensorboard", ADDRESS),
    ("train", "--cache", GOLDEN, "--decisions", ADDRESS),
    ("predict", "--run", ADDRESS, "a.png"),
    ("predict", "--backbone", "mini", "--csv", ADDRESS, "a.png"),
    ("predict", "--run", "last", "--cache", ADDRESS, "a.png"),
    ("predict", "--backbone", "mini", "--csv", "a.csv", "--like", ADDRESS, "a.png"),
    ("compare", ADDRESS),
    ("compare", "--cache", ADDRESS),
    ("compare", "--backbones", "mini", "--data", "digits", "--caches", ADDRESS),
    ("compare", "--backbones", "mini", "--data", "digits", "--picture", PICTURE),
    ("compare", "--backbones", "mini", "--data", "digits", "--decisions", ADDRESS),
    ("inspect", "--cache", ADDRESS),
    ("inspect", "--cache", GOLDEN, "--decisions", ADDRESS),
    ("inspect", "--cache", GOLDEN, "--csv", ADDRESS),
    ("inspect", "--cache", GOLDEN, "--page", ADDRESS),
    ("search", "--cache", ADDRESS, "a.png"),
    ("search", "--cache", GOLDEN, ADDRESS),
    ("search", "--cache", GOLDEN, "--page", f"{ADDRESS}.html", "a.png"),
    ("export", f"{ADDRESS}.npz", "--cache", GOLDEN),
    ("export", "x.npz", "--cache", ADDRESS),
    ("export", "x.keras", "--run", ADDRESS),
    ("status", "--cache", ADDRESS),
    ("status", "--cache", GOLDEN, "--picture", PICTURE),
    ("status", "--all", ADDRESS),
    ("relocate", "--cache", ADDRESS, "digits", "photos"),
    ("forget", "--cache", ADDRESS),
    ("verify", "--cache", ADDRESS),
    ("verify", "--cache", ADDRESS, "--repair"),
    ("gc", "--cache", ADDRESS),
    ("gc", "--cache", ADDRESS, "--dry-run"),
    ("doctor", "--cache", ADDRESS),
    ("copy", ADDRESS, "copy"),
    ("copy", GOLDEN, ADDRESS),
    *((verb, "--part-cache", ADDRESS) for verb in IN_BUCKETS),
]
# Where images may lie in a bucket.
IMAGES = "s3://bucket/x"
DATA = [
    ("extract", "--cache", "new", "--data", IMAGES, "--backbone", "mini"),
    ("compare", "--backbones", "mini", "--data", IMAGES),
    ("relocate", "--cache", GOLDEN, "photos", IMAGES, "--dry-run"),
]


@pytest.mark.parametrize("words", DATA, ids=" ".join)
def test_images_in_a_bucket_need_an_extra_and_it_is_named(words, tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "obstore", None)
    monkeypatch.chdir(tmp_path)
    assert main(words) == 2
    *_, line = capsys.readouterr().err.splitlines()
    assert "pip install 'bottleneck-cache[objects]'" in line
    assert IMAGES in line
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("words", DATA, ids=" ".join)
def test_images_at_an_address_of_another_kind_are_2(words, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main([word.replace("s3:", "ftp:") for word in words]) == 2
    *_, line = capsys.readouterr().err.splitlines()
    assert "addresses that begin with ftp:// are not supported" in line
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("words", WORDS, ids=" ".join)
def test_an_address_at_a_door_is_2_and_makes_nothing(words, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(words) == 2
    *_, line = capsys.readouterr().err.splitlines()
    assert "addresses that begin with ftp:// are not supported" in line
    assert ADDRESS in line
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("address", ["s3://", "s3:///st", "gs://", "az:///x"])
@pytest.mark.parametrize(
    "words",
    [
        ("extract", "--data", "digits", "--backbone", "mini", "--cache"),
        ("status", "--cache"),
        ("train", "--cache"),
        ("predict", "a.png", "--cache"),
        ("compare", "--cache"),
        ("compare", "--backbones", "mini", "--data", "digits", "--caches"),
        ("copy", GOLDEN),
        ("status", "--cache", GOLDEN, "--part-cache"),
        ("copy", "--quiet"),
    ],
    ids=" ".join,
)
def test_an_address_without_a_bucket_is_2_and_makes_nothing(
    words, address, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    words = (*words, address, "to") if words[-1] == "--quiet" else (*words, address)
    assert main(words) == 2
    *_, line = capsys.readouterr().err.splitlines()
    assert "no name of a bucket" in line
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "near", ["s3:bucket/x", "S3://bucket/x", "Gs:/bucket", "AZ:x", " s3://bucket/x"]
)
@pytest.mark.parametrize(
    "words", [("status", "--cache"), ("extract", "--cache", "x", "--backbone", "mini", "--data")]
)
def test_what_is_nearly_the_address_of_a_bucket_is_2_and_makes_nothing(
    near, words, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    assert main((*words, near)) == 2
    *_, line = capsys.readouterr().err.splitlines()
    assert line.startswith("error: no address of a bucket: ")
    assert f"write {near.strip()[:2].lower()}://BUCKET/PREFIX" in line
    assert not list(tmp_path.iterdir())
    (tmp_path / near.replace("/", "_")).mkdir()
    assert main(("status", "--cache", str(tmp_path / near.replace("/", "_")))) == 2
    assert "not a feature store" in capsys.readouterr().err


@pytest.mark.parametrize("named", ["s3://", "s3:///st"])
def test_an_address_without_a_bucket_is_refused_from_python(named, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match="no name of a bucket"):
        bottleneck.open_store(named)


def test_every_option_of_a_door_that_is_a_path_was_tried():
    tried = {(words[0], word) for words in (*WORDS, *DATA) for word in words}
    for verb in VERBS:
        for action in import_module(f"bottleneck.{verb}").parser()._actions:
            if action.type in (Path, store) and action.option_strings:
                assert {(verb, option) for option in action.option_strings} & tried, action


@pytest.mark.parametrize("word", [ADDRESS, "https://x.org/a.png", "ftp://b/*.jpg", "file:///a"])
def test_an_address_among_images_is_wrong_usage(word):
    with pytest.raises(UsageError, match="not supported"):
        Inputs(SILENT).add(word)


@pytest.mark.parametrize(
    "path", ["a", "/a/b", "./s3:", "C:/x", "C:\\x", "a/b://c", "x:y", "kerashub:preset", "é:/x", ""]
)
def test_what_is_no_address_is_a_path(path):
    assert local_path(path) == Path(path)
    assert local_path(Path(path)) == Path(path)


@pytest.mark.parametrize(
    "address", ["s3://a/b", "gs://a", "az://c", "http://x.org/a", "dask://h:1"]
)
def test_an_address_is_known_again_after_it_became_a_path(address):
    for path in (address, Path(address)):
        with pytest.raises(UsageError) as caught:
            local_path(path)
        assert caught.value.where == address


@pytest.mark.parametrize(
    "use", [Store.open, Store.is_there, Store.prepare, lambda path: Store.create(path, RECIPE, {})]
)
def test_a_store_is_neither_looked_for_nor_made_at_an_address(use, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match="not supported"):
        use(Path(ADDRESS))
    assert not list(tmp_path.iterdir())
