"""Some samples of a listed source, small enough to be sent to another process and read there.

A source of a million files is listed once, by whoever plans the work. Who does a share of it gets
the keys of that share and what reading them takes, and lists nothing. Where the samples lie in the
memory of the process that listed them, or can only be unpacked there, they go along.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, cast, runtime_checkable

from bottleneck.data.confined import Confined
from bottleneck.data.reading import read_file

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from bottleneck.data.contained import Container
    from bottleneck.data.source import Read, Source

CARRIED_BYTES = 64 << 20  # of samples that go along; more than that is another excerpt


class Excerpt(Protocol):
    """Some samples, by their place in the excerpt; it survives pickling. Any thread may read."""

    def __len__(self) -> int:
        """How many samples it holds."""

    def read(self, index: int) -> Read:
        """See `source.Source.read`."""


@runtime_checkable
class Excerpted(Protocol):
    """A source whose samples another process can read where they lie."""

    def excerpt(self, indices: Sequence[int]) -> Excerpt:
        """Return these samples of the last listing; the first of them, where all are too much."""


def excerpt(source: Source, indices: Sequence[int]) -> Excerpt:
    """Return these samples of the last listing; the first of them, where all are too much."""
    return source.excerpt(indices) if isinstance(source, Excerpted) else Carried(source, indices)


class Below:
    """Files below a folder, or where followed links led; see `confined`."""

    def __init__(self, root: bytes, targets: Iterable[bytes], keys: Sequence[bytes]) -> None:
        self._files, self._keys = Confined(root, targets), keys

    def __len__(self) -> int:
        return len(self._keys)

    def read(self, index: int) -> Read:
        """See `Excerpt`."""
        return self._files.read(self._keys[index])


@dataclass(frozen=True, slots=True)
class Files:
    """Files by their paths."""

    paths: Sequence[bytes]

    def __len__(self) -> int:
        return len(self.paths)

    def read(self, index: int) -> Read:
        """See `Excerpt`."""
        return read_file(os.path.realpath(self.paths[index]))


@dataclass(frozen=True, slots=True)
class Pieces:
    """Pieces of containers: of each its container, offset and number of bytes."""

    places: Sequence[tuple[Container, int, int]]

    def __len__(self) -> int:
        return len(self.places)

    def read(self, index: int) -> Read:
        """See `Excerpt`."""
        container, offset, n_bytes = self.places[index]
        return container.piece(offset, n_bytes)


class Carried:
    """Samples that were read here, or what went wrong when they were."""

    def __init__(self, source: Source, indices: Sequence[int]) -> None:
        self._reads: list[Read | tuple[int | None, str]] = []
        n_bytes = 0
        for index in indices:
            try:
                read = source.read(index)
            except OSError as error:
                self._reads.append((error.errno, error.strerror or str(error)))
                continue
            self._reads.append(read)
            content = read.content
            n_bytes += len(content) if isinstance(content, bytes) else content.nbytes
            if n_bytes >= CARRIED_BYTES:
                break

    def __len__(self) -> int:
        return len(self._reads)

    def read(self, index: int) -> Read:
        """See `Excerpt`."""
        found = self._reads[index]
        if isinstance(found, tuple):
            raise OSError(*cast("tuple[int, str]", found))
        return found
