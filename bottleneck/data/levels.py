"""Where split and class may stand in folders, found by trying each level of them as each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bottleneck.core.sample import show_key
from bottleneck.data.folder_words import (
    divides,
    holds_no_photos,
    is_container,
    split_guessed,
    split_named,
    split_said,
    split_told,
    splits_of_level,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    Folders = Sequence[tuple[bytes, int]]

_MOST_LEVELS = 6
_SEPARATORS = ("_", "-", " ", ".")


class Levels:
    """The folders by how deep they are: which names there are in each level."""

    def __init__(self, folders: Folders) -> None:
        self.paths = [path.split(b"/")[:-1] for path, _ in folders]
        deepest = max(map(len, self.paths), default=0)
        self.is_even = all(len(path) == deepest for path in self.paths)
        self.n = min(deepest, _MOST_LEVELS)
        self.names = [{path[i] for path in self.paths if len(path) > i} for i in range(self.n)]
        self.splits = [i for i in range(self.n) if self._are_splits(i)]

    def templates(self, *, is_strict: bool) -> list[str]:
        """Return where split and class may stand; `is_strict` leaves out what makes no sense."""
        splits = [*self.splits, None]
        tried = [(s, (c,)) for c in range(self.n) for s in splits if s != c]
        both = [
            (s, (c, d))
            for s in self.splits
            for c in range(s)
            for d in range(s + 1, self.n)
            if len(self.names[c]) > 1 and len(self.names[d]) > 1
        ]
        nested = [
            (s, (c, c + 1)) for s in splits for c in range(self.n - 1)
            if s not in (c, c + 1) and self._are_several(c, c + 1)
        ]  # fmt: skip
        sensible = [
            (s, classes)
            for s, classes in [*tried, *both, *nested]
            if self._are_names(classes)
            and (not is_strict or (self._is_whole(s, classes) and self._are_classes(s, classes)))
        ]
        found = [self._spelled(s, classes) for s, classes in sensible]
        found += [
            self._spelled(s, classes, group=classes[0] + 1)
            for s, classes in sensible
            if len(classes) == 1 and self._may_be_groups(classes[0] + 1, s)
        ]
        is_split = any(split_named(name) is not None for names in self.names for name in names)
        if not self.is_even and not is_split:
            found.append("**/{class}/*")
        return [*found, *self._below_splits(), *self._in_one_name()]

    def _below_splits(self) -> list[str]:
        """Return the template of splits of the same classes, in some of them further below."""
        if self.is_even or self.splits != [0]:
            return []
        named: dict[bytes, set[bytes]] = {}
        for path in self.paths:
            named.setdefault(path[0], set()).add(path[-1] if len(path) > 1 else b"")
        sets = {frozenset(names) for names in named.values()}
        return ["{split}/**/{class}/*"] if len(named) > 1 and len(sets) == 1 else []

    def without(self, *, is_strict: bool) -> list[str]:
        """Return where the split may stand, and no class."""
        splits = [*self.splits, None]
        return [self._spelled(s, ()) for s in splits if not is_strict or self._is_whole(s)]

    def put_together(self, template: str) -> str:
        """Return that a template makes folders of one name in several others one class."""
        parts = template.split("/")
        if parts.count("{class}") != 1 or "**" in parts:
            return ""
        at = parts.index("{class}")
        around = [i for i in range(at) if i not in self.splits and len(self.names[i]) > 1]
        found: dict[bytes, tuple[bytes, ...]] = {}
        for path in self.paths if around else ():
            if len(path) > at:
                above = tuple(path[i] for i in around)
                other = found.setdefault(path[at], above)
                if other != above:
                    both = (show_key(b"/".join([*each, path[at]])) for each in (other, above))
                    return f"{' and '.join(both)} are one class"
        return ""

    def _are_several(self, at: int, below: int) -> bool:
        """Whether folders of one name stand in several of the level above, which are no splits."""
        if not self._may_hold(at, below) or len(self.names[at]) < 2:
            return False
        pairs = {(path[at], path[below]) for path in self.paths if len(path) > below}
        return len(pairs) > len(self.names[below])

    def _may_be_groups(self, at: int, split: int | None) -> bool:
        """Whether a level below the classes may say what belongs together, such as patients."""
        return at != split and self._may_hold(at - 1, at)

    def _may_hold(self, at: int, below: int) -> bool:
        """Whether a level may be classes that hold something else than images."""
        if below >= self.n or {at, below} & {*self.splits} or len(self.names[below]) < 2:
            return False
        are_guessed = all(split_guessed(name) is not None for name in self.names[at])
        are_parts = are_guessed or divides(self.names[at]) is not None
        return not are_parts and not is_container_level(self.names[below])

    def _spelled(
        self, split: int | None, classes: tuple[int, ...], group: int | None = None
    ) -> str:
        ends = [*classes, *(each for each in (split, group) if each is not None)]
        parts = ["{ignore}"] * (max(ends) + 1) if ends else []
        for at in classes:
            parts[at] = "{class}"
        if split is not None:
            parts[split] = "{split}"
        elif group is None and len(classes) == 1:
            group = self._group(classes[0])
        if group is not None:
            parts[group] = "{group}"
        return "/".join([*parts, "*"])

    def _group(self, at: int) -> int | None:
        """Return the level above the classes at which several folders hold the same classes."""
        for level in range(at):
            if len(self.names[level]) > 1:
                pairs = {(path[level], path[at]) for path in self.paths if len(path) > at}
                several = len(pairs) > len(self.names[at])
                return level if several and not is_container_level(self.names[level]) else None
        return None

    def _are_splits(self, at: int) -> bool:
        names = self.names[at]
        if splits_of_level(names) is not None:
            return True
        return all(split_told(name) is not None for name in names)

    def _is_whole(self, split: int | None, classes: tuple[int, ...] = ()) -> bool:
        """Whether no other level is one of train and test, whatever words stand there as well."""
        return not any(
            len({(split_named if at in classes else split_said)(n) for n in names} - {None}) > 1
            for at, names in enumerate(self.names)
            if at != split
        )

    def _are_names(self, classes: tuple[int, ...]) -> bool:
        """Whether no level that would be the classes is a mere container, or made of splits."""
        return not any(
            is_container_level(self.names[c]) or splits_of_level(self.names[c]) is not None
            for c in classes
        )

    def _are_classes(self, split: int | None, classes: tuple[int, ...]) -> bool:
        """Whether no folder that would be a class is named like a split, and holds more."""
        return not any(
            split_named(path[c]) is not None
            and (len(path) > c + 1 or (split is not None and split > c))
            for c in classes
            for path in self.paths
            if len(path) > c
        )

    def _in_one_name(self) -> Iterator[str]:
        """Yield the templates of names that say class and split: `cat_train`, `train-cat`."""
        for at, names in enumerate(self.names):
            for mark in _SEPARATORS if splits_of_level(names) is None else ():
                sep = mark.encode()
                for template, parted, i in (
                    (f"{{class}}{mark}{{split}}", [n.rpartition(sep) for n in names], 2),
                    (f"{{split}}{mark}{{class}}", [n.partition(sep) for n in names], 0),
                ):
                    are_classes = not all(map(_is_no_class, (p[2 - i] for p in parted)))
                    if are_classes and all(
                        all(p) and split_named(p[i]) is not None for p in parted
                    ):
                        yield "/".join(["{ignore}"] * at + [template, "*"])


def _is_no_class(name: bytes) -> bool:
    return is_container(name) or holds_no_photos(name)


def is_container_level(names: set[bytes]) -> bool:
    """Whether all folders of a level say only that images are in them."""
    return all(map(is_container, names))
