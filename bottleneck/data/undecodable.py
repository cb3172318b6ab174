"""What is refused before it is decoded, and how a refusal is told; known without any decoder.

Apart from `decode`, so that a run that has nothing to decode does not import Pillow.
"""

from __future__ import annotations

from dataclasses import dataclass


class UndecodableError(Exception):
    """These bytes give no pixels; `reason` is for people and the same each time."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What is refused before it is decoded: more pixels, or more encoded bytes, than this."""

    pixels: int = 100_000_000
    bytes: int = 1 << 30

    def __str__(self) -> str:
        return f"{self.pixels} pixels, {self.bytes} bytes"


DEFAULT_LIMITS = Limits()
