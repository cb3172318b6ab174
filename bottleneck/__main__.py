"""`bottleneck` and `python -m bottleneck`: lists the verbs and calls them."""

from __future__ import annotations

import signal
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

# Until our own handlers stand, which the imports below take a tenth of a second for, Ctrl-C ends
# the process as it ends one that is not written in Python: without a traceback.
if __name__ == "__main__" and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
    signal.signal(signal.SIGINT, signal.SIG_DFL)

from importlib import import_module

from bottleneck.core import console
from bottleneck.core.errors import UsageError
from bottleneck.core.version import __version__

VERBS = {
    "extract": "compute the features that a store does not have yet",
    "train": "train a classifier on the features, in seconds",
    "predict": "say which classes images show",
    "compare": "compare trained classifiers, or find the best backbone for your images",
    "inspect": "find copies, leaks, doubtful labels and outliers, and what to label next",
    "search": "find the images that are most like an image",
    "export": "write a classifier as a Keras model, or features as a file",
    "status": "show what a store holds and what is missing",
    "relocate": "say where a data source lies now, or how it is read",
    "copy": "copy a store to another disk, or to or from a bucket",
    "forget": "remove a data source from a store",
    "verify": "check a store for damage, and repair it",
    "gc": "free disk space: delete what a store does not need any more",
    "doctor": "check this machine and its installed packages",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Call the verb that is named, or list them all; return the exit code."""
    words = sys.argv[1:] if argv is None else list(argv)
    if len(words) > 1 and words[0] == "help":
        words = [words[1], "--help"]
    if words and words[0] in VERBS:
        verb = words[0]

        def door(words: Sequence[str] | None) -> int:
            return int(import_module(f"bottleneck.{verb}").main(words))

        return console.run(door, words[1:], verb=verb, is_process=argv is None)
    return console.run(_without_verb, words, is_process=argv is None)


def _without_verb(words: Sequence[str] | None) -> int:
    if not words or words[0] in {"--help", "-h", "help"}:
        usage = [
            "usage: bottleneck VERB [options]",
            "",
            "Compute the features of a frozen network once, keep them, and train on them.",
            "",
            *(f"  {verb:8} {what}" for verb, what in VERBS.items()),
            "",
            "bottleneck help VERB explains a verb; bottleneck --version prints the version.",
        ]
        console.result({}, usage, as_json=False)
    elif words[0] == "--version":
        console.result({}, [f"bottleneck-cache {__version__}"], as_json=False)
    elif words[0].startswith("-"):
        do = "options come after a verb, as in bottleneck extract --help"
        raise UsageError("no such verb", words[0], do)
    else:
        from difflib import get_close_matches  # noqa: PLC0415 - for mistakes alone

        near = get_close_matches(words[0].lower(), VERBS, n=1)
        meant = f"did you mean {near[0]}? " if near else ""
        raise UsageError("no such verb", words[0], f"{meant}bottleneck --help lists all verbs")
    return 0


if __name__ == "__main__":
    sys.exit(main())
