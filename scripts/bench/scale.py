"""What a large extraction costs whoever drives it: the log, the parts, memory, time an image.

    python scripts/bench/scale.py [log] [parts] [driver] [intake] [snapshot] [fold]
        [--numbers 1000,10000,…] [--format hdf5|zarr]

Nothing is computed and no image is read: entries, digests and keys are drawn at random. Everything
else is the code that an extraction runs: `Log`, `State`, `PartEntry`, `Store`, `gc`, `status`,
`Look`, `Sharing`. Each figure is a process of its own, so that its memory is its own; seconds are
the processor's, as machines are shared, and waiting for a disk is not in them.

- log: a state of N parts; what commits of one part, and of one of each of 1,000 workers, take
- parts: N parts that are really there, of 16 rows each; opening, status, gc over an hour of commits
- driver: N images that are pending, as a driver holds them, step by step
- intake: what a driver spends on each image that a worker did
- snapshot: N samples, written and read
- fold: how N small parts are put together, without copying their rows
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import pickle
import resource
import secrets
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np

from bottleneck.core.recipe import ImageSpec, Recipe, RowSpec
from bottleneck.core.reporter import NoProgress
from bottleneck.core.sample import Samples
from bottleneck.data.scan import EMPTY, Seen
from bottleneck.data.source import Listing
from bottleneck.pipeline.extraction.crew import Crew
from bottleneck.pipeline.extraction.done import Done
from bottleneck.pipeline.extraction.extraction import Extraction
from bottleneck.pipeline.extraction.flow import Seconds
from bottleneck.pipeline.extraction.job import SharedOut, Tally
from bottleneck.pipeline.extraction.look import Look
from bottleneck.pipeline.extraction.plan import mixed_order, plan
from bottleneck.pipeline.extraction.shards import Shards, _Work
from bottleneck.pipeline.extraction.sharing import Share, Sharing
from bottleneck.pipeline.upkeep.status import StatusOptions, status
from bottleneck.store.commit import State
from bottleneck.store.copying import groups
from bottleneck.store.gc import gc
from bottleneck.store.log import Log, SetSource
from bottleneck.store.lookup import Lookup
from bottleneck.store.part import PartEntry
from bottleneck.store.snapshot import Snapshot, read_snapshot, write_snapshot
from bottleneck.store.store import Store
from bottleneck.store.table import load_format

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray


WORKERS = 1_000
HOUR = 60  # commits, at one a minute
KEY = "images/{:04d}/{:012d}.jpg"  # as long as keys are
RECIPE = Recipe(
    network="aa" * 32,
    weights="bb" * 32,
    preprocessing="none",
    image=ImageSpec(size=(8, 8)),
    rows=RowSpec(dtype="float16", shape=(8,)),
)
NUMBERS = {
    "log": (1_000, 10_000, 50_000),
    "parts": (1_000, 10_000),
    "driver": (1_000_000, 10_000_000),
    "intake": (100_000,),
    "snapshot": (1_000_000, 10_000_000),
    "fold": (1_000, 10_000, 50_000),
}
SPEC = {"kind": "folder", "where": "/none"}
Steps = dict[str, Any]


class Measure:
    """Seconds of the processor that each step takes, and memory after it."""

    def __init__(self) -> None:
        self.found: Steps = {}

    @contextlib.contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Time a step."""
        began = time.process_time()
        yield
        self.found[name] = round(time.process_time() - began, 4)
        self.found[f"{name}, MB of memory"] = round(memory() / 1e6)


def memory() -> int:
    """Return the bytes that the process has now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def entries(n: int, files: dict[str, list[Any]]) -> tuple[PartEntry, ...]:
    """Return entries of parts that are nowhere; their files are called as those of a real one."""
    found = []
    for _ in range(n):
        identity = secrets.token_hex(32)
        name = f"{identity[:16]}-{secrets.token_hex(4)}.h5"
        own = {path: [64 << 20, secrets.token_hex(32)] for path in files}
        found.append(PartEntry(name=name, id=identity, rows=16_384, files=own))
    return tuple(found)


def digests_of(n: int, seed: int = 0) -> NDArray[np.uint8]:
    """Return n digests."""
    return np.random.default_rng(seed).integers(0, 256, (n, 32), np.uint8)


def a_part(store: Store, i: int) -> PartEntry:
    """Publish a part of 16 rows."""
    rows = np.zeros((16, 8), np.float16)
    return store.write_part(digests_of(16, i), rows, {"engine": "none", "batch": 16})


def add(store: Store, parts: Sequence[PartEntry]) -> list[Any]:
    """Return the actions of a commit that adds these parts."""
    return [store.add_part(*parts)]


def samples(n: int, digests: NDArray[np.uint8]) -> Samples:
    """Return n samples of 1,000 classes."""
    keys = np.fromiter(
        (KEY.format(i * 1000 // n, i).encode() for i in range(n)), f"S{len(KEY.format(0, 0))}", n
    )
    return Samples(
        keys=keys,
        digests=digests,
        known=np.ones(n, bool),
        labels=(np.arange(n) * 1000 // n).astype(np.int32),
        splits=np.zeros(n, np.uint8),
        classes=tuple(f"{i:04d}" for i in range(1000)),
    )


def measure_log(n: int, fmt: str) -> Steps:
    """Measure commits of a state of n parts."""
    found = Measure()
    with tempfile.TemporaryDirectory() as folder:
        store = Store.create(Path(folder) / "store", RECIPE, {}, fmt)
        files = a_part(store, 0).files
        log = Log(store.path)
        state = State(format=fmt, recipe=RECIPE.id, parts=entries(n, files))
        log.path(1).unlink()
        log.create(state, "bench")
        for name, k in (("one part", 1), (f"{WORKERS} parts", WORKERS)):
            actions = add(store, entries(k, files))
            with found.step(f"commit of {name}"):
                log.commit(actions, "extract")
            found.found[f"commit of {name}, bytes"] = log.path(log.numbers()[-1]).stat().st_size
        with found.step("reading the newest"):
            log.newest()
    return found.found


def measure_parts(n: int, fmt: str) -> Steps:
    """Measure a store of n parts that are there, and an hour of commits."""
    found = Measure()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "store"
        store = Store.create(path, RECIPE, {}, fmt)
        began = time.process_time()
        parts = [a_part(store, i) for i in range(n)]
        found.found["publishing a part"] = (time.process_time() - began) / n
        known = np.concatenate([digests_of(16, i) for i in range(n)])
        snapshot = Snapshot(samples=samples(len(known), known), spec=SPEC)
        entry = store.write_snapshot(snapshot)
        Log(path).commit([*add(store, parts), SetSource("s", None, entry)], "bench")
        with found.step("opening the store"):
            store = Store.open(path)
        with found.step("opening its parts"):
            assert store.has(known[:1]).all()
        found.found["open files"] = len([*Path("/proc/self/fd").iterdir()])
        found.found["maps"] = len(Path("/proc/self/maps").read_text().splitlines())
        with found.step("status"):
            status(StatusOptions(cache=path))
        for i in range(HOUR):
            store = store.commit(add(store, [a_part(store, n + i)]), "extract")
        with found.step(f"listing {HOUR} commits"):
            Log(path).numbers()
        with found.step(f"gc, dry, of {HOUR} commits"):
            gc(path, dry_run=True)
    return found.found


def measure_driver(n: int, _: str) -> Steps:
    """Measure what a driver holds of n images that are pending."""
    found = Measure()
    empty = memory()
    with tempfile.TemporaryDirectory() as folder, found.step("all"):
        store = Store.create(Path(folder) / "store", RECIPE, {})
        with found.step("the listing"):
            named = samples(n, np.zeros((n, 32), np.uint8))
            stats = np.random.default_rng(0).integers(0, 1 << 60, (n, 4), np.int64)
            look = look_at(named, stats)
        with found.step("the plan"):
            planned = plan(store, look.samples)
        with found.step("a mixed order"):
            order = mixed_order(look.samples, planned.pending)
        with found.step("what is to be given out"):
            sharing = Sharing(batch=64, most=16_384, n_workers=WORKERS)
            sharing.add(order.tolist())
        digests = digests_of(n)
        half = n // 2
        with found.step("half of the images learned"):
            for at in range(0, half, 2_000):  # in shards
                seen = slice(at, min(at + 2_000, half))
                look.learn_all(seen_of(seen, digests[seen], stats[seen]))
        with found.step("the stat cache, half known, saved"):
            look.save(store)
        with found.step("the rows' digests, looked up"):
            lookup = Lookup([digests])
        one = digests[:1]
        with found.step("and 1,000 parts more"):
            more = digests_of(100_000, 1)
            if hasattr(lookup, "extended"):
                lookup = lookup.extended([more])
            else:
                lookup = Lookup([digests, more])
            assert (lookup.find(one) >= 0).all()
    found.found["peak, MB"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1000
    found.found["empty, MB"] = empty // 1_000_000
    return found.found


def look_at(named: Samples, stats: NDArray[np.int64]) -> Look:
    """Return a look at these samples, nothing of which is known."""
    listing = Listing(
        keys=named.keys,
        labels=named.labels,
        splits=named.splits,
        classes=named.classes,
        stats=stats,
        skipped={},
        device=0,
    )
    n = len(named)
    source: Any = SimpleNamespace(spec=SPEC)
    nothing = np.zeros(n, bool)
    return Look(source, listing, EMPTY, np.zeros((n, 32), np.uint8), nothing.copy(), nothing)


def seen_of(at: slice, digests: NDArray[np.uint8], stats: NDArray[np.int64]) -> Seen:
    """Return what was read of these images."""
    clocks = np.full(len(digests), 1 << 60)
    return Seen(index=np.arange(at.start, at.stop), digests=digests, stats=stats, clocks=clocks)


def measure_intake(n: int, _: str) -> Steps:
    """Measure what taking in what workers did costs an image, in shards of 2,000."""
    found, size = Measure(), 2_000
    digests = digests_of(n)
    stats = np.random.default_rng(0).integers(0, 1 << 60, (n, 4), np.int64)
    run: Any = SimpleNamespace(
        looked=SimpleNamespace(look=look_at(samples(n, digests), stats)),
        tally=Tally(shared_out=SharedOut(workers=WORKERS)),
        job=SimpleNamespace(seconds=Seconds()),
        target=SimpleNamespace(without_row=lambda d: np.ones(len(d), bool)),
        adopt=lambda *_, **__: None,
    )
    run.take_all = partial(Extraction.take_all, run)
    driver: Any = None
    hands: Any = SimpleNamespace(number=WORKERS)
    crew = Crew(hands=lambda: hands)
    sharing = Sharing(batch=64, most=16_384, n_workers=WORKERS)
    told: Any = None
    work = _Work(Shards(driver, crew, run, set()), hands, told, sharing, NoProgress())
    sent = [done_of(digests[at : at + size], stats[at : at + size]) for at in range(0, n, size)]
    began = time.process_time()
    shards = [pickle.loads(data) for data in sent]
    found.found["unpacking, microseconds an image"] = (time.process_time() - began) / n * 1e6
    began = time.process_time()
    for i, done in enumerate(shards):
        share = Share(list(range(i * size, (i + 1) * size)))
        work._taken(share, done).record_in(run, slice(None))
    found.found["taking in, microseconds an image"] = (time.process_time() - began) / n * 1e6
    found.found["bytes an image"] = sum(map(len, sent)) // n
    return found.found


def done_of(digests: NDArray[np.uint8], stats: NDArray[np.int64]) -> bytes:
    """Return what a worker sends back."""
    n = len(digests)
    seen = seen_of(slice(0, n), digests, stats)
    part = PartEntry(name="0" * 16 + "-" + "0" * 8 + ".h5", id="0" * 64, rows=n,
                     files={"": [64 << 20, "0" * 64]})  # fmt: skip
    done = Done(seen=seen, failed={}, unread={}, part=part, digests=digests, misfits={},
                rows_of=seen.index, seconds=Seconds(), used=None, wall_s=20.0)  # fmt: skip
    return pickle.dumps(done)


def measure_snapshot(n: int, fmt: str) -> Steps:
    """Measure a snapshot of n samples."""
    found = Measure()
    with tempfile.TemporaryDirectory() as folder:
        snapshot = Snapshot(samples=samples(n, digests_of(n)), spec=SPEC)
        with found.step("writing a snapshot"):
            entry = write_snapshot(Path(folder), load_format(fmt), snapshot)
        del snapshot
        with found.step("reading a snapshot"):
            read_snapshot(Path(folder) / entry.snapshot, entry)
        found.found["bytes"] = sum(size for size, _ in entry.files.values())
    return found.found


def measure_fold(n: int, _: str) -> Steps:
    """Measure how n small parts (8 MB each) are put together, but for the copying."""
    found = Measure()
    parts: Any = [
        SimpleNamespace(provenance={"engine": "openvino", "host": str(i % 8)}) for i in range(n)
    ]
    with found.step("putting together"):
        groups(parts, lambda part: part, lambda _: 8 << 20)
    return found.found


def apart(what: str, n: int, fmt: str) -> Steps:
    """Measure in a process of its own."""
    words = [sys.executable, __file__, what, "--numbers", str(n), "--format", fmt, "--one"]
    ended = subprocess.run(words, capture_output=True, text=True, check=False)
    if ended.returncode:
        return {"failed": ended.stderr.strip().splitlines()[-1]}
    plain: Steps = json.loads(ended.stdout)
    return plain


def main() -> int:
    """Measure, and print tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", nargs="*", choices=[*NUMBERS, []])
    parser.add_argument("--numbers", type=lambda text: [*map(int, text.split(","))])
    parser.add_argument("--format", choices=("hdf5", "zarr"), default="hdf5")
    parser.add_argument("--one", action="store_true", help="in this process; prints JSON")
    args = parser.parse_args()
    for what in args.what or NUMBERS:
        numbers = args.numbers or NUMBERS[what]
        if args.one:
            print(json.dumps(globals()[f"measure_{what}"](numbers[0], args.format)))
            continue
        found = [apart(what, n, args.format) for n in numbers]
        print(f"\n| {what} | {' | '.join(f'{n:,}' for n in numbers)} |")
        print("| --- " * (len(numbers) + 1) + "|")
        for step in dict.fromkeys(step for one in found for step in one):
            cells = (one.get(step, "") for one in found)
            shown = (f"{cell:,.5g}" if isinstance(cell, float) else f"{cell}" for cell in cells)
            print(f"| {step} | {' | '.join(shown)} |", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
