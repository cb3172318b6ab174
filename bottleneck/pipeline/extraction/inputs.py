"""The images that the words of a command line mean: files, folders, patterns, data sets."""

from __future__ import annotations

import glob
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bottleneck.core.buckets import address
from bottleneck.core.errors import BottleneckError
from bottleneck.core.given import Given
from bottleneck.core.paths import local_path
from bottleneck.core.sample import show_key
from bottleneck.data.catalog import NAMED, holds_many, open_source
from bottleneck.data.image import ImageSource

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bottleneck.core.reporter import Reporter
    from bottleneck.data.source import Read
    from bottleneck.pipeline.extraction.flow import Readable


@dataclass(frozen=True, slots=True, kw_only=True)
class Input:
    """One image as it was named.

    Attributes
    ----------
    path : where it is, as people write it; of a sample in a table, an array, an archive or a data
        set that was named, that name and the key behind it
    key : its key in what was named, as in a store; a file's own name
    error : why there is nothing to read, where that is known already
    """

    path: str
    key: str
    error: str | None = None


class Inputs:
    """Images in the order in which they were named; a source's in the order of their keys.

    Attributes
    ----------
    entries : what is known of each
    refused : the errors of the sources among the words that could not be listed
    """

    def __init__(self, reporter: Reporter) -> None:
        self._reporter = reporter
        self.entries: list[Input] = []
        self.refused: list[BottleneckError] = []
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

    def add(self, word: str | Given) -> None:
        """Take in what a word of the command line means; a pattern's files by name.

        A data set's name is that data set, as in `--data`, also beside a folder of that name.
        """
        if isinstance(word, Given):
            self._add_source(word.name, word)
            return
        if address(word) is not None:
            self._add_source(word, word)
            return
        local_path(word)
        if word in NAMED:
            if os.path.lexists(word):
                self._reporter.warn(
                    f"{word} is the data set of that name; ./{word} is what lies here"
                )
            self._add_source(word, word)
            return
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
        if holds_many(path):
            # From the root on, so that no path is taken for a data set's name.
            self._add_source(path, str(Path(path).absolute()))
        else:
            self._add(path, Path(path).name, (ImageSource(Path(path)), 0))

    def _add_source(self, word: str, data: str | Given) -> None:
        try:
            source = open_source(data)
            keys = source.list().keys
        except BottleneckError as error:
            self._add(word, "", None, error.what)
            self.refused.append(error)
            return
        for i, key in enumerate(keys):
            name = os.fsdecode(bytes(key))
            self._add(os.path.join(word, name), name, (source, i))  # noqa: PTH118 - as it was named

    def _add(
        self, path: str, key: str, place: tuple[Readable, int] | None, error: str | None = None
    ) -> None:
        shown, short = show_key(os.fsencode(path)), show_key(os.fsencode(key))
        self.entries.append(Input(path=shown, key=short, error=error))
        self._places.append(place)


def find_inputs(words: Iterable[str | Given], reporter: Reporter) -> Inputs:
    """Return the images that the words mean; what is not there is an entry with its error."""
    found = Inputs(reporter)
    for word in words:
        found.add(word)
    return found
