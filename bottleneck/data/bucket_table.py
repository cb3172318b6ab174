r"""A table in a bucket that names images there: `s3://bucket/labels.csv`.

Names are relative to the table's own prefix, or to a usual one beside it, such as `images/`, where
it holds more of them. The table is read whole at each look; of the images, names are asked for, as
of class folders. A name is a key as it is written, but for blanks around it, `./` and `\`.
"""

from __future__ import annotations

from array import array
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from bottleneck.core.bucket_errors import OddKeyError
from bottleneck.core.buckets import Address, address, answers
from bottleneck.core.errors import DataError
from bottleneck.core.paths import to_json_text
from bottleneck.core.sample import find, key_array, show_key
from bottleneck.data.bucket_objects import (
    AT_ONCE,
    Objects,
    folders,
    is_there,
    pages,
    stat_of,
)
from bottleneck.data.how import make_how
from bottleneck.data.pixel_columns import find_pixels
from bottleneck.data.reading import NOT_THERE, check_size
from bottleneck.data.table_encoding import HEAD
from bottleneck.data.table_listing import listing_of, refuse_both, says_splits
from bottleneck.data.table_options import IN_BUCKETS
from bottleneck.data.table_paths import USUAL, Located
from bottleneck.data.table_splits import name_note
from bottleneck.data.table_text import read_sheet

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from bottleneck.data.how import How
    from bottleneck.data.source import Listing, Read
    from bottleneck.data.table_text import Sheet

_JSON_LINES = (".jsonl", ".ndjson")


class BucketTable:
    """A table of keys. `list` asks for it and for names, `read` for one object."""

    at_once = AT_ONCE

    def __init__(self, where: Path | str, how: How | None = None) -> None:
        found = address(where)
        assert found is not None
        self.place = found
        above, _, self._file = found.prefix.rpartition("/")
        self._folder = Address(found.scheme, found.bucket, above)
        self.how = how or make_how(None, IN_BUCKETS, "a table")
        refuse_both(self.how)
        self._listed = Objects(self._folder, key_array([]))

    @property
    def name(self) -> str:
        """The file's name."""
        return self._file

    @property
    def spec(self) -> dict[str, Any]:
        """See `Source.spec`; `where` is the address."""
        where = to_json_text(str(self.place))
        return {"kind": "bucket_table", "where": where, **self.how.to_json()}

    def exists(self) -> bool:
        """Whether the table is there."""
        return is_there(self._folder, self._file)

    def list(self) -> Listing:
        """See `Source.list`."""
        client = self._folder.client()
        sheet = self._sheet(client)
        there, stats, odd = _all_below(self._folder, client)

        def located(keys: Sequence[bytes]) -> Located:
            _refuse_odd(keys, there, odd)
            return self._located(keys, there, stats)

        listing, found = listing_of(sheet, self.how, str(self.place), 0, located)
        self._listed = Objects(self._folder, key_array(found.paths or ()), client)
        if says_splits(listing.understood, self.how):
            return listing
        said = (*listing.understood.notes, *name_note(self._file.rpartition(".")[0]))
        return replace(listing, understood=replace(listing.understood, notes=said))

    def read(self, index: int) -> Read:
        """See `Source.read`: one request."""
        return self._listed.read(index)

    def excerpt(self, indices: Sequence[int]) -> Objects:
        """See `excerpt.Excerpted`: the keys, and the address that they are below."""
        return Objects(self._folder, self._listed.keys[np.asarray(indices, np.int64)])

    def _sheet(self, client: Any) -> Sheet:
        """Return the table's rows."""
        import obstore  # noqa: PLC0415 - as above

        where, suffix = str(self.place), "." + self._file.rpartition(".")[2].lower()
        try:
            with answers(self.place):
                found = obstore.get(client, self._file)
                check_size(found.meta["size"], self._file.encode())
                data = found.bytes().to_bytes()
        except OSError as error:
            why = "no such file" if isinstance(error, FileNotFoundError) else str(error.strerror)
            raise DataError(why, where, "check the address") from None
        if suffix in _JSON_LINES:
            from bottleneck.data.table_json import read_lines  # noqa: PLC0415 - few tables are

            return read_lines(data, where)
        if find_pixels(data[:HEAD], suffix, self.how, where) is not None:
            do = "copy it to a disk"
            raise DataError("a table that holds its images is not read in a bucket", where, do)
        return read_sheet(data, suffix, self.how, where)

    def _located(
        self, keys: Sequence[bytes], there: NDArray[np.bytes_], stats: NDArray[np.int64]
    ) -> Located:
        """Return where the images are: below the table's own prefix, or one beside it."""
        names = [_plain(key) for key in keys]
        tops = {key[: key.find(b"/") + 1] for key in there.tolist()}
        usual = sorted(top for top in tops if top[:-1].lower() in USUAL)
        each = [
            (top, find(there, key_array(top + name for name in names))) for top in (b"", *usual)
        ]
        below, at = max(each, key=lambda one: int((one[1] >= 0).sum()))
        missing = np.flatnonzero(at < 0)
        if 2 * len(missing) > len(keys):
            raise DataError(
                f"{len(missing)} of {len(keys)} images that it names are not there "
                f"({show_key(keys[missing[0]])}, say, below {self._folder})",
                str(self.place),
                "names are relative to the table's own prefix, or to one such as images/ beside it",
            )
        _refuse_one_object_twice(keys, at, str(self.place))
        found = [
            NOT_THERE if i < 0 else (stat[0], stat[1], stat[2], stat[3])
            for i, stat in zip(at.tolist(), stats[at].tolist(), strict=True)
        ]
        return Located(
            keys=[*keys],
            paths=[below + name for name in names],
            stats=found,
            folder=b"",
            missing=tuple(keys[i] for i in missing.tolist()),
            notes=(f"its files are below {show_key(below[:-1])}",) if below else (),
        )


def _plain(key: bytes) -> bytes:
    return key.strip().replace(b"\\", b"/").removeprefix(b"./")


def _refuse_one_object_twice(keys: Sequence[bytes], at: NDArray[np.int64], where: str) -> None:
    seen: dict[int, bytes] = {}
    for key, i in zip(keys, at.tolist(), strict=True):
        if i >= 0 and (other := seen.setdefault(i, key)) is not key:
            what = f"{show_key(other)} and {show_key(key)} are one object"
            raise DataError(what, where, "leave one")


def _all_below(
    place: Address, client: Any
) -> tuple[NDArray[np.bytes_], NDArray[np.int64], Mapping[str, OddKeyError]]:
    """Return the keys (n,) of all objects below an address, sorted, and their stats (n, 4).

    Folders that hold a key that is no path cannot be listed: they are left out, and returned by
    their names, with the error.
    """
    try:
        return *_sorted(found for page in pages(place, client) for found in page), {}
    except OddKeyError:
        names, objects = folders(place, client)
    odd: dict[str, OddKeyError] = {}
    found = [*objects]
    for name in names:
        try:
            inner = [each for page in pages(place, client, name) for each in page]
        except OddKeyError as error:
            odd[name] = error
        else:
            found += inner
    return *_sorted(found), odd


def _sorted(
    objects: Iterable[Mapping[str, Any]],
) -> tuple[NDArray[np.bytes_], NDArray[np.int64]]:
    keys: list[bytes] = []
    numbers = array("q")
    for found in objects:
        keys.append(found["path"].encode())
        numbers.extend(stat_of(found))
    listed = key_array(keys)
    stats = np.frombuffer(numbers, np.int64).reshape(-1, 4)
    order = np.argsort(listed, kind="stable")
    return listed[order], stats[order]


def _refuse_odd(
    keys: Sequence[bytes], there: NDArray[np.bytes_], odd: Mapping[str, OddKeyError]
) -> None:
    """Refuse a table whose images may be in a folder that could not be listed."""
    if not odd:
        return
    names = [_plain(key) for key in keys]
    missing = [
        n for n, i in zip(names, find(there, key_array(names)).tolist(), strict=True) if i < 0
    ]
    for folder, error in odd.items():
        inside = f"{folder}/".encode()
        if (missing and folder.lower().encode() in USUAL) or any(
            name.startswith(inside) for name in missing
        ):
            raise error
