"""Two sessions held against each other: what is shared, what differs, what each cost; and how outputs differ."""

from __future__ import annotations

import json
import time
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from swarmtui.cli.tree import as_tree
from swarmtui.session.compare import MOST_LINES, Comparison, Outputs, common_past, compare, output_diff
from swarmtui.session.state import Parent, Pending
from swarmtui.session.vocabulary import State, Usage
from tests.engine.test_forks import Fork, edited, fork
from tests.engine.virtual import VirtualSession
from tests.engine.world import node, plan

PAID = Usage(tokens_in=10, tokens_out=5, cost_usd=0.5, model="m")


def session_and_fork() -> tuple[VirtualSession, Fork]:
    """`b` and what rests on it are other ones in the fork; of `a` there is one result, of three seconds."""
    session = VirtualSession(plan(node("a"), node("b", "a"), node("c", "b")), usage=PAID)
    session.advance(3.0)
    session.run_dry()
    child = fork(session, len(session.events), edited("b"))
    child.now += 10.0
    child.resume()
    child.advance(2.0)
    child.run_dry()
    return session, child


def compared(session: VirtualSession, child: Fork) -> Comparison:
    assert common_past(session.state, child.state) == 0, "the parent's ID is not told here"
    child.state.parent = Parent(session.state.id, child.at)
    assert common_past(session.state, child.state) == common_past(child.state, session.state) == child.at
    return compare(session.state, child.state, child.copied)


def test_31_a_fork_beside_its_parent_shows_what_was_paid_once_and_what_was_made_anew() -> None:
    found = compared(*session_and_fork())
    a, b, c = found.rows
    assert (a.shared, b.shared, c.shared) == (True, False, False)
    assert (a.edited, b.edited, c.edited) == (False, True, False)
    assert a.equal
    assert not b.equal
    assert a.a is not None
    assert (a.a.took_s, a.a.cost_usd, a.a.state) == (3.0, 0.5, State.SUCCEEDED)
    assert (found.a.cost_usd, found.b.cost_usd) == (1.5, 2.5)
    assert found.common is not None
    assert found.common.cost_usd == 1.5
    assert found.b.took_s - found.common.took_s == 2.0
    assert found.a.simulated, "and every view says so"


def test_two_forks_of_one_session_have_the_past_in_common_up_to_the_earlier_point() -> None:
    session, child = session_and_fork()
    one, other = child.state, fork(session, 7).state
    one.parent, other.parent = Parent("p", 20), Parent("p", 7)
    assert common_past(one, other) == common_past(other, one) == 7
    other.parent = Parent("q", 7)
    assert common_past(one, other) == 0


def test_nodes_of_one_plan_alone_are_there_with_one_side() -> None:
    left, right = VirtualSession(plan(node("x"), node("only"))), VirtualSession(plan(node("new"), node("x")))
    left.run_dry()
    rows = compare(left.state, right.state).rows
    assert [(row.id, row.a is None, row.b is None, row.output) for row in rows] == [
        ("new", True, False, Outputs.NONE),
        ("x", False, False, Outputs.ONLY_A),
        ("only", False, True, Outputs.ONLY_A),
    ]
    assert not any(row.edited or row.shared or row.equal for row in rows)


def test_outputs_are_told_apart_by_all_that_is_recorded_of_them() -> None:
    session = VirtualSession(plan(node("x")))
    session.run_dry()
    again = VirtualSession(plan(node("x")))
    again.run_dry()
    known = again.state.nodes["x"]
    assert known.output is not None
    assert compare(session.state, again.state).rows[0].output is Outputs.SAME
    for other in (replace(known.output, text="y"), replace(known.output, sha="ab"), replace(known.output, size=9)):
        known.output = other
        assert compare(session.state, again.state).rows[0].output is Outputs.DIFFERENT


def test_a_comparison_is_plain_json() -> None:
    found = compared(*session_and_fork()).to_json()
    assert json.loads(json.dumps(found)) == found
    assert [row["equal"] for row in found["nodes"]] == [True, False, True], "it came to the same"


def test_equal_outputs_have_no_difference_and_others_are_told_by_lines() -> None:
    assert output_diff("a\nb\n", "a\nb\n") == []
    assert output_diff("a\nb\nc", "a\nx\nc") == ["@@ -1,3 +1,3 @@", " a", "-b", "+x", " c"]
    assert output_diff("", "new") == ["@@ -0,0 +1 @@", "+new"]


def test_json_is_compared_part_by_part_and_layout_is_no_difference() -> None:
    assert output_diff('{"a": 1, "b": [1, 2]}', '{"a":1,"b":[1,2]}') == []
    lines = output_diff('[{"file": "x", "line": 1}]', '[{"file": "x", "line": 2}]')
    assert [line.strip() for line in lines if line[0] in "+-"] == ['-    "line": 1', '+    "line": 2']


def test_a_paragraph_is_compared_by_its_sentences() -> None:
    before = " ".join(f"This is sentence number {n}." for n in range(20))
    lines = output_diff(before, before.replace("number 7", "number seven"))
    assert [line for line in lines if line[0] in "+-"] == [
        "-This is sentence number 7.",
        "+This is sentence number seven.",
    ]


def test_texts_that_differ_everywhere_are_cut_instead_of_taking_for_ever() -> None:
    a = "\n".join(f"one {n}" for n in range(5 * MOST_LINES))
    b = "\n".join(f"other {n % 7}" for n in range(5 * MOST_LINES))
    began = time.process_time()
    lines = output_diff(f"head\n{a}\ntail", f"head\n{b}\ntail")
    assert time.process_time() - began < 5.0
    assert len(lines) < MOST_LINES
    assert lines[0] == f"@@ line 2: {5 * MOST_LINES} lines of {5 * MOST_LINES + 2} @@"
    one = output_diff(f"{a}\nx\n{a}", f"{a}\ny\n{a}")
    assert [line for line in one if line[0] in "+-"] == ["-x", "+y"], "what is the same costs nothing"


@given(st.text(), st.text())
def test_a_difference_is_told_exactly_when_lines_differ(a: str, b: str) -> None:
    lines = output_diff(a, b)
    if a == b:
        assert lines == []
    for line in lines:
        assert line[:1] in ("-", "+", " ", "@")


# -- the tree of forks ---------------------------------------------------------------------------------------------


def row(name: str, parent: str | None = None, host: str = "here") -> dict[str, object]:
    return {"id": name, "host": host, "parent": None if parent is None else {"id": parent, "seq": 1}}


def drawn(*rows: dict[str, object]) -> list[str]:
    return [head + str(found["id"]) for head, found in as_tree(rows)]


def test_31_forks_stand_under_the_session_that_they_were_forked_from() -> None:
    found = drawn(row("e", "b"), row("d", "a"), row("c"), row("b", "a"), row("a"))
    assert found == ["c", "a", "├─ d", "└─ b", "   └─ e"]


def test_a_fork_whose_parent_is_gone_or_elsewhere_stands_by_itself() -> None:
    assert drawn(row("b", "gone"), row("a", host="there"), row("c", "a")) == ["b", "a", "c"]


@given(st.lists(st.tuples(st.sampled_from("abcdef"), st.one_of(st.none(), st.sampled_from("abcdefg")))))
def test_a_tree_has_every_session_once_whoever_claims_to_be_whose_parent(pairs: list[tuple[str, str | None]]) -> None:
    rows = [row(name, parent) for name, parent in pairs]
    assert sorted(id(found) for _, found in as_tree(rows)) == sorted(id(one) for one in rows)


def test_a_node_that_waits_for_an_answer_is_not_at_work() -> None:
    session, child = session_and_fork()
    node = child.state.nodes["c"]
    node.state, node.ended_ts = State.RUNNING, None
    child.state.pending["c"] = Pending("c", "question", 0.0, "c")
    side = compare(session.state, child.state, child.copied).rows[2].b
    assert side is not None
    assert side.asks
