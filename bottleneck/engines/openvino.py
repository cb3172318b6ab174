"""The OpenVINO engine: several requests in flight on the CPU, no Keras once it was converted.

A network is converted once. What it then computes is compared with what plain Keras computes of
32 images (or with the rows that ship with the network), and it is refused if that differs by more
than rounding. The converted network, the reference and the compiled network are kept, so that a
later run imports neither Keras nor TensorFlow, and compiles nothing.
"""

from __future__ import annotations

import contextlib
import functools
import os
import platform
import re
from concurrent.futures import ThreadPoolExecutor
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from bottleneck.core.errors import BottleneckError, OtherRowsError, UsageError, from_foreign
from bottleneck.core.frameworks import import_openvino
from bottleneck.core.generated import pictures
from bottleneck.engines import keras
from bottleneck.engines.batches import Batches
from bottleneck.engines.check import compare
from bottleneck.engines.convert import convert
from bottleneck.engines.kept import Kept, Reference

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from bottleneck.core.portable import Portable
    from bottleneck.engines.engine import Frozen

REQUEST = 8  # images in one request: its maps stay in the caches; a batch has several, side by side
N_REFERENCE = 32
# THROUGHPUT: one stream a core, each with its own request. float32: IEEE, whatever the CPU offers.
SETTINGS = {"PERFORMANCE_HINT": "THROUGHPUT", "INFERENCE_PRECISION_HINT": "f32"}
CPU = f"the CPU ({os.cpu_count()} threads)"


class OpenVinoEngine:
    """A compiled network and its queue of requests."""

    name = "openvino"
    device = CPU
    warning = None

    def __init__(self, compiled: Any, batch_size: int) -> None:
        self._queue = import_openvino().AsyncInferQueue(compiled)
        self._row_shape = tuple(compiled.output(0).shape)[1:]
        self._batches = Batches(lambda _: self._requests, batch_size, self.device)

    @property
    def batch_size(self) -> int:
        """Images that are computed at once."""
        return self._batches.size

    @property
    def provenance(self) -> dict[str, Any]:
        """Engine, device, versions, host, batch: what is recorded in each part."""
        return {
            "engine": self.name,
            "device": self.device,
            "batch": self.batch_size,
            "openvino": metadata.version("openvino"),
            "host": platform.node(),
            "machine": platform.machine(),
            "threads": os.cpu_count() or 1,
        }

    def __call__(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return the rows (n, …) of n images (n, height, width, 3); see `engine.Engine`."""
        return self._batches(images)

    def _requests(self, batch: NDArray[np.uint8]) -> NDArray[np.float32]:
        n = -(-len(batch) // REQUEST) * REQUEST
        padded = np.zeros((n, *batch.shape[1:]), np.uint8)
        padded[: len(batch)] = batch
        rows = np.empty((n, *self._row_shape), np.float32)

        def keep(request: Any, at: int) -> None:
            rows[at : at + REQUEST] = request.get_output_tensor(0).data

        self._queue.set_callback(keep)
        try:
            for at in range(0, n, REQUEST):
                self._queue.start_async(padded[at : at + REQUEST], at)
            self._queue.wait_all()
        except RuntimeError as error:
            if "alloc" in str(error):
                raise MemoryError(str(error)[:200]) from error
            raise
        return rows[: len(batch)]


def open_engine(frozen: Frozen, *, devices: str | None) -> OpenVinoEngine:
    """Return an engine whose rows were seen to be plain Keras'; see `catalog`.

    Raises
    ------
    UsageError
        For another device than the CPU; for a network that cannot be converted.
    MissingDependencyError
        When neither a converted network, nor reference rows, nor Keras are here.
    OtherRowsError
        When the rows differ by more than rounding.
    """
    if devices is not None and devices.lower() not in ("cpu", "cpu:0"):
        raise UsageError(f"OpenVINO has no device {devices!r} here", "--devices", "cpu")
    ov = import_openvino()
    machine = {"openvino": ov.get_version(), "cpu": _cpu(), "threads": os.cpu_count() or 1}
    kept = Kept(None if frozen.kept is None else frozen.kept / "openvino", frozen.recipe)
    core = ov.Core()
    blob = kept.compiled(machine)
    if blob is not None:
        try:
            return OpenVinoEngine(core.import_model(blob, "CPU", SETTINGS), frozen.batch_size)
        except RuntimeError:  # made by a build that this one does not know
            pass
    for network, reference in _networks(frozen, kept, core):
        compiled = _attempted(functools.partial(_compiled, core, network, frozen))
        engine = OpenVinoEngine(compiled, frozen.batch_size)
        agreement = compare(engine(reference.images), reference.rows)
        if agreement.ok:
            break
    else:
        raise OtherRowsError(
            f"OpenVINO's features differ from Keras' by more than rounding (relative error "
            f"{agreement.worst:.1e}, allowed {agreement.bound:.1e})",
            "--engine openvino",
            "use --engine keras",
        )
    kept.keep_compiled(_bytes(compiled.export_model()), machine)
    return engine


def _networks(frozen: Frozen, kept: Kept, core: Any) -> Iterator[tuple[Any, Reference]]:
    """Yield the converted network that is kept, with its reference, then one that is made.

    What is kept costs nothing but time where it is of no use: OpenVINO wrote it, and may have been
    told too late that the disk was full.
    """
    found = kept.network()
    if found is not None:
        data, reference = found
        with contextlib.suppress(RuntimeError):
            yield core.read_model(data["network.xml"], data["network.bin"]), reference
    yield _made(frozen, kept)


def _made(frozen: Frozen, kept: Kept) -> tuple[Any, Reference]:
    """Return the network, converted now, and its reference."""
    portable = frozen.portable()
    with ThreadPoolExecutor(1) as pool:  # Keras computes while the network is converted
        reference_of = _reference(frozen, portable, pool)
        network = _attempted(lambda: convert(frozen, portable))
        reference = reference_of()

    def write(folder: Path) -> None:
        import_openvino().save_model(network, folder / "network.xml", compress_to_fp16=False)

    kept.keep_network(write, reference)
    return network, reference


def _compiled(core: Any, network: Any, frozen: Frozen) -> Any:
    network.reshape([REQUEST, *frozen.shape])
    return core.compile_model(network, "CPU", SETTINGS)


def _attempted(step: Callable[[], Any]) -> Any:
    """Return what a step gives; a network that OpenVINO cannot express is a UsageError."""
    try:
        return step()
    except (BottleneckError, MemoryError):
        raise
    except Exception as error:  # its own class for each of its parts, and RuntimeError
        ran_out = from_foreign(error)  # of space or memory, which says nothing of the network
        if ran_out is not None:
            raise ran_out from error
        raise UsageError(
            f"OpenVINO cannot express this network ({_why(str(error))})",
            "--engine openvino",
            "use --engine keras",
        ) from error


def _why(said: str) -> str:
    """Return of pages that OpenVINO says which operations it is about, or else the last words."""
    named = re.findall(r"(?:No conversion rule found for operations|failed for): (.+)", said)
    return ", ".join(named)[:160] or " ".join(said.split())[-160:]


def _reference(
    frozen: Frozen, portable: Portable | None, pool: ThreadPoolExecutor
) -> Callable[[], Reference]:
    """Begin to compute the reference by plain Keras; what is returned waits for it.

    Of the user's images, and of generated ones where they are few.
    """
    if portable is not None:
        return lambda: Reference(images=portable.images, rows=portable.rows)
    images = frozen.sample[:N_REFERENCE]
    missing = N_REFERENCE - len(images)
    if missing:
        images = np.concatenate([images, pictures(missing, frozen.size, frozen.channels)])
    traced = keras.trace(frozen.model(), frozen.preprocess, frozen.shape)
    rows = pool.submit(keras.run_on_cpu, traced, images)
    return lambda: Reference(images=images, rows=rows.result())


def _bytes(exported: Any) -> bytes:
    return exported if isinstance(exported, bytes) else bytes(exported.getvalue())


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
