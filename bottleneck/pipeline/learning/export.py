"""Export: a run as one Keras model, or a store's rows as a file for any other tool."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from bottleneck.core import files
from bottleneck.core.errors import DataError, UsageError
from bottleneck.core.guest import as_guest
from bottleneck.core.paths import check_free
from bottleneck.core.reporter import SILENT
from bottleneck.core.text import as_known
from bottleneck.heads.network import whole_model
from bottleneck.pipeline.extraction.sources import the_one_store
from bottleneck.pipeline.learning import feature_file
from bottleneck.pipeline.learning.classifier import open_run
from bottleneck.pipeline.learning.feature_table import table_of
from bottleneck.pipeline.network.options import NetworkOptions
from bottleneck.store.store import Store

if TYPE_CHECKING:
    from pathlib import Path

    from bottleneck.core.reporter import Reporter


MODEL = ".keras"


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportOptions:
    """What `bottleneck export` is asked for; the words of its command line."""

    file: Path  # its end says what is written
    run: str | None = None
    network: NetworkOptions = field(default_factory=NetworkOptions)  # see `classifier.open_run`
    cache: Path | None = None
    source: str | None = None
    split: str | None = None


@as_guest()
def export(options: ExportOptions, reporter: Reporter = SILENT) -> dict[str, Any]:
    """Write the file and return what it holds.

    Raises
    ------
    UsageError
        When the file exists, its end says nothing known, or the words are the other kind's.
    DataError
        When there is no row to write.
    """
    check_free(options.file)
    kind = options.file.suffix.lower()
    if kind == MODEL:
        if options.run is None or options.source or options.split:
            raise UsageError("a model is made of a run", options.file, "say --run RUN alone")
        return _export_model(options, options.run, reporter)
    if kind not in feature_file.KINDS:
        known = ", ".join([MODEL, *feature_file.KINDS])
        raise UsageError("unknown kind of file", options.file, f"end its name with one of {known}")
    if options.run is not None or options.network != NetworkOptions():
        raise UsageError("features are a store's", options.file, "say --cache DIR, and no network")
    return _export_features(options, reporter)


def _export_model(options: ExportOptions, named: str, reporter: Reporter) -> dict[str, Any]:
    file = options.file
    opened = open_run(named, options.network, reporter, cache=options.cache)
    recipe = opened.network.recipe
    model = whole_model(opened.network.backbone().front(), recipe.rows.dtype, opened.head.append)
    with files.new_file(file) as temporary:
        model.save(temporary)
    height, width = recipe.image.size
    return {
        "verb": "export",
        "file": str(file),
        "run": str(opened.run.folder),
        "input": [None, height, width, recipe.image.channels],
        "output": [None, len(opened.run.names)],
        "kind": opened.run.kind,
        "classes": list(opened.run.names),
        **({"thresholds": list(opened.run.thresholds)} if opened.run.thresholds else {}),
        **({"widths": opened.run.widths_of_names} if opened.run.widths else {}),
        "parameters": int(model.count_params()),
        "bytes": file.stat().st_size,
    }


def _export_features(options: ExportOptions, reporter: Reporter) -> dict[str, Any]:
    cache = options.cache or the_one_store()
    store = Store.open(cache)
    name = store.source_name(options.source)
    samples = store.snapshot(name).samples
    kind = feature_file.KINDS[options.file.suffix.lower()]
    table = table_of(store, name, options.split, holds_views=kind.holds_views)
    if not len(table.keys):
        raise DataError("no sample has a row", cache, "run bottleneck extract first")
    with (
        files.new_file(options.file) as temporary,
        reporter.progress(len(table.keys), "export") as bar,
    ):
        feature_file.write(temporary, table, bar)
    return {
        "verb": "export",
        "file": str(options.file),
        "store": as_known(str(cache)),
        "source": name,
        "commit": store.state.number,
        "recipe": store.recipe.id,
        "samples": len(table.keys),
        "pending": len(samples) - len(store.available(name)),
        "shape": list(table.rows.shape),
        "dtype": str(table.rows.dtype),
        "classes": list(samples.classes),
        "kind": samples.kind,
        "targets": [] if samples.targets is None else list(samples.targets.names),
        "bytes": options.file.stat().st_size,
    }
