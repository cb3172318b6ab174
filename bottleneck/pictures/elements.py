"""What pages are made of: texts, facts, sections and pictures as HTML.

Every text that comes from outside (names of classes and files, paths, options) passes `text`, so
that it is shown as it is and never read as markup.
"""

from __future__ import annotations

import base64
import html
import re
from typing import TYPE_CHECKING, Any

from bottleneck.core.text import printable
from bottleneck.pictures.canvas import DPI

if TYPE_CHECKING:
    from collections.abc import Mapping

CSS_DPI = 96  # dots of a page in an inch, by CSS
LARGEST = 1.3  # a drawn picture grows with the room that it has, to this; its words grow with it
_PNG = b"\x89PNG\r\n\x1a\n"
_DIGEST = re.compile(r"[0-9a-f]{64}")


def text(value: object) -> str:
    """Return text for HTML, in an element or in a quoted attribute."""
    return html.escape(printable(str(value)), quote=True)


def paragraph(words: str) -> str:
    """Return a paragraph; nothing where there are no words."""
    return f"<p>{text(words)}</p>" if words else ""


def section(title: str, body: str) -> str:
    """Return a section under a heading; nothing where it would be empty."""
    if not body:
        return ""
    name = title.lower().replace(" ", "-")
    return f'<section aria-labelledby="{name}">\n<h2 id="{name}">{title}</h2>\n{body}\n</section>'


def value(number: float | None) -> str:
    """Return a figure as `train` prints it, the whole number of metrics.json beside it."""
    return "none" if number is None else f'<data value="{number!r}">{number:.4f}</data>'


def facts(found: Mapping[str, Any]) -> str:
    """Return names and values in two columns."""
    pairs = (
        f"<div><dt>{text(name.replace('_', ' '))}</dt><dd>{_plain(fact)}</dd></div>"
        for name, fact in found.items()
    )
    return f'<dl class="facts">{"".join(pairs)}</dl>'


def scrolled(table: str, name: str) -> str:
    """Return a table in a box that scrolls where it is too wide, by keys too, never the page."""
    return f'<div class="scroll" tabindex="0" role="region" aria-label="{text(name)}">{table}</div>'


def drawn(png: bytes, words: str, caption: str = "") -> str:
    """Return a drawn picture as wide as there is room, and a caption; `words` tell it."""
    width, height = (int.from_bytes(png[at : at + 4], "big") for at in (16, 20))
    width, height = round(width * CSS_DPI / DPI), round(height * CSS_DPI / DPI)
    size = f'width="{width}" height="{height}" style="max-width:{round(width * LARGEST)}px"'
    told = f"<figcaption>{text(caption)}</figcaption>" if caption else ""
    return f'<figure class="drawn">{image(png, words, size)}{told}</figure>'


def image(data: bytes, words: str, more: str = 'loading="lazy"') -> str:
    """Return a PNG or JPEG; pixels of a PNG are shown as they are."""
    kind, of = ("png", "exact") if data.startswith(_PNG) else ("jpeg", "photo")
    content = base64.b64encode(data).decode()
    return f'<img class="{of}" alt="{text(words)}" {more} src="data:image/{kind};base64,{content}">'


def _plain(fact: object) -> str:
    if fact is None or fact in ("", (), []):
        return "-"
    if isinstance(fact, list | tuple):
        return text(", ".join(map(str, fact)))
    words = text(fact)
    return f"<code>{words}</code>" if _DIGEST.fullmatch(words) else words
