"""A large graph is arranged on a thread: what holds the loop is drawing, and no picture shows nodes that are gone."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from swarmtui.tui.view.graph import Graph
from swarmtui.tui.view.moment import Moment
from swarmtui.tui.view.shape import AT_ONCE
from swarmtui.tui.widgets.graph import GraphView
from tests.tui.opening import opened, press, settled, text, workbench
from tests.tui.scripted_feed import large

MANY = AT_ONCE + 100
PLACE = (100, 30)


def graph_of(number: int) -> Graph:
    graph = Graph(folds=True)
    graph.state = large(number).state
    return graph


def known(graph: Graph) -> bool:
    return graph.is_known


def arranging(view: GraphView) -> bool:
    return view._arranging


def unknown(view: GraphView) -> bool:
    return view._unknown


def drawn(graph: Graph) -> list[object]:
    return [graph.line(y, 0, PLACE[0], Moment(0.0, 0.0)) for y in range(PLACE[1])]


def test_what_was_arranged_elsewhere_is_drawn_as_if_it_had_been_here() -> None:
    here, there = graph_of(MANY), graph_of(MANY)
    here.resize(*PLACE)
    twin = there.twin()
    twin.resize(*PLACE)
    there.adopt(twin)
    assert there.fits(*PLACE)
    assert drawn(there) == drawn(here)
    assert there.order == here.order


def test_what_happens_meanwhile_changes_nothing_that_a_thread_walks_through() -> None:
    graph = graph_of(MANY)
    ours, theirs = graph.state, graph.twin().state
    for live, walked in (
        (ours.nodes, theirs.nodes),
        (ours.plan_nodes, theirs.plan_nodes),
        (ours.measures.running, theirs.measures.running),
        (ours.measures.tallies, theirs.measures.tallies),
    ):
        assert walked == live
        live.clear()
        assert walked


def test_what_is_folded_meanwhile_is_arranged_anew() -> None:
    graph = graph_of(MANY)
    graph.resize(*PLACE)
    twin = graph.twin()
    group = graph.fold()
    assert group is not None
    twin.resize(*PLACE)
    graph.adopt(twin)
    assert not graph.fits(*PLACE)
    graph.resize(*PLACE)
    assert group.id not in graph._shown.groups


def test_a_drawing_of_nodes_that_are_gone_is_none() -> None:
    graph = graph_of(MANY)
    graph.resize(*PLACE)
    assert known(graph)
    fewer = large(MANY // 2).state
    assert fewer.plan is not None
    graph.state = fewer
    assert not known(graph)
    more = large(MANY).state
    assert more.plan is not None
    more.plan = replace(more.plan)
    graph.state = more
    assert known(graph)  # of all that it shows there is something to be said
    assert not graph.fits(*PLACE)


async def test_until_it_is_arranged_the_screen_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    app = workbench(large(MANY))
    go_on, arrange = asyncio.Event(), GraphView._arrange

    async def held(view: GraphView) -> None:
        await go_on.wait()
        await arrange(view)

    monkeypatch.setattr(GraphView, "_arrange", held)
    async with app.run_test(size=(120, 40)) as pilot:
        view = app.screen.query_one(GraphView)
        while not arranging(view):
            await pilot.pause()
        assert unknown(view)
        assert f"laying out {MANY}" in "".join(part for part, _ in view.line_at(0, 80)[0]).replace(",", "")
        go_on.set()
        await settled(pilot)
        assert not unknown(view)
        assert view.graph.fits(view.size.width, view.container_size.height)
        assert "laying out" not in text(pilot)


async def test_another_form_comes_when_it_is_ready_and_the_one_before_is_there_until_then() -> None:
    async with opened(large(MANY)) as pilot:
        view = pilot.app.screen.query_one(GraphView)
        before = view.virtual_size
        await pilot.press("v")
        if arranging(view):
            assert view.virtual_size == before
        await settled(pilot)
        await press(pilot, "j")
        assert view.graph.fits(view.size.width, view.container_size.height)
