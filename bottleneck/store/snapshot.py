"""A snapshot: what a source was when it was last looked at, immutable.

A plain one is of version 1. One of version 2 has a column more, `group` or `targets`: programs
that know version 1 alone must not open it, and learn that from the commit that names it.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from bottleneck.core.errors import DamagedError
from bottleneck.core.paths import from_json_text
from bottleneck.core.sample import NO_LABEL, SPLITS, TARGET_KINDS, Groups, Samples, Targets
from bottleneck.store.inventory import check_files, recorded_files, table_name
from bottleneck.store.part import publish_table
from bottleneck.store.table import ADVICE, Format, bad_bytes_are_damage, check_columns, format_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

NEWEST_VERSION = 2
_COLUMNS: dict[str, tuple[str, tuple[int | None, ...]]] = {
    "key": ("|u1", (None, None)),
    "digest": ("|u1", (None, 32)),
    "known": ("|u1", (None,)),
    "label": ("<i4", (None,)),
    "split": ("|u1", (None,)),
}
_LATER_COLUMNS: dict[str, tuple[str, tuple[int | None, ...]]] = {
    "group": ("<i4", (None,)),
    "targets": ("<f4", (None, None)),
}


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
        _texts([values["reason"], values["decoder"], values["limits"]])
        return cls(**values)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Snapshot:
    """Samples in order, the description of their source, and what was set aside.

    Attributes
    ----------
    understood : how names and columns were read, for people; it decides nothing, so two snapshots
        may be the same in spite of it
    reading : the rules by which the source was read (`data.source.READING`); 0 of before there was
        a number
    """

    samples: Samples
    spec: Mapping[str, Any]
    quarantine: tuple[QuarantineEntry, ...] = ()
    understood: Mapping[str, Any] = field(default_factory=dict)
    reading: int = 0

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
    version: int = 1

    @property
    def table(self) -> str:
        """Its name in the store."""
        return f"snapshots/{self.snapshot}"

    def to_json(self) -> dict[str, Any]:
        """Return the JSON object of a commit's `sources`."""
        plain = {"snapshot": self.snapshot, "files": dict(self.files)}
        return plain if self.version == 1 else {**plain, "version": self.version}

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> SnapshotEntry:
        """Return the entry of a commit's JSON object; ValueError where it is none."""
        version = plain.get("version", 1)
        if type(version) is not int or not 1 <= version <= NEWEST_VERSION:
            raise ValueError(f"{version!r} is no version of a snapshot")
        return cls(
            snapshot=table_name(plain["snapshot"]),
            files=recorded_files(plain["files"]),
            version=version,
        )


def write_snapshot(folder: Path, fmt: Format, snapshot: Snapshot) -> SnapshotEntry:
    """Write a snapshot and publish it, durable, under a name of its own."""
    samples = snapshot.samples
    keys = np.ascontiguousarray(samples.keys)
    columns: dict[str, NDArray[Any]] = {
        "key": keys.view(np.uint8).reshape(len(keys), keys.dtype.itemsize),
        "digest": samples.digests,
        "known": samples.known.astype(np.uint8),
        "label": samples.labels.astype("<i4"),
        "split": samples.splits.astype(np.uint8),
    }
    attributes: dict[str, Any] = {
        "classes": list(samples.classes),
        "spec": dict(snapshot.spec),
        "quarantine": [entry.to_json() for entry in snapshot.quarantine],
    }
    if snapshot.understood:
        attributes["understood"] = dict(snapshot.understood)
    if snapshot.reading:
        attributes["reading"] = snapshot.reading
    if samples.groups is not None:
        columns["group"] = samples.groups.numbers.astype("<i4")
        attributes["groups"] = list(samples.groups.names)
    if samples.targets is not None:
        columns["targets"] = samples.targets.values.astype("<f4")
        attributes["targets"] = {
            "kind": samples.targets.kind,
            "names": list(samples.targets.names),
        }
    whole = hashlib.sha256()
    for column in columns.values():
        whole.update(np.ascontiguousarray(column).data)
    name, found = publish_table(folder, fmt, whole.hexdigest(), columns, attributes)
    version = 2 if columns.keys() & _LATER_COLUMNS.keys() else 1
    return SnapshotEntry(snapshot=name, files=found, version=version)


def read_snapshot(path: Path, entry: SnapshotEntry) -> Snapshot:
    """Read a snapshot whose every byte was checked against the commit (labels are data too)."""
    check_files(path, entry.files)
    table = format_of(path).open(path)
    later = {name: kind for name, kind in _LATER_COLUMNS.items() if name in table.columns}
    if bool(later) != (entry.version == 2):
        raise DamagedError("its columns are not those of its version", path, ADVICE)
    check_columns(table, {**_COLUMNS, **later}, path)
    with bad_bytes_are_damage(path):
        columns, attributes = table.columns, table.attributes
        key = columns["key"]
        samples = Samples(
            keys=np.ascontiguousarray(key).view(f"S{key.shape[1]}").reshape(-1),
            digests=columns["digest"],
            known=columns["known"].astype(bool),
            labels=columns["label"],
            splits=columns["split"],
            classes=_texts(attributes["classes"]),
            groups=_groups(columns["group"], attributes) if "group" in later else None,
            targets=_targets(columns["targets"], attributes) if "targets" in later else None,
        )
        if not _is_sound(samples):
            raise DamagedError("samples that cannot be (key, label or split)", path, ADVICE)
        return Snapshot(
            samples=samples,
            spec=_sound_spec(attributes["spec"]),
            quarantine=tuple(QuarantineEntry.from_json(e) for e in attributes["quarantine"]),
            understood=dict(attributes.get("understood", {})),
            reading=int(attributes.get("reading", 0)),
        )


def _texts(plain: object) -> tuple[str, ...]:
    """Return a list of texts; ValueError where it is none."""
    if not isinstance(plain, list) or not all(isinstance(text, str) for text in plain):
        raise ValueError("no list of texts")
    return tuple(plain)


def _sound_spec(plain: Any) -> dict[str, Any]:
    """Return what a source was described as; ValueError where it can describe none.

    It is opened again by its description, so a stranger's could lead anywhere, but not astray.
    """
    if not isinstance(plain, dict) or not isinstance(plain.get("kind"), str):
        raise ValueError("a source of no kind")  # noqa: TRY004 - one error for all bad bytes
    paths = _texts([*plain.get("include", []), *plain.get("exclude", [])])
    where = plain.get("where", "")
    if not isinstance(where, str) or any("\0" in from_json_text(it) for it in (where, *paths)):
        raise ValueError("a path that is none")
    return plain


def _groups(numbers: NDArray[np.int32], attributes: Mapping[str, Any]) -> Groups:
    """Return the groups of a table; ValueError where they cannot be."""
    groups = Groups(numbers=numbers, names=_texts(attributes["groups"]))
    if not _are_indices(numbers, len(groups.names)):
        raise ValueError("a group that has no name")
    return groups


def _targets(values: NDArray[np.float32], attributes: Mapping[str, Any]) -> Targets:
    """Return the targets of a table; ValueError where they cannot be."""
    described = attributes["targets"]
    targets = Targets(values=values, kind=described["kind"], names=_texts(described["names"]))
    if targets.kind not in TARGET_KINDS or len(targets.names) != values.shape[1]:
        raise ValueError("targets of a kind, or as many, as there are not")
    return targets


def _are_indices(numbers: NDArray[np.int32], n_names: int) -> bool:
    """Whether all are indices of so many names, or -1."""
    least, most = int(numbers.min(initial=NO_LABEL)), int(numbers.max(initial=NO_LABEL))
    return least >= NO_LABEL and most < n_names


def _is_sound(samples: Samples) -> bool:
    """Whether keys are unique and in order, labels name a class, splits are ours."""
    return (
        bool((samples.keys[1:] > samples.keys[:-1]).all())
        and _are_indices(samples.labels, len(samples.classes))
        and int(samples.splits.max(initial=0)) < len(SPLITS)
    )
