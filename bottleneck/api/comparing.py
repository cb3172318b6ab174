"""Comparing from Python: runs with each other, backbones with each other."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from bottleneck.api import extraction, words
from bottleneck.api.keywords import proposing
from bottleneck.api.report import Report
from bottleneck.core.errors import UsageError
from bottleneck.pipeline.learning.compare import CompareOptions, compare
from bottleneck.pipeline.learning.rank import RankOptions, rank

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from concurrent.futures import Executor
    from os import PathLike

    from bottleneck.api.extraction import (
        Compute,
        Decode,
        Fit,
        PixelOrder,
        Pooling,
        Resample,
        Rows,
        TargetKind,
    )
    from bottleneck.api.words import Folders, Groups, Images, Labels


@proposing
def compare_runs(
    runs: str | PathLike[str] | Iterable[str | PathLike[str]] | None = None,
    *,
    cache: str | PathLike[str] | None = None,
    seed: int = 0,
    picture: str | PathLike[str] | None = None,
    source: str | None = None,
    target_kind: TargetKind | None = None,
) -> Report:
    """Return the figures of runs, the most accurate first; nothing is computed anew.

    Parameters
    ----------
    runs : folders or names of runs, one or several; None: all runs of a store
    cache : that store; the only one below cache/ where it is omitted
    seed : of the bootstrap that gives the intervals
    picture : a new .png file with the intervals; None for no file
    source, target_kind : of a store's runs those of this source, and those of one kind of target

    Returns
    -------
    dict, with the keys of `bottleneck compare --json`
        `runs` is a list of dicts (run, backbone, head, accuracy, accuracy_interval, loss, seconds,
        parameters, cache_bytes, …).

    Raises
    ------
    UsageError
        When one that is named is no run, or there is none.
    DamagedError
        When the files of a run that was named are not as they were written.
    """
    file = words.path_or_none(picture)
    named = () if runs is None else words.several(runs)
    if runs is not None and not named:
        raise UsageError("no run named", "runs", "omit it for all runs of a store")
    words.check_choice("target_kind", target_kind, extraction.TargetKind)
    options = CompareOptions(
        runs=named, cache=words.store_or_none(cache), seed=seed, picture=file,
        source=source, target_kind=target_kind,
    )  # fmt: skip
    return Report(compare(options))


@proposing
def compare_backbones(
    backbones: str | PathLike[str] | Iterable[str | PathLike[str]],
    data: Images, *, labels: Labels | None = None, caches: str | PathLike[str] = "cache",
    seed: int = 0, validation_split: float = 0.2, decisions: str | PathLike[str] | None = None,
    picture: str | PathLike[str] | None = None,
    weights: str | PathLike[str] | Mapping[str, str] | None = None, pooling: Pooling | None = None,
    size: int | str | tuple[int, int] | None = None, resample: Resample | None = None,
    fit: Fit | None = None, decode: Decode | None = None,
    preprocessing: str | None = None, rows: Rows | None = None,
    compute: Compute | None = None, output: str | int | None = None,
    views: int | None = None, augment: str | Sequence[str] | None = None,
    views_seed: int | None = None, network_version: str | None = None,
    imports: str | Sequence[str] | None = None, trust: bool | None = None,
    source: str | None = None, include: Sequence[str] = (), exclude: Sequence[str] = (),
    layout: str | None = None, label_from: str | None = None, group_by: str | None = None,
    join_classes: bool | None = None, any_name: bool | None = None,
    follow_links: bool | None = None, unpack: str | PathLike[str] | None = None,
    file_column: str | None = None, label_column: str | Sequence[str] | None = None,
    split_column: str | None = None, split_map: str | Mapping[str, str] | None = None,
    group_column: str | None = None, groups: Groups | None = None,
    root: Folders | None = None, header: bool | None = None, encoding: str | None = None,
    missing: str | Sequence[str] | None = None, pixel_order: PixelOrder | None = None,
    limit: int | None = None, allow_shrink: bool = False, rehash: bool = False,
    format: str | None = None, replace: bool = False, engine: str = "auto",  # noqa: A002
    devices: str | None = None, batch_size: int | None = None, threads: int | None = None,
    workers: int | None = None, cluster: str | None = None, executor: Executor | None = None,
    budget_s: float | None = None, wait_s: float | None = None, no_lock: bool = False,
    target_kind: TargetKind | None = None, progress: bool = False,
) -> Report:  # fmt: skip
    """Extract what is missing for each backbone, train a linear head on each, and rank them.

    Parameters
    ----------
    backbones : names of networks or model files, one or several
    data, labels, groups : the images, as of `extract_features`, the same for all
    caches : the store of each backbone lies below this folder or address, under its name
    seed, validation_split, decisions : as of `train_head`
    picture : a new .png file with the intervals; None for no file
    weights : as of `extract_features`, for all, or a dict with those of each backbone by its name
    pooling and all further keywords : as of `extract_features`, the same for all
    progress : show bars and messages, in notebooks too; without it, nothing is printed

    Returns
    -------
    dict, with the keys of `compare_runs`, and `failed`
        A list of dicts (backbone, error) of those that were left out.

    Raises
    ------
    BottleneckError
        The first one's, when none can be compared.
    """
    said = locals()
    if isinstance(weights, Mapping):
        by_name = tuple((name, words.text(each)) for name, each in weights.items())
        said["weights"] = None
    else:
        by_name = ()
    told = extraction.told(said)
    options = RankOptions(
        backbones=words.several(backbones), data=told.pop("data"), caches=words.store(caches),
        weights=by_name,
        network=words.network(said), extraction=told, seed=seed,
        validation_split=validation_split, decisions=words.path_or_none(decisions),
        picture=words.path_or_none(picture),
    )  # fmt: skip
    return Report(rank(options, words.reporter(progress)))
