"""Groups of images that pairs put together."""

import numpy as np

from bottleneck.pipeline.looking.groups import around, united


def groups(numbers):
    return {
        frozenset(np.flatnonzero(numbers == g).tolist())
        for g in set(numbers.tolist())
        if (numbers == g).sum() > 1
    }


def test_a_chain_of_pairs_unites_all_of_it():
    found = united(7, np.array([[0, 1], [1, 2], [5, 6], [2, 3]]))
    assert groups(found) == {frozenset({0, 1, 2, 3}), frozenset({5, 6})}
    assert found[4] == 4
    assert found[3] == 0


def test_united_groups_are_those_of_a_walk_along_pairs():
    rng = np.random.default_rng(0)
    pairs = rng.integers(0, 60, (40, 2))
    reach = np.eye(60, dtype=bool)
    reach[pairs[:, 0], pairs[:, 1]] = reach[pairs[:, 1], pairs[:, 0]] = True
    for _ in range(6):
        reach = (reach.astype(int) @ reach.astype(int)) > 0
    found = united(60, pairs)
    np.testing.assert_array_equal(found[:, None] == found[None], reach)


def test_in_a_group_every_image_is_a_pair_with_the_one_that_gathered_it():
    # A film: each frame is like the next one alone.
    chain = np.array([[i, i + 1] for i in range(9)])
    found = around(10, chain, np.ones(9, "f4"))
    pairs = {tuple(pair) for pair in chain.tolist()}
    for i, lead in enumerate(found.tolist()):
        assert i == lead or (min(i, lead), max(i, lead)) in pairs
    assert max(len(group) for group in groups(found)) == 3


def test_the_image_with_most_pairs_gathers_first_and_of_those_the_heaviest():
    pairs = np.array([[0, 1], [1, 2], [1, 3], [4, 5], [5, 6], [4, 7]])
    found = around(8, pairs, np.array([1, 1, 1, 0.9, 0.8, 0.7], "f4"))
    assert groups(found) == {
        frozenset({0, 1, 2, 3}),
        frozenset({4, 5, 6}),
    } or groups(found) == {frozenset({0, 1, 2, 3}), frozenset({4, 5, 7})}
    assert found[0] == found[2] == found[3] == 1
    assert found[6] == 5  # 5 has the heavier pairs


def test_without_pairs_everybody_is_alone():
    none = np.zeros((0, 2), int)
    np.testing.assert_array_equal(united(3, none), [0, 1, 2])
    np.testing.assert_array_equal(around(3, none, np.zeros(0, "f4")), [0, 1, 2])
