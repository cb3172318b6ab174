"""Files that are damaged beyond use and that only older commits name, recorded as such.

A commit is never written again, so one that names a damaged table names it for ever. A repair puts
what is good in the newest commit and says in it which files it gave up. Whoever checks the store
then passes over them; whoever opened an older commit is told of the damage when they touch it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bottleneck.store.commit import State


@dataclass(frozen=True, slots=True)
class GiveUp:
    """Record files (`parts/NAME`, `snapshots/NAME`, `recipes/NAME`) as damaged beyond use."""

    files: tuple[str, ...]

    def apply(self, state: State) -> State:
        """Return the state as it is: the record is all."""
        return state

    def to_json(self) -> dict[str, Any]:
        """Return the action as the commit records it."""
        return {"action": "give up", "files": list(self.files)}


def given_up(states: Iterable[State]) -> set[str]:
    """Return the files that these commits gave up."""
    found: set[str] = set()
    for state in states:
        for action in state.actions:
            if action.get("action") == "give up":
                found |= {str(name) for name in action.get("files", ())}
    return found
