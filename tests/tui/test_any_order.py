"""Whatever is pressed, clicked, pasted and happens, in whatever order: the screen stays whole, escape leads out."""

from __future__ import annotations

from pathlib import Path
from random import Random
from typing import Any

import pytest
from textual import events
from textual.pilot import Pilot

from swarmtui.host.feed import Link
from swarmtui.session import events as ev
from swarmtui.session import vocabulary as vocab
from swarmtui.tui.actions.action import Mode
from swarmtui.tui.actions.table import Keys
from swarmtui.tui.app import Workbench
from swarmtui.tui.screens.session import SessionScreen
from tests.tui.acting_feed import acting
from tests.tui.opening import opened, settled
from tests.tui.scripted_feed import HOSTILE, WORKER, ScriptedFeed, output
from tests.tui.scripted_scenes import SCENES, act

STEPS = 60
LEAVE = {"detach", "quit", "leave", "editor", "pager", "edit", "screenshot", "suspend"}
"""What leaves, or hands the terminal over."""
MOVES = (
    "up",
    "down",
    "left",
    "right",
    "pageup",
    "pagedown",
    "home",
    "end",
    "tab",
    "shift+tab",
    "enter",
    "escape",
    "space",
)
SIZES = ((120, 40), (80, 24), (200, 60), (60, 15), (44, 12), (20, 5), (300, 90))


def all_keys() -> list[str]:
    """One key of each action that does not lead away."""
    keys = Keys()
    found = {
        keys.keys_in(one, mode)[0]
        for one in keys.all
        if one.id not in LEAVE
        for mode in Mode
        if keys.keys_in(one, mode)
    }
    away = {key for one in keys.all if one.id in LEAVE for mode in Mode for key in keys.keys_in(one, mode)}
    return sorted(found - away)


KEYS = all_keys()


def happen(feed: ScriptedFeed, random: Random) -> None:
    """Something that a host might tell next."""
    state = feed.state
    nodes = list(state.nodes.values())
    node = random.choice(nodes) if nodes else None
    what = random.randrange(9)
    if what == 0:
        feed.set_link(random.choice(list(Link)), random.choice(HOSTILE))
    elif what == 1:
        feed.play(ev.Noted(random.choice(("info", "warning", "error")), random.choice(HOSTILE)))
    elif what == 2:
        feed.reset()
    elif what == 3 and state.pending:
        key, one = random.choice(list(state.pending.items()))
        if one.kind in ("question", "permission"):
            of, _, call = key.partition(":")
            feed.play(ev.QuestionAnswered(of, "yes", call=call), actor="ada@laptop")
    elif node is not None and node.items is None:
        if node.running:
            done = random.randrange(4)
            if done == 0:
                feed.play(ev.AttemptSucceeded(node.id, node.attempts, output(random.choice(HOSTILE))), after=1)
            elif done == 1:
                error = vocab.ErrorInfo(random.choice(list(vocab.ErrorKind)), random.choice(HOSTILE))
                feed.play(ev.AttemptFailed(node.id, node.attempts, error), after=1)
            elif done == 2:
                feed.play(ev.AttemptThrottled(node.id, node.attempts, 5.0))
            else:
                feed.say(node.id, random.choice(HOSTILE) * 9 + "\n", attempt=node.attempts)
        elif not node.ended:
            feed.play(ev.AttemptStarted(node.id, node.attempts + 1, pool=WORKER, model=WORKER), after=random.random())
        elif random.random() < 0.2:
            feed.play(ev.QuestionAsked(node.id, random.choice(HOSTILE), HOSTILE))


async def step(pilot: Pilot[Any], feed: Any, random: Random) -> str:
    """One thing, and what it was."""
    what = random.randrange(20)
    size = pilot.app.size
    where = (random.randrange(max(1, size.width)), random.randrange(max(1, size.height)))
    if what < 9:
        key = random.choice(KEYS)
    elif what < 13:
        key = random.choice(MOVES)
    elif what == 13:
        key = random.choice("abcxyz019/ é漢")
    else:
        key = ""
    if key:
        await pilot.press(key)
        return f"press {key}"
    if what in (14, 15):
        times = random.choice((1, 1, 2))
        await pilot.click(offset=where, times=times, button=random.choice((1, 1, 1, 3)))
        return f"click {where} x{times}"
    if what == 16:
        columns, rows = random.choice(SIZES)
        await pilot.resize_terminal(columns, rows)
        return f"resize {columns}x{rows}"
    if what == 17:
        target = pilot.app.screen
        text = random.choice((*HOSTILE, "x" * 5_000, "a\nb\n" * 300))
        target.post_message(events.Paste(text))
        await pilot.pause()
        return f"paste {text[:30]!r}"
    if isinstance(feed, ScriptedFeed):
        if what == 18:
            feed.now += random.choice((0.1, 1, 30, 4_000))
            return "time"
        for _ in range(random.randrange(1, 6)):
            happen(feed, random)
        return "events"
    return "nothing"


def whole(pilot: Pilot[Any]) -> None:
    """What is drawn fills the terminal, and nothing of it commands one."""
    size = pilot.app.size
    drawn = pilot.app.screen._compositor.render_strips()
    assert len(drawn) == size.height
    for strip in drawn:
        assert strip.cell_length == size.width, (strip.text, size)
        assert all(char.isprintable() or char in "\u200d\u200b" for char in strip.text), repr(strip.text)


@pytest.mark.chaos
@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", SCENES)
async def test_whatever_is_done_the_screen_stays_whole_and_escape_leads_out(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    scene, random = SCENES[name], Random(name)
    done: list[str] = []
    feed = source = scene.feed()
    if isinstance(source, ScriptedFeed):
        acting(source)
    async with opened(source) as pilot:
        app = pilot.app
        assert isinstance(app, Workbench)
        await act(pilot, scene)
        try:
            for _ in range(STEPS):
                done.append(await step(pilot, feed, random))
                if not app.is_running or app._exit:
                    return
                if len(done) % 10 == 0:
                    await settled(pilot)
                    whole(pilot)
            await settled(pilot)
            for _ in range(14):
                if isinstance(app.screen, SessionScreen):
                    break
                await pilot.press("escape")
                await settled(pilot)
            assert isinstance(app.screen, SessionScreen), app.screen
        except BaseException as error:
            error.add_note("\n".join(done[-25:]))
            raise
