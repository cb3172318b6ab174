"""The files of KerasHub's presets: which names there are, and where a preset's files lie."""

from __future__ import annotations

import difflib
import json
import os
from importlib import import_module
from pathlib import Path
from typing import Any

from bottleneck.backbones import model_config
from bottleneck.backbones.kerashub_names import PREFIX, is_folder
from bottleneck.backbones.known import foreign_config
from bottleneck.core.errors import DamagedError, UnavailableError, UsageError

CONFIG = "config.json"
_AT_ONCE = "--backbone mini computes at once"
_FOLDER = f"or name a folder that holds the preset, --backbone {PREFIX}./FOLDER; {_AT_ONCE}"


def check_there(keras_hub: Any, preset: str) -> None:
    """Raise UsageError for a name or a folder that is no preset's."""
    where = f"--backbone {PREFIX}{preset}"
    if is_folder(preset):
        if not (Path(preset) / CONFIG).is_file():
            kind = (
                f"holds no preset: there is no {CONFIG}" if Path(preset).is_dir() else "no folder"
            )
            raise UsageError(kind, preset, "give a folder that save_to_preset of KerasHub has made")
        return
    if "://" in preset:
        return
    known = names(keras_hub)
    if preset not in known:
        near = difflib.get_close_matches(preset.lower(), known, 4, 0.4)
        hint = f"near it: {', '.join(near)}" if near else f"one of {', '.join(known)}"
        raise UsageError(f"KerasHub has no image preset {preset!r}", where, f"{hint}; or ./FOLDER")


def names(keras_hub: Any) -> list[str]:
    """Return the names of KerasHub's presets with a converter of images, sorted."""
    kinds = utilities().list_subclasses(keras_hub.layers.ImageConverter)
    found = {name for kind in kinds for name in kind.presets}
    return sorted(found)


def utilities() -> Any:
    """Return KerasHub's own module of presets, imported."""
    return import_module("keras_hub.src.utils.preset_utils")


def fetched(preset: str, name: str) -> Path:
    """Return where a file of a preset is, downloading it if need be."""
    try:
        return Path(utilities().get_file(preset, name))
    except MemoryError:
        raise
    except Exception as error:
        raise unavailable(preset, error) from error


def unavailable(preset: str, error: Exception) -> UnavailableError:
    """Return the error for a preset that is not on this machine and cannot be fetched."""
    handle = utilities().BUILTIN_PRESETS.get(preset, {}).get("kaggle_handle", preset)
    said = " ".join(str(error).split())[:120] or type(error).__name__
    scheme, _, rest = str(handle).partition("://")
    where: object = handle
    if scheme == "kaggle":
        cache = Path(os.environ.get("KAGGLEHUB_CACHE") or "~/.cache/kagglehub").expanduser()
        where = cache / "models" / rest
    return UnavailableError(
        f"the preset {handle} is not here and cannot be downloaded ({said})",
        where,
        f"put its files there, {_FOLDER}",
    )


def read(path: Path) -> dict[str, Any]:
    """Return the object of a JSON file of a preset; what could run code is refused."""
    try:
        config = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise DamagedError("cannot be read as JSON", path, "get the preset again") from error
    foreign = foreign_config(config) or next(
        (one.what for one in model_config.findings(config) if one.kind != "foreign"), None
    )
    if foreign or not isinstance(config, dict):
        raise UsageError(
            f"{foreign or 'something'} is not of KerasHub", path, "use a preset of its own classes"
        )
    return config
