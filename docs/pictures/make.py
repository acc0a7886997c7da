"""Makes the pictures of README and guides, and the recording, from real sessions: ``python docs/pictures/make.py``.

They run on the built-in simulated model, and the frame of every picture says so. ``--only NAME`` makes one of them,
such as ``--only run``; ``--only tour`` is the recording.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import tour_cast
from stage import HERE, launched, run, scrubber, sessions, staged, under_way
from textual.app import App
from textual.pilot import Pilot

from swarmtui.tui.picture import svg_of

LABEL = "swarmtui on the built-in simulated model: its texts are made up"
SIZE = (120, 40)
PATIENCE_S = 60.0
LARGEST = 300_000
"""Bytes of one picture."""
SESSION = (
    "plan",
    "plan-table",
    "run",
    "run-light",
    "run-contrast",
    "workers",
    "timeline",
    "pools",
    "node",
    "questions",
    "permission",
)
AFTERWARDS = ("replay", "compare", "home", "home-light")
NAMES = (*SESSION, *AFTERWARDS, "tour")


class Camera:
    """Takes those pictures that are wanted."""

    def __init__(self, wanted: set[str], scrub: Callable[[str], str]) -> None:
        self._wanted, self._scrub = wanted, scrub

    async def take(self, pilot: Pilot[Any], name: str, *shows: str) -> None:
        """Once the screen shows all of `shows`. Raises TimeoutError if it never does."""
        await until(pilot, *shows)
        if name not in self._wanted:
            return
        svg = self._scrub(svg_of(pilot.app, LABEL))
        if len(svg.encode()) > LARGEST:
            raise ValueError(f"{name}.svg has {len(svg.encode()):,} bytes")
        (HERE / f"{name}.svg").write_text(svg + "\n", encoding="utf-8")
        print(f"{name}.svg", flush=True)  # noqa: T201


async def until(pilot: Pilot[Any], *shows: str) -> None:
    """Wait until the screen shows all of `shows`."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        await pilot.pause(0.25)
        screen = "\n".join(strip.text for strip in pilot.app.screen._compositor.render_strips())
        missing = [text for text in shows if text not in screen]
        if not missing:
            return
        if time.monotonic() > deadline:
            raise TimeoutError(f"the screen never showed {missing}:\n{screen}")


@asynccontextmanager
async def opened(app: App[Any]) -> AsyncIterator[Pilot[Any]]:
    """`app` on a screen that nobody sees."""
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        yield pilot


def workbench(session: str) -> App[Any]:
    """The workbench on a session, as ``swarmtui attach`` opens it."""
    from swarmtui.cli.following import open_feed
    from swarmtui.host.locate import locate
    from swarmtui.tui.app import Workbench

    return Workbench(lambda: open_feed(locate(session), name="you", stream=True, attended=True), theme="swarm-dark")


async def take_session(camera: Camera, session: str) -> None:
    """From the plan to a run in which things have failed, were refused, and wait for an answer."""
    async with opened(workbench(session)) as pilot:
        await until(pilot, "awaits approval", "at once")
        await pilot.press("down", "down")
        await camera.take(pilot, "plan", "check before you approve", "longest path")
        await pilot.press("v")
        await camera.take(pilot, "plan-table", "OUTSIDE", "needs")
        await pilot.press("v", "v", "v")
        await pilot.pause(1.0)
        await pilot.press("A")
        await until(pilot, "runs outside the sandbox")
        await pilot.pause(1.0)
        await pilot.press("y")
        await until(pilot, "failed", "429", "2 need you")
        pilot.app.selected = "features"  # type: ignore[attr-defined]
        await pilot.pause(8.0)
        await camera.take(pilot, "run", "429", "running")
        for name, theme in (("run-light", "swarm-light"), ("run-contrast", "high-contrast-dark")):
            pilot.app.theme = theme
            await camera.take(pilot, name, "running")
        pilot.app.theme = "swarm-dark"
        await pilot.press("6")
        await camera.take(pilot, "timeline", "a cell is")
        await pilot.press("7")
        await camera.take(pilot, "pools", "refused", "binds")
        await pilot.press("3")
        await camera.take(pilot, "workers", "tok/s")
        await pilot.press("2", "a")
        await camera.take(pilot, "questions", "2 need you", "permission", "Which region")
        await pilot.press("j")
        await camera.take(pilot, "permission", "May scout call")
        await pilot.press("escape")
        await pilot.press("slash", *"prices", "enter")
        await until(pilot, "1 of 11")
        await pilot.press("enter")
        await until(pilot, "Attempts")
        await pilot.press("tab", "tab")
        await until(pilot, "how it ended")
        await pilot.press("j")
        await camera.take(pilot, "node", "prices", "outage")


async def take_past(camera: Camera, session: str) -> None:
    """A replay that stands at the first failure."""
    from swarmtui.cli.replay import _feed, arguments
    from swarmtui.host.locate import locate
    from swarmtui.tui.app import Workbench

    parser = argparse.ArgumentParser()
    arguments(parser)
    told = parser.parse_args([session, "--at", "failure"])
    async with opened(Workbench(lambda: _feed(locate(session), told), theme="swarm-dark")) as pilot:
        await camera.take(pilot, "replay", "replay", "1 failed")


async def take_home(camera: Camera, session: str, fork: str) -> None:
    """The sessions, and two of them held against each other."""
    for name, theme in (("home", "swarm-dark"), ("home-light", "swarm-light")):
        async with opened(home(theme)) as pilot:
            await until(pilot, "Vector databases", "Wide search")
            await pilot.pause(1.5)
            await camera.take(pilot, name, "awaits approval", "need you", "└─")
    app = home("swarm-dark")
    async with opened(app) as pilot:
        await until(pilot, "Vector databases")
        app.held_against(session, fork)  # type: ignore[attr-defined]
        await until(pilot, "licences", session)
        await pilot.press("j", "j", "j", "j", "j")
        await camera.take(pilot, "compare", "all of them are open")


def home(theme: str) -> App[Any]:
    """The home screen, as ``swarmtui`` opens it."""
    from swarmtui.cli import browsing
    from swarmtui.cli.talking import prompting
    from swarmtui.cli.tree import as_tree
    from swarmtui.host.listing import Listing
    from swarmtui.tui.browser import Browser

    listing = Listing()

    async def rows() -> list[dict[str, Any]]:
        return await asyncio.to_thread(listing.read, 1.5)

    return Browser(rows, as_tree=as_tree, compare=browsing._compared, prompting=prompting(), theme=theme)


def answered(session: str) -> None:
    """Answer what the session asks, and wait for its end."""
    run("ctl", session, "answer", "region", "eu")
    for one in json.loads(run("show", session, "--json"))["waits"]:
        if one["kind"] == "permission":
            run("ctl", session, "answer", one["id"], "allow once")
    run("wait", session, "--timeout", "90")


def take_pictures(camera: Camera, wanted: set[str]) -> list[str]:
    """Take those of a session, and where they are wanted those of what is there afterwards; IDs of what crashed."""
    session = launched("run", "tour.yaml", "--review")
    asyncio.run(take_session(camera, session))
    if wanted & {*AFTERWARDS}:
        answered(session)
        asyncio.run(take_past(camera, session))
        fork = launched("fork", session, "--at", "failure", "--set", 'licences.run=["echo", "all of them are open"]')
        run("run", "wide_search", "--headless")
        launched("run", "Compare two message queues for our workload")
        answered(fork)
        under_way(launched("run", "tour.yaml"), done=3)
        asyncio.run(take_home(camera, session, fork))
    return [one["id"] for one in sessions() if one["status"] == "crashed"]


def main() -> int:
    """Make what is wanted."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--only", action="append", choices=NAMES, metavar="NAME", help=", ".join(NAMES))
    wanted = set(parser.parse_args().only or NAMES)
    left: list[str] = []
    if wanted != {"tour"}:
        with staged() as folder:
            left += take_pictures(Camera(wanted, scrubber(folder)), wanted)
    if "tour" in wanted:
        with staged() as folder:
            asyncio.run(tour_cast.record(folder, scrubber(folder)))
    if left:
        print(f"crashed: {left}", file=sys.stderr)  # noqa: T201
    return 1 if left else 0


if __name__ == "__main__":
    sys.exit(main())
