"""Pictures of the graph as text."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings

from swarmtui.plan.drawing import ASCII, MAX_RAILS, UNICODE, as_ascii, as_dot, as_mermaid, plan_to_text
from swarmtui.plan.model import MapSpec, MergeSpec, Node, Plan, PromptSpec, RunSpec
from tests.plan.strategies import plans

RELAXED = settings(suppress_health_check=[HealthCheck.too_slow], max_examples=50, deadline=None)
REVIEW = Plan(
    "Review it",
    (
        Node("scan", RunSpec(("ls",))),
        Node("quality", PromptSpec("q"), ("scan",), title='Say "quality" <b>'),
        Node("docs", PromptSpec("d"), ("scan",), map=MapSpec(path="docs.jsonl")),
        Node("report", MergeSpec(), ("quality", "docs", "scan")),
        Node("last", RunSpec(("x",)), ("report",)),
    ),
)


def test_rails_lead_from_a_node_down_to_all_that_need_it():
    assert as_ascii(REVIEW, UNICODE) == (
        "●        scan  run\n"
        '├─●      quality  prompt: Say "quality" <b>\n'
        "├─│─●    docs  prompt for each of docs.jsonl\n"
        "└─┴─┴─●  report  merge\n"
        "      ●  last  run\n"
    )


def test_rails_need_nothing_but_ascii():
    assert as_ascii(REVIEW).splitlines()[3] == "`-'-'-*  report  merge"
    assert as_ascii(REVIEW).isascii()


def test_a_node_is_marked_as_the_caller_wants():
    assert as_ascii(REVIEW, marks={"scan": "x"}).startswith("x")


def test_beyond_so_many_rails_needs_are_named():
    many = tuple(Node(f"n{i}", RunSpec(("x",))) for i in range(MAX_RAILS + 3))
    text = as_ascii(Plan("g", (*many, Node("end", MergeSpec(), tuple(node.id for node in many)))))
    assert text.splitlines()[-1].endswith(f"end  merge  (needs n{MAX_RAILS}, n{MAX_RAILS + 1}, n{MAX_RAILS + 2})")
    assert max(map(len, text.splitlines())) < 120


@RELAXED
@given(plans(max_nodes=8))
def test_every_node_has_one_line_below_all_that_it_needs(plan):
    for glyphs in (ASCII, UNICODE):
        lines = as_ascii(plan, glyphs).splitlines()
        assert len(lines) == len(plan.nodes)
        rows = {
            node.id: i for node in plan.nodes for i, line in enumerate(lines) if f"  {node.id}  {node.kind}" in line
        }
        assert all(rows[need] < rows[node.id] for node in plan.nodes for need in node.needs)
        assert all(line.isprintable() for line in lines)


def test_mermaid_shows_nodes_and_edges_and_takes_no_markup_from_titles():
    text = as_mermaid(REVIEW)
    assert text.startswith("flowchart LR\n")
    assert "    n0 --> n1\n" in text
    assert '    n1["quality · prompt<br/>Say #34;quality#34; #60;b#62;"]\n' in text


def test_dot_quotes_what_titles_say():
    text = as_dot(REVIEW)
    assert '    "scan" -> "quality";\n' in text
    assert 'label="quality\\nprompt\\nSay \\"quality\\" <b>"' in text


def test_the_outline_numbers_the_steps_in_order():
    assert plan_to_text(REVIEW).splitlines() == [
        "Review it",
        "1. scan     run",
        '2. quality  prompt: Say "quality" <b>  <- scan',
        "3. docs     prompt for each of docs.jsonl  <- scan",
        "4. report   merge  <- quality, docs, scan",
        "5. last     run  <- report",
    ]
