"""What the long trials share: commands as processes, folders of pictures, a store's files."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(ROOT / "tests"))  # the oracle and the reader, which import nothing of ours

import clusters  # noqa: E402
import format_reader  # noqa: E402
import oracle  # noqa: E402

__all__ = [
    "HERE",
    "ROOT",
    "Command",
    "bottleneck",
    "collected",
    "files_needed",
    "format_reader",
    "oracle",
    "picture",
    "rows_of",
]

ORPHANS_S = 60.0  # in which the processes of a command that was killed end


class Command:
    """A command of bottleneck as a process of its own, with its report as JSON."""

    def __init__(
        self,
        *words: object,
        env: dict[str, str] | None = None,
        program: tuple[object, ...] = ("-m", "bottleneck"),
        before: tuple[str, ...] = (),
    ) -> None:
        self.process = subprocess.Popen(
            [*before, sys.executable, *map(str, (*program, *words)), "--json", "--quiet"],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": clusters.path(), **(env or {})},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def kill_after(self, seconds: float) -> bool:
        """Kill it after this time, as `kill -9` does; return whether it was still at work.

        Raises
        ------
        subprocess.TimeoutExpired
            Where a process that it had started does not end by itself.
        """
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.send_signal(signal.SIGKILL)
            self.process.communicate(timeout=ORPHANS_S)
            return True
        return False

    def end(self) -> tuple[int, dict[str, Any], str]:
        """Wait for it; return its exit code, its report, and what it said on stderr."""
        out, err = self.process.communicate()
        return self.process.returncode, json.loads(out) if out.strip() else {}, err


def bottleneck(*words: object) -> dict[str, Any]:
    """Run a command that must end with 0; return its report."""
    code, report, said = Command(*words).end()
    assert code == 0, f"{words}: {code}: {said}"
    return report


def picture(path: Path, seed: int, size: int = 24) -> Path:
    """Write a small PNG of seeded noise."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 256, (size, size, 3), np.uint8)
    Image.fromarray(pixels).save(path)
    return path


def rows_of(store: Path) -> dict[str, bytes]:
    """Return the bytes of every row of a store's newest commit, by the digest of its image."""
    newest = format_reader.commits(store)[-1]
    found: dict[str, bytes] = {}
    for entry in newest["parts"]:
        columns, _ = format_reader.table(store / "parts" / entry["name"], entry["files"])
        for digest, row in zip(columns["digests"], columns["rows"], strict=True):
            found[digest.tobytes().hex()] = row.tobytes()
    return found


def collected(store: Path) -> None:
    """Collect at once all that the newest commit does not need, as if runs had ended long ago."""
    for path in store.rglob("*"):
        os.utime(path, (time.time() - 3600,) * 2, follow_symlinks=False)
    bottleneck("gc", "--cache", store, "--grace", "0s")


def files_needed(store: Path) -> tuple[set[str], set[str]]:
    """Return the parts and snapshots that there are, and those that the newest commit names."""
    newest = format_reader.commits(store)[-1]
    named = {f"parts/{part['name']}" for part in newest["parts"]}
    named |= {f"snapshots/{source['snapshot']}" for source in newest["sources"].values()}
    there = {
        f"{folder}/{path.name}"
        for folder in ("parts", "snapshots")
        for path in (store / folder).iterdir()
    }
    return there, named


def seconds_since(start: float) -> str:
    """Return a duration for people."""
    return f"{time.monotonic() - start:.0f} s"
