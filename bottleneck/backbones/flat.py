"""A flattened network: nested models replayed on one input, each layer by its path."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class Flat:
    """A flattened network.

    Attributes
    ----------
    input : KerasTensor (None, height, width, channels) float32
    outputs : KerasTensors
        The original's outputs; most networks have one.
    names : of the outputs
    chosen : number of the output that is the network's end, None where several and none was said
    places : path → the outputs of each call of the layer of that path, in the order of the calls
    """

    input: Any
    outputs: list[Any] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    chosen: int | None = 0
    places: dict[str, list[Any]] = field(default_factory=dict)

    @property
    def output(self) -> Any:
        """The output that is the network's end, the first where none was chosen."""
        return self.outputs[self.chosen or 0]
