"""Commands on a disk as memory cards have it: see old_disk.c, which this runs under.

    OLD_DISK=FOLDER LD_PRELOAD=old_disk.so python old_disk_driver.py FOLDER FORMAT

Prints a JSON object: what was wrong, and what the disk was seen to be.
"""

from __future__ import annotations

import json
import os
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from fault_world import VERBS, prepare, quiet_run, train_main
from PIL import Image

from bottleneck.store.store import Store

EDITS = 12  # in a few tenths of a second: nearly all within one step of the clock


def seen(folder):
    """Return what the disk is, as a program sees it."""
    (folder / "Probe").write_bytes(b"x")
    try:
        os.link(folder / "Probe", folder / "second")
        has_links = True
    except PermissionError:
        has_links = False
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
        can_sync = True
    except OSError:
        can_sync = False
    os.close(handle)
    step = (folder / "probe").stat()
    return {
        "folds": (folder / "probe").read_bytes() == b"x" and os.listdir(folder) == ["probe"],  # noqa: PTH208
        "links": has_links,
        "syncs folders": can_sync,
        "step": 2 if step.st_mtime_ns % (2 * 10**9) == step.st_ctime_ns % (2 * 10**9) == 0 else 0,
    }


def verbs(folder, fmt):
    """Yield what is wrong after each verb."""
    for number, name in enumerate(VERBS):
        with pytest.MonkeyPatch.context() as patch:
            world, verb = prepare(folder / str(number), fmt, name, patch, is_later=False)
            work = world.copy("work")
            code, _, said = quiet_run(verb.main, verb.words(work))
            if code != 0:
                yield f"{name}: ended with {code}: {said[-300:]}"
            for line in (*verb.after(work, code), *world.swept(work)):
                yield f"{name}: {line}"
            names = (p.relative_to(work).as_posix() for p in work.rglob("*"))
            for other in (n for n in names if n != n.lower()):
                yield f"{name}: a name that a disk may spell otherwise: {other}"


def edits(folder, fmt):
    """Yield which edits of an image were missed: its size and its stamps stay what they were."""
    with pytest.MonkeyPatch.context() as patch:
        world, _ = prepare(folder / "edits", fmt, "extract, the first", patch, is_later=False)
        world.extract(world.base)
        path = world.photos / "cat" / "x.bmp"
        stats = set()
        for i in range(EDITS):
            pixels = np.random.default_rng(1000 + i).integers(0, 256, (8, 8, 3), np.uint8)
            Image.fromarray(pixels).save(path)
            stats.add((path.stat().st_mtime_ns, path.stat().st_ctime_ns, path.stat().st_size))
            if world.extract(world.base)["computed"] != 1:
                yield f"edit {i} was not seen"
        if len(stats) == EDITS:
            yield "no two edits had the same stamps: nothing was tried"
        yield from twins(folder, world)


def twins(folder, world):
    """Yield what is wrong with keys, and runs, whose names differ in case alone."""
    archive = folder / "twins.zip"
    with zipfile.ZipFile(archive, "w") as file:
        for i, name in enumerate(("cat/A.png", "cat/a.png", "dog/B.png", "dog/b.png")):
            file.write(sorted(world.photos.rglob("*.png"))[i], name)
    report = world.extract(folder / "twins", archive)
    keys = sorted(Store.open(folder / "twins").snapshot().samples.keys.tolist())
    if (report["samples"], report["pending"]) != (4, 0) or len(set(keys)) != 4:
        yield f"keys that differ in case: {report['samples']} samples, {keys}"
    again = world.extract(folder / "twins", archive)
    if (again["computed"], again["cached"]) != (0, 4):
        yield f"keys that differ in case: {again['computed']} computed again"
    first = [
        quiet_run(train_main, ["--cache", str(world.base), "--run", n]) for n in ("One", "one")
    ]
    if [code for code, _, _ in first] != [0, 2]:
        yield f"runs that differ in case: {first}"


def main(folder, fmt):
    folder = Path(folder)
    (folder / "probes").mkdir()
    found = seen(folder / "probes")
    wrong = [*verbs(folder, fmt), *edits(folder, fmt)]
    print(json.dumps({"disk": found, "wrong": wrong}))


if __name__ == "__main__":
    main(*sys.argv[1:])
