"""Commands on a small disk of their own: run by `unshare --map-root-user --mount`.

    python small_disk.py FOLDER JSON

JSON is a list of steps: {"mount": path, "size": "64k"} or {"remount": "ro"} of the last one, or
{"run": [words]}. Prints a JSON list of [code, stdout, stderr] of what was run.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path


def main(folder, steps):
    done = []
    for step in json.loads(steps):
        if "mount" in step:
            at = Path(folder) / step["mount"]
            at.mkdir(parents=True, exist_ok=True)
            subprocess.run(
                ["mount", "-t", "tmpfs", "-o", f"size={step['size']}", "none", at], check=True
            )
        elif "remount" in step:
            subprocess.run(["mount", "-o", f"remount,{step['remount']}", at], check=True)
        elif "fill" in step:
            _fill(Path(folder) / step["fill"])
        else:
            words = [sys.executable, "-m", "bottleneck", *step["run"]]
            ran = subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False)
            done.append([ran.returncode, ran.stdout, ran.stderr])
    print(json.dumps(done))


def _fill(path):
    """Write until there is no room left."""
    try:
        with path.open("wb", buffering=0) as file:
            while file.write(bytes(4096)):
                pass
    except OSError:
        return


if __name__ == "__main__":
    main(*sys.argv[1:])
