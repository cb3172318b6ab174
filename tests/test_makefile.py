"""`make` in a copy of the tree: real recipes; in the place of Python, a script that notes calls."""

import os
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TARGETS = [
    "demo", "install", "extract", "train", "status", "schedule", "fast", "test", "check", "docs",
    "bench", "clean",
]  # fmt: skip
# What an outer `make test ARGS=…` or an active environment would leave here.
OURS = {"DATA", "BACKBONE", "CACHE", "ARGS", "EXTRAS", "VENV", "VIRTUAL_ENV", "PYTHON", "PIP"}
OUTER = {*OURS, "MAKEFLAGS", "MAKEOVERRIDES", "MAKELEVEL", "MFLAGS", "GNUMAKEFLAGS"}
SAYS_ITS_AGE = '#!/bin/sh\ncase "$1" in -c) exit $RECENT;; esac\n'
NOTE = SAYS_ITS_AGE + '{ printf "%s|" "$0" "$@"; echo; } >> calls\n'
MAKES = SAYS_ITS_AGE + (
    'mkdir -p "$3/bin"; cp noted "$3/bin/python"; echo "venv $3" >> calls; exit $MADE\n'
)

pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")


@pytest.fixture
def tree(tmp_path):
    """A bare clone: no environment yet, and a `python3` that makes one of scripts."""
    for name in ("Makefile", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path)
    for name in ("bottleneck", "tests", "scripts"):
        (tmp_path / name).mkdir()
    script(tmp_path / "noted", NOTE)
    script(tmp_path / "path/python3", MAKES)
    return tmp_path


def script(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)


def environment(tree, **more):
    inherited = {name: value for name, value in os.environ.items() if name not in OUTER}
    search = f"{tree / 'path'}{os.pathsep}{os.environ['PATH']}"
    return {**inherited, "PATH": search, "RECENT": "0", "MADE": "0", **more}


def make(tree, *words, **more):
    """Run make; return (exit code, the calls that it made, what it said)."""
    (tree / "calls").unlink(missing_ok=True)
    done = subprocess.run(
        ["make", *words],
        cwd=tree,
        env=environment(tree, **more),
        capture_output=True,
        text=True,
        check=False,
    )
    noted = (tree / "calls").read_text().splitlines() if (tree / "calls").exists() else []
    return done.returncode, noted, done.stdout + done.stderr


def without_gpu(tree):
    script(tree / "path/nvidia-smi", "#!/bin/sh\nexit 9\n")


def commands(noted):
    """Return the words of each call of the package, pytest or a script: all but installing."""
    split = [line.rstrip("|").split("|") for line in noted]
    return [words[1:] for words in split if words[1:3] not in (["-m", "pip"], [])]


def installs(noted):
    return [line.split("|")[-2] for line in noted if "|pip|install|" in line]


def test_make_alone_prints_every_target_and_makes_nothing(tree):
    code, noted, said = make(tree)
    assert (code, noted) == (0, [])
    assert all(f"make {target}" in said for target in TARGETS)


def test_schedule_prints_a_line_for_all_stores_or_for_the_one_that_is_named(tree):
    code, noted, said = make(tree, "schedule", "EXTRAS=")
    assert code == 0, said
    assert commands(noted) == [["scripts/schedule/line.py", "--folder", ".", "--all", "cache"]]
    words = ["schedule", "CACHE=my stores/a", "ARGS=--budget 4h", "EXTRAS="]
    code, noted, said = make(tree, *words)
    named = ["--cache", "my stores/a", "--budget", "4h"]
    assert commands(noted) == [["scripts/schedule/line.py", "--folder", ".", *named]]
    assert "line.py" not in said  # nothing but what it prints, so that it can go into a crontab


def test_the_first_command_on_a_bare_machine_is_the_literal_one(tree):
    words = ["extract", "DATA=cifar10", "ARGS=--weights random:0 --size 139"]
    code, noted, said = make(tree, *words, "EXTRAS=tensorflow")
    assert code == 0, said
    assert noted[0] == "venv .venv"
    assert installs(noted) == [".[tensorflow]"]
    expected = (
        "-m bottleneck.extract --data cifar10 --backbone resnet50 --cache cache/resnet50 "
        "--weights random:0 --size 139"
    )
    assert commands(noted) == [expected.split()]
    assert f".venv/bin/python {expected}\n" in said


def test_the_same_command_again_installs_nothing_until_pyproject_changes(tree):
    make(tree, "extract")
    assert installs(make(tree, "extract")[1]) == []
    later = (tree / "pyproject.toml").stat().st_mtime + 60
    os.utime(tree / "pyproject.toml", (later, later))
    assert len(installs(make(tree, "extract")[1])) == 1


def test_digits_go_through_mini_unless_a_backbone_is_named(tree):
    (alone,) = commands(make(tree, "extract")[1])
    assert (
        " ".join(alone) == "-m bottleneck.extract --data digits --backbone mini --cache cache/mini"
    )
    for words, more in ((["BACKBONE=vgg16"], {}), ([], {"BACKBONE": "vgg16"})):
        (named,) = commands(make(tree, "extract", *words, **more)[1])
        assert " ".join(named).endswith("--data digits --backbone vgg16 --cache cache/vgg16")


def test_extracting_needs_no_more_than_openvino_and_most_heads_tensorflow(tree):
    without_gpu(tree)
    assert installs(make(tree, "extract")[1]) == [".[openvino,plots]"]
    shutil.rmtree(tree / ".venv")
    assert installs(make(tree, "extract", "DATA=cifar10")[1]) == [".[openvino,plots]"]
    assert installs(make(tree, "train", "ARGS=--head dense")[1]) == [".[openvino,tensorflow,plots]"]
    assert installs(make(tree, "train")[1]) == []


def test_demo_runs_its_script_with_the_light_extras(tree):
    without_gpu(tree)
    code, noted, said = make(tree, "demo")
    assert code == 0, said
    assert installs(noted) == [".[openvino,plots]"]
    assert commands(noted) == [["scripts/demo.py"]]


@pytest.mark.parametrize("verb", ["train", "status"])
def test_a_verb_reads_the_store_that_extract_filled(tree, verb):
    for words in ([], ["DATA=cifar10"], ["CACHE=else where"], ["BACKBONE=vgg16"]):
        (filled,) = commands(make(tree, "extract", *words)[1])
        (read,) = commands(make(tree, verb, *words, "ARGS=--json")[1])
        store = filled[filled.index("--cache") + 1]
        assert read == ["-m", f"bottleneck.{verb}", "--cache", store, "--json"]


def test_a_folder_with_a_blank_is_one_word_and_a_tilde_is_home(tree):
    (blank,) = commands(make(tree, "extract", "DATA=my photos")[1])
    assert blank[3] == "my photos"
    (tilde,) = commands(make(tree, "extract", "DATA=~/photos", HOME="/home/ada")[1])
    assert tilde[3] == "/home/ada/photos"


def test_an_active_environment_is_used_and_a_named_one_wins(tree):
    script(tree / "active/bin/python", NOTE)
    script(tree / "named/bin/python", NOTE)
    _, noted, _ = make(tree, "status", VIRTUAL_ENV="active")
    assert {line.split("|")[0] for line in noted} == {"active/bin/python"}
    _, noted, _ = make(tree, "status", "VENV=named", VIRTUAL_ENV="active")
    assert {line.split("|")[0] for line in noted} == {"named/bin/python"}
    assert not (tree / ".venv").exists()


@pytest.mark.parametrize(("answers", "extra"), [(0, "gpu,plots"), (9, "openvino,tensorflow,plots")])
def test_install_takes_gpu_where_nvidia_smi_answers(tree, answers, extra):
    script(tree / "path/nvidia-smi", f"#!/bin/sh\necho 'No devices were found'\nexit {answers}\n")
    assert installs(make(tree, "install")[1]) == [f".[{extra}]"]


def test_extras_override_what_is_installed(tree):
    assert installs(make(tree, "install", "EXTRAS=tensorflow,check")[1]) == [".[tensorflow,check]"]
    assert installs(make(tree, "install", "EXTRAS=")[1]) == ["."]


def test_tests_install_what_they_need_and_then_call_pytest(tree):
    _, noted, said = make(tree, "test", "ARGS=-k words", "EXTRAS=tensorflow")
    beside = ["xarray", "crc32c", "opt_einsum", "tokenizers"]
    assert installs(noted) == [".[tensorflow]", ".[test]", *beside]
    (second,) = [line for line in noted if "xarray" in line]
    assert "--target|.venv/pandas2|pandas>=2.2,<3" in second
    (hub,) = [line for line in noted if "keras-hub>=0.32" in line]
    assert "--no-deps|--target|.venv/keras-hub|" in hub
    workers = ["-n", "auto", "--dist", "loadfile"]
    assert commands(noted) == [["-m", "pytest", *workers, "-k", "words"]], said


def test_fast_calls_pytest_without_what_is_slow(tree):
    _, noted, said = make(tree, "fast", "ARGS=-x", "EXTRAS=tensorflow")
    assert installs(noted) == [".[tensorflow]", ".[test]"]
    workers = ["-n", "auto", "--dist", "loadfile"]
    assert commands(noted) == [["-m", "pytest", "-q", *workers, "-m", "not slow", "-x"]], said


def test_docs_writes_the_references_and_the_picture(tree):
    _, noted, said = make(tree, "docs")
    assert commands(noted) == [["scripts/make_references.py"], ["scripts/draw_way.py"]], said


def test_a_pandas_2_that_was_half_installed_is_installed_again(tree):
    make(tree, "test")
    (tree / ".venv/.bottleneck-pandas2").unlink()
    (tree / ".venv/pandas2/pandas").mkdir(parents=True)
    assert installs(make(tree, "test")[1]) == ["xarray"]


def test_check_calls_each_of_its_tools_and_stops_at_the_first_that_fails(tree):
    for tool in ("ruff", "mypy"):
        script(tree / ".venv/bin" / tool, NOTE)
    script(tree / ".venv/bin/python", NOTE)
    code, noted, said = make(tree, "check")
    assert code == 0, said
    assert [Path(line.split("|")[0]).name for line in noted if "|pip|" not in line] == [
        "ruff", "ruff", "mypy", "python",
    ]  # fmt: skip
    assert commands(noted)[-1] == shlex.split("-m pytest -q tests/test_architecture.py")
    script(tree / ".venv/bin/ruff", "#!/bin/sh\nexit 1\n")
    code, noted, _ = make(tree, "check")
    assert (code, commands(noted)) == (2, [])


def test_a_python_that_is_too_old_is_named_with_the_way_on(tree):
    code, noted, said = make(tree, "extract", RECENT="1")
    assert (code, noted) == (2, [])
    assert "error: Python 3.11 or newer is needed: python3: make PYTHON=" in said
    script(tree / "active/bin/python", NOTE)
    code, noted, said = make(tree, "extract", RECENT="1", VIRTUAL_ENV="active")
    assert (code, noted) == (2, [])
    assert "needed: active/bin/python: choose another environment by VENV=" in said


def test_an_environment_that_could_not_be_made_is_not_taken_for_one(tree):
    assert make(tree, "status", MADE="1")[0] == 2
    code, noted, _ = make(tree, "status")
    assert (code, noted[0]) == (0, "venv .venv")


def test_clean_leaves_stores_and_the_environment(tree):
    make(tree, "status")
    for path in ("cache/demo/log/1", "bottleneck/__pycache__/x.pyc", "build/x", "dist/x"):
        (tree / path).parent.mkdir(parents=True, exist_ok=True)
        (tree / path).touch()
    assert make(tree, "clean")[0] == 0
    assert (tree / "cache/demo/log/1").exists()
    assert (tree / ".venv").exists()
    assert not any((tree / name).exists() for name in ("build", "dist", "bottleneck/__pycache__"))


def test_what_makes_the_environment_can_be_named(tree):
    script(tree / "other", (tree / "path/python3").read_text().replace("venv $3", "other $3"))
    assert make(tree, "status", f"PYTHON={tree / 'other'}")[1][0] == "other .venv"
