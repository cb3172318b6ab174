"""A check of a store in a bucket: tables as they stand there now, beside the copies of them.

What comes as it is recorded takes the place of the copy. Where there is none, it becomes one as
long as the part cache has room: a check pushes out nothing that others use, and what finds no room
lies apart and goes as soon as it was read through. What is damaged or lost there lies apart until
the check ends, and a copy that is good stays, so that it can be put back under its name. Names of
tables are unique, so what is put back is what was there.
"""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING, Any

from bottleneck.core import copies, files
from bottleneck.core.errors import DamagedError
from bottleneck.store import inventory, part_cache
from bottleneck.store.bucket import each, files_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from bottleneck.store.bucket import Bucket


class Anew:
    """What one check fetched. One thread calls.

    Parameters
    ----------
    root : the folder of the store's copies

    Attributes
    ----------
    copied : tables that are damaged or lost there and whole here, as a commit records them
    """

    def __init__(self, bucket: Bucket, root: Path) -> None:
        self.copied: dict[str, Mapping[str, Any]] = {}
        self._bucket, self._root = bucket, root
        self._folder = files.temporary_name(root)
        self._paths: dict[str, Path] = {}
        self._as_recorded: set[str] = set()
        self._room = part_cache.room(root)
        self._passing = ""  # the table that goes when the next one is asked for

    def fetch(self, name: str, recorded: Mapping[str, Any]) -> Path:
        """Return where a table is as it stands in the bucket; nothing is there where none is.

        It is to be opened before the next one is asked for.
        """
        if self._passing not in ("", name):
            with contextlib.suppress(OSError):  # still open, on Windows: until the end, then
                files.delete(self._paths.pop(self._passing))
            self._passing = ""
        if name not in self._paths:
            self._paths[name] = self._fetched(name, recorded)
        return self._paths[name]

    def _fetched(self, name: str, recorded: Mapping[str, Any]) -> Path:
        aside, copy = self._folder / name, self._root / name
        files.make_folder(aside.parent, is_temporary=True)
        files.make_folder(copy.parent)
        if self._bucket.download(name, aside, recorded):
            self._as_recorded.add(name)
            if not os.path.lexists(copy):
                n_bytes = inventory.n_bytes(recorded)
                if n_bytes > self._room:
                    self._passing = name
                    return aside
                self._room -= n_bytes
            copies.take_place(aside, copy, is_anew=True)
            return copy
        if not self.has_good_copy(name, recorded):
            copies.discard(copy)
        return aside

    def recipe(self, name: str) -> Path:
        """Return where a recipe is as it stands in the bucket; whoever reads it knows its id.

        It stays beside the copy until `take` or `take_copy` says which of both is good.
        """
        if name not in self._paths:
            aside = self._folder / name
            files.make_folder(aside.parent, is_temporary=True)
            with contextlib.suppress(FileNotFoundError):
                files.write_synced(aside, self._bucket.get(name)[0])
            self._paths[name] = aside
        return self._paths[name]

    def take(self, name: str) -> None:
        """Put what came in the place of the copy: it is good."""
        files.make_folder((self._root / name).parent)
        if self._paths[name] != self._root / name:
            copies.take_place(self._paths[name], self._root / name)
            self._paths[name] = self._root / name

    def take_copy(self, name: str) -> None:
        """Note that the copy of a recipe is good, and what is there is not."""
        self.copied[name] = inventory.files_of(self._root / name)
        self._paths[name] = self._root / name

    def has_good_copy(self, name: str, recorded: Mapping[str, Any]) -> bool:
        """Whether there is a copy whose bytes are those that a commit records.

        What came as it is recorded is no copy: damage of its rows is older than its bytes.
        """
        if name in self._as_recorded:
            return False
        try:
            inventory.check_files(self._root / name, recorded)
        except DamagedError:
            return False
        return True

    def put_back(self) -> None:
        """Put copies in the place of what is damaged or lost; DamagedError where one is no more."""
        for name, recorded in self.copied.items():
            inventory.check_files(self._root / name, recorded)
            found = files_of(name, self._root / name)
            # Or an upload whose answer is lost would seem to be there.
            self._bucket.delete([*found])
            each(lambda it: self._bucket.upload(*it), found.items())
            self._paths[name] = self._root / name

    def end(self) -> None:
        """Delete what is damaged."""
        files.delete(self._folder)
