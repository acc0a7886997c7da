"""A scripted feed that does what it is asked, as a host would: by the commands of the engine."""

from __future__ import annotations

from swarmtui.engine.commands import Refused, plan_events
from swarmtui.host.feed import CommandRefused
from swarmtui.plan.model import JSON, Plan
from swarmtui.plan.taskfile import parse_task
from swarmtui.session.events import Body
from tests.tui.scripted_feed import ScriptedFeed


def parsed(text: str, plan: Plan) -> Plan:
    """An edited plan, by the language of task files."""
    found = parse_task(text).plan
    if found is None:
        raise Refused("there are no nodes")
    return found


def acting(feed: ScriptedFeed, actor: str = "me@here") -> ScriptedFeed:
    """`feed`, which from now on carries out commands that change the plan."""

    async def command(method: str, params: dict[str, JSON]) -> int:
        feed.commands.append((method, params))
        if feed.refusal is not None:
            raise CommandRefused(feed.refusal)
        try:
            bodies: list[Body] = plan_events(feed.state, method, params, parsed)
        except Refused as error:
            raise CommandRefused(str(error), error.code) from error
        for body in bodies:
            feed.play(body, after=1, actor=actor)
        return feed.state.seq

    feed.state.inputs = {"path": "."}
    feed.command = command  # type: ignore[method-assign]
    return feed
