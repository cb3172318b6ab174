"""A network of anybody's, from an ONNX file: OpenVINO reads it, no Keras does.

Its identity is its bytes, those of the files beside it that hold its tensors, and where it is cut.
"""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, cast

from bottleneck.backbones.backbone import Backbone, Request, Spec, Top
from bottleneck.core.errors import UsageError
from bottleneck.core.paths import at_home
from bottleneck.core.reporter import SILENT

if TYPE_CHECKING:
    from bottleneck.core.reporter import Reporter

SUFFIX = ".onnx"
WEIGHTS = "own"
ENGINES = ("openvino",)


def names() -> tuple[str, ...]:
    """Return none: a path is not a name that could be listed."""
    return ()


def claims(name: str) -> bool:
    """Whether this is the path of an ONNX file."""
    return not re.match(r"[a-z][a-z0-9+]+:", name) and Path(name).suffix.lower() == SUFFIX


def spec(name: str) -> Spec:
    """Return what is known of a file that is not opened yet: where it is."""
    return Spec(
        name=str(at_home(name).absolute()),
        size=None,
        weights=WEIGHTS,
        top=Top(layer=None, classes=None),
        is_users_file=True,
        engines=ENGINES,
        oracle="onnxruntime",
    )


def needs_keras(_request: Request) -> bool:
    """Whether loading it imports Keras: never."""
    return False


def load(request: Request, reporter: Reporter = SILENT) -> Backbone:
    """Load the network of a file, cut it, and give it its identity.

    Raises
    ------
    UsageError
        No such file, no ONNX network, one that OpenVINO cannot express, more than one input, no
        RGB or gray input, an unknown node or output, a size that it cannot take.
    MissingDependencyError
        Without OpenVINO.
    """
    if request.weights != WEIGHTS:
        raise UsageError("an ONNX file holds its own weights", "--weights", "omit --weights")
    loader = import_module("bottleneck.backbones.onnx_load")  # numpy: not for a warm run
    return cast("Backbone", loader.load(Path(request.backbone), request, reporter))
