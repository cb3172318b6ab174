"""What every public function does with its keywords, whatever they mean.

A wrong one is a TypeError that proposes the near one; a number of numpy's is Python's; with
`progress=True` what our modules log as warnings is shown.
"""

from __future__ import annotations

import contextlib
import difflib
import functools
import inspect
import logging
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from bottleneck.core.reporter import Bars

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

P = ParamSpec("P")
R = TypeVar("R")


def proposing(function: Callable[P, R]) -> Callable[P, R]:
    """Return the function, with a better message for keywords that it does not have, and the rest.

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
        plain = {word: plain_number(value) for word, value in kwargs.items()}
        with _warnings_shown() if kwargs.get("progress") else contextlib.nullcontext():
            return function(*args, **plain)  # type: ignore[arg-type]  # the same, converted

    return called


def plain_number(value: object) -> object:
    """Return a number of numpy's as Python's; whatever else it is as it is."""
    is_number = getattr(value, "shape", None) == () and hasattr(value, "item")
    return value.item() if is_number else value  # type: ignore[attr-defined]  # just looked


@contextlib.contextmanager
def _warnings_shown() -> Iterator[None]:
    """Show the warnings that our modules log, beside the bars of a call."""
    logger, handler = logging.getLogger("bottleneck"), _Shown(logging.WARNING)
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)


class _Shown(logging.Handler):
    """Writes a warning on a line of its own."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write one warning."""
        Bars().warn(record.getMessage())
