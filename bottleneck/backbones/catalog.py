"""Backbones by name: from what the user asked for to a frozen network with an identity."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bottleneck.backbones.applications import APPLICATIONS, Application
from bottleneck.core.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from bottleneck.backbones.cut import Flat

BATCH = 64
LARGE_BATCH = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What the user asks of a network."""

    backbone: str
    weights: str = "imagenet"  # or the path of an HDF5 weight file, or random:SEED
    layer: str | None = (
        None  # a name, a path, a unique suffix of one; None: the last before the top
    )
    pooling: str = "avg"  # avg, max or none
    size: tuple[int, int] | None = None  # (height, width), pixels; None: the family's
    network_version: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Backbone:
    """A frozen network, cut, and what it is.

    Attributes
    ----------
    model : keras.Model
        A float32 copy, from (n, height, width, 3) preprocessed pixels to rows, pooling included.
    preprocessing : str
        What `preprocessing.apply` does to pixels 0 to 255 first.
    network, weights : str
        Digests, hex.
    row_shape : without the batch axis
    row_dtype : str
        How rows are stored unless the user says otherwise: float16, or float32 for probabilities.
    batch_size : int
        Images a compiled call.
    weight_files : the files that were read
    about : names for people
    """

    model: Any
    preprocessing: str
    network: str
    weights: str
    size: tuple[int, int]
    row_shape: tuple[int, ...]
    row_dtype: str
    batch_size: int
    weight_files: tuple[Path, ...]
    about: dict[str, Any]


def names() -> tuple[str, ...]:
    """Return the names of all backbones, sorted."""
    return tuple(sorted(APPLICATIONS))


def application(name: str) -> Application:
    """Return the application of this name; UsageError names the near ones."""
    if name not in APPLICATIONS:
        near = difflib.get_close_matches(name.lower(), APPLICATIONS, 4, 0.5)
        hint = f"near it: {', '.join(near)}" if near else "see bottleneck extract --help"
        raise UsageError(f"no backbone {name!r}", "--backbone", hint)
    return APPLICATIONS[name]


def default_size(name: str) -> tuple[int, int]:
    """Return the (height, width) that a backbone was made for, pixels."""
    size = application(name).size
    return size, size


def load(request: Request) -> Backbone:
    """Load an application, cut it, and give it its identity.

    Raises
    ------
    UsageError
        Unknown backbone or layer, a size that the network cannot take, weights that do not fit.
    UnavailableError
        Weights that are not here and cannot be downloaded.
    MissingDependencyError
        Without Keras and its backend.
    """
    entry = application(request.backbone)
    from bottleneck.backbones.weights import generators_kept  # noqa: PLC0415

    with generators_kept():
        return _load(entry, request)


def _load(entry: Application, request: Request) -> Backbone:
    from bottleneck.core.frameworks import import_keras  # noqa: PLC0415

    keras = import_keras()
    size = request.size or default_size(request.backbone)
    top = request.layer is not None and not _is_below_top(entry, request, size)
    model, weight_files = _with_weights(entry, request, size, top=top)
    found = from_model(
        model,
        layer=request.layer,
        pooling=request.pooling,
        size=size,
        preprocessing=entry.preprocessing,
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
    keras.backend.clear_session(free_memory=False)
    return found


def from_model(
    model: Any,
    *,
    layer: str | None = None,
    pooling: str = "none",
    size: tuple[int, int],
    preprocessing: str = "none",
    network_version: str | None = None,
    batch_size: int = BATCH,
    weight_files: tuple[Path, ...] = (),
    about: dict[str, Any] | None = None,
) -> Backbone:
    """Flatten a Keras model, cut it and give it its identity; see `Backbone`."""
    from bottleneck.backbones import cut, identity  # noqa: PLC0415 - they are made of Keras
    from bottleneck.core.frameworks import import_keras  # noqa: PLC0415

    keras = import_keras()
    try:
        flat = cut.flatten(model, size, network_version=network_version)
    except ValueError as error:
        raise _bad_size(model.name, size, error) from error
    at = flat.output if layer is None else cut.find_layer(flat, layer)
    output = cut.pool(at, pooling)
    shape = tuple(output.shape[1:])
    if None in shape:
        raise UsageError(f"rows of unknown shape {shape}", f"layer {layer}", "cut elsewhere")
    last = identity.last_operation(output)
    return Backbone(
        model=keras.Model(flat.input, output),
        preprocessing=preprocessing,
        network=identity.network_digest(output, network_version),
        weights=identity.weights_digest(output, network_version),
        size=size,
        row_shape=shape,
        row_dtype="float32" if last in ("softmax", "sigmoid") else "float16",
        batch_size=batch_size,
        weight_files=weight_files,
        about=about or {},
    )


def build(entry: Application, size: tuple[int, int], *, top: bool, weights: str | None) -> Any:
    """Return the application as Keras builds it; UsageError for a size that it cannot take."""
    from bottleneck.core.frameworks import import_keras  # noqa: PLC0415

    function = getattr(import_keras().applications, entry.function)
    try:
        return function(include_top=top, weights=weights, input_shape=(*size, 3))
    except ValueError as error:
        raise _bad_size(entry.function, size, error) from error


def _bad_size(name: str, size: tuple[int, int], error: Exception) -> UsageError:
    reason = " ".join(str(error).split())[:160]
    return UsageError(
        f"{name} cannot take images of {size[0]}x{size[1]} ({reason})", "--size", "try a larger one"
    )


def _skeleton(entry: Application, size: tuple[int, int], *, top: bool) -> Flat:
    """Return the flattened graph alone, without weights: no memory and little time."""
    from bottleneck.backbones import cut  # noqa: PLC0415
    from bottleneck.core.frameworks import import_keras  # noqa: PLC0415

    with import_keras().StatelessScope():
        return cut.flatten(build(entry, size, top=top, weights=None), size, copy_weights=False)


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
            f"the weights of layer {request.layer} fit one size alone",
            f"--size {size[0]}x{size[1]}",
            f"use --size {entry.size}, or a layer before the Flatten",
        )
    return False


def _with_weights(
    entry: Application, request: Request, size: tuple[int, int], *, top: bool
) -> tuple[Any, tuple[Path, ...]]:
    from bottleneck.backbones import weights  # noqa: PLC0415
    from bottleneck.core.frameworks import import_keras  # noqa: PLC0415

    if request.weights.startswith("random:"):
        seed = request.weights.removeprefix("random:")
        if not seed.isdigit():
            raise UsageError(f"no seed {seed!r}", "--weights", "such as random:0")
        import_keras().utils.set_random_seed(int(seed))
        return build(entry, size, top=top, weights=None), ()
    if request.weights == "imagenet":
        square = (entry.size, entry.size)
        fetch: Callable[[], Any] = lambda: build(entry, square, top=top, weights="imagenet")  # noqa: E731
        path = weights.imagenet_file(fetch, request.backbone)
    else:
        path = Path(request.weights).expanduser()
    model = build(entry, size, top=top, weights=None)
    weights.load_file(model, path)
    return model, (path,)
