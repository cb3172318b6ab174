"""One source for several stores of a run: listed once, and what was read of it known to all."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from bottleneck.data.left_alone import heads_of
from bottleneck.data.source import at_once
from bottleneck.data.stat_table import EMPTY, StatTable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bottleneck.data.excerpt import Excerpt
    from bottleneck.data.left_alone import Kept
    from bottleneck.data.source import Listing, Read, Source


class SharedSource:
    """A source, its newest listing, and what has been read of its files.

    One store after the other looks at it, each through a `view` of its own: a position means one
    entry of the newest listing, so two at once would read each other's.
    """

    def __init__(self, source: Source) -> None:
        self.source = source
        self.listing: Listing | None = None
        self.seen: StatTable = EMPTY

    def view(self, *, is_new: bool = False) -> Source:
        """Return the source for one store, or for one look.

        Parameters
        ----------
        is_new : whether its first listing is made anew. Every further one is: whoever looks twice
            does so because something moved.
        """
        return _View(self, is_new=is_new)

    def listed(self, *, is_new: bool) -> Listing:
        """Return the newest listing, or a new one, with what was read so far."""
        if is_new or self.listing is None:
            self.listing = self.source.list()
        return replace(self.listing, seen=self.seen) if len(self.seen) else self.listing

    def learn(self, seen: StatTable) -> None:
        """Take in what a store knows of the files by now; it knew what was known here."""
        self.seen = seen


class _View:
    """What one store sees of a shared source."""

    def __init__(self, shared: SharedSource, *, is_new: bool) -> None:
        self._shared = shared
        self._is_new = is_new

    @property
    def name(self) -> str:
        """See `Source.name`."""
        return self._shared.source.name

    @property
    def spec(self) -> dict[str, Any]:
        """See `Source.spec`."""
        return self._shared.source.spec

    @property
    def heads(self) -> Kept | None:
        """What the kind of source keeps of files' first bytes, None where it looks at none."""
        return heads_of(self._shared.source)

    @property
    def at_once(self) -> int:
        """See `source.at_once`."""
        return at_once(self._shared.source)

    def exists(self) -> bool:
        """See `Source.exists`."""
        return self._shared.source.exists()

    def list(self) -> Listing:
        """See `Source.list`."""
        listing = self._shared.listed(is_new=self._is_new)
        self._is_new = True
        return listing

    def read(self, index: int) -> Read:
        """See `Source.read`."""
        return self._shared.source.read(index)

    def excerpt(self, indices: Sequence[int]) -> Excerpt:
        """See `excerpt.Excerpted`; of any source, as that one's own is."""
        from bottleneck.data.excerpt import excerpt  # noqa: PLC0415 - where work is shared out

        return excerpt(self._shared.source, indices)
