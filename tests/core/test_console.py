import io
import re
from contextlib import redirect_stderr

import pytest

from bottleneck.core import console
from bottleneck.core.console import LOG_EVERY_S, Console


class Terminal(io.StringIO):
    def isatty(self):
        return True


def shown(written):
    """Return the lines that a terminal shows at the end, as carriage returns overwrite them."""
    lines = []
    for line in re.sub(r"\x1b\[A", "", written).split("\n"):
        cells = []
        for part in line.split("\r"):
            cells[: len(part)] = part
        lines.append("".join(cells).rstrip())
    return lines


@pytest.fixture
def clock(monkeypatch):
    now = [1000.0]
    monkeypatch.setattr(console.time, "monotonic", lambda: now[0])
    return now


def test_a_message_never_shares_a_line_with_a_bar():
    ours = Console()
    with redirect_stderr(Terminal()) as screen:
        with ours.progress(10, "extract") as bar:
            bar.update(3)
            ours.say("a message")
            bar.update(3)
            ours.warn("look")
        ours.say("afterwards")
    lines = shown(screen.getvalue())
    for message in ("a message", "warning: look", "afterwards"):
        assert message in lines
    assert sum("extract" in line for line in lines) >= 1
    assert "10" in next(line for line in lines if "extract" in line)


def test_a_message_while_a_bar_ends_has_a_line_of_its_own(monkeypatch):
    import tqdm

    ours, close = Console(), tqdm.tqdm.close

    def closing(bar):
        if not bar.disable:
            ours.say("from another thread")
        close(bar)

    monkeypatch.setattr(tqdm.tqdm, "close", closing)
    with redirect_stderr(Terminal()) as screen, ours.progress(10, "extract") as bar:
        bar.update(3)
    assert "from another thread" in shown(screen.getvalue())


def test_a_bar_within_a_bar_gives_the_first_one_back():
    ours = Console()
    with redirect_stderr(Terminal()) as screen, ours.progress(10, "outer") as outer:
        with ours.progress(5, "inner"):
            pass
        outer.update(1)
        outer.refresh()
        ours.say("a message")
    assert "a message" in shown(screen.getvalue())


def test_without_a_terminal_there_is_one_line_a_minute(capsys, clock):
    ours = Console()
    with ours.progress(100, "extract") as count:
        for _ in range(10):
            clock[0] += LOG_EVERY_S / 4
            count.update(10)
    assert capsys.readouterr().err == ("extract: 40 of 100 images\nextract: 80 of 100 images\n")


def test_a_quick_run_without_a_terminal_shows_no_progress(capsys, clock):
    with Console().progress(100, "extract") as count:
        clock[0] += LOG_EVERY_S - 1
        count.update(100)
    assert capsys.readouterr().err == ""


def test_quiet_shows_neither_messages_nor_a_bar():
    ours = Console(quiet=True)
    with redirect_stderr(Terminal()) as screen, ours.progress(10, "extract") as bar:
        bar.update(10)
        ours.say("a message")
    assert screen.getvalue() == ""
