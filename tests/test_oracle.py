"""The oracle against what is plain to see, and real extractions and status against the oracle."""

import os
import random
import shutil

import oracle
import pytest
from world import picture

from bottleneck.pipeline.extraction.extract import extract
from bottleneck.pipeline.extraction.options import ExtractOptions
from bottleneck.pipeline.learning.train import TrainOptions, train
from bottleneck.pipeline.network.options import NetworkOptions
from bottleneck.pipeline.upkeep.status import StatusOptions, status

NETWORK = NetworkOptions(backbone="resnet50", weights="random:0", size=(8, 8))
LONG = os.environ.get("BOTTLENECK_SOAK") == "1"


def test_the_oracle_counts_what_moved_by_hand():
    before = {b"a": "1", b"b": "2", b"c": "3", b"d": None, b"e": "5"}
    now = {b"a": "1", b"b": "9", b"x": "3", b"d": "4", b"y": "5", b"z": "5"}
    assert oracle.moves(before, now) == {"added": 1, "changed": 1, "renamed": 2, "deleted": 0}
    assert oracle.moves({}, now)["added"] == 6
    assert oracle.moves(before, {})["deleted"] == 5


def test_the_oracle_walks_images_alone(tmp_path):
    picture(tmp_path / "in/a/1.png", 1)
    picture(tmp_path / "out/2.png", 2)
    (tmp_path / "in/a/bad.png").write_bytes(b"no")
    (tmp_path / "in/a/.hidden.png").write_bytes(b"no")
    (tmp_path / "in/a/words.txt").write_bytes(b"no")
    (tmp_path / "in/a/loop.png").symlink_to("loop.png")
    (tmp_path / "in/a/away.png").symlink_to(tmp_path / "out/2.png")
    (tmp_path / "in/a/same.png").symlink_to("1.png")
    found = oracle.walk(tmp_path / "in")
    assert sorted(found.images) == [b"a/1.png", b"a/bad.png", b"a/same.png"]
    assert found.images[b"a/1.png"] == found.images[b"a/same.png"]
    assert found.broken == {found.images[b"a/bad.png"]}


def test_the_oracle_counts_a_store_by_hand():
    stored = oracle.Stored(
        commit=1,
        rows=frozenset({"1", "2"}),
        sources={
            "s": oracle.Source(
                images={b"a": "1", b"b": "1", b"c": None, b"d": "4", b"e": None, b"f": "2"},
                # d is as it failed, e could not be read, f was mended since
                set_aside={b"d": "4", b"e": None, b"f": "9"},
            )
        },
    )
    want = {"samples": 6, "unique": 3, "cached": 3, "pending": 1, "quarantined": 2}
    assert oracle.held(stored, "s") == want
    walked = oracle.Walked(images={b"c": "2"})
    assert oracle.held(stored, "s", walked) == {**want, "cached": 4, "pending": 0}


def happen(rng, root, n):
    """Let one thing happen to a folder; return what it was."""
    images = sorted(root.rglob("*.png"))
    one, other = rng.choice(images), rng.choice(images)
    what = rng.choice(["edit", "add", "copy", "rename", "delete", "break", "touch", "swap", "back"])
    if what == "edit":
        picture(one, 1000 + n)
    elif what == "add":
        picture(one.with_name(f"new{n}.png"), 2000 + n)
    elif what == "copy":
        shutil.copy(one, one.with_name(f"copy{n}.png"))
    elif what == "rename":
        one.rename(other.with_name(f"moved{n}.png"))
    elif what == "delete" and len(images) > 8:
        one.unlink()
    elif what == "break":
        one.write_bytes(b"no image %d" % n)
    elif what == "touch":
        one.touch()
    elif what == "swap" and one != other:
        one.rename(root / "aside")
        other.rename(one)
        (root / "aside").rename(other)
    elif what == "back":
        picture(one, int(one.stem) if one.stem.isdigit() else 3000)
    return what


@pytest.mark.parametrize("fmt", ["hdf5", "zarr"])
@pytest.mark.parametrize("seed", range(40 if LONG else 2))
def test_every_count_is_the_oracles_after_any_sequence_of_events(
    tmp_path, photos, numpy_network, later, fmt, seed
):
    rng = random.Random(seed)
    cache = tmp_path / "store"
    options = ExtractOptions(cache=cache, data=str(photos), network=NETWORK, format=fmt)
    told = []
    for step in range(12):
        told += [happen(rng, photos, 10 * step + n) for n in range(rng.randrange(4))]
        later()
        before, now = oracle.stored(cache), oracle.walk(photos)
        verb = rng.choice(["extract", "extract", "train"]) if step else "extract"
        if verb == "extract":
            want = oracle.extracted(before, "photos", now)
            oracle.agree(extract(options), want)
        else:
            train(TrainOptions(cache=cache))
        told.append(verb)
        after = oracle.stored(cache)
        (source,) = status(StatusOptions(cache=cache))["sources"]
        assert {key.decode() for key in after.sources["photos"].images} == {
            key.decode() for key in now.images
        }, told
        oracle.agree(source, oracle.held(after, "photos", now))
