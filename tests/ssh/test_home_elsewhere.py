"""Home with the sessions of another machine in its list: they are acted on, held against each other, lived through."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from swarmtui.cli.bulk import NotDone, act
from swarmtui.cli.comparing import held
from swarmtui.host.address import parse_machine
from swarmtui.host.fleet import list_hosts
from swarmtui.host.history import History
from swarmtui.session.compare import Outputs
from swarmtui.session.folder import SessionFolder
from swarmtui.session.vocabulary import Status
from swarmtui.tui.comparing import Held
from swarmtui.tui.view.bulk import Verb
from tests.e2e.terminal import Terminal, needs_tmux
from tests.ssh.machines import QUICK, SLOW, Machine, running, until

pytestmark = [pytest.mark.ssh, pytest.mark.timeout(240)]


@pytest.fixture
def here(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> Machine:
    """The machine, whose environment is this process's, too."""
    for name in ("SWARMTUI_SSH", "SWARMTUI_HOME", "PATH"):
        monkeypatch.setenv(name, machine.env[name])
    monkeypatch.chdir(machine.folder)
    return machine


async def row_of(session: SessionFolder) -> dict[str, Any]:
    """As home has it."""
    (row,) = [row for row in await list_hosts([parse_machine("box")], timeout_s=30) if row["id"] == session.id]
    return {**row, "far": True}


def status(session: SessionFolder) -> Status:
    return History(session).state().status


async def test_what_is_done_with_many_is_done_with_a_session_over_there(here: Machine) -> None:
    session = here.session(SLOW)
    row = await row_of(session)
    for verb, wanted in ((Verb.PAUSE, Status.PAUSED), (Verb.GO_ON, Status.RUNNING), (Verb.CANCEL, Status.CANCELLED)):
        await act(verb, row)
        assert status(session) is wanted
    until(lambda: not session.owned())
    told = await act(Verb.EXPORT, row)
    page = here.folder / f"{session.id}.html"
    assert told == f"{page}: {page.stat().st_size:,} bytes"
    assert "</html>" in page.read_text()
    await act(Verb.REMOVE, row)
    assert not session.path.exists()
    with pytest.raises(NotDone, match=f"no session '{session.id}'"):
        await act(Verb.PAUSE, row)


async def test_two_sessions_over_there_or_one_here_and_one_there_are_held_against_each_other(here: Machine) -> None:
    first, second = here.ended(QUICK), here.ended(QUICK.replace("[echo, hello]", "[echo, good bye]"))
    (here.folder / "task.yaml").write_text(QUICK)
    own = json.loads(here("run", "task.yaml", "--headless", "--json").stdout.splitlines()[-1])["id"]
    for pair in ((f"box/{first.id}", f"box/{second.id}"), (own, f"box/{second.id}")):
        found, diff_of = await held(*pair)
        try:
            assert [(row.id, row.output) for row in found.rows] == [("hello", Outputs.DIFFERENT)]
            assert {found.a.status, found.b.status} == {Status.SUCCEEDED}
            assert [line[:1] + line[1:].strip() for line in await diff_of("hello") if line[0] in "-+"] == [
                "-hello",
                "+good bye",
            ]
        finally:
            assert isinstance(diff_of, Held)
            await diff_of.close()
    until(lambda: not running(f"dial-stdio {second.id}"))


async def test_a_machine_that_is_not_there_is_told_and_nothing_stays_open(here: Machine) -> None:
    session = here.ended(QUICK)
    with pytest.raises(Exception, match="cannot be reached"):
        await held(f"box/{session.id}", f"closed/{session.id}")
    until(lambda: not running(f"dial-stdio {session.id}"))


def config(home: Path) -> None:
    """The user lists the sessions of the box."""
    (home / "config").mkdir(parents=True, mode=0o700)
    (home / "config" / "config.yaml").write_text("workbench: {hosts: [box]}\n")


@needs_tmux
def test_a_session_over_there_is_opened_approved_steered_and_forked_from_the_list(machine: Machine) -> None:
    done = machine.far("run", "compare three queues for our workload", "--detach")
    session = SessionFolder(machine.far_home / "state" / "sessions" / json.loads(done.stdout)["id"])
    config(machine.folder / "home")
    with Terminal(machine.folder, 120, 40, SWARMTUI_SSH=machine.env["SWARMTUI_SSH"]) as terminal:
        terminal.run("swarmtui")
        terminal.until("awaits approval", "box", "1 needs you")
        terminal.press("Escape", "Enter")
        terminal.until("approve and run", "box")
        terminal.press("P")
        terminal.until("paused")
        terminal.until("╭─ log", press="A")
        until(lambda: status(session) is not Status.AWAITING_APPROVAL)
        terminal.press("P")
        terminal.until("succeeded")
        until(lambda: status(session) is Status.SUCCEEDED)
        terminal.press("d")
        terminal.until("sessions:", "✓ succeeded")
        terminal.press("Y")
        terminal.until("Fork box/", "where?")
        terminal.type("approval")
        terminal.press("Enter")
        terminal.until("approve and run", "box", "awaits approval")
        terminal.press("d")
        terminal.until("awaits approval", "✓ succeeded", "1 needs you")
        terminal.press("q")
        screen = terminal.until("forking box/")
        assert f"swarmtui: opening box/{session.id}" in screen
    forks = [row for row in map(json.loads, machine.far("ls", "--json").stdout.splitlines()) if row["parent"]]
    assert [fork["parent"]["id"] for fork in forks] == [session.id]


@needs_tmux
def test_a_session_over_there_is_held_against_its_neighbour_and_exported_from_its_own_screen(machine: Machine) -> None:
    first, second = machine.ended(QUICK), machine.ended(QUICK.replace("[echo, hello]", "[echo, good bye]"))
    with Terminal(machine.folder, 120, 40, SWARMTUI_SSH=machine.env["SWARMTUI_SSH"]) as terminal:
        terminal.run("swarmtui", "attach", f"box/{second.id}")
        terminal.until("succeeded", "╭─ log")
        terminal.until(f"Compare box/{second.id} with", f"box/{first.id}", press="C")
        terminal.press("Enter")
        terminal.until("1 node, 1 differ", "+good bye")
        terminal.press("q")
        terminal.until("╭─ log")
        terminal.until("Export the session?", f"{second.id}.html", press="E")
        terminal.press("Enter")
        terminal.until("exported to")
        terminal.press("d")
    assert "good bye" in (machine.folder / f"{second.id}.html").read_text()
