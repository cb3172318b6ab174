"""Doctor: a clash of names, the disk and the GPU, each as a plain line; nothing is left behind."""

import errno
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from bottleneck.core import console, files
from bottleneck.doctor import main
from bottleneck.pipeline.upkeep import doctor as doctors

ROOT = Path(__file__).parents[3]


def install(folder, name, **more):
    """Make a folder of metadata as an installer leaves it, owning the import name."""
    info = folder / f"{name.replace('-', '_')}-1.6.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.6.0\n")
    (info / "RECORD").write_text("bottleneck/__init__.py,,\n")
    for file, text in more.items():
        (info / file).write_text(text)


def report(capsys, *words):
    capsys.readouterr()
    code = console.run(main, [*words, "--json"])
    return code, json.loads(capsys.readouterr().out)


def test_a_healthy_machine_is_0_and_nothing_is_left_behind(tmp_path, capsys):
    code, found = report(capsys, "--cache", str(tmp_path / "not/yet"))
    assert (code, found["ok"], found["verb"]) == (0, True, "doctor")
    assert found["checks"]["hard links"]["says"].startswith("yes")
    assert list(tmp_path.iterdir()) == []


def test_the_accelerator_in_this_environment_is_2_and_is_named(tmp_path, monkeypatch, capsys):
    install(tmp_path, "Bottleneck")
    install(tmp_path, "bottleneck-cache")
    monkeypatch.syspath_prepend(tmp_path)
    code, found = report(capsys, "--cache", str(tmp_path))
    assert code == 2
    assert (
        "pip uninstall Bottleneck bottleneck-cache, then" in found["checks"]["import name"]["says"]
    )
    assert console.run(main, ["--cache", str(tmp_path)]) == 2
    (line,) = [line for line in capsys.readouterr().out.splitlines() if "BAD" in line]
    assert line.startswith("import name")


def test_our_own_distribution_is_no_clash_however_it_is_spelled(tmp_path, monkeypatch, capsys):
    for name in ("bottleneck-cache", "bottleneck_cache"):
        install(tmp_path / name, name)
        monkeypatch.syspath_prepend(tmp_path / name)
    assert report(capsys, "--cache", str(tmp_path))[0] == 0


def test_a_disk_without_hard_links_is_said_and_is_no_error(tmp_path, monkeypatch, capsys):
    def refused(*_):
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(files.os, "link", refused)
    code, found = report(capsys, "--cache", str(tmp_path))
    assert code == 0
    assert found["checks"]["hard links"]["says"].startswith("none")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("broken", ["write_synced", "sync_folder"])
def test_a_disk_that_cannot_make_durable_is_bad(tmp_path, monkeypatch, capsys, broken):
    def refused(*_):
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(files, broken, refused)
    code, found = report(capsys, "--cache", str(tmp_path))
    assert code == 2
    assert not found["checks"]["fsync"]["ok"]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("number", [errno.EACCES, errno.EROFS])
def test_a_folder_that_may_not_be_written_is_13(tmp_path, monkeypatch, capsys, number):
    def refused(path, *_):
        raise OSError(number, os.strerror(number), str(path))

    monkeypatch.setattr(files.os, "mkdir", refused)
    assert console.run(main, ["--cache", str(tmp_path / "store")]) == 13
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith(f"error: not permitted: {tmp_path}")


def test_a_gpu_that_nothing_uses_names_the_extra(tmp_path, monkeypatch):
    monkeypatch.setattr(doctors.shutil, "which", lambda _: None)
    assert "no NVIDIA driver" in doctors.doctor(tmp_path)["checks"]["gpu"]["says"]
    monkeypatch.setattr(doctors.shutil, "which", lambda name: f"/usr/bin/{name}")
    monkeypatch.setattr(doctors.metadata, "distributions", list)
    assert "[gpu]" in doctors.doctor(tmp_path)["checks"]["gpu"]["says"]
    install(tmp_path / "a", "nvidia-cudnn-cu13")
    found = list(doctors.metadata.Distribution.discover(path=[str(tmp_path / "a")]))
    monkeypatch.setattr(doctors.metadata, "distributions", lambda: found)
    assert "CUDA libraries" in doctors.doctor(tmp_path)["checks"]["gpu"]["says"]


def test_doctor_imports_none_of_what_it_reports(tmp_path):
    code = (
        "import sys\nfrom bottleneck.doctor import main\n"
        f"assert main(['--cache', {str(tmp_path)!r}]) == 0\n"
        "heavy = {'numpy', 'h5py', 'zarr', 'PIL', 'keras', 'tensorflow'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
