"""JSON from a disk, read strictly: what two readers could read differently is refused."""

from __future__ import annotations

import json
from typing import Any

MAX_BYTES = 256 << 20


def parse(data: bytes) -> dict[str, Any]:
    """Return the object in `data`.

    Raises
    ------
    ValueError
        When the bytes are no JSON object, hold a key twice or a number that is none, nest too
        deep, or are absurdly many.
    """
    if len(data) > MAX_BYTES:
        raise ValueError(f"{len(data)} bytes of JSON")
    try:
        value = json.loads(data, object_pairs_hook=_unique, parse_constant=_refuse)
    except RecursionError as error:
        raise ValueError("nested too deep") from error
    if not isinstance(value, dict):
        raise ValueError("not a JSON object")  # noqa: TRY004 - one error for all bad bytes
    return value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands twice")
    return found


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no number")
