r"""Heads for several labels and for numbers, beside scikit-learn on the same rows and split.

    python scripts/probe_targets.py photos/ --backbone mobilenetv2 --size 139 --heads linear,dense
    python scripts/probe_targets.py photos/ --backbone mobilenetv2 --size 139 \
        --groups animal=bird,cat,dog --groups flies=airplane,bird
    python scripts/probe_targets.py digits

DATA is a folder with train/ and test/ and a folder for each class below, or `digits`. Two tables
are made of it, with a row for each image:

- labels: the groups of classes that are named (else the first half of them, and every second one),
  and what pixels say: whether the image is brighter, and redder, than the median one
- numbers: tanh(6 (m - 1/2)) of the mean brightness m from 0 to 1, and the logarithm of its
  deviation

Of `digits`, each image is two digits side by side (numbers alone say which): the labels are the
digits that it shows, the numbers are their sum, how much ink there is, and how many strokes of the
pen a row or column of pixels meets (the mean over all).

Of each, heads are trained as `bottleneck train` does, and judged by the macro average precision, or
by R², on test/. scikit-learn's OneVsRestClassifier(LogisticRegression) and Ridge get the same rows,
standardised, and the same split; their strength is the best of 15 on the validation rows, on which
they are then fitted too, as the linear head is, and a network (dense+refit) with --refit. Features
are kept in --cache, else in a folder that is deleted at the end.
"""

from __future__ import annotations

import argparse
import csv
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from bottleneck import extract_features, open_store, train_head
from bottleneck.core import console
from bottleneck.core.sample import SPLITS
from bottleneck.data.catalog import open_source
from bottleneck.heads.label_metrics import evaluate_labels
from bottleneck.heads.number_metrics import evaluate_numbers
from bottleneck.heads.split import validation_mask

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray

STRENGTHS = 10.0 ** np.linspace(-4, 3, 15)  # of scikit-learn: 1/C, and alpha, for each row
VALIDATION = 0.2


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    made = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    made.add_argument("data", metavar="DATA", help="a folder of images, or digits")
    made.add_argument("--backbone", default="mini")
    made.add_argument("--weights")
    made.add_argument("--size", type=int)
    made.add_argument("--pooling", default="avg")
    made.add_argument(
        "--heads", default="linear", help="separated by commas, such as linear,dense,dense+refit"
    )
    made.add_argument("--groups", action="append", default=[], metavar="NAME=CLASS,CLASS")
    made.add_argument("--seed", type=int, default=0)
    made.add_argument("--cache", type=Path, help="a store that is there, or a new one")
    return made


def main(argv: Sequence[str] | None = None) -> int:
    """Run the probe and print a table."""
    args = parser().parse_args(argv)
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        cache = args.cache or work / "store"
        made = tables_of_digits if args.data == "digits" else tables_of_photos
        network = {"backbone": args.backbone, "weights": args.weights, "size": args.size}
        rows: list[tuple[str, ...]] = []
        for kind, table in made(args, work).items():
            told = network if not (cache / "log").exists() else {}
            extract_features(
                table, cache=cache, source=kind, target_kind=kind, progress=True,
                label_column=columns_of(table), pooling=None if not told else args.pooling, **told,
            )  # fmt: skip
            rows += [(kind, *row) for row in compared(cache, kind, args)]
    heading = ("targets", "head", "figure", "validation", "test", "seconds")
    console.result({"rows": rows}, console.table([heading, *rows]), as_json=False)
    return 0


def columns_of(table: Path) -> list[str]:
    """Return the columns of a table that are to be learned."""
    with table.open(newline="") as file:
        return next(csv.reader(file))[2:]


def tables_of_photos(args: argparse.Namespace, work: Path) -> dict[str, Path]:
    """Return a table of labels and one of numbers of a folder of images."""
    root = Path(args.data).absolute()
    source = open_source(str(root))
    listing = source.list()
    grey, spread, red = np.empty((3, len(listing)))
    for i in range(len(listing)):
        with Image.open(root / bytes(listing.keys[i]).decode()) as image:
            pixels = np.asarray(image.convert("RGB"), np.float64) / 255
        grey[i], spread[i] = pixels.mean(), pixels.std()
        red[i] = pixels[..., 0].mean() - grey[i]
    names = np.array(listing.classes)
    half = {"first_half": names[: len(names) // 2], "every_second": names[::2]}
    told = {name: of.split(",") for name, _, of in (each.partition("=") for each in args.groups)}
    of_class = names[listing.labels]
    labels = {name: np.isin(of_class, of).astype(int) for name, of in (told or half).items()}
    labels |= {name: (v > np.median(v)).astype(int) for name, v in (("bright", grey), ("red", red))}
    numbers = {
        "brightness": np.tanh(6 * (grey - 0.5)),
        "contrast": np.log(np.maximum(spread, 1e-3)),
    }
    files = [str(root / bytes(key).decode()) for key in listing.keys]
    splits = [SPLITS[i] for i in listing.splits]
    return {
        kind: written(work / f"{kind}.csv", files, splits, columns)
        for kind, columns in (("labels", labels), ("numbers", numbers))
    }


def tables_of_digits(args: argparse.Namespace, work: Path) -> dict[str, Path]:
    """Return a table of labels and one of numbers of pairs of digits."""
    source = open_source("digits")
    listing = source.list()
    images = [np.asarray(source.read(i).content) for i in range(len(listing))]
    n = len(images)
    other = np.random.default_rng(args.seed).permutation(n)
    files, digits = [], np.zeros((n, 10), int)
    values = np.array([int(name) for name in listing.classes])[listing.labels]
    ink, strokes = np.empty((2, n))
    for i in range(n):
        pair = np.concatenate([images[i], images[other[i]]], axis=1)
        ink[i], strokes[i] = pair.mean(), strokes_met(pair)
        path = work / f"{i:05}.png"
        Image.fromarray(pair).resize((64, 32), Image.Resampling.NEAREST).save(path)
        files.append(str(path))
        digits[i, [values[i], values[other[i]]]] = 1
    splits = np.where(np.arange(n) % 4 == 0, "test", "train").tolist()
    labels = {f"shows_{d}": digits[:, d] for d in range(10)}
    numbers = {"sum": (values + values[other]).astype(float), "ink": ink, "strokes": strokes}
    return {
        kind: written(work / f"{kind}.csv", files, splits, columns)
        for kind, columns in (("labels", labels), ("numbers", numbers))
    }


def strokes_met(image: NDArray[Any]) -> float:
    """Return how often ink begins along a row or column of pixels, the mean over all of them."""
    is_ink = np.pad(image.reshape(*image.shape[:2], -1).mean(axis=2) > image.max() / 2, 1)
    along = (is_ink[1:-1, 1:] & ~is_ink[1:-1, :-1]).sum(axis=1)
    down = (is_ink[1:, 1:-1] & ~is_ink[:-1, 1:-1]).sum(axis=0)
    return float(np.concatenate([along, down]).mean())


def written(
    path: Path,
    files: Sequence[str],
    splits: Sequence[str],
    columns: Mapping[str, NDArray[Any]],
) -> Path:
    """Write a table: the file, its split, and a column for each label or number."""
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["filename", "split", *columns])
        for i, (name, split) in enumerate(zip(files, splits, strict=True)):
            writer.writerow([name, split, *(f"{column[i]:.9g}" for column in columns.values())])
    return path


def compared(cache: Path, kind: str, args: argparse.Namespace) -> Iterator[tuple[str, ...]]:
    """Yield a line for scikit-learn and for each head: figures of validation and test rows."""
    store = open_store(cache)
    main = "macro_average_precision" if kind == "labels" else "r2"
    alone, best, found, seconds = theirs(store, kind, args.seed)
    yield ("scikit-learn, training rows", main, best, alone, "")
    yield ("scikit-learn, and validation rows", main, "", found, seconds)
    for name in args.heads.split(","):
        head, _, how = name.partition("+")
        started = time.perf_counter()
        report = train_head(
            cache, source=kind, head=head, seed=args.seed, validation_split=VALIDATION,
            refit=True if how == "refit" else None,
        )  # fmt: skip
        seconds = time.perf_counter() - started
        yield (name, main, "", f"{report[main]:.4f}", f"{seconds:.1f}")


def theirs(store: Any, kind: str, seed: int) -> tuple[str, str, str, str]:
    """Return the figures of scikit-learn's linear models and their seconds.

    On test rows by training rows alone, on validation rows, on test rows by both together.
    """
    from sklearn.linear_model import LogisticRegression, Ridge
    from sklearn.multiclass import OneVsRestClassifier
    from sklearn.preprocessing import StandardScaler

    x, y, _ = store.arrays(source=kind)
    samples = store.samples(kind)
    x = np.asarray(x, np.float32).reshape(len(y), -1)
    split = samples.splits.copy()
    if len(split) != len(x):
        raise SystemExit("some images have no features")
    split[validation_mask(samples.digests, seed, VALIDATION) & (split == 0)] = 1
    started = time.perf_counter()
    x = StandardScaler().fit(x[split == 0]).transform(x)

    def said(strength: float, at: NDArray[np.bool_], to: NDArray[np.bool_]) -> NDArray[Any]:
        if kind == "labels":
            one = LogisticRegression(C=1 / (strength * at.sum()), max_iter=2000)
            return OneVsRestClassifier(one).fit(x[at], y[at]).predict_proba(x[to])
        return Ridge(strength * at.sum()).fit(x[at], y[at]).predict(x[to])

    def figure(found: NDArray[Any], to: NDArray[np.bool_]) -> float:
        k = y.shape[1]
        if kind == "labels":
            judged = evaluate_labels(found, y[to], [str(i) for i in range(k)], [0.5] * k)
            return float(judged["macro_average_precision"])
        mean = y[split == 0].mean(axis=0, dtype=np.float64)
        return float(evaluate_numbers(found, y[to], [str(i) for i in range(k)], mean)["r2"])

    train, validation, test = (split == i for i in range(3))
    tried = [(figure(said(s, train, validation), validation), s) for s in STRENGTHS]
    best, strength = max(tried)
    alone = figure(said(strength, train, test), test)
    found = figure(said(strength, train | validation, test), test)
    seconds = time.perf_counter() - started
    return f"{alone:.4f}", f"{best:.4f}", f"{found:.4f}", f"{seconds:.1f}"


if __name__ == "__main__":
    sys.exit(console.run(main))
