"""The figures of the README, on this machine.

    make bench                           all of them
    make bench ARGS="gather linear"      some
    make bench ARGS="warm --files 6000"  with fewer files
    make bench ARGS="cold --images photos/ --weights mobilenet_v2_..._no_top.h5"
    make bench ARGS="tail-accuracy --images cifar/ --weights mobilenet_v2_..._no_top.h5"

help      --help beside a bare import of argparse
gather    256 random rows of 50,000, beside np.memmap
linear    the linear head to convergence, and beside scikit-learn's LogisticRegressionCV
large     the linear head on a store of 1,280,000 x 2,048, 5.2 GB (not among all of them)
snapshot  a million samples
warm      nothing changed among 60,000 files, beside os.walk with stat
one       one of 60,000 files changed, by mini on OpenVINO, beside nothing changed
increments  a store after a thousand runs of one image and gc, beside one filled at once
cold      5,000 JPEG files through MobileNetV2 (or --backbone resnet50) at 139x139, in float32 and
          bfloat16, beside plain Keras
bare      20,000 JPEG files through MobileNetV2 at 139x139, beside the same engine by itself
cuts      two cuts of MobileNetV2 in one pass, beside the deeper one alone
conv      an epoch of the conv head on maps of ResNet50, beside ResNet50 frozen in the loop
tail      an epoch of tails of VGG16 at 224x224, beside the layers before the cut in the loop
dense     dense heads on flattened maps of VGG16, each by an extract and a train command
tail-accuracy  linear, and tails of one and three blocks of MobileNetV2, on the same images

Every figure stands beside its baseline, taken in the same run, in turns; medians of five, with
the smallest and the largest. Absolute times say more of the machine than of the program.
"""

import argparse
import os
import platform
import resource
import subprocess
from importlib import metadata
from pathlib import Path

from accuracies import bench_dense, bench_tail_accuracy
from bare import bench_bare
from baseline import APPLICATIONS
from cold import bench_cold
from cuts import bench_cuts
from heads import bench_linear
from in_the_loop import bench_conv, bench_tail
from increments import bench_increments
from large import bench_large
from one import bench_one
from processes import FORMATS, bench_help, bench_warm
from stores import bench_gather, bench_snapshot
from timing import RUNS

BENCHES = {
    "help": bench_help,
    "gather": bench_gather,
    "linear": bench_linear,
    "large": bench_large,
    "snapshot": bench_snapshot,
    "warm": bench_warm,
    "one": bench_one,
    "increments": bench_increments,
    "cold": bench_cold,
    "bare": bench_bare,
    "cuts": bench_cuts,
    "conv": bench_conv,
    "tail": bench_tail,
    "dense": bench_dense,
    "tail-accuracy": bench_tail_accuracy,
}
LIBRARIES = ("numpy", "h5py", "zarr", "pillow", "keras", "tensorflow", "openvino")


def surroundings():
    """Return machine, commit and versions, in one line."""
    found = [
        platform.platform(),
        f"{os.cpu_count()} threads",
        f"Python {platform.python_version()}",
    ]
    for name in LIBRARIES:
        try:
            found.append(f"{name} {metadata.version(name)}")
        except metadata.PackageNotFoundError:
            found.append(f"no {name}")
    describe = ["git", "describe", "--always", "--dirty"]
    try:
        done = subprocess.run(
            describe, cwd=Path(__file__).parent, capture_output=True, text=True, check=True
        )
        found.append(f"commit {done.stdout.strip()}")
    except (OSError, subprocess.CalledProcessError):
        found.append("no commit")
    return ", ".join(found)


def main():
    """Run the benches that are named, or all."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", choices=[*BENCHES, []], metavar="NAME")
    parser.add_argument("--files", type=int, help="of the folders that are made")
    parser.add_argument("--runs", type=int, default=RUNS, help=f"of each (default {RUNS})")
    parser.add_argument("--format", choices=FORMATS, help="warm: both; one: hdf5")
    parser.add_argument(
        "--images",
        type=Path,
        metavar="FOLDER",
        help="for cold, bare, cuts; with train/ and test/ for heads",
    )
    parser.add_argument(
        "--weights", default="random:0", help="of the networks: a file, or random:SEED (default 0)"
    )
    parser.add_argument(
        "--size", type=int, metavar="PIXELS", help="for tail, tail-accuracy, dense, cuts"
    )
    parser.add_argument(
        "--backbone", choices=sorted(APPLICATIONS), default="mobilenetv2", help="for cold, bare"
    )
    parser.add_argument("--layer", help="for tail: where VGG16 is cut")
    parser.add_argument("--epochs", type=int, help="for tail-accuracy, dense, and conv's `train`")
    options = parser.parse_args()
    print(surroundings())
    for name in options.names or [name for name in BENCHES if name != "large"]:
        BENCHES[name](options)
    print(f"peak of this process: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10} MiB")


if __name__ == "__main__":
    main()
