"""What the tools of a session's agents are, put together as a host does it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from swarmtui.agents.tools import AgentTool
from swarmtui.engine.ports import Attempt, Done, Suspended
from swarmtui.host.toolbox import Toolbox
from swarmtui.plan.model import AgentSpec, ModelRef
from swarmtui.plan.team import AgentDef, Team
from swarmtui.safety.permissions import Rule
from swarmtui.safety.sandbox import Blocked
from swarmtui.workers.agent import AgentWorker
from swarmtui.workers.process import Processes
from tests.agents.scripted import Course, ScriptedModel, calls
from tests.agents.scripted import Toolbox as Tools

NONE = Blocked("there is none", "get one")
REF = ModelRef("custom", "m")


def attempt(folder: Path, agent: AgentDef, **more: Any) -> Attempt:
    given = {
        "id": "n//1",
        "session": "s",
        "node": "n",
        "item": None,
        "number": 1,
        "key": "k",
        "spec": AgentSpec("a", "do it"),
        "cwd": str(folder),
        "folder": str(folder),
        "task_folder": str(folder),
        "trusted": True,
        "model": REF,
        "team": Team({"a": agent}),
        "models": {"default": REF},
    }
    return Attempt(**(given | more))


SCRIPT = ("shell", {"script": "touch ran"})


async def unsandboxed(folder: Path, **more: Any) -> Done | Suspended:
    toolbox = Toolbox(folder, Processes(None, lambda: NONE, unsandboxed=True), {})
    worker = AgentWorker(lambda ref: ScriptedModel([calls(SCRIPT), "ok"]), toolbox)
    try:
        return await worker(attempt(folder, AgentDef(tools=("shell",)), **more), Course())
    finally:
        await toolbox.close()


async def test_without_a_sandbox_code_of_agents_is_asked_for_call_by_call(tmp_path: Path) -> None:
    end = await unsandboxed(tmp_path)
    assert isinstance(end, Suspended)
    (inquiry,) = end.inquiries
    assert (inquiry.kind, inquiry.tool) == ("permission", "shell")
    assert not list(tmp_path.rglob("ran"))


async def test_without_a_sandbox_and_nobody_to_ask_it_is_refused(tmp_path: Path) -> None:
    assert isinstance(await unsandboxed(tmp_path, may_wait=False), Done)
    assert not list(tmp_path.rglob("ran"))


@pytest.mark.parametrize("tainted", [False, True])
async def test_a_rule_allows_it_unless_the_agent_has_read_text_from_outside(tmp_path: Path, tainted: bool) -> None:
    team = Team({"a": AgentDef(tools=("shell",))}, rules=(Rule("allow", "shell"),))
    end = await unsandboxed(tmp_path, team=team, tainted=tainted)
    assert isinstance(end, Suspended if tainted else Done)
    assert bool(list(tmp_path.rglob("ran"))) is not tainted


async def test_functions_of_the_users_team_run_in_nodes_that_a_planner_or_an_agent_made(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("def answer(): return 42\nanswer.swarmtui_effect = 'none'")
    toolbox, course = Toolbox(tmp_path, Processes(None, lambda: NONE), {}), Course()
    worker = AgentWorker(lambda ref: ScriptedModel([calls(("answer", {})), "ok"]), toolbox)
    asked = attempt(tmp_path, AgentDef(tools=("mine.py:answer",)), trusted=False)
    assert isinstance(await worker(asked, course), Done)
    await toolbox.close()
    (result,) = [entry for entry in course.entries if entry["role"] == "tool"]
    assert (result["content"], result["ok"], result["tainted"]) == ("42", True, False)


async def test_a_subagent_uses_the_servers_that_its_maker_may_use(tmp_path: Path) -> None:
    asked = []

    class Source(Tools):
        async def tools(self, name: str, agent: str) -> tuple[AgentTool, ...]:
            asked.append(agent)
            return await super().tools(name, agent)

    source = Source().add("look")
    for acts_for in ("", "lead"):
        worker = AgentWorker(lambda ref: ScriptedModel(["ok"]), lambda attempt: [source])
        own = AgentSpec("self", "do it", AgentDef(tools=("look",)))
        await worker(attempt(tmp_path, AgentDef(), spec=own, acts_for=acts_for), Course())
    assert asked == ["self", "lead"]
