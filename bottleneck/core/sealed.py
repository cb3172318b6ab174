"""Checksummed JSON: it proves by itself that its bytes are the ones that were written.

Commits, recipes, lines of the history and what is derived hold a `checksum` over all their other
keys (`with_checksum`, `check_seal`). A run, which is read long after its store was collected, and
what an engine keeps also hold the digests of the files beside them (`seal`, `unseal`,
`read_beside`).
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from bottleneck.core import files
from bottleneck.core.canonical import canonical_digest
from bottleneck.core.errors import DamagedError, UsageError
from bottleneck.core.regular import MOST_BYTES, NotAFileError
from bottleneck.core.strict_json import MAX_BYTES, parse

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

FORMAT_VERSION = 1


def with_checksum(content: Mapping[str, Any]) -> dict[str, Any]:
    """Return the content and the digest of its canonical spelling, under the key `checksum`."""
    return {**content, "checksum": canonical_digest(dict(content))}


def check_seal(
    data: bytes, where: object, advice: str, *, newest_version: int | None = None
) -> dict[str, Any]:
    """Return the JSON object in `data`, `checksum` included, which was computed anew.

    Parameters
    ----------
    advice : what to do where it is damaged
    newest_version : the newest `format_version` that this program knows; None where it has none

    Raises
    ------
    UsageError
        When a newer program wrote it.
    DamagedError
        When its bytes are not the ones that were written.
    """
    try:
        whole = parse(data)
        if newest_version is not None:
            _check_version(whole["format_version"], newest_version, where)
        rest = {key: value for key, value in whole.items() if key != "checksum"}
        if canonical_digest(rest) != whole["checksum"]:
            raise ValueError("its bytes changed")
    # Nested too deep, or a number that is too large, for the canonical spelling: damage as well.
    except (ValueError, KeyError, TypeError, RecursionError, OverflowError) as error:
        raise DamagedError(f"not as it was written ({error})", where, advice) from error
    return whole


def _check_version(version: object, newest: int, where: object) -> None:
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        raise ValueError(f"{version!r} is no format version")
    if version > newest:
        raise UsageError(
            f"has format version {version}, this program knows {newest}",
            where,
            "upgrade bottleneck-cache",
        )


def read_own(path: Path, advice: str, most_bytes: int = MAX_BYTES) -> bytes:
    """Return the bytes of a file that we wrote.

    Raises
    ------
    FileNotFoundError, NotADirectoryError
        When there is none.
    DamagedError
        When its name leads to anything but a regular file: a pipe, a device, a folder, a link.
        The bytes behind a link are not the bytes that were written.
    """
    try:
        return files.read(path, most_bytes=most_bytes, follow=False)
    except NotAFileError as error:
        raise DamagedError(str(error.strerror), path, advice) from error


def seal(content: Mapping[str, Any], folder: Path, names: Iterable[str]) -> bytes:
    """Return JSON of `content`, the digests of these files of the folder, and a checksum."""
    return seal_bytes(content, ((name, files.read(folder / name)) for name in names))


def seal_bytes(content: Mapping[str, Any], written: Iterable[tuple[str, bytes]]) -> bytes:
    """Return the same of files, by name, whose bytes are at hand: nobody else's are sealed."""
    beside = {name: [len(data), hashlib.sha256(data).hexdigest()] for name, data in written}
    whole = with_checksum({"format_version": FORMAT_VERSION, **content, "files": beside})
    return (json.dumps(whole, indent=1, allow_nan=False) + "\n").encode()


def unseal(path: Path, advice: str) -> dict[str, Any]:
    """Return the content that was sealed at `path`, and its `files`.

    Raises
    ------
    FileNotFoundError, NotADirectoryError
        When there is no such file.
    UsageError, DamagedError
        As `check_seal` does.
    """
    data = read_own(path, advice)
    whole = check_seal(data, path, advice, newest_version=FORMAT_VERSION)
    return {key: value for key, value in whole.items() if key not in {"format_version", "checksum"}}


def read_beside(path: Path, sealed: Mapping[str, Any], name: str, advice: str) -> bytes:
    """Return a file that the sealed JSON at `path` speaks for; every byte is checked.

    Parameters
    ----------
    advice : what to do where it is damaged

    Raises
    ------
    DamagedError
        When it is missing, or its bytes are not the ones that were written.
    """
    file = path.parent / _plain_name(name, path, advice)
    try:
        n_bytes, digest = sealed["files"][name]
        if type(n_bytes) is not int or not 0 <= n_bytes <= MOST_BYTES:
            raise ValueError(f"{n_bytes!r} is no number of bytes")
        data = read_own(file, advice, n_bytes)
    except (KeyError, TypeError, ValueError) as error:
        raise DamagedError(f"says nothing of {name}", path, advice) from error
    except FileNotFoundError as error:
        raise DamagedError("is missing", file, advice) from error
    if len(data) != n_bytes or hashlib.sha256(data).hexdigest() != digest:
        raise DamagedError(f"not the bytes that {path.name} speaks of", file, advice)
    return data


def _plain_name(name: str, path: Path, advice: str) -> str:
    """Return a name that lies beside the file that speaks of it; anything else is damage."""
    if not name or name in {".", ".."} or {"/", "\\", "\0"} & set(name):
        raise DamagedError(f"{name!r} is no file beside it", path, advice)
    return name
