"""What a container of images holds, as it was listed."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from bottleneck.core.errors import DataError
from bottleneck.core.sample import show_key
from bottleneck.data.endings import EXTENSIONS
from bottleneck.data.left_alone import SYSTEM_FOLDERS
from bottleneck.data.left_alone import is_image as is_images_bytes
from bottleneck.data.source import SKIPPED

if TYPE_CHECKING:
    from collections.abc import Callable

    from bottleneck.data.reading import Container
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
    """

    container: Container
    images: dict[bytes, Any]
    others: dict[bytes, Any]
    read: Callable[[Any], Read]
    is_plain: bool = False


def begins_as_image(members: Members, place: Any) -> bool:
    """Whether a member's first bytes are an image's; one that cannot be read has none."""
    try:
        content = members.read(place).content
    except OSError:
        return False
    return isinstance(content, bytes) and is_images_bytes(content)
