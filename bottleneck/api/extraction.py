"""Extraction from Python: the same words as `bottleneck extract`."""

from __future__ import annotations

from dataclasses import fields
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from bottleneck.api import words
from bottleneck.api.keywords import proposing
from bottleneck.api.report import Report
from bottleneck.core.errors import UsageError
from bottleneck.pipeline.extraction import cuts
from bottleneck.pipeline.extraction.crew import crew
from bottleneck.pipeline.extraction.extract import extract
from bottleneck.pipeline.extraction.options import ExtractOptions
from bottleneck.pipeline.extraction.several import updated
from bottleneck.pipeline.network.options import check_preprocessing

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from concurrent.futures import Executor

    from bottleneck.api.words import Folders, Groups, Images, Labels

Pooling = Literal["avg", "max", "none", "cls", "cls+avg"]
PixelOrder = Literal["interleaved", "planar"]
Fit = Literal["squash", "crop", "pad"]
Decode = Literal["exact", "fast"]
Resample = Literal["nearest", "box", "bilinear", "hamming", "bicubic", "lanczos"]
Rows = Literal["float16", "float32"]
TargetKind = Literal["class", "labels", "numbers"]
Compute = Literal["float32", "bfloat16"]
Cache = str | PathLike[str]


# Several to a line, by subject: one keyword a line would hide the rest of the function.
@proposing
def extract_features(
    data: Images | None = None, *, cache: Cache | Sequence[Cache] | None = None,
    cache_each: Cache | None = None, labels: Labels | None = None,
    source: str | None = None, include: Sequence[str] = (), exclude: Sequence[str] = (),
    layout: str | None = None, label_from: str | None = None, group_by: str | None = None,
    join_classes: bool | None = None, any_name: bool | None = None,
    follow_links: bool | None = None, unpack: str | PathLike[str] | None = None,
    file_column: str | None = None, label_column: str | Sequence[str] | None = None,
    split_column: str | None = None, split_map: str | Mapping[str, str] | None = None,
    group_column: str | None = None, groups: Groups | None = None,
    root: Folders | None = None, header: bool | None = None, encoding: str | None = None,
    missing: str | Sequence[str] | None = None, pixel_order: PixelOrder | None = None,
    target_kind: TargetKind | None = None, limit: int | None = None, allow_shrink: bool = False,
    backbone: str | PathLike[str] | None = None, weights: str | PathLike[str] | None = None,
    layer: str | Sequence[str] | None = None, output: str | int | None = None,
    pooling: Pooling | Sequence[Pooling] | None = None, rehash: bool = False,
    size: int | str | tuple[int, int] | None = None, resample: Resample | None = None,
    fit: Fit | None = None, decode: Decode | None = None,
    preprocessing: str | None = None, rows: Rows | None = None,
    compute: Compute | None = None, views: int | None = None,
    augment: str | Sequence[str] | None = None, views_seed: int | None = None,
    network_version: str | None = None, imports: str | Sequence[str] | None = None,
    trust: bool | None = None, format: str | None = None, replace: bool = False,  # noqa: A002
    dry_run: bool = False, list_keys: bool = False,
    engine: str = "auto", devices: str | None = None, batch_size: int | None = None,
    threads: int | None = None, workers: int | None = None, cluster: str | None = None,
    executor: Executor | None = None, budget_s: float | None = None,
    wait_s: float | None = None, no_lock: bool = False, progress: bool = False,
) -> Report:  # fmt: skip
    """Compute the features that the store at `cache` lacks, and record what `data` is now.

    Parameters
    ----------
    data : a folder, a file or the name of a data set, as `--data`; or uint8 array (n, height,
        width[, 3]), or a list of paths, PIL images or arrays; None for what the store records
    cache : the store's folder; it is made where there is none. Or several stores that are there:
        each is brought up to date with its own network and, without `data`, all of its sources
    cache_each : in place of `cache` a pattern such as "cache/{layer}-{pooling}": a store for each
        `layer` with each `pooling`, of which there may then be lists, all filled in one pass
    labels : of an array or a list of n images: n class names or whole numbers, None or "" for no
        label; n lists of names, for labels of which an image may have several; or numbers (n,) or
        (n, k) to predict, or 0 and 1 for labels, as an array, a dict of columns or a table of
        pandas, NaN where none is known. `target_kind` says which, where it may be either
    groups : of an array or a list: n names or numbers of what belongs together, None for nothing
    source : name of these images in the store (default: the folder's or file's, or "memory")
    include, exclude : patterns of keys, such as "*.png" or "train/cat"
    layout, label_from, group_by, join_classes, any_name, follow_links : how paths are read, as
        the command's; a template such as "{split}/{class}/*", regular expressions, switches
    file_column, label_column, target_kind, split_column, split_map, group_column, root, header,
    encoding, missing, pixel_order : of a table, as the command's; split_map may be {"0": "train"}
    unpack : folder in which an archive that is compressed as a whole may be unpacked
    limit : compute at most so many images now, in all stores together
    allow_shrink, rehash : accept that more than half of the images are gone; read all anew
    backbone, weights, layer, output, pooling, size, resample, fit, decode, preprocessing, rows,
    compute, views, augment, views_seed, network_version, imports, trust : the network, as the
        command's; size is a number of pixels, "HxW" or (height, width). None of them: the store's
        own
    format, replace : hdf5 (the default) or zarr; begin anew where the network is another one
    dry_run, list_keys : only report what would be computed, and name each image
    engine, devices, batch_size, threads : how it is computed; none changes what is computed, but
        compute="bfloat16" is the arithmetic of one engine, which its store then goes on with
    workers, cluster : processes of this machine that compute, or the address of a cluster that
        does, as the command's
    executor : any `concurrent.futures.Executor` whose workers reach the store and the images: a
        `distributed` client's `get_executor()`, loky's, mpi4py's; `workers` then says how many it
        has, if it does not. It stays open
    budget_s, wait_s, no_lock : seconds after which to stop, and to wait for the lock; take none
    progress : show a bar and messages, in notebooks too; without it, nothing is printed

    Returns
    -------
    dict, with the keys of `bottleneck extract --json`; of several stores `stores`, where one that
    failed has `code` and `error`, and has stopped no other

    Raises
    ------
    BottleneckError
        One of `bottleneck.errors`: the `exit_code` is what the command would end with.
    """
    said = locals()
    reporter = words.reporter(progress)
    if cache_each is not None:
        return Report(cuts.updated(_of_cuts(said), reporter))
    if cache is None:
        raise UsageError("no store named", "cache", "name a folder")
    caches = words.stores(cache)
    options = ExtractOptions(**told(said), cache=caches[0], network=words.network(said))
    if isinstance(cache, str | PathLike):
        return Report(extract(options, reporter))
    return Report(updated(caches, options, reporter))


def _of_cuts(said: Mapping[str, Any]) -> ExtractOptions:
    """Return what a call with `cache_each` asks for."""
    if said["cache"] is not None:
        raise UsageError("cache and cache_each were given", "cache_each", "omit one of them")
    layers, poolings = (
        () if said[name] is None else words.several(said[name]) for name in ("layer", "pooling")
    )
    for pooling in poolings:
        words.check_choice("pooling", pooling, Pooling)
    plain = {**said, "layer": None, "pooling": None}
    return ExtractOptions(
        **{**told(plain), "cache_each": words.text(said["cache_each"])},
        cache=Path(),
        layers=layers,
        poolings=poolings,
        network=words.network(plain),
    )


def told(said: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the keywords of a call say for `ExtractOptions`, but for store and network.

    Raises
    ------
    UsageError
        When a value cannot be meant.
    """
    check_network(said)
    words.check_counts(said, "limit", "batch_size", "threads", "workers")
    names = {field.name for field in fields(ExtractOptions)} - {"cache", "network", "reading"}
    found = {name: said[name] for name in names if name in said}
    return {
        **found,
        "crew": crew(said.get("workers"), said.get("cluster"), said.get("executor")),
        "reading": words.reading(said),
        "data": words.data(said["data"], said["labels"], said["source"], said["groups"]),
    }


def check_network(said: Mapping[str, Any]) -> None:
    """Raise UsageError for a choice that there is not, before anything is loaded."""
    for name, literal in (
        ("pooling", Pooling),
        ("resample", Resample),
        ("fit", Fit),
        ("decode", Decode),
        ("rows", Rows),
        ("compute", Compute),
    ):
        words.check_choice(name, said.get(name), literal)
    check_preprocessing(said.get("preprocessing"))
    words.check_counts(said, "views")
