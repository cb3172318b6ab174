"""Parquet files as other libraries read them."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from world import picture

from bottleneck.core.errors import MissingDependencyError
from bottleneck.core.sample import Groups, Targets
from bottleneck.pipeline.extraction.extract import extract
from bottleneck.pipeline.extraction.options import ExtractOptions
from bottleneck.pipeline.learning import feature_file
from bottleneck.pipeline.learning.export import ExportOptions, export
from bottleneck.pipeline.network.options import NetworkOptions
from bottleneck.store.log import SetSource
from bottleneck.store.store import Store

NETWORK = NetworkOptions(backbone="resnet50", weights="random:0", size=(8, 8))


@pytest.fixture
def cache(tmp_path, photos, numpy_network):
    picture(photos / "none.png", 50)
    extract(ExtractOptions(cache=tmp_path / "store", data=str(photos), network=NETWORK))
    return tmp_path / "store"


@pytest.fixture
def told(cache):
    """The same store, that knows groups and targets."""
    store = Store.open(cache)
    recorded = store.snapshot()
    n = len(recorded.samples)
    samples = replace(
        recorded.samples,
        groups=Groups(numbers=np.arange(n, dtype=np.int32) % 3 - 1, names=("p", "q")),
        targets=Targets(
            values=np.linspace(0, 1, 2 * n, dtype=np.float32).reshape(n, 2),
            kind="numbers",
            names=("age", "key"),
        ),
    )
    samples.targets.values[2, 1] = np.nan
    entry = store.write_snapshot(replace(recorded, samples=samples))
    store.commit([SetSource("photos", store.state.sources["photos"].snapshot, entry)], "test")
    return cache, samples


def test_parquet_is_what_the_store_holds_in_row_groups(cache, tmp_path, monkeypatch):
    monkeypatch.setattr(feature_file, "BLOCK_BYTES", 48)  # four rows at once
    x, y, keys = Store.open(cache).arrays()
    report = export(ExportOptions(file=tmp_path / "f.parquet", cache=cache))
    assert (report["samples"], report["shape"], report["dtype"]) == (13, [13, 6], "float16")
    classes = [*report["classes"], None]
    file = pq.ParquetFile(tmp_path / "f.parquet")
    assert file.metadata.num_row_groups == 4
    table = file.read()
    assert table["key"].to_pylist() == [key.decode() for key in keys]
    assert table["label"].to_pylist() == [classes[i] for i in y]
    assert set(table["split"].to_pylist()) == {"train"}
    assert table.schema.metadata[b"recipe"].decode() == report["recipe"]
    frame = pd.read_parquet(tmp_path / "f.parquet")
    rows = np.stack(frame.features)
    assert rows.dtype == x.dtype
    np.testing.assert_array_equal(rows, x)
    assert frame.label.cat.codes.tolist() == y.tolist()


def test_equal_rows_give_equal_bytes(cache, tmp_path):
    for name in ("a.parquet", "b.parquet"):
        export(ExportOptions(file=tmp_path / name, cache=cache))
    assert (tmp_path / "a.parquet").read_bytes() == (tmp_path / "b.parquet").read_bytes()


def test_groups_and_targets_are_columns_of_a_parquet_file(told, tmp_path):
    cache, samples = told
    export(ExportOptions(file=tmp_path / "f.parquet", cache=cache))
    frame = pd.read_parquet(tmp_path / "f.parquet")
    assert [*frame.columns] == ["key", "split", "group", "age", "target_key", "features"]
    assert frame.group.cat.codes.tolist() == samples.groups.numbers.tolist()
    found = frame[["age", "target_key"]].to_numpy()
    np.testing.assert_array_equal(found, samples.targets.values)


def test_without_pyarrow_nothing_is_written_and_the_extra_is_named(cache, tmp_path, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "pyarrow", None)
    before = sorted(path.name for path in tmp_path.iterdir())
    with pytest.raises(MissingDependencyError, match=r"bottleneck-cache\[parquet\]"):
        export(ExportOptions(file=tmp_path / "f.parquet", cache=cache))
    assert sorted(path.name for path in tmp_path.iterdir()) == before
