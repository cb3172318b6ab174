"""Extraction from a bucket: the rows of the same folder, and as little asked for as can be."""

import threading
import time
from pathlib import Path

import numpy as np
import pytest
from world import picture

from bottleneck.core import buckets
from bottleneck.core.errors import UnavailableError
from bottleneck.core.reporter import SILENT
from bottleneck.data import bucket_objects
from bottleneck.data.bucket import BucketSource
from bottleneck.pipeline.extraction import driver
from bottleneck.pipeline.extraction.extract import extract
from bottleneck.pipeline.extraction.inputs import Inputs
from bottleneck.pipeline.extraction.look import look
from bottleneck.pipeline.extraction.options import ExtractOptions
from bottleneck.pipeline.network.options import NetworkOptions
from bottleneck.pipeline.upkeep.relocate import RelocateOptions, relocate
from bottleneck.pipeline.upkeep.status import StatusOptions, status
from bottleneck.store.store import Store

NETWORK = NetworkOptions(backbone="resnet50", weights="random:0", size=(8, 8))


@pytest.fixture
def where(image_bucket, photos):
    """The twelve images, in the bucket."""
    return image_bucket.put_folder(photos, "photos")


@pytest.fixture
def run(tmp_path, where, numpy_network):
    def extract_again(data=where, cache="store", **options):
        return extract(
            ExtractOptions(cache=tmp_path / cache, data=str(data), network=NETWORK, **options)
        )

    return extract_again


def new_picture(tmp_path, seed):
    return picture(tmp_path / "new.png", seed).read_bytes()


def test_the_rows_and_labels_are_those_of_the_same_folder(run, photos, tmp_path):
    there, here = run(), run(photos, "other")
    counts = ("samples", "unique", "computed", "quarantined", "pending", "added")
    assert [there[key] for key in counts] == [here[key] for key in counts]
    one, other = (Store.open(tmp_path / name) for name in ("store", "other"))
    for a, b in zip(one.arrays(), other.arrays(), strict=True):
        np.testing.assert_array_equal(np.asarray(a), np.asarray(b))
    ours, theirs = one.snapshot().samples, other.snapshot().samples
    assert ours.same_as(theirs)


def test_nothing_changed_asks_for_names_alone(run, image_bucket):
    run()
    image_bucket.reads()
    assert run()["computed"] == 0
    assert [method for method, *_ in image_bucket.asked] == ["GET"]
    assert image_bucket.n_listings() == 1
    assert image_bucket.reads() == []


def test_what_changed_and_what_is_new_is_read_and_nothing_else(run, image_bucket, tmp_path):
    run()
    image_bucket.put("photos/cat/01.png", new_picture(tmp_path, 100))
    image_bucket.put("photos/cat/99.png", new_picture(tmp_path, 101))
    image_bucket.delete("photos/dog/02.png")
    image_bucket.reads()
    report = run()
    assert (report["computed"], report["changed"], report["added"], report["deleted"]) == (
        2, 1, 1, 1,
    )  # fmt: skip
    asked = set(image_bucket.reads())
    # What is compared with this machine's rows, four of them, is read as well.
    assert {"/bucket/photos/cat/01.png", "/bucket/photos/cat/99.png"} <= asked
    assert len(asked) <= 2 + 4


def test_other_bytes_of_the_same_length_are_found(run, image_bucket, photos):
    run()
    data = bytearray((photos / "cat/01.png").read_bytes())
    data[-1] ^= 1  # of the last checksum
    image_bucket.put("photos/cat/01.png", bytes(data))
    assert run()["changed"] == 1


def test_the_same_bytes_put_again_are_read_once_and_computed_never(run, image_bucket, photos):
    run()
    time.sleep(1.1)  # times of objects are told in whole seconds
    image_bucket.put("photos/cat/01.png", (photos / "cat/01.png").read_bytes())
    image_bucket.reads()
    report = run()
    assert (report["computed"], report["changed"], report["cached"]) == (0, 0, 12)
    assert image_bucket.reads() == ["/bucket/photos/cat/01.png"]
    assert run()["computed"] == 0
    assert image_bucket.reads() == []


def test_a_renamed_object_computes_nothing(run, image_bucket, photos):
    run()
    image_bucket.put("photos/cat/99.png", (photos / "cat/01.png").read_bytes())
    image_bucket.delete("photos/cat/01.png")
    report = run()
    assert (report["computed"], report["renamed"], report["deleted"]) == (0, 1, 0)


def test_a_lost_object_is_set_aside_with_its_reason_and_tried_again(
    run, image_bucket, photos, tmp_path, monkeypatch
):
    read = bucket_objects.Objects.read

    def too_late(self, index):
        if self.keys[index] == b"dog/06.png":
            image_bucket.delete("photos/dog/06.png")
        return read(self, index)

    monkeypatch.setattr(bucket_objects.Objects, "read", too_late)
    report = run()
    assert (report["computed"], report["quarantined"]) == (11, 1)
    (aside,) = status(StatusOptions(cache=tmp_path / "store"))["sources"][0]["quarantined"]
    assert aside == {"key": "dog/06.png", "reason": "cannot be read: no such object"}
    monkeypatch.setattr(bucket_objects.Objects, "read", read)
    image_bucket.put("photos/dog/06.png", (photos / "dog/06.png").read_bytes())
    report = run()
    assert (report["computed"], report["quarantined"]) == (1, 0)


def test_a_server_that_falls_ill_ends_the_run_and_the_next_goes_on(run, image_bucket, monkeypatch):
    monkeypatch.setitem(buckets.RETRIES, "max_retries", 0)
    run(limit=4)
    image_bucket.answers[".png"] = (503, "SlowDown")
    with pytest.raises(UnavailableError, match="busy or ill"):
        run()
    image_bucket.answers.clear()
    report = run()
    assert (report["computed"], report["cached"], report["quarantined"]) == (8, 4, 0)


def test_many_objects_are_asked_for_at_once(where, monkeypatch):
    """As many as there are images: each answer waits until all have been asked for."""
    together = threading.Barrier(12, timeout=20)
    read = bucket_objects.Objects.read

    def waits(self, index):
        together.wait()
        return read(self, index)

    monkeypatch.setattr(bucket_objects.Objects, "read", waits)
    assert look(BucketSource(where), None).hash(np.arange(12), 1) == []


def test_more_threads_read_where_a_source_wants_it(run, monkeypatch):
    threads = []
    ahead = driver.read_ahead

    def seen(*args, **kwargs):
        threads.append(kwargs["threads"])
        return ahead(*args, **kwargs)

    monkeypatch.setattr(driver, "read_ahead", seen)
    run()
    run(cache="other", threads=3)
    assert threads == [bucket_objects.AT_ONCE, 3]


def test_a_store_of_a_folder_goes_on_from_its_copy_in_a_bucket(run, image_bucket, photos, where):
    run(photos)
    report = relocate(RelocateOptions(cache=photos.parent / "store", source="photos", data=where))
    assert (report["there"], report["pending"]) == (12, 0)
    image_bucket.reads()
    assert run()["computed"] == 0
    assert image_bucket.reads() == []


def test_what_is_predicted_may_lie_in_a_bucket(where, image_bucket):
    inputs = Inputs(SILENT)
    inputs.add(where)
    assert len(inputs.readable) == 12
    assert inputs.read(3).content.startswith(b"\x89PNG")
    inputs.add("s3://bucket/nothing")
    (error,) = inputs.refused
    assert "nothing is there" in str(error)


def test_images_and_their_store_may_both_lie_in_buckets(run, image_bucket, where, tmp_path):
    report = extract(
        ExtractOptions(cache=Path("s3://bucket/stores/x"), data=where, network=NETWORK)
    )
    assert report["computed"] == 12
    image_bucket.reads()
    report = extract(
        ExtractOptions(cache=Path("s3://bucket/stores/x"), data=where, network=NETWORK)
    )
    assert report["computed"] == 0
    assert not [path for path in image_bucket.reads() if path.endswith(".png")]
    run()
    there, here = (Store.open(p).arrays() for p in ("s3://bucket/stores/x", tmp_path / "store"))
    np.testing.assert_array_equal(np.asarray(there[0]), np.asarray(here[0]))
