"""How much of something is wanted: a share, a number, or bytes."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

_UNITS = {"B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}


@dataclass(frozen=True, slots=True)
class Portion:
    """So many percent, files, or bytes; above zero."""

    number: float
    unit: Literal["%", "files", "bytes"]

    def is_met(self, n_files: int, n_bytes: int, of_bytes: int) -> bool:
        """Whether so many files, with so many of all bytes, are as much."""
        if self.unit == "files":
            return n_files >= self.number
        wanted = self.number / 100 * of_bytes if self.unit == "%" else self.number
        return n_files > 0 and n_bytes >= wanted

    def __str__(self) -> str:
        """Return it as people write it."""
        number = f"{self.number:g}"
        return f"{number}{self.unit}" if self.unit == "%" else f"{number} {self.unit}"


def portion(text: str) -> Portion:
    """Return what `5%`, `10` (files) or `2GB` says; ValueError where it says nothing."""
    match = re.fullmatch(r"([0-9]{1,15}(?:\.[0-9]{1,9})?) ?(%|[KMGT]?B)?", text, re.IGNORECASE)
    number = float(match[1]) if match else 0.0
    unit = (match[2] or "").upper() if match else ""
    if number <= 0 or (unit == "%" and number > 100) or (not unit and number != int(number)):
        raise ValueError(
            f"{text!r} is no part of a store: write 5%, a number of files such as 10, or 2GB"
        )
    if unit in ("%", ""):
        return Portion(number, "%" if unit else "files")
    return Portion(number * _UNITS[unit], "bytes")
