"""The command palette: every action of the screen below it, and every node, by name."""

from __future__ import annotations

from functools import partial

from textual.command import DiscoveryHit, Hit, Hits, Provider

from swarmtui.tui import content
from swarmtui.tui.actions import in_scope, key_name, keys_in, mode_of
from swarmtui.tui.screens.session import SessionScreen
from swarmtui.tui.view.nodes import detail, name_of
from swarmtui.tui.widgets.looks import workbench

NODES = 2_000
"""Nodes that are searched; a filter (/) searches all."""


class ActionProvider(Provider):
    """Actions and nodes."""

    async def discover(self) -> Hits:
        """The actions that apply now."""
        screen = self.screen
        if not isinstance(screen, SessionScreen):
            return
        mode = mode_of(screen.context.status)
        for action in in_scope(screen.SCOPE, mode):
            if action.group != "Move" and action.refusal(screen.context) is None:
                keys = keys_in(action, mode)
                title = f"{action.label}  ({key_name(keys[0])})" if keys else action.label
                yield DiscoveryHit(content.line(title), partial(screen.perform, action), help=action.description)

    async def search(self, query: str) -> Hits:
        """Actions, applicable or not (they say why not), then nodes."""
        screen = self.screen
        if not isinstance(screen, SessionScreen):
            return
        matcher = self.matcher(query)
        for action in in_scope(screen.SCOPE, mode_of(screen.context.status)):
            title = f"{action.label}: {action.description}"
            score = matcher.match(title)
            if score > 0:
                yield Hit(score, matcher.highlight(title), partial(screen.perform, action), text=title)
        app = workbench(screen)
        for node in list(app.state.nodes.values())[:NODES]:
            name = name_of(node.id, 60)
            score = matcher.match(name)
            if score > 0:
                help_text = detail(app.state, node, app.moment, app.looks.glyphs) or node.state.value
                go = partial(app.show_node, node.id)
                yield Hit(score, content.line(f"node {name}"), go, text=name, help=help_text)
