"""What several commands say in the same words: a network, a data source."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bottleneck.core.source_words import left_alone_line, source_lines, spread_line

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["left_alone_line", "network_line", "source_lines", "spread_line"]


def network_line(network: Mapping[str, Any]) -> str:
    """Return how an image becomes a row, in one line."""
    size, shape = (" x ".join(map(str, network[key])) for key in ("size", "shape"))
    said = [
        network["backbone"] or "unknown",
        f"weights {network['weights']}",
        f"layer {network['layer']}" if network["layer"] else "cut before the classes",
        f"pooling {network['pooling'] or 'none'}",
        f"images of {size} pixels",
        f"rows of {shape} {network['dtype']}",
    ]
    if network.get("compute", "float32") != "float32":
        said.append(f"computed in {network['compute']}")
    return ", ".join(said)
