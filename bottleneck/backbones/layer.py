"""A layer of a network, as it is listed."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """A layer of a network, as people choose one to cut at."""

    name: str  # as --layer takes it
    kind: str  # its class
    shape: tuple[int | None, ...]  # of its output, without the batch axis
    tail: bool  # the head `tail` can go on from its output
