"""Make the golden stores that the tests read for ever: `tests/golden/stores/v<version>-<format>/`.

Those of `v1-upkeep-<format>/` have what gc and a repair record besides.

They are small, and made of fixed numbers, names and times, so that a run gives the same bytes. A
store that was made once is never made anew: a change of the format makes further ones, and readers
read them all. Beside each stands what it holds, `v<version>-<format>.json`, written down here and
not read from the store.

    python scripts/make_golden_stores.py tests/golden/stores
"""

from __future__ import annotations

import hashlib
import itertools
import json
import sys
import uuid
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING
from unittest import mock

import numpy as np

from bottleneck.core import console, files
from bottleneck.core.recipe import ImageSpec, Recipe, RowSpec, ViewSpec
from bottleneck.core.sample import Groups, Samples, Targets, key_array
from bottleneck.store import commit
from bottleneck.store.copying import copied
from bottleneck.store.dead import DropRows, standing
from bottleneck.store.given_up import GiveUp
from bottleneck.store.log import SetSource
from bottleneck.store.snapshot import QuarantineEntry, Snapshot
from bottleneck.store.store import Store

if TYPE_CHECKING:
    from collections.abc import Iterator

RECIPES = {
    1: Recipe(
        network="1f" * 32,
        weights="2e" * 32,
        preprocessing="x/127.5-1",
        image=ImageSpec(size=(8, 12)),
        rows=RowSpec(dtype="float16", shape=(3,)),
    ),
    2: Recipe(
        network="3d" * 32,
        weights="4c" * 32,
        preprocessing="none",
        image=ImageSpec(size=(4, 4)),
        rows=RowSpec(dtype="float32", shape=(2, 3)),
        views=ViewSpec(number=2, operations=("flip 0.5", "shear 0.2"), seed=9),
        network_version="mine é 1.5",
    ),
}
KEYS = [b"a b/one.png", "cat/é.jpg".encode(), b"cat/\xff.jpg", b"dog/1", b"dog/10", b"dog/2"]
CLASSES = ("a b", "cat", "dög")
LABELS = [0, 1, 1, 2, -1, 2]
SPLITS = [0, 1, 0, 2, 0, 0]
IMAGES = [b"one", b"two", b"three", b"one", None, b"five"]  # the first and fourth are the same
GROUPS = [0, -1, 1, 1, 0, 0]
GROUP_NAMES = ("Ann", "Bo")
TARGETS = [[1.5, None], [0.25, -2.0], [None, None], [0.0, 1.0], [3.0, 4.0], [-1.0, 0.5]]
TARGET_NAMES = ("width", "height")
PROVENANCE = {"engine": "numpy", "device": "cpu", "batch": 2, "numpy": "2.0"}


def digest(image: bytes | None) -> bytes:
    """Return an image's digest, zeros where it is not known."""
    return bytes(32) if image is None else hashlib.sha256(image).digest()


def numbers(image: bytes, recipe: Recipe) -> list[float]:
    """Return the numbers of an image's row, which every float16 holds."""
    size = int(np.prod(recipe.rows.shape))
    return [(len(image) * 16 + i * i - 7) / 8 for i in range(size)]


def snapshot(version: int) -> Snapshot:
    """Return the samples; the last is set aside, the fifth is not known yet."""
    samples = Samples(
        keys=key_array(KEYS),
        digests=np.frombuffer(b"".join(map(digest, IMAGES)), np.uint8).reshape(-1, 32),
        known=np.array([image is not None for image in IMAGES]),
        labels=np.array(LABELS, np.int32),
        splits=np.array(SPLITS, np.uint8),
        classes=CLASSES,
    )
    if version >= 2:
        values = np.array(TARGETS, np.float32)  # None becomes NaN
        samples = replace(
            samples,
            groups=Groups(numbers=np.array(GROUPS, np.int32), names=GROUP_NAMES),
            targets=Targets(values=values, kind="numbers", names=TARGET_NAMES),
        )
    aside = QuarantineEntry(
        key=KEYS[5], digest=digest(IMAGES[5]), reason="cut off", decoder="pillow 12", limits="1e8"
    )
    spec = {"kind": "folder", "where": "/photos/é", "include": [], "exclude": ["*.gif"]}
    return Snapshot(samples=samples, spec=spec, quarantine=(aside,))


def make(path: Path, version: int, fmt: str, *, with_upkeep: bool) -> None:
    """Write a store of four commits, the last of which holds all; with upkeep, of three more."""
    recipe = RECIPES[version]

    def add_rows(store: Store, *images: bytes) -> Store:
        digests = np.frombuffer(b"".join(map(digest, images)), np.uint8).reshape(-1, 32)
        rows = np.array([numbers(image, recipe) for image in images], recipe.rows.dtype)
        rows = rows.reshape(-1, *recipe.rows.shape)
        return store.commit(
            [store.add_part(store.write_part(digests, rows, PROVENANCE))], "extract"
        )

    store = Store.create(path, recipe, {"backbone": "golden", "layer": "é"}, fmt)
    entry = store.write_snapshot(snapshot(version))
    store = store.commit([SetSource("photos", None, entry)], "extract")
    store = add_rows(store, b"one", b"two")
    store = add_rows(store, b"two", b"three")  # `two` again, as two machines would
    store.append_history({"verb": "extract", "computed": 3, "seconds": 0.5})
    if with_upkeep:
        store = add_rows(store, b"six", b"one", b"seven")  # of which one is needed
        part = store.parts[-1]
        drop = DropRows(
            old=(part.entry.name,),
            new=(copied(store, [(part, np.array([1]))]),),
            rows=2,
            sources=standing(store.state),
        )
        store = store.commit([drop], "gc")
        store.commit([GiveUp((f"parts/{part.entry.name}",))], "verify --repair")
        files.delete(part.path)  # as if it had been beyond use


def expected(version: int, fmt: str, *, with_upkeep: bool) -> bytes:
    """Return what a reader must find, as JSON; keys and digests are in hex."""
    recipe = RECIPES[version]
    known = {digest(image).hex(): numbers(image, recipe) for image in (b"one", b"two", b"three")}
    found = {
        "format": fmt,
        "version": version,
        "commit": 7 if with_upkeep else 4,
        "recipe": recipe.id,
        "dtype": recipe.rows.dtype,
        "shape": list(recipe.rows.shape),
        "keys": [key.hex() for key in KEYS],
        "digests": [digest(image).hex() for image in IMAGES],
        "known": [image is not None for image in IMAGES],
        "labels": LABELS,
        "splits": SPLITS,
        "classes": list(CLASSES),
        "quarantine": [[KEYS[5].hex(), "cut off"]],
        "groups": {"numbers": GROUPS, "names": list(GROUP_NAMES)} if version >= 2 else None,
        "targets": {"kind": "numbers", "names": list(TARGET_NAMES), "values": TARGETS}
        if version >= 2
        else None,
        "rows": known,
    }
    return (json.dumps(found, indent=1, ensure_ascii=True) + "\n").encode()


def _uuids() -> Iterator[uuid.UUID]:
    """Yield 00000001-…, 00000002-…: names have the first eight digits."""
    yield from (uuid.UUID(int=number << 96) for number in itertools.count(1))


class _Clock(datetime):
    @classmethod
    def now(cls, tz: object = None) -> datetime:  # type: ignore[override]
        return datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def make_all(folder: Path) -> list[str]:
    """Make every golden store that is not in the folder yet; return their names."""
    made = []
    kinds = [*((version, "") for version in RECIPES), (1, "upkeep-")]
    for (version, kind), fmt in itertools.product(kinds, ("hdf5", "zarr")):
        name = f"v{version}-{kind}{fmt}"
        if (folder / name).exists():
            continue
        with (
            mock.patch.object(uuid, "uuid4", side_effect=_uuids()),
            mock.patch.object(commit, "datetime", _Clock),
        ):
            make(folder / name, version, fmt, with_upkeep=bool(kind))
        (folder / f"{name}.json").write_bytes(expected(version, fmt, with_upkeep=bool(kind)))
        made.append(name)
    return made


if __name__ == "__main__":
    console.result({}, make_all(Path(sys.argv[1])), as_json=False)
