"""What turns an image into predictions: a frozen network, a head behind it, names of classes.

A run's head stands behind the network of its receipt. The store that the run lies in gives that
network, and its rows. Where the store is gone, or was given another recipe, the network is asked
for as the receipt says. A file that was moved is named again (`--backbone`, `--weights`). What is
loaded must turn out to have the very recipe that the head was trained on.

A backbone with its own top needs no head.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bottleneck import backbones
from bottleneck.backbones import imagenet
from bottleneck.core import files
from bottleneck.core.errors import RecipeError, UsageError
from bottleneck.core.regular import NotAFileError
from bottleneck.heads.catalog import load_head
from bottleneck.heads.run import Run, read_run
from bottleneck.pipeline.learning.runs import find_run
from bottleneck.pipeline.network import network as networks
from bottleneck.pipeline.network.options import PERMISSIONS, recorded_options
from bottleneck.store.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from bottleneck.core.reporter import Reporter
    from bottleneck.heads.task import Fitted
    from bottleneck.pipeline.network.network import Network
    from bottleneck.pipeline.network.options import NetworkOptions

    IsApart = Callable[[Store | None], bool]

ANOTHER_BY_NOW = (
    "name the file of then (--backbone, --weights), use the versions of then, or train again"
)
# What may be said of a run's network: where its files are now, and permission to run its code.
OF_A_RUN = {"backbone", "weights", *PERMISSIONS}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Classifier:
    """A network, and what makes predictions of its rows.

    Attributes
    ----------
    run : the run's folder, where there is one
    backbone : its name, for people
    store : where rows of this network are; None where there is none
    probabilities : from rows (n, …) to (n, k) float32; of numbers, the numbers
    classes : (class, description) of each of the k columns; a label's or number's name twice
    kind : of what is predicted: class, labels or numbers
    thresholds : of each label, the probability from which on it counts as there
    widths : of each number, half of the interval that holds most; see `heads.conformal`
    """

    run: Path | None
    backbone: str
    network: Network
    store: Store | None
    probabilities: Callable[[NDArray[Any]], NDArray[np.float32]]
    classes: Sequence[tuple[str, str]]
    kind: str = "class"
    thresholds: tuple[float, ...] = ()
    widths: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TrainedRun:
    """A run read back: its receipt, its head, its network, and its store where that still fits."""

    run: Run
    head: Fitted
    network: Network
    store: Store | None


def store_of(run: Run) -> Store | None:
    """Return the store that the run lies in, else the one of its receipt, if it is still there."""
    around = run.folder.absolute().parent
    for path in (around.parent if around.name == "runs" else None, run.store):
        try:
            if path is not None and path.is_dir() and Store.is_there(path):
                return Store.open(path)
        except UsageError:  # something else is there, or a store of a newer program
            continue
    return None


def _here(_: Store | None) -> bool:
    return False


def open_run(
    named: str,
    said: NetworkOptions,
    reporter: Reporter,
    is_apart: IsApart = _here,
    cache: Path | None = None,
) -> TrainedRun:
    """Return a run with all that it needs to predict.

    Parameters
    ----------
    said : where its network's files are now, where they were moved, and permission to run its code
    is_apart : whether what computes has the network loaded in a process of its own, by the store
        whose rows are there
    cache : the store whose run is named, see `runs.find_run`

    Raises
    ------
    UsageError
        When it is no run, nothing says what its network was, or more is said of that.
    RecipeError
        When the network that its receipt names has another recipe by now.
    """
    told = {key: value for key, value in asdict(said).items() if value is not None}
    if told.keys() - OF_A_RUN:
        raise UsageError(
            "the run says which network",
            "--run",
            "give --backbone or --weights alone, and only where the network's files were moved",
        )
    run = read_run(find_run(named, cache, reporter))
    head = load_head(run.folder)
    store = store_of(run)
    if store is not None and store.recipe.id == run.recipe:
        options = replace(recorded_options(store.about, store.path), **told).completed()
        network = networks.Network(
            options,
            store.recipe,
            store.about,
            advice=ANOTHER_BY_NOW,
            reporter=reporter,
            is_apart=is_apart(store),
        )
        return TrainedRun(run=run, head=head, network=network, store=store)
    gone = "is not here" if store is None else "has another recipe by now"
    reporter.say(f"the run's store {gone}: computing from what the receipt says")
    options = replace(recorded_options(run.about, run.folder), **told).completed()
    network = networks.load(options, reporter, is_apart=is_apart(None))
    if network.recipe.id != run.recipe:
        raise RecipeError(
            "the network that its receipt names has another recipe by now",
            run.folder,
            ANOTHER_BY_NOW,
        )
    return TrainedRun(run=run, head=head, network=network, store=None)


def of_run(
    named: str,
    said: NetworkOptions,
    reporter: Reporter,
    is_apart: IsApart,
    cache: Path | None = None,
) -> Classifier:
    """Return the classifier of a run; see `open_run`."""
    opened = open_run(named, said, reporter, is_apart, cache)
    run = opened.run
    return Classifier(
        run=run.folder,
        backbone=str(run.about.get("backbone")),
        network=opened.network,
        store=opened.store,
        probabilities=opened.head.predict,
        classes=[(name, name) for name in run.names],
        kind=run.kind,
        thresholds=run.thresholds,
        widths=run.widths,
    )


def of_backbone(
    options: NetworkOptions, named: str | None, reporter: Reporter, is_apart: IsApart
) -> Classifier:
    """Return a backbone with its own top.

    Parameters
    ----------
    named : imagenet, or a file with one class name per line; None: the backbone's own, or numbers
    is_apart : as in `open_run`

    Raises
    ------
    UsageError
        When the backbone has no such top, or as many names as classes are not there.
    UnavailableError
        Weights or class names that are not here and cannot be downloaded.
    """
    options = options.completed()
    backbone = options.backbone
    assert backbone is not None
    top = backbones.catalog.spec(backbone).top
    if top is None:
        raise UsageError(
            f"{backbone} has no classes of its own", "--backbone", "train a head: --run RUN"
        )
    names = _class_names(named or top.classes)
    options = replace(options, layer=top.layer, pooling="none")
    network = networks.load(options, reporter, is_apart=is_apart(None))
    shape = network.recipe.rows.shape
    if len(shape) != 1 or shape[0] < 2 or network.backbone().row_dtype != "float32":
        raise UsageError(
            f"gives {'x'.join(map(str, shape))}, no probability for each of some classes",
            options.backbone,
            "train a head: --run RUN",
        )
    names = names or [(str(i), str(i)) for i in range(shape[0])]
    if len(names) != shape[0]:
        raise UsageError(
            f"gives {shape[0]} probabilities, there are {len(names)} names",
            options.backbone,
            "give --classes FILE, with one name per line",
        )
    return Classifier(
        run=None,
        backbone=backbone,
        network=network,
        store=None,
        probabilities=lambda rows: rows,
        classes=names,
    )


def _class_names(named: str | None) -> Sequence[tuple[str, str]]:
    """Return (class, description) of each class; nothing where nobody named them."""
    if named is None:
        return []
    if named == "imagenet":
        return imagenet.class_names()
    try:
        lines = files.read(Path(named)).decode().splitlines()
    except FileNotFoundError as error:
        raise UsageError(
            "no such file", named, "give --classes imagenet, or a file with one name per line"
        ) from error
    except NotAFileError as error:
        raise UsageError(str(error.strerror), named, "give a text file") from error
    except UnicodeDecodeError as error:
        raise UsageError(
            "not text in UTF-8", named, "save it as UTF-8, one name per line"
        ) from error
    return [(line, line) for line in lines]
