"""The linear head on a store of 5.2 GB: how long it takes, and how much memory it holds."""

import json
import os
import subprocess
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
from heads import drawing
from stores import of_width
from timing import PYTHON

from bottleneck.core.sample import Samples, key_array
from bottleneck.store.log import SetSource
from bottleneck.store.snapshot import Snapshot
from bottleneck.store.store import Store

ROWS, WIDTH, CLASSES = 1_280_000, 2_048, 10
PART = 20_000  # rows
EVERY_S = 0.1  # between two looks at how much memory a process holds


def bench_large(options):
    """Fit the linear head to a store of 1,280,000 rows of 2,048 features, 5.2 GB."""
    n = options.files or ROWS
    with tempfile.TemporaryDirectory() as folder:
        store = Path(folder) / "store"
        began = time.monotonic()
        fill(store, n)
        print(f"large: a store of {n} x {WIDTH}, float16, made in {time.monotonic() - began:.0f} s")
        words = ["-m", "bottleneck.train", "--cache", store, "--head", "linear", "--json"]
        report, wall, anonymous = held(list(map(str, [PYTHON, *words, "--quiet"])))
        print(
            f"  linear: {wall:.0f} s, of processors {report['cpu']:.0f} s; at most "
            f"{anonymous / 2**20:.2f} GiB of its own beside the store's pages; "
            f"validation accuracy {report['accuracy']:.4f}"
        )


def fill(path, n):
    """Write a store of n rows as a network makes them, a fifth of them for validation."""
    store = Store.create(path, of_width(WIDTH), {}, "hdf5")
    rng = np.random.default_rng(0)
    digests = rng.integers(0, 256, (n, 32), np.uint8)
    labels = rng.integers(0, CLASSES, n).astype(np.int32)
    draw, entries = drawing(WIDTH, CLASSES, rng), []
    for at in range(0, n, PART):
        part = slice(at, at + PART)
        rows = draw(labels[part]).astype(np.float16)
        entries.append(store.write_part(digests[part], rows, {}))
    samples = Samples(
        keys=key_array([b"%08d" % i for i in range(n)]),
        digests=digests,
        known=np.ones(n, bool),
        labels=labels,
        splits=(rng.random(n) < 0.2).astype(np.uint8),
        classes=tuple(map(str, range(CLASSES))),
    )
    spec = {"kind": "bench", "where": "nowhere"}
    entry = store.write_snapshot(Snapshot(samples=samples, spec=spec))
    store.commit([*map(store.add_part, entries), SetSource("s", None, entry)], "bench")


def held(command):
    """Run a command; return its report, its seconds, and the most memory of its own in KiB."""
    began, most, before = time.monotonic(), 0, os.times()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    is_over = threading.Event()

    def look():
        nonlocal most
        while not is_over.wait(EVERY_S):
            try:
                said = Path(f"/proc/{process.pid}/status").read_text()
                most = max(most, int(said.split("RssAnon:")[1].split()[0]))
            except (OSError, IndexError):
                return

    looking = threading.Thread(target=look)
    looking.start()
    out, _ = process.communicate()
    is_over.set()
    looking.join()
    wall, after = time.monotonic() - began, os.times()
    if process.returncode:
        raise SystemExit(process.returncode)
    report = json.loads(out)
    cpu = (
        after.children_user + after.children_system - before.children_user - before.children_system
    )
    return report | {"cpu": cpu}, wall, most
