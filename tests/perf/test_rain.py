"""What is measured under a rain of events is measured, and ends."""

from __future__ import annotations

import pytest

from tests.perf.tui import KEYS, under_rain


@pytest.mark.chaos
@pytest.mark.timeout(120)
def test_keys_under_a_rain_are_all_timed() -> None:
    keys, share = under_rain(rows=10_000, per_second=2_000)
    assert isinstance(keys["keys"], int)
    assert KEYS // 2 < keys["keys"] <= KEYS
    assert isinstance(share["events_per_s"], int)
    assert share["events_per_s"] > 100
