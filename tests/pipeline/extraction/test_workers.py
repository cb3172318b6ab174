"""Real processes of this machine, with the network that ships: the rows of one process; kills."""

import json
import os
import signal
import subprocess
import sys
import time
from hashlib import blake2b
from pathlib import Path

import pytest
from world import pictures, rows_in

import bottleneck
from bottleneck.core.errors import UnavailableError
from bottleneck.pipeline.upkeep.upkeep import verify
from bottleneck.store.store import Store

ROOT = Path(__file__).parents[3]
N = 300
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    return pictures(tmp_path_factory.mktemp("photos"), N)


@pytest.fixture(scope="module")
def alone(photos, tmp_path_factory):
    """The rows of one process with one core's threads, as each of two workers has."""
    store = tmp_path_factory.mktemp("alone") / "store"
    bottleneck.extract_features(photos, cache=store, backbone="mini")
    return rows_in(store)


def command(*words, **env):
    return subprocess.Popen(
        [sys.executable, "-m", "bottleneck", *map(str, words), "--json"],
        env={**os.environ, "PYTHONPATH": f"{ROOT}:{Path(__file__).parent}", **env},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def children(pid):
    """Return the processes below one, by number."""
    found = subprocess.run(
        ["ps", "-wweo", "pid=,ppid="], capture_output=True, text=True, check=True
    )
    pairs = [tuple(map(int, line.split())) for line in found.stdout.splitlines()]
    below = {pid}
    for _ in range(4):
        below |= {one for one, parent in pairs if parent in below}
    return below - {pid}


def are_gone(pids):
    """Whether processes end by themselves, once they see that nobody waits for them."""
    for _ in range(300):
        if not any(Path(f"/proc/{pid}").exists() for pid in pids):
            return True
        time.sleep(0.1)
    return False


def test_two_workers_give_the_rows_of_one_process_bit_for_bit(photos, alone, tmp_path):
    run = command("extract", "--data", photos, "--backbone", "mini", "--cache", tmp_path / "s",
                  "--workers", 2)  # fmt: skip
    out, said = run.communicate(timeout=300)
    assert run.returncode == 0, said
    report = json.loads(out)
    assert (report["computed"], report["workers"]) == (N, 2)
    assert report["shards"]["n"] > 1
    assert rows_in(tmp_path / "s") == alone
    threads = {part.provenance["threads"] for part in Store.open(tmp_path / "s").parts}
    assert max(1, len(os.sched_getaffinity(0)) // 2) in threads
    assert verify(tmp_path / "s")["damaged"] == []
    again = command("extract", "--cache", tmp_path / "s", "--workers", 2)
    assert json.loads(again.communicate(timeout=100)[0])["computed"] == 0


# What a poisoned image does to a worker; the driver may meet it too, in the first batch.
POISON = """
import os, sys
if any("loky" in word for word in sys.orig_argv):
    from bottleneck.data import decode
    from bottleneck.core.digest import sample_digest
    real = decode.decode
    def poisoned(content, *more):
        if os.environ["POISON"] == sample_digest(content).hex():
            os._exit(1)
        return real(content, *more)
    decode.decode = poisoned
"""


def test_an_image_that_ends_the_process_that_decodes_it_is_found_and_set_aside(
    photos, alone, tmp_path
):
    from bottleneck.core.digest import bytes_digest

    (tmp_path / "sitecustomize.py").write_text(POISON)
    # The last one in a mixed order, so that no first batch holds it.
    keys = [os.fsencode(path.relative_to(photos)) for path in photos.rglob("*.png")]
    key = max(keys, key=lambda key: blake2b(key, digest_size=8).digest())
    guilty = photos / os.fsdecode(key)
    run = command(
        "extract", "--data", photos, "--backbone", "mini", "--cache", tmp_path / "s",
        "--workers", 2, PYTHONPATH=f"{tmp_path}:{ROOT}",
        POISON=bytes_digest(guilty.read_bytes()).hex(),
    )  # fmt: skip
    out, said = run.communicate(timeout=500)
    assert run.returncode == 0, said
    report = json.loads(out)
    assert (report["computed"], report["quarantined"]) == (N - 1, 1)
    assert "killed the process" in next(iter(report["set_aside"]))
    assert os.fsdecode(key) in said
    assert rows_in(tmp_path / "s") == {k: v for k, v in alone.items() if k != key}


def test_a_worker_whose_driver_died_before_it_began_ends_as_well():
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    code = (
        "import sys, time\n"
        "from bottleneck.pipeline.extraction.crew import begin_worker\n"
        "begin_worker(int(sys.argv[1]))\n"
        "time.sleep(100)"
    )
    ended = subprocess.run([sys.executable, "-c", code, str(gone.pid)], timeout=50)
    assert ended.returncode == 1


@pytest.mark.parametrize("who", ["worker", "driver"])
def test_a_kill_costs_no_row_and_no_second_one(photos, alone, tmp_path, who):
    store = tmp_path / "s"
    words = ("extract", "--data", photos, "--backbone", "mini", "--cache", store, "--workers", 2,
             "--batch-size", 8)  # fmt: skip
    run = command(*words)
    while run.poll() is None and len(list((store / "parts").glob("*.h5"))) < 2:
        time.sleep(0.01)
    below = children(run.pid)
    assert below
    os.kill(run.pid if who == "driver" else max(below), signal.SIGKILL)
    out, said = run.communicate(timeout=300)
    if who == "driver":
        assert are_gone(below)
        assert verify(store)["damaged"] == []
        run = command(*words)
        out, said = run.communicate(timeout=300)
    assert run.returncode == 0, said
    report = json.loads(out)
    assert (report["pending"], report["quarantined"]) == (0, 0)
    assert rows_in(store) == alone
    assert verify(store)["damaged"] == []


def test_ctrl_c_ends_driver_and_workers_and_what_was_done_is_there(photos, tmp_path):
    store = tmp_path / "s"
    run = command("extract", "--data", photos, "--backbone", "mini", "--cache", store,
                  "--workers", 2, "--batch-size", 8)  # fmt: skip
    while run.poll() is None and len(list((store / "parts").glob("*.h5"))) < 2:
        time.sleep(0.01)
    below = children(run.pid)
    for pid in {run.pid, *below}:  # as a terminal does, to the whole group
        try:
            os.kill(pid, signal.SIGINT)
        except ProcessLookupError:
            continue
    _, said = run.communicate(timeout=60)
    assert run.returncode == 130
    assert "Traceback" not in said
    assert are_gone(below)
    assert verify(store)["damaged"] == []
    state = Store.open(store).state
    assert sum(part.rows for part in state.parts) >= 8


@pytest.mark.parametrize("scheme", ["dask", "ray"])
def test_where_nobody_answers_it_is_one_line_within_seconds(photos, tmp_path, scheme):
    pytest.importorskip({"dask": "distributed"}.get(scheme, scheme))
    with pytest.raises(UnavailableError, match=f"{scheme}://127.0.0.1:9"):
        bottleneck.extract_features(
            photos, cache=tmp_path / "s", backbone="mini", cluster=f"{scheme}://127.0.0.1:9"
        )
