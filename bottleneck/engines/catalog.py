"""The engines by name, and which of them computes.

Imports nothing but the standard library, so that commands can offer the names.
"""

from __future__ import annotations

import logging
import shutil
from dataclasses import dataclass
from importlib import import_module
from types import MappingProxyType
from typing import TYPE_CHECKING, cast

from bottleneck.core.errors import MissingDependencyError, OtherRowsError, UsageError
from bottleneck.core.installed import TRAINING, is_here, training_backend

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bottleneck.engines.engine import Engine, Frozen

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineSpec:
    """One engine, as data."""

    module: str  # with `open_engine(frozen, *, devices) -> Engine`
    needs: tuple[str, ...]  # the packages that must be there
    needs_one_of: tuple[str, ...] = ()  # of these one is enough
    apart: bool = False  # a network is loaded for it in a process of its own, as OpenVINO's graph
    extra: str  # of ours, that installs it
    supports_gpu: bool
    reduced: tuple[str, ...] = ()  # besides float32, in what it can compute
    help: str  # one line for people


# One entry per engine, the fastest on a CPU first. Add an engine here and nowhere else.
ENGINES: Mapping[str, EngineSpec] = MappingProxyType(
    {
        "openvino": EngineSpec(
            module="bottleneck.engines.openvino",
            needs=("openvino",),
            apart=True,
            extra="openvino",
            supports_gpu=False,
            reduced=("bfloat16",),
            help="OpenVINO: the fastest on CPUs; cannot use a GPU",
        ),
        "keras": EngineSpec(
            module="bottleneck.engines.keras",
            needs=("keras",),
            needs_one_of=TRAINING,
            extra="tensorflow",
            supports_gpu=True,
            reduced=("bfloat16",),
            help="Keras with its backend: takes every network; uses a GPU where there is one",
        ),
    }
)
AUTO = "auto"
FLOAT32 = "float32"  # the only arithmetic that engines share


def arithmetic(
    compute: str, asked: str, *, made_by: str | None = None, devices: str | None = None
) -> str:
    """Return what a recipe says of the arithmetic: float32, or bfloat16/openvino and the like.

    Reduced precision is another arithmetic in each engine, so the engine that would be taken is
    named with it, and Keras' backend too.

    Parameters
    ----------
    compute : one of core.choices.COMPUTE; what a recipe says stays as it is
    asked, made_by, devices : as in `candidates`

    Raises
    ------
    UsageError, MissingDependencyError
        As `candidates` does; when the engine that was asked for has no such arithmetic.
    """
    if compute == FLOAT32 or "/" in compute:
        return compute
    names = candidates(asked, made_by=made_by, devices=devices)
    able = [name for name in names if compute in ENGINES[name].reduced]
    if not able:
        raise UsageError(f"{names[0]} does not compute in {compute}", "--compute", "use float32")
    backend = f"-{training_backend()}" if able[0] == "keras" else ""
    return f"{compute}/{able[0]}{backend}"


def engine_of(arithmetic: str) -> str | None:
    """Return the only engine that has this arithmetic; None where all share it."""
    _, _, named = arithmetic.partition("/")
    return named.partition("-")[0] or None


def within(asked: str, arithmetic: str) -> str:
    """Return the engine to ask for, where a recipe's arithmetic leaves one alone.

    Raises
    ------
    UsageError
        When another one was asked for.
    """
    only = engine_of(arithmetic)
    if only is None or asked in (only, AUTO):
        return only or asked
    raise UsageError(
        f"the rows are of {arithmetic}, which only {only} computes",
        f"--engine {asked}",
        f"use --engine {only}, or --compute in a store of its own",
    )


def candidates(
    asked: str,
    *,
    made_by: str | None = None,
    devices: str | None = None,
    only: tuple[str, ...] = (),
) -> list[str]:
    """Return the engines to try, in order; all of them are installed.

    Parameters
    ----------
    asked : a name, or auto
    made_by : the engine that made the rows that are there already; auto keeps it
    devices : such as gpu:0; auto takes an engine that can use it
    only : the engines that can take the network; empty: all

    Raises
    ------
    UsageError
        When there is no engine of that name, or it cannot take the network.
    MissingDependencyError
        When it, or any at all, is not installed.
    """
    if asked not in (AUTO, *ENGINES):
        raise UsageError(
            f"no engine {asked!r}", "--engine", f"one of {', '.join([AUTO, *ENGINES])}"
        )
    if only and asked not in (AUTO, *only):
        raise UsageError(
            f"{asked} cannot take this network", "--engine", f"use --engine {' or '.join(only)}"
        )
    could = {name: spec for name, spec in ENGINES.items() if not only or name in only}
    wanted = {name: spec for name, spec in could.items() if asked in (AUTO, name)}
    there = [name for name, spec in wanted.items() if _is_installed(spec)]
    if not there:
        ways = " or ".join(
            f"pip install 'bottleneck-cache[{spec.extra}]'" for spec in wanted.values()
        )
        names = " or ".join(only) if asked == AUTO else asked
        what = f"{names} is not installed" if names else "no engine is installed"
        raise MissingDependencyError(what, "--engine", ways)
    gpu = devices.startswith("gpu") if devices else shutil.which("nvidia-smi") is not None
    return sorted(there, key=lambda name: (name != made_by, gpu and not ENGINES[name].supports_gpu))


def _is_installed(spec: EngineSpec) -> bool:
    one_of = spec.needs_one_of
    return all(map(is_here, spec.needs)) and (not one_of or any(map(is_here, one_of)))


def loads_apart(asked: str, *, made_by: str | None = None, devices: str | None = None) -> bool:
    """Whether the engine that is tried first has networks loaded in a process of their own.

    Without any engine there is none that does: a store that lacks nothing needs none.
    """
    try:
        return ENGINES[candidates(asked, made_by=made_by, devices=devices)[0]].apart
    except MissingDependencyError:
        return False


def open_engine(
    asked: str, frozen: Frozen, *, made_by: str | None = None, devices: str | None = None
) -> Engine:
    """Return the first of the candidates that computes this network as plain Keras does.

    Raises
    ------
    UsageError
        Unknown engine or device; a network that it cannot take.
    MissingDependencyError
        What the engine, or the network, needs is not installed.
    OtherRowsError
        When the engine that was asked for computes other rows.
    """
    names = candidates(asked, made_by=made_by, devices=devices, only=frozen.engines)
    refusals: list[UsageError | OtherRowsError] = []
    for name, other in zip(names, [*names[1:], None], strict=True):
        try:
            return cast(
                "Engine", import_module(ENGINES[name].module).open_engine(frozen, devices=devices)
            )
        except (UsageError, OtherRowsError) as error:
            refusals.append(error)
            if other is not None:
                log.warning("not computing with %s but %s: %s", name, other, error.what)
    raise refusals[-1]
