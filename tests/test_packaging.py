"""What is built from the tree: a wheel and an sdist with all that an installed copy needs."""

import json
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from email.parser import Parser
from importlib import metadata
from pathlib import Path

import pytest

import bottleneck

ROOT = Path(__file__).parents[1]
NEEDED = 77  # pyproject.toml's build requirement
BUILD = "from setuptools import build_meta as b; b.build_wheel('out'); b.build_sdist('out')"


def builder_is_old():
    try:
        return int(metadata.version("setuptools").split(".")[0]) < NEEDED
    except metadata.PackageNotFoundError:
        return True


pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(builder_is_old(), reason=f"make test installs setuptools {NEEDED}"),
]


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """Build in a copy, so that the tree stays as it is; return (wheel, sdist)."""
    tree = tmp_path_factory.mktemp("tree")
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, tree)
    shutil.copytree(
        ROOT / "bottleneck", tree / "bottleneck", ignore=shutil.ignore_patterns("__pycache__")
    )
    done = subprocess.run(
        [sys.executable, "-c", BUILD], cwd=tree, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    (wheel,), (sdist,) = (tree / "out").glob("*.whl"), (tree / "out").glob("*.tar.gz")
    return wheel, sdist


def package_files():
    files = (ROOT / "bottleneck").rglob("*")
    return {
        path.relative_to(ROOT).as_posix()
        for path in files
        if path.is_file() and path.suffix != ".pyc"
    }


def test_both_hold_every_file_of_the_package_and_the_licence(built):
    wheel, sdist = built
    assert {"bottleneck/py.typed", "bottleneck/data/digits.npz"} <= package_files()
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    assert {name for name in names if ".dist-info/" not in name} == package_files()
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in names)
    with tarfile.open(sdist) as archive:
        names = {member.name.split("/", 1)[-1] for member in archive.getmembers()}
    assert package_files() | {"pyproject.toml", "README.md", "LICENSE"} <= names


def test_the_metadata_says_what_an_installer_must_know(built):
    with zipfile.ZipFile(built[0]) as archive:
        (name,) = [n for n in archive.namelist() if n.endswith(".dist-info/METADATA")]
        said = Parser().parsestr(archive.read(name).decode())
        entry = archive.read(name.replace("METADATA", "entry_points.txt")).decode()
    assert (said["Name"], said["Version"]) == ("bottleneck-cache", bottleneck.__version__)
    assert said["Requires-Python"] == ">=3.11"
    assert said["License-Expression"] == "Apache-2.0"
    required = said.get_all("Requires-Dist")
    plain = {r.split(">=")[0] for r in required if "extra ==" not in r}
    core = "numpy h5py zarr joblib tqdm pillow google-crc32c filelock safetensors"
    assert plain == set(core.split())
    assert "pillow>=12.3" in required
    assert [r for r in required if r.startswith("openvino>=") and 'extra == "openvino"' in r]
    for extra in ("tensorflow", "gpu"):
        assert [r for r in required if r == f'keras>=3.15; extra == "{extra}"'], required
    extras = {
        "tensorflow",
        "gpu",
        "openvino",
        "kerashub",
        "inspect",
        "objects",
        "plots",
        "parquet",
        "dask",
        "ray",
        "pandas",
        "sklearn",
        "xarray",
        "test",
        "check",
    }
    assert set(said.get_all("Provides-Extra")) == extras
    assert "bottleneck = bottleneck.__main__:main" in entry


def test_the_wheel_is_small_and_mini_loads_from_where_it_is_installed(built, tmp_path):
    wheel, _ = built
    assert wheel.stat().st_size <= 4_000_000
    with zipfile.ZipFile(wheel) as archive:  # what an installer does with a pure wheel
        archive.extractall(tmp_path)
    code = (
        "from bottleneck.backbones import Request, catalog\n"
        "found = catalog.load(Request(backbone='mini', weights='shipped'))\n"
        "import bottleneck; print(bottleneck.__file__, found.weights, len(found.portable.rows))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    where, weights, n = done.stdout.split()
    assert Path(where).parent == tmp_path / "bottleneck"
    facts = json.loads((ROOT / "bottleneck/backbones/mini/mini.json").read_text())
    assert (weights, n) == (facts["weights"], "32")
