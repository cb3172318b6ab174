"""A commit: the whole state of a store, and the bytes of its file in the log."""

from __future__ import annotations

import json
import re
import uuid
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Protocol

from bottleneck.core.errors import DamagedError, NoSpaceError
from bottleneck.core.sealed import check_seal, with_checksum
from bottleneck.core.strict_json import MAX_BYTES
from bottleneck.store.part import PartEntry
from bottleneck.store.snapshot import NEWEST_VERSION, SnapshotEntry
from bottleneck.store.table import ADVICE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_ID = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """The whole state of a store at one commit."""

    number: int = 0
    write_id: str = ""
    parent: str | None = None  # checksum of the commit before
    time: str = ""  # UTC, for people; nothing compares it
    format: str
    recipe: str  # id
    parts: tuple[PartEntry, ...] = ()
    sources: Mapping[str, SnapshotEntry] = field(default_factory=dict)
    actions: tuple[Mapping[str, Any], ...] = ()
    by: str = ""
    checksum: str = ""

    @property
    def version(self) -> int:
        """The format version that a program must know to read it: that of its snapshots."""
        return max((entry.version for entry in self.sources.values()), default=1)


class Action(Protocol):
    """What a commit does to the state that it finds, whichever that is by then."""

    def apply(self, state: State) -> State | None:
        """Return the state after it; None where there is nothing to do, or no more.

        Raises
        ------
        ConflictError, RecipeError
            When its precondition does not hold and the run cannot go on.
        """

    def to_json(self) -> dict[str, Any]:
        """Return the action as the commit records it."""


def next_commit(
    state: State, parent: State | None, actions: Sequence[Mapping[str, Any]], by: str
) -> State:
    """Return `state` as the commit after `parent`, with its checksum."""
    state = replace(
        state,
        number=parent.number + 1 if parent else 1,
        write_id=uuid.uuid4().hex,
        parent=parent.checksum if parent else None,
        time=datetime.now(UTC).isoformat(timespec="seconds"),
        actions=tuple(actions),
        by=by,
    )
    return replace(state, checksum=with_checksum(_to_json(state))["checksum"])


def commit_file(state: State) -> bytes:
    """Return the bytes of a commit's file.

    Raises
    ------
    NoSpaceError
        For more than would be read again: some 950,000 parts.
    """
    content = {**_to_json(state), "checksum": state.checksum}
    data = (json.dumps(content, indent=1, ensure_ascii=True) + "\n").encode()
    if len(data) > MAX_BYTES:
        what = f"{len(state.parts):,} parts are too many for one commit"
        raise NoSpaceError(what, "log", "run bottleneck gc: it makes large parts of small ones")
    return data


def read_commit(data: bytes, where: object) -> State:
    """Return the commit in a file's bytes; its checksum is computed anew.

    Raises
    ------
    DamagedError
        When its bytes are not the ones that were written.
    UsageError
        When a newer program wrote it.
    """
    plain = check_seal(data, where, ADVICE, newest_version=NEWEST_VERSION)
    try:
        state = _from_json(plain)
        if state.version != plain["format_version"]:
            raise ValueError(f"format version {plain['format_version']} does not fit its snapshots")
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DamagedError(f"not a commit ({error})", where, ADVICE) from error
    return state


def _to_json(state: State) -> dict[str, Any]:
    return {
        "format_version": state.version,
        "number": state.number,
        "write_id": state.write_id,
        "parent": state.parent,
        "time": state.time,
        "format": state.format,
        "recipe": state.recipe,
        "parts": [part.to_json() for part in state.parts],
        "sources": {name: entry.to_json() for name, entry in state.sources.items()},
        "actions": [dict(action) for action in state.actions],
        "by": state.by,
    }


def _from_json(plain: dict[str, Any]) -> State:
    """Return the commit of a JSON object; ValueError where its values are of other kinds."""
    texts = ("write_id", "time", "format", "by", "checksum")
    if not all(isinstance(plain[key], str) for key in texts):
        raise ValueError("a text that is none")
    if type(plain["number"]) is not int or plain["number"] < 1:
        raise ValueError(f"{plain['number']!r} is no number of a commit")
    # It names a file: anything but hexadecimal digits could lead elsewhere.
    if not _ID.fullmatch(plain["recipe"]) or not isinstance(plain["parent"], str | None):
        raise ValueError("a recipe or a parent that is no digest")
    return State(
        number=plain["number"],
        write_id=plain["write_id"],
        parent=plain["parent"],
        time=plain["time"],
        format=plain["format"],
        recipe=plain["recipe"],
        parts=tuple(PartEntry.from_json(part) for part in plain["parts"]),
        sources={n: SnapshotEntry.from_json(entry) for n, entry in plain["sources"].items()},
        actions=tuple(plain["actions"]),
        by=plain["by"],
        checksum=plain["checksum"],
    )
