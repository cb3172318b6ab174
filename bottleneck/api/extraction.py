"""Extraction from Python: the same words as `bottleneck extract`."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any, Literal

from bottleneck.api import words
from bottleneck.api.keywords import proposing
from bottleneck.api.report import Report
from bottleneck.pipeline.extraction.extract import extract
from bottleneck.pipeline.extraction.options import ExtractOptions

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from os import PathLike

    from bottleneck.api.words import Images, Labels

Pooling = Literal["avg", "max", "none"]
Preprocessing = Literal["none", "tf", "caffe", "torch"]
Resample = Literal["nearest", "box", "bilinear", "hamming", "bicubic", "lanczos"]
Rows = Literal["float16", "float32"]


# Several to a line, by subject: one keyword a line would hide the rest of the function.
@proposing
def extract_features(
    data: Images | None = None, *, cache: str | PathLike[str], labels: Labels | None = None,
    source: str | None = None, include: Sequence[str] = (), exclude: Sequence[str] = (),
    unpack: str | PathLike[str] | None = None,
    limit: int | None = None, allow_shrink: bool = False, rehash: bool = False,
    backbone: str | PathLike[str] | None = None, weights: str | PathLike[str] | None = None,
    layer: str | None = None, pooling: Pooling | None = None,
    size: int | str | tuple[int, int] | None = None, resample: Resample | None = None,
    preprocessing: Preprocessing | None = None, rows: Rows | None = None,
    compute: Literal["float32"] | None = None,
    views: int | None = None, augment: str | Sequence[str] | None = None,
    views_seed: int | None = None, network_version: str | None = None,
    imports: str | Sequence[str] | None = None, trust: bool | None = None,
    format: str | None = None, replace: bool = False,  # noqa: A002
    dry_run: bool = False, list_keys: bool = False,
    engine: str = "auto", devices: str | None = None, batch_size: int | None = None,
    threads: int | None = None, budget_s: float | None = None, wait_s: float | None = None,
    no_lock: bool = False, progress: bool = False,
) -> Report:  # fmt: skip
    """Compute the features that the store at `cache` lacks, and record what `data` is now.

    Parameters
    ----------
    data : a folder, a file or the name of a data set, as `--data`; or uint8 array (n, height,
        width[, 3]), or a list of paths, PIL images or arrays; None for what the store records
    cache : the store's folder; it is made where there is none
    labels : n class names or numbers, for an array or a list; None or "" is no label
    source : name of these images in the store (default: the folder's or file's, or "memory")
    include, exclude : patterns of keys, such as "*.png" or "train/cat"
    unpack : folder in which an archive that is compressed as a whole may be unpacked
    limit : compute at most so many images now
    allow_shrink : accept that more than half of the images are gone
    rehash : read every image again, whatever its modification time says
    backbone, weights, layer, pooling, size, resample, preprocessing, rows, compute, views,
    augment, views_seed, network_version, imports, trust : the network, as the command's; size is
        a number of pixels, "HxW" or (height, width). None of them: the store's own
    format : of a new store: hdf5 (the default) or zarr
    replace : begin anew where the store was made with another network
    dry_run, list_keys : only report what would be computed, and name each image
    engine, devices, batch_size, threads : how it is computed; none changes what is computed
    budget_s, wait_s : seconds after which to stop, and to wait for the store's lock
    no_lock : do not lock; several runs may then compute the same rows
    progress : show a bar and messages, in notebooks too; without it, nothing is printed

    Returns
    -------
    dict, with the keys of `bottleneck extract --json`

    Raises
    ------
    BottleneckError
        One of `bottleneck.errors`: the `exit_code` is what the command would end with.
    """
    said = locals()
    options = ExtractOptions(**told(said), cache=words.path(cache), network=words.network(said))
    return Report(extract(options, words.reporter(progress)))


def told(said: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the keywords of a call say for `ExtractOptions`, but for store and network.

    Raises
    ------
    UsageError
        When a value cannot be meant.
    """
    check_network(said)
    words.check_counts(said, "limit", "batch_size", "threads")
    names = {field.name for field in fields(ExtractOptions)} - {"cache", "network", "reading"}
    found = {name: said[name] for name in names if name in said}
    return {
        **found,
        "reading": words.reading(said),
        "data": words.data(said["data"], said["labels"], said["source"]),
    }


def check_network(said: Mapping[str, Any]) -> None:
    """Raise UsageError for a choice that there is not, before anything is loaded."""
    for name, literal in (
        ("pooling", Pooling),
        ("preprocessing", Preprocessing),
        ("resample", Resample),
        ("rows", Rows),
        ("compute", Literal["float32"]),
    ):
        words.check_choice(name, said.get(name), literal)
    words.check_counts(said, "views")
