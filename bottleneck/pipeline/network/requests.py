"""The warm map: which recipe a request meant when it was last asked.

`derived/requests.json` is a shortcut to what loading the network would give, never more: its key
is everything that the recipe is made from, the versions that spell it, and the stats of the files
that were read, as they were then: a file that changes while its rows are computed is another one.
A file so young that it could change again under the same stats is not entered.
"""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

from bottleneck.backbones import IDENTITY_VERSION
from bottleneck.core import files
from bottleneck.core.canonical import canonical_digest
from bottleneck.core.errors import DamagedError
from bottleneck.core.installed import installed_version
from bottleneck.core.paths import from_json_text, stat_row
from bottleneck.core.sealed import check_seal, with_checksum
from bottleneck.core.spare import spared
from bottleneck.data.scan import SLACK_NS
from bottleneck.pipeline.network.options import plain

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bottleneck.pipeline.network.options import NetworkOptions
    from bottleneck.store.store import Store

REQUESTS = "requests.json"


def lookup(store: Store, options: NetworkOptions) -> str | None:
    """Return the id of the recipe that this request meant, None where the map cannot tell."""
    entry: Mapping[str, Any] = _read_map(store).get(_key(options), {})
    stats: Mapping[str, Any] = entry.get("files", {})
    if any(file_stat(from_json_text(path)) != stat for path, stat in stats.items()):
        return None
    return entry.get("recipe")


def remember(
    store: Store, options: NetworkOptions, recipe_id: str, read: Mapping[str, str | None]
) -> None:
    """Enter what a request meant; where it cannot be written, that is said.

    Parameters
    ----------
    read : path of each file that was read → `file_stat` of it then
    """
    if None in read.values():
        return
    requests = _read_map(store)
    requests[_key(options)] = {"recipe": recipe_id, "files": dict(read)}
    content = with_checksum({"requests": requests})
    path = store.derived / REQUESTS
    with spared(path):
        files.replace(path, json.dumps(content, indent=1).encode())


def _key(options: NetworkOptions) -> str:
    return canonical_digest(
        {
            "options": plain(options),
            "identity": IDENTITY_VERSION,
            "keras": installed_version("keras"),
            "backend": os.environ.get("KERAS_BACKEND", "tensorflow"),
        }
    )


def file_stat(path: str, read_ns: int | None = None) -> str | None:
    """Return a file's stats as text (a time in nanoseconds is no exact float64), None if gone.

    With `read_ns`, the clock before it was read, None too where it may have changed since then
    (git calls such a file racy).
    """
    try:
        row = stat_row(os.stat(path))  # noqa: PTH116 - a path as it stands in the map
    except OSError:
        return None
    if read_ns is not None and row[2] >= read_ns - SLACK_NS:
        return None
    return " ".join(map(str, row))


def _read_map(store: Store) -> dict[str, Any]:
    """Return the request map, empty when it is missing or not as we wrote it: it is derived."""
    try:
        path = store.derived / REQUESTS
        return dict(check_seal(files.read(path), path, "it is made anew")["requests"])
    except (OSError, DamagedError, KeyError, TypeError, ValueError):
        return {}
