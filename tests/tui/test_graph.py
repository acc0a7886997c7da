"""The graph as it is looked at: forms, selection, search, the longest path."""

from __future__ import annotations

import pytest

from swarmtui.plan.model import Plan
from swarmtui.session import events as ev
from swarmtui.session.metrics import metrics
from swarmtui.tui.app import Workbench
from swarmtui.tui.view.glyphs import ASCII, UNICODE
from swarmtui.tui.view.graph import Graph
from swarmtui.tui.view.lines import width
from swarmtui.tui.view.moment import Moment
from swarmtui.tui.view.nodes import list_line
from swarmtui.tui.view.path import longest_path
from swarmtui.tui.widgets.graph import GraphView
from tests.tui.opening import opened, press
from tests.tui.scripted_feed import ScriptedFeed, approved, large, mid_run, output, prompt


def graph_of(feed: ScriptedFeed, size: tuple[int, int] = (110, 30), **more: object) -> Graph:
    graph = Graph(state=feed.state, **more)  # type: ignore[arg-type]
    graph.resize(*size)
    return graph


def shown(graph: Graph, size: tuple[int, int] = (110, 30)) -> str:
    moment = Moment(graph.state.ts, graph.state.mono)
    rows = [graph.line(y, 0, size[0], moment)[0] for y in range(graph.size[1])]
    return "\n".join("".join(text for text, _ in row).rstrip() for row in rows)


def test_columns_where_they_fit_and_a_list_where_they_do_not() -> None:
    feed = mid_run()
    assert graph_of(feed).form == "columns"
    assert graph_of(feed, (40, 30)).form == "list"
    assert graph_of(feed, listed=True).form == "list"
    assert graph_of(feed, (40, 30), wanted="columns").form == "columns"


def test_thousands_of_nodes_are_a_list() -> None:
    assert graph_of(large(400)).form == "list"


@pytest.mark.parametrize("size", [(110, 30), (110, 12), (75, 30), (60, 30), (30, 10)])
def test_no_line_is_wider_than_the_place(size: tuple[int, int]) -> None:
    graph = graph_of(mid_run(), size)
    moment = Moment(graph.state.ts, graph.state.mono)
    for y in range(graph.size[1]):
        for x in (0, 7, 33):
            assert width(graph.line(y, x, size[0], moment)[0]) <= size[0]


def test_a_map_is_one_box_with_a_bar() -> None:
    text = shown(graph_of(mid_run()))
    assert text.count("translate") == 1
    assert "━" in text
    assert "61%" in text


def test_the_ascii_form_has_nothing_but_ascii() -> None:
    for size in ((110, 30), (60, 30)):
        assert shown(graph_of(mid_run(), size, glyphs=ASCII)).isascii()


def test_moving_follows_layers_and_edges() -> None:
    graph = graph_of(mid_run())
    graph.select("scan")
    graph.move(1, 0)
    assert graph.state.plan_nodes[graph.selected].needs == ("scan",)
    first = graph.selected
    graph.move(0, 1)
    assert graph.selected != first
    graph.select("quality")
    graph.move(1, 0)
    assert graph.selected == "report"
    graph.move(-1, 0)
    assert graph.selected in graph.state.plan_nodes["report"].needs
    graph.ends(True)
    assert graph.selected == graph.order[-1]


def test_in_the_list_up_and_down_go_through_all_nodes() -> None:
    graph = graph_of(mid_run(), listed=True)
    graph.ends(False)
    seen = [graph.selected]
    for _ in range(len(graph.state.nodes) - 1):
        graph.move(0, 1)
        seen.append(graph.selected)
    assert sorted(seen) == sorted(graph.state.nodes)


def test_a_search_selects_a_match_and_steps_through_the_others() -> None:
    graph = graph_of(mid_run())
    assert graph.search("running") == 3
    found = {graph.selected}
    for _ in range(2):
        graph.next_found(1)
        found.add(graph.selected)
    assert found == {"quality", "security", "translate"}
    assert graph.search("no such node") == 0
    assert not graph.next_found(1)


def test_a_page_key_stops_at_the_ends_of_a_layer_and_a_step_does_nothing_there() -> None:
    graph = graph_of(mid_run())
    graph.select("quality")
    layer = next(layer for layer in graph._layout.layers if "quality" in layer) if graph._layout else ()
    graph.move(0, 20)
    assert graph.selected == layer[-1]
    graph.move(0, 1)
    assert graph.selected == layer[-1]
    graph.move(0, -20)
    assert graph.selected == layer[0]


def test_what_is_left_of_a_path_is_not_told_where_a_node_ahead_has_no_estimate() -> None:
    feed = approved(Plan("g", (prompt("a", estimate_s=5), prompt("b", "a"), prompt("c", "b", estimate_s=5))))
    assert graph_of(feed).path_line(100) == "longest path: a → b → c"


def test_focus_dims_what_is_more_than_two_steps_away() -> None:
    graph = graph_of(mid_run())
    graph.select("scan")
    assert "report" in graph.near()
    assert "publish" not in graph.near()


def test_an_estimate_is_shown_only_if_every_node_ahead_has_one() -> None:
    graph = graph_of(mid_run())
    assert graph.path_line(100) == "longest path: scan → translate → report  ≈ 2:10"
    assert graph.path_line(30).endswith("≈ 2:10")


def test_the_longest_path_is_by_what_its_nodes_take() -> None:
    needs = {"a": (), "b": ("a",), "c": ("b",), "slow": ("a",), "end": ("c", "slow")}
    assert longest_path(needs, dict.fromkeys(needs, 1.0)) == (("a", "b", "c", "end"), 4.0)
    assert longest_path(needs, {**dict.fromkeys(needs, 1.0), "slow": 60.0}) == (("a", "slow", "end"), 62.0)
    assert longest_path({}, {}) == ((), 0.0)


def test_the_longest_path_follows_what_is_known_of_a_run_and_ends_as_its_figures_say() -> None:
    """Nobody estimated anything: what runs longer than the others took lies on it."""
    feed = approved(Plan("g", (prompt("a"), prompt("b"), prompt("c", "a"), prompt("d"), prompt("e", "b", "d"))))

    def start(*nodes: str) -> None:
        feed.play(*(ev.AttemptStarted(node, 1, pool="p") for node in nodes))

    def succeed(node: str, took_s: float, after: float) -> None:
        feed.play(ev.AttemptSucceeded(node, 1, output("done"), took_s=took_s), after=after)

    start("a", "b", "d")
    succeed("a", took_s=2.0, after=2.0)
    start("c")
    graph = graph_of(feed)
    assert graph.path_line(100) == "longest path: a → c"
    succeed("c", took_s=0.1, after=0.1)
    assert graph.path_line(100, feed.state.mono + 9.0) == "longest path: b → e"
    succeed("d", took_s=5.0, after=2.9)
    succeed("b", took_s=20.0, after=15.0)
    start("e")
    succeed("e", took_s=0.1, after=0.1)
    assert metrics(feed.state)["critical_path_s"] == 20.1
    assert graph.path_line(100) == "longest path: b → e  took 0:20"


def test_glyph_sets_differ_in_width_of_icons_only() -> None:
    assert UNICODE.icon_width == 1
    assert ASCII.icon_width == 3


def test_in_the_list_a_name_and_how_long_it_has_been_asking_stay_apart() -> None:
    feed = mid_run()
    moment = Moment(feed.state.ts, feed.state.mono)
    (name,) = {one.node for one in feed.state.pending.values() if one.node}
    node = feed.state.nodes[name]
    line = list_line(feed.state, node, moment, UNICODE, 60, len(name))
    text = "".join(part for part, _ in line)
    assert f"{name} " in text
    assert "asks" in text


async def test_a_plan_that_changes_while_the_graph_is_hidden_disturbs_nothing() -> None:
    feed = mid_run()
    async with opened(feed) as pilot:
        await press(pilot, "5")
        graph = pilot.app.screen.query_one(GraphView)
        del feed.state.nodes["scan"]
        graph.fit()
        await pilot.resize_terminal(90, 30)
        assert isinstance(pilot.app, Workbench)
        assert pilot.app.crash is None
