"""The drawing of graphs: every edge goes right, nothing overlaps, wires lead where the plan says."""

from __future__ import annotations

from collections import deque

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from swarmtui.tui.view.glyphs import UNICODE, E, N, S, W
from swarmtui.tui.view.layers import Needs, arrange, depths, reduced
from swarmtui.tui.view.layout import Layout, lay_out

HEIGHTS = (1, 2, 3)


@st.composite
def graphs(draw: st.DrawFn, most: int = 14) -> dict[str, tuple[str, ...]]:
    """Acyclic graphs in topological order of their names."""
    names = [f"n{at}" for at in range(draw(st.integers(0, most)))]
    return {
        name: tuple(draw(st.lists(st.sampled_from(names[:at]), max_size=4, unique=True))) if at else ()
        for at, name in enumerate(names)
    }


def drawn(needs: Needs, height: int = 1) -> Layout:
    return lay_out(needs, lambda node: len(node) + 6, height=height)


def picture(layout: Layout) -> list[str]:
    rows = [[" "] * layout.width for _ in range(layout.height)]
    for y, row in layout.wires.items():
        for x, cell in row.items():
            rows[y][x] = UNICODE.arrow if cell.arrow else UNICODE.wire(cell.ports)
    for box in layout.boxes.values():
        for at, char in enumerate(box.id.ljust(box.width)):
            rows[box.row][box.x + at] = char
    return ["".join(row).rstrip() for row in rows]


@given(graphs(), st.sampled_from(HEIGHTS))
def test_every_edge_goes_right(needs: Needs, height: int) -> None:
    boxes = drawn(needs, height).boxes
    for node, wanted in needs.items():
        for need in wanted:
            assert boxes[need].x + boxes[need].width < boxes[node].x


@given(graphs(), st.sampled_from(HEIGHTS))
def test_boxes_neither_overlap_nor_leave_the_drawing(needs: Needs, height: int) -> None:
    layout = drawn(needs, height)
    taken: set[tuple[int, int]] = set()
    for box in layout.boxes.values():
        cells = {(x, y) for x in range(box.x, box.x + box.width) for y in range(box.y, box.y + box.height)}
        assert not cells & taken
        assert all(0 <= x < layout.width and 0 <= y < layout.height for x, y in cells)
        taken |= cells
    assert set(layout.boxes) == set(needs)


@given(graphs(), st.sampled_from(HEIGHTS))
def test_no_wire_runs_through_a_box(needs: Needs, height: int) -> None:
    layout = drawn(needs, height)
    for box in layout.boxes.values():
        for y in range(box.y, box.y + box.height):
            assert not any(box.x <= x < box.x + box.width for x in layout.wires.get(y, ()))


@given(graphs(), st.sampled_from(HEIGHTS))
def test_the_same_graph_is_drawn_the_same(needs: Needs, height: int) -> None:
    assert drawn(needs, height) == drawn(dict(needs), height)


def reached(layout: Layout, start: str) -> set[str]:
    """The nodes that one gets to from `start` along its wires, rightwards, without passing under others."""
    box = layout.boxes[start]
    right_of = {(other.x, other.row): other.id for other in layout.boxes.values()}
    seen: set[tuple[int, int, str]] = set()
    found: set[str] = set()
    queue = deque([(x, box.row, "e") for x in (box.x + box.width, box.x + box.width + 1)])
    while queue:
        x, y, heading = queue.popleft()
        cell = layout.wires.get(y, {}).get(x)
        if cell is None:
            node = right_of.get((x, y)) or right_of.get((x + 1, y))
            if node and heading == "e":
                found.add(node)
            continue
        if (x, y, heading) in seen:
            continue
        seen.add((x, y, heading))
        if heading == "e" and not cell.ports & W:
            queue.append((x + 1, y, "e"))  # passes under a trunk that it does not join
            continue
        queue.extend(_onward(x, y, cell.ports, heading))
    return found


def _onward(x: int, y: int, ports: int, heading: str) -> list[tuple[int, int, str]]:
    ways: list[tuple[int, int, str]] = []
    if ports & E:
        ways.append((x + 1, y, "e"))
    if ports & S and heading != "n":
        ways.append((x, y + 1, "s"))
    if ports & N and heading != "s":
        ways.append((x, y - 1, "n"))
    return ways


def is_plain(needs: Needs) -> bool:
    """Whether every slot feeds one net only, so that no wire has to leave a trunk that others feed as well."""
    layering = arrange(needs)
    fed: dict[object, set[frozenset[object]]] = {}
    for ups in layering.left.values():
        for up in ups:
            fed.setdefault(up, set()).add(frozenset(ups))
    return all(len(nets) == 1 for nets in fed.values())


@settings(max_examples=200)
@given(graphs(10), st.sampled_from((1, 2)))
def test_wires_lead_from_each_node_to_those_that_need_it(needs: Needs, height: int) -> None:
    layout = drawn(needs, height)
    assert not layout.ambiguous
    shown = reduced(needs, depths(needs))
    for node in needs:
        wanted = {other for other, ups in shown.items() if node in ups}
        found = reached(layout, node)
        assert found == wanted if is_plain(needs) else found >= wanted, picture(layout)


def test_a_fan_out_and_a_fan_in_are_one_trunk_each() -> None:
    needs = {"a": (), "b": ("a",), "c": ("a",), "d": ("a",), "e": ("b", "c", "d")}
    assert picture(lay_out(needs, len)) == [
        "   ╭─▶ b ─╮",
        "a ─┼─▶ c ─┼─▶ e",
        "   ╰─▶ d ─╯",
    ]


def test_a_wire_passes_under_a_trunk_that_it_does_not_join() -> None:
    needs = {"a": (), "b": (), "c": (), "x": ("a", "c"), "y": ("b",)}
    layout = lay_out(needs, len, prior=(("a", "b", "c"), ("x", "y")))
    assert "─│─" in "".join(picture(layout))
    assert reached(layout, "b") == {"y"}


def test_needs_that_a_longer_path_implies_are_not_drawn() -> None:
    needs = {"a": (), "b": ("a",), "c": ("a", "b")}
    assert reduced(needs, depths(needs)) == {"a": (), "b": ("a",), "c": ("b",)}


def test_new_nodes_come_last_in_their_layer_and_move_nobody() -> None:
    before = {"a": (), "x": ("a",), "y": ("a",)}
    order = lay_out(before, len).layers
    after = lay_out({"a": (), "w": ("a",), "x": ("a",), "y": ("a",), "z": ("x",)}, len, prior=order)
    assert after.layers == (("a",), ("x", "y", "w"), ("z",))


def test_nodes_without_edges_stand_below_the_others() -> None:
    layout = lay_out({"alone": (), "a": (), "b": ("a",), "c": ("a",)}, len)
    assert layout.boxes["alone"].y > max(layout.boxes[node].y for node in "abc")


@pytest.mark.parametrize("nodes", [500, 5_000])
def test_large_graphs_are_arranged(nodes: int) -> None:
    needs = {
        f"n{at}": tuple({f"n{(at // 50 - 1) * 50 + (at * k) % 50}" for k in (1, 7)}) if at >= 50 else ()
        for at in range(nodes)
    }
    layering = arrange(needs)
    assert sum(len(layer) for layer in layering.layers) >= nodes
    for layer in layering.layers:
        rows = [layering.rows[slot] for slot in layer]
        assert rows == sorted(set(rows))
