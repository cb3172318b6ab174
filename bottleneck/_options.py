"""The options of sources, networks and computing that several commands share, defined once.

One option means one thing everywhere. Those of stores are in `_store_options`, which imports less.
"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from bottleneck.backbones import preprocessing
from bottleneck.core import words
from bottleneck.core.choices import DECODING, FITS, POOLING, RESAMPLING, ROW_DTYPES
from bottleneck.data import view_list
from bottleneck.data.catalog import PATTERNS, described, options_of_all
from bottleneck.engines import catalog as engines

if TYPE_CHECKING:
    from argparse import _ArgumentGroup
    from collections.abc import Mapping

    from bottleneck.core.option import Option

    Options = argparse.ArgumentParser | _ArgumentGroup

DATA = described()
WEIGHTS = "imagenet, the path of a weight file, or random:SEED"


def add_reading(to: Options) -> None:
    """Add how a source is read: --include and --exclude, and what its kind can be told besides."""
    to.add_argument(
        "--include",
        action="append",
        default=[],
        metavar="PATTERN",
        help="Use only images whose path below the source matches, such as 'cat/*.jpg'. May be "
        "given several times. Default: all images.",
    )
    to.add_argument(
        "--exclude",
        action="append",
        default=[],
        metavar="PATTERN",
        help="Ignore images whose path matches. May be given several times. Default: none.",
    )
    for kinds in options_of_all().values():
        option = next(iter(kinds.values()))
        to.add_argument(option.flag, **argument(option, option.help))


def reading(args: argparse.Namespace) -> dict[str, Any]:
    """Return what `add_reading` added, by name."""
    return {name: getattr(args, name) for name in (*PATTERNS, *options_of_all())}


def argument(option: Option, about: str) -> dict[str, Any]:
    """Return how argparse is told of an option of a head or of a kind of source."""
    told: dict[str, Any] = {"help": about.replace("%", "%%")}
    if option.is_switch:
        return told | {"action": argparse.BooleanOptionalAction}
    if option.choices:
        return told | {"choices": option.choices}
    repeated = {"action": "append"} if option.is_repeated else {}
    return told | {"type": option.parse, "metavar": option.metavar} | repeated


def add_weights(to: Options) -> None:
    """Add --weights."""
    to.add_argument(
        "--weights",
        metavar="WEIGHTS",
        help=f"Weights of the backbone: {WEIGHTS}. Default: the backbone's own, which for models "
        "of keras.applications are imagenet.",
    )


def add_pooling(to: Options, action: str = "store", more: str = "") -> None:
    """Add --pooling; `more` is what the help says beside."""
    to.add_argument(
        "--pooling",
        choices=POOLING,
        action=action,
        help="How a feature map becomes one vector: the average or the maximum over all "
        "positions; none keeps the whole map. Of tokens: the average or maximum of those of the "
        f"patches; cls, the class token; cls+avg, both in a row. {more}Default: avg.",
    )


def add_rows(to: Options) -> None:
    """Add --rows."""
    to.add_argument(
        "--rows",
        choices=ROW_DTYPES,
        help="Number format in which features are stored. Default: float16; float32 where the "
        "features are probabilities.",
    )


def add_size(to: Options) -> None:
    """Add --size."""
    to.add_argument(
        "--size",
        type=words.size,
        metavar="HEIGHT[xWIDTH]",
        help="Size in pixels to which images are resized, such as 160 or 160x120. Default: the "
        "backbone's own size.",
    )


def add_resample(to: Options) -> None:
    """Add --resample and --fit."""
    to.add_argument(
        "--resample",
        choices=RESAMPLING,
        help="Filter that resizes images, as Pillow names it. Default: bilinear; for a preset of "
        "KerasHub, its own.",
    )
    to.add_argument(
        "--fit",
        choices=FITS,
        help="How an image of another shape gets the network's. squash: stretched, nothing is "
        "lost; crop: the largest part of that shape in the middle; pad: whole, with black at two "
        "sides. Default: squash; for a preset of KerasHub, its own.",
    )


def add_decode(to: Options) -> None:
    """Add --decode."""
    to.add_argument(
        "--decode",
        choices=DECODING,
        help="How large JPEG photographs are decoded. exact: every pixel of them. fast: no larger "
        "than about twice the size that the network sees, in a quarter of the time; the features "
        "differ a little. Default: exact.",
    )


def add_views(to: Options) -> None:
    """Add --views, --augment and --views-seed."""
    to.add_argument(
        "--views",
        type=words.positive,
        metavar="N",
        help="Rows per image, the original included; the others are of randomly changed copies. "
        "Default: 1.",
    )
    to.add_argument(
        "--augment",
        type=words.names,
        metavar="NAME,NAME",
        help="How the further views are changed: one or several of these, separated by commas. "
        f"{_each(view_list.OPERATIONS)}. Default: all of them.",
    )
    to.add_argument(
        "--views-seed",
        type=int,
        metavar="N",
        help="Seed of the random changes; the same seed gives the same views. Default: 0.",
    )


def add_own_network(to: Options) -> None:
    """Add what a network of the user's own needs: --output, --preprocessing, its code's version."""
    to.add_argument(
        "--output",
        metavar="NAME|NUMBER",
        help="Required for a model file with several outputs: which one, by its name or by its "
        "number, beginning at 0.",
    )
    to.add_argument(
        "--preprocessing",
        metavar="NAME|FORMULA",
        help=f"How pixels are scaled before the network. {_each(preprocessing.NAMED)}. Or "
        f"{preprocessing.FORMULA}: x, or bgr for blue first, then /scale, -mean and /deviation, "
        "each where it is needed, of one number or of three. For an ONNX file, nchw or nhwc "
        "behind it says where its channels are, if its own shapes do not. Default: the "
        "backbone's own; for a model file, none.",
    )
    to.add_argument(
        "--network-version",
        metavar="TEXT",
        help="Required for a model with code that is not Keras' own (custom or Lambda layers): "
        "any text that you change whenever that code changes.",
    )
    add_code(to)


def add_code(to: Options) -> None:
    """Add what allows a model's own code to run: --import and --trust."""
    to.add_argument(
        "--import",
        dest="imports",
        action="append",
        metavar="MODULE",
        help="Python module to import before the model is loaded, because it defines the model's "
        "custom layers. May be given several times.",
    )
    to.add_argument(
        "--trust",
        action="store_true",
        help="Allow code inside the model file to run (Lambda layers, .h5 files). Use it only for "
        "files from people you trust.",
    )


def add_engine(to: Options, *, default: str | None) -> None:
    """Add --engine and --devices."""
    otherwise = default or "with --run, the one that computed the run's features; else auto"
    to.add_argument(
        "--engine",
        choices=(engines.AUTO, *engines.ENGINES),
        default=default,
        help=f"What computes the features. {_each(engines.ENGINES)}. {engines.AUTO}: the fastest "
        f"one that is installed. Default: {otherwise}.",
    )
    to.add_argument(
        "--devices",
        metavar="DEVICES",
        help="Devices to compute on: cpu, gpu, a GPU by number such as gpu:1, or several such as "
        "gpu:0,gpu:1. Default: a GPU where there is one, else the CPU.",
    )


def add_threads(to: Options) -> None:
    """Add --threads."""
    to.add_argument(
        "--threads",
        type=words.positive,
        metavar="N",
        help="Number of threads that read and decode images. Default: one per processor core.",
    )


def add_work(made: argparse.ArgumentParser, *, engine: str | None) -> _ArgumentGroup:
    """Add --engine, with this default, --devices, --batch-size and --threads; return the group."""
    work = made.add_argument_group("computing (where, with what, and how much at once)")
    add_engine(work, default=engine)
    work.add_argument(
        "--batch-size",
        type=words.positive,
        metavar="N",
        help="Images per call of the network. Default: that of the rows that are there; else 64, "
        "or 32 for large networks, and on a GPU as many as are fastest.",
    )
    add_threads(work)
    return work


def add_crew(to: Options) -> None:
    """Add --workers and --cluster."""
    to.add_argument(
        "--workers",
        type=words.positive,
        metavar="N",
        help="Have N processes of this machine compute, each with its share of the cores. Of use "
        "where decoding takes more than the network, and with --engine keras. Default: this "
        "process alone, with all cores.",
    )
    to.add_argument(
        "--cluster",
        metavar="ADDRESS",
        help="Have the workers of a cluster compute: dask://HOST:PORT (of its scheduler), "
        "ray://HOST:PORT (of its client server) or ray://auto. They must reach the store and the "
        "images under the same paths. Default: no cluster.",
    )


def _each(specs: Mapping[str, Any]) -> str:
    """Return the names of a catalog and what each is, for a help text."""
    return "; ".join(f"{name}: {spec.help}" for name, spec in specs.items()).replace("%", "%%")
