"""Features in two dimensions, drawn: colours, names and what the axes are."""

import io

import numpy as np
import pytest
from PIL import Image

from bottleneck.pictures.plane import Plane
from bottleneck.pictures.scatter import COLOURS, plane_figure
from bottleneck.pictures.scatter import plane as plane_png

pytest.importorskip("matplotlib")
pytestmark = pytest.mark.slow


def found(points, has_scale=True):
    return Plane(points=points, axes=("x of it", "y of it"), how="h", has_scale=has_scale)


def pixels(png):
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB")).astype(int)


def plane(n=40, classes=("a", "b"), labels=None, title="t", caption="c"):
    points = np.random.default_rng(0).normal(size=(n, 2))
    labels = np.arange(n) % max(1, len(classes)) if labels is None else labels
    return plane_png(found(points), labels, classes, title, caption)


def colours(png):
    """Return how many pixels have each colour of the palette, as a dot on white shows it."""
    seen = pixels(png)
    wanted = [0.7 * np.array([*bytes.fromhex(c[1:])]) + 0.3 * 255 for c in COLOURS]
    return [int((np.abs(seen - c).sum(2) < 8).sum()) for c in wanted]


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
    assert max(height, width) < 2000


def test_no_word_is_cut_at_an_edge_of_the_plane():
    # So far apart that equal axes change the ticks, to longer ones.
    points = np.array([[-1.14, 0], [1.195, 0], [0, -0.81], [0, 0.93]]) * 0.98
    names = ("a", "b", "c", "longer name")
    drawn = pixels(plane_png(found(points), np.arange(4), names, "two\nlines", "c"))
    assert (drawn[:, :2] == 255).all()


@pytest.mark.parametrize("name", [r"$\\frac$", "_x", "猫", "half \udcff", "a\nb"])
def test_any_name_can_be_drawn(name):
    plane(classes=(name, "b"), title=name, caption=name)


def test_a_class_is_named_at_its_median_the_largest_first_where_there_is_room():
    labels = np.repeat([0, 1, 2, 3], [10, 30, 20, 5])
    points = np.array([[0.0, 0], [0.001, 0], [5, 5], [9, 0]])[labels]
    points[:1] += 100  # an outlier moves no median
    axes = plane_figure(found(points), labels, ("a", "b", "c", "d", "no row"), "t", "c").axes[0]
    assert {words.get_text(): tuple(words.get_position()) for words in axes.texts} == {
        "b": (0.001, 0), "c": (5, 5), "d": (9, 0)
    }  # fmt: skip


@pytest.mark.parametrize("n_classes", [3, 100])
def test_names_lie_nowhere_on_each_other(n_classes):
    labels = np.arange(600) % n_classes
    points = np.random.default_rng(0).normal(size=(n_classes, 2))[labels]
    names = [f"class {i}" for i in range(n_classes)]
    figure = plane_figure(found(points), labels, names, "t", "c")
    figure.draw_without_rendering()
    boxes = [words.get_window_extent() for words in figure.axes[0].texts]
    assert len(boxes) > 2
    for i, box in enumerate(boxes):
        assert not any(box.overlaps(other) for other in boxes[:i])


def test_axes_say_what_they_are_and_have_numbers_only_where_those_mean_something():
    points = np.random.default_rng(0).normal(size=(40, 2))
    for has_scale in (True, False):
        figure = plane_figure(found(points, has_scale), np.zeros(40, int), ("a",), "t", "c")
        axes = figure.axes[0]
        assert (axes.get_xlabel(), axes.get_ylabel()) == ("x of it", "y of it")
        assert bool(len(axes.get_xticks())) is has_scale
