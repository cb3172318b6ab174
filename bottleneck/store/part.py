"""A part: an immutable table of rows, each bound by a checksum to its recipe and its digest."""

from __future__ import annotations

import contextlib
import hashlib
import struct
import uuid
from dataclasses import dataclass
from itertools import chain, repeat
from typing import TYPE_CHECKING, Any

import google_crc32c
import numpy as np

from bottleneck.core import files
from bottleneck.core.errors import DamagedError
from bottleneck.store.inventory import check_sizes, recorded_files, table_name
from bottleneck.store.table import ADVICE, Blocks, Format, check_columns, format_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from bottleneck.core.recipe import RowSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class PartEntry:
    """A part as a commit records it."""

    name: str  # <id16>-<write8> and the format's suffix
    id: str  # SHA-256 over recipe id, digests and checksums, hex
    rows: int
    files: Mapping[str, list[Any]]  # relative path ("" for a file) → [bytes, sha256]

    def to_json(self) -> dict[str, Any]:
        """Return the JSON object of a commit's `parts` list."""
        return {"name": self.name, "id": self.id, "rows": self.rows, "files": dict(self.files)}

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> PartEntry:
        """Return the entry of a commit's JSON object; ValueError where it describes no part."""
        entry = cls(
            name=table_name(plain["name"]),
            id=plain["id"],
            rows=plain["rows"],
            files=recorded_files(plain["files"]),
        )
        if entry.name[:16] != entry.id[:16] or type(entry.rows) is not int or entry.rows < 0:
            raise ValueError(f"{entry.name} is no part's entry")
        return entry

    @property
    def table(self) -> str:
        """Its name in the store."""
        return f"parts/{self.name}"

    @property
    def n_bytes(self) -> int:
        """Bytes on the disk."""
        return sum(size for size, _ in self.files.values())


def row_checksums(
    recipe_id: str, digests: NDArray[np.uint8], rows: NDArray[Any]
) -> NDArray[np.uint32]:
    """Return the (n,) CRC-32C of recipe id ‖ digest ‖ row bytes (little-endian, C order).

    A row that was swapped with another, or came from another recipe, does not pass.
    """
    head = google_crc32c.value(bytes.fromhex(recipe_id))
    extend = google_crc32c.extend
    # Map in map: a loop in Python around each row would cost as much as its checksum.
    names = map(extend, repeat(head), _each_as_bytes(digests))
    return np.fromiter(map(extend, names, _each_as_bytes(rows)), np.uint32, len(digests))


def _each_as_bytes(array: NDArray[Any]) -> Iterator[bytes]:
    """Yield each row's bytes, one at a time: in the same memory, so in the processor's cache."""
    if not array.size:  # rows of no numbers: struct knows none of no bytes
        return repeat(b"", len(array))
    little = np.ascontiguousarray(array, array.dtype.newbyteorder("<"))
    return chain.from_iterable(struct.iter_unpack(f"{little[:1].nbytes}s", little.data))


def part_id(recipe_id: str, digests: NDArray[np.uint8], checksums: NDArray[np.uint32]) -> str:
    """Return the part's id in hex."""
    whole = hashlib.sha256(bytes.fromhex(recipe_id))
    whole.update(np.ascontiguousarray(digests).data)
    whole.update(np.ascontiguousarray(checksums, "<u4").data)
    return whole.hexdigest()


def unique_name(content_id: str, suffix: str) -> str:
    """Return a name that no other write will ever have: 16 digits of content, 8 random ones."""
    return f"{content_id[:16]}-{uuid.uuid4().hex[:8]}{suffix}"


def write_part(
    folder: Path,
    fmt: Format,
    recipe_id: str,
    digests: NDArray[np.uint8],
    rows: NDArray[Any] | Blocks,
    provenance: Mapping[str, Any],
    checksums: NDArray[np.uint32] | None = None,
) -> PartEntry:
    """Write rows (n, …) of digests (n, 32) and publish them, durable, under a name of their own.

    `checksums` are given where the rows were checked against them already (folding).
    """
    if checksums is None:
        assert not isinstance(rows, Blocks)
        checksums = row_checksums(recipe_id, digests, rows)
    identity = part_id(recipe_id, digests, checksums)
    columns: dict[str, NDArray[Any] | Blocks] = {
        "rows": rows,
        "digests": digests,
        "checksums": checksums,
    }
    name, found = publish_table(
        folder, fmt, identity, columns, {"recipe": recipe_id, "provenance": dict(provenance)}
    )
    return PartEntry(name=name, id=identity, rows=len(digests), files=found)


def publish_table(
    folder: Path,
    fmt: Format,
    identity: str,
    columns: Mapping[str, NDArray[Any] | Blocks],
    attributes: Mapping[str, Any],
) -> tuple[str, dict[str, list[Any]]]:
    """Write a table aside and publish it; return its name and its files.

    Their digests are of what was meant, and it was seen to be what is on the disk before the table
    gets its name.
    """
    files.make_folder(folder)
    temporary = files.temporary_name(folder, fmt.suffix)
    try:
        meant = fmt.write(temporary, columns, attributes)
        name = unique_name(identity, fmt.suffix)
        files.publish(temporary, folder / name, are_files_synced=True)
    except BaseException:
        with contextlib.suppress(OSError):  # it is gc's then; what went wrong is the news
            files.delete(temporary)
        raise
    return name, dict(sorted(meant.items()))


class Part:
    """An open part. It stays readable after its file was deleted.

    Digests and checksums are checked against the id at first use, each row against its checksum
    at first touch in this process.
    """

    def __init__(self, path: Path, entry: PartEntry, recipe_id: str, spec: RowSpec) -> None:
        check_sizes(path, entry.files)
        self.path = path
        self.entry = entry
        self.recipe_id = recipe_id
        table = format_of(path).open(path)
        check_columns(
            table,
            {
                "rows": (spec.dtype, (entry.rows, *spec.shape)),
                "digests": ("|u1", (entry.rows, 32)),
                "checksums": ("<u4", (entry.rows,)),
            },
            path,
        )
        self.provenance: Mapping[str, Any] = dict(table.attributes.get("provenance", {}))
        columns = table.columns
        self.rows = columns["rows"]
        self._digests = columns["digests"]
        self._checksums = columns["checksums"]
        self._is_checked = False
        self.is_good = np.zeros(entry.rows, bool)  # which rows were compared with their checksums
        self._n_unchecked = entry.rows

    def __len__(self) -> int:
        return self.entry.rows

    @property
    def digests(self) -> NDArray[np.uint8]:
        """The (n, 32) digests, checked against the part's id."""
        if not self._is_checked:
            if part_id(self.recipe_id, self._digests, self._checksums) != self.entry.id:
                raise DamagedError(
                    "its digests or checksums are not those that were written", self.path, ADVICE
                )
            self._is_checked = True
        return self._digests

    @property
    def checksums(self) -> NDArray[np.uint32]:
        """The (n,) checksums, checked against the part's id."""
        _ = self.digests
        return self._checksums

    def good_rows(self) -> NDArray[np.int64]:
        """Return the positions of rows whose checksum binds them to their recipe and digest.

        The part's id is not asked: a row is good where its own three columns agree.
        """
        found = row_checksums(self.recipe_id, self._digests, self.rows)
        return np.flatnonzero(found == self._checksums)

    def salvage(self, positions: NDArray[np.int64]) -> tuple[NDArray[np.uint8], NDArray[Any]]:
        """Return digests and rows at good positions of a part that is damaged elsewhere."""
        return self._digests[positions], self.rows[positions]

    def take(self, positions: NDArray[np.int64]) -> NDArray[Any]:
        """Return a copy of these rows, each checked."""
        rows: NDArray[Any] = self.rows.take(positions, axis=0)  # faster than indexing with them
        if self._n_unchecked:
            self._check(positions, rows)
        return rows

    def slice(self, start: int, stop: int) -> NDArray[Any]:
        """Return rows without copying them, each checked; read-only."""
        rows = self.rows[start:stop]
        if self._n_unchecked:
            self._check(np.arange(start, stop), rows)
        return rows

    def _check(self, positions: NDArray[np.int64], rows: NDArray[Any]) -> None:
        is_good = self.is_good[positions]
        if is_good.all():
            return
        if is_good.any():
            fresh = np.flatnonzero(~is_good)
            positions, rows = positions[fresh], rows[fresh]
        at = positions
        found = row_checksums(self.recipe_id, self.digests[at], rows)
        bad = np.flatnonzero(found != self._checksums[at])
        if len(bad):
            raise self.damage(int(at[bad[0]]))
        self.is_good[at] = True
        self._n_unchecked = int(len(self.is_good) - np.count_nonzero(self.is_good))

    def damage(self, row: int) -> DamagedError:
        """Return the error for a row that is not what its checksum says."""
        return DamagedError(
            f"row {row} (image {self._digests[row].tobytes().hex()[:16]}…) is damaged",
            self.path,
            ADVICE,
        )

    def blocks(self, block_rows: int) -> Iterator[NDArray[Any]]:
        """Yield all rows in order, in checked pieces."""
        for start in range(0, len(self), block_rows):
            yield self.slice(start, min(start + block_rows, len(self)))
