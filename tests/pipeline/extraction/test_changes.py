"""What changes while a run is at work (M1), behind its back (M2), or as a whole (M3).

Each against the oracle: what was recorded is what was read, and the next run computes exactly what
has changed since, however the stats look.
"""

import os
import shutil

import numpy as np
import oracle
import pytest
from PIL import Image
from world import picture, row_of, tree

from bottleneck.core.errors import DataError
from bottleneck.data.folder import FolderSource
from bottleneck.pipeline.extraction import flow
from bottleneck.pipeline.extraction.extract import extract
from bottleneck.pipeline.extraction.options import ExtractOptions
from bottleneck.pipeline.learning.train import TrainOptions, train
from bottleneck.pipeline.network.options import NetworkOptions
from bottleneck.pipeline.upkeep.status import StatusOptions, status
from bottleneck.store.store import Store

NETWORK = NetworkOptions(backbone="resnet50", weights="random:0", size=(8, 8))
LONG = os.environ.get("BOTTLENECK_SOAK") == "1"
HIT = b"cat/05.png"


@pytest.fixture
def run(tmp_path, photos, numpy_network, later):
    """Extract; the clock has moved on since the run before, as a night does."""

    def again(**words):
        later()
        leaving = {"follow_links": False}  # said, or links out of the folder are an error
        words = {"data": str(photos), "network": NETWORK, "reading": leaving, **words}
        return extract(ExtractOptions(cache=tmp_path / "store", **words))

    return again


def edit(path):
    picture(path, 777)


def replace(path):
    picture(path.with_name("aside.tmp.png"), 778).replace(path)


def vanish(path):
    path.unlink()


def become_a_folder(path):
    path.unlink()
    path.mkdir()


def become_a_pipe(path):
    path.unlink()
    os.mkfifo(path)


def lead_outside(path):
    outside = picture(path.parents[2] / "outside.png", 779)
    path.unlink()
    path.symlink_to(outside)


GONE = (vanish, become_a_folder, become_a_pipe, lead_outside)


def between_scan_and_read(monkeypatch, photos, event):
    """Let it happen once, after the listing and before that image is opened."""
    real, done = FolderSource.read, []

    def read(self, index):
        if bytes(self._listed[0][index]) == HIT and not done:
            done.append(1)
            event(photos / HIT.decode())
        return real(self, index)

    monkeypatch.setattr(FolderSource, "read", read)


def between_read_and_decode(monkeypatch, photos, event):
    """Let it happen once, when the bytes of that image were read, and before they are decoded."""
    real, done = flow.sample_digest, []
    before = oracle.walk(photos).images[HIT]

    def digest(content):
        found = real(content)
        if found.hex() == before and not done:
            done.append(1)
            event(photos / HIT.decode())
        return found

    monkeypatch.setattr(flow, "sample_digest", digest)


def rows_are_right(cache, images):
    """Hold each row against the picture (by digest) that it must have been computed from."""
    store = Store.open(cache)
    snapshot = store.snapshot()
    for i in store.available():
        digest = snapshot.samples.digests[i]
        with Image.open(images[digest.tobytes().hex()]) as image:
            small = image.convert("RGB").resize((8, 8), Image.Resampling.BILINEAR)
        np.testing.assert_array_equal(store.rows(digest[None])[0], row_of(np.asarray(small)))


def copies(photos, aside):
    """Return digest → a copy of each picture, to be looked at when the picture is another one."""
    shutil.copytree(photos, aside, symlinks=True)
    return {d: aside / os.fsdecode(key) for key, d in oracle.walk(aside).images.items()}


@pytest.mark.parametrize("event", [edit, replace, *GONE], ids=lambda event: event.__name__)
@pytest.mark.parametrize("when", [between_scan_and_read, between_read_and_decode])
def test_what_happens_to_an_image_between_two_steps_is_recorded_as_it_was_read(
    run, tmp_path, photos, monkeypatch, when, event
):
    cache = tmp_path / "store"
    picture(photos / "cat/01.png", 50)
    run(limit=3)
    images = copies(photos, tmp_path / "aside")
    with monkeypatch.context() as patch:
        when(patch, photos, event)
        report = run(rehash=True)
    is_unread = when is between_scan_and_read and event in GONE
    assert (report["samples"], report["quarantined"]) == (12, int(is_unread))
    oracle.adds_up(report)
    images |= copies(photos, tmp_path / "aside2") if event not in GONE else {}
    rows_are_right(cache, images)
    (source,) = status(StatusOptions(cache=cache))["sources"]
    oracle.agree(source, oracle.held(oracle.stored(cache), "photos"))
    # The next run, which trusts stats, sees what is there now and computes exactly that.
    before, now = oracle.stored(cache), oracle.walk(photos)
    oracle.agree(run(), oracle.extracted(before, "photos", now))
    assert oracle.stored(cache).sources["photos"].images == now.images


@pytest.mark.parametrize(
    "trick", ["mtime set back", "equal size", "inode reused", "clock set back", "same tick"]
)
def test_an_edit_that_hides_behind_its_stats_is_computed(run, tmp_path, photos, later, trick):
    path = photos / HIT.decode()
    run()
    if trick != "same tick":
        run()  # every file has been read again by now, and is trusted
    stat, size = path.stat(), path.stat().st_size
    while True:  # other pixels in a file of the same size
        picture(path.with_name("new.png"), np.random.default_rng().integers(1 << 30))
        if path.with_name("new.png").stat().st_size == size:
            break
    data = path.with_name("new.png").read_bytes()
    path.with_name("new.png").unlink()
    if trick == "inode reused":
        path.unlink()
    path.write_bytes(data)
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    if trick == "clock set back":
        later(-3600)
    before, now = oracle.stored(tmp_path / "store"), oracle.walk(photos)
    want = oracle.extracted(before, "photos", now)
    assert (want["computed"], want["changed"]) == (1, 1)
    oracle.agree(run(), want)


def test_a_source_that_is_unmounted_is_an_error_and_nothing_is_recorded(run, tmp_path, photos):
    run()
    log = tree(tmp_path / "store/log")
    photos.rename(tmp_path / "unmounted")
    photos.mkdir()  # the mount point
    with pytest.raises(DataError):
        run()
    train(TrainOptions(cache=tmp_path / "store"))  # from what was recorded
    assert tree(tmp_path / "store/log") == log
    photos.rmdir()
    (tmp_path / "unmounted").rename(photos)
    assert run()["computed"] == 0


def test_folders_that_turn_into_links_and_loops_leave_what_is_in_the_folder(run, tmp_path, photos):
    run()
    for i in range(2):
        picture(photos / f"bird/{i}.png", 90 + i)
    run()
    (photos / "bird").rename(tmp_path / "bird")
    (photos / "bird").symlink_to(tmp_path / "bird")
    (photos / "cat/loop").symlink_to(photos)
    (photos / "cat/self.png").symlink_to("self.png")
    before, now = oracle.stored(tmp_path / "store"), oracle.walk(photos)
    want = oracle.extracted(before, "photos", now)
    assert (want["samples"], want["deleted"]) == (12, 2)
    report = run()
    oracle.agree(report, want)
    assert report["skipped"]["links"] == 3


def test_a_folder_of_very_many_files_is_listed_whole(tmp_path):
    n = 200_000 if LONG else 10_000
    root = tmp_path / "many/one"
    root.mkdir(parents=True)
    first = picture(root / "0.png", 1)
    for i in range(1, n):
        os.link(first, root / f"{i}.png") if i % 60_000 else shutil.copy(first, root / f"{i}.png")
    listing = FolderSource(tmp_path / "many").list()
    assert [bytes(key) for key in listing.keys] == sorted(b"one/%d.png" % i for i in range(n))
    assert (listing.stats[:, 0] == first.stat().st_size).all()
