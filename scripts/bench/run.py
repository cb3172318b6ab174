"""The figures of the README, on this machine.

    make bench                           all of them
    make bench ARGS="gather linear"      some
    make bench ARGS="warm --files 6000"  with fewer files

Every figure stands beside its baseline, taken in the same run, in turns; medians of five, with
the smallest and the largest. Absolute times say more of the machine than of the program.
"""

import argparse
import os
import platform
import resource

from heads import bench_linear
from processes import bench_help, bench_warm
from stores import bench_gather, bench_snapshot

BENCHES = {
    "help": bench_help,
    "gather": bench_gather,
    "linear": bench_linear,
    "snapshot": bench_snapshot,
    "warm": bench_warm,
}


def main():
    """Run the benches that are named, or all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", choices=[*BENCHES, []], metavar="NAME")
    parser.add_argument("--files", type=int, default=60_000)
    options = parser.parse_args()
    print(f"{platform.platform()}, {os.cpu_count()} threads, Python {platform.python_version()}")
    for name in options.names or BENCHES:
        BENCHES[name](options)
    print(f"peak of this process: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10} MiB")


if __name__ == "__main__":
    main()
