"""Every durable effect on a disk: nothing else in the package writes, renames or deletes.

The method. Data is written aside under a temporary name, made durable with fsync, and then
given its name in one step that either happens whole or not at all; the folder that holds the
name is made durable last. What has a name is never written to again. Three ways to give a name:

- `create`, `publish_bytes`, `new_file`: one file, and fail when the name exists (`os.link`,
  because `rename` would replace what somebody else put there meanwhile). Commits rest on `create`.
- `publish`: a file or folder under a name that is unique by construction (`rename`).
- `replace`: for derived files, which may be overwritten because nothing rests on them, and for a
  user's file that the user said may be.

Tests break things here: they patch this module's `os`.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import shutil
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bottleneck.core.regular import open_regular
from bottleneck.core.regular import read as read

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    Buffer = bytes | memoryview

TEMPORARY_PREFIX = "tmp-"
# What file systems without hard links answer (FAT: EPERM; some network mounts: the others).
_NO_LINKS = {errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK}

# And what those answer that have no fsync on folders.
_NO_SYNC = {errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS}


class NoHardLinksError(OSError):
    """The file system has no hard links, so `create` cannot be exclusive by itself."""


def temporary_name(folder: Path, suffix: str = "") -> Path:
    """Return an unused name in `folder` that readers ignore and gc may delete."""
    return folder / f"{TEMPORARY_PREFIX}{uuid.uuid4().hex}{suffix}"


def make_folder(path: Path, *, is_temporary: bool = False) -> None:
    """Make a folder and its parents, durably (below a temporary name `publish` does that)."""
    missing = []
    while not path.exists():
        missing.append(path)
        path = path.parent
    for folder in reversed(missing):
        with contextlib.suppress(FileExistsError):  # another process was faster
            os.mkdir(folder)  # noqa: PTH102 - tests patch `os` here
        if not is_temporary:
            sync_folder(folder.parent)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable, where the system can do that (Windows cannot)."""
    try:
        handle = os.open(folder, os.O_RDONLY)
    except OSError:
        if os.name == "nt":
            return
        raise
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in _NO_SYNC:
            raise
    finally:
        os.close(handle)


def sync_file(path: Path) -> None:
    """Make the content of a file durable."""
    handle = os.open(path, os.O_RDWR if os.name == "nt" else os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_synced(path: Path, data: bytes | Iterable[Buffer]) -> list[Any]:
    """Write a new file, make its content durable, and see that it is what was meant.

    Its name is not durable yet. `data` may come in pieces. Every answer of the system is looked at,
    and the file is read back: one that answers well and keeps something else is found out while the
    data can still be made again. Returns `[bytes, sha256]` of what was meant.
    """
    meant, n_bytes = hashlib.sha256(), 0
    with _named(path):
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
        try:
            for piece in (data,) if isinstance(data, bytes) else data:
                meant.update(piece)
                n_bytes += _write_all(handle, memoryview(piece))
            os.fsync(handle)
            if hasattr(os, "posix_fadvise"):  # what is read back should come from the disk
                os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)
        finally:
            os.close(handle)
    with path.open("rb", buffering=0) as file:
        found = hashlib.file_digest(file, "sha256").digest()
        if (file.tell(), found) != (n_bytes, meant.digest()):
            raise OSError(errno.EIO, "what is read back is not what was written", str(path))
    return [n_bytes, meant.hexdigest()]


@contextlib.contextmanager
def _named(path: Path) -> Iterator[None]:
    """Give the errors of calls on a handle the file's name, or the folder of a temporary one."""
    try:
        yield
    except OSError as error:
        if error.filename is None:
            ours = [p for p in (path, *path.parents) if p.name.startswith(TEMPORARY_PREFIX)]
            error.filename = str(ours[-1].parent if ours else path)
        raise


def _write_all(handle: int, data: memoryview) -> int:
    """Write all of it, however little the system takes at once; return its size."""
    left = data
    while len(left):
        n_taken = os.write(handle, left)
        if n_taken == 0:
            raise OSError(errno.EIO, "the system takes no more bytes")
        left = left[n_taken:]
    return len(data)


@contextlib.contextmanager
def _synced_temporary(folder: Path, data: bytes) -> Iterator[Path]:
    path = temporary_name(folder)
    try:
        write_synced(path, data)
        yield path
    finally:
        with contextlib.suppress(OSError):
            os.unlink(path)  # noqa: PTH108 - tests patch `os` here


def create(path: Path, data: bytes) -> None:
    """Create a file with this content, whole and durable, if and only if the name is free.

    Raises
    ------
    FileExistsError
        When the name exists. Then nothing was changed.
    NoHardLinksError
        When the file system has no hard links; see `create_under_lock`.
    """
    with _synced_temporary(path.parent, data) as temporary:
        try:
            os.link(temporary, path)
        except FileExistsError:
            raise
        except OSError as error:
            if error.errno in _NO_LINKS:
                raise NoHardLinksError(error.errno, "no hard links here", str(path)) from error
            raise
    sync_folder(path.parent)


def create_under_lock(path: Path, data: bytes) -> None:
    """Do what `create` does where there are no hard links; the caller must hold a lock."""
    with _synced_temporary(path.parent, data) as temporary:
        if path.exists():
            raise FileExistsError(errno.EEXIST, "name exists", str(path))
        os.rename(temporary, path)  # noqa: PTH104 - tests patch `os` here
    sync_folder(path.parent)


def publish(temporary: Path, path: Path, *, are_files_synced: bool = False) -> None:
    """Give a finished file or folder, already under a temporary name, its unique name, durably.

    Syncs the file, or all files and folders below, before the rename, and the parent after it;
    files that `write_synced` wrote are synced. What stands there already is an error.
    """
    if temporary.is_dir():
        for folder, _, names in os.walk(temporary, topdown=False):
            for name in () if are_files_synced else names:
                sync_file(Path(folder) / name)
            sync_folder(Path(folder))
    elif not are_files_synced:
        sync_file(temporary)
    if path.exists():
        raise FileExistsError(errno.EEXIST, "name exists", str(path))
    os.rename(temporary, path)  # noqa: PTH104 - tests patch `os` here
    sync_folder(path.parent)


def _take_name(temporary: Path, path: Path) -> None:
    """Give a finished file a name that the user chose; what stands there already stays.

    Looking first and renaming then would replace a file that appears in between. Where there are
    no hard links the name is claimed with an empty file, which the rename then replaces: a crash
    just between the two leaves that empty file, and never replaces another one.
    """
    try:
        os.link(temporary, path)
    except FileExistsError as error:
        raise FileExistsError(errno.EEXIST, "name exists", str(path)) from error
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666))
        try:
            os.replace(temporary, path)  # noqa: PTH105 - tests patch `os` here
        except OSError:
            os.unlink(path)  # noqa: PTH108 - tests patch `os` here
            raise
    else:
        os.unlink(temporary)  # noqa: PTH108 - tests patch `os` here
    sync_folder(path.parent)


def publish_bytes(path: Path, data: bytes) -> None:
    """Give a new file of the user's its name, whole and durable; FileExistsError where it is."""
    with _synced_temporary(path.parent, data) as temporary:
        _take_name(temporary, path)


def publish_chunks(path: Path, chunks: Iterable[bytes]) -> None:
    """Do what `publish_bytes` does for bytes that come piece by piece."""
    with new_file(path) as temporary, open(temporary, "xb") as file:  # noqa: PTH123 - exclusive
        for chunk in chunks:
            file.write(chunk)


@contextlib.contextmanager
def new_file(path: Path) -> Iterator[Path]:
    """Give a temporary name beside `path` to write a user's new file under, with the same end.

    Where the block ends well, the file has its name, whole and durable; else nothing is there. What
    stands there already is an error.
    """
    temporary = temporary_name(path.parent, path.suffix)
    try:
        yield temporary
        sync_file(temporary)
        _take_name(temporary, path)
    finally:
        delete(temporary)


def replace(path: Path, data: bytes) -> None:
    """Put a file that may be overwritten in place, whole or not at all; whoever is last wins."""
    make_folder(path.parent)
    with _synced_temporary(path.parent, data) as temporary:
        os.replace(temporary, path)  # noqa: PTH105 - tests patch `os` here


def append_line(path: Path, line: bytes) -> None:
    """Append one line in one write, durably. Lines of two writers do not mix on a local disk.

    A last line that was cut off gets its end first: it must not swallow this one.
    """
    with _named(path):
        handle = open_regular(
            path, os.O_RDWR | os.O_APPEND | os.O_CREAT, follow=False, opened=os.open
        )
        try:
            size = os.lseek(handle, 0, os.SEEK_END)
            is_torn = size > 0 and os.pread(handle, 1, size - 1) != b"\n"
            data = b"\n" * is_torn + line + b"\n"
            if os.write(handle, data) != len(data):
                raise OSError(errno.ENOSPC, "a line was cut off")
            os.fsync(handle)
        finally:
            os.close(handle)
    if not size:
        sync_folder(path.parent)


def move(path: Path, target: Path) -> None:
    """Move a file aside, durably, where `target` is free; the caller must hold a lock.

    It has one name or the other, whenever the power fails.
    """
    make_folder(target.parent)
    if target.exists():
        raise FileExistsError(errno.EEXIST, "name exists", str(target))
    os.rename(path, target)  # noqa: PTH104 - tests patch `os` here
    sync_folder(target.parent)
    sync_folder(path.parent)


def delete(path: Path) -> None:
    """Delete a file or a folder with all that is in it; what is gone already is no error."""
    with contextlib.suppress(FileNotFoundError):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            os.unlink(path)  # noqa: PTH108 - tests patch `os` here
