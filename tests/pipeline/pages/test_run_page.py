"""The page of a run: the right mistakes, with their pictures where those can be had."""

import base64
import csv
import io
import re
import shutil
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image
from world import picture

from bottleneck.core.sample import Samples, key_array
from bottleneck.heads.catalog import load_head
from bottleneck.heads.run import read_run
from bottleneck.pictures import plots
from bottleneck.pipeline.extraction.extract import extract
from bottleneck.pipeline.extraction.options import ExtractOptions
from bottleneck.pipeline.learning.train import TrainOptions, train
from bottleneck.pipeline.network.options import NetworkOptions
from bottleneck.pipeline.pages.mistakes import SHOWN, mistakes_of, most_confident
from bottleneck.store.store import Store

NETWORK = NetworkOptions(backbone="resnet50", weights="random:0", size=(8, 8))


@pytest.fixture(autouse=True)
def no_drawing(monkeypatch):
    monkeypatch.setattr(plots, "can_draw", lambda: False)  # for speed


@pytest.fixture
def root(tmp_path):
    for i in range(60):
        split = "train" if i < 20 else "test"
        picture(tmp_path / "photos" / split / ("cat" if i % 2 else "dog") / f"{i:02}.png", i)
    return tmp_path / "photos"


@pytest.fixture
def cache(tmp_path, root, numpy_network, later):
    extract(ExtractOptions(cache=tmp_path / "store", data=str(root), network=NETWORK))
    later()
    return tmp_path / "store"


def page_of(cache, **options):
    report = train(TrainOptions(cache=cache, **options))
    run = cache / "runs" / report["run"].split("/")[-1]
    read_run(run)  # the receipt speaks for the page too
    return (run / "report.html").read_text(), run


def shown(text):
    """Return (key, picture or reason) of each mistake on a page."""
    items = re.findall(r"<li>(.*?)</li>", text, re.DOTALL)
    found = []
    for item in items:
        (key,) = re.findall(r"<code>(.*?)</code>", item)
        inside = re.findall(r'base64,([^"]*)', item)
        reasons = re.findall(r'<p class="none">(.*?)</p>', item)
        found.append((key, base64.b64decode(inside[0]) if inside else "".join(reasons)))
    return found


def wrong_by_confidence(run, cache):
    """Return the keys of wrongly judged test images, by plain Python."""
    x, labels, keys = Store.open(cache).arrays(split="test")
    rows = load_head(run).predict(np.asarray(x))
    wrong = [
        (-max(row), key)
        for row, y, key in zip(rows, labels, keys, strict=True)
        if row.argmax() != y
    ]
    return [bytes(key).decode() for _, key in sorted(wrong)]


def test_the_page_shows_the_most_confident_mistakes_of_the_test_and_their_pixels(cache, root):
    text, run = page_of(cache)
    found = shown(text)
    assert [key for key, _ in found] == wrong_by_confidence(run, cache)[:SHOWN]
    assert len(found) == SHOWN
    for key, inside in found:
        pixels = np.asarray(Image.open(io.BytesIO(inside)))
        np.testing.assert_array_equal(pixels, np.asarray(Image.open(root / key)))


def test_without_a_test_the_mistakes_are_those_of_validation(cache, root, later):
    shutil.rmtree(root / "test/cat")
    shutil.rmtree(root / "test/dog")
    for i in range(60, 120):
        picture(root / "val" / ("cat" if i % 2 else "dog") / f"{i:02}.png", i)
    extract(ExtractOptions(cache=cache))
    later()
    text, _ = page_of(cache)
    assert "60 validation images" in text
    assert shown(text)
    assert all(key.startswith("val/") for key, _ in shown(text))


def test_without_the_source_one_sentence_says_so_and_the_mistakes_stand_in_words(cache, root):
    shutil.rmtree(root)
    text, run = page_of(cache)
    assert text.count("The source was not at hand, so its pictures are not shown.") == 1
    assert shown(text) == [(key, "") for key in wrong_by_confidence(run, cache)[:SHOWN]]


def test_an_image_that_changed_or_is_gone_has_a_reason_in_the_place_of_its_picture(cache, root):
    _, run = page_of(cache)
    first, second, *_ = wrong_by_confidence(run, cache)
    picture(root / first, 900)
    (root / second).unlink()
    text, _ = page_of(cache, on_stale="use")
    assert shown(text)[:2] == [(first, "changed since"), (second, "gone")]
    assert all(isinstance(inside, bytes) for _, inside in shown(text)[2:])


class Failing:
    """A source whose images cannot be had, each for another reason."""

    errors = (OSError(5, "Input/output error"), MemoryError(), None)

    def read(self, index):
        if self.errors[index] is not None:
            raise self.errors[index]
        return SimpleNamespace(content=b"no image")


def test_no_image_that_fails_costs_the_run():
    import hashlib

    digests = np.zeros((3, 32), np.uint8)
    digests[2] = np.frombuffer(hashlib.sha256(b"no image").digest(), np.uint8)
    digests[1] = 1
    keys = key_array([b"a", b"b\xff", b"c"])
    samples = Samples(
        keys=keys,
        digests=digests,
        known=np.ones(3, bool),
        labels=np.zeros(3, np.int32),
        splits=np.zeros(3, np.uint8),
        classes=("right", "wrong"),
    )
    now = SimpleNamespace(listing=SimpleNamespace(keys=keys), source=Failing())
    rows = np.array([[0.2, 0.8], [0.3, 0.7], [0.4, 0.6]], np.float32)
    found = mistakes_of(rows, samples, np.arange(3), now)
    assert [(m.key, m.reason) for m in found] == [
        ("a", "cannot be read: Input/output error"),
        (r"b\xff", "too large for the memory that is left"),
        ("c", "not an image of a format that is read here"),
    ]
    assert {(m.truth, m.answer, m.picture) for m in found} == {("right", "wrong", None)}


def test_copies_of_an_image_are_one_mistake_and_equal_ones_stand_in_their_order():
    rows = np.array([[0.1, 0.9], [0.4, 0.6], [0.1, 0.9], [0.4, 0.6], [0.9, 0.1]], np.float32)
    digests = np.array([[7], [1], [7], [2], [3]], np.uint8)
    assert most_confident(rows, np.zeros(5, np.int32), digests) == [0, 1, 3]


def test_without_matplotlib_the_page_stands_without_the_two_pictures(cache):
    text, _ = page_of(cache)
    assert "No pictures of the fit: pip install &#x27;bottleneck-cache[plots]&#x27;" in text
    assert text.count("<img") == SHOWN


@pytest.mark.slow
def test_with_matplotlib_the_page_holds_the_matrix_and_the_curves_one_by_one(cache, monkeypatch):
    pytest.importorskip("matplotlib")
    monkeypatch.undo()
    text, run = page_of(cache)
    assert base64.b64encode((run / "confusion.png").read_bytes()).decode() in text
    kept = read_run(run)
    with (run / "history.csv").open() as file:
        history = [{k: float(v) for k, v in row.items()} for row in csv.DictReader(file)]
    again = plots.draw(history, kept.metrics, "linear head on photos", kept.options)
    assert (run / "curves.png").read_bytes() == again["curves.png"]
    assert text.count("<img") == SHOWN + 3
    assert "The validation loss goes from" in text
    assert "fits, over the strength of their regularisation; " in text
    assert f"; {kept.options['strength']:.3g} was chosen." in text


def test_the_page_says_what_the_cache_held(cache, root):
    text, _ = page_of(cache)
    store = Store.open(cache)
    for word in (
        store.state.checksum,
        store.recipe.id,
        str(root),
        "8 x 8 pixels",
        "numpy on a test",
    ):
        assert word in text
    assert f"checksum of the commit</dt><dd><code>{store.state.checksum}</code>" in text
    assert "60, 60 different, 60 with a row" in text
