"""How long things take: in turns with a baseline, medians with their range."""

import statistics
import subprocess
import sys
import time

RUNS = 5
PYTHON = sys.executable


def seconds(work, *arguments):
    """Return how long one call takes."""
    start = time.perf_counter()
    work(*arguments)
    return time.perf_counter() - start


def spread(values):
    """Return median and range for people."""
    return f"{statistics.median(values):.3f} s ({min(values):.3f} to {max(values):.3f})"


def turns(ours, baseline):
    """Time both in turns, after a warm-up of each; return both lists and the median ratio."""
    ours(), baseline()
    pairs = [(seconds(ours), seconds(baseline)) for _ in range(RUNS)]
    one, other = zip(*pairs, strict=True)
    return one, other, statistics.median(a / b for a, b in pairs)


def process(*arguments):
    """Return a function that runs a whole process and must succeed."""
    return lambda: subprocess.run([PYTHON, *map(str, arguments)], check=True, capture_output=True)
