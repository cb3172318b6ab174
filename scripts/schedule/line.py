"""Print a crontab line that brings stores up to date: `make schedule`.

    python scripts/schedule/line.py --folder DIR [--when '17 2 * * *'] [OPTION of extract …]

Absolute paths, because cron starts in the home folder with an almost empty environment; quoted for
the shell; and `%`, which ends a command in a crontab, with a backslash.
"""

from __future__ import annotations

import argparse
import os
import re
import shlex
import sys

NIGHTLY = "17 2 * * *"
USUAL = ["--wait", "10m", "--quiet"]


def line(folder: str, when: str, words: list[str]) -> str:
    """Return the crontab line of an extraction with these words, in that folder."""
    python = os.path.abspath(sys.executable)  # noqa: PTH100 - a link in an environment stays one
    command = [python, "-m", "bottleneck", "extract", *words]
    spelled = f"cd {shlex.quote(folder)} && {shlex.join(command)}"
    if re.search(r"[\r\n]", spelled):
        raise SystemExit("error: a crontab cannot hold a line break: choose a folder without one")
    return f"{when}  {spelled}".replace("%", "\\%")


def main() -> None:
    """Print the line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--folder", default=".", help="where the paths of the words begin")
    parser.add_argument("--when", default=NIGHTLY, help="minute, hour, day, month, day of the week")
    told, words = parser.parse_known_args()
    if not {"--all", "--cache"} & {word.partition("=")[0] for word in words}:
        words = ["--all", "cache", *words]
    usual = [] if "--wait" in words else USUAL[:2]
    quiet = [] if "--quiet" in words else USUAL[2:]
    print(line(os.path.abspath(told.folder), told.when, [*words, *usual, *quiet]))  # noqa: PTH100


if __name__ == "__main__":
    main()
