"""A `.keras` file is whole, and holds a network, or is refused."""

import io
import json
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pytest

from bottleneck.backbones.model_archive import read_config
from bottleneck.core.errors import DamagedError, UsageError

CONFIG = {"class_name": "Functional", "config": {"layers": list(range(300))}}


def tensors(n=50):
    made = io.BytesIO()
    with h5py.File(made, "w") as file:
        file["layers/a/vars/0"] = np.arange(n, dtype="f4")
    return made.getvalue()


def members(**more):
    found = {"metadata.json": b"{}", "config.json": json.dumps(CONFIG).encode()}
    return {**found, "model.weights.h5": tensors(), **more}


def archived(content, **options):
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", **options) as archive:
        for name, data in content.items():
            archive.writestr(name, data)
    return made.getvalue()


def read(data):
    return read_config(io.BytesIO(data), Path("m.keras"))


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_a_whole_file_gives_its_config(compression):
    assert read(archived(members(), compression=compression)) == CONFIG


def test_every_cut_and_every_flipped_bit_is_found_or_harmless():
    whole = archived(members())
    found = 0
    for at in range(0, len(whole), 7):
        for data in (whole[:at], whole[:at] + bytes([whole[at] ^ 1 << at % 8]) + whole[at + 1 :]):
            try:
                assert read(data) == CONFIG
            except (DamagedError, UsageError):
                found += 1
    assert found > len(whole) / 7 * 1.8


def test_a_flipped_bit_among_the_tensors_is_damage():
    whole = bytearray(archived(members()))
    whole[whole.index(np.arange(50, dtype="f4").tobytes()) + 9] ^= 1
    with pytest.raises(DamagedError, match="a damaged"):
        read(bytes(whole))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({}, "no Keras model: without config.json"),
        ({"config.json": b"{}"}, "without model.weights.h5"),
        (members(**{"assets/words.txt": b"x"}), "holds assets/words.txt"),
        (members(**{"../../x": b"x"}), "neither layers nor tensors"),
        (members(**{"config.json": b"{"}), "config is not JSON"),
        (members(**{"config.json": b"[" * 100_000}), "config is not JSON"),
        (members(**{"model.weights.h5": b"no HDF5"}), "not a readable HDF5 file"),
    ],
)
def test_a_zip_that_holds_something_else_is_refused(content, message):
    with pytest.raises(UsageError, match=message):
        read(archived(content))


def test_a_member_that_is_there_twice_is_refused():
    made = io.BytesIO(archived(members()))
    with pytest.warns(UserWarning, match="Duplicate"), zipfile.ZipFile(made, "a") as archive:
        archive.writestr("config.json", b"{}")
    with pytest.raises(UsageError, match="a member twice"):
        read(made.getvalue())


def test_a_member_that_swells_is_refused_unread():
    bomb = members(**{"model.weights.h5": bytes(200 << 20)})
    data = archived(bomb, compression=zipfile.ZIP_DEFLATED)
    assert len(data) < 1 << 20
    with pytest.raises(UsageError, match="claims 209715200 bytes"):
        read(data)
