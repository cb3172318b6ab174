"""Being asked to stop: Ctrl-C, SIGTERM, a terminal that hangs up; once, or several times.

The method. The first signal raises its exception in the main thread, and the command ends as it
does after any error: what is done is committed. An exception that came while it ends would break
off that very work, and end in locks that nobody frees, so further signals raise nothing:

- within a second of the first they are its echo and are passed over: `timeout`, terminals and
  wrappers send a signal to the process and to its group;
- after that they mean it: the process ends on the spot. So it does where its end takes longer
  than `PATIENCE_S`, whatever it is waiting for; a thread sees to that.

Ending on the spot loses no committed work: a store is whole at every moment. A signal that the
caller had ignored (`nohup`, a job in a shell's background) stays ignored.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
import time
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Self

from bottleneck.core.errors import STOP_CODES, HungUp, Terminated

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

ECHO_S = 1.0
PATIENCE_S = 9.0
_AGAIN_S = 0.05
# How each ends a command: its exception, the exit code, the word for people.
KINDS: Mapping[int, tuple[type[BaseException], int, str]] = MappingProxyType(
    {
        getattr(signal, name): (kind, STOP_CODES[kind], word)
        for name, kind, word in (
            ("SIGINT", KeyboardInterrupt, "interrupted"),
            ("SIGTERM", Terminated, "terminated"),
            ("SIGHUP", HungUp, "hung up"),
        )
        if hasattr(signal, name)  # Windows has no SIGHUP
    }
)


class Stops:
    """Takes the signals that ask to stop while the `with` runs.

    Attributes
    ----------
    number : the signal that was the first; None while there was none

    Parameters
    ----------
    end_now : callable
        Ends the process with an exit code, having told why with a word. It may be called from any
        thread, at any moment, so it must wait for nothing.
    """

    def __init__(self, end_now: Callable[[int, str], None]) -> None:
        self.number: int | None = None
        self._end_now = end_now
        self._asked_at = 0.0
        self._dropped: int | None = None  # Python dropped its exception: is asked again soon
        self._asking = threading.Lock()
        self._ended = threading.Event()
        self._before: dict[int, Any] = {}
        self._pipe = (-1, -1)
        self._wakeup = -1
        self._unraisable: Callable[[Any], object] = sys.unraisablehook

    def __enter__(self) -> Self:
        """Take the signals, unless this is not the main thread, which alone can."""
        if threading.current_thread() is not threading.main_thread():
            return self
        self._pipe = os.pipe()
        for end in self._pipe:
            os.set_blocking(end, end == self._pipe[0])
        # The thread is told by the system, also while the main thread is in native code.
        self._wakeup = signal.set_wakeup_fd(self._pipe[1], warn_on_full_buffer=False)
        for number in KINDS:
            if signal.getsignal(number) is not signal.SIG_IGN:
                self._before[number] = signal.signal(number, self._asked)
        self._unraisable, sys.unraisablehook = sys.unraisablehook, self._swallowed
        # Where there are no threads left, a signal is seen once native code gives the turn back.
        with contextlib.suppress(RuntimeError):
            threading.Thread(target=self._watch, name="stops", daemon=True).start()
        return self

    def __exit__(self, *exception: object) -> None:
        """Give the signals back; raise what is yet to be asked again, which could come too late."""
        try:
            with self._asking:
                self._take_dropped()
        finally:
            for number, handler in self._before.items():
                signal.signal(number, handler)
            self._stop_watching()

    def done(self) -> None:
        """Let signals end the process as they do without us, for one whose work is done.

        Python's own handler would show a traceback of whatever Python does at its end.
        """
        for number in self._before:
            signal.signal(number, signal.SIG_DFL)
        self._before = {}

    def ending(self, error: BaseException) -> tuple[int, str] | None:
        """Return the exit code and the word of a command that ended in `error`; None if not asked.

        What libraries make of a signal that comes while they start may be any error at all.
        """
        asked = self._dropped if self.number is None else self.number
        for number, (kind, code, word) in KINDS.items():
            if number == asked or (asked is None and type(error) is kind):
                return code, word
        return None

    def _take_dropped(self) -> None:
        dropped, self._dropped = self._dropped, None
        if dropped is not None:
            self.number = dropped
            raise KINDS[dropped][0]

    def _asked(self, number: int, _frame: object) -> None:
        if self.number is None:
            self.number, self._asked_at = number, time.monotonic()
            raise KINDS[number][0]
        if time.monotonic() - self._asked_at >= ECHO_S:
            self._end_now(*KINDS[self.number][1:])

    def _watch(self) -> None:
        told = b""
        with open(self._pipe[0], "rb", buffering=0) as pipe:  # noqa: PTH123 - a number
            while not set(told) & KINDS.keys():
                told = pipe.read(64)
                if not told:
                    return
            if not self._ended.wait(PATIENCE_S):
                code, word = KINDS[next(number for number in told if number in KINDS)][1:]
                self._end_now(code, word)

    def _swallowed(self, what: Any) -> None:
        """Ask once more where Python had to drop the exception: it came inside a `__del__`, say."""
        if self.number is None or not isinstance(what.exc_value, KINDS[self.number][0]):
            self._unraisable(what)
            return
        self._dropped, self.number = self.number, None
        again = threading.Timer(_AGAIN_S, self._ask_again)
        again.daemon = True
        again.start()

    def _ask_again(self) -> None:
        with self._asking:
            number, self._dropped = self._dropped, None
            if number is not None:
                signal.pthread_kill(threading.main_thread().ident or 0, number)

    def _stop_watching(self) -> None:
        self._ended.set()
        if self._pipe != (-1, -1):
            sys.unraisablehook = self._unraisable
            signal.set_wakeup_fd(self._wakeup)
            os.close(self._pipe[1])  # the thread then reads the end, and ends
            self._pipe = (-1, -1)
