"""A tar and a zip of a million members (with BOTTLENECK_SOAK=1), and the memory that they take."""

import io
import json
import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest
from most_memory import most_bytes
from PIL import Image

N = 1_000_000 if os.environ.get("BOTTLENECK_SOAK") == "1" else 3_000
BASE_MB, BYTES_EACH = 150, 1000  # of memory: what imports take, and what a member may


def pixel():
    made = io.BytesIO()
    Image.new("L", (1, 1)).save(made, "PNG")
    return made.getvalue()


def name(i):
    return f"{('cat', 'dog')[i % 2]}/{i:07}.png"


def a_tar(path):
    """Heads differ in name and checksum alone."""
    content = pixel()
    info = tarfile.TarInfo(name(0))
    info.size = len(content)
    head, body = info.tobuf(tarfile.USTAR_FORMAT), content.ljust(512, b"\0")
    first = bytearray(head)
    first[148:156] = b" " * 8
    with path.open("wb") as file:
        for i in range(N):
            each = bytearray(first)
            each[: len(name(i))] = name(i).encode()
            each[148:156] = b"%06o\0 " % sum(each)
            file.write(each + body)
        file.write(bytes(1024))


def a_zip(path):
    content = pixel()
    with zipfile.ZipFile(path, "w") as archive:
        for i in range(N):
            archive.writestr(zipfile.ZipInfo(name(i)), content)


MAKERS = {"a.tar": a_tar, "a.zip": a_zip}


def main(path):
    """List it and read three samples; print what was found and the most memory in bytes."""
    from bottleneck.data.catalog import open_source

    source = open_source(path)
    listing = source.list()
    right = all(source.read(i).content == pixel() for i in (0, N // 2, N - 1))
    print(json.dumps([len(listing), listing.classes, right, most_bytes()]))


@pytest.mark.slow
@pytest.mark.parametrize("kind", sorted(MAKERS))
def test_a_million_members_are_listed_and_the_memory_for_each_is_bounded(tmp_path, kind):
    path = tmp_path / kind
    MAKERS[kind](path)
    done = subprocess.run(
        [sys.executable, Path(__file__), path],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    path.unlink()
    assert done.returncode == 0, done.stderr[-2000:]
    n, classes, is_right, used = json.loads(done.stdout)
    assert (n, classes, is_right) == (N, ["cat", "dog"], True)
    print(f"{kind}: {used >> 20} MB")
    assert used < (BASE_MB << 20) + BYTES_EACH * N


if __name__ == "__main__":
    main(sys.argv[1])
