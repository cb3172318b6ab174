"""A disk that loses its power: what was not made durable is gone, half there, or in another order.

`Recorder` stands in for the module `os` in core/files.py and writes down every call that changes
something. `disk_after` builds what a disk may hold when the power fails after the first k of them:

- the bytes of a file are those at its last fsync, or any of: all that was written, half of what
  came since, or zeros in its place;
- each name that was given or taken away since its folder's last fsync is there or not, whatever
  became of those before it. Renaming is one step, also from folder to folder.
"""

from __future__ import annotations

import errno
import os
from dataclasses import dataclass, field
from pathlib import Path


class Recorder:
    """The module `os`, writing down what changes something below a folder."""

    def __init__(self, root):
        self.root = Path(root)
        self.events = []
        self._paths = {}

    def __getattr__(self, name):
        return getattr(os, name)

    def _note(self, what, *paths, data=b""):
        relative = [Path(path).relative_to(self.root).parts for path in paths]
        self.events.append((what, *relative, data))

    def open(self, path, flags, mode=0o777):
        is_new = bool(flags & os.O_CREAT) and not os.path.lexists(path)
        handle = os.open(path, flags, mode)
        if is_new:
            self._note("create", path)
        self._paths[handle] = path
        return handle

    def close(self, handle):
        self._paths.pop(handle, None)
        os.close(handle)

    def write(self, handle, data):
        n_taken = os.write(handle, data)
        self._note("write", self._paths[handle], data=bytes(data[:n_taken]))
        return n_taken

    def fsync(self, handle):
        os.fsync(handle)
        self._note("sync", self._paths[handle])

    def mkdir(self, path, *mode):
        os.mkdir(path, *mode)  # noqa: PTH102 - what it stands in for
        self._note("mkdir", path)

    def link(self, old, new):
        os.link(old, new)
        self._note("link", old, new)

    def rename(self, old, new):
        os.rename(old, new)  # noqa: PTH104 - what it stands in for
        self._note("rename", old, new)

    replace = rename

    def unlink(self, path):
        os.unlink(path)  # noqa: PTH108 - what it stands in for
        self._note("unlink", path)

    def rmtree(self, path):
        """Stand in for shutil.rmtree."""
        for folder, folders, names in os.walk(path, topdown=False):
            for name in names:
                self.unlink(Path(folder) / name)
            for name in folders:
                os.rmdir(Path(folder) / name)  # noqa: PTH106 - what it stands in for
                self._note("unlink", Path(folder) / name)
        os.rmdir(path)  # noqa: PTH106 - what it stands in for
        self._note("unlink", path)


class NoLinks(Recorder):
    """The same where there are no hard links."""

    def link(self, old, new):
        raise OSError(errno.EPERM, "Operation not permitted", old)


@dataclass(eq=False)
class File:
    """The bytes that are surely there, and those that a reader sees now."""

    synced: bytes = b""
    live: bytes = b""


@dataclass(eq=False)
class Change:
    """One change of names, which may be in two folders: {(folder, name): what is there then}."""

    names: list


@dataclass(eq=False)
class Folder:
    """The names that are surely there, those that a reader sees now, and what is between."""

    synced: dict = field(default_factory=dict)
    live: dict = field(default_factory=dict)
    pending: list = field(default_factory=list)


def read_folder(path):
    """Return a folder of a disk, all of it durable."""
    folder = Folder()
    for entry in path.iterdir():
        if entry.is_dir():
            folder.synced[entry.name] = read_folder(entry)
        else:
            data = entry.read_bytes()
            folder.synced[entry.name] = File(data, data)
    folder.live = dict(folder.synced)
    return folder


def _at(root, parts):
    for part in parts:
        root = root.live[part]
    return root


def _change(root, *names):
    """Change names: (path, what is there then or None)."""
    change = Change([(_at(root, path[:-1]), path[-1], node) for path, node in names])
    for folder, name, node in change.names:
        if node is None:
            del folder.live[name]
        else:
            folder.live[name] = node
        if change not in folder.pending:
            folder.pending.append(change)


def _sync(node):
    if isinstance(node, File):
        node.synced = node.live
        return
    for change in node.pending[:]:
        for folder, name, inner in change.names:
            _set(folder.synced, name, inner)
            if change in folder.pending:
                folder.pending.remove(change)


def _set(names, name, node):
    if node is None:
        names.pop(name, None)
    else:
        names[name] = node


def _apply(root, event):
    what, *paths, data = event
    if what == "create":
        _change(root, (paths[0], File()))
    elif what == "mkdir":
        _change(root, (paths[0], Folder()))
    elif what == "write":
        file = _at(root, paths[0])
        file.live += data
    elif what == "sync":
        _sync(_at(root, paths[0]))
    elif what == "link":
        _change(root, (paths[1], _at(root, paths[0])))
    elif what == "rename":
        node = _at(root, paths[0])
        _change(root, (paths[0], None), (paths[1], node))
    else:
        _change(root, (paths[0], None))


def disk_after(base, events, target, rng=None):
    """Write to `target` what a disk that held `base` may hold after these events and a power loss.

    Without `rng` all that was not made durable is gone; with it, each piece by chance.
    """
    root = read_folder(base)
    for event in events:
        _apply(root, event)
    kept = {}

    def is_kept(change):
        if id(change) not in kept:
            kept[id(change)] = rng is not None and rng.random() < 0.5
        return kept[id(change)]

    def content(file):
        if rng is None or file.live == file.synced:
            return file.synced
        half = (len(file.synced) + len(file.live)) // 2
        zeros = bytes(len(file.live) - len(file.synced))
        ways = [file.synced, file.live, file.live[:half], file.live[: len(file.synced)] + zeros]
        return ways[rng.integers(len(ways))]

    def put(folder, path):
        path.mkdir()
        names = dict(folder.synced)
        for change in folder.pending:
            if is_kept(change):
                for where, name, node in change.names:
                    if where is folder:
                        _set(names, name, node)
        for name, node in names.items():
            if isinstance(node, Folder):
                put(node, path / name)
            else:
                (path / name).write_bytes(content(node))

    put(root, target)
    return target
