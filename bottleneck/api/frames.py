"""A store's rows, keys, labels and splits as the tables of pandas, Arrow and xarray."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from bottleneck.core.installed import require
from bottleneck.pipeline.learning.arrow_rows import (
    batches,
    named_columns,
    schema_of,
    target_columns,
)
from bottleneck.pipeline.learning.feature_file import blocks
from bottleneck.pipeline.learning.feature_table import KEY, table_of

if TYPE_CHECKING:
    from bottleneck.pipeline.learning.feature_table import Table
    from bottleneck.store.store import Store

DIMENSIONS = {1: ("feature",), 2: ("token", "feature"), 3: ("height", "width", "channel")}


def to_pandas(store: Store, source: str | None, split: str | None) -> Any:
    """Return a pandas.DataFrame; see `FeatureStore.to_pandas`."""
    require("pandas", "pandas", "to_pandas()")
    import pandas as pd  # noqa: PLC0415 - an extra of ours

    table = _table(store, source, split)
    columns: dict[str, Any] = {KEY: table.keys}
    for name, (numbers, names) in named_columns(table).items():
        columns[name] = pd.Categorical.from_codes(numbers, [*names])
    columns |= target_columns(table)
    width = int(np.prod(table.rows.shape[1:]))
    features = np.empty((len(table.keys), width), np.float32)
    for at, block in blocks(table.rows):
        features[at : at + len(block)] = block.reshape(len(block), width)
    rows = pd.DataFrame(features, columns=[f"f{i}" for i in range(width)], copy=False)
    return pd.concat([pd.DataFrame(columns, index=rows.index), rows], axis=1)


def to_arrow(store: Store, source: str | None, split: str | None) -> Any:
    """Return a pyarrow.Table; see `FeatureStore.to_arrow`."""
    table = _table(store, source, split)
    schema = schema_of(table)
    import pyarrow as pa  # noqa: PLC0415 - an extra of ours

    return pa.Table.from_batches(batches(table, blocks(table.rows)), schema)


def to_xarray(store: Store, source: str | None, split: str | None) -> Any:
    """Return an xarray.DataArray; see `FeatureStore.to_xarray`."""
    require("xarray", "xarray", "to_xarray()")
    import xarray as xr  # noqa: PLC0415 - an extra of ours

    table = _table(store, source, split)
    columns: dict[str, Any] = {KEY: table.keys}
    for name, (numbers, names) in named_columns(table).items():
        columns[name] = [names[i] if i >= 0 else "" for i in numbers.tolist()]
    columns |= target_columns(table)
    n_axes = len(table.rows.shape) - 1
    return xr.DataArray(
        np.asarray(table.rows[:]),
        dims=("sample", *DIMENSIONS.get(n_axes, [f"axis{i}" for i in range(n_axes)])),
        coords={name: ("sample", column) for name, column in columns.items()},
        name="features",
        attrs={"classes": [*table.classes], "recipe": table.recipe},
    )


def _table(store: Store, source: str | None, split: str | None) -> Table:
    """Return what is shown, with the keys that `FeatureStore.arrays` has."""
    table = table_of(store, source, split, holds_views=False)
    _, _, keys = store.arrays(source, split)
    return replace(table, keys=[bytes(key).decode("utf-8", "backslashreplace") for key in keys])
