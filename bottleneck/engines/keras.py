"""The Keras engine: one compiled call of a fixed shape a device, from uint8 to float32 rows.

In bfloat16 a copy of the network is run whose layers have Keras' policy for it: they keep their
tensors in float32 and compute in bfloat16. The pixels are scaled in float32 before.
"""

from __future__ import annotations

import os
import platform
import shutil
from functools import partial
from importlib import metadata
from typing import TYPE_CHECKING, Any

from bottleneck.core.errors import UsageError
from bottleneck.core.frameworks import import_keras
from bottleneck.engines.backends import compiled
from bottleneck.engines.batches import Batches
from bottleneck.engines.check import N_SPREAD, spread
from bottleneck.engines.growth import grown

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from bottleneck.engines.batches import Call
    from bottleneck.engines.engine import Frozen

CPU = "cpu:0"
AHEAD = 2  # batches at once on a GPU: one is copied there and back while the other is computed


class KerasEngine:
    """A Keras model behind one compiled function a device.

    Parameters
    ----------
    devices : as Keras names them, such as gpu:0; batches go to whichever is free
    """

    name = "keras"

    def __init__(
        self,
        model: Any,
        preprocess: Callable[[Any], Any],
        shape: tuple[int, int, int],
        batch_size: int,
        devices: Sequence[str] = (CPU,),
        *,
        warning: str | None = None,
        compute: str = "float32",
    ) -> None:
        self.spread: Mapping[str, Any] | None = None  # of reduced precision
        self.device = " and ".join(_for_people(name) for name in devices)
        self.warning = warning
        self.n_traces = 0
        self._shape = shape
        self._rows = partial(rows, preprocess=preprocess, compute=compute)
        there = _devices()[0]
        self._models = {name: model if name == there else _copy(model, name) for name in devices}
        lanes = [name for name in devices for _ in range(AHEAD if name.startswith("gpu") else 1)]
        self.lanes = len(lanes)
        self._batches = Batches(self._compiled, batch_size, self.device, lanes)

    @property
    def batch_size(self) -> int:
        """Images that are computed at once."""
        return self._batches.size

    @property
    def provenance(self) -> dict[str, Any]:
        """Engine, device, versions, host, batch: what is recorded in each part."""
        keras = import_keras()
        backend = keras.backend.backend()
        return {
            "engine": self.name,
            "device": self.device,
            "batch": self.batch_size,
            **({} if self.spread is None else {"spread": dict(self.spread)}),
            "keras": keras.__version__,
            "backend": backend,
            backend: metadata.version(backend),
            "host": platform.node(),
            "machine": platform.machine(),
            "threads": _threads(),
        }

    def __call__(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return the rows (n, …) of n images (n, height, width, 3); see `Engine`."""
        return self._batches(images)

    def grow(self) -> None:
        """Find the batch size that computes the most images a second, from this one up."""
        device = next(iter(self._models))
        self._batches.size = grown(
            lambda size: self._compiled(size, device), self.batch_size, self._shape
        )

    def _compiled(self, batch_size: int, device: str) -> Call:
        def computed(network: Callable[[Any], Any], pixels: Any) -> Any:
            self.n_traces += 1
            return self._rows(network, pixels)

        return compiled(self._models[device], computed, (batch_size, *self._shape), device)


def rows(
    network: Callable[[Any], Any],
    pixels: Any,
    *,
    preprocess: Callable[[Any], Any],
    compute: str = "float32",
) -> Any:
    """Return what a network computes of pixels (n, …), in Keras' tensors, float32.

    Raises
    ------
    UsageError
        When what comes out is not of the precision `compute`, where that is a reduced one.
    """
    keras = import_keras()
    x = keras.ops.cast(pixels, "float32")
    y = network(preprocess(x))
    said = keras.backend.standardize_dtype(y.dtype)
    if compute not in ("float32", said):
        raise UsageError(
            f"Keras does not compute this network in {compute}: {said} comes out",
            "--compute",
            "use float32",
        )
    return keras.ops.cast(y, "float32")


def open_engine(frozen: Frozen, *, devices: str | None) -> KerasEngine:
    """Return an engine on the devices asked for, or on the best there is; see `catalog`.

    Raises
    ------
    UsageError
        No such device; the Keras of this process computes with OpenVINO's backend, which is made
        for graphs and slow without; it has another backend than the rows are of.
    OtherRowsError
        When reduced precision does not serve.
    """
    if import_keras().backend.backend() == "openvino":
        raise UsageError(
            "the Keras of this process computes with its OpenVINO backend",
            "--engine keras",
            "use --engine openvino, or another KERAS_BACKEND",
        )
    compute = _precision(frozen.compute)
    chosen = _chosen(devices)
    warning = _warning(chosen) if devices is None else None

    def engine(model: Any, compute: str) -> KerasEngine:
        return KerasEngine(
            model,
            frozen.preprocess,
            frozen.shape,
            frozen.batch_size,
            chosen,
            warning=warning,
            compute=compute,
        )

    exact = engine(frozen.model(), "float32")
    found = exact
    if compute != "float32":
        found = engine(_reduced(frozen.model(), compute), compute)
        found.spread = frozen.spread
        if found.spread is None:
            images = frozen.sample[:N_SPREAD]
            found.spread = spread(found(images), exact(images))
    if frozen.may_grow and chosen[0].startswith("gpu"):
        found.grow()
    return found


def _precision(arithmetic: str) -> str:
    """Return in what to compute, of what a recipe calls `bfloat16/keras-tensorflow`."""
    compute, _, of = arithmetic.partition("/")
    backend = import_keras().backend.backend()
    if of not in ("", f"keras-{backend}"):
        raise UsageError(
            f"the rows are of {arithmetic}, and Keras computes with {backend}",
            "--engine keras",
            f"set KERAS_BACKEND={of.removeprefix('keras-')}",
        )
    return compute


def _reduced(model: Any, compute: str) -> Any:
    """Return a copy of a model whose layers compute in fewer bits, from the same tensors."""
    policy = f"mixed_{compute}"
    copy = _copy(model, _devices()[0])
    for layer in copy._flatten_layers():
        layer.dtype_policy = policy
    return copy


def _copy(model: Any, device: str) -> Any:
    """Return a copy of a model whose tensors are on this device."""
    keras = import_keras()
    with keras.device(device):
        copy = keras.models.clone_model(model)
        copy.set_weights(model.get_weights())
    return copy


def _devices() -> list[str]:
    """Return the devices that Keras has, as it names them, that first on which it puts models."""
    names = [name.lower() for name in import_keras().distribution.list_devices()]
    others = [] if any(name.startswith("cpu") for name in names) else [CPU]
    return sorted([*names, *others], key=lambda name: name.startswith("cpu"))


def _chosen(asked: str | None) -> list[str]:
    """Return the devices asked for, such as `cpu` or `gpu:0,gpu:1`, as Keras names them."""
    there = _devices()
    if asked is None:
        return there[:1]
    names = [name.strip().lower() for name in asked.split(",")]
    names = [name if ":" in name else f"{name}:0" for name in names]
    for name in names:
        if name not in there:
            raise UsageError(
                f"there is no device {name!r}", "--devices", f"choose of {', '.join(there)}"
            )
    if len(set(names)) < len(names):
        raise UsageError(f"{asked} names a device twice", "--devices", "name each once")
    return names


def _warning(chosen: Sequence[str]) -> str | None:
    """Return what to say where a GPU is there that Keras does not see."""
    if not chosen[0].startswith("cpu") or not shutil.which("nvidia-smi"):
        return None
    return (
        "computing on the CPU although this machine has an NVIDIA GPU: "
        "pip install 'bottleneck-cache[gpu]'"
    )


def _threads() -> int:
    """Return how many threads compute, where whoever started the process said that."""
    told = os.environ.get("TF_NUM_INTRAOP_THREADS", "")
    return int(told) if told.isdecimal() and int(told) else os.cpu_count() or 1


def _for_people(device: str) -> str:
    return f"the CPU ({os.cpu_count()} threads)" if device == CPU else device.upper()
