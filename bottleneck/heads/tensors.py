"""What heads made of numpy share: what they say of a fit, reading rows in blocks, their files.

Such a head is `head.safetensors`, its tensors, and `head.json`, which says the kind of head, its
options and the digest of the tensors.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from bottleneck.core import files
from bottleneck.core.errors import DamagedError, DataError
from bottleneck.core.sealed import read_beside, seal, unseal
from bottleneck.heads.catalog import ADVICE, HEAD_FILE
from bottleneck.heads.design_matrix import BLOCK_ROWS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    Tensors = Mapping[str, NDArray[Any]]

_FILE = "head.safetensors"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Fitted:
    """What every such head says of its fit; see `heads.task.Fitted`."""

    options: Mapping[str, Any]
    history: Sequence[Mapping[str, float]] = ()
    validation: NDArray[np.float32] = field(default_factory=lambda: np.zeros((0, 0), np.float32))
    epochs: int = 0

    @property
    def frozen(self) -> int:
        """Nothing in it stays as it was."""
        return 0

    @property
    def versions(self) -> Mapping[str, str]:
        """Libraries that fitted it, beside numpy: none."""
        return {}


def predicted(
    features: Any, width: int, k: int, block_of: Callable[[NDArray[np.float32]], NDArray[Any]]
) -> NDArray[np.float32]:
    """Return what a head says of features (n, …), as (n, k) float32, computed in blocks.

    Parameters
    ----------
    width : numbers of a row that the head was fitted on
    block_of : callable
        Returns (b, k) of a block of rows (b, width) float32; what is not finite in it is refused.

    Raises
    ------
    DataError
        When a row is of another length, or holds a value that is too large or no finite number.
    """
    n = len(features)
    out = np.empty((n, k), np.float32)
    for start in range(0, n, BLOCK_ROWS):
        with np.errstate(over="ignore", invalid="ignore"):  # refused below, by its row
            block = np.asarray(features[start : start + BLOCK_ROWS], np.float32)
            block = block.reshape(len(block), int(np.prod(block.shape[1:])))
            if block.shape[1] != width:
                raise DataError(
                    f"features of {block.shape[1]} numbers, the head was fitted on {width}",
                    "predict",
                    "use rows of the recipe in the run's receipt",
                )
            found = block_of(block)
        good = np.isfinite(found).all(axis=1)
        if not good.all():
            row = start + int(good.argmin())
            raise DataError(
                f"row {row} holds a value that is not a finite number, or too large",
                "predict",
                "if it is a row of a store, run bottleneck verify; else leave it out",
            )
        out[start : start + len(block)] = found
    return out


def save(folder: Path, head: str, options: Mapping[str, Any], tensors: Tensors) -> None:
    """Write the two files of a head of this kind into a folder that is not published yet."""
    from safetensors.numpy import save as to_bytes  # noqa: PLC0415

    data = to_bytes({name: np.ascontiguousarray(tensor) for name, tensor in tensors.items()})
    files.write_synced(folder / _FILE, data)
    content = {"head": head, "options": dict(options)}
    files.write_synced(folder / HEAD_FILE, seal(content, folder, [_FILE]))


def load(
    folder: Path, shapes: Mapping[str, tuple[str, ...]], dtypes: Mapping[str, Any]
) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
    """Return the tensors and the options that `save` wrote.

    Parameters
    ----------
    shapes : of each tensor, a letter for each axis; axes of one letter are of one length
    dtypes : of each tensor

    Raises
    ------
    DamagedError
        When the files are not such.
    """
    from safetensors import SafetensorError  # noqa: PLC0415
    from safetensors.numpy import load as parse_tensors  # noqa: PLC0415

    description = unseal(folder / HEAD_FILE, ADVICE)
    data = read_beside(folder / HEAD_FILE, description, _FILE, ADVICE)
    try:
        found = parse_tensors(data)
        lengths: dict[str, int] = {}
        for name, axes in shapes.items():
            tensor = found[name]
            if tensor.dtype != dtypes[name]:
                raise ValueError(f"{name} is not {np.dtype(dtypes[name])}")
            if len(tensor.shape) != len(axes) or any(
                lengths.setdefault(axis, length) != length
                for axis, length in zip(axes, tensor.shape, strict=True)
            ):
                raise ValueError("tensors of other shapes")
            if not np.isfinite(tensor).all():
                raise ValueError("tensors that hold a value that is not a finite number")
        return {name: found[name] for name in shapes}, dict(description["options"])
    except (SafetensorError, TypeError, ValueError, KeyError) as error:
        raise DamagedError(
            f"not a {description.get('head')} head ({error})", folder / _FILE, ADVICE
        ) from error
