"""The index of very many rows: what it does with rows that are the same, and what it tells."""

from contextlib import contextmanager

import numpy as np
import pytest

from bottleneck.core.reporter import Silent
from bottleneck.pipeline.looking import index
from bottleneck.pipeline.looking.groups import around
from bottleneck.pipeline.looking.identical_rows import identical
from bottleneck.pipeline.looking.index import near_by_index
from bottleneck.pipeline.looking.neighbours import unit_rows
from bottleneck.pipeline.looking.same import candidates


class Told(Silent):
    """Notes what is counted: (what, total, [count, count, …])."""

    def __init__(self):
        self.bars = []

    @contextmanager
    def progress(self, total, what):
        bar = Bar()
        self.bars.append((what, total, bar.counts))
        yield bar


class Bar:
    def __init__(self):
        self.counts = []
        self.update = self.counts.append


def clustered(n, d=24, k=30):
    rng = np.random.default_rng(0)
    middles = rng.standard_normal((k, d)).astype("f4")
    return unit_rows(middles[np.arange(n) % k] + 0.7 * rng.standard_normal((n, d)).astype("f4"))


def tenth_by_hand(rows):
    """Return the cosine of the tenth nearest of each row, by float64 and a sort."""
    cosines = rows.astype("f8") @ rows.astype("f8").T
    np.fill_diagonal(cosines, -np.inf)
    return np.sort(cosines, axis=1)[:, -10, None]


def compared(faiss):
    """Return how many rows all that were asked have been compared with."""
    return faiss.cvar.indexIVF_stats.ndis


def test_what_is_done_is_said_and_is_seen_to_move(monkeypatch):
    pytest.importorskip("faiss")
    monkeypatch.setattr(index, "BLOCK", 1000)
    told = Told()
    near_by_index(clustered(3000), 20, told)
    assert [what for what, _, _ in told.bars] == ["cluster", "list", "compare"]
    assert all(sum(counts) == total for _, total, counts in told.bars)
    assert [len(counts) for _, _, counts in told.bars] == [index.ROUNDS, 3, 3]


def test_identical_rows_are_each_other_s_nearest_and_are_not_all_compared_with_all():
    """Of a thousand blank pages, one stands for all of them."""
    faiss = pytest.importorskip("faiss")
    rows = clustered(3000)
    blank = np.sort(np.random.default_rng(1).permutation(np.arange(2, 3000))[:1000])
    rows[blank] = rows[blank[0]]
    rows[1] = rows[0]
    faiss.cvar.indexIVF_stats.reset()
    near, recall = near_by_index(rows, 20)
    assert compared(faiss) < 1000 * 1000  # which the thousand alone would be
    assert np.isin(near.which[blank], blank).all()
    pairs = candidates(near)[0]
    alike = pairs[np.isin(pairs, blank).all(axis=1)]
    group = around(len(rows), alike, np.ones(len(alike), "f4"))
    assert len({*group[blank].tolist()}) == 1
    assert near.which[[0, 1], 0].tolist() == [1, 0]
    found = (near.cosines[:, :10] >= tenth_by_hand(rows) - 1e-5).mean()
    assert found > 0.94
    assert recall == pytest.approx(found, abs=0.02)
    assert all(len({*row}) == 20 for row in near.which.tolist())
    assert (near.which != np.arange(3000)[:, None]).all()
    true = np.einsum("nd,nkd->nk", rows, rows[near.which])
    np.testing.assert_allclose(near.cosines, true, atol=1e-5)


def test_rows_that_are_nearly_identical_are_not_all_compared_with_all():
    faiss = pytest.importorskip("faiss")
    rows = clustered(6000)
    noise = np.random.default_rng(1).standard_normal((3000, rows.shape[1])).astype("f4")
    rows[:3000] = unit_rows(rows[:1] + 1e-4 * noise)
    rows[2990:3000:2] = rows[2991:3000:2]
    faiss.cvar.indexIVF_stats.reset()
    near, _ = near_by_index(rows, 20)
    assert compared(faiss) < 3000 * 3000
    assert (near.which[:3000] < 3000).all()
    assert near.cosines[:3000].min() > 0.9999
    assert near.which[2990:3000, 0].tolist() == [n ^ 1 for n in range(2990, 3000)]
    assert (near.cosines[3000:, :10] >= tenth_by_hand(rows)[3000:] - 1e-5).mean() > 0.9


def test_rows_of_one_hash_are_not_taken_for_identical(monkeypatch):
    class Ones:
        def integers(self, low, high, size, dtype):
            return np.zeros(size, dtype)  # twice that and one

    rows = np.array([[1, 0], [0, 1], [1, 0], [0, 1], [1, 0]], "f4")
    assert identical(rows).leader.tolist() == [0, 1, 0, 1, 0]
    monkeypatch.setattr(np.random, "default_rng", lambda _: Ones())
    same = identical(rows)
    assert same.leader.tolist() == [0, 1, 0, 3, 0]
    assert same.leaders.tolist() == [0, 1, 3]


def test_a_leader_is_expanded_to_all_that_it_stands_for_as_far_as_there_is_room():
    same = identical(np.array([[1], [2], [1], [3], [1]], "f4"))
    found = same.expanded(np.array([[3, 0, 1], [0, 3, 1], [-1, 1, -1]]), 4)
    assert found.tolist() == [[3, 0, 2, 4], [0, 2, 4, 3], [1, -1, -1, -1]]
