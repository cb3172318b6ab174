"""A backbone as a value: what a user asks for, and the frozen network that answers."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

from bottleneck.core.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from bottleneck.backbones.behind import Behind
    from bottleneck.backbones.flat import Flat
    from bottleneck.backbones.layer import Layer
    from bottleneck.core.portable import Portable
    from bottleneck.core.traced import Traced

BATCH = 64
LARGE_BATCH = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Top:
    """Where a network gives a probability for each of some classes."""

    layer: str | None  # None: at its output
    classes: str | None  # imagenet; None: only who made it knows


@dataclass(frozen=True, slots=True, kw_only=True)
class Spec:
    """What is known of a backbone before anything is loaded."""

    name: str  # as requests and records spell it: of a path, the absolute one
    size: tuple[int, int] | None  # (height, width) it was made for, pixels; None: loading tells
    batch_size: int = BATCH
    weights: str = "imagenet"  # where nobody names others
    top: Top | None = None  # None: it was not made to tell classes
    features: int | None = None  # numbers per image with --pooling avg; None: loading tells
    weights_file: str | None = None  # of `weights`, in KERAS_HOME/models; None: nothing to fetch
    resample: str | None = "bilinear"  # where nobody names another; None: loading tells
    is_users_file: bool = False  # a file of the user's, who knows its pixels and its code
    engines: tuple[str, ...] = ()  # the only ones that can take it; empty: all
    oracle: str | None = None  # the package that its rows are compared with; None: Keras


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What the user asks of a network."""

    backbone: str
    weights: str = "imagenet"  # or the path of an HDF5 weight file, or random:SEED
    layer: str | None = (
        None  # a name, a path, a unique suffix of one; None: the last before the top
    )
    output: str | None = None  # of several, by name or number
    pooling: str = "avg"  # of choices.POOLING
    size: tuple[int, int] | None = None  # (height, width), pixels; None: the backbone's own
    preprocessing: str | None = None  # of preprocessing.NAMED; None: the backbone's own
    network_version: str | None = None
    imports: tuple[str, ...] = ()  # modules with the user's own layers
    trust: bool = False  # code inside a model file may run
    # Several cuts in one, (layer, pooling) each: then `layer` and `pooling` mean nothing.
    cuts: tuple[tuple[str | None, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Backbone:
    """A frozen network, cut, and what it is.

    Attributes
    ----------
    make_model : callable
        Returns the keras.Model, a float32 copy, from (n, height, width, channels) preprocessed
        pixels to rows, pooling included. The first call may load it.
    preprocessing : str
        What `preprocessing.apply` does to pixels 0 to 255 first.
    network, weights : str
        Digests, hex.
    mode : what the pixels are: of three channels, or of one
    resample, fit : how pictures get their size, unless the user says otherwise
    row_shape : without the batch axis
    row_dtype : str
        How rows are stored unless the user says otherwise: float16, or float32 for probabilities.
    batch_size : int
        Images per compiled call.
    weight_files : the files that were read
    about : names for people, and how many `parameters` there are up to the cut
    portable : the same network without Keras, for the few that have it
    traced : callable
        Returns the network as OpenVINO's graph; None where it was loaded without one.
    behind : callable
        Returns what is behind the cut; UsageError where nothing can go on from the rows.
    layers : callable
        Returns the layers of the whole network, in the order in which they compute.
    reference : callable
        Returns the oracle's float32 rows of uint8 images (k, …); None where Keras is the oracle.
    before : callable
        Returns the two digests as an earlier version of this package had them: a store that was
        made then is continued.
    another : callable
        Returns the same network cut at another layer, with another pooling, on the same input;
        UsageError where it cannot be cut there.
    parts : of several cuts in one each by itself; see `joint`
    """

    make_model: Callable[[], Any]
    preprocessing: str
    network: str
    weights: str
    size: tuple[int, int]
    row_shape: tuple[int, ...]
    row_dtype: str
    mode: Literal["rgb", "gray"] = "rgb"
    resample: str = "bilinear"
    fit: str = "squash"
    batch_size: int = BATCH
    weight_files: tuple[Path, ...] = ()
    about: dict[str, Any] = field(default_factory=dict)
    portable: Portable | None = None
    traced: Callable[[], Traced] | None = None
    behind: Callable[[], Behind] = field(default_factory=lambda: _pooled)
    layers: Callable[[], Sequence[Layer]] = tuple
    reference: Callable[[NDArray[np.uint8]], NDArray[np.float32] | None] | None = None
    before: Callable[[], tuple[str, ...]] = tuple
    another: Callable[[str | None, str], Backbone] = field(default_factory=lambda: _one_cut)
    parts: tuple[Backbone, ...] = ()

    @property
    def n_numbers(self) -> int:
        """How many numbers a row has."""
        return math.prod(self.row_shape)

    @property
    def spans(self) -> tuple[slice, ...]:
        """Where each part stands in a row; a network with one cut is all of it."""
        return spans([part.n_numbers for part in self.parts])

    @property
    def model(self) -> Any:
        """The keras.Model; see `make_model`."""
        return self.make_model()

    def front(self) -> Any:
        """Return the keras.Model from uint8 pixels (n, height, width, channels) to rows (n, …).

        Preprocessing is inside; nothing in it is trainable.
        """
        from bottleneck.backbones import preprocessing  # noqa: PLC0415 - made of Keras here
        from bottleneck.core.frameworks import import_keras  # noqa: PLC0415

        frozen = self.model  # first: not every network has one
        keras = import_keras()
        network = keras.Model(frozen.input, frozen.output, name="network")
        pixels = keras.Input(frozen.input.shape[1:], dtype="uint8", name="pixels")
        x = preprocessing.apply(self.preprocessing, keras.ops.cast(pixels, "float32"))
        return keras.Model(pixels, network(x, training=False), name="front")


def spans(lengths: Sequence[int]) -> tuple[slice, ...]:
    """Return where parts of these lengths stand, one behind the other; without parts: anywhere."""
    ends = itertools.accumulate(lengths)
    return tuple(slice(end - n, end) for n, end in zip(lengths, ends, strict=True)) or (
        slice(None),
    )


def _one_cut(_layer: str | None, _pooling: str) -> Backbone:
    raise UsageError(
        "this network can be cut in one place only", "--layer", "name one --layer and --pooling"
    )


def _pooled() -> Behind:
    from bottleneck.backbones.behind import pooled  # noqa: PLC0415 - made of Keras

    raise pooled()


def from_model(
    model: Any,
    *,
    ours: bool = False,
    layer: str | None = None,
    output: str | None = None,
    pooling: str = "none",
    pool: Callable[[Any, str, str | None], Any] | None = None,
    size: tuple[int, int],
    preprocessing: str = "none",
    network_version: str | None = None,
    batch_size: int = BATCH,
    weight_files: tuple[Path, ...] = (),
    about: dict[str, Any] | None = None,
) -> Backbone:
    """Flatten a Keras model, cut it and give it its identity; see `Backbone`.

    `pool` does in the place of `cut.pool` what `pooling` says.
    """
    from bottleneck.backbones import cut, ends  # noqa: PLC0415 - made of Keras

    try:
        flat = cut.flatten(model, size, ours=ours, network_version=network_version, end=output)
    except ValueError as error:
        raise bad_size(model.name, size, error) from error
    numbers = itertools.count(1)

    def another(layer: str | None, pooling: str) -> Backbone:
        # Named by us: a name that Keras gives may be there already, and a model has each once.
        made = at(layer, pooling, f"bottleneck_pooling_{next(numbers)}")
        return replace(made, about={**made.about, "layer": layer, "pooling": pooling})

    def at(layer: str | None, pooling: str, name: str | None = None) -> Backbone:
        end = ends.find_end(flat) if layer is None else cut.find_layer(flat, layer)
        return _cut_at(
            flat,
            end,
            (pool or cut.pool)(end, pooling, name),
            network_version,
            is_checked=not ours,
            another=another,
            preprocessing=preprocessing,
            size=size,
            batch_size=batch_size,
            weight_files=weight_files,
            about=about or {},
        )

    return at(layer, pooling)


def _cut_at(
    flat: Flat,
    at: Any,
    rows: Any,
    network_version: str | None,
    *,
    is_checked: bool,
    about: dict[str, Any],
    **facts: Any,
) -> Backbone:
    """Return a flat network as it is cut at a tensor, behind which `rows` may be pooled."""
    from bottleneck.backbones import behind, identity  # noqa: PLC0415 - made of Keras
    from bottleneck.core.frameworks import import_keras  # noqa: PLC0415

    shape = tuple(rows.shape[1:])
    if None in shape:
        raise UsageError(f"rows of unknown shape {shape}", str(at.name), "cut elsewhere")
    last = identity.last_operation(rows)
    whole = import_keras().Model(flat.input, rows)
    if is_checked:
        _check_one_row_each(whole)
    found = Backbone(
        make_model=lambda: whole,
        network=identity.network_digest(rows, network_version),
        weights=identity.weights_digest(rows, network_version),
        mode="gray" if flat.input.shape[-1] == 1 else "rgb",
        row_shape=shape,
        row_dtype="float32" if last in ("softmax", "sigmoid") else "float16",
        about={**about, "parameters": whole.count_params()},
        behind=lambda: behind.Behind(flat, at, rows, found.front),
        layers=lambda: behind.layers(flat),
        before=lambda: identity.digests_before(rows, network_version),
        **facts,
    )
    return found


def _check_one_row_each(model: Any) -> None:
    """Refuse a network that reshapes or reduces over images: none of them has a row of its own."""
    n = 7
    rows = model.compute_output_shape((n, *model.input.shape[1:]))
    if rows[0] not in (None, n):  # of a layer between an image and a constant Keras cannot tell
        raise UsageError(
            f"gives {rows[0]} rows for {n} images, not one for each",
            "--backbone",
            "leave the first axis, that of the images, as it is",
        )


def bad_size(name: str, size: tuple[int, int], error: Exception) -> UsageError:
    """Return the error for a size that a network cannot take."""
    reason = " ".join(str(error).split())[:160]
    what = f"{name} cannot take images of {size[0]}x{size[1]} ({reason})"
    return UsageError(what, "--size", "try a larger size, or omit --size to use the network's own")
