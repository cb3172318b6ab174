"""Batches of one shape: padding changes no row, and no image at all is no failure."""

import numpy as np

from bottleneck.engines.batches import Batches


def batches(size):
    shapes = []

    def compile_for(n):
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
