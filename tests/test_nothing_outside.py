"""What each verb opens, makes, moves and deletes, as Python's audit hook sees it."""

import json
import os
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest
from world import picture

ROOT = Path(__file__).parents[1]
# Noted from Python's first line on: (event, arguments) of all that touches a disk or a network.
HOOK = """
import json, os, sys
seen, at_work = [], False
def spelled(argument):
    if isinstance(argument, (bytes, os.PathLike)):
        return os.fsdecode(argument)
    return argument if isinstance(argument, (int, str, type(None))) else repr(argument)
def around(event, arguments):
    # What a relative name is relative to: an open folder, where one is among the arguments.
    if event in ("os.remove", "os.rmdir", "os.mkdir") and arguments[-1] not in (-1, None):
        return os.readlink(f"/proc/self/fd/{arguments[-1]}")
    return os.getcwd()
def hook(event, arguments):
    global at_work
    if not at_work and event.split(".")[0] in {"open", "os", "shutil", "socket", "subprocess"}:
        at_work = True
        seen.append([event, [spelled(a) for a in arguments], around(event, arguments)])
        at_work = False
sys.addaudithook(hook)
from bottleneck.__main__ import main
sys.argv[1:] = json.loads(sys.argv[1])
code = main(sys.argv[1:])
sys.stdout.flush()
print(json.dumps(seen), file=sys.stderr)
os._exit(code)
"""
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
CHANGES = {
    "os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.link", "os.symlink", "os.truncate",
    "os.chmod", "os.chown", "os.utime", "shutil.rmtree", "shutil.move", "shutil.copyfile",
}  # fmt: skip
LOOKS = {"open", "os.listdir", "os.scandir"}
# matplotlib's, as docs/limits.md says; their parents are looked for and made.
# Python's platform module asks what processor this is, matplotlib which fonts there are.
PROGRAMS = {"uname", "fc-list"}
TYPEFACES = ("home/.fonts", "home/.local/share/fonts")
MATPLOTLIB = ("home/.cache/matplotlib", "home/.config/matplotlib")
NEVER = {"socket.connect", "socket.sendto", "socket.bind", "os.system", "os.exec", "os.fork"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Return a folder with images, and beside them what nobody named."""
    made = tmp_path_factory.mktemp("outside")
    for i in range(6):
        picture(made / "photos" / ("cat" if i % 2 else "dog") / f"{i}.png", i)
    for name in ("secrets", "home", "tmp"):
        (made / name).mkdir()
    (made / "secrets/key").write_text("secret")
    return made


def touched(folder, words):
    """Run a verb; return the paths that it read, those that it changed, and its other events."""
    environment = {
        "PATH": os.environ["PATH"], "HOME": str(folder / "home"), "TMPDIR": str(folder / "tmp"),
        "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1",
    }  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-c", HOOK, json.dumps(words)],
        cwd=folder, env=environment, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    read, changed, others = set(), set(), []
    for event, arguments, here in json.loads(done.stderr.splitlines()[-1]):
        paths = [os.path.join(here, a) for a in arguments[:2] if isinstance(a, str)]  # noqa: PTH118
        if event == "open":
            is_number = isinstance(arguments[0], int)
            flags = arguments[2] if isinstance(arguments[2], int) else 0
            if not is_number:
                (changed if flags & WRITING else read).add(os.path.realpath(paths[0]))
        elif event in LOOKS:
            read |= {os.path.realpath(p) for p in paths[:1]}
        elif event in CHANGES:
            changed |= {os.path.realpath(p) for p in paths if not p.endswith("/rb")}
        else:
            others.append((event, arguments))
    return read, changed, others


def outside(paths, roots):
    """Return the paths that lie in none of the roots."""
    return sorted(p for p in paths if not any(p == r or p.startswith(f"{r}/") for r in roots))


def expected(path, folder, verb):
    """Whether a path is one of the folders around ours, or the file that the user asked for."""
    is_around = any(f"{folder / part}/".startswith(f"{path}/") for part in MATPLOTLIB)
    return is_around or (verb in {"predict", "export"} and Path(path).parent == folder)


VERBS = {
    "extract": [
        "extract",
        "--data",
        "photos",
        "--backbone",
        "mini",
        "--cache",
        "FMT",
        "--format",
        "FMT",
    ],
    "extract again": ["extract", "--cache", "FMT"],
    "train": ["train", "--cache", "FMT", "--run", "r"],
    "predict": ["predict", "photos", "--run", "FMT/runs/r", "--csv", "FMT.csv"],
    "compare": ["compare", "FMT/runs/r"],
    "export": ["export", "--cache", "FMT", "FMT.npz"],
    "status": ["status", "--cache", "FMT", "--check"],
    "verify": ["verify", "--cache", "FMT"],
    "verify --repair": ["verify", "--cache", "FMT", "--repair"],
    "gc": ["gc", "--cache", "FMT", "--grace", "0s"],
    "doctor": ["doctor", "--cache", "FMT"],
    "forget": ["forget", "--cache", "FMT"],
}


@pytest.mark.slow
@pytest.mark.parametrize("fmt", ["hdf5", "zarr"])
def test_nothing_outside_the_given_roots_is_read_or_written_and_no_source_is_written(folder, fmt):
    python = {
        os.path.realpath(p) for p in (*sysconfig.get_paths().values(), sys.prefix, sys.base_prefix)
    }
    for name, words in VERBS.items():
        words = [word.replace("FMT", fmt) for word in words]
        read, changed, others = touched(folder, words)
        given = {str(folder / part) for part in (fmt, "photos", "tmp", *MATPLOTLIB, *TYPEFACES)}
        mine = {str(folder / part) for part in (fmt, "tmp", *MATPLOTLIB)}
        system = {"/proc", "/sys", "/dev", "/etc", "/usr", "/lib"}
        code = {*python, *system, str(ROOT / "bottleneck"), *sys.path[1:]}
        bad = [p for p in outside(read, {*code, *given}) if not expected(p, folder, name)]
        assert bad == [], f"{name} read"
        bad = [p for p in outside(changed, {*mine, "/dev/null"}) if not expected(p, folder, name)]
        assert bad == [], f"{name} wrote"
        started = [o for o in others if o[0] == "subprocess.Popen" and o[1][0] not in PROGRAMS]
        assert started + [o for o in others if o[0] in NEVER] == [], name
    assert (folder / "secrets/key").read_text() == "secret"
    at_home = {str(p) for p in (folder / "home").rglob("*") if p.is_file()}
    assert outside(at_home, {str(folder / part) for part in MATPLOTLIB}) == []
