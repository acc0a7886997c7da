"""Advice on plans that are valid and could be better; and none where there is nothing to say."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from swarmtui.plan.advice import Advice, advise, lookups
from swarmtui.plan.model import JSON, Author, Plan
from swarmtui.plan.taskfile import load_task, parse_plan_json, parse_task
from swarmtui.plan.team import AgentDef, Server, Team
from swarmtui.safety.permissions import Rule

SAMPLES = Path(__file__).parents[2] / "sample_tasks"
TEAM = Team(
    {
        "reader": AgentDef(tools=("web_search",)),
        "writer": AgentDef(tools=("write_file",)),
        "codex": AgentDef(program="codex"),
    }
)


def plan(team: Team = TEAM, author: Author = Author.USER, **nodes: JSON) -> Plan:
    return parse_plan_json({"nodes": nodes}, "g", author, team=team)


def found(given: Plan, kind: str) -> list[Advice]:
    return [one for one in advise(given) if one.kind == kind]


def about(given: Plan, kind: str) -> list[str]:
    return [one.node for one in found(given, kind)]


P = {"prompt": "think"}


def test_a_need_that_no_text_reads_is_a_chain_for_nothing() -> None:
    (one,) = found(plan(a=P, b={"prompt": "think on", "needs": "a"}), "chain")
    assert one.node == "b"
    assert "waits for a and reads nothing of it" in one.text
    assert "{{ a.output }}" in one.fix


@pytest.mark.parametrize(
    "reads",
    [
        {"prompt": "on {{ a.output }}"},
        {"prompt": "on {{ a.path }}", "needs": "a"},
        {"prompt": "each {{ item }}", "map": {"items": "a"}},
        {"prompt": "on", "if": {"a.output.next": "b"}},
        {"merge": {}, "needs": "a"},
        {"run": ["ls"], "needs": "a"},
        {"agent": "reader", "prompt": "on", "context": {"x": "{{ a.output }}"}},
    ],
)
def test_a_need_that_is_read_is_none(reads: JSON) -> None:
    assert found(plan(a=P, b=reads), "chain") == []


@pytest.mark.parametrize(
    "before",
    [{"run": ["make"]}, {"ask": "go on?"}, {"agent": "writer", "prompt": "w"}, {"agent": "codex", "prompt": "w"}],
)
def test_to_wait_for_what_leaves_something_behind_is_none(before: JSON) -> None:
    assert found(plan(a=before, b={"prompt": "on", "needs": "a"}), "chain") == []


def test_an_agent_that_only_looks_leaves_nothing_behind() -> None:
    assert about(plan(a={"agent": "reader", "prompt": "w"}, b={"prompt": "on", "needs": "a"}), "chain") == ["b"]


def test_what_does_not_reach_the_final_merge_is_told() -> None:
    given = plan(a=P, b=P, end={"merge": {}, "needs": "a"})
    (one,) = found(given, "join")
    assert (one.node, one.fix) == ("b", "add it to the needs of end")


def test_several_ends_without_a_merge_are_one_piece_of_advice() -> None:
    (one,) = found(plan(a=P, b=P, c=P), "join")
    assert (one.node, "3 nodes" in one.text) == ("", True)
    assert found(plan(a=P), "join") == []


def test_ends_that_are_alternatives_or_change_something_need_no_join() -> None:
    given = plan(a=P, b={"prompt": "x", "if": {"a.output.x": 1}}, c={"prompt": "{{ a.output }}"}, d={"run": ["x"]})
    assert found(given, "join") == []


def test_a_plan_that_runs_one_after_the_other_or_is_too_large_to_read_is_told() -> None:
    line = {f"n{i}": {"prompt": f"on {{{{ n{i - 1}.output }}}}" if i else "x"} for i in range(4)}
    assert [one.text for one in found(plan(**line), "size")] == ["all 4 nodes run one after the other"]
    many = {f"n{i}": {"prompt": str(i)} for i in range(61)}
    assert "61 nodes" in found(plan(**many), "size")[0].text


def test_prompts_that_are_alike_are_better_one_map() -> None:
    alike = {name: {"prompt": f"Describe in detail the history of {name} up to our own days"} for name in "abcd"}
    (one,) = found(plan(**alike), "size")
    assert "map" in one.fix


def test_what_costs_much_is_told() -> None:
    many: JSON = {"items": ["x", "y"]}
    assert about(plan(a={"agent": "reader", "prompt": "{{ item }}", "map": many}), "cost") == ["a"]
    assert about(plan(a={"prompt": "{{ item }}", "map": many, "model": "planner"}), "cost") == ["a"]
    assert about(plan(a={"prompt": "{{ item }}", "map": many}), "cost") == []
    assert about(plan(a={"plan": {"goal": "x", "approve": "auto"}}), "cost") == ["a"]
    assert about(plan(a={"plan": {"goal": "x"}}), "cost") == []


def test_an_output_that_many_calls_get_is_paid_for_by_each() -> None:
    readers = {f"r{i}": {"prompt": f"{i} " * 9 + "{{ a.output }}"} for i in range(4)}
    (one,) = found(plan(a=P, **readers), "cost")
    assert (one.node, one.text.split()[0]) == ("a", "4")


def test_effects_are_told() -> None:
    assert about(plan(a={"run": ["x"], "retries": 2}), "effects") == ["a"]
    assert about(plan(a={"run": ["x"], "retries": 2, "retry_safe": True}), "effects") == []
    (program,) = found(plan(a={"agent": "codex", "prompt": "x"}), "effects")
    assert "outside the sandbox" in program.text
    assert found(plan(author=Author.PLANNER, a={"agent": "codex", "prompt": "x"}), "effects") == []
    wide = Team(TEAM.agents, rules=(Rule("allow", "*", untrusted=True),))
    assert "rule 1" in found(plan(wide, a={"agent": "reader", "prompt": "x"}), "effects")[0].text


def test_tasks_of_agents_that_are_too_short_or_anything_too_long_is_told() -> None:
    task = {"agent": "reader", "prompt": "x"}
    assert about(plan(a={**task, "estimate": "20s"}), "duration") == ["a"]
    assert about(plan(a={**task, "estimate": "2m"}), "duration") == []
    assert about(plan(a={**P, "estimate": "20s"}), "duration") == []
    assert about(plan(a={**P, "estimate": "10m"}), "duration") == ["a"]
    assert [one.kind for one in advise(plan(a=P), {"a": 900.0})] == ["duration"]


@pytest.mark.parametrize("path", sorted(SAMPLES.glob("*.yaml")), ids=lambda path: path.name)
def test_there_is_nothing_to_say_about_the_samples(path: Path) -> None:
    task = load_task(path)
    assert task.plan is None or [one for one in advise(task.plan) if one.kind in ("chain", "join", "size")] == []


@given(st.lists(st.lists(st.integers(0, 8), max_size=3), max_size=9))
def test_any_plan_can_be_advised_on_and_every_node_named_is_in_it(edges: list[list[int]]) -> None:
    nodes = {
        f"n{i}": {"prompt": "think", "needs": sorted({f"n{j}" for j in needs if j < i})}
        for i, needs in enumerate(edges)
    }
    given = plan(**nodes) if nodes else Plan("g")
    names = {node.id for node in given.nodes}
    assert all(one.node in names | {""} and one.text and one.fix for one in advise(given))


def test_advice_is_one_line() -> None:
    assert str(Advice("a", "cost", "it costs", "do less")) == "a: it costs: do less"
    assert str(Advice("", "join", "it ends", "join")) == "it ends: join"


def test_lookups_of_items_conditions_and_texts_are_found() -> None:
    task = parse_task("goal: g\nnodes:\n  a: {prompt: x}\n  b: {prompt: 'on {{ a.output }}'}\n")
    assert task.plan is not None
    assert [lookups(node) for node in task.plan.nodes] == [frozenset(), {"a"}]


SERVERS = {"notes": Server(("notes",)), "clock": Server(("clock",))}


@pytest.mark.parametrize("tool", ["write_fil", "note/append", "notes", "acp/edit", "shell", "tools.py:counts"])
def test_a_rule_about_no_tool_of_any_agent_is_told(tool: str) -> None:
    agents = {"a": AgentDef(tools=("write_file", "notes", "clock/now", "tools.py:count"))}
    team = Team(agents, SERVERS, rules=(Rule("allow", "write_file"), Rule("deny", tool)))
    (one,) = found(plan(team, n={"agent": "a", "prompt": "x"}), "effects")
    assert one.text == f"rule 2 is about {tool}, which no agent has"
    assert one.fix


@pytest.mark.parametrize("tool", ["write_file", "*", "notes/append", "notes/*", "no*", "clock/now", "tools.py:*"])
def test_a_rule_about_a_tool_of_an_agent_is_not(tool: str) -> None:
    agents = {"a": AgentDef(tools=("write_file", "notes", "clock/now", "tools.py:count"))}
    team = Team(agents, SERVERS, rules=(Rule("deny", tool),))
    assert found(plan(team, n={"agent": "a", "prompt": "x"}), "effects") == []


def test_a_servers_name_alone_is_no_rule_for_its_tools() -> None:
    team = Team({"a": AgentDef(tools=("notes",))}, SERVERS, rules=(Rule("deny", "notes"),))
    (one,) = found(plan(team, n={"agent": "a", "prompt": "x"}), "effects")
    assert one.fix == "write notes/* for all tools of that server"


def test_programs_ask_for_tools_of_their_own() -> None:
    team = Team({}, rules=(Rule("deny", "acp/execute"),))
    texts = [one.text for one in found(plan(team, n={"agent": "codex", "prompt": "x"}), "effects")]
    assert not any("rule 1" in text for text in texts)
