"""What is thought of labels: of which images, and which stay together."""

import numpy as np

from bottleneck.pipeline.looking import opinions
from bottleneck.pipeline.looking.neighbours import nearest, unit_rows
from bottleneck.pipeline.looking.opinions import judge_labels


def world(sizes, seed=0):
    rng = np.random.default_rng(seed)
    labels = np.repeat(np.arange(len(sizes)), sizes).astype(np.int32)
    x = (3 * np.eye(len(sizes), 8)[labels] + rng.normal(size=(len(labels), 8))).astype("f4")
    return unit_rows(x, x.mean(0)), labels


def judged(units, labels, k):
    return judge_labels(units, labels, nearest(units, 20), np.arange(len(labels)), k, 0)


def test_images_without_a_label_and_of_small_classes_are_not_judged():
    units, labels = world([40, 40, 3])
    labels[::10] = -1
    found = judged(units, labels, 3)
    assert found.too_small == (2,)
    assert set(labels[found.at]) == {0, 1}
    assert len(found.at) == ((labels == 0) | (labels == 1)).sum()
    assert found.head.shape == (len(found.at), 3)
    assert found.head[:, 2].max() < 0.2
    assert not (found.judged.proposed[found.judged.is_disputed] == 2).any()


def test_a_class_that_is_one_group_is_not_judged_because_no_head_knows_it():
    units, labels = world([40, 40, 40])
    together = np.where(labels == 1, 40, np.arange(120))
    found = judge_labels(units, labels, nearest(units, 20), together, 3, 0)
    assert found.too_small == (1,)
    assert set(labels[found.at]) == {0, 2}
    assert found.judged.is_disputed.sum() < 8  # and none of the class as a whole


def test_there_is_no_opinion_of_one_class_or_of_none():
    units, labels = world([30, 3])
    assert judged(units, labels, 2) is None
    assert judged(units, np.full(33, -1, np.int32), 2) is None


def test_what_belongs_together_is_in_one_fold(monkeypatch):
    units, labels = world([30, 30])
    labels[4] = -1  # not judged
    together = np.arange(60)
    together[[9, 40, 59]] = 2
    seen = []
    real = opinions.out_of_fold
    monkeypatch.setattr(opinions, "out_of_fold", lambda *a: seen.append(a[2]) or real(*a))
    found = judge_labels(units, labels, nearest(units, 20), together, 2, 0)
    assert len(set(seen[0][np.isin(found.at, [2, 9, 40, 59])])) == 1
    assert len(set(seen[0])) == 5
