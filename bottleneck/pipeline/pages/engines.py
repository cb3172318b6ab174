"""What computed a store's rows, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bottleneck.store.store import Store


def engines(store: Store) -> list[str]:
    """Return engine, version and device of every part, each once, and where it was unchecked."""
    found = []
    for part in store.parts:
        said = part.provenance
        engine, backend = said.get("engine"), said.get("backend")
        library = backend or engine
        version = " ".join(str(it) for it in (library, said.get(str(library))) if it)
        engine = f"{engine} ({version})" if backend else version
        unchecked = ", unchecked" if str(said.get("check")).startswith("unchecked") else ""
        found.append(f"{engine} on {said.get('device')}{unchecked}")
    return sorted(set(found))
