"""A network compiled for the CPU by OpenVINO, in a precision, and what it says that it runs."""

from __future__ import annotations

import functools
import os
import platform
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from bottleneck.core.errors import UsageError
from bottleneck.core.frameworks import import_openvino
from bottleneck.core.generated import pictures
from bottleneck.engines.check import compare

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

REQUEST = 8  # images in one request: its maps stay in the caches; a batch has several, side by side
PRECISIONS = {"float32": "f32", "bfloat16": "bf16"}  # as OpenVINO names them
# Of a compiled network, what moves and holds numbers, and computes none.
MOVES = {"Input", "Output", "Const", "Convert", "Reorder", "Reshape", "Transpose"}


def precision_of(compute: str) -> str:
    """Return OpenVINO's name of what a recipe calls `bfloat16/openvino`.

    Raises
    ------
    UsageError
        When it is no arithmetic of OpenVINO's.
    """
    name, _, of = compute.partition("/")
    if name not in PRECISIONS or of not in ("", "openvino"):
        raise UsageError(f"OpenVINO does not compute {compute}", "--compute", "use float32")
    return PRECISIONS[name]


def compile_for_cpu(
    core: Any,
    network: Any,
    shape: tuple[int, int, int],
    precision: str = "f32",
    more: Mapping[str, str] = MappingProxyType({}),
    threads: int | None = None,
) -> Any:
    """Return a network compiled for images of this shape.

    A request is of `REQUEST` images, where the network itself does not say of how many.
    """
    n = network.input(0).get_partial_shape()[0]
    network.reshape([n.get_length() if n.is_static else REQUEST, *shape])
    return core.compile_model(network, "CPU", {**settings(precision, threads), **more})


def steady(
    compiled: Any,
    core: Any,
    network: Any,
    shape: tuple[int, int, int],
    precision: str = "f32",
    threads: int | None = None,
) -> Any:
    """Return a compiled network if it gives the same images the same rows again, else another.

    OpenVINO's fused attention scales its query in place: one that is a constant, such as the probe
    of SigLIP, is another for each further request [2026.4]. Not fused it is right, and slower. A
    compiled network that is written to a file and read again stays as it is.

    Raises
    ------
    UsageError
        When the other one differs too, by more than rounding.
    """
    first, *others = _again_and_again(compiled)
    if all(np.array_equal(rows, first, equal_nan=True) for rows in others):
        return compiled
    other = compile_for_cpu(core, network, shape, precision, {"SNIPPETS_MODE": "DISABLE"}, threads)
    first, *others = _again_and_again(other)
    for rows in others:
        if not np.array_equal(rows, first, equal_nan=True) and not compare(rows, first).ok:
            raise UsageError(
                "OpenVINO gives the same images other rows each time",
                "--engine openvino",
                "use --engine keras, or another version of openvino",
            )
    return other


def _again_and_again(compiled: Any) -> list[NDArray[np.float32]]:
    """Return rows of the same images, computed so often that some stream has done it twice."""
    n, height, width, channels = compiled.input(0).get_shape()
    images = pictures(n, (height, width), channels)
    streams = compiled.get_property("OPTIMAL_NUMBER_OF_INFER_REQUESTS")
    # No queue: one that goes away waits for its callbacks, and they for the interpreter.
    requests = [compiled.create_infer_request() for _ in range(streams)]
    found = []
    for _ in range(2):
        for request in requests:
            request.start_async({0: images})
        for request in requests:
            request.wait()
            found.append(request.get_output_tensor(0).data.copy())
    return found


def settings(precision: str, threads: int | None = None) -> dict[str, str]:
    """Return how a network is compiled; f32 is IEEE's, whatever the processor offers.

    Parameters
    ----------
    threads : what it may use of the processor; None: all of it
    """
    # THROUGHPUT: one stream a core, each with its own request.
    told = {"PERFORMANCE_HINT": "THROUGHPUT", "INFERENCE_PRECISION_HINT": precision}
    if threads is None:
        return told
    # Pinned, its threads take the first cores of the machine, and so do those of the next process.
    return {**told, "INFERENCE_NUM_THREADS": str(threads), "ENABLE_CPU_PINNING": "NO"}


def precisions(compiled: Any) -> list[str]:
    """Return in which precisions the layers of a compiled network compute, each once."""
    told = [op.get_rt_info() for op in compiled.get_runtime_model().get_ops()]
    return sorted(
        {
            info["runtimePrecision"].astype(str)
            for info in told
            if "runtimePrecision" in info and info["layerType"].astype(str) not in MOVES
        }
    )


def require_precision(compiled: Any, precision: str) -> None:
    """Raise UsageError unless a compiled network itself says that it runs in this precision.

    In reduced precision some layers stay in float32, as the plugin sees fit; in float32 none is
    reduced.
    """
    said = compiled.get_property("INFERENCE_PRECISION_HINT").get_type_name()
    runs = precisions(compiled)
    is_so = "bf16" not in runs and "f16" not in runs if precision == "f32" else precision in runs
    if said != precision or not is_so:
        raise UsageError(
            f"OpenVINO does not compute this network in {precision} here: it says {said}, its "
            f"layers {', '.join(runs)}",
            "--compute",
            "use float32, or a processor that has it",
        )


def this_machine() -> dict[str, Any]:
    """Return what a compiled network is made for, and what it was seen to be."""
    return {
        "openvino": import_openvino().get_version(),
        "cpu": _cpu(),
        "threads": os.cpu_count() or 1,
        "compiled": 2,  # the first were not seen to be steady
    }


@functools.cache
def _cpu() -> str:
    """Return the model of the CPU: what is compiled for one may not run on another."""
    try:
        with Path("/proc/cpuinfo").open(encoding="utf-8") as file:
            lines = dict(line.split(":", 1) for line in file.read().split("\n\n")[0].splitlines())
        names = {key.strip(): value.strip() for key, value in lines.items()}
        return f"{names.get('model name', '')} {names.get('flags', '')}"
    except (OSError, ValueError):
        return f"{platform.processor()} {platform.machine()}"
