"""`mini` as a backbone: its tensors, its identity, and its network in Keras or without it.

As it is shipped (its own size and cut, average pooling) its identity is written down beside the
tensors, so that nothing but an engine is needed to compute with it. Whoever cuts it elsewhere
needs Keras, as for any other network.
"""

from __future__ import annotations

import functools
import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from bottleneck.backbones.backbone import Backbone, Request, from_model
from bottleneck.backbones.mini import network
from bottleneck.backbones.mini.family import needs_keras
from bottleneck.backbones.preprocessing import TENSORFLOW, named
from bottleneck.core import files
from bottleneck.core.errors import DamagedError, UsageError
from bottleneck.core.frameworks import import_keras
from bottleneck.core.generated import pictures
from bottleneck.core.portable import Portable
from bottleneck.core.reporter import SILENT

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from bottleneck.core.reporter import Reporter

SIZE = (network.SIZE, network.SIZE)
HERE = Path(__file__).parent
TENSORS = "mini.safetensors"  # float16: {name.kernel: (h, w, in, out), name.bias: (out,)}
ROWS = "rows.safetensors"  # float32: what plain Keras computes of `pictures(N_PICTURES)`
FACTS = "mini.json"
N_PICTURES = 32
ADVICE = "install bottleneck-cache again"


def load(request: Request, _reporter: Reporter = SILENT) -> Backbone:
    """Return `mini`, cut as asked.

    Raises
    ------
    UsageError
        Other weights than its own; an unknown layer; a size too small.
    DamagedError
        When the files of the package are not those that were shipped.
    MissingDependencyError
        Without Keras, when it is cut elsewhere or at another size than it is shipped for.
    """
    if request.weights != network.WEIGHTS:
        raise UsageError("mini can only use its own weights", "--weights", "omit --weights")
    size = request.size or SIZE
    facts = json.loads(files.read(HERE / FACTS))
    tensors = {
        name: tensor.astype(np.float32) for name, tensor in _read(TENSORS, facts["files"]).items()
    }
    about = {
        "backbone": request.backbone,
        "layer": request.layer,
        "pooling": request.pooling,
        "weights": f"{network.WEIGHTS} ({facts['date']})",
    }
    if needs_keras(request):
        return _in_keras(request, size, tensors, about)
    rows = _read(ROWS, facts["files"])["rows"]
    elsewhere = functools.cache(lambda: _in_keras(request, SIZE, tensors, about))
    return Backbone(
        make_model=functools.cache(lambda: _checked(request, tensors, facts)),
        preprocessing=TENSORFLOW,
        network=facts["network"],
        weights=facts["weights"],
        size=SIZE,
        row_shape=(network.FEATURES,),
        row_dtype="float16",
        about={**about, "parameters": sum(tensor.size for tensor in tensors.values())},
        portable=Portable(
            build=network.build, tensors=tensors, images=pictures(N_PICTURES, SIZE), rows=rows
        ),
        another=lambda layer, pooling: elsewhere().another(layer, pooling),
    )


def _read(name: str, digests: Mapping[str, str]) -> dict[str, NDArray[Any]]:
    """Return the tensors of a file that is the one that was shipped."""
    from safetensors.numpy import load as load_tensors  # noqa: PLC0415 - only who computes

    path = HERE / name
    data = files.read(path)
    if hashlib.sha256(data).hexdigest() != digests[name]:
        raise DamagedError("its bytes are not those that were shipped", path, ADVICE)
    return dict(load_tensors(data))


class KerasBuilder:
    """Builds the network as Keras layers that hold the tensors."""

    def __init__(self, tensors: Mapping[str, NDArray[np.float32]]) -> None:
        self.layers = import_keras().layers
        self.tensors = tensors

    def conv(self, x: Any, name: str, channels: int, kernel: int, stride: int) -> Any:
        """See `network.Builder`."""
        layer = self.layers.Conv2D(channels, kernel, stride, "same", name=name)
        y = layer(x)
        layer.set_weights([self.tensors[f"{name}.kernel"], self.tensors[f"{name}.bias"]])
        return y

    def relu(self, x: Any, name: str) -> Any:
        """See `network.Builder`."""
        return self.layers.ReLU(name=name)(x)

    def add(self, x: Any, y: Any, name: str) -> Any:
        """See `network.Builder`."""
        return self.layers.Add(name=name)([x, y])

    def average(self, x: Any, name: str) -> Any:
        """See `network.Builder`."""
        return self.layers.GlobalAveragePooling2D(name=name)(x)


def _in_keras(
    request: Request,
    size: tuple[int, int],
    tensors: Mapping[str, NDArray[np.float32]],
    about: dict[str, Any],
) -> Backbone:
    """Return `mini` as Keras layers, from images to feature maps, cut and pooled as asked."""
    keras = import_keras()
    image = keras.Input((*size, 3))
    model = keras.Model(image, network.maps(KerasBuilder(tensors), image), name="mini")
    return from_model(
        model,
        ours=True,
        layer=request.layer,
        pooling=request.pooling,
        size=size,
        preprocessing=named(request.preprocessing, TENSORFLOW),
        network_version=request.network_version,
        about={**about, "keras": keras.__version__},
    )


def _checked(
    request: Request, tensors: Mapping[str, NDArray[np.float32]], facts: Mapping[str, Any]
) -> Any:
    """Return the model of Keras, having seen that its identity is the one written down."""
    made = _in_keras(request, SIZE, tensors, {})
    if (made.network, made.weights) != (facts["network"], facts["weights"]):
        raise DamagedError("mini is not the network that was shipped", HERE / FACTS, ADVICE)
    return made.model
