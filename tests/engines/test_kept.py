"""What an engine keeps, while other runs keep, replace and delete the same."""

import threading

import numpy as np
import pytest
from world import tree

from bottleneck.core import files
from bottleneck.engines import kept
from bottleneck.engines.kept import Kept, Reference

RECIPE = "ab" * 32
MACHINE = {"cpu": "one"}


def reference(seed=0):
    rng = np.random.default_rng(seed)
    return Reference(
        images=rng.integers(0, 256, (2, 4, 4, 3), np.uint8),
        rows=rng.normal(size=(2, 3)).astype(np.float32),
        check="keras",
    )


def network(text):
    """Return what writes a network of two files."""

    def write(folder):
        files.replace(folder / "network.xml", text)
        files.replace(folder / "network.bin", text * 1000)

    return write


def test_a_network_comes_back_as_the_bytes_that_were_kept(tmp_path):
    Kept(tmp_path, RECIPE).keep_network(network(b"one"), reference())
    kept_network = Kept(tmp_path, RECIPE).network()
    data, found = kept_network.files, kept_network.reference
    assert (data["network.xml"], data["network.bin"]) == (b"one", b"one" * 1000)
    np.testing.assert_array_equal(found.rows, reference().rows)


@pytest.mark.parametrize("name", ["reference.safetensors", "network.bin", "network.json", ""])
def test_a_file_that_a_rival_deletes_while_they_are_read_makes_them_be_made_anew(
    tmp_path, monkeypatch, name
):
    Kept(tmp_path, RECIPE).keep_network(network(b"one"), reference())
    real = files.read

    def read(path, **more):
        data = real(path, **more)
        if path.name == "network.json":
            files.delete(path.parent / name)
        return data

    monkeypatch.setattr(files, "read", read)
    found = Kept(tmp_path, RECIPE).network()
    assert (found is None) == (name != "network.json")  # that one was read already


def test_a_network_that_a_rival_has_kept_meanwhile_stays_and_nothing_is_left_over(tmp_path):
    one, other = Kept(tmp_path, RECIPE), Kept(tmp_path, RECIPE)

    def write(folder):
        other.keep_network(network(b"other"), reference(1))
        network(b"one")(folder)

    one.keep_network(write, reference())
    assert one.network().files["network.xml"] == b"other"
    assert not [name for name in tree(tmp_path) if "tmp-" in name]


def test_what_is_compiled_for_one_machine_is_never_sealed_for_another(tmp_path, monkeypatch):
    """Two hosts share a disk, and one writes its blob between the other's two files."""
    one, real, done = Kept(tmp_path, RECIPE), files.replace, []

    def replace(path, data):
        real(path, data)
        if path.name == kept.BLOB and not done:
            done.append(1)
            real(path, b"compiled for two")

    monkeypatch.setattr(files, "replace", replace)
    one.keep_compiled(b"compiled for one", MACHINE, "keras")
    assert one.compiled(MACHINE) is None  # and is compiled anew
    one.keep_compiled(b"compiled for one", MACHINE, "keras")
    assert one.compiled(MACHINE).blob == b"compiled for one"


def test_readers_and_writers_at_once_see_one_whole_network_or_none(tmp_path):
    stop, seen, wrong = threading.Event(), [], []

    def read():
        while not stop.is_set():
            found = Kept(tmp_path, RECIPE).network()
            if found is not None:
                data = found.files
                seen.append(1)
                if data["network.bin"] != data["network.xml"] * 1000:
                    wrong.append(data["network.xml"])

    def keep(text):
        for _ in range(10):
            Kept(tmp_path, RECIPE).keep_network(network(text), reference())
            files.delete(tmp_path / RECIPE[:16] / "network.bin")  # so that it is made anew

    readers = [threading.Thread(target=read) for _ in range(2)]
    writers = [threading.Thread(target=keep, args=(text,)) for text in (b"one", b"two", b"six")]
    for thread in readers + writers:
        thread.start()
    for thread in writers:
        thread.join()
    stop.set()
    for thread in readers:
        thread.join()
    assert not wrong
