"""What is thought of labels: of which images, and which stay together."""

from types import SimpleNamespace

import numpy as np

from bottleneck.core.reporter import SILENT
from bottleneck.core.sample import Groups
from bottleneck.pipeline.looking import opinions
from bottleneck.pipeline.looking.neighbours import nearest, unit_rows
from bottleneck.pipeline.looking.opinions import judge_labels, opinions_of


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


def test_there_is_no_opinion_of_one_class_or_of_none():
    units, labels = world([30, 3])
    assert judged(units, labels, 2) is None
    assert judged(units, np.full(33, -1, np.int32), 2) is None


def test_groups_of_the_source_and_the_same_images_stay_in_one_fold(monkeypatch):
    units, labels = world([30, 30])
    seen = []
    real = opinions.folds_of
    monkeypatch.setattr(opinions, "folds_of", lambda *a: seen.append(a[1]) or real(*a))
    numbers = np.full(60, -1, np.int32)
    numbers[[3, 8, 9]], numbers[[20, 21]] = 0, 1
    together = np.arange(60)
    together[9] = together[40] = 2  # 2, 9 and 40 are the same, and 9 is of a group
    images = SimpleNamespace(
        units=units, labels=labels, first=np.arange(60),
        samples=SimpleNamespace(
            classes=("a", "b"), groups=Groups(numbers=numbers, names=("p", "q"))
        ),
    )  # fmt: skip
    assert opinions_of(images, nearest(units, 20), together, 0, SILENT) is not None
    found = seen[0]
    assert len(set(found[[2, 3, 8, 9, 40]])) == 1
    assert found[20] == found[21] != found[2]
    others = np.delete(np.arange(60), [2, 3, 8, 9, 40, 20, 21])
    assert len(set(found[others])) == len(others)
