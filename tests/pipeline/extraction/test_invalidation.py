"""The invalidation table, row by row, in both formats, on a disk and in a bucket, exact counts."""

import io
import shutil
from pathlib import Path

import numpy as np
import pytest
from bucket_world import ADDRESS
from PIL import Image
from world import flip, picture, row_of, tree

from bottleneck.core.errors import DataError, RecipeError
from bottleneck.pipeline.extraction.extract import extract
from bottleneck.pipeline.extraction.options import ExtractOptions
from bottleneck.pipeline.network.options import NetworkOptions
from bottleneck.pipeline.upkeep.upkeep import verify
from bottleneck.store.store import Store

NETWORK = NetworkOptions(backbone="resnet50", weights="random:0", size=(8, 8))


@pytest.fixture(params=["disk", "bucket"])
def cache(request, tmp_path):
    if request.param == "disk":
        return tmp_path / "store"
    request.getfixturevalue("bucket")
    return ADDRESS


@pytest.fixture
def files(request, cache):
    """Return the bytes of a store's files, by name, as others see them."""
    if cache != ADDRESS:
        return lambda: tree(cache)
    return request.getfixturevalue("bucket").objects


@pytest.fixture(params=["hdf5", "zarr"])
def run(request, cache, photos, numpy_network, later):
    def extract_again(network=NETWORK, **options):
        later()
        return extract(
            ExtractOptions(
                cache=cache,
                data=str(photos),
                format=request.param,
                network=network,
                **options,
            )
        )

    assert extract_again()["computed"] == 12
    return extract_again


def commits(found):
    return {name: data for name, data in found.items() if name.startswith("log/")}


def test_nothing_changed_computes_nothing(run):
    assert run()["computed"] == 0


def test_touched_images_compute_nothing(run, photos):
    for path in photos.rglob("*.png"):
        path.touch()
    report = run()
    assert (report["computed"], report["cached"], report["changed"]) == (0, 12, 0)


def test_a_renamed_image_computes_nothing(run, photos):
    (photos / "cat/01.png").rename(photos / "cat/99.png")
    report = run()
    assert (report["computed"], report["renamed"], report["deleted"]) == (0, 1, 0)


def test_an_image_moved_to_another_class_computes_nothing_and_has_the_new_label(run, photos, cache):
    (photos / "cat/01.png").rename(photos / "dog/01.png")
    assert run()["computed"] == 0
    _, y, keys = Store.open(cache).arrays()
    assert y[keys.tolist().index(b"dog/01.png")] == 1


def test_images_moved_into_splits_compute_nothing(run, photos, tmp_path):
    for name in ("cat", "dog"):
        (photos / "train").mkdir(exist_ok=True)
        (photos / name).rename(photos / "train" / name)
    assert run()["computed"] == 0


def test_a_copied_image_computes_nothing_and_shares_the_row(run, photos, cache):
    shutil.copy(photos / "cat/01.png", photos / "cat/copy.png")
    report = run()
    assert (report["computed"], report["samples"], report["unique"]) == (0, 13, 12)
    assert sum(entry.rows for entry in Store.open(cache).state.parts) == 12


def test_a_deleted_image_computes_nothing_and_leaves_the_arrays(run, photos, cache):
    (photos / "cat/01.png").unlink()
    report = run()
    assert (report["computed"], report["deleted"], report["samples"]) == (0, 1, 11)
    assert b"cat/01.png" not in Store.open(cache).arrays()[2].tolist()


def test_an_edit_that_was_undone_computes_nothing(run, photos):
    before = (photos / "cat/01.png").read_bytes()
    picture(photos / "cat/01.png", 77)
    assert run()["computed"] == 1
    (photos / "cat/01.png").write_bytes(before)
    assert run()["computed"] == 0


def test_one_edited_image_computes_one(run, photos, cache):
    picture(photos / "cat/01.png", 77)
    report = run()
    assert (report["computed"], report["changed"], report["cached"]) == (1, 1, 11)
    x, _, keys = Store.open(cache).arrays()
    image = Image.open(photos / "cat/01.png").resize((8, 8), Image.Resampling.BILINEAR)
    at = keys.tolist().index(b"cat/01.png")
    np.testing.assert_array_equal(x[at], row_of(np.array(image)))


def test_an_edit_of_equal_size_with_its_time_set_back_computes_one(run, photos):
    import os

    path = photos / "cat/01.png"
    before = path.stat()
    data = bytearray(path.read_bytes())
    Image.open(io.BytesIO(data)).verify()
    other = picture(photos.parent / "other.png", 5).read_bytes()
    path.write_bytes(other[: len(data)].ljust(len(data), b"\0"))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert run()["changed"] == 1


def test_one_added_image_computes_one(run, photos):
    picture(photos / "cat/new.png", 77)
    report = run()
    assert (report["computed"], report["added"]) == (1, 1)


def test_the_same_pixels_encoded_anew_compute_one(run, photos):
    path = photos / "cat/01.png"
    Image.open(path).save(path, compress_level=1)
    assert run()["computed"] == 1


@pytest.mark.parametrize(
    ("key", "other"),
    [
        ("weights", NetworkOptions(backbone="resnet50", weights="random:1", size=(8, 8))),
        (
            "network",
            NetworkOptions(backbone="resnet50", weights="random:0", size=(8, 8), layer="x"),
        ),
        (
            "network",
            NetworkOptions(backbone="resnet50", weights="random:0", size=(8, 8), pooling="max"),
        ),
        ("image.size", NetworkOptions(backbone="resnet50", weights="random:0", size=(9, 8))),
        (
            "image.resample",
            NetworkOptions(backbone="resnet50", weights="random:0", size=(8, 8), resample="box"),
        ),
        (
            "rows.dtype",
            NetworkOptions(backbone="resnet50", weights="random:0", size=(8, 8), rows="float32"),
        ),
    ],
)
def test_another_recipe_is_refused_by_key_and_replaced_on_request(run, cache, files, key, other):
    before = files()
    with pytest.raises(RecipeError, match="recipe differs") as caught:
        run(other)
    assert [line.split(":")[0] for line in caught.value.details] == [key]
    assert commits(files()) == commits(before)
    old = Store.open(cache)
    assert run(other, replace=True)["computed"] == 12
    assert run(other)["computed"] == 0
    assert len(Store.open(cache, at=old.state.number).arrays()[0]) == 12


def test_a_damaged_part_computes_exactly_its_lost_rows_after_repair(run, request, cache):
    store = Store.open(cache)
    part = store.parts[0]
    victim = part.path if part.path.is_file() else part.path / "rows" / "c" / "0" / "0"
    at = victim.read_bytes().index(np.asarray(part.slice(3, 4)).tobytes())
    if cache == ADDRESS:
        name = victim.relative_to(store.path).as_posix()
        data = bytearray(victim.read_bytes())
        data[at] ^= 1
        request.getfixturevalue("bucket").put(name, bytes(data))
        request.getfixturevalue("elsewhere")()  # where no good copy is
    else:
        flip(victim, at)
    report = verify(cache)
    assert [damage["rows_lost"] for damage in report["damaged"]] == [1]
    assert verify(cache, repair=True)["repaired"]
    assert verify(cache)["damaged"] == []
    assert run()["computed"] == 1


@pytest.mark.parametrize("cache", ["bucket"], indirect=True)
def test_a_part_that_a_bucket_lost_computes_nothing_where_a_good_copy_is(run, bucket, cache):
    (part,) = Store.open(cache).parts
    for name in [name for name in bucket.objects() if name.startswith(f"parts/{part.path.name}")]:
        bucket.put(name, None)
    assert verify(cache, repair=True)["repaired"]
    assert verify(cache)["damaged"] == []
    assert run()["computed"] == 0


def test_an_unreadable_image_computes_nothing_and_is_tried_again_when_it_changes(run, photos):
    path = photos / "cat/01.png"
    good = path.read_bytes()
    path.write_bytes(good[:50])
    report = run()
    assert (report["computed"], report["quarantined"], report["cached"]) == (0, 1, 11)
    report = run()
    assert (report["computed"], report["quarantined"], report["pending"]) == (0, 1, 0)
    picture(path, 99)
    report = run()
    assert (report["computed"], report["quarantined"]) == (1, 0)


def test_a_quarantined_image_is_tried_again_when_the_decoder_changes(run, photos, monkeypatch):
    from bottleneck.pipeline.extraction import looked
    from bottleneck.pipeline.extraction.flow import Reader

    (photos / "cat/01.png").write_bytes(b"no image")
    assert run()["quarantined"] == 1
    tried = []
    real = Reader._decoded
    monkeypatch.setattr(Reader, "_decoded", lambda self, *a: tried.append(a) or real(self, *a))
    run()
    assert tried == []
    monkeypatch.setattr(looked, "decoder_version", lambda: "another")
    run()
    assert len(tried) == 1


def test_more_than_half_gone_is_refused_before_anything_is_written(run, photos, cache, files):
    for path in sorted(photos.rglob("*.png"))[:7]:
        path.unlink()
    before = files()
    with pytest.raises(DataError, match="shrank from 12 to 5"):
        run()
    after = files()
    differ = {name for name in before | after if before.get(name) != after.get(name)}
    assert differ == ({"history.jsonl"} if cache != ADDRESS else set())
    report = run(allow_shrink=True)
    assert (report["computed"], report["deleted"]) == (0, 7)


def test_two_identical_images_share_one_row(tmp_path, numpy_network):
    for name in ("a/1.png", "a/2.png", "b/3.png"):
        picture(tmp_path / "twins" / name, 1)
    picture(tmp_path / "twins/b/4.png", 2)
    report = extract(
        ExtractOptions(cache=tmp_path / "s", data=str(tmp_path / "twins"), network=NETWORK)
    )
    assert (report["samples"], report["unique"], report["computed"]) == (4, 2, 2)
    x, _, _ = Store.open(tmp_path / "s").arrays()
    np.testing.assert_array_equal(x[0], x[2])
    assert len(x) == 4


def test_keys_labels_and_rows_line_up_after_everything_was_shuffled(run, photos, cache):
    rng = np.random.default_rng(0)
    for step in range(4):
        paths = sorted(photos.rglob("*.png"))
        for path in rng.permutation(np.array(paths, object))[:4]:
            Path(path).rename(photos / rng.choice(["cat", "dog"]) / f"{step}-{Path(path).name}")
        sorted(photos.rglob("*.png"))[0].unlink()
        picture(photos / "dog" / f"new{step}.png", 100 + step)
        run()
    store = Store.open(cache)
    x, y, keys = store.arrays()
    assert sorted(p.relative_to(photos).as_posix() for p in photos.rglob("*.png")) == [
        key.decode() for key in keys
    ]
    for row, label, key in zip(x, y, keys, strict=True):
        image = Image.open(photos / key.decode()).resize((8, 8), Image.Resampling.BILINEAR)
        np.testing.assert_array_equal(row, row_of(np.array(image)))
        assert store.snapshot().samples.classes[label] == key.decode().split("/")[0]
