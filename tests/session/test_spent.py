"""What was spent adds up, however it is put together."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from swarmtui.session.spent import Spent
from swarmtui.session.vocabulary import Usage

counts = st.none() | st.integers(0, 9)
usages = st.builds(
    Usage,
    tokens_in=counts,
    tokens_out=counts,
    tokens_cached=counts,
    cost_usd=counts,
    simulated=st.booleans(),
    untold=st.integers(0, 2),
    tokens_reasoning=counts,
)


@given(st.lists(usages), st.lists(usages))
def test_what_two_have_spent_together_is_what_one_would_have(first: list[Usage], second: list[Usage]) -> None:
    one, other, both = Spent(orphans=1), Spent(orphans=2), Spent(orphans=3)
    for spent, used in ((one, first), (other, second), (both, [*first, *second])):
        for usage in used:
            spent.add(usage)
    before = replace(other)
    one.include(other)
    assert (one, other) == (both, before)
