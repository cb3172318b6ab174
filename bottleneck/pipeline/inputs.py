"""The images that the words of a command line mean: files, folders, patterns."""

from __future__ import annotations

import glob
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bottleneck.core.errors import BottleneckError
from bottleneck.core.sample import show_key
from bottleneck.data.catalog import open_source
from bottleneck.data.loose import LooseImage

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bottleneck.data.source import Read
    from bottleneck.pipeline.flow import Readable


@dataclass(frozen=True, slots=True, kw_only=True)
class Input:
    """One image as it was named.

    Attributes
    ----------
    path : where it is, as people write it
    key : its path below the folder that was named; a file's own name
    error : why there is nothing to read, where that is known already
    """

    path: str
    key: str
    error: str | None = None


class Inputs:
    """Images in the order in which they were named; a folder's in the order of their keys."""

    def __init__(self) -> None:
        self.entries: list[Input] = []
        self._places: list[tuple[Readable, int] | None] = []

    def __len__(self) -> int:
        return len(self.entries)

    @property
    def readable(self) -> list[int]:
        """The positions of those that can be tried."""
        return [i for i, place in enumerate(self._places) if place is not None]

    def read(self, index: int) -> Read:
        """Return the content of image `index`; OSError as `Source.read` raises it."""
        place = self._places[index]
        assert place is not None
        source, at = place
        return source.read(at)

    def add(self, word: str) -> None:
        """Take in what a word of the command line means; a pattern's files by name."""
        if os.path.lexists(word):
            self._add_path(word)
            return
        found = sorted(glob.glob(word, recursive=True))  # noqa: PTH207 - a word may be absolute
        for path in found:
            self._add_path(path)
        if not found:
            what = "no file matches" if glob.has_magic(word) else "no such file"
            self._add(word, Path(word).name, None, what)

    def _add_path(self, path: str) -> None:
        if not Path(path).is_dir():
            self._add(path, Path(path).name, (LooseImage(Path(path)), 0))
            return
        source = open_source(str(Path(path).absolute()))  # so that no folder is taken for a name
        try:
            keys = source.list().keys
        except BottleneckError as error:
            self._add(path, "", None, error.what)
            return
        for i, key in enumerate(keys):
            name = os.fsdecode(bytes(key))
            self._add(os.path.join(path, name), name, (source, i))  # noqa: PTH118 - as it was named

    def _add(
        self, path: str, key: str, place: tuple[Readable, int] | None, error: str | None = None
    ) -> None:
        shown, short = show_key(os.fsencode(path)), show_key(os.fsencode(key))
        self.entries.append(Input(path=shown, key=short, error=error))
        self._places.append(place)


def find_inputs(words: Iterable[str]) -> Inputs:
    """Return the images that the words mean; what is not there is an entry with its error."""
    found = Inputs()
    for word in words:
        found.add(word)
    return found
