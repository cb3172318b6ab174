"""Rows, labels and keys as Arrow's record batches: a few at a time, for a table or a Parquet file.

Columns: key, label (the class's name, null without one), split, group where the source has groups,
each of its targets, and features, a list of as many numbers as a row has, in C order, in the
stored dtype. A block whose rows lie in one part, in its order, is not copied.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np

from bottleneck.core.installed import require
from bottleneck.core.sample import SPLITS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from bottleneck.pipeline.learning.feature_file import Table

LABEL, SPLIT, GROUP, FEATURES = "label", "split", "group", "features"


def schema_of(table: Table) -> Any:
    """Return the pyarrow.Schema of a table; its metadata has the recipe and the shape of a row.

    Raises
    ------
    MissingDependencyError
        Without pyarrow (extra `parquet`).
    """
    require("pyarrow", "parquet", "Arrow tables and Parquet files")
    import pyarrow as pa  # noqa: PLC0415 - an extra of ours

    names = pa.dictionary(pa.int32(), pa.string())
    shape = table.rows.shape[1:]
    numbers = pa.list_(pa.from_numpy_dtype(table.rows.dtype), int(np.prod(shape)))
    return pa.schema(
        [
            pa.field("key", pa.string(), nullable=False),
            pa.field(LABEL, names),
            pa.field(SPLIT, names),
            *([pa.field(GROUP, names)] if table.groups is not None else []),
            *(pa.field(name, pa.float32()) for name in table.target_columns),
            pa.field(FEATURES, numbers, nullable=False),
        ],
        metadata={"recipe": table.recipe, "shape": json.dumps([*shape])},
    )


def batches(table: Table, blocks: Iterator[tuple[int, NDArray[Any]]]) -> Iterator[Any]:
    """Yield a pyarrow.RecordBatch of each block, (position, rows) as they come."""
    import pyarrow as pa  # noqa: PLC0415 - an extra of ours

    schema = schema_of(table)
    splits = np.array([SPLITS.index(split) for split in table.splits], np.int32)
    for start, block in blocks:
        at = slice(start, start + len(block))
        columns = [
            pa.array(table.keys[at], pa.string()),
            _named(table.labels[at], table.classes),
            _named(splits[at], SPLITS),
        ]
        if table.groups is not None:
            columns.append(_named(table.groups.numbers[at], table.groups.names))
        if table.targets is not None:
            values = table.targets.values[at]
            columns += [pa.array(column, pa.float32(), from_pandas=True) for column in values.T]
        flat = pa.array(block.reshape(-1))
        columns.append(pa.FixedSizeListArray.from_arrays(flat, type=schema.field(FEATURES).type))
        yield pa.RecordBatch.from_arrays(columns, schema=schema)


def _named(numbers: NDArray[np.int32], names: tuple[str, ...]) -> Any:
    """Return numbers as their names, null below zero."""
    import pyarrow as pa  # noqa: PLC0415 - an extra of ours

    indices = pa.array(numbers, pa.int32(), mask=numbers < 0)
    return pa.DictionaryArray.from_arrays(indices, pa.array(names, pa.string()))
