"""Checksummed JSON: changed bytes are damage, for every kind of file that holds a checksum."""

import json

import pytest

from bottleneck.core.canonical import canonical_digest
from bottleneck.core.errors import DamagedError, UsageError
from bottleneck.core.recipe import ImageSpec, Recipe, RowSpec, read_recipe_file, recipe_file
from bottleneck.core.sealed import check_seal, read_beside, seal, unseal, with_checksum

RECIPE = Recipe(
    network="aa" * 32,
    weights="bb" * 32,
    preprocessing="none",
    image=ImageSpec(size=(8, 8)),
    rows=RowSpec(dtype="float16", shape=(16,)),
)


def read(plain, **words):
    """Check the seal of an object's bytes."""
    return check_seal(json.dumps(plain).encode(), "where", "what to do", **words)


def test_what_was_sealed_is_read_whatever_the_order_and_blanks():
    whole = with_checksum({"b": [1, 2.5], "a": {"é": None}})
    assert read(whole) == whole
    assert read(dict(reversed(whole.items()))) == whole
    assert whole["checksum"] == canonical_digest({"a": {"é": None}, "b": [1, 2.5]})


@pytest.mark.parametrize(
    "change",
    [{"a": 2}, {"more": None}, {"checksum": "0" * 64}, {"checksum": None}, {"format_version": 2}],
)
def test_any_change_is_damage_that_says_where_and_what_to_do(change):
    whole = with_checksum({"format_version": 1, "a": 1})
    with pytest.raises(DamagedError, match=r"its bytes changed.*where.*what to do"):
        read({**whole, **change}, newest_version=2)


def test_a_lost_key_is_damage():
    whole = with_checksum({"a": 1, "b": 2})
    for key in whole:
        with pytest.raises(DamagedError):
            read({name: value for name, value in whole.items() if name != key})


def test_a_newer_version_asks_for_an_upgrade_before_its_checksum_is_looked_at():
    whole = with_checksum({"format_version": 3, "a": 1})
    with pytest.raises(UsageError, match=r"format version 3, this program knows 2.*upgrade"):
        read({**whole, "checksum": "of a spelling to come"}, newest_version=2)
    assert read(whole, newest_version=3) == whole


@pytest.mark.parametrize("version", [0, -1, True, "1", None, 1.5, [1]])
def test_a_version_that_is_none_is_damage(version):
    with pytest.raises(DamagedError):
        read(with_checksum({"format_version": version}), newest_version=1)


def hostile(good):
    """Yield bytes that a careless parser would take for the file, or choke on."""
    text = good.decode().strip()
    yield good.replace(b"{", b'{"checksum": "", ', 1)  # twice: the last one is right
    yield good.replace(b'"about": {', b'"about": {"x": 1, ', 1) if b'"about"' in good else good[:-3]
    yield text[:-1].encode()
    yield b'{"a": NaN, ' + text[1:].encode()
    yield b'{"a": ' + b"[" * 600 + b"]" * 600 + b", " + text[1:].encode()
    yield b'{"a": 1' + b"0" * 400 + b", " + text[1:].encode()
    yield b"[" + good + b"]"
    yield b"\xff" + good


def test_a_recipe_file_is_read_as_strictly_as_a_commit():
    good = recipe_file(RECIPE, {"backbone": "é"})
    assert read_recipe_file(good, RECIPE.id, "here") == (RECIPE, {"backbone": "é"})
    for bad in hostile(good):
        with pytest.raises(DamagedError):
            read_recipe_file(bad, RECIPE.id, "here")
    with pytest.raises(DamagedError, match="not the one it is named for"):
        read_recipe_file(good, "c" * 64, "here")


def test_the_files_beside_are_spoken_for(tmp_path):
    for name in ("one", "two"):
        (tmp_path / name).write_text(name)
    (tmp_path / "it.json").write_bytes(seal({"kind": "x"}, tmp_path, ["one", "two"]))
    content = unseal(tmp_path / "it.json", "do")
    assert content.keys() == {"kind", "files"}
    assert read_beside(tmp_path / "it.json", content, "one", "do") == b"one"
    (tmp_path / "one").write_text("onf")
    with pytest.raises(DamagedError, match="not the bytes"):
        read_beside(tmp_path / "it.json", content, "one", "do")
    (tmp_path / "two").unlink()
    with pytest.raises(DamagedError, match="is missing"):
        read_beside(tmp_path / "it.json", content, "two", "do")
    with pytest.raises(DamagedError, match="says nothing of three"):
        read_beside(tmp_path / "it.json", content, "three", "do")
    for bad in hostile((tmp_path / "it.json").read_bytes()):
        (tmp_path / "it.json").write_bytes(bad)
        with pytest.raises(DamagedError):
            unseal(tmp_path / "it.json", "do")
