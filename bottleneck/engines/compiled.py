"""A network compiled for the CPU by OpenVINO, in a precision, and what it says that it runs."""

from __future__ import annotations

from typing import Any

from bottleneck.core.errors import UsageError

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
    core: Any, network: Any, shape: tuple[int, int, int], precision: str = "f32"
) -> Any:
    """Return a network compiled for images of this shape.

    A request is of `REQUEST` images, where the network itself does not say of how many.
    """
    n = network.input(0).get_partial_shape()[0]
    network.reshape([n.get_length() if n.is_static else REQUEST, *shape])
    return core.compile_model(network, "CPU", settings(precision))


def settings(precision: str) -> dict[str, str]:
    """Return how a network is compiled; f32 is IEEE's, whatever the processor offers."""
    # THROUGHPUT: one stream a core, each with its own request.
    return {"PERFORMANCE_HINT": "THROUGHPUT", "INFERENCE_PRECISION_HINT": precision}


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
