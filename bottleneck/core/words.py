"""The words that several commands share: parsed here once, so that one flag means one thing."""

from __future__ import annotations

import argparse
import re
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from bottleneck.core.recipe import RESAMPLING

if TYPE_CHECKING:
    from argparse import _ArgumentGroup

ENGINES = ("auto", "keras", "openvino")
EXIT_CODES = """exit codes:
  0 done   2 wrong usage   3 the data will not do   4 another recipe, or other rows
  5 damage   6 stale   9 needs a network   12 no space or memory   13 not permitted
  75 another run holds the store   130/143 interrupted, terminated   1 a bug"""


class Parser(argparse.ArgumentParser):
    """A parser whose errors are one line."""

    def error(self, message: str) -> NoReturn:
        """Exit with code 2 and one line."""
        self.exit(2, f"error: {message}: {self.prog} --help\n")


def parser(verb: str, what: str, example: str) -> Parser:
    """Return the parser of a verb, with the words that all verbs have."""
    made = Parser(
        prog=f"bottleneck {verb}",
        description=what,
        epilog=f"example:\n  {example}\n\n{EXIT_CODES}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    made.add_argument("--json", action="store_true", help="one JSON object on stdout, nothing else")
    made.add_argument("--quiet", action="store_true", help="no messages, no progress")
    return made


def add_cache(made: argparse.ArgumentParser, *, required: bool) -> None:
    """Add --cache."""
    text = "the store's folder" + ("" if required else " (default: the one store under cache/)")
    made.add_argument("--cache", type=Path, required=required, metavar="DIR", help=text)


def add_image(network: _ArgumentGroup) -> None:
    """Add --size and --resample."""
    network.add_argument("--size", type=size, metavar="H[xW]", help="pixels")
    network.add_argument("--resample", choices=RESAMPLING)


def add_views(network: _ArgumentGroup) -> None:
    """Add --views, --augment and --views-seed."""
    network.add_argument(
        "--views", type=positive, metavar="N", help="of each image, itself included (default 1)"
    )
    network.add_argument(
        "--augment",
        type=names,
        metavar="A,B",
        help="what makes them: of flip,crop,shear,zoom,brightness (default: all)",
    )
    network.add_argument("--views-seed", type=int, metavar="N", help="default 0")


def add_own_network(network: _ArgumentGroup) -> None:
    """Add what a network of the user's own needs: --preprocessing, --network-version, its code."""
    network.add_argument(
        "--preprocessing",
        choices=("none", "tf", "caffe", "torch"),
        help="of the pixels, 0 to 255 (default: the network's own)",
    )
    network.add_argument("--network-version", metavar="TEXT", help="of code that is not Keras' own")
    add_leave(network)


def add_leave(network: _ArgumentGroup) -> None:
    """Add the permission to run code that a network is made of: --import and --trust."""
    network.add_argument(
        "--import",
        dest="imports",
        action="append",
        metavar="MODULE",
        help="with layers of your own that a .keras file is made of",
    )
    network.add_argument(
        "--trust", action="store_true", help="code in the model file may run (.h5, Lambda layers)"
    )


def add_work(made: argparse.ArgumentParser, *, engine: str | None) -> _ArgumentGroup:
    """Add --engine, with this default, --devices, --batch-size and --threads; return the group."""
    work = made.add_argument_group("work")
    work.add_argument("--engine", choices=ENGINES, default=engine)
    work.add_argument("--devices", metavar="D", help="cpu, gpu, gpu:1 (default: the best there is)")
    work.add_argument("--batch-size", type=positive, metavar="N")
    work.add_argument("--threads", type=positive, metavar="N", help="for decoding")
    return work


def size(text: str) -> tuple[int, int]:
    """Return (height, width) of `139` or `139x96`."""
    match = re.fullmatch(r"(\d{1,5})(?:x(\d{1,5}))?", text)
    if not match or int(match[1]) < 1 or int(match[2] or match[1]) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no size: 139 or 139x96")
    return int(match[1]), int(match[2] or match[1])


def duration(text: str) -> float:
    """Return the seconds of `90`, `90s`, `10m` or `2h`."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([smh]?)", text)
    if not match:
        raise argparse.ArgumentTypeError(f"{text!r} is no duration: 90s, 10m or 2h")
    return float(match[1]) * {"": 1, "s": 1, "m": 60, "h": 3600}[match[2]]


def positive(text: str) -> int:
    """Return a whole number above zero."""
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number above zero")
    return int(text)


def whole_numbers(text: str) -> tuple[int, ...]:
    """Return the numbers above zero of `1000,500,100`; none of `none` or nothing."""
    return tuple(positive(item) for item in _items(text))


def names(text: str) -> tuple[str, ...]:
    """Return the names of `flip,crop`."""
    return tuple(_items(text))


def fractions(text: str) -> tuple[float, ...]:
    """Return the numbers of `0.3,0.4`; none of `none` or nothing."""
    try:
        return tuple(float(item) for item in _items(text))
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r}: numbers with commas between") from error


def _items(text: str) -> list[str]:
    return [] if text in ("", "none") else text.split(",")
