"""Extraction from tar archives in a bucket: the rows of the same archive on a disk."""

import tarfile
from types import SimpleNamespace

import numpy as np
import pytest
from world import picture

from bottleneck.core.errors import DataError
from bottleneck.core.reporter import SILENT
from bottleneck.pipeline.extraction.extract import extract
from bottleneck.pipeline.extraction.options import ExtractOptions
from bottleneck.pipeline.extraction.sources import reopen_existing
from bottleneck.pipeline.looking.glances import pictures_of
from bottleneck.pipeline.network.options import NetworkOptions
from bottleneck.pipeline.upkeep.status import StatusOptions, status
from bottleneck.store.store import Store

NETWORK = NetworkOptions(backbone="resnet50", weights="random:0", size=(8, 8))


@pytest.fixture
def pack(tmp_path, photos, image_bucket):
    """Make an archive of the photos as they are now, here and there; return its address."""

    def make(name="photos.tar", root=photos):
        with tarfile.open(tmp_path / name, "w") as archive:
            archive.add(root, arcname=".")
        image_bucket.put(f"sets/{name}", (tmp_path / name).read_bytes())
        return image_bucket.at(f"sets/{name}")

    return make


@pytest.fixture
def run(tmp_path, numpy_network):
    def extract_again(data, cache="store", **options):
        return extract(
            ExtractOptions(cache=tmp_path / cache, data=str(data), network=NETWORK, **options)
        )

    return extract_again


def test_the_rows_and_labels_are_those_of_the_same_archive_on_a_disk(run, pack, tmp_path):
    there, here = run(pack()), run(tmp_path / "photos.tar", "other")
    counts = ("samples", "unique", "computed", "quarantined", "pending", "added")
    assert [there[key] for key in counts] == [here[key] for key in counts]
    one, other = (Store.open(tmp_path / name) for name in ("store", "other"))
    for a, b in zip(one.arrays(), other.arrays(), strict=True):
        np.testing.assert_array_equal(np.asarray(a), np.asarray(b))
    assert one.snapshot().samples.same_as(other.snapshot().samples)


def test_nothing_changed_asks_what_the_archive_is_and_no_more(run, pack, image_bucket):
    run(pack())
    image_bucket.asked.clear()
    assert run("s3://bucket/sets/photos.tar")["computed"] == 0
    assert [method for method, *_ in image_bucket.asked] == ["HEAD"]


def test_whoever_opens_it_again_goes_through_no_archive(run, pack, image_bucket, tmp_path):
    run(pack())
    store = Store.open(tmp_path / "store")
    image_bucket.asked.clear()
    ((_, source),) = reopen_existing(store, None)
    assert len(source.list()) == 12
    samples = store.snapshot().samples
    images = SimpleNamespace(
        store=store, source="photos.tar", samples=samples, first=np.arange(12), digests=None
    )
    assert pictures_of(images, SILENT) is not None
    assert image_bucket.reads() == []


def test_of_an_archive_that_was_replaced_what_changed_is_computed(run, pack, photos, tmp_path):
    run(pack())
    picture(photos / "cat" / "01.png", 100)
    report = run(pack())
    assert (report["computed"], report["changed"], report["cached"]) == (1, 1, 11)
    picture(photos / "cat" / "99.png", 101)
    (photos / "dog" / "02.png").unlink()
    report = run(pack())
    assert (report["computed"], report["added"], report["deleted"]) == (1, 1, 1)
    (photos / "dog" / "04.png").rename(photos / "cat" / "04.png")
    report = run(pack())
    assert (report["computed"], report["renamed"]) == (0, 1)
    local = run(tmp_path / "photos.tar", "other")
    assert local["computed"] == 12
    one, other = (Store.open(tmp_path / name) for name in ("store", "other"))
    np.testing.assert_array_equal(np.asarray(one.arrays()[0]), np.asarray(other.arrays()[0]))


def test_an_archive_that_is_gone_is_said_and_nothing_is_forgotten(
    run, pack, image_bucket, tmp_path
):
    where = pack()
    run(where)
    image_bucket.delete("sets/photos.tar")
    with pytest.raises(DataError, match="no such object"):
        run(where)
    assert status(StatusOptions(cache=tmp_path / "store"))["sources"][0]["samples"] == 12


def test_a_member_whose_image_was_cut_short_is_set_aside(run, pack, photos, tmp_path):
    path = photos / "cat" / "01.png"
    path.write_bytes(path.read_bytes()[:40])
    report = run(pack())
    assert (report["computed"], report["quarantined"]) == (11, 1)
    (aside,) = status(StatusOptions(cache=tmp_path / "store"))["sources"][0]["quarantined"]
    assert aside["key"] == "cat/01.png"


def test_shards_are_one_source_and_one_that_changed_is_read_alone(
    run, pack, photos, image_bucket, tmp_path
):
    for split in ("cat", "dog"):
        pack(f"{split}.tar", photos / split)
    where = "s3://bucket/sets/{cat,dog}.tar"
    assert run(where)["computed"] == 12
    picture(photos / "cat" / "01.png", 100)
    pack("cat.tar", photos / "cat")
    image_bucket.reads()
    report = run(where)
    assert (report["computed"], report["changed"]) == (1, 1)
    local = run(tmp_path / "{cat,dog}.tar", "other")
    assert local["computed"] == 12
    one, other = (Store.open(tmp_path / name) for name in ("store", "other"))
    np.testing.assert_array_equal(np.asarray(one.arrays()[0]), np.asarray(other.arrays()[0]))
    dogs = [path for path in image_bucket.reads() if path.endswith("dog.tar")]
    assert len(dogs) <= 4  # canaries alone
