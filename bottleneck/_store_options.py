"""The options of feature stores that several commands share, defined once.

They stand apart from the others because `status` and its like are to start at once: nothing here
needs to know which networks, sources or engines there are.
"""

from __future__ import annotations

import os
from argparse import Action
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bottleneck.core import words
from bottleneck.core.errors import UsageError
from bottleneck.core.paths import local_path

if TYPE_CHECKING:
    import argparse
    from argparse import Namespace, _ArgumentGroup

    Options = argparse.ArgumentParser | _ArgumentGroup


class _PartCache(Action):
    """Names the folder to this process and to those that it starts."""

    def __call__(self, _: object, namespace: Namespace, values: Any, __: object = None) -> None:
        setattr(namespace, self.dest, values)
        os.environ["BOTTLENECK_PART_CACHE"] = str(local_path(values))


def store(text: str) -> Path:
    """Return the path of a store, or its address as a path.

    Raises
    ------
    UsageError
        For an address that names no bucket: as a path, `s3://` is a folder `s3:`; for no name.
    """
    if not text:
        raise UsageError("the name of a folder is empty", "the command", "name one; . is this one")
    if ":/" in text:
        from bottleneck.core.buckets import address  # noqa: PLC0415 - for buckets alone

        address(text)
    return Path(text)


def add_cache(to: Options, *, required: bool) -> None:
    """Add --cache."""
    default = "" if required else " Default: the only store in the folder cache/."
    to.add_argument(
        "--cache",
        type=store,
        required=required,
        metavar="FOLDER",
        help=f"Folder of the feature store, or its address in a bucket: s3://bucket/store.{default}",
    )
    add_part_cache(to)


def add_run(to: Options, what: str) -> None:
    """Add --run, for verbs that use a run; `what` is what for."""
    to.add_argument(
        "--run",
        metavar="RUN",
        help=f"{what}: its folder, its name where that is unique, or last: the newest one of the "
        "store.",
    )


def add_cache_of_run(to: Options, more: str = "") -> None:
    """Add --cache where it says whose run is named; `more` is what else it says."""
    to.add_argument(
        "--cache",
        type=store,
        metavar="FOLDER",
        help=f"Folder of the feature store whose run is meant{more}. Default: the only store in "
        "the folder cache/; for a run's name, all stores there.",
    )
    add_part_cache(to)


def add_part_cache(to: Options) -> None:
    """Add --part-cache, for verbs that may work on a store in a bucket."""
    to.add_argument(
        "--part-cache",
        type=store,
        action=_PartCache,
        metavar="FOLDER",
        help="Of a store in a bucket: where copies of what is read are kept on this disk, and what "
        "is derived. Default: BOTTLENECK_PART_CACHE, else a folder of the user's cache folder.",
    )


def add_all(to: Options, what: str) -> None:
    """Add --all, for verbs that work on several stores; `what` is what they do with them."""
    to.add_argument(
        "--all",
        type=Path,
        metavar="FOLDER",
        help=f"Folder of feature stores, such as cache/: {what} each store in it, with all of its "
        "data sources. Default: only what --cache names.",
    )


def add_source(to: Options) -> None:
    """Add --source, for verbs that work on a recorded source."""
    to.add_argument(
        "--source",
        metavar="NAME",
        help="Which data source of the store to use. Default: the only one; where there are "
        "several, one must be named.",
    )


def add_decisions(to: Options) -> None:
    """Add --decisions, for verbs that read labels."""
    to.add_argument(
        "--decisions",
        type=Path,
        metavar="FILE.csv",
        help="What you decided on the page of bottleneck inspect, which saves such a file: images "
        "that are dropped are left out, and images that are relabelled count as what you said. "
        "The images and the store stay as they are. Default: no decisions.",
    )


def add_wait(to: Options) -> None:
    """Add --wait."""
    to.add_argument(
        "--wait",
        type=words.duration,
        metavar="TIME",
        help="How long to wait for the store's lock while another run holds it, such as 90s, 10m "
        "or 2h. Default: do not wait, and end with exit code 75.",
    )
