"""The commands that make a run again, as they are typed."""

from __future__ import annotations

from shlex import quote
from typing import TYPE_CHECKING, Any

from bottleneck import backbones
from bottleneck.core.errors import UsageError
from bottleneck.core.paths import from_json_text
from bottleneck.core.text import printable
from bottleneck.data.catalog import NAMED, PATHS
from bottleneck.data.how import written

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from bottleneck.store.store import Store


KINDS_WITH_DATA = {*NAMED, *PATHS}


def extract_command(store: Store, source: str, cache: str) -> str | None:
    """Return the command that fills a store with the rows of a source, where there is no store yet.

    None for images that were handed over from Python.
    """
    spec = store.snapshot(source).spec
    kind = spec["kind"]
    if kind not in KINDS_WITH_DATA:
        return None
    data = kind if kind in NAMED else from_json_text(str(spec["where"]))
    words = ["bottleneck extract", f"--data {_quoted(data)}", f"--source {_quoted(source)}"]
    words += written(spec)
    request = dict(store.about.get("request") or {})
    if _is_default(request):
        request["weights"] = None
    # `bfloat16/openvino` is what the store says of the word `bfloat16`.
    request["compute"] = (request.get("compute") or "").partition("/")[0] or None
    words += _options(request)
    return " ".join([*words, f"--format {store.format}", f"--cache {_quoted(cache)}"])


def train_command(cache: str, asked: Mapping[str, Any], head_options: Mapping[str, Any]) -> str:
    """Return the command that trains the same head on the same rows.

    Parameters
    ----------
    asked : what training was asked for, by name; None is not asked
    head_options : what the head was told, by name; None is not told
    """
    words = ["bottleneck train", f"--cache {_quoted(cache)}"]
    return " ".join([*words, *_options(asked), *_options(head_options)])


def _is_default(request: Mapping[str, Any]) -> bool:
    """Whether a network's weights are those that it has by default."""
    try:
        return bool(backbones.catalog.spec(request["backbone"]).weights == request["weights"])
    except (KeyError, UsageError):
        return False


def _options(values: Mapping[str, Any]) -> Iterator[str]:
    """Yield options as they are written: True is --name, False --no-name, several have commas."""
    for name, value in values.items():
        flag = f"--{name.replace('_', '-')}"
        if value is None:
            continue
        if isinstance(value, bool):
            yield flag if value else flag.replace("--", "--no-", 1)
            continue
        if isinstance(value, list | tuple):
            between = "x" if name == "size" else ","
            value = between.join(map(str, value)) or "none"
        yield f"{flag} {_quoted(from_json_text(str(value)))}"


def _quoted(text: str) -> str:
    return quote(printable(text))
