"""What several commands say in the same words: a network, a data source."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

MOST_CLASSES = 10


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
    return ", ".join(said)


def source_lines(source: Mapping[str, Any]) -> list[str]:
    """Return what was understood of a source: classes, splits, images without a label."""
    classes = source["classes"]
    named = ", ".join(classes[:MOST_CLASSES]) + (", …" if len(classes) > MOST_CLASSES else "")
    splits = ", ".join(f"{split} {n:,}" for split, n in source["splits"].items() if n)
    kinds = f"{len(classes)} class{'' if len(classes) == 1 else 'es'}"
    found = [f"{kinds}{f' ({named})' if named else ''}; {splits or 'no images'}"]
    if source["unlabelled"]:
        found.append(f"{source['unlabelled']:,} without a label")
    return found
