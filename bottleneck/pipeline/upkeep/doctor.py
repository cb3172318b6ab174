"""Doctor: checks of this machine and environment that matter to a store."""

from __future__ import annotations

import errno
import os
import platform
import shutil
from importlib import metadata
from typing import TYPE_CHECKING, Any

from bottleneck.core import files
from bottleneck.core.paths import local_path

if TYPE_CHECKING:
    from pathlib import Path

# What a disk answers that cannot make files durable. No permission and no space are not among
# them: they are errors as anywhere else.
_NO_SYNC = {errno.EIO, errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS}
PACKAGES = ("numpy", "h5py", "zarr", "pillow", "keras", "tensorflow", "openvino", "matplotlib")
EXTRAS = {
    "keras": "openvino",
    "tensorflow": "tensorflow",
    "openvino": "openvino",
    "matplotlib": "plots",
}


def doctor(folder: Path) -> dict[str, Any]:
    """Return checks as {name: {ok, says}}; the disk is tried with real files in `folder`."""
    checks = {
        "import name": _import_name(),
        "python": {"ok": True, "says": platform.python_version()},
        **{name: _version(name) for name in PACKAGES},
        "gpu": _gpu(),
        **_disk(folder),
    }
    return {
        "verb": "doctor",
        "folder": str(folder),
        "checks": checks,
        "ok": all(check["ok"] for check in checks.values()),
    }


def _import_name() -> dict[str, Any]:
    owners = sorted(set(metadata.packages_distributions().get("bottleneck", [])))
    others = [name for name in owners if name.lower().replace("_", "-") != "bottleneck-cache"]
    if others:  # both, because uninstalling one deletes files of the other
        says = f"{', '.join(others)} has the same import name: pip uninstall {' '.join(owners)}"
        return {"ok": False, "says": f"{says}, then install bottleneck-cache again"}
    return {"ok": True, "says": "belongs to bottleneck-cache alone"}


def _version(name: str) -> dict[str, Any]:
    try:
        return {"ok": True, "says": metadata.version(name)}
    except metadata.PackageNotFoundError:
        extra = f" (extra: {EXTRAS[name]})" if name in EXTRAS else ""
        return {"ok": bool(extra), "says": f"not installed{extra}"}


def _gpu() -> dict[str, Any]:
    if shutil.which("nvidia-smi") is None:
        return {"ok": True, "says": "no NVIDIA driver on this machine"}
    names = (str(one.metadata["Name"]).lower() for one in metadata.distributions())
    if not any(name.startswith("nvidia-cudnn-") for name in names):  # -cu12 today
        return {
            "ok": True,
            "says": "there is a GPU that is not used: pip install 'bottleneck-cache[gpu]'",
        }
    return {"ok": True, "says": "NVIDIA driver and CUDA libraries are installed"}


def _disk(folder: Path) -> dict[str, dict[str, Any]]:
    existing = local_path(folder)
    while not existing.exists():
        existing = existing.parent
    trial = files.temporary_name(existing)
    try:
        files.make_folder(trial)
        files.sync_folder(trial)
        links = _hard_links(trial)
    except OSError as error:
        if error.errno not in _NO_SYNC:
            raise
        says = f"files cannot be made durable ({os.strerror(error.errno or 0)})"
        return {"fsync": {"ok": False, "says": says}}
    finally:
        files.delete(trial)
    return {"fsync": {"ok": True, "says": "files and their names are durable"}, "hard links": links}


def _hard_links(trial: Path) -> dict[str, Any]:
    try:
        files.create(trial / "two", b"2")
    except files.NoHardLinksError:
        return {
            "ok": True,
            "says": "none on this disk: commits take turns by the lock file log/lock",
        }
    return {"ok": True, "says": "yes: commits need no lock"}
