"""The page of a run: one HTML file that needs nothing beside it, for whoever trained the head.

Every text that comes from outside (names of classes and files, paths, options) passes `_text`, so
that it is shown as it is and never read as markup; the page has no script, and its policy lets a
browser fetch nothing.
"""

from __future__ import annotations

import base64
import html
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from bottleneck.core.text import printable
from bottleneck.pictures.elements import paragraph, section
from bottleneck.pictures.interval import LEVEL, accuracy_interval
from bottleneck.pictures.page_style import STYLE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
MOST_CLASSES = 20  # in a table that is open; more are folded
SPLIT_NAMES = {"val": "validation", "test": "test"}
_PNG = b"\x89PNG\r\n\x1a\n"
_DIGEST = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Mistake:
    """An image that the head takes for another class.

    Attributes
    ----------
    key : of the image, for people
    truth, answer : class names
    probability : of the answer
    picture : PNG or JPEG; None where there is none
    reason : why there is none
    """

    key: str
    truth: str
    answer: str
    probability: float
    picture: bytes | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """What the page says.

    Attributes
    ----------
    title, subtitle : the run and its features in a few words
    metrics : what metrics.json holds
    history : what the fit reported, in order
    pictures : file name → PNG, as `pictures.draw` returns them
    no_pictures : why there are none, where they could not be drawn
    frozen : how many parameters stayed as they were, where that is known
    mistakes : the most confident ones, the first the surest
    about_mistakes : what must be said of their pictures as a whole, or nothing
    cache : what the cache held: a few words → what it was
    receipt : what run.json holds beside its digests
    time : when it was written
    figures, others : HTML of a run of labels or numbers, in place of figures, classes and mistakes
    """

    title: str
    subtitle: str
    metrics: Mapping[str, Any]
    history: Sequence[Mapping[str, Any]]
    pictures: Mapping[str, bytes]
    no_pictures: str
    frozen: int | None
    mistakes: Sequence[Mistake]
    about_mistakes: str
    cache: Mapping[str, str]
    receipt: Mapping[str, Any]
    time: str
    figures: str = ""
    others: Sequence[tuple[str, str]] = ()


def render(page: Page) -> bytes:
    """Return the page as one HTML file, UTF-8."""
    version = page.receipt["versions"]["bottleneck-cache"]
    parts = [
        "<!DOCTYPE html>",
        '<html lang="en">',
        "<head>",
        '<meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        '<meta name="color-scheme" content="light dark">',
        f"<title>{_text(page.title)}</title>",
        f"<style>{STYLE}</style>",
        "</head>",
        "<body>",
        f"<header><h1>{_text(page.title)}</h1><p>{_text(page.subtitle)}</p></header>",
        "<main>",
        section("Figures", page.figures or _numbers(page)),
        section("Fit", _fit(page)),
        *(section(*each) for each in page.others or _of_classes(page)),
        section("What the cache held", _facts(page.cache)),
        section("Receipt", _receipt(page.receipt)),
        "</main>",
        f"<footer><p>bottleneck-cache {_text(version)}, {_text(page.time)}</p></footer>",
        "</body>",
        "</html>",
    ]
    return ("\n".join(part for part in parts if part) + "\n").encode()


def _numbers(page: Page) -> str:
    metrics, split = page.metrics, page.receipt["split"]
    judged = f"{metrics['samples']:,} {SPLIT_NAMES[metrics['split']]} images"
    interval = accuracy_interval(metrics["confusion"], 0)
    sure = f"{LEVEL:.0%} interval {interval[0]:.4f} to {interval[1]:.4f}" if interval else ""
    trained = f"{metrics['parameters']:,}"
    of = "" if page.frozen is None else f"trainable of {metrics['parameters'] + page.frozen:,}"
    left_out = [f"{n:,} {why}" for why, n in split["left_out"].items() if n]
    top5 = ("Top 5", _value(metrics["top5"]), "the truth among the five likeliest")
    cards = [
        ("Accuracy", _value(metrics["accuracy"]), f"of {judged}; {sure}" if sure else judged),
        ("Always the commonest class", _value(metrics["baseline"]), _baseline(metrics)),
        *([top5] if len(metrics["classes"]) > 5 else []),  # of five it is always 1
        ("Loss", _value(metrics["loss"]), "mean negative log-likelihood, nats"),
        (
            "Trained on",
            f"{split['samples']['train']:,}",
            f"images; {split['samples']['val']:,} to validate, {split['samples']['test']:,} to test"
            + (f"; left out: {', '.join(left_out)}" if left_out else ""),
        ),
        ("Parameters", trained, of),
        ("Epochs", f"{metrics['epochs']:,}", f"the curves end at {_last_epoch(page):,}"),
        ("Seconds", f"{metrics['seconds']:.1f}", "from the rows in the cache"),
    ]
    found = [
        f"<div><dt>{_text(name)}</dt><dd>{value}<small>{_text(more)}</small></dd></div>"
        for name, value, more in cards
    ]
    return f'<dl class="cards">{"".join(found)}</dl>'


def _of_classes(page: Page) -> list[tuple[str, str]]:
    return [("Classes", _classes(page)), ("The most confident mistakes", _mistakes(page))]


def _baseline(metrics: Mapping[str, Any]) -> str:
    if metrics["samples"] and metrics["baseline"] is None:
        return "no judged image is of the class that is commonest in training"
    return "the accuracy to beat"


def _value(number: float | None) -> str:
    """Return a figure as `train` prints it, the whole number of metrics.json beside it."""
    return "none" if number is None else f'<data value="{number!r}">{number:.4f}</data>'


def _last_epoch(page: Page) -> int:
    """Return the last epoch of the curves; some heads are then fitted once more, to all rows."""
    return int(page.history[-1].get("epoch", len(page.history))) if page.history else 0


def _fit(page: Page) -> str:
    if page.no_pictures:
        return paragraph(page.no_pictures)
    if "curves.png" not in page.pictures:
        return ""
    caption = f"Loss and accuracy up to epoch {_last_epoch(page):,}"
    validated = [(n, e) for n, e in enumerate(page.history, 1) if "validation_loss" in e]
    if validated:
        number, best = min(validated, key=lambda pair: pair[1]["validation_loss"])
        epoch = best.get("epoch", number)
        caption += (
            f"; the validation loss is lowest, {best['validation_loss']:.4f}, at epoch {epoch:g}"
        )
    return _drawn(page.pictures["curves.png"], f"{caption}.", 36)


def _classes(page: Page) -> str:
    """Return the confusion matrix, and what it says of each class, in words."""
    classes = page.metrics["classes"]
    counts = np.array(page.metrics["confusion"])
    wrong = counts - np.diag(np.diag(counts))
    drawn, names = "", list(classes)
    if "confusion.png" in page.pictures:
        caption = f"{len(classes)} classes: a row is the truth, a column the answer"
        if wrong.max() > 1:
            row, column = np.unravel_index(int(wrong.argmax()), wrong.shape)
            caption += (
                f"; most often {names[row]} is taken for {names[column]}, "
                f"{_times(wrong[row, column])}"
            )
        drawn = _drawn(page.pictures["confusion.png"], f"{caption}.", 30)
    rows = []
    for i, (name, found) in enumerate(classes.items()):
        other = int(wrong[i].argmax())
        taken = f"{_text(names[other])} ({_times(wrong[i, other])})" if wrong[i, other] else ""
        rows.append(
            f'<tr><th scope="row">{_text(name)}</th><td>{found["samples"]:,}</td>'
            f"<td>{_share(found['recall'])}</td><td>{_share(found['precision'])}</td>"
            f"<td>{taken}</td></tr>"
        )
    head = "".join(
        f'<th scope="col">{name}</th>'
        for name in ("class", "images", "recall", "precision", "most often taken for")
    )
    table = (
        f'<div class="scroll"><table><caption>Each class of the {_judged(page)} images</caption>'
        f"<thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table></div>"
    )
    if len(classes) > MOST_CLASSES:
        table = f"<details><summary>{len(classes):,} classes, each</summary>{table}</details>"
    return f'<div class="beside">{drawn}{table}</div>'


def _mistakes(page: Page) -> str:
    if not page.metrics["samples"]:
        return paragraph("No image was judged.")
    if not page.mistakes:
        return paragraph(f"None: every one of the {_judged(page)} images has the right answer.")
    found = []
    for mistake in page.mistakes:
        words = f"{mistake.key}: {mistake.truth} taken for {mistake.answer}"
        shown = (
            _image(mistake.picture, words)
            if mistake.picture is not None
            else f'<p class="none">{_text(mistake.reason)}</p>'
            if mistake.reason
            else ""
        )
        found.append(
            f"<li><figure>{shown}<figcaption><b>{_text(mistake.truth)}</b> taken for "
            f"<b>{_text(mistake.answer)}</b> with {mistake.probability:.4f}"
            f"<code>{_text(mistake.key)}</code></figcaption></figure></li>"
        )
    about = f"Of the {_judged(page)} images, those that the head is surest of and wrong about."
    return (
        f"{paragraph(about)}{paragraph(page.about_mistakes)}"
        f'<ol class="mistakes">{"".join(found)}</ol>'
    )


def _receipt(receipt: Mapping[str, Any]) -> str:
    """Return what this head was made with, and the whole of it, folded."""
    whole = json.dumps(receipt, indent=1, ensure_ascii=False, allow_nan=False)
    lines = "\n".join(map(_text, whole.split("\n")))
    return (
        f"<h3>Options</h3>{_facts(receipt['options'])}<h3>Versions</h3>"
        f"{_facts(receipt['versions'])}<details><summary>All of it, as in run.json, which also "
        f"holds the digest of each file of this run</summary><pre>{lines}</pre></details>"
    )


def _facts(facts: Mapping[str, Any]) -> str:
    pairs = (
        f"<div><dt>{_text(name.replace('_', ' '))}</dt><dd>{_plain(value)}</dd></div>"
        for name, value in facts.items()
    )
    return f'<dl class="facts">{"".join(pairs)}</dl>'


def _plain(value: object) -> str:
    if value is None or value in ("", (), []):
        return "-"
    if isinstance(value, list | tuple):
        return _text(", ".join(map(str, value)))
    text = _text(value)
    return f"<code>{text}</code>" if _DIGEST.fullmatch(text) else text


def _drawn(png: bytes, caption: str, width_rem: int) -> str:
    """Return a drawn picture; on a narrow screen it keeps this width to be read, and scrolls."""
    width, height = (int.from_bytes(png[at : at + 4], "big") for at in (16, 20))
    size = f'width="{width}" height="{height}" style="min-width:min({width}px,{width_rem}rem)"'
    return (
        '<figure class="drawn"><div class="scroll" tabindex="0" role="group" '
        f'aria-label="picture">{_image(png, caption, size)}</div>'
        f"<figcaption>{_text(caption)}</figcaption></figure>"
    )


def _image(data: bytes, words: str, more: str = 'loading="lazy"') -> str:
    kind, of = ("png", "exact") if data.startswith(_PNG) else ("jpeg", "photo")
    content = base64.b64encode(data).decode()
    return (
        f'<img class="{of}" alt="{_text(words)}" {more} src="data:image/{kind};base64,{content}">'
    )


def _judged(page: Page) -> str:
    return f"{page.metrics['samples']:,} {SPLIT_NAMES[page.metrics['split']]}"


def _share(number: float | None) -> str:
    return "-" if number is None else f"{number:.4f}"


def _times(n: int) -> str:
    return {1: "once", 2: "twice"}.get(int(n), f"{n:,} times")


def _text(value: object) -> str:
    """Return text for HTML, in an element or in a quoted attribute."""
    return html.escape(printable(str(value)), quote=True)
