"""Signals: whatever is on the terminal is left in good order, nothing of ours is called after it."""

from __future__ import annotations

import asyncio
import errno
import io
import os
import signal
import sys
import threading
import tty
from collections.abc import Iterator
from pathlib import Path

import pexpect
import pytest
from textual.app import App
from textual.drivers.linux_driver import LinuxDriver

from swarmtui.plan.model import JSON
from swarmtui.tui.app import Workbench
from swarmtui.tui.driving import Enduring, enduring
from swarmtui.tui.leaving import GRACE_S, Ending
from tests.tui.opening import opened
from tests.tui.ptys import close_window
from tests.tui.scripted_feed import mid_run

ENDING = (signal.SIGTERM, signal.SIGHUP)


def handlers() -> list[object]:
    return [signal.getsignal(number) for number in (*ENDING, signal.SIGALRM)]


@pytest.fixture(autouse=True)
def _nothing_ends(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr("signal.setitimer", lambda *_: None)
    monkeypatch.setattr("swarmtui.tui.leaving._end", lambda: pytest.fail("it takes too long"))
    before = signal.getsignal(signal.SIGALRM)
    yield
    signal.signal(signal.SIGALRM, before)


def test_what_was_to_be_done_on_signals_before_is_so_again() -> None:
    before = handlers()
    with Ending():
        assert handlers() != before
        with Ending():
            pass
        assert handlers() != before
    assert handlers() == before


@pytest.mark.parametrize("number", ENDING)
async def test_a_signal_has_what_is_shown_leave_on_its_own_loop(number: signal.Signals) -> None:
    left = asyncio.Event()
    with Ending() as ending:
        ending.watch(asyncio.get_running_loop(), left.set)
        signal.raise_signal(number)
        await left.wait()
        assert ending.wanted


async def test_leaving_takes_no_longer_than_it_may(monkeypatch: pytest.MonkeyPatch) -> None:
    timers: list[tuple[int, float]] = []
    monkeypatch.setattr("signal.setitimer", lambda *given: timers.append(given))
    left = asyncio.Event()
    with Ending() as ending:
        ending.watch(asyncio.get_running_loop(), left.set)
        signal.raise_signal(signal.SIGHUP)
        await left.wait()
    assert timers == [(signal.ITIMER_REAL, GRACE_S)]


async def test_what_was_asked_for_is_answered_before_the_workbench_is_left() -> None:
    feed, asked, answered = mid_run(), asyncio.Event(), asyncio.Event()
    does = feed.command

    async def slow(method: str, params: dict[str, JSON]) -> int:
        asked.set()
        await answered.wait()
        return await does(method, params)

    feed.command = slow  # type: ignore[method-assign]
    async with opened(feed) as pilot:
        app = pilot.app
        assert isinstance(app, Workbench)
        await pilot.press("P")
        await asked.wait()
        app.detach()
        await pilot.pause()
        assert not app._exit
        answered.set()
        await app.workers.wait_for_complete()
        assert app._exit
    assert feed.commands == [("session.pause", {})]


def test_a_signal_that_a_session_was_left_for_ends_the_list_of_sessions_too() -> None:
    heard: list[str] = []
    with Ending() as outer:
        with Ending() as inner:

            async def session() -> None:
                inner.watch(asyncio.get_running_loop(), lambda: heard.append("session"))
                signal.raise_signal(signal.SIGHUP)
                await asyncio.sleep(0)

            asyncio.run(session())
        assert heard == ["session"]
        assert outer.wanted


def test_a_signal_after_the_loop_has_ended_says_nothing() -> None:
    with Ending() as ending:

        async def session() -> None:
            ending.watch(asyncio.get_running_loop(), lambda: pytest.fail("it is over"))

        asyncio.run(session())
        signal.raise_signal(signal.SIGTERM)
        assert ending.wanted


async def test_what_begins_after_a_signal_leaves_at_once() -> None:
    left = asyncio.Event()
    with Ending() as ending:
        signal.raise_signal(signal.SIGTERM)
        ending.watch(asyncio.get_running_loop(), left.set)
        assert not left.is_set(), "it is called amid what begins"
        await asyncio.sleep(0)
        assert left.is_set()


def test_an_alarm_that_is_not_ours_is_that_of_whoever_has_set_it() -> None:
    heard: list[int] = []
    signal.signal(signal.SIGALRM, lambda number, _: heard.append(number))
    with Ending():
        signal.raise_signal(signal.SIGALRM)
    assert heard == [signal.SIGALRM]


def test_leaving_that_takes_too_long_is_ended() -> None:
    with Ending():
        signal.raise_signal(signal.SIGTERM)
        with pytest.raises(pytest.fail.Exception, match="too long"):
            signal.raise_signal(signal.SIGALRM)


class Gone(io.StringIO):
    """A terminal that goes away after so many writes."""

    def __init__(self, writes: int) -> None:
        super().__init__()
        self.left = writes

    def write(self, text: str) -> int:
        self.left -= 1
        if self.left < 0:
            raise OSError(errno.EIO, "Input/output error")
        return super().write(text)

    def flush(self) -> None:
        self.write("")


def test_a_terminal_that_has_gone_away_takes_all_that_is_written() -> None:
    terminal = Gone(1)
    file = Enduring(terminal)
    assert [file.write("one"), file.write("seven.."), file.write("four")] == [3, 7, 4]
    file.flush()
    assert file.gone
    assert terminal.getvalue() == "one"


@pytest.mark.parametrize("when", ["before", "meanwhile"])
def test_a_terminal_that_takes_only_what_it_has_room_for_has_not_gone_away(when: str) -> None:
    master, slave = os.openpty()
    tty.setraw(slave)
    os.set_blocking(slave, when != "before")
    with open(slave, "w") as terminal:
        file, read = Enduring(terminal), bytearray()
        if when == "meanwhile":
            os.set_blocking(slave, False)
        taken = threading.Thread(target=lambda: read.extend(to_end(master)))
        taken.start()
        for _ in range(2_000):
            file.write("x" * 99 + "\n")
        file.write("end")
        file.flush()
        taken.join(30)
        assert not file.gone
    os.close(master)
    assert read.endswith(b"end")
    assert when == "meanwhile" or len(read) == 2_000 * 100 + 3


def to_end(master: int) -> bytes:
    """What arrives at the other side of a terminal until that is said to be the end."""
    read = b""
    while not read.endswith(b"end"):
        read += os.read(master, 4_096)
    return read


async def test_where_the_terminal_tells_no_size_app_and_driver_take_it_for_equally_large(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("COLUMNS", "LINES"):
        monkeypatch.delenv(name, raising=False)
    driver = enduring(LinuxDriver)(App[None]())
    assert driver._size == driver._get_terminal_size()  # type: ignore[attr-defined]


HOME = """
import asyncio, sys
from pathlib import Path
from tests.tui.opening import workbench
from tests.tui.scripted_feed import mid_run
from tests.tui.browsing import found
from swarmtui.tui.app import run_workbench
from swarmtui.tui.browser import run_browser
async def rows():
    return found()
async def connect():
    return mid_run()
def look(choice):
    run_workbench(connect)
    return ""
run_browser(rows, look)
Path(sys.argv[1]).write_text("left")
"""


def start(folder: Path, script: str = HOME) -> pexpect.spawn[bytes]:
    """Home in a terminal of its own; what it leaves for is a session."""
    env = {
        **os.environ,
        "TERM": "xterm-256color",
        "SWARMTUI_HOME": str(folder / "home"),
        "SWARMTUI_TOUR": "0",
    }
    words = ["-c", script, str(folder / "told")]
    terminal: pexpect.spawn[bytes] = pexpect.spawn(sys.executable, words, env=env, dimensions=(30, 100), timeout=60)
    terminal.expect_exact(b"Review")  # the sessions have been read: there is one to open
    return terminal


KEPT = """
import gc
from swarmtui.tui.app import Workbench
gc.unfreeze()
gc.collect()
Path(sys.argv[1]).write_text(str(sum(isinstance(one, Workbench) for one in gc.get_objects())))
"""


@pytest.mark.chaos
def test_sessions_that_were_left_are_not_kept(tmp_path: Path) -> None:
    terminal = start(tmp_path, HOME + KEPT)
    for _ in range(4):
        for key, seen in ((b"\r", b"quality"), (b"q", b"sessions:")):
            terminal.send(key)
            terminal.expect_exact(seen)
    terminal.send(b"q")
    terminal.expect(pexpect.EOF)
    terminal.close()
    assert terminal.exitstatus == 0
    assert int((tmp_path / "told").read_text()) <= 1, "the last one alone, of which Python keeps what was printed"


PLACES = {
    "home": (),
    "a dialog at home": ((b"O", b"Other machines"),),
    "a session": ((b"\r", b"quality"),),
    "a dialog in a session": ((b"\r", b"quality"), (b"?", b"help")),
    "home, after a session": ((b"\r", b"quality"), (b"q", b"sessions:")),
}


@pytest.mark.chaos
@pytest.mark.parametrize("how", ["SIGTERM", "SIGHUP", "the terminal is closed"])
@pytest.mark.parametrize("place", PLACES)
def test_wherever_one_is_the_program_ends_in_good_order(place: str, how: str, tmp_path: Path) -> None:
    terminal = start(tmp_path)
    for key, seen in PLACES[place]:
        terminal.send(key)
        terminal.expect_exact(seen)
    if how in ("SIGTERM", "SIGHUP"):
        terminal.kill(signal.Signals[how])
        terminal.expect(pexpect.EOF)
        assert b"Traceback" not in terminal.before
        assert b"\x1b[?1049l" in terminal.before
        terminal.close()
        assert (terminal.exitstatus, terminal.signalstatus) == (0, None)
    else:
        close_window(terminal)
        _, status = os.waitpid(terminal.pid, 0)
        assert os.waitstatus_to_exitcode(status) == 0
    assert (tmp_path / "told").read_text() == "left"
    assert (tmp_path / "home" / "state" / "workbench.json").exists()
