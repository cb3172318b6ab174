"""Real clusters on this machine: schedulers and workers as processes, for tests and trials.

What they need (distributed, ray) is not among the tests' packages: who uses this asks first.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

ROOT = Path(__file__).parents[1]
START_S = 90.0
_RAY = "import sys; from ray.scripts.scripts import main; sys.argv[0] = 'ray'; main()"


@dataclass
class Cluster:
    """An address for --cluster, and the processes behind it."""

    address: str
    started: list[subprocess.Popen] = field(default_factory=list)

    def workers(self) -> list[int]:
        """Return the numbers of the processes that compute.

        Of Dask they are what its nannies watch; of Ray those that have a task.
        """
        running = _running()
        nannies = [process.pid for process in self.started[1:]]
        of_dask = [pid for pid in _below(running, *nannies) if "spawn_main" in running[pid][1]]
        below = _below(running, self.started[0].pid)
        while more := [pid for pid in _below(running, *below) if pid not in below]:
            below += more
        return of_dask + [pid for pid in below if running[pid][1].startswith("ray::_there")]


def path() -> str:
    """Return where Python looks for modules: in this tree, then where it did."""
    return os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])


def _running() -> dict[int, tuple[int, str]]:
    """Return the processes of this machine: number → parent's number, words."""
    said = subprocess.run(
        ["ps", "-wweo", "pid=,ppid=,args="], capture_output=True, text=True, check=True
    )
    rows = [line.split(maxsplit=2) for line in said.stdout.splitlines()]
    return {int(row[0]): (int(row[1]), row[-1]) for row in rows}


def _below(running: dict[int, tuple[int, str]], *parents: int) -> list[int]:
    return [pid for pid, (parent, _) in running.items() if parent in parents]


def _start(
    words: Sequence[object],
    folder: Path,
    name: str,
    env: dict[str, str],
    before: Sequence[str] = (),
) -> subprocess.Popen:
    with (folder / f"{name}.log").open("w") as log:
        return subprocess.Popen(
            [*before, sys.executable, *map(str, words)],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": path(), "OMP_NUM_THREADS": "1", **env},
            stdout=log,
            stderr=log,
        )


@contextlib.contextmanager
def dask(
    folder: Path,
    cores: Sequence[str | None] = (None, None),
    *,
    host: str = "127.0.0.1",
    before: Sequence[Sequence[str]] = (),
    **env: str,
) -> Iterator[Cluster]:
    """A scheduler, and a worker of one thread for each of `cores`, pinned to it if it names some.

    A worker that is killed is started again by its nanny.

    Parameters
    ----------
    host : the scheduler's address
    before : of each worker, the words that its command follows, such as `nsenter --net=…`
    """
    pinned = [["taskset", "-c", core] if core else [] for core in cores]
    told = folder / "scheduler.json"
    told.unlink(missing_ok=True)
    cluster = Cluster("")
    with _ended(cluster):
        cluster.started.append(
            _start(
                (
                    "-m",
                    "distributed.cli.dask_scheduler",
                    "--host",
                    host,
                    "--port",
                    0,
                    "--no-dashboard",
                    "--scheduler-file",
                    told,
                ),
                folder,
                "scheduler",
                env,
            )
        )
        _wait(told.exists, folder)
        address = json.loads(told.read_text())["address"]
        for i, words in enumerate(before or pinned):
            cluster.started.append(
                _start(
                    (
                        "-m",
                        "distributed.cli.dask_worker",
                        address,
                        "--nthreads",
                        1,
                        "--no-dashboard",
                        "--local-directory",
                        folder / f"worker{i}",
                    ),
                    folder,
                    f"worker{i}",
                    env,
                    words,
                )
            )
        _wait(lambda: len(cluster.workers()) == len(cores), folder)
        time.sleep(2.0)  # they are there before they are known
        cluster.address = address.replace("tcp://", "dask://")
        yield cluster


@contextlib.contextmanager
def ray(folder: Path, n_cores: int = 2, **env: str) -> Iterator[Cluster]:
    """A head with so many cores, which answers Ray's clients."""
    port = 20000 + os.getpid() % 5000
    cluster = Cluster(f"ray://127.0.0.1:{port}")
    with _ended(cluster):
        cluster.started.append(
            _start(
                (
                    "-c",
                    _RAY,
                    "start",
                    "--head",
                    "--block",
                    f"--num-cpus={n_cores}",
                    f"--port={port + 6000}",
                    f"--ray-client-server-port={port}",
                    "--include-dashboard=false",
                    "--disable-usage-stats",
                    f"--temp-dir=/tmp/ray{port}",
                    "--object-store-memory=100000000",
                    "--node-ip-address=127.0.0.1",
                ),
                folder,
                "head",
                {"RAY_USAGE_STATS_ENABLED": "0", **env},
            )
        )
        _wait(lambda: "To connect" in (folder / "head.log").read_text(), folder)
        time.sleep(3.0)
        yield cluster


@contextlib.contextmanager
def _ended(cluster: Cluster) -> Iterator[None]:
    try:
        yield
    finally:
        for process in reversed(cluster.started):
            process.send_signal(signal.SIGTERM)
        for process in cluster.started:
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _wait(is_so, folder: Path) -> None:
    end = time.monotonic() + START_S
    while not is_so():
        if time.monotonic() > end:
            logs = "\n".join(path.read_text()[-2000:] for path in folder.glob("*.log"))
            raise RuntimeError(f"the cluster does not start:\n{logs}")
        time.sleep(0.1)
