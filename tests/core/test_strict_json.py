"""JSON from a disk: what two readers could read differently is refused."""

import json

import pytest

from bottleneck.core import strict_json
from bottleneck.core.strict_json import parse


def test_an_object_is_what_the_standard_library_reads():
    plain = {"a": [1, -2.5, None, True, "é\n"], "b": {"c": {}}, "": 0}
    for ascii_ in (True, False):
        assert parse(json.dumps(plain, ensure_ascii=ascii_).encode()) == plain


@pytest.mark.parametrize(
    "data",
    [
        b"", b"[]", b"1", b"null", b'"a"', b"{", b'{"a": 1} x', b"\xff\xfe", b'{"a": 1,}',
        b"{'a': 1}", b'{"a": 1, "a": 1}', b'{"a": {"b": 1, "b": 2}}', b'[{"b": 1, "b": 2}]',
        b'{"a": NaN}', b'{"a": Infinity}', b'{"a": [-Infinity]}',
        b'{"a": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"a": ' + b"9" * 5000 + b"}",
    ],
    ids=lambda data: repr(data[:24]),
)  # fmt: skip
def test_anything_else_is_refused(data):
    with pytest.raises(ValueError):
        parse(data)


def test_absurdly_many_bytes_are_refused_before_they_are_read(monkeypatch):
    monkeypatch.setattr(strict_json, "MAX_BYTES", 10)
    with pytest.raises(ValueError, match="11 bytes of JSON"):
        parse(b'{"a": 1234}')
    assert parse(b'{"a": 123}') == {"a": 123}
