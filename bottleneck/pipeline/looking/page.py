"""The page of an inspection, or a search: what was found, with pictures where they are at hand."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from bottleneck.core.errors import UsageError
from bottleneck.core.paths import check_free, shown
from bottleneck.core.sample import show_key
from bottleneck.core.text import count
from bottleneck.core.version import __version__
from bottleneck.data.thumbnail import thumbnail
from bottleneck.data.undecodable import UndecodableError
from bottleneck.pictures.inspect_page import Card, Finding, InspectPage, Part, render
from bottleneck.pipeline.looking.findings import KINDS
from bottleneck.pipeline.pages.decided import in_words

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from bottleneck.pipeline.looking.glances import Pictures
    from bottleneck.pipeline.looking.images import Images
    from bottleneck.pipeline.looking.queries import Query

MOST = 300  # findings of a part, each with its pictures
MOST_OF_GROUP = 12  # images of one
SIDE = 128  # pixels of a picture's longer side


def inspect_page(report: Mapping[str, Any], images: Images, pictures: Pictures | None) -> bytes:
    """Return the page as one HTML file. Of each part the first MOST findings are on it."""
    cards = _Cards(images, pictures)
    makers = {
        "same": ("The same images", _same),
        "labels": ("Doubtful labels", _labels),
        "outliers": ("Outliers", _outliers),
        "next": ("Label next", _next),
    }
    parts = []
    for part, (title, maker) in makers.items():
        if part in report:
            about, found = maker(report[part], cards)
            parts.append(Part(title=title, about=about, findings=found))
    notes = [f"Note: {words}." for words in report["pooled"]]
    if report["decisions"]:
        notes.append(f"{in_words(report['decisions'])}: those count here.")
    if not report["neighbours"]["exact"]:
        share, of = (report["neighbours"][key] for key in ("recall_at_10", "measured_on"))
        notes.append(
            f"So many images are not all compared with each other: {share:.1%} of the ten nearest "
            f"were found, as measured on {of:,} images."
        )
    if pictures is None:
        notes.append("The source is not at hand, so there are no pictures.")
    notes += [f"Not looked for: {part}: {why}." for part, why in report["skipped"].items()]
    return _rendered("a look into the data", report, images, notes, parts)


def _rendered(
    what: str,
    report: Mapping[str, Any],
    images: Images,
    notes: Sequence[str],
    parts: Sequence[Part],
) -> bytes:
    return render(
        InspectPage(
            title=f"{report['source']}: {what}",
            subtitle=f"{count(len(images), 'different image')}, commit {report['commit']} of "
            f"{shown(images.store.path)}",
            notes=notes,
            parts=parts,
            classes=images.samples.classes,
            decided=[(one.key, one.what, one.label) for one in images.decided.known],
            version=__version__,
            time=f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        )
    )


def search_page(
    report: Mapping[str, Any],
    queries: Sequence[Query],
    images: Images,
    pictures: Pictures | None,
) -> bytes:
    """Return the page of a search, as UTF-8: the nearest images to each image that can be used.

    Parameters
    ----------
    queries : what was searched for, each with its entry in the report's `images`
    """
    cards = _Cards(images, pictures)
    answers = [
        (query, answer)
        for query, answer in zip(queries, report["images"], strict=True)
        if answer["error"] is None
    ]
    findings = [
        Finding(
            title=f"nearest to {answer['image']}",
            cards=[
                cards.of(near, "the same image" if near["same_bytes"] else f"{near['cosine']:.2f}")
                for near in answer["nearest"]
            ],
            searched=cards.searched(query),
            score=number,
        )
        for number, (query, answer) in enumerate(answers[:MOST])
        if answer["nearest"]
    ]
    about = f"By the cosine of their features. {_first(len(answers), 'searches')}"
    notes = [f"Note: {words}." for words in report["pooled"]]
    if pictures is None:
        notes.append("The source is not at hand, so its images have no pictures.")
    bad = [f"{one['image']}: {one['error']}" for one in report["images"] if one["error"]]
    notes += [f"Cannot be used: {words}." for words in bad[:MOST_OF_GROUP]]
    parts = [Part(title="Nearest images", about=about, findings=findings)]
    return _rendered("a search", report, images, notes, parts)


def check_page(path: Path | None) -> None:
    """Say early that a page could not be made there; UsageError."""
    if path is None:
        return
    check_free(path)
    if path.suffix.lower() not in (".html", ".htm"):
        raise UsageError("a page is HTML", path, "end its name with .html")


class _Cards:
    """Makes cards of what a report says of images; each picture is read once."""

    def __init__(self, images: Images, pictures: Pictures | None) -> None:
        keys = (show_key(bytes(key)) for key in images.samples.keys[images.at])
        self._image_of = dict(zip(keys, images.number.tolist(), strict=True))
        self._pictures = pictures
        self._seen: dict[int, bytes | None] = {}

    def of(self, entry: Mapping[str, Any], note: str = "") -> Card:
        return Card(
            key=entry["key"],
            split=entry["split"],
            label=entry["class"] or "",
            note=note,
            picture=self._picture(self._image_of[entry["key"]]),
        )

    def searched(self, query: Query) -> Card:
        """Return the card of what is searched for: an image of the store, or one read again."""
        if query.read is None:
            picture = self._picture(query.image)
        else:
            try:
                picture = thumbnail(query.read().content, SIDE)
            except (OSError, UndecodableError, MemoryError):
                picture = None
        return Card(key=query.shown, split="searched for", label="", picture=picture)

    def _picture(self, image: int) -> bytes | None:
        if image not in self._seen:
            self._seen[image] = self._read(image)
        return self._seen[image]

    def _read(self, image: int) -> bytes | None:
        content = None if self._pictures is None else self._pictures.content(image)
        try:
            return None if content is None else thumbnail(content, SIDE)
        except (UndecodableError, MemoryError):
            return None


def _same(same: Mapping[str, Any], cards: _Cards) -> tuple[str, list[Finding]]:
    found = []
    for number, group in enumerate(same["groups"][:MOST]):
        entries = group["images"]
        leak = "leak: " if group["is_leak"] else ""
        several = len(group["classes"]) > 1
        title = f"{leak}{' and '.join(group['splits'])}{', several classes' if several else ''}"
        shown_ones = entries[:MOST_OF_GROUP]
        more = len(entries) - len(shown_ones)
        title += f", and {more:,} more images" if more else ""
        tiles = [cards.of(e, KINDS.get(e["same_as"], "")) for e in shown_ones]
        found.append(Finding(title=title, cards=tiles, score=number))
    about = "Leaks come first: the same image to train on and to be judged by. "
    if same["cut_groups"]:
        names = ", ".join(cut["group"] for cut in same["cut_groups"][:MOST_OF_GROUP])
        about += f"Groups of the source in several splits: {len(same['cut_groups']):,} ({names}). "
    return about + _first(len(same["groups"]), "groups"), found


def _labels(labels: Mapping[str, Any], cards: _Cards) -> tuple[str, list[Finding]]:
    found = []
    for one in labels["disputed"][:MOST]:
        beside = [
            (
                f"nearest of {name}",
                [
                    cards.of(n, f"{n['cosine']:.2f}")
                    for n in one["neighbours"]
                    if n["class"] == name
                ],
            )
            for name in (one["class"], one["proposed"])
        ]
        found.append(
            Finding(
                title=f"{one['class']}, or {one['proposed']}?",
                cards=[cards.of(one, f"label right: {one['score']:.0%}")],
                beside=beside,
                score=one["score"],
                proposed=one["proposed"],
            )
        )
    about = "The most doubtful label first, beside the nearest images of both classes. "
    return about + _first(len(labels["disputed"]), "labels"), found


def _outliers(outliers: Mapping[str, Any], cards: _Cards) -> tuple[str, list[Finding]]:
    def far(of: Iterable[Mapping[str, Any]]) -> list[Finding]:
        return [
            Finding(
                title="far from all others",
                cards=[cards.of(one, f"{one['deviations']:.1f} deviations")],
                score=-one["deviations"],
            )
            for one in of
        ]

    odd = [
        Finding(title=", ".join(one["kinds"]), cards=[cards.of(one)], score=i)
        for i, one in enumerate(outliers["odd"][:MOST])
    ]
    n = max(len(outliers["far"]), len(outliers["odd"]))
    about = "Images far from all others by their features, and images odd by their pixels. "
    return about + _first(n, "of each"), [*far(outliers["far"][:MOST]), *odd]


def _next(proposed: Mapping[str, Any], cards: _Cards) -> tuple[str, list[Finding]]:
    found = []
    for i, one in enumerate(proposed["images"][:MOST]):
        guess = one["guess"] or ""
        note = f"{guess} with {one['probability']:.2f}" if guess else ""
        found.append(
            Finding(title=f"{i + 1}", cards=[cards.of(one, note)], score=i, proposed=guess)
        )
    alone = proposed["difference_alone"]
    how = f"unlike each other ({alone})" if alone else "unsure and unlike each other"
    about = f"Of {proposed['unlabelled']:,} images without a label, {how}. "
    return about + _first(len(proposed["images"]), "images"), found


def _first(n: int, what: str) -> str:
    return f"Here are the first {MOST:,} {what} of {n:,}." if n > MOST else ""
