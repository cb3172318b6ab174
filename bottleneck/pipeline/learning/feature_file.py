"""Rows, labels and keys as one file that any other tool reads; written in blocks.

`.npz`: rows (n, …) in their own dtype, keys (n,) and classes (k,) as text, labels (n,) int32 (an
index into classes, -1 without a label), splits (n,) as text, recipe. Nothing in it is pickled.
Of several views of each image it holds all, rows (n, views, …), the image itself first.
Where the source has groups, groups (n,) as text, "" without one; where it has targets, targets
(n, k) float32, NaN where one is missing, and target_names (k,).
`.csv`: key, label (the class's name), split, group and each target where there are any, f0, f1, …
with nine digits, which float32 needs to come back as it was; rows of several axes are flattened in
C order. Of several views the first. No cell is a formula to a spreadsheet (`core.text.cell`).
`.parquet`: as `arrow_rows` has it, a row group for each block. Of several views the first.
"""

from __future__ import annotations

import csv
import math
import zipfile
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.lib import format as npy

from bottleneck.core.reporter import NoProgress
from bottleneck.core.sample import SPLITS, show_key
from bottleneck.core.text import cell
from bottleneck.heads.views import itself
from bottleneck.pipeline.learning import arrow_rows

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from bottleneck.core.reporter import Progress
    from bottleneck.core.sample import Groups, Targets
    from bottleneck.store.store import Store

BLOCK_BYTES = 32 << 20
_NO_BAR = NoProgress()
COLUMNS = ("key", "label", "split", "group", "features")  # beside targets and f0, f1, …


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Table:
    """What is written, aligned."""

    rows: Any  # (n, …), as features of a store: in blocks
    keys: Sequence[str]
    labels: NDArray[np.int32]
    splits: Sequence[str]
    classes: tuple[str, ...]
    recipe: str
    groups: Groups | None = None
    targets: Targets | None = None

    @property
    def group_names(self) -> list[str]:
        """The group of each sample, "" without one; nothing where the source has none."""
        if self.groups is None:
            return []
        return [self.groups.names[i] if i >= 0 else "" for i in self.groups.numbers.tolist()]

    @property
    def target_columns(self) -> list[str]:
        """What the column of each target is called: its name, unless another column has that."""
        taken = {*COLUMNS, *(f"f{i}" for i in range(int(np.prod(self.rows.shape[1:]))))}
        names = self.targets.names if self.targets is not None else ()
        return [f"target_{name}" if name in taken else name for name in names]


def table_of(store: Store, source: str | None, split: str | None, *, holds_views: bool) -> Table:
    """Return what a store has of a source's samples with a row, in the order of their keys.

    Parameters
    ----------
    split : train, val or test; None for all
    holds_views : whether rows have all views of an image, where there are several, or the first
    """
    samples, at = store.snapshot(source).samples, store.available(source, split)
    rows = store.features_of(samples.digests[at])
    groups, targets = samples.groups, samples.targets
    return Table(
        rows=rows if holds_views else itself(rows, store.recipe.views.number),
        keys=[show_key(bytes(key)) for key in samples.keys[at]],
        labels=samples.labels[at],
        splits=[SPLITS[i] for i in samples.splits[at]],
        classes=samples.classes,
        recipe=store.recipe.id,
        groups=None if groups is None else replace(groups, numbers=groups.numbers[at]),
        targets=None if targets is None else targets.taken(at),
    )


def write(path: Path, table: Table, bar: Progress) -> None:
    """Write the table as the path's end says, counting its rows; the file must be new."""
    KINDS[path.suffix.lower()].write(path, table, bar)


def blocks_of(rows: Any, bar: Progress = _NO_BAR) -> Iterator[tuple[int, NDArray[Any]]]:
    """Yield (position, rows) from the first to the last, a few at a time."""
    row_bytes = rows.dtype.itemsize * int(np.prod(rows.shape[1:]))
    step = max(1, BLOCK_BYTES // max(1, row_bytes))
    for at in range(0, len(rows), step):
        block = rows[at : at + step]
        yield at, block
        bar.update(len(block))


def _write_npz(path: Path, table: Table, bar: Progress) -> None:
    small = {
        "keys": np.array(table.keys, dtype=str),
        "labels": table.labels,
        "splits": np.array(table.splits, dtype=str),
        "classes": np.array(table.classes, dtype=str),
        "recipe": np.array(table.recipe),
    }
    if table.groups is not None:
        small["groups"] = np.array(table.group_names, dtype=str)
    if table.targets is not None:
        small["targets"] = table.targets.values
        small["target_names"] = np.array(table.targets.names, dtype=str)
    with zipfile.ZipFile(path, "x", zipfile.ZIP_STORED) as archive:
        # A member of this kind has no date of now: equal rows give equal bytes.
        with archive.open(zipfile.ZipInfo("rows.npy"), "w", force_zip64=True) as file:
            header = {
                "descr": npy.dtype_to_descr(table.rows.dtype),
                "fortran_order": False,
                "shape": table.rows.shape,
            }
            npy.write_array_header_1_0(file, header)
            for _, block in blocks_of(table.rows, bar):
                file.write(np.ascontiguousarray(block).tobytes())
        for name, array in small.items():
            with archive.open(zipfile.ZipInfo(f"{name}.npy"), "w", force_zip64=True) as file:
                npy.write_array(file, array, allow_pickle=False)


def _write_csv(path: Path, table: Table, bar: Progress) -> None:
    n_features = int(np.prod(table.rows.shape[1:]))
    numbers = ",%.9g" * n_features
    groups, targets = table.group_names, table.targets
    with path.open("x", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="")  # quotes names where they need it
        names = [*(["group"] if groups else []), *map(cell, table.target_columns)]
        features = [f"f{i}" for i in range(n_features)]
        writer.writerow(["key", "label", "split", *names, *features])
        file.write("\n")
        for at, block in blocks_of(table.rows, bar):
            for i, row in enumerate(block.reshape(len(block), n_features).tolist(), at):
                label = int(table.labels[i])
                name = table.classes[label] if label >= 0 else ""
                group = groups[i : i + 1]
                writer.writerow(map(cell, (table.keys[i], name, table.splits[i], *group)))
                for value in [] if targets is None else targets.values[i].tolist():
                    file.write("," if math.isnan(value) else f",{value:.9g}")  # missing is empty
                file.write(numbers % tuple(row) + "\n")


def _write_parquet(path: Path, table: Table, bar: Progress) -> None:
    schema = arrow_rows.schema_of(table)
    from pyarrow.parquet import ParquetWriter  # noqa: PLC0415 - an extra of ours

    texts = [field.name for field in schema if field.name in ("label", "split", "group")]
    with path.open("xb") as file, ParquetWriter(file, schema, use_dictionary=texts) as writer:
        for batch in arrow_rows.batches(table, blocks_of(table.rows, bar)):
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
