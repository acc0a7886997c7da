"""``sample_tasks/research.yaml`` whole: a real host, the simulated model, and a search engine on this machine."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import signal
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import yaml

from swarmtui.cli.main import main
from swarmtui.host.client import WireFeed
from swarmtui.host.feed import CommandRefused
from swarmtui.plan.diff import diff
from swarmtui.plan.model import AgentSpec
from swarmtui.plan.render import nodes_to_yaml
from swarmtui.session.events import ChangeProposed
from swarmtui.session.folder import SessionFolder
from swarmtui.session.state import SessionState
from swarmtui.session.vocabulary import FINAL, State, Status
from tests.fakes.search import FakeWeb, Hit

pytestmark = pytest.mark.timeout(180)

SAMPLES = Path(__file__).parents[2] / "sample_tasks"
PATIENCE_S = 60.0
HITS = [
    Hit("Prices of machines", "https://prices.example/2026", "A machine with one card is 400 a month."),
    Hit("A survey of teams [small]", "https://survey.example/teams", "A person day a week."),
    Hit("More prices", "https://prices.example/2025", "They fell."),
]
GERMAN = 'Sollte ein kleines Team eigene Sprachmodelle betreiben? [[set:{"next": "research", "locale": "de-DE"}]]'


@dataclass
class Team:
    """The research team of the sample, whose folder is a test's own."""

    place: Path
    web: FakeWeb
    printed: Callable[[], Any]

    def write(self) -> None:
        """The sample with its search here, and a second proposal allowed."""
        shutil.copytree(SAMPLES / "research", self.place / "research")
        text = (SAMPLES / "research.yaml").read_text()
        search = f"search: {{engine: searxng, url: '{self.web.url()}', local: true, results: 3}}"
        text, searches = re.subn(r"^search:.*$", search, text, flags=re.MULTILINE)
        text, iterations = re.subn(r"^( +iterations): 1\b", r"\1: 2", text, flags=re.MULTILINE)
        assert (searches, iterations) == (1, 1)
        (self.place / "research.yaml").write_text(text)

    async def print(self, *words: str) -> str:
        """What a command of the program prints, which has to succeed."""
        code = await asyncio.to_thread(main, words)
        printed = self.printed()
        assert code == 0, printed.err
        return str(printed.out)

    async def run(self, *words: str) -> list[Any]:
        """The JSON lines that a command of the program prints."""
        return [json.loads(line) for line in (await self.print(*words)).splitlines()]

    async def told(self, *words: str) -> Any:
        """What a command of the program says last."""
        return (await self.run(*words, "--json"))[-1]

    async def started(self, question: str) -> Any:
        """Where the session is that was launched with this question."""
        return await self.told("run", "research.yaml", "--detach", "--set", f"question={question}")

    def folder(self, session: str) -> SessionFolder:
        return SessionFolder(self.place / "home" / "state" / "sessions" / session)

    def searches(self) -> Counter[str]:
        """How often each query was asked."""
        return Counter(parse_qs(urlsplit(asked).query)["q"][0] for asked in self.web.asked)


@pytest.fixture
async def team(place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> AsyncIterator[Team]:
    monkeypatch.chdir(place)
    monkeypatch.setenv("SWARMTUI_HOME", str(place / "home"))
    monkeypatch.setenv("SWARMTUI_MODEL", "simulated/instant")
    async with FakeWeb() as web:
        web.found = list(HITS)
        made = Team(place, web, capsys.readouterr)
        made.write()
        yield made


@asynccontextmanager
async def attached(launched: Any) -> AsyncIterator[WireFeed]:
    feed = await WireFeed.connect(Path(launched["socket"]))
    try:
        yield feed
    finally:
        await feed.close()


async def until(feed: WireFeed, true: Callable[[SessionState], object]) -> SessionState:
    """The state once it is so."""
    async with asyncio.timeout(PATIENCE_S):
        while not true(feed.state):
            await feed.wait()
            feed.drain()
    return feed.state


async def proposed(feed: WireFeed, than: str = "") -> ChangeProposed:
    """The change that waits for a person, another one than `than`."""
    state = await until(feed, lambda now: now.proposed.keys() - {than} or now.status in FINAL)
    (change,) = state.proposed.values()
    return change


def task_of(change: ChangeProposed, agent: str) -> tuple[str, str]:
    """(node, its task) of the only node that is for `agent`."""
    ((name, prompt),) = (
        (node.id, node.spec.prompt)
        for node in change.put
        if isinstance(node.spec, AgentSpec) and node.spec.agent == agent
    )
    return name, prompt


def edited(change: ChangeProposed, drop: str, **prompts: str) -> str:
    """The nodes of `change` as a person leaves them in an editor."""
    nodes = yaml.safe_load(nodes_to_yaml(change.put))["nodes"]
    del nodes[drop]
    for name, prompt in prompts.items():
        nodes[name]["prompt"] = prompt
    return yaml.safe_dump({"nodes": nodes})


async def test_a_question_is_planned_edited_researched_at_once_replanned_and_reported_with_its_sources(
    team: Team,
) -> None:
    launched = await team.started(GERMAN)
    async with attached(launched) as feed:
        first = await proposed(feed)
        assert all(isinstance(node.spec, AgentSpec) and "de-DE" in node.spec.prompt for node in first.put)
        assert {node.spec.agent for node in first.put if isinstance(node.spec, AgentSpec)} == {
            "researcher",
            "analyst",
            "coder",
        }
        coding, task = task_of(first, "coder")
        analysing, _ = task_of(first, "analyst")
        waiting = (await team.told("show", launched["id"]))["waits"]
        assert [(one["kind"], one["id"]) for one in waiting] == [("change", first.id)]

        text = edited(first, analysing, **{coding: f"{task} [[fail:refused]]"})
        await feed.command("change.edit", {"id": first.id, "text": text})
        second = await proposed(feed, than=first.id)
        assert {node.id for node in second.put} == {node.id for node in first.put} - {analysing}
        with pytest.raises(CommandRefused, match=f"no change '{first.id}' waits"):
            await feed.command("change.accept", {"id": first.id})
        await feed.command("change.accept", {"id": second.id})

        third = await proposed(feed, than=second.id)
        assert feed.state.nodes[coding].state is State.FAILED
        (again,) = third.put
        assert (again.title, again.id != coding) == (feed.state.plan_nodes[coding].title, True)
        assert list(yaml.safe_load(await team.print("show", launched["id"], "--change", third.id))["nodes"]) == [
            again.id
        ]
        before = feed.state.plan
        await feed.command("change.accept", {"id": third.id})
        state = await until(feed, lambda now: now.status in FINAL)
        assert before is not None
        assert state.plan is not None
        changes = diff(before, state.plan)
        assert changes.added == (again.id,)
        assert not changes.removed
    assert state.nodes["report"].state is State.SUCCEEDED
    assert state.nodes["research"].state is State.SUCCEEDED
    assert analysing not in state.nodes
    assert ran_at_once(await events(team, launched["id"]), {node.id for node in second.put})
    await the_report_has_its_sources(team, launched["id"])


async def events(team: Team, session: str) -> list[Any]:
    return await team.run("events", session)


def ran_at_once(recorded: list[Any], nodes: set[str]) -> bool:
    """Whether all of these nodes had begun before the first of them ended."""
    begun: set[str] = set()
    for event in recorded:
        if event.get("node") in nodes:
            if event["type"] == "attempt_started":
                begun.add(event["node"])
            elif event["type"] in ("attempt_succeeded", "attempt_failed"):
                return begun == nodes
    return False


async def the_report_has_its_sources(team: Team, session: str) -> None:
    shown = await team.told("show", session)
    report = Path(shown["report_path"])
    for hit in HITS:
        assert f"]({hit.url})" in report.read_text()
    for words in (("report", session), ("report", str(report), "--style", "academic")):
        found = await team.told("eval", *words)
        assert (found["style"], found["citations"], found["sources"]) == ("academic", 3, 2)


@pytest.mark.parametrize("next", ["answer", pytest.param("refuse", marks=pytest.mark.chaos)])
async def test_what_is_no_question_is_answered_by_the_coordinator_alone(team: Team, next: str) -> None:
    said = f'Hello! [[set:{{"next": "{next}", "message": "Hello, and what would you like to know?"}}]]'
    session = (await team.started(said))["id"]
    ended = await team.told("wait", session)
    assert (ended["status"], ended["exit_code"]) == ("succeeded", 0)
    shown = await team.told("show", session)
    assert {node["id"]: (node["state"], node["cause"]) for node in shown["nodes"]} == {
        "coordinator": ("succeeded", None),
        "answer": ("succeeded", None),
        "background": ("skipped", "if"),
        "research": ("skipped", "if"),
        "report": ("skipped", "if"),
    }
    assert not team.web.asked
    assert "what would you like to know?" in Path(shown["report_path"]).read_text()


@pytest.mark.chaos
async def test_a_question_that_is_not_clear_is_asked_about_first(team: Team) -> None:
    asks = '[[call:ask_user {"question": "Which region?", "choices": ["Europe", "anywhere"]}]]'
    said = f'Is it dear? {asks} [[set:{{"next": "answer", "topic": "Is it dear in Europe?"}}]]'
    launched = await team.started(said)
    async with attached(launched) as feed:
        state = await until(feed, lambda now: now.pending)
        (asked,) = state.pending.values()
        assert (asked.question, tuple(asked.choices)) == ("Which region?", ("Europe", "anywhere"))
        await feed.command("answer", {"pending": asked.id, "text": "Europe"})
        state = await until(feed, lambda now: now.status in FINAL)
    assert state.status is Status.SUCCEEDED
    assert state.nodes["coordinator"].output is not None
    assert "Is it dear in Europe?" in state.nodes["coordinator"].output.text


@pytest.mark.chaos
async def test_a_session_of_which_a_part_failed_is_planned_anew_and_only_that_part_is_run_again(team: Team) -> None:
    task = {
        "goal": "Two parts",
        "limits": {"replan": 1},
        "nodes": {
            "good": {"prompt": "Say something about rivers"},
            "bad": {"prompt": "Say something about lakes [[fail:refused]]"},
            "both": {"needs": ["good", "bad"], "merge": True},
        },
    }
    (team.place / "two.yaml").write_text(yaml.safe_dump(task))
    launched = await team.told("run", "two.yaml", "--detach")
    async with attached(launched) as feed:
        change = await proposed(feed)
        assert ([node.id for node in change.put], change.again) == (["bad"], ("bad",))
        await feed.command("change.accept", {"id": change.id})
        state = await until(feed, lambda now: now.status in FINAL)
    assert state.status is Status.SUCCEEDED
    begun = Counter(event["node"] for event in await events(team, launched["id"]) if event["type"] == "attempt_started")
    assert begun == {"good": 1, "bad": 2, "both": 1}


@pytest.mark.chaos
async def test_a_team_whose_host_is_killed_goes_on_without_repeating_what_was_recorded(team: Team) -> None:
    launched = await team.started(GERMAN)
    async with attached(launched) as feed:
        first = await proposed(feed)
        looking, task = task_of(first, "researcher")
        analysing, _ = task_of(first, "analyst")
        calls = '[[call:web_search {"query": "one"}]]\n[[call:web_search {"query": "two"}]]'
        text = edited(first, analysing, **{looking: f"{task}\n{calls}\n[[take:2]]"})
        await feed.command("change.edit", {"id": first.id, "text": text})
        second = await proposed(feed, than=first.id)
        await feed.command("change.accept", {"id": second.id})
        async with asyncio.timeout(PATIENCE_S):
            while not team.searches()["one"]:
                await asyncio.sleep(0.05)
            while sum(event["type"] == "agent_stepped" for event in await of_node(team, launched, looking)) < 2:
                await asyncio.sleep(0.05)
        os.kill(launched["pid"], signal.SIGKILL)
    async with asyncio.timeout(PATIENCE_S):
        while team.folder(launched["id"]).owned():
            await asyncio.sleep(0.05)
    assert not team.searches()["two"]
    resumed = await team.told("resume", launched["id"], "--detach")
    async with attached(resumed) as feed:
        state = await until(feed, lambda now: now.status in FINAL)
    assert state.status is Status.SUCCEEDED
    asked = team.searches()
    assert (asked["one"], asked["two"]) == (1, 1)
    recorded = await events(team, launched["id"])
    begun = Counter(event["node"] for event in recorded if event["type"] == "attempt_started")
    assert (begun["coordinator"], begun["background"], begun[looking]) == (1, 1, 2)
    called = [event["data"]["call"] for event in recorded if event["type"] == "tool_called"]
    assert len(called) == len(set(called))


async def of_node(team: Team, launched: Any, node: str) -> list[Any]:
    return [event for event in await events(team, launched["id"]) if event.get("node") == node]
