"""What turns an image into probabilities: a frozen network, a head behind it, names of classes.

A run's head stands behind the network of its receipt. The store that the run lies in gives that
network, and its rows. Where the store is gone, or was given another recipe, the network is asked
for as the receipt says, and must turn out to have the very recipe that the head was trained on. A
backbone with its own top needs no head.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bottleneck import backbones
from bottleneck.backbones import imagenet
from bottleneck.core import console
from bottleneck.core.errors import RecipeError, UsageError
from bottleneck.heads.catalog import load_head
from bottleneck.heads.run import Run, read_run
from bottleneck.pipeline import network as networks
from bottleneck.store.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from bottleneck.heads.catalog import Fitted
    from bottleneck.pipeline.network import Network, NetworkOptions


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Classifier:
    """A network, and what makes probabilities of its rows.

    Attributes
    ----------
    run : the run's folder, where there is one
    backbone : its name, for people
    store : where rows of this network are; None where there is none
    probabilities : from rows (n, …) to (n, k) float32
    classes : (class, description) of each of the k columns
    engine : which computes unless the user says otherwise
    """

    run: Path | None
    backbone: str
    network: Network
    store: Store | None
    probabilities: Callable[[NDArray[Any]], NDArray[np.float32]]
    classes: Sequence[tuple[str, str]]
    engine: str


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TrainedRun:
    """A run read back: its receipt, its head, its network, and its store where that still fits."""

    run: Run
    head: Fitted
    network: Network
    store: Store | None


def find_run(named: str) -> Path:
    """Return the folder of a run: its path, or the name of one run below `cache/*/runs/`.

    Raises
    ------
    UsageError
        When there is none, or several of that name.
    """
    path = Path(named)
    if path.exists() or len(path.parts) != 1:
        return path
    found = sorted(run for run in Path("cache").glob("*/runs/*") if run.name == named)
    if len(found) != 1:
        listed = ", ".join(map(str, found)) or "no folder, nor below cache/*/runs/"
        raise UsageError(f"which run is {named!r}?", listed, "give the path of its folder")
    return found[0]


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


def open_run(named: str) -> TrainedRun:
    """Return a run with all that it needs to predict.

    Raises
    ------
    UsageError
        When it is no run, or nothing says what its network was.
    RecipeError
        When the network that its receipt names has another recipe by now.
    """
    run = read_run(find_run(named))
    head = load_head(run.folder)
    store = store_of(run)
    if store is not None and store.recipe.id == run.recipe:
        network = networks.resolve(networks.NetworkOptions(), store)
        return TrainedRun(run=run, head=head, network=network, store=store)
    gone = "is not here" if store is None else "has another recipe by now"
    console.say(f"the run's store {gone}: computing from what the receipt says")
    network = networks.load(networks.recorded_options(run.about, run.folder))
    if network.recipe.id != run.recipe:
        raise RecipeError(
            "the network that its receipt names has another recipe by now",
            run.folder,
            "use the weights and versions of then, or train again",
        )
    return TrainedRun(run=run, head=head, network=network, store=None)


def of_run(named: str) -> Classifier:
    """Return the classifier of a run; see `open_run`."""
    opened = open_run(named)
    run = opened.run
    return Classifier(
        run=run.folder,
        backbone=str(run.about.get("backbone")),
        network=opened.network,
        store=opened.store,
        probabilities=opened.head.predict,
        classes=[(name, name) for name in run.classes],
        engine="auto",
    )


def of_backbone(options: NetworkOptions) -> Classifier:
    """Return a backbone with its own top, ImageNet's classes.

    Raises
    ------
    UsageError
        When the backbone has no such top.
    UnavailableError
        Weights or class names that are not here and cannot be downloaded.
    """
    options = options.completed()
    assert options.backbone is not None
    top = backbones.catalog.spec(options.backbone).top
    if top is None:
        raise UsageError(
            f"{options.backbone} has no classes of its own", "--backbone", "train a head: --run RUN"
        )
    classes = imagenet.class_names()
    network = networks.load(replace(options, layer=top, pooling="none"))
    if network.recipe.rows.shape != (len(classes),):
        raise UsageError(
            f"gives {network.recipe.rows.shape}, not ImageNet's {len(classes)} classes",
            options.backbone,
            "train a head: --run RUN",
        )
    return Classifier(
        run=None,
        backbone=options.backbone,
        network=network,
        store=None,
        probabilities=lambda rows: rows,
        classes=classes,
        # Others first convert a network and check it, which a few images do not repay.
        engine="keras",
    )
