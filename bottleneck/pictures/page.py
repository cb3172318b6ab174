"""The page of a run: one HTML file that needs nothing beside it, for whoever trained the head.

It has no script, and its policy lets a browser fetch nothing. It is read on a phone as well, and
never wider than the screen: pictures scale, and what cannot scrolls in a box of its own.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bottleneck.core.text import count
from bottleneck.pictures import page_evaluation
from bottleneck.pictures.canvas import SPLIT_NAMES
from bottleneck.pictures.course import STRENGTH, course_of, spelled
from bottleneck.pictures.curves import PANELS
from bottleneck.pictures.elements import drawn, facts, image, paragraph, section, text, value
from bottleneck.pictures.interval import LEVEL, accuracy_interval
from bottleneck.pictures.page_classes import classes_section
from bottleneck.pictures.page_style import STYLE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bottleneck.pictures.course import Course

POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"


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
    pictures : PNGs: "confusion.png", as `plots.draw` returns it; "loss" and "accuracy", as
        `plots.panels` returns them; each where there is one
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
        f"<title>{text(page.title)}</title>",
        f"<style>{STYLE}</style>",
        "</head>",
        "<body>",
        f"<header><h1>{text(page.title)}</h1><p>{text(page.subtitle)}</p></header>",
        "<main>",
        section("Figures", page.figures or _numbers(page)),
        section("Fit", _fit(page)),
        *(section(*each) for each in page.others or _of_classes(page)),
        *(section(*each) for each in page_evaluation.sections(page.metrics, page.pictures)),
        section("What the cache held", facts(page.cache)),
        section("Receipt", _receipt(page.receipt)),
        "</main>",
        f"<footer><p>bottleneck-cache {text(version)}, {text(page.time)}</p></footer>",
        "</body>",
        "</html>",
    ]
    return ("\n".join(part for part in parts if part) + "\n").encode()


def _numbers(page: Page) -> str:
    metrics, split = page.metrics, page.receipt["split"]
    judged = _judged(page)
    interval = accuracy_interval(metrics["confusion"], 0)
    if metrics["split"] == "folds":  # it is of their mean
        interval = metrics["folds"]["interval"]
    sure = f"{LEVEL:.0%} interval {interval[0]:.4f} to {interval[1]:.4f}" if interval else ""
    trained = f"{metrics['parameters']:,}"
    of = "" if page.frozen is None else f"trainable of {metrics['parameters'] + page.frozen:,}"
    left_out = [f"{n:,} {why}" for why, n in split["left_out"].items() if n]
    top5 = ("Top 5", value(metrics["top5"]), "the truth among the five likeliest")
    macro = metrics["macro"]
    cards = [
        ("Accuracy", value(metrics["accuracy"]), f"of {judged}; {sure}" if sure else judged),
        ("Always the commonest class", value(metrics["baseline"]), _baseline(metrics)),
        *([top5] if len(metrics["classes"]) > 5 else []),  # of five it is always 1
        *(
            (f"Macro {name}", value(macro[key]), more)
            for name, key, more in (
                ("precision", "precision", "mean of the classes, each with the same weight"),
                ("recall", "recall", "mean of the classes"),
                ("F1", "f1", "mean of the classes"),
            )
        ),
        ("Loss", value(metrics["loss"]), "mean negative log-likelihood, nats"),
        (
            "Trained on",
            f"{split['samples']['train']:,}",
            f"images; {split['samples']['val']:,} to validate, {split['samples']['test']:,} to test"
            + (f"; left out: {', '.join(left_out)}" if left_out else ""),
        ),
        ("Parameters", trained, of),
        ("Epochs", f"{metrics['epochs']:,}", _course_words(page)),
        ("Seconds", f"{metrics['seconds']:.1f}", "from the rows in the cache"),
    ]
    found = [
        f"<div><dt>{text(name)}</dt><dd>{shown}<small>{text(more)}</small></dd></div>"
        for name, shown, more in cards
    ]
    return f'<dl class="cards">{"".join(found)}</dl>'


def _baseline(metrics: Mapping[str, Any]) -> str:
    if metrics["samples"] and metrics["baseline"] is None:
        return "no judged image is of the class that is commonest in training"
    return "the accuracy to beat"


def _course_words(page: Page) -> str:
    """Return how the epochs are spread; some heads are in the end fitted once more, to all rows."""
    course = _course(page)
    if not course.at:
        return ""
    if course.over == STRENGTH:
        n = len(course.at)
        return f"in all, with {n} {'strength' if n == 1 else 'strengths'} tried"
    return f"the curves end at {course.at[-1]:,g}" if len(course.at) > 1 else ""


def _fit(page: Page) -> str:
    """Return the curves, each a picture, so that they stand below each other on a phone."""
    if page.no_pictures:
        return paragraph(page.no_pictures)
    found = [drawn(page.pictures[w], _panel_words(page, w)) for w in PANELS if w in page.pictures]
    if not found:
        return ""
    return f'<div class="curves">{"".join(found)}</div><p class="caption">{text(_fitted(page))}</p>'


def _panel_words(page: Page, what: str) -> str:
    """Return what a curve shows, in words: from where to where the validated or trained figure."""
    course = _course(page)
    for key, of in ((f"validation_{what}", "validation"), (what, "training")):
        places, values = course.line(key)
        if places:
            return (
                f"The {of} {what} goes from {values[0]:.4f} at {course.over} {places[0]:g} "
                f"to {values[-1]:.4f} at {course.over} {places[-1]:g}."
            )
    return what


def _fitted(page: Page) -> str:
    """Return the caption of the curves."""
    course = _course(page)
    both = " and ".join(what for what in PANELS if what in page.pictures).capitalize()
    if course.over == STRENGTH:
        words = f"{both} of {len(course.at)} fits, over the strength of their regularisation"
        return f"{words}; {spelled(course.marked, 3)} was chosen." if course.marked else f"{words}."
    caption = f"{both} up to epoch {course.at[-1]:,g}"
    if course.lowest is not None:
        epoch, loss = course.lowest
        caption += f"; the validation loss is lowest, {loss:.4f}, at epoch {epoch:g}"
    if course.diverged is not None:
        caption += f"; the loss is no finite number at epoch {course.diverged:g}"
    return f"{caption}."


def _course(page: Page) -> Course:
    return course_of(page.history, page.receipt["options"])


def _mistakes(page: Page) -> str:
    if not page.metrics["samples"]:
        return paragraph("No image was judged.")
    if not page.mistakes:
        return paragraph(f"None: every one of the {_judged(page)} has the right answer.")
    found = []
    for mistake in page.mistakes:
        words = f"{mistake.key}: {mistake.truth} taken for {mistake.answer}"
        shown = (
            image(mistake.picture, words)
            if mistake.picture is not None
            else f'<p class="none">{text(mistake.reason)}</p>'
            if mistake.reason
            else ""
        )
        found.append(
            f"<li><figure>{shown}<figcaption><b>{text(mistake.truth)}</b> taken for "
            f"<b>{text(mistake.answer)}</b> with {mistake.probability:.4f}"
            f"<code>{text(mistake.key)}</code></figcaption></figure></li>"
        )
    about = f"Of the {_judged(page)}, those that the head is surest of and wrong about."
    return (
        f"{paragraph(about)}{paragraph(page.about_mistakes)}"
        f'<ol class="mistakes">{"".join(found)}</ol>'
    )


def _receipt(receipt: Mapping[str, Any]) -> str:
    """Return what this head was made with, and the whole of it, folded."""
    whole = json.dumps(receipt, indent=1, ensure_ascii=False, allow_nan=False)
    lines = "\n".join(map(text, whole.split("\n")))
    return (
        f"<h3>Options</h3>{facts(receipt['options'])}<h3>Versions</h3>"
        f"{facts(receipt['versions'])}<details><summary>All of it, as in run.json, which also "
        f"holds the digest of each file of this run</summary><pre>{lines}</pre></details>"
    )


def _of_classes(page: Page) -> list[tuple[str, str]]:
    matrix = page.pictures.get("confusion.png")
    return [
        ("Classes", classes_section(page.metrics, matrix, _judged(page))),
        ("The most confident mistakes", _mistakes(page)),
    ]


def _judged(page: Page) -> str:
    return count(page.metrics["samples"], f"{SPLIT_NAMES[page.metrics['split']]} image")
