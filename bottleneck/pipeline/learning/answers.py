"""What is known of each image that is predicted, and the answers as they are given out."""

from __future__ import annotations

import csv
import io
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
    """The classes of n images, in the order in which they were named; a source's by its keys.

    Attributes
    ----------
    paths, keys : n texts
        Where each image is, as people write it; its key in what was named, as in a store.
    errors : n texts
        Why there is no answer; None where there is one.
    classes, descriptions : k texts
        One a column: a class's name, and the same or, of ImageNet's classes, words for people.
    probabilities : (n, k) float32
        NaN in the rows of images without an answer.
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

    def __len__(self) -> int:
        return len(self.keys)

    def __repr__(self) -> str:
        n_failed = sum(error is not None for error in self.errors)
        failed = f", {n_failed} without an answer" if n_failed else ""
        return (
            f"Predictions({len(self):,} images, {len(self.classes):,} classes, {self.computed:,} "
            f"computed, {self.cached:,} cached{failed})"
        )

    def _repr_html_(self) -> str:
        return notebook.grid(
            repr(self), [*map(self._row, range(len(self))[: notebook.MOST_ROWS])], len(self)
        )

    def _row(self, index: int) -> dict[str, object]:
        """Return what is known of one image, for a notebook."""
        if self.errors[index] is not None:
            return {"image": self.paths[index], "class": None, "error": self.errors[index]}
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
    top : digest → the numbers of its best classes, the best first, and their probabilities
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
        best = np.argsort(-probabilities, axis=1, kind="stable")[:, : self.n_top]
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

    def to_json(self) -> list[dict[str, Any]]:
        """Return what is known of each image, in their order."""
        found = []
        for i, entry in enumerate(self.inputs.entries):
            best, values = self.top.get(self.digests.get(i, b""), ((), ()))
            top = [
                {"class": name, "description": words, "probability": float(value)}
                for (name, words), value in zip(
                    (self.classifier.classes[j] for j in best), values, strict=True
                )
            ]
            found.append({**asdict(entry), "error": self.error(i), "top": top})
        return found

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
        )


def as_csv(images: list[dict[str, Any]], top: int) -> bytes:
    """Return the answers as CSV: path, key, error, then class, description, probability by rank.

    No cell is a formula to a spreadsheet; see `core.text.cell`.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    ranks = range(1, top + 1)
    words = ("class", "description", "probability")
    writer.writerow(["path", "key", "error", *(f"{w}_{r}" for r in ranks for w in words)])
    for image in images:
        found = [entry[word] for entry in image["top"] for word in words]
        found += [""] * (3 * top - len(found))
        cells = [image["path"], image["key"], image["error"] or "", *found]
        writer.writerow([cell(it) if isinstance(it, str) else it for it in cells])
    return text.getvalue().encode()
