"""A change of the running plan: to accept it is to accept all that it does, so all of it is told."""

from __future__ import annotations

from dataclasses import replace

from swarmtui.cli.lines import describe
from swarmtui.cli.show import again_comment
from swarmtui.plan.model import Plan, RunSpec
from swarmtui.session import events as ev
from swarmtui.session.replans import run_again
from swarmtui.tui.view.changes import change_lines
from swarmtui.tui.view.logs import log_line
from tests.tui.scripted_feed import begun, prompt

CHANGE = ev.ChangeProposed("change-1", 1, again=("a", "b"), note="once more")


def test_what_is_run_again_is_named_wherever_the_change_is_told() -> None:
    state = begun(Plan("g", (prompt("a"), replace(prompt("b"), spec=RunSpec(("mail",)))))).state
    state.nodes["a"].attempts = state.nodes["b"].attempts = 1
    shown = ["".join(text for text, _ in line).rstrip() for line in change_lines(state, CHANGE)(80)]
    assert "again     a, which failed" in shown
    assert "again     b, which failed and may have changed something" in shown
    assert describe(CHANGE) == ("(plan)", "proposes", "runs a, b again, once more")
    assert "to be run again a, b: once more" in log_line(ev.Event(1, 0.0, 0.0, CHANGE)).text
    assert [line for line in shown if line.startswith("why")] == []
    comment = again_comment(state, CHANGE)
    assert comment.splitlines() == [
        "# runs a again, which failed",
        "# runs b again, which failed and may have changed something",
    ]


def test_a_repetition_may_do_harm_where_something_was_begun_that_nobody_called_safe() -> None:
    mail = replace(prompt("a"), spec=RunSpec(("mail",)))
    nodes = (mail, replace(mail, id="b", retry_safe=True), replace(mail, id="c"), prompt("d"))
    state = begun(Plan("g", nodes)).state
    for name in ("a", "b", "d"):
        state.nodes[name].attempts = 1
    state.nodes["b"].writes = state.nodes["d"].writes = 1
    change = replace(CHANGE, again=("a", "b", "c", "d", "gone"))
    assert run_again(state, change) == [("a", True), ("b", False), ("c", False), ("d", True)]


def test_each_node_of_a_change_says_why_with_nothing_hidden() -> None:
    change = ev.ChangeProposed("change-1", 1, (prompt("x"), prompt("y")), why={"x": "to\x1b[2K see"})
    shown = [
        "".join(text for text, _ in line).rstrip() for line in change_lines(begun(Plan("g", ())).state, change)(80)
    ]
    assert [line.split() for line in shown if line.startswith("why")] == [["why", "to", "see"]]
