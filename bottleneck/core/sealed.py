"""JSON with a checksum, which holds the digests of the files beside it.

For files that no commit speaks for, and that must prove by themselves that they are what was
written: a run, which is read long after its store was collected, and what an engine keeps.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from bottleneck.core import files
from bottleneck.core.errors import DamagedError, UsageError
from bottleneck.core.recipe import canonical_digest
from bottleneck.core.strict_json import parse

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

FORMAT_VERSION = 1


def seal(content: Mapping[str, Any], folder: Path, names: Iterable[str]) -> bytes:
    """Return JSON of `content`, the digests of these files of the folder, and a checksum."""
    beside = {}
    for name in names:
        data = files.read(folder / name)
        beside[name] = [len(data), hashlib.sha256(data).hexdigest()]
    whole = {"format_version": FORMAT_VERSION, **content, "files": beside}
    whole["checksum"] = canonical_digest(whole)
    return (json.dumps(whole, indent=1, allow_nan=False) + "\n").encode()


def unseal(path: Path, advice: str) -> dict[str, Any]:
    """Return the content that was sealed, and its `files`.

    Parameters
    ----------
    advice : what to do where it is damaged

    Raises
    ------
    FileNotFoundError, NotADirectoryError
        When there is no such file.
    UsageError
        When a newer program wrote it.
    DamagedError
        When its bytes are not the ones that were written.
    """
    data = files.read(path)
    try:
        plain = parse(data)
        version = plain.pop("format_version")
        if isinstance(version, int) and version > FORMAT_VERSION:
            raise UsageError(
                f"has format version {version}, this program knows {FORMAT_VERSION}",
                path,
                "upgrade bottleneck-cache",
            )
        checksum = plain.pop("checksum")
        if canonical_digest({"format_version": version, **plain}) != checksum:
            raise ValueError("its bytes changed")
    # Nested too deep, or a number that is too large, for the canonical spelling: damage as well.
    except (ValueError, KeyError, TypeError, RecursionError, OverflowError) as error:
        raise DamagedError(f"not as it was written ({error})", path, advice) from error
    return plain


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
    file = path.parent / name
    try:
        n_bytes, digest = sealed["files"][name]
        data = files.read(file)
    except (KeyError, TypeError, ValueError) as error:
        raise DamagedError(f"says nothing of {name}", path, advice) from error
    except FileNotFoundError as error:
        raise DamagedError("is missing", file, advice) from error
    if len(data) != n_bytes or hashlib.sha256(data).hexdigest() != digest:
        raise DamagedError(f"not the bytes that {path.name} speaks of", file, advice)
    return data
