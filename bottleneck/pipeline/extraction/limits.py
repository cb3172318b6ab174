"""What limited an extraction: reading, decoding or the network.

The stages work side by side, so what each took of the processor says which one the others waited
for. Measured from the first batch on, when everything runs: starting a network takes seconds, in
which images are read and decoded ahead. What other threads of a caller's process compute meanwhile
counts as the network's.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from bottleneck.pipeline.extraction.flow import Seconds

LEAST_S = 3.0  # below it nothing can be said
BUSY = 0.8  # of its time, a stage that has others wait for it; two such share the cores
IDLE = 0.5  # no stage is busier: something else takes the time
READERS = 4  # times as many threads may help where reading waits for a disk or a network


@dataclass(frozen=True, slots=True, kw_only=True)
class Used:
    """Seconds that a stretch of an extraction took.

    Attributes
    ----------
    wall : of the clock
    cores, threads : that the process may use, and that read and decode
    read_cpu, decode_cpu, network_cpu : of the processor
    read_wall, decode_wall : of all reading threads together
    network_wall : in which the network was at work
    """

    wall: float
    cores: int
    threads: int
    read_cpu: float
    decode_cpu: float
    network_cpu: float
    read_wall: float
    decode_wall: float
    network_wall: float

    def to_json(self) -> dict[str, Any]:
        """Return the processor's seconds of each stage, and the clock's."""
        return {
            "wall": round(self.wall, 3),
            "read": round(self.read_cpu, 3),
            "decode": round(self.decode_cpu, 3),
            "network": round(self.network_cpu, 3),
        }


def together(one: Used | None, other: Used) -> Used:
    """Return what two stretches took, of two processes say; cores and threads are one's."""
    if one is None:
        return other
    added = {
        name: getattr(one, name) + getattr(other, name)
        for name in Used.__dataclass_fields__
        if name not in ("cores", "threads")
    }
    return replace(other, **added)


class Meter:
    """Measures what an extraction uses, from `begin` to `end`; both in the driver's thread.

    Where other processes compute, what they used is what counts: `add`.
    """

    def __init__(
        self,
        seconds: Seconds,
        *,
        cores: int,
        threads: int,
        wall: Callable[[], float] = time.perf_counter,
        process: Callable[[], float] = time.process_time,
        thread: Callable[[], float] = time.thread_time,
    ) -> None:
        self.used: Used | None = None
        self._seconds = seconds
        self._cores, self._threads = cores, threads
        self._clocks = (wall, process, thread)
        self._began: tuple[tuple[float, ...], Seconds] | None = None
        self._is_elsewhere = False

    def begin(self) -> None:
        """Begin, unless that was done."""
        self._began = self._began or self._now()

    def end(self) -> None:
        """Set `used` to what was used since `begin`; nothing where that never was."""
        if self._began is None or self._is_elsewhere:
            return
        (clocks, now), (clocks_then, then) = self._now(), self._began
        wall, process, thread = (a - b for a, b in zip(clocks, clocks_then, strict=True))
        read, decode, write = (
            now.processor[name] - then.processor[name] for name in ("hash", "decode", "write")
        )
        self.used = Used(
            wall=wall,
            cores=self._cores,
            threads=self._threads,
            read_cpu=read,
            decode_cpu=decode,
            network_cpu=max(0.0, process - read - decode - write - thread),
            read_wall=now.hash - then.hash,
            decode_wall=now.decode - then.decode,
            network_wall=now.compute - then.compute,
        )

    def add(self, used: Used) -> None:
        """Take in what another process used for its share."""
        self.used = together(self.used if self._is_elsewhere else None, used)
        self._is_elsewhere = True

    def _now(self) -> tuple[tuple[float, ...], Seconds]:
        kept = replace(self._seconds, processor=dict(self._seconds.processor))
        return tuple(clock() for clock in self._clocks), kept


def limiting(used: Used | None, *, may_decode_fast: bool) -> dict[str, Any] | None:
    """Return what limited an extraction; None where it was too short, or nothing stands out.

    Parameters
    ----------
    may_decode_fast : whether most images are JPEGs so large that `--decode fast` saves time

    Returns
    -------
    dict
        stage (read, decode or network); share, 0 to 1, of all cores' time, or of the clock's where
        the stage waits for a disk or a device (`of`: cores or time); advice, or None
    """
    if used is None or used.wall < LEAST_S:
        return None
    total = used.wall * used.cores
    readers = (used.read_wall + used.decode_wall) / (used.wall * used.threads)
    network = used.network_wall / used.wall
    if max(readers, network) < IDLE:
        return None
    if min(readers, network) >= BUSY:  # they share the cores: who takes more of them
        cpu = {"read": used.read_cpu, "decode": used.decode_cpu, "network": used.network_cpu}
        stage = max(cpu, key=lambda name: cpu[name])
    elif network >= readers:
        stage = "network"
    else:
        stage = "read" if used.read_wall > used.decode_wall else "decode"
    advice = _advice(stage, used, may_decode_fast=may_decode_fast)
    if stage == "decode":
        return _found(stage, used.decode_cpu / total, "cores", advice)
    busy, cpu_s = {
        "read": (used.read_wall / (used.wall * used.threads), used.read_cpu),
        "network": (network, used.network_cpu),
    }[stage]
    share = cpu_s / total
    # Hardly on the processor: a disk, or a GPU, was what was waited for.
    return _found(stage, *((share, "cores") if share >= busy / 2 else (busy, "time")), advice)


def _found(stage: str, share: float, of: str, advice: str | None) -> dict[str, Any]:
    return {"stage": stage, "share": round(min(1.0, share), 3), "of": of, "advice": advice}


def _advice(stage: str, used: Used, *, may_decode_fast: bool) -> str | None:
    ways = []
    if stage == "decode" and may_decode_fast:
        ways.append("--decode fast in another store")
    if stage == "decode" and used.threads < used.cores:
        ways.append(f"--threads {used.cores}")
    if stage == "read":
        ways.append(f"--threads {READERS * used.threads}")
    return f"{' or '.join(ways)} may help" if ways else None


def sentence(limits: dict[str, Any], cores: int) -> str:
    """Return what limited an extraction, for people: `decoding took 71 % of both cores`."""
    name = {"read": "reading", "decode": "decoding", "network": "the network"}[limits["stage"]]
    whole = {1: "the core", 2: "both cores"}.get(cores, f"all {cores} cores")
    of = whole if limits["of"] == "cores" else "the time"
    said = f"{name} took {100 * limits['share']:.0f} % of {of}"
    return f"{said}: {limits['advice']}" if limits["advice"] else said
