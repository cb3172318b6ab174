"""Figures of predictions against scikit-learn."""

import numpy as np
import pytest
from sklearn.metrics import log_loss, precision_recall_fscore_support, top_k_accuracy_score

from bottleneck.heads import metrics


def test_metrics_are_those_of_scikit_learn():
    rng = np.random.default_rng(0)
    p = rng.dirichlet(np.ones(7), 300).astype("f4")
    y = rng.integers(0, 6, 300).astype(np.int32)  # class 6 has no row
    names = [str(i) for i in range(7)]
    found = metrics.evaluate(p, y, names)
    assert found["accuracy"] == pytest.approx((p.argmax(1) == y).mean())
    assert found["top5"] == pytest.approx(top_k_accuracy_score(y, p, k=5, labels=range(7)))
    assert found["loss"] == pytest.approx(log_loss(y, p, labels=range(7)), rel=1e-5)
    precision, recall, f1, _ = precision_recall_fscore_support(
        y, p.argmax(1), labels=range(7), zero_division=np.nan
    )
    for i, name in enumerate(names[:6]):
        assert found["classes"][name]["precision"] == pytest.approx(precision[i])
        assert found["classes"][name]["recall"] == pytest.approx(recall[i])
        assert found["classes"][name]["f1"] == pytest.approx(f1[i])
    assert found["classes"]["6"]["recall"] is None
    assert metrics.majority_baseline(np.array([1, 1, 2]), np.array([1, 2, 2, 2])) == 0.25


@pytest.mark.parametrize("absent", ["row", "answer", "both"])
def test_macro_figures_are_those_of_scikit_learn_where_a_class_is_absent(absent):
    rng = np.random.default_rng(1)
    y, said = rng.integers(0, 4, (2, 200)).astype("i4")
    if absent in ("row", "both"):  # class 3 has no row; then no answer either
        y[y == 3] = 0
    if absent in ("answer", "both"):
        said[said == 3] = 0
    found = metrics.evaluate(np.eye(5, dtype="f4")[said], y, list("abcde"))["macro"]
    expected = precision_recall_fscore_support(y, said, average="macro", zero_division=0)
    assert [found[key] for key in ("precision", "recall", "f1")] == pytest.approx(expected[:3])


@pytest.mark.parametrize("k", [0, 3])
def test_of_no_rows_every_figure_is_none_and_every_count_zero(k):
    names = [str(i) for i in range(k)]
    found = metrics.evaluate(np.zeros((0, k), "f4"), np.zeros(0, np.int32), names)
    assert [found[key] for key in ("samples", "accuracy", "top5", "loss")] == [0, None, None, None]
    assert found["macro"] == {"precision": None, "recall": None, "f1": None}
    none = {"samples": 0, "precision": None, "recall": None, "f1": None}
    assert found["classes"] == dict.fromkeys(names, none)
    assert found["confusion"] == [[0] * k] * k
    assert metrics.majority_baseline(np.array([1, 1, 2]), np.zeros(0, np.int32)) is None


def test_a_commonest_class_that_no_row_has_is_no_baseline():
    assert metrics.majority_baseline(np.array([1, 1, 2]), np.array([2, 0, 2])) is None
