"""Tables of boxes, refused by what they look like: a label in them is of a part of an image."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bottleneck.core.errors import DataError
from bottleneck.core.text import printable
from bottleneck.data.labels import is_numeric
from bottleneck.data.table_words import way

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bottleneck.data.table_text import Fields

# Names of columns without what stands between their words.
_BOXES = (
    {"xmin", "ymin", "xmax", "ymax"}, {"x1", "y1", "x2", "y2"}, {"bbox"}, {"boundingbox"},
    {"bboxx1", "bboxy1"}, {"bboxx", "bboxy"}, {"boxes"}, {"bboxes"}, {"objects"},
    {"x", "y", "w", "h"}, {"x", "y", "width", "height"}, {"xmin", "ymin", "width", "height"},
    {"xcenter", "ycenter"}, {"left", "top", "right", "bottom"}, {"left", "top", "width", "height"},
    {"encodedpixels"}, {"segmentation"},
)  # fmt: skip


def refuse_boxes(
    header: Sequence[str], plain: Sequence[str], label: str | None, where: str
) -> None:
    """Refuse a table whose columns are places in images.

    Parameters
    ----------
    plain : the plain names of its columns
    label : the one that is of labels; None for none
    """
    found = next((box for box in _BOXES if box <= {*plain}), None)
    if found:
        there = ", ".join(printable(n) for n, p in zip(header, plain, strict=True) if p in found)
        raise boxes_error(f"columns {there}", where, label or "NAME")


def are_boxes(rows: Sequence[Fields]) -> bool:
    """Whether each line is a class, and a place in parts of an image, as YOLO's are."""
    return all(map(_is_box, rows))


def _is_box(fields: Fields) -> bool:
    texts = [field or "" for field in fields]
    return (
        len(texts) == 5
        and texts[0].isdigit()
        and is_numeric(texts)
        and all(0 <= float(text) <= 1 for text in texts[1:])
    )


def boxes_error(what: str, where: str, label: str | None = None) -> DataError:
    """Return the error for a table (`what`) of places in images.

    Parameters
    ----------
    label : the column that could be of the whole image's class; None where there are no columns
    """
    otherwise = "give a table with one class an image"
    if label is not None:
        otherwise = f"say that a label is of its whole image: {way('--label-column', label)}"
    return DataError(
        f"{what}: boxes of objects are not supported",
        where,
        f"heads learn one class an image: cut the objects out into images, or {otherwise}",
    )
