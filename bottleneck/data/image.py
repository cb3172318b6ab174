"""A single image file, without a label: it can be extracted, not trained on."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import numpy as np

from bottleneck.core.errors import DataError
from bottleneck.core.paths import absolute, shown
from bottleneck.core.sample import NO_LABEL, key_array
from bottleneck.data.how import How
from bottleneck.data.reading import open_container, read_file
from bottleneck.data.source import SKIPPED, Listing, Read, spec_of

if TYPE_CHECKING:
    from pathlib import Path


class ImageSource:
    """A file; its name is the one key."""

    def __init__(self, path: Path, how: How | None = None) -> None:
        self.path = absolute(path)
        self.how = how or How()

    @property
    def name(self) -> str:
        """The file's name."""
        return shown(self.path.name)

    @property
    def spec(self) -> dict[str, Any]:
        """See `Source.spec`; `where` is the absolute path."""
        return spec_of("image", self.path, self.how)

    def exists(self) -> bool:
        """Whether the file is there."""
        return self.path.is_file()

    def list(self) -> Listing:
        """See `Source.list`."""
        key = os.fsencode(self.path.name)
        with open_container(self.path) as (_, container):
            if not self.how.patterns.keeps(key):
                raise DataError("no images are left", self.name, "check --include and --exclude")
            return Listing(
                keys=key_array([key]),
                labels=np.full(1, NO_LABEL, np.int32),
                splits=np.zeros(1, np.uint8),
                classes=(),
                stats=np.array([container.stat], np.int64),
                skipped=dict.fromkeys(SKIPPED, 0),
                device=container.device,
            )

    def read(self, index: int) -> Read:
        """See `Source.read`."""
        if index != 0:
            raise IndexError(index)
        return read_file(os.path.realpath(os.fsencode(self.path)))
