"""HDF5 files of others hold tensors of their own, or are refused."""

import h5py
import numpy as np
import pytest

from bottleneck.backbones.foreign_hdf5 import check
from bottleneck.core.errors import UsageError


def refused(path, message):
    with path.open("rb") as file, pytest.raises(UsageError, match=message) as caught:
        check(file, path, "check --weights")
    assert "\n" not in str(caught.value)


@pytest.fixture
def path(tmp_path):
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["a"] = np.ones(3)
    return tmp_path / "w.h5"


def test_plain_tensors_pass_compressed_ones_too(path):
    with h5py.File(path, "w") as file:
        file["g/a"] = np.ones((3, 4), "f4")
        file["empty"] = h5py.Empty("f4")
        file.create_dataset("packed", data=np.zeros(1000), compression="gzip")
    with path.open("rb") as file:
        check(file, path, "check --weights")


@pytest.mark.parametrize("link", [h5py.SoftLink("/b"), h5py.ExternalLink("other.h5", "/a")])
def test_links_are_refused_wherever_they_are(path, link):
    with h5py.File(path, "w") as file:
        file["b"] = np.ones(2)
        file["g/deep/x"] = link
    refused(path, "x is a link")


def test_data_that_is_stored_elsewhere_is_refused(path):
    with h5py.File(path, "w") as file:
        (path.parent / "raw").write_bytes(bytes(8))
        file.create_dataset("x", (1,), "f8", external=[(str(path.parent / "raw"), 0, 8)])
    refused(path, "x is stored elsewhere")
    with h5py.File(path, "w") as file:
        layout = h5py.VirtualLayout((3,), "f8")
        layout[:] = h5py.VirtualSource(path.parent / "other.h5", "a", shape=(3,))
        file.create_virtual_dataset("x", layout)
    refused(path, "x is stored elsewhere")


def test_a_tensor_that_claims_what_it_does_not_store_is_refused(path):
    with h5py.File(path, "w") as file:
        file.create_dataset("x", (1 << 40,), "f4", chunks=(1 << 20,))
    refused(path, "x claims 4398046511104 bytes and stores 0")


def test_groups_that_hold_themselves_end(path):
    with h5py.File(path, "w") as file:
        file.create_group("g")
        file["g/again"] = file["g"]
    refused(path, "not a readable HDF5 file")


@pytest.mark.parametrize("n", [0, 4, 500])
def test_a_file_that_is_cut_short_is_refused(path, n):
    with h5py.File(path, "w") as file:
        file["a"] = np.ones(300)
    path.write_bytes(path.read_bytes()[:n])
    refused(path, "not a readable HDF5 file")
