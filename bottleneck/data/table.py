"""Tables: CSV and its kin, lines of JSON, Parquet, that name image files or hold their pixels.

The first line names the columns; which is what is found by the usual names, and said. A file
name is relative to the table's folder, and is the sample's key as it stands there; the table
decides which files are read, so it may lead out of that folder, and links are followed. An
empty label is no label. Without a split column the folders in its paths say the splits where each
has the word of one, and else all of it is `train`.

A file that is not there stays a sample, so that its reason shows in the quarantine; a table
most of whose files are missing is refused, because its folder is the wrong one or not mounted.
"""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING, Any, BinaryIO

from bottleneck.core.errors import DataError
from bottleneck.core.paths import absolute, local_path, shown
from bottleneck.core.sample import key_array
from bottleneck.data.arrays import Arrays, ArraySource
from bottleneck.data.how import make_how
from bottleneck.data.pixel_columns import find_pixels
from bottleneck.data.pixels import load_pixels
from bottleneck.data.reading import open_container, read_file
from bottleneck.data.shards import missing_shards
from bottleneck.data.source import Listing, Read, spec_of
from bottleneck.data.table_boxes import boxes_error
from bottleneck.data.table_encoding import HEAD
from bottleneck.data.table_groups import refuse_names
from bottleneck.data.table_listing import listing_of, refuse_both, says_splits
from bottleneck.data.table_options import OPTIONS
from bottleneck.data.table_paths import locate
from bottleneck.data.table_splits import name_note
from bottleneck.data.table_text import Sheet, read_sheet

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from bottleneck.data.excerpt import Excerpt
    from bottleneck.data.how import How
    from bottleneck.data.reading import Container
    from bottleneck.data.table_paths import Located

_JSON = (".json", ".jsonl", ".ndjson")
_PACKED = {
    ".gz": "gunzip -k", ".zip": "unzip", ".bz2": "bunzip2 -k", ".xz": "unxz -k",
    ".zst": "unzstd",
}  # fmt: skip
_SPREADSHEETS = (".xlsx", ".xls", ".ods")


class TableSource:
    """A table of file names. `list` costs one stat a file; `read` opens one file."""

    def __init__(self, path: Path, how: How | None = None) -> None:
        self.path = absolute(path)
        self.how = _with_roots_from_here(how or make_how(None, OPTIONS, "a table"))
        refuse_both(self.how)
        self._paths: NDArray[np.bytes_] = key_array([])  # below the folder, or whole
        self._folder = b""
        self._arrays: ArraySource | None = None  # what reads a table that holds its images

    @property
    def name(self) -> str:
        """The file's name."""
        return shown(self.path.name)

    @property
    def spec(self) -> dict[str, Any]:
        """See `Source.spec`; `where` is the absolute path."""
        return spec_of("table", self.path, self.how)

    def exists(self) -> bool:
        """Whether the table is there."""
        return self.path.is_file()

    def list(self) -> Listing:
        """See `Source.list`."""
        listing = self.content()
        found = listing.understood
        of_name = () if says_splits(found, self.how) else name_note(self.path.stem)
        notes = (*found.notes, *missing_shards([self.path]), *of_name)
        return replace(listing, understood=replace(found, notes=notes))

    def content(self) -> Listing:
        """Return the listing without what the table's own name says."""
        with open_container(self.path) as (file, container):
            opened = self._open(file, container)
        if not isinstance(opened, Arrays):
            self._arrays = None
            return self._listed(opened, container.device)
        refuse_names(self.how)
        self._arrays = ArraySource.of_file("table", self.path, self.how, load=lambda: opened)
        return self._arrays.list()

    def read(self, index: int) -> Read:
        """See `Source.read`: one open, one read of all bytes."""
        if self._arrays is not None:
            return self._arrays.read(index)
        return read_file(os.path.realpath(self._path(index)))

    def excerpt(self, indices: Sequence[int]) -> Excerpt:
        """See `excerpt.Excerpted`: the paths of the files, or the images that the table holds."""
        from bottleneck.data.excerpt import Carried, Files  # noqa: PLC0415 - where it is shared out

        if self._arrays is not None:
            return Carried(self._arrays, indices)
        return Files([self._path(i) for i in indices])

    def _path(self, index: int) -> bytes:
        return os.path.join(self._folder, bytes(self._paths[index]))  # noqa: PTH118 - bytes

    @property
    def _where(self) -> str:
        return shown(self.path)

    def _open(self, file: BinaryIO, container: Container) -> Sheet | Arrays:
        """Return the table's rows, or its images where it holds them."""
        suffix, where = self.path.suffix.lower(), self._where
        _refuse_by_ending(suffix, where)
        if suffix == ".parquet":
            from bottleneck.data.table_parquet import open_parquet  # noqa: PLC0415 - its library

            return open_parquet(self.path, container, self.how, where)
        if suffix in _JSON:
            from bottleneck.data import table_json  # noqa: PLC0415 - few tables are

            if suffix == ".json":
                return table_json.read_whole(file.read(), where)
            return table_json.read_lines(file.read(), where)
        head = file.read(HEAD)
        pixels = find_pixels(head, suffix, self.how, where)
        if pixels is not None:
            return load_pixels(self.path, file, container, pixels, self.how)
        return read_sheet(head + file.read(), suffix, self.how, where)

    def _listed(self, sheet: Sheet, device: int) -> Listing:
        def located(keys: Sequence[bytes]) -> Located:
            return locate(
                [*keys],
                table=os.fsencode(self.path),
                roots=[os.fsencode(root) for root in self.how["root"] or ()],
                encoding=sheet.encoding,
                where=self._where,
            )

        listing, found = listing_of(sheet, self.how, self._where, device, located)
        self._folder = found.folder
        paths = listing.keys if found.paths is None else key_array(found.paths)
        self._paths = paths  # one assignment: readers of the listing before see all of it
        return listing


def _with_roots_from_here(how: How) -> How:
    """Return the same with folders from the root of the file system, as records hold them."""
    if not how["root"]:
        return how
    roots = tuple(str(absolute(local_path(root).expanduser())) for root in how["root"])
    return replace(
        how, options={**how.options, "root": roots}, changed={**how.changed, "root": roots}
    )


def _refuse_by_ending(suffix: str, where: str) -> None:
    if suffix == ".xml":
        raise boxes_error("annotations of Pascal VOC's kind", where)
    if suffix in _PACKED:
        raise DataError(
            "a compressed table", where, f"unpack it ({_PACKED[suffix]}), and give that"
        )
    if suffix in _SPREADSHEETS:
        raise DataError("a spreadsheet", where, "save it as CSV in UTF-8, and give that")
