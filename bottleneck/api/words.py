"""What the keywords of a call mean: a network, images, a choice, a place, who is told."""

from __future__ import annotations

import argparse
import os
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from bottleneck.api.labels import label as _label
from bottleneck.api.labels import told_labels
from bottleneck.core import words
from bottleneck.core.errors import UsageError
from bottleneck.core.given import NAME, Given
from bottleneck.core.paths import local_path
from bottleneck.core.portion import Portion, portion
from bottleneck.core.reporter import SILENT, Bars, Reporter
from bottleneck.pipeline.extraction.options import READING
from bottleneck.pipeline.network.options import NetworkOptions

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray
    from PIL.Image import Image

    Named = str | os.PathLike[str]
    Folders = Named | Sequence[Named]
    Item = Named | NDArray[Any] | Image
    Images = Item | Iterable[Item]
    Labels = (
        Sequence[str] | Sequence[float] | Sequence[Sequence[str]] | Sequence[Sequence[float]]
        | Mapping[str, Sequence[float]] | NDArray[Any]
    )  # fmt: skip
    Groups = Sequence[str] | Sequence[int] | NDArray[Any]


def text(named: Named) -> str:
    """Return a path or a name as text."""
    return os.fsdecode(named)


def text_or_none(named: Named | None) -> str | None:
    """Return a path or a name as text; None where nothing is named."""
    return None if named is None else text(named)


def path(named: Named) -> Path:
    """Return a path; UsageError for a URL."""
    return local_path(text(named))


def store(named: Named) -> Path:
    """Return the path of a store, or its address in a bucket; UsageError for another URL."""
    if ":/" in text(named):
        from bottleneck.core.buckets import address  # noqa: PLC0415 - for buckets alone

        if address(text(named)):
            return Path(text(named))
    return path(named)


def store_or_none(named: Named | None) -> Path | None:
    """Return the path of a store; None where none is named."""
    return None if named is None else store(named)


def stores(named: Named | Iterable[Named]) -> list[Path]:
    """Return one or several folders of stores; UsageError for none."""
    found = [store(each) for each in several(named)]
    if not found:
        raise UsageError("no store named", "cache", "name a folder, or several in a list")
    return found


def path_or_none(named: Named | None) -> Path | None:
    """Return a path; None where nothing is named."""
    return None if named is None else path(named)


def several(named: Named | Iterable[Named]) -> tuple[str, ...]:
    """Return one or several paths or names as texts."""
    return (text(named),) if isinstance(named, str | os.PathLike) else tuple(map(text, named))


def reading(said: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the keywords of a call say of how a source is read."""
    found = {name: said[name] for name in READING if name in said}
    found |= {name: several(said[name]) for name in ("include", "exclude")}
    return {n: text(v) if isinstance(v, os.PathLike) else v for n, v in found.items()}


def data(
    images: Images | None, labels: Labels | None, name: str | None, groups: Groups | None = None
) -> str | Given | None:
    """Return what `--data` would say, or the images themselves where those were handed over.

    Raises
    ------
    UsageError
        For labels or groups of images that are not handed over, or labels that are none.
    """
    if images is not None and not isinstance(images, str | os.PathLike):
        values, names = (None, ()) if labels is None else told_labels(labels)
        handed: Any = images
        return Given(
            images=handed if _is_array(handed) else [*handed],
            labels=values,
            names=names,
            groups=None if groups is None else tuple(map(_label, groups)),
            name=name or NAME,
        )
    for what, each in (("labels", labels), ("groups", groups)):
        if each is not None:
            raise UsageError(
                f"{what} are for images that are passed as an array or a list",
                what,
                f"a folder, a table or a data set has {what} of its own: omit it",
            )
    return text_or_none(images)


def images_to_predict(images: Images) -> tuple[str | Given, ...]:
    """Return the words of `bottleneck predict`, or the images that were handed over."""
    if isinstance(images, str | os.PathLike):
        return (text(images),)
    handed: Any = images
    if _is_array(handed):
        return (Given(images=handed),)
    listed = [*handed]
    if all(isinstance(image, str | os.PathLike) for image in listed):
        return tuple(text(image) for image in listed)
    return (Given(images=listed),)


def _is_array(images: Any) -> bool:
    """Whether these are an array, or one PIL image."""
    return hasattr(images, "__array_interface__") or hasattr(images, "__array__")


def reporter(progress: bool) -> Reporter:
    """Return who is told what happens: nobody, or bars and lines on a terminal or in a notebook."""
    return Bars() if progress else SILENT


def check_choice(name: str, value: str | None, literal: Any) -> None:
    """Raise UsageError unless a value is None or one of a `Literal`."""
    choices = get_args(literal)
    if value is not None and value not in choices:
        raise UsageError(f"{value!r} is not one of the choices", name, f"choose {_listed(choices)}")


def check_counts(said: Mapping[str, Any], *names: str) -> None:
    """Raise UsageError unless each of these keywords is None or a whole number above zero."""
    for name in names:
        value = said.get(name)
        if value is not None and (isinstance(value, bool) or not hasattr(value, "__index__")):
            raise UsageError(f"{value!r} is not a whole number", name, "give one above zero")
        if value is not None and value < 1:
            raise UsageError(f"{value!r} is not above zero", name, "give a whole number above zero")


def counts(said: Any, name: str) -> tuple[int, ...]:
    """Return one whole number, or several, as plain ones; none of 0. UsageError for others."""
    given = [*said] if hasattr(said, "__len__") and not isinstance(said, str) else [said]
    found = [number for number in given if number is not None and number != 0]
    for number in found:
        check_counts({name: number}, name)
    return tuple(int(number) for number in found)


def part(text: str, name: str) -> Portion:
    """Return how much "5%", "10" (files) or "2GB" is; UsageError where it is nothing."""
    try:
        return portion(text)
    except (ValueError, TypeError) as error:
        raise UsageError(str(error), name, 'such as "5%"') from error


def network(said: Mapping[str, Any]) -> NetworkOptions:
    """Return what the keywords of a call say of the network.

    Raises
    ------
    UsageError
        When the size is none.
    """
    told = {field.name: said.get(field.name) for field in fields(NetworkOptions)}
    told |= {name: text_or_none(told[name]) for name in ("backbone", "weights")}
    if told["imports"] is not None:
        told["imports"] = several(told["imports"])
    if isinstance(told["augment"], str):
        told["augment"] = words.names(told["augment"])
    elif told["augment"] is not None:
        told["augment"] = tuple(told["augment"])
    told["size"] = _size(told["size"])
    told["output"] = None if told["output"] is None else str(told["output"])
    return NetworkOptions.of(told)


def _size(size: int | str | Sequence[int] | None) -> tuple[int, int] | None:
    if size is None:
        return None
    spelled = str(size) if isinstance(size, int | str) else "x".join(str(int(n)) for n in size)
    try:
        return words.size(spelled)
    except argparse.ArgumentTypeError as error:
        raise UsageError(str(error), "size", "a number of pixels, HxW, or a pair") from error


def _listed(choices: Sequence[str]) -> str:
    return ", ".join(map(repr, choices[:-1])) + f" or {choices[-1]!r}"
