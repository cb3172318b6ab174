"""TensorBoard's event file, written without TensorFlow or TensorBoard.

Records of events, each an `Event` message of TensorFlow (tensorflow/core/util/event.proto), framed
as TFRecord files are: length, its checksum, data, its checksum; CRC-32C, rotated and shifted by a
constant (tensorflow/core/lib/io/record_writer.cc). Of protocol buffers a few fields are enough.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import google_crc32c

if TYPE_CHECKING:
    from collections.abc import Iterable

VERSION = b"brain.Event:2"
# Numbers of fields and values in TensorFlow's messages.
EVENT_TIME, EVENT_STEP, EVENT_VERSION, EVENT_SUMMARY = 1, 2, 3, 5
VALUE, TAG, SIMPLE_VALUE, TENSOR, METADATA = 1, 1, 2, 8, 9
DTYPE, SHAPE, STRING_VALUE = 1, 2, 8
TEXT, TENSOR_CLASS = 7, 2


def event_file(
    time: float, scalars: Iterable[tuple[str, int, float]], texts: Iterable[tuple[str, str]]
) -> bytes:
    """Return the content of an event file.

    Parameters
    ----------
    time : of all events, in seconds since 1970
    scalars : (tag, step, value) of each point of a curve
    texts : (tag, Markdown)
    """
    records = [_record(_event(time, 0, _bytes(EVENT_VERSION, VERSION)))]
    for tag, step, value in scalars:
        simple = _key(SIMPLE_VALUE, 5) + struct.pack("<f", value)
        records.append(_record(_event(time, step, _summary(tag, simple))))
    for tag, text in texts:
        records.append(_record(_event(time, 0, _summary(tag, _text(text)))))
    return b"".join(records)


def _record(data: bytes) -> bytes:
    length = struct.pack("<Q", len(data))
    return length + _masked(length) + data + _masked(data)


def _masked(data: bytes) -> bytes:
    crc = google_crc32c.value(data)
    rotated = (crc >> 15 | crc << 17) & 0xFFFFFFFF
    return struct.pack("<I", (rotated + 0xA282EAD8) & 0xFFFFFFFF)


def _event(time: float, step: int, what: bytes) -> bytes:
    return _key(EVENT_TIME, 1) + struct.pack("<d", time) + _number(EVENT_STEP, step) + what


def _summary(tag: str, value: bytes) -> bytes:
    return _bytes(EVENT_SUMMARY, _bytes(VALUE, _bytes(TAG, tag.encode()) + value))


def _text(text: str) -> bytes:
    """Return a tensor of one text, and that it is for TensorBoard's page of texts."""
    shape = _bytes(2, _number(1, 1))
    tensor = _number(DTYPE, TEXT) + _bytes(SHAPE, shape) + _bytes(STRING_VALUE, text.encode())
    metadata = _bytes(1, _bytes(1, b"text")) + _number(4, TENSOR_CLASS)
    return _bytes(TENSOR, tensor) + _bytes(METADATA, metadata)


def _key(field: int, kind: int) -> bytes:
    return _varint(field << 3 | kind)


def _number(field: int, value: int) -> bytes:
    return _key(field, 0) + _varint(value)


def _bytes(field: int, value: bytes) -> bytes:
    return _key(field, 2) + _varint(len(value)) + value


def _varint(value: int) -> bytes:
    """Return a whole number from 0 on, seven bits a byte, the lowest first."""
    found = bytearray()
    while value > 0x7F:
        found.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*found, value])
