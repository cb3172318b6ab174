"""What is proposed to be labelled next."""

import numpy as np

from bottleneck.pipeline.looking.neighbours import unit_rows
from bottleneck.pipeline.looking.next_labels import label_next


def rows(n, seed=0):
    return unit_rows(np.random.default_rng(seed).normal(size=(n, 12)).astype("f4"))


def test_images_that_a_head_is_sure_of_are_not_proposed():
    p = np.tile(np.array([[0.999, 0.001]], "f4"), (100, 1))
    unsure = np.arange(0, 100, 10)
    p[unsure] = 0.5
    chosen = label_next(rows(100), p, 8)
    assert np.isin(chosen, unsure).all()
    assert len(set(chosen.tolist())) == 8


def test_of_images_that_are_alike_one_is_proposed():
    x = np.repeat(rows(6), 20, axis=0)  # six images, twenty copies of each
    chosen = label_next(x, np.full((120, 2), 0.5, "f4"), 6)
    assert sorted((chosen // 20).tolist()) == list(range(6))


def test_the_distances_are_those_of_the_steps_of_a_linear_head():
    # One image after another, by plain arithmetic on the whole gradients.
    rng = np.random.default_rng(3)
    x = rows(40)
    p = rng.dirichlet(np.ones(3), 40).astype("f4")
    error = p - np.eye(3)[p.argmax(axis=1)]
    rows_1 = np.concatenate([x, np.ones((40, 1))], 1)
    steps = (rows_1[:, :, None] * error[:, None]).reshape(40, -1)
    draw = np.random.default_rng(7)
    wanted = [int((steps**2).sum(axis=1).argmax())]
    for _ in range(9):
        drawn = np.concatenate([steps[wanted], np.zeros((1, steps.shape[1]))])
        far = ((steps[:, None] - drawn) ** 2).sum(axis=2).min(axis=1)
        far[wanted] = 0
        wanted.append(int(draw.choice(40, p=far / far.sum())))
    assert label_next(x, p, 10, seed=7).tolist() == wanted


def test_without_a_head_unlike_images_are_proposed_and_never_one_twice():
    x = np.repeat(rows(4), 10, axis=0)
    chosen = label_next(x, None, 40)
    assert sorted((chosen[:4] // 10).tolist()) == [0, 1, 2, 3]
    assert sorted(chosen.tolist()) == list(range(40))
    assert len(label_next(x[:3], None, 9)) == 3
