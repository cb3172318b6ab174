"""Pictures of a run: PNG files of what the figures say."""

import io

import numpy as np
import pytest
from PIL import Image

from bottleneck.heads.metrics import evaluate
from bottleneck.pictures import plots

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
    drawn = plots.draw(HISTORY, figures(), "a head")
    assert sorted(drawn) == ["confusion.png", "curves.png"]
    for png in drawn.values():
        assert pixels(png).std() > 10  # something is drawn


def test_the_diagonal_of_a_perfect_head_is_dark_and_the_rest_is_light():
    perfect = pixels(plots.confusion_matrix(np.eye(4, dtype=int) * 9, list("abcd"), "t"))
    none = pixels(plots.confusion_matrix(np.zeros((4, 4), int), list("abcd"), "t"))
    dark = (np.abs(perfect - (8, 48, 107)).sum(2) < 30).mean()  # the colour of 1.0
    assert dark > 4 * (np.abs(none - (8, 48, 107)).sum(2) < 30).mean()
    assert dark > 0.05


@pytest.mark.parametrize("n_classes", [2, 25, 60])
def test_many_classes_are_drawn_without_unreadable_names(n_classes):
    height, width, _ = pixels(plots.draw([], figures(n_classes), "t")["confusion.png"]).shape
    assert max(height, width) < 2000


def test_equal_runs_give_equal_bytes():
    assert plots.draw(HISTORY, figures(), "t") == plots.draw(HISTORY, figures(), "t")


def test_what_cannot_be_drawn_is_left_out():
    nothing = evaluate(np.zeros((0, 2), "f4"), np.zeros(0, "i4"), ["a", "b"])
    assert plots.draw(HISTORY[:1], nothing, "t") == {}


@pytest.mark.parametrize("name", [r"$\frac$", "_x", "猫", "half \udcff", "a\nb"])
def test_any_name_can_be_drawn(name):
    plots.confusion_matrix(np.eye(2, dtype=int), [name, "b"], name)
    plane(classes=(name, "b"), title=name, caption=name)


def plane(n=40, classes=("a", "b"), labels=None, title="t", caption="c"):
    points = np.random.default_rng(0).normal(size=(n, 2))
    labels = np.arange(n) % max(1, len(classes)) if labels is None else labels
    return plots.plane(points, (0.5, 0.25), labels, classes, title, caption)


def colours(png):
    """Return how many pixels have each colour of the palette, as a dot on white shows it."""
    found = pixels(png)
    wanted = [0.7 * np.array([*bytes.fromhex(c[1:])]) + 0.3 * 255 for c in plots.COLOURS]
    return [int((np.abs(found - c).sum(2) < 8).sum()) for c in wanted]


def test_each_class_has_its_colour_on_the_plane_and_in_the_legend():
    some = colours(plane(classes=tuple("abc"), labels=np.zeros(40, int)))
    assert some[0] > 3 * some[1] > 0  # of one without a point there is the legend alone
    every = colours(plane(classes=tuple("abc")))
    assert all(n > 0 for n in every[:3])
    assert plane(classes=("_a", "b")) == plane(classes=(" _a", "b"))  # not left out of the legend


@pytest.mark.parametrize("n_classes", [0, 20, 21])
def test_a_plane_of_any_number_of_classes_is_drawn(n_classes):
    classes = tuple(f"class {i}" for i in range(n_classes))
    labels = np.full(40, -1) if not classes else np.arange(40) % n_classes
    labels[0] = -1
    height, width, _ = pixels(plane(classes=classes, labels=labels)).shape
    assert max(height, width) < 1000


def test_no_word_is_cut_at_an_edge_of_the_plane():
    # So far apart that equal axes change the ticks, to longer ones.
    points = np.array([[-1.14, 0], [1.195, 0], [0, -0.81], [0, 0.93]]) * 0.98
    names = ("a", "b", "c", "longer name")
    drawn = pixels(plots.plane(points, (0.5, 0.3), np.arange(4), names, "two\nlines", "c"))
    assert (drawn[:, :2] == 255).all()
