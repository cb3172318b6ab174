"""The models of keras.applications: loaded with their weights, or as bare graphs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bottleneck.backbones import preprocessing
from bottleneck.backbones.application_facts import FACTS
from bottleneck.backbones.application_list import APPLICATIONS, Application
from bottleneck.backbones.backbone import (
    BATCH,
    LARGE_BATCH,
    Backbone,
    Request,
    Spec,
    Top,
    bad_size,
    from_model,
)
from bottleneck.core.errors import UsageError
from bottleneck.core.guest import restart_names
from bottleneck.core.paths import at_home
from bottleneck.core.reporter import SILENT

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from bottleneck.backbones.flat import Flat
    from bottleneck.core.reporter import Reporter


def names() -> tuple[str, ...]:
    """Return the names of the applications."""
    return tuple(APPLICATIONS)


def claims(name: str) -> bool:
    """Whether an application has this name."""
    return name in APPLICATIONS


def spec(name: str) -> Spec:
    """Return what is known of an application; nothing heavy is imported."""
    entry = APPLICATIONS[name]
    batch_size = LARGE_BATCH if entry.large else BATCH
    top = Top(layer=entry.top, classes="imagenet")
    return Spec(
        name=name,
        size=(entry.size, entry.size),
        batch_size=batch_size,
        top=top,
        features=FACTS[name].features,
        weights_file=FACTS[name].weights_file,
    )


def needs_keras(_request: Request) -> bool:
    """Whether loading it imports Keras: always."""
    return True


def load(request: Request, _reporter: Reporter = SILENT) -> Backbone:
    """Load an application, cut it, and give it its identity.

    Raises
    ------
    UsageError
        Unknown layer, a size that the network cannot take, weights that do not fit.
    UnavailableError
        Weights that are not here and cannot be downloaded.
    MissingDependencyError
        Without Keras and its backend.
    """
    from bottleneck.core.frameworks import import_keras  # noqa: PLC0415

    entry, keras = APPLICATIONS[request.backbone], import_keras()
    size = request.size or (entry.size, entry.size)
    fits = size == (entry.size, entry.size) or request.weights.startswith("random:")
    is_top = request.layer == entry.top and fits  # known, without building the graphs to look
    top = is_top or (request.layer is not None and not _is_below_top(entry, request, size))
    model, weight_files = _with_weights(entry, request, size, top=top)
    found = from_model(
        model,
        ours=True,
        layer=request.layer,
        pooling=request.pooling,
        size=size,
        preprocessing=preprocessing.named(request.preprocessing, entry.preprocessing),
        network_version=request.network_version,
        batch_size=LARGE_BATCH if entry.large else BATCH,
        weight_files=weight_files,
        about={
            "backbone": request.backbone,
            "layer": request.layer,
            "pooling": request.pooling,
            "weights": ", ".join(path.name for path in weight_files) or request.weights,
            "keras": keras.__version__,
        },
    )
    restart_names()  # of layers that Keras names: the next network has those of a first one
    return found


def build(entry: Application, size: tuple[int, int], *, top: bool, weights: str | None) -> Any:
    """Return the application as Keras builds it; UsageError for a size that it cannot take."""
    from bottleneck.core.frameworks import import_keras  # noqa: PLC0415

    keras = import_keras()
    function = getattr(keras.applications, entry.function)
    # As a tensor, because with ImageNet's top Keras takes one shape alone.
    image = keras.Input((*size, 3)) if weights and entry.imagenet_differs else None
    shape = None if image is not None else (*size, 3)
    try:
        return function(include_top=top, weights=weights, input_shape=shape, input_tensor=image)
    except ValueError as error:
        raise bad_size(entry.function, size, error) from error


def _skeleton(entry: Application, size: tuple[int, int], *, top: bool) -> Flat:
    """Return the flattened graph alone, without weights: no memory and little time."""
    from bottleneck.backbones import cut  # noqa: PLC0415
    from bottleneck.core.frameworks import import_keras  # noqa: PLC0415

    with import_keras().StatelessScope():
        return cut.flatten(build(entry, size, top=top, weights=None), size, ours=True)


def _is_below_top(entry: Application, request: Request, size: tuple[int, int]) -> bool:
    """Whether the layer asked for is in the network without its top.

    Raises
    ------
    UsageError
        When it is in neither, or only in a top whose Flatten fixes another size.
    """
    from bottleneck.backbones import cut  # noqa: PLC0415

    assert request.layer is not None
    name = request.layer.partition(":")[0]
    flat = _skeleton(entry, size, top=False)
    if name in flat.places or cut.suffix_matches(flat, name):
        return True
    whole = _skeleton(entry, size, top=True)
    cut.find_layer(whole, request.layer)  # says so when there is no such layer
    flattens = any(path.split("/")[-1].startswith("flatten") for path in whole.places)
    if flattens and size != (entry.size, entry.size) and not request.weights.startswith("random:"):
        raise UsageError(
            f"the weights of layer {request.layer} fit only one image size",
            f"--size {size[0]}x{size[1]}",
            f"use --size {entry.size}, or a layer before the Flatten",
        )
    return False


def _with_weights(
    entry: Application, request: Request, size: tuple[int, int], *, top: bool
) -> tuple[Any, tuple[Path, ...]]:
    from bottleneck.backbones import weights  # noqa: PLC0415
    from bottleneck.backbones.drawn import give_drawn  # noqa: PLC0415 - numpy

    if request.weights.startswith("random:"):
        seed = request.weights.removeprefix("random:")
        if not seed.isdigit():
            raise UsageError(
                f"no seed {seed!r}", "--weights", "give a whole number, such as random:0"
            )
        model = build(entry, size, top=top, weights=None)
        give_drawn(model, int(seed))
        return model, ()
    square = (entry.size, entry.size)
    fetch: Callable[[], Any] = lambda: build(entry, square, top=top, weights="imagenet")  # noqa: E731
    if request.weights == "imagenet":
        path, of_imagenet = weights.imagenet_file(fetch, request.backbone), True
    else:
        path = at_home(request.weights)
        of_imagenet = entry.imagenet_differs and weights.is_imagenet_file(fetch, path)
    if entry.imagenet_differs and of_imagenet:
        graph: Callable[[], Any] = lambda: build(entry, size, top=top, weights="imagenet")  # noqa: E731
        return weights.built_around(graph, path), (path,)
    model = build(entry, size, top=top, weights=None)
    weights.load_file(model, path)
    return model, (path,)
