"""The batch size of a GPU: doubled while that pays."""

import pytest

from bottleneck.engines.growth import LARGEST, grown


class Device:
    """A device with a clock of its own: seconds of a call, by the batch size."""

    def __init__(self, seconds, memory=LARGEST):
        self.seconds, self.memory = seconds, memory
        self.now = 0.0
        self.tried = []

    def compile_for(self, size):
        self.tried.append(size)

        def call(images):
            assert images.shape == (size, 4, 4, 3)
            if size > self.memory:
                raise MemoryError
            self.now += self.seconds(size)

        return call

    def grown(self, size):
        return grown(self.compile_for, size, (4, 4, 3), clock=lambda: self.now)


def test_it_is_doubled_until_the_speed_grows_no_more():
    device = Device(lambda n: max(n, 256) / 1000)  # full at 256
    assert device.grown(64) == 256
    assert device.tried == [64, 128, 256, 512]


def test_a_gain_of_a_hundredth_is_not_worth_the_memory():
    device = Device(lambda n: n / 1000 + 0.0006)  # what a call costs by itself
    assert device.grown(64) == 64


@pytest.mark.parametrize("memory", [32, 64, 130])
def test_it_ends_where_memory_ends(memory):
    device = Device(lambda n: 1.0, memory)
    assert device.grown(64) == max(64, 1 << (memory.bit_length() - 1))


def test_it_has_an_end():
    assert Device(lambda n: 1.0).grown(48) == 1536
