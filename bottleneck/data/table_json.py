"""Tables of JSON: an object a line, or a list of objects; their keys are the columns."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from bottleneck.core.errors import DataError
from bottleneck.data.left_alone import has_image_ending
from bottleneck.data.table_boxes import boxes_error
from bottleneck.data.table_text import Sheet

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bottleneck.data.table_text import Fields

_COCO = {"images", "annotations"}
_LABEL_STUDIO = {"annotations", "data"}  # of its full export, a task an image


def read_lines(data: bytes, where: str) -> Sheet:
    """Return a table of one JSON object a line.

    Raises
    ------
    DataError
        When it is none.
    """
    lines = data.removeprefix(b"\xef\xbb\xbf").splitlines()
    return _sheet(lambda: _parsed(lines, where), where)


def read_whole(data: bytes, where: str) -> Sheet:
    """Return a table that is a JSON list of objects; what is made for other tasks is refused."""
    try:
        content = _parse(data.removeprefix(b"\xef\xbb\xbf"), "", where)
    except DataError:
        if data.lstrip()[:1] != b"{":
            raise
        return read_lines(data, where)  # under a name that many give to lines
    if isinstance(content, dict):
        if {*content} >= _COCO:
            raise boxes_error("annotations of COCO's kind", where)
        raise DataError(
            "an object of JSON, and no list of one object an image",
            where,
            'give a table, or lines such as {"file_name": "a.jpg", "label": "cat"} as .jsonl',
        )
    if not isinstance(content, list):
        raise DataError("no list of objects", where, "give one object an image")
    if all(isinstance(each, dict) and {*each} >= _LABEL_STUDIO for each in content):
        content = [_of_task(each, number, where) for number, each in enumerate(content, 1)]
    return _sheet(lambda: enumerate(content, 1), where)


def _of_task(task: dict[str, Any], number: int, where: str) -> dict[str, Any]:
    """Return the image of a task of Label Studio, and what was chosen for it.

    Raises
    ------
    DataError
        When two annotations chose otherwise.
    """
    data = task["data"] if isinstance(task["data"], dict) else {}
    names = [value for value in data.values() if isinstance(value, str)]
    images = [name for name in names if has_image_ending(name.encode("utf-8", "replace"))]
    image = next(iter(images or names), None)
    found: dict[str, Any] = {}
    for each in task["annotations"] or ():
        if not isinstance(each, dict) or each.get("was_cancelled"):
            continue
        for result in each.get("result") or ():
            value = result.get("value") if isinstance(result, dict) else None
            chosen = value.get("choices") if isinstance(value, dict) else None
            if not isinstance(chosen, list):
                continue
            one = chosen[0] if len(chosen) == 1 else chosen
            name = str(result.get("from_name"))
            if found.setdefault(name, one) != one:
                raise DataError(
                    f"task {number} has two annotations that chose otherwise: {found[name]}, {one}",
                    where,
                    "keep one of them in Label Studio, and export again",
                )
    if len(found) == 1:
        found = {"label": next(iter(found.values()))}
    return {"image": image and image.rpartition("?d=")[2], **found}


def _sheet(objects: Any, where: str) -> Sheet:
    header: dict[str, None] = {}
    for number, each in objects():
        header.update(dict.fromkeys(_object(each, number, where)))
    names = tuple(header)

    def rows() -> Iterator[tuple[int, Fields]]:
        for number, each in objects():
            found = _object(each, number, where)
            yield number, [_text(found.get(name), number, where) for name in names]

    return Sheet(header=names, rows=rows, is_typed=True)


def _parsed(lines: list[bytes], where: str) -> Iterator[tuple[int, Any]]:
    for number, line in enumerate(lines, 1):
        if line.strip():
            yield number, _parse(line, f"line {number}: ", where)


def _parse(text: bytes, which: str, where: str) -> Any:
    """Return JSON with its numbers as they are spelled: no digit of a label is lost."""
    try:
        return json.loads(
            text.decode(), parse_int=str, parse_float=str, parse_constant=lambda _: None
        )
    except (ValueError, RecursionError) as error:
        raise DataError(f"{which}no JSON in UTF-8", where, "mend the table") from error


def _object(each: Any, number: int, where: str) -> dict[str, Any]:
    if not isinstance(each, dict):
        raise DataError(f"line {number} holds no object", where, "give one object an image")
    return each


def _text(value: Any, number: int, where: str) -> str | None:
    if value is None or isinstance(value, str):
        text = value
    elif isinstance(value, bool):
        text = str(value).lower()
    else:
        text = json.dumps(value)
    if text is not None and not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise DataError(
                f"line {number} holds half a character", where, "mend the table"
            ) from error
    return text
