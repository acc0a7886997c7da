"""Pastes: whatever stands between the marks of one is one paste, never keys."""

from __future__ import annotations

import gc
import os
import sys
import weakref
from pathlib import Path

import pexpect
import pytest
from hypothesis import given
from hypothesis import strategies as st
from textual import events

from swarmtui.safety.text import clean
from swarmtui.tui.pasting import END, MOST_CHARS, QUIET_S, START, Pasting

Told = list[tuple[str, str]]


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def told(messages: object) -> Told:
    found: Told = []
    for one in messages:  # type: ignore[attr-defined]
        found.append(("paste", one.text) if isinstance(one, events.Paste) else ("key", getattr(one, "key", repr(one))))
    return found


def read(*chunks: str) -> Told:
    pasting = Pasting()
    return [one for chunk in chunks for one in told(pasting.feed(chunk))]


def paste(text: str) -> str:
    return START + text + END


@pytest.mark.parametrize("typed", ["a", "\x1b[97;3u", "\x1b[A"])
def test_keys_that_were_read_keep_nothing_of_who_read_them(typed: str) -> None:
    pasting = Pasting()
    keys = [*pasting.feed(typed), *pasting.close()]
    gone = weakref.ref(pasting._parser)
    assert keys
    del pasting, keys
    gc.collect()
    assert gone() is None


def test_a_paste_that_holds_escape_sequences_is_one_paste_without_them() -> None:
    assert read("a" + paste("ab\x1b[31mcd\ref\r") + "b") == [("key", "a"), ("paste", "abcd\nef\n"), ("key", "b")]


@pytest.mark.parametrize(
    "within", ["\x1b", "\x1b[", "\x1b[20", "\x1b[200~", "\x1b\x1b", "\x1b]0;title", "\x1b[A", "\x1bq"]
)
def test_whatever_sequence_begins_in_a_paste_nothing_of_it_is_a_key(within: str) -> None:
    assert read(paste(f"one{within}\rtwo{within}") + "x")[-1] == ("key", "x")
    assert [kind for kind, _ in read(paste(f"one{within}\rtwo{within}") + "x")] == ["paste", "key"]


def test_a_paste_behind_a_key_that_begins_like_it_comes_after_that_key() -> None:
    assert read("\x1b" + paste("x") + "\x1b[A") == [("key", "escape"), ("paste", "x"), ("key", "up")]


def test_an_empty_paste_is_nothing() -> None:
    assert read(paste("") + paste("\x1b[0m") + "k") == [("key", "k")]


def test_a_mark_that_comes_late_in_parts_is_still_one(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    monkeypatch.setattr("textual._parser.get_time", clock)
    for at in range(1, len(START)):
        pasting = Pasting(clock=clock)
        found = told(pasting.feed(START[:at]))
        clock.now += 1
        found += told(pasting.tick()) + told(pasting.feed(START[at:] + "q\r" + END + "k"))
        assert [one for one in found if one[1] not in ("escape", "alt+left_square_bracket", "left_square_bracket")] == [
            ("paste", "q\n"),
            ("key", "k"),
        ]


def test_the_escape_key_is_known_once_nothing_follows_it(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    monkeypatch.setattr("textual._parser.get_time", clock)
    pasting = Pasting(clock=clock)
    assert told(pasting.feed("\x1b")) == []
    clock.now += 0.2
    assert told(pasting.tick()) == [("key", "escape")]


def test_a_paste_whose_end_does_not_come_is_a_paste_once_nothing_has_come_for_a_while() -> None:
    clock = Clock()
    pasting = Pasting(clock=clock)
    assert told(pasting.feed(START + "one\rq")) == []
    clock.now += QUIET_S - 0.1
    assert told(pasting.tick()) == []
    assert told(pasting.feed("two\x1b[20")) == []
    clock.now += QUIET_S - 0.1
    assert told(pasting.tick()) == []
    clock.now += 0.2
    assert told(pasting.tick()) == [("paste", "one\nqtwo")]
    assert told(pasting.feed("k" + END + "j")) == [("key", "k"), ("key", "j")]


def test_a_paste_that_is_coming_when_reading_is_over_is_not_lost() -> None:
    pasting = Pasting()
    assert told(pasting.feed(START + "one")) == []
    assert told(pasting.close()) == [("paste", "one")]
    assert told(pasting.close()) == []


def test_of_a_paste_without_measure_the_beginning_is_kept_and_nothing_becomes_a_key() -> None:
    pasting = Pasting()
    assert told(pasting.feed(START)) == []
    for _ in range(25):
        assert told(pasting.feed("a\r" * 25_000)) == []
    [(kind, text)] = told(pasting.feed(END))
    assert (kind, len(text)) == ("paste", MOST_CHARS)
    ((_, text),) = read(paste("x" * (MOST_CHARS + 10)))
    assert len(text) == MOST_CHARS


PIECES = st.sampled_from(
    [START, END, "\x1b", "\x1b[", "\x1b[2", "\x1b[20", "[200~", "01~", "a", "\r", "\x1b[A", "é", "q"]
)


@given(st.lists(PIECES, max_size=12).map("".join), st.data())
def test_however_the_input_is_cut_it_says_the_same(text: str, data: st.DataObject) -> None:
    cuts = sorted(data.draw(st.sets(st.integers(0, len(text)), max_size=8)))
    chunks = [text[a:b] for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True)]
    assert read(*chunks) == read(text)


@given(st.text(max_size=30) | st.lists(PIECES, max_size=8).map("".join), st.data())
def test_between_its_marks_is_one_paste(text: str, data: st.DataObject) -> None:
    inside = text.replace(END, "")
    if (inside + END).find(END) != len(inside):
        return
    whole = "j" + paste(inside) + "k"
    cuts = sorted(data.draw(st.sets(st.integers(0, len(whole)), max_size=8)))
    chunks = [whole[a:b] for a, b in zip([0, *cuts], [*cuts, len(whole)], strict=True)]
    kept = clean(inside)
    assert read(*chunks) == [("key", "j"), *([("paste", kept)] if kept else []), ("key", "k")]


APP = """
import sys
from pathlib import Path
from textual import events
from swarmtui.tui.dressed import Dressed

class Heard(Dressed[None]):
    told = []

    async def on_event(self, event):
        if isinstance(event, (events.Key, events.Paste)) and not event.is_forwarded:
            self.told.append(event.text if isinstance(event, events.Paste) else event.key)
            if self.told[-1] == "z":
                Path(sys.argv[1]).write_text(repr(self.told), "utf-8")
                self.exit()
        await super().on_event(event)


Heard().run()
"""


@pytest.mark.chaos
def test_in_a_terminal_a_paste_with_escapes_is_one_paste(tmp_path: Path) -> None:
    env = {**os.environ, "TERM": "xterm-256color", "SWARMTUI_HOME": str(tmp_path / "home")}
    words = ["-c", APP, str(tmp_path / "told")]
    terminal: pexpect.spawn[bytes] = pexpect.spawn(sys.executable, words, env=env, dimensions=(30, 100), timeout=60)
    terminal.expect_exact(b"\x1b[?2004h")
    long = "words " * 20_000
    terminal.send(f"j{paste(f'ab{chr(27)}[31mcd{chr(13)}ef{chr(13)}')}k{paste(long)}z".encode())
    terminal.expect(pexpect.EOF)
    terminal.close()
    assert (tmp_path / "told").read_text("utf-8") == repr(["j", "abcd\nef\n", "k", long, "z"])
