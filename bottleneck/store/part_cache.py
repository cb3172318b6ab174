"""The part cache: copies on this disk of what stores in buckets hold, one folder a store.

Parts and snapshots never change, so a copy that is there is good for ever. They are made under
temporary names and checked before they get their own, so processes may share them. When there is
more than the bound, what was not used for longest is deleted; whoever has it mapped keeps it.

Beside the copies lie the files of this machine: the lock, the history, and what is derived. A file
in each folder says of which address it is a copy: what has none is no copy, and is left alone.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import time
from pathlib import Path
from typing import TYPE_CHECKING

from bottleneck.core import copies, files
from bottleneck.core.buckets import SERVERS
from bottleneck.core.errors import NoSpaceError, PermissionDeniedError, UsageError, from_os_error
from bottleneck.core.paths import absolute, at_home, local_path
from bottleneck.core.text import kept_below
from bottleneck.store.inventory import COPY_OF, size_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bottleneck.core.buckets import Address

FOLDER = "BOTTLENECK_PART_CACHE"  # what --part-cache sets
BOUND = "BOTTLENECK_PART_CACHE_SIZE"
USUAL_BOUND = 64 << 30
# What was used just now may be about to be opened, or to be uploaded: it stays, whatever the bound.
IN_USE_S = 600.0
# What of the environment says, before a server's address, which buckets are meant.
ACCOUNTS = {"az": ("AZURE_STORAGE_ACCOUNT_NAME",)}


def cache_folder() -> Path:
    """Return the folder of the part cache: named by the user, or below the user's cache folder."""
    named = os.environ.get(FOLDER)
    if named:
        return absolute(at_home(local_path(named)))
    base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return absolute(at_home(base)) / "bottleneck" / "parts"


def bound() -> int:
    """Return how many bytes of parts and snapshots are kept; UsageError for what is no size."""
    said = os.environ.get(BOUND)
    if not said:
        return USUAL_BOUND
    match = re.fullmatch(r"(\d+)([KMGT]?)B?", said.strip().upper())
    if not match:
        raise UsageError(f"{said!r} is no size", BOUND, "say 20G, for example")
    return int(match[1]) << {"": 0, "K": 10, "M": 20, "G": 30, "T": 40}[match[2]]


def check(root: Path) -> None:
    """Say before anything is fetched that copies could not be kept there.

    Parameters
    ----------
    root : the folder of a store's copies; it need not be there yet

    Raises
    ------
    UsageError
        When the bound is no size.
    PermissionDeniedError
        When what is there, or above, is no folder.
    """
    bound()
    there = next(path for path in (root, *root.parents) if os.path.lexists(path))
    if not there.is_dir():
        raise _cannot("no folder", there)


def make_folder(path: Path) -> None:
    """Make a folder of the part cache; PermissionDeniedError where that cannot be."""
    try:
        files.make_folder(path)
    except OSError as error:
        if isinstance(from_os_error(error), NoSpaceError):
            raise
        # No OSError: whoever finds no commit looks for another one.
        raise _cannot(str(error.strerror), Path(kept_below(str(path)) or path)) from error


def _cannot(why: str, where: Path) -> PermissionDeniedError:
    do = f"name another folder: --part-cache, or {FOLDER}"
    return PermissionDeniedError(f"the part cache cannot be there ({why})", where, do)


def folder_of(place: Address) -> Path:
    """Return the folder of one store's copies: by the address, and by the server that is meant."""
    names = (*ACCOUNTS.get(place.scheme, ()), *SERVERS[place.scheme])
    meant = next(filter(None, (os.environ.get(name) for name in names)), "")
    identity = hashlib.sha256(f"{place}\0{meant}".encode()).hexdigest()[:16]
    plain = re.sub(r"[^A-Za-z0-9]+", "-", place.prefix.rpartition("/")[2])[:40].strip("-")
    return cache_folder() / f"{plain or place.bucket}-{identity}"


def make(root: Path, place: Address, folder: Path | None = None) -> None:
    """Make the folder of one store's copies, and one in it; `make_folder` says what is raised."""
    marker = root / COPY_OF
    if not marker.exists():
        make_folder(root)
        files.replace(marker, str(place).encode())
    make_folder(folder or root)


def use(path: Path) -> bool:
    """Note that a copy is used now; return whether there is one."""
    try:
        copies.set_age(path, time.time())
    except FileNotFoundError:
        return False
    except OSError:  # a part cache that is read-only, say: it is older then
        pass
    return True


def room(root: Path) -> int:
    """Return how many bytes may come before there is more than the bound; below 0 if there is."""
    return bound() - sum(n_bytes for _, n_bytes, _ in _copies(root.parent))


def evict(keep: Path, *, room_for: int = 0) -> None:
    """Delete what was not used for longest, until no more is left than the bound allows.

    Parameters
    ----------
    keep : the folder of a store: the others are beside it
    room_for : bytes that are about to come
    """
    most, found = bound() - room_for, sorted(_copies(keep.parent))
    left = sum(n_bytes for _, n_bytes, _ in found)
    for used, n_bytes, path in found:
        if left <= most or used > time.time() - IN_USE_S:
            return
        with contextlib.suppress(OSError):
            copies.discard(path)
        left -= n_bytes


def _copies(folder: Path) -> Iterator[tuple[float, int, Path]]:
    """Yield when each copy was used last, its bytes, and where it is."""
    for marker in folder.glob(f"*/{COPY_OF}"):
        for room in ("parts", "snapshots"):
            for path in (marker.parent / room).glob("*"):
                with contextlib.suppress(FileNotFoundError):
                    yield path.lstat().st_mtime, size_of(path), path
