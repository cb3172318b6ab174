"""One image of many changed, whole process, beside a run that finds nothing changed."""

import json
import sys
import tempfile
from importlib.util import find_spec
from itertools import count
from pathlib import Path

import numpy as np
from photos import write_photos
from PIL import Image
from timing import interval, process, seconds, spread, turns

FILES = 60_000
# The same command; after it, which network frameworks the process holds.
WATCHED = """
import sys
from bottleneck.extract import main
code = main(sys.argv[1:])
print(*sorted({name.split(".")[0] for name in sys.modules} & {"keras", "tensorflow"}))
sys.exit(code)
"""


def bench_one(options):
    """Time `mini` on OpenVINO; neither Keras nor TensorFlow may be imported."""
    if find_spec("openvino") is None:
        print("one: left out, OpenVINO is not installed")
        return
    fmt = options.format or "hdf5"
    with tempfile.TemporaryDirectory() as folder:
        paths = write_photos(Path(folder) / "photos", options.files or FILES, 8, ".png")
        command = [
            *("--data", Path(folder) / "photos", "--cache", Path(folder) / "store", "--json"),
            *("--backbone", "mini", "--engine", "openvino", "--format", fmt, "--quiet"),
        ]
        extract = process("-m", "bottleneck.extract", *command)
        first = seconds(extract)
        edits = count()

        def edit():
            number = next(edits)
            noise = np.random.default_rng(number).integers(0, 256, (8, 8, 3), np.uint8)
            Image.fromarray(noise).save(paths[number * 7919 % len(paths)])

        def computed(output, n):
            report = json.loads(output)
            if report["computed"] != n or report["partial"]:
                sys.exit(f"{report['computed']} computed, {n} expected: {report}")

        edit()
        report, frameworks = process("-c", WATCHED, *command)().splitlines()
        computed(report, 1)
        if frameworks:
            sys.exit(f"imported to compute one image: {frameworks}")
        ours, base, ratios = turns(
            lambda: computed(extract(), 1),
            lambda: computed(extract(), 0),
            n=options.runs,
            before=edit,
        )
        print(f"one: {len(paths)} files by mini on OpenVINO, {fmt}, first run {first:.0f} s;")
        print(f"  one changed {spread(ours)}, neither Keras nor TensorFlow imported;")
        print(f"  nothing changed {spread(base)}; ratio {interval(ratios)}")
