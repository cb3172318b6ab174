"""Pooling of an ONNX network's output, as OpenVINO's nodes: of maps over space, of tokens.

Tokens are (n, tokens, d): some for the image as a whole, the class token first, then one for each
patch. How many patches there are, the convolution that cuts the image into them says.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from bottleneck.backbones.onnx_graph import SPATIAL, above, end_of, layout_of
from bottleneck.core.choices import POOLING
from bottleneck.core.errors import UsageError
from bottleneck.core.frameworks import import_openvino

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from bottleneck.backbones.onnx_graph import Image

OF_TOKENS = ("cls", "cls+avg")
MOST_PREFIX = 16  # tokens before the patches; known networks have at most 5
_CONVOLUTIONS = ("Convolution", "GroupConvolution")


def spell(pooling: str, end: Any, shape: tuple[int, ...], image: Image, path: Path) -> str:
    """Return what pooling does to rows (n, *shape) of an output, for recipe and `pooled`.

    One of `none`, `avg 2,3` (over these axes), `avg 1:` (over tokens, from the second one on),
    `cls`, `cls+avg 1:`.

    Raises
    ------
    UsageError
        For an unknown word; for cls where there are no tokens; where nobody can tell which axes
        are space, or which tokens are patches.
    """
    if pooling not in POOLING:
        raise UsageError(f"no pooling {pooling!r}", "--pooling", f"one of {', '.join(POOLING)}")
    if pooling in OF_TOKENS and len(shape) != 2:
        raise UsageError(
            f"is of tokens, and this output has rows of {'x'.join(map(str, shape))}",
            f"--pooling {pooling}",
            "use avg, max or none, or cut elsewhere: --layer list",
        )
    if pooling == "none" or len(shape) not in (2, 3):
        return "none"
    if len(shape) == 3:
        layout = layout_of(end, image)
        if layout is None:
            raise UsageError(
                f"which axes of {'x'.join(map(str, shape))} are space cannot be told",
                path,
                "use --pooling none, or cut elsewhere: --layer list",
            )
        return f"{pooling} {','.join(map(str, SPATIAL[layout]))}"
    n_prefix = _n_prefix(end, shape[0])
    if n_prefix is None or (pooling in OF_TOKENS and not n_prefix):
        raise UsageError(
            f"which of {shape[0]} tokens are patches cannot be told"
            if n_prefix is None
            else f"no class token is among {shape[0]} tokens, one for each patch",
            path,
            "use --pooling none" if n_prefix is None else "use --pooling avg, max or none",
        )
    return "cls" if pooling == "cls" else f"{pooling} {n_prefix}:"


def pooled(network: Any, spelled: str) -> Any:
    """Return the network with pooling behind it, as `spell` says, and float32 rows."""
    ov = import_openvino()
    ops = ov.opset13
    x = end_of(network)
    kind, _, where = spelled.partition(" ")
    reduce = {"avg": ops.reduce_mean, "max": ops.reduce_max}
    if where.endswith(":"):
        patches = _tokens(x, int(where[:-1]), np.iinfo(np.int64).max)
        pooled = reduce[kind.removeprefix("cls+")](patches, np.array([1], np.int64))
        if kind.startswith("cls+"):
            first = ops.squeeze(_tokens(x, 0, 1), np.array([1], np.int64))
            pooled = ops.concat([first, pooled], 1)
    elif where:
        pooled = reduce[kind](x, np.array(where.split(","), np.int64))
    elif kind == "cls":
        pooled = ops.squeeze(_tokens(x, 0, 1), np.array([1], np.int64))
    else:
        pooled = x
    rows = ops.result(ops.convert(pooled, "f32"))
    return ov.Model([rows], network.get_parameters(), "network")


def pooled_rows(rows: NDArray[np.float32], spelled: str) -> NDArray[np.float32]:
    """Return rows (n, …) of an output, pooled by numpy."""
    kind, _, where = spelled.partition(" ")
    reduce = np.max if kind == "max" else np.mean
    parts = [rows[:, 0]] if kind.startswith("cls") else []
    if where.endswith(":"):
        parts.append(reduce(rows[:, int(where[:-1]) :], axis=1))
    elif where:
        parts.append(reduce(rows, axis=tuple(map(int, where.split(",")))))
    return np.concatenate(parts, axis=1) if parts else rows


def _tokens(x: Any, start: int, stop: int) -> Any:
    ops = import_openvino().opset13
    bounds = [np.array([number], np.int64) for number in (start, stop, 1, 1)]
    return ops.slice(x, *bounds)


def _n_prefix(end: Any, n_tokens: int) -> int | None:
    """Return how many tokens stand before those of the patches; None where nobody can tell."""
    grids = []
    for node in above(end):
        if node.get_type_name() in _CONVOLUTIONS and len(node.get_output_partial_shape(0)) == 4:
            height, width = node.get_output_partial_shape(0)[2:]
            if height.is_static and width.is_static:
                grids.append(height.get_length() * width.get_length())
    n_patches = max((grid for grid in grids if grid <= n_tokens), default=0)
    n_prefix = n_tokens - (n_patches or math.isqrt(n_tokens) ** 2)
    return n_prefix if n_prefix <= MOST_PREFIX else None
