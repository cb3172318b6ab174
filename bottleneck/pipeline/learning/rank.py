"""Rank: which backbone for this data? Each gets what is missing of its rows, and a linear probe."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bottleneck import backbones
from bottleneck.core.errors import BottleneckError, UsageError
from bottleneck.core.guest import as_guest
from bottleneck.core.reporter import SILENT
from bottleneck.data.decisions import read_decisions
from bottleneck.heads.run import Run, read_run
from bottleneck.pictures.plots import check_picture
from bottleneck.pipeline.extraction.extract import extract
from bottleneck.pipeline.extraction.options import ExtractOptions
from bottleneck.pipeline.learning.compare import figures_of, finished, judged_alike, ranked
from bottleneck.pipeline.learning.runs import find_run
from bottleneck.pipeline.learning.train import TrainOptions, train
from bottleneck.pipeline.network.options import NetworkOptions

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bottleneck.core.given import Given
    from bottleneck.core.reporter import Reporter

PROBE = "linear"
ALL = "*"  # in the place of a name
_OF_ONE = re.compile(r"[\w.:-]+=")  # a name, not a path with = in it


@dataclass(frozen=True, slots=True, kw_only=True)
class RankOptions:
    """What `bottleneck compare --backbones` is asked for; the words of its command line."""

    backbones: tuple[str, ...]
    data: str | Given | None = None
    caches: Path = Path("cache")  # a store for each backbone lies below, under its name
    # The same for all of them; but a model file has its own weights, and the others their own
    # preprocessing and code.
    network: NetworkOptions = field(default_factory=NetworkOptions)
    weights: tuple[str | tuple[str, str], ...] = ()  # for all, NAME=WEIGHTS,… or (NAME, WEIGHTS)
    extraction: Mapping[str, Any] = field(default_factory=dict)  # further fields of ExtractOptions
    seed: int = 0  # of the validation split and of the bootstrap
    validation_split: float = 0.2
    decisions: Path | None = None  # a table of what a person relabelled or dropped
    picture: Path | None = None


@as_guest()
def rank(options: RankOptions, reporter: Reporter = SILENT) -> dict[str, Any]:
    """Extract what is missing, train a linear head on each, and return them by accuracy.

    A backbone that cannot be had, or whose store has another recipe, is reported under `failed`;
    the others are compared.

    Raises
    ------
    BottleneckError
        The first one's, when none can be compared.
    """
    names = tuple(dict.fromkeys(options.backbones))
    if options.data is None:
        raise UsageError("no data named", "--data", "name a folder or a data set: --data digits")
    if not names:
        raise UsageError("no backbone named", "--backbones", "such as --backbones mini,resnet50")
    check_picture(options.picture)
    if options.decisions is not None:
        read_decisions(options.decisions)  # what is wrong with it shows before hours of computing
    # A wrong name must show before the first one has computed.
    stores = [_store_name(name) for name in names]
    if len(set(stores)) < len(stores):
        twice = next(store for store in stores if stores.count(store) > 1)
        raise UsageError(
            f"two backbones would share the store {options.caches / twice}",
            "--backbones",
            "rename a file, or compare them in two calls with other --caches",
        )
    weights = _weights(options.weights, names)
    done: list[Run] = []
    failed: list[tuple[str, BottleneckError]] = []
    for name in names:
        reporter.say(f"{name}:")
        try:
            done.append(_probe(name, weights[name], options, reporter))
        except BottleneckError as error:
            reporter.warn(f"{name} is left out: {error}")
            failed.append((name, error))
    if not done:
        raise failed[0][1]
    found = ranked([figures_of(run, options.seed) for run in done])
    report = finished(found, options.seed, options.picture, same_images=judged_alike(done))
    if not report["same_images"]:
        reporter.warn("not all of these backbones were judged on the same images")
    report["failed"] = [{"backbone": name, "error": str(error)} for name, error in failed]
    return report


def _store_name(name: str) -> str:
    """Return what the store of a backbone is called: its name, or that of its file."""
    return Path(backbones.catalog.spec(name).name).name


def _weights(said: Sequence[str | tuple[str, str]], names: Sequence[str]) -> dict[str, str | None]:
    """Return the weights of each backbone: those that it has by its name, else those for all.

    Raises
    ------
    UsageError
        For weights of a backbone that is not compared, of a model file, or said twice.
    """
    spelled = {backbones.catalog.spec(name).name: name for name in names}
    found: dict[str, str] = {}
    for text in said:
        for name, weights in [text] if isinstance(text, tuple) else _spelled(text):
            part = f"{name}={weights}"
            whose = ALL if name == ALL else spelled.get(backbones.catalog.spec(name).name, "")
            if not whose:
                listed = ", ".join(names)
                raise UsageError(f"{name!r} is not compared", "--weights", f"those are {listed}")
            if whose in found:
                raise UsageError("given twice", f"--weights {part}", "give each backbone one")
            if whose != ALL and backbones.catalog.spec(whose).is_users_file:
                raise UsageError("a model file has its own weights", whose, "omit --weights for it")
            found[whose] = weights
    return {name: found.get(name, found.get(ALL)) for name in names}


def _spelled(text: str) -> list[tuple[str, str]]:
    """Return (backbone, weights) of each that a text names; ALL where it names none."""
    if not _OF_ONE.match(text):
        return [(ALL, text)]
    found = []
    for part in text.split(","):
        name, _, weights = part.partition("=")
        if not weights:
            raise UsageError(f"{part!r} names no weights", "--weights", "say NAME=FILE")
        found.append((name, weights))
    return found


def _asked(name: str, weights: str | None, network: NetworkOptions) -> NetworkOptions:
    """Return what is asked of one backbone, of what was asked of them all."""
    if backbones.catalog.spec(name).is_users_file:
        return replace(network, backbone=name, weights=None)
    return replace(
        network,
        backbone=name,
        weights=weights or network.weights,
        preprocessing=None,
        network_version=None,
    )


def _probe(name: str, weights: str | None, options: RankOptions, reporter: Reporter) -> Run:
    cache = options.caches / _store_name(name)
    extracted = extract(
        ExtractOptions(
            cache=cache,
            data=options.data,
            network=_asked(name, weights, options.network),
            **options.extraction,
        ),
        reporter,
    )
    trained = train(
        TrainOptions(
            cache=cache,
            source=extracted["source"],
            head=PROBE,
            seed=options.seed,
            validation_split=options.validation_split,
            decisions=options.decisions,
        ),
        reporter,
    )
    return read_run(find_run(trained["run"], None, reporter))
