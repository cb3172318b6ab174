"""Class folders in a bucket: `s3://bucket/images/`, where `/` in the keys makes the folders.

The layouts are those of folders, and so are the keys: a folder and its copy in a bucket are listed
alike. A listing asks for names alone, a thousand at a time; an image is one request.
What proves an object unchanged is said in `objects`.
"""

from __future__ import annotations

from array import array
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import groupby
from typing import TYPE_CHECKING, Any

import numpy as np

from bottleneck.core.buckets import Address, address
from bottleneck.core.errors import DataError
from bottleneck.core.paths import to_json_text
from bottleneck.core.sample import SPLITS, key_array
from bottleneck.data.bucket_objects import AT_ONCE, Objects, is_there, pages, stat_of
from bottleneck.data.by_path import by_path
from bottleneck.data.contained import Left, is_image
from bottleneck.data.folder_words import split_named
from bottleneck.data.how import How
from bottleneck.data.left_alone import (
    Heads,
    LeftAlone,
    in_words,
    may_be_image,
)
from bottleneck.data.left_alone import is_image as begins_as_image
from bottleneck.data.patterns import Unmatched
from bottleneck.data.source import Listing

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from bottleneck.core.paths import Stat
    from bottleneck.data.by_path import ByPath
    from bottleneck.data.source import Read, Understood


class BucketSource:
    """The images below an address. `list` asks for names, `read` for one object."""

    at_once = AT_ONCE

    def __init__(self, where: Path | str, how: How | None = None) -> None:
        found = address(where)
        assert found is not None
        self.place = found
        self.how = how or How()
        self.heads = Heads()
        self._listed = Objects(found, key_array([]))

    @property
    def name(self) -> str:
        """The last word of the prefix, or the bucket's name."""
        return self.place.prefix.rpartition("/")[2] or self.place.bucket

    @property
    def spec(self) -> dict[str, Any]:
        """See `Source.spec`; `where` is the address."""
        return {"kind": "bucket", "where": to_json_text(str(self.place)), **self.how.to_json()}

    def exists(self) -> bool:
        """Whether anything is there; the first names are asked for."""
        return next(pages(self.place, self.place.client()), None) is not None

    def list(self) -> Listing:
        """See `Source.list`."""
        found = _Names(self.how)
        client = self.place.client()
        for page in pages(self.place, client):
            found.take(page, self._where)
        if not found.n:
            self._refuse_one_object()
            do = "check the address: names are told apart by capitals"
            raise DataError("nothing is there", self._where, do)
        alone = LeftAlone(found.left.to_json(), found.left.system)
        alone.unmatched = found.unmatched.notes()
        self._with_unnamed(found, alone, client)
        keys, stats = found.in_order()
        alone.refuse(len(keys), self.how, self._where)
        if not len(keys):
            do = "look at --include and --exclude: they leave none"
            if not alone.skipped["excluded"]:
                do = "give a prefix of images, or a table by its whole name"
            raise DataError(f"no images{in_words(alone.counts())}", self._where, do)
        objects = Objects(self.place, keys, client)
        said = self._said(keys, objects)
        self._listed = objects
        return Listing(
            keys=keys,
            labels=said.labels,
            splits=said.splits,
            classes=said.classes,
            stats=stats,
            skipped=alone.counts(),
            device=0,
            understood=alone.told(self._with_hint(said)),
            groups=said.groups,
        )

    def read(self, index: int) -> Read:
        """See `Source.read`: one request."""
        return self._listed.read(index)

    def excerpt(self, indices: Sequence[int]) -> Objects:
        """See `excerpt.Excerpted`: the keys, and the address that they are below."""
        return Objects(self.place, self._listed.keys[np.asarray(indices, np.int64)])

    def _refuse_one_object(self) -> None:
        """Say so where there is an object of the prefix's own name."""
        above, _, name = self.place.prefix.rpartition("/")
        folder = Address(self.place.scheme, self.place.bucket, above)
        if name and is_there(folder, name):
            do = f"give the prefix that it is in: {folder}/"
            raise DataError("single objects are not taken", self._where, do)

    @property
    def _where(self) -> str:
        return str(self.place)

    def _said(self, keys: NDArray[np.bytes_], objects: Objects) -> ByPath:
        """Return what the paths say."""

        def content(key: bytes) -> object:
            return objects.read(int(np.searchsorted(keys, np.bytes_(key)))).content

        folders = groupby(key[: key.rfind(b"/") + 1] for key in keys.tolist())
        return by_path(
            [(folder, sum(1 for _ in run)) for folder, run in folders],
            lambda part: keys[part].tolist(),
            self.how,
            name=self.name.encode(),
            where=self._where,
            content=content,
        )

    def _with_unnamed(self, found: _Names, alone: LeftAlone, client: Any) -> None:
        """Take in images without an image's ending where wanted; else count them."""
        unknown = [(key, stat) for key, stat in found.unnamed if self.heads.get(stat) is None]
        if unknown:
            objects = Objects(self.place, key_array(key for key, _ in unknown), client)
            with ThreadPoolExecutor(AT_ONCE) as pool:
                heads = pool.map(objects.head, range(len(objects)))
                for (_, stat), head in zip(unknown, heads, strict=True):
                    if head is not None:
                        self.heads.learn(stat, begins_as_image(head))
        for key, stat in found.unnamed:
            if not self.heads.get(stat):
                alone.skipped["other"] += 1
            elif self.how["any_name"]:
                found.add(key, stat)
            else:
                alone.skipped["other"] += 1
                alone.add_unnamed(key)

    def _with_hint(self, said: ByPath) -> Understood:
        """Return what was understood, and what the prefix may say of the split."""
        split = split_named(self.name.encode())
        if not split or said.understood.splits:
            return said.understood
        note = (
            f"all of it is train, although the prefix is called {self.name}: --layout "
            f"'{{split={SPLITS[split]}}}/{said.understood.layout}' makes it {SPLITS[split]}"
        )
        return replace(said.understood, notes=(*said.understood.notes, note))


class _Names:
    """What a listing brings, page by page: names and numbers, nothing else is kept."""

    def __init__(self, how: How) -> None:
        self.n = 0  # objects, whatever they are
        self.left = Left()
        self.unmatched = Unmatched(how.patterns)
        self.unnamed: list[tuple[bytes, Stat]] = []  # that may be images, by their names
        self._how = how
        self._keys: list[bytes] = []
        self._stats = array("q")

    def take(self, page: Sequence[Mapping[str, Any]], where: str) -> None:
        """Take in objects as obstore describes them."""
        patterns, counts = self._how.patterns, self.left.counts
        self.n += len(page)
        for found in page:
            key = self.left.key_of(found["path"].encode(), where, "rename it")
            if key is None:
                continue
            is_named = is_image(key)
            if not is_named and not found["size"]:
                continue  # it stands for a folder, so that programs show one
            if not is_named and (self._how["any_name"] is False or not may_be_image(key)):
                counts["other"] += 1
                continue
            if patterns:
                self.unmatched.see([key])
            if patterns and not patterns.keeps(key):
                counts["excluded"] += 1
            elif is_named:
                self.add(key, stat_of(found))
            else:
                self.unnamed.append((key, stat_of(found)))

    def add(self, key: bytes, stat: Stat) -> None:
        """Take in an image."""
        self._keys.append(key)
        self._stats.extend(stat)

    def in_order(self) -> tuple[NDArray[np.bytes_], NDArray[np.int64]]:
        """Return the keys (n,), sorted, and their stats (n, 4)."""
        keys = key_array(self._keys)
        self._keys = []
        stats = np.frombuffer(self._stats, np.int64).reshape(-1, 4)
        if (keys[1:] > keys[:-1]).all():  # as most servers give them
            return keys, stats
        order = np.argsort(keys, kind="stable")
        return keys[order], stats[order]
