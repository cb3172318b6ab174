"""Paths as values: how they stand in JSON, what people see of them, what a stat says."""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path

from bottleneck.core.errors import UsageError
from bottleneck.core.text import as_known

Stat = tuple[int, int, int, int]  # size in bytes, mtime_ns, ctime_ns, inode
_ON_WINDOWS = os.name == "nt"
_HEX = "hex:"
# `s3://bucket/x`, which is `s3:/bucket/x` once it is a Path. One letter is a drive of Windows.
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):/+")
_NEARLY = re.compile(r"(?!(s3|gs|az):/)\s*(?i:(s3|gs|az)):.")  # s3:bucket, S3://bucket, " s3://b"


def local_path(path: Path | str) -> Path:
    """Return a path on this machine.

    Raises
    ------
    UsageError
        For `scheme://…`, which would otherwise name a local folder `scheme:`, and for what is
        nearly the address of a bucket.
    """
    text = os.fspath(path)
    nearly = _NEARLY.match(text)
    if nearly:
        do = f"write {nearly[2].lower()}://BUCKET/PREFIX; of a folder, its whole path"
        raise UsageError("no address of a bucket", text, do)
    scheme = _SCHEME.match(text)
    if scheme:
        address = f"{scheme[1]}://{text[scheme.end() :]}"
        raise UsageError(
            f"addresses that begin with {scheme[1]}:// are not supported",
            address,
            "give a path on this machine",
        )
    return Path(text)


def stat_row(stat: os.stat_result) -> Stat:
    """Return what change detection compares.

    On Windows ctime is the creation time and listings have no inode: there mtime serves, and
    the inode is 0.
    """
    if _ON_WINDOWS:
        return stat.st_size, stat.st_mtime_ns, stat.st_mtime_ns, 0
    return stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_ino


def check_free(
    path: Path, *, may_replace: bool = False, advice: str = "choose another name, or delete it"
) -> None:
    """Say early that a new file of the user's could not be made there.

    Parameters
    ----------
    may_replace : whether a plain file there may be replaced; nothing else ever is
    advice : what to do about a name that is taken

    Raises
    ------
    UsageError
        When the name is taken, its folder is not there, or it is an address of another kind.
    """
    local_path(path)
    if may_replace and os.path.lexists(path) and not stat.S_ISREG(os.lstat(path).st_mode):
        raise UsageError("is no plain file, which alone is replaced", path, "choose another name")
    if not may_replace and os.path.lexists(path):
        raise UsageError("exists", path, advice)
    if not path.parent.is_dir():
        raise UsageError("no such folder", path.parent, "make it first")


def to_json_text(text: str) -> str:
    """Return a path or pattern as text that UTF-8 can hold: as it is, or `hex:` and its bytes."""
    try:
        text.encode()
    except UnicodeEncodeError:  # a name that is not UTF-8, as Python spells it
        return _HEX + os.fsencode(text).hex()
    return _HEX + text.encode().hex() if text.startswith(_HEX) else text


def from_json_text(text: str) -> str:
    """Return the path or pattern; the inverse of `to_json_text`."""
    return os.fsdecode(bytes.fromhex(text[len(_HEX) :])) if text.startswith(_HEX) else text


def absolute(path: Path) -> Path:
    """Return the path from the root, `..` taken away, links left as they are.

    Raises
    ------
    UsageError
        For a path relative to a current folder that was deleted.
    """
    try:
        return Path(os.path.abspath(path))  # noqa: PTH100 - resolve() would follow links
    except FileNotFoundError as error:
        raise UsageError(
            "the current folder was deleted", path, "change to another one, or give a whole path"
        ) from error


def at_home(path: Path | str) -> Path:
    """Return a path with `~` spelled out; UsageError where nobody says what the home folder is."""
    try:
        return Path(path).expanduser()
    except RuntimeError as error:
        raise UsageError(
            "no home folder is known", path, "set HOME, or give a whole path"
        ) from error


def shown(path: Path | str) -> str:
    """Return a path, or a name, as people see it; its bytes need not be UTF-8."""
    from bottleneck.core.sample import show_key  # noqa: PLC0415 - numpy; --help does without

    return show_key(os.fsencode(as_known(os.fspath(path))))


def keras_home() -> Path:
    """Return the folder where Keras keeps its downloads: `KERAS_HOME`, else `~/.keras`."""
    return absolute(at_home(os.environ.get("KERAS_HOME") or "~/.keras"))
