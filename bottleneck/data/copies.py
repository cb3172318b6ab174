"""A folder that holds the same names as the one around it: mostly a copy of it.

Archives that were unpacked twice lie so: `flowers/{a,b}` and `flowers/flowers/{a,b}`. Whether it is
a copy is told by the names of all images, and by the bytes of a few.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bottleneck.data.tree import Folder

    Content = Callable[[bytes], object]

MOST_COMPARED = 20  # pairs of images whose bytes are compared


def copies_in(around: Folder) -> list[Folder]:
    """Return the folders below this one that hold folders of the same names as it does."""
    found, names = [], around.children
    for child in names.values():
        inner = child
        # No set of the others' names is made for each child: there may be thousands.
        while not (shared := [n for n in inner.children if n in names and n != child.name]):
            if inner.only is None:
                break
            inner = inner.only
        if shared and 2 * len(shared) >= min(len(inner.children), len(names) - 1):
            found.append(inner)
    return found


def compared(
    copy: tuple[bytes, bytes], keys: Sequence[bytes], content: Content | None
) -> tuple[str, bool]:
    """Return what a comparison of a folder with the one around it says, and if it is a copy.

    Nothing is said where the keys do not begin with these folders: those of several archives.

    Parameters
    ----------
    copy : the folder (`x/x/`), and the one around it (`x/`)
    keys : of all images
    content : gives the bytes of the image of a key
    """
    inner, around = copy
    mine = [key.removeprefix(inner) for key in keys if key.startswith(inner)]
    there = {
        key.removeprefix(around)
        for key in keys
        if key.startswith(around) and not key.startswith(inner)
    }
    if not mine:
        return "", False
    both = [name for name in mine if name in there]
    if len(both) < len(mine):
        return f"{len(both):,} of its {len(mine):,} images are there under the same names", False
    some = both[:: -(-len(both) // MOST_COMPARED)]
    try:
        same = [content(inner + name) == content(around + name) for name in some if content]
    except OSError:
        same = []
    if not same:
        return f"all names of its {len(mine):,} images are there too", False
    if all(same):
        some_of = "all" if len(some) == len(mine) else f"the {len(some):,} that were compared"
        return f"a copy, by the names of all {len(mine):,} images and the bytes of {some_of}", True
    what = f"all names of its {len(mine):,} images are there too"
    return (
        f"{what}, with the same bytes in {sum(same):,} of {len(some):,} that were compared",
        False,
    )
