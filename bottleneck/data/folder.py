"""Class folders: ROOT/CLASS/…, ROOT/SPLIT/CLASS/…, or a flat folder of unlabelled images.

What is what is said in `layout`.

Links. A link to a file is followed while it leads to a regular file inside the root; links to
folders are never followed (so there are no loops), and nothing outside the root is read, also
not when a folder turns into a link after it was listed.
"""

from __future__ import annotations

import errno
import os
from array import array
from bisect import bisect_left
from typing import TYPE_CHECKING, Any

import numpy as np

from bottleneck.core.errors import DataError, from_os_error
from bottleneck.core.paths import absolute, shown, stat_row
from bottleneck.core.sample import key_array
from bottleneck.data.catalog import described
from bottleneck.data.endings import EXTENSIONS
from bottleneck.data.how import How
from bottleneck.data.layout import assign, in_words
from bottleneck.data.reading import read_file
from bottleneck.data.source import SKIPPED, Listing, Read, spec_of

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from numpy.typing import NDArray

    from bottleneck.data.patterns import Patterns

_Block = tuple[bytes, list[bytes], "NDArray[np.int64]"]  # a folder with "/", names, stats


class FolderSource:
    """A folder of images. `list` costs a walk with one stat a file; `read` opens one file."""

    def __init__(self, root: Path, how: How | None = None) -> None:
        self.root = absolute(root)
        self.how = how or How()
        self._keys: NDArray[np.bytes_] = key_array([])

    @property
    def name(self) -> str:
        """The folder's name."""
        return shown(self.root.name) or "root"

    @property
    def spec(self) -> dict[str, Any]:
        """See `Source.spec`; `where` is the absolute path."""
        return spec_of("folder", self.root, self.how)

    def exists(self) -> bool:
        """Whether the folder is there."""
        return self.root.is_dir()

    def list(self) -> Listing:
        """See `Source.list`."""
        try:
            before = self.root.stat()
            blocks, skipped = _walk(os.fsencode(self.root), self.how.patterns)
            after = self.root.stat()
        except (FileNotFoundError, NotADirectoryError) as error:
            raise self._not_there() from error
        except OSError as error:
            raise from_os_error(error) or error from error
        if (before.st_dev, before.st_ino) != (after.st_dev, after.st_ino):
            raise DataError("the folder went away while it was listed", self._where, "run again")
        if not blocks:
            raise DataError(
                "no images" + in_words(skipped), self._where, "give a folder that holds images"
            )
        counts = [len(names) for _, names, _ in blocks]
        splits, labels, classes = assign([prefix for prefix, _, _ in blocks], self._where)
        keys = key_array(prefix + name for prefix, names, _ in blocks for name in names)
        self._keys = keys  # one assignment: readers of the listing before see all or nothing
        return Listing(
            keys=keys,
            labels=np.repeat(np.array(labels, np.int32), counts),
            splits=np.repeat(np.array(splits, np.uint8), counts),
            classes=classes,
            stats=np.concatenate([stats for _, _, stats in blocks]),
            skipped=skipped,
            device=before.st_dev,
        )

    def read(self, index: int) -> Read:
        """See `Source.read`: one open, one read of all bytes."""
        root = os.path.realpath(os.fsencode(self.root))
        path = os.path.realpath(os.path.join(root, bytes(self._keys[index])))  # noqa: PTH118 - bytes
        if not _is_inside(path, root):
            raise OSError(errno.ELOOP, "a link leads out of the source", path)
        return read_file(path)

    @property
    def _where(self) -> str:
        return shown(self.root)

    def _not_there(self) -> DataError:
        if self.root.exists():
            return DataError(
                "neither a folder nor a file of a kind that is known by its ending",
                self._where,
                f"give {described()}",
            )
        return DataError(
            "no such folder", self._where, "give a folder of class folders, or --data digits"
        )


def _is_inside(path: bytes, root: bytes) -> bool:
    return path.startswith(root.rstrip(b"/") + b"/")


def _walk(root: bytes, patterns: Patterns) -> tuple[list[_Block], dict[str, int]]:
    """Return the images below `root` in the order of their keys, and what was left alone.

    Within a folder the names are sorted, folders counting with their "/"; so walking in that
    order gives all keys in order, without ever sorting them all.
    """
    skipped = dict.fromkeys(SKIPPED, 0)
    real = os.path.realpath(root)
    blocks: list[_Block] = []
    stack: list[bytes | _Block] = [b""]
    while stack:
        item = stack.pop()
        if not isinstance(item, bytes):
            blocks.append(item)
            continue
        try:
            names, stats, folders = _scan(os.path.join(root, item), real, skipped)  # noqa: PTH118 - bytes
        except (FileNotFoundError, NotADirectoryError):
            if not item:
                raise
            continue  # it was there a moment ago
        if patterns:
            kept = [i for i, name in enumerate(names) if patterns.keeps(item + name)]
            skipped["excluded"] += len(names) - len(kept)
            names, stats = [names[i] for i in kept], stats[kept]
        found: list[bytes | _Block] = []
        start = 0
        for folder in sorted(folders):
            end = bisect_left(names, folder, start)
            found += [(item, names[start:end], stats[start:end]), item + folder]
            start = end
        found.append((item, names[start:], stats[start:]))
        stack += [f for f in reversed(found) if isinstance(f, bytes) or f[1]]
    return blocks, skipped


def _scan(
    path: bytes, root: bytes, skipped: dict[str, int]
) -> tuple[list[bytes], NDArray[np.int64], Iterable[bytes]]:
    """Return one folder's images (names in order, stats) and its folders (with "/")."""
    names: list[bytes] = []
    flat = array("q")  # a million stats as Python objects would not fit the memory budget
    folders: list[bytes] = []
    add_name, add_stat = names.append, flat.extend
    with os.scandir(path) as entries:
        for entry in entries:  # the one hot loop of a listing: plain images first
            name = entry.name
            plain = entry.is_file(follow_symlinks=False)
            if name[:1] == b".":
                skipped["hidden"] += 1
            elif plain and name[name.rfind(b".") :].lower() not in EXTENSIONS:
                skipped["other"] += 1
            elif plain or _is_link_to_image(entry, root, skipped, folders):
                try:
                    found = entry.stat(follow_symlinks=not plain)
                except FileNotFoundError:  # it was there a moment ago
                    continue
                add_name(name)
                add_stat(stat_row(found))
    order = sorted(range(len(names)), key=names.__getitem__)
    stats = np.frombuffer(flat, np.int64).reshape(-1, 4)[order]
    return [names[i] for i in order], stats, folders


def _is_link_to_image(
    entry: os.DirEntry[bytes], root: bytes, skipped: dict[str, int], folders: list[bytes]
) -> bool:
    """Say what an entry is that is no plain file; count it, or add it to the folders."""
    if entry.is_dir(follow_symlinks=False):
        folders.append(entry.name + b"/")
        return False
    name = entry.name
    if not entry.is_symlink():
        skipped["other"] += 1  # a pipe, a device
    elif not _leads_to_a_file(entry, root):
        skipped["links"] += 1
    elif name[name.rfind(b".") :].lower() not in EXTENSIONS:
        skipped["other"] += 1
    else:
        return True
    return False


def _leads_to_a_file(entry: os.DirEntry[bytes], root: bytes) -> bool:
    try:
        return entry.is_file() and _is_inside(os.path.realpath(entry.path), root)
    except OSError:  # a loop
        return False
