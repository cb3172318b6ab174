"""A process whose disk fails under it: each call of a verb that changes a store, in its turn.

    LD_PRELOAD=faulty.so python fault_driver.py LIBRARY FOLDER FORMAT VERB:ABOUT[:FAULT…] …

ABOUT is how many of the calls are hit, evenly spread; 0 hits every one. A fault ends when a run
came to its end without having been hit. Each attempt is a child of its own, on a copy of the store,
so that a kill is a real one. Prints a JSON object a line for each fault.
"""

from __future__ import annotations

import ctypes
import errno
import itertools
import json
import os
import signal
import sys
import time
from pathlib import Path

import pytest
from fault_world import TABLE, prepare, quiet_run

from bottleneck.core import console

KILL, FAIL_ONCE, FAIL_FOR_EVER, SHORT, TEAR, LIE, SIGNAL = range(7)
WRITES, SYNCS, CLOSES, NAMES, SIZES, READS = 1, 2, 4, 8, 16, 32
ALL = 31  # that change something
FAULTS = {  # what is done, the error, the calls that are hit, the codes that a run may end with
    "K1 kill": (KILL, 0, ALL, {None}),
    "K1 kill in a write": (TEAR, 0, WRITES, {None}),
    "K2 SIGTERM": (SIGNAL, signal.SIGTERM, ALL, {0, 143}),
    "K2 SIGINT": (SIGNAL, signal.SIGINT, ALL, {0, 130}),
    "D1 no space, once": (FAIL_ONCE, errno.ENOSPC, WRITES | NAMES | SIZES, {0, 12}),
    "D1 no space, for ever": (FAIL_FOR_EVER, errno.ENOSPC, WRITES | NAMES | SIZES, {0, 12}),
    "D1 no quota": (FAIL_ONCE, errno.EDQUOT, WRITES | SYNCS | NAMES, {0, 12}),
    "D2 EIO, once": (FAIL_ONCE, errno.EIO, ALL, {0, 13}),
    "D2 EIO, for ever": (FAIL_FOR_EVER, errno.EIO, ALL, {0, 13}),
    "D2 fsync fails, once": (FAIL_ONCE, errno.EIO, SYNCS, {0, 13}),
    "D2 short write": (SHORT, 0, WRITES, {0}),
    "D2 lost write": (LIE, 0, WRITES, {0, 13}),
    "D2 EIO on read, once": (FAIL_ONCE, errno.EIO, READS, {0, 13}),
    "D2 EIO on read, for ever": (FAIL_FOR_EVER, errno.EIO, READS, {0, 13}),
    "D2 EIO on an image, once": (FAIL_ONCE, errno.EIO, READS, {0, 13}),
    "D2 EIO on an image, for ever": (FAIL_FOR_EVER, errno.EIO, READS, {0, 3, 13}),
    "D3 not permitted": (FAIL_ONCE, errno.EACCES, NAMES, {0, 13}),
    "D3 no open files": (FAIL_ONCE, errno.EMFILE, NAMES, {0, 12}),
}
NEVER = 10**9
PATIENCE_S = 120.0


def child(main, words, log):
    """Run a door in a forked child; return its exit code, or the signal that ended it, negative."""
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            handle = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            os.dup2(handle, 1)
            os.dup2(handle, 2)
            # A shell that starts a job in the background has it ignore SIGINT.
            signal.signal(signal.SIGINT, signal.default_int_handler)
            code = console.run(main, words)
            sys.stdout.flush()
        finally:
            os._exit(code)
    until = time.monotonic() + PATIENCE_S
    while True:
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        if time.monotonic() > until:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            return "hang"
        time.sleep(0.002)


def said_wrong(code, allowed, said):
    """Yield what is wrong with how a run ended: N8."""
    if code == -signal.SIGKILL and None in allowed:
        return
    if code not in allowed | {0}:
        yield f"N8: ended with {code}: {said[-300:]}"
    if "Traceback" in said:
        yield f"N8: a traceback: {said[-300:]}"
    errors = [line for line in said.splitlines() if line.startswith("error")]
    if code in TABLE - {0} and len(errors) != 1:
        yield f"N8: {len(errors)} lines for an error: {said[-300:]}"


class Driver:
    """One verb on one world: the attempts, and what was wrong after each."""

    def __init__(self, lib, world, verb):
        self.lib, self.world, self.verb = lib, world, verb
        self.work, self.log = world.root / "work", world.root / "said"
        self.codes = {}

    def attempt(self, at, fault):
        """Hit the call of this number; return whether there was one, and what is wrong."""
        how, error, which, allowed = FAULTS[fault]
        self.world.copy("work")
        under = self.world.photos if "image" in fault else self.work
        self.lib.faulty_arm(str(under).encode(), ctypes.c_long(at), how, error, which)
        code = child(self.verb.main, self.verb.words(self.work), self.log)
        self.lib.faulty_disarm()
        self.codes[str(code)] = self.codes.get(str(code), 0) + 1
        found = [*said_wrong(code, allowed, self.log.read_text(errors="replace"))]
        is_hit = self.lib.faulty_hits() > 0
        maimed = getattr(self.verb, "may_be_damaged", False)
        if self.work.exists():
            if any((self.work / "log").glob("*.json")):
                found += self.world.wrong(self.work, may_be_damaged=maimed)
            ended = None if code == -signal.SIGKILL else code
            if "image" in fault:  # it may be set aside, but not in silence
                found += self.world.silent(self.work, code, self.log.read_text(errors="replace"))
                ended = None
            found = found or [*self.verb.after(self.work, ended), *self.world.swept(self.work)]
        return is_hit, found

    def loop(self, fault, about):
        """Hit one call after the other; return the row of the table."""
        wrong = [f"without a fault: {line}" for line in self.attempt(NEVER, fault)[1]]
        effects, self.codes = self.lib.faulty_count(), {}
        step = max(1, effects // about) if about else 1
        for n in itertools.count():
            at = n * step + step // 2
            is_hit, found = self.attempt(at, fault)
            wrong += [f"at {at}: {line}" for line in found]
            if not is_hit or len(wrong) > 20:
                break
        return {
            "fault": fault,
            "effects": effects,
            "injections": n,
            "codes": self.codes,
            "violations": wrong,
            "every": step == 1,
            "ended": not is_hit,
        }


def main(library, folder, fmt, *plan):
    lib = ctypes.CDLL(library)
    for number, words in enumerate(plan):
        verb_name, about, *faults = words.split(":")
        with pytest.MonkeyPatch.context() as patch:
            world, verb = prepare(Path(folder) / str(number), fmt, verb_name, patch)
            quiet_run(verb.main, verb.words(world.copy("work")))  # what is imported once, is by now
            for fault in faults or FAULTS:
                row = Driver(lib, world, verb).loop(fault, int(about))
                print(json.dumps({"verb": verb_name, "format": fmt, **row}), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
