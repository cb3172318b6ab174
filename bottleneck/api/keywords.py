"""A wrong keyword of a public function is a TypeError that proposes the near one."""

from __future__ import annotations

import difflib
import functools
import inspect
from typing import TYPE_CHECKING, ParamSpec, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

P = ParamSpec("P")
R = TypeVar("R")


def proposing(function: Callable[P, R]) -> Callable[P, R]:
    """Return the function, with a better message for keywords that it does not have.

    `help`, `inspect.signature` and type checkers see the function's own signature.
    """
    known = [*inspect.signature(function).parameters]

    @functools.wraps(function)
    def called(*args: P.args, **kwargs: P.kwargs) -> R:
        for word in kwargs:
            if word not in known:
                near = difflib.get_close_matches(word, known, 1)
                meant = f". Did you mean {near[0]!r}?" if near else ""
                raise TypeError(
                    f"{function.__qualname__}() got an unexpected keyword argument {word!r}{meant}"
                )
        return function(*args, **kwargs)

    return called
