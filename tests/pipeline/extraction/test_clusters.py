"""Real clusters of processes on this machine; skipped where their packages are not installed."""

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager

import clusters
import pytest
from world import pictures, rows_in

import bottleneck
from bottleneck.pipeline.upkeep.upkeep import verify

pytestmark = pytest.mark.slow
N = 400


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    return pictures(tmp_path_factory.mktemp("photos"), N)


@pytest.fixture(scope="module")
def alone(photos, tmp_path_factory):
    store = tmp_path_factory.mktemp("alone") / "store"
    bottleneck.extract_features(photos, cache=store, backbone="mini")
    return rows_in(store)


@pytest.fixture(scope="module", params=["dask", "ray"])
def cluster(request, tmp_path_factory):
    pytest.importorskip({"dask": "distributed"}.get(request.param, request.param))
    with getattr(clusters, request.param)(tmp_path_factory.mktemp(request.param)) as found:
        yield found


@pytest.fixture(scope="module")
def dask(tmp_path_factory):
    pytest.importorskip("distributed")
    with clusters.dask(tmp_path_factory.mktemp("dask")) as found:
        yield found


def ended(photos, store, cluster, *more):
    """Run the command on a cluster to its end."""
    words = ("extract", "--data", photos, "--backbone", "mini", "--cache", store, "--cluster",
             cluster.address, *more, "--json", "--quiet")  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-m", "bottleneck", *map(str, words)],
        env={**os.environ, "PYTHONPATH": clusters.path()},
        capture_output=True, text=True, timeout=400,
    )  # fmt: skip
    assert "Traceback" not in done.stderr
    return done


def extracted(photos, store, cluster, *more):
    """Return the report of the command; it must end well."""
    done = ended(photos, store, cluster, *more)
    assert done.returncode == 0, done.stderr + done.stdout
    return json.loads(done.stdout)


def test_a_cluster_gives_the_rows_of_one_process_bit_for_bit(cluster, photos, alone, tmp_path):
    report = extracted(photos, tmp_path / "s", cluster)
    assert (report["computed"], report["workers"]) == (N, 2)
    assert report["shards"]["n"] > 1
    assert rows_in(tmp_path / "s") == alone
    assert verify(tmp_path / "s")["damaged"] == []
    assert extracted(photos, tmp_path / "s", cluster)["computed"] == 0


@contextmanager
def killing(cluster, store, times=3):
    """Kill a worker whenever something was published since; its nanny starts another."""
    is_over, kills = threading.Event(), []

    def kill():
        n_parts = 1  # the driver's own
        while len(kills) < times and not is_over.wait(0.01):
            now = len(list((store / "parts").glob("*.h5")))
            if now > n_parts and (there := cluster.workers()):
                os.kill(there[0], signal.SIGKILL)
                kills.append(there[0])
                n_parts = now

    thread = threading.Thread(target=kill)
    thread.start()
    try:
        yield kills
    finally:
        is_over.set()
        thread.join()


def test_workers_of_dask_that_are_killed_cost_no_row(dask, photos, alone, tmp_path):
    with killing(dask, tmp_path / "s") as kills:
        report = extracted(photos, tmp_path / "s", dask, "--batch-size", 8)
    assert kills
    assert (report["pending"], report["quarantined"]) == (0, 0)
    assert rows_in(tmp_path / "s") == alone
    assert verify(tmp_path / "s")["damaged"] == []


def test_an_executor_of_dask_serves_from_python_and_stays_open(dask, photos, alone, tmp_path):
    from distributed import Client

    address = dask.address.replace("dask://", "tcp://")
    with Client(address) as client, client.get_executor() as executor:
        report = bottleneck.extract_features(
            photos, cache=tmp_path / "s", backbone="mini", executor=executor, workers=2
        )
        assert executor.submit(time.time).result() > 0
    assert report["computed"] == N
    assert rows_in(tmp_path / "s") == alone


def can_mount():
    """Whether this user may have another folder under a path, for some processes alone."""
    if shutil.which("unshare") is None:
        return False
    tried = ["unshare", "--mount", "sh", "-c", "mount --bind /tmp /mnt"]
    return subprocess.run(tried, capture_output=True, check=False).returncode == 0


@pytest.mark.parametrize(
    ("there", "said"),
    [("nothing", "does not see the store"), ("a store", "another store, or a copy of it")],
)
def test_a_worker_of_dask_that_sees_another_folder_ends_the_run_in_a_line(
    photos, alone, tmp_path, there, said
):
    pytest.importorskip("distributed")
    if not can_mount():
        pytest.skip("may not mount")
    store, other = tmp_path / "s", tmp_path / "other"
    for folder in (store, other, tmp_path / "cluster"):
        folder.mkdir()
    if there == "a store":
        bottleneck.extract_features(photos, cache=other, backbone="mini", limit=8)
    elsewhere = (
        "unshare",
        "--mount",
        "sh",
        "-c",
        f'mount --bind {other} {store} && exec "$@"',
        "sh",
    )
    with clusters.dask(tmp_path / "cluster", before=[(), elsewhere]) as cluster:
        done = ended(photos, store, cluster, "--batch-size", 8)
    assert done.returncode == 2
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1, done.stderr
    bottleneck.extract_features(photos, cache=store, backbone="mini")
    assert rows_in(store) == alone
    assert verify(store)["damaged"] == []
