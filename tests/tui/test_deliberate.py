"""Which keys say yes on purpose."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from swarmtui.tui.view.deliberate import DEAD_S, Press, why_not_meant

SECONDS = st.floats(0, 1e6)


def test_a_key_pressed_alone_after_a_moment_is_a_yes() -> None:
    assert why_not_meant(10.0, Press(10.0 + DEAD_S + 0.01)) is None


@given(st.integers(0, 10**6), st.integers(-(10**6), 299), st.booleans(), st.booleans())
def test_nothing_said_before_it_could_be_read_is_a_yes(shown: int, after_ms: int, held: bool, together: bool) -> None:
    assert why_not_meant(shown, Press(shown + after_ms / 1_000, held, together))


@given(SECONDS, SECONDS, st.sampled_from([(True, False), (False, True), (True, True)]))
def test_what_is_held_down_or_pasted_is_never_a_yes(shown: float, at: float, how: tuple[bool, bool]) -> None:
    assert why_not_meant(shown, Press(at, *how))


@given(SECONDS)
def test_what_nobody_has_seen_is_never_agreed_to(at: float) -> None:
    assert why_not_meant(math.inf, Press(at))
