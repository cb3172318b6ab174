"""Rows, labels and keys as Arrow's record batches: a few at a time, for a table or a Parquet file.

Columns: key, label (the class's name, null without one) or in its place each target by its name,
split, group where the source has groups, and features, a list of as many numbers as a row has, in
C order, in the stored dtype. A block whose rows lie in one part, in its order, is not copied.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np

from bottleneck.core.installed import require
from bottleneck.core.sample import SPLITS
from bottleneck.pipeline.learning.feature_table import FEATURES, KEY, target_names

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from bottleneck.pipeline.learning.feature_table import Table


def named_columns(table: Table) -> dict[str, tuple[NDArray[np.int32], tuple[str, ...]]]:
    """Return the columns of names: of each the numbers (n,), below zero for none, and the names."""
    splits = np.array([SPLITS.index(split) for split in table.splits], np.int32)
    found = {} if table.targets is not None else {"label": (table.labels, table.classes)}
    found["split"] = (splits, SPLITS)
    if table.groups is not None:
        found["group"] = (table.groups.numbers, table.groups.names)
    return found


def target_columns(table: Table) -> dict[str, NDArray[np.float32]]:
    """Return the columns of targets (n,), NaN where one is not known, by their names."""
    if table.targets is None:
        return {}
    return dict(zip(target_names(table), table.targets.values.T, strict=True))


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
            pa.field(KEY, pa.string(), nullable=False),
            *(pa.field(name, names) for name in named_columns(table)),
            *(pa.field(name, pa.float32()) for name in target_columns(table)),
            pa.field(FEATURES, numbers, nullable=False),
        ],
        metadata={"recipe": table.recipe, "shape": json.dumps([*shape])},
    )


def batches(table: Table, blocks: Iterator[tuple[int, NDArray[Any]]]) -> Iterator[Any]:
    """Yield a pyarrow.RecordBatch of each block, (position, rows) as they come."""
    import pyarrow as pa  # noqa: PLC0415 - an extra of ours

    schema = schema_of(table)
    named = [
        (numbers, pa.array(names, pa.string())) for numbers, names in named_columns(table).values()
    ]
    targets = [*target_columns(table).values()]
    for start, block in blocks:
        at = slice(start, start + len(block))
        columns = [pa.array(table.keys[at], pa.string())]
        for numbers, names in named:
            indices = pa.array(numbers[at], pa.int32(), mask=numbers[at] < 0)
            columns.append(pa.DictionaryArray.from_arrays(indices, names))
        columns += [pa.array(column[at], pa.float32(), from_pandas=True) for column in targets]
        flat = pa.array(block.reshape(-1))
        columns.append(pa.FixedSizeListArray.from_arrays(flat, type=schema.field(FEATURES).type))
        yield pa.RecordBatch.from_arrays(columns, schema=schema)
