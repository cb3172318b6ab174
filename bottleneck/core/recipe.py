"""The recipe: everything that turns image bytes into a row, and its identity."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any, Literal

from bottleneck.core.canonical import canonical_digest
from bottleneck.core.choices import FITS, ROW_DTYPES
from bottleneck.core.errors import DamagedError
from bottleneck.core.sealed import check_seal, with_checksum

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

ADVICE = "run bottleneck verify"
_NAMES = ("backbone", "weights", "layer", "pooling")  # for people; they are shown


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageSpec:
    """How image bytes become the network's input pixels."""

    size: tuple[int, int]  # (height, width), pixels
    mode: Literal["rgb", "gray"] = "rgb"
    resample: str = "bilinear"  # one of choices.RESAMPLING, Pillow's filters
    orientation: Literal["exif"] = "exif"
    decode: Literal["exact", "fast"] = "exact"
    fit: Literal["squash", "crop", "pad"] = "squash"  # how another shape becomes this one

    @property
    def channels(self) -> int:
        """How many numbers a pixel has."""
        return 1 if self.mode == "gray" else 3


@dataclass(frozen=True, slots=True, kw_only=True)
class RowSpec:
    """How a row is stored."""

    dtype: str  # one of choices.ROW_DTYPES
    shape: tuple[int, ...]  # without the batch axis; that of the views first, if there are several


@dataclass(frozen=True, slots=True, kw_only=True)
class ViewSpec:
    """Which views of its image a row holds: the image itself, and further ones made from it.

    One view is the image alone, and a recipe then says `1`.
    """

    number: int = 1  # the image itself counts
    operations: tuple[str, ...] = ()  # the arithmetic, constants spelled out, in order
    seed: int = 0

    def __post_init__(self) -> None:
        alone = not self.operations and self.seed == 0
        if self.number < 1 or (self.number == 1) != alone:
            raise ValueError(f"no views are of this kind: {self}")

    @property
    def axes(self) -> tuple[int, ...]:
        """What stands before the axes of one view in the shape of a row."""
        return () if self.number == 1 else (self.number,)

    def apart(self, rows: NDArray[Any]) -> NDArray[Any]:
        """Return rows (n, *shape) of the recipe's shape as (n, number, …), without a copy."""
        return rows if self.axes else rows[:, None]

    def first(self, rows: NDArray[Any]) -> NDArray[Any]:
        """Return the first view of rows (n, *shape), the images themselves, without a copy."""
        return self.apart(rows)[:, 0]

    def to_json(self) -> Any:
        """Return 1, or an object."""
        return 1 if self.number == 1 else asdict(self)

    @classmethod
    def from_json(cls, plain: Any) -> ViewSpec:
        """Return the views of JSON; the inverse of `to_json`."""
        if plain == 1:
            return cls()
        return cls(**{**plain, "operations": tuple(plain["operations"])})


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """Everything that decides a row's value; equal recipes may share rows."""

    network: str  # digest of the graph from input to cut, hex
    weights: str  # digest of the tensors that count, hex
    preprocessing: str  # the arithmetic, constants spelled out
    image: ImageSpec
    rows: RowSpec
    compute: str = "float32"
    views: ViewSpec = ViewSpec()
    network_version: str | None = None  # what the user says of code that we cannot know

    def to_json(self) -> dict[str, Any]:
        """Return the plain JSON object whose canonical spelling is hashed."""
        plain = {**asdict(self), "views": self.views.to_json()}
        if plain["network_version"] is None:
            del plain["network_version"]
        if self.image.fit == "squash":  # as recipes were spelled before there was another
            del plain["image"]["fit"]
        return plain

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> Recipe:
        """Return the recipe of a JSON object; the inverse of `to_json`."""
        values = dict(plain)
        image, rows = dict(values.pop("image")), dict(values.pop("rows"))
        views = ViewSpec.from_json(values.pop("views", 1))
        image["size"] = tuple(image["size"])
        rows["shape"] = tuple(rows["shape"])
        return cls(**values, image=ImageSpec(**image), rows=RowSpec(**rows), views=views)

    @property
    def id(self) -> str:
        """The SHA-256 of the canonical JSON, in hex."""
        return canonical_digest(self.to_json())

    def differences(self, other: Recipe) -> list[tuple[str, object, object]]:
        """Return (key, ours, theirs) for every key that differs, nested keys by `a.b`."""
        found: list[tuple[str, object, object]] = []
        for field in fields(self):
            ours, theirs = getattr(self, field.name), getattr(other, field.name)
            if isinstance(ours, ImageSpec | RowSpec | ViewSpec):
                found += [
                    (f"{field.name}.{inner.name}", getattr(ours, inner.name), value)
                    for inner in fields(ours)
                    if (value := getattr(theirs, inner.name)) != getattr(ours, inner.name)
                ]
            elif ours != theirs:
                found.append((field.name, ours, theirs))
        return found


def recipe_file(recipe: Recipe, about: Mapping[str, Any]) -> bytes:
    """Return the bytes of `recipes/<id>.json`: recipe, about (names for people), checksum."""
    content = with_checksum({"recipe": recipe.to_json(), "about": dict(about)})
    return (json.dumps(content, indent=1, sort_keys=True, ensure_ascii=False) + "\n").encode()


def read_recipe_file(data: bytes, expected_id: str, where: object) -> tuple[Recipe, dict[str, Any]]:
    """Return recipe and about of a recipe file's bytes; id and checksum are computed anew.

    Raises
    ------
    DamagedError
        When the bytes are no recipe file, or not the one of `expected_id`.
    """
    content = check_seal(data, where, ADVICE)
    try:
        recipe = Recipe.from_json(content["recipe"])
        _check_kinds(recipe)
        about = dict(content["about"])
        if not all(isinstance(about.get(name), str | None) for name in _NAMES):
            raise ValueError("a name that is no text")
        is_expected = recipe.id == expected_id
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DamagedError("not a recipe", where, ADVICE) from error
    if not is_expected:
        raise DamagedError(
            f"the recipe is {recipe.id[:12]}, not the one it is named for", where, ADVICE
        )
    return recipe, about


def _check_kinds(recipe: Recipe) -> None:
    """Raise ValueError for values that no recipe of ours has; its id says nothing of that."""
    image, rows, views = recipe.image, recipe.rows, recipe.views
    texts = (recipe.network, recipe.weights, recipe.preprocessing, recipe.compute, image.resample)
    if image.fit not in FITS:
        raise ValueError(f"pictures fitted by {image.fit!r}")
    size, sizes = list(image.size), (*image.size, *rows.shape, views.number)
    if not all(isinstance(text, str) for text in (*texts, *views.operations)):
        raise ValueError("a text that is none")
    if len(size) != 2 or not all(type(n) is int and 0 < n < 2**31 for n in sizes):
        raise ValueError("a size that is none")
    if rows.dtype not in ROW_DTYPES or type(views.seed) is not int:
        raise ValueError(f"rows of {rows.dtype!r}")
