"""Being asked to stop, in processes of their own: what is raised, when, and how it ends."""

import signal
import subprocess
import sys
import textwrap
import threading

import pytest

from bottleneck.core.signals import Stops

CODES = {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGHUP: 129}
WORDS = {signal.SIGINT: "interrupted", signal.SIGTERM: "terminated", signal.SIGHUP: "hung up"}
HEAD = """
import os, signal, sys, threading, time
from bottleneck.core import console, signals
# Whoever started the tests (nohup, a shell in the background) may have had these ignored.
signal.signal(signal.SIGHUP, signal.SIG_DFL)
signal.signal(signal.SIGINT, signal.default_int_handler)
def send(*numbers):
    for number in numbers:
        os.kill(os.getpid(), number)
def main(words):
"""
KEPT = "everything saved so far is kept; run the same command to go on"


def ended(body, *words, before=""):
    """Run a door whose main has this body; return code, stdout and stderr."""
    code = HEAD + textwrap.indent(textwrap.dedent(body), "    ") + f"\n{before}\n"
    code += "sys.exit(console.run(main))\n"
    done = subprocess.run(
        [sys.executable, "-c", code, *words],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize("number", CODES)
@pytest.mark.parametrize("times", [1, 2, 3])
def test_a_signal_and_its_echoes_are_one_line_and_one_code(number, times):
    body = f"""
    send(*[{int(number)}] * {times})
    time.sleep(30)
    """
    assert ended(body) == (CODES[number], "", f"{WORDS[number]}: {KEPT}\n")


def test_what_the_command_does_at_its_end_is_not_broken_off_by_an_echo():
    body = """
    try:
        send(signal.SIGTERM)
        time.sleep(30)
    finally:
        send(signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
        print("committed")
    """
    assert ended(body) == (143, "committed\n", f"terminated: {KEPT}\n")


def test_who_asks_again_later_gets_an_end_at_once():
    body = """
    try:
        send(signal.SIGINT)
        time.sleep(30)
    finally:
        send(signal.SIGINT)
        print("never seen, as it was not written yet")
        time.sleep(30)
    """
    code, out, said = ended(body, "--json", before="signals.ECHO_S = 0")
    assert (code, said) == (130, f"interrupted: {KEPT}\n")
    assert out.startswith('{"error": {"code": 130, "what": "interrupted"')


@pytest.mark.parametrize("stuck", ["while True: pass", "time.sleep(30)", "lock.acquire()"])
def test_an_end_that_takes_too_long_is_cut_off(stuck):
    body = f"""
    lock = threading.Lock()
    lock.acquire()
    try:
        send(signal.SIGTERM)
        time.sleep(30)
    finally:
        {stuck}
    """
    code, out, said = ended(body, before="signals.PATIENCE_S = 0.1")
    assert (code, out, said) == (143, "", f"terminated: {KEPT}\n")


DROPPED = """
class Odd:
    def __del__(self):
        send(signal.SIGTERM)
        for _ in range(1000):
            pass
Odd()
"""  # the exception of a signal


def test_a_signal_that_python_drops_in_a_destructor_is_asked_again():
    assert ended(DROPPED + "time.sleep(30)") == (143, "", f"terminated: {KEPT}\n")


@pytest.mark.parametrize("end", ["return 0", "raise ValueError"])
def test_a_signal_that_python_drops_is_not_lost_where_the_command_ends_next(end):
    assert ended(DROPPED + end) == (143, "", f"terminated: {KEPT}\n")


def test_whatever_a_library_makes_of_the_signal_is_the_signal():
    body = """
    try:
        send(signal.SIGINT)
        time.sleep(30)
    except BaseException:
        raise ImportError("numpy.core.multiarray failed to import")
    """
    assert ended(body) == (130, "", f"interrupted: {KEPT}\n")


def test_threads_that_are_still_at_work_do_not_hold_the_end_up():
    body = """
    threading.Thread(target=time.sleep, args=(50,)).start()
    send(signal.SIGTERM)
    time.sleep(30)
    """
    assert ended(body) == (143, "", f"terminated: {KEPT}\n")


@pytest.mark.parametrize("number", CODES)
def test_a_signal_that_the_caller_ignores_stays_ignored(number):
    body = f"""
    send({int(number)})
    print("went on")
    return 0
    """
    before = f"signal.signal({int(number)}, signal.SIG_IGN)"
    assert ended(body, before=before) == (0, "went on\n", "")


def test_a_signal_after_the_work_is_done_ends_python_without_a_traceback():
    body = """
    import atexit
    atexit.register(lambda: send(signal.SIGINT))
    print("done")
    return 0
    """
    code, out, said = ended(body)
    assert (code, out, said) == (-signal.SIGINT, "done\n", "")


GIVEN_BACK = """
    send(signal.SIGTERM)
    raise AssertionError("it was not raised")
def settings():
    return [signal.getsignal(number) for number in signals.KINDS], sys.unraisablehook
before = settings()
assert console.run(main, []) == 143
assert settings() == before
assert signal.set_wakeup_fd(-1) == -1
print("given back")
"""


def test_in_a_process_of_others_signals_and_hooks_are_given_back():
    # Not in this process: after OpenVINO was used, a signal does not survive pytest's fault
    # handler, which has Python take signals on a stack of its own.
    done = subprocess.run(
        [sys.executable, "-c", HEAD + GIVEN_BACK], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, "given back\n"), done.stderr


def test_a_command_runs_where_no_thread_can_be_started(monkeypatch):
    def none_left(_self):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", none_left)
    with Stops(lambda *_: None) as stops:
        pass
    assert stops.number is None
