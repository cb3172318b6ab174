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
    splits has one line for all, and its name there. `score` is a likeness, a label's score,
    deviations or a probability, by part. No cell is a formula to a spreadsheet.
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
    for image in report.get("outliers", {}).get("far", ()):
        score = {"score": image["deviations"]}
        yield {"part": "outliers", "finding": "far", **score, **_image(image)}
    for image in report.get("outliers", {}).get("odd", ()):
        yield {"part": "outliers", "finding": ", ".join(image["kinds"]), **_image(image)}
    for image in report.get("next", {}).get("images", ()):
        more = {"proposed": image["guess"] or "", "score": image["probability"]}
        yield {"part": "next", "finding": "label next", **more, **_image(image)}


def _image(image: Mapping[str, Any]) -> dict[str, Any]:
    return {name: image[name] or "" for name in ("key", "split", "class")}
