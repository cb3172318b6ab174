"""`bottleneck` and `python -m bottleneck`: lists the verbs and calls them."""

from __future__ import annotations

import sys
from difflib import get_close_matches
from importlib import import_module
from typing import TYPE_CHECKING

from bottleneck.core import console
from bottleneck.core.errors import UsageError
from bottleneck.core.version import __version__

if TYPE_CHECKING:
    from collections.abc import Sequence

VERBS = {
    "extract": "compute the features that are missing",
    "train": "fit a head on them",
    "predict": "classes of images",
    "compare": "runs, or backbones for your data",
    "export": "a run as a model, or rows as a file",
    "status": "what a store holds",
    "forget": "drop a source",
    "verify": "read every byte; --repair",
    "gc": "delete what nothing refers to",
    "doctor": "check this machine and environment",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Call the verb that is named, or list them all; return the exit code."""
    words = sys.argv[1:] if argv is None else list(argv)
    if words and words[0] in VERBS:
        door = import_module(f"bottleneck.{words[0]}")
        return console.run(door.main, words[1:])
    return console.run(_without_verb, words)


def _without_verb(words: Sequence[str] | None) -> int:
    if not words or words[0] in {"--help", "-h"}:
        listed = [f"  {verb:8} {what}" for verb, what in VERBS.items()]
        usage = ["usage: bottleneck VERB [--help] …", *listed, "  --version"]
        console.result({}, usage, as_json=False)
    elif words[0] == "--version":
        console.result({}, [f"bottleneck-cache {__version__}"], as_json=False)
    else:
        near = get_close_matches(words[0], VERBS, n=1)
        meant = f"{near[0]} is near; " if near else ""
        raise UsageError("no such verb", words[0], f"{meant}bottleneck --help lists them")
    return 0


if __name__ == "__main__":
    sys.exit(main())
