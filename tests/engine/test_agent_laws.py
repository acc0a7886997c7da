"""Agents under anything that may happen: what each attempt goes on from, and that nothing waits for ever."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from swarmtui.engine.decisions import Start
from swarmtui.engine.ports import Assignment, Inquiry, Suspended
from swarmtui.engine.results import Live
from swarmtui.engine.suspension import Suspension
from swarmtui.engine.threads import thread_of
from swarmtui.plan.model import JSON, AgentSpec, Limits, Node, Plan, Retry
from swarmtui.plan.team import AgentDef, AgentLimits, Team
from swarmtui.safety.permissions import Effect
from swarmtui.safety.redact import Redactor
from swarmtui.session import events as ev
from swarmtui.session import fold
from swarmtui.session.rows import Row, make_row
from swarmtui.session.state_json import state_from_json, state_hash, state_to_json
from swarmtui.session.vocabulary import State, Usage
from tests.engine.virtual import FINISHED, Running, VirtualSession
from tests.engine.world import node

MAKER = AgentDef(limits=AgentLimits(subagents=3, depth=2))
TEAM = Team({"lead": MAKER})
WIDTH = 2
ONE_CALL = Usage(tokens_in=1, tokens_out=1, cost_usd=1.0, model="simulated/instant")


@dataclass
class FileOf:
    """What a thread reads of a log: the events of a session that lives in memory."""

    session: VirtualSession
    blobs: dict[str, bytes] = field(default_factory=dict)

    async def of_node(self, node: str, after: int, types: tuple[str, ...]) -> list[Row]:
        found = (event for event in self.session.events[after:] if getattr(event.body, "node", None) == node)
        return [make_row(event, b"") for event in found if ev.type_of(event.body) in types]

    async def blob(self, sha: str) -> bytes | None:
        return self.blobs[sha]


class AgentSession(VirtualSession):
    """A session whose agents do what they are told to, and whose attempts begin with their threads."""

    def __init__(self, plan: Plan, limits: Limits) -> None:
        self.file = FileOf(self)
        self.threads: dict[Running, list[JSON]] = {}
        self.number = 0
        super().__init__(plan, limits)

    def start(self, decision: Start) -> None:
        super().start(decision)
        state = self.state
        number = state.nodes[decision.node].attempts_of(decision.item)
        if not isinstance(state.plan_nodes[decision.node].spec, AgentSpec):
            return
        reading = thread_of(self.file, decision.node, decision.item, state.nodes[decision.node].thread_seq, self.told)  # type: ignore[arg-type]
        thread = list(asyncio.run(reading))
        self.threads[decision.node, decision.item, number] = thread
        told = [entry["call"] for entry in thread if entry["role"] == "tool"]
        begun = [entry["call"] for entry in thread if entry["role"] == "called"]
        decided = {entry["call"] for entry in thread if entry["role"] == "answer"}
        assert len(set(told)) == len(told), "no call has two results"
        assert set(told) <= set(begun), "what has a result was begun"
        assert set(begun) - set(told) <= decided, "a call of which nobody knows the end waits for the user's word on it"
        steps = [entry["content"] for entry in thread if entry["role"] == "assistant"]
        assert steps == [str(number) for number in range(len(steps))], "steps go on where they were"
        given = sum(len(entry["nodes"]) for entry in thread if entry["role"] == "assigned")
        came = sum(len(entry["nodes"]) for entry in thread if entry["role"] == "results")
        assert given == came, "an agent goes on once all that it gave away has ended"

    async def told(self, names: tuple[str, ...]) -> list[JSON]:
        assert all(name not in self.state.nodes or self.state.nodes[name].ended for name in names)
        return list(names)

    def entry(self, which: Running, entry: JSON, usage: Usage = Usage()) -> None:
        """An agent takes a step."""
        node, item, number = which
        self.number += 1
        sha = str(self.number)
        self.file.blobs[sha] = json.dumps(entry).encode()
        self.record(ev.AgentStepped(node, number, entry["role"], sha, item, call=entry.get("call", ""), usage=usage))
        self.threads[which].append(entry)
        self.step()

    def steps(self, which: Running) -> None:
        count = sum(entry["role"] == "assistant" for entry in self.threads[which])
        self.entry(which, {"role": "assistant", "content": str(count)}, ONE_CALL)

    def calls(self, which: Running) -> None:
        node, item, number = which
        self.number += 1
        call = f"c{self.number}"
        self.record(ev.ToolCalled(node, number, "lead", call, "write_file", item, effect=Effect.WRITE))
        self.threads[which].append({"role": "called", "call": call})

    def returns(self, which: Running) -> None:
        call = self.state.nodes[which[0]].open_calls_of(which[1])[0].rpartition("/")[2]
        self.entry(which, {"role": "tool", "call": call})

    def suspends(self, which: Running, tasks: int, questions: int) -> None:
        node, item, number = which
        if tasks + questions == 0 or which in self.cancelling or self.state.nodes[node].open_calls:
            return
        live = Live(node, item, number, "", 0, 0.0)
        asked = Suspended(
            "",
            tuple(Assignment(f"t{at}", MAKER, "sub", "do") for at in range(tasks)),
            tuple(Inquiry(f"q{self.number}-{at}", "well?") for at in range(questions)),
        )
        suspension = Suspension(self.state, lambda body, actor=None, *, durable=False: self.record(body), Redactor())
        refused = suspension.prepare(live, asked)
        if refused is None:
            self.running.pop(which)
            self.record(ev.AttemptSuspended(node, number, "subagents", item, 1.0, ONE_CALL))
        self.step()

    @property
    def agents(self) -> list[Running]:
        """Attempts of agents that run."""
        return sorted((which for which in self.running if which in self.threads and self.alive(which)), key=str)

    def alive(self, which: Running) -> bool:
        return which[0] in self.state.nodes and which not in self.cancelling


def agent(name: str, *needs: str) -> Node:
    return Node(name, AgentSpec("lead", f"do {name}"), needs=tuple(needs), retry=Retry(1, base_s=0.1))


class Agents(RuleBasedStateMachine):
    """Agents that step, write, give tasks away, ask; users that steer them; hosts that die."""

    @initialize(width=st.sampled_from([1, WIDTH]))
    def begin(self, width: int) -> None:
        nodes = (node("up"), agent("one", "up"), agent("two", "one"), agent("three"), node("end", "two", "three"))
        self.session = AgentSession(Plan("test", nodes, team=TEAM), Limits(concurrency=width))
        self.width = width

    def one_of(self, data: st.DataObject, chosen: list[Any]) -> Any:
        return data.draw(st.sampled_from(chosen))

    @precondition(lambda self: self.session.agents)
    @rule(data=st.data(), what=st.sampled_from(["step", "step", "call", "return", "return"]))
    def an_agent_goes_on(self, data: st.DataObject, what: str) -> None:
        which = self.one_of(data, self.session.agents)
        if what == "step":
            self.session.steps(which)
        elif what == "call":
            self.session.calls(which)
        elif self.session.state.nodes[which[0]].open_calls_of(which[1]):
            self.session.returns(which)

    @precondition(lambda self: self.session.agents)
    @rule(data=st.data(), tasks=st.integers(0, 2), questions=st.integers(0, 2))
    def an_agent_waits(self, data: st.DataObject, tasks: int, questions: int) -> None:
        self.session.suspends(self.one_of(data, self.session.agents), tasks, questions)

    @precondition(lambda self: self.session.state.pending)
    @rule(data=st.data())
    def somebody_answers(self, data: st.DataObject) -> None:
        assert self.session.command("answer", pending=self.one_of(data, sorted(self.session.state.pending)), text="x")

    @precondition(lambda self: self.session.running)
    @rule(data=st.data(), how=st.sampled_from(["ok", "fail", "throttle"]))
    def an_attempt_ends(self, data: st.DataObject, how: str) -> None:
        self.session.end(self.one_of(data, sorted(self.session.running, key=str)), how)

    @rule(
        data=st.data(),
        method=st.sampled_from(["pause", "resume", "retry", "retry", "skip", "cancel", "mark_done"]),
        descendants=st.booleans(),
    )
    def the_user_steers_a_node(self, data: st.DataObject, method: str, descendants: bool) -> None:
        name = self.one_of(data, sorted(self.session.state.nodes))
        self.session.command(f"node.{method}", node=name, descendants=descendants)

    @rule(data=st.data(), what=st.sampled_from(["title", "prompt", "add", "remove"]), restart=st.booleans())
    def the_user_patches_the_plan(self, data: st.DataObject, what: str, restart: bool) -> None:
        state = self.session.state
        name, new = self.one_of(data, sorted(state.nodes)), f"p{state.plan_rev}"
        op: dict[str, object] = {"op": "set", "node": name, "field": what, "value": new}
        if what == "add":
            op = {"op": "add", "node": new, "value": {"prompt": "x", "needs": [name]}}
        elif what == "remove":
            op = {"op": "remove", "node": name}
        if len(state.nodes) > 1:
            self.session.command("plan.patch", base_rev=state.plan_rev, ops=[op], restart=restart)

    @rule(method=st.sampled_from(["undo", "redo", "nodes.retry_failed", "nodes.rerun_stale", "session.cancel"]))
    def the_user_steers_the_session(self, method: str) -> None:
        if method != "session.cancel" or len(self.session.events) > 80:
            self.session.command(method)

    @rule(seconds=st.sampled_from([0.1, 60.0]))
    def time_passes(self, seconds: float) -> None:
        self.session.advance(seconds)

    @rule()
    def the_host_crashes(self) -> None:
        self.session.crash()

    @invariant()
    def whoever_waits_holds_no_place_and_nobody_goes_beyond_what_is_allowed(self) -> None:
        state = self.session.state
        assert state.in_flight == len(self.session.running) <= self.width
        for known in state.nodes.values():
            asked = [one for one in state.pending.values() if one.node == known.id and one.call]
            assert len(asked) == known.asks
            assert known.spawned <= MAKER.limits.subagents
            if known.asks and known.state is State.RUNNING:
                assert not known.running
            assert set(state.children.get(known.id, ())) >= {
                need for need in state.plan_nodes[known.id].needs if state.plan_nodes[need].parent == known.id
            }
            assert known.made == sum(
                state.plan_nodes[need].parent == known.id for need in state.plan_nodes[known.id].needs
            )
            unmet = sum(not state.nodes[need].ended for need in state.plan_nodes[known.id].needs)
            assert known.unmet == unmet

    @invariant()
    def what_was_spent_is_what_the_steps_and_ends_told(self) -> None:
        told = [getattr(event.body, "usage", Usage()) for event in self.session.events]
        assert self.session.state.spent.cost_usd == sum(usage.cost_usd or 0.0 for usage in told)

    def teardown(self) -> None:
        session = getattr(self, "session", None)
        if session is None:
            return
        again = fold.fold(session.events)
        assert state_hash(again) == state_hash(session.state)
        whole = state_to_json(session.state)
        plans = {name: whole[name] for name in ("plan", "prior_plan") if name in whole}
        columns = state_to_json(session.state, columns=True) | plans
        for data in (whole, columns):
            assert state_hash(state_from_json(json.loads(json.dumps(data)))) == state_hash(session.state)
        for _ in range(100):  # whatever it was, the session comes to its end once everybody does their part
            session.command("session.resume")
            session.decide_all()
            for key in list(session.state.pending):
                session.command("answer", pending=key, text="x")
            session.run_dry()
            if session.state.status in FINISHED:
                return
        raise AssertionError(f"the session does not end: {session.state.status}, {session.state.nodes}")


TestAgents = Agents.TestCase
TestAgents.settings = settings(max_examples=10, stateful_step_count=25, deadline=None)


def test_while_a_cancelled_session_waits_for_what_runs_nobody_is_asked_any_more() -> None:
    session = AgentSession(Plan("test", (agent("lead"), node("other")), team=TEAM), Limits(concurrency=2))
    session.suspends(("lead", None, 1), tasks=0, questions=1)
    assert session.state.nodes["lead"].asks == len(session.state.pending) == 1
    session.command("session.cancel")
    assert ("other", None, 1) in session.running
    assert not session.state.pending
    assert session.state.nodes["lead"].asks == 0
    assert session.state.counts.get(State.RUNNING, 0) == 1


def test_what_the_user_takes_back_of_a_node_does_not_part_it_from_the_tasks_it_gave_away_since() -> None:
    session = AgentSession(Plan("test", (agent("lead"),), team=TEAM), Limits(concurrency=2))
    op = {"op": "set", "node": "lead", "field": "title", "value": "new"}
    assert session.command("plan.patch", base_rev=session.state.plan_rev, ops=[op], restart=False)
    session.suspends(("lead", None, 1), tasks=1, questions=0)
    assert session.command("undo")
    lead = session.state.plan_nodes["lead"]
    assert (lead.title, len(lead.needs)) == (None, 1)
    assert session.state.nodes["lead"].state is State.WAITING
    assert ("lead", None, 2) not in session.running


@pytest.mark.chaos
@pytest.mark.timeout(900)
def test_agents_for_long() -> None:
    from hypothesis.stateful import run_state_machine_as_test

    run_state_machine_as_test(Agents, settings=settings(max_examples=300, stateful_step_count=60, deadline=None))
