"""Groups of images that pairs put together."""

from types import SimpleNamespace

import numpy as np

from bottleneck.core.sample import Groups
from bottleneck.pipeline.looking.groups import around, together, united


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


def images_of(number, groups):
    """Return images of which each sample is one of `number`, in these groups."""
    names = tuple(map(str, range(max(groups, default=0) + 1)))
    numbers = np.array(groups, np.int32)
    found = SimpleNamespace(at=np.arange(len(number)), number=np.array(number))
    found.samples = SimpleNamespace(groups=Groups(numbers=numbers, names=names))
    return type("Some", (), {**vars(found), "__len__": lambda _: max(number) + 1})()


def test_an_image_that_stands_in_several_groups_joins_them():
    # Samples 0 and 5 are one image, of groups 0 and 1; image 4 is the same as image 3, of group 2.
    images = images_of([0, 1, 2, 3, 4, 0, 5], [0, 0, 1, 2, -1, 1, -1])
    found = together(images, np.array([[3, 4]]))
    assert groups(found) == {frozenset({0, 1, 2}), frozenset({3, 4})}
    assert found[5] == 5


def test_a_group_of_no_image_at_all_and_no_pairs_leave_each_alone():
    images = images_of([0, 1, 2], [-1, -1, -1])
    assert together(images, np.zeros((0, 2), np.int64)).tolist() == [0, 1, 2]
    images.samples.groups = None
    assert together(images, np.array([[0, 2]])).tolist() == [0, 1, 0]
