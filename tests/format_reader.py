"""A reader of stores that was written from docs/format.md alone.

It imports nothing of bottleneck: hashlib, json and h5py are all that it needs, or any language has.
It checks everything that the document says, and raises ValueError where something is otherwise.
"""

import hashlib
import json
import re
from pathlib import Path

import h5py
import numpy as np

NEWEST = 2


def check(holds, what):
    """Raise ValueError unless it holds."""
    if not holds:
        raise ValueError(what)


def canonical(value):
    """Spell a JSON value as "Canonical JSON" says."""
    if value is None or isinstance(value, bool | str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, int | float):
        return (float(value) + 0.0).hex()
    if isinstance(value, list):
        return "[" + ",".join(map(canonical, value)) + "]"
    return "{" + ",".join(f"{canonical(k)}:{canonical(value[k])}" for k in sorted(value)) + "}"


def digest_of(value):
    """Return the digest of a JSON value, in hex."""
    return hashlib.sha256(canonical(value).encode()).hexdigest()


def once(pairs):
    """Return a JSON object; a key that stands twice is damage."""
    check(len(dict(pairs)) == len(pairs), "a key stands twice")
    return dict(pairs)


def sealed(data):
    """Return a JSON object whose checksum is right."""
    plain = json.loads(data, object_pairs_hook=once)
    rest = {key: value for key, value in plain.items() if key != "checksum"}
    check(plain.get("checksum") == digest_of(rest), "checksum")
    return plain


def crc32c_table():
    """Return the table of CRC-32C (polynomial 0x1EDC6F41, reflected)."""
    table = []
    for byte in range(256):
        crc = byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
        table.append(crc)
    return table


TABLE = crc32c_table()


def crc32c(data):
    """Return the CRC-32C of bytes."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc = crc >> 8 ^ TABLE[(crc ^ byte) & 0xFF]
    return crc ^ 0xFFFFFFFF


def read_hdf5(path):
    """Return columns and attributes of a table in HDF5."""
    columns = {}
    with h5py.File(path) as file:
        check(file.attrs["format_version"] == 1, "a table's format_version")
        for name, dataset in file.items():
            offset = dataset.id.get_offset()
            check(dataset.size == 0 or (offset is not None and offset % 4096 == 0), "aligned")
            if dataset.size:  # contiguous: it can be read at its offset, without HDF5
                data = Path(path).read_bytes()[offset : offset + dataset.nbytes]
                column = np.frombuffer(data, dataset.dtype).reshape(dataset.shape)
                np.testing.assert_array_equal(column, dataset[()])
            columns[name] = dataset[()]
    return columns, json.loads(columns.pop("attributes").tobytes())


def read_zarr(path):
    """Return columns and attributes of a table in zarr, from its files."""
    group = json.loads((path / "zarr.json").read_bytes())
    check((group["zarr_format"], group["node_type"]) == (3, "group"), "a zarr 3 group")
    check(group["attributes"]["format_version"] == 1, "a table's format_version")
    columns = {}
    for folder in sorted(p for p in path.iterdir() if p.is_dir()):
        array = json.loads((folder / "zarr.json").read_bytes())
        shape = array["shape"]
        check([codec["name"] for codec in array["codecs"]] == ["bytes"], "codecs")
        chunk = array["chunk_grid"]["configuration"]["chunk_shape"]
        check(chunk == [max(1, n) for n in shape], "one chunk")
        data = b""
        if 0 not in shape:
            data = folder.joinpath("c", *["0"] * len(shape)).read_bytes()
        dtype = np.dtype(array["data_type"]).newbyteorder("<")
        columns[folder.name] = np.frombuffer(data, dtype).reshape(shape)
    return columns, group["attributes"]["table"]


def table(path, files):
    """Return columns and attributes of a table, every byte of its files checked."""
    check(re.fullmatch(r"[0-9a-f]{16}-[0-9a-f]{8}\.(h5|zarr)", path.name), "a table's name")
    found = [path] if path.is_file() else sorted(p for p in path.rglob("*") if p.is_file())
    names = {"" if p == path else p.relative_to(path).as_posix() for p in found}
    check(names == files.keys(), "the files of a table")
    for name, (size, digest) in files.items():
        data = (path / name).read_bytes() if name else path.read_bytes()
        check((len(data), hashlib.sha256(data).hexdigest()) == (size, digest), f"bytes of {name}")
    columns, attributes = read_hdf5(path) if path.suffix == ".h5" else read_zarr(path)
    check(len({len(column) for column in columns.values()}) == 1, "columns of equal length")
    return columns, attributes


def part(path, entry, recipe_id, recipe):
    """Return {digest in hex: row} of a part, each checked."""
    columns, attributes = table(path / "parts" / entry["name"], entry["files"])
    check(columns.keys() == {"rows", "digests", "checksums"}, "a part's columns")
    check(attributes["recipe"] == recipe_id, "a part's recipe")
    rows, digests, sums = (columns[name] for name in ("rows", "digests", "checksums"))
    check(rows.dtype == recipe["rows"]["dtype"], "dtype")
    check(list(rows.shape) == [entry["rows"], *recipe["rows"]["shape"]], "shape")
    head = bytes.fromhex(recipe_id)
    whole = hashlib.sha256(head + digests.tobytes() + sums.astype("<u4").tobytes()).hexdigest()
    check(whole == entry["id"] and entry["name"][:16] == whole[:16], "a part's id")
    for digest, row, crc in zip(digests, rows, sums, strict=True):
        check(crc32c(head + digest.tobytes() + row.tobytes()) == crc, "a row's checksum")
    return {digest.tobytes().hex(): row for digest, row in zip(digests, rows, strict=True)}


def snapshot(path, entry):
    """Return what a snapshot says."""
    columns, attributes = table(path / "snapshots" / entry["snapshot"], entry["files"])
    later = columns.keys() & {"group", "targets"}
    check(columns.keys() - later == {"key", "digest", "known", "label", "split"}, "columns")
    check(entry.get("version", 1) == (2 if later else 1), "a snapshot's version")
    keys = [bytes(key).rstrip(b"\0") for key in columns["key"]]
    check(keys == sorted(set(keys)), "keys are sorted and unique")
    check((columns["label"] >= -1).all(), "labels")
    check((columns["label"] < len(attributes["classes"])).all(), "labels")
    check((columns["split"] <= 2).all(), "splits")
    check(not columns["digest"][columns["known"] == 0].any(), "digests that are not known")
    groups = targets = None
    if "group" in columns:
        groups = {"numbers": columns["group"].tolist(), "names": attributes["groups"]}
        check(min(groups["numbers"]) >= -1, "groups")
        check(max(groups["numbers"]) < len(groups["names"]), "groups")
    if "targets" in columns:
        targets = {**attributes["targets"], "values": columns["targets"]}
        check(targets["kind"] in ("labels", "numbers"), "kind of targets")
        check(len(targets["names"]) == targets["values"].shape[1], "names of targets")
    return {
        "keys": keys,
        "digests": [digest.tobytes().hex() for digest in columns["digest"]],
        "known": columns["known"].tolist(),
        "labels": columns["label"].tolist(),
        "splits": columns["split"].tolist(),
        "classes": attributes["classes"],
        "spec": attributes["spec"],
        "quarantine": attributes["quarantine"],
        "groups": groups,
        "targets": targets,
    }


def commits(path):
    """Return all commits, in order."""
    files = sorted(p for p in (path / "log").iterdir() if re.fullmatch(r"\d{8}\.json", p.name))
    found = []
    for file in files:
        plain = json.loads(file.read_bytes(), object_pairs_hook=once)
        check(plain["format_version"] <= NEWEST, "a newer format: upgrade")
        plain = sealed(file.read_bytes())
        check(plain["number"] == int(file.stem), "a commit's number")
        if found:
            check(plain["parent"] == found[-1]["checksum"], "a commit's parent")
        versions = [entry.get("version", 1) for entry in plain["sources"].values()]
        check(plain["format_version"] == max(versions, default=1), "a commit's version")
        found.append(plain)
    check(found, "not a store")
    return found


def history(path):
    """Return the lines of the history that are whole."""
    if not (path / "history.jsonl").exists():
        return []
    return [sealed(line) for line in (path / "history.jsonl").read_bytes().splitlines()]


def read_store(path):
    """Return (commit, recipe file, {digest: row}, {source: snapshot}) of a store."""
    newest = commits(path)[-1]
    recipe_file = sealed((path / "recipes" / f"{newest['recipe']}.json").read_bytes())
    recipe = recipe_file["recipe"]
    check(digest_of(recipe) == newest["recipe"], "a recipe's id")
    rows = {}
    for entry in newest["parts"]:
        rows.update(part(path, entry, newest["recipe"], recipe))
    sources = {name: snapshot(path, entry) for name, entry in newest["sources"].items()}
    return newest, recipe_file, rows, sources
