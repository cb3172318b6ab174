"""Figures of labels against scikit-learn, and where there is nothing to judge."""

import numpy as np
import pytest
from sklearn.metrics import (
    average_precision_score,
    f1_score,
    log_loss,
    precision_recall_curve,
    precision_score,
    recall_score,
)

from bottleneck.heads.label_metrics import (
    average_precision,
    best_threshold,
    best_thresholds,
    binary_loss,
    evaluate_labels,
)

NAMES = ("a", "b", "c")


@pytest.fixture
def said():
    """Return probabilities with many equal ones, and what is true."""
    rng = np.random.default_rng(0)
    truth = (rng.random((200, 3)) < [0.5, 0.1, 0.3]).astype("f4")
    p = np.round(np.clip(truth * 0.3 + rng.random((200, 3)) * 0.7, 0, 1), 1).astype("f4")
    return p, truth


def test_every_figure_is_scikit_learn_s(said):
    p, truth = said
    found = evaluate_labels(p, truth, NAMES, (0.5, 0.4, 0.6))
    is_said = p >= np.array((0.5, 0.4, 0.6), "f4")
    for average in ("macro", "micro"):
        expected = average_precision_score(truth, p, average=average)
        assert found[f"{average}_average_precision"] == pytest.approx(expected)
        assert found[f"{average}_f1"] == pytest.approx(f1_score(truth, is_said, average=average))
    for i, name in enumerate(NAMES):
        each = found["labels"][name]
        assert each["average_precision"] == pytest.approx(
            average_precision_score(truth[:, i], p[:, i])
        )
        assert each["precision"] == pytest.approx(precision_score(truth[:, i], is_said[:, i]))
        assert each["recall"] == pytest.approx(recall_score(truth[:, i], is_said[:, i]))
        assert each["positives"] == int(truth[:, i].sum())
    assert found["baseline"] == pytest.approx(truth.mean(axis=0).mean())
    clipped = np.clip(p.astype("f8"), 1e-12, 1 - 1e-12)
    expected = [log_loss(truth[:, i], clipped[:, i]) for i in range(3)]
    assert found["loss"] == pytest.approx(np.mean(expected))


def test_the_threshold_is_that_of_the_highest_f1_of_all(said):
    p, truth = said
    for i in range(3):
        precision, recall, values = precision_recall_curve(truth[:, i], p[:, i])
        f1 = 2 * precision * recall / np.maximum(precision + recall, 1e-9)
        threshold = best_threshold(p[:, i], truth[:, i] == 1)
        found = f1_score(truth[:, i], p[:, i] >= np.float32(threshold))
        assert found == pytest.approx(f1.max())
        assert threshold not in values  # between two scores, so that rounding moves nothing


def test_what_is_not_known_counts_nothing(said):
    p, truth = said
    some = truth.copy()
    some[::3, 1] = np.nan
    p[::3, 1] = 0.123  # whatever is said of it
    kept = np.arange(200) % 3 > 0
    found = evaluate_labels(p, some, NAMES, (0.5,) * 3)["labels"]["b"]
    assert found["samples"] == kept.sum()
    assert found["average_precision"] == pytest.approx(
        average_precision_score(truth[kept, 1], p[kept, 1])
    )
    assert best_thresholds(p, some)[1] == best_threshold(p[kept, 1], truth[kept, 1] == 1)
    assert binary_loss(p[:, 1:2], some[:, 1:2]) == pytest.approx(
        log_loss(truth[kept, 1], np.clip(p[kept, 1].astype("f8"), 1e-12, 1 - 1e-12))
    )


def test_a_label_that_no_row_has_is_no_part_of_the_means(said):
    p, truth = said
    truth[:, 1] = 0
    found = evaluate_labels(p, truth, NAMES, (0.5,) * 3)
    assert found["labels"]["b"]["average_precision"] is None
    expected = average_precision_score(truth[:, [0, 2]], p[:, [0, 2]])
    assert found["macro_average_precision"] == pytest.approx(expected)
    assert best_thresholds(p, truth)[1] == 0.5


def test_of_no_rows_every_figure_is_none():
    found = evaluate_labels(np.zeros((0, 3), "f4"), np.zeros((0, 3), "f4"), NAMES, (0.5,) * 3)
    assert {found[k] for k in ("macro_average_precision", "micro_f1", "loss", "baseline")} == {None}
    assert average_precision(np.zeros(0, "f4"), np.zeros(0, bool)) is None
