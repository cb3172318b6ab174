"""Looking into the data: how much of what was planted is found, and what else.

    python scripts/probe_inspect.py same cifar10/ --backbone mobilenetv2 --size 139
    python scripts/probe_inspect.py labels --cache cache/mobilenetv2
    python scripts/probe_inspect.py next --cache cache/mobilenetv2
    python scripts/probe_inspect.py scale --rows 60000 --width 1280
    python scripts/probe_inspect.py scale --rows 60000 --cache cache/mobilenetv2
    python scripts/probe_inspect.py index --rows 1000000 --width 384 --classes 1000

`same` copies a folder of train/ and test/ with class folders, edits --plant of the training images
in seven ways, puts what comes out into test/, extracts, and counts how many of each kind are found,
and how many of the pairs that are found are right (--verdicts docs/inspect-findings.csv --called
cifar10-6k has what a person said of those that nobody planted).
`labels` flips labels of a store's images, and compares the order of the disputed ones with that of
cleanlab, on the same probabilities, where it is installed (--cleanlab PYTHON names another Python
that has it: pip install cleanlab[datalab]). `next` spends labels on images that are proposed, and
on others drawn by lot. `scale` takes rows that are made up, or those of a store as often as it
takes, with noise. `index` finds the neighbours of many rows by the index that `inspect` takes for
them, or by another one beside it (--library), whose package must be installed.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from planted_copies import counted, lines_of, plant, verdicts_of

from bottleneck import extract_features
from bottleneck.core import console
from bottleneck.core.reporter import SILENT, NoProgress, Silent
from bottleneck.data.glance import SIDE
from bottleneck.pipeline.looking.glances import glances, pictures_of
from bottleneck.pipeline.looking.groups import united as together_of
from bottleneck.pipeline.looking.images import images_of
from bottleneck.pipeline.looking.index import measured_recall, near_by_index
from bottleneck.pipeline.looking.inspection import InspectOptions, inspect
from bottleneck.pipeline.looking.kept_neighbours import EXACT, NEAREST
from bottleneck.pipeline.looking.neighbours import Neighbours, nearest, unit_rows
from bottleneck.pipeline.looking.next_labels import label_next
from bottleneck.pipeline.looking.opinions import judge_labels
from bottleneck.pipeline.looking.outliers import FAR_FROM, farness
from bottleneck.pipeline.looking.proposals import answers
from bottleneck.pipeline.looking.same import candidates, near_by_pictures, same_pairs
from bottleneck.store.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

INNER = 32  # directions that rows that are made up vary in
NOISE = 0.3  # length of the noise on rows that are repeated


def probe_same(args: argparse.Namespace, work: Path) -> None:
    """Print how many of the planted images are found, by kind, and how much else, and if right."""
    planted = plant(Path(args.data), work / "planted", args.plant, args.seed)
    cache = args.cache or work / "store"
    extract_features(
        work / "planted",
        cache=cache,
        backbone=args.backbone,
        weights=args.weights,
        size=args.size,
        engine=args.engine,
    )
    report = inspect(
        InspectOptions(cache=cache, source="planted", only=("same",)), console.configure(quiet=True)
    )
    verdicts = verdicts_of(args.verdicts, args.called) if args.verdicts else {}
    count = counted(report["same"]["groups"], planted, verdicts)
    console.output(console.table(lines_of(count)))
    console.output([f"{len(count.others)} pairs that nobody planted:"])
    console.output(
        [f"  {one} = {other} ({what}; {said})" for one, other, what, said in count.others]
    )


def probe_labels(args: argparse.Namespace, work: Path) -> None:
    """Print average precision and precision at n of flipped labels, beside cleanlab's."""
    images = images_of(Store.open(args.cache), args.source)
    at = np.flatnonzero(images.labels >= 0)
    units, truth = images.units[at], images.labels[at]
    n_classes, n = len(images.samples.classes), len(at)
    near = nearest(units, NEAREST)
    middles = unit_rows(np.stack([units[truth == c].mean(axis=0) for c in range(n_classes)]))
    alike = middles @ middles.T
    np.fill_diagonal(alike, -1)
    scores: dict[str, dict[str, list[tuple[float, float]]]] = {}
    for share in (0.05, 0.10):
        for how in ("uniform", "nearest"):
            for seed in range(args.seeds):
                by_chance = np.random.default_rng(seed)
                flipped = np.isin(np.arange(n), by_chance.permutation(n)[: round(share * n)])
                other = (truth + by_chance.integers(1, n_classes, n)) % n_classes
                wrong = alike.argmax(axis=1)[truth] if how == "nearest" else other
                told = np.where(flipped, wrong, truth).astype(np.int32)
                found = judge_labels(units, told, near, np.arange(n), n_classes, seed)
                assert found is not None
                order = np.argsort(found.judged.score, kind="stable")
                setting = f"{share:.0%} {how}"
                ours = scores.setdefault("bottleneck inspect", {}).setdefault(setting, [])
                ours.append(_precision(order, flipped))
                np.savez(work / "given.npz", labels=told, probabilities=found.head, units=units)
                for name, listed in _cleanlab(args.cleanlab, work / "given.npz").items():
                    theirs = scores.setdefault(name, {}).setdefault(setting, [])
                    theirs.append(_precision(np.array(listed, np.int64), flipped))
    settings = list(scores["bottleneck inspect"])
    ours, *theirs = scores
    rows: list[list[object]] = [["average precision / precision at n", *settings]]
    rows += [
        [name, *(_with_interval(of[s], ".3f") for s in settings)] for name, of in scores.items()
    ]
    for name in theirs:
        ahead = [np.subtract(scores[ours][s], scores[name][s]) for s in settings]
        rows.append([f"ahead of {name}", *(_with_interval(a, "+.3f") for a in ahead)])
    console.output(console.table(rows))


def _with_interval(draws: Sequence[tuple[float, float]] | NDArray[np.float64], form: str) -> str:
    """Return the means of both over draws; of several draws each with twice its standard error."""
    means, n = np.mean(draws, axis=0), len(draws)
    if n == 1:
        return " / ".join(f"{mean:{form}}" for mean in means)
    spread = 2 * np.std(draws, axis=0, ddof=1) / n**0.5
    return " / ".join(f"{m:{form}} ± {e:.3f}" for m, e in zip(means, spread, strict=True))


def _precision(order: NDArray[np.int64], flipped: NDArray[np.bool_]) -> tuple[float, float]:
    """Return average precision, what is not listed never found, and precision at n."""
    hits, n = flipped[order], int(flipped.sum())
    precision = np.cumsum(hits) / np.arange(1, len(hits) + 1)
    return float(precision[hits].sum() / n), float(hits[:n].sum() / n)


CLEANLAB = """
import json, sys, warnings
warnings.filterwarnings("ignore")
import numpy as np
from cleanlab import Datalab
from cleanlab.filter import find_label_issues
from cleanlab.rank import get_label_quality_scores
given = np.load(sys.argv[1])
labels, p = given["labels"], given["probabilities"].astype(float)
p /= p.sum(axis=1, keepdims=True)
found = {}
for how in ("self_confidence", "normalized_margin"):
    order = find_label_issues(labels, p, return_indices_ranked_by=how, n_jobs=1)
    found["find_label_issues, " + how] = order.tolist()
    scores = get_label_quality_scores(labels, p, method=how)
    found["quality scores, " + how] = np.argsort(scores, kind="stable").tolist()
lab = Datalab(data={"label": labels}, label_name="label", verbosity=0)
lab.find_issues(pred_probs=p, issue_types={"label": {}})
scores = lab.get_issues("label")["label_score"].to_numpy()
found["Datalab"] = np.argsort(scores, kind="stable").tolist()
print("FOUND" + json.dumps(found))
"""


def _cleanlab(python: str | None, given: Path) -> dict[str, list[int]]:
    """Return the orders of cleanlab, by what makes them; none where no Python with it is named."""
    if python is None:
        return {}
    done = subprocess.run(
        [python, "-c", CLEANLAB, given], capture_output=True, text=True, check=True
    )
    found: dict[str, list[int]] = json.loads(done.stdout.split("FOUND")[1])
    return found


def probe_next(args: argparse.Namespace, _: Path) -> None:
    """Print accuracy against labels spent, of images that are proposed and of others."""
    images = images_of(Store.open(args.cache), args.source)
    n_classes = len(images.samples.classes)
    train = np.flatnonzero((images.splits == 1) & (images.labels >= 0))
    test = np.flatnonzero((images.splits & 4 > 0) & (images.labels >= 0))
    spent = range(args.start, args.stop + 1, args.step)
    found: dict[str, list[list[float]]] = {"proposed": [], "by lot": []}
    for seed in range(args.seeds):
        by_chance = np.random.default_rng(seed)
        first = by_chance.permutation(len(train))[: args.start]
        for how, of_all in found.items():
            has = first.copy()
            line: list[float] = []
            for n in spent:
                left = np.setdiff1d(np.arange(len(train)), has)
                asked = np.concatenate([test, train[left]])
                p = answers(images.units, images.labels, train[has], asked, n_classes, seed)
                assert p is not None  # two classes at least, of --start images drawn by lot
                right = p[: len(test)].argmax(axis=1) == images.labels[test]
                line.append(float(right.mean()))
                more = (
                    label_next(images.units[train[left]], p[len(test) :], args.step, seed)
                    if how == "proposed" and n < args.stop
                    else by_chance.permutation(len(left))[: args.step]
                )
                has = np.concatenate([has, left[more]])
            of_all.append(line)
    rows = [
        [how, *(f"{np.mean(v):.4f} ± {np.std(v):.4f}" for v in np.array(of_all).T)]
        for how, of_all in found.items()
    ]
    ahead = np.array(found["proposed"]) - np.array(found["by lot"])
    wins = ["seeds ahead", *(f"{int((v > 0).sum())} of {len(v)}" for v in ahead.T)]
    console.output(console.table([["labels", *map(str, spent)], *rows, wins]))


def made_rows(n: int, width: int, k: int) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
    """Return n rows of length one, and their classes: clusters in few dimensions.

    As those of images: features have many columns, and vary in a few dozen directions.
    """
    by_chance = np.random.default_rng(0)
    labels = (np.arange(n) % k).astype(np.int32)
    middles = by_chance.standard_normal((k, INNER), np.float32)
    lift = by_chance.standard_normal((INNER, width), np.float32) / np.float32(INNER**0.5)
    units = np.empty((n, width), np.float32)
    for start in range(0, n, 4096):
        some = labels[start : start + 4096]
        inner = middles[some] + by_chance.standard_normal((len(some), INNER), np.float32)
        noise = by_chance.standard_normal((len(some), width), np.float32)
        units[start : start + 4096] = unit_rows(inner @ lift + 0.2 * noise)
    return units, labels


def repeated(args: argparse.Namespace) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any], int]:
    """Return a store's rows, classes and small pictures, with noise, as often as it takes."""
    images = images_of(Store.open(args.cache), args.source)
    seen = glances(images, pictures_of(images, SILENT), SILENT)
    by_chance = np.random.default_rng(0)
    n, width = args.rows, images.units.shape[1]
    at = np.arange(n) % len(images)
    units, gray = np.empty((n, width), np.float32), np.empty((n, SIDE, SIDE), np.uint8)
    for start in range(0, n, 4096):
        some = at[start : start + 4096]
        noise = by_chance.standard_normal((len(some), width), np.float32)
        units[start : start + 4096] = unit_rows(images.units[some] + noise * NOISE / width**0.5)
        more = by_chance.normal(0, 40, (len(some), SIDE, SIDE))
        gray[start : start + 4096] = np.clip(seen.entries["gray"][some] + more, 0, 255)
    return units, images.labels[at], gray, len(images.samples.classes)


def probe_scale(args: argparse.Namespace, _: Path) -> None:
    """Print seconds and memory of each step, of rows that are made up or a store's, repeated."""
    if args.cache is None:
        units, labels = made_rows(args.rows, args.width, args.classes)
        small = np.random.default_rng(1).integers(0, 256, (args.rows, 8, 8), np.uint8)
        gray, k = small.repeat(4, axis=1).repeat(4, axis=2), args.classes
    else:
        units, labels, gray, k = repeated(args)
    n, width = units.shape
    told = _clock()
    told("rows")
    if n * n * width <= EXACT:
        near = nearest(units, NEAREST)
    else:
        near, recall = near_by_index(units, NEAREST)
        console.output([f"recall@10 {recall:.4f}"])
    told("neighbours")
    pairs = same_pairs(units, candidates(near, near_by_pictures(gray)), gray, np.ones(n, bool))
    told("same")
    judge_labels(units, labels, near, together_of(n, pairs.pairs), k, 0)
    told("labels")
    farness(near.cosines[:, :FAR_FROM], labels)
    told("outliers")


def _clock() -> Callable[[str], None]:
    started, busy_before = time.perf_counter(), time.process_time()

    def told(what: str) -> None:
        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        seconds, busy = time.perf_counter() - started, time.process_time() - busy_before
        console.output(
            [f"{what:12} {seconds:7.1f} s, {busy:.1f} s of processors, at most {most:,.0f} MiB"]
        )

    return told


def probe_index(args: argparse.Namespace, _: Path) -> None:
    """Print seconds, memory and recall of one way to find NEAREST neighbours of very many rows."""
    units, _labels = made_rows(args.rows, args.width, args.classes)
    told = _clock()
    told("rows")
    near = INDEXES[args.library](units, told)
    told("all searched")
    console.output([f"recall@10 {measured_recall(units, near):.4f}"])


class Steps(Silent):
    """Tells when each of the things that are counted is done."""

    def __init__(self, told: Callable[[str], None]) -> None:
        self.told = told

    @contextmanager
    def progress(self, total: int, what: str) -> Iterator[NoProgress]:
        """Count nothing, and tell when it is done."""
        yield NoProgress()
        self.told(what)


def _others(units: NDArray[np.float32], which: NDArray[np.int64]) -> Neighbours:
    """Return the neighbours by NEAREST + 1 of each row, one of which is the row itself."""
    is_self = which == np.arange(len(which))[:, None]
    is_self[~is_self.any(axis=1), -1] = True
    ids = which[~is_self].reshape(len(which), -1).astype(np.int32)
    cosines = np.empty(ids.shape, np.float32)
    for start in range(0, len(units), 512):
        at = slice(start, start + 512)
        cosines[at] = np.matmul(units[ids[at]], units[at][:, :, None])[:, :, 0]
    return Neighbours(cosines=-np.sort(-cosines, axis=1), which=ids)


def _by_ours(units: NDArray[np.float32], told: Callable[[str], None]) -> Neighbours:
    return near_by_index(units, NEAREST, Steps(told))[0]


def _by_faiss(kind: str) -> Callable[..., Neighbours]:
    def found(units: NDArray[np.float32], told: Callable[[str], None]) -> Neighbours:
        import faiss

        index = faiss.index_factory(units.shape[1], kind, faiss.METRIC_INNER_PRODUCT)
        index.train(units[:: max(1, len(units) // 65536)])
        told("trained")
        index.add(units)
        told("built")
        if kind.startswith("IVF"):
            index.nprobe = 24
        else:
            index.hnsw.efSearch = 64
        which = index.search(units, NEAREST + 1)[1]
        told("searched")
        return _others(units, which)

    return found


def _by_usearch(units: NDArray[np.float32], told: Callable[[str], None]) -> Neighbours:
    from usearch.index import Index

    index = Index(ndim=units.shape[1], metric="ip", dtype="f16", connectivity=16)
    index.add(np.arange(len(units)), units)
    told("built")
    which = index.search(units, NEAREST + 1).keys.astype(np.int64)
    told("searched")
    return _others(units, which)


INDEXES: dict[str, Callable[..., Neighbours]] = {
    "ours": _by_ours,
    "faiss-ivf": _by_faiss("IVF1024,SQfp16"),
    "faiss-hnsw": _by_faiss("HNSW16_SQfp16"),
    "usearch": _by_usearch,
}


PROBES = {
    "same": probe_same,
    "labels": probe_labels,
    "next": probe_next,
    "scale": probe_scale,
    "index": probe_index,
}


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    made = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    made.add_argument("probe", choices=PROBES)
    made.add_argument("data", nargs="?", help="same: a folder with train/ and test/")
    made.add_argument("--cache", type=Path, help="the store; same: default, one that is deleted")
    made.add_argument("--source")
    made.add_argument("--backbone", default="mini")
    made.add_argument("--weights")
    made.add_argument("--size", type=int)
    made.add_argument("--engine", default="auto")
    made.add_argument("--plant", type=int, default=300)
    made.add_argument("--verdicts", type=Path, help="same: what was said of pairs, by --called")
    made.add_argument("--called", help="same: the data set's name in the file of --verdicts")
    made.add_argument("--seed", type=int, default=0)
    made.add_argument("--seeds", type=int, default=3)
    made.add_argument("--cleanlab", metavar="PYTHON", help="a Python that has cleanlab[datalab]")
    made.add_argument("--start", type=int, default=50)
    made.add_argument("--stop", type=int, default=500)
    made.add_argument("--step", type=int, default=50)
    made.add_argument("--rows", type=int, default=60_000)
    made.add_argument("--width", type=int, default=1280)
    made.add_argument("--classes", type=int, default=10)
    made.add_argument("--library", choices=INDEXES, default="ours")
    return made


def main(argv: Sequence[str] | None = None) -> int:
    """Run a probe."""
    args = parser().parse_args(argv)
    with tempfile.TemporaryDirectory() as folder:
        PROBES[args.probe](args, Path(folder))
    return 0


if __name__ == "__main__":
    sys.exit(main())
