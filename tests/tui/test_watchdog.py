"""Nothing that a key does, and nothing that happens, holds the event loop for long."""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from swarmtui.plan.model import Plan, PromptSpec
from swarmtui.session import events as ev
from swarmtui.tui.actions.action import Mode, Scope
from swarmtui.tui.actions.table import Keys
from swarmtui.tui.app import Workbench
from swarmtui.tui.garbage import COLLECTIONS
from swarmtui.tui.warming import warm
from tests.tui.opening import opened, press, settled, text
from tests.tui.scripted_agents import agents
from tests.tui.scripted_feed import WORKER, ScriptedFeed, begun, hostile, large, mid_run, prompt
from tests.tui.watchdog import LIMIT_S, slowness, watching

AWAY = {"detach", "quit", "leave", "editor", "pager", "edit", "screenshot"}
"""Actions that leave, or hand the terminal over."""
OPENING_S = 0.2
"""What opening another screen may take in one step: Textual styles what a widget is put together of at once."""
MANY_S = 0.1
"""The same for the first drawing of 5,000 nodes, which are laid out on a thread."""
ROUNDS = 3
"""What only the first time takes long (a style sheet is read) is not what anybody feels."""


@pytest.fixture(autouse=True)
def collected_as_in_a_terminal() -> Iterator[None]:
    """Garbage is looked for as rarely as the workbench has it where somebody looks at it."""
    usual = gc.get_threshold()
    gc.collect()
    gc.freeze()
    gc.set_threshold(*COLLECTIONS)
    yield
    gc.set_threshold(*usual)
    gc.unfreeze()


async def test_the_dog_sees_what_holds_the_loop() -> None:
    def hold() -> None:
        until = time.thread_time() + 2 * LIMIT_S
        while time.thread_time() < until:
            pass

    with watching() as dog:
        asyncio.get_running_loop().call_soon(hold)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    assert dog.longest.cpu_s >= 2 * LIMIT_S
    assert "hold" in dog.longest.what


def keys_of(scope: Scope) -> list[str]:
    """One key of every action of a screen."""
    keys = Keys()
    offered = [action for action in keys.in_scope(scope, Mode.LIVE) if action.id not in AWAY]
    return [keys.keys_in(action, Mode.LIVE)[0] for action in offered if keys.keys_in(action, Mode.LIVE)]


def shown(app: Workbench) -> set[str]:
    """Which notices are shown."""
    return {one.identity for one in app._notifications}


async def back_to(app: Workbench, scope: Scope) -> None:
    """Out of every dialog, and to the screen of `scope`."""
    from swarmtui.tui.screens.session import SessionScreen

    while not isinstance(app.screen, SessionScreen):
        app.pop_screen()
    if scope is Scope.NODE and app.screen.SCOPE is not Scope.NODE:
        app.open_node(next(iter(app.state.nodes)))
    elif scope is Scope.PLAN and app.screen.SCOPE is not Scope.PLAN:
        app.show_plan()
    elif scope is Scope.RUN and app.screen.SCOPE is not Scope.RUN:
        app.show_run("run")


@pytest.mark.chaos
@pytest.mark.timeout(600)
@pytest.mark.parametrize("scope", [Scope.RUN, Scope.PLAN, Scope.NODE])
@pytest.mark.parametrize("make", [mid_run, large, hostile, agents], ids=lambda make: make.__name__)
async def test_no_key_holds_the_loop_but_to_open_a_screen(make: Callable[[], ScriptedFeed], scope: Scope) -> None:
    limit = LIMIT_S * slowness()
    held: dict[str, str] = {}
    async with opened(make()) as pilot:
        app = pilot.app
        assert isinstance(app, Workbench)
        await warm(app)
        for key in keys_of(scope):
            for _ in range(ROUNDS):
                await back_to(app, scope)
                await settled(pilot)
                before, notices = app.screen, shown(app)
                with watching() as dog:
                    await pilot.press(key)
                    await pilot.pause()
                told = 2 if shown(app) != notices else 1  # a notice is laid out with the screen below it
                most = limit * told if app.screen is before else limit * OPENING_S / LIMIT_S
                if dog.longest.cpu_s <= most:
                    held.pop(key, None)
                    break
                held[key] = f"{dog.longest.cpu_s * 1e3:.0f} ms: {dog.longest.what[:160]}"
    assert not held


@pytest.mark.chaos
async def test_many_nodes_are_opened_without_holding_the_loop_for_longer_than_they_did() -> None:
    feed = large(5_000)
    limit = MANY_S * slowness()
    with watching() as dog:
        async with opened(feed) as pilot:
            await press(pilot, "4")
    assert dog.longest.cpu_s <= limit, dog.longest


@pytest.mark.chaos
async def test_a_burst_of_events_is_drawn_without_holding_the_loop() -> None:
    feed = large(2_000)
    idle = [name for name, node in feed.state.nodes.items() if not node.ended and not node.running]
    limit = LIMIT_S * slowness()
    worst = []
    async with opened(feed) as pilot:
        app = pilot.app
        assert isinstance(app, Workbench)
        for attempt in range(1, ROUNDS + 1):
            for node in idle[:500]:
                feed.play(ev.AttemptStarted(node, attempt, pool=WORKER, model=WORKER))
                feed.play(ev.AttemptThrottled(node, attempt, 5.0))
            with watching() as dog:
                app.draw_if_due()
                before = time.thread_time()
                app.draw_now()
                worst.append(max(dog.longest.cpu_s, time.thread_time() - before))
                await pilot.pause()
    assert min(worst) <= limit, worst


@pytest.mark.chaos
async def test_the_text_of_a_large_plan_and_what_differs_in_it_hold_nothing_up() -> None:
    before = tuple(prompt(f"step{at}") for at in range(3_000))
    after = tuple(replace(node, spec=PromptSpec(f"Say in other words what {node.id} is about")) for node in before)
    feed = begun(Plan("Many things", before))
    feed.play(ev.PlanProposed(2, Plan("Many things", after), "edited"), actor="ada@laptop")
    limit = LIMIT_S * slowness()
    worst = []
    for _ in range(ROUNDS):
        async with opened(feed, (120, 40)) as pilot:
            await press(pilot, "1")
            await press(pilot, "v")
            with watching() as dog:
                await press(pilot, "v")
                assert "step0:" in text(pilot)
                await press(pilot, "v")
                assert "{+" in text(pilot)
            worst.append(dog.longest)
        if dog.longest.cpu_s < limit:
            break
    assert min(step.cpu_s for step in worst) < limit, worst
