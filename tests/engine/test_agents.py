"""Agents that last: their threads, what they wait for, and the nodes that they make."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from swarmtui.engine.commands import Refused
from swarmtui.engine.grants import with_grants
from swarmtui.engine.ports import Assignment, Attempt, Done, Failed, Inquiry, Stepped, Suspended, ToolCalled
from swarmtui.engine.subagents import new_id, template_of
from swarmtui.plan.lookup import render
from swarmtui.plan.model import NAME, AgentSpec, Author, Budget, Check, Limits, MapSpec, Node, Plan, Retry
from swarmtui.plan.team import AgentDef, AgentLimits, Team
from swarmtui.safety.permissions import Effect, Rule, decide
from swarmtui.session import events as ev
from swarmtui.session import fold
from swarmtui.session.faults import POINTS, Faults
from swarmtui.session.log import Log
from swarmtui.session.progress import tries_told
from swarmtui.session.reader import Reader
from swarmtui.session.state import Grant
from swarmtui.session.state_json import state_from_json, state_hash, state_to_json
from swarmtui.session.vocabulary import ErrorInfo, ErrorKind, State, Status, Usage
from tests.engine.test_agent_laws import AgentSession
from tests.engine.world import World, failure, host, node, running

TEAM = Team({"lead": AgentDef(tools=("web_search", "files/read", "assign_task"), limits=AgentLimits(subagents=4))})
ONE_CALL = Usage(tokens_in=10, tokens_out=5, cost_usd=0.01, model="simulated/instant")


def agent(name: str = "boss", *needs: str, who: str = "lead", **more: Any) -> Node:
    return Node(name, AgentSpec(who, f"do {name}"), needs=tuple(needs), **more)


def team_plan(*nodes: Node, team: Team = TEAM, author: Author = Author.USER) -> Plan:
    return Plan("test", nodes, author=author, team=team)


def says(attempt: Attempt, content: str, *calls: tuple[str, str], usage: Usage = ONE_CALL) -> Stepped:
    asked = [{"id": call, "name": name, "arguments": "{}"} for call, name in calls]
    return Stepped(attempt.id, {"role": "assistant", "agent": "lead", "content": content, "calls": asked}, usage)


def came(attempt: Attempt, call: str, content: str = "fine") -> Stepped:
    return Stepped(attempt.id, {"role": "tool", "call": call, "name": "x", "content": content, "ok": True})


def will_call(attempt: Attempt, call: str, effect: Effect = Effect.WRITE) -> ToolCalled:
    return ToolCalled(attempt.id, "lead", call, "write_file", '{"path": "a"}', effect, "rule 1")


def roles(attempt: Attempt) -> list[str]:
    return [entry["role"] for entry in attempt.thread]


def child(name: str, call: str = "c1", *items: str, **more: Any) -> Assignment:
    return Assignment(call, AgentDef("be good", **more), name, "look {{ item }} up" if items else f"do {name}", items)


async def test_an_attempt_after_a_refusal_by_the_provider_goes_on_with_what_was_recorded(tmp_path: Path) -> None:
    seen: list[Attempt] = []

    def script(attempt: Attempt) -> Any:
        seen.append(attempt)
        if len(seen) == 1:
            return [
                says(attempt, "let me look", ("c1", "web_search")),
                came(attempt, "c1", "found"),
                ErrorInfo(ErrorKind.THROTTLED, "too much", retry_after_s=0.01),
            ]
        return [says(attempt, "done"), "the answer"]

    async with running(tmp_path, team_plan(agent()), script) as world:
        assert await world.finished() is Status.SUCCEEDED
        known = world.state.nodes["boss"]
        assert (known.steps, known.tries, known.spent.attempts) == (2, 1, 2)
        assert known.spent.cost_usd == pytest.approx(0.02)
    assert roles(seen[0]) == []
    assert seen[1].thread == (
        {
            "role": "assistant",
            "agent": "lead",
            "content": "let me look",
            "calls": [{"id": "c1", "name": "web_search", "arguments": "{}"}],
        },
        {"role": "tool", "call": "c1", "name": "x", "content": "found", "ok": True},
    )
    assert seen[0].team == TEAM
    assert seen[0].trusted
    assert seen[0].may_wait


async def test_an_answer_that_a_check_refused_is_told_to_the_agent_and_mended(tmp_path: Path) -> None:
    seen: list[Attempt] = []

    def script(attempt: Attempt) -> Any:
        seen.append(attempt)
        if len(seen) == 1:
            return [says(attempt, "rubbish"), failure(ErrorKind.SCHEMA, "it is no JSON")]
        return "{}"

    plan = team_plan(agent(retry=Retry(2, base_s=0.01), check=Check(schema={})))
    async with running(tmp_path, plan, script) as world:
        assert await world.finished() is Status.SUCCEEDED
    assert roles(seen[1]) == ["assistant", "user"]
    assert "it is no JSON" in seen[1].thread[1]["content"]


async def test_a_node_that_is_retried_by_hand_begins_its_thread_anew(tmp_path: Path) -> None:
    seen: list[Attempt] = []

    def script(attempt: Attempt) -> Any:
        seen.append(attempt)
        return [says(attempt, "hm"), "ok"]

    async with running(tmp_path, team_plan(agent()), script) as world:
        await world.finished()
        await world.do("node.retry", node="boss")
        await world.until(lambda: len(seen) == 2)
        await world.finished()
        assert world.state.nodes["boss"].steps == 1
    assert roles(seen[1]) == []


async def test_tasks_become_nodes_whose_results_the_agent_goes_on_with(tmp_path: Path) -> None:
    seen: list[Attempt] = []

    def script(attempt: Attempt) -> Any:
        seen.append(attempt)
        if attempt.node != "boss":
            return f"said by {attempt.node}"
        if len(seen) == 1:
            return [
                says(attempt, "", ("c1", "assign_task"), ("c2", "assign_task")),
                Suspended(attempt.id, (child("scout", "c1", tools=("web_search", "shell")), child("scout", "c2"))),
            ]
        return [says(attempt, "all told"), "ok"]

    limits = Limits(concurrency=1)  # an agent that waits holds no place
    async with running(tmp_path, team_plan(agent(), node("after", "boss")), script, limits=limits) as world:
        assert await world.finished() is Status.SUCCEEDED
        state = world.state
        assert state.children == {"boss": ["boss-scout", "boss-scout-2"]}
        assert state.plan_nodes["boss"].needs == ("boss-scout", "boss-scout-2")
        made = state.plan_nodes["boss-scout"]
        assert isinstance(made.spec, AgentSpec)
        assert made.spec.own is not None
        assert made.spec.own.tools == ("web_search",), "a subagent has no tool that its maker lacks"
        assert made.spec.own.limits.depth == 0
        assert state.plan is not None
        assert state.plan.author is Author.USER
        boss = state.nodes["boss"]
        assert (boss.spawned, boss.tries, boss.starts, boss.attempts) == (2, 1, 1, 2)
        assert not state.undoable, "what an agent made is no change of the user's"
    again = seen[-2]
    assert again.node == "boss"
    assert roles(again) == ["assistant", "assigned", "assigned", "results"]
    assert [(told["node"], told["state"], told["output"]) for told in again.thread[-1]["nodes"]] == [
        ("boss-scout", "succeeded", "said by boss-scout"),
        ("boss-scout-2", "succeeded", "said by boss-scout-2"),
    ]
    scouts = [attempt for attempt in seen if attempt.node.startswith("boss-")]
    assert all(attempt.depth == 1 and not attempt.trusted for attempt in scouts)
    assert seen[-1].node == "after"
    assert seen[-1].trusted


async def test_a_subagent_has_the_leave_of_its_maker_and_an_agent_of_the_team_its_own(tmp_path: Path) -> None:
    who: dict[str, str] = {}
    helper = AgentDef("help", tools=("files/read",))
    lead = replace(TEAM.agents["lead"], handoffs=("helper",), limits=AgentLimits(subagents=4, depth=2))
    team = Team({"lead": lead, "helper": helper})

    def script(attempt: Attempt) -> Any:
        who[attempt.node] = attempt.acts_for
        if attempt.node == "boss" and not attempt.thread:
            given = (child("scout", limits=AgentLimits(subagents=1, depth=1)), Assignment("c2", helper, "helper", "x"))
            return [says(attempt, "", ("c1", "assign_task"), ("c2", "assign_task")), Suspended(attempt.id, given)]
        if attempt.node == "boss-scout" and not attempt.thread:
            return [says(attempt, "", ("c1", "assign_task")), Suspended(attempt.id, (child("own"),))]
        return [says(attempt, "told"), "ok"]

    async with running(tmp_path, team_plan(agent(), team=team), script) as world:
        assert await world.finished() is Status.SUCCEEDED
    assert who == {"boss": "", "boss-scout": "lead", "boss-helper": "helper", "boss-scout-own": "lead"}


async def test_a_batch_is_a_map_that_tolerates_failures_and_the_agent_learns_of_them(tmp_path: Path) -> None:
    seen: list[Attempt] = []

    def script(attempt: Attempt) -> Any:
        if attempt.node != "boss":
            assert not attempt.may_wait
            assert isinstance(attempt.spec, AgentSpec)
            return failure() if "b}}" in attempt.spec.prompt else attempt.spec.prompt
        seen.append(attempt)
        if len(seen) == 1:
            return [says(attempt, "", ("c1", "assign_task")), Suspended(attempt.id, (child("s", "c1", "a", "b}}"),))]
        return "ok"

    async with running(tmp_path, team_plan(agent()), script) as world:
        assert await world.finished() is Status.SUCCEEDED
    (told,) = seen[1].thread[-1]["nodes"]
    assert told["state"] == "succeeded"
    lines = [json.loads(line) for line in told["output"].splitlines()]
    assert "look a up" in json.dumps(lines)


async def test_an_item_goes_on_with_its_own_thread_until_it_has_ended_and_then_begins_anew(tmp_path: Path) -> None:
    seen: list[tuple[int | None, list[str]]] = []

    def script(attempt: Attempt) -> Any:
        seen.append((attempt.item, roles(attempt)))
        end = ErrorInfo(ErrorKind.THROTTLED, "", retry_after_s=0.01) if not attempt.thread else "ok"
        return [says(attempt, str(attempt.item)), end]

    async with running(tmp_path, team_plan(agent(map=MapSpec(values=("x", "y")))), script) as world:
        assert await world.finished() is Status.SUCCEEDED
        await world.do("node.retry", node="boss", item=1)
        await world.until(lambda: len(seen) == 6)
        assert await world.finished() is Status.SUCCEEDED
    assert sorted(seen[:4], key=str) == sorted([(0, []), (1, []), (0, ["assistant"]), (1, ["assistant"])], key=str)
    assert seen[4:] == [(1, []), (1, ["assistant"])]


async def test_a_subagent_that_fails_fails_nobody_but_itself(tmp_path: Path) -> None:
    def script(attempt: Attempt) -> Any:
        if attempt.node != "boss":
            return failure()
        return "well" if attempt.thread else [says(attempt, "", ("c1", "x")), Suspended(attempt.id, (child("s"),))]

    async with running(tmp_path, team_plan(agent()), script) as world:
        assert await world.finished() is Status.SUCCEEDED
        assert world.states() == {"boss": "succeeded", "boss-s": "failed"}


async def test_more_subagents_than_allowed_are_refused_and_fail_the_agent(tmp_path: Path) -> None:
    def script(attempt: Attempt) -> Any:
        return Suspended(attempt.id, tuple(child(f"s{number}") for number in range(5)))

    async with running(tmp_path, team_plan(agent()), script) as world:
        assert await world.finished() is Status.FAILED
        error = world.state.nodes["boss"].error
        assert error is not None
        assert "4 subagents" in error.message
        assert list(world.state.nodes) == ["boss"]


async def test_each_item_of_a_batch_is_a_subagent_for_the_limit_and_for_the_budget(tmp_path: Path) -> None:
    def script(attempt: Attempt) -> Any:
        if attempt.node != "boss":
            return "ok"
        if attempt.thread:
            return Suspended(attempt.id, (child("more", "c2"),)) if attempt.number == 2 else "ok"
        return [
            says(attempt, "", ("c1", "x"), usage=Usage()),
            Suspended(attempt.id, (child("each", "c1", "1", "2", "3"), child("one", "c1"))),
        ]

    async with running(tmp_path, team_plan(agent(budget=Budget(usd=1.0))), script) as world:
        assert await world.finished() is Status.FAILED
        budgets = {name: world.state.plan_nodes[name].budget for name in world.state.children["boss"]}
        assert {name: budget.usd for name, budget in budgets.items() if budget} == {"boss-each": 0.75, "boss-one": 0.25}
        error = world.state.nodes["boss"].error
        assert error is not None
        assert "4 subagents, and wants 5" in error.message


async def test_nodes_that_agents_make_do_not_overtake_what_the_user_is_about_to_change(tmp_path: Path) -> None:
    def script(attempt: Attempt) -> Any:
        return (
            "ok"
            if attempt.thread or attempt.node != "boss"
            else [says(attempt, ""), Suspended(attempt.id, (child("a"),))]
        )

    async with running(tmp_path, team_plan(agent(), node("after", "boss")), script) as world:
        assert await world.finished() is Status.SUCCEEDED
        assert world.state.plan_rev == 2
        ops = [{"op": "set", "node": "after", "field": "title", "value": "x"}]
        await world.do("plan.patch", base_rev=1, ops=ops)
        with pytest.raises(Refused, match="no longer the one that stands"):
            await world.do("plan.patch", base_rev=1, ops=ops)
        await world.do("undo")
        assert world.state.plan_nodes["after"].title is None
        assert set(world.state.nodes) == {"boss", "after", "boss-a"}


async def test_stopping_an_agent_stops_those_that_it_waits_for(tmp_path: Path) -> None:
    never = asyncio.Event()

    async def forever() -> str:
        await never.wait()
        return ""

    def script(attempt: Attempt) -> Any:
        return forever() if attempt.node != "boss" else Suspended(attempt.id, (child("a"), child("b")))

    async with running(tmp_path, team_plan(agent()), script, limits=Limits(concurrency=1)) as world:
        await world.until(lambda: "boss-a//1" in world.executor.running)
        await world.do("node.cancel", node="boss")
        assert await world.finished() is Status.FAILED
        assert world.states() == {"boss": "cancelled", "boss-a": "cancelled", "boss-b": "cancelled"}


async def test_an_agent_that_begins_anew_stops_what_it_had_begun_before(tmp_path: Path) -> None:
    never = asyncio.Event()

    async def forever() -> str:
        await never.wait()
        return ""

    def script(attempt: Attempt) -> Any:
        if attempt.node != "boss":
            return forever()
        return Suspended(attempt.id, (child("a"),)) if attempt.number == 1 else "ok"

    async with running(tmp_path, team_plan(agent()), script) as world:
        await world.until(lambda: "boss-a//1" in world.executor.running)
        await world.do("node.retry", node="boss")
        assert await world.finished() is Status.SUCCEEDED
        assert world.states() == {"boss": "succeeded", "boss-a": "cancelled"}


async def test_what_subagents_cost_counts_against_their_makers_budget_and_each_has_a_share(tmp_path: Path) -> None:
    def script(attempt: Attempt) -> Any:
        if attempt.node == "boss":
            calls = [("c1", "x")]
            return [says(attempt, "", *calls), Suspended(attempt.id, (child("a"), child("b")))]
        return [says(attempt, "", usage=replace(ONE_CALL, cost_usd=0.5)), "ok"]

    plan = team_plan(agent(budget=Budget(usd=1.01)))
    async with running(tmp_path, plan, script) as world:
        await world.until(lambda: world.state.status is Status.PAUSED)
        state = world.state
        budgets = [state.plan_nodes[name].budget for name in state.children["boss"]]
        assert [budget.usd for budget in budgets if budget] == [pytest.approx(0.5)] * 2
        boss = state.nodes["boss"]
        assert (boss.below_usd, boss.spent.cost_usd) == (pytest.approx(1.0), pytest.approx(0.01))
        assert boss.budget is not None, "it may not go on: those that it made have used its budget up"


async def test_a_subagent_that_uses_up_its_share_fails_with_what_it_said_and_its_maker_goes_on(tmp_path: Path) -> None:
    seen: list[Attempt] = []

    async def working(attempt: Attempt) -> Any:
        await asyncio.Event().wait()

    def script(attempt: Attempt) -> Any:
        if attempt.node == "boss":
            seen.append(attempt)
            if attempt.thread:
                return "made do"
            return [says(attempt, "", ("c1", "x"), usage=Usage()), Suspended(attempt.id, (child("a"), child("b")))]
        if attempt.node == "boss-a":
            dear = replace(ONE_CALL, cost_usd=0.6)
            world.executor.tell(says(attempt, "half of it", ("c1", "x"), usage=dear), came(attempt, "c1"))
            return working(attempt)
        return "ok"

    plan = team_plan(agent(budget=Budget(usd=1.0)), node("after", "boss"))
    async with running(tmp_path, plan, script) as world:
        assert await world.finished() is Status.SUCCEEDED
        assert world.states() == dict.fromkeys(("boss", "boss-b", "after"), "succeeded") | {"boss-a": "failed"}
        assert state_hash(fold.fold(await world.recorded())) == state_hash(world.state)
    told = {one["node"]: one for one in seen[1].thread[-1]["nodes"]}
    assert (told["boss-a"]["state"], told["boss-a"]["output"]) == ("failed", "half of it")
    assert told["boss-a"]["error"] == "its share of its maker's budget is used up (usd: 0.6 of 0.5)"


async def test_a_batch_that_uses_up_its_share_fails_what_is_left_of_it(tmp_path: Path) -> None:
    def script(attempt: Attempt) -> Any:
        if attempt.node != "boss":
            return [says(attempt, "", usage=replace(ONE_CALL, cost_usd=0.4)), "ok"]
        if attempt.thread:
            return "made do"
        return [
            says(attempt, "", ("c1", "x"), usage=Usage()),
            Suspended(attempt.id, (child("a", "c1", "1", "2", "3", "4"),)),
        ]

    plan = team_plan(agent(budget=Budget(usd=1.0)))
    async with running(tmp_path, plan, script, limits=Limits(concurrency=1)) as world:
        await world.until(lambda: world.state.nodes["boss-a"].ended if "boss-a" in world.state.nodes else False)
        items = world.state.nodes["boss-a"].items
        assert items is not None
        assert (items.count(State.SUCCEEDED), items.count(State.FAILED)) == (3, 1)


async def test_the_sessions_own_budget_pauses_the_session_whoever_reached_it(tmp_path: Path) -> None:
    def script(attempt: Attempt) -> Any:
        if attempt.node != "boss":
            return [says(attempt, "", usage=replace(ONE_CALL, cost_usd=2.0)), "ok"]
        return "ok" if attempt.thread else [says(attempt, ""), Suspended(attempt.id, (child("a"), child("b")))]

    async with running(tmp_path, team_plan(agent()), script, limits=Limits(usd=1.0, concurrency=1)) as world:
        await world.until(lambda: world.state.status is Status.PAUSED)
        assert world.state.reason == "budget"


# -- a person's word --------------------------------------------------------------------------------------------


def asking(*inquiries: Inquiry, seen: list[Attempt]) -> Callable[[Attempt], Any]:
    def script(attempt: Attempt) -> Any:
        seen.append(attempt)
        answered = {entry["call"] for entry in attempt.thread if entry["role"] == "answer"}
        if answered >= {inquiry.call for inquiry in inquiries}:
            return "ok"
        calls = [(inquiry.call, "write_file") for inquiry in inquiries]
        return [says(attempt, "", *calls), Suspended(attempt.id, inquiries=inquiries)]

    return script


async def test_an_agent_goes_on_once_all_that_it_asked_is_answered(tmp_path: Path) -> None:
    seen: list[Attempt] = []
    script = asking(Inquiry("c1", "which?", ("red", "blue")), Inquiry("c2", "why?"), seen=seen)
    async with running(tmp_path, team_plan(agent()), script) as world:
        await world.until(lambda: len(world.state.pending) == 2 and not world.executor.running)
        await world.until(lambda: not world.state.nodes["boss"].running)
        state = world.state
        assert list(state.pending) == ["boss:c1", "boss:c2"]
        assert (state.nodes["boss"].state, state.in_flight, state.working) == (State.RUNNING, 0, False)
        with pytest.raises(Refused, match="asks 2 things: name one of boss:c1, boss:c2"):
            await world.do("answer", pending="boss", text="red")
        with pytest.raises(Refused, match="red, blue"):
            await world.do("answer", pending="boss:c1", text="green")
        await world.do("answer", pending="boss:c1", text="red")
        assert len(seen) == 1
        await world.do("answer", pending="boss", text="because")
        assert await world.finished() is Status.SUCCEEDED
    assert roles(seen[1]) == ["assistant", "answer", "answer"]
    assert [entry["content"] for entry in seen[1].thread[1:]] == ["red", "because"]


async def test_what_is_held_while_it_asks_goes_on_asking_when_released(tmp_path: Path) -> None:
    seen: list[Attempt] = []
    async with running(tmp_path, team_plan(agent()), asking(Inquiry("c1", "well?"), seen=seen)) as world:
        await world.until(lambda: world.state.nodes["boss"].asks and not world.state.nodes["boss"].running)
        await world.do("node.pause", node="boss")
        await world.do("node.resume", node="boss")
        assert (world.state.nodes["boss"].state, len(seen)) == (State.RUNNING, 1)
        await world.do("answer", pending="boss", text="yes")
        assert await world.finished() is Status.SUCCEEDED


async def test_an_agent_that_is_stopped_while_it_asks_asks_nothing_any_more(tmp_path: Path) -> None:
    asked = asking(Inquiry("c1", "may it?", ("allow once", "deny"), "permission"), Inquiry("c2", "well?"), seen=[])
    async with running(tmp_path, team_plan(agent()), asked) as world:
        boss = world.state.nodes["boss"]
        await world.until(lambda: boss.asks == 2 and not boss.running)
        await world.do("node.cancel", node="boss")
        await world.until(lambda: boss.ended)
        assert (world.state.pending, boss.asks) == ({}, 0)


async def test_leave_given_for_good_is_a_rule_for_that_agent_from_then_on(tmp_path: Path) -> None:
    seen: list[Attempt] = []
    choices = ("allow once", "allow always", "deny")
    script = asking(Inquiry("c1", "may it?", choices, "permission", "write_file(a)"), seen=seen)
    async with running(tmp_path, team_plan(agent()), script) as world:
        await world.until(lambda: "boss:c1" in world.state.pending and not world.state.nodes["boss"].running)
        (asked,) = world.state.pending.values()
        assert (asked.kind, asked.agent, asked.tool, asked.detail) == (
            "permission",
            "lead",
            "write_file",
            "write_file(a)",
        )
        await world.do("answer", pending="boss", text="allow always")
        await world.finished()
        assert world.state.granted == [Grant("lead", "write_file")]
        assert state_from_json(state_to_json(world.state)).granted == world.state.granted
    assert seen[1].team.rules == (Rule("allow", "write_file", only_for="lead"),)


async def test_leave_is_for_the_tool_as_rules_name_it_and_may_be_refused_with_a_reason(tmp_path: Path) -> None:
    seen: list[Attempt] = []
    choices = ("allow once", "allow always", "deny")
    asked = [Inquiry(call, "may it?", choices, "permission", tool="files/write") for call in ("c1", "c2")]
    async with running(tmp_path, team_plan(agent()), asking(*asked, seen=seen)) as world:
        await world.until(lambda: len(world.state.pending) == 2 and not world.state.nodes["boss"].running)
        await world.do("answer", pending="boss:c1", text="allow always")
        with pytest.raises(Refused, match="allow once"):
            await world.do("answer", pending="boss:c2", text="perhaps")
        await world.do("answer", pending="boss:c2", text="deny: not that one")
        await world.finished()
        assert world.state.granted == [Grant("lead", "files/write")]
    assert seen[1].thread[-1]["content"] == "deny: not that one"


async def test_nobody_there_means_no(tmp_path: Path) -> None:
    seen: list[Attempt] = []
    script = asking(Inquiry("c1", "may it?", ("allow once", "deny"), "permission"), seen=seen)
    async with running(tmp_path, team_plan(agent()), script, unattended=True) as world:
        assert await world.finished() is Status.SUCCEEDED
        said = [event for event in await world.recorded() if isinstance(event.body, ev.QuestionAnswered)]
        assert [event.actor for event in said] == ["headless"]
    assert seen[1].thread[-1] == {"role": "answer", "call": "c1", "content": "deny"}


RULES = st.lists(
    st.builds(
        Rule,
        st.sampled_from(("allow", "ask", "deny")),
        st.sampled_from(("shell", "sh*", "*", "crawl")),
        st.sampled_from(({}, {"argv": "git *"}, {"argv": "rm *"})),
    ),
    max_size=4,
)


@given(
    RULES,
    st.sampled_from(("git log", "rm -r", "ls")),
    st.sampled_from(("shell", "crawl")),
    st.booleans(),
    st.sampled_from(("lead", "ops")),
    st.sampled_from((Effect.WRITE, Effect.RUN)),
)
def test_a_grant_turns_questions_into_leave_and_nothing_else(
    rules: list[Rule], argv: str, tool: str, tainted: bool, who: str, effect: Effect
) -> None:
    def verdict(team: Team) -> str:
        return decide(team.rules, tool, {"argv": argv}, effect, tainted=tainted, agent=who).action

    plain = Team(rules=tuple(rules))
    before, after = verdict(plain), verdict(with_grants(plain, [Grant("lead", "shell")], "n"))
    fits = tool == "shell" and who == "lead" and not tainted
    assert after == ("allow" if fits and before == "ask" else before)


def test_leave_for_an_agent_that_a_node_defines_is_for_that_node_alone() -> None:
    granted = [Grant("self", "shell", "boss-a"), Grant("lead", "mail")]
    here, there = (with_grants(Team(), granted, name).rules for name in ("boss-a", "other-a"))
    assert decide(here, "shell", {}, Effect.WRITE, agent="self").action == "allow"
    assert decide(there, "shell", {}, Effect.WRITE, agent="self").action == "ask"
    assert decide(there, "mail", {}, Effect.WRITE, agent="lead").action == "allow", "the team's is the same everywhere"
    assert decide(here, "mail", {}, Effect.WRITE, agent="ops").action == "ask", "it was handed over to"


async def test_a_subagents_leave_is_no_leave_of_another_makers(tmp_path: Path) -> None:
    asked = asking(Inquiry("c1", "may it?", ("allow always", "deny"), "permission", tool="shell"), seen=[])
    seen: dict[str, Attempt] = {}

    def script(attempt: Attempt) -> Any:
        seen[attempt.id] = attempt
        if attempt.node in ("one", "two"):
            return "ok" if attempt.thread else Suspended(attempt.id, (child("a"),))
        said = asked(attempt)
        if isinstance(said, list):
            said[0] = replace(said[0], entry={**said[0].entry, "agent": "self"})
        return said

    async with running(tmp_path, team_plan(agent("one"), agent("two")), script) as world:
        await world.until(lambda: "one-a:c1" in world.state.pending and not world.state.nodes["one-a"].running)
        await world.do("answer", pending="one-a:c1", text="allow always")
        await world.until(lambda: "two-a:c1" in world.state.pending and not world.state.nodes["two-a"].running)
        await world.do("answer", pending="two-a:c1", text="deny")
        assert await world.finished() is Status.SUCCEEDED
        assert world.state.granted == [Grant("self", "shell", "one-a")]
        assert state_from_json(state_to_json(world.state)).granted == world.state.granted
    assert seen["one-a//2"].team.rules == (Rule("allow", "shell", only_for="self"),)
    assert seen["two-a//2"].team.rules == ()


# -- crashes ----------------------------------------------------------------------------------------------------


async def test_an_agent_caught_by_a_crash_goes_on_unless_a_call_may_have_changed_something(tmp_path: Path) -> None:
    for name, effect, comes_back, left in (
        ("answered", Effect.WRITE, True, State.SUCCEEDED),
        ("reading", Effect.READ, False, State.SUCCEEDED),
        ("open", Effect.WRITE, False, State.INTERRUPTED),
    ):
        folder = tmp_path / name
        folder.mkdir()
        threads = await crash_and_go_on(folder, effect, comes_back=comes_back, left=left)
        wanted = ["assistant", "called", "tool"] if comes_back else ["assistant", "called"]
        assert threads == ([wanted] if left is State.SUCCEEDED else [])


async def crash_and_go_on(folder: Path, effect: Effect, *, comes_back: bool, left: State) -> list[list[str]]:
    never = asyncio.Event()

    async def dies(attempt: Attempt) -> str:
        told = [says(attempt, "", ("c1", "write_file")), will_call(attempt, "c1", effect)]
        world.executor.tell(*told, *([came(attempt, "c1")] if comes_back else []))
        await never.wait()
        return ""

    async with running(folder, team_plan(agent()), dies) as world:
        await world.until(lambda: ("boss//1", "c1") in world.executor.words)
        await world.until(lambda: bool(world.state.nodes["boss"].open_calls) != comes_back or effect is Effect.READ)
        await world.conductor.log.flushed()
        with Reader(folder / "session.db") as reader:
            assert state_hash(reader.state()) == state_hash(world.state)
        after = disk_as_it_is(folder, "after")
    threads: list[list[str]] = []

    def goes_on(attempt: Attempt) -> Any:
        threads.append(roles(attempt))
        return "ok"

    async with resumed(after, goes_on) as again:
        await again.until(lambda: again.state.nodes["boss"].state is left)
    return threads


def disk_as_it_is(folder: Path, name: str) -> Path:
    """A folder with the session's file as a host that dies now leaves it."""
    left = folder / name
    left.mkdir()
    for end in ("", "-wal", "-shm"):
        (left / f"session.db{end}").write_bytes((folder / f"session.db{end}").read_bytes())
    return left


@asynccontextmanager
async def resumed(folder: Path, script: Callable[[Attempt], Any]) -> AsyncIterator[World]:
    """Another host over what one that died has left in `folder`."""
    with Reader(folder / "session.db") as reader:
        head, state = reader.resume()
    log = await Log.open(folder / "session.db", head)
    async with host(folder, log, state, script) as world:
        yield world


class Threads:
    """A script that takes note of the threads that attempts begin with."""

    def __init__(self) -> None:
        self.seen: list[list[str]] = []

    def __call__(self, attempt: Attempt) -> str:
        self.seen.append(roles(attempt))
        return "ok"


class Copying(Faults):
    """Keeps what is on the disk whenever a point is reached at which a step or a call could be lost."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.folder = folder
        self.left: list[tuple[str, Path]] = []

    def at(self, point: str) -> None:
        if point.startswith(("step.", "call.")):
            self.left.append((point, disk_as_it_is(self.folder, f"{len(self.left)}-{point}")))


async def test_a_host_that_dies_at_any_point_of_a_step_or_a_call_repeats_no_step_and_no_write(tmp_path: Path) -> None:
    done: list[str] = []

    async def script(attempt: Attempt) -> Any:
        tell, words = world.executor.tell, world.executor.words
        tell(says(attempt, "first", ("c1", "write_file")))
        for call in ("c1", "c2"):
            tell(will_call(attempt, call))
            await world.until(lambda call=call: (attempt.id, call) in words)  # type: ignore[misc]
            done.append(call)
            tell(came(attempt, call))
            await world.until(lambda call=call: not world.state.nodes["boss"].open_calls)  # type: ignore[misc]
        return [says(attempt, "last"), "ok"]

    async with running(tmp_path, team_plan(agent()), script) as world:
        faults = world.conductor.log.faults = Copying(tmp_path)
        assert await world.finished() is Status.SUCCEEDED
    assert done == ["c1", "c2"]
    assert {point for point, _ in faults.left} == {point for point in POINTS if point.startswith(("step.", "call."))}
    for point, folder in faults.left:
        threads = Threads()
        async with resumed(folder, threads) as again:
            boss = again.state.nodes["boss"]
            await again.until(lambda: boss.ended or boss.state is State.INTERRUPTED)  # noqa: B023
            events = await again.recorded()
            calls = {event.body.call for event in events if isinstance(event.body, ev.ToolCalled)}
            answers = {event.body.call for event in events if isinstance(event.body, ev.AgentStepped)} - {""}
            if calls - answers:
                assert (boss.state, threads.seen) == (State.INTERRUPTED, []), point
            else:
                said = [event for event in events if isinstance(event.body, ev.AgentStepped | ev.ToolCalled)]
                assert len(threads.seen) == 1
                assert len(threads.seen[0]) == len(said), f"{point}: all that was recorded, once"


CUT_SHORT = ["assistant", "called", "tool", "assistant", "called"]


@pytest.mark.parametrize("batch", [False, True], ids=["node", "item"])
@pytest.mark.parametrize(
    ("method", "params", "then"),
    [
        ("node.retry", {}, {"role": "answer", "call": "c2", "content": "repeat"}),
        ("node.mark_done", {"output": "42 bytes"}, "42 bytes"),
        ("node.mark_done", {}, "(the user says that this was done)"),
        ("node.retry", {"fresh": True}, None),
    ],
)
async def test_who_was_cut_short_in_a_write_goes_on_as_the_user_decides(
    tmp_path: Path, method: str, params: dict[str, Any], then: Any, batch: bool
) -> None:
    seen: list[Attempt] = []

    def script(attempt: Attempt) -> Any:
        seen.append(attempt)
        if len(seen) > 1:
            return "ok"
        told = [says(attempt, "", ("c1", "write_file")), will_call(attempt, "c1"), came(attempt, "c1")]
        told += [says(attempt, "", ("c2", "write_file")), will_call(attempt, "c2")]
        return [*told, Failed(attempt.id, failure(ErrorKind.TIMEOUT), usage=ONE_CALL)]

    boss = agent(retry=Retry(3, base_s=0.01), map=MapSpec(values=("x",)) if batch else None)
    async with running(tmp_path, team_plan(boss), script) as world:
        await world.until(lambda: world.state.nodes["boss"].state is State.INTERRUPTED)
        await world.do(method, node="boss", **({"item": 0} if batch else {}), **params)
        assert await world.finished() is Status.SUCCEEDED
        known = world.state.nodes["boss"]
        assert (known.open_calls, known.spent.attempts) == ((), 3)
        assert batch or known.output.text == "ok"
    if then is None:
        assert roles(seen[1]) == []
        return
    assert roles(seen[1])[:-1] == CUT_SHORT
    end = seen[1].thread[-1]
    assert end == then or (end["role"], end["call"], end["content"], end["ok"]) == ("tool", "c2", then, True)


async def test_who_was_skipped_or_has_ended_begins_anew_when_retried(tmp_path: Path) -> None:
    seen: list[list[str]] = []

    def script(attempt: Attempt) -> Any:
        seen.append(roles(attempt))
        told = [says(attempt, "", ("c1", "write_file")), will_call(attempt, "c1")]
        if len(seen) == 1:
            return [*told, Failed(attempt.id, failure(ErrorKind.TIMEOUT))]
        return [*told, came(attempt, "c1"), "ok" if len(seen) > 2 else failure(ErrorKind.REFUSED)]

    async with running(tmp_path, team_plan(agent(retry=Retry(1, base_s=0.01))), script) as world:
        boss = world.state.nodes["boss"]
        await world.until(lambda: boss.state is State.INTERRUPTED)
        await world.do("node.skip", node="boss")
        await world.do("node.retry", node="boss")
        await world.until(lambda: boss.state is State.FAILED)
        await world.do("node.retry", node="boss")
        await world.until(lambda: boss.state is State.SUCCEEDED)
    assert seen[0] == seen[1] == seen[-1] == []


async def test_an_agent_whose_budget_is_used_up_is_stopped_between_steps_and_goes_on_when_more_is_allowed(
    tmp_path: Path,
) -> None:
    never = asyncio.Event()
    seen: list[list[str]] = []

    async def script(attempt: Attempt) -> Any:
        seen.append(roles(attempt))
        if attempt.thread:
            return "ok"
        world.executor.tell(says(attempt, "", ("c1", "x"), usage=replace(ONE_CALL, cost_usd=3.0)), came(attempt, "c1"))
        await never.wait()
        return ""

    async with running(tmp_path, team_plan(agent()), script, limits=Limits(usd=2.0)) as world:
        await world.until(lambda: world.state.status is Status.PAUSED)
        assert world.state.reason == "budget"
        await world.do("limits.set", usd=10.0)
        if world.state.status is Status.PAUSED:
            await world.do("session.resume")
        assert await world.finished() is Status.SUCCEEDED
    assert seen == [[], ["assistant", "tool"]]


def test_of_a_batch_what_the_provider_refuses_goes_first_again_and_fails_nothing() -> None:
    """The contract of Kimi Code's swarm for 429s, in virtual time."""
    session = AgentSession(team_plan(agent()), Limits(concurrency=2))
    (boss,) = session.agents
    session.suspends(boss, 3, 0)
    first, second = sorted(session.running)
    assert (first[0], second[0]) == ("boss-sub", "boss-sub-2")
    session.end(first, "throttle")
    known = session.state.nodes["boss-sub"]
    assert (known.state, known.tries, known.error) == (State.THROTTLED, 0, None)
    assert sorted(which[0] for which in session.running) == ["boss-sub-2"], "its provider is given time"
    session.advance(2.0)
    assert sorted(which[0] for which in session.running) == ["boss-sub", "boss-sub-2"], "before what has not begun"
    session.run_dry()
    assert session.state.status is Status.SUCCEEDED
    assert session.state.nodes["boss-sub"].attempts == 2


def test_an_agent_that_comes_further_between_crashes_is_not_given_up() -> None:
    def boss_after(crashes: int, *, steps: bool) -> State:
        session = AgentSession(team_plan(agent()), Limits())
        for _ in range(crashes):
            (which,) = session.agents
            if steps:
                session.steps(which)
            session.crash()
        return session.state.nodes["boss"].state

    assert boss_after(4, steps=False) is State.FAILED
    assert boss_after(9, steps=True) is State.RUNNING


# -- names and texts --------------------------------------------------------------------------------------------


@given(st.text(st.sampled_from('{} a"item\n'), max_size=30), st.text("ab", max_size=3))
def test_what_an_agent_wrote_is_text_whatever_braces_it_has(text: str, item: str) -> None:
    assert render(template_of(text), {}) == text
    batch = template_of(f"{text}{{{{ item }}}}", batch=True)
    if "item" not in text:
        assert render(batch, {"item": item}) == f"{text}{item}"


@given(st.text(max_size=80), st.sets(st.sampled_from(("node", "A-b", "a-b", "a-b-2"))))
def test_ids_are_valid_and_new(wanted: str, taken: set[str]) -> None:
    made = new_id(wanted, taken)
    assert NAME.fullmatch(made)
    assert made.casefold() not in {name.casefold() for name in taken}


async def test_the_fold_of_the_file_is_the_state_of_the_host(tmp_path: Path) -> None:
    def script(attempt: Attempt) -> Any:
        if attempt.node != "boss":
            return Done(attempt.id, "x", usage=ONE_CALL)
        if len(attempt.thread) < 2:
            return [says(attempt, "", ("c1", "assign_task")), Suspended(attempt.id, (child("s"),), usage=ONE_CALL)]
        return "ok"

    async with running(tmp_path, team_plan(agent()), script) as world:
        await world.finished()
        events = await world.recorded()
        assert state_hash(fold.fold(events)) == state_hash(world.state)
        whole = state_to_json(world.state)
        columns = state_to_json(world.state, columns=True) | {n: whole[n] for n in ("plan", "prior_plan") if n in whole}
        for data in (whole, columns):
            assert state_hash(state_from_json(json.loads(json.dumps(data)))) == state_hash(world.state)


async def test_an_agent_that_waited_and_went_on_was_tried_once(tmp_path: Path) -> None:
    def script(attempt: Attempt) -> Any:
        if attempt.node == "boss" and not attempt.thread:
            return [says(attempt, "help me", ("c1", "assign_task")), Suspended(attempt.id, (child("helper"),))]
        return "ok"

    async with running(tmp_path, team_plan(agent()), script) as world:
        assert await world.finished() is Status.SUCCEEDED
        boss = world.state.nodes["boss"]
        assert (boss.attempts, tries_told(world.state, boss)) == (2, 1)
