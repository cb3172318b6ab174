"""Loading a preset of KerasHub: its image tower, and what its image converter says of pixels."""

from __future__ import annotations

import difflib
import json
import os
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bottleneck.backbones import (
    affine,
    cut,
    kerashub_graph,
    kerashub_positions,
    model_config,
    preprocessing,
)
from bottleneck.backbones.backbone import bad_size, from_model
from bottleneck.backbones.counted import counted_config
from bottleneck.backbones.kerashub_names import PREFIX, WEIGHTS, is_folder
from bottleneck.backbones.known import foreign_config
from bottleneck.backbones.model_file import reason
from bottleneck.core.canonical import canonical_digest
from bottleneck.core.errors import (
    BottleneckError,
    DamagedError,
    UnavailableError,
    UsageError,
)
from bottleneck.core.frameworks import import_keras
from bottleneck.core.kerashub import import_keras_hub, others_hidden

if TYPE_CHECKING:
    from bottleneck.backbones.backbone import Backbone, Request
    from bottleneck.core.reporter import Reporter

CONFIG, CONVERTER = "config.json", "image_converter.json"
_FILTERS = {"lanczos3": "lanczos", "lanczos5": "lanczos"}  # Pillow has that of three alone
_AT_ONCE = "--backbone mini computes at once"
_FOLDER = f"or name a folder that holds the preset, --backbone {PREFIX}./FOLDER; {_AT_ONCE}"
_READ = (".json", ".h5", ".safetensors")


def load(request: Request, reporter: Reporter) -> Backbone:
    """Load a preset; see `kerashub.load`."""
    preset = request.backbone.removeprefix(PREFIX)
    if request.weights != WEIGHTS:
        raise UsageError("a preset holds its own weights", "--weights", "omit --weights")
    keras_hub, keras = import_keras_hub(), import_keras()
    _check_there(keras_hub, preset)
    with others_hidden():  # where a file is, it asks TensorFlow
        folder = _fetched(preset, CONFIG).parent
        config = _read(folder / CONFIG)
        network = _loaded(keras_hub, request, preset, config)
        converter = _converter(keras_hub, folder, preset, config)
    tower = kerashub_graph.image_tower(network, request.backbone)
    kerashub_positions.interpolate(tower)
    size = _size(tower, converter, request)
    name = getattr(converter, "interpolation", "bilinear")
    prefix, tokens = kerashub_graph.prefix_tokens(tower), tower.outputs[0].shape[1]

    def pool(tensor: Any, pooling: str) -> Any:
        if len(tensor.shape) != 3:
            return cut.pool(tensor, pooling)
        return kerashub_graph.pool(tensor, pooling, prefix=prefix, tokens=tokens)

    try:
        found = from_model(
            kerashub_graph.opened(tower),
            ours=True,
            layer=request.layer,
            pooling=request.pooling,
            pool=pool,
            size=size,
            preprocessing=preprocessing.named(request.preprocessing, _arithmetic(converter)),
            network_version=request.network_version,
            weight_files=tuple(path for path in sorted(folder.iterdir()) if path.suffix in _READ),
            about={
                "backbone": request.backbone
                if not is_folder(preset)
                else PREFIX + Path(preset).name,
                "layer": request.layer,
                "pooling": request.pooling,
                "weights": "its own",
                "keras": keras.__version__,
                "keras_hub": keras_hub.__version__,
            },
        )
    except (BottleneckError, MemoryError):
        raise
    except Exception as error:
        raise UsageError(
            f"cannot be rebuilt ({reason(error)})", request.backbone, "choose another preset"
        ) from error
    if converter is None and request.preprocessing is None:
        reporter.say("the preset says nothing of pixels: they stay from 0 to 255")
    return replace(
        found,
        network=_digest(tower, found.network),
        before=tuple,
        resample=_FILTERS.get(name, name),
        fit=_fit(converter),
    )


def _digest(tower: Any, graph: str) -> str:
    """Return the digest of a network: of its graph, and of what its preset says of all of it.

    Not every layer of KerasHub writes all that it was made with into its own config; what a preset
    is made from is whole.
    """
    config = counted_config(tower, 4)
    config.pop("image_shape", None)  # the recipe has the size
    return canonical_digest({"graph": graph, "config": {type(tower).__name__: config}})


def _check_there(keras_hub: Any, preset: str) -> None:
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
    known = _names(keras_hub)
    if preset not in known:
        near = difflib.get_close_matches(preset.lower(), known, 4, 0.4)
        hint = f"near it: {', '.join(near)}" if near else f"one of {', '.join(known)}"
        raise UsageError(f"KerasHub has no image preset {preset!r}", where, f"{hint}; or ./FOLDER")


def _names(keras_hub: Any) -> list[str]:
    """Return the names of KerasHub's presets with a converter of images, sorted."""
    kinds = _presets().list_subclasses(keras_hub.layers.ImageConverter)
    found = {name for kind in kinds for name in kind.presets}
    return sorted(found)


def _presets() -> Any:
    return import_module("keras_hub.src.utils.preset_utils")


def _fetched(preset: str, name: str) -> Path:
    """Return where a file of a preset is, downloading it if need be."""
    try:
        return Path(_presets().get_file(preset, name))
    except MemoryError:
        raise
    except Exception as error:
        raise _unavailable(preset, error) from error


def _unavailable(preset: str, error: Exception) -> UnavailableError:
    handle = _presets().BUILTIN_PRESETS.get(preset, {}).get("kaggle_handle", preset)
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


def _read(path: Path) -> dict[str, Any]:
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


def _loaded(keras_hub: Any, request: Request, preset: str, config: dict[str, Any]) -> Any:
    said: dict[str, Any] = {"dtype": "float32"}
    shape = config.get("config", {}).get("image_shape")
    if request.size is not None and isinstance(shape, list) and None not in shape:
        said["image_shape"] = (*request.size, shape[-1])
    try:
        return keras_hub.models.Backbone.from_preset(preset, **said)
    except MemoryError:
        raise
    except Exception as error:
        if "image_shape" in said:
            assert request.size is not None
            raise bad_size(preset, request.size, error) from error
        if not is_folder(preset) and isinstance(error, OSError):
            raise _unavailable(preset, error) from error
        raise UsageError(
            f"KerasHub cannot load it ({reason(error)})",
            request.backbone,
            "check that keras_hub.models.Backbone.from_preset loads it",
        ) from error


def _converter(keras_hub: Any, folder: Path, preset: str, config: dict[str, Any]) -> Any:
    """Return the preset's image converter, None where it has none."""
    if "registered_name" in config:  # KerasHub's own format; of others it makes one
        if not is_folder(preset):
            _presets().check_file_exists(preset, CONVERTER)  # fetches it
        if not (folder / CONVERTER).is_file():
            return None
        _read(folder / CONVERTER)
    try:
        found = keras_hub.layers.ImageConverter.from_preset(preset)
    except Exception as error:
        raise DamagedError(
            f"KerasHub cannot read it ({reason(error)})", folder / CONVERTER, "get the preset again"
        ) from error
    plain = keras_hub.layers.ImageConverter
    if type(found).call is not plain.call or type(found)._call_python is not plain._call_python:
        raise UsageError(
            f"{type(found).__name__} does more to pixels than to scale them",
            preset,
            "use the preset of an image backbone",
        )
    return found


def _arithmetic(converter: Any) -> str:
    if converter is None:
        return preprocessing.NONE
    return affine.spelled(_numbers(converter.scale), _numbers(converter.offset))


def _numbers(value: Any) -> tuple[float, ...]:
    if value is None:
        return ()
    return tuple(value) if isinstance(value, list | tuple) else (value,)


def _fit(converter: Any) -> str:
    if converter is None:
        return "squash"
    if converter.pad_to_aspect_ratio:
        return "pad"
    return "crop" if converter.crop_to_aspect_ratio else "squash"


def _size(tower: Any, converter: Any, request: Request) -> tuple[int, int]:
    """Return (height, width): what is asked for, or what the network or its converter says."""
    shape = tower.inputs[0].shape
    if shape[-1] != 3:
        raise UsageError(f"takes {shape[-1]} channels", request.backbone, "use one of RGB images")
    own = shape[1:3] if None not in shape[1:3] else getattr(converter, "image_size", None)
    size = request.size or own
    if size is None:
        raise UsageError(
            "takes images of any size", request.backbone, "choose one with --size HEIGHT[xWIDTH]"
        )
    return int(size[0]), int(size[1])
