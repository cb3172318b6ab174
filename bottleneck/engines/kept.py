"""What an engine keeps of a network, checked by digest: all of it can be made again.

`<folder>/<first 16 digits of the recipe>/` holds

    network.*, reference.safetensors, network.json
        the network, images with rows of it, and how those were checked
    compiled.blob, compiled.json
        the network as compiled on this machine, once its rows were seen to agree

A file that is not as its `.json` says, or was made for something else, is passed over and made
anew. Several runs may keep a network at once, and one may delete what another finds outdated: so
what is found here is given out as bytes that were read and checked, never as a path.
"""

from __future__ import annotations

import errno
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bottleneck.core import files
from bottleneck.core.errors import DamagedError, UsageError
from bottleneck.core.sealed import read_beside, seal, seal_bytes, unseal
from bottleneck.core.spare import spared

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

NETWORK, COMPILED = "network.json", "compiled.json"
REFERENCE = "reference.safetensors"
BLOB = "compiled.blob"
CHECK = "check"
VERSION = 3  # of how networks are copied and made: what an older one made is made anew
# What is kept here must not be what the next part of rows finds no room for.
ROOM_BYTES = 64 << 20
_ADVICE = "it is made anew"  # nobody sees it


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Reference:
    """Images (k, height, width, 3) uint8, float32 rows (k, …) of them, how those were checked."""

    images: NDArray[np.uint8]
    rows: NDArray[np.float32]
    check: str


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class KeptNetwork:
    """The files of a network, by name, and its reference."""

    files: dict[str, bytes]
    reference: Reference


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class KeptCompiled:
    """A compiled network, and how its rows were checked."""

    blob: bytes
    check: str


def _leave_room(folder: Path, n_bytes: int = 0) -> None:
    """Raise OSError where a part of rows would have no room beside `n_bytes` more of ours."""
    if shutil.disk_usage(folder).free < ROOM_BYTES + n_bytes:
        raise OSError(errno.ENOSPC, "no room beside the rows", str(folder))


class Kept:
    """The folder of one recipe; a folder of None keeps nothing."""

    def __init__(self, folder: Path | None, recipe: str) -> None:
        self._recipe = recipe
        self._path = None if folder is None else folder / recipe[:16]

    def network(self) -> KeptNetwork | None:
        """Return a network and its reference, or None to make them."""
        checked = self._checked(NETWORK, {})
        if checked is None or REFERENCE not in checked[0]:
            return None
        found, check = checked
        from safetensors.numpy import load  # noqa: PLC0415 - not for a compiled one

        tensors = load(found[REFERENCE])
        reference = Reference(images=tensors["images"], rows=tensors["rows"], check=check)
        return KeptNetwork(files=found, reference=reference)

    def keep_network(self, write: Callable[[Path], None], reference: Reference) -> None:
        """Keep a network; `write` puts its files into the folder that it is given.

        One that another run has kept meanwhile stays.
        """
        from safetensors.numpy import save  # noqa: PLC0415

        if self._path is None:
            return
        temporary = files.temporary_name(self._path.parent)
        # OpenVINO's own word for a file that it cannot write is a RuntimeError.
        with spared(self._path, RuntimeError):
            try:
                files.make_folder(temporary)
                write(temporary)
                _leave_room(temporary)
                tensors: dict[str, NDArray[Any]] = {
                    "images": reference.images,
                    "rows": reference.rows,
                }
                files.write_synced(temporary / REFERENCE, save(tensors))
                names = sorted(path.name for path in temporary.iterdir())
                content = {**self._made_for({}), CHECK: reference.check}
                files.replace(temporary / NETWORK, seal(content, temporary, names))
                if not self._is_as_good(reference.check):
                    files.delete(self._path)
                    files.publish(temporary, self._path)
            finally:  # a half that fills the disk would be in the way of the rows
                files.delete(temporary)

    def _is_as_good(self, check: str) -> bool:
        """Whether a network is kept already that was checked in the same way."""
        found = self._checked(NETWORK, {})
        return found is not None and found[1] == check

    def compiled(self, machine: Mapping[str, Any]) -> KeptCompiled | None:
        """Return what was compiled, and seen to agree, on just this machine."""
        found = self._checked(COMPILED, machine)
        if found is None or BLOB not in found[0]:
            return None
        return KeptCompiled(blob=found[0][BLOB], check=found[1])

    def keep_compiled(self, blob: bytes, machine: Mapping[str, Any], check: str) -> None:
        """Keep a compiled network, and how its rows were checked on this machine."""
        if self._path is None:
            return
        with spared(self._path / BLOB):
            files.make_folder(self._path)
            _leave_room(self._path, len(blob))
            files.replace(self._path / BLOB, blob)
            # Sealed from what is at hand: another machine may write its own in the same folder.
            content = {**self._made_for(machine), CHECK: check}
            sealed = seal_bytes(content, [(BLOB, blob)])
            files.replace(self._path / COMPILED, sealed)

    def _made_for(self, machine: Mapping[str, Any]) -> dict[str, Any]:
        return {"recipe": self._recipe, "machine": dict(machine), "version": VERSION}

    def _checked(
        self, name: str, machine: Mapping[str, Any]
    ) -> tuple[dict[str, bytes], str] | None:
        """Return the bytes of the files described, by their names, when all are as described.

        And how their rows were checked.
        """
        if self._path is None:
            return None
        path = self._path / name
        try:
            content = unseal(path, _ADVICE)
            made_for = self._made_for(machine)
            if {key: content.get(key) for key in made_for} != made_for:
                return None
            found = {
                one: read_beside(path, content, one, _ADVICE) for one in dict(content["files"])
            }
            return found, str(content[CHECK])
        except (OSError, DamagedError, UsageError, KeyError, TypeError, ValueError):
            return None
