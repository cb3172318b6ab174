"""A store's tables against its arrays: order, keys, numbers bit for bit, names in their place."""

from dataclasses import replace

import numpy as np
import pytest
from world import picture

import bottleneck
from bottleneck.core.sample import Groups, Targets
from bottleneck.pipeline.learning import feature_file
from bottleneck.store.log import SetSource
from bottleneck.store.store import Store

NETWORK = {"backbone": "resnet50", "weights": "random:0", "size": 8}


@pytest.fixture(params=["hdf5", "zarr"])
def store(request, tmp_path, numpy_network):
    """Twelve images in class folders, one without a class, in two parts."""
    data = tmp_path / "data"
    for i in range(12):
        picture(data / ("train/ä, b", "train/dog", "test/dog")[i % 3] / f"{i}.png", i)
    cache = tmp_path / "store"
    bottleneck.extract_features(data, cache=cache, format=request.param, **NETWORK)
    picture(data / "train/none.png", 50)
    bottleneck.extract_features(data, cache=cache)
    return bottleneck.open_store(cache)


@pytest.fixture
def told(tmp_path, photos, numpy_network):
    """A store that knows groups, and targets of which one has the name of a column of ours."""
    bottleneck.extract_features(photos, cache=tmp_path / "store", **NETWORK)
    store = Store.open(tmp_path / "store")
    recorded = store.snapshot()
    values = np.arange(24, dtype=np.float32).reshape(12, 2)
    values[3, 0] = np.nan
    samples = replace(
        recorded.samples,
        groups=Groups(numbers=np.arange(12, dtype=np.int32) % 4 - 1, names=("p", "q", "ö")),
        targets=Targets(values=values, kind="numbers", names=("age", "f1")),
    )
    entry = store.write_snapshot(replace(recorded, samples=samples))
    store.commit([SetSource("photos", store.state.sources["photos"].snapshot, entry)], "test")
    return bottleneck.open_store(tmp_path / "store")


@pytest.fixture
def small_blocks(monkeypatch):
    monkeypatch.setattr(feature_file, "BLOCK_BYTES", 40)  # three rows at once


@pytest.mark.parametrize("split", [None, "test"])
def test_a_data_frame_has_what_arrays_gives_in_its_order(store, split, small_blocks):
    x, y, keys = store.arrays(split)
    frame = store.to_pandas(split)
    assert [*frame.columns] == ["key", "label", "split", *(f"f{i}" for i in range(6))]
    assert [*frame.key] == keys
    assert frame.label.cat.codes.tolist() == y.tolist()
    assert (*frame.label.cat.categories,) == store.classes()
    assert [*frame.split] == [key.split("/")[0] for key in keys]
    features = frame.filter(regex=r"^f\d+$").to_numpy()
    assert features.dtype == np.float32
    np.testing.assert_array_equal(features, np.asarray(x, np.float32))


@pytest.mark.parametrize("split", [None, "test"])
def test_an_arrow_table_has_what_arrays_gives_in_its_order(store, split, small_blocks):
    x, y, keys = store.arrays(split)
    table = store.to_arrow(split)
    assert table.column_names == ["key", "label", "split", "features"]
    assert table["key"].to_pylist() == keys
    names = [store.classes()[i] if i >= 0 else None for i in y]
    assert table["label"].to_pylist() == names
    assert table["split"].to_pylist() == [key.split("/")[0] for key in keys]
    assert table["features"].num_chunks > 1
    features = np.array(table["features"].to_pylist(), x.dtype)
    np.testing.assert_array_equal(features, x)
    assert table.schema.metadata[b"recipe"].decode() == store.recipe.id


def test_rows_that_lie_in_one_part_in_order_are_not_copied(tmp_path, photos, numpy_network):
    import pyarrow as pa

    cache = tmp_path / "store"
    bottleneck.extract_features(photos, cache=cache, **NETWORK)
    store = bottleneck.open_store(cache)
    chunk = store.to_arrow()["features"].chunk(0)
    address = chunk.flatten().buffers()[1].address
    (part,) = store._store.parts
    assert address == part.rows.ctypes.data
    assert isinstance(chunk.type, pa.FixedSizeListType)


@pytest.mark.parametrize("split", [None, "train"])
def test_a_data_array_has_what_arrays_gives_in_its_order(store, split):
    x, y, keys = store.arrays(split)
    found = store.to_xarray(split)
    assert found.dims == ("sample", "feature")
    np.testing.assert_array_equal(found.values, x)
    assert found.dtype == x.dtype
    assert found.key.values.tolist() == keys
    assert found.label.values.tolist() == [store.classes()[i] if i >= 0 else "" for i in y]
    assert found.split.values.tolist() == [key.split("/")[0] for key in keys]
    assert found.attrs["classes"] == [*store.classes()]


def test_groups_and_targets_are_columns_and_none_takes_the_place_of_another(told):
    frame, table, array = told.to_pandas(), told.to_arrow(), told.to_xarray()
    ours = ["key", "split", "group", "age", "target_f1"]
    assert [*frame.columns] == [*ours, *(f"f{i}" for i in range(6))]
    assert table.column_names == [*ours, "features"]
    assert set(array.coords) == {*ours}
    values = told.samples().targets.values
    for found in (frame, table, array):
        for name, column in zip(ours[-2:], values.T, strict=True):
            np.testing.assert_array_equal(np.asarray(found[name], np.float32), column)
        groups = np.asarray(found["group"], object).tolist()
        assert groups[1:4] * 3 == ["p", "q", "ö"] * 3
    assert frame.group.isna().tolist() == [True, False, False, False] * 3
    assert table["group"].to_pylist()[0] is table["age"].to_pylist()[3] is None
    assert array.group.values[0] == ""
    np.testing.assert_array_equal(frame["f1"], np.asarray(told.arrays()[0], np.float32)[:, 1])


@pytest.mark.slow
def test_maps_and_views_are_the_image_itself_with_its_axes(tmp_path, photos):
    cache = tmp_path / "store"
    bottleneck.extract_features(
        photos, cache=cache, backbone="mini", size=64, pooling="none", views=2, augment="flip"
    )
    store = bottleneck.open_store(cache)
    x = np.asarray(store.arrays()[0])[:, 0]
    n, height, width, channels = x.shape
    array, table = store.to_xarray(), store.to_arrow()
    assert array.dims == ("sample", "height", "width", "channel")
    np.testing.assert_array_equal(array.values, x)
    assert table["features"].type.list_size == height * width * channels
    assert table.schema.metadata[b"shape"].decode() == f"[{height}, {width}, {channels}]"
    frame = store.to_pandas()
    np.testing.assert_array_equal(frame.filter(regex=r"^f\d+$").to_numpy(), x.reshape(n, -1))


@pytest.mark.parametrize(
    ("call", "package", "extra"),
    [("to_pandas", "pandas", "pandas"), ("to_arrow", "pyarrow", "parquet"),
     ("to_xarray", "xarray", "xarray")],
)  # fmt: skip
def test_without_its_library_a_table_names_the_extra(store, monkeypatch, call, package, extra):
    import sys

    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(bottleneck.errors.MissingDependencyError) as caught:
        getattr(store, call)()
    assert f"{package} is not installed" in str(caught.value)
    assert f"pip install 'bottleneck-cache[{extra}]'" in str(caught.value)


def test_no_such_split_and_no_such_source_are_wrong_usage(store):
    for call in (store.to_pandas, store.to_arrow, store.to_xarray, store.torch_dataset):
        with pytest.raises(bottleneck.errors.UsageError):
            call("tets")
        with pytest.raises(bottleneck.errors.UsageError):
            call(source="x")
