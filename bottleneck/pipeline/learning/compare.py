"""Compare: runs beside each other, by what their receipts and their stores say."""

from __future__ import annotations

from dataclasses import dataclass
from shlex import quote
from typing import TYPE_CHECKING, Any

from bottleneck.core import files
from bottleneck.core.errors import DamagedError, UsageError
from bottleneck.core.figures import MAIN, WORDS
from bottleneck.core.guest import as_guest
from bottleneck.core.reporter import SILENT
from bottleneck.core.text import printable
from bottleneck.heads.run import Run, read_run
from bottleneck.pictures import plots
from bottleneck.pictures.interval import LEVEL, accuracy_interval
from bottleneck.pictures.plots import check_picture
from bottleneck.pipeline.extraction.sources import the_one_store
from bottleneck.pipeline.learning.classifier import store_of
from bottleneck.pipeline.learning.record import MORE_FIGURES
from bottleneck.pipeline.learning.runs import TRAIN_FIRST, find_run, runs_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from bottleneck.core.reporter import Reporter
    from bottleneck.store.store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class CompareOptions:
    """What `bottleneck compare RUN…` is asked for; the words of its command line.

    Attributes
    ----------
    runs : as `runs.find_run` takes them; none: all of a store
    cache : that store; None: the one below cache/
    source, target_kind : of a store's runs those of this source, and those that learned classes,
        labels or numbers; None: all
    """

    runs: tuple[str, ...] = ()
    cache: Path | None = None
    seed: int = 0  # of the bootstrap
    picture: Path | None = None
    source: str | None = None
    target_kind: str | None = None


@as_guest()
def compare(options: CompareOptions, reporter: Reporter = SILENT) -> dict[str, Any]:
    """Return the runs' figures, the best first; nothing is computed anew.

    Of all runs of a store, those that are damaged are said, and stand under `skipped`.

    Raises
    ------
    UsageError
        When what is named is no run, the store has none, or runs of classes are beside such of
        labels or numbers.
    DamagedError
        When the files of a run that was named, or of all runs, are not as they were written.
    """
    check_picture(options.picture)
    if options.runs and (options.source or options.target_kind):
        raise UsageError(
            "runs are named", "--source and --target-kind", "omit these: they are of all runs"
        )
    if options.runs:
        skipped: list[tuple[Path, DamagedError]] = []
        read = [read_run(find_run(named, options.cache, reporter)) for named in options.runs]
    else:
        read, skipped = _all_of(options.cache or the_one_store(), reporter)
        read = _chosen(read, options)
    require_one_kind(read, are_named=bool(options.runs))
    found = ranked([figures_of(run, options.seed) for run in read])
    same = judged_alike(read)
    if not same:
        # Of a decision the images may be the same, and their labels others.
        decided = len({run.decisions for run in read}) > 1
        how = " with the same decisions (--decisions)" if decided else ""
        reporter.warn(f"not all of these runs were judged on the same images{how}")
    report = finished(found, options.seed, options.picture, same_images=same)
    report["skipped"] = [{"run": str(run), "error": str(error)} for run, error in skipped]
    return report


def _all_of(cache: Path, reporter: Reporter) -> tuple[list[Run], list[tuple[Path, DamagedError]]]:
    """Return the runs of a store that can be read, and those that are damaged."""
    read: list[Run] = []
    skipped: list[tuple[Path, DamagedError]] = []
    for folder in runs_of(cache):
        try:
            read.append(read_run(folder))
        except DamagedError as error:
            reporter.warn(f"{folder} is left out: {error}")
            skipped.append((folder, error))
    if not read:
        raise skipped[0][1] if skipped else UsageError("no run yet", cache, TRAIN_FIRST)
    return read, skipped


def figures_of(run: Run, seed: int) -> dict[str, Any]:
    """Return what is known of one run; None where neither receipt nor store says it.

    `extracted` is what the store's history says of the rows: how many were computed, in how many
    seconds of whole commands.
    """
    metrics = run.metrics
    store = store_of(run)
    fits = store is not None and store.recipe.id == run.recipe
    interval = accuracy_interval(metrics["confusion"], seed) if run.kind == "class" else None
    return {
        "run": str(run.folder),
        "backbone": run.about.get("backbone"),
        "head": run.head,
        "source": run.source,
        "judged_on": metrics["split"],
        "samples": metrics["samples"],
        "kind": run.kind,
        "accuracy": metrics["accuracy"],
        "accuracy_interval": None if interval is None else list(interval),
        "interval": _interval(run, interval),
        "top5": metrics["top5"],
        "loss": metrics["loss"],
        "baseline": metrics["baseline"],
        **{key: metrics.get(key) for key in MORE_FIGURES},
        "widths": run.widths_of_names or None,
        "seconds": metrics.get("seconds"),
        "epochs": metrics.get("epochs"),
        "parameters": metrics.get("parameters"),
        "cache_bytes": sum(e.n_bytes for e in store.state.parts) if store and fits else None,
        "extracted": _extracted(store, run.recipe) if store else None,
    }


def _interval(run: Run, of_accuracy: tuple[float, float] | None) -> list[float] | None:
    """Return how sure the main figure is; of folds, how sure their mean is."""
    main = MAIN[run.kind]
    if run.kind == "class":
        return None if of_accuracy is None else list(of_accuracy)
    if run.metrics["split"] == "folds":
        found: list[float] | None = run.metrics["folds"]["figures"][main]["interval"]
        return found
    return (run.metrics.get("intervals") or {}).get(main)


def _extracted(store: Store, recipe: str) -> dict[str, Any] | None:
    """Return how many rows of this recipe were computed, and in which time, as far as recorded."""
    lines = [
        line
        for line in store.history()
        if line.get("verb") == "extract" and line.get("recipe") == recipe and line.get("computed")
    ]
    if not lines:
        return None
    computed = sum(line["computed"] for line in lines)
    seconds = sum(line["seconds"]["total"] for line in lines)
    return {
        "computed": computed,
        "seconds": round(seconds, 3),
        "images_per_second": round(computed / seconds, 1) if seconds else None,
    }


def _chosen(runs: list[Run], options: CompareOptions) -> list[Run]:
    """Return a store's runs of the source and the kind that are asked for."""
    found = [run for run in runs if options.source in (None, run.source)]
    found = [run for run in found if options.target_kind in (None, run.kind)]
    if not found:
        there = sorted({f"{run.source} ({run.kind})" for run in runs})
        raise UsageError(
            "no run is like that",
            "--source and --target-kind",
            f"there are runs of {', '.join(there)}",
        )
    return found


def require_one_kind(runs: Sequence[Run], *, are_named: bool) -> None:
    """Raise UsageError for runs whose figures are not of one kind."""
    kinds = {run.kind: run for run in reversed(runs)}
    if len(kinds) < 2:
        return
    each = ", ".join(f"{run.folder.name} ({kind})" for kind, run in kinds.items())
    kinds_of: dict[str, set[str]] = {}
    for run in runs:
        kinds_of.setdefault(run.source, set()).add(run.kind)
    sources = sorted(source for source, found in kinds_of.items() if len(found) == 1)
    ways = [f"--target-kind {kind}" for kind in kinds]
    ways += [f"--source {quote(printable(source))}" for source in sources]
    do = "compare runs of one kind: classes, labels or numbers"
    raise UsageError(
        f"their targets are of unlike kinds: {each}",
        "compare",
        do if are_named else f"say which: {' or '.join(ways)}",
    )


def ranked(entries: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return entries by the main figure, the highest first; by loss where it is equal; None last.

    It is the accuracy of classes, the macro average precision of labels, R² of numbers.
    """

    def order(entry: dict[str, Any]) -> tuple[float, float]:
        main = entry[MAIN[entry["kind"]]]
        return (1e9, 0.0) if main is None else (-main, entry["loss"] or 0.0)

    return sorted(entries, key=order)


def judged_alike(runs: Sequence[Run]) -> bool:
    """Whether the runs were judged on the same images, as far as their receipts can tell."""

    def judged(run: Run) -> tuple[Any, ...]:
        split = run.metrics["split"]
        drawn = (run.options.get("seed"), run.options.get("validation_split"))
        # A snapshot's name begins with the digest of what it holds.
        of = (run.snapshot[:16], run.decisions)
        return (*of, split, run.metrics["samples"], drawn if split == "val" else None)

    return len({judged(run) for run in runs}) <= 1


def finished(
    entries: list[dict[str, Any]], seed: int, picture: Path | None, *, same_images: bool
) -> dict[str, Any]:
    """Draw the picture that is asked for; return the report."""
    if picture is not None:
        kind = entries[0]["kind"]
        main = MAIN[kind]
        shown = [
            {
                **entry,
                "accuracy": entry[main],
                "accuracy_interval": entry["interval"] or [entry[main]] * 2,
            }
            if kind != "class"
            else entry
            for entry in entries
        ]
        files.publish_bytes(picture, plots.comparison(shown, WORDS[main]))
    return {
        "verb": "compare",
        "runs": entries,
        "seed": seed,
        "level": LEVEL,
        "same_images": same_images,
        "picture": None if picture is None else str(picture),
    }
