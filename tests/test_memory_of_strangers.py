"""What a stranger's file claims to hold costs no memory: it is refused for what it is."""

import gzip
import io
import json
import struct
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pytest
from most_memory import most_bytes

LIMIT_MB = 500  # of a process that has imported all readers; what is claimed is terabytes
HERE = Path(__file__)


def a_tensor_file(folder):
    """A header of 2**62 bytes; tensors of a petabyte."""
    tensor = {"dtype": "F32", "shape": [2**40, 2**10], "data_offsets": [0, 2**52]}
    header = json.dumps({"weights": tensor}).encode()
    for name, data in {
        "long": struct.pack("<Q", 2**62) + b"{}",
        "large": struct.pack("<Q", len(header)) + header,
        "deep": struct.pack("<Q", 200_000) + b"[" * 200_000,
    }.items():
        yield head_folder(folder / name, data)


def head_folder(folder, data):
    from bottleneck.core.sealed import seal

    folder.mkdir(parents=True)
    (folder / "head.safetensors").write_bytes(data)
    content = {"head": "linear", "options": {}}
    (folder / "head.json").write_bytes(seal(content, folder, ["head.safetensors"]))
    return folder


def arrays(folder):
    """An array whose head says that it is 2**50 long; one that swells."""
    head = str({"descr": "|u1", "fortran_order": False, "shape": (2**30, 2**10, 2**10, 3)})
    head = head.encode().ljust(117) + b"\n"
    path = folder / "long.npy"
    path.write_bytes(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head)
    yield path
    with zipfile.ZipFile(folder / "a.npz", "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("x_train.npy", path.read_bytes() + bytes(64 << 20))
    yield folder / "a.npz"
    packed = folder / "train-images-idx3-ubyte.gz"
    with gzip.open(packed, "wb", 1) as file:
        file.write(struct.pack(">HBB3I", 0, 8, 3, 2, 5, 5))
        for _ in range(12):
            file.write(bytes(64 << 20))
    yield packed


def archives(folder):
    """Members that say that they are huge."""
    info = tarfile.TarInfo("cat/a.png")
    info.size = 2**60
    (folder / "a.tar").write_bytes(info.tobuf(tarfile.GNU_FORMAT) + bytes(10240))
    yield folder / "a.tar"
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as file:
        file.writestr("cat/a.png", b"x")
    data = made.getvalue()
    at = data.rindex(b"PK\x01\x02") + 20
    (folder / "a.zip").write_bytes(data[:at] + b"\xfe\xff\xff\x7f" * 2 + data[at + 8 :])
    yield folder / "a.zip"


def tables(folder):
    """Parts whose columns say that they are huge, in both formats."""
    from bottleneck.store.table import load_format

    for fmt in ("hdf5", "zarr"):
        path = folder / f"t.{'h5' if fmt == 'hdf5' else 'zarr'}"
        load_format(fmt).write(path, {"rows": np.zeros((4, 3), "<f4")}, {})
        if fmt == "hdf5":
            with h5py.File(path, "r+") as file:
                file.create_dataset("more", (2**50,), "u1")
        else:
            meta = path / "rows" / "zarr.json"
            plain = json.loads(meta.read_text())
            meta.write_text(json.dumps({**plain, "shape": [2**50, 3]}))
        yield path


def looked(path):
    """Read a data set as a run does: its listing, and its first sample."""
    from bottleneck.data.catalog import open_source

    source = open_source(str(path))
    source.list()
    source.read(0)


def opened(path):
    from bottleneck.store.table import load_format

    load_format("hdf5" if path.suffix == ".h5" else "zarr").open(path)


def load_linear(path):
    from bottleneck.heads.linear import load

    load(path)


KINDS = {
    "a_tensor_file": (a_tensor_file, load_linear),
    "arrays": (arrays, looked),
    "archives": (archives, looked),
    "tables": (tables, opened),
}


def main(kind, folder):
    """Try each file of a kind; print what each was refused with, and the most memory in MB."""
    make, read = KINDS[kind]
    refused = []
    for path in make(Path(folder)):
        try:
            read(path)
        except Exception as error:  # noqa: BLE001 - told to the test
            refused.append(type(error).__name__)
        else:
            refused.append(None)
    print(json.dumps([refused, most_bytes() / 2**20]))


@pytest.mark.slow
@pytest.mark.parametrize("kind", sorted(KINDS))
def test_a_file_that_claims_terabytes_is_refused_and_takes_no_memory(tmp_path, kind):
    done = subprocess.run(
        [sys.executable, HERE, kind, tmp_path], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    refused, used_mb = json.loads(done.stdout.splitlines()[-1])
    assert set(refused) <= {"DataError", "DamagedError", "UsageError", "OSError"}, refused
    assert used_mb < LIMIT_MB


if __name__ == "__main__":
    main(*sys.argv[1:])
