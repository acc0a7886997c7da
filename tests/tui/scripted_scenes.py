"""Each screen in its main states: what it is opened over, and what leads there."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from textual.pilot import Pilot

from swarmtui.host.feed import Link
from swarmtui.session import events as ev
from swarmtui.session.vocabulary import Status
from swarmtui.tui.app import Workbench
from swarmtui.tui.beside import Beside
from swarmtui.tui.onward import Onward
from swarmtui.tui.screens.node import NodeScreen
from swarmtui.tui.screens.run import RunScreen
from swarmtui.tui.screens.session import SessionScreen
from swarmtui.tui.view.sessions import Row
from tests.tui.browsing import found, held
from tests.tui.opening import Source, press, settled
from tests.tui.scripted_agents import TRIP, agents, proposed
from tests.tui.scripted_feed import START, ScriptedFeed, approved, awaiting_approval, finished, large, mid_run, planning
from tests.tui.scripted_past import replayed
from tests.tui.scripted_pools import busy

Steps = Callable[[Pilot[Any]], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Scene:
    """A state of a screen over a session."""

    feed: Callable[[], Source]
    keys: tuple[str, ...] = ()
    """What is pressed, the node at hand selected."""
    node: str = ""
    """What is selected first."""
    tab: str = ""
    """The tab of that node that is opened before keys are pressed."""
    tour: bool = False


def crashed() -> ScriptedFeed:
    """A host that is gone without a word."""
    feed = mid_run()
    feed.set_link(Link.ARCHIVE)
    feed.status.seen = Status.CRASHED
    return feed


def lost() -> ScriptedFeed:
    """A link that broke, and is being set up again."""
    feed = mid_run()
    feed.set_link(Link.RECONNECTING, "the ssh connection to box ended")
    return feed


def cut_short() -> ScriptedFeed:
    """What a crash cut short, and may have had an effect, waits for the user."""
    return approved(TRIP).play(ev.AttemptStarted("hotels", 1), ev.AttemptInterrupted("hotels", 1)).wait_until(30)


def asking() -> ScriptedFeed:
    """Several calls of one tool wait for leave."""
    feed = agents()
    for room in range(3):
        detail = f'tools.py:book {{"room": {room}}}'
        told = {"kind": "permission", "call": f"d{room}", "detail": detail, "agent": "self", "tool": "tools.py:book"}
        feed.play(ev.QuestionAsked("hotels-north", "May self call tools.py:book?", **told), after=1)
    return feed


def past() -> Source:
    """A replay that stands shortly before the end of what there is."""
    source = mid_run()
    return replayed(source, at=len(source.events) - 3)


SCENES: dict[str, Scene] = {
    "plan": Scene(awaiting_approval),
    "plan-table": Scene(awaiting_approval, ("v",)),
    "plan-text": Scene(awaiting_approval, ("v", "v")),
    "plan-changes": Scene(awaiting_approval, ("v", "v", "v")),
    "plan-form": Scene(awaiting_approval, ("enter",), "quality"),
    "plan-connect": Scene(awaiting_approval, ("J",), "quality"),
    "planning": Scene(planning),
    "run": Scene(mid_run),
    "run-finished": Scene(finished),
    "run-crashed": Scene(crashed),
    "run-throttled": Scene(busy),
    "run-agents": Scene(agents),
    "run-5000": Scene(large),
    "run-lost": Scene(lost),
    "workers": Scene(mid_run, ("3",)),
    "table": Scene(mid_run, ("4",)),
    "table-items": Scene(mid_run, ("4", "enter"), "translate"),
    "table-columns": Scene(mid_run, ("4", "backslash")),
    "log": Scene(mid_run, ("5", "i")),
    "timeline": Scene(busy, ("6",)),
    "pools": Scene(busy, ("7",)),
    "concurrency": Scene(busy, ("equals_sign",)),
    "budget": Scene(busy, ("dollar_sign",)),
    "node-output": Scene(mid_run, (), "quality", "output"),
    "node-prompt": Scene(mid_run, (), "quality", "prompt"),
    "node-attempts": Scene(mid_run, (), "speed", "attempts"),
    "node-tools": Scene(agents, (), "hotels-north", "tools"),
    "node-cost": Scene(busy, (), "second", "cost"),
    "node-events": Scene(mid_run, (), "speed", "events"),
    "node-files": Scene(mid_run, (), "quality", "files"),
    "node-items": Scene(mid_run, (), "translate", "items"),
    "queue": Scene(agents, ("a",)),
    "permission": Scene(agents, ("a", "enter")),
    "question": Scene(mid_run, ("a",)),
    "proposal": Scene(proposed, ("a",)),
    "several": Scene(asking, ("a", "T")),
    "cut-short": Scene(cut_short, ("a",)),
    "edit": Scene(awaiting_approval, ("e",)),
    "mark": Scene(mid_run, ("M",)),
    "fork": Scene(mid_run, ("Y",)),
    "export": Scene(mid_run, ("E",)),
    "against": Scene(mid_run, ("C",)),
    "replay": Scene(past),
    "help": Scene(mid_run, ("question_mark",)),
    "palette": Scene(mid_run, ("colon", *"re")),
    "themes": Scene(mid_run, ("t",)),
    "jump": Scene(mid_run, ("apostrophe",)),
    "tour": Scene(mid_run, ("enter",), tour=True),
    "cancel": Scene(mid_run, ("X",)),
}


def beside() -> Beside:
    """What whoever opens a session hands in; nothing is written."""

    async def export() -> str:
        return "7f3ak2.html: 12,485 bytes"

    async def sessions() -> Sequence[Row]:
        return found()

    told = "It is written to ~/7f3ak2.html; what is there under that name is replaced."
    return Beside(export, told, held, sessions, lambda: START)


async def act(pilot: Pilot[int], scene: Scene) -> None:
    """Go there."""
    await settled(pilot)
    app = pilot.app
    assert isinstance(app, Workbench)
    app.onward = Onward(app, lambda words: None, beside())
    screen = app.screen
    if scene.tab:
        app.open_node(scene.node)
        await settled(pilot)
        assert isinstance(app.screen, NodeScreen)
        app.screen.choose(next(tab for tab, _ in app.screen.tabs if tab == scene.tab))
    elif scene.node and isinstance(screen, SessionScreen):
        app.selected = scene.node
        screen.redraw()
    if scene.tour and isinstance(screen, RunScreen):
        screen.do_tour()
    await settled(pilot)
    await press(pilot, *scene.keys)
