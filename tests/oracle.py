"""What a store, its reports and its status must say, worked out without the package.

A plain walk of the folder, SHA-256 of every file, Pillow to see whether it is an image, and the
store's files as docs/format.md describes them: nothing of bottleneck is imported. For class
folders, whatever happened to them. Use it around a run, while nothing else touches the folder:

    before, now = oracle.stored(cache), oracle.walk(folder)
    want = oracle.extracted(before, "photos", now)
    report = extract(...)
    oracle.agree(report, want)
    oracle.agree(source_of(status(...)), oracle.held(oracle.stored(cache), "photos", now))
"""

from __future__ import annotations

import hashlib
import io
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import format_reader
from PIL import Image

ENDINGS = (".png", ".jpg", ".jpeg", ".gif", ".bmp", ".webp", ".tif", ".tiff", ".ppm")
COUNTS = ("cached", "pending", "quarantined")


@dataclass(frozen=True)
class Walked:
    """A folder as it is: key → digest in hex (None: it cannot be read), and what is no image."""

    images: dict[bytes, str | None]
    broken: frozenset[str] = frozenset()  # digests of what Pillow does not decode


@dataclass(frozen=True)
class Source:
    """A source as a snapshot has it: key → digest (None: not known), key → digest set aside."""

    images: dict[bytes, str | None]
    set_aside: dict[bytes, str | None] = field(default_factory=dict)


@dataclass(frozen=True)
class Stored:
    """What a store holds: the digests that have a row, and its sources."""

    commit: int
    rows: frozenset[str]
    sources: dict[str, Source]


NOTHING = Stored(commit=0, rows=frozenset(), sources={})


def walk(root: Path) -> Walked:
    """Look at every image below a folder. Names that begin with a dot are left alone."""
    found: dict[bytes, str | None] = {}
    broken = set()
    top = root.resolve()
    for folder, folders, names in os.walk(top):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for path in (Path(folder) / name for name in names):
            if path.name.startswith(".") or path.suffix.lower() not in ENDINGS:
                continue
            real = Path(os.path.realpath(path))  # a link counts while it leads to a file in here
            if not real.is_relative_to(top) or not real.is_file():
                continue
            key = os.fsencode(path.relative_to(top).as_posix())
            try:
                data = real.read_bytes()
            except OSError:
                found[key] = None
                continue
            digest = found[key] = hashlib.sha256(data).hexdigest()
            if not is_image(data):
                broken.add(digest)
    return Walked(images=found, broken=frozenset(broken))


def is_image(data: bytes) -> bool:
    """Whether Pillow decodes these bytes."""
    try:
        with Image.open(io.BytesIO(data)) as image:
            image.convert("RGB")
    except Exception:  # noqa: BLE001 - whatever a decoder raises
        return False
    return True


def stored(path: Path, *, rows_too: bool = False) -> Stored:
    """Read a store at its newest commit; `rows_too` checks every row (slowly, in Python)."""
    if not list((path / "log").glob("*.json")):
        return NOTHING
    newest = format_reader.commits(path)[-1]
    if rows_too:
        format_reader.read_store(path)
    rows: set[str] = set()
    for entry in newest["parts"]:
        columns, _ = format_reader.table(path / "parts" / entry["name"], entry["files"])
        rows |= {digest.tobytes().hex() for digest in columns["digests"]}
    sources = {}
    for name, entry in newest["sources"].items():
        plain = format_reader.snapshot(path, entry)
        columns = zip(plain["keys"], plain["digests"], plain["known"], strict=True)
        sources[name] = Source(
            images={key: digest if known else None for key, digest, known in columns},
            set_aside={bytes.fromhex(e["key"]): e["digest"] for e in plain["quarantine"]},
        )
    return Stored(commit=newest["number"], rows=frozenset(rows), sources=sources)


def moves(before: dict[bytes, str | None], now: dict[bytes, str | None]) -> dict[str, int]:
    """Count what happened to the keys between two looks; an image that changed its key moved."""
    both = before.keys() & now.keys()
    changed = sum(before[key] is not None and before[key] != now[key] for key in both)
    left = [before[key] for key in before.keys() - now.keys()]
    renamed = added = 0
    for key in now.keys() - before.keys():
        if now[key] is not None and now[key] in left:
            left.remove(now[key])
            renamed += 1
        else:
            added += 1
    return {"added": added, "changed": changed, "renamed": renamed, "deleted": len(left)}


def extracted(before: Stored, source: str, now: Walked) -> dict[str, int]:
    """Return what the report of a whole extraction must count, alone on an unchanging folder."""
    was = before.sources.get(source)
    good = {key: digest for key, digest in now.images.items() if digest not in {None, *now.broken}}
    new = {digest for digest in good.values() if digest not in before.rows}
    return {
        "samples": len(now.images),
        "computed": len(new),
        "cached": len(good) - len(new),  # a second image of the same bytes shares the row
        "pending": 0,
        "quarantined": len(now.images) - len(good),
        **moves(was.images if was else {}, now.images),
    }


def held(now: Stored, source: str, walked: Walked | None = None) -> dict[str, int]:
    """Return what status must count of a source as it was recorded.

    Parameters
    ----------
    walked : the folder, unchanged since; tells of images that were read after the listing was
        recorded, by a run that was killed: their rows are there
    """
    one = now.sources[source]
    digests = dict(one.images)
    for key, digest in digests.items():
        if digest is None and walked is not None:
            digests[key] = walked.images.get(key)
    cached = {key for key, digest in digests.items() if digest in now.rows}
    # Set aside is what has no row and still is what failed; unreadable is unknown.
    aside = {
        key
        for key, digest in one.set_aside.items()
        if key in digests and key not in cached and digest in (None, digests[key])
    }
    return {
        "samples": len(digests),
        "unique": len({digest for digest in digests.values() if digest is not None}),
        "cached": len(cached),
        "pending": len(digests) - len(cached) - len(aside),
        "quarantined": len(aside),
    }


def counts_of(report: dict[str, Any]) -> dict[str, Any]:
    """Return a report, or a source of status's, with the number of what was set aside."""
    aside = report["quarantined"]
    return {**report, "quarantined": len(aside) if isinstance(aside, list) else aside}


def agree(report: dict[str, Any], want: dict[str, int]) -> None:
    """Assert that a report (or a source of status's) counts what it must, and adds up."""
    said = counts_of(report)
    assert {key: said[key] for key in want} == want
    adds_up(said)


def adds_up(report: dict[str, Any]) -> None:
    """Assert that no count is below zero and that every sample is counted once."""
    said = counts_of(report)
    assert all(said[key] >= 0 for key in COUNTS), said
    assert said.get("computed", 0) >= 0, said
    assert sum(said[key] for key in COUNTS) + said.get("computed", 0) == said["samples"], said
