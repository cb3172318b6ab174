"""Batches of one shape: padding changes no row, and no image at all is no failure."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from bottleneck.engines.batches import Batches


def batches(size):
    shapes = []

    def compile_for(n, lane):
        def call(images):
            shapes.append(images.shape)
            return images.reshape(len(images), -1)[:, :3].astype(np.float32)

        return call

    return Batches(compile_for, size, "a test"), shapes


def test_every_call_has_one_shape_and_each_image_its_own_row():
    compute, shapes = batches(4)
    images = np.arange(6 * 2 * 2 * 3, dtype=np.uint8).reshape(6, 2, 2, 3)
    rows = compute(images)
    assert shapes == [(4, 2, 2, 3), (4, 2, 2, 3)]
    np.testing.assert_array_equal(rows, images.reshape(6, -1)[:, :3])


def test_no_images_give_no_rows_of_the_right_shape():
    compute, _ = batches(4)
    assert compute(np.zeros((0, 2, 2, 3), np.uint8)).shape == (0, 3)


def computing(before):
    """Return what compiles a call that first does `before`, of the batch size and the lane."""

    def compile_for(n, lane):
        def call(images):
            before(n, lane)
            return images[:, 0, 0].astype(np.float32)

        return call

    return compile_for


def test_batches_of_several_threads_are_computed_side_by_side_each_in_a_lane_of_its_own():
    meet = threading.Barrier(2, timeout=20)  # broken where one waits for the other's end
    seen = []

    def before(_, lane):
        seen.append(lane)
        meet.wait()

    compute = Batches(computing(before), 2, "a test", ["gpu:0", "gpu:1"])
    images = np.arange(8 * 3, dtype=np.uint8).reshape(8, 1, 1, 3)
    with ThreadPoolExecutor(2) as pool:
        rows = np.concatenate(list(pool.map(compute, [images[:4], images[4:]])))
    np.testing.assert_array_equal(rows, images[:, 0, 0])
    assert sorted(set(seen)) == ["gpu:0", "gpu:1"]


def test_one_lane_takes_one_batch_at_a_time():
    at_work = []
    most = []

    def before(_, lane):
        at_work.append(lane)
        most.append(len(at_work))
        time.sleep(0.005)
        at_work.pop()

    compute = Batches(computing(before), 1, "a test")
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(compute, [np.zeros((3, 1, 1, 3), np.uint8)] * 4))
    assert set(most) == {1}


def test_memory_that_ends_in_several_threads_halves_the_batch_once():
    meet = threading.Barrier(2, timeout=20)

    def before(n, _):
        if n == 8:
            meet.wait()
            raise MemoryError

    compute = Batches(computing(before), 8, "a test", ["gpu:0", "gpu:1"])
    images = np.arange(16 * 3, dtype=np.uint8).reshape(16, 1, 1, 3)
    with ThreadPoolExecutor(2) as pool:
        rows = np.concatenate(list(pool.map(compute, [images[:8], images[8:]])))
    np.testing.assert_array_equal(rows, images[:, 0, 0])
    assert compute.size == 4
