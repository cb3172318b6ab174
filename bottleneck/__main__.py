"""`bottleneck` and `python -m bottleneck`: lists the verbs and calls them."""

from __future__ import annotations

import sys
from importlib import import_module

from bottleneck.core import console

VERBS = {
    "extract": "compute the features that are missing",
    "train": "fit a head on them",
    "status": "what a store holds",
    "forget": "drop a source",
    "verify": "read every byte; --repair",
    "gc": "delete what nothing refers to",
    "doctor": "check this machine and environment",
}


def main() -> int:
    """Call the verb that is named, or list them all."""
    arguments = sys.argv[1:]
    if arguments and arguments[0] in VERBS:
        door = import_module(f"bottleneck.{arguments[0]}")
        return console.run(door.main, arguments[1:])
    if arguments == ["--version"]:
        return console.run(_version)
    listed = [f"  {verb:8} {what}" for verb, what in VERBS.items()]
    text = ["usage: bottleneck VERB [--help] …", *listed, "  --version"]
    asked = not arguments or arguments[0] in ("--help", "-h")
    return console.run(lambda _: _list(text, asked=asked, verb=arguments[:1]))


def _list(text: list[str], *, asked: bool, verb: list[str]) -> int:
    if asked:
        console.result({}, text, as_json=False)
        return 0
    console.warn(f"no verb {verb[0]!r}: bottleneck --help lists them")
    return 2


def _version(_: object) -> int:
    from bottleneck import __version__  # noqa: PLC0415 - the one place that prints it

    console.result({}, [f"bottleneck-cache {__version__}"], as_json=False)
    return 0


if __name__ == "__main__":
    sys.exit(main())
