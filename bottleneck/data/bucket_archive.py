"""Tar archives in a bucket, read there by ranges: `s3://bucket/train.tar`, `…/{0000..0009}.tar`.

They are read as archives on a disk are. What is asked for at each look is what the archives are,
and no more: one request for an archive, or a listing for a pattern. An archive that is new or that
was replaced is gone through once, in large pieces or from head to head (`windows`), and its
heads are kept (`tar_heads`); several archives are gone through side by side. A large member is one
request; small ones come with their neighbours.
"""

from __future__ import annotations

import fnmatch
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import PurePath, PurePosixPath
from typing import TYPE_CHECKING, BinaryIO, cast

import numpy as np

from bottleneck.core.buckets import Address, address
from bottleneck.core.errors import DataError
from bottleneck.data.bucket_objects import AT_ONCE, Connection, folders, head_of, pages
from bottleneck.data.contained import Members
from bottleneck.data.members import MemberSource
from bottleneck.data.ranged import Ranged
from bottleneck.data.scan import SLACK_NS
from bottleneck.data.shards import all_of, by_name
from bottleneck.data.tar import extents
from bottleneck.data.tar_heads import TarHeads, members, read_members
from bottleneck.data.unpack import packing
from bottleneck.data.windows import InOrder, runs

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from bottleneck.data.contained import Left
    from bottleneck.data.how import How

ARCHIVES_AT_ONCE = 8  # that are gone through: each has a window of some megabytes
_MAGIC = set("*?[{")
_CTIME = 2


def open_archive(where: Path | str, how: How | None = None) -> MemberSource:
    """Return the source of one archive; nothing is asked for yet."""
    return MemberSource("bucket_archive", InBucket(where, is_pattern=False), how)


def open_shards(where: Path | str, how: How | None = None) -> MemberSource:
    """Return the source of all archives whose addresses match; nothing is asked for yet."""
    return MemberSource("bucket_shards", InBucket(where, is_pattern=True), how)


class InBucket:
    """Tar archives in a bucket; see `contained.Place`."""

    at_once = AT_ONCE

    def __init__(self, where: Path | str, *, is_pattern: bool) -> None:
        found = address(where)
        assert found is not None
        self.place, self.is_pattern = found, is_pattern
        self.path = PurePosixPath(found.prefix)
        self.heads = TarHeads()
        parts = self.path.parts
        above = next((i for i, part in enumerate(parts) if _MAGIC & set(part)), len(parts) - 1)
        self._folder = Address(found.scheme, found.bucket, "/".join(parts[:above]))
        self._pattern = "/".join(parts[above:])
        self._connection = Connection(self._folder)

    def __str__(self) -> str:
        return str(self.place)

    @property
    def shown(self) -> str:
        """The address."""
        return str(self.place)

    def exists(self) -> bool:
        """Whether something is there."""
        if self.is_pattern:
            return bool(self._all())
        return head_of(self._folder, self._pattern, self._connection.client) is not None

    def _one(self) -> list[Ranged]:
        found = head_of(self._folder, self._pattern, self._connection.client)
        if found is None:
            raise DataError("no such object", self.shown, "check the address")
        return [Ranged(self._connection, self._pattern, found)]

    def _all(self) -> list[Ranged]:
        """Return the objects that the pattern means."""
        client = self._connection.client
        if "/" in self._pattern:
            listed = [found for page in pages(self._folder, client) for found in page]
        else:
            listed = [*folders(self._folder, client)[1]]
        objects = {PurePosixPath(found["path"]): found for found in listed}

        def there(pattern: str) -> list[PurePosixPath]:
            if not _MAGIC & set(pattern):
                path = PurePosixPath(pattern)
                return [path] if path in objects else []
            return [path for path in objects if _matches(path, PurePosixPath(pattern))]

        found = by_name(all_of(self._pattern, there, f"{self._folder}/"), self.shown)
        return [Ranged(self._connection, str(path), objects[path]) for path in found]

    def open(self, left: Left) -> list[tuple[PurePosixPath, Members]]:
        """Return what is in each; those that are not known are gone through, some at once."""
        self.heads.begin()
        archives = self._all() if self.is_pattern else self._one()
        with ThreadPoolExecutor(ARCHIVES_AT_ONCE) as pool:
            packed = [*pool.map(self._packed, archives)]
        return [
            (PurePosixPath(archive.key), self._members(archive, each, left))
            for archive, each in zip(archives, packed, strict=True)
        ]

    def _packed(self, archive: Ranged) -> bytes:
        """Return the packed members of an archive."""
        known = self.heads.get(archive.key, archive.stat)
        if known is not None:
            return known
        where, clock_ns = str(self._folder.at(archive.key)), time.time_ns()
        file = cast("BinaryIO", InOrder(archive))
        try:
            if (how := packing(file)) is not None:
                what = f"compressed ({how}), so nothing in it can be read in place"
                do = "put the plain .tar there, or copy it to a disk"
                raise DataError(what, where, do)
            packed = read_members(file, where)
        except OSError as error:  # it was replaced or deleted meanwhile
            raise DataError(str(error.strerror), where, "run again") from error
        # Without a tag that stands for its bytes, a young one may yet become another.
        if archive.stat[_CTIME] < clock_ns - SLACK_NS:
            self.heads.learn(archive.key, archive.stat, packed)
        return packed

    def _members(self, archive: Ranged, packed: bytes, left: Left) -> Members:
        found = [*members(packed)]
        where = str(self._folder.at(archive.key))
        images, others = extents((head for head, _ in found), left, where)
        in_order = np.array([images[key] for key in sorted(images)], np.int64).reshape(-1, 2)
        archive.runs = runs(in_order[:, 0], in_order.sum(axis=1))
        return Members(
            container=archive,
            images=images,
            others=others,
            read=lambda place: archive.piece(*place),
            is_plain=True,
            known={(h.offset, h.size): data for h, data in found if data is not None},
        )

    def by_hand(self, path: PurePath, names: Sequence[bytes]) -> str:
        """Return the way by a disk."""
        del names
        return f"copy {self._folder.at(str(path))} to a disk and unpack it there"


def _matches(path: PurePosixPath, pattern: PurePosixPath) -> bool:
    """Whether a path is one that a pattern means, as a shell has it: folder by folder."""
    return len(path.parts) == len(pattern.parts) and all(
        fnmatch.fnmatchcase(name, one) and (one.startswith(".") or not name.startswith("."))
        for name, one in zip(path.parts, pattern.parts, strict=True)
    )
