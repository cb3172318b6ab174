"""Versions of installed packages, beside importlib.metadata's."""

import sys
from importlib import metadata

import pytest

from bottleneck.core.installed import installed_version


@pytest.mark.parametrize("package", ["keras", "numpy", "h5py", "pillow", "pytest"])
def test_the_version_is_that_of_the_metadata(package):
    assert installed_version(package) == metadata.version(package)


def test_a_package_that_is_not_there_has_none():
    assert installed_version("nosuchpackageanywhere") is None


def test_of_two_the_one_that_would_be_imported_counts(tmp_path, monkeypatch):
    for folder, version in (("first", "2.0"), ("second", "1.0")):
        (tmp_path / folder / f"Thing-{version}.dist-info").mkdir(parents=True)
    monkeypatch.setattr(
        sys, "path", [str(tmp_path / "none"), str(tmp_path / "first"), str(tmp_path / "second")]
    )
    assert installed_version("thing") == "2.0"


def test_a_name_that_only_begins_alike_is_another(tmp_path, monkeypatch):
    (tmp_path / "keras_hub-1.0.dist-info").mkdir()
    (tmp_path / "keras-3.15.0.dist-info").mkdir()
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    assert installed_version("keras") == "3.15.0"


def test_where_no_such_folder_is_the_metadata_is_asked(tmp_path, monkeypatch):
    egg = tmp_path / "oldthing.egg-info"
    egg.mkdir()
    (egg / "PKG-INFO").write_text("Metadata-Version: 2.1\nName: oldthing\nVersion: 0.3\n")
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    assert installed_version("oldthing") == "0.3"
