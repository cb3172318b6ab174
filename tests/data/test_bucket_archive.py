"""Tar archives in a bucket, beside the same archives on a disk."""

import pickle
import random
import tarfile
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from tars import pack

from bottleneck.core import buckets
from bottleneck.core.errors import DataError, UnavailableError
from bottleneck.data.catalog import open_source, reopen
from bottleneck.data.left_alone import heads_of
from bottleneck.data.source import Read
from bottleneck.data.tar_heads import TarHeads
from bottleneck.data.webdataset import of_label
from bottleneck.data.windows import GAP, KEPT, LEAST, MOST, RUN, SMALL, InOrder, Windows, runs


@pytest.fixture
def both(tmp_path, image_bucket):
    """Make archives by name here and there; return both sources of a pattern, opened."""

    def make(pattern, archives, options=None, **how):
        for name, members in archives.items():
            path = pack(tmp_path / "sets" / name, members, **how)
            image_bucket.put(f"sets/{name}", path.read_bytes())
        image_bucket.asked.clear()
        return (
            open_source(image_bucket.at(f"sets/{pattern}"), options),
            open_source(str(tmp_path / "sets" / pattern), options),
        )

    return make


def told(source):
    """Return all that a source says, but for its stats."""
    listing = source.list()
    groups = listing.groups and [listing.groups.names[n] for n in listing.groups.numbers]
    labels = [listing.classes[n] if n >= 0 else None for n in listing.labels]
    contents = [source.read(i).content for i in range(len(listing))]
    understood = listing.understood.to_json()
    return (
        listing.keys.tolist(), labels, listing.splits.tolist(), contents, listing.skipped,
        understood, groups,
    )  # fmt: skip


LONG = "x" * 90 + "/" + "y" * 90 + "/"
ARCHIVES = {
    "classes": [("cat/1.png", b"1"), ("cat/2.JPG", b"2"), ("dog/3.png", b"3"), ("dog/n.txt", b"n")],
    "splits": [("./train/cat/1.png", b"1"), ("./train/dog/2.png", b"2"), ("./val/cat/3.png", b"3")],
    "around": [("p/cat/1.png", b"1"), ("p/dog/1.png", b"2"), ("p/.hidden/3.png", b"3")],
    "names": [(f"{LONG}1.png", b"1"), ("é/ü.png", b"2"), ("b c/100%.png", b"3")],
    "links": [
        ("cat/late.png", {"type": tarfile.SYMTYPE, "linkname": "../dog/2.png"}),
        ("cat/1.png", b"1"),
        ("dog/2.png", b"2"),
        ("dog/same.png", {"type": tarfile.LNKTYPE, "linkname": "cat/1.png"}),
        ("dog/gone.png", {"type": tarfile.SYMTYPE, "linkname": "9.png"}),
        ("dog/pipe.png", {"type": tarfile.FIFOTYPE}),
    ],
    "webdataset": [
        ("a.jpg", b"x"), ("a.cls", b"cat\n"), ("b.cls", b"3"), ("b.jpg", b"y"),
        ("c.png", b"z"), ("c.json", b'{"label": 3, "width": 5}'), ("d.jpg", b"w"),
        ("d.txt", b"a caption"), ("e.jpg", b"v"), ("e.json", b'{"width": 5}'),
        ("f.jpg", b"u"), ("f.cls.json", b'"cat"'),
    ],
    "beside folders": [
        ("cat/1.png", b"1"), ("cat/1.json", b"[1]"), ("dog/2.png", b"2"), ("dog/2.json", b"no"),
    ],
    "empty member": [("cat/1.png", b""), ("dog/2.png", b"2")],
}  # fmt: skip


@pytest.mark.parametrize("layout", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
@pytest.mark.parametrize("name", ARCHIVES)
def test_an_archive_reads_as_the_same_on_a_disk(name, layout, both):
    there, here = both("a.tar", {"a.tar": ARCHIVES[name]}, layout=layout)
    assert told(there) == told(here)
    again = open_source(str(there.place))
    heads_of(again).recall(heads_of(there).to_bytes())
    assert told(again) == told(here)


@pytest.mark.parametrize(
    "options",
    [
        {"include": ["train/cat/*"]},
        {"exclude": ["*3*"]},
        {"layout": "{split}/{class}/*"},
        {"label_from": r"(\w)\w+/\d"},
        {"group_by": r"/(\d)"},
    ],
    ids=str,
)
def test_it_is_told_what_an_archive_on_a_disk_is(options, both):
    there, here = both("a.tar", {"a.tar": ARCHIVES["splits"]}, options)
    assert told(there) == told(here)


SHARDS = {
    f"train-{n:04}.tar": [(f"{n}{i}.{ending}", b"%d" % i) for i in range(3)
                          for ending in ("jpg", "cls")]
    for n in range(3)
}  # fmt: skip


@pytest.mark.parametrize(
    "pattern", ["train-{0000..0002}.tar", "*.tar", "train-000[0-1].tar", "train-000?.tar"]
)
def test_shards_read_as_those_on_a_disk_do(pattern, both):
    there, here = both(pattern, SHARDS | {"x/other.tar": SHARDS["train-0000.tar"]})
    assert told(there) == told(here)
    assert there.name == pattern
    assert there.exists()
    assert reopen(there.spec).spec == there.spec


def test_folders_in_a_pattern_are_gone_through_as_a_shell_does(both):
    archives = {f"{split}/{n}-{split}.tar": [(f"{n}.png", b"1")]
                for split in ("train", "val") for n in range(2)}  # fmt: skip
    archives |= {".old/9.tar": [("9.png", b"1")], "train/x.tar/8.tar": [("8.png", b"1")]}
    there, here = both("*/*.tar", archives)
    assert told(there) == told(here)
    there, here = both("{train,val}/{0..1}-*.tar", {})
    assert told(there) == told(here)


def test_of_a_range_every_shard_must_be_there(both):
    there, here = both("train-{0000..0003}.tar", SHARDS)
    for source in (there, here):
        with pytest.raises(DataError, match=r"a shard is not there: .*sets/train-0003\.tar"):
            source.list()
    there, _ = both("none-*.tar", {})
    assert not there.exists()
    with pytest.raises(DataError, match="no file matches"):
        there.list()


def test_what_did_not_change_costs_one_request_and_no_bytes(both, image_bucket):
    there, _ = both("a.tar", {"a.tar": [*ARCHIVES["webdataset"], ("unnamed", b"no image")]})
    there.list()
    kept = heads_of(there).to_bytes()
    again = open_source(str(there.place))
    heads_of(again).recall(kept)
    image_bucket.asked.clear()
    again.list()
    assert [(method, path) for method, path, _ in image_bucket.asked] == [
        ("HEAD", "/bucket/sets/a.tar")
    ]
    assert not heads_of(again).has_news
    assert heads_of(again).to_bytes() == kept


def test_shards_that_did_not_change_cost_a_listing_and_one_that_did_is_gone_through(
    both, image_bucket
):
    there, _ = both("train-*.tar", SHARDS)
    there.list()
    assert there.list() is not None
    image_bucket.asked.clear()
    there.list()
    assert [is_list for *_, is_list in image_bucket.asked] == [True]
    changed, _ = both("train-*.tar", {"train-0001.tar": [("9.jpg", b"9"), ("9.cls", b"1")]})
    heads_of(changed).recall(heads_of(there).to_bytes())
    assert b"train-0001.tar/9.jpg" in changed.list().keys.tolist()
    assert image_bucket.reads() == ["/bucket/sets/train-0001.tar"]


def test_large_members_are_leapt_over_and_small_ones_come_in_few_requests(both, image_bucket):
    large, small = bytes(3 << 20), b"x" * 500
    there, _ = both("a.tar", {"a.tar": [(f"{i}.png", large) for i in range(4)]})
    image_bucket._world.counts.clear()
    there.list()
    assert 4 <= len(image_bucket.reads()) <= 6
    assert image_bucket._world.counts["down"] < 6 * LEAST
    there, _ = both("b.tar", {"b.tar": [(f"{i:05}.png", small) for i in range(4000)]})
    there.list()
    assert len(image_bucket.reads()) <= 8  # of 4 MB: 64 kB, then twice as much each time


class Object:
    """An object of random bytes, that says what was asked of it."""

    def __init__(self, rng, size):
        self.data, self.size, self.asked = rng.randbytes(size), size, []

    def fetch(self, offset, n_bytes):
        assert 0 < n_bytes <= self.size - offset
        self.asked.append((offset, n_bytes))
        content = self.data[offset : offset + n_bytes]
        return Read(content=content, stat=(self.size, 0, 0, 0), clock_ns=0)


@pytest.mark.parametrize("seed", range(5))
def test_a_file_in_order_shows_the_bytes_that_are_there_wherever_one_goes(seed):
    rng = random.Random(seed)
    of = Object(rng, LEAST * 9)
    file, at = InOrder(of), 0
    for _ in range(200):
        if rng.random() < 0.5:
            at = file.seek(rng.choice([0, at, at + 100, rng.randrange(of.size), of.size + 5]))
        n_bytes = rng.choice([0, 1, 512, LEAST, 3 * LEAST])
        assert file.read(n_bytes) == of.data[at : at + n_bytes]
        at = min(at + n_bytes, max(at, of.size))
        assert file.tell() == at
    file.seek(0)
    assert file.read() == of.data


def test_of_a_file_in_order_one_window_is_kept():
    """Several archives are gone through at once."""
    of = Object(random.Random(0), 5 * MOST)
    file = InOrder(of)
    while file.read(SMALL):
        assert sum(window.end - window.start for window in file._windows._windows) <= MOST
    assert len(of.asked) == 12  # 64 kB, twice as much each time, then 8 MB


def members_of(rng, n, largest):
    """Return offsets and sizes of members that lie one behind the other, as in a tar."""
    at, found = 0, []
    for _ in range(n):
        n_bytes = rng.randrange(1, largest)
        found.append((at + 512, n_bytes))
        at += 512 + n_bytes + -n_bytes % 512
    return found, at


@pytest.mark.parametrize("threads", [1, 32])
def test_neighbours_come_together_and_each_byte_once(threads):
    """Whichever of the threads is first; of twelve megabytes."""
    rng = random.Random(threads)
    places, size = members_of(rng, 4000, 6000)
    of, windows = Object(rng, size), Windows()
    with ThreadPoolExecutor(threads) as pool:
        for read, (at, n) in zip(
            pool.map(lambda place: windows.piece(of, *place, size), places), places, strict=True
        ):
            assert read.content == of.data[at : at + n]
    assert len(of.asked) <= 12 + 2 * (threads > 1)  # 4 kB, 64 kB, twice as much each time
    assert sum(n for _, n in of.asked) < 1.2 * size
    assert max(n for _, n in of.asked) <= MOST
    assert len(windows._windows) <= KEPT


def test_what_lies_far_apart_is_asked_for_alone():
    rng = random.Random(0)
    places, size = members_of(rng, 4000, 6000)
    of, windows = Object(rng, size), Windows()
    some = rng.sample(places, 100)
    for at, n in some:
        assert windows.piece(of, at, n, size).content == of.data[at : at + n]
    assert sum(n for _, n in of.asked) < 200 * (4 << 10)
    windows.piece(of, 0, SMALL + 1, size)
    assert of.asked[-1] == (0, SMALL + 1)


def test_windows_grow_while_one_goes_on_and_shrink_by_leaps():
    of, windows = Object(random.Random(0), 4 << 20), Windows()
    kb, mb = 1 << 10, 1 << 20
    steps = [
        (0, 10, (0, 4 * kb)),
        (40 * kb, 10, (4 * kb, 64 * kb)),  # what lies between comes too, as others want it
        (20 * kb, 10, None),
        (68 * kb - 5, 10, (68 * kb - 5, 128 * kb)),
        (2 * mb, 10, (2 * mb, 4 * kb)),
        (3 * mb, 10, (3 * mb, 4 * kb)),
        (3 * mb + 4 * kb, 10, (3 * mb + 4 * kb, 64 * kb)),
        (3 * mb + 70 * kb, SMALL + 1, (3 * mb + 70 * kb, SMALL + 1)),
        (3 * mb + 68 * kb, SMALL, (3 * mb + 68 * kb, 128 * kb)),
        (of.size - 10, 10, (of.size - 10, 10)),
    ]
    for at, n, expected in steps:
        before = len(of.asked)
        assert windows.piece(of, at, n, of.size).content == of.data[at : at + n]
        assert of.asked[before:] == ([expected] if expected else [])


def test_a_window_that_did_not_come_is_asked_for_again(monkeypatch):
    of, windows = Object(random.Random(0), LEAST), Windows()
    fetch, fails = of.fetch, iter([OSError("cut")])

    def fetched(*where):
        for error in fails:
            raise error
        return fetch(*where)

    monkeypatch.setattr(of, "fetch", fetched)
    with pytest.raises(OSError, match="cut"):
        windows.piece(of, 0, 10, of.size)
    assert windows.piece(of, 0, 10, of.size).content == of.data[:10]


def test_runs_are_where_members_lie_one_behind_the_other_in_the_order_of_reading():
    rng = random.Random(0)
    places, _ = members_of(rng, 60, 2 * GAP)

    def of(some):
        found = np.array(some, np.int64).reshape(-1, 2)
        return runs(found[:, 0], found.sum(axis=1)).tolist()

    assert of(places) == [[512, sum(places[-1])]]
    assert of(places[: RUN - 1]) == of([]) == of(places[::-1]) == of(rng.sample(places, 60)) == []
    halves = places[:20] + places[30:]
    assert of(halves) == of(halves[20:] + halves[:20]) == [
        [512, sum(places[19])], [places[30][0], sum(places[-1])]
    ]  # fmt: skip
    # Of two classes that take turns, small ones are one run, large ones none.
    tiny, _ = members_of(rng, 60, 600)
    assert of(tiny[::2] + tiny[1::2]) == [[512, sum(tiny[-1])]]
    large = [(i * 3 * GAP, 2 * GAP) for i in range(60)]
    assert of(large) == [[0, sum(large[-1])]]
    assert of(large[::2] + large[1::2]) == []


def test_members_of_an_archive_are_read_with_their_neighbours_and_in_a_worker_too(
    both, image_bucket
):
    members = [(f"{'cat' if i % 2 else 'dog'}/{i:04}.png", b"%d" % i * 300) for i in range(500)]
    there, here = both("a.tar", {"a.tar": members})
    n = len(there.list())
    assert len(here.list()) == n
    contents = [here.read(i).content for i in range(n)]
    image_bucket.reads()
    for source in (there, pickle.loads(pickle.dumps(there.excerpt(range(n))))):
        assert [source.read(i).content for i in range(n)] == contents
        assert 1 <= len(image_bucket.reads()) <= 12


def test_an_archive_that_was_replaced_gives_no_member_of_the_other(both, image_bucket):
    there, _ = both("a.tar", {"a.tar": [("cat/1.png", b"1"), ("dog/2.png", b"2")]})
    there.list()
    assert there.read(0).content == b"1"
    both("a.tar", {"a.tar": [("cat/1.png", b"8"), ("dog/2.png", b"9")]})
    with pytest.raises(OSError, match="changed after it was listed"):
        there.read(0)
    assert [source.content for source in map(there.read, range(len(there.list())))] == [b"8", b"9"]
    image_bucket.delete("sets/a.tar")
    with pytest.raises(FileNotFoundError, match="no such object"):
        there.read(0)
    assert not there.exists()
    with pytest.raises(DataError, match=r"no such object: s3://bucket/sets/a\.tar"):
        there.list()


def test_a_server_that_overlooks_the_condition_is_found_out(both, image_bucket, monkeypatch):
    there, _ = both("a.tar", {"a.tar": [("cat/1.png", b"1"), ("dog/2.png", b"2")]})
    there.list()
    both("a.tar", {"a.tar": [("cat/1.png", b"8"), ("dog/2.png", b"9")]})
    (container,) = {members.container for members, _ in there._listed}
    monkeypatch.setattr(container, "tag", None)
    with pytest.raises(OSError, match="changed after it was listed"):
        there.read(0)


def test_one_that_changes_while_it_is_gone_through_is_said(both, image_bucket, monkeypatch):
    there, _ = both("a.tar", {"a.tar": [("cat/1.png", bytes(LEAST)), ("dog/2.png", b"2")]})
    harm = image_bucket._world.harm

    def replaced(request):
        if request.method == "GET" and len(image_bucket.asked) > 1:
            image_bucket._world.harm = harm
            both("a.tar", {"a.tar": [("cat/1.png", b"1")]})
        return harm(request)

    image_bucket._world.harm = replaced
    with pytest.raises(DataError, match="changed after it was listed"):
        there.list()


@pytest.mark.parametrize(
    ("name", "data", "match"),
    [
        ("a.tar", b"\x1f\x8b" + bytes(2000), r"compressed \(gzip\).*put the plain \.tar there"),
        ("a.tar.gz", b"\x1f\x8b" + bytes(2000), r"compressed \(gzip\)"),
        ("a.tgz", b"\x1f\x8b" + bytes(2000), r"compressed \(gzip\)"),
        ("a.tar", b"no tar at all " * 100, "not a whole tar archive"),
        ("a.tar", b"", "not a whole tar archive"),
    ],
)
def test_what_cannot_be_read_in_place_is_refused(name, data, match, image_bucket):
    image_bucket.put(f"sets/{name}", data)
    with pytest.raises(DataError, match=match) as caught:
        open_source(image_bucket.at(f"sets/{name}")).list()
    assert f"s3://bucket/sets/{name}" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("left", [1, 600, 1100, 2560])
def test_one_that_was_cut_short_is_refused_as_on_a_disk(left, tmp_path, image_bucket):
    whole = pack(tmp_path / "a.tar", [("cat/1.png", b"1" * 700), ("dog/2.png", b"2")]).read_bytes()
    (tmp_path / "a.tar").write_bytes(whole[:left])
    image_bucket.put("a.tar", whole[:left])
    said = []
    for where in (image_bucket.at("a.tar"), tmp_path / "a.tar"):
        with pytest.raises(DataError) as caught:
            open_source(str(where)).list()
        said.append(caught.value.what)
    assert said[0] == said[1]


@pytest.mark.parametrize("name", ["../1.png", "/etc/1.png"])
def test_a_member_that_leads_out_of_it_is_refused(name, both):
    there, _ = both("a.tar", {"a.tar": [("cat/1.png", b"1"), (name, b"2")]})
    with pytest.raises(DataError, match="leads out of the archive"):
        there.list()


def test_one_without_images_is_told_to_be_unpacked_from_a_disk(both):
    there, _ = both("a.tar", {"a.tar": [("data.csv", b"1")]})
    with pytest.raises(DataError, match=r"no images, but data\.csv.*copy s3://bucket/sets/a\.tar"):
        there.list()


def test_images_without_an_ending_are_looked_into_once(both, image_bucket, draw):
    members = [("cat/1.png", draw(seed=1)), ("cat/2", draw(seed=2)), ("dog/3.x", draw(seed=3)),
               ("dog/4", b"no image")]  # fmt: skip
    for any_name in (True, False):
        there, here = both("a.tar", {"a.tar": members}, {"any_name": any_name})
        assert told(there) == told(here)
    image_bucket.asked.clear()
    there.list()
    assert image_bucket.reads() == []


def test_of_a_json_file_the_label_alone_is_kept():
    long = b'{"caption": "' + b"x" * 999 + b'", "label": "cat"}'
    assert of_label(b"a.json", long) == b'{"label": "cat"}'
    assert of_label(b"a.json", b'{"caption": "x"}') == b"{}"
    for name, content in ((b"a.json", b"no json"), (b"a.cls", b"cat"), (b"a.cls.json", b'"cat"')):
        assert of_label(name, content) == content


def test_an_excerpt_is_sent_without_a_client_and_reads_by_itself(both):
    there, _ = both("*.tar", SHARDS)
    there.list()
    expected = [there.read(i).content for i in (3, 1)]
    sent = pickle.dumps(there.excerpt([3, 1]))
    assert b"s3kr1t" not in sent
    some = pickle.loads(sent)
    assert [some.read(i).content for i in (0, 1)] == expected


def test_a_server_that_falls_ill_is_no_lost_member(both, image_bucket, monkeypatch):
    monkeypatch.setitem(buckets.RETRIES, "max_retries", 0)
    there, _ = both("a.tar", {"a.tar": ARCHIVES["classes"]})
    there.list()
    image_bucket.answers["a.tar"] = (503, "SlowDown")
    with pytest.raises(UnavailableError):
        there.read(0)
    image_bucket.answers["a.tar"] = (403, "AccessDenied")
    with pytest.raises(PermissionError, match="not permitted"):
        there.read(0)


def test_what_is_kept_is_taken_in_whole_or_not_at_all():
    heads = TarHeads()
    heads.learn("a/ä.tar", (1, 2, 0, -3), b"packed")
    kept = heads.to_bytes()
    again = TarHeads()
    for damaged in (b"", kept[:-1], kept[1:], bytes(len(kept)), kept[:20] + b"x" + kept[21:]):
        again.recall(damaged)
        assert again.get("a/ä.tar", (1, 2, 0, -3)) is None
    again.recall(kept)
    assert again.get("a/ä.tar", (1, 2, 0, -3)) == b"packed"
    assert again.get("a/b.tar", (1, 2, 0, -3)) is None
    again.begin()
    assert again.to_bytes() != kept
    assert again.get("a/ä.tar", (1, 2, 0, -3)) == b"packed"


def test_an_archive_without_a_tag_is_kept_when_it_is_old_enough(both, monkeypatch, later):
    from bottleneck.data import bucket_objects, ranged

    for module in (bucket_objects, ranged):
        monkeypatch.setattr(module, "is_strong", lambda tag: False)
    there, here = both("a.tar", {"a.tar": ARCHIVES["classes"]})
    assert told(there) == told(here)
    assert not heads_of(there).has_news
    later()
    there.list()
    assert heads_of(there).has_news
    assert np.array_equal(there.list().labels, here.list().labels)


def test_shards_of_one_size_and_second_are_told_apart_without_tags(both, monkeypatch, later):
    from bottleneck.data import bucket_objects, ranged

    for module in (bucket_objects, ranged):
        monkeypatch.setattr(module, "is_strong", lambda tag: False)
    shards = {f"{i}.tar": [(f"{name}/1.png", name.encode())] for i, name in enumerate(CLASSES)}
    there, here = both("*.tar", shards)
    later()
    assert told(there) == told(here)
    assert heads_of(there).has_news
    assert told(there) == told(here)


CLASSES = ("cat", "dog", "emu", "fox")


@pytest.mark.parametrize("size", [1 << 63, 1 << 70])
def test_a_member_larger_than_any_file_is_no_archive(image_bucket, tmp_path, size):
    info = tarfile.TarInfo("cat/1.png")
    info.size = size
    data = info.tobuf(tarfile.GNU_FORMAT) + bytes(1024)
    (tmp_path / "big.tar").write_bytes(data)
    image_bucket.put("big.tar", data)
    for where in (image_bucket.at("big.tar"), str(tmp_path / "big.tar")):
        with pytest.raises(DataError, match="not a whole tar archive"):
            open_source(where, None).list()
