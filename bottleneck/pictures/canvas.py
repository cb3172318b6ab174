"""What every drawn picture shares: its figure, its colours, its words and its bytes."""

from __future__ import annotations

import contextlib
import io
import math
import warnings
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from bottleneck.core.text import printable

if TYPE_CHECKING:
    from collections.abc import Iterator

DPI = 200  # a phone shows two or three dots for each pixel of a page
INK, TRAINED, JUDGED = "#222222", "#9a6a00", "#1f6fb2"
LONGEST_NAME = 18  # characters; a longer name is shown without its middle
SPLIT_NAMES = MappingProxyType({"val": "validation", "test": "test"})
WORDS = {"color": INK, "fontsize": 10}


def new_figure(width: float, height: float) -> Any:
    """Return an empty figure, in inches."""
    from matplotlib.figure import Figure  # noqa: PLC0415 - half a second, only where it is drawn

    return Figure(figsize=(math.ceil(width * 10) / 10, height), layout="constrained", dpi=DPI)


def png(figure: Any) -> bytes:
    """Return a figure as PNG; the same figure gives the same bytes."""
    file = io.BytesIO()
    with no_warnings():
        figure.savefig(file, format="png", metadata={"Software": None})
    return file.getvalue()


def shown(text: str) -> str:
    """Return text that is drawn as it stands: no formula, and never left out of a legend."""
    lines = (printable(line).replace("$", r"\$") for line in text.split("\n"))
    return "\n".join(f" {line}" if line.startswith("_") else line for line in lines)


def short(name: str, longest: int = LONGEST_NAME) -> str:
    """Return a name as it is drawn; of a long one both ends, which tell it from others."""
    name = printable(name)
    if len(name) > longest:
        end = (longest - 1) // 2
        name = f"{name[: longest - 1 - end]}…{name[-end:]}"
    return shown(name)


def folded(text: str, width: int) -> str:
    """Return text in lines of at most this many characters; words that are longer are cut."""
    import textwrap  # noqa: PLC0415 - only where something is drawn

    lines = (textwrap.wrap(printable(line), width) for line in text.split("\n"))
    return shown("\n".join("\n".join(line) for line in lines))


@contextlib.contextmanager
def no_warnings() -> Iterator[None]:
    """Keep quiet about a character that the font lacks: a box is drawn."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph", UserWarning)
        yield
