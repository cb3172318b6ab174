"""Loading a preset of KerasHub: its image tower, cut and with its identity."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bottleneck.backbones import (
    cut,
    kerashub_graph,
    kerashub_pixels,
    kerashub_positions,
    kerashub_presets,
    preprocessing,
)
from bottleneck.backbones.backbone import bad_size, from_model
from bottleneck.backbones.counted import counted_config
from bottleneck.backbones.kerashub_names import PREFIX, WEIGHTS, is_folder
from bottleneck.backbones.model_file import reason
from bottleneck.core.canonical import canonical_digest
from bottleneck.core.errors import BottleneckError, UsageError
from bottleneck.core.frameworks import import_keras
from bottleneck.core.kerashub import import_keras_hub, others_hidden

if TYPE_CHECKING:
    from collections.abc import Callable

    from bottleneck.backbones.backbone import Backbone, Request
    from bottleneck.core.reporter import Reporter

_READ = (".json", ".h5", ".safetensors")


def load(request: Request, reporter: Reporter) -> Backbone:
    """Load a preset; see `kerashub.load`."""
    preset = request.backbone.removeprefix(PREFIX)
    if request.weights != WEIGHTS:
        raise UsageError("a preset holds its own weights", "--weights", "omit --weights")
    keras_hub = import_keras_hub()
    kerashub_presets.check_there(keras_hub, preset)
    with others_hidden():  # where a file is, it asks TensorFlow
        folder = kerashub_presets.fetched(preset, kerashub_presets.CONFIG).parent
        config = kerashub_presets.read(folder / kerashub_presets.CONFIG)
        network = _loaded(keras_hub, request, preset, config)
        converter = kerashub_pixels.converter_of(keras_hub, folder, preset, config)
    tower = kerashub_graph.image_tower(network, request.backbone)
    kerashub_positions.interpolate(tower)
    try:
        found = from_model(
            kerashub_graph.opened(tower),
            ours=True,
            layer=request.layer,
            pooling=request.pooling,
            pool=_pool_of(tower),
            size=kerashub_pixels.size_of(tower, converter, request),
            preprocessing=preprocessing.named(
                request.preprocessing, kerashub_pixels.arithmetic(converter)
            ),
            network_version=request.network_version,
            weight_files=tuple(path for path in sorted(folder.iterdir()) if path.suffix in _READ),
            about={
                "backbone": PREFIX + (Path(preset).name if is_folder(preset) else preset),
                "layer": request.layer,
                "pooling": request.pooling,
                "weights": "its own",
                "keras": import_keras().__version__,
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
    return _as_preset(found, tower, converter)


def _as_preset(found: Backbone, tower: Any, converter: Any) -> Backbone:
    """Return a cut of a preset's network with what the preset says of all of it."""
    return replace(
        found,
        network=_digest(tower, found.network),
        before=tuple,
        resample=kerashub_pixels.resample(converter),
        fit=kerashub_pixels.fit(converter),
        another=lambda layer, pooling: _as_preset(found.another(layer, pooling), tower, converter),
    )


def _pool_of(tower: Any) -> Callable[[Any, str, str | None], Any]:
    """Return what pools the tensors of a network: maps as any network's, else tokens."""
    prefix, tokens = kerashub_graph.prefix_tokens(tower), tower.outputs[0].shape[1]

    def pool(tensor: Any, pooling: str, name: str | None) -> Any:
        if len(tensor.shape) != 3:
            return cut.pool(tensor, pooling, name)
        return kerashub_graph.pool(tensor, pooling, name, prefix=prefix, tokens=tokens)

    return pool


def _digest(tower: Any, graph: str) -> str:
    """Return the digest of a network: of its graph, and of what its preset says of all of it.

    Not every layer of KerasHub writes all that it was made with into its own config; what a preset
    is made from is whole.
    """
    config = counted_config(tower, 4)
    config.pop("image_shape", None)  # the recipe has the size
    return canonical_digest({"graph": graph, "config": {type(tower).__name__: config}})


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
            raise kerashub_presets.unavailable(preset, error) from error
        raise UsageError(
            f"KerasHub cannot load it ({reason(error)})",
            request.backbone,
            "check that keras_hub.models.Backbone.from_preset loads it",
        ) from error
