"""The driver: which rows come out of a list of positions, in what order, and when it stops."""

import threading
from pathlib import Path

import numpy as np
import pytest
from world import N_FEATURES, picture, row_of

from bottleneck.core.recipe import ImageSpec, ViewSpec
from bottleneck.core.reporter import SILENT
from bottleneck.data.catalog import open_source
from bottleneck.data.decode import decode
from bottleneck.data.undecodable import Limits
from bottleneck.pipeline.extraction.driver import Driver
from bottleneck.pipeline.extraction.flow import Reader, Seconds

SIZE = (12, 12)


class Rows:
    """Computes as the numpy network does; what of `Computer` a driver needs."""

    batch_size = 4

    def __init__(self, *, has_rows: bool = False, side_by_side: int = 1) -> None:
        self._side_by_side = side_by_side
        self.canaries: dict | None = None
        self.calls: list[int] = []
        self._has_rows = has_rows

    @property
    def room(self) -> int:
        return 1 if self.canaries is None and self._has_rows else self.batch_size

    @property
    def lanes(self) -> int:
        return 0 if self.canaries is None else self._side_by_side

    def __call__(self, images: list) -> np.ndarray:
        self.calls.append(len(images))
        self.canaries = {"checked": 0, "worst": None}
        return np.stack([[row_of(view, "float32") for view in image] for image in images])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Ten images, the last of which has the bytes of the first."""
    for i in range(9):
        picture(tmp_path / f"images/a/{i}.png", i)
    picture(tmp_path / "images/a/9.png", 0)
    return tmp_path / "images"


def reader(folder: Path, has_row=lambda _: False) -> Reader:
    source = open_source(str(folder))
    source.list()
    return Reader(
        source=source,
        image=ImageSpec(size=SIZE),
        views=ViewSpec(),
        limits=Limits(),
        has_row=has_row,
        seconds=Seconds(),
    )


def drive(folder: Path, positions, rows=None, *, has_row=lambda _: False, **more):
    """Return a driver's batches, and the samples that it told of."""
    took: list = []
    settings = {"threads": 2, "took": took.append, **more}
    driver = Driver(reader=reader(folder, has_row), computer=rows or Rows(), **settings)
    with SILENT.progress(len(positions), "test") as bar:
        return list(driver.batches(positions, bar)), took


def indices(batches) -> list[int]:
    return [item.index for batch in batches for item in batch.items]


def test_a_share_of_the_positions_gives_exactly_their_rows_in_their_order(folder):
    batches, took = drive(folder, [7, 2, 5, 3, 8])
    assert [item.index for item in took] == [7, 2, 5, 3, 8] == indices(batches)
    alone = [
        row_of(decode((folder / f"a/{i}.png").read_bytes(), ImageSpec(size=SIZE)), "float32")
        for i in (7, 2, 5, 3, 8)
    ]
    rows = np.concatenate([batch.rows for batch in batches])
    assert rows.shape == (5, 1, N_FEATURES)
    np.testing.assert_array_equal(rows[:, 0], alone)


def test_two_shares_of_the_work_give_the_rows_of_one(folder):
    def by_digest(*shares):
        batches = [batch for share in shares for batch in drive(folder, share)[0]]
        return {
            item.digest: row.tobytes()
            for batch in batches
            for item, row in zip(batch.items, batch.rows, strict=True)
        }

    whole = by_digest(range(9))
    assert len(whole) == 9
    assert by_digest([0, 2, 4, 6, 8], [1, 3, 5, 7]) == whole


def test_no_positions_open_no_network(folder):
    rows = Rows()
    assert drive(folder, [], rows) == ([], [])
    assert rows.calls == []


def test_bytes_that_occur_twice_or_have_a_row_are_told_and_not_computed(folder):
    """Which of two equal images is computed is a matter of threads; their row is the same."""
    batches, took = drive(folder, range(10))
    computed = [item.digest for batch in batches for item in batch.items]
    assert (len(computed), len(took)) == (9, 10)
    assert set(computed) == {item.digest for item in took}
    known = {took[3].digest, took[4].digest}
    batches, took = drive(folder, range(10), has_row=known.__contains__)
    computed = [item.digest for batch in batches for item in batch.items]
    assert (len(computed), len(took)) == (7, 10)
    assert set(computed) == {item.digest for item in took} - known


def test_what_cannot_be_decoded_is_told_with_its_reason_and_leaves_no_gap(folder):
    (folder / "a/4.png").write_bytes(b"no image")
    batches, took = drive(folder, range(9))
    assert indices(batches) == [0, 1, 2, 3, 5, 6, 7, 8]
    assert [item.index for item in took if item.failure] == [4]
    assert [len(batch.rows) for batch in batches] == [4, 4]


def test_the_first_batch_leaves_room_for_the_canaries(folder):
    rows = Rows(has_rows=True)
    drive(folder, range(9), rows)
    assert rows.calls == [1, 4, 4]


def test_the_first_batch_is_waited_for_and_the_next_is_at_work_while_one_is_given_out(folder):
    """What is committed before the second batch is trusted: its canaries have been checked."""
    took: list = []
    driver = Driver(reader=reader(folder), computer=Rows(), threads=2, took=took.append)
    with SILENT.progress(9, "test") as bar:
        batches = driver.batches(range(9), bar)
        given_out = [(len(batch.items), len(took)) for batch in batches]
    assert given_out == [(4, 4), (4, 9), (1, 9)]


def test_no_more_is_computed_than_is_wanted(folder):
    done: list[int] = []
    rows = Rows()
    driver = Driver(
        reader=reader(folder),
        computer=rows,
        threads=2,
        took=lambda _: None,
        wanted=lambda: 6 - sum(done),
    )
    with SILENT.progress(9, "test") as bar:
        done.extend(len(batch.items) for batch in driver.batches(range(9), bar))
    assert done == rows.calls == [4, 2]


def test_when_time_is_up_what_was_read_is_still_computed_and_nothing_more(folder):
    seen: list[int] = []
    batches, _ = drive(
        folder,
        range(9),
        took=lambda item: seen.append(item.index),
        is_over=lambda: len(seen) >= 6,
    )
    assert indices(batches) == seen == list(range(6))


def test_a_caller_that_leaves_early_leaves_no_thread_behind(folder):
    driver = Driver(reader=reader(folder), computer=Rows(), threads=2, took=lambda _: None)
    with SILENT.progress(9, "test") as bar:
        batches = driver.batches(range(9), bar)
        assert len(next(batches).items) == 4
        assert [t for t in threading.enumerate() if t.name.startswith(("compute", "decode"))]
        batches.close()
    assert not [t for t in threading.enumerate() if t.name.startswith(("compute", "decode"))]


def test_what_computes_side_by_side_has_batches_side_by_side_once_it_is_trusted(folder: Path):
    meet = threading.Barrier(2, timeout=20)  # broken where a batch waits for the end of another

    class SideBySide(Rows):
        def __call__(self, images: list) -> np.ndarray:
            if self.canaries is not None:
                meet.wait()
            return super().__call__(images)

    rows = SideBySide(side_by_side=2)
    rows.batch_size = 3
    batches, _ = drive(folder, range(9), rows)
    assert rows.calls == [3, 3, 3]
    assert indices(batches) == list(range(9))
    one_by_one = np.concatenate([batch.rows for batch in drive(folder, range(9))[0]])
    np.testing.assert_array_equal(np.concatenate([batch.rows for batch in batches]), one_by_one)
