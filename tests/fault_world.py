"""Verbs at work on a small store, each with what must be true of the store after any fault.

The rows come from the network made of numpy, so the oracle is plain Pillow and numpy: a dict from
the digest of an image's bytes to the row that it must have.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from world import flip, picture, row_of

from bottleneck.core import console
from bottleneck.core.errors import DamagedError
from bottleneck.extract import main as extract_main
from bottleneck.forget import main as forget_main
from bottleneck.gc import main as gc_main
from bottleneck.heads.run import read_run
from bottleneck.pipeline.extraction import writing
from bottleneck.store import fold as folding
from bottleneck.store.gc import gc
from bottleneck.store.store import Store
from bottleneck.store.verify import verify
from bottleneck.train import main as train_main
from bottleneck.verify import main as verify_main

SIZE = (8, 8)
TABLE = {0, 2, 3, 4, 5, 6, 7, 9, 12, 13, 75}  # of exit codes that are no bug


def quiet_run(main, words):
    """Run a door in this process; return its code and what it said on stdout and stderr."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = console.run(main, words)
    return code, out.getvalue(), err.getvalue()


def oracle(photos):
    """Return {digest: row} of the images that are there."""
    found = {}
    for path in sorted(photos.rglob("*.png")):
        image = Image.open(path).convert("RGB").resize(SIZE, Image.Resampling.BILINEAR)
        found[hashlib.sha256(path.read_bytes()).digest()] = row_of(np.array(image))
    return found


@dataclass
class World:
    """A folder of images, a store that each attempt gets a copy of, and what is known of both."""

    root: Path
    fmt: str
    patch: pytest.MonkeyPatch
    batch: int = 3  # images in a part: more parts are more calls to fail, and more to check

    def __post_init__(self):
        self.root.mkdir(parents=True, exist_ok=True)
        self.root = self.root.resolve()
        self.photos, self.base = self.root / "photos", self.root / "base"
        self.known = {}  # every row that was ever right
        for i in range(6):
            picture(self.photos / ("cat" if i % 2 else "dog") / f"{i:02}.png", i)
        self.known |= oracle(self.photos)

    def words(self, store, data=None):
        """Return the words of an extraction into `store`."""
        words = ["--cache", str(store), "--data", str(data or self.photos), "--format", self.fmt]
        words += ["--backbone", "resnet50", "--weights", "random:0", "--size", "8", "--json"]
        return [*words, "--batch-size", str(self.batch), "--threads", "1"]

    def extract(self, store, data=None):
        """Extract; return the report."""
        code, out, err = quiet_run(extract_main, self.words(store, data))
        assert code == 0, err
        return json.loads(out)

    def copy(self, name):
        """Return a fresh copy of the base store."""
        path = self.root / name
        shutil.rmtree(path, ignore_errors=True)
        if self.base.exists():
            shutil.copytree(self.base, path)
        return path

    # --- what must hold -------------------------------------------------------------------------

    def wrong(self, path, *, may_be_damaged=False):
        """Yield what is wrong with a store after a fault: N1, N2, N3."""
        try:
            store = Store.open(path)
            damaged = verify(path)["damaged"]
        except Exception as error:  # noqa: BLE001 - whatever it is, it is a finding
            if may_be_damaged and isinstance(error, DamagedError):
                return
            yield f"N3: does not open: {error!r}"
            return
        if damaged and not may_be_damaged:
            yield f"N1: damaged: {damaged}"
            return
        for part in store.parts:
            for row in part.good_rows().tolist() if not damaged else ():
                digest = part.digests[row].tobytes()
                found, expected = part.take(np.array([row]))[0], self.known.get(digest)
                if expected is None or (found != expected).any():
                    yield f"N1: another row in {part.path.name}"

    def silent(self, path, code, said):
        """Yield what is wrong where an image could not be read and nothing says so: N1, N4."""
        if code != 0 or '"verb": "extract"' not in said:
            return
        missing = oracle(self.photos).keys() - self.held(path)
        report = json.loads(next(line for line in said.splitlines() if line.startswith("{")))
        if len(missing) > report["quarantined"] + report["pending"]:
            yield f"N4: {len(missing)} rows are missing, which the report does not say"
        if report["samples"] != len([*self.photos.rglob("*.png")]):
            yield f"N1: {report['samples']} images were seen"

    def held(self, path):
        """Return the digests that have a row in the newest commit."""
        store = Store.open(path)
        return {digest.tobytes() for part in store.parts for digest in part.digests}

    def up_to_date(self, path):
        """Yield what is wrong with a run that goes on after the fault, and with its counts."""
        before, now = self.held(path), oracle(self.photos)
        try:
            report = self.extract(path)
        except Exception as error:  # noqa: BLE001
            yield f"N3: the next run ends with {error!r}"
            return
        missing = now.keys() - before
        if report["computed"] != len(missing):
            yield f"N5: {report['computed']} computed where {len(missing)} were missing"
        if (report["pending"], report["cached"]) != (0, len(now) - len(missing)):
            yield f"N4: {report['pending']} pending, {report['cached']} cached"
        if self.held(path) < now.keys():
            yield "N4: rows are missing after the next run"

    def swept(self, path):
        """Yield what gc leaves that nothing needs: N9."""
        gc(path, grace_s=-10)
        left = [str(file.relative_to(path)) for file in path.rglob("tmp-*")]
        if left:
            yield f"N9: left over: {left}"
        yield from self.wrong(path)


class Extract:
    """A run onto a store that has rows, where images were added, edited, renamed and deleted."""

    main = staticmethod(extract_main)

    def __init__(self, world):
        self.world = world
        world.extract(world.base)
        self.before = world.held(world.base)
        picture(world.photos / "cat/01.png", 50)
        (world.photos / "dog/00.png").rename(world.photos / "dog/90.png")
        (world.photos / "dog/02.png").unlink()
        for i in range(10, 13):
            picture(world.photos / f"cat/{i}.png", i)
        world.known |= oracle(world.photos)

    def words(self, path):
        return self.world.words(path)

    def after(self, path, code):
        """Yield what is wrong after an attempt that ended with `code`, None if it was killed."""
        if not self.before <= self.world.held(path):
            yield "N2: rows that were committed are gone"
        if code == 0 and not oracle(self.world.photos).keys() <= self.world.held(path):
            yield "N2: what was reported as computed is not there"
        yield from self.world.up_to_date(path)


class First(Extract):
    """The run that makes the store."""

    def __init__(self, world):
        self.world, self.before = world, set()

    def after(self, path, code):
        if Store.is_there(path):
            yield from super().after(path, code)
        else:
            if code == 0:
                yield "N2: there is no store"
            self.world.extract(path)


class Fold(Extract):
    """A run that finds nothing to compute and more small parts than there should be."""

    def __init__(self, world):
        self.world, world.batch = world, 2
        world.extract(world.base)
        self.before = world.held(world.base)
        assert len(Store.open(world.base).parts) == 3
        world.patch.setattr(folding, "MANY", 1)

    def after(self, path, code):
        yield from super().after(path, code)
        if len(Store.open(path).parts) != 1:
            yield "N4: not folded in the end"


class Forget:
    """Forgetting one of two sources."""

    main = staticmethod(forget_main)

    def __init__(self, world):
        self.world = world
        world.extract(world.base)
        picture(world.root / "more/a/1.png", 70)
        picture(world.root / "more/b/2.png", 71)
        world.known |= oracle(world.root / "more")
        world.extract(world.base, world.root / "more")
        self.before = world.held(world.base)

    def words(self, path):
        return ["--cache", str(path), "--source", "more"]

    def after(self, path, code):
        names = set(Store.open(path).source_names)
        if names not in ({"photos"}, {"photos", "more"}) or (code == 0 and "more" in names):
            yield f"N2: the sources are {names}"
        if self.world.held(path) != self.before:
            yield "N2: rows are gone"
        if "more" in names and quiet_run(forget_main, self.words(path))[0] != 0:
            yield "N3: cannot be forgotten again"
        yield from self.world.up_to_date(path)


class Collect(Forget):
    """gc of a store with old commits, old parts and a dead run's leftovers."""

    main = staticmethod(gc_main)

    def __init__(self, world):
        Extract(world)
        self.world = world
        world.extract(world.base)
        self.before = oracle(world.photos).keys()
        for room in ("parts", "snapshots", "log", "runs"):
            folder = world.base / room / f"tmp-{'0' * 32}"
            folder.mkdir(parents=True)
            (folder / "half").write_bytes(b"x")

    def words(self, path):
        return ["--cache", str(path), "--grace", "0s"]

    def after(self, path, code):
        if not self.before <= self.world.held(path):
            yield "N2: rows that are needed are gone"
        yield from self.world.up_to_date(path)


class Repair(Forget):
    """verify --repair of a part with a flipped bit, and of a damaged newest commit."""

    main = staticmethod(verify_main)
    may_be_damaged = True

    def __init__(self, world):
        self.world = world
        world.extract(world.base)
        self.before = world.held(world.base)
        store = Store.open(world.base)
        rows = store.parts[0].take(np.arange(1))
        self.lost = {store.parts[0].digests[0].tobytes()}
        path = world.base / "parts" / store.state.parts[0].name
        files = [path] if path.is_file() else [p for p in path.rglob("*") if p.parent.name == "0"]
        for file in files:
            at = file.read_bytes().find(rows.tobytes())
            if at >= 0:
                flip(file, at)
        damaged = world.base / "log" / f"{store.state.number + 1:08}.json"
        damaged.write_bytes(b"{")

    def words(self, path):
        return ["--cache", str(path), "--repair"]

    def after(self, path, code):
        if code == 0 and verify(path)["damaged"]:
            yield "N2: reported as repaired, and is not"
        quiet_run(verify_main, self.words(path))
        yield from self.world.wrong(path)
        if self.world.held(path) != self.before - self.lost:
            yield "N5: other rows are lost than the one that was damaged"
        yield from self.world.up_to_date(path)


class Train(Forget):
    """A run of a head, which finds on its way that an image is gone and records that."""

    main = staticmethod(train_main)

    def __init__(self, world):
        self.world, world.batch = world, 7
        for i in range(20, 28):
            picture(world.photos / ("cat" if i % 2 else "dog") / f"{i:02}.png", i)
        world.known |= oracle(world.photos)
        world.extract(world.base)
        self.before = world.held(world.base)
        (world.photos / "cat/21.png").unlink()

    def words(self, path):
        return ["--cache", str(path), "--run", "one"]

    def after(self, path, code):
        runs = [p for p in (path / "runs").glob("*") if not p.name.startswith("tmp-")]
        if code == 0 and [p.name for p in runs] != ["one"]:
            yield f"N2: the runs are {runs}"
        for run in runs:
            try:
                read_run(run)
            except Exception as error:  # noqa: BLE001
                yield f"N3: half a run: {error!r}"
        if self.world.held(path) != self.before:
            yield "N2: rows are gone"
        if not runs and quiet_run(train_main, self.words(path))[0] != 0:
            yield "N3: cannot be trained again"
        yield from self.world.up_to_date(path)


VERBS = {
    "extract, the first": First,
    "extract": Extract,
    "fold": Fold,
    "train": Train,
    "forget": Forget,
    "gc": Collect,
    "verify --repair": Repair,
}


def prepare(root, fmt, verb, patch, *, is_later=True):
    """Return a world and a verb on it, with the network made of numpy in Keras' place.

    `is_later`: the images are old enough for their stats to prove that they are unchanged.
    """
    import time

    from conftest import numpy_network

    numpy_network.__wrapped__(patch) if hasattr(numpy_network, "__wrapped__") else None
    real = time.time_ns
    if is_later:
        patch.setattr(time, "time_ns", lambda: real() + 10**10)
    patch.setattr(writing, "COMMIT_EVERY_S", 0.0)
    patch.setitem(__import__("sys").modules, "matplotlib", None)  # no pictures: they take long
    world = World(root, fmt, patch)
    return world, VERBS[verb](world)
