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


def interval(ratios):
    """Return the median of ratios and their range, which holds the true median.

    Of n pairs with a chance of 1 - 2^(1 - n): 94 % of five.
    """
    return f"{statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"


def budget(ratios, least):
    """Return whether the median of ratios is as large as it should be, in words."""
    return f"at least {least:g} wanted: {'met' if statistics.median(ratios) >= least else 'MISSED'}"


def turns(ours, baseline, *, n=RUNS, before=lambda: None, warm_up=True):
    """Time both in turns, A B A B; return both lists and the ratio of each pair.

    `before` is called before each of `ours`, and not timed.
    """
    if warm_up:
        before(), ours(), baseline()
    one, other = [], []
    for _ in range(n):
        before()
        one.append(seconds(ours))
        other.append(seconds(baseline))
    return one, other, [a / b for a, b in zip(one, other, strict=True)]


def process(*arguments):
    """Return a function that runs a whole process of Python, which must succeed: → its stdout."""

    def run():
        done = subprocess.run(
            [PYTHON, *map(str, arguments)], check=False, capture_output=True, text=True
        )
        if done.returncode:
            sys.exit(f"failed with code {done.returncode}: {arguments}\n{done.stderr[-2000:]}")
        return done.stdout

    return run
