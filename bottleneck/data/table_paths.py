"""Where the files of a table are: below its own folder, one that was told, or a usual one.

A folder such as `images` beside the table is taken when the table's own has no such files, and
only one has. How a name is understood is said in `table_names`.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bottleneck.core.errors import DataError
from bottleneck.core.sample import show_key
from bottleneck.data.endings import EXTENSIONS
from bottleneck.data.reading import NOT_THERE, stat_of
from bottleneck.data.table_names import Seeker, ending_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bottleneck.core.paths import Stat

_ADDRESS = re.compile(rb"\s*([a-zA-Z][a-zA-Z0-9+.-]+)://")
USUAL = {
    b"images", b"image", b"imgs", b"img", b"pictures", b"pics", b"photos", b"jpg", b"jpeg",
    b"jpegs", b"png", b"jpegimages", b"data", b"files", b"train", b"training", b"train_images",
    b"test", b"test_images",
}  # fmt: skip
_FILE_URL = re.compile(rb"^file:/+", re.IGNORECASE)
_ENDINGS = tuple(sorted(EXTENSIONS, key=lambda ending: ending != b".jpg"))
_TRIED = 50  # names by which a folder is judged
_HOW = {
    "written": "hold blanks, \\, %20, file:// or ~, and were found as the paths that these mean",
    "spelled": "were found in another case or form of letters",
    "ending": "were found by adding their ending",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Located:
    """Where the files of a table are, in the order of its names.

    Attributes
    ----------
    keys : names as they stand in the table
    paths : of each file; None where the name below the folder says it
    stats : of each file; `NOT_THERE` for none
    folder : below which the names are
    missing : names of files that are not there
    notes : how the names were understood
    """

    keys: list[bytes]
    paths: list[bytes] | None
    stats: list[Stat]
    folder: bytes
    missing: tuple[bytes, ...]
    notes: tuple[str, ...]


def check_address(name: bytes, line: int, where: str) -> None:
    """Raise DataError for an address of the web, or of anything but a file."""
    found = _ADDRESS.match(name)
    if (found and found[1].lower() != b"file") or name.lstrip()[:5].lower() == b"data:":
        what = show_key(name[:60] + (b"..." if len(name) > 60 else b""))
        raise DataError(
            f"line {line} names {what}, an address and no file",
            where,
            "download the images, and name the files",
        )


def locate(
    keys: list[bytes], *, table: bytes, roots: Sequence[bytes], encoding: str, where: str
) -> Located:
    """Return where the files are.

    Parameters
    ----------
    keys : fields of a table, each once
    table : its path
    roots : folders that were told; none for the table's own, or the usual ones beside it
    encoding : of the table, where names may have been made from its bytes

    Raises
    ------
    DataError
        When two files fit one name, or two names one file, or most are missing.
    """
    _refuse_no_folder(roots)
    own = os.path.dirname(table)  # noqa: PTH120 - bytes
    notes: list[str] = []
    seeker = Seeker(encoding=encoding, where=where)
    is_told = bool(roots)
    if not roots:
        roots = [_usual_place(keys, own, table, seeker)]
        if roots[0] != own:
            notes.append(f"its files are below {show_key(os.path.relpath(roots[0], own))}")
    folder = roots[0]
    names, prefix = _without_prefix(keys, roots, seeker, is_told=is_told)
    if prefix:
        notes.append(f"{show_key(prefix)} is not here; the names were found without it")
    stats: list[Stat] = []
    moved: dict[int, bytes] = {}
    is_plain = len(roots) == 1 and not prefix
    below = os.path.join(folder, b"")  # noqa: PTH118
    for i, name in enumerate(names):  # a million: each call counts
        # The first root holds most of what stands as it is written.
        stat = stat_of(name if name[:1] == b"/" else below + name) if is_plain else NOT_THERE
        if stat == NOT_THERE or (not name.endswith(_ENDINGS) and _is_folder(folder, name)):
            path = seeker.find(name, roots)
            if path is not None:
                stat = stat_of(path)
                moved[i] = path
        stats.append(stat)
    missing = [i for i, stat in enumerate(stats) if stat == NOT_THERE]
    if 2 * len(missing) > len(keys):
        raise _too_few([keys[i] for i in missing], keys, own, roots, seeker)
    _refuse_one_file_twice(keys, moved, folder, where)
    notes += [f"{n} names {_HOW[how]}" for how, n in sorted(seeker.counts.items())]
    paths = None
    if moved:
        paths = [moved.get(i) or os.path.join(folder, key) for i, key in enumerate(keys)]  # noqa: PTH118
    return Located(
        keys=keys,
        paths=paths,
        stats=stats,
        folder=folder,
        missing=tuple(keys[i] for i in missing),
        notes=tuple(notes),
    )


def _refuse_no_folder(roots: Sequence[bytes]) -> None:
    for root in roots:
        if not os.path.isdir(root):  # noqa: PTH112
            raise DataError(
                f"no such folder: {show_key(root)}",
                "--root",
                "a relative path starts from the folder in which the command is run; check that "
                "the disk is mounted",
            )


def _is_folder(folder: bytes, key: bytes) -> bool:
    """Whether a name without an image's ending is that of a folder, beside 001.jpg say."""
    return ending_of(key) not in EXTENSIONS and os.path.isdir(os.path.join(folder, key))  # noqa: PTH112, PTH118


def _too_few(
    missing: list[bytes], keys: list[bytes], own: bytes, roots: Sequence[bytes], seeker: Seeker
) -> DataError:
    """Return the error for a table most of whose files are missing."""
    from bottleneck.data.table_elsewhere import (  # noqa: PLC0415 - for a message alone
        roots_of,
        zeros_lost,
    )

    key, below = missing[0], " and ".join(map(show_key, roots[:3]))
    other = seeker.with_other_ending(key, roots)
    hint = f"; {show_key(other)} is there: mend the endings in the table" if other else ""
    do = (
        "file names are relative to the table's folder, or to --root FOLDER; check that the disk "
        "is mounted"
    )
    padded = zeros_lost(key, roots, seeker)
    if padded is not None and not hint:
        hint = f"; {show_key(padded)} is there: numbers have lost their zeros"
        do = "write the names as text, with all their digits"
    # A file's name alone may well be another one's, in train say.
    shorter = (
        below
        for _, below, _ in _without_prefixes(keys)
        if all(b"/" in name.strip(b"/") for name in below)
    )
    elsewhere = "" if padded else roots_of([keys, *shorter], own, seeker)
    if elsewhere:
        do = f"these folders hold them: {elsewhere}"
    return DataError(
        f"{len(missing)} of {len(keys)} files that it names are not there ({show_key(key)}, say, "
        f"below {below}){hint}",
        seeker.where,
        do,
    )


def _without_prefix(
    keys: list[bytes], roots: Sequence[bytes], seeker: Seeker, *, is_told: bool
) -> tuple[list[bytes], bytes]:
    """Return names below the folders, and what stood before them and is of another machine.

    Where few files are there, the folders that all names begin with (`C:/Users/me/`, `/home/you/`)
    are left out from the front, as few as will do. What is left has at least the folder that the
    file is in, but where that folder itself is the table's own, or was told.
    """
    if not keys or _count(_some(keys), roots, seeker) * 2 >= len(_some(keys)):
        return keys, b""
    for prefix, below, is_last in _without_prefixes(keys):
        is_bare = is_last and any(b"/" not in name.strip(b"/") for name in below)
        folder = prefix.rstrip(b"/").rpartition(b"/")[2]
        if is_bare and not is_told and os.path.basename(roots[0]) != folder:  # noqa: PTH119
            break
        some = _some(below)
        if _count(some, roots, seeker) * 2 >= len(some):
            return below, prefix
    return keys, b""


def _without_prefixes(keys: Sequence[bytes]) -> Iterator[tuple[bytes, list[bytes], bool]]:
    """Yield folders that all names begin with, the names without them, and if it is all of them."""
    names = [_FILE_URL.sub(b"/", key.strip().replace(b"\\", b"/")) for key in keys]
    first, last = min(names), max(names)  # what these two begin with, all do
    n_same = next(
        (i for i, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), len(first)
    )
    above, slash, _ = first[:n_same].rpartition(b"/")
    shared = above.split(b"/") if slash else []
    for n in range(1, len(shared) + 1):
        prefix = b"/".join(shared[:n]) + b"/"
        yield prefix, [name[len(prefix) :] for name in names], n == len(shared)


def _some(keys: list[bytes]) -> list[bytes]:
    """Return names by which a folder is judged."""
    return keys[:: max(1, len(keys) // _TRIED)][:_TRIED]


def _refuse_one_file_twice(
    keys: Sequence[bytes], moved: dict[int, bytes], folder: bytes, where: str
) -> None:
    if not moved:
        return
    seen: dict[bytes, int] = {}
    for i, key in enumerate(keys):
        path = moved.get(i) or os.path.join(folder, key)  # noqa: PTH118
        other = seen.setdefault(path, i)
        if other != i:
            raise DataError(
                f"{show_key(keys[other])} and {show_key(key)} are one file", where, "leave one"
            )


def _usual_place(keys: list[bytes], own: bytes, table: bytes, seeker: Seeker) -> bytes:
    """Return the folder below which the names are: the table's own, or a usual one beside it."""
    tried = _some(keys)
    if _count(tried, [own], seeker) * 2 >= len(tried):
        return own
    stem = os.path.basename(table).rpartition(b".")[0].lower()  # noqa: PTH119 - bytes
    found = [folder for folder in _places(own, stem) if _count(tried, [folder], seeker)]
    named = [folder for folder in found if _is_of(folder, stem)]
    if len(named) == 1 and len(found) > 1:  # train.csv, with train and test beside it
        return named[0]
    if len(found) > 1:
        listed = ", ".join(show_key(os.path.relpath(each, own)) for each in found)
        raise DataError(
            f"its files may be below {listed}", seeker.where, "say which: --root FOLDER"
        )
    return found[0] if found else own


def _is_of(folder: bytes, stem: bytes) -> bool:
    name = os.path.basename(folder).lower()  # noqa: PTH119 - bytes
    return name in (stem, stem + b"_images", stem + b"-images", b"images_" + stem)


def _count(tried: Sequence[bytes], roots: Sequence[bytes], seeker: Seeker) -> int:
    """Return how many of these names are below one of the folders."""
    alone = Seeker(encoding=seeker.encoding, where=seeker.where, folders=seeker.folders)
    n = 0
    for key in tried:
        try:
            n += any(stat_of(os.path.join(root, key)) != NOT_THERE for root in roots) or bool(  # noqa: PTH118
                alone.find(key, roots)
            )
        except DataError:  # two fit: it is there
            n += 1
    return n


def _places(own: bytes, stem: bytes) -> Iterator[bytes]:
    """Yield the folders beside a table that usually hold its images, with those in them."""
    for base in (own, os.path.dirname(own)):  # noqa: PTH120 - bytes
        for folder in _folders(base):
            if folder == own or not _is_usual(folder, stem):
                continue
            yield folder
            yield from (inner for inner in _folders(folder) if _is_usual(inner, stem))


def _is_usual(folder: bytes, stem: bytes) -> bool:
    return os.path.basename(folder).lower() in USUAL or _is_of(folder, stem)  # noqa: PTH119


def _folders(base: bytes) -> list[bytes]:
    try:
        with os.scandir(base) as entries:
            return sorted(entry.path for entry in entries if entry.is_dir())
    except OSError:
        return []
