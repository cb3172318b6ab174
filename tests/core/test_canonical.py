"""Canonical JSON: equal values have one spelling, unlike ones never share one."""

import hashlib
import json
import math

import numpy as np
import pytest

from bottleneck.core.canonical import canonical, canonical_digest


@pytest.mark.parametrize(
    ("value", "spelled"),
    [
        (None, "null"),
        (True, "true"),
        (False, "false"),
        (0, "0x0.0p+0"),
        (-0.0, "0x0.0p+0"),
        (3, "0x1.8000000000000p+1"),
        (3.0, "0x1.8000000000000p+1"),
        (0.1, "0x1.999999999999ap-4"),
        (-2, "-0x1.0000000000000p+1"),
        (5e-324, "0x0.0000000000001p-1022"),
        ("3", '"3"'),
        ("é\n\"", '"é\\n\\""'),
        ([], "[]"),
        ((1, [None]), "[0x1.0000000000000p+0,[null]]"),
        ({}, "{}"),
        ({"b": 1, "a": {"é": 2, "z": None}}, None),
        (np.float32(0.5), "0x1.0000000000000p-1"),
        (np.int64(3), "0x1.8000000000000p+1"),
        (np.array(3), "0x1.8000000000000p+1"),
        (np.bool_(True), "true"),
    ],
)  # fmt: skip
def test_a_value_is_spelled_in_one_way(value, spelled):
    if spelled is None:
        spelled = '{"a":{"z":null,"é":0x1.0000000000000p+1},"b":0x1.0000000000000p+0}'
    assert canonical(value) == spelled.encode()


def test_keys_are_sorted_by_code_point_whatever_their_order():
    assert canonical({"b": 1, "a": 2}) == canonical({"a": 2, "b": 1})
    text = canonical({"\U0001f600": 0, "\uffff": 0, "a": 0, "Z": 0}).decode()
    assert [text.index(key) for key in ("Z", "a", "\uffff", "\U0001f600")] == sorted(
        text.index(key) for key in ("Z", "a", "\uffff", "\U0001f600")
    )


def test_unlike_values_have_unlike_spellings():
    values = [None, True, False, 0, 1, "1", "true", "null", [], {}, [1], ["1"], [[1]], {"1": 1}, ""]
    assert len({canonical(value) for value in values}) == len(values)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 2**53 + 1, 10**400])
def test_a_number_that_a_float64_does_not_hold_is_refused(value):
    with pytest.raises(ValueError, match="no exact, finite float64"):
        canonical(value)


@pytest.mark.parametrize(
    "value", [b"bytes", {1: 2}, {None: 1}, {1, 2}, object(), np.zeros(2), [b"x"]]
)
def test_what_is_no_json_is_refused(value):
    with pytest.raises(TypeError):
        canonical(value)


def test_the_digest_is_the_sha256_of_the_spelling():
    value = {"a": [1, 2.5, None]}
    assert canonical_digest(value) == hashlib.sha256(canonical(value)).hexdigest()
    assert canonical_digest(json.loads(json.dumps(value))) == canonical_digest(value)
