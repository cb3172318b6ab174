"""How a source is read: which of its samples count, and what its kind can be told besides."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any

from bottleneck.core.errors import UsageError
from bottleneck.core.paths import from_json_text, to_json_text
from bottleneck.core.text import printable
from bottleneck.data.patterns import Patterns, make_patterns

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from bottleneck.core.option import Option


@dataclass(frozen=True, slots=True, kw_only=True)
class How:
    """How a source is read.

    Attributes
    ----------
    patterns : which keys count
    options : every option of the source's kind, with its value
    changed : those of them whose value is not the default; a source's record holds these alone,
        so that the record of a source that uses no new option stays what it was
    """

    patterns: Patterns = field(default_factory=Patterns)
    options: Mapping[str, Any] = field(default_factory=dict)
    changed: Mapping[str, Any] = field(default_factory=dict)

    def __getitem__(self, name: str) -> Any:
        return self.options.get(name)  # None where its kind has no such option

    def to_json(self) -> dict[str, Any]:
        """Return what a source's record holds of it."""
        return {**self.patterns.to_json(), **each_text(self.changed, to_json_text)}


def make_how(
    given: Mapping[str, Any] | None = None, options: Sequence[Option] = (), kind: str = ""
) -> How:
    """Return how a source of a kind with these options is read.

    Parameters
    ----------
    given : `include`, `exclude` and options by name; None is not given
    kind : what such a source is called, for the message about an option that it does not have

    Raises
    ------
    UsageError
        For an option that the kind does not have, or a value that it cannot take.
    """
    said = {name: value for name, value in (given or {}).items() if is_said(value)}
    patterns = make_patterns(said.pop("include", ()), said.pop("exclude", ()))
    known = {option.name: option for option in options}
    values = {name: option.default for name, option in known.items()}
    for name, told in said.items():
        if name not in known:
            raise UsageError(f"{kind} has no such option", f"--{name.replace('_', '-')}", "omit it")
        value = _spelled(told, is_repeated=known[name].is_repeated)
        if not known[name].check(value):
            raise UsageError(
                f"{value!r} cannot be used", known[name].flag, f"give {known[name].example}"
            )
        values[name] = value
    changed = {name: value for name, value in values.items() if value != known[name].default}
    return How(patterns=patterns, options=values, changed=changed)


def how_from_json(
    spec: Mapping[str, Any], told: Mapping[str, Any] | None, options: Sequence[Option], kind: str
) -> How:
    """Return how a recorded source is read, and is to be read from now on.

    With nothing told it is the inverse of `How.to_json`.

    Raises
    ------
    UsageError
        When the record has an option that is unknown here: a newer version wrote it.
    """
    recorded = {name: value for name, value in spec.items() if name not in ("kind", "where")}
    unknown = (
        set(recorded)
        - {option.name for option in options}
        - {each.name for each in fields(Patterns)}
    )
    if unknown:
        raise UsageError(
            f"{kind} has no option {min(unknown)!r} here",
            "the record of the source",
            "upgrade bottleneck-cache",
        )
    said = {name: value for name, value in (told or {}).items() if is_said(value)}
    return make_how(each_text(recorded, from_json_text) | said, options, kind)


def written(options: Mapping[str, Any]) -> Iterator[str]:
    """Yield the options of a source's record as they are written on a command line."""
    from shlex import quote  # noqa: PLC0415 - for messages alone

    for key, value in options.items():
        if key in ("kind", "where"):
            continue
        flag = key.replace("_", "-")
        if isinstance(value, bool):
            yield f"--{flag}" if value else f"--no-{flag}"
            continue
        for each in value if isinstance(value, list | tuple) else [value]:
            yield f"--{flag} {quote(printable(from_json_text(str(each))))}"


def is_said(value: Any) -> bool:
    """Whether a door was told this: it passes on every option, also those that nobody gave."""
    return value is not None and value not in ((), [])


def _spelled(value: Any, *, is_repeated: bool) -> Any:
    """Return a value that Python was told as the command line would: a record has one spelling."""
    if isinstance(value, os.PathLike):
        value = os.fsdecode(value)
    if isinstance(value, Mapping):
        value = ",".join(f"{key}={each}" for key, each in value.items())
    if is_repeated:
        several = [*value] if isinstance(value, list | tuple) else [value]
        return tuple(
            os.fsdecode(each) if isinstance(each, os.PathLike) else each for each in several
        )
    return tuple(value) if isinstance(value, list) else value


def each_text(values: Mapping[str, Any], text: Callable[[str], str]) -> dict[str, Any]:
    """Return the values with `text` applied to every text in them."""
    return {name: _one(value, text) for name, value in values.items()}


def _one(value: Any, text: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return text(value)
    if isinstance(value, list | tuple):
        return [_one(each, text) for each in value]
    return value
