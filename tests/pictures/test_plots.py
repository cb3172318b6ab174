"""Pictures of a run: PNG files of what the figures say."""

import io
import math

import numpy as np
import pytest
from PIL import Image

from bottleneck.heads.metrics import evaluate
from bottleneck.pictures import plots
from bottleneck.pictures.canvas import short
from bottleneck.pictures.course import course_of
from bottleneck.pictures.curves import curves_figure, panels_of
from bottleneck.pictures.matrix import (
    MOST_DOTS,
    confusion_figure,
    confusion_matrix,
    readable_on,
    worst_confusions,
)
from bottleneck.pictures.plots import comparison_figure

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
    perfect = pixels(confusion_matrix(np.eye(4, dtype=int) * 9, list("abcd"), "t"))
    none = pixels(confusion_matrix(np.zeros((4, 4), int), list("abcd"), "t"))
    dark = (np.abs(perfect - (8, 48, 107)).sum(2) < 30).mean()  # the colour of 1.0
    assert dark > 4 * (np.abs(none - (8, 48, 107)).sum(2) < 30).mean()
    assert dark > 0.05


@pytest.mark.parametrize("n_classes", [2, 25, 60, 1000])
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
    confusion_matrix(np.eye(2, dtype=int), [name, "b"], name)
    comparison_figure([run_entry(run=name, source=name, backbone=name)], "accuracy")


def drawn_curves(history, options=None):
    course = course_of(history, options or {})
    return course, curves_figure(course, panels_of(course))


def labelled(axes):
    return {line.get_label(): line for line in axes.get_lines()}


@pytest.mark.parametrize("n", [2, 3, 12, 57, 300])
def test_epochs_are_whole_numbers_and_the_best_is_marked(n):
    history = [
        {"epoch": i, "loss": 1 / i, "validation_loss": abs(i - 2) + 1.0} for i in range(1, n + 1)
    ]
    _, figure = drawn_curves(history)
    figure.draw_without_rendering()
    (axes,) = figure.axes  # nothing says how accurate it was
    assert 2 <= len(axes.get_xticks()) <= 9
    assert all(tick == int(tick) and 1 <= tick <= n for tick in axes.get_xticks())
    assert all(label.get_text().isdigit() for label in axes.get_xticklabels())
    assert list(labelled(axes)["lowest validation loss: epoch 2"].get_xdata()) == [2, 2]
    assert axes.get_xlabel() == "epoch"


def strengths(*values):
    return [
        {"epoch": 9 * n, "strength": value, "loss": value, "validation_loss": value + n / 10}
        for n, value in enumerate(values)
    ]


PATH = tuple(10.0 ** (-n / 2) for n in range(9))


def test_a_head_that_tries_strengths_is_drawn_over_them_and_the_chosen_one_is_marked():
    course, figure = drawn_curves(strengths(*PATH), {"strength": PATH[3]})
    (axes,) = figure.axes
    assert axes.get_xscale() == "log"
    assert axes.get_xlabel().startswith("strength")
    np.testing.assert_allclose(labelled(axes)["validation"].get_xdata(), sorted(PATH))
    losses = [value + n / 10 for n, value in enumerate(PATH)]
    np.testing.assert_allclose(labelled(axes)["validation"].get_ydata(), losses[::-1])
    assert list(labelled(axes)["chosen strength: 0.0316"].get_xdata()) == [PATH[3]] * 2
    words = [label.get_text() for label in axes.get_xticklabels()]
    assert words == ["1", "0.1", "0.01", "0.001", "0.0001"]
    assert course.over == "strength"


def test_a_strength_is_spelled_without_an_exponent_where_it_is_short():
    _, figure = drawn_curves(strengths(*(100.0 / 10**n for n in range(5))), {"strength": 1.0})
    words = [label.get_text() for label in figure.axes[0].get_xticklabels()]
    assert words == ["100", "10", "1", "0.1", "0.01"]
    _, figure = drawn_curves(strengths(1000.0, 100.0, 10.0), {"strength": 1000.0})
    assert "chosen strength: 1000" in labelled(figure.axes[0])


def test_the_fit_at_the_chosen_strength_is_no_part_of_the_path_to_it():
    for chosen in (0.025, PATH[3]):
        course, _ = drawn_curves(strengths(*PATH, chosen), {"strength": chosen})
        assert course.at == tuple(sorted(PATH))
        assert course.marked == chosen
    at_the_end = course_of(strengths(*PATH), {"strength": PATH[-1]})
    assert at_the_end.at == tuple(sorted(PATH))


NAN, INF = math.nan, math.inf


def test_a_fit_that_diverged_is_drawn_as_far_as_it_has_numbers():
    history = [
        {"epoch": 1, "loss": 2.0, "validation_loss": 3.0},
        {"epoch": 2, "loss": INF, "validation_loss": 2.5},
        {"epoch": 3, "loss": NAN, "validation_loss": NAN},
    ]
    course, figure = drawn_curves(history)
    assert course.marked == 2
    lines = labelled(figure.axes[0])
    assert list(lines["train"].get_xdata()) == [1]
    assert list(lines["validation"].get_ydata()) == [3.0, 2.5]
    nothing = [{"epoch": i, "loss": NAN, "validation_loss": NAN} for i in (1, 2)]
    assert plots.draw(nothing, evaluate(np.zeros((0, 2), "f4"), np.zeros(0, "i4"), "ab"), "t") == {}
    assert course_of(nothing, {}).marked is None


def test_without_validation_rows_nothing_is_called_best():
    course, figure = drawn_curves([{"epoch": i, "loss": 1 / i} for i in (1, 2, 3)])
    assert course.marked is None
    assert list(labelled(figure.axes[0])) == ["train"]


def contrast(colour, other):
    """Return the contrast of two colours by the definition of WCAG 2.2."""

    def luminance(rgb):
        rgb = np.asarray(rgb[:3])
        linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
        return linear @ (0.2126, 0.7152, 0.0722)

    high, low = sorted((luminance(colour), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def test_numbers_stand_out_from_their_cells():
    from matplotlib import colormaps

    for share in np.linspace(0, 1, 101):
        cell = colormaps["Blues"](share)
        ink = {"black": (0, 0, 0), "white": (1, 1, 1)}[readable_on(cell)]
        assert contrast(cell, ink) >= 4.5


@pytest.mark.parametrize("n", [2, 5, 6, 10, 20])
def test_every_count_is_in_its_cell_and_fits_it(n):
    counts = np.arange(n * n).reshape(n, n) * 301
    names = [f"a long name of class number {i}" for i in range(n)]
    figure = confusion_figure(counts, names, "a title longer than cells are wide, " * 5)
    figure.draw_without_rendering()
    axes = figure.axes[0]
    found = {tuple(words.get_position()): words.get_text() for words in axes.texts}
    expected = {(j, i): str(counts[i, j]) for i in range(n) for j in range(n) if counts[i, j]}
    assert found == expected
    cell = axes.get_window_extent().width / n
    assert max(words.get_window_extent().width for words in axes.texts) < cell
    assert [t.get_text() for t in axes.get_yticklabels()] == [
        f"a long na…number {i}" if i < 10 else f"a long na…umber {i}" for i in range(n)
    ]
    title = figure._suptitle.get_window_extent()
    assert title.x0 >= 0
    assert title.x1 <= figure.bbox.x1


def test_of_a_thousand_classes_no_hit_is_lost_between_the_dots():
    n = 1000
    figure = confusion_figure(np.eye(n, dtype=int), [str(i) for i in range(n)], "t")
    axes, bar = figure.axes
    (image,) = axes.get_images()
    shown = np.asarray(image.get_array())
    assert len(shown) <= MOST_DOTS
    np.testing.assert_array_equal(np.diag(shown), 1)
    assert not axes.texts
    assert "the largest of 3 by 3 cells" in bar.get_ylabel()
    assert axes.get_xlim() == (-0.5, n - 0.5)


def test_the_worst_confusions_are_the_most_frequent_and_then_the_largest_share():
    rng = np.random.default_rng(0)
    counts = rng.integers(0, 6, (9, 9))
    wrong = [
        (-counts[i, j], counts[i].sum(), i, j)
        for i in range(9)
        for j in range(9)
        if i != j and counts[i, j] > 1
    ]
    expected = [(i, j, -times, of) for times, of, i, j in sorted(wrong)]
    assert [tuple(found) for found in worst_confusions(counts, 99)] == expected
    assert worst_confusions(np.eye(3, dtype=int)) == []


def test_a_long_name_keeps_both_ends():
    assert short("n01440764_tench_and_more_0001") == "n01440764…ore_0001"
    assert len(short("x" * 99)) == len(short("x" * 18)) == 18


def run_entry(accuracy=0.75, **changes):
    return {
        "run": "store/runs/a",
        "backbone": "mini",
        "head": "linear",
        "source": "photos",
        "judged_on": "test",
        "samples": 1200,
        "accuracy": accuracy,
        "accuracy_interval": (accuracy - 0.02, accuracy + 0.03),
        **changes,
    }


def test_a_comparison_says_how_many_images_judged_and_each_value():
    unjudged = {**run_entry(), "accuracy": None, "accuracy_interval": None}
    entries = [run_entry(0.81234), run_entry(0.7), unjudged]
    figure = comparison_figure(entries, "accuracy")
    (axes,) = figure.axes
    assert figure._suptitle.get_text() == "accuracy of 2 of 3 runs\n1,200 test images of photos"
    assert [words.get_text() for words in axes.texts] == ["0.8123", "0.7000"]
    assert [words.xy for words in axes.texts] == [(0.81234, 0), (0.7, 1)]
    bar, point, *_ = axes.get_lines()
    np.testing.assert_allclose(bar.get_xdata(), [0.79234, 0.84234])
    assert list(point.get_xdata()) == [0.81234]
    assert axes.get_xlabel() == "accuracy, and its 95% interval"


def test_a_comparison_of_runs_on_different_images_says_so_and_how_many_each():
    entries = [run_entry(), run_entry(samples=30, judged_on="val")]
    figure = comparison_figure(entries, "accuracy")
    assert figure._suptitle.get_text() == "accuracy of 2 runs\njudged on different images"
    words = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert words == ["mini, linear\na, 1,200 test", "mini, linear\na, 30 val"]
    unjudged = {**run_entry(), "accuracy": None, "accuracy_interval": None}
    alone = comparison_figure([unjudged], "accuracy")
    assert alone._suptitle.get_text() == "accuracy of 0 of 1 run"
