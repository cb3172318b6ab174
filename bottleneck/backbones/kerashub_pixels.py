"""What a preset's image converter says of pixels: scale and offset, filter, fit and size."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bottleneck.backbones import affine, preprocessing
from bottleneck.backbones.kerashub_names import is_folder
from bottleneck.backbones.kerashub_presets import read, utilities
from bottleneck.backbones.model_file import reason
from bottleneck.core.errors import DamagedError, UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from bottleneck.backbones.backbone import Request

_CONVERTER = "image_converter.json"
_FILTERS = {"lanczos3": "lanczos", "lanczos5": "lanczos"}  # Pillow has that of three alone


def converter_of(keras_hub: Any, folder: Path, preset: str, config: dict[str, Any]) -> Any:
    """Return the preset's image converter, None where it has none."""
    if "registered_name" in config:  # KerasHub's own format; of others it makes one
        if not is_folder(preset):
            utilities().check_file_exists(preset, _CONVERTER)  # fetches it
        if not (folder / _CONVERTER).is_file():
            return None
        read(folder / _CONVERTER)
    try:
        found = keras_hub.layers.ImageConverter.from_preset(preset)
    except Exception as error:
        raise DamagedError(
            f"KerasHub cannot read it ({reason(error)})",
            folder / _CONVERTER,
            "get the preset again",
        ) from error
    plain = keras_hub.layers.ImageConverter
    if type(found).call is not plain.call or type(found)._call_python is not plain._call_python:
        raise UsageError(
            f"{type(found).__name__} does more to pixels than to scale them",
            preset,
            "use the preset of an image backbone",
        )
    return found


def arithmetic(converter: Any) -> str:
    """Return what is done to pixels from 0 to 255, as `preprocessing.apply` takes it."""
    if converter is None:
        return preprocessing.NONE
    return affine.spelled(_numbers(converter.scale), _numbers(converter.offset))


def _numbers(value: Any) -> tuple[float, ...]:
    if value is None:
        return ()
    return tuple(value) if isinstance(value, list | tuple) else (value,)


def resample(converter: Any) -> str:
    """Return the filter that resizes, as Pillow names it."""
    name = str(getattr(converter, "interpolation", "bilinear"))
    return _FILTERS.get(name, name)


def fit(converter: Any) -> str:
    """Return how an image of another shape gets the network's, of choices.FITS."""
    if converter is None:
        return "squash"
    if converter.pad_to_aspect_ratio:
        return "pad"
    return "crop" if converter.crop_to_aspect_ratio else "squash"


def size_of(tower: Any, converter: Any, request: Request) -> tuple[int, int]:
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
