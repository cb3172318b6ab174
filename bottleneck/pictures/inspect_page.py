"""The page of an inspection: findings beside their pictures, to be looked through and decided on.

One HTML file that needs nothing beside it. Everything stands in it as plain markup, so that it can
be read and printed without its script. The script filters, sorts, moves by keyboard, and offers
what was decided as a CSV file; its digest is in the policy, so that nothing else runs, and nothing
is fetched.
"""

from __future__ import annotations

import base64
import hashlib
import html
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bottleneck.core.text import printable
from bottleneck.pictures.inspect_script import SCRIPT
from bottleneck.pictures.inspect_style import MORE_STYLE
from bottleneck.pictures.page_style import STYLE

if TYPE_CHECKING:
    from collections.abc import Sequence

DIGEST = base64.b64encode(hashlib.sha256(SCRIPT.encode()).digest()).decode()
POLICY = (
    f"default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'sha256-{DIGEST}'"
)
_PNG = b"\x89PNG\r\n\x1a\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """One image of a finding.

    Attributes
    ----------
    key, split : of the image, for people
    label : its class; "" without one
    note : what is said of it here
    picture : PNG or JPEG; None where there is none
    """

    key: str
    split: str
    label: str
    note: str = ""
    picture: bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What was found of one image, or of several together.

    Attributes
    ----------
    title : in a few words
    cards : the images that are decided on
    searched : what they were found for, shown before them; nothing is decided on it
    beside : others to compare them with, each list with its heading
    score : what findings are sorted by, the most urgent lowest
    proposed : the class that is proposed; "" for none
    """

    title: str
    cards: Sequence[Card]
    searched: Card | None = None
    beside: Sequence[tuple[str, Sequence[Card]]] = ()
    score: float = 0.0
    proposed: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One kind of findings; `about` says in a sentence what they are."""

    title: str
    about: str
    findings: Sequence[Finding]


@dataclass(frozen=True, slots=True, kw_only=True)
class InspectPage:
    """What the page says.

    Attributes
    ----------
    title, subtitle : the source and the store
    notes : whole sentences about all of it
    parts : in order
    classes : the names that a label can be changed to
    decided : key, decision and label of what was decided before; saved along with what follows
    version, time : of what wrote it, and when
    """

    title: str
    subtitle: str
    notes: Sequence[str]
    parts: Sequence[Part]
    classes: Sequence[str]
    version: str
    time: str
    decided: Sequence[tuple[str, str, str]] = ()


def render(page: InspectPage) -> bytes:
    """Return the page as one HTML file, UTF-8."""
    notes = "".join(f"<p>{_text(note)}</p>" for note in page.notes)
    names = "".join(f'<option value="{_text(name)}">' for name in page.classes)
    before = "".join(
        f'<li data-key="{_text(key)}" data-what="{_text(what)}" data-label="{_text(label)}"></li>'
        for key, what, label in page.decided
    )
    lines = [
        "<!DOCTYPE html>",
        '<html lang="en">',
        "<head>",
        '<meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        '<meta name="color-scheme" content="light dark">',
        f"<title>{_text(page.title)}</title>",
        f"<style>{STYLE}{MORE_STYLE}</style>",
        "</head>",
        "<body>",
        f"<header><h1>{_text(page.title)}</h1><p>{_text(page.subtitle)}</p></header>",
        _tools(page),
        f"<main>{notes}",
        *(_part(part, number) for number, part in enumerate(page.parts)),
        f'<datalist id="classes">{names}</datalist>',
        f'<ul id="before" hidden>{before}</ul>',
        "</main>",
        f"<footer><p>bottleneck-cache {_text(page.version)}, {_text(page.time)}</p></footer>",
        f"<script>{SCRIPT}</script>",
        "</body>",
        "</html>",
    ]
    return ("\n".join(lines) + "\n").encode()


def _tools(page: InspectPage) -> str:
    parts = "".join(
        f'<option value="{number}">{_text(part.title)}</option>'
        for number, part in enumerate(page.parts)
    )
    return (
        '<form id="tools" hidden aria-label="findings">'
        '<label>Show <select id="part"><option value="">everything</option>'
        f"{parts}</select></label>"
        '<label>with <input id="filter" type="search" placeholder="path, class or word"></label>'
        '<label>sorted by <select id="sort"><option value="score">urgency</option>'
        '<option value="label">class</option><option value="key">path</option></select></label>'
        '<span id="shown" role="status"></span>'
        '<button id="save" type="button" disabled>Save decisions</button>'
        "<small>Keys: j and k go on and back, n to the next image of a finding; "
        "1 keeps, 2 relabels (Enter when the class is right), 3 drops, 0 undoes.</small></form>"
    )


def _part(part: Part, number: int) -> str:
    found = "".join(map(_finding, part.findings))
    none = "" if part.findings else "<p>Nothing was found.</p>"
    return (
        f'<section data-part="{number}" aria-labelledby="part-{number}">\n'
        f'<h2 id="part-{number}">{_text(part.title)} <small>{len(part.findings):,}</small></h2>\n'
        f'<p>{_text(part.about)}</p>{none}<ol class="findings">{found}</ol>\n</section>'
    )


def _finding(finding: Finding) -> str:
    first = finding.cards[0]
    beside = "".join(
        f'<div class="near"><h4>{_text(heading)}</h4><ul class="tiles small">'
        f"{''.join(_card(card) for card in cards)}</ul></div>"
        for heading, cards in finding.beside
        if cards
    )
    cards = "" if finding.searched is None else _card(finding.searched)
    cards += "".join(_card(card, decided=True) for card in finding.cards)
    return (
        f'<li class="finding" tabindex="-1" data-score="{finding.score:.6f}" '
        f'data-label="{_text(first.label)}" data-key="{_text(first.key)}" '
        f'data-proposed="{_text(finding.proposed)}"><h3>{_text(finding.title)}</h3>'
        f'<ul class="tiles">{cards}</ul>{beside}</li>\n'
    )


def _card(card: Card, *, decided: bool = False) -> str:
    label = f"<b>{_text(card.label)}</b> " if card.label else ""
    shown = (
        _image(card.picture, f"{card.key}: {card.label}")
        if card.picture is not None
        else '<p class="none">no picture</p>'
    )
    more = f' class="decided" data-key="{_text(card.key)}"' if decided else ""
    return (
        f"<li{more}><figure>{shown}<figcaption>{label}{_text(card.split)}"
        f"{f' · {_text(card.note)}' if card.note else ''}<code>{_text(card.key)}</code>"
        "</figcaption></figure></li>"
    )


def _image(data: bytes, words: str) -> str:
    kind, of = ("png", "exact") if data.startswith(_PNG) else ("jpeg", "photo")
    content = base64.b64encode(data).decode()
    return (
        f'<img class="{of}" alt="{_text(words)}" loading="lazy" '
        f'src="data:image/{kind};base64,{content}">'
    )


def _text(value: object) -> str:
    """Return text for HTML, in an element or in a quoted attribute."""
    return html.escape(printable(str(value)), quote=True)
