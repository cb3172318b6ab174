"""What the commands are asked for: their words, as values."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from bottleneck.data.catalog import PATTERNS, options_of_all
from bottleneck.pipeline.network.options import NetworkOptions

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from bottleneck.core.given import Given
    from bottleneck.pipeline.extraction.crew import Crew


READING = (*PATTERNS, *options_of_all())  # how a source is read, by name


@dataclass(frozen=True, slots=True, kw_only=True)
class ExtractOptions:
    """What `bottleneck extract` is asked for; the words of its command line."""

    cache: Path
    # Several cuts at once: the folder of each, with {layer} and {pooling} in it.
    cache_each: str | None = None
    layers: tuple[str, ...] = ()
    poolings: tuple[str, ...] = ()
    data: str | Given | None = None
    source: str | None = None
    format: str | None = None
    network: NetworkOptions = field(default_factory=NetworkOptions)
    reading: Mapping[str, Any] = field(default_factory=dict)  # --include, --layout and the like
    engine: str = "auto"
    devices: str | None = None
    batch_size: int | None = None
    threads: int | None = None
    limit: int | None = None
    budget_s: float | None = None
    wait_s: float | None = None
    allow_shrink: bool = False
    dry_run: bool = False
    list_keys: bool = False  # a dry run names each image that it would compute
    replace: bool = False
    rehash: bool = False
    no_lock: bool = False
    crew: Crew | None = None  # who computes; None: this process alone

    @property
    def is_mixed(self) -> bool:
        """Whether images are done in an order that has all classes from the first on.

        What may end early is then of use. And shards are alike: none holds all that is large.
        """
        return self.limit is not None or self.budget_s is not None or self.crew is not None
