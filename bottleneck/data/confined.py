"""Reading files below a folder, and nothing outside it, also where something became a link since.

Following a path one step at a time costs more than reading a small image does. So where the folder
of an image really lies is remembered, and is good while each step to it is the same folder as then,
which takes one call each to see.
"""

from __future__ import annotations

import errno
import os
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bottleneck.data.reading import read_file
from bottleneck.data.walk import is_inside

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bottleneck.data.source import Read

# What opening a link answers where none is followed; FreeBSD says the second.
_IS_LINK = {errno.ELOOP, errno.EMLINK}
MOST_FOLDERS = 1000  # that are remembered at a time


@dataclass(frozen=True, slots=True)
class _Real:
    """Where a folder really lies: its path without links, and each step to it from the root."""

    path: bytes
    steps: tuple[bytes, ...]
    numbers: tuple[tuple[int, int, int], ...]  # device, inode and kind of each step


class Confined:
    """Reads files by their keys: below a root, or where followed links led. Any thread may.

    Parameters
    ----------
    root : a folder, which may itself be a link
    targets : folders outside of it to which followed links led
    """

    def __init__(self, root: bytes, targets: Iterable[bytes] = ()) -> None:
        self.root = root
        self.targets = frozenset(targets)
        self._folders: dict[bytes, _Real] = {}

    def read(self, key: bytes) -> Read:
        """Return a file's bytes; OSError where it cannot be read, or leads out of the root."""
        folder, _, name = key.rpartition(b"/")
        path = self._real_folder(folder) + b"/" + name
        try:
            return read_file(path)  # which follows no link
        except OSError as error:
            if error.errno not in _IS_LINK:
                raise
        return read_file(self._inside(path)[0])

    def _real_folder(self, folder: bytes) -> bytes:
        known = self._folders.get(folder)
        if known is None or _numbers(known.steps) != known.numbers:
            if len(self._folders) >= MOST_FOLDERS:
                self._folders.clear()
            known = self._folders[folder] = self._follow(folder)
        return known.path

    def _follow(self, folder: bytes) -> _Real:
        path, around = self._inside(folder)
        steps = []
        step = path
        while step != around:
            steps.append(step)
            step = os.path.dirname(step)  # noqa: PTH120 - bytes
        return _Real(path, tuple(steps), _numbers(steps))

    def _inside(self, path: bytes) -> tuple[bytes, bytes]:
        """Return a path without links, and the folder around it that it may not leave.

        Raises
        ------
        OSError
            When links lead out of the source.
        """
        root = os.path.realpath(self.root)
        real = os.path.realpath(os.path.join(root, path))  # noqa: PTH118 - bytes
        if real == root or is_inside(real, root):
            return real, root
        step = real
        while step != (above := os.path.dirname(step)):  # noqa: PTH120 - bytes
            if step in self.targets:
                return real, above
            step = above
        raise OSError(errno.ELOOP, "a link leads out of the source", real)


def _numbers(steps: Iterable[bytes]) -> tuple[tuple[int, int, int], ...]:
    """Return what tells each folder from whatever else takes its name, a link to it included.

    The kind is among it because file systems give the inode of what was deleted to what is new.
    """
    found = [os.lstat(step) for step in steps]
    return tuple((one.st_dev, one.st_ino, stat.S_IFMT(one.st_mode)) for one in found)
