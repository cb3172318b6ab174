"""Runs on their way into a bucket: a run that is not there whole lies apart from those that are.

It is written there, so none is shown that others cannot see. One whose upload was cut off or never
begun, by whatever, is brought up by the next command that asks which runs there are.
"""

from __future__ import annotations

import contextlib
import errno
import logging
from typing import TYPE_CHECKING

from bottleneck.core import copies, files
from bottleneck.core.errors import BottleneckError, DamagedError, UnavailableError
from bottleneck.store.bucket import CHUNK_BYTES, files_of

if TYPE_CHECKING:
    from pathlib import Path

    from bottleneck.store.bucket import Bucket

log = logging.getLogger(__name__)

ROOM = "unsent"  # of this machine alone
RECEIPT = "run.json"  # of a run: the last that is written


def send(bucket: Bucket, root: Path, name: str) -> Path:
    """Put a run's files where others look; return its folder, which is among the copies then.

    Parameters
    ----------
    root : the folder of a store's copies

    Raises
    ------
    FileExistsError
        When the name is taken there; the run is where it was.
    BottleneckError
        When it could not be put there; it is kept for `send_all`.
    """
    home, apart = root / "runs" / name, root / ROOM / name
    try:
        _put(bucket, name, apart)
    except FileNotFoundError:
        if not (home / RECEIPT).exists():
            raise
        return home  # another process of this machine sent it, and took it home
    except BottleneckError as error:
        what = f"the run is finished, but not in the bucket yet: {error.what}"
        do = "it is kept in the part cache: the next status, compare or inspect here sends it"
        raise type(error)(what, bucket.address.at(f"runs/{name}"), do) from error
    _come_home(apart, home)
    return home


def send_all(bucket: Bucket, root: Path) -> None:
    """Put there what earlier commands could not; what still cannot be is said."""
    for apart in sorted(path.parent for path in (root / ROOM).glob(f"*/{RECEIPT}")):
        name = apart.name
        if name.startswith(files.TEMPORARY_PREFIX):  # it is being written
            continue
        try:
            _put(bucket, name, apart)
        except FileNotFoundError:  # another process was faster
            continue
        except FileExistsError:
            log.warning(
                "a run %s of another machine is in %s: this machine's stays in %s/ of the part "
                "cache", name, bucket.address, ROOM,
            )  # fmt: skip
        except BottleneckError as error:
            log.warning("the run %s is not in %s yet: %s", name, bucket.address, error.what)
            if isinstance(error, UnavailableError):  # nor could those behind it be put there
                return
        else:
            _come_home(apart, root / "runs" / name)


def _put(bucket: Bucket, name: str, folder: Path) -> None:
    """Put files under names that are free; the receipt is the last, and decides.

    Raises
    ------
    FileNotFoundError
        When another process of this machine took the folder home meanwhile.
    """
    try:
        found = files_of(f"runs/{name}", folder)
    except DamagedError:
        if folder.exists():
            raise
        raise FileNotFoundError(errno.ENOENT, "sent already", str(folder)) from None
    last = f"runs/{name}/{RECEIPT}"
    sizes = {key: path.stat().st_size for key, path in found.items() if key != last}
    # The small ones first: they say that the name is taken before a large one is put there.
    for key in [*sorted(sizes, key=lambda key: sizes[key]), last]:
        if sizes.get(key, 0) > CHUNK_BYTES:
            bucket.upload(key, found[key])
        else:
            bucket.create(key, files.read(found[key]))


def _come_home(apart: Path, home: Path) -> None:
    """Put a run that was sent among the copies."""
    with contextlib.suppress(FileNotFoundError):  # another process was faster
        receipt = files.read(apart / RECEIPT)
        if (home / RECEIPT).exists() and files.read(home / RECEIPT) != receipt:
            copies.discard(home)  # of a run of that name that was deleted there
        try:
            files.move(apart, home)
        except FileExistsError:  # or has fetched what came there
            copies.discard(apart)
