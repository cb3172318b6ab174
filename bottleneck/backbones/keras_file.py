"""A network of the user's own, from the file that Keras saved it in."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bottleneck.backbones import preprocessing
from bottleneck.backbones.backbone import Backbone, Request, Spec, Top, from_model
from bottleneck.core.errors import BottleneckError, UsageError
from bottleneck.core.paths import at_home
from bottleneck.core.reporter import SILENT

if TYPE_CHECKING:
    from bottleneck.core.reporter import Reporter

WEIGHTS = "own"


def names() -> tuple[str, ...]:
    """Return none: a path is not a name that could be listed."""
    return ()


def claims(name: str) -> bool:
    """Whether this is a path: a model file by its suffix, or anything with a folder in it."""
    if re.match(r"[a-z][a-z0-9+]+:", name):  # s3://…, hub:…
        return False
    has_folder = "/" in name or os.sep in name
    return has_folder or Path(name).suffix in (".keras", ".h5", ".hdf5")


def spec(name: str) -> Spec:
    """Return what is known of a file that is not opened yet: where it is."""
    path = at_home(name).absolute()
    top = Top(layer=None, classes=None)
    return Spec(name=str(path), size=None, weights=WEIGHTS, top=top, is_users_file=True)


def needs_keras(_request: Request) -> bool:
    """Whether loading it imports Keras: always."""
    return True


def load(request: Request, reporter: Reporter = SILENT) -> Backbone:
    """Load the network of a file, cut it, and give it its identity.

    Raises
    ------
    UsageError
        No such file, not a network, code or classes that cannot be known, more than one input,
        no RGB or gray input, an unknown layer, no --size although the network takes any size.
    DamagedError
        A file whose bytes are not those that were saved.
    MissingDependencyError
        Without Keras and its backend.
    """
    from bottleneck.backbones import model_file  # noqa: PLC0415 - h5py, Keras: not for a warm run

    path = Path(request.backbone)
    arithmetic = preprocessing.named(request.preprocessing, preprocessing.NONE)
    if request.weights != WEIGHTS:
        raise UsageError("a model file holds its own weights", "--weights", "omit --weights")
    model = model_file.load(path, imports=request.imports, trust=request.trust)
    size = _size(model, path, request, arithmetic)
    try:
        found = from_model(
            model,
            layer=request.layer,
            output=request.output,
            pooling=request.pooling,
            size=size,
            preprocessing=arithmetic,
            network_version=request.network_version,
            weight_files=(path,),
            about=_about(request, path),
        )
    except (BottleneckError, MemoryError):
        raise
    except Exception as error:  # a layer of somebody's own may raise anything
        why = model_file.reason(error)
        raise UsageError(f"cannot be rebuilt ({why})", path, "check its layers") from error
    if request.preprocessing is None:
        reporter.say(f"{path.name} gets pixels from 0 to 255 (--preprocessing none)")
    return found


def _size(model: Any, path: Path, asked: Request, arithmetic: str) -> tuple[int, int]:
    """Return (height, width): what is asked for, or what the network takes."""
    shapes = [tuple(tensor.shape) for tensor in getattr(model, "inputs", None) or ()]
    if not shapes:
        raise UsageError(
            f"{type(model).__name__} is not made of layers from an input on",
            path,
            "with x = keras.Input((height, width, 3)) save keras.Model(x, model(x)) "
            "(docs/own-networks.md shows it)",
        )
    if len(shapes) != 1:
        raise UsageError(
            f"has {len(shapes)} inputs, not one image",
            path,
            "save the part that goes from an image to features",
        )
    (shape,) = shapes
    if len(shape) != 4 or shape[-1] not in (1, 3, None):
        what = "x".join("any" if n is None else str(n) for n in shape[1:])
        raise UsageError(
            f"takes {what}, not height x width x 3 or 1", path, "RGB or gray, channels last"
        )
    if shape[-1] == 1 and preprocessing.is_of_rgb(arithmetic):
        raise UsageError(
            "is of three channels, and this network takes gray images",
            f"--preprocessing {asked.preprocessing}",
            "use none or tf",
        )
    size = asked.size or shape[1:3]
    if None in size:
        raise UsageError("takes images of any size", path, "choose one with --size HEIGHT[xWIDTH]")
    return int(size[0]), int(size[1])


def _about(request: Request, path: Path) -> dict[str, Any]:
    from bottleneck.core.frameworks import import_keras  # noqa: PLC0415

    return {
        "backbone": path.name.encode("utf-8", "backslashreplace").decode(),
        "layer": request.layer,
        **({} if request.output is None else {"output": request.output}),
        "pooling": request.pooling,
        "weights": "its own",
        "keras": import_keras().__version__,
    }
