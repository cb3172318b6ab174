"""Lists beside class folders that say which images are train and which test: `meta/train.txt`.

They are not read with the folder, and so are said, with the `--data` that reads them.
"""

from __future__ import annotations

import os
import re
from itertools import islice
from typing import TYPE_CHECKING

from bottleneck.core.paths import shown
from bottleneck.core.regular import open_regular
from bottleneck.data.folder_words import split_told
from bottleneck.data.reading_of_paths import quoted
from bottleneck.data.split_words import TEST, TRAIN, VAL, split_of_word

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

_LISTS = frozenset({".txt", ".csv", ".tsv"})
_BETWEEN = re.compile(rb"[,;\t| \r\n]")
_MOST = 3  # lists that are named
_MOST_LOOKED_AT = 100
_MOST_ENTRIES = 1_000
_HEAD = 4096  # bytes


def split_lists(root: Path, folders: Sequence[bytes], keys: Iterable[bytes]) -> list[str]:
    """Return the note on lists by whose names there are splits, and which name these images.

    Parameters
    ----------
    folders : of the images, such as `train/cat/`: a folder without images is looked into
    keys : of the images; looked through only where there is such a list
    """
    lists = [
        path
        for folder in _places(root, folders)
        for path in _files(folder)
        if may_be_split_list(os.fsencode(path.name))
    ]
    named = {path: _first_names(path) for path in lists[:_MOST_LOOKED_AT]}
    known = _below(keys, {name for names in named.values() for name in names})
    found = [path for path, names in named.items() if names & known.keys()]
    both = [path for path in lists if _says_both(path.stem)]
    if not found and both:
        said = shown(both[0].relative_to(root))
        return [f"{said} may say their splits, and is not read: a table with a column split is"]
    if not found:
        return []
    folder = known[next(iter(named[found[0]] & known.keys()))]
    listed = ", ".join(shown(path.relative_to(root)) for path in found[:_MOST])
    more = ", …" if len(found) > _MOST else ""
    return [
        f"{listed}{more} {'names' if len(found) == 1 else 'name'} these images by split, and "
        f"{'is' if len(found) == 1 else 'are'} not read; to read them: {_way(root, folder, found)}"
    ]


def may_be_split_list(key: bytes) -> bool:
    """Whether a file may be a list of images of one split, or of the splits of all, by its name."""
    stem, dot, ending = key[key.rfind(b"/") + 1 :].rpartition(b".")
    is_list = os.fsdecode(dot + ending).lower() in _LISTS
    return is_list and (split_told(stem) is not None or _says_both(os.fsdecode(stem)))


def _says_both(stem: str) -> bool:
    """Whether a name says train and test, as `train_test_split` does."""
    found = {split_of_word(word) for word in re.split(r"[\W_]+", stem)}
    return TRAIN in found and bool(found & {VAL, TEST})


def _places(root: Path, folders: Sequence[bytes]) -> list[Path]:
    """Return the folders around all images, and those right below them that hold none."""
    places, below = [root], [folder.split(b"/") for folder in folders]
    depth = 0
    while True:
        names = {parts[depth] if depth < len(parts) else b"" for parts in below}
        places += _others(places[0], names)
        if len(names) > 1 or b"" in names:
            return places
        places.insert(0, places[0] / os.fsdecode(names.pop()))
        depth += 1


def _way(root: Path, folder: bytes, found: Sequence[Path]) -> str:
    """Return the words of a command line that read lists, with the class from the folder."""
    data = found[0]
    if len(found) > 1 and len({(path.parent, path.suffix) for path in found}) == 1:
        data = data.with_name("{" + ",".join(path.stem for path in found) + "}" + data.suffix)
    return (
        f"--data {quoted(str(data))} --no-header --file-column 1 "
        f"--root {quoted(str(root / os.fsdecode(folder)))} --label-from '([^/]+)/[^/]+$'"
    )


def _below(keys: Iterable[bytes], names: set[bytes]) -> dict[bytes, bytes]:
    """Return for each name that an image has, with or without its ending, what stands before."""
    found: dict[bytes, bytes] = {}
    if not names:
        return found
    depths = {name.count(b"/") for name in names}
    for key in keys:
        parts = key.split(b"/")
        for depth in depths:
            name = b"/".join(parts[-1 - depth :])
            for each in (name, name[: name.rfind(b".")]):
                if each in names:
                    found.setdefault(each, b"/".join(parts[: -1 - depth]))
        if len(found) == len(names):
            break
    return found


def _first_names(path: Path) -> set[bytes]:
    """Return what stands first in the first lines of a list."""
    try:
        number = open_regular(path, os.O_RDONLY, follow=False)
        with os.fdopen(number, "rb") as file:
            head = file.read(_HEAD)
    except OSError:
        return set()
    fields = (_BETWEEN.split(line.strip(), maxsplit=1)[0] for line in head.splitlines()[:2])
    return {field.removeprefix(b"./") for field in fields if b"/" in field}


def _others(root: Path, with_images: set[bytes]) -> list[Path]:
    """Return the folders right below one that hold no images; links are not followed."""
    found = _entries(root, lambda entry: entry.is_dir(follow_symlinks=False))
    return [path for path in found if os.fsencode(path.name) not in with_images]


def _files(folder: Path) -> list[Path]:
    return _entries(folder, lambda entry: entry.is_file(follow_symlinks=False))


def _entries(folder: Path, is_wanted: Callable[[os.DirEntry[str]], bool]) -> list[Path]:
    """Return what is wanted of the first entries of a folder, but hidden ones, sorted."""
    try:
        with os.scandir(folder) as entries:
            some = islice(entries, _MOST_ENTRIES)
            return sorted(folder / e.name for e in some if e.name[0] != "." and is_wanted(e))
    except OSError:
        return []
