"""Run a command of bottleneck as it is, but commit every second and write down what is computed.

    python scripts/soak/counted.py FILE extract WORD …

Appends the SHA-256 (32 bytes) of each image whose row was computed to FILE, at once: whatever
becomes of the process, the file says what it had computed. Where the environment names a folder for
it, workers note theirs too (`noting.py`).
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

import noting

from bottleneck.core import console
from bottleneck.extract import main
from bottleneck.pipeline.extraction import shards, writing

COMMIT_EVERY_S = 1.0  # instead of a minute, so that there is something between two kills


def counted(path: str, words: list[str]) -> int:
    """Run `extract` with these words; return its exit code."""
    handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    add = writing.Writer.add

    def note(writer: writing.Writer, digests: Any, rows: Any) -> None:
        os.write(handle, digests.tobytes())
        add(writer, digests, rows)

    writing.Writer.add = note  # type: ignore[method-assign]
    writing.COMMIT_EVERY_S = COMMIT_EVERY_S
    if noting.FOLDER in os.environ:
        shards.compute = noting.compute
    return console.run(main, words)


if __name__ == "__main__":
    sys.exit(counted(sys.argv[1], sys.argv[3:]))
