"""The folders of a source as a tree, each with the number of images that lie directly in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


class Folder:
    """One folder: its images, and the folders in it that hold images somewhere below.

    Attributes
    ----------
    name : b"" of the root
    path : from the root, as `train/cat/`
    n : how many images lie directly in it
    split, label : what it was read as; a label is None where it says none
    """

    __slots__ = ("children", "label", "n", "name", "path", "split")

    def __init__(self, name: bytes, path: bytes) -> None:
        self.name = name
        self.path = path
        self.n = 0
        self.split = 0
        self.label: bytes | None = None
        self.children: dict[bytes, Folder] = {}

    @property
    def only(self) -> Folder | None:
        """The one folder in it, where there is nothing else in it."""
        if self.n or len(self.children) != 1:
            return None
        return next(iter(self.children.values()))

    def below(self) -> Iterator[Folder]:
        """Yield it and all folders below."""
        stack = [self]
        while stack:
            folder = stack.pop()
            yield folder
            stack += folder.children.values()

    def images(self) -> int:
        """Return how many images lie in it and below."""
        return sum(folder.n for folder in self.below())

    def mark(self, split: int | None = None, label: bytes | None = None) -> None:
        """Say of it and all below which split, or which class, they are."""
        for folder in self.below():
            folder.split = folder.split if split is None else split
            folder.label = folder.label if label is None else label


def tree_of(folders: Sequence[tuple[bytes, int]]) -> tuple[Folder, list[Folder]]:
    """Return the root of the tree, and the folder that each of these is.

    Parameters
    ----------
    folders : path (`train/cat/`) and number of images; one folder may stand there several times
    """
    root = Folder(b"", b"")
    listed = []
    for prefix, n in folders:
        folder = root
        for name in prefix.split(b"/")[:-1]:
            below = folder.children.get(name)
            if below is None:
                below = folder.children[name] = Folder(name, folder.path + name + b"/")
            folder = below
        folder.n += n
        listed.append(folder)
    return root, listed
