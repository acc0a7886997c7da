"""Agents, servers, permissions and search of a task file: read, refused, and written again."""

from __future__ import annotations

from pathlib import Path

import pytest

from swarmtui.plan.model import AgentSpec, Author, Condition, PlanSpec, plan_from_json, plan_hash, plan_to_json
from swarmtui.plan.problems import TaskError
from swarmtui.plan.render import task_to_yaml
from swarmtui.plan.taskfile import load_task, parse_plan_json, parse_task, validate_plan
from swarmtui.plan.team import AgentDef, AgentLimits, Search, Server, Team
from swarmtui.safety.permissions import Rule

WHOLE = """
goal: g
agents:
  researcher:
    instructions: You research for {{ audience }}.
    tools: [web_search, clock, notes/append, tools.py:count]
    handoffs: writer
    must_call: web_search
    limits: {steps: 10, depth: 2}
    temperature: 0.5
  writer: {model: large, description: writes}
  fixer: {program: opencode-acp, worktree: false}
  own: {command: [agent, "{prompt}"], network: true}
servers:
  clock: {command: [mcp-server-time], read_only: "*", env: {TZ: $TZ}}
  notes: {url: "https://notes.example/mcp", tools: append, agents: [researcher], timeout: 5s}
permissions:
  - allow: notes/append
    where: {folder: "a/*"}
    untrusted: true
  - deny: "notes/*"
search: {engine: mcp, tool: notes/find, results: 3}
nodes:
  triage: {prompt: which}
  look: {agent: researcher, prompt: "see {{ triage.output }}", if: {triage.output.next: [a, 2]}, context: {audience: x}}
  fix: {agent: claude, prompt: fix}
  mine: {agent: {instructions: "do", tools: [now]}, prompt: go, model: small}
  more:
    plan:
      goal: "go on from {{ look.output }}"
      approve: auto
      iterations: 3
      nodes: 4
      agents: [researcher, writer]
      must_have: researcher
      instructions: "be brief"
"""


def messages(text: str) -> str:
    with pytest.raises(TaskError) as caught:
        parse_task(text, file="t")
    return "\n".join(str(problem) for problem in caught.value.problems)


def test_a_team_is_read():
    task = parse_task(WHOLE)
    assert task.team == Team(
        {
            "researcher": AgentDef(
                "You research for {{ audience }}.",
                tools=("web_search", "clock", "notes/append", "tools.py:count"),
                must_call=("web_search",),
                handoffs=("writer",),
                limits=AgentLimits(steps=10, depth=2),
                temperature=0.5,
            ),
            "writer": AgentDef(model="large", description="writes"),
            "fixer": AgentDef(program="opencode-acp", worktree=False),
            "own": AgentDef(command=("agent", "{prompt}"), network=True),
        },
        {
            "clock": Server(("mcp-server-time",), read_only=("*",), env={"TZ": "$TZ"}),
            "notes": Server(url="https://notes.example/mcp", tools=("append",), agents=("researcher",), timeout_s=5.0),
        },
        (Rule("allow", "notes/append", {"folder": "a/*"}, untrusted=True), Rule("deny", "notes/*")),
        Search("mcp", None, "notes/find", 3),
    )
    assert task.plan is not None
    assert task.plan.team == task.team


def test_what_is_rarely_said_is_read_too_and_a_tool_named_twice_is_one():
    team = parse_task("""
goal: g
agents: {a: {tools: [now, crawl, now], max_tokens: 9}}
servers: {s: {url: "https://h.example/mcp", headers: {X-Key: $KEY}}}
search: {engine: searxng, url: "http://127.0.0.1:8080", local: true}
""").team
    assert team == Team(
        {"a": AgentDef(tools=("now", "crawl"), max_tokens=9)},
        {"s": Server(url="https://h.example/mcp", headers={"X-Key": "$KEY"})},
        (),
        Search("searxng", "http://127.0.0.1:8080", local=True),
    )


def test_agent_and_plan_nodes_are_read():
    plan = parse_task(WHOLE).plan
    assert plan is not None
    look, mine = plan.node("look"), plan.node("mine")
    assert look.spec == AgentSpec("researcher", "see {{ triage.output }}", context={"audience": "x"})
    assert look.needs == ("triage",)
    assert look.only_if == (Condition("triage.output.next", ("a", 2)),)
    assert mine.spec == AgentSpec("self", "go", AgentDef("do", tools=("now",)), "small")
    assert plan.node("more").spec == PlanSpec(
        "go on from {{ look.output }}", "planner", "be brief", "auto", 4, ("researcher", "writer"), ("researcher",), 3
    )


def test_what_is_written_again_reads_the_same():
    task = parse_task(WHOLE)
    again = parse_task(task_to_yaml(task))
    assert (again.team, again.plan) == (task.team, task.plan)
    assert task.plan is not None
    assert plan_from_json(plan_to_json(task.plan)) == task.plan
    assert validate_plan(task.plan) == []


def test_an_approval_is_bound_to_the_team():
    plan = parse_task(WHOLE).plan
    other = parse_task(WHOLE.replace("untrusted: true", "untrusted: false")).plan
    assert plan is not None
    assert other is not None
    assert plan_hash(plan) != plan_hash(other)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("agents: {a: {tools: [web_serch]}}", "there is no tool `web_serch`: did you mean web_search?"),
        ("agents: {a: {handoffs: b}}", "there is no agent `b`"),
        ("agents: {a: {tools: now, must_call: crawl}}", "`crawl` is not among its tools"),
        ("nodes: {n: {plan: {goal: x, must_have: q}}}", "there is no agent `q`"),
        ("agents: {a: {}, b: {}}\nnodes: {n: {plan: {goal: x, agents: a, must_have: b}}}", "there is no agent `b`"),
        (
            "agents: {a: {instructions: 'For {{ who }}'}}\nnodes: {n: {agent: a, prompt: x}}",
            "the instructions of a look up {{ who }}, which is not in the node's context",
        ),
        ("nodes: {n: {agent: {instructions: '{{ who'}, prompt: x}}", "{{ who has no closing }}"),
        ("agents: {a: {program: clauda}}", "there is no program `clauda`: did you mean claude?"),
        ("agents: {a: {program: claude, command: [x]}}", "an agent has both program and command"),
        ("agents: {a: {program: claude, tools: [now]}}", "a program has its own tools"),
        ("agents: {a: {program: claude, must_call: x}}", "`must_call` means nothing here"),
        ("agents: {b: {}, a: {program: claude, handoffs: b}}", "`handoffs` means nothing here"),
        ("agents: {a: {instructions: a.md}}", "t:2:28: no file is read from here: a.md"),
        ("agents: {a: {model: gigantic}}", "there is no model `gigantic`"),
        ("agents: {a: {step: 3}}", "unknown key `step`"),
        ("agents: {a: {limits: {steps: 0}}}", "steps"),
        ("agents: {a b: {}}", "`a b` is no name for an agent"),
        ("servers: {s: {}}", "it has neither a command nor an address: give `command: [program, argument]` or `url`"),
        ("servers: {s: {command: [x], url: 'http://h'}}", "a server has a command or an address, not both"),
        ("servers: {s: {command: [x], env: {LD_PRELOAD: x.so}}}", "t:2:47: LD_PRELOAD may not be set"),
        ("servers: {s: {command: [x, 'a; b']}}", "t:2:28: "),
        ("servers: {s: {url: 'http://far.example/mcp'}}", "t:2:20: anybody on the way can read"),
        ("servers: {s: {url: 'https://h', headers: {'X Y': z}}}", "t:2:50: it is no name of a header"),
        ("servers: {s: {command: [x], timeout: 2h}}", "t:2:38: 7200 s is out of range"),
        ("servers: {s: {command: [x], agents: q}}", "there is no agent `q`"),
        ("permissions: [{allow: x, deny: y}]", "a permission is exactly one of allow, ask and deny"),
        ("permissions: [{where: {a: b}}]", "a permission is exactly one of allow, ask and deny"),
        ("permissions: [{deny: x, untrusted: true}]", "`untrusted` says nothing of `deny`"),
        ("search: {engine: searxng}", "searxng needs its address"),
        ("search: {engine: mcp, tool: nowhere/x}", "mcp needs a tool of one of the servers"),
    ],
)
def test_a_mistake_in_a_team_is_told_in_plain_words(text, message):
    assert message in messages(f"goal: g\n{text}\n")


def test_instructions_may_lie_in_a_file_beside_the_task(tmp_path: Path):
    (tmp_path / "prompts").mkdir()
    (tmp_path / "prompts" / "a.md").write_text("You are a.\n", "utf-8")
    task = tmp_path / "t.yaml"
    task.write_text("goal: g\nagents: {a: {instructions: prompts/a.md}, b: {instructions: prompts/b.md}}\n", "utf-8")
    with pytest.raises(TaskError) as caught:
        load_task(task)
    assert "prompts/b.md: No such file or directory" in str(caught.value)
    task.write_text("goal: g\nagents: {a: {instructions: prompts/a.md}}\n", "utf-8")
    assert load_task(task).team.agents["a"].instructions == "You are a.\n"


@pytest.mark.parametrize(
    ("data", "problem"), [(b"x" * 1_000_001, "a.md is larger than 1 MB"), (b"caf\xe9", "a.md is not UTF-8")]
)
def test_instructions_that_are_no_text_to_send_are_refused(tmp_path: Path, data: bytes, problem: str) -> None:
    (tmp_path / "a.md").write_bytes(data)
    (tmp_path / "t.yaml").write_text("goal: g\nagents: {a: {instructions: a.md}}\n", "utf-8")
    with pytest.raises(TaskError) as caught:
        load_task(tmp_path / "t.yaml")
    assert problem in str(caught.value)


def test_a_planner_names_agents_and_defines_none():
    team = parse_task(WHOLE).team

    def read(nodes: dict[str, object]) -> str:
        try:
            parse_plan_json({"nodes": nodes}, "g", Author.PLANNER, team=team, proposed=True)
        except TaskError as error:
            return str(error)
        return ""

    assert read({"n": {"agent": "researcher", "prompt": "x", "context": {"audience": "y"}}}) == ""
    assert "which is not in the node's context" in read({"n": {"agent": "researcher", "prompt": "x"}})
    assert "a planner cannot define agents" in read({"n": {"agent": {"tools": ["shell"]}, "prompt": "x"}})
    assert "there is no agent `claude`" in read({"n": {"agent": "claude", "prompt": "x"}})
    assert "unknown key `permissions`" in messages_of(team)


def messages_of(team: Team) -> str:
    data = {"nodes": {"n": {"prompt": "x"}}, "permissions": [{"allow": "*"}]}
    with pytest.raises(TaskError) as caught:
        parse_plan_json(data, "g", Author.PLANNER, team=team, proposed=True)
    return str(caught.value)


def with_tool(tool: str) -> str:
    return f"goal: g\nagents: {{a: {{tools: ['{tool}']}}}}\nnodes: {{n: {{agent: a, prompt: do}}}}\n"


@pytest.mark.parametrize(
    ("code", "tool", "problem"),
    [
        (None, "tools.py:count", "tools.py: No such file or directory"),
        ("def counts(): ...", "tools.py:count", "tools.py has no function `count`: did you mean counts?"),
        ("x = 1", "tools.py:count", "tools.py has no function `count`: write it"),
        ("def count(:", "tools.py:count", "tools.py:1: "),
    ],
)
def test_a_function_that_is_not_there_is_told_before_anything_runs(
    tmp_path: Path, code: str | None, tool: str, problem: str
) -> None:
    (tmp_path / "task.yaml").write_text(with_tool(tool))
    if code is not None:
        (tmp_path / "tools.py").write_text(code)
    with pytest.raises(TaskError, match=r"task\.yaml:2:") as caught:
        load_task(tmp_path / "task.yaml")
    assert problem in str(caught.value)


@pytest.mark.parametrize(
    "code",
    [
        "async def count(text): ...",
        "from elsewhere import count",
        "from elsewhere import *",
        "if True:\n    count = len",
        "class count: ...",
        "globals()['co' + 'unt'] = len",
        "x = '\\d'\ndef count(): ...",
    ],
)
def test_whatever_may_bind_the_function_is_believed(tmp_path: Path, code: str) -> None:
    (tmp_path / "task.yaml").write_text(with_tool("tools.py:count"))
    (tmp_path / "tools.py").write_text(code)
    task = load_task(tmp_path / "task.yaml")
    assert task.team.agents["a"].tools == ("tools.py:count",)


def test_an_address_of_a_server_is_no_model() -> None:
    said = messages("goal: g\nservers: {s: {url: 'ftp://x'}}\n")
    assert "url: is not an http or https address: write such as https://" in said


def test_the_kind_of_a_node_is_told_in_english() -> None:
    assert "this is an agent node" in messages("goal: g\nnodes: {a: {agent: claude, prompt: x, system: y}}\n")
