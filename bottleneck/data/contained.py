"""Containers of images: where they are, and what they hold, as they were listed."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from bottleneck.core.errors import DataError
from bottleneck.core.paths import absolute, shown
from bottleneck.core.sample import show_key
from bottleneck.data.endings import EXTENSIONS
from bottleneck.data.left_alone import SYSTEM_FOLDERS
from bottleneck.data.left_alone import is_image as is_images_bytes
from bottleneck.data.source import SKIPPED

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path, PurePath

    from bottleneck.core.paths import Stat
    from bottleneck.data.left_alone import Kept
    from bottleneck.data.source import Read


@dataclass(slots=True)
class Left:
    """What is left alone while members are gone through."""

    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(SKIPPED, 0))
    hidden: set[tuple[bytes, ...]] = field(default_factory=set)
    system: Counter[str] = field(default_factory=Counter)  # images in folders of file servers
    guessed: list[bytes] = field(default_factory=list)  # names in an encoding that nothing says

    dangling: list[bytes] = field(default_factory=list)  # links called like images, to no member

    def key_of(self, name: bytes, where: str, again: str) -> bytes | None:
        """Return the key of a member; None for a hidden one, which is counted.

        Raises
        ------
        DataError
            When the name leads out of the archive; `again` says how to make a better one.
        """
        parts = [part for part in name.split(b"/") if part not in (b"", b".")]
        if name.startswith(b"/") or b".." in parts or b"\0" in name:
            raise DataError(f"the member {show_key(name)} leads out of the archive", where, again)
        system = next((part for part in parts[:-1] if part.lower() in SYSTEM_FOLDERS), None)
        if system is not None:
            self.system[show_key(system)] += is_image(name)
            return None
        dotted = next((i for i, part in enumerate(parts) if part.startswith(b".")), None)
        if dotted is None:
            return b"/".join(parts)
        self.hidden.add(tuple(parts[: dotted + 1]))  # a hidden folder counts once
        return None

    def to_json(self) -> dict[str, int]:
        """Return the counts, in the words of `Listing.skipped`."""
        return self.counts | {"hidden": self.counts["hidden"] + len(self.hidden)}


def is_image(key: bytes) -> bool:
    """Whether a key is an image's by its ending."""
    return key[key.rfind(b".") :].lower() in EXTENSIONS


class Container(Protocol):
    """What holds many samples, as it was when it was listed; it survives pickling."""

    @property
    def stat(self) -> Stat:
        """What proves it unchanged; it stands for every sample in it."""

    @property
    def device(self) -> int:
        """Of its file system; 0 where it is on none."""

    def piece(self, offset: int, n_bytes: int) -> Read:
        """Return bytes of it; OSError where it is another one by now. Any thread may call."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Members:
    """One container, as it was listed.

    Attributes
    ----------
    container : its stat stands for every member
    images : key → where the image is, as `read` wants it
    others : key → where it is, of each regular member that is no image by its ending; WebDataset
        has its labels there
    read : returns the member at a place; OSError when the container is another one by now
    is_plain : whether a place is offset and number of bytes in the container
    known : of some of the others, by place, what need not be read: all of it, or its first bytes
        where it may be an image
    """

    container: Container
    images: dict[bytes, Any]
    others: dict[bytes, Any]
    read: Callable[[Any], Read]
    is_plain: bool = False
    known: Mapping[Any, bytes] = field(default_factory=dict)

    def content(self, place: Any) -> object:
        """Return what is there of one of the others; OSError as `read` raises it."""
        known = self.known.get(place)
        return self.read(place).content if known is None else known


def begins_as_image(members: Members, place: Any) -> bool:
    """Whether a member's first bytes are an image's; one that cannot be read has none."""
    try:
        content = members.content(place)
    except OSError:
        return False
    return isinstance(content, bytes) and is_images_bytes(content)


class Place(Protocol):
    """Where the containers of a source are: one, or several that a pattern names.

    Attributes
    ----------
    path : absolute, or that of an object in its bucket; a pattern of such paths
    is_pattern : whether it is one
    at_once : how many reads are wanted side by side
    heads : what is kept between two looks; None where nothing is
    """

    is_pattern: bool
    at_once: int

    @property
    def path(self) -> PurePath:
        """See above."""

    @property
    def heads(self) -> Kept | None:
        """See above."""

    def __str__(self) -> str:
        """Return what opens it again: a path or an address."""

    @property
    def shown(self) -> str:
        """It, as people see it."""

    def exists(self) -> bool:
        """Whether something is there."""

    def open(self, left: Left) -> Sequence[tuple[PurePath, Members]]:
        """Return the path of each container and what is in it; what is left alone is counted.

        Raises
        ------
        DataError
            When one is missing, damaged, or no container.
        """

    def by_hand(self, path: PurePath, names: Sequence[bytes]) -> str:
        """Return how one whose members have these names is unpacked by hand."""


class OnDisk:
    """Containers on a disk; see `Place`."""

    at_once = 1
    heads: Kept | None = None

    def __init__(
        self,
        path: Path,
        opener: Callable[[Path, Left], Members],
        several: Callable[[Path], list[Path]] | None = None,
    ) -> None:
        self.path, self.is_pattern = absolute(path), several is not None
        self._open, self._several = opener, several

    def __str__(self) -> str:
        return str(self.path)

    @property
    def shown(self) -> str:
        """The path."""
        return shown(self.path)

    def exists(self) -> bool:
        """Whether there is a file."""
        return bool(self._several(self.path)) if self._several else self.path.is_file()

    def open(self, left: Left) -> list[tuple[PurePath, Members]]:
        """Return what is in the path, or in those that the pattern means."""
        paths = self._several(self.path) if self._several else [self.path]
        return [(path, self._open(path, left)) for path in paths]

    def by_hand(self, path: PurePath, names: Sequence[bytes]) -> str:
        """Return the command."""
        from bottleneck.data.unpack import by_hand  # noqa: PLC0415 - most do without

        return by_hand(path, names)
