"""Canonical JSON: one spelling for each value, so that a digest of it is the value's identity."""

from __future__ import annotations

import hashlib
import json
import math
from json.encoder import encode_basestring


def canonical(value: object) -> bytes:
    """Return canonical JSON: UTF-8, sorted keys, no blanks, every number a float64 in hex.

    A number is the bare token of C99's `%a` as Python spells it (`0x1.8000000000000p+1` for 3),
    so that 3 and 3.0 are one and the string "3" is another. Tuples are lists; numpy scalars
    count by `item()`.

    Raises
    ------
    TypeError
        For anything that is no JSON value.
    ValueError
        For a number that is not finite, or that a float64 cannot hold.
    """
    return _spell(value).encode()


def _spell(value: object) -> str:
    if isinstance(value, str):
        return encode_basestring(value)
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    if isinstance(value, int | float):
        try:
            number = float(value)
        except OverflowError:
            number = math.inf
        if not math.isfinite(number) or number != value:
            raise ValueError(f"{value!r} has no exact, finite float64")
        return (number + 0.0).hex()  # + 0.0: minus zero is zero
    if isinstance(value, list | tuple):
        return "[" + ",".join(_spell(item) for item in value) + "]"
    if isinstance(value, dict):
        if not all(isinstance(key, str) for key in value):
            raise TypeError("keys of canonical JSON are strings")
        items = (f"{_spell(key)}:{_spell(value[key])}" for key in sorted(value))
        return "{" + ",".join(items) + "}"
    item = getattr(value, "item", None)
    if item is not None and getattr(value, "ndim", None) == 0:
        return _spell(item())
    raise TypeError(f"{type(value).__name__} has no canonical spelling")


def canonical_digest(value: object) -> str:
    """Return the SHA-256 of the canonical JSON of `value`, in hex."""
    return hashlib.sha256(canonical(value)).hexdigest()
