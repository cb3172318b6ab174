"""Class folders in a bucket, beside the same images in a folder."""

import io
import pickle
import tracemalloc
from datetime import UTC, datetime
from urllib.parse import quote

import numpy as np
import pytest
from PIL import Image
from world import picture

from bottleneck.core import buckets
from bottleneck.core.digest import sample_digest
from bottleneck.core.errors import (
    DataError,
    PermissionDeniedError,
    UnavailableError,
    UsageError,
)
from bottleneck.core.sample import key_array
from bottleneck.data.bucket import _Names
from bottleneck.data.bucket_objects import Objects, stat_of
from bottleneck.data.catalog import open_source, reopen
from bottleneck.data.how import How


def png(seed=0):
    """Return the bytes of a small PNG."""
    file = io.BytesIO()
    pixels = np.random.default_rng(seed).integers(0, 256, (6, 5, 3), np.uint8)
    Image.fromarray(pixels).save(file, "png")
    return file.getvalue()


def told(source):
    """Return what a source says of its images, but for their stats."""
    listing = source.list()
    samples = {
        bytes(key): (
            listing.classes[label] if label >= 0 else None,
            int(split),
            sample_digest(source.read(i).content),
            None if listing.groups is None else listing.groups.names[listing.groups.numbers[i]],
        )
        for i, (key, label, split) in enumerate(
            zip(listing.keys, listing.labels, listing.splits, strict=True)
        )
    }
    assert [bytes(key) for key in listing.keys] == sorted(samples)
    understood = listing.understood.to_json()
    understood.pop("notes", None)  # a folder looks at other files too
    return samples, listing.classes, listing.skipped, understood


LAYOUTS = {
    "classes": ["cat/1.png", "cat/2.JPG", "dog/3.png", "dog/sub/4.png"],
    "splits": ["train/cat/1.png", "train/dog/2.png", "test/cat/3.png", "test/dog/4.png"],
    "names": ["b c/ä 1.png", "b c/100%.png", "x#y/q?.png", "x#y/+&=.png", "b-c/1.png"],
    "flat": ["1.png", "2.png"],
    "left": [
        "cat/1.png", "dog/2.png", "cat/.hidden.png", ".trash-x/3.png", "@eaDir/a/4.png",
        "cat/notes.txt", "readme.md",
    ],
}  # fmt: skip


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_bucket_reads_as_the_folder_does(layout, tmp_path, image_bucket):
    root = tmp_path / "images"
    for i, name in enumerate(LAYOUTS[layout]):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(png(i))
    where = image_bucket.put_folder(root, "images")
    assert told(open_source(where)) == told(open_source(str(root)))


@pytest.mark.parametrize(
    "options",
    [
        {"include": ["cat/*"]},
        {"exclude": ["*3*"]},
        {"layout": "{split}/{class}/*"},
        {"label_from": r"(\w)\w+/\d"},
        {"group_by": r"/(\d)"},
    ],
    ids=str,
)
def test_a_bucket_is_told_what_a_folder_is(options, tmp_path, image_bucket):
    root = tmp_path / "images"
    for i, name in enumerate(["train/cat/1", "train/dog/2", "val/cat/3", "val/dog/4"]):
        picture(root / f"{name}.png", i)
    where = image_bucket.put_folder(root, "images")
    options = {"include": ["train/cat/*"]} if "include" in options else options
    assert told(open_source(where, options)) == told(open_source(str(root), options))


def test_images_without_an_ending_are_found_by_their_first_bytes(tmp_path, image_bucket):
    root = tmp_path / "images"
    for i, name in enumerate(["cat/1.png", "cat/2", "dog/3.jpg_large"]):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(png(i))
    (root / "dog/4").write_bytes(b"no image at all, whatever its name")
    where = image_bucket.put_folder(root, "images")
    for switch in (True, False):
        options = {"any_name": switch}
        assert told(open_source(where, options)) == told(open_source(str(root), options))
    source = open_source(where, {"any_name": True})
    image_bucket.reads()
    source.list()
    assert len(image_bucket.reads()) == 3
    source.list()
    assert image_bucket.reads() == []
    with pytest.raises(DataError, match="2 of 3 images have no ending"):
        open_source(where).list()


def test_empty_objects_that_stand_for_folders_are_none(image_bucket):
    image_bucket.put("images/cat/1.png", png(1))
    image_bucket.put("images/dog/2.png", png(2))
    image_bucket.put_as_is("images/cat/", b"")
    image_bucket.put_as_is("images/", b"")
    listing = open_source(image_bucket.at("images")).list()
    assert listing.keys.tolist() == [b"cat/1.png", b"dog/2.png"]
    assert listing.skipped["other"] == 0


def test_a_prefix_ends_at_a_slash(image_bucket):
    image_bucket.put("images/cat/1.png", png(1))
    image_bucket.put("images-of-others/dog/2.png", png(2))
    assert open_source(image_bucket.at("images")).list().keys.tolist() == [b"cat/1.png"]


def test_a_source_is_opened_again_by_its_record_and_called_by_its_prefix(image_bucket):
    image_bucket.put("a/photos/cat/1.png", png(1))
    source = open_source(image_bucket.at("a/photos") + "/")
    assert source.spec == {
        "kind": "bucket", "where": "s3://bucket/a/photos", "include": [], "exclude": [],
    }  # fmt: skip
    assert source.name == "photos"
    assert open_source("s3://bucket").name == "bucket"
    assert reopen(source.spec).spec == source.spec
    assert reopen(source.spec).list().keys.tolist() == [b"cat/1.png"]
    assert source.exists()
    assert not open_source(image_bucket.at("b")).exists()


def test_stats_of_a_listing_and_of_a_read_are_one_and_follow_what_was_put(image_bucket):
    image_bucket.put("i/1.png", png(1))
    source = open_source(image_bucket.at("i"))
    first = source.list().stats[0].tolist()
    assert list(source.read(0).stat) == first
    image_bucket.put("i/1.png", png(2))
    second = source.list().stats[0].tolist()
    assert list(source.read(0).stat) == second
    assert second[3] != first[3]


def described(**more):
    when = datetime(2026, 1, 2, 3, 4, 5, 678_000, UTC)
    return {"path": "x", "last_modified": when, "size": 7, "e_tag": '"abc"', "version": None} | more


def test_what_proves_an_object_unchanged():
    size, changed_ns, ctime_ns, number = stat_of(described())
    assert (size, changed_ns, ctime_ns) == (7, 1_767_323_045_000_000_000, 0)
    assert stat_of(described(e_tag="abc")) == (size, changed_ns, ctime_ns, number)
    others = [
        described(e_tag='"abd"'),
        described(size=8),
        described(last_modified=datetime(2026, 1, 2, 3, 4, 6, 0, UTC)),
    ]
    assert len({stat_of(one) for one in (described(), *others)}) == 4


@pytest.mark.parametrize("tag", [None, 'W/"abc"'])
def test_without_a_tag_that_stands_for_the_bytes_an_object_can_be_too_young(tag):
    _, changed_ns, ctime_ns, number = stat_of(described(e_tag=tag))
    assert (ctime_ns, number) == (changed_ns, 0)


def test_an_object_that_went_away_or_may_not_be_read_fails_alone(image_bucket):
    for i in range(3):
        image_bucket.put(f"i/{i}.png", png(i))
    source = open_source(image_bucket.at("i"))
    source.list()
    image_bucket.delete("i/0.png")
    image_bucket.answers["/i/1.png"] = (403, "AccessDenied")
    with pytest.raises(FileNotFoundError, match="no such object"):
        source.read(0)
    with pytest.raises(PermissionError, match="not permitted"):
        source.read(1)
    assert sample_digest(source.read(2).content) == sample_digest(png(2))


@pytest.mark.parametrize(
    ("status", "code", "expected"),
    [(403, "InvalidAccessKeyId", PermissionDeniedError), (404, "NoSuchBucket", UsageError)],
)
def test_what_is_wrong_with_all_objects_ends_a_run(status, code, expected, image_bucket):
    image_bucket.put("i/1.png", png())
    source = open_source(image_bucket.at("i"))
    source.list()
    image_bucket.answers["/1.png"] = (status, code)
    with pytest.raises(expected):
        source.read(0)


def test_a_server_that_is_gone_is_not_a_lost_object(image_bucket, monkeypatch):
    monkeypatch.setitem(buckets.RETRIES, "max_retries", 0)
    image_bucket.put("i/1.png", png())
    source = open_source(image_bucket.at("i"))
    source.list()
    image_bucket.answers["/1.png"] = (503, "SlowDown")
    with pytest.raises(UnavailableError):
        source.read(0)


@pytest.mark.parametrize(
    ("where", "error", "match"),
    [
        ("s3://bucket/nothing", DataError, "nothing is there"),
        ("s3://others/x", UsageError, "no such bucket"),
        ("s3://bucket/t.csv.gz", DataError, "are not read"),
        ("s3://bucket/a.zip", DataError, "are not read"),
        ("s3://bucket/train-*.zip", DataError, "those of .tar archives alone are read"),
        ("s3://bucket/photos/?.jpg", DataError, "those of .tar archives alone are read"),
        ("s3://bucket/texts", DataError, r"no images \(left alone: 1 other\)"),
    ],
)
def test_what_is_no_folder_of_images_is_refused(where, error, match, image_bucket):
    image_bucket.put("texts/a.txt", b"a")
    with pytest.raises(error, match=match):
        open_source(where).list()


@pytest.mark.parametrize("name", ["%2E%2E/up.png", "%2E/x.png", "tab%09.png", "%01.png", "%7F.png"])
def test_a_key_that_is_no_path_is_named(name, image_bucket):
    image_bucket.put_as_is(f"i/{name}", png())
    with pytest.raises(DataError, match=r"the key i/.* is no path: .*: rename that object"):
        open_source(image_bucket.at("i")).list()


def test_odd_keys_that_are_paths_are_read_as_they_are(image_bucket):
    names = ["a b", "100%", "a%20b", "1+1", "#1", "?", "*", "[0]", "{a,b}", "ä", "e\u0301",
             "\U0001f600", "\\", "~", "<&>", '"', " a"]  # fmt: skip
    for i, name in enumerate(names):
        image_bucket.put_as_is(f"i/{quote(name)}/{quote(name)}.png", png(i))
    image_bucket.put_as_is("i/folder/", b"")
    source = open_source(image_bucket.at("i"))
    keys = source.list().keys.tolist()
    read = {key.decode(): source.read(i).content for i, key in enumerate(keys)}
    assert read == {f"{name}/{name}.png": png(i) for i, name in enumerate(names)}


def test_a_single_object_is_said_to_be_one(image_bucket):
    image_bucket.put("i/cat/1.png", png())
    with pytest.raises(DataError, match=r"single objects are not taken: .*: .*s3://bucket/i/cat/$"):
        open_source(image_bucket.at("i/cat/1.png")).list()
    with pytest.raises(DataError, match="nothing is there"):
        open_source(image_bucket.at("i/cat/2.png")).list()


def test_a_key_with_an_empty_part_is_named_and_does_not_block_another_prefix(image_bucket):
    image_bucket.put("i/good/a/1.png", png())
    image_bucket.put_as_is("i/bad/a//b.png", png())
    with pytest.raises(DataError, match=r"the key i/bad/a//b.png is no path"):
        open_source(image_bucket.at("i")).list()
    assert len(open_source(image_bucket.at("i/good")).list()) == 1


def test_credentials_that_are_refused_are_told_in_one_line_without_them(image_bucket):
    image_bucket.answers["/bucket"] = (403, "SignatureDoesNotMatch")
    with pytest.raises(PermissionDeniedError, match="the credentials are not valid") as caught:
        open_source("s3://bucket/i").list()
    assert "s3kr1t" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_excerpt_is_sent_without_a_client_and_reads_by_itself(image_bucket):
    for i in range(4):
        image_bucket.put(f"i/{i}.png", png(i))
    source = open_source(image_bucket.at("i"))
    source.list()
    source.read(0)
    some = pickle.loads(pickle.dumps(source.excerpt([3, 1])))
    assert [sample_digest(some.read(i).content) for i in (0, 1)] == [
        sample_digest(png(3)),
        sample_digest(png(1)),
    ]


def test_what_is_sent_to_a_worker_holds_no_client_that_may_hold_credentials():
    place = buckets.address("s3://bucket/i")
    some = Objects(place, key_array([b"1.png"]), client="s3kr1t")
    assert b"s3kr1t" not in pickle.dumps(some)


def test_a_prefix_that_is_called_like_a_split_is_said(image_bucket):
    for name in ("cat/1.png", "dog/2.png"):
        image_bucket.put(f"set/test/{name}", png())
        image_bucket.put(f"set/photos/{name}", png())
    (note,) = open_source(image_bucket.at("set/test")).list().understood.notes
    assert note.startswith("all of it is train, although the prefix is called test")
    assert open_source(image_bucket.at("set/photos")).list().understood.notes == ()


@pytest.mark.slow
def test_a_long_listing_is_asked_for_in_pages(image_bucket, monkeypatch):
    for i in range(1001):
        image_bucket.put(f"i/{i:04}.png", b"x")
    image_bucket.asked.clear()
    listing = open_source(image_bucket.at("i")).list()
    assert len(listing) == 1001
    assert image_bucket.n_listings() == 2
    assert image_bucket.reads() == []


@pytest.mark.slow
def test_a_listing_keeps_a_key_and_its_numbers_of_each_object_and_nothing_else():
    n, page = 30_000, 1000

    def pages():
        for at in range(0, n, page):
            yield [described(path=f"{at // 10_000:03}/{i:09}.png", size=i, e_tag=f'"{i:032}"')
                   for i in range(at, at + page)]  # fmt: skip

    names = _Names(How())
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    for found in pages():
        names.take(found, "s3://bucket")
    del found
    held, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (held - before) / n < 150
    assert (peak - held) < 20 * page * 1000
    keys, stats = names.in_order()
    assert len(keys) == n
    assert stats[:, 0].tolist() == [*range(n)]


def test_keys_that_come_in_another_order_are_sorted_with_their_stats():
    names = _Names(How())
    names.take([described(path=f"{i}.png", size=i + 1) for i in (3, 1, 2, 0)], "s3://bucket")
    keys, stats = names.in_order()
    assert keys.tolist() == [b"0.png", b"1.png", b"2.png", b"3.png"]
    assert stats[:, 0].tolist() == [1, 2, 3, 4]
