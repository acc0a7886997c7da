"""A plan before it runs: what is said of it, with nothing hidden."""

from __future__ import annotations

from dataclasses import replace

from swarmtui.plan.advice import advise
from swarmtui.plan.model import Author, Limits, Node, Plan, PythonSpec, RunSpec
from swarmtui.plan.taskfile import parse_task
from swarmtui.session import events as ev
from swarmtui.tui.view import document
from swarmtui.tui.view.lines import width
from swarmtui.tui.view.plan import command, node_facts
from swarmtui.tui.view.plan_checks import MOST_ADVICE, checks
from swarmtui.tui.view.revisions import Revision, beside, differences, revision_of
from tests.tui.scripted_feed import HOSTILE, REVIEW, SIMULATED, awaiting_approval, begun, prompt


def told(plan: Plan, **more: object) -> list[str]:
    return [f"{check.kind}: {check.text}" for check in checks(begun(plan, **more).state)]  # type: ignore[arg-type]


def test_commands_of_the_planner_and_of_the_user_are_told_apart() -> None:
    assert "look: 2 nodes run your commands, without a sandbox: scan, lint" in told(REVIEW)
    by_planner = told(replace(REVIEW, author=Author.PLANNER))
    assert "look: 2 nodes run commands that the planner wrote, in the sandbox: scan, lint" in by_planner


def test_a_plan_of_prompts_alone_is_fine_but_for_a_missing_budget() -> None:
    found = told(Plan("g", (prompt("a"),)), limits=Limits())
    assert found == [
        "look: no budget is set",
        "fine: no command, no code: nothing but models' text",
        "fine: text is sent to deepseek/deepseek-chat",
        "fine: 1 node: 1 prompt",
    ]


def test_simulated_answers_are_announced() -> None:
    assert any("simulated" in line for line in told(REVIEW, models=SIMULATED))


def test_a_command_is_shown_with_nothing_hidden() -> None:
    run = RunSpec(("echo", "safe\u202e; rm -rf /", "a\nb", "\x1b[2K"))
    assert command(run) == r"echo 'safe\u202e; rm -rf /' 'a\nb' '\x1b[2K'"
    assert command(RunSpec(("x",), shell="cat $1\n\x1b[A")) == "sh: cat $1\n\\x1b[A\nwith x"


def test_facts_are_clean_whatever_the_plan_says() -> None:
    joined = "".join(HOSTILE)
    nodes = (Node("r", RunSpec((joined,), cwd=joined, env={joined: joined})), Node("p", PythonSpec(code=joined)))
    state = begun(Plan("g", (*nodes, prompt("q", text=joined)))).state
    for node in state.plan_nodes.values():
        for line in document.facts(node_facts(state, node), 60):
            assert "".join(text for text, _ in line).replace("\u200d", "").isprintable()


def words(revision: Revision | None) -> str:
    assert revision is not None
    return revision.within(1_000)


def test_a_revision_says_by_whom_and_how_much_it_changes() -> None:
    feed = awaiting_approval()
    assert words(revision_of(feed.state)) == "revision 2 by the planner, 1 change since revision 1"
    assert differences(feed.state) == ["+ lint"]
    assert feed.state.plan is not None
    shorter = replace(feed.state.plan, nodes=feed.state.plan.nodes[:3])
    feed.play(ev.PlanProposed(3, shorter, "edited"), actor="ada@laptop")
    assert words(revision_of(feed.state)).startswith("revision 3 by ada@laptop, ")


def test_in_place_of_a_node_that_is_gone_what_it_needed_is_looked_at() -> None:
    feed = awaiting_approval()
    assert feed.state.plan is not None
    nodes = tuple(node for node in feed.state.plan.nodes if node.id not in ("report", "publish"))
    feed.play(ev.PlanProposed(3, replace(feed.state.plan, nodes=nodes), "edited"))
    assert beside(feed.state, "report") == "quality"
    assert beside(feed.state, "publish") == "lint"
    assert beside(feed.state, "nobody") == ""


def test_where_there_is_little_room_the_terminal_of_whoever_made_a_revision_goes_first() -> None:
    made = Revision(3, "ada@laptop on pts/3", ", differs from the planner's in 3 places", ", 3 places differ")
    assert made.within(45) == "revision 3 by ada@laptop, 3 places differ"
    assert made.within(200).startswith("revision 3 by ada@laptop on pts/3, differs")


def test_of_much_advice_the_rest_is_counted() -> None:
    lonely = tuple(prompt(f"n{at}", "first", text=f"Write {at}, {'abc' * at}.") for at in range(MOST_ADVICE + 4))
    plan = Plan("g", (prompt("first", text="Write."), *lonely))
    assert len(advise(plan)) == MOST_ADVICE + 5
    assert "look: and 5 more of the kind" in told(plan)


def test_the_first_revision_has_nothing_to_differ_from() -> None:
    assert differences(begun(REVIEW).state) is None


def test_prose_is_told_apart_and_fits() -> None:
    text = "# Head\n\n- a point that is long enough to be wrapped around\n```\ncode [red]\n```\n**bold** `x`"
    lines = document.prose(text, 20)
    assert all(width(line) <= 20 for line in lines)
    roles = {role for line in lines for _, role in line}
    assert {"strong", "accent", "ok", "text"} <= roles
    assert "code [red]" in ["".join(part for part, _ in line) for line in lines]


def test_code_is_no_heading_and_of_a_very_long_text_the_rest_is_counted() -> None:
    lines = document.prose("```\n# no heading\n```", 40)
    assert lines[1] == (("# no heading", "ok"),)
    long = document.verbatim("row\n" * (document.LIMIT + 5), 100)
    assert len(long) == document.LIMIT + 1
    assert long[-1][0][0] == "[6 more lines: :pager opens the whole]"


def test_a_long_line_of_a_text_in_yaml_goes_on_under_its_own_beginning() -> None:
    text = "nodes:\n  scan:\n    prompt: |\n      Look at the files and write\n      what matters.\n\n"
    text += "\tA tab, and more words than fit"
    lines = ["".join(part for part, _ in line) for line in document.yaml(text, 24)]
    assert lines == [
        "nodes:", "  scan:", "    prompt: |", "      Look at the files", "      and write", "      what matters.", "",
        "    A tab, and more", "    words than fit",
    ]  # fmt: skip


def test_yaml_keeps_every_character_but_indent_of_wrapped_rows() -> None:
    text = "nodes:\n  a:\n    prompt: a rather long prompt that has to be wrapped\n"
    lines = ["".join(part for part, _ in line) for line in document.yaml(text, 24)]
    assert "".join(lines).replace(" ", "") == text.replace(" ", "").replace("\n", "")


def test_the_words_a_line_begins_with_stand_out_however_it_is_wrapped() -> None:
    for size in (5, 9, 14, 80):
        rows = list(document.led("as it is sent", "as it is sent, with what is put in", size))
        assert all(sum(map(len, (head, rest))) <= size for (head, _), (rest, _) in rows)
        assert (
            " ".join("".join(part for part, _ in row).strip() for row in rows) == "as it is sent, with what is put in"
        )
        assert " ".join(filter(None, (head.strip() for (head, _), _ in rows))) == "as it is sent"


TEAM = """
goal: g
agents:
  researcher: {tools: [web_search, notes], handoffs: own, limits: {steps: 9}}
  own: {command: [agent, "\\u202e--yes", "{prompt}"]}
servers:
  notes: {command: [npx, "notes server"], env: {TOKEN: $TOKEN}, tools: [append]}
permissions:
  - allow: notes/append
    where: {folder: "a/*"}
    untrusted: true
  - deny: "notes/*"
nodes:
  look: {agent: researcher, prompt: find}
  fix: {agent: claude, prompt: mend}
  hand: {agent: own, prompt: do}
  more: {plan: {goal: go on, approve: auto}}
"""


def test_programs_servers_and_standing_permissions_are_looked_at_before_approving() -> None:
    plan = parse_task(TEAM).plan
    assert plan is not None
    found = told(plan)
    assert found[:4] == [
        "look: fix, hand work with a program that does as it sees fit, as you: read its changes",
        "look: MCP server notes: TOKEN=$TOKEN npx 'notes server', tools append",
        "look: without asking: notes/append where folder is a/*, even on what the web says",
        "look: more is planned while it runs, and its nodes run unasked",
    ]
    assert "fine: agents have notes, web_search" in found
    assert not any("nothing but models' text" in line for line in found)


ODD = """
goal: g
agents:
  mender: {program: claude, worktree: false}
servers:
  far: {url: "https://far.example/mcp", headers: {X-Key: $KEY}, tools: ["a\\u202eb"]}
permissions:
  - allow: "far/\\u202e*"
    where: {"a\\u202e": "x\\u202e", b: "*"}
  - ask: far/b
nodes:
  fix: {agent: mender, prompt: mend}
  own: {agent: {instructions: do}, prompt: go}
  more: {plan: {goal: go on}}
"""


def plan_of(text: str) -> Plan:
    plan = parse_task(text).plan
    assert plan is not None
    return plan


def test_names_of_a_team_hide_nothing() -> None:
    found = told(plan_of(ODD))
    assert found[:3] == [
        "look: fix works with a program that does as it sees fit, as you: read its changes",
        r"look: MCP server far: https://far.example/mcp [X-Key: $KEY], tools a\u202eb",
        r"look: without asking: far/\u202e* where a\u202e is x\u202e and b is *",
    ]
    assert any(line.startswith("look: fix: claude runs with your permissions") for line in found)
    assert not any("is planned while it runs" in line for line in found)


def test_of_many_nodes_some_are_named() -> None:
    found = told(plan_of("goal: g\nnodes:\n" + "".join(f"  n{n}: {{agent: claude, prompt: x}}\n" for n in range(7))))
    assert found[0].startswith("look: n0, n1, n2, n3, n4 and 2 more work with a program")
    assert not any("no command" in line for line in found)


def test_what_is_planned_while_it_runs_may_be_more_than_models_text() -> None:
    for approve in ("ask", "auto"):
        found = told(plan_of(f"goal: g\nnodes: {{more: {{plan: {{goal: go on, approve: {approve}}}}}}}\n"))
        assert not any("no command" in line for line in found)


def test_questions_of_the_plan_are_announced() -> None:
    assert "look: 1 node will ask you something" in told(plan_of("goal: g\nnodes: {q: {ask: really}}\n"))


def facts_of(text: str, node: str) -> dict[str, str]:
    plan = plan_of(text)
    return {label: text for label, text, _ in node_facts(begun(plan).state, plan.node(node))}


def test_a_planned_part_says_who_approves_it() -> None:
    assert (facts_of(ODD, "more")["plans"], facts_of(ODD, "more")["approval"]) == ("go on", "you approve its nodes")
    assert facts_of(TEAM, "more")["approval"] == "its nodes run unasked"


def test_an_agent_s_node_says_who_does_it_and_with_what() -> None:
    def facts(node: str) -> dict[str, str]:
        return facts_of(TEAM, node)

    assert facts_of(ODD, "fix")["program"] == "claude, in your folder"
    own = facts_of(ODD, "own")
    assert (own["agent"], own["tools"]) == ("one of its own, defined here", "none")
    assert not {"program", "command", "hands to"} & own.keys()
    look = facts("look")
    assert (look["agent"], look["tools"], look["hands to"]) == ("researcher", "web_search, notes", "own")
    assert look["at most"] == "9 steps, 100 tool calls"
    assert facts("fix")["program"] == "claude, in a working copy of its own"
    assert facts("hand")["command"] == r"agent '\u202e--yes' '{prompt}'"
