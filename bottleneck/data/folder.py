"""Class folders: ROOT/CLASS/…, ROOT/SPLIT/CLASS/…, or a flat folder of unlabelled images.

What is what is said in `layout`.

Links. A link to a file is followed while it leads to a regular file inside the root. Links to
folders, and links out of the root, are followed when `follow_links` says so; one that leads back to
a folder around it is not. Nothing is read but what lies in the root, or where a followed link led
when the folder was listed: also not when a folder turns into a link later.
"""

from __future__ import annotations

import errno
import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from bottleneck.core.errors import DataError, from_os_error
from bottleneck.core.paths import absolute, shown
from bottleneck.core.sample import key_array
from bottleneck.data.by_path import by_path
from bottleneck.data.catalog import described
from bottleneck.data.how import How
from bottleneck.data.left_alone import Heads, in_words
from bottleneck.data.reading import read_file
from bottleneck.data.source import Listing, Read, spec_of
from bottleneck.data.walk import Walk, is_inside

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from numpy.typing import NDArray


# What opening a link answers where none is followed; FreeBSD says the second.
_IS_LINK = {errno.ELOOP, errno.EMLINK}
MOST_FOLDERS = 1000  # whose real places are remembered at a time


@dataclass(frozen=True, slots=True)
class _Real:
    """Where a folder really lies: its path without links, and each step to it from the root."""

    path: bytes
    steps: tuple[bytes, ...]
    numbers: tuple[tuple[int, int], ...]  # device and inode of each step


@dataclass(slots=True, eq=False)
class _Listed:
    """What a listing leaves for reading.

    Attributes
    ----------
    keys : (n,) bytes (`S`)
    targets : folders outside the root to which followed links led
    folders : where the folders of what was read last really lie
    """

    keys: NDArray[np.bytes_]
    targets: set[bytes]
    folders: dict[bytes, _Real] = field(default_factory=dict)


class FolderSource:
    """A folder of images. `list` costs a walk with one stat a file; `read` opens one file."""

    def __init__(self, root: Path, how: How | None = None) -> None:
        self.root = absolute(root)
        self.how = how or How()
        self.heads = Heads()
        # One assignment: readers of the listing before see all of it or nothing.
        self._listed = _Listed(key_array([]), set())

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
            walk = Walk(os.fsencode(self.root), self.how, self.heads)
            after = self.root.stat()
        except (FileNotFoundError, NotADirectoryError) as error:
            raise self._not_there() from error
        except OSError as error:
            raise from_os_error(error) or error from error
        if (before.st_dev, before.st_ino) != (after.st_dev, after.st_ino):
            raise DataError("the folder went away while it was listed", self._where, "run again")
        blocks, left = walk.blocks, walk.left
        keys = key_array(prefix + name for prefix, names, _ in blocks for name in names)
        left.refuse(len(keys), self.how, self._where)
        if not blocks:
            raise DataError(
                "no images" + in_words(left.counts()),
                self._where,
                "give a folder that holds images",
            )
        said = by_path(
            [(prefix, len(names)) for prefix, names, _ in blocks],
            keys.tolist,
            self.how,
            name=os.fsencode(self.root.name),
            where=self._where,
        )
        self._listed = _Listed(keys, walk.targets)
        return Listing(
            keys=keys,
            labels=said.labels,
            splits=said.splits,
            classes=said.classes,
            stats=np.concatenate([stats for _, _, stats in blocks]),
            skipped=left.counts(),
            device=before.st_dev,
            understood=left.told(said.understood),
            groups=said.groups,
        )

    def read(self, index: int) -> Read:
        """See `Source.read`: one open, one read of all bytes."""
        listed = self._listed
        folder, _, name = bytes(listed.keys[index]).rpartition(b"/")
        path = self._real_folder(listed, folder) + b"/" + name
        try:
            return read_file(path)  # which follows no link
        except OSError as error:
            if error.errno not in _IS_LINK:
                raise
        return read_file(self._inside(listed, path)[0])

    def _real_folder(self, listed: _Listed, folder: bytes) -> bytes:
        """Return where a folder of images really lies: inside the root, or where a link may lead.

        Following a path one step at a time costs more than reading a small image. What was found
        is good while each step is the same folder as then, which takes one call each to see.
        """
        known = listed.folders.get(folder)
        if known is None or _numbers(known.steps) != known.numbers:
            if len(listed.folders) >= MOST_FOLDERS:
                listed.folders.clear()
            known = listed.folders[folder] = self._follow(listed, folder)
        return known.path

    def _follow(self, listed: _Listed, folder: bytes) -> _Real:
        path, around = self._inside(listed, folder)
        steps = []
        step = path
        while step != around:
            steps.append(step)
            step = os.path.dirname(step)  # noqa: PTH120 - bytes
        return _Real(path, tuple(steps), _numbers(steps))

    def _inside(self, listed: _Listed, path: bytes) -> tuple[bytes, bytes]:
        """Return a path below the root without links, and the folder that it may not leave.

        Raises
        ------
        OSError
            When links lead out of the source.
        """
        root = os.path.realpath(os.fsencode(self.root))
        real = os.path.realpath(os.path.join(root, path))  # noqa: PTH118 - bytes
        if real == root or is_inside(real, root):
            return real, root
        step = real
        while step != os.path.dirname(step):  # noqa: PTH120 - bytes
            above = os.path.dirname(step)  # noqa: PTH120 - bytes
            if step in listed.targets:
                return real, above
            step = above
        raise OSError(errno.ELOOP, "a link leads out of the source", real)

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


def _numbers(steps: Iterable[bytes]) -> tuple[tuple[int, int], ...]:
    """Return what tells each folder from whatever else takes its name, a link to it included."""
    found = [os.lstat(step) for step in steps]
    return tuple((one.st_dev, one.st_ino) for one in found)
