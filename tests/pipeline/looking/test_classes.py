"""Which classes run into each other, and which are two things."""

import numpy as np

from bottleneck.pipeline.looking.classes import confusions, two_clusters
from bottleneck.pipeline.looking.neighbours import nearest, unit_rows


def test_pairs_of_classes_are_counted_both_ways_and_the_largest_share_comes_first():
    labels = np.array([0] * 10 + [1] * 10 + [2] * 10, np.int32)
    answers = labels.copy()
    answers[[0, 1, 2]] = 1
    answers[10] = 0
    answers[20] = 1
    found = confusions(labels, np.eye(3, dtype="f4")[answers])
    assert found == [
        {"one": 0, "other": 1, "taken": 3, "taken_back": 1, "share": 0.2},
        {"one": 1, "other": 2, "taken": 0, "taken_back": 1, "share": 0.05},
    ]


def units(centres, each, seed=0, spread=1.0):
    rng = np.random.default_rng(seed)
    x = np.concatenate([c + spread * rng.normal(size=(each, 16)) for c in centres])
    return unit_rows(x.astype("f4"), x.mean(0).astype("f4"))


def test_a_class_of_two_things_is_found_with_an_example_of_each():
    centres = [4 * np.eye(16)[i] for i in range(4)]
    x = units(centres, 60)
    labels = np.repeat([0, 1, 2, 2], 60).astype(np.int32)  # class 2 is two blobs
    found = two_clusters(x, labels, nearest(x, 10), 3)
    assert [one["label"] for one in found] == [2]
    assert found[0]["sizes"] in ([60, 60], [61, 59])
    one, other = sorted(found[0]["members"])
    assert 120 <= one < 180 <= other < 240
    assert 0 <= found[0]["across"] < 0.1


def test_one_blob_however_long_is_one_thing():
    rng = np.random.default_rng(1)
    x = rng.normal(size=(300, 16)) * np.array([3] + [1] * 15) + 5
    x = np.concatenate([x, rng.normal(size=(300, 16)) - 5]).astype("f4")
    x = unit_rows(x, x.mean(0))
    assert not two_clusters(x, np.repeat([0, 1], 300).astype(np.int32), nearest(x, 10), 2)


def blobs(sizes, seed=0):
    which = np.repeat(np.arange(len(sizes)), sizes)
    x = 8 * np.eye(16)[which] + np.random.default_rng(seed).normal(size=(len(which), 16))
    return unit_rows(x.astype("f4"), x.mean(0).astype("f4"))


def test_a_few_odd_images_are_no_cluster():
    x = blobs([160, 11, 60])
    labels = np.array([0] * 171 + [1] * 60, np.int32)
    assert not two_clusters(x, labels, nearest(x, 10), 2)


def test_a_small_class_is_not_looked_at():
    x = blobs([60, 15, 15])
    labels = np.array([0] * 60 + [1] * 30, np.int32)
    assert not two_clusters(x, labels, nearest(x, 10), 2)
