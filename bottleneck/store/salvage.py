"""Salvage: the good rows of a damaged part, whatever else of it is damaged.

Each row is bound by its own checksum to recipe and digest, so it can be believed wherever it is
found: in a file whose header is damaged, that was cut off or has bytes too many, or that another
part's bytes stand in. Whole columns of checksums that are missing can be computed again: they are
right if the part's id comes out as recorded.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from bottleneck.core.errors import DamagedError
from bottleneck.store.inventory import table_files
from bottleneck.store.part import part_id, row_checksums
from bottleneck.store.table import bad_bytes_are_damage, format_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from bottleneck.core.recipe import RowSpec
    from bottleneck.store.part import PartEntry

PROBES = 16  # rows that tell whether columns stand where they are looked for


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Salvaged:
    """Columns as they can still be read, perhaps shorter than they were, and which rows are good.

    Attributes
    ----------
    good : positions of rows whose checksum binds them to recipe and digest, in order
    provenance : what computed them; empty where that cannot be read any more
    """

    digests: NDArray[np.uint8]
    checksums: NDArray[np.uint32]
    rows: NDArray[Any]
    good: NDArray[np.int64]
    provenance: Mapping[str, Any]

    def take(self, positions: NDArray[np.int64]) -> NDArray[Any]:
        """Return a copy of these rows."""
        return self.rows[positions]


def salvage(path: Path, entry: PartEntry, recipe_id: str, spec: RowSpec) -> Salvaged | None:
    """Return what can be read of a part, or None where nothing can."""
    best: Salvaged | None = None
    for columns, provenance in _candidates(path, entry, spec):
        found = _judged(columns, provenance, entry, recipe_id)
        if found is not None and (best is None or len(found.good) > len(best.good)):
            best = found
            if len(best.good) >= entry.rows:
                break
    return best


def _candidates(
    path: Path, entry: PartEntry, spec: RowSpec
) -> Iterator[tuple[Mapping[str, NDArray[Any]], Mapping[str, Any] | None]]:
    """Yield columns and their provenance; None where the columns are a guess."""
    kinds = {
        "checksums": ("<u4", (entry.rows,)),
        "digests": ("|u1", (entry.rows, 32)),
        "rows": (np.dtype(spec.dtype).str, (entry.rows, *spec.shape)),
    }
    try:
        table = format_of(path).open(path)
    except DamagedError:
        pass
    else:
        if all(_is_like(table.columns.get(name), *kind) for name, kind in kinds.items()):
            provenance = table.attributes.get("provenance", {})
            yield table.columns, provenance if isinstance(provenance, dict) else {}
    try:
        with bad_bytes_are_damage(path):
            table_files(path)  # never a link, and never a pipe, which would not end
            for columns in format_of(path).recover(path, kinds):
                yield columns, None
    except DamagedError:
        return


def _is_like(column: NDArray[Any] | None, dtype: str, shape: tuple[int, ...]) -> bool:
    """Whether a column has this dtype and shape, but for the number of rows."""
    return column is not None and column.dtype.str == dtype and column.shape[1:] == shape[1:]


def _judged(
    columns: Mapping[str, NDArray[Any]],
    provenance: Mapping[str, Any] | None,
    entry: PartEntry,
    recipe_id: str,
) -> Salvaged | None:
    if "rows" not in columns or "digests" not in columns:
        return None
    if "checksums" not in columns:
        digests, rows = columns["digests"], columns["rows"]
        if min(len(digests), len(rows)) != entry.rows:
            return None
        sums = row_checksums(recipe_id, digests, rows)
        if part_id(recipe_id, digests, sums) != entry.id:
            return None
        columns = {**columns, "checksums": sums}
    n = min(map(len, columns.values()))
    digests, sums, rows = (columns[name][:n] for name in ("digests", "checksums", "rows"))
    if provenance is None and n > PROBES:
        probes = np.unique(np.linspace(0, n - 1, PROBES).astype(np.int64))
        if not (row_checksums(recipe_id, digests[probes], rows[probes]) == sums[probes]).any():
            return None  # looked for in the wrong place
    good = np.flatnonzero(row_checksums(recipe_id, digests, rows) == sums)
    return Salvaged(
        digests=digests, checksums=sums, rows=rows, good=good, provenance=provenance or {}
    )
