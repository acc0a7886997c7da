"""The samples with agents, each through a real host on the simulated model, with nobody there to be asked."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from swarmtui.cli.main import main
from swarmtui.host.history import History
from swarmtui.session.events import AgentStepped, ToolCalled
from swarmtui.session.folder import SessionFolder, session_folders
from swarmtui.session.reader import Reader
from swarmtui.session.rows import row_to_event
from swarmtui.session.state import SessionState
from tests.e2e.conftest import hosts_below
from tests.fakes.search import FakeWeb, Hit
from tests.samples.reviewing import SAMPLES

HIT = Hit("A page about it", "https://page.example/it", "says it")


@dataclass
class Sample:
    """A copy of the samples, and the session that ran one of them."""

    place: Path

    def run(self, name: str, *words: str) -> SessionState:
        """How it ended; what the program says of it has to be that it went well."""
        assert main(["run", str(self.place / "tasks" / name), "--detach", *words]) == 0
        assert main(["wait", self.folder.id]) == 0
        return History(self.folder).state()

    @property
    def folder(self) -> SessionFolder:
        (only,) = session_folders(self.place / "home" / "state" / "sessions")
        return only

    def bodies(self, kind: type) -> list[Any]:
        """The events of one type."""
        with Reader(self.folder.db) as reader:
            return [body for row in reader.rows() if isinstance(body := row_to_event(row).body, kind)]


@pytest.fixture
def sample(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sample]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SWARMTUI_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("SWARMTUI_MODEL", "simulated/instant")
    shutil.copytree(SAMPLES, tmp_path / "tasks", ignore=shutil.ignore_patterns("__pycache__"))
    yield Sample(tmp_path)
    for pid in hosts_below(tmp_path):
        os.kill(pid, signal.SIGKILL)


def agents_of(sample: Sample) -> list[str]:
    """Who spoke, in order."""
    return [step.agent for step in sample.bodies(AgentStepped) if step.role == "assistant"]


@pytest.mark.chaos
def test_a_customer_of_the_repair_shop_ends_up_with_whoever_repairs(sample: Sample) -> None:
    state = sample.run("swarm_triage.yaml")
    assert agents_of(sample) == ["desk", "workshop", "workshop"]
    (called,) = sample.bodies(ToolCalled)
    assert called.tool == "agents/triage.py:book_repair"
    assert "Bring the power cable" in state.nodes["answer"].output.text  # type: ignore[union-attr]


@pytest.mark.chaos
def test_a_refund_that_no_rule_allows_is_denied_without_asking(sample: Sample) -> None:
    call = '[[call:refund_invoice {"invoice": "X-1"}]]\n[[call:refund_invoice {"invoice": "R-1234"}]]'
    said = f"I want my money back for an invoice [[call:transfer_to_billing]]\n{call}"
    sample.run("swarm_triage.yaml", "--set", f"said={said}")
    (called,) = sample.bodies(ToolCalled)
    assert json.loads(called.arguments) == {"invoice": "R-1234"}


@pytest.mark.chaos
def test_a_passenger_is_handed_over_twice_and_the_functions_know_them(sample: Sample) -> None:
    state = sample.run("swarm_airline.yaml", "--set", "flight=SW 7 to Faro")
    assert agents_of(sample) == ["desk", "changes", "changing", "changing"]
    assert "SW 7 to Faro: may be changed once" in state.nodes["answer"].output.text  # type: ignore[union-attr]


@pytest.mark.chaos
def test_one_function_after_the_other_is_called_and_nobody_asked(sample: Sample) -> None:
    hands = "[[call:transfer_to_changes]]\n[[call:transfer_to_changing]]"
    said = f'Another flight! {hands}\n[[call:check_change]]\n[[call:change_flight {{"new_flight": "SW 8"}}]]'
    state = sample.run("swarm_airline.yaml", "--set", f"said={said}", "--set", "flight=SW 7")
    assert [called.tool.rpartition(":")[2] for called in sample.bodies(ToolCalled)] == ["check_change", "change_flight"]
    assert "Changed from SW 7 to SW 8" in state.nodes["answer"].output.text  # type: ignore[union-attr]


@pytest.mark.chaos
async def test_a_wide_search_makes_a_subagent_and_gives_it_the_whole_list_at_once(sample: Sample) -> None:
    async with FakeWeb() as web:
        web.found = [HIT]
        task = sample.place / "tasks" / "wide_search.yaml"
        search = f"search: {{engine: searxng, url: '{web.url()}', local: true}}"
        lines = [search if line.startswith("search:") else line for line in task.read_text().splitlines()]
        task.write_text("\n".join(lines))
        state = await asyncio.to_thread(sample.run, task.name)
    assert len(web.asked) == 6
    (made,) = (node for node in state.nodes.values() if node.id != "table")
    assert state.plan_nodes[made.id].parent == "table"
    assert made.items is not None
    assert HIT.url in state.nodes["table"].output.text  # type: ignore[union-attr]
