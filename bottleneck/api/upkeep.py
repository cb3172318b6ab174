"""Upkeep of a store from Python: the same words as `bottleneck verify` and `bottleneck gc`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bottleneck.api import words
from bottleneck.api.keywords import proposing
from bottleneck.api.report import Report
from bottleneck.pipeline.upkeep import upkeep
from bottleneck.pipeline.upkeep.recompute import RecomputeOptions

if TYPE_CHECKING:
    from collections.abc import Sequence
    from os import PathLike


@proposing
def verify_store(
    cache: str | PathLike[str],
    *,
    repair: bool = False,
    sample: str | None = None,
    recompute: int | None = None,
    seed: int = 0,
    engine: str = "auto",
    devices: str | None = None,
    imports: str | Sequence[str] | None = None,
    trust: bool = False,
    wait_s: float | None = None,
    progress: bool = False,
) -> Report:
    """Read every byte of a store and compare it with what was written.

    Parameters
    ----------
    cache : the store's folder
    repair : mend what is damaged, in one commit that keeps everything that is intact
    sample : check a part of the files, as `--sample`: "5%", "10" (files) or "2GB"; each call takes
        those that were not checked for the longest time
    recompute : also compute the features of so many images again, and compare them
    seed : which images those are
    engine, devices, imports, trust : what computes, and the network's own code, as the command's
    wait_s : seconds to wait for the store's lock, to repair
    progress : show messages; without it, nothing is printed

    Returns
    -------
    dict, with the keys of `bottleneck verify --json`; what is damaged is no error here but in
    `damaged`, and in `recompute` `within` says whether this machine computes the same

    Raises
    ------
    BottleneckError
        One of `bottleneck.errors`: not a store, busy, the network cannot be had.
    """
    words.check_counts({"recompute": recompute}, "recompute")
    again = None
    if recompute is not None:
        again = RecomputeOptions(
            number=recompute,
            seed=seed,
            engine=engine,
            devices=devices,
            imports=words.several(imports) if imports is not None else None,
            trust=trust,
        )
    report = upkeep.verify(
        words.store(cache),
        repair=repair,
        sample=None if sample is None else words.part(sample, "sample"),
        again=again,
        wait_s=wait_s,
        reporter=words.reporter(progress),
    )
    return Report(report)


@proposing
def collect_garbage(
    cache: str | PathLike[str],
    *,
    grace_s: float = 24 * 3600.0,
    dry_run: bool = False,
    wait_s: float | None = None,
) -> Report:
    """Free disk space: drop features that no image needs, and delete old versions and leftovers.

    Parameters
    ----------
    cache : the store's folder
    grace_s : seconds for which everything is kept, because another program may still read it
    dry_run : only report what would go
    wait_s : seconds to wait for the store's lock

    Returns
    -------
    dict, with the keys of `bottleneck gc --json`

    Raises
    ------
    DamagedError
        When damage keeps it from knowing what is needed; nothing was deleted.
    BottleneckError
        One of `bottleneck.errors`: not a store, busy.
    """
    return Report(upkeep.gc(words.store(cache), grace_s=grace_s, dry_run=dry_run, wait_s=wait_s))
