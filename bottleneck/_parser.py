"""The parser of every command: one form of help, and errors that say what to write instead."""

from __future__ import annotations

import argparse
import re
import sys
import textwrap
from typing import TYPE_CHECKING, Any, NoReturn

from bottleneck.core import streams
from bottleneck.core.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

OUTPUT = "output"
_NEAR = 0.75  # as difflib counts it: --cahce is 0.8 of --cache, --recursive 0.5 of --replace
_SHORTEST = 4  # letters of a word that says something by itself
EXIT_CODES = """exit codes:
  0    success
  1    a bug in this program; the message names a file with the details
  2    wrong usage, not a feature store, or a package that must be installed first
  3    unusable data: no images, no labels, a single class, or most images gone
  4    the store was made with other settings, or this machine computes other values
  5    files of the store are damaged
  6    images changed since their features were computed
  7    images are left to compute, and --strict asked for this code
  9    something must be downloaded, and there is no network
  12   no space left on the disk, or not enough memory
  13   no permission to read or write
  75   another run is using the store; try again later
  130  stopped by Ctrl-C (143: by SIGTERM, 129: by a terminal that closed); everything saved so
       far is kept
  141  whoever read the output closed it, as in | head"""


class Parser(argparse.ArgumentParser):
    """A parser whose mistakes are raised as `UsageError`, with the nearest word that exists."""

    def parse_known_args(  # type: ignore[override]  # one signature in the place of two overloads
        self, args: Sequence[str] | None = None, namespace: Any = None
    ) -> tuple[argparse.Namespace, list[str]]:
        """Parse; an unknown option, or one given twice that takes one value, is refused first.

        First, because argparse would rather complain about a required option that is missing,
        which is what a misspelled one looks like.
        """
        words = list(sys.argv[1:] if args is None else args)
        self._check_options(words)
        return super().parse_known_args(words, namespace)

    def format_help(self) -> str:
        """Return the help, with what all verbs have at its end."""
        self._action_groups.sort(key=lambda group: group.title == OUTPUT)
        return super().format_help()

    def print_help(self, file: Any = None) -> None:
        """Print the help; argparse would pass over a device that is full."""
        assert file is None
        streams.out(self.format_help().rstrip("\n"))

    def error(self, message: str) -> NoReturn:
        """Raise argparse's complaint as what, where, what to do."""
        extra = message.removeprefix("unrecognized arguments: ")
        if extra != message:
            raise UsageError("not an option or a value of one", extra, f"{self.prog} --help")
        match = re.fullmatch(r"argument ([^:]+): (.*)", message, re.DOTALL)
        where, what = (match[1], match[2]) if match else ("", message)
        what, separator, do = what.rpartition(": ")
        if not separator:
            what, do = do, f"{self.prog} --help"
        raise UsageError(what, where, do)

    def _check_options(self, words: Sequence[str]) -> None:
        known = self._option_string_actions
        seen: set[str] = set()
        for word in words[: words.index("--")] if "--" in words else words:
            # Where argparse also takes a word for an option: `-3` and `-o ut.csv` are values.
            if not re.match(r"-[-A-Za-z]", word) or " " in word.partition("=")[0]:
                continue
            option = word.partition("=")[0]
            if option not in known:
                do = _near_option(option, known)
                raise UsageError("unknown option", option, do or f"{self.prog} --help")
            action = known[option]
            if isinstance(action, argparse._StoreAction) and action.dest in seen:
                raise UsageError("given more than once", option, "give it one value")
            seen.add(action.dest)

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        if action.choices is not None and value not in action.choices:
            choices = [str(choice) for choice in action.choices]
            near = _did_you_mean(str(value), choices)
            raise argparse.ArgumentError(
                action,
                f"invalid choice {value!r}: {f'{near} ' if near else ''}"
                f"{'C' if near else 'c'}hoose one of {', '.join(choices)}",
            )


def _near_option(option: str, known: Collection[str]) -> str:
    """Return the option that is spelled nearly so, or has a whole word of it; "" for none."""
    from difflib import get_close_matches  # noqa: PLC0415 - for mistakes alone

    word = option.lstrip("-").lower()
    names = [name.lstrip("-") for name in known if name.startswith("--")]
    near = get_close_matches(word, names, n=1, cutoff=_NEAR)
    if not near and len(word) >= _SHORTEST:
        parts = {word, *re.split("[-_]", word)}
        near = [n for n in names if n in parts and len(n) >= _SHORTEST]
    if not near and len(word) >= _SHORTEST:
        akin = [n for n in names if n.startswith(word) or not parts.isdisjoint(n.split("-"))]
        near = get_close_matches(word, akin, n=1, cutoff=0)
    return f"did you mean --{near[0]}?" if near else ""


def _did_you_mean(word: str, known: list[str]) -> str:
    from difflib import get_close_matches  # noqa: PLC0415 - for mistakes alone

    near = get_close_matches(word.lower(), known, n=1)
    return f"did you mean {near[0]}?" if near else ""


def make_parser(verb: str, usage: str, what: str, *examples: str) -> Parser:
    """Return the parser of a verb, with the options that all verbs have.

    Parameters
    ----------
    usage : what stands behind the verb in its usual form
    what : what the verb does, in one or two sentences
    examples : whole commands
    """
    listed = "\n".join(f"  {example}" for example in examples)
    made = Parser(
        prog=f"bottleneck {verb}",
        usage=f"bottleneck {verb} {usage}",
        description=textwrap.fill(what, 88),
        epilog=f"example{'s' if len(examples) > 1 else ''}:\n{listed}\n\n{EXIT_CODES}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
        add_help=False,
    )
    output = made.add_argument_group(OUTPUT)
    output.add_argument("-h", "--help", action="help", help="Show this help and exit.")
    output.add_argument(
        "--json",
        action="store_true",
        help="Print the result, or the error, as one JSON object on standard output.",
    )
    output.add_argument(
        "--quiet",
        action="store_true",
        help="Print nothing but errors, and what --json, --csv or --prometheus asks for.",
    )
    output.add_argument(
        "--log",
        metavar="FILE",
        help="Append messages, results and errors to this file too, each with the time; also with "
        "--quiet. Default: no such file.",
    )
    return made
