"""`bottleneck export`: a run as one Keras model, or a store's rows for any other tool."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bottleneck import _options as options
from bottleneck import _store_options as of_stores
from bottleneck._parser import make_parser
from bottleneck.core import console
from bottleneck.core.text import count

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping, Sequence

MOST_NAMES = 20


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    made = make_parser(
        "export",
        "FILE [--run RUN | --cache FOLDER] [options]",
        "Write a trained head and its network as one Keras model (in: pixels 0 to 255, uint8; out: "
        "probabilities), or a store's features, labels and image names as one file.",
        "bottleneck export --run last model.keras",
        "bottleneck export --cache cache/resnet50 features.npz",
    )
    made.add_argument(
        "file",
        type=Path,
        metavar="FILE",
        help="File to write; it must not exist. Its ending says what: .keras a model, .npz, .csv "
        "or .parquet the features.",
    )
    model = made.add_argument_group("model (for a .keras file)")
    of_stores.add_run(model, "The training run to export")
    model.add_argument(
        "--backbone",
        metavar="FILE",
        help="Where the network's model file is now. Default: where it was when it was extracted.",
    )
    model.add_argument(
        "--weights",
        metavar="FILE",
        help="Where the network's weight file is now. Default: where it was when it was extracted.",
    )
    options.add_code(model)
    features = made.add_argument_group("features (for a .npz, .csv or .parquet file)")
    of_stores.add_cache_of_run(features, ", or whose features are")
    of_stores.add_source(features)
    features.add_argument(
        "--split",
        choices=("train", "val", "test"),
        help="Export only the images of this split. Default: all images.",
    )
    return made


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return its exit code."""
    args = parser().parse_args(argv)
    reporter = console.configure(quiet=args.quiet)
    from bottleneck.pipeline.learning import export as use_case  # noqa: PLC0415 - --help stays light
    from bottleneck.pipeline.network.options import NetworkOptions  # noqa: PLC0415

    report = use_case.export(
        use_case.ExportOptions(
            file=args.file,
            run=args.run,
            network=NetworkOptions.of(vars(args)),
            cache=args.cache,
            source=args.source,
            split=args.split,
        ),
        reporter,
    )
    console.result(report, lines(report), as_json=args.json)
    return 0


def lines(report: Mapping[str, Any]) -> list[str]:
    """Return the report for people."""
    if "run" in report:
        height, width, channels = report["input"][1:]
        colour = "RGB" if channels == 3 else "gray"
        names = ", ".join(report["classes"][:MOST_NAMES])
        more = ", …" if len(report["classes"]) > MOST_NAMES else ""
        said = "numbers" if report["kind"] == "numbers" else "probabilities of"
        what = [
            f"uint8 pixels (n, {height}, {width}, {channels}), {colour}, to {said}: {names}{more}",
            f"{report['parameters']:,} parameters",
        ]
        widths = [
            f"{name} not known" if width is None else f"{name} ± {width:.4g}"
            for name, width in report.get("widths", {}).items()
        ]
        if widths:
            what.append(f"90% lie within: {', '.join(widths[:MOST_NAMES])}{more}")
    else:
        pending = f", {report['pending']} without a row left out" if report["pending"] else ""
        what = [
            f"{count(report['samples'], 'row')} of {report['source']}, {report['dtype']} "
            f"{tuple(report['shape'])}{pending}"
        ]
    return [*what, f"{report['file']}: {report['bytes'] / 1e6:.1f} MB"]


if __name__ == "__main__":
    sys.exit(console.run(main))
