"""Stores whose rows hold several views of an image: what is in them, and every verb on them."""

import csv

import numpy as np
import pytest
from PIL import Image
from world import picture, row_of, tree

from bottleneck import extract as door
from bottleneck import status as status_door
from bottleneck.api.stores import open_store
from bottleneck.core import console
from bottleneck.core.errors import OtherRowsError, RecipeError
from bottleneck.data import views as module
from bottleneck.data.views import make, spec
from bottleneck.pipeline.extraction.extract import extract
from bottleneck.pipeline.extraction.options import ExtractOptions
from bottleneck.pipeline.learning.compare import CompareOptions, compare
from bottleneck.pipeline.learning.export import ExportOptions, export
from bottleneck.pipeline.learning.predict import PredictOptions, predict
from bottleneck.pipeline.learning.train import TrainOptions, train
from bottleneck.pipeline.network import network as networks
from bottleneck.pipeline.network.options import NetworkOptions
from bottleneck.pipeline.upkeep.status import StatusOptions, status
from bottleneck.pipeline.upkeep.upkeep import verify
from bottleneck.store.store import Store

AUGMENT = ("flip", "zoom", "brightness")


def asked(**words):
    plain = {"backbone": "resnet50", "weights": "random:0", "size": (8, 8)}
    return NetworkOptions(**{**plain, "views": 3, "augment": AUGMENT, **words})


@pytest.fixture
def run(tmp_path, photos, numpy_network, later):
    def extract_again(network=None, cache="store", **options):
        later()
        network = asked() if network is None else network
        return extract(
            ExtractOptions(cache=tmp_path / cache, data=str(photos), network=network, **options)
        )

    return extract_again


def views_of(path, digest, asked_for=None):
    """Return the views of a picture, as the recipe says them."""
    image = np.array(Image.open(path).resize((8, 8), Image.Resampling.BILINEAR))
    return make(image, digest.tobytes(), asked_for or spec(3, AUGMENT, 0))


def check_rows(store, photos, dtype="float16"):
    samples = store.snapshot().samples
    for key, digest in zip(samples.keys, samples.digests, strict=True):
        expected = [row_of(view, dtype) for view in views_of(photos / key.decode(), digest)]
        np.testing.assert_array_equal(store.rows(digest[None])[0], np.stack(expected))


@pytest.mark.parametrize("fmt", ["hdf5", "zarr"])
def test_a_row_holds_the_views_of_its_image(run, tmp_path, photos, fmt):
    assert run(format=fmt)["computed"] == 12
    store = Store.open(tmp_path / "store")
    assert store.recipe.rows.shape == (3, 6)
    check_rows(store, photos)
    assert run()["computed"] == 0
    assert verify(tmp_path / "store")["damaged"] == []


def test_rows_depend_on_no_order_no_threads_and_no_batch(run, tmp_path):
    run(batch_size=64, threads=1)
    for n, options in enumerate(
        ({"batch_size": 1, "threads": 3}, {"batch_size": 7, "limit": 5}, {"batch_size": 2})
    ):
        run(cache=str(n), **options)
        if "limit" in options:
            run(cache=str(n), threads=2)
    store = Store.open(tmp_path / "store")
    digests = store.snapshot().samples.digests
    for n in range(3):
        other = Store.open(tmp_path / str(n))
        np.testing.assert_array_equal(other.rows(digests), store.rows(digests))


def test_a_call_takes_as_many_images_as_its_batch_has_room_for(run, photos, numpy_network):
    run(batch_size=7)
    assert numpy_network.opened[0].calls == [6] * 6  # two images of three views each
    picture(photos / "cat/new.png", 50)
    run()
    assert numpy_network.opened[1].calls == [3 * 5]  # one image, and four canaries
    run(cache="few", batch_size=2)
    assert set(numpy_network.opened[2].calls) == {3}  # one image: the engine cuts it up


def test_the_first_view_is_the_row_of_a_store_of_one_view(run, tmp_path):
    run(asked(rows="float32"))
    run(asked(rows="float32", views=None, augment=None), cache="one")
    store, one = Store.open(tmp_path / "store"), Store.open(tmp_path / "one")
    digests = one.snapshot().samples.digests
    np.testing.assert_allclose(store.rows(digests)[:, 0], one.rows(digests), rtol=1e-5)
    assert one.recipe.to_json()["views"] == 1


@pytest.mark.slow
def test_the_first_view_by_a_real_network_is_that_of_a_store_of_one(photos, tmp_path):
    pytest.importorskip("openvino")
    for cache, words in (("store", {"views": 3, "augment": AUGMENT}), ("one", {})):
        network = NetworkOptions(backbone="mini", rows="float32", size=(32, 32), **words)
        cache = tmp_path / cache
        extract(ExtractOptions(cache=cache, data=str(photos), network=network, engine="openvino"))
    store, one = Store.open(tmp_path / "store"), Store.open(tmp_path / "one")
    digests = one.snapshot().samples.digests
    rows = store.rows(digests)
    np.testing.assert_allclose(rows[:, 0], one.rows(digests), rtol=1e-5, atol=1e-5)
    assert (np.abs(rows[:, 1:] - rows[:, :1]).max(axis=2) > 1e-3).mean() > 0.5


@pytest.mark.parametrize(
    ("began", "words", "keys"),
    [
        ({"views": None, "augment": None}, {}, ["rows.shape", "views.number", "views.operations"]),
        ({}, {"views": 4}, ["rows.shape", "views.number"]),
        ({}, {"augment": ("flip", "zoom")}, ["views.operations"]),
        ({}, {"views_seed": 1}, ["views.seed"]),
    ],
)
def test_other_views_are_another_recipe(run, tmp_path, began, words, keys):
    run(asked(**began))
    before = tree(tmp_path / "store" / "log")
    with pytest.raises(RecipeError, match="recipe differs") as caught:
        run(asked(**words))
    assert sorted(line.split(":")[0] for line in caught.value.details) == keys
    assert tree(tmp_path / "store" / "log") == before
    assert run(asked(**words), replace=True)["computed"] == 12
    assert run(asked(**words))["computed"] == 0


def test_a_difference_is_said_in_words(run):
    run(asked(views=None, augment=None))
    with pytest.raises(RecipeError) as caught:
        run()
    said = "views.operations: flip 0.5, zoom 0.8..1.2, brightness 0.7..1.3 asked, none there"
    assert said in caught.value.details


def test_the_names_in_another_order_are_the_same_recipe(run):
    run()
    assert run(asked(augment=("brightness", "flip", "zoom")))["computed"] == 0


def test_an_edited_image_computes_exactly_its_views(run, tmp_path, photos):
    run()
    before = Store.open(tmp_path / "store")
    picture(photos / "cat/01.png", 77)
    report = run()
    assert (report["computed"], report["changed"], report["cached"]) == (1, 1, 11)
    assert report["canaries"]["checked"] == 4
    store = Store.open(tmp_path / "store")
    assert sum(entry.rows for entry in store.state.parts) == 13
    check_rows(store, photos)
    old = before.snapshot().samples.digests
    np.testing.assert_array_equal(store.rows(old), before.rows(old))


def test_a_machine_that_makes_other_views_writes_nothing(run, tmp_path, photos, monkeypatch):
    run()
    picture(photos / "cat/new.png", 50)
    before = tree(tmp_path / "store" / "log")
    real = module._resampled
    monkeypatch.setattr(module, "_resampled", lambda *a: real(*a)[::-1] // 2)
    with pytest.raises(OtherRowsError, match="other rows"):
        run()
    assert tree(tmp_path / "store" / "log") == before


def test_a_view_that_does_not_fit_keeps_its_image_out(run, tmp_path, photos, monkeypatch):
    picture(photos / "cat/big.png", 60)
    bad = views_of(photos / "cat/big.png", digest_of(photos / "cat/big.png"))[2]
    from world import NumpyEngine

    real = NumpyEngine.__call__

    def with_one_too_large(self, images):
        rows = real(self, images)
        rows[[bool((image == bad).all()) for image in images]] = 1e6
        return rows

    monkeypatch.setattr(NumpyEngine, "__call__", with_one_too_large)
    report = run()
    assert (report["computed"], report["quarantined"]) == (12, 1)
    (entry,) = Store.open(tmp_path / "store").snapshot().quarantine
    assert (entry.key, entry.reason) == (
        b"cat/big.png",
        "1.0e+06 does not fit float16: --rows float32",
    )


def digest_of(path):
    import hashlib

    return np.frombuffer(hashlib.sha256(path.read_bytes()).digest(), np.uint8)


def test_a_warm_run_finds_the_recipe_without_loading(run, monkeypatch):
    def nothing_is_loaded(options, *_, **__):
        raise AssertionError(options)

    run()
    monkeypatch.setattr(networks, "load", nothing_is_loaded)
    assert run()["computed"] == 0
    assert run(NetworkOptions())["computed"] == 0


def test_predict_computes_the_image_alone_and_agrees_with_its_stored_row(
    run, tmp_path, photos, numpy_network
):
    run(asked(rows="float32"))
    head = train(TrainOptions(cache=tmp_path / "store", run="r"))
    assert head["views"] == 3
    new = photos / "cat/01.png"
    cached = predict(PredictOptions(images=(str(new),), run=head["run"]))
    assert (cached["computed"], cached["cached"]) == (0, 1)
    other = tmp_path / "again.png"
    Image.open(new).save(other, compress_level=1)
    found = predict(PredictOptions(images=(str(other),), run=head["run"]))
    assert (found["computed"], found["canaries"]["checked"]) == (1, 4)
    assert numpy_network.opened[-1].calls == [5]  # it and four canaries, one view of each
    for ours, theirs in zip(found["images"][0]["top"], cached["images"][0]["top"], strict=True):
        assert ours["class"] == theirs["class"]
        assert ours["probability"] == pytest.approx(theirs["probability"], abs=1e-5)


def test_predict_notices_a_machine_that_computes_other_rows(
    run, tmp_path, numpy_network, monkeypatch
):
    run()
    head = train(TrainOptions(cache=tmp_path / "store"))
    monkeypatch.setattr(numpy_network, "factor", 1.01)
    with pytest.raises(OtherRowsError):
        predict(PredictOptions(images=(str(picture(tmp_path / "new.png", 90)),), run=head["run"]))


def test_test_images_are_judged_by_themselves(run, tmp_path, photos):
    for name in ("cat", "dog"):
        (photos / "test").mkdir(exist_ok=True)
        (photos / "train").mkdir(exist_ok=True)
        (photos / name).rename(photos / "train" / name)
        for i in range(3):
            picture(photos / "test" / name / f"{i}.png", 30 + 2 * i + (name == "cat"))
    run()
    from bottleneck.heads.catalog import load_head
    from bottleneck.heads.metrics import log_loss

    report = train(TrainOptions(cache=tmp_path / "store", run="r"))
    x, y, _ = Store.open(tmp_path / "store").arrays(split="test")
    said = load_head(tmp_path / "store/runs/r").predict(x[:, 0])
    assert report["loss"] == pytest.approx(log_loss(said, y), rel=1e-5)
    other = load_head(tmp_path / "store/runs/r").predict(x[:, 1])
    assert abs(report["loss"] - log_loss(other, y)) > 1e-6


def test_exports_hold_all_views_as_arrays_and_the_image_itself_as_a_table(run, tmp_path):
    run()
    store = Store.open(tmp_path / "store")
    x, _, keys = store.arrays()
    for name, shape in (("f.npz", [12, 3, 6]), ("f.csv", [12, 6])):
        report = export(ExportOptions(file=tmp_path / name, cache=tmp_path / "store"))
        assert report["shape"] == shape
    with np.load(tmp_path / "f.npz") as found:
        np.testing.assert_array_equal(found["rows"], x[:])
    with (tmp_path / "f.csv").open() as file:
        lines = list(csv.DictReader(file))
    assert [line["key"].encode() for line in lines] == keys.tolist()
    assert len(lines[0]) == 3 + 6
    values = [[float(line[f"f{i}"]) for i in range(6)] for line in lines]
    np.testing.assert_array_equal(np.array(values, np.float16), x[:, 0])


def test_status_and_compare_know_a_store_of_several_views(run, tmp_path):
    run()
    found = status(StatusOptions(cache=tmp_path / "store", check=True))
    assert (found["views"], found["rows"]) == (3, 12)
    assert "3 views of each" in "\n".join(status_door.lines(found))
    head = train(TrainOptions(cache=tmp_path / "store"))
    (entry,) = compare(CompareOptions(runs=(head["run"],)))["runs"]
    assert entry["cache_bytes"] == found["bytes"]


@pytest.mark.slow
def test_batches_for_keras_draw_a_view_when_they_shuffle(run, tmp_path):
    run()
    store = open_store(tmp_path / "store")
    x, y, _ = store.arrays()
    whole = np.asarray(x, np.float32)
    plain = store.keras_dataset(None, batch_size=12)
    np.testing.assert_array_equal(plain[0][0], whole[:, 0])

    def epochs(seed):
        data = store.keras_dataset(None, batch_size=12, shuffle=True, seed=seed)
        found = []
        for _ in range(4):
            rows, labels = data[0]
            at = [np.argwhere((whole == row).all(axis=2))[0].tolist() for row in rows]
            assert sorted(i for i, _ in at) == list(range(12))
            assert [y[i] for i, _ in at] == labels.tolist()
            found.append(dict(at))
            data.on_epoch_end()
        return found

    drawn = epochs(1)
    assert {view for epoch in drawn for view in epoch.values()} == {0, 1, 2}
    assert drawn[0] != drawn[1]
    assert epochs(1) == drawn
    assert epochs(2) != drawn


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--views", "3", "--augment", "flip,rotate"], "no operation 'rotate'"),
        (["--augment", "flip"], "say --views 2 or more"),
        (["--views", "0"], "not a whole number"),
        (["--views", "1000"], "1000 views of an image"),
    ],
)
def test_wrong_words_end_with_code_2_and_one_line(words, said, tmp_path, photos, capsys):
    command = ["--data", str(photos), "--cache", str(tmp_path / "s"), "--backbone", "mini", *words]
    try:
        code = console.run(door.main, command)
    except SystemExit as end:
        code = end.code
    assert code == 2
    err = capsys.readouterr().err
    assert said in err
    assert len(err.splitlines()) == 1
    assert not (tmp_path / "s").exists()
