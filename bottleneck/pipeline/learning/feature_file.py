"""Rows, labels and keys as one file that any other tool reads; written in blocks.

`.npz`: rows (n, …) in their own dtype, keys (n,) and classes (k,) as text, labels (n,) int32 (an
index into classes, -1 without a label), splits (n,) as text, recipe. Of labels or numbers also
targets (n, k) float32 (NaN where not known) and target_names (k,), target_kind as text. Nothing in
it is pickled.
Of several views of each image it holds all, rows (n, views, …), the image itself first.
`.csv`: key, label (the class's name; of labels or numbers a column of each, by its name), split,
f0, f1, … with nine digits, which float32 needs to come back as it was; rows of several axes are
flattened in C order. Of several views the first. No cell is a formula to a spreadsheet
(`core.text.cell`).
`.parquet`: as `arrow_rows` has it, a row group for each block. Of several views the first.
"""

from __future__ import annotations

import csv
import zipfile
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.lib import format as npy

from bottleneck.core.reporter import NoProgress
from bottleneck.core.text import cell
from bottleneck.pipeline.learning import arrow_rows
from bottleneck.pipeline.learning.feature_table import NAMES, target_names
from bottleneck.pipeline.learning.feature_table import Table as Table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from bottleneck.core.reporter import Progress

BLOCK_BYTES = 32 << 20


def write(path: Path, table: Table, bar: Progress) -> None:
    """Write the table as the path's end says, counting its rows; the file must be new."""
    KINDS[path.suffix.lower()].write(path, table, bar)


def _blocks(rows: Any, bar: Progress) -> Iterator[tuple[int, NDArray[Any]]]:
    """Yield (position, rows) from the first to the last, a few at a time."""
    row_bytes = rows.dtype.itemsize * int(np.prod(rows.shape[1:]))
    step = max(1, BLOCK_BYTES // max(1, row_bytes))
    for at in range(0, len(rows), step):
        block = rows[at : at + step]
        yield at, block
        bar.update(len(block))


def blocks(rows: Any) -> Iterator[tuple[int, NDArray[Any]]]:
    """Yield (position, rows) of features from the first to the last, a few at a time."""
    return _blocks(rows, NoProgress())


def _write_npz(path: Path, table: Table, bar: Progress) -> None:
    small = {
        "keys": np.array(table.keys, dtype=str),
        "labels": table.labels,
        "splits": np.array(table.splits, dtype=str),
        "classes": np.array(table.classes, dtype=str),
        "recipe": np.array(table.recipe),
    }
    if table.targets is not None:
        small["targets"] = table.targets.values
        small["target_names"] = np.array(table.targets.names, dtype=str)
        small["target_kind"] = np.array(table.targets.kind)
    with zipfile.ZipFile(path, "x", zipfile.ZIP_STORED) as archive:
        # A member of this kind has no date of now: equal rows give equal bytes.
        with archive.open(zipfile.ZipInfo("rows.npy"), "w", force_zip64=True) as file:
            header = {
                "descr": npy.dtype_to_descr(table.rows.dtype),
                "fortran_order": False,
                "shape": table.rows.shape,
            }
            npy.write_array_header_1_0(file, header)
            for _, block in _blocks(table.rows, bar):
                file.write(np.ascontiguousarray(block).tobytes())
        for name, array in small.items():
            with archive.open(zipfile.ZipInfo(f"{name}.npy"), "w", force_zip64=True) as file:
                npy.write_array(file, array, allow_pickle=False)


def _write_csv(path: Path, table: Table, bar: Progress) -> None:
    n_features = int(np.prod(table.rows.shape[1:]))
    numbers = ",%.9g" * n_features
    with path.open("x", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="")  # quotes names where they need it
        said = ["label"] if table.targets is None else [*map(cell, target_names(table))]
        writer.writerow(["key", *said, "split", *(f"f{i}" for i in range(n_features))])
        file.write("\n")
        for at, block in _blocks(table.rows, bar):
            for i, row in enumerate(block.reshape(len(block), n_features).tolist(), at):
                writer.writerow(map(cell, (table.keys[i], *_said(table, i), table.splits[i])))
                file.write(numbers % tuple(row) + "\n")


def _said(table: Table, row: int) -> list[str]:
    """Return the name of a row's class, or its labels or numbers; "" for what is not known."""
    if table.targets is None:
        label = int(table.labels[row])
        return [table.classes[label] if label >= 0 else ""]
    values = table.targets.values[row].tolist()
    return ["" if value != value else f"{value:.9g}" for value in values]  # NaN


def _write_parquet(path: Path, table: Table, bar: Progress) -> None:
    schema = arrow_rows.schema_of(table)
    texts = [name for name in NAMES if name in schema.names]
    from pyarrow.parquet import ParquetWriter  # noqa: PLC0415 - an extra of ours

    with path.open("xb") as file, ParquetWriter(file, schema, use_dictionary=texts) as writer:
        for batch in arrow_rows.batches(table, _blocks(table.rows, bar)):
            writer.write_batch(batch)  # a row group


@dataclass(frozen=True, slots=True)
class Kind:
    """How a file of this kind is written, and whether it has room for several views of an image."""

    write: Callable[[Path, Table, Progress], None]
    holds_views: bool


KINDS: Mapping[str, Kind] = MappingProxyType(
    {
        ".npz": Kind(_write_npz, holds_views=True),
        ".csv": Kind(_write_csv, holds_views=False),
        ".parquet": Kind(_write_parquet, holds_views=False),
    }
)
