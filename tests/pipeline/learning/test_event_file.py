"""TensorBoard's event files: TensorFlow itself reads back what was written."""

import struct

import numpy as np
import pytest

from bottleneck.pipeline.learning.event_file import event_file

SCALARS = [("loss", 1, 0.5), ("loss", 2, 0.25), ("deep/ärger", 3_000_000_000, -1.5e-7)]


@pytest.mark.slow
def test_tensorflow_reads_what_was_written(tmp_path):
    from bottleneck.core.frameworks import import_keras

    import_keras()  # TensorFlow, quietly
    import tensorflow as tf

    path = tmp_path / "events"
    text = "# a card\n\n" + "x" * 300
    path.write_bytes(event_file(1234.5, SCALARS, [("card", text)]))
    first, *events = tf.compat.v1.train.summary_iterator(str(path))
    assert first.file_version == "brain.Event:2"
    assert {event.wall_time for event in events} == {1234.5}
    *points, card = [(event.step, value) for event in events for value in event.summary.value]
    found = [(value.tag, step, value.simple_value) for step, value in points]
    assert found == [(tag, step, float(np.float32(value))) for tag, step, value in SCALARS]
    assert card[1].metadata.plugin_data.plugin_name == "text"
    assert tf.make_ndarray(card[1].tensor).tolist() == [text.encode()]


def test_the_frames_are_those_of_the_format():
    """Lengths lead from record to record, and a checksum is that of the published method."""
    data = event_file(0.0, SCALARS, [])
    lengths = []
    while data:
        (length,) = struct.unpack_from("<Q", data)
        lengths.append(length)
        data = data[8 + 4 + length + 4 :]
    assert len(lengths) == 1 + len(SCALARS)
    # The first record of every event file of version 2, at time 0.
    whole = event_file(0.0, [], [])
    assert whole[:12] == bytes.fromhex("1a00000000000000") + masked_crc(whole[:8])


def masked_crc(data):
    """Return the masked CRC-32C, bit by bit."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ 0x82F63B78 * (crc & 1)
    crc ^= 0xFFFFFFFF
    return struct.pack("<I", ((crc >> 15 | crc << 17 & 0xFFFFFFFF) + 0xA282EAD8) & 0xFFFFFFFF)
