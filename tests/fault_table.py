"""What the fault loops did, as a table for the end of a run of the tests."""

from __future__ import annotations

ROWS = []  # of `fault_driver`, and of whoever else injects faults


def lines():
    """Return a table: fault, verb, format, calls that change something, injections, violations."""
    if not ROWS:
        return []
    heading = ("fault", "verb", "format", "effects", "injections", "violations", "ended because")
    cells = [heading]
    for row in ROWS:
        why = "none was left" if row["ended"] and row["every"] else "enough, evenly spread"
        numbers = (row["effects"], row["injections"], len(row["violations"]))
        cells.append((row["fault"], row["verb"], row["format"], *map(str, numbers), why))
    widths = [max(len(line[i]) for line in cells) for i in range(len(heading))]
    total = sum(row["injections"] for row in ROWS), sum(len(row["violations"]) for row in ROWS)
    return [
        *("  ".join(cell.ljust(w) for cell, w in zip(line, widths, strict=True)) for line in cells),
        f"{total[0]} injections, {total[1]} violations",
    ]
