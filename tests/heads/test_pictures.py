"""Pictures of a run: PNG files of what the figures say."""

import io

import numpy as np
import pytest
from PIL import Image

from bottleneck.heads import pictures
from bottleneck.heads.metrics import evaluate

pytest.importorskip("matplotlib")
pytestmark = pytest.mark.slow

HISTORY = [
    {"epoch": 1, "loss": 1.0, "validation_loss": 1.2, "validation_accuracy": 0.5},
    {"epoch": 2, "loss": 0.5, "validation_loss": 0.9, "validation_accuracy": 0.7},
]


def figures(n_classes=3, n=60):
    rng = np.random.default_rng(0)
    probabilities = rng.dirichlet(np.ones(n_classes), n).astype("f4")
    names = [f"class {i}" for i in range(n_classes)]
    return evaluate(probabilities, rng.integers(0, n_classes, n).astype("i4"), names)


def pixels(png):
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB")).astype(int)


def test_a_run_has_curves_and_a_confusion_matrix():
    drawn = pictures.draw(HISTORY, figures(), "a head")
    assert sorted(drawn) == ["confusion.png", "curves.png"]
    for png in drawn.values():
        assert pixels(png).std() > 10  # something is drawn


def test_the_diagonal_of_a_perfect_head_is_dark_and_the_rest_is_light():
    perfect = pixels(pictures.confusion_matrix(np.eye(4, dtype=int) * 9, list("abcd"), "t"))
    none = pixels(pictures.confusion_matrix(np.zeros((4, 4), int), list("abcd"), "t"))
    dark = (np.abs(perfect - (8, 48, 107)).sum(2) < 30).mean()  # the colour of 1.0
    assert dark > 4 * (np.abs(none - (8, 48, 107)).sum(2) < 30).mean()
    assert dark > 0.05


@pytest.mark.parametrize("n_classes", [2, 25, 60])
def test_many_classes_are_drawn_without_unreadable_names(n_classes):
    height, width, _ = pixels(pictures.draw([], figures(n_classes), "t")["confusion.png"]).shape
    assert max(height, width) < 2000


def test_equal_runs_give_equal_bytes():
    assert pictures.draw(HISTORY, figures(), "t") == pictures.draw(HISTORY, figures(), "t")


def test_what_cannot_be_drawn_is_left_out():
    nothing = evaluate(np.zeros((0, 2), "f4"), np.zeros(0, "i4"), ["a", "b"])
    assert pictures.draw(HISTORY[:1], nothing, "t") == {}
