"""Which images are proposed, and what chooses the head that is asked about them."""

import numpy as np

from bottleneck.heads import linear
from bottleneck.heads.task import TRAIN, VALIDATION
from bottleneck.pipeline.looking.neighbours import unit_rows
from bottleneck.pipeline.looking.proposals import answers


def test_copies_and_groups_are_on_one_side_of_what_chooses_the_head(monkeypatch):
    rng = np.random.default_rng(0)
    labels = (np.arange(90) % 3).astype(np.int32)
    labels[80:] = -1
    rows = unit_rows((2 * np.eye(3, 8)[labels] + rng.normal(size=(90, 8))).astype("f4"))
    together = np.arange(90) // 6 * 6  # sixes: pictures of one thing each
    tasks = []
    real = linear.fit
    monkeypatch.setattr(linear, "fit", lambda task: tasks.append(task) or real(task))
    labelled, asked = np.flatnonzero(labels >= 0), np.arange(80, 90)
    p = answers(rows, labels, labelled, asked, 3, 0, together)
    assert p.shape == (10, 3)
    (task,) = tasks
    assert {TRAIN, VALIDATION} == set(task.split)
    for group in np.unique(together[labelled]):
        assert len(set(task.split[together[labelled] == group])) == 1
    np.testing.assert_array_equal(task.groups, together[labelled])  # for folds of its own
