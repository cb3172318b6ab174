"""Saying how a source was read, before anything is computed from it; and what computes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from bottleneck.core.sample import SPLITS
from bottleneck.core.source_words import left_alone_line, source_lines, spread_line

if TYPE_CHECKING:
    from bottleneck.core.reporter import Reporter
    from bottleneck.core.sample import Samples
    from bottleneck.pipeline.extraction.compute import Computer
    from bottleneck.pipeline.extraction.looked import Looked


def say_understood(looked: Looked, name: str, reporter: Reporter) -> None:
    """Say how a source was read, before anything is computed, where it is not as it was recorded.

    A run that finds what the one before found says nothing.
    """
    listing, before = looked.look.listing, looked.before
    understood = listing.understood.to_json()
    if before is not None and before.understood == understood:
        return
    values = {**source_values(looked.look.samples), "understood": understood}
    skipped = {why: n for why, n in listing.skipped.items() if n}
    lines = source_lines(values) + left_alone_line({**values, "skipped": skipped})
    for line in lines:
        reporter.say(f"{name}: {line}")


def source_values(samples: Samples) -> dict[str, Any]:
    """Return what was understood of a source: classes, splits, images without a label."""
    counts = np.bincount(samples.splits, minlength=len(SPLITS))
    return {
        "kind": samples.kind,
        "classes": list(samples.classes),
        "targets": [] if samples.targets is None else list(samples.targets.names),
        "splits": {split: int(n) for split, n in zip(SPLITS, counts, strict=True)},
        "unlabelled": int((~samples.has_target).sum()),
    }


def say_computing(computer: Computer, reporter: Reporter) -> None:
    """Say what computes, once the first rows are trusted."""
    engine = computer.engine
    reporter.say(f"computing on {engine.device}, {engine.batch_size} images a batch")
    if computer.choice.spread is None:  # of reduced precision, and measured just now
        for line in spread_line(engine.provenance.get("spread")):
            reporter.say(line)
    if engine.warning:
        reporter.warn(engine.warning)
