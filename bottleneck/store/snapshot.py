"""A snapshot: what a source was when it was last looked at, immutable."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from bottleneck.core.errors import DamagedError
from bottleneck.core.sample import NO_LABEL, SPLITS, Samples
from bottleneck.store.inventory import check_files, recorded_files, table_name
from bottleneck.store.part import publish_table
from bottleneck.store.table import ADVICE, Format, bad_bytes_are_damage, check_columns, format_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class QuarantineEntry:
    """A sample that could not be used, and the state in which that was so.

    It is passed over only while digest, decoder and limits are the same; one that could not even
    be read (digest None) is tried on every run.
    """

    key: bytes
    digest: bytes | None
    reason: str
    decoder: str
    limits: str

    def to_json(self) -> dict[str, Any]:
        """Return the JSON object of a snapshot's attribute (bytes in hex)."""
        return {
            "key": self.key.hex(),
            "digest": self.digest.hex() if self.digest is not None else None,
            "reason": self.reason,
            "decoder": self.decoder,
            "limits": self.limits,
        }

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> QuarantineEntry:
        """Return the entry of a JSON object."""
        values = dict(plain)
        values["key"] = bytes.fromhex(values["key"])
        if values["digest"] is not None:
            values["digest"] = bytes.fromhex(values["digest"])
        return cls(**values)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Snapshot:
    """Samples in order, the description of their source, and what was set aside."""

    samples: Samples
    spec: Mapping[str, Any]
    quarantine: tuple[QuarantineEntry, ...] = ()

    def same_as(self, other: Snapshot) -> bool:
        """Whether both say the same."""
        return (
            self.spec == other.spec
            and self.quarantine == other.quarantine
            and self.samples.same_as(other.samples)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class SnapshotEntry:
    """A snapshot as a commit records it."""

    snapshot: str  # its name
    files: Mapping[str, list[Any]]

    def to_json(self) -> dict[str, Any]:
        """Return the JSON object of a commit's `sources`."""
        return {"snapshot": self.snapshot, "files": dict(self.files)}

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> SnapshotEntry:
        """Return the entry of a commit's JSON object; ValueError where it is none."""
        return cls(snapshot=table_name(plain["snapshot"]), files=recorded_files(plain["files"]))


def write_snapshot(folder: Path, fmt: Format, snapshot: Snapshot) -> SnapshotEntry:
    """Write a snapshot and publish it, durable, under a name of its own."""
    samples = snapshot.samples
    keys = np.ascontiguousarray(samples.keys)
    columns = {
        "key": keys.view(np.uint8).reshape(len(keys), keys.dtype.itemsize),
        "digest": samples.digests,
        "known": samples.known.astype(np.uint8),
        "label": samples.labels.astype("<i4"),
        "split": samples.splits.astype(np.uint8),
    }
    attributes = {
        "classes": list(samples.classes),
        "spec": dict(snapshot.spec),
        "quarantine": [entry.to_json() for entry in snapshot.quarantine],
    }
    whole = hashlib.sha256()
    for column in columns.values():
        whole.update(np.ascontiguousarray(column).data)
    name, found = publish_table(folder, fmt, whole.hexdigest(), columns, attributes)
    return SnapshotEntry(snapshot=name, files=found)


def read_snapshot(path: Path, entry: SnapshotEntry) -> Snapshot:
    """Read a snapshot whose every byte was checked against the commit (labels are data too)."""
    check_files(path, entry.files)
    table = format_of(path).open(path)
    check_columns(
        table,
        {
            "key": ("|u1", (None, None)),
            "digest": ("|u1", (None, 32)),
            "known": ("|u1", (None,)),
            "label": ("<i4", (None,)),
            "split": ("|u1", (None,)),
        },
        path,
    )
    with bad_bytes_are_damage(path):
        columns, attributes = table.columns, table.attributes
        key = columns["key"]
        samples = Samples(
            keys=np.ascontiguousarray(key).view(f"S{key.shape[1]}").reshape(-1),
            digests=columns["digest"],
            known=columns["known"].astype(bool),
            labels=columns["label"],
            splits=columns["split"],
            classes=tuple(attributes["classes"]),
        )
        if not _is_sound(samples):
            raise DamagedError("samples that cannot be (key, label or split)", path, ADVICE)
        return Snapshot(
            samples=samples,
            spec=attributes["spec"],
            quarantine=tuple(QuarantineEntry.from_json(e) for e in attributes["quarantine"]),
        )


def _is_sound(samples: Samples) -> bool:
    """Whether keys are unique and in order, labels name a class, splits are ours."""
    return (
        bool((samples.keys[1:] > samples.keys[:-1]).all())
        and int(samples.labels.min(initial=NO_LABEL)) >= NO_LABEL
        and int(samples.labels.max(initial=NO_LABEL)) < len(samples.classes)
        and int(samples.splits.max(initial=0)) < len(SPLITS)
    )
