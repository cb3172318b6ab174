"""Two cuts of one network in one pass, beside an extract of the deeper one alone."""

import json
import shutil
import statistics
import tempfile
from pathlib import Path

from photos import write_photos
from timing import interval, process, spread, turns

SIZE = 96
FILES = 2_000
SHALLOW, DEEP = "block_13_expand_relu", "out_relu"
MOST = 1.15  # of the deeper cut's time alone


def bench_cuts(options):
    """Time two cuts of MobileNetV2 in one pass, whole processes, in turns with the deeper one."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        images = options.images or folder / "images"
        n = options.files or FILES
        if not options.images:
            write_photos(images, n, 32, ".jpg")
        network = (
            *("-m", "bottleneck.extract", "--data", images, "--json", "--quiet", "--limit", n),
            *("--backbone", "mobilenetv2", "--weights", options.weights),
            *("--size", options.size or SIZE, "--layer", DEEP),
        )
        both = process(*network, "--layer", SHALLOW, "--cache-each", folder / "stores/{layer}")
        deeper = process(*network, "--cache", folder / "stores/deeper")

        def clear():
            shutil.rmtree(folder / "stores", ignore_errors=True)

        report = json.loads(both())
        deeper()
        ours, base, ratios = turns(both, deeper, n=options.runs, before=clear, warm_up=False)
        counts = [store["computed"] for store in report["stores"]]
        met = "met" if statistics.median(ratios) <= MOST else "MISSED"
        print(f"cuts: {counts} images, MobileNetV2 at {options.size or SIZE}: {DEEP}, {SHALLOW}")
        print(f"  both in one pass {spread(ours)}; {DEEP} alone {spread(base)}")
        print(f"  ratio {interval(ratios)}, at most {MOST:g} wanted: {met}")
