"""The OpenVINO engine: several requests in flight on the CPU, and no Keras in this process.

A network is made once: by Keras, with its OpenVINO backend, in a process of its own. Before its
rows are believed they are checked: against golden rows of its architecture, against rows that ship
with the network, or else against what plain Keras computes of 32 images with another backend, where
one is installed; it is refused if they differ by more than rounding. Where nothing is there to
compare with, its rows are `unchecked`, and that is recorded. The network, the reference and the
compiled network are kept, so that a later run imports no Keras and compiles nothing.

bfloat16 is the same network, checked in float32 as above, and compiled once more. The CPU plugin
takes a precision that it lacks for a wish and computes in another one: so what was compiled is
asked what it runs.
"""

from __future__ import annotations

import os
import platform
from importlib import metadata
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from bottleneck.core.errors import BottleneckError, OtherRowsError, UsageError, from_foreign
from bottleneck.core.frameworks import INSTALL, import_openvino
from bottleneck.core.generated import pictures
from bottleneck.core.installed import is_here, training_backend
from bottleneck.engines.batches import Batches
from bottleneck.engines.check import N_SPREAD, compare, spread
from bottleneck.engines.compiled import (
    compile_for_cpu,
    precision_of,
    require_precision,
    settings,
    steady,
    this_machine,
)
from bottleneck.engines.convert import XML, build, save
from bottleneck.engines.kept import Kept, Reference
from bottleneck.engines.requests import BATCHES, Requests

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from bottleneck.engines.check import Agreement
    from bottleneck.engines.engine import Frozen

T = TypeVar("T")

N_REFERENCE = 32
N_OURS = 4  # of rows of ours that another machine compares its own with
UNCHECKED, GOLDEN, SHIPPED = "unchecked", "golden", "shipped"
KERAS_TAKES_IT = f"use --engine keras ({INSTALL})"
CPU = f"the CPU ({os.cpu_count()} threads)"


class OpenVinoEngine:
    """A compiled network."""

    name = "openvino"
    device = CPU
    lanes = BATCHES

    def __init__(
        self,
        compiled: Any,
        batch_size: int,
        check: str,
        spread: Mapping[str, Any] | None = None,
        oracle: str | None = None,
    ) -> None:
        self.check = check  # how its rows were checked
        self.spread = spread  # of reduced precision, how far its rows are from float32's
        self._oracle = oracle
        self.compiled = compiled
        requests = Requests(compiled)
        self._batches = Batches(lambda *_: requests, batch_size, self.device, ("",) * BATCHES)

    @property
    def warning(self) -> str | None:
        """What the user should know: that nothing was there to check the rows with."""
        if not self.check.startswith(UNCHECKED):
            return None
        if self.check != UNCHECKED:
            why = self.check.removeprefix(UNCHECKED).strip(" ()")
            return f"this network's rows were compared with nothing: {why}"
        way = f"with Keras: {INSTALL}" if self._oracle is None else f"pip install {self._oracle}"
        return f"nothing is here to compare this network's rows with; {way}"

    @property
    def batch_size(self) -> int:
        """Images that are computed at once."""
        return self._batches.size

    @property
    def provenance(self) -> dict[str, Any]:
        """Engine, device, versions, host, batch, check: what is recorded in each part."""
        return {
            "engine": self.name,
            "device": self.device,
            "batch": self.batch_size,
            "check": self.check,
            **({} if self.spread is None else {"spread": dict(self.spread)}),
            "openvino": metadata.version("openvino"),
            "host": platform.node(),
            "machine": platform.machine(),
            "threads": self.compiled.get_property("INFERENCE_NUM_THREADS"),
        }

    def __call__(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return the rows (n, …) of n images (n, height, width, 3); see `engine.Engine`."""
        return self._batches(images)


def open_engine(frozen: Frozen, *, devices: str | None) -> OpenVinoEngine:
    """Return an engine whose rows were seen to be plain Keras'; see `catalog`.

    Raises
    ------
    UsageError
        For another device than the CPU; for a network that OpenVINO cannot express; where it does
        not compute it in the precision that was asked for.
    MissingDependencyError
        When the network is not kept, and what makes it is not installed.
    OtherRowsError
        When the rows differ by more than rounding; when reduced precision does not serve.
    """
    precision = precision_of(frozen.compute)
    if devices is not None and devices.lower() not in ("cpu", "cpu:0"):
        raise UsageError(f"OpenVINO has no device {devices!r} here", "--devices", "cpu")
    ov, machine = import_openvino(), this_machine()
    kept = Kept(None if frozen.kept is None else frozen.kept / "openvino", frozen.recipe)
    core = ov.Core()
    compiled = kept.compiled(machine)
    is_measured = precision == "f32" or frozen.spread is not None
    if (
        compiled is not None
        and is_measured
        and not _can_be_checked_now(compiled.check, frozen.oracle)
    ):
        try:
            network = core.import_model(compiled.blob, "CPU", settings(precision, frozen.threads))
        except RuntimeError:  # made by a build that this one does not know
            pass
        else:
            require_precision(network, precision)
            return OpenVinoEngine(
                network, frozen.batch_size, compiled.check, frozen.spread, frozen.oracle
            )
    engine, network = _kept(frozen, kept, core) or _made(frozen, kept, core)
    if precision != "f32":
        engine = _reduced(core, network, frozen, engine)
    kept.keep_compiled(_bytes(engine.compiled.export_model()), machine, engine.check)
    return engine


def _reduced(core: Any, network: Any, frozen: Frozen, exact: OpenVinoEngine) -> OpenVinoEngine:
    """Return the network in reduced precision; `exact` is the same one in float32, and checked."""
    precision = precision_of(frozen.compute)
    compiled = _attempted(lambda: _compiled(core, network, frozen, exact.check, precision))
    require_precision(compiled, precision)
    engine = OpenVinoEngine(compiled, frozen.batch_size, exact.check, frozen.spread, frozen.oracle)
    if engine.spread is None:
        images = frozen.sample[:N_SPREAD]
        engine.spread = spread(engine(images), exact(images))
    return engine


def _can_be_checked_now(check: str, oracle: str | None) -> bool:
    """Whether nothing was there to compare the rows with when they were made, and now is."""
    return check.startswith(UNCHECKED) and check != _unchecked(oracle)


def _kept(frozen: Frozen, kept: Kept, core: Any) -> tuple[OpenVinoEngine, Any] | None:
    """Return the network that is kept, its rows compared with the kept ones; None to make it anew.

    In float32, and as it was before it was compiled.

    What is kept costs nothing but time where it is of no use: OpenVINO wrote it, and may have been
    told too late that the disk was full.
    """
    found = kept.network()
    if found is None or _can_be_checked_now(found.reference.check, frozen.oracle):
        return None
    try:
        network = core.read_model(found.files[XML], found.files["network.bin"])
        engine = _engine(core, network, frozen, found.reference.check)
    except RuntimeError:
        return None
    agreement = frozen.compare(engine(found.reference.images), found.reference.rows)
    return (engine, network) if agreement.ok else None


def _made(frozen: Frozen, kept: Kept, core: Any) -> tuple[OpenVinoEngine, Any]:
    """Return the network in float32, made and checked now, and as it was before."""
    portable = frozen.portable()
    images = _images(frozen)
    if portable is not None:
        network = _attempted(lambda: build(frozen, portable))
        reference = Reference(images=portable.images, rows=portable.rows, check=SHIPPED)
        engine = _attempted(lambda: _engine(core, network, frozen, reference.check))
        _require(compare(engine(reference.images), reference.rows))
        kept.keep_network(lambda folder: save(network, folder), reference)
        return engine, network
    traced = frozen.traced()
    with traced.files() as file:
        network = _attempted(lambda: core.read_model(file))
        compiled = _attempted(
            lambda: compile_for_cpu(core, network, frozen.shape, threads=frozen.threads)
        )
        golden = traced.golden()
        if golden is None:
            compiled = _attempted(
                lambda: steady(compiled, core, network, frozen.shape, threads=frozen.threads)
            )
        engine = OpenVinoEngine(compiled, frozen.batch_size, GOLDEN, oracle=frozen.oracle)
        # Last, and not beside the others: who stops us then waits for nobody.
        expected = None if golden is not None else frozen.reference(images)
        if golden is not None:
            _require(compare(*golden))
        elif expected is not None:
            engine.check = frozen.oracle or "keras"
            _require(frozen.compare(engine(images), expected), frozen.oracle)
        else:
            engine.check = _unchecked(frozen.oracle)
        if expected is None:  # for another machine, which may have no Keras
            images = images[:N_OURS]
            expected = engine(images)
        reference = Reference(images=images, rows=expected, check=engine.check)
        kept.keep_network(lambda folder: save(network, folder), reference)
    return engine, network


def _unchecked(oracle: str | None) -> str:
    """Return that nothing could be compared, and with which package that was tried."""
    tried = training_backend() if oracle is None else oracle if is_here(oracle) else None
    return UNCHECKED if tried is None else f"{UNCHECKED} ({tried} cannot compute it)"


def _require(agreement: Agreement, oracle: str | None = None) -> None:
    """Refuse rows that differ from the oracle's, plain Keras' say, by more than rounding."""
    if not agreement.ok:
        whose = "Keras'" if oracle is None else f"{oracle}'s"
        raise OtherRowsError(
            f"OpenVINO's features differ from {whose} by more than "
            f"rounding (relative error {agreement.worst:.1e}, allowed {agreement.bound:.1e})",
            "--engine openvino",
            KERAS_TAKES_IT if oracle is None else "use another version of openvino",
        )


def _engine(core: Any, network: Any, frozen: Frozen, check: str) -> OpenVinoEngine:
    compiled = _compiled(core, network, frozen, check)
    return OpenVinoEngine(compiled, frozen.batch_size, check, oracle=frozen.oracle)


def _compiled(core: Any, network: Any, frozen: Frozen, check: str, precision: str = "f32") -> Any:
    threads = frozen.threads
    compiled = compile_for_cpu(core, network, frozen.shape, precision, threads=threads)
    known = check in (GOLDEN, SHIPPED)  # networks that give the same images the same rows
    return compiled if known else steady(compiled, core, network, frozen.shape, precision, threads)


def _attempted(step: Callable[[], T]) -> T:
    """Return what a step gives; a network that OpenVINO cannot express is a UsageError."""
    try:
        return step()
    except (BottleneckError, MemoryError):
        raise
    except Exception as error:  # its own class for each of its parts, and RuntimeError
        ran_out = from_foreign(error)  # of space or memory, which says nothing of the network
        if ran_out is not None:
            raise ran_out from error
        raise cannot_express(str(error)) from error


def cannot_express(why: str) -> UsageError:
    """Return the error for a network that OpenVINO cannot express; `why` in the library's words."""
    said = " ".join(why.split())
    return UsageError(
        f"OpenVINO cannot express this network ({said[:160]})", "--engine openvino", KERAS_TAKES_IT
    )


def _images(frozen: Frozen) -> NDArray[np.uint8]:
    """Return what the rows are compared on: images of the user's, and generated ones."""
    images = frozen.sample[:N_REFERENCE]
    more = pictures(N_REFERENCE - len(images), frozen.size, frozen.channels)
    return np.concatenate([images, more])


def _bytes(exported: Any) -> bytes:
    return exported if isinstance(exported, bytes) else bytes(exported.getvalue())
