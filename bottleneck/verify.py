"""`bottleneck verify`: every byte against what was written."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from bottleneck import _options as options
from bottleneck import _store_options as of_stores
from bottleneck._parser import make_parser
from bottleneck.core import console, words
from bottleneck.core.text import PUTS_BACK, count

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping, Sequence

MOST_NAMED = 3  # images of one finding, for people


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    made = make_parser(
        "verify",
        "--cache FOLDER [options]",
        "Read every byte of a store and compare it with the checksums that were recorded "
        "when it was written.",
        "bottleneck verify --cache cache/resnet50",
    )
    store = made.add_argument_group("store (what to check)")
    of_stores.add_cache(store, required=True)
    store.add_argument(
        "--sample",
        type=words.share,
        metavar="PART",
        help="Check only a part of the files: a share such as 5%%, a number of files such as 10, "
        "or bytes such as 2GB. Each run takes those that were not checked for the longest time, "
        "so that 20 runs with 5%% check all. Default: everything.",
    )
    store.add_argument(
        "--repair",
        action="store_true",
        help="Remove damaged files and keep everything that is intact; the next bottleneck "
        "extract computes what was lost.",
    )
    of_stores.add_wait(store)
    again = made.add_argument_group("computing again (does this machine compute these features?)")
    again.add_argument(
        "--recompute",
        type=words.positive,
        metavar="N",
        help="Also compute the features of N images again, which can be read and did not change, "
        "and compare them with the stored ones. Exit code 4 where they differ by more than "
        "rounding.",
    )
    again.add_argument(
        "--seed",
        type=int,
        default=0,
        metavar="N",
        help="Which images are computed again; another seed takes others. Default: 0.",
    )
    options.add_engine(again, default="auto")
    options.add_code(again)
    return made


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return its exit code."""
    args = parser().parse_args(argv)
    reporter = console.configure(quiet=args.quiet)
    from bottleneck.core.errors import DamagedError, OtherRowsError  # noqa: PLC0415 - --help stays light
    from bottleneck.pipeline.upkeep import upkeep  # noqa: PLC0415
    from bottleneck.pipeline.upkeep.recompute import RecomputeOptions  # noqa: PLC0415

    again = None
    if args.recompute is not None:
        again = RecomputeOptions(
            number=args.recompute,
            seed=args.seed,
            engine=args.engine,
            devices=args.devices,
            imports=tuple(args.imports or ()),
            trust=args.trust,
        )
    report = upkeep.verify(
        args.cache,
        repair=args.repair,
        sample=args.sample,
        again=again,
        wait_s=args.wait,
        reporter=reporter,
    )
    console.result(report, lines(report), as_json=args.json)
    if report["damaged"] and not report["repaired"]:
        return DamagedError.exit_code
    is_other = (report.get("recompute") or {}).get("within") is False
    return OtherRowsError.exit_code if is_other else 0


def lines(report: Mapping[str, Any]) -> list[str]:
    """Return the report for people."""
    found = [line for damage in report["damaged"] for line in _damage(damage)]
    if report["repaired"]:
        found.append(f"repaired, commit {report['commit']}: {_lost(report)}")
    elif found:
        found += list(dict.fromkeys(f"to do: {d['do']}" for d in report["damaged"]))
    elif report["sample"] is not None:
        found.append(f"{_sample(report['sample'])} are as they were written")
    else:
        found.append(
            f"{_rows(report['rows'])} in {count(report['parts'], 'part')} are as they were written"
        )
    return found + _again(report)


def _damage(damage: Mapping[str, Any]) -> list[str]:
    older = ""
    if damage["commits"]:
        first, last = damage["commits"]
        older = f" (only older commits name it: {first}{'' if first == last else f' to {last}'})"
    said = [f"damaged {damage['what']} {damage['name']}: {damage['detail']}{older}"]
    if damage["rows_lost"] and damage["rows"]:
        spans = [str(a) if a == b else f"{a} to {b}" for a, b in damage["rows"]]
        more = ", …" if len(spans) > MOST_NAMED else ""
        said.append(f"  {_rows(damage['rows_lost'])} lost: {', '.join(spans[:MOST_NAMED])}{more}")
    if damage["images"]:
        named = [f"{image['source']}: {image['key']}" for image in damage["keys"][:MOST_NAMED]]
        more = ", …" if damage["images"] > len(named) else ""
        said.append(f"  {_images(damage['images'])} without: {', '.join(named)}{more}")
    return said


def _lost(report: Mapping[str, Any]) -> str:
    if all(damage["do"].endswith(PUTS_BACK) for damage in report["damaged"]):
        return "no rows were lost"
    if not report["rows_lost"]:
        return "no rows were lost; run bottleneck extract again"
    return (
        f"{_rows(report['rows_lost'])} lost; run bottleneck extract again, which computes "
        f"{_images(report['to_compute']) if report['to_compute'] else 'what is missing'}"
    )


def _rows(n: int) -> str:
    return count(n, "row")


def _images(n: int) -> str:
    return count(n, "image")


def _sample(sample: Mapping[str, int]) -> str:
    size = f"{sample['bytes'] / 1e6:.1f} of {sample['of_bytes'] / 1e6:.1f} MB"
    return f"{sample['files']} of {sample['of_files']} files ({size}), commits and recipes"


def _again(report: Mapping[str, Any]) -> list[str]:
    if "recompute" not in report:
        return []
    done = report["recompute"]
    if done is None:
        return ["nothing was computed again: repair the store first"]
    if not done["computed"]:
        return [f"nothing was computed again: {done['why']}"]
    means = {
        True: "this machine computes these rows",
        False: "this machine computes other rows",
        None: f"whether that is rounding is not known: {done['why']}",
    }[done["within"]]
    bound = "" if done["bound"] is None else f" (at most {done['bound']:.1e} is rounding)"
    return [
        f"{_rows(done['computed'])} computed again on {done['device']}: largest difference "
        f"{done['max_abs']:.1e}, relative {done['relative']:.1e}{bound}, smallest cosine "
        f"{done['cosine']:.6f}",
        means,
    ]


if __name__ == "__main__":
    sys.exit(console.run(main))
