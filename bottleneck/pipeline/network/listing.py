"""What there is to choose from: backbones, and the layers of one."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from bottleneck.backbones import catalog
from bottleneck.core.errors import UsageError
from bottleneck.core.guest import as_guest
from bottleneck.core.paths import keras_home
from bottleneck.core.reporter import SILENT
from bottleneck.pipeline.network.options import NetworkOptions

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bottleneck.core.reporter import Reporter


def listed(said: Mapping[str, Any], word: str) -> tuple[str, list[dict[str, Any]]]:
    """Return what a command that says `word` in the place of a name asks for, and all there is.

    Raises
    ------
    UsageError
        When it asks for the layers of no network.
    """
    name = str(said["backbone"])
    if name.lower() == word:
        return "backbones", backbones()
    if name.endswith(f":{word}"):
        return "backbones", presets(name.removesuffix(word))
    if said["backbone"] is None:
        raise UsageError("no network named", f"--layer {word}", "name it with --backbone")
    return "layers", layers(NetworkOptions.of({**said, "layer": None}))


def backbones() -> list[dict[str, Any]]:
    """Return what is known of each backbone; no framework is imported.

    Returns
    -------
    list of dict
        `name`; `size`, [height, width] in pixels; `features`, how many numbers an image has with
        --pooling avg; `weights_here`, whether its weights are on this machine.
    """
    found = []
    for name in catalog.names():
        spec = catalog.spec(name)
        is_here = (
            spec.weights_file is None or (keras_home() / "models" / spec.weights_file).is_file()
        )
        found.append(
            {
                "name": name,
                "size": None if spec.size is None else list(spec.size),
                "features": spec.features,
                "weights_here": is_here,
            }
        )
    return found


@as_guest()
def presets(prefix: str) -> list[dict[str, Any]]:
    """Return the names with a prefix such as `kerashub:`; see `backbones`."""
    return catalog.listed(prefix)


@as_guest()
def layers(options: NetworkOptions, reporter: Reporter = SILENT) -> list[dict[str, Any]]:
    """Return the layers of a network, from the image on, those of its own classifier included.

    A model of keras.applications is built without its weights, so that nothing is downloaded.

    Returns
    -------
    list of dict
        `name`, as --layer takes it; `class`; `shape` of the output, without the batch axis;
        `tail`, whether `train --head tail` can start there (with --pooling none).

    Raises
    ------
    UsageError
        No such backbone, or a file that cannot be loaded.
    """
    options = replace(options, layer=None, pooling="none").completed()
    request = options.request()
    spec = catalog.spec(request.backbone)
    if spec.top is not None and spec.top.layer is not None:
        request = replace(request, layer=spec.top.layer, weights="random:0")
    if spec.is_users_file and request.output is None:
        request = replace(request, output="0")  # the layers are those of all outputs
    return [
        {
            "name": layer.name,
            "class": layer.kind,
            "shape": list(layer.shape),
            "tail": layer.tail,
        }
        for layer in catalog.load(request, reporter).layers()
    ]
