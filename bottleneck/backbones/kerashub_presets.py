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
from bottleneck.core.errors import (
    DamagedError,
    MissingDependencyError,
    UnavailableError,
    UsageError,
)
from bottleneck.core.kerashub import INSTALL, import_keras_hub

CONFIG = "config.json"
_AT_ONCE = "--backbone mini computes at once"
# With images alone they give no map or row of tokens: they want text too, or give many.
_OTHERS = {
    "BASNetBackbone",
    "BLIP2Backbone",
    "DFineBackbone",
    "Gemma3Backbone",
    "Gemma3nBackbone",
    "Gemma4Backbone",
    "HGNetV2Backbone",
    "PaliGemmaBackbone",
    "Qwen3_5Backbone",
    "Qwen3_5MoeBackbone",
    "RetinaNetBackbone",
    "SAM3PromptableConceptBackbone",
    "SAMBackbone",
    "T5Gemma2Backbone",
    "VideoPrismBackbone",
}
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
    if preset not in known:  # before anything is downloaded
        near = difflib.get_close_matches(preset.lower(), known, 4, 0.4)
        hint = f"near it: {', '.join(near)}" if near else f"one of {', '.join(known)}"
        raise UsageError(f"KerasHub has no image preset {preset!r}", where, f"{hint}; or ./FOLDER")


def names(keras_hub: Any) -> list[str]:
    """Return the names of KerasHub's presets of images, sorted; it has them with it."""
    kinds = utilities().list_subclasses(keras_hub.layers.ImageConverter)
    found = {
        name
        for kind in kinds
        if getattr(kind.backbone_cls, "__name__", None) not in _OTHERS
        for name in kind.presets
    }
    return sorted(found)


def listed() -> list[dict[str, Any]]:
    """Return each preset's `name`, number of `parameters`, and whether it is here; no network."""
    found, told = names(import_keras_hub()), utilities().BUILTIN_PRESETS
    return [
        {
            "name": PREFIX + name,
            "parameters": told[name]["metadata"].get("params"),
            "weights_here": _cached(told[name]["kaggle_handle"]).is_dir(),
        }
        for name in found
    ]


def _cached(handle: str) -> Path:
    """Return where the files of a `kaggle://` handle are, once they were fetched."""
    cache = Path(os.environ.get("KAGGLEHUB_CACHE") or "~/.cache/kagglehub").expanduser()
    return cache / "models" / handle.partition("://")[2]


def utilities() -> Any:
    """Return KerasHub's own module of presets, imported."""
    return import_module("keras_hub.src.utils.preset_utils")


def fetched(preset: str, name: str) -> Path:
    """Return where a file of a preset is, downloading it if need be."""
    try:
        return Path(utilities().get_file(preset, name))
    except MemoryError:
        raise
    except ImportError as error:
        raise MissingDependencyError(
            "the package that fetches such a preset is not installed", preset, INSTALL
        ) from error
    except Exception as error:
        raise unavailable(preset, error) from error


def unavailable(preset: str, error: Exception) -> UnavailableError:
    """Return the error for a preset that is not on this machine and cannot be fetched."""
    handle = str(utilities().BUILTIN_PRESETS.get(preset, {}).get("kaggle_handle", preset))
    said = " ".join(str(error).split())[:120] or type(error).__name__
    what = f"the preset {handle} is not here and cannot be downloaded ({said})"
    if not handle.startswith("kaggle://"):
        return UnavailableError(what, preset, f"try again with a network, {_FOLDER}")
    return UnavailableError(what, _cached(handle), f"put its files there, {_FOLDER}")


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
