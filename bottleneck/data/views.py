"""Views of an image: the image itself, and others that its digest decides.

View 0 is the image. Each further one takes the operations that were asked for, each with numbers
drawn from (seed, digest, number of the view, operation): the same image has the same views on any
machine, in any order, beside any others.

An operation moves where a pixel is taken from, or says how bright it becomes. The moves of a view
are multiplied into one, so that the image is resampled once: bilinear, by Pillow, at the size of
the recipe, and mirrored beyond its edges. Positions run from -1 to 1 in both directions, from the
left edge to the right and from the top to the bottom.

What an operation is called in a recipe says its arithmetic. Whoever changes what it does, how its
numbers are drawn or how all of them resample, changes what it is called.
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np

from bottleneck.core.errors import RecipeError, UsageError
from bottleneck.core.recipe import ViewSpec
from bottleneck.data import view_list

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray
    from PIL import Image

MOST = 256  # views of an image
LARGEST_SEED = 2**53  # of whole numbers that canonical JSON can hold
MARGIN = 0.25  # of a side: further out nothing is taken from, for all moves together


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Change:
    """What an operation does to one view.

    Attributes
    ----------
    move : (3, 3) float64
        From the position (x, y, 1) of a pixel of the view to where it is taken from.
    gain : what its value is multiplied by, then rounded, then cut off at 255
    """

    move: NDArray[np.float64]
    gain: float = 1.0


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation: what a recipe calls it, and what three numbers from 0 to 1 make of it."""

    spelled: str
    change: Callable[[float, float, float], Change]


def _moved(xx: float = 1, xy: float = 0, x: float = 0, yy: float = 1, y: float = 0) -> Change:
    return Change(move=np.array([[xx, xy, x], [0, yy, y], [0, 0, 1]], np.float64))


def _flip(u: float, _v: float, _w: float) -> Change:
    """Mirror left and right, every other time."""
    return _moved(xx=-1 if u < 0.5 else 1)


def _crop(u: float, v: float, w: float) -> Change:
    """Take a window of 0.8 to 1 of both sides, anywhere in the image, for the whole."""
    side = 0.8 + 0.2 * u
    return _moved(xx=side, x=(1 - side) * (2 * v - 1), yy=side, y=(1 - side) * (2 * w - 1))


def _shear(u: float, _v: float, _w: float) -> Change:
    """Move the top edge by up to 0.2 of half the width, the bottom edge the other way."""
    return _moved(xy=0.2 * (2 * u - 1))


def _zoom(u: float, _v: float, _w: float) -> Change:
    """Take a window of 0.8 to 1.2 of both sides about the middle for the whole."""
    side = 0.8 + 0.4 * u
    return _moved(xx=side, yy=side)


def _brightness(u: float, _v: float, _w: float) -> Change:
    """Multiply all values by 0.7 to 1.3."""
    return Change(move=np.eye(3), gain=0.7 + 0.6 * u)


_CHANGES = {
    "flip": _flip,
    "crop": _crop,
    "shear": _shear,
    "zoom": _zoom,
    "brightness": _brightness,
}
OPERATIONS: Mapping[str, Operation] = MappingProxyType(
    {
        name: Operation(listed.spelled, _CHANGES[name])
        for name, listed in view_list.OPERATIONS.items()
    }
)


def spec(number: int | None, names: Sequence[str] | None, seed: int | None) -> ViewSpec:
    """Return what a recipe says of views that were asked for by the names of operations.

    Parameters
    ----------
    number : views of an image, itself included; None: 1
    names : of `OPERATIONS`, in any order; None: all of them
    seed : None: 0

    Raises
    ------
    UsageError
        No such operation, none at all, too many views, or operations and nothing to use them on.
    """
    if number is None or number == 1:
        for flag, value in (("--augment", names), ("--views-seed", seed)):
            if value is not None:
                raise UsageError("one view is the image itself", flag, "say --views 2 or more")
        return ViewSpec()
    if not 1 <= number <= MOST:
        raise UsageError(f"{number} views of an image", "--views", f"from 1 to {MOST}")
    asked = set(OPERATIONS if names is None else names)
    unknown = sorted(asked - OPERATIONS.keys())
    if unknown or not asked:
        what = f"no operation {unknown[0]!r}" if unknown else "no operation named"
        raise UsageError(what, "--augment", f"of {', '.join(OPERATIONS)}")
    if seed is not None and abs(seed) > LARGEST_SEED:
        raise UsageError(f"{seed} is too large", "--views-seed", "such as 0; up to 2**53")
    spelled = tuple(op.spelled for name, op in OPERATIONS.items() if name in asked)
    return ViewSpec(number=number, operations=spelled, seed=seed or 0)


def make(image: NDArray[np.uint8], digest: bytes, views: ViewSpec) -> NDArray[np.uint8]:
    """Return the views (number, height, width, c) of an image (height, width, c), uint8.

    Parameters
    ----------
    digest : of the sample, 32 bytes; it decides what the views after the first are

    Raises
    ------
    RecipeError
        When the recipe has operations that this version does not know.
    """
    if views.number == 1:
        return image[None]
    known = {operation.spelled: operation.change for operation in OPERATIONS.values()}
    unknown = [name for name in views.operations if name not in known]
    if unknown:
        raise RecipeError(
            "this version makes no such views",
            ", ".join(unknown),
            "use the version that began the store, or --replace",
        )
    made = np.empty((views.number, *image.shape), np.uint8)
    made[0] = image
    around = _mirrored(image)
    for view in range(1, views.number):
        move, gain = np.eye(3), 1.0
        for name in views.operations:
            change = known[name](*_draw(views.seed, digest, view, name))
            move, gain = move @ change.move, gain * change.gain
        seen = _brighter(_resampled(*around, image.shape[:2], move), gain)
        made[view] = seen.reshape(image.shape)
    return made


def _draw(seed: int, digest: bytes, view: int, name: str) -> tuple[float, float, float]:
    """Return three numbers from 0 to 1, 1 excluded."""
    drawn = hashlib.sha256(f"{seed} {view} {name} ".encode() + digest).digest()
    u, v, w = ((int.from_bytes(drawn[i : i + 8], "big") >> 11) / 2**53 for i in (0, 8, 16))
    return u, v, w


def _mirrored(image: NDArray[np.uint8]) -> tuple[Image.Image, tuple[int, int]]:
    """Return the image with its mirror image around it, and how wide that is: (y, x)."""
    from PIL import Image  # noqa: PLC0415 - of further views alone: recipes are checked without

    height, width = image.shape[:2]
    y, x = math.ceil(MARGIN * height) + 1, math.ceil(MARGIN * width) + 1
    padded = np.pad(image, ((y, y), (x, x), (0, 0)), mode="symmetric")
    return Image.fromarray(padded[..., 0] if padded.shape[2] == 1 else padded), (y, x)


def _resampled(
    around: Image.Image,
    margin: tuple[int, int],
    size: tuple[int, ...],
    move: NDArray[np.float64],
) -> NDArray[np.uint8]:
    """Return the pixels of a view: each from where `move` says, bilinear."""
    from PIL import Image  # noqa: PLC0415 - as above

    (margin_y, margin_x), (height, width) = margin, size
    # Pillow wants it in pixels, from those of the view to those of the image with its margin. By
    # hand, so that what is whole stays whole: Pillow rounds down.
    (xx, xy, x), (yx, yy, y) = move[:2].tolist()
    to_x = (xx, xy * width / height, width / 2 * (x + 1 - xx - xy) + margin_x)
    to_y = (yx * height / width, yy, height / 2 * (y + 1 - yx - yy) + margin_y)
    return np.asarray(
        around.transform(
            (width, height),
            Image.Transform.AFFINE,
            (*to_x, *to_y),
            Image.Resampling.BILINEAR,
        )
    )


def _brighter(image: NDArray[np.uint8], gain: float) -> NDArray[np.uint8]:
    table: NDArray[np.uint8] = np.minimum(np.rint(np.arange(256) * gain), 255).astype(np.uint8)
    return table[image]
