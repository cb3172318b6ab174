"""Pictures and tables of labels and numbers: what is drawn, and names that are no markup."""

import numpy as np
import pytest

from bottleneck.heads.label_metrics import evaluate_labels
from bottleneck.heads.number_metrics import evaluate_numbers
from bottleneck.pictures import target_plots
from bottleneck.pictures.target_page import cards, sections
from bottleneck.pictures.target_plots import MOST_COLUMNS, MOST_LABELS, draw_targets

pytest.importorskip("matplotlib")
pytestmark = pytest.mark.slow
NASTY = ("<b>x</b>", "$\\frac$", "_hidden")


def of_labels(k=3, names=NASTY):
    rng = np.random.default_rng(0)
    truth = (rng.random((60, k)) < 0.4).astype("f4")
    p = rng.random((60, k)).astype("f4")
    found = evaluate_labels(p, truth, names, [0.5] * k)
    return {"kind": "labels", "split": "test", **found}, p, truth


def of_numbers(k=3, names=NASTY):
    rng = np.random.default_rng(0)
    truth = rng.normal(size=(60, k)).astype("f4")
    truth[::7, 0] = np.nan
    said = (np.nan_to_num(truth) + rng.normal(size=(60, k)) / 5).astype("f4")
    found = evaluate_numbers(said, truth, names, np.zeros(k))
    return {"kind": "numbers", "split": "val", **found}, said, truth


@pytest.fixture
def drawn(monkeypatch):
    """Return the figures that are drawn, as matplotlib holds them."""
    seen = []
    real = target_plots.png
    monkeypatch.setattr(target_plots, "png", lambda figure: seen.append(figure) or real(figure))
    return seen


def test_labels_are_bars_from_the_lowest_precision_on(drawn):
    figures, p, truth = of_labels()
    found = draw_targets(figures, p, truth, "a title")
    assert found["labels.png"].startswith(b"\x89PNG")
    (axes,) = drawn[0].axes
    widths = [bar.get_width() for bar in axes.patches]
    expected = sorted(each["average_precision"] for each in figures["labels"].values())
    assert widths == expected
    assert len(axes.get_yticklabels()) == 3


def test_of_many_labels_those_of_the_lowest_precision_are_drawn(drawn):
    k = MOST_LABELS + 10
    figures, p, truth = of_labels(k, [f"l{i}" for i in range(k)])
    draw_targets(figures, p, truth, "a title")
    (axes,) = drawn[0].axes
    assert len(axes.patches) == MOST_LABELS
    assert f"the lowest {MOST_LABELS} of {k}" in axes.get_title()


def test_numbers_are_drawn_over_what_is_true_where_it_is_known(drawn):
    figures, said, truth = of_numbers()
    assert draw_targets(figures, said, truth, "a title")["numbers.png"].startswith(b"\x89PNG")
    left, right = drawn[0].axes[:2]
    known = ~np.isnan(truth[:, 0])
    np.testing.assert_allclose(
        left.collections[0].get_offsets(), np.stack([truth[known, 0], said[known, 0]], axis=1)
    )
    off = right.collections[0].get_offsets()[:, 1]
    np.testing.assert_allclose(off, said[known, 0] - truth[known, 0], rtol=1e-6)


def test_of_many_numbers_the_first_are_drawn(drawn):
    figures, said, truth = of_numbers(9, [f"n{i}" for i in range(9)])
    draw_targets(figures, said, truth, "a title")
    assert len(drawn[0].axes) == 2 * MOST_COLUMNS


def test_of_no_image_nothing_is_drawn():
    nothing = np.zeros((0, 3), "f4")
    for figures in (
        {"kind": "labels", **evaluate_labels(nothing, nothing, NASTY, [0.5] * 3)},
        {"kind": "numbers", **evaluate_numbers(nothing, nothing, NASTY, np.zeros(3))},
    ):
        assert draw_targets(figures, nothing, nothing, "a title") == {}


@pytest.mark.parametrize("make", [of_labels, of_numbers])
def test_the_page_shows_names_as_they_are_and_never_as_markup(make):
    figures, said, truth = make()
    metrics = {**figures, "parameters": 12, "epochs": 3, "seconds": 0.5}
    receipt = {"split": {"samples": {"train": 9, "val": 3, "test": 60}, "left_out": {"gone": 2}}}
    ((title, table),) = sections(metrics, draw_targets(figures, said, truth, "a title"))
    assert title.lower() == figures["kind"]
    assert "&lt;b&gt;x&lt;/b&gt;" in table
    assert "<b>x</b>" not in table
    assert table.count("<tr>") == 4
    assert "left out: 2 gone" in cards(metrics, receipt, None)


def test_thresholds_that_were_chosen_on_the_judged_images_are_said_to_be():
    figures, _, _ = of_labels()
    metrics = {**figures, "parameters": 12, "epochs": 3, "seconds": 0.5}
    receipt = {"split": {"samples": {"train": 9, "val": 60, "test": 0}, "left_out": {}}}
    words = "so F1 is somewhat too good"
    assert words not in cards(metrics, receipt, 5)
    assert words in cards({**metrics, "split": "val"}, receipt, 5)
