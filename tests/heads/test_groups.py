"""What belongs together is drawn as one, and folds are even, apart and stable."""

import numpy as np
import pytest

from bottleneck.core.errors import UsageError
from bottleneck.core.sample import Groups
from bottleneck.heads.groups import drawn, fold_of, numbers, together
from bottleneck.heads.split import leaking, validation_mask


def digests_of(*values):
    return np.array([[value] * 32 for value in values], np.uint8)


def groups_of(*numbers_, names=("anna", "ben", "cleo")):
    return Groups(numbers=np.array(numbers_, np.int32), names=names)


def test_without_groups_an_image_is_drawn_by_its_digest():
    digests = digests_of(3, 1, 3)
    assert together(digests, None) is digests
    np.testing.assert_array_equal(together(digests, groups_of(-1, -1, -1)), digests)
    assert numbers(digests).tolist() == [1, 0, 1]


def test_images_of_a_group_are_drawn_as_one_whatever_their_digests():
    found = numbers(together(digests_of(1, 2, 3, 4), groups_of(0, 1, 0, -1)))
    assert found[0] == found[2]
    assert len(set(found.tolist())) == 3


def test_an_image_in_two_groups_makes_them_one_however_long_the_chain():
    # 1 is in anna and ben, 2 in ben and cleo, 9 in cleo alone; 5 in none.
    digests = digests_of(9, 2, 2, 1, 1, 5)
    found = numbers(together(digests, groups_of(2, 2, 1, 1, 0, -1)))
    assert len(set(found[:5].tolist())) == 1
    assert found[5] != found[0]


def test_a_copy_of_an_image_of_a_group_belongs_to_it_also_where_no_group_is_said():
    found = numbers(together(digests_of(1, 1, 2, 2), groups_of(0, -1, -1, -1)))
    assert found[0] == found[1]
    assert found[2] == found[3] != found[0]


def test_a_group_is_drawn_by_its_name_so_that_more_images_and_groups_never_move_it():
    few = together(digests_of(1, 2), groups_of(0, 1, names=("ben", "cleo")))
    more = together(digests_of(7, 8, 1, 2), groups_of(0, 1, 1, 2))
    np.testing.assert_array_equal(few, more[2:])


def test_no_group_is_on_both_sides_of_a_validation_split():
    rng = np.random.default_rng(0)
    digests = rng.integers(0, 256, (400, 32), np.uint8)
    names = tuple(f"p{i:02}" for i in range(50))
    of = Groups(numbers=rng.integers(0, 50, 400).astype(np.int32), names=names)
    mask = validation_mask(together(digests, of), 0, 0.3)
    assert 0.1 < mask.mean() < 0.5
    assert not set(of.numbers[mask]) & set(of.numbers[~mask])


def test_rows_of_which_the_image_or_group_is_judged_would_leak():
    split = np.array([0, 0, 1, 1, 2, 0, 1, 255], np.uint8)
    belongs = digests_of(1, 2, 2, 3, 3, 4, 5, 3)
    assert leaking(belongs, split).tolist() == [False, True, False, True] + [False] * 4


def even(order, y, k=5):
    fold = fold_of(order, y, k)
    return np.stack([np.bincount(fold[y == c], minlength=k) for c in np.unique(y)])


def test_each_class_is_spread_evenly_over_all_folds():
    y = np.repeat([0, 1, 2, 3], [50, 13, 7, 3])
    counts = even(np.random.default_rng(0).permutation(73).astype(np.uint64), y)
    assert (counts.max(axis=1) - counts.min(axis=1) <= 1).all()


def test_the_rest_of_many_classes_is_not_always_in_the_same_fold():
    y = np.repeat(np.arange(100), 7)
    totals = even(np.random.default_rng(0).permutation(700).astype(np.uint64), y).sum(axis=0)
    assert totals.max() < 1.25 * totals.min()


def test_no_group_is_in_two_folds_and_they_are_as_even_as_scikit_learn_s():
    from sklearn.model_selection import StratifiedGroupKFold

    rng = np.random.default_rng(1)
    y = np.sort(rng.integers(0, 3, 300))
    group = np.arange(300) // 5
    order = rng.permutation(60).astype(np.uint64)[group]
    fold = fold_of(order, y, 4)
    assert all(len(set(fold[group == g])) == 1 for g in range(60))
    theirs = np.empty(300, int)
    split = StratifiedGroupKFold(4, shuffle=True, random_state=0).split(y, y, group)
    for i, (_, held_out) in enumerate(split):
        theirs[held_out] = i

    def worst(fold):
        return max(np.ptp(np.bincount(fold[y == c], minlength=4)) for c in range(3))

    assert worst(fold) <= worst(theirs) + 5


def test_an_image_that_is_added_moves_at_most_one_to_each_next_fold():
    rng = np.random.default_rng(2)
    belongs = rng.integers(0, 256, (201, 32), np.uint8)
    y = np.arange(201) % 2
    before = fold_of(drawn(belongs[:200], "folds", 0), y[:200], 5)
    after = fold_of(drawn(belongs, "folds", 0), y, 5)[:200]
    assert (before != after).sum() <= 4
    other = fold_of(drawn(belongs[:200], "folds", 1), y[:200], 5)
    assert (before != other).sum() > 100


def test_more_folds_than_images_or_groups_are_refused():
    with pytest.raises(UsageError, match=r"4 folds of 3 images .*--folds: give 3 at most"):
        fold_of(np.array([1, 1, 2, 3], np.uint64), np.array([0, 0, 1, 1]), 4)
