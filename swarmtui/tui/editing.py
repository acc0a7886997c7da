"""Editing the plan as YAML: in the user's editor or in ours, until the session takes it. No text is ever lost."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from textual.worker import Worker

from swarmtui.tui import commands, content, terminal

if TYPE_CHECKING:
    from swarmtui.tui.app import Workbench
    from swarmtui.tui.screens.dialogs import EditScreen
    from swarmtui.tui.view.node_fields import Values

PROPOSING = "propose"
"""Group of the workers that propose changes of the plan."""


class PlanEditing:
    """One workbench's way of editing plans."""

    def __init__(self, app: Workbench) -> None:
        self._app = app
        self.draft: str | None = None
        """An edited plan that was not taken, kept until it is."""
        self.draft_rev = 0
        """The revision that the draft was made from."""
        self._original = ""
        """The plan as it was when it was last opened."""
        self._forms: dict[str, tuple[Values, Values]] = {}
        """Node (empty: a new one) -> its form as it was opened, and what was written there and has not been taken."""

    def begin(self) -> None:
        """The plan as YAML, in $EDITOR or in an editor of our own."""
        self._app.keyboard.wait_for(self._in_turn(self._edit()))

    async def _edit(self) -> None:
        from swarmtui.plan.render import plan_to_yaml
        from swarmtui.tui.view.revisions import maker_of

        plan, rev = self._app.state.plan, self._app.state.plan_rev
        if plan is None:
            return
        self._original = original = await asyncio.to_thread(plan_to_yaml, plan)
        text = self.draft or original
        if self.draft is not None and self.draft_rev != rev:
            who = maker_of(self._app.state, rev)
            told = f"your text is of revision {self.draft_rev}: what {who} changed in revision {rev} is not in it"
            content.notice(self._app, told, "warning")
        self.draft_rev = rev
        edited = await self._in_editor(text)
        if edited is None:
            self._edit_here(rev, text)
        elif edited == original:
            self.draft = None
            content.notice(self._app, "nothing was changed")
        elif edited == text:  # kept from before, and only looked at: an editor that is left says no yes to it
            self._edit_here(rev, text)
            content.notice(self._app, "your text from before was not changed: propose it here, or leave it")
        elif not self.propose(lambda: self._propose(rev, edited)):
            self._edit_here(rev, edited)

    def keep(self, text: str) -> None:
        """What an editor of ours is left with is there the next time, unless it is the plan as it was."""
        self.draft = None if text == content.plain(self._original) else text

    # -- forms of single nodes ----------------------------------------------------------------------------------

    def form(self, node: str) -> tuple[Values, Values] | None:
        """The form of a node (empty: a new one) as it was opened, and what was written there and has not been taken."""
        return self._forms.get(node)

    def keep_form(self, node: str, opened: Values, written: Values) -> None:
        """Have what was written in a node's form, as it was opened, there the next time."""
        self._forms[node] = opened, written

    def keep_body(self, node: str, had: Values, body: str) -> None:
        """Have a text there the next time that came when the form, which `had` other fields too, was closed; what is
        kept of them stays."""
        opened, written = self._forms.get(node, (had, had))
        self._forms[node] = opened, {**written, "body": body}

    def forget_form(self, node: str) -> None:
        """What was written in a node's form was taken, or is what it was."""
        self._forms.pop(node, None)

    # -- the plan -----------------------------------------------------------------------------------------------

    async def _in_editor(self, text: str, suffix: str = ".yaml") -> str | None:
        """What the user made of `text` in their editor; None if none could run."""
        environ = terminal.child_environment(self._app.no_color)
        if self._app.is_headless or self._app.is_web:
            return None
        try:
            with self._app.batch_update(), self._app.suspend():
                return await asyncio.to_thread(terminal.edit_in_editor, content.plain(text), suffix, environ)
        except terminal.NoProgram as error:
            content.notice(self._app, str(error), "warning")
        return None

    def _edit_here(self, rev: int, text: str, errors: str = "") -> None:
        from swarmtui.tui.screens.dialogs import EditScreen

        screen = next(iter(self._open()), None)
        if screen is None:

            def submit(edited: str) -> None:
                self.propose(lambda: self._propose(rev, edited))

            screen = EditScreen(text, submit)
            self._app.push_screen(screen)
        if errors:
            self._app.call_after_refresh(screen.show_errors, errors)

    def _open(self) -> list[EditScreen]:
        """The editors of the plan that are open; that of a change is none of them."""
        from swarmtui.tui.screens.dialogs import EditScreen

        return [screen for screen in self._app.screen_stack if type(screen) is EditScreen]

    def _in_turn(self, work: Awaitable[None]) -> Worker[None]:
        return self._app.run_worker(work, group="edit", exclusive=True)

    def edit_text(self, text: str, then: Callable[[str], None], suffix: str = ".md") -> None:
        """Go on with a single text in the user's own editor; `then` gets what it became."""

        async def edit() -> None:
            edited = await self._in_editor(text, suffix)
            if edited is not None:
                then(edited if text.endswith("\n") else edited.removesuffix("\n"))

        self._in_turn(edit())

    def propose(self, ask: Callable[[], Awaitable[None]]) -> bool:
        """Ask for a change of the plan; one at a time, since the next one rests on what becomes of it. False if another
        is under way: the user is told, and whatever was written has to be kept."""
        if any(worker.group == PROPOSING and not worker.is_finished for worker in self._app.workers):
            content.notice(self._app, "a change of the plan is on its way: wait for the answer", "warning")
            return False
        self._app.run_worker(ask(), group=PROPOSING)
        return True

    async def _propose(self, rev: int, text: str) -> None:
        """Propose an edited plan; if it is not taken, the text stays where it can be mended."""
        self.draft = text
        if self._app.feed is None:
            return
        request = commands.edit(rev, text, runs=self._app.state.approved_rev == self._app.state.plan_rev)
        refused = await self._app.sending.refusal_of(request)
        if refused is not None:
            self._edit_here(rev, self.draft or text, refused)
        else:
            screens = self._open()
            written = (self.draft, *(screen.text for screen in screens))
            self.draft, self.draft_rev = next((one for one in written if one not in (text, None)), None), rev + 1
            for screen in screens:
                screen.dismiss(None)
            content.notice(self._app, request.done)
            if self.draft is not None:
                content.notice(self._app, "what you wrote after that is not in it: it is kept for your next edit")
