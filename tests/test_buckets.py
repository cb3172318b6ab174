"""The verbs on a store in a bucket, as a user calls them."""

import errno
import json
import multiprocessing
import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from bucket_world import ADDRESS
from store_world import RECIPE, rows_and_digests, snapshot_of

import bottleneck
from bottleneck.__main__ import main
from bottleneck.core import files
from bottleneck.core.errors import UsageError
from bottleneck.pipeline.extraction.extract import extract
from bottleneck.pipeline.extraction.options import ExtractOptions
from bottleneck.pipeline.network.options import NetworkOptions
from bottleneck.store.log import SetSource
from bottleneck.store.storage import storage_of
from bottleneck.store.store import Store

CACHE = ("--cache", "s3://bucket/stores/first")


@pytest.fixture
def said(capsys):
    """Call a verb; return its exit code, its object, and what it said."""

    def call(*words):
        capsys.readouterr()
        code = main([*map(str, words), "--json"])
        out = capsys.readouterr()
        return code, json.loads(out.out), out.err

    return call


@pytest.fixture
def digits(bucket, said):
    """A store of the digits in a bucket."""
    words = ("--data", "digits", "--backbone", "mini")
    code, report, _ = said("extract", *CACHE, *words)
    assert (code, report["computed"]) == (0, 1797)
    return report


@pytest.mark.slow
def test_the_main_job_on_two_machines(digits, said, bucket, elsewhere, tmp_path):
    assert digits["store"] == "s3://bucket/stores/first"
    code, report, _ = said("extract", *CACHE)
    assert (code, report["computed"], report["cached"]) == (0, 0, 1797)
    code, report, _ = said("train", *CACHE)
    assert code == 0
    name = report["run"].rpartition("/")[2]
    assert report["run"] == f"s3://bucket/stores/first/runs/{name}"
    assert report["store"] == "s3://bucket/stores/first"
    receipt = json.loads(bucket.objects()[f"runs/{name}/run.json"])
    assert receipt["store"]["path"] == "s3://bucket/stores/first"

    elsewhere()
    code, status, _ = said("status", *CACHE)
    assert (code, status["rows"], status["runs"]) == (0, 1797, [name])
    assert status["store"] == "s3://bucket/stores/first"
    code, found, _ = said("predict", *CACHE, "--run", "last", _image(tmp_path))
    assert (code, found["run"]) == (0, report["run"])
    by_address = said("predict", "--run", report["run"], _image(tmp_path))
    assert by_address[0] == 0
    assert by_address[1]["images"] == found["images"]
    code, ranked, _ = said("compare", *CACHE)
    assert (code, len(ranked["runs"])) == (0, 1)
    assert said("inspect", *CACHE, "--only", "same")[0] == 0
    code, made, _ = said("export", *CACHE, tmp_path / "features.npz")
    assert (code, made["samples"]) == (0, 1797)
    code, checked, _ = said("verify", *CACHE)
    assert (code, checked["rows"], checked["damaged"]) == (0, 1797, [])
    code, swept, _ = said("gc", *CACHE, "--grace", "0s")
    assert (code, swept["store"]) == (0, "s3://bucket/stores/first")
    code, copied, _ = said("copy", CACHE[1], tmp_path / "laptop")
    assert (code, copied["from"], copied["rows"]) == (0, "s3://bucket/stores/first", 1797)
    code, local, _ = said("train", "--cache", tmp_path / "laptop")
    assert (code, local["accuracy"]) == (0, report["accuracy"])
    code, _, _ = said("forget", "digits", *CACHE)
    assert code == 0
    assert said("status", *CACHE)[1]["sources"] == []


def _image(folder):
    from PIL import Image

    path = folder / "one.png"
    Image.new("L", (8, 8), 128).save(path)
    return path


@pytest.mark.slow
def test_a_run_of_a_name_that_another_machine_took_is_refused(digits, said, elsewhere):
    assert said("train", *CACHE, "--run", "mine")[0] == 0
    elsewhere()
    code, told, _ = said("train", *CACHE, "--run", "mine")
    assert code == 2
    assert told["error"]["what"] == "the run 'mine' exists"


@pytest.mark.slow
def test_a_run_that_could_not_be_sent_is_said_and_sent_by_the_next_command(
    digits, said, bucket, elsewhere, tmp_path
):
    bucket.harm = lambda request: "503 SlowDown" if "/runs/" in request.path else None
    code, told, _ = said("train", *CACHE, "--run", "mine", "--head", "prototypes")
    assert code == 9
    assert told["error"]["what"].startswith("the run is finished, but not in the bucket yet")
    bucket.harm = lambda _: None
    assert said("train", *CACHE, "--run", "mine", "--head", "prototypes")[0] == 2  # taken by then
    assert said("status", *CACHE)[1]["runs"] == ["mine"]
    assert said("predict", *CACHE, "--run", "mine", _image(tmp_path))[0] == 0
    elsewhere()
    assert said("predict", *CACHE, "--run", "last", _image(tmp_path))[0] == 0


@pytest.mark.slow
def test_a_bucket_that_may_only_be_read_serves_what_writes_nothing(digits, said, bucket):
    writes = {"PUT", "POST", "DELETE"}
    bucket.harm = lambda request: "403 AccessDenied" if request.method in writes else None
    assert said("status", *CACHE)[0] == 0
    assert said("extract", *CACHE)[0] == 0
    code, told, _ = said("forget", "digits", *CACHE)
    assert code == 13
    assert told["error"]["what"] == "not permitted (AccessDenied)"
    assert len(said("status", *CACHE)[1]["sources"]) == 1


@pytest.mark.slow
def test_backbones_are_compared_with_their_stores_in_a_bucket(bucket, said, elsewhere):
    words = ("--data", "digits", "--limit", "60", "--backbones", "mini")
    code, report, _ = said("compare", *words, "--caches", "s3://bucket/stores/first")
    assert (code, report["failed"]) == (0, [])
    (run,) = report["runs"]
    assert run["run"].startswith("s3://bucket/stores/first/mini/runs/")
    assert "mini/runs/" + run["run"].rpartition("/")[2] + "/run.json" in bucket.objects()
    elsewhere()
    again = bottleneck.compare_backbones(["mini"], "digits", limit=60, caches=CACHE[1])
    assert (len(again["runs"]), again["failed"]) == (1, [])


@pytest.mark.parametrize("verb", ["status", "train", "verify", "gc"])
def test_no_server_is_9_in_one_line(bucket, monkeypatch, capsys, verb):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    assert main([verb, *CACHE]) == 9
    (line,) = capsys.readouterr().err.splitlines()
    said = (
        r"error: the object store cannot be reached \(tried 2 times in \d s\): s3://bucket/stores/f"
    )
    assert re.match(said, line)


@pytest.mark.parametrize(
    ("harm", "code", "what"),
    [
        ("403 InvalidAccessKeyId", 13, "the credentials are not valid (InvalidAccessKeyId)"),
        ("403 AccessDenied", 13, "not permitted (AccessDenied)"),
        ("404 NoSuchBucket", 2, "no such bucket"),
        ("503 SlowDown", 9, "the object store is busy or ill (SlowDown; tried 2 times in 0 s)"),
        ("301 PermanentRedirect", 2, "the bucket is in another region"),
        ("400 AuthorizationHeaderMalformed", 2, "the bucket is in another region"),
        ("507 InsufficientStorage", 12, "the bucket takes no more (InsufficientStorage)"),
    ],
)
def test_what_a_server_refuses_is_one_line_and_a_code(bucket, capsys, harm, code, what):
    bucket.harm = lambda _: harm
    assert main(["status", *CACHE]) == code
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"error: {what}: s3://bucket/stores/first")


def test_a_bucket_that_is_not_there_is_named_as_it_was_given(bucket, capsys):
    assert main(["status", "--cache", "s3://nobuck/st"]) == 2
    assert capsys.readouterr().err.startswith("error: no such bucket: s3://nobuck/st: ")


def test_a_new_store_where_nothing_may_be_written_is_13(bucket, capsys):
    bucket.harm = lambda request: "403 AccessDenied" if request.method == "PUT" else None
    words = ("--data", "digits", "--backbone", "mini")
    assert main(["extract", *CACHE, *words]) == 13
    assert "not permitted (AccessDenied)" in capsys.readouterr().err
    assert bucket.objects() == {}


def test_no_credentials_are_13(bucket, monkeypatch, capsys, tmp_path):
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_METADATA_ENDPOINT", "http://127.0.0.1:1")
    assert main(["status", *CACHE]) == 13
    assert "no credentials found" in capsys.readouterr().err


def test_without_the_extra_it_is_2_and_named(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "obstore", None)
    assert main(["status", *CACHE]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.endswith("pip install 'bottleneck-cache[objects]'")


def test_a_store_in_a_bucket_from_python(bucket, elsewhere):
    store = Store.create(ADDRESS, RECIPE, {"backbone": "x"})
    rows, digests = rows_and_digests(20)
    part = store.write_part(digests, rows, {"engine": "x", "batch": 4})
    entry = store.write_snapshot(snapshot_of(digests))
    store.commit([store.add_part(part), SetSource("s", None, entry)], "test")
    elsewhere()
    opened = bottleneck.open_store("s3://bucket/stores/first")
    assert "'s3://bucket/stores/first'" in repr(opened)
    np.testing.assert_array_equal(opened.arrays()[0], rows)
    report = bottleneck.verify_store("s3://bucket/stores/first")
    assert (report["store"], report["damaged"]) == ("s3://bucket/stores/first", [])
    with pytest.raises(UsageError, match="not supported"):
        bottleneck.open_store("ftp://bucket/stores/first")


def test_images_and_store_may_both_be_in_a_bucket(bucket, photos, numpy_network, elsewhere):
    for path in photos.rglob("*.png"):
        bucket.put(f"photos/{path.relative_to(photos).as_posix()}", path.read_bytes())
    network = NetworkOptions(backbone="resnet50", weights="random:0", size=(8, 8))
    options = ExtractOptions(
        cache=Path("s3://bucket/features"), data="s3://bucket/stores/first/photos", network=network
    )
    assert extract(options)["computed"] == 12
    elsewhere()
    again = extract(replace(options, data=None))
    assert (again["computed"], again["cached"]) == (0, 12)


def test_workers_of_a_loader_read_the_copies(bucket):
    store = Store.create(ADDRESS, RECIPE, {"backbone": "x"})
    rows, digests = rows_and_digests(20)
    part = store.write_part(digests, rows, {"engine": "x", "batch": 4})
    entry = store.write_snapshot(snapshot_of(digests))
    store.commit([store.add_part(part), SetSource("s", None, entry)], "test")
    data = bottleneck.open_store(str(ADDRESS)).torch_dataset()
    with multiprocessing.get_context("fork").Pool(1) as pool:
        features, label = pool.apply_async(data.__getitem__, (3,)).get(60)
    np.testing.assert_array_equal(features, rows[3].astype("f4"))
    assert label == 1


@pytest.mark.parametrize("address", ["ftp://host/x", "file:///x", "https://x.org/y"])
def test_other_addresses_are_refused_as_ever(address):
    with pytest.raises(UsageError, match="not supported"):
        storage_of(address)


@pytest.mark.slow
def test_a_picture_is_said_to_be_where_it_is(digits, said):
    pytest.importorskip("matplotlib")
    code, report, _ = said("status", *CACHE, "--picture")
    assert (code, report["store"]) == (0, CACHE[1])
    assert Path(report["picture"]).read_bytes().startswith(b"\x89PNG")


def test_the_part_cache_is_where_it_is_said_to_be(bucket, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("BOTTLENECK_PART_CACHE", "")
    folder = tmp_path / "here"
    assert main(["status", *CACHE, "--part-cache", str(folder)]) == 2  # no store there
    assert storage_of(ADDRESS).root.parent == folder
    assert os.environ["BOTTLENECK_PART_CACHE"] == str(folder)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EACCES])
def test_what_is_wrong_with_the_part_cache_is_said_of_it(
    number, bucket, monkeypatch, capsys, digits
):
    def failed(_, __, path, ___):
        raise OSError(number, os.strerror(number), str(path))

    monkeypatch.setattr("bottleneck.store.bucket.Bucket.download", failed)
    Store.open(ADDRESS)
    files.delete(storage_of(ADDRESS).root / "parts")
    assert main(["train", *CACHE]) == (12 if number == errno.ENOSPC else 13)
    *_, line = capsys.readouterr().err.splitlines()
    assert "part cache" in line
    assert f": {storage_of(ADDRESS).root.parent}: " in line
    assert line.endswith("name another folder: --part-cache, or BOTTLENECK_PART_CACHE")


@pytest.mark.parametrize("option", ["--part-cache", "--cache"])
def test_a_folder_without_a_name_is_2(option, bucket, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["status", *CACHE, option, ""]) == 2
    assert "the name of a folder is empty" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_a_local_store_loads_nothing_of_buckets(tmp_path):
    code = (
        "import sys; from bottleneck.__main__ import main\n"
        f"main(['status', '--cache', {str(tmp_path / 'none')!r}])\n"
        "found = [m for m in sys.modules if 'obstore' in m or m.endswith(('.buckets', '.objects',"
        " '.bucket', '.part_cache'))]\n"
        "assert not found, found"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
