"""What belongs together as one box: no node is lost, counts add up, nothing needs itself."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from swarmtui.host.feed import Feed
from swarmtui.plan.model import JSON, Node, Plan
from swarmtui.session import events as ev
from swarmtui.session import vocabulary as vocab
from swarmtui.session.state import Pending
from swarmtui.session.vocabulary import State
from swarmtui.tui.app import Workbench
from swarmtui.tui.memory import Memory
from swarmtui.tui.screens.node import NodeScreen
from swarmtui.tui.screens.run import RunScreen
from swarmtui.tui.view.folding import (
    KEPT_CHARS,
    READABLE,
    Folding,
    Shown,
    by_maker,
    common_name,
    cyclic,
    drawn_needs,
    kept,
    recalled,
)
from swarmtui.tui.view.front import View, look_at_front
from swarmtui.tui.view.glyphs import ASK, UNICODE
from swarmtui.tui.view.graph import Graph
from swarmtui.tui.view.groups import tally
from swarmtui.tui.view.layers import depths
from swarmtui.tui.view.moment import Moment
from swarmtui.tui.view.tracing import trace
from swarmtui.tui.widgets.log import LogView
from swarmtui.tui.widgets.nodes import NodeOpened
from tests.tui.opening import opened, press, settled, text
from tests.tui.scripted_agents import agents
from tests.tui.scripted_feed import WORKER, ScriptedFeed, approved, large, mid_run, output, prompt
from tests.tui.test_layout import drawn, graphs


@st.composite
def plans(draw: st.DrawFn) -> list[Node]:
    """Nodes with needs, some of them made by others."""
    needs = draw(graphs())
    names = list(needs)
    made: list[Node] = []
    for at, (name, wanted) in enumerate(needs.items()):
        parent = draw(st.sampled_from([None, *names[:at]]))
        made.append(prompt(name, *wanted, parent=parent))
    return made


def research(number: int = 48) -> ScriptedFeed:
    """A fan of twins: 31 done, 12 at work, 5 failed."""
    fan = tuple(prompt(f"research-{at:02}", "plan") for at in range(number))
    write = prompt("write", *(node.id for node in fan))
    feed = approved(Plan("Research", (prompt("plan"), *fan, write, *(prompt(f"aside-{at}") for at in range(12)))))
    feed.play(ev.AttemptStarted("plan", 1, pool=WORKER), ev.AttemptSucceeded("plan", 1, output("x")))
    refused = vocab.ErrorInfo(vocab.ErrorKind.OUTAGE, "the line went dead")
    for at, node in enumerate(fan):
        feed.play(ev.AttemptStarted(node.id, 1, pool=WORKER))
        if at < 31:
            feed.play(ev.AttemptSucceeded(node.id, 1, output("x")))
        elif at < 36:
            feed.play(ev.AttemptFailed(node.id, 1, refused))
    return feed


def folded_graph(feed: ScriptedFeed, size: tuple[int, int] = (110, 30), **more: object) -> Graph:
    graph = Graph(state=feed.state, folds=True, **more)  # type: ignore[arg-type]
    graph.resize(*size)
    return graph


def shown(graph: Graph, width: int = 110) -> str:
    moment = Moment(graph.state.ts, graph.state.mono)
    rows = [graph.line(y, 0, width, moment)[0] for y in range(graph.size[1])]
    return "\n".join("".join(text for text, _ in row).rstrip() for row in rows)


@settings(max_examples=40)
@given(plans())
def test_what_is_drawn_has_no_cycle_and_every_node(nodes: list[Node]) -> None:
    needs = drawn_needs(nodes)
    assert needs.keys() == {node.id for node in nodes}
    assert not cyclic(needs)


@given(plans(), st.data())
def test_every_node_is_drawn_once_or_in_one_group_and_nothing_needs_itself(
    nodes: list[Node], data: st.DataObject
) -> None:
    folding = Folding()
    folding.take(nodes)
    for group in folding.candidates:
        if data.draw(st.booleans()):
            folding.turn(group)
    found: Shown = folding.shown()
    members = [name for box in found.needs for name in (found.groups[box].members if box in found.groups else (box,))]
    assert sorted(members) == sorted(node.id for node in nodes)
    assert not cyclic(found.needs)
    depths(found.needs)


def test_a_graph_that_can_be_read_is_not_folded_by_itself() -> None:
    assert folded_graph(mid_run()).folded == 0


def test_a_large_graph_is_folded_until_it_can_be_read() -> None:
    for feed in (research(), large(400)):
        graph = folded_graph(feed)
        assert len(graph.order) <= READABLE
        assert graph.folded


def test_a_fold_tells_how_many_are_ok_run_and_have_failed() -> None:
    text = shown(folded_graph(research(), wanted="columns", zoom="detail"))
    assert "research ×48" in text
    assert "31 ok, 12 run, 5 fail" in text
    assert "31✓ 12● 5✗" in shown(folded_graph(research(), (60, 30)), 60)


def test_the_counts_of_a_fold_add_up() -> None:
    feed = research()
    (group,) = [one for one in folded_graph(feed)._shown.groups.values() if one.name == "research"]
    told = tally(feed.state, group)
    assert told.total == len(group.members) == 48
    assert told.ended == 36


def test_of_groups_that_share_a_node_the_wider_one_is_drawn() -> None:
    folding = Folding(automatic=False)
    folding.take([prompt("a"), *(prompt(name, "a", parent="a") for name in ("b", "c")), prompt("d", "b", "c")])
    for group in folding.candidates:
        folding.wanted[group.id] = True
    assert [group.members for group in folding.shown().groups.values()] == [("a", "b", "c")]


def test_where_what_was_made_cannot_hang_behind_its_maker_needs_are_drawn_as_they_are() -> None:
    nodes = [
        prompt("n0", parent="n2"),
        prompt("n1", "n0"),
        prompt("n2", parent="n3"),
        prompt("n3", "n0", "n2", parent="n2"),
    ]
    assert drawn_needs(nodes) == {node.id: node.needs for node in nodes}


def test_a_fold_is_marked_only_where_all_of_it_is() -> None:
    graph = folded_graph(research())
    (group,) = [one for one in graph._shown.groups.values() if one.name == "research"]
    for marked, seen in ((group.members[:1], False), (group.members, True)):
        graph.marked = frozenset(marked)
        assert ("◆" in shown(graph)) is seen


def test_makers_that_made_each_other_are_no_endless_chain() -> None:
    made = by_maker([prompt("a", parent="b"), prompt("b", parent="a")])
    assert sorted(group.id for group in made) == ["a", "b"]


def test_before_approval_all_of_a_group_waits_and_one_that_asks_is_its_mark() -> None:
    feed = research()
    (group,) = [one for one in folded_graph(feed)._shown.groups.values() if one.name == "research"]
    feed.state.pending["q"] = Pending("q", "question", 0.0, "research-01", question="which?")
    assert (tally(feed.state, group).asking, tally(feed.state, group).mark) == (1, ASK)
    feed.state.approved_rev = 0
    assert tally(feed.state, group).counts == {State.WAITING: 48}


def test_a_fold_opens_closes_and_keeps_the_cursor() -> None:
    graph = folded_graph(research())
    graph.select("research-40")
    assert graph.folded == 1
    graph.fold()
    graph.resize(110, 30)
    assert graph.folded == 0
    assert "research-40" in graph.order
    graph.fold()
    graph.resize(110, 30)
    assert graph.folded == 1
    assert graph.selected == "research-40"
    assert "research-40" not in graph.order


def test_what_is_folded_stays_where_its_nodes_were() -> None:
    needs = {"root": (), "a": ("root",), "b1": ("root",), "b2": ("root",), "c": ("root",)}
    ends = {"x": ("a",), "y": ("b1", "b2"), "z": ("c",)}
    graph = folded_graph(approved(Plan("goal", tuple(prompt(name, *of) for name, of in (needs | ends).items()))))
    graph.select("b1")
    group = graph.fold()
    graph.resize(110, 30)
    assert group is not None
    assert [name for name in graph.order if name in ("a", group.id, "c")] == ["a", group.id, "c"]


def test_what_an_agent_gave_away_hangs_behind_it_and_folds_into_it() -> None:
    graph = folded_graph(agents())
    before = graph.place("hotels")
    north = graph.place("hotels-north")
    assert before is not None
    assert north is not None
    assert north[0] > before[0]
    graph.select("hotels-north")
    graph.fold()
    graph.resize(110, 30)
    assert "hotels-north" not in graph.order
    assert "hotels +2" in shown(graph)


def test_what_an_agent_gives_away_moves_nobody() -> None:
    feed = approved(Plan("g", (prompt("a"), prompt("lead", "a"), prompt("b", "a"), prompt("end", "lead", "b"))))
    graph = folded_graph(feed)
    before = {name: graph.place(name) for name in ("a", "lead", "b", "end")}
    lead = replace(feed.state.plan_nodes["lead"], needs=("a", "lead-1"))
    feed.play(ev.PlanPatched(2, (prompt("lead-1", parent="lead"), lead), (), "", by="lead"))
    graph.state = feed.state
    graph.resize(110, 30)
    assert "lead-1" in graph.order
    order = [name for name in graph.order if name != "lead-1"]
    assert order == ["a", "lead", "b", "end"]
    now = {name: graph.place(name) for name in before}
    assert [place and place[1] for place in now.values()] == [place and place[1] for place in before.values()]


def test_a_name_says_what_names_have_in_common() -> None:
    assert common_name(["search-01", "search-02"]) == "search"
    assert common_name(["quality", "security"]) == "quality .. security"


@settings(max_examples=30)
@given(graphs(10), st.sampled_from((1, 2, 3)))
def test_the_wire_of_an_edge_is_found_where_it_is_drawn(needs: dict[str, tuple[str, ...]], height: int) -> None:
    layout = drawn(needs, height)
    depth = depths(needs)
    for name, wanted in needs.items():
        for need in wanted:
            cells = trace(layout, need, name)
            assert all(x in layout.wires.get(y, {}) for x, y in cells)
            if depth[name] == depth[need] + 1 and not layout.ambiguous:
                assert cells


def test_the_longest_path_is_lit() -> None:
    graph = folded_graph(mid_run())
    graph.select("scope")
    assert graph.form == "columns"
    moment = Moment(graph.state.ts, graph.state.mono)
    roles = {role for y in range(graph.size[1]) for _, role in graph.line(y, 0, 110, moment)[0]}
    assert "critical" in roles


places = st.tuples(st.integers(0, 300), st.integers(0, 90), st.integers(1, 30), st.integers(1, 3))


@settings(max_examples=60)
@given(
    st.builds(View, st.integers(0, 300), st.integers(0, 90), st.integers(1, 120), st.integers(1, 40)),
    st.lists(places, max_size=12),
)
def test_following_shows_all_that_runs_where_it_fits_and_never_less_than_before(
    view: View, running: list[tuple[int, int, int, int]]
) -> None:
    size = (340, 100)
    x, y = look_at_front(view, running, size)

    def seen(left: int, top: int) -> tuple[int, int]:
        return (
            sum(left <= px and px + w <= left + view.width for px, _, w, _ in running),
            sum(top <= py and py + h <= top + view.height for _, py, _, h in running),
        )

    before, after = seen(view.x, view.y), seen(x, y)
    assert after[0] >= before[0]
    assert after[1] >= before[1]
    if running and max(px + w for px, _, w, _ in running) - min(px for px, *_ in running) <= view.width:
        assert after[0] == len(running)
    if not running:
        assert (x, y) == (view.x, view.y)
    for px, py, *_ in running:  # and nowhere would more be in view
        elsewhere = seen(min(px, max(0, 340 - view.width)), min(py, max(0, 100 - view.height)))
        assert elsewhere[0] <= after[0]
        assert elsewhere[1] <= after[1]
    assert look_at_front(View(x, y, view.width, view.height), running, size) == (x, y)


def test_what_is_looked_at_moves_only_where_more_is_in_view_there() -> None:
    here, there = [(0, y, 10, 1) for y in (0, 1)], [(200, y, 10, 1) for y in (80, 81)]
    view = View(190, 75, 30, 10)
    assert look_at_front(view, [*here, *there], (340, 100)) == (190, 75)
    assert look_at_front(view, [*here, (5, 2, 10, 1), *there], (340, 100)) == (0, 0)
    filling = [(0, 0, 5, 1), (5, 0, 5, 1), (50, 0, 5, 1)]
    assert look_at_front(View(50, 0, 10, 10), filling, (340, 100)) == (0, 0)
    assert look_at_front(View(0, 0, 40, 10), [(50, 0, 10, 3)], (340, 100)) == (20, 0), "no further than it must"


def test_dots_are_one_cell_a_node() -> None:
    graph = folded_graph(mid_run(), zoom="dots")
    assert graph.form == "columns"
    assert all(place is not None and place[2] == 1 for place in map(graph.place, graph.order))
    assert UNICODE.icon_width == 1


# -- from one time to the next -----------------------------------------------------------------------------------


words = st.dictionaries(st.text(max_size=12), st.booleans(), max_size=6)


@settings(deadline=None)
@given(st.lists(st.tuples(st.sampled_from("abc"), words), max_size=8))
def test_of_each_session_the_last_word_on_its_groups_is_remembered(told: list[tuple[str, dict[str, bool]]]) -> None:
    memory: list[JSON] = []
    for session, wanted in told:
        memory = kept(memory, session, wanted)
    assert json.loads(json.dumps(memory)) == memory
    for session, wanted in dict(told).items():
        assert recalled(memory, session) == wanted


def test_what_is_remembered_of_groups_is_bounded_and_the_latest_session_is_among_it() -> None:
    memory: list[JSON] = []
    for at in range(20):
        memory = kept(memory, f"session-{at}", {f"{'long' * 1_000}-{at}": True})
    assert recalled(memory, "session-19")
    assert not recalled(memory, "session-0")
    assert len(json.dumps(memory)) < 2 * KEPT_CHARS


def test_a_damaged_memory_of_groups_is_passed_over() -> None:
    assert recalled([7, ["a"], ["a", [1]], ["a", {"g": "yes"}]], "a") == {}
    assert kept([7, ["b", None]], "a", {"g": True}) == [["a", {"g": True}]]


async def test_a_double_click_unfolds_a_group_of_the_graph_and_anywhere_else_opens_the_node() -> None:
    async with opened(research(8), size=(160, 40)) as pilot:
        screen = pilot.app.screen
        assert isinstance(screen, RunScreen)
        screen.select("research-03")
        await press(pilot, "B")
        assert screen.graph.graph.group is not None
        log = screen.query_one(LogView)
        log.post_message(NodeOpened(log, "research-03"))
        await settled(pilot)
        assert isinstance(pilot.app.screen, NodeScreen)
        await press(pilot, "escape")
        assert screen.graph.graph.group is not None
        screen.graph.post_message(NodeOpened(screen.graph, "research-03"))
        await settled(pilot)
        assert pilot.app.screen is screen
        assert screen.graph.graph.group is None


@pytest.mark.chaos
async def test_a_group_that_was_folded_is_folded_when_its_session_is_opened_again(tmp_path: Path) -> None:
    feed = research(8)
    memory = Memory(tmp_path / "memory.json")

    async def connect() -> Feed:
        return feed

    for opening in range(3):
        app = Workbench(connect, memory=memory if not opening else Memory(tmp_path / "memory.json"))
        async with app.run_test(size=(160, 40)) as pilot:
            await settled(pilot)
            if opening == 1:
                assert "research ×8" in text(pilot)
                app.selected = "research-03"
            elif opening == 2:
                assert "research ×8" not in text(pilot)
                continue
            else:
                app.selected = "research-03"
            await settled(pilot)
            await pilot.press("B")
            await settled(pilot)
            assert ("research ×8" in text(pilot)) == (opening == 0)
        assert not app.memory.save()
