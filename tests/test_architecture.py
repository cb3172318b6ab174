"""The shape of the package: who imports whom, who prints, who writes."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

SRC = Path(__file__).parents[1] / "bottleneck"
STATIONS = ["core", "data", "backbones", "engines", "store", "heads"]
DOORS = ["extract", "train", "status", "forget", "verify", "gc", "doctor"]
MODULES = sorted(SRC.rglob("*.py"))
# Where Keras and TensorFlow are at home; everything else goes through these.
FRAMEWORK_FILES = {
    "core/frameworks.py",
    "engines/keras.py",
    "backbones/weights.py",
    "data/keras_sets.py",
    "pipeline/datasets.py",
}
# `open` and friends write into a name that is not published yet, or where the reason says.
WRITERS = {
    "core/files.py": "the one place for durable effects",
    "core/console.py": "the traceback of a bug, in the system's temporary folder",
    "core/frameworks.py": "native chatter, in a temporary file",
    "store/zarr.py": "writes into a temporary name that its caller publishes",
    "heads/linear.py": "writes into a temporary name that its caller publishes",
    "store/lock.py": "who holds the lock, for people",
    "data/keras_sets.py": "the conversion of a named data set, outside any store",
}
EFFECTS = {
    "rename", "replace", "link", "unlink", "rmdir", "rmtree", "remove", "mkdir", "makedirs",
    "write_bytes", "write_text", "symlink", "fsync",
}  # fmt: skip


def imports(path):
    """Yield (module, whether at module level) of every import statement."""
    tree = ast.parse(path.read_text())
    top = set()
    for node in tree.body:
        is_guard = isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
        top |= set() if is_guard else {id(inner) for inner in ast.walk(node)}
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            top -= {id(inner) for inner in ast.walk(node)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, id(node) in top) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module, id(node) in top
            if node.module == "bottleneck":
                yield from ((f"bottleneck.{alias.name}", id(node) in top) for alias in node.names)


def ours(path):
    return {m.split(".")[1] for m, _ in imports(path) if m.startswith("bottleneck.")}


@pytest.mark.parametrize("station", STATIONS)
def test_a_station_imports_only_core_and_itself(station):
    for path in (SRC / station).rglob("*.py"):
        assert ours(path) <= {"core", station}, path


def test_the_pipeline_imports_no_door():
    for path in (SRC / "pipeline").rglob("*.py"):
        assert not ours(path) & set(DOORS) or path.stem in DOORS, path
        for module, _ in imports(path):
            assert module not in {f"bottleneck.{door}" for door in DOORS}, path


@pytest.mark.parametrize("door", DOORS)
def test_a_door_imports_core_at_once_and_the_pipeline_when_it_is_called(door):
    path = SRC / f"{door}.py"
    assert ours(path) <= {"core", "pipeline"}
    at_once = {m.split(".")[1] for m, top in imports(path) if top and m.startswith("bottleneck.")}
    assert at_once <= {"core"}


@pytest.mark.parametrize("path", MODULES, ids=lambda p: p.relative_to(SRC).as_posix())
def test_a_module_is_one_concept_with_a_plain_name(path):
    assert path.stem not in {"utils", "helpers", "common", "misc"}
    assert len(path.read_text().splitlines()) <= 400
    assert ast.get_docstring(ast.parse(path.read_text()))


@pytest.mark.parametrize("path", MODULES, ids=lambda p: p.relative_to(SRC).as_posix())
def test_frameworks_are_imported_in_their_few_files_alone(path):
    found = {m.split(".")[0] for m, _ in imports(path)} & {"keras", "tensorflow"}
    assert not found or path.relative_to(SRC).as_posix() in FRAMEWORK_FILES
    at_once = {m.split(".")[0] for m, top in imports(path) if top}
    assert not at_once & {"keras", "tensorflow", "joblib", "tqdm", "zarr", "matplotlib"}


@pytest.mark.parametrize("path", MODULES, ids=lambda p: p.relative_to(SRC).as_posix())
def test_durable_effects_are_in_files_and_nowhere_else(path):
    if path.relative_to(SRC).as_posix() in WRITERS:
        return
    for node in ast.walk(ast.parse(path.read_text())):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
            continue
        name, owner = node.func.attr, ast.unparse(node.func.value)
        if name in EFFECTS and owner != "files" and "." not in owner:
            is_ours = name != "replace" or owner in {"os", "shutil", "path"}
            assert not is_ours, f"{path}:{node.lineno} {owner}.{name}"
        if name == "open" and node.args and isinstance(node.args[0], ast.Constant):
            assert not set(str(node.args[0].value)) & set("wax+"), f"{path}:{node.lineno}"


def test_only_the_console_prints():
    for path in MODULES:
        if path.relative_to(SRC).as_posix() == "core/console.py":
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            is_print = isinstance(node, ast.Call) and ast.unparse(node.func) == "print"
            assert not is_print, f"{path}:{node.lineno}"


@pytest.mark.parametrize("arguments", [["--version"], ["--help"], *([d, "--help"] for d in DOORS)])
def test_help_imports_the_standard_library_alone(arguments):
    code = (
        f"import sys; sys.argv[1:] = {arguments!r}\n"
        "from bottleneck.__main__ import main\n"
        "try: code = main()\n"
        "except SystemExit as end: code = end.code\n"
        "assert code == 0, code\n"
        "foreign = {m.split('.')[0] for m in sys.modules} - set(sys.stdlib_module_names)\n"
        "foreign = {m for m in foreign if not m.startswith('_')} - {'bottleneck'}\n"
        "assert not foreign, foreign\n"
    )
    done = subprocess.run(
        [sys.executable, "-S", "-c", code],
        cwd=SRC.parent,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    if arguments[-1] == "--help" and len(arguments) > 1:
        assert "example:" in done.stdout
        assert "exit codes:" in done.stdout


def test_every_door_is_listed_as_a_verb():
    from bottleneck.__main__ import VERBS

    assert sorted(VERBS) == sorted(DOORS)
