"""Editing the plan as YAML: in the user's editor or in ours, until the session takes it. No text is ever lost."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import TYPE_CHECKING

from swarmtui.host.feed import CommandRefused
from swarmtui.plan.render import plan_to_yaml
from swarmtui.tui import commands, content, terminal
from swarmtui.tui.screens.dialogs import EditScreen

if TYPE_CHECKING:
    from swarmtui.tui.app import Workbench


class PlanEditing:
    """One workbench's way of editing plans."""

    def __init__(self, app: Workbench) -> None:
        self._app = app
        self.draft: str | None = None
        """An edited plan that was not taken, kept until it is."""

    def begin(self) -> None:
        """The plan as YAML, in $EDITOR or in an editor of our own."""
        self._run(self._edit())

    async def _edit(self) -> None:
        plan, rev = self._app.state.plan, self._app.state.plan_rev
        if plan is None:
            return
        original = plan_to_yaml(plan)
        text = self.draft or original
        edited = await self._in_editor(text)
        if edited is None:
            self._edit_here(rev, text)
        elif edited == original:
            self.draft = None
            content.notice(self._app, "nothing was changed")
        else:
            await self._propose(rev, edited)

    async def _in_editor(self, text: str) -> str | None:
        """What the user made of `text` in their editor; None if none could run."""
        environ = terminal.child_environment(self._app.no_color)
        if self._app.is_headless or self._app.is_web:
            return None
        try:
            with self._app.batch_update(), self._app.suspend():
                return await asyncio.to_thread(terminal.edit_in_editor, content.plain(text), ".yaml", environ)
        except terminal.NoProgram as error:
            content.notice(self._app, str(error), "warning")
        return None

    def _edit_here(self, rev: int, text: str, errors: str = "") -> None:
        screen = next((screen for screen in self._app.screen_stack if isinstance(screen, EditScreen)), None)
        if screen is None:
            screen = EditScreen(
                text,
                lambda edited: self._run(self._propose(rev, edited)),
                self.edit_on,
            )
            self._app.push_screen(screen)
        if errors:
            self._app.call_after_refresh(screen.show_errors, errors)

    def _run(self, work: Awaitable[None]) -> None:
        self._app.run_worker(work, group="edit", exclusive=True)

    def edit_on(self, text: str) -> None:
        """Go on with `text` in the user's own editor."""
        self._run(self._edit_on(text))

    async def _edit_on(self, text: str) -> None:
        edited = await self._in_editor(text)
        for screen in self._app.screen_stack:
            if isinstance(screen, EditScreen) and edited is not None:
                screen.replace(edited)

    async def _propose(self, rev: int, text: str) -> None:
        """Propose an edited plan; if it is not taken, the text stays where it can be mended."""
        self.draft = text
        if self._app.feed is None:
            return
        request = commands.edit(rev, text, runs=self._app.state.approved_rev == self._app.state.plan_rev)
        try:
            await self._app.feed.command(request.method, request.params)
        except CommandRefused as error:
            self._edit_here(rev, text, str(error))
        except ConnectionError:
            self._edit_here(rev, text, "the link broke: propose it again once it is back; the text is kept")
        else:
            self.draft = None
            for screen in list(self._app.screen_stack):
                if isinstance(screen, EditScreen):
                    screen.dismiss(None)
            content.notice(self._app, request.done)
