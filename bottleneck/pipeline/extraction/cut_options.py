"""Which cuts a command names, and the store of each."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING

from bottleneck.core.errors import UsageError

if TYPE_CHECKING:
    from bottleneck.pipeline.extraction.extraction import Extraction
    from bottleneck.pipeline.extraction.options import ExtractOptions
    from bottleneck.pipeline.extraction.several_report import Ended
    from bottleneck.pipeline.extraction.turn import Turn
    from bottleneck.pipeline.network.network import Network
    from bottleneck.store.store import Store

FLAG = "--cache-each"
NO_LAYER = "end"  # in a folder's name, where no --layer is named


@dataclass(slots=True, eq=False)
class Cut:
    """One cut and its store, as far as a run has come with it; `end` is None while it goes on."""

    options: ExtractOptions
    name: str | None = None
    store: Store | None = None
    network: Network | None = None
    turn: Turn | None = None
    run: Extraction | None = None
    end: Ended | None = None
    n_before: int = 0  # rows in the store


def told_apart(options: ExtractOptions) -> list[ExtractOptions]:
    """Return the options of each cut, as a plain extract into its store has them.

    Each layer with each pooling, in the order in which they are named.

    Raises
    ------
    UsageError
        For a pattern that has not what tells the cuts apart, or something else in braces; for
        reduced precision, whose distance from float32 is measured and kept for one cut's rows.
    """
    pattern = str(options.cache_each)
    if options.network.compute not in (None, "float32"):
        raise UsageError(
            f"{options.network.compute} is computed for one cut at a time",
            f"{FLAG} with --compute",
            "give --cache, --layer and --pooling of one cut",
        )
    if options.crew is not None:
        raise UsageError(
            "workers fill one store at a time", f"{FLAG} with --workers or --cluster",
            "give --cache, --layer and --pooling of one cut, or omit the workers",
        )  # fmt: skip
    layers: list[str | None] = list(dict.fromkeys(options.layers)) or [options.network.layer]
    poolings: list[str | None] = list(dict.fromkeys(options.poolings)) or [options.network.pooling]
    for flag, word, values in (
        ("--layer", "{layer}", layers),
        ("--pooling", "{pooling}", poolings),
    ):
        if len(values) > 1 and word not in pattern:
            raise UsageError(
                f"{pattern} has no {word}, so {len(values)} cuts would have one folder",
                FLAG,
                f"write {word} where the value of {flag} is to stand",
            )
    other = re.sub(r"\{(layer|pooling)\}", "", pattern)
    if "{" in other or "}" in other:
        raise UsageError(
            f"{pattern} has other braces", FLAG, "only {layer} and {pooling} can stand"
        )
    found: dict[Path, ExtractOptions] = {}
    for layer, pooling in product(layers, poolings):
        cache = Path(_filled(pattern, layer, pooling))
        if cache.absolute() in found:
            raise UsageError(
                f"two cuts have the folder {cache}", FLAG, "put more between {layer} and {pooling}"
            )
        network = replace(options.network, layer=layer, pooling=pooling)
        found[cache.absolute()] = replace(
            options, cache=cache, network=network, layers=(), poolings=(), cache_each=None
        )
    return list(found.values())


def _filled(pattern: str, layer: str | None, pooling: str | None) -> str:
    words = {"layer": safe(layer or NO_LAYER), "pooling": pooling or "avg"}
    return re.sub(r"\{(\w+)\}", lambda at: words[at[1]], pattern)


def safe(name: str) -> str:
    """Return a layer's name as part of a folder's name: no two names become one.

    All but letters of ASCII, digits, `_`, `-` and `.` is written as in URLs: `block/conv` is
    `block%2Fconv`.
    """
    pieces = []
    for i, letter in enumerate(name):
        is_plain = letter.isascii() and (
            letter.isalnum() or letter in "_-" or (letter == "." and i)
        )
        pieces.append(letter if is_plain else "".join(f"%{byte:02X}" for byte in letter.encode()))
    return "".join(pieces)
