"""The graph as a list with rails."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from swarmtui.tui.view.glyphs import UNICODE, N, S
from swarmtui.tui.view.layers import Needs
from swarmtui.tui.view.rail import in_order, rails
from tests.tui.test_layout import graphs


def picture(needs: Needs, limit: int = 3) -> list[str]:
    return [
        "".join(UNICODE.wire(ports) for ports in row.ports) + (">" if row.arrow else " ") + row.id
        for row in rails(needs, limit).rows
    ]


@given(graphs())
def test_each_node_comes_once_and_after_its_needs(needs: Needs) -> None:
    order = in_order(needs)
    assert sorted(order) == sorted(needs)
    assert all(order.index(need) < order.index(node) for node, wanted in needs.items() for need in wanted)


@given(graphs(), st.integers(0, 4))
@pytest.mark.chaos
def test_rails_stay_within_the_limit_and_never_break_off(needs: Needs, limit: int) -> None:
    drawn = rails(needs, limit)
    assert drawn.count <= limit
    for above, below in zip(drawn.rows, drawn.rows[1:], strict=False):
        for column in range(2 * drawn.count):
            assert bool(above.ports[column] & S) == bool(below.ports[column] & N)


@given(graphs(), st.integers(0, 4))
@pytest.mark.chaos
def test_needs_without_a_rail_are_named(needs: Needs, limit: int) -> None:
    for row in rails(needs, limit).rows:
        assert row.arrow or not needs[row.id] or row.unseen


def test_a_fan_out_and_fan_in_take_two_rails() -> None:
    needs = {"scan": (), "quality": ("scan",), "speed": ("scan",), "report": ("quality", "speed")}
    assert picture(needs) == ["╭─── scan", "├─┬─>quality", "╰─┼─>speed", "  ╰─>report"]
