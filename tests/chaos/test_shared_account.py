"""Two hosts on one provider account with one limit: they find room beside each other, and each says that it shares."""

from __future__ import annotations

import os
from contextlib import ExitStack
from pathlib import Path

import pytest

from swarmtui.session.events import AttemptStarted, AttemptThrottled, PoolPaced
from swarmtui.session.reader import Reader
from swarmtui.session.rows import row_to_event
from swarmtui.session.vocabulary import FINAL, State, Status
from tests.chaos.test_items import provider
from tests.host.hosts import hosted, made

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(1_200)]

ITEMS = int(os.environ.get("SWARMTUI_CHAOS_SHARED", "400"))
"""Of each host."""
CAP = 16
REFUSED_PER_100 = 20
"""Two that did not settle would be refused half of the time: either alone fills the account."""


def test_hosts_that_share_an_account_settle_beside_each_other_and_say_so(tmp_path: Path) -> None:
    with provider(str(CAP)) as llm, ExitStack() as hosts:
        both = []
        for number in (0, 1):
            items = [f"{item}" for item in range(number * ITEMS, (number + 1) * ITEMS)]
            node = {"prompt": "What of <{{ it }}>?", "map": {"items": items, "as": "it"}}
            model = {"base_url": llm.base_url, "model": "fake-small"}
            session = made(tmp_path, {"goal": "share", "models": {"worker": model}, "nodes": {"m": node}})
            both.append(hosts.enter_context(hosted(tmp_path, session)))
        for host in both:
            state = host.until(lambda state: state.status in FINAL, 600)
            assert state.status is Status.SUCCEEDED, state.reason
            assert state.nodes["m"].items is not None
            assert state.nodes["m"].items.count(State.SUCCEEDED) == ITEMS
        ledger = llm.ledger()
    started = throttled = 0
    for host in both:
        with Reader(host.folder.db) as reader:
            bodies = [row_to_event(row).body for row in reader.rows()]
        started += sum(isinstance(body, AttemptStarted) for body in bodies)
        throttled += sum(isinstance(body, AttemptThrottled) for body in bodies)
        told = [body for body in bodies if isinstance(body, PoolPaced)]
        assert any(body.others == 1 and "1 other session here uses this account too" in body.why for body in told)
    refused = 100 * throttled / (2 * ITEMS)
    print(f"\n2 hosts, cap {CAP}: {2 * ITEMS} items, {refused:.1f} refusals per 100, most at once {ledger.most}")
    assert started == sum(ledger.asked.values())
    assert throttled == ledger.statuses.get(429, 0)
    assert set(ledger.answered.values()) == {1}
    assert refused < REFUSED_PER_100
