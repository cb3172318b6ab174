"""One walk over a folder of images: their names and stats in the order of their keys.

Within a folder the names are sorted, folders counting with their "/"; so walking in that order
gives all keys in order, without ever sorting them all.
"""

from __future__ import annotations

import errno
import os
import time
from array import array
from bisect import bisect_left
from typing import TYPE_CHECKING

import numpy as np

from bottleneck.core.paths import stat_row
from bottleneck.data.endings import EXTENSIONS
from bottleneck.data.left_alone import (
    HEAD_BYTES,
    SYSTEM_FOLDERS,
    LeftAlone,
    has_image_ending,
    is_image,
    may_be_image,
)
from bottleneck.data.patterns import Unmatched
from bottleneck.data.source import SKIPPED

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from bottleneck.data.how import How
    from bottleneck.data.left_alone import Heads

Block = tuple[bytes, list[bytes], "NDArray[np.int64]"]  # a folder with "/", names, stats
_Chain = tuple[bytes, ...]  # where the links were met that lead to a folder
MOST_COUNTED = 10_000  # entries behind one link
# What is said of a name that leads to no file for us; anything else is a disk that fails.
_NO_FILE = {
    errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.EACCES, errno.EPERM, errno.ENAMETOOLONG,
    errno.EINVAL, errno.ENXIO, errno.ENODEV,
}  # fmt: skip
YOUNG_NS = 2_000_000_000  # a file this young may change once more under the same stat


def is_inside(path: bytes, root: bytes) -> bool:
    """Whether a path without links lies below another one."""
    return path.startswith(root.rstrip(b"/") + b"/")


class Walk:
    """A walk that is done: `blocks`, what was `left` alone, and where followed links lead.

    Attributes
    ----------
    targets : real folders outside the root in which files may be read
    """

    def __init__(self, root: bytes, how: How, heads: Heads) -> None:
        self.left = LeftAlone(dict.fromkeys(SKIPPED, 0))
        self.targets: set[bytes] = set()
        self._root = root
        self._real = os.path.realpath(root)
        self._how = how
        self._heads = heads
        self._linked: dict[bytes, _Chain] = {}  # folders that were reached through links
        self._unmatched = Unmatched(how.patterns)
        self.blocks = self._walk()

    def _walk(self) -> list[Block]:
        patterns, skipped = self._how.patterns, self.left.skipped
        blocks: list[Block] = []
        stack: list[bytes | Block] = [b""]
        while stack:
            item = stack.pop()
            if not isinstance(item, bytes):
                blocks.append(item)
                continue
            try:
                names, stats, folders = self._scan(item)
            except (FileNotFoundError, NotADirectoryError):
                if not item:
                    raise
                continue  # it was there a moment ago
            if item and not names and not folders:
                self.left.add_empty(item)
            if patterns:
                self._unmatched.see(item + name for name in names)
                kept = [i for i, name in enumerate(names) if patterns.keeps(item + name)]
                skipped["excluded"] += len(names) - len(kept)
                names, stats = [names[i] for i in kept], stats[kept]
            found: list[bytes | Block] = []
            start = 0
            for folder in sorted(folders):
                end = bisect_left(names, folder, start)
                found += [(item, names[start:end], stats[start:end]), item + folder]
                start = end
            found.append((item, names[start:], stats[start:]))
            stack += [f for f in reversed(found) if isinstance(f, bytes) or f[1]]
        self.left.unmatched = self._unmatched.notes()
        return blocks

    def _scan(self, item: bytes) -> tuple[list[bytes], NDArray[np.int64], list[bytes]]:
        """Return one folder's images (names in order, stats) and its folders (with "/")."""
        names: list[bytes] = []
        flat = array("q")  # a million stats as Python objects would not fit the memory budget
        folders: list[bytes] = []
        add_name, add_stat = names.append, flat.extend
        with os.scandir(os.path.join(self._root, item)) as entries:  # noqa: PTH118 - bytes
            for entry in entries:  # the one hot loop of a listing: plain images first
                name = entry.name
                plain = entry.is_file(follow_symlinks=False)
                if name[:1] == b".":
                    self._hidden(entry)
                    continue
                if plain and name[name.rfind(b".") :].lower() not in EXTENSIONS:
                    if not self._is_unnamed(entry, item):
                        continue
                elif not (plain or self._is_link_to_image(entry, item, folders)):
                    continue
                try:
                    found = entry.stat(follow_symlinks=not plain)
                except FileNotFoundError:  # it was there a moment ago
                    continue
                add_name(name)
                add_stat(stat_row(found))
        order = sorted(range(len(names)), key=names.__getitem__)
        stats = np.frombuffer(flat, np.int64).reshape(-1, 4)[order]
        return [names[i] for i in order], stats, folders

    def _hidden(self, entry: os.DirEntry[bytes]) -> None:
        if not self._is_system(entry):
            self.left.skipped["hidden"] += 1

    def _is_system(self, entry: os.DirEntry[bytes]) -> bool:
        """Whether it is a folder of a file server or desktop; its images are then counted."""
        if entry.name.lower() in SYSTEM_FOLDERS and entry.is_dir(follow_symlinks=False):
            n = count_images(entry.path)
            if n:
                self.left.add_system(entry.name, n)
            return n > 0 or entry.name[:1] != b"."
        return False

    def _is_unnamed(self, entry: os.DirEntry[bytes], item: bytes) -> bool:
        """Whether a file without an image's ending is an image that is to be taken."""
        how, key = self._how, item + entry.name
        looks = how["any_name"] is not False and may_be_image(entry.name)
        if looks and how.patterns:
            self._unmatched.see([key])
        if looks and how.patterns and not how.patterns.keeps(key):
            self.left.skipped["excluded"] += 1
            return False
        if not looks or not self._begins_as_image(entry):
            self.left.skipped["other"] += 1
            return False
        if not how["any_name"]:
            self.left.add_unnamed(key)
        return bool(how["any_name"])

    def _begins_as_image(self, entry: os.DirEntry[bytes]) -> bool:
        now_ns = time.time_ns()
        try:
            stat = stat_row(entry.stat())
            found = self._heads.get(stat)
            if found is None:
                found = is_image(_head(entry.path))
                if stat[2] < now_ns - YOUNG_NS:
                    self._heads.learn(stat, found)
        except OSError as error:  # gone, or not to be read: reading it would fail as well
            if error.errno not in _NO_FILE:
                raise
            return False
        return found

    def _is_link_to_image(
        self, entry: os.DirEntry[bytes], item: bytes, folders: list[bytes]
    ) -> bool:
        """Say what an entry is that is no plain file; count it, or add it to the folders."""
        skipped = self.left.skipped
        if entry.is_dir(follow_symlinks=False):
            if not self._is_system(entry):
                folders.append(entry.name + b"/")
                if item in self._linked:
                    self._linked[item + folders[-1]] = self._linked[item]
            return False
        if not entry.is_symlink():
            skipped["other"] += 1  # a pipe, a device
            return False
        try:
            target = os.path.realpath(entry.path)
            if entry.is_dir():
                if self._follows_to(target, entry, item):
                    folders.append(entry.name + b"/")
                return False
            if not entry.is_file():
                skipped["links"] += 1
                return False
        except OSError as error:  # a loop
            if error.errno not in _NO_FILE:
                raise
            skipped["links"] += 1
            return False
        is_named = has_image_ending(entry.name)
        if not is_inside(target, self._real) and not self._follows_file(
            target, entry, item, is_named=is_named
        ):
            return False
        return is_named or self._is_unnamed(entry, item)

    def _follows_file(
        self, target: bytes, entry: os.DirEntry[bytes], item: bytes, *, is_named: bool
    ) -> bool:
        """Whether a link to a file outside the root is followed."""
        key = item + entry.name
        if self._how["follow_links"]:
            self.targets.add(os.path.dirname(target))  # noqa: PTH120 - bytes
            return True
        self.left.skipped["links"] += 1
        self._unmatched.see([key])
        if is_named and self._how.patterns.keeps(key):
            self.left.add_linked(key, 1)
        return False

    def _follows_to(self, target: bytes, entry: os.DirEntry[bytes], item: bytes) -> bool:
        """Whether a link to a folder is followed; one that leads back is not."""
        here = os.path.realpath(os.path.join(self._root, item))  # noqa: PTH118 - bytes
        chain = (*self._linked.get(item, ()), here)
        leads_back = any(end == target or is_inside(end, target) for end in chain)
        if self._how["follow_links"] and not leads_back:
            self._linked[item + entry.name + b"/"] = chain
            if not is_inside(target, self._real):
                self.targets.add(target)
            return True
        self.left.skipped["links"] += 1
        if not leads_back and not is_inside(target, self._real):
            key = item + entry.name + b"/"
            n = count_images(target)
            self._unmatched.see([key + b"x.jpg"])
            if n and self._how.patterns.keeps(key + b"x.jpg"):
                self.left.add_linked(key, n)
        return False


def count_images(path: bytes) -> int:
    """Return how many files with an image's ending lie in a folder and below, up to many."""
    n, n_entries, stack = 0, 0, [path]
    while stack and n_entries < MOST_COUNTED:
        try:
            with os.scandir(stack.pop()) as entries:
                for entry in entries:
                    n_entries += 1
                    if entry.is_dir(follow_symlinks=False):
                        stack.append(entry.path)
                    elif has_image_ending(entry.name):
                        n += 1
        except OSError:  # what may not be read is left alone anyway
            continue
    return n


def _head(path: bytes) -> bytes:
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)
    file = os.open(path, flags | getattr(os, "O_BINARY", 0))
    try:
        return os.read(file, HEAD_BYTES)
    finally:
        os.close(file)
