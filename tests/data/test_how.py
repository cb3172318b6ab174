"""How a source is read: what it can be told, and what its record keeps of that."""

import json

import pytest

from bottleneck.core.errors import UsageError
from bottleneck.core.option import Option, whole
from bottleneck.data.how import how_from_json, make_how

ROOT = Option(name="root", help="", check=bool, example="a folder")
SKIP = Option(name="skip", help="", check=whole(0), example="a number", default=0)
LINKS = Option(name="links", help="", check=lambda _: True, example="", default=False)
OPTIONS = (ROOT, SKIP, LINKS)


def test_a_record_survives_json_whatever_bytes_it_holds():
    told = {
        "include": ["*.png", "\udcff*", "hex:00"],
        "exclude": ["é"],
        "root": "\udcfe",
        "skip": 3,
    }
    how = make_how(told, OPTIONS, "a table")
    plain = json.dumps(how.to_json(), ensure_ascii=False).encode()
    spec = {"kind": "table", "where": "/x", **json.loads(plain)}
    assert how_from_json(spec, None, OPTIONS, "a table") == how
    assert how["root"] == "\udcfe"
    assert how["skip"] == 3


def test_a_record_holds_no_option_that_has_its_default():
    how = make_how({"include": [], "skip": 0, "root": None}, OPTIONS, "a table")
    assert how.to_json() == {"include": [], "exclude": []}
    assert how["root"] is None
    assert how["links"] is False


def test_what_is_told_later_goes_above_the_record_and_an_explicit_no_too():
    spec = make_how({"links": True, "skip": 2, "include": ["a"]}, OPTIONS, "a table").to_json()
    how = how_from_json(spec, {"links": False, "skip": None, "include": ()}, OPTIONS, "a table")
    assert how.to_json() == {"include": ["a"], "exclude": [], "skip": 2}


def test_an_option_that_the_kind_does_not_have_is_wrong_usage():
    with pytest.raises(UsageError, match="a folder has no such option") as caught:
        make_how({"file_column": "id"}, OPTIONS, "a folder")
    assert "--file-column" in str(caught.value)


def test_a_value_that_cannot_be_taken_is_wrong_usage():
    with pytest.raises(UsageError, match="-1 cannot be used"):
        make_how({"skip": -1}, OPTIONS, "a table")


def test_a_record_of_a_newer_version_is_refused_by_the_option_that_it_names():
    with pytest.raises(UsageError, match="no option 'shards' here") as caught:
        how_from_json({"shards": 3, "include": []}, None, OPTIONS, "a table")
    assert "upgrade" in str(caught.value)
