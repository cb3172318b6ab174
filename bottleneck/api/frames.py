"""A store's rows, keys, labels and splits as the tables of pandas, Arrow and xarray."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from bottleneck.core.installed import require
from bottleneck.core.sample import SPLITS
from bottleneck.pipeline.learning import arrow_rows
from bottleneck.pipeline.learning.feature_file import blocks_of, table_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bottleneck.pipeline.learning.feature_file import Table
    from bottleneck.store.store import Store

DIMENSIONS = {1: ("feature",), 2: ("token", "feature"), 3: ("height", "width", "channel")}


def to_pandas(store: Store, source: str | None, split: str | None) -> Any:
    """Return a pandas.DataFrame; see `FeatureStore.to_pandas`."""
    require("pandas", "pandas", "to_pandas()")
    import pandas as pd  # noqa: PLC0415 - an extra of ours

    table = _table(store, source, split)

    def named(numbers: Any, names: Sequence[str]) -> Any:
        return pd.Categorical.from_codes(numbers, [*names])

    columns = {
        "key": table.keys,
        "label": named(table.labels, table.classes),
        "split": named([SPLITS.index(split) for split in table.splits], SPLITS),
    }
    if table.groups is not None:
        columns["group"] = named(table.groups.numbers, table.groups.names)
    if table.targets is not None:
        columns |= dict(zip(table.target_columns, table.targets.values.T, strict=True))
    n, width = len(table.keys), int(np.prod(table.rows.shape[1:]))
    features = np.empty((n, width), np.float32)
    for at, block in blocks_of(table.rows):
        features[at : at + len(block)] = block.reshape(len(block), width)
    names = [f"f{i}" for i in range(width)]
    rows = pd.DataFrame(features, columns=names, copy=False)
    return pd.concat([pd.DataFrame(columns, index=rows.index), rows], axis=1)


def to_arrow(store: Store, source: str | None, split: str | None) -> Any:
    """Return a pyarrow.Table; see `FeatureStore.to_arrow`."""
    table = _table(store, source, split)
    schema = arrow_rows.schema_of(table)
    import pyarrow as pa  # noqa: PLC0415 - an extra of ours

    return pa.Table.from_batches(arrow_rows.batches(table, blocks_of(table.rows)), schema)


def to_xarray(store: Store, source: str | None, split: str | None) -> Any:
    """Return an xarray.DataArray; see `FeatureStore.to_xarray`."""
    require("xarray", "xarray", "to_xarray()")
    import xarray as xr  # noqa: PLC0415 - an extra of ours

    table = _table(store, source, split)
    labels = [table.classes[i] if i >= 0 else "" for i in table.labels.tolist()]
    coordinates = {
        "key": ("sample", table.keys),
        "label": ("sample", labels),
        "split": ("sample", [*table.splits]),
    }
    if table.groups is not None:
        coordinates["group"] = ("sample", table.group_names)
    if table.targets is not None:
        values = table.targets.values.T
        coordinates |= {
            name: ("sample", column)
            for name, column in zip(table.target_columns, values, strict=True)
        }
    axes = len(table.rows.shape) - 1
    return xr.DataArray(
        np.asarray(table.rows[:]),
        dims=("sample", *DIMENSIONS.get(axes, [f"axis{i}" for i in range(axes)])),
        coords=coordinates,
        name="features",
        attrs={"classes": [*table.classes], "recipe": table.recipe},
    )


def _table(store: Store, source: str | None, split: str | None) -> Table:
    """Return what is shown, with the keys that `FeatureStore.arrays` has."""
    table = table_of(store, store.source_name(source), split, holds_views=False)
    _, _, keys = store.arrays(source, split)
    return replace(table, keys=[bytes(key).decode("utf-8", "backslashreplace") for key in keys])
