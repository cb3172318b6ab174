"""What of a source is left alone, and how that is said, or refused where it costs too much.

Thumbnails and bins of file servers and desktops are passed by their folders' names. A file without
the ending of an image may be one all the same (`x.jpg_large`, `x.jpg?w=600`, `x`): its first bytes
say so. Those are read once and remembered by the file's stat; endings that are known to be
something else are not looked into.
"""

from __future__ import annotations

import hashlib
import re
import struct
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from bottleneck.core.errors import DataError
from bottleneck.core.sample import show_key
from bottleneck.data.endings import EXTENSIONS

if TYPE_CHECKING:
    from pathlib import Path

    from bottleneck.core.paths import Stat
    from bottleneck.data.how import How
    from bottleneck.data.source import Source, Understood

HEAD_BYTES = 16
SYSTEM_FOLDERS = frozenset(
    b"@eadir #recycle #snapshot @recycle @recently-snapshot @tmp @sharebin @sharesnap __macosx"
    b" $recycle.bin recycler lost+found .ipynb_checkpoints .thumbnails .thumbs .@__thumb .trash"
    b" .trashes .trash-1000 .appledouble .snapshot .picasaoriginals .fseventsd .spotlight-v100"
    b" ~snapshot found.000 @__thumb".split()
) | {b"system volume information", b"network trash folder", b"temporary items"}
_OTHER_ENDINGS = frozenset(
    b".txt .xml .json .jsonl .csv .tsv .md .rst .html .htm .pdf .py .ipynb .npy .npz .mat .h5"
    b" .hdf5 .zip .tar .gz .tgz .bz2 .xz .zst .7z .rar .mp4 .avi .mov .mkv .webm .mpg .wav .mp3"
    b" .flac .log .yaml .yml .toml .ini .cfg .db .sqlite .pkl .pickle .pt .pth .onnx .tflite .keras"
    b" .safetensors .cls"
    b" .parquet .arrow .tfrecord .lnk .url .doc .docx .xls .xlsx .ppt .pptx .svg .psd"
    b" .ai .eps .cr2 .cr3 .nef .arw .dng .orf .rw2 .raf .exr .hdr .dcm .nii .xmp .aae .css .js .sh"
    b" .exe .dll .so .c .h .cpp".split()
)
_MAGIC = re.compile(
    rb"\xff\xd8\xff|\x89PNG\r\n\x1a\n|GIF8[79]a|BM....\0\0\0\0|II\*\0|MM\0\*|RIFF....WEBP"
    rb"|P[1-6]\s[\d#\s]|\0\0\0\x0cjP  \r\n|\xff\x4f\xff\x51"
    rb"|....ftyp(?:avif|avis|heic|heix|heim|heis|mif1|msf1)",
    re.DOTALL,
)
_SHARE = 100  # more than one in so many, and it is an error
_EXAMPLES = 3
_ENTRY = struct.Struct("<4q?")
_DIGEST_BYTES = 32


def is_image(head: bytes) -> bool:
    """Whether a file that begins with these bytes is an image of a kind that we know."""
    return _MAGIC.match(head) is not None


def has_image_ending(name: bytes) -> bool:
    """Whether a file's name says that it is an image."""
    return name[name.rfind(b".") :].lower() in EXTENSIONS


def may_be_image(name: bytes) -> bool:
    """Whether a file without an image's ending must be looked into."""
    return name[name.rfind(b".") :].lower() not in _OTHER_ENDINGS


class Heads:
    """Which files begin as images do, by their stats; kept from one run to the next.

    Attributes
    ----------
    has_news : whether anything was learned in this run
    kept_at : the files in which all of it is kept
    """

    def __init__(self) -> None:
        self._known: dict[Stat, bool] = {}
        self._seen: dict[Stat, bool] = {}
        self.has_news = False
        self.kept_at: set[Path] = set()

    def get(self, stat: Stat) -> bool | None:
        """Return what is known of a file with this stat; None where nothing is."""
        found = self._known.get(stat)
        if found is not None:
            self._seen[stat] = found
        return found

    def learn(self, stat: Stat, begins_as_image: bool) -> None:
        """Keep what a file's first bytes said."""
        self._known[stat] = self._seen[stat] = begins_as_image
        self.has_news = True
        self.kept_at.clear()

    def to_bytes(self) -> bytes:
        """Return what was asked for in this run, and a checksum."""
        body = b"".join(_ENTRY.pack(*stat, found) for stat, found in self._seen.items())
        return body + hashlib.sha256(body).digest()

    def recall(self, data: bytes) -> None:
        """Take in what `to_bytes` wrote; anything else is nothing."""
        body = data[:-_DIGEST_BYTES]
        is_whole = hashlib.sha256(body).digest() == data[-_DIGEST_BYTES:]
        if is_whole and len(body) % _ENTRY.size == 0:
            known = {(a, b, c, d): found for a, b, c, d, found in _ENTRY.iter_unpack(body)}
            self._known = known | self._known


@dataclass(slots=True)
class LeftAlone:
    """What a listing leaves alone.

    Attributes
    ----------
    skipped : the counts of `Listing.skipped`
    system : folders of file servers and desktops, as they are spelled → images in them
    unnamed, linked : images that an option would take: `any_name`, `follow_links`
    empty : folders that hold no image and no folder
    unmatched : what is to be said of patterns that matched nothing
    """

    skipped: dict[str, int]
    system: Counter[str] = field(default_factory=Counter)
    unnamed: int = 0
    linked: int = 0
    empty: int = 0
    unmatched: tuple[str, ...] = ()
    _empty: list[str] = field(default_factory=list)
    _unnamed: list[str] = field(default_factory=list)
    _linked: list[str] = field(default_factory=list)

    def add_system(self, name: bytes, n_images: int) -> None:
        """Count a folder of a file server or desktop."""
        self.system[show_key(name)] += n_images

    def add_empty(self, path: bytes) -> None:
        """Count a folder (`cat/`) that holds no image and no folder."""
        self.empty += 1
        if len(self._empty) < _EXAMPLES:
            self._empty.append(show_key(path))

    def add_unnamed(self, key: bytes) -> None:
        """Count an image without an image's ending."""
        self.unnamed += 1
        if len(self._unnamed) < _EXAMPLES:
            self._unnamed.append(show_key(key))

    def add_linked(self, key: bytes, n_images: int) -> None:
        """Count the images behind a link that leads out of the source."""
        self.linked += n_images
        if len(self._linked) < _EXAMPLES:
            self._linked.append(show_key(key))

    def refuse(self, n_images: int, how: How, where: str) -> None:
        """Raise DataError where names or links cost much, and nobody said that they may.

        Parameters
        ----------
        n_images : how many there are without them
        """
        total = n_images + self.unnamed + self.linked
        if how["any_name"] is None and self.unnamed * _SHARE > total:
            raise DataError(
                f"{self.unnamed:,} of {total:,} images have no ending of an image "
                f"({_such(self._unnamed, self.unnamed)}), so they would be left alone",
                where,
                "take them with --any-name, or leave them with --no-any-name",
            )
        if how["follow_links"] is None and self.linked * _SHARE > total:
            raise DataError(
                f"{self.linked:,} of {total:,} images are links out of the source "
                f"({_such(self._linked, self.linked)}), so they would be left alone",
                where,
                "take them with --follow-links, or leave them with --no-follow-links",
            )

    def counts(self) -> dict[str, int]:
        """Return the counts of `Listing.skipped`."""
        more = {"system": sum(self.system.values()), "unnamed": self.unnamed}
        return self.skipped | {kind: n for kind, n in more.items() if n}

    def told(self, understood: Understood) -> Understood:
        """Return what was understood, and what was left alone."""
        system = dict(sorted(self.system.items()))
        notes = (*understood.notes, *self._notes())
        return replace(understood, left_alone=system, notes=notes)

    def _notes(self) -> tuple[str, ...]:
        """Return what is to be said of empty folders, and of images that an option would take."""
        said = [*self.unmatched]
        if self.empty:
            said.append(f"no image in {_such(self._empty, self.empty)}")
        if self.unnamed:
            said.append(
                f"left alone although their first bytes are an image's: "
                f"{_such(self._unnamed, self.unnamed)} (--any-name takes them)"
            )
        if self.linked:
            said.append(
                f"left alone as they are links out of the source: "
                f"{_such(self._linked, self.linked)} (--follow-links takes them)"
            )
        return tuple(said)


def _such(examples: list[str], n: int) -> str:
    return ", ".join(examples) + (", …" if n > len(examples) else "")


def in_words(skipped: dict[str, int]) -> str:
    """Return what was left alone as an end of a message; nothing for nothing."""
    counts = ", ".join(f"{n} {what}" for what, n in skipped.items() if n)
    return f" (left alone: {counts})" if counts else ""


class Kept(Protocol):
    """What was seen of the heads of files, kept from one run to the next; see `Heads`."""

    has_news: bool
    kept_at: set[Path]

    def to_bytes(self) -> bytes:
        """Return what was asked for in this run."""

    def recall(self, data: bytes) -> None:
        """Take in what `to_bytes` wrote; anything else is nothing."""


@runtime_checkable
class LooksAtHeads(Protocol):
    """A source that looks at the heads of files or members; what it saw is kept between runs."""

    @property
    def heads(self) -> Kept | None:
        """What was seen; None where this one looks at none after all."""


def heads_of(source: Source) -> Kept | None:
    """Return what a source saw of heads, None where it looks at none."""
    return source.heads if isinstance(source, LooksAtHeads) else None
