"""The command palette: every action of the screen below it, and every node, by name."""

from __future__ import annotations

from functools import partial

from textual import on
from textual.command import CommandList, CommandPalette, DiscoveryHit, Hit, Hits, Provider
from textual.content import Content
from textual.widgets import Input

from swarmtui.tui import content
from swarmtui.tui.actions import in_scope, key_name, keys_in, mode_of
from swarmtui.tui.screens.session import SessionScreen
from swarmtui.tui.view.matching import closeness, places
from swarmtui.tui.view.nodes import detail, name_of
from swarmtui.tui.widgets.looks import workbench

NODES = 2_000
"""Nodes that are searched; a filter (/) searches all."""
_BEHIND = 0.01
"""A node comes after an action that fits as well."""


class Palette(CommandPalette):
    """Textual's, but for one thing: enter never acts on what was found for what was typed before."""

    @on(Input.Changed)
    def _typed(self) -> None:
        self.query_one(CommandList).clear_options()
        self._list_visible = False


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
        for action in in_scope(screen.SCOPE, mode_of(screen.context.status)):
            score = closeness(query, action.label, action.description)
            if score > 0:
                title = f"{action.label}: {action.description}"
                yield Hit(score, self._marked(query, title), partial(screen.perform, action), text=title)
        app = workbench(screen)
        for node in list(app.state.nodes.values())[:NODES]:
            name = name_of(node.id, 60)
            score = closeness(query, name)
            if score > 0:
                help_text = detail(app.state, node, app.moment, app.looks.glyphs) or node.state.value
                go = partial(app.show_node, node.id)
                yield Hit(score - _BEHIND, self._marked(query, f"node {name}"), go, text=name, help=help_text)

    def _marked(self, query: str, title: str) -> Content:
        """The title with what was typed marked in it."""
        shown = content.line(title)
        for start, end in places(query, shown.plain):
            shown = shown.stylize("bold underline", start, end)
        return shown
