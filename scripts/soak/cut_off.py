"""Cut a worker of Dask off from the others, or the driver, and see that nothing is lost.

    python scripts/soak/cut_off.py --data FOLDER --backbone mobilenetv2 --rounds 3 -- --size 96

Needs root, iproute2 and util-linux (`ip`, `unshare`, `nsenter`), and `distributed`; where they are
not there it says so, and ends with 2. It moves into a network of its own first, so no interface of
this machine is touched. In that network are a scheduler and a worker; a second worker, or the
driver, is in another one, joined to it by a pair of virtual interfaces. Files are the same to all.

An undisturbed extraction by one process is the reference. Then, in rounds, each with a new store:

    for good    the second worker is cut off while it computes, and stays so
    a while     it is cut off for 20 to 60 seconds, finishes meanwhile what others are given too,
                and comes back
    driver      the driver is cut off; once it has ended the link is whole again, and the command
                is started again
    moment      the driver is cut off for 5 to 25 seconds, and goes on

At the end of a round the rows must be the reference's (byte for byte, else within rounding, which
is said), none may be missing or set aside, the store must verify, and gc must leave no file that
the newest commit does not name. A command that ends with an error does so in one line. Said are
the longest time in which nothing was committed after the cut, and parts that no commit named.

The work must be long: a cluster notices after 30 seconds.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import os
import random
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).parent))

from kills import digits, held, names, parts_of
from workers import Trial
from world import ROOT, seconds_since

if TYPE_CHECKING:
    from collections.abc import Iterator

    from world import Command

sys.path.insert(0, str(ROOT / "tests"))
import clusters

INSIDE = "BOTTLENECK_CUT_OFF"  # set in the network of our own
BRIDGE, HOST, ISLAND = "bn0", "10.77.0.1", "10.77.0.2"
POLL_S = 0.1
END_S = 600.0  # after which a command hangs
CASES = ("for good", "a while", "driver", "moment")
AWAY_S = {"a while": (20.0, 60.0), "moment": (5.0, 25.0)}


def lacking() -> str | None:
    """Return what is not there and must be; None where all is."""
    if not hasattr(os, "geteuid") or os.geteuid():
        return "root"
    for program, package in (("ip", "iproute2"), ("unshare", "util-linux"), ("nsenter", "same")):
        if shutil.which(program) is None:
            return f"{program} ({package})"
    if subprocess.run(["unshare", "--net", "true"], capture_output=True, check=False).returncode:
        return "the right to make networks (unshare --net)"
    return None if importlib.util.find_spec("distributed") else "distributed (make clusters)"


def ip(*words: str, before: tuple[str, ...] = ()) -> None:
    """Run `ip`."""
    subprocess.run([*before, "ip", *words], check=True)


class Island:
    """A network of one interface, joined to ours by a link that can be cut."""

    def __init__(self) -> None:
        self._holder = subprocess.Popen(["unshare", "--net", "sleep", "infinity"])
        there, ours = Path(f"/proc/{self._holder.pid}/ns/net"), Path("/proc/self/ns/net")
        while there.readlink() == ours.readlink():
            time.sleep(0.01)
        self.before = ("nsenter", f"--net={there}")
        ip("link", "add", "name", "v0", "type", "veth", "peer", "name", "v1", "netns",
           str(self._holder.pid))  # fmt: skip
        ip("link", "set", "dev", "v0", "master", BRIDGE, "up")
        ip("link", "set", "dev", "lo", "up", before=self.before)
        ip("addr", "add", f"{ISLAND}/24", "dev", "v1", before=self.before)
        ip("link", "set", "dev", "v1", "up", before=self.before)

    def cut(self) -> None:
        """Cut the link: what is sent is lost, and nobody is told."""
        ip("link", "set", "dev", "v0", "down")

    def mend(self) -> None:
        """Make it whole again."""
        ip("link", "set", "dev", "v0", "up")

    def end(self) -> None:
        """Take it away; its interfaces go with it."""
        self._holder.kill()
        self._holder.wait()


@contextlib.contextmanager
def world(folder: Path, *, is_worker_there: bool) -> Iterator[tuple[list[str], Island]]:
    """Yield the words that name a cluster of two, and the island, with a worker or with nobody."""
    island = Island()
    folder.mkdir()
    try:
        before = ((), island.before if is_worker_there else ())
        with clusters.dask(folder, host=HOST, before=before) as cluster:
            yield ["--cluster", cluster.address], island
    finally:
        island.end()


def until_at_work(run: Command, store: Path, draw: random.Random) -> None:
    """Wait until workers have published, and a little longer."""
    while len(names(store / "parts")) < 4:
        assert run.process.poll() is None, f"it ended before the cut: {run.end()}"
        time.sleep(POLL_S)
    time.sleep(draw.uniform(0.0, 5.0))
    assert run.process.poll() is None, "it ended before the cut: give it more to do"


def longest_pause(run: Command, store: Path) -> float:
    """Wait until a command ends; return the longest time in which nothing was committed."""
    began = last = time.monotonic()
    longest, n = 0.0, len(names(store / "log"))
    while run.process.poll() is None:
        assert time.monotonic() - began < END_S, f"{store}: it hangs"
        time.sleep(POLL_S)
        if (found := len(names(store / "log"))) != n:
            n, last = found, time.monotonic()
        longest = max(longest, time.monotonic() - last)
    return longest


def round_of(trial: Trial, case: str) -> None:
    """Do a round; assert what must be true, and say what was seen."""
    store, is_driver = trial.folder / f"round{trial.rounds}", case in ("driver", "moment")
    cut_s = trial.draw.uniform(*AWAY_S[case]) if case in AWAY_S else END_S
    with world(trial.folder / f"cluster{trial.rounds}", is_worker_there=not is_driver) as (who, at):
        run = trial.start(store, who, at.before if is_driver else ())
        until_at_work(run, store, trial.draw)
        kept = held(store)
        at.cut()
        began = time.monotonic()
        mending = threading.Timer(cut_s, at.mend)
        mending.start()
        pause = longest_pause(run, store)
        after = time.monotonic() - began
        mending.cancel()
        code, report, said = run.end()
        print(f"{case}: ended with {code}, {after:.0f} s after the cut: {said.strip()!r}")
        assert kept <= held(store), f"{store}: rows that a commit held are gone"
        assert "Traceback" not in said, said
        if case == "driver":
            assert code == 9, code
            at.mend()
            time.sleep(5.0)  # workers publish what they had begun
            code, report, said = trial.start(store, who, at.before).end()
        assert code == 0, f"{store}: {code}: {said}"
        time.sleep(2.0)
        lost = {name for name in names(store / "parts") if "tmp-" not in name} - parts_of(store)
    trial.check(store, report)
    how = f" for {cut_s:.0f} s" if case in AWAY_S else ""
    print(
        f"{case}{how}: nothing was committed for {pause:.0f} s at most; {len(lost)} parts that no "
        f"commit named; shards {report['shards']}; rows differ by {trial.worst:.1e} at most",
        flush=True,
    )


def main() -> int:
    """Run the trial; print what was seen; return 0 when nothing was violated."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path)
    parser.add_argument("--backbone", default="mini")
    parser.add_argument("--rounds", type=int, default=1, help="of each case")
    parser.add_argument("--case", choices=CASES, action="append", help="these alone")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("more", nargs="*", help="further options of extract, after --")
    args = parser.parse_args()
    if missing := lacking():
        print(f"not tried: this needs {missing}", file=sys.stderr)
        return 2
    if INSIDE not in os.environ:
        os.environ[INSIDE] = "1"
        os.execvp("unshare", ["unshare", "--net", sys.executable, *sys.argv])
    ip("link", "set", "dev", "lo", "up")
    ip("link", "add", "name", BRIDGE, "type", "bridge")
    ip("addr", "add", f"{HOST}/24", "dev", BRIDGE)
    ip("link", "set", "dev", BRIDGE, "up")
    folder, start = Path(tempfile.mkdtemp(prefix="cut-off-")), time.monotonic()
    data = args.data or digits(folder / "digits")
    words = ["extract", "--data", data, "--backbone", args.backbone, *args.more]
    trial = Trial(words, folder, random.Random(args.seed))
    for _ in range(args.rounds):
        for case in args.case or CASES:
            round_of(trial, case)
    shutil.rmtree(folder)
    print(f"{trial.rounds} rounds, {seconds_since(start)}: no row lost, none set aside")
    return 0


if __name__ == "__main__":
    sys.exit(main())
