"""Frames: a text file with the name of one image per line, beside it. A fake source for tests."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import numpy as np

from bottleneck.core.errors import DataError
from bottleneck.core.paths import absolute, shown
from bottleneck.core.sample import NO_LABEL, key_array
from bottleneck.data.reading import open_container, read_file, stat_of
from bottleneck.data.source import SKIPPED, Listing, Read, spec_of

if TYPE_CHECKING:
    from pathlib import Path

    from bottleneck.data.how import How


class FramesSource:
    """The images that the file names; none has a label."""

    def __init__(self, path: Path, how: How) -> None:
        self.path, self.how = absolute(path), how
        self._keys: list[bytes] = []

    @property
    def name(self) -> str:
        """The file's name."""
        return shown(self.path.name)

    @property
    def spec(self) -> dict[str, Any]:
        """See `Source.spec`."""
        return spec_of("frames", self.path, self.how)

    def exists(self) -> bool:
        """Whether the file is there."""
        return self.path.is_file()

    def list(self) -> Listing:
        """See `Source.list`."""
        with open_container(self.path) as (file, container):
            named = sorted(set(file.read().split()))
        self._keys = [key for key in named if self.how.patterns.keeps(key)]
        if not self._keys:
            raise DataError("names no images", shown(self.path), "write one name per line")
        n = len(self._keys)
        return Listing(
            keys=key_array(self._keys),
            labels=np.full(n, NO_LABEL, np.int32),
            splits=np.zeros(n, np.uint8),
            classes=(),
            stats=np.array([stat_of(self._at(i)) for i in range(n)], np.int64),
            skipped=dict.fromkeys(SKIPPED, 0) | {"excluded": len(named) - n},
            device=container.device,
        )

    def read(self, index: int) -> Read:
        """See `Source.read`."""
        return read_file(self._at(index))

    def _at(self, index: int) -> bytes:
        folder = os.path.realpath(os.fsencode(self.path.parent))
        return os.path.join(folder, self._keys[index])  # noqa: PTH118 - bytes
