"""An ONNX network as OpenVINO's graph: cut, preprocessed and pooled.

OpenVINO keeps the names that ONNX gives to tensors; names of nodes come from the file itself. The
graph that is handed over takes uint8 pixels (n, height, width, channels) and gives float32 rows.
Where the file says how many images it takes at once, that number stays: constants inside such a
network may rest on it.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np

from bottleneck.backbones import preprocessing
from bottleneck.backbones.layer import Layer
from bottleneck.core.errors import BottleneckError, UsageError, from_foreign
from bottleneck.core.frameworks import import_openvino

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from bottleneck.backbones.onnx_bytes import Described

N_IMAGES = 7  # a number that nothing in a network is a multiple of by chance
SPATIAL = {"nchw": (2, 3), "nhwc": (1, 2)}
# What a frozen network has no use for: each call would give other rows.
DRAWING = {"RandomUniform", "Multinomial"}
_TURNS = {"nchw": [0, 3, 1, 2], "nhwc": [0, 2, 3, 1]}  # the permutation that gives this layout
_CHANNELS_FIRST = {
    "Convolution", "GroupConvolution", "ConvolutionBackpropData", "GroupConvolutionBackpropData",
    "MaxPool", "AvgPool", "BatchNormInference",
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """What a network takes: one image input.

    Attributes
    ----------
    shape : of its input; None where it takes any number
    layout : where the channels are, of `preprocessing.LAYOUTS`
    kind : of its numbers: f32, f16, f64 or u8
    """

    node: Any
    shape: tuple[int | None, ...]
    layout: str
    kind: str

    @property
    def size(self) -> tuple[int | None, int | None]:
        """(height, width)."""
        height, width = (self.shape[axis] for axis in SPATIAL[self.layout])
        return height, width

    @property
    def channels(self) -> int:
        """1 of a gray network, else 3."""
        return 1 if self.shape[1 if self.layout == "nchw" else 3] == 1 else 3


def read(path: Path) -> Any:
    """Return the whole network as an openvino.Model; UsageError where it cannot be one.

    No file stays mapped: whoever edits it later changes nothing here.
    """
    import_openvino()
    frontend = import_module("openvino.frontend").FrontEndManager().load_by_framework("onnx")
    try:
        return frontend.convert(frontend.load(str(path), False))
    except MemoryError:
        raise
    except Exception as error:  # its own class for each kind of failure, and RuntimeError
        raise _foreign(error, path, "OpenVINO cannot read this network") from error


def find(model: Any, described: Described, name: str) -> Any | None:
    """Return the output of OpenVINO's graph that is ONNX's tensor; None where it has none."""
    return by_name(model, described).get(described.root(name))


def by_name(model: Any, described: Described) -> dict[str, Any]:
    """Return the outputs of OpenVINO's graph by the names of ONNX's tensors, see `root`."""
    return {
        described.root(name): output
        for node in model.get_ordered_ops()
        if node.get_type_name() != "Result"  # which has the names of what it is a result of
        for output in node.outputs()
        for name in output.get_names()
    }


def image_of(end: Any, path: Path, layout: str | None) -> Image:
    """Return the one image that an output is computed from.

    Parameters
    ----------
    layout : what the user says of it; None: what its shape says

    Raises
    ------
    UsageError
        Several inputs, none, or one that is no RGB or gray image.
    """
    needed = list(above(end))
    inputs = [node for node in needed if node.get_type_name() == "Parameter"]
    if len(inputs) != 1:
        listed = ", ".join(node.get_friendly_name() for node in inputs)
        what = f"has {len(inputs)} inputs, not one image" + (f" ({listed})" if listed else "")
        raise UsageError(what, path, "export the part that goes from an image to features")
    drawing = [node.get_friendly_name() for node in needed if node.get_type_name() in DRAWING]
    if drawing:
        raise UsageError(
            f"draws random numbers ({drawing[0]})", path, "export the network in evaluation mode"
        )
    (node,) = inputs
    partial = node.get_output_partial_shape(0)
    kind = node.get_output_element_type(0).get_type_name()
    if partial.rank.is_dynamic:
        raise UsageError(
            "does not say how many axes its input has", path, "export it with an example image"
        )
    shape = tuple(one.get_length() if one.is_static else None for one in partial)
    channels = {axis: shape[axis] for axis in (1, 3) if len(shape) == 4}
    could = [
        one
        for one, axis in zip(preprocessing.LAYOUTS, channels, strict=False)
        if channels[axis] in (1, 3, None)
    ]
    if not could or kind not in ("f32", "f16", "f64", "u8") or layout not in (None, *could):
        said = "x".join("any" if n is None else str(n) for n in shape[1:])
        what = f"takes {said} ({kind}), not 3 or 1 channels" + (f" as {layout}" if layout else "")
        raise UsageError(what, path, "export a network of RGB or gray images")
    known = [one for one in could if channels[1 if one == "nchw" else 3] is not None]
    # Nothing known, or both: ONNX's own convolutions have channels first.
    return Image(node=node, shape=shape, layout=layout or (known or could)[0], kind=kind)


def made(end: Any, image: Image, size: tuple[int, int], arithmetic: str, path: Path) -> Any:
    """Return the network from pixels to one output, not pooled yet; UsageError for a size.

    It takes the place of the network that was read: a graph is read for one use.
    """
    ov = import_openvino()
    ops = ov.opset13
    n = -1 if image.shape[0] is None else image.shape[0]
    pixels = ops.parameter([n, *size, image.channels], np.uint8, name="pixels")
    x = preprocessing.apply(arithmetic, ops.convert(pixels, "f32"))
    x = ops.convert(x, image.node.get_output_element_type(0).get_type_name())
    for taker in image.node.output(0).get_target_inputs():
        taker.replace_source_output(x.output(0))
    try:
        return ov.Model([ops.result(end)], [pixels], "network")
    except RuntimeError as error:
        raise _foreign(error, path, f"cannot take images of {size[0]}x{size[1]}") from error


def end_of(network: Any) -> Any:
    """Return the output that a network's result is."""
    return network.get_results()[0].input_value(0)


def shape_of(network: Any, path: Path) -> tuple[int, ...]:
    """Return the shape of a row; UsageError where not each image has one of its own."""
    n = shaped(network, path)
    partial = network.output(0).get_partial_shape()
    shape = [] if partial.rank.is_dynamic else [*partial]
    if not shape or any(one.is_dynamic for one in shape):
        raise UsageError(f"rows of unknown shape {partial}", path, "cut elsewhere: --layer list")
    numbers = [one.get_length() for one in shape]
    if numbers[0] != n or len(numbers) < 2:
        raise UsageError(
            f"gives {numbers[0]} rows for {n} images, not one for each",
            path,
            "cut elsewhere (--layer list), or export it with a free number of images",
        )
    return tuple(numbers[1:])


def shaped(network: Any, path: Path) -> int:
    """Fix how many images a network takes, where that is free; return how many."""
    pixels = network.input(0).get_partial_shape()
    if pixels[0].is_static:
        return int(pixels[0].get_length())
    pixels[0] = N_IMAGES
    try:
        network.reshape(pixels)
    except RuntimeError as error:
        size = f"{pixels[1].get_length()}x{pixels[2].get_length()}"
        what = f"cannot take {N_IMAGES} images of {size}"
        raise _foreign(error, path, what) from error
    return N_IMAGES


def layout_of(end: Any, image: Image) -> str | None:
    """Return where maps of an output have their channels: by the nodes above, or by their shape.

    Convolutions have them first; a transposition moves them; what works number by number leaves
    them. None where neither says.
    """
    output, turns = end, 0
    while True:
        node = output.get_node()
        kind = node.get_type_name()
        if kind in _CHANNELS_FIRST or kind == "Parameter":
            at = 0 if kind != "Parameter" or image.layout == "nchw" else 1
            return preprocessing.LAYOUTS[(at + turns) % 2]
        if kind == "Transpose":
            order = _numbers(node.input_value(1))
            if order not in _TURNS.values():
                break
            turns += 1
        elif kind in ("Reshape", "Squeeze", "Unsqueeze", "Gather", "Loop", "If"):
            break
        maps = [one for one in node.input_values() if _rank(one) == 4 and not _is_constant(one)]
        if not maps:
            break
        output = maps[0]
    first, last = ([end.get_partial_shape()[axis] for axis in SPATIAL[one]] for one in SPATIAL)
    squares = [one[0] == one[1] for one in (first, last)]
    return None if squares[0] == squares[1] else preprocessing.LAYOUTS[squares.index(True)]


def layers(file: tuple[Any, Described, Path], image: Image, size: tuple[int, int]) -> list[Layer]:
    """Return the nodes that give something for each image, in the order in which they compute.

    Parameters
    ----------
    file : the whole network, which then takes images of this size; what its file says; where it is
    """
    model, described, path = file
    node = next(one for one in model.get_parameters() if _is_same(one, image.node))
    n = image.shape[0] or N_IMAGES
    channels = [image.channels]
    shape = [n, *channels, *size] if image.layout == "nchw" else [n, *size, *channels]
    try:
        model.reshape({node.output(0): shape})
    except RuntimeError as error:
        raise _foreign(error, path, f"cannot take images of {size[0]}x{size[1]}") from error
    outputs, found = by_name(model, described), []
    for name, made in described.places.items():
        output = outputs.get(described.root(made.tensor))
        if output is None:
            continue
        partial = output.get_partial_shape()
        if partial.rank.is_dynamic or partial.rank.get_length() < 2 or partial[0] != n:
            continue
        if not output.get_element_type().is_real():  # shapes, places
            continue
        lengths = [one.get_length() if one.is_static else None for one in partial]
        found.append(Layer(name=name, kind=made.kind, shape=tuple(lengths[1:]), tail=False))
    return found


def n_parameters(end: Any) -> int:
    """Return how many floating point numbers of the network's own an output is computed from."""
    constants = [node for node in above(end) if node.get_type_name() == "Constant"]
    real = [node for node in constants if node.get_output_element_type(0).is_real()]
    return sum(int(np.prod(node.get_output_shape(0))) for node in real)


def _is_same(node: Any, other: Any) -> bool:
    return bool(node.get_friendly_name() == other.get_friendly_name())


def above(end: Any) -> Iterator[Any]:
    """Yield the nodes that an output needs, its own first."""
    seen, stack = set(), [end.get_node()]
    while stack:
        node = stack.pop()
        if node.get_name() not in seen:
            seen.add(node.get_name())  # of OpenVINO's own: no two nodes have one
            yield node
            stack += [value.get_node() for value in node.input_values()]


def _rank(output: Any) -> int | None:
    rank = output.get_partial_shape().rank
    return int(rank.get_length()) if rank.is_static else None


def _is_constant(output: Any) -> bool:
    return bool(output.get_node().get_type_name() == "Constant")


def _numbers(output: Any) -> list[int]:
    return output.get_node().get_data().reshape(-1).tolist() if _is_constant(output) else []


def _foreign(error: Exception, path: Path, what: str) -> BottleneckError | MemoryError:
    """Return OpenVINO's error as ours: of its many lines the last one, which says most."""
    ran_out = from_foreign(error)  # of space or memory, which says nothing of the network
    if ran_out is not None:
        return ran_out
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return UsageError(
        f"{what} ({lines[-1][:200] if lines else type(error).__name__})",
        path,
        "export it anew, with ONNX's own operators alone",
    )
