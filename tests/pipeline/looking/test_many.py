"""Neighbours of very many rows: nearly all are found, they are kept, and new ones join them."""

import sys

import numpy as np
import pytest
from world import picture

from bottleneck import open_store
from bottleneck.__main__ import main
from bottleneck.pipeline.extraction.extract import extract
from bottleneck.pipeline.extraction.options import ExtractOptions
from bottleneck.pipeline.looking import kept_neighbours
from bottleneck.pipeline.looking.index import measured_recall, near_by_index
from bottleneck.pipeline.looking.inspection import InspectOptions, inspect
from bottleneck.pipeline.looking.neighbours import Neighbours, unit_rows
from bottleneck.pipeline.network.options import NetworkOptions

NETWORK = NetworkOptions(backbone="resnet50", weights="random:0", size=(8, 8))
N = 70


def clustered(n, d=24, k=30, seed=0):
    rng = np.random.default_rng(seed)
    middles = rng.standard_normal((k, d)).astype("f4")
    return unit_rows(middles[np.arange(n) % k] + 0.7 * rng.standard_normal((n, d)).astype("f4"))


def sorted_by_hand(rows):
    """Return the positions of all others, the nearest first, by float64 and a sort."""
    cosines = rows.astype("f8") @ rows.astype("f8").T
    np.fill_diagonal(cosines, -np.inf)
    return np.argsort(-cosines, axis=1)[:, :-1], np.sort(cosines, axis=1)[:, :0:-1]


def test_the_index_finds_nearly_all_and_what_it_says_of_that_is_true():
    pytest.importorskip("faiss")
    rows = clustered(3000)
    near, recall = near_by_index(rows, 20)
    which, cosines = sorted_by_hand(rows)
    mine = [len({*a[:10]} & {*b[:10]}) / 10 for a, b in zip(near.which, which, strict=True)]
    assert np.mean(mine) > 0.93
    assert recall == pytest.approx(np.mean(mine), abs=0.01)
    assert (near.which != np.arange(len(rows))[:, None]).all()
    assert all(len({*row}) == 20 for row in near.which.tolist())
    true = np.einsum("nd,nkd->nk", rows, rows[near.which])
    np.testing.assert_allclose(near.cosines, true, atol=1e-5)
    assert (np.diff(near.cosines, axis=1) <= 1e-6).all()
    assert (near.cosines <= cosines[:, :20] + 1e-5).all()


def test_the_same_rows_have_the_same_neighbours_whatever_the_number_of_threads():
    faiss = pytest.importorskip("faiss")
    rows, threads = clustered(3000), faiss.omp_get_max_threads()
    try:
        found = []
        for n in (1, 3, 1):
            faiss.omp_set_num_threads(n)
            found.append(near_by_index(rows, 20)[0])
    finally:
        faiss.omp_set_num_threads(threads)
    for other in found[1:]:
        np.testing.assert_array_equal(found[0].which, other.which)
        np.testing.assert_array_equal(found[0].cosines, other.cosines)


def test_recall_that_was_lost_is_measured():
    rows = clustered(2000)
    which, cosines = sorted_by_hand(rows)
    whole = Neighbours(cosines=cosines[:, :10].astype("f4"), which=which[:, :10].astype("i4"))
    assert measured_recall(rows, whole) == 1
    worse = Neighbours(cosines=cosines[:, 5:15].astype("f4"), which=which[:, 5:15].astype("i4"))
    assert measured_recall(rows, worse) == pytest.approx(0.5, abs=0.002)


def test_the_index_of_copies_and_of_few_rows_finds_as_many_as_are_asked_for():
    pytest.importorskip("faiss")
    rows = np.repeat(clustered(4, d=8), 50, axis=0)  # one list has fewer rows than are asked for
    near, recall = near_by_index(rows, 60)
    assert near.which.shape == (200, 60)
    assert all(len({*row}) == 60 and min(row) >= 0 for row in near.which.tolist())
    assert (near.which != np.arange(200)[:, None]).all()
    assert recall == 1


@pytest.fixture
def world(tmp_path, numpy_network, monkeypatch):
    monkeypatch.setattr(kept_neighbours, "KEEP_FROM", 1)
    for i in range(N):
        picture(tmp_path / "photos" / ("cat" if i % 2 else "dog") / f"{i:03}.png", i)
    extracted(tmp_path)
    return tmp_path


def extracted(world):
    extract(ExtractOptions(cache=world / "s", data=str(world / "photos"), network=NETWORK))


def looked(world):
    return inspect(InspectOptions(cache=world / "s", only=("labels", "outliers")))


def fresh(world, monkeypatch):
    """Return what is found where nothing is kept."""
    with monkeypatch.context() as patch:
        patch.setattr(kept_neighbours, "KEEP_FROM", 10**9)
        return looked(world)


def found(report):
    return {key: report[key] for key in ("labels", "outliers")}


def counting(monkeypatch):
    asked = []
    plain = kept_neighbours.nearest

    def counted(rows, k, queries=None, *more, **also):
        asked.append(len(rows if queries is None else queries))
        return plain(rows, k, queries, *more, **also)

    monkeypatch.setattr(kept_neighbours, "nearest", counted)
    return asked


def test_what_was_found_is_kept_and_serves_while_the_images_are_the_same(world, monkeypatch):
    first = looked(world)
    assert first["neighbours"] == {
        "exact": True, "recall_at_10": None, "measured_on": None, "kept": 0,
    }  # fmt: skip
    asked = counting(monkeypatch)
    again = looked(world)
    assert asked == []
    assert again["neighbours"]["kept"] == N
    assert found(again) == found(first) == found(fresh(world, monkeypatch))


def test_new_images_join_those_that_are_kept_as_if_all_were_compared(world, monkeypatch):
    looked(world)
    monkeypatch.setattr(kept_neighbours, "NEW", 2)
    monkeypatch.setattr(kept_neighbours, "MOVED", 0.2)
    for i in range(900, 904):
        picture(world / "photos/cat" / f"{i}.png", i)
    extracted(world)
    told = looked(world)["neighbours"]
    assert told["kept"] == N
    which, _ = open_store(world / "s").neighbours(20)
    x, _, _ = open_store(world / "s").arrays()
    rows = unit_rows(x[:].astype("f4"), x[:].astype("f4").mean(axis=0))
    by_hand, _ = sorted_by_hand(rows)
    agree = [len({*a} & {*b[:20]}) / 20 for a, b in zip(which.tolist(), by_hand, strict=True)]
    assert np.mean(agree) > 0.97  # the mean row has moved a little
    assert (which[:, :3] == by_hand[:, :3]).mean() > 0.9
    # So it is not said to be exact, neither now nor when it serves again.
    mine = [len({*a[:10]} & {*b[:10]}) / 10 for a, b in zip(which.tolist(), by_hand, strict=True)]
    assert (told["exact"], told["measured_on"]) == (False, N + 4)
    assert told["recall_at_10"] == pytest.approx(np.mean(mine), abs=0.01)
    again = looked(world)["neighbours"]
    assert again == {**told, "kept": N + 4}


def test_where_too_few_of_the_nearest_are_still_found_all_are_compared_again(world, monkeypatch):
    looked(world)
    monkeypatch.setattr(kept_neighbours, "NEW", 2)
    monkeypatch.setattr(kept_neighbours, "MOVED", 0.2)
    monkeypatch.setattr(kept_neighbours, "STILL_FOUND", 1.01)
    for i in range(900, 904):
        picture(world / "photos/cat" / f"{i}.png", i)
    extracted(world)
    told = looked(world)["neighbours"]
    assert (told["exact"], told["kept"]) == (True, 0)


def test_of_images_that_are_gone_nobody_is_a_neighbour(world, monkeypatch):
    looked(world)
    monkeypatch.setattr(kept_neighbours, "NEW", 1)
    monkeypatch.setattr(kept_neighbours, "MOVED", 0.2)
    (world / "photos/cat/001.png").unlink()
    extracted(world)
    report = looked(world)
    assert 0 < report["neighbours"]["kept"] < N - 1  # most had it among their fifty nearest
    which, _ = open_store(world / "s").neighbours(50)
    assert which.shape == (N - 1, 50)
    assert all(len({*row}) == 50 and max(row) < N - 1 for row in which.tolist())


def test_where_much_is_new_all_are_compared_again(world, monkeypatch):
    looked(world)
    for i in range(900, 900 + N // 5):
        picture(world / "photos/cat" / f"{i}.png", i)
    extracted(world)
    report = looked(world)
    assert report["neighbours"]["kept"] == 0
    assert found(report) == found(fresh(world, monkeypatch))


@pytest.mark.parametrize("damage", [b"", b"x", None])
def test_a_file_that_is_damaged_is_as_none(world, monkeypatch, damage):
    first = looked(world)
    kept = world / "s/derived/neighbours.bin"
    whole = kept.read_bytes()
    flipped = whole[:-100] + bytes([whole[-100] ^ 1]) + whole[-99:]  # of a cosine
    kept.write_bytes(flipped if damage is None else damage)
    assert looked(world)["neighbours"]["kept"] == 0
    assert kept.read_bytes() == whole
    assert found(looked(world)) == found(first)


def test_stopped_in_between_nothing_is_half_written(world, monkeypatch):

    def stopped(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(kept_neighbours, "nearest", stopped)
    with pytest.raises(KeyboardInterrupt):
        looked(world)
    assert not (world / "s/derived/neighbours.bin").exists()
    assert not [*(world / "s/derived").glob("tmp-*")]


def test_without_faiss_one_line_says_what_to_install_and_how_many_do_without(
    world, monkeypatch, capsys
):
    width = open_store(world / "s").arrays()[0].shape[1]
    monkeypatch.setattr(kept_neighbours, "EXACT", width * 60**2)
    monkeypatch.setitem(sys.modules, "faiss", None)  # as not installed
    assert main(["inspect", "--cache", str(world / "s")]) == 2
    (line,) = [s for s in capsys.readouterr().err.splitlines() if s.startswith("error")]
    assert "faiss is not installed" in line
    assert f"{N} images of {width:,} features; up to 60 are compared without it" in line
    assert line.endswith("pip install 'bottleneck-cache[inspect]'")
    assert not (world / "s/derived/neighbours.bin").exists()


def test_stopped_while_the_index_answers_nothing_is_half_written(world, monkeypatch):
    pytest.importorskip("faiss")

    def stopped(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(kept_neighbours, "EXACT", 0)
    monkeypatch.setattr("bottleneck.pipeline.looking.index._asked", stopped)
    with pytest.raises(KeyboardInterrupt):
        looked(world)
    assert not (world / "s/derived/neighbours.bin").exists()
    assert not [*(world / "s/derived").glob("tmp-*")]


def test_beyond_what_is_compared_exactly_the_share_that_was_found_is_said(world, monkeypatch):
    pytest.importorskip("faiss")
    from bottleneck.inspect import lines

    monkeypatch.setattr(kept_neighbours, "EXACT", 0)
    page = world / "page.html"
    report = inspect(InspectOptions(cache=world / "s", page=page))
    told = report["neighbours"]
    assert told["exact"] is False
    assert told["recall_at_10"] > 0.8
    assert told["measured_on"] == N
    said = f"{told['recall_at_10']:.1%} of the ten nearest were found, as measured on {N} images"
    assert any(said in line for line in lines(report, 3))
    assert said in page.read_text()
    again = looked(world)["neighbours"]
    assert (again["exact"], again["recall_at_10"]) == (False, told["recall_at_10"])


def test_what_the_index_found_is_extended_without_it(world, monkeypatch):
    pytest.importorskip("faiss")
    monkeypatch.setattr(kept_neighbours, "EXACT", 0)
    looked(world)
    monkeypatch.setattr(kept_neighbours, "NEW", 2)
    monkeypatch.setattr(kept_neighbours, "MOVED", 0.2)
    for i in range(900, 904):
        picture(world / "photos/cat" / f"{i}.png", i)
    extracted(world)
    monkeypatch.setitem(sys.modules, "faiss", None)  # as not installed
    told = looked(world)["neighbours"]
    assert (told["exact"], told["kept"], told["measured_on"]) == (False, N, N + 4)
    assert told["recall_at_10"] > 0.8
