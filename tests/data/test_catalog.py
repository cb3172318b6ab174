import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from bottleneck.core.errors import DataError, UsageError
from bottleneck.data.catalog import NAMED, PATHS, open_source, reopen


@pytest.mark.parametrize("name", NAMED)
def test_a_known_name_is_that_data_set_even_beside_a_folder_of_the_name(
    tmp_path, monkeypatch, name
):
    (tmp_path / name).mkdir()
    monkeypatch.chdir(tmp_path)
    assert open_source(name).spec["kind"] == name
    assert open_source(f"./{name}").spec["where"] == str(tmp_path / name)


def test_a_path_is_absolute_in_the_spec(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert open_source("x").spec["where"] == str(tmp_path / "x")
    assert open_source("x").name == "x"


def test_a_folder_whose_name_is_not_utf8_is_reopened_from_json(tmp_path, draw):
    root = Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff"))
    root.mkdir()
    (root / "1.png").write_bytes(draw())
    spec = json.loads(json.dumps(open_source(str(root)).spec, ensure_ascii=False).encode())
    assert reopen(spec).list().keys.tolist() == [b"1.png"]
    assert reopen(spec).name == "\\xff"


def test_an_unknown_kind_and_an_empty_name_are_wrong_usage_and_a_missing_path_bad_data(tmp_path):
    with pytest.raises(UsageError, match="unknown kind of source 'tape'"):
        reopen({"kind": "tape", "where": "/", "include": [], "exclude": []})
    with pytest.raises(UsageError, match="empty"):
        open_source("")
    with pytest.raises(DataError, match="digits"):
        open_source(str(tmp_path / "cifar11")).list()


def test_opening_a_source_touches_nothing(tmp_path):
    assert not open_source(str(tmp_path / "x")).exists()


def test_the_help_says_each_kind_and_imports_the_standard_library_alone():
    code = (
        "import sys; from bottleneck.data.catalog import KINDS, described; print(described())\n"
        "assert all(spec.about for spec in KINDS.values())\n"
        "foreign = {m.split('.')[0] for m in sys.modules} - set(sys.stdlib_module_names)\n"
        "foreign = {m for m in foreign if not m.startswith('_')} - {'bottleneck'}\n"
        "assert not foreign, foreign\n"
    )
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-S", "-c", code], cwd=root, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    for name in NAMED:
        assert name in done.stdout
    for spec in PATHS.values():
        assert spec.about in done.stdout


@pytest.mark.parametrize("name", ["svhn.mat", "a.H5", "b.tfrecord", "c.pkl"])
def test_a_file_of_a_kind_that_is_not_read_is_refused_by_its_name(tmp_path, name):
    (tmp_path / name).write_bytes(b"x")
    with pytest.raises(DataError, match=r"files are not read.*: (load|write) it") as caught:
        open_source(str(tmp_path / name))
    assert name in str(caught.value)
    (tmp_path / "f.mat").mkdir()
    assert open_source(str(tmp_path / "f.mat")).spec["kind"] == "folder"
