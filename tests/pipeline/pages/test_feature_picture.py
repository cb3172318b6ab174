"""`status --picture`: where it is written, of which images, and what it refuses."""

import json

import numpy as np
import pytest
from PIL import Image
from world import picture

import bottleneck
from bottleneck.core import console
from bottleneck.core.errors import DataError, MissingDependencyError, UsageError
from bottleneck.pictures import plots
from bottleneck.pipeline.extraction.extract import extract
from bottleneck.pipeline.extraction.options import ExtractOptions
from bottleneck.pipeline.network.options import NetworkOptions
from bottleneck.pipeline.pages import feature_picture
from bottleneck.status import main
from bottleneck.store.store import Store

NETWORK = NetworkOptions(backbone="resnet50", weights="random:0", size=(8, 8))


@pytest.fixture
def cache(tmp_path, photos, numpy_network):
    extract(ExtractOptions(cache=tmp_path / "store", data=str(photos), network=NETWORK))
    return tmp_path / "store"


@pytest.fixture
def asked(monkeypatch):
    """Take what would be drawn, in place of drawing it."""
    found = []

    def plane(*arguments):
        found.append(arguments)
        return b"a picture"

    monkeypatch.setattr(plots, "can_draw", lambda: True)
    monkeypatch.setattr(plots, "plane", plane)
    monkeypatch.setattr("bottleneck.pictures.plane.has_umap", lambda: False)
    return found


def status(*words):
    return console.run(main, [str(word) for word in words])


@pytest.mark.slow
def test_the_picture_is_drawn_where_it_is_said(cache, tmp_path, capsys):
    pytest.importorskip("matplotlib")
    file = tmp_path / "mine.png"
    assert status("--cache", cache, "--picture", file, "--json") == 0
    report = json.loads(capsys.readouterr().out)
    assert report["picture"] == str(file)
    with Image.open(file) as drawn:
        assert drawn.size[0] > 300
    assert bottleneck.open_store(cache).picture() == file.read_bytes()


def test_without_a_name_it_is_among_the_derived_files_and_drawn_anew(cache, asked, capsys):
    for _ in range(2):
        assert status("--cache", cache, "--picture") == 0
        file = cache / "derived" / "features.png"
        assert f"drawn: {file}" in capsys.readouterr().out
        assert file.read_bytes() == b"a picture"


def test_the_points_are_those_of_the_rows_in_the_order_of_their_digests(cache, asked):
    feature_picture.feature_picture(Store.open(cache))
    ((found, labels, classes, title, caption),) = asked
    points = found.points
    x, y, _ = Store.open(cache).arrays()
    digests = Store.open(cache).snapshot().samples.digests
    order = np.array(sorted(range(len(y)), key=lambda i: digests[i].tobytes()))
    np.testing.assert_array_equal(labels, y[order])
    rows = np.asarray(x, np.float64)[order]
    rows -= rows.mean(0)
    far = np.linalg.svd(rows, full_matrices=False)[1]
    np.testing.assert_allclose(np.linalg.norm(points, axis=0), far[:2], rtol=1e-6)
    assert found.axes[0].startswith("component 1, ")
    assert classes == ("cat", "dog")
    assert title.startswith(f"photos in {cache}\nnumpy, 8 x 8 pixels, 6 numbers an image, float16")
    assert caption == (
        "12 of 12 images; first two principal components; coloured by class (2), each named at its "
        "median where there is room"
    )


def test_a_sample_is_the_same_on_every_run_and_says_that_it_is_one(cache, asked, monkeypatch):
    monkeypatch.setattr(feature_picture, "MOST_ROWS", 5)
    for _ in range(2):
        feature_picture.feature_picture(Store.open(cache))
    np.testing.assert_array_equal(asked[0][0].points, asked[1][0].points)
    assert len(asked[0][0].points) == 5
    assert asked[0][-1].startswith("5 of 12 images; those of the lowest digests; ")


def test_copies_are_one_point_and_images_without_labels_are_drawn(tmp_path, numpy_network, asked):
    for i in range(3):
        picture(tmp_path / "flat" / f"{i}.png", min(i, 1))
    data = str(tmp_path / "flat")
    extract(ExtractOptions(cache=tmp_path / "store", data=data, network=NETWORK))
    feature_picture.feature_picture(Store.open(tmp_path / "store"))
    ((found, labels, classes, _, caption),) = asked
    assert (len(found.points), list(labels), classes) == (2, [-1, -1], ())
    assert caption.endswith("without labels")


def test_of_images_with_several_labels_it_is_said_that_these_are_no_classes(
    tmp_path, numpy_network, asked
):
    for i in range(3):
        picture(tmp_path / "images" / f"{i}.png", i)
    rows = [f"images/{i}.png,{i % 2},{int(i > 0)}" for i in range(3)]
    (tmp_path / "t.csv").write_text("\n".join(["filename,red,green", *rows]) + "\n")
    data = str(tmp_path / "t.csv")
    extract(ExtractOptions(cache=tmp_path / "store", data=data, network=NETWORK))
    feature_picture.feature_picture(Store.open(tmp_path / "store"))
    assert asked[0][-1].endswith("not coloured, for these are labels and no classes")


def test_what_is_there_is_not_overwritten_and_a_picture_is_a_png(cache, tmp_path, asked, capsys):
    (tmp_path / "mine.png").write_bytes(b"mine")
    for name, reason in (("mine.png", "exists"), ("mine.jpg", "a PNG"), ("no/x.png", "no such")):
        assert status("--cache", cache, "--picture", tmp_path / name) == 2
        error = capsys.readouterr().err
        assert reason in error
        assert error.count("\n") == 1
    assert (tmp_path / "mine.png").read_bytes() == b"mine"
    assert not asked


def test_without_matplotlib_one_line_names_the_extra(cache, monkeypatch, capsys):
    monkeypatch.setattr(plots, "can_draw", lambda: False)
    assert status("--cache", cache, "--picture") == 2
    error = capsys.readouterr().err
    assert "pip install 'bottleneck-cache[plots]'" in error
    assert error.count("\n") == 1
    assert status("--cache", cache) == 0
    with pytest.raises(MissingDependencyError):
        bottleneck.open_store(cache).picture()


def test_a_store_without_rows_and_one_of_several_sources_say_what_to_do(cache, tmp_path, asked):
    picture(tmp_path / "other/cat/1.png", 99)
    picture(tmp_path / "other/dog/2.png", 98)
    extract(ExtractOptions(cache=cache, data=str(tmp_path / "other"), network=NETWORK))
    store = Store.open(cache)
    with pytest.raises(UsageError, match="--source"):
        feature_picture.feature_picture(store)
    assert status("--cache", cache, "--source", "other", "--picture") == 0
    assert len(asked[-1][0].points) == 2
    store.available = lambda name: np.zeros(0, np.int64)
    with pytest.raises(DataError, match="extract"):
        feature_picture.feature_picture(store, "other")


def test_rows_that_are_no_numbers_are_refused(cache, asked):
    store = Store.open(cache)
    store.rows = lambda digests: np.full((len(digests), 6), np.nan, np.float32)
    with pytest.raises(DataError, match="no numbers"):
        feature_picture.feature_picture(store)
    assert not asked
