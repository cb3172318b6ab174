"""What something with options of its own can be told: spelling, meaning, the values it takes.

Heads and kinds of source have such options; the catalogs list them, and the command line and its
help are made from there. Only the standard library is imported, so that a wrong word is refused
before anything is loaded.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

MOST = 2**31 - 1  # of anything that is counted


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """One option of a head, or of a kind of source.

    Attributes
    ----------
    name : as Python spells it; the command line has --name, with - for _
    help : what it means, in one line
    check : whether a value can be taken
    example : how a good value is described, for the message when one cannot be taken
    default : its value when it is omitted; None where another option decides that
    default_text : the default in words, where `default` alone does not say it
    parse : makes the value of the text on the command line
    metavar : what stands for the value in --help
    choices : the values there are, where they can be listed
    is_switch : whether it is --name or --no-name, without a value
    is_repeated : whether it may be given several times; its value is then a tuple
    """

    name: str
    help: str
    check: Callable[[Any], bool]
    example: str
    default: Any = None
    default_text: str = ""
    parse: Callable[[str], Any] = str
    metavar: str | None = None
    choices: tuple[str, ...] = ()
    is_switch: bool = False
    is_repeated: bool = False

    @property
    def flag(self) -> str:
        """How the command line spells it."""
        return f"--{self.name.replace('_', '-')}"

    @property
    def shown_default(self) -> str:
        """The default as the command line spells it."""
        if self.default_text:
            return self.default_text
        if isinstance(self.default, tuple):
            return ",".join(map(str, self.default)) or "none"
        if self.is_switch:
            return self.flag if self.default else self.flag.replace("--", "--no-", 1)
        return str(self.default)

    def by_default(self, default: Any, text: str = "") -> Option:
        """Return the same option with another default."""
        return replace(self, default=default, default_text=text)


def whole(least: int) -> Callable[[Any], bool]:
    """Return the check for whole numbers from `least` on."""
    return lambda value: type(value) is int and least <= value <= MOST


def is_number(value: Any) -> bool:
    """Whether it is a finite number, and not a bool."""
    return type(value) in (int, float) and math.isfinite(value)


def is_fraction(value: Any) -> bool:
    """Whether it is a number from 0 to below 1."""
    return is_number(value) and 0 <= value < 1


def several(good: Callable[[Any], bool]) -> Callable[[Any], bool]:
    """Return the check for a list whose every value is good."""
    return lambda value: isinstance(value, tuple | list) and all(map(good, value))
