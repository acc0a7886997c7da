"""How a session stands for whoever leaves it: the exit code that scripts go by, and what is to be done next."""

from __future__ import annotations

from pathlib import Path

import pytest

from swarmtui.cli.closing import Standing, finish, standing
from swarmtui.cli.console import Console
from swarmtui.host.exits import Exit
from swarmtui.host.feed import Link
from swarmtui.session.folder import SessionFolder
from swarmtui.session.state import SessionState
from swarmtui.session.vocabulary import Status
from tests.tui.scripted_feed import mid_run


def state(status: Status, reason: str = "", host: int | None = None) -> SessionState:
    return SessionState(status=status, reason=reason, host_pid=host)


CASES: dict[str, tuple[Standing, Exit]] = {
    "succeeded": (Standing(state(Status.SUCCEEDED), Status.SUCCEEDED), Exit.OK),
    "failed": (Standing(state(Status.FAILED), Status.FAILED), Exit.FAILED),
    "crashed": (Standing(state(Status.RUNNING), Status.CRASHED), Exit.LOST),
    "paused, its host there": (Standing(state(Status.PAUSED, host=7), Status.PAUSED), Exit.WAITS),
    "paused, and left so": (Standing(state(Status.PAUSED), Status.PAUSED), Exit.LOST),
    "paused for the disk": (Standing(state(Status.PAUSED, "disk", host=7), Status.PAUSED), Exit.DISK),
    "paused for the disk, and left": (Standing(state(Status.PAUSED, "disk"), Status.PAUSED), Exit.DISK),
    "its host left for the disk": (Standing(state(Status.RUNNING), Status.CRASHED, for_disk=True), Exit.DISK),
    "its files are gone": (Standing(state(Status.RUNNING), Status.CRASHED, gone=True), Exit.DISK),
    "over, and then removed": (Standing(state(Status.SUCCEEDED), Status.SUCCEEDED, gone=True), Exit.OK),
}


@pytest.mark.parametrize("case", CASES)
def test_a_script_learns_from_the_exit_code_how_a_session_stands(case: str) -> None:
    stands, code = CASES[case]
    assert stands.code is code


def told(stands: Standing, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> str:
    finish(SessionFolder(tmp_path / "s-1"), stands, Console())
    return capsys.readouterr().err


def test_what_is_to_be_done_next_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for_disk = "make room, then `swarmtui resume s-1` goes on"
    assert for_disk in told(Standing(state(Status.RUNNING), Status.CRASHED, for_disk=True), tmp_path, capsys)
    assert for_disk in told(Standing(state(Status.PAUSED, "disk"), Status.PAUSED), tmp_path, capsys)
    left = told(Standing(state(Status.PAUSED), Status.PAUSED), tmp_path, capsys)
    assert "`swarmtui resume s-1` goes on" in left
    assert "room" not in left
    assert "`swarmtui ctl s-1 resume` goes on" in told(
        Standing(state(Status.PAUSED, host=7), Status.PAUSED), tmp_path, capsys
    )
    gone = told(Standing(state(Status.RUNNING), Status.CRASHED, gone=True), tmp_path, capsys)
    assert gone.endswith("nothing is left to go on with\n")
    unrecorded = told(Standing(state(Status.RUNNING), Status.RUNNING, unrecorded=True), tmp_path, capsys)
    assert unrecorded.endswith("its host ends once what runs has ended\n")
    assert told(Standing(state(Status.SUCCEEDED), Status.SUCCEEDED), tmp_path, capsys) == ""


@pytest.mark.parametrize(
    ("link", "gone", "unrecorded"),
    [(Link.LIVE, False, True), (Link.RECONNECTING, True, False), (Link.CRASHED, True, False)],
)
def test_where_the_files_are_gone_only_a_host_that_is_reached_is_not_gone_with_them(
    tmp_path: Path, link: Link, gone: bool, unrecorded: bool
) -> None:
    feed = mid_run()
    feed.set_link(link)
    stands = standing(SessionFolder(tmp_path / "removed"), feed)
    assert (stands.gone, stands.unrecorded) == (gone, unrecorded)
    assert stands.status is (Status.CRASHED if gone else Status.RUNNING)
