"""Names as disks and archives have them: any bytes, any length, no two made one."""

import io
import os
import tarfile
import zipfile

import pytest
from PIL import Image

from bottleneck.data.catalog import open_source

NFC, NFD = "caf\u00e9".encode(), "cafe\u0301".encode()
NAMES = [
    NFC + b".png", NFD + b".png", b"-rf.png", b"--help.png", b"line\nbreak.png", b"a\tb.png",
    b" blank .png", b"\xff\xfe.png", b"x" * 251 + b".png", b"'\"$(x).png", b"a;b|c.png",
    "\u202egnp.png".encode(), "\U0001f600.png".encode(),
]  # fmt: skip


def pixel(i):
    made = io.BytesIO()
    Image.new("RGB", (1, 1), (i, i, i)).save(made, "PNG")
    return made.getvalue()


def a_folder(home):
    folder = os.fsencode(home / "images" / "cat")
    os.makedirs(folder)  # noqa: PTH103 - bytes
    for i, name in enumerate(NAMES):
        with open(os.path.join(folder, name), "wb") as file:  # noqa: PTH118, PTH123 - bytes
            file.write(pixel(i))
    return home / "images"


def a_tar(home, fmt=tarfile.GNU_FORMAT):
    with tarfile.open(home / "a.tar", "w", format=fmt) as archive:
        for i, name in enumerate(NAMES):
            info = tarfile.TarInfo(os.fsdecode(b"cat/" + name))
            info.size = len(pixel(i))
            archive.addfile(info, io.BytesIO(pixel(i)))
    return home / "a.tar"


def a_pax_tar(home):
    return a_tar(home, tarfile.PAX_FORMAT)


def a_zip(home):
    """As `zip` writes it on Linux: UTF-8; a zip has no name that is not text."""
    with zipfile.ZipFile(home / "a.zip", "w") as archive:
        for i, name in enumerate(NAMES):
            if name != b"\xff\xfe.png":
                archive.writestr((b"cat/" + name).decode(), pixel(i))
    return home / "a.zip"


@pytest.mark.parametrize("make", [a_folder, a_tar, a_pax_tar, a_zip])
def test_every_name_is_the_key_of_its_own_image(tmp_path, make):
    source = open_source(str(make(tmp_path)))
    listing = source.list()
    expected = {b"cat/" + name: pixel(i) for i, name in enumerate(NAMES)}
    if make is a_zip:
        del expected[b"cat/\xff\xfe.png"]
    found = {bytes(key): source.read(i).content for i, key in enumerate(listing.keys)}
    found = {key if key.startswith(b"cat/") else b"cat/" + key: data for key, data in found.items()}
    assert found == expected
