"""What is chosen in the list of sessions is carried out as a command; what that says last is told in the list."""

from __future__ import annotations

import errno
import io

import pytest

from swarmtui.cli.browsing import Heard, _carry_out
from swarmtui.host.exits import Exit
from swarmtui.tui import browser
from swarmtui.tui.browser import Choice


def test_the_list_tells_the_last_line_of_a_command_that_failed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def failing(argv: object, console: object) -> int:
        raise OSError(errno.EROFS, "Read-only file system", "/srv/state")

    monkeypatch.setattr("swarmtui.cli.run.run", failing)
    said = _carry_out(Choice("run", "", argv=("run", "goal")))
    assert said.startswith("run: ")
    assert "Read-only file system" in said
    assert "Read-only file system" in capsys.readouterr().err


@pytest.mark.parametrize("code", [Exit.OK, Exit.FAILED])
def test_a_session_that_ended_with_failures_was_opened_all_the_same(
    monkeypatch: pytest.MonkeyPatch, code: Exit
) -> None:
    monkeypatch.setattr("swarmtui.cli.main.main", lambda argv: int(code))
    assert _carry_out(Choice("open", "q7m2xk")) == ""


@pytest.mark.parametrize(
    ("written", "last"),
    [
        (["swarmtui: one\n", "swarmtui: Read-only file", " system: '/x'\n"], "Read-only file system: '/x'"),
        (["swarmtui: told\n", "\n"], "told"),
        (["\x1b[2Jswarmtui: \x1b]0;title\x07bad\n"], ""),
        ([], ""),
    ],
)
def test_what_was_said_last_is_known_whole_and_harmless(written: list[str], last: str) -> None:
    stream = io.StringIO()
    heard = Heard(stream)
    for part in written:
        heard.write(part)
    assert stream.getvalue() == "".join(written)
    assert "\x1b" not in heard.last
    assert heard.last == last or not last


def test_the_typed_text_is_there_again_where_the_start_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    prompting = type("Prompt", (), {"draft": ""})()
    choices = iter([Choice("run", "", argv=("run", "goal"), typed="goal"), None])

    class Once:
        looking = crash = None

        def __init__(self, *_: object, **__: object) -> None:
            pass

        def run(self) -> Choice | None:
            return next(choices)

        def remember(self) -> str:
            return ""

    monkeypatch.setattr(browser, "Browser", Once)
    browser.run_browser(lambda: None, lambda _: "run: Read-only file system", prompting=prompting)  # type: ignore
    assert prompting.draft == "goal"
