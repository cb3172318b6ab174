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
    "looking": {"network", "extraction", "pages"},
    "upkeep": {"network", "extraction", "pages"},
}
NO_DOORS = {"errors", "sklearn"}  # public names from Python, beside the verbs
DOORS = sorted(
    path.stem for path in SRC.glob("*.py") if path.stem not in NO_DOORS and path.stem[0] != "_"
)
# What doors have in common.
SHARED = {path.stem for path in SRC.glob("_*.py") if not path.stem.startswith("__")}
# What doors may know of the stations before they call the pipeline: names, choices, descriptions.
CATALOGS = {
    *(f"bottleneck.{station}.catalog" for station in STATIONS),
    "bottleneck.backbones.preprocessing",
    "bottleneck.data.view_list",
}
MODULES = sorted(SRC.rglob("*.py"))
MODULE_NAMES = {
    ".".join(path.relative_to(SRC.parent).with_suffix("").parts).removesuffix(".__init__")
    for path in MODULES
}
# Where Keras and TensorFlow are at home; everything else goes through these.
FRAMEWORK_FILES = {
    "core/frameworks.py",
    "engines/keras.py",
    "engines/backends.py",
    "engines/convert.py",
    "engines/openvino.py",
    "pipeline/network/child.py",
    "backbones/weights.py",
    "data/keras_sets.py",
    "api/datasets.py",
}
# Who else may call what has an effect on a disk: which calls, and why.
WRITERS = {
    "core/failures.py": (
        {"NamedTemporaryFile", "write"},
        "a bug's traceback; a last line, at once",
    ),
    "core/streams.py": ({"open"}, "the null device, for a stream that is closed"),
    "core/message_log.py": ({"open", "write"}, "the log that the user named: nothing rests on it"),
    "core/frameworks.py": (
        {"TemporaryFile", "write"},
        "native chatter, in a file without a name; what is none, on stderr again",
    ),
    "data/unpack.py": ({"TemporaryFile"}, "a dry run's archive, in a file without a name"),
    "heads/network.py": ({"save"}, "into a temporary name that its caller publishes"),
    "engines/convert.py": ({"save_model"}, "into a temporary name that its caller publishes"),
    "pipeline/network/apart.py": ({"mkdtemp"}, "a graph, from one process to the other"),
    "backbones/onnx_load.py": ({"mkdtemp", "save_model"}, "a graph, from a backbone to an engine"),
    "pipeline/learning/feature_file.py": (
        {"open", "ZipFile"},
        "into a temporary name that its caller publishes",
    ),
    "pipeline/learning/export.py": ({"save"}, "into a temporary name that it publishes"),
    "pictures/canvas.py": ({"savefig"}, "into memory"),
    "core/copies.py": (
        {"replace", "utime"},
        "copies, on which nothing rests, and how old they are",
    ),
    "store/lock.py": ({"FileLock", "write_text"}, "the lock; who holds it, for people"),
    "store/storage.py": ({"FileLock"}, "the lock of writers where there are no hard links"),
    "data/keras_sets.py": ({"FileLock", "save"}, "into a temporary name that it publishes"),
}
# scikit-learn's objects have an attribute for each keyword of theirs, set when they are made.
ESTIMATORS = {"BaseEstimator", "_HeadClassifier", "_HeadEstimator"}
EFFECTS = {
    "rename", "renames", "link", "unlink", "rmdir", "removedirs", "rmtree", "mkdir", "makedirs",
    "write_bytes", "write_text", "touch", "symlink", "symlink_to", "hardlink_to", "truncate",
    "copyfile", "copytree", "fsync", "fdatasync", "chmod", "utime", "tofile", "savez",
    "savez_compressed", "savetxt", "save_file", "mkdtemp", "mkstemp", "NamedTemporaryFile",
    "TemporaryFile", "TemporaryDirectory", "FileLock", "savefig", "save_model", "save_weights",
    "extractall", "make_archive", "unpack_archive", "urlretrieve", "FileHandler", "open_memmap",
}  # fmt: skip
# What opens an archive or a file of a library's own, by its module ("": imported by its name).
ARCHIVES = {
    "zipfile": {"ZipFile", "PyZipFile"},
    "tarfile": {"open", "TarFile"},
    "TarFile": {"open"},
    "gzip": {"open", "GzipFile"},
    "bz2": {"open", "BZ2File"},
    "lzma": {"open", "LZMAFile"},
    "h5py": {"File"},
    "": {"ZipFile", "TarFile", "GzipFile", "BZ2File", "LZMAFile"},
}
READING = {"r", "rb", "rt", "r:*", "r:", "r:gz", "r:bz2", "r:xz", "r|", "r|*"}
ZARR_MAKES = {"group", "array", "zeros", "ones", "empty", "full"}
UNKNOWN = object()


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
            names = [f"{node.module}.{alias.name}" for alias in node.names]
            if node.module.startswith("bottleneck"):
                yield from ((name, id(node) in top) for name in names if name in MODULE_NAMES)


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
    assert ours(path) <= {"core", "pipeline", *SHARED} | rooms_of(path)
    at_once = {m for m, top in imports(path) if top and m.startswith("bottleneck.")} - CATALOGS
    assert {m.split(".")[1] for m in at_once} <= {"core", *SHARED}


@pytest.mark.parametrize("name", sorted(SHARED))
def test_what_doors_share_imports_core_and_catalogs_alone(name):
    assert ours(SRC / f"{name}.py") <= {"core", *SHARED} | rooms_of(SRC / f"{name}.py")


def rooms_of(path):
    """Return the stations of which a module imports catalogs, and nothing but catalogs."""
    stations = {m for m, _ in imports(path) if m.startswith("bottleneck.")}
    stations = {m for m in stations if m.split(".")[1] in STATIONS and m.split(".")[1] != "core"}
    found = {m for m in stations if m in CATALOGS or m.rpartition(".")[0] in CATALOGS}
    assert stations <= found | {m.rpartition(".")[0] for m in found}, path
    return {m.split(".")[1] for m in found}


@pytest.mark.parametrize("path", MODULES, ids=lambda p: p.relative_to(SRC).as_posix())
def test_a_module_is_one_concept_with_a_plain_name(path):
    assert path.stem not in {"utils", "helpers", "common", "misc"}
    assert len(path.read_text().splitlines()) <= 320
    assert ast.get_docstring(ast.parse(path.read_text()))


@pytest.mark.parametrize("path", MODULES, ids=lambda p: p.relative_to(SRC).as_posix())
def test_functions_are_short_and_classes_hold_little_that_changes(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef):
            assert node.end_lineno - first_line(node) < 60, node.name
        if isinstance(node, ast.ClassDef):
            assert len(mutable_attributes(node)) <= 10, node.name


def first_line(function):
    """Return where a function begins; of a public one, what it does: its keywords are many."""
    if function.name.startswith("_") or not ast.get_docstring(function):
        return function.lineno
    return function.body[0].end_lineno


def mutable_attributes(of):
    """Return the attributes of a class that is not frozen: its fields, and what methods set."""
    decorators = [ast.unparse(decorator) for decorator in of.decorator_list]
    if any("frozen=True" in decorator for decorator in decorators):
        return set()
    found = set()
    if any("dataclass" in decorator for decorator in decorators):
        found |= {node.target.id for node in of.body if isinstance(node, ast.AnnAssign)}
    for node in ast.walk(of):
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            found |= {node.attr} if ast.unparse(node.value) == "self" else set()
    if {ast.unparse(base) for base in of.bases} & ESTIMATORS:
        found -= {arg.arg for node in of.body if isinstance(node, ast.FunctionDef)
                  if node.name == "__init__" for arg in node.args.kwonlyargs}  # fmt: skip
    return found


def test_nothing_below_the_doors_imports_the_console():
    for path in set(MODULES) - set(SRC.glob("*.py")) - {SRC / "core/console.py"}:
        assert "bottleneck.core.console" not in {module for module, _ in imports(path)}, path
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and node.module == "bottleneck.core":
                assert "console" not in {alias.name for alias in node.names}, path


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
    if name in ARCHIVES.get(owner.split(".")[-1], ()):
        return _mode(call, 1) not in READING | {None}
    if owner.split(".")[0] == "zarr" and name.startswith("open"):
        return _mode(call, 1) not in READING  # zarr opens to write unless it is told otherwise
    if owner.split(".")[0] == "zarr":
        return name.startswith(("create", "save", "copy", "consolidate")) or name in ZARR_MAKES
    if name == "memmap":
        return _mode(call, 2) not in READING
    if owner.endswith("h5f"):
        return name == "create" or "ACC_RDWR" in ast.unparse(call)
    if name == "open" and owner == "os":
        return "O_WRONLY" in ast.unparse(call) or "O_RDWR" in ast.unparse(call)
    if name == "open":  # open(path, mode), path.open(mode); Image.open and Store.open have none
        mode = _mode(call, 0 if owner else 1)
        if mode is UNKNOWN:  # the builtin must say how it opens, in letters
            return not owner
        return mode is not None and bool(set(mode) & set("wax+")) and set(mode) <= set("rwaxbt+U")
    if name == "replace":  # str.replace has two arguments, dataclasses.replace names all but one
        several = call.keywords or len(call.args) != 1
        return owner == "os" or (owner not in {"", "files"} and not several)
    if name in {"remove", "write", "pwrite", "ftruncate"}:
        return owner == "os"
    if name == "save":  # numpy's, and Keras' of a model
        return owner in {"np", "numpy"} or "model" in owner
    return name in {"move", "copy", "copy2"} and owner == "shutil"


def _mode(call, position):
    """Return how a call opens: letters; None where it does not say, UNKNOWN where computed."""
    named = {keyword.arg: keyword.value for keyword in call.keywords}
    mode = named.get("mode", call.args[position] if len(call.args) > position else None)
    if mode is None:
        return None
    is_text = isinstance(mode, ast.Constant) and isinstance(mode.value, str)
    return mode.value if is_text else UNKNOWN


@pytest.mark.parametrize(
    "line",
    [
        "open(path, 'w')", "open(path, mode='ab')", "open(path, how)", "path.open('xb')",
        "self.root.parent.open(mode='r+')", "self.root.mkdir()", "(a / b).write_bytes(c)",
        "os.replace(a, b)", "self.path.replace(other)", "os.open(a, os.O_WRONLY)",
        "os.remove(a)", "shutil.move(a, b)", "np.save(a, b)", "rmtree(a)", "a.b.unlink()",
        "zipfile.ZipFile(a, 'w')", "ZipFile(a, mode='x')", "zipfile.ZipFile(a, how)",
        "tarfile.open(a, 'w:gz')", "tarfile.open(a, mode='a')", "tarfile.TarFile.open(a, 'w|')",
        "gzip.open(a, 'wb')", "lzma.LZMAFile(a, 'x')", "archive.extractall(a)",
        "h5py.File(a, 'w')", "h5py.File(a, mode='r+')", "h5py.File(a, 'a')",
        "h5py.h5f.create(a, b)", "h5py.h5f.open(a, h5py.h5f.ACC_RDWR)",
        "zarr.open(a)", "zarr.open_group(a, mode='a')", "zarr.create_array(a)", "zarr.group(a)",
        "zarr.save(a, b)", "zarr.zeros(a)", "np.memmap(a)", "np.memmap(a, mode='w+')",
        "np.lib.format.open_memmap(a)", "model.save(a)", "self.model.save(a)", "figure.savefig(a)",
        "ov.save_model(a, b)", "model.save_weights(a)", "FileLock(a)", "shutil.make_archive(a, b)",
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
        "array.copy()", "head.save(folder)", "zipfile.ZipFile(a)", "ZipFile(a, 'r')",
        "tarfile.open(a)", "tarfile.open(fileobj=a, mode='r:')", "gzip.open(a)", "h5py.File(a)",
        "h5py.File(a, 'r', locking=False)", "h5py.h5f.open(a)", "zarr.open_group(a, mode='r')",
        "np.memmap(a, mode='r')", "h5py.h5p.create(a)", "file.create_dataset(a)",
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
        assert "\nexample" in done.stdout
        assert "exit codes:" in done.stdout


def test_every_door_is_listed_as_a_verb():
    from bottleneck.__main__ import VERBS

    assert sorted(VERBS) == sorted(DOORS)
