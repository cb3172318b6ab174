"""Predict: classes of images, from rows that are there already or are computed now.

Read, decoded and computed as the recipe says, rounded as its rows are, so that an image gets the
same answer whether its row was in the store or not. Nothing is written to the store but what an
engine keeps for itself. What cannot be read has a reason in the place of an answer.
"""

from __future__ import annotations

import contextlib
import csv
import io
import sys
import time
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from bottleneck.core import console, files, notebook
from bottleneck.core.errors import DataError, OtherRowsError, UsageError
from bottleneck.core.recipe import ViewSpec
from bottleneck.core.reporter import SILENT, Reporter
from bottleneck.data.decode import Limits
from bottleneck.pipeline.extraction.canaries import N_CANARIES, Canaries, recorded_canaries
from bottleneck.pipeline.extraction.compute import Computer
from bottleneck.pipeline.extraction.flow import Reader, Seconds, default_threads, read_ahead
from bottleneck.pipeline.extraction.writing import to_dtype
from bottleneck.pipeline.learning import classifier as classifiers
from bottleneck.pipeline.learning.inputs import Inputs, find_inputs
from bottleneck.pipeline.network.options import NetworkOptions

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from bottleneck.core.given import Given
    from bottleneck.pipeline.learning.classifier import Classifier

MOST_REASONS = 20  # in the message when nothing at all can be used
STORED_ROWS = 1024  # gathered at once


@dataclass(frozen=True, slots=True, kw_only=True)
class PredictOptions:
    """What `bottleneck predict` is asked for; the words of its command line."""

    images: tuple[str | Given, ...]  # files, folders, patterns, and whatever --data can be
    run: str | None = None
    network: NetworkOptions = field(default_factory=NetworkOptions)
    classes: str | None = None  # imagenet, or a file with a name a line: of a backbone's own top
    top: int = 3
    csv: Path | None = None
    engine: str | None = None
    devices: str | None = None
    batch_size: int | None = None
    threads: int | None = None


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


def predict(options: PredictOptions, reporter: Reporter = SILENT) -> dict[str, Any]:
    """Return the classes of each image (DESIGN's keys); write them as CSV where that is asked.

    Raises
    ------
    BottleneckError
        As `predictions` does.
    """
    started = time.perf_counter()
    if options.csv is not None:
        files.check_free(options.csv)
    run = _finished(options)
    images = run.answers()
    if options.csv is not None:
        files.publish_bytes(options.csv, as_csv(images, options.top))
    classifier = run.classifier
    return {
        "verb": "predict",
        "run": None if classifier.run is None else str(classifier.run),
        "backbone": classifier.backbone,
        "images": images,
        "computed": run.n_computed,
        "cached": run.n_cached,
        "engine": run.computer.provenance.get("engine"),
        "canaries": run.computer.canaries,
        "seconds": round(time.perf_counter() - started, 3),
    }


def predictions(options: PredictOptions, reporter: Reporter = SILENT) -> Predictions:
    """Return the probabilities of all classes of each image.

    Raises
    ------
    DataError
        When no image at all can be used; of a source alone that cannot be listed, its own error.
    OtherRowsError
        When this machine computes other rows than the store of the run holds.
    RecipeError
        When the run's network is another one by now.
    """
    run = _finished(replace(options, top=sys.maxsize))
    entries, classes = run.inputs.entries, run.classifier.classes
    probabilities = np.full((len(entries), len(classes)), np.nan, np.float32)
    for i, digest in run.digests.items():
        if digest in run.top:
            best, values = run.top[digest]
            probabilities[i, best] = values
    return Predictions(
        paths=tuple(entry.path for entry in entries),
        keys=tuple(entry.key for entry in entries),
        errors=tuple(map(run.error, range(len(entries)))),
        classes=tuple(name for name, _ in classes),
        descriptions=tuple(words for _, words in classes),
        probabilities=probabilities,
        computed=run.n_computed,
        cached=run.n_cached,
    )


def _finished(options: PredictOptions) -> _Prediction:
    """Return the prediction with whatever can be known of its images."""
    if options.run is not None and options.classes is not None:
        raise UsageError("the run names its classes", "--classes", "leave it away")
    classifier = (
        classifiers.of_backbone(options.network, options.classes)
        if options.run is None
        else classifiers.of_run(options.run, options.network)
    )
    inputs = find_inputs(options.images)
    run = _Prediction(options, classifier, inputs)
    try:
        run.go()
    except OtherRowsError as error:
        raise OtherRowsError(
            error.what, "nothing was predicted", "use the versions of then", *error.details
        ) from error
    if not run.top:
        _refuse(run)
    return run


def as_csv(images: list[dict[str, Any]], top: int) -> bytes:
    """Return the answers as CSV: path, key, error, then class, description, probability by rank."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    ranks = range(1, top + 1)
    words = ("class", "description", "probability")
    writer.writerow(["path", "key", "error", *(f"{w}_{r}" for r in ranks for w in words)])
    for image in images:
        found = [entry[word] for entry in image["top"] for word in words]
        found += [""] * (3 * top - len(found))
        writer.writerow([image["path"], image["key"], image["error"] or "", *found])
    return text.getvalue().encode()


class _Prediction:
    """One prediction at work: which images wait, and what is known of each content."""

    def __init__(self, options: PredictOptions, classifier: Classifier, inputs: Inputs) -> None:
        self.inputs = inputs
        self.classifier = classifier
        self.n_top = min(options.top, len(classifier.classes))
        self.threads = options.threads or default_threads()
        self.digests: dict[int, bytes] = {}
        self.unread: dict[int, str] = {}
        self.failed: dict[bytes, str] = {}  # digest → why it has no answer
        # digest → the numbers of its best classes, the best first, and their probabilities
        self.top: dict[bytes, tuple[NDArray[np.int64], NDArray[np.float32]]] = {}
        self.n_computed = 0
        store, network = classifier.store, classifier.network
        made_by = store.provenance() if store else {}
        self.reader = Reader(
            source=inputs,
            image=network.recipe.image,
            views=ViewSpec(),  # the image itself, whatever its row holds beside it
            limits=Limits(),
            has_row=self._has_row,
            seconds=Seconds(),
        )
        size = options.batch_size or made_by.get("batch") or network.batch_size
        self.computer = Computer(
            network=network,
            find_canaries=self._find_canaries,
            seconds=Seconds(),
            engine_name=options.engine or classifier.engine,
            devices=options.devices,
            planned_batch=min(size, len(inputs) + N_CANARIES),  # no call of 64 for one image
            made_by=made_by.get("engine"),
            kept=store.derived if store else None,
        )

    @property
    def n_cached(self) -> int:
        """How many images have an answer without having been computed."""
        answered = sum(digest in self.top for digest in self.digests.values())
        return answered - self.n_computed

    def go(self) -> None:
        """Read everything; compute what has no row; look the others up."""
        batch: list[tuple[bytes, NDArray[np.uint8]]] = []
        readable = self.inputs.readable
        items = read_ahead(
            self.reader, readable, threads=self.threads, window=4 * self.computer.batch_size
        )
        with contextlib.closing(items), console.progress(len(readable), "predict") as bar:
            for item in items:
                bar.update(1)
                if item.digest is None:
                    self.unread[item.index] = item.failure or "cannot be read"
                    continue
                self.digests[item.index] = item.digest
                if item.failure is not None:
                    self.failed[item.digest] = item.failure
                elif item.image is not None:
                    batch.append((item.digest, item.image))
                if len(batch) == self.computer.batch_size:
                    self._compute(batch)
                    batch = []
            if batch:
                self._compute(batch)
        self._look_up()

    def answers(self) -> list[dict[str, Any]]:
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

    def error(self, index: int) -> str | None:
        """Return why an image has no answer; None where it has one."""
        digest = self.digests.get(index)
        if digest is not None:
            return self.failed.get(digest)
        return self.inputs.entries[index].error or self.unread.get(index)

    def _compute(self, batch: list[tuple[bytes, NDArray[np.uint8]]]) -> None:
        rows = self.computer([image for _, image in batch])
        stored, misfits = to_dtype(rows[:, 0], self.classifier.network.recipe.rows.dtype)
        good = [i for i in range(len(batch)) if i not in misfits]
        self.failed.update({batch[i][0]: reason for i, reason in misfits.items()})
        self._answer([batch[i][0] for i in good], stored[good])
        self.n_computed += len(good)

    def _look_up(self) -> None:
        """Answer for the images whose rows are in the store."""
        store = self.classifier.store
        left = sorted(set(self.digests.values()) - self.top.keys() - self.failed.keys())
        for at in range(0, len(left), STORED_ROWS):
            assert store is not None
            some = left[at : at + STORED_ROWS]
            rows = store.rows(np.frombuffer(b"".join(some), np.uint8).reshape(-1, 32))
            self._answer(some, store.recipe.views.apart(rows)[:, 0])

    def _answer(self, digests: list[bytes], rows: NDArray[Any]) -> None:
        if not digests:
            return
        probabilities = self.classifier.probabilities(rows)
        best = np.argsort(-probabilities, axis=1, kind="stable")[:, : self.n_top]
        values = np.take_along_axis(probabilities, best, axis=1)
        self.top.update(zip(digests, zip(best, values, strict=True), strict=True))

    def _has_row(self, digest: bytes) -> bool:
        store = self.classifier.store
        return store is not None and bool(store.has(np.frombuffer(digest, np.uint8)[None])[0])

    def _find_canaries(self) -> Canaries:
        return recorded_canaries(self.classifier.store, self.reader)


def _refuse(run: _Prediction) -> NoReturn:
    """Say why there is no answer at all."""
    entries, refused = run.inputs.entries, run.inputs.refused
    if refused and len(entries) == len(refused):  # nothing but sources, which say what to do
        first = refused[0]
        raise type(first)(first.what, first.where, first.do, *first.details, *map(str, refused[1:]))
    reasons = [f"{entry.path}: {run.error(i)}" for i, entry in enumerate(entries[:MOST_REASONS])]
    raise DataError(
        f"none of {len(entries)} images can be used", "predict", "check their paths", *reasons
    )
