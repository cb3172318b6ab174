"""How much a worker is given at a time."""

import math

from bottleneck.pipeline.extraction.sharing import MOST_S, TARGET_S, Sharing


def first_share(n, rate, n_workers=1, most=10**9):
    sharing = Sharing(batch=10, most=most, n_workers=n_workers)
    sharing.add(list(range(n)))
    sharing.rate = rate
    return len(sharing.next(math.inf, is_idle=True).positions)


def test_a_share_is_some_seconds_of_work():
    assert first_share(5_000, rate=10.0) == TARGET_S * 10


def test_where_there_is_much_to_do_a_share_is_longer_and_still_little_of_it():
    assert first_share(10_000_000, rate=10.0) == MOST_S * 10
    n = first_share(20_000, rate=10.0)
    assert TARGET_S * 10 < n < MOST_S * 10
    assert n == 20_000 // 50


def test_what_one_of_many_workers_has_to_do_is_what_counts():
    assert first_share(20_000, rate=10.0, n_workers=10) == TARGET_S * 10


def test_a_share_is_one_part_at_most():
    assert first_share(10_000_000, rate=10.0, most=300) == 300


def test_everything_is_given_out_once_and_in_order():
    sharing = Sharing(batch=7, most=50, n_workers=3)
    sharing.add([9, 8, 7])
    sharing.add(list(range(100, 400)))
    found = []
    while share := sharing.next(math.inf, is_idle=True):
        assert all(type(position) is int for position in share.positions)
        found += share.positions
    assert found == [9, 8, 7, *range(100, 400)]
