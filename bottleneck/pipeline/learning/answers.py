"""What is known of each image that is predicted, and the answers as they are given out."""

from __future__ import annotations

import csv
import io
import math
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from bottleneck.core import notebook
from bottleneck.core.text import cell

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from bottleneck.pipeline.extraction.inputs import Inputs
    from bottleneck.pipeline.learning.classifier import Classifier


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Predictions:
    """What is predicted of n images, in the order in which they were named; a source's by its keys.

    Attributes
    ----------
    paths, keys : n texts
        Where each image is, as people write it; its key in what was named, as in a store.
    errors : n texts
        Why there is no answer; None where there is one.
    classes, descriptions : k texts
        One a column: a class's name, and the same or, of ImageNet's classes, words for people. Of
        a run of labels or numbers, their names.
    probabilities : (n, k) float32
        NaN in the rows of images without an answer. Of numbers, the numbers: see `values`.
    kind : what is predicted: class, labels or numbers
    thresholds : k numbers
        Of labels: the probability from which on each counts as there; chosen in training.
    widths : k numbers, or none
        Of numbers, where the head was trained with --calibrate: 90 % of images lie so near to what
        is said of them; NaN where that is not known.
    computed, cached : int
        Answers that the network was needed for, and those that it was not.
    """

    paths: tuple[str, ...]
    keys: tuple[str, ...]
    errors: tuple[str | None, ...]
    classes: tuple[str, ...]
    descriptions: tuple[str, ...]
    probabilities: NDArray[np.float32]
    computed: int
    cached: int
    kind: str = "class"
    thresholds: tuple[float, ...] = ()
    widths: tuple[float, ...] = ()

    @property
    def values(self) -> NDArray[np.float32]:
        """What was predicted, (n, k): the numbers, or the probabilities of classes or labels."""
        return self.probabilities

    @property
    def passes(self) -> NDArray[np.bool_]:
        """Which labels each image has, (n, k): those whose probability passes their threshold.

        Nothing passes where there is no answer. ValueError where labels are not what is predicted.
        """
        if self.kind != "labels":
            raise ValueError(f"these are {self.kind}, which have no thresholds")
        return np.asarray(self.probabilities >= np.asarray(self.thresholds, np.float32))

    def __len__(self) -> int:
        return len(self.keys)

    def __repr__(self) -> str:
        n_failed = sum(error is not None for error in self.errors)
        failed = f", {n_failed} without an answer" if n_failed else ""
        return (
            f"Predictions({len(self):,} images, {len(self.classes):,} "
            f"{'classes' if self.kind == 'class' else self.kind}, {self.computed:,} "
            f"computed, {self.cached:,} cached{failed})"
        )

    def _repr_html_(self) -> str:
        return notebook.grid(
            repr(self), [*map(self._row, range(len(self))[: notebook.MOST_ROWS])], len(self)
        )

    def _row(self, index: int) -> dict[str, object]:
        """Return what is known of one image, for a notebook."""
        if self.errors[index] is not None:
            what = "class" if self.kind == "class" else self.kind
            return {"image": self.paths[index], what: None, "error": self.errors[index]}
        if self.kind == "numbers":
            said = zip(self.descriptions, self.probabilities[index].tolist(), strict=True)
            return {"image": self.paths[index], **dict(said)}
        if self.kind == "labels":
            there = np.flatnonzero(self.passes[index])
            return {
                "image": self.paths[index],
                "labels": ", ".join(self.descriptions[i] for i in there) or "none",
            }
        best = int(self.probabilities[index].argmax())
        return {
            "image": self.paths[index],
            "class": self.descriptions[best],
            "probability": float(self.probabilities[index, best]),
        }


@dataclass(slots=True, kw_only=True, eq=False)
class Answers:
    """Which image has which content, and the best classes of each content.

    Attributes
    ----------
    n_top : how many classes are kept of each
    digests : position → what the image's bytes are
    unread : position → why the image could not be read
    failed : digest → why it has no answer
    top : digest → the numbers of its best classes, the best first, and their probabilities; of
        labels all, and of numbers all in their order
    """

    inputs: Inputs
    classifier: Classifier
    n_top: int
    digests: dict[int, bytes] = field(default_factory=dict)
    unread: dict[int, str] = field(default_factory=dict)
    failed: dict[bytes, str] = field(default_factory=dict)
    top: dict[bytes, tuple[NDArray[np.int64], NDArray[np.float32]]] = field(default_factory=dict)
    n_computed: int = 0

    @property
    def n_cached(self) -> int:
        """How many images have an answer without having been computed."""
        answered = sum(digest in self.top for digest in self.digests.values())
        return answered - self.n_computed

    def add(self, digests: Sequence[bytes], rows: NDArray[Any]) -> None:
        """Take in the rows (n, …) of these contents, as a store holds them."""
        if not digests:
            return
        probabilities = self.classifier.probabilities(rows)
        order = -probabilities
        if self.classifier.kind == "numbers":
            order = np.zeros_like(probabilities)  # as the columns are
        best = np.argsort(order, axis=1, kind="stable")[:, : self.n_top]
        values = np.take_along_axis(probabilities, best, axis=1)
        self.top.update(zip(digests, zip(best, values, strict=True), strict=True))

    def unanswered(self) -> list[bytes]:
        """Return the contents that have neither an answer nor a reason, in order."""
        return sorted(set(self.digests.values()) - self.top.keys() - self.failed.keys())

    def error(self, index: int) -> str | None:
        """Return why an image has no answer; None where it has one."""
        digest = self.digests.get(index)
        if digest is not None:
            return self.failed.get(digest)
        return self.inputs.entries[index].error or self.unread.get(index)

    def to_json(self, most: int | None = None) -> list[dict[str, Any]]:
        """Return what is known of each image, in their order; of its classes at most so many."""
        found = []
        for i, entry in enumerate(self.inputs.entries):
            best, values = self.top.get(self.digests.get(i, b""), ((), ()))
            top = [
                self._entry(int(j), float(value))
                for j, value in zip(best[:most], values[:most], strict=True)
            ]
            found.append({**asdict(entry), "error": self.error(i), "top": top})
        return found

    def _entry(self, column: int, value: float) -> dict[str, Any]:
        """Return what is said of one class, label or number."""
        name, words = self.classifier.classes[column]
        if self.classifier.kind == "numbers":
            width = self.classifier.widths[column] if self.classifier.widths else math.nan
            within = {} if math.isnan(width) else {"width": width}
            return {"number": name, "value": value, **within}
        if self.classifier.kind == "labels":
            threshold = self.classifier.thresholds[column]
            passes = bool(np.float32(value) >= np.float32(threshold))
            return {"label": name, "probability": value, "threshold": threshold, "passes": passes}
        return {"class": name, "description": words, "probability": value}

    def to_arrays(self) -> Predictions:
        """Return the probabilities of the classes that were kept, NaN for the others."""
        entries, classes = self.inputs.entries, self.classifier.classes
        probabilities = np.full((len(entries), len(classes)), np.nan, np.float32)
        for i, digest in self.digests.items():
            if digest in self.top:
                best, values = self.top[digest]
                probabilities[i, best] = values
        return Predictions(
            paths=tuple(entry.path for entry in entries),
            keys=tuple(entry.key for entry in entries),
            errors=tuple(map(self.error, range(len(entries)))),
            classes=tuple(name for name, _ in classes),
            descriptions=tuple(words for _, words in classes),
            probabilities=probabilities,
            computed=self.n_computed,
            cached=self.n_cached,
            kind=self.classifier.kind,
            thresholds=self.classifier.thresholds,
            widths=self.classifier.widths,
        )


def as_csv(images: list[dict[str, Any]], top: int, classifier: Classifier) -> bytes:
    """Return the answers as CSV: path, key, error, then class, description, probability by rank.

    Of labels: those that pass their thresholds with | between, then the probability of each label
    in a column of its name. Of numbers: each in a column of its name, and where they have widths
    these in columns behind them. No cell is a formula to a
    spreadsheet; see `core.text.cell`.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    if classifier.kind != "class":
        _write_columns(writer, images, classifier)
        return text.getvalue().encode()
    ranks = range(1, top + 1)
    words = ("class", "description", "probability")
    writer.writerow(["path", "key", "error", *(f"{w}_{r}" for r in ranks for w in words)])
    for image in images:
        found = [entry[word] for entry in image["top"] for word in words]
        found += [""] * (3 * top - len(found))
        cells = [image["path"], image["key"], image["error"] or "", *found]
        writer.writerow([cell(it) if isinstance(it, str) else it for it in cells])
    return text.getvalue().encode()


def _write_columns(writer: Any, images: list[dict[str, Any]], classifier: Classifier) -> None:
    """Write labels or numbers, each in a column of its own."""
    names = [name for name, _ in classifier.classes]
    is_labels = classifier.kind == "labels"
    what, figure = ("label", "probability") if is_labels else ("number", "value")
    first = ["path", "key", "error", *(["labels"] if is_labels else [])]
    wide = [name for name, width in zip(names, classifier.widths, strict=False) if width == width]
    writer.writerow([*first, *map(cell, names), *(cell(f"width {name}") for name in wide)])
    for image in images:
        found = {entry[what]: entry for entry in image["top"]}
        cells = [image["path"], image["key"], image["error"] or ""]
        if is_labels:
            cells.append("|".join(name for name in names if found.get(name, {}).get("passes")))
        values = [found[name][figure] if name in found else "" for name in names]
        values += [found[name]["width"] if name in found else "" for name in wide]
        writer.writerow([cell(it) if isinstance(it, str) else it for it in (*cells, *values)])
