"""Class folders: ROOT/CLASS/…, ROOT/SPLIT/CLASS/…, or a flat folder of unlabelled images.

What is what is said in `layout`.

Links. A link to a file is followed while it leads to a regular file inside the root. Links to
folders, and links out of the root, are followed when `follow_links` says so; one that leads back to
a folder around it is not. Nothing is read but what lies in the root, or where a followed link led
when the folder was listed: also not when a folder turns into a link later.
"""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from bottleneck.core.errors import DataError, from_os_error
from bottleneck.core.paths import absolute, shown
from bottleneck.core.sample import SPLITS, key_array
from bottleneck.data.by_path import by_path
from bottleneck.data.catalog import described
from bottleneck.data.confined import Confined
from bottleneck.data.folder_words import split_named
from bottleneck.data.how import How
from bottleneck.data.left_alone import Heads, in_words
from bottleneck.data.source import Listing, Read, spec_of
from bottleneck.data.walk import Walk

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from bottleneck.data.by_path import ByPath
    from bottleneck.data.excerpt import Excerpt
    from bottleneck.data.source import Understood
    from bottleneck.data.walk import Block

_FEW = 100  # one image in so many may be without a label, and nothing is looked for


class FolderSource:
    """A folder of images. `list` costs a walk with one stat a file; `read` opens one file."""

    def __init__(self, root: Path, how: How | None = None) -> None:
        self.root = absolute(root)
        self.how = how or How()
        self.heads = Heads()
        # One assignment: readers of the listing before see all of it or nothing.
        self._listed = key_array([]), Confined(os.fsencode(self.root))

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
            raise self._no_images(left.counts())
        files = Confined(os.fsencode(self.root), walk.targets)
        said = by_path(
            [(prefix, len(names)) for prefix, names, _ in blocks],
            lambda part: keys[part].tolist(),
            self.how,
            name=os.fsencode(self.root.name),
            where=self._where,
            content=lambda key: files.read(key).content,
        )
        self._listed = keys, files
        return Listing(
            keys=keys,
            labels=said.labels,
            splits=said.splits,
            classes=said.classes,
            stats=np.concatenate([stats for _, _, stats in blocks]),
            skipped=left.counts(),
            device=before.st_dev,
            understood=left.told(self._with_hints(said, blocks, left.skipped)),
            groups=said.groups,
        )

    def read(self, index: int) -> Read:
        """See `Source.read`: one open, one read of all bytes."""
        keys, files = self._listed
        return files.read(bytes(keys[index]))

    def excerpt(self, indices: Sequence[int]) -> Excerpt:
        """See `excerpt.Excerpted`: the keys, and what confines them to the folder."""
        from bottleneck.data.excerpt import Below  # noqa: PLC0415 - where work is shared out

        keys, files = self._listed
        return Below(files.root, files.targets, [bytes(keys[i]) for i in indices])

    @property
    def _where(self) -> str:
        return shown(self.root)

    def _with_hints(
        self, said: ByPath, blocks: Sequence[Block], skipped: dict[str, int]
    ) -> Understood:
        """Return what was understood, and what lies there that may say classes or splits."""
        notes = list(said.understood.notes)
        split = split_named(os.fsencode(self.root.name))
        if split and not said.understood.splits:
            notes.append(
                f"all of it is train, although the folder is called {self.name}: --layout "
                f"'{{split={SPLITS[split]}}}/{said.understood.layout}' makes it {SPLITS[split]}"
            )
        bare = said.labels < 0
        if bare.sum() * _FEW > len(bare):
            from bottleneck.data.instead import (  # noqa: PLC0415 - most do without
                labels_beside,
                tables_for,
            )

            starts = np.cumsum([0, *(len(names) for _, names, _ in blocks[:-1])])
            without = np.logical_or.reduceat(bare, starts)
            folders = [blocks[i][0] for i in np.flatnonzero(without).tolist()]
            notes += tables_for(self.root, folders)
            notes += labels_beside(self.root, folders) if skipped["other"] else []
        if skipped["other"] and not said.understood.splits and said.classes:
            from bottleneck.data.split_lists import split_lists  # noqa: PLC0415 - most do without

            keys = (prefix + name for prefix, names, _ in blocks for name in names)
            notes += split_lists(self.root, [prefix for prefix, *_ in blocks], keys)
        return replace(said.understood, notes=tuple(notes))

    def _no_images(self, skipped: dict[str, int]) -> DataError:
        from bottleneck.data.instead import instead  # noqa: PLC0415 - most folders do without

        if skipped["excluded"]:
            found, do = "", "look at --include and --exclude: they leave none"
        else:
            found, do = instead(self.root)
        return DataError(f"no images{found}{in_words(skipped)}", self._where, do)

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
