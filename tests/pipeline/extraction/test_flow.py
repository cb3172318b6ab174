"""What runs beside what: nothing is lost, doubled, reordered or held in memory for nothing."""

import threading

import numpy as np
import pytest
from PIL import Image

from bottleneck.core.recipe import ImageSpec, ViewSpec
from bottleneck.data.catalog import open_source
from bottleneck.data.undecodable import Limits
from bottleneck.pipeline.extraction.flow import AHEAD, Background, Reader, Seconds


def test_batches_in_the_background_come_back_in_order_with_their_results() -> None:
    with Background(sum) as background:
        for batch in ([1, 2], [3], [4, 5, 6]):
            background.start(batch)
        assert len(background) == 6
        assert list(background.results(but=1)) == [([1, 2], 3), ([3], 3)]
        assert len(background) == 3
        assert list(background.results(but=0)) == [([4, 5, 6], 15)]


def test_one_batch_is_at_work_while_the_next_is_being_given() -> None:
    begun, go_on = threading.Event(), threading.Event()

    def work(batch: list[int]) -> int:
        begun.set()
        assert go_on.wait(10)
        return len(batch)

    with Background(work) as background:
        background.start([1])
        assert begun.wait(10)
        background.start([2, 3])
        go_on.set()
        assert [n for _, n in background.results(but=0)] == [1, 2]


def test_what_goes_wrong_in_the_background_is_raised_where_its_result_is_asked_for() -> None:
    with Background(lambda batch: 1 // batch[0]) as background:
        background.start([1])
        background.start([0])
        results = background.results(but=0)
        assert next(results) == ([1], 1)
        with pytest.raises(ZeroDivisionError):
            next(results)


def test_leaving_the_background_drops_the_batches_that_were_not_begun() -> None:
    begun, go_on, done = threading.Event(), threading.Event(), []

    def work(batch: list[int]) -> None:
        begun.set()
        go_on.wait(10)
        done.extend(batch)

    with pytest.raises(KeyboardInterrupt), Background(work) as background:
        background.start([1])
        background.start([2])
        assert begun.wait(10)
        threading.Timer(0.01, go_on.set).start()
        raise KeyboardInterrupt
    assert done == [1]


def reader(source, side: int) -> Reader:
    return Reader(
        source=source,
        image=ImageSpec(size=(side, side)),
        limits=Limits(),
        views=ViewSpec(),
        has_row=lambda _: False,
        seconds=Seconds(),
    )


def test_an_image_that_waits_holds_its_pixels_and_not_its_file(tmp_path) -> None:
    Image.fromarray(np.full((9, 9, 3), 7, np.uint8)).save(tmp_path / "a.png")
    source = open_source(str(tmp_path))
    source.list()
    item = reader(source, 4)(0)
    assert item.image is not None
    assert item.image.tolist() == np.full((1, 4, 4, 3), 7).tolist()
    assert item.read is not None
    assert item.read.content == b""
    assert item.read.stat == source.read(0).stat


@pytest.mark.parametrize(("side", "n"), [(139, AHEAD // (139 * 139 * 3)), (4000, 4 * 8)])
def test_images_are_decoded_ahead_up_to_a_number_of_bytes_but_four_batches(side, n) -> None:
    assert reader(None, side).window(8) == n
