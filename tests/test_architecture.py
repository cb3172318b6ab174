"""The shape of the package: who imports whom, who prints, who writes."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

SRC = Path(__file__).parents[1] / "bottleneck"
# What is there, so that a new room or door is held to the rules without a line here.
MEETING = {"api", "pipeline"}  # where stations meet: the pipeline, and the doors from Python
STATIONS = sorted({p.parent.name for p in SRC.glob("*/__init__.py")} - MEETING)
# The rooms of the pipeline, and which others each may import: none runs back.
ROOMS = {
    "network": set(),
    "extraction": {"network"},
    "pages": {"network", "extraction"},
    "learning": {"network", "extraction", "pages"},
    "upkeep": {"network", "extraction", "pages"},
}
DOORS = sorted(path.stem for path in SRC.glob("*.py") if not path.stem.startswith("_"))
MODULES = sorted(SRC.rglob("*.py"))
# Where Keras and TensorFlow are at home; everything else goes through these.
FRAMEWORK_FILES = {
    "core/frameworks.py",
    "engines/keras.py",
    "engines/convert.py",
    "engines/openvino.py",
    "backbones/weights.py",
    "data/keras_sets.py",
    "api/datasets.py",
}
# Who else may call what has an effect on a disk: which calls, and why.
WRITERS = {
    "core/console.py": ({"NamedTemporaryFile", "open"}, "a bug's traceback; a closed pipe's end"),
    "core/frameworks.py": ({"TemporaryFile"}, "native chatter, in a file without a name"),
    "store/zarr.py": ({"mkdir", "open"}, "into a temporary name that its caller publishes"),
    "heads/linear.py": ({"save_file", "open"}, "into a temporary name that its caller publishes"),
    "pipeline/learning/feature_file.py": (
        {"open"},
        "into a temporary name that its caller publishes",
    ),
    "store/lock.py": ({"write_text"}, "who holds the lock, for people"),
    "data/keras_sets.py": ({"save"}, "into a temporary name that it publishes"),
}
EFFECTS = {
    "rename", "renames", "link", "unlink", "rmdir", "removedirs", "rmtree", "mkdir", "makedirs",
    "write_bytes", "write_text", "touch", "symlink", "symlink_to", "hardlink_to", "truncate",
    "copyfile", "copytree", "fsync", "fdatasync", "chmod", "utime", "tofile", "savez",
    "savez_compressed", "savetxt", "save_file", "mkdtemp", "mkstemp", "NamedTemporaryFile",
    "TemporaryFile", "TemporaryDirectory",
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
    """Return our rooms and doors that a module imports, those that it loads by name as well."""
    found = {m.split(".")[1] for m, _ in imports(path) if m.startswith("bottleneck.")}
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            found |= set(re.findall(r"^bottleneck\.(\w+)[\w.]*(?::\w+)?$", node.value))
    return found


@pytest.mark.parametrize("station", STATIONS)
def test_a_station_imports_only_core_and_itself(station):
    for path in (SRC / station).rglob("*.py"):
        assert ours(path) <= {"core", station}, path


def test_the_pipeline_imports_no_door():
    for path in (SRC / "pipeline").rglob("*.py"):
        assert not ours(path) & {*DOORS, "api"}, path


def test_the_python_interface_hands_out_stores_and_heads_and_calls_the_pipeline_for_the_rest():
    for path in (SRC / "api").rglob("*.py"):
        assert ours(path) <= {"api", "core", "pipeline", "store", "heads"}, path


def test_the_rooms_of_the_pipeline_are_these():
    assert {p.parent.name for p in (SRC / "pipeline").glob("*/__init__.py")} == set(ROOMS)
    assert [path.name for path in (SRC / "pipeline").glob("*.py")] == ["__init__.py"]


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_of_the_pipeline_imports_the_rooms_before_it_alone(room):
    for path in (SRC / "pipeline" / room).rglob("*.py"):
        found = {m.split(".")[2] for m, _ in imports(path) if m.startswith("bottleneck.pipeline.")}
        assert found <= {room, *ROOMS[room]}, path


def our_modules(path):
    """Yield our modules that a module imports, at whatever place."""
    for module, _ in imports(path):
        where = SRC.parent / module.replace(".", "/")
        if module.startswith("bottleneck.") and where.with_suffix(".py").exists():
            yield where.with_suffix(".py")
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("bottleneck."):
            for alias in node.names:
                where = SRC.parent / node.module.replace(".", "/") / f"{alias.name}.py"
                if where.exists():
                    yield where


def test_no_modules_import_each_other_in_a_circle():
    after = {path: set(our_modules(path)) - {path} for path in MODULES}
    while True:
        ground = {path for path, below in after.items() if not below & set(after)}
        if not ground:
            break
        for path in ground:
            del after[path]
    assert not after, sorted(path.relative_to(SRC).as_posix() for path in after)


def test_nothing_below_the_root_imports_the_root():
    for path in set(MODULES) - set(SRC.glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                assert "bottleneck" not in {alias.name for alias in node.names}, path


@pytest.mark.parametrize("door", DOORS)
def test_a_door_imports_core_and_catalogs_at_once_and_the_pipeline_when_it_is_called(door):
    path = SRC / f"{door}.py"
    catalogs = {m for m, _ in imports(path)} & {f"bottleneck.{one}.catalog" for one in STATIONS}
    assert ours(path) <= {"core", "pipeline"} | {catalog.split(".")[1] for catalog in catalogs}
    outside = {m for m, _ in imports(path) if m.startswith("bottleneck.")} - catalogs
    assert {m.split(".")[1] for m in outside} <= {"core", "pipeline"}
    at_once = {m for m, top in imports(path) if top and m.startswith("bottleneck.")} - catalogs
    assert {m.split(".")[1] for m in at_once} <= {"core"}


@pytest.mark.parametrize("path", MODULES, ids=lambda p: p.relative_to(SRC).as_posix())
def test_a_module_is_one_concept_with_a_plain_name(path):
    assert path.stem not in {"utils", "helpers", "common", "misc"}
    assert len(path.read_text().splitlines()) <= 410
    assert ast.get_docstring(ast.parse(path.read_text()))


@pytest.mark.parametrize("path", MODULES, ids=lambda p: p.relative_to(SRC).as_posix())
def test_frameworks_are_imported_in_their_few_files_alone(path):
    found = {m.split(".")[0] for m, _ in imports(path)} & {"keras", "tensorflow"}
    assert not found or path.relative_to(SRC).as_posix() in FRAMEWORK_FILES
    at_once = {m.split(".")[0] for m, top in imports(path) if top}
    assert not at_once & {"keras", "tensorflow", "joblib", "tqdm", "zarr", "matplotlib"}


def effects(text):
    """Yield (name, line) of every call that may write, rename or delete by itself."""
    for node in ast.walk(ast.parse(text)):
        if not isinstance(node, ast.Call):
            continue
        if isinstance(node.func, ast.Attribute):
            name, owner = node.func.attr, ast.unparse(node.func.value)
        else:
            name, owner = ast.unparse(node.func), ""
        if (name in EFFECTS and owner != "files") or _writes(name, owner, node):
            yield name, node.lineno


def _writes(name, owner, call):
    """Whether a call that has harmless namesakes is of the other kind."""
    named = {keyword.arg: keyword.value for keyword in call.keywords}
    if name == "open" and owner == "os":
        return "O_WRONLY" in ast.unparse(call) or "O_RDWR" in ast.unparse(call)
    if name == "open":  # open(path, mode), path.open(mode); Image.open and Store.open have none
        position = 0 if owner else 1
        mode = named.get("mode", call.args[position] if len(call.args) > position else None)
        is_text = isinstance(mode, ast.Constant) and isinstance(mode.value, str)
        if not is_text:  # the builtin must say how it opens, in letters
            return not owner and mode is not None
        return bool(set(mode.value) & set("wax+")) and set(mode.value) <= set("rwaxbt+U")
    if name == "replace":  # str.replace has two arguments, dataclasses.replace names all but one
        return owner == "os" or (owner not in {"", "files"} and len(call.args) == 1 and not named)
    if name in {"remove", "write", "pwrite", "ftruncate"}:
        return owner == "os"
    if name == "save":
        return owner in {"np", "numpy"}
    return name in {"move", "copy", "copy2"} and owner == "shutil"


@pytest.mark.parametrize(
    "line",
    [
        "open(path, 'w')", "open(path, mode='ab')", "open(path, how)", "path.open('xb')",
        "self.root.parent.open(mode='r+')", "self.root.mkdir()", "(a / b).write_bytes(c)",
        "os.replace(a, b)", "self.path.replace(other)", "os.open(a, os.O_WRONLY)",
        "os.remove(a)", "shutil.move(a, b)", "np.save(a, b)", "rmtree(a)", "a.b.unlink()",
    ],
)  # fmt: skip
def test_an_effect_is_seen_however_it_is_spelled(line):
    assert list(effects(line))


@pytest.mark.parametrize(
    "line",
    [
        "open(path)", "open(path, 'rb')", "path.open('rb')", "Image.open(file)", "Store.open(a, 3)",
        "files.replace(a, b)", "text.replace('a', 'b')", "dataclasses.replace(a, b=1)",
        "replace(a, b=1)", "names.remove(a)", "files.move(a, b)", "os.open(a, os.O_RDONLY)",
        "array.copy()", "head.save(folder)",
    ],
)  # fmt: skip
def test_what_has_no_effect_is_left_alone(line):
    assert not list(effects(line))


@pytest.mark.parametrize("path", MODULES, ids=lambda p: p.relative_to(SRC).as_posix())
def test_durable_effects_are_in_files_and_nowhere_else(path):
    name = path.relative_to(SRC).as_posix()
    if name != "core/files.py":
        allowed, _ = WRITERS.get(name, (set(), ""))
        found = [(call, line) for call, line in effects(path.read_text()) if call not in allowed]
        assert not found, f"{name}: core/files.py does this"


def test_every_exception_is_still_one():
    for name, (allowed, _) in WRITERS.items():
        assert {call for call, _ in effects((SRC / name).read_text())} == allowed, name
    for name in FRAMEWORK_FILES:
        assert set(re.findall(r"\b(?:keras|tensorflow)\b", (SRC / name).read_text())), name


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
