"""The findings as one table: a line an image and finding, for spreadsheets."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Any

from bottleneck.core.text import cell

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

COLUMNS = ("part", "finding", "group", "key", "split", "class", "proposed", "score")


def as_csv(report: Mapping[str, Any]) -> bytes:
    """Return the findings as CSV: COLUMNS, the same order as in the report.

    `group` is a number that the images of one group share; a group of the source that is in several
    splits has one line for all, and its name there; so have two classes that are taken for each
    other, which are its `class` and `proposed`. `score` is a likeness, a label's score, deviations,
    the share that is confused, neighbours across two clusters or a probability, by part. No cell is
    a formula to a spreadsheet.
    """
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, restval="", lineterminator="\n")
    writer.writeheader()
    for line in _lines(report):
        writer.writerow(
            {name: cell(it) if isinstance(it, str) else it for name, it in line.items()}
        )
    return text.getvalue().encode()


def _lines(report: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield a line for each image of each finding; what is None is empty."""
    for number, group in enumerate(report.get("same", {}).get("groups", ()), 1):
        kind = "leak" if group["is_leak"] else "same"
        for image in group["images"]:
            how = image["same_as"] or "first"
            more = {"group": number, "score": image["likeness"]}
            yield {"part": "same", "finding": f"{kind}: {how}", **more, **_image(image)}
    for cut in report.get("same", {}).get("cut_groups", ()):
        splits = " and ".join(cut["splits"])
        yield {"part": "same", "finding": "cut group", "group": cut["group"], "split": splits}
    for image in report.get("labels", {}).get("disputed", ()):
        more = {"proposed": image["proposed"], "score": image["score"]}
        yield {"part": "labels", "finding": "disputed", **more, **_image(image)}
    for number, one in enumerate(report.get("labels", {}).get("conflicting", ()), 1):
        names = " and ".join(one["classes"])
        for key in one["keys"]:
            found = {"finding": "two labels", "group": number, "key": key, "class": names}
            yield {"part": "labels", **found}
    for image in report.get("outliers", {}).get("far", ()):
        score = {"score": image["deviations"]}
        yield {"part": "outliers", "finding": "far", **score, **_image(image)}
    for image in report.get("outliers", {}).get("odd", ()):
        yield {"part": "outliers", "finding": ", ".join(image["kinds"]), **_image(image)}
    yield from _of_classes(report.get("classes", {}))
    for image in report.get("next", {}).get("images", ()):
        more = {"proposed": image["guess"] or "", "score": image["probability"]}
        yield {"part": "next", "finding": "label next", **more, **_image(image)}


def _of_classes(classes: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for pair in classes.get("confused", ()):
        of = {"class": pair["one"], "proposed": pair["other"], "score": pair["share"]}
        yield {"part": "classes", "finding": "confused", **of}
    for number, one in enumerate(classes.get("clusters", ()), 1):
        for key in one["examples"]:
            of = {"group": number, "key": key, "class": one["class"], "score": one["across"]}
            yield {"part": "classes", "finding": "two things", **of}


def _image(image: Mapping[str, Any]) -> dict[str, Any]:
    return {name: image[name] or "" for name in ("key", "split", "class")}
