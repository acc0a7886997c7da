"""A screen below whose content a goal can be typed, where its app was given what the prompt works with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

from textual import on
from textual.containers import Vertical
from textual.css.query import NoMatches

from swarmtui.tui.screens.acting import ActionScreen
from swarmtui.tui.screens.prompting import PromptPlace
from swarmtui.tui.widgets.bars import ActionBar
from swarmtui.tui.widgets.looks import dressed
from swarmtui.tui.widgets.prompt import WHILE_TYPING

if TYPE_CHECKING:
    from swarmtui.tui.actions.action import Action
    from swarmtui.tui.browser import Browser
    from swarmtui.tui.view.sessions import Row

_ACTIONS = ("new_goal", *WHILE_TYPING)


class PromptedScreen(ActionScreen):
    """Mounts the prompt into ``#prompt-place`` and carries its actions out."""

    def on_mount(self) -> None:
        """The prompt, if there is one."""
        prompting = cast("Browser", self.app).prompting
        if prompting is not None:
            self.query_one("#prompt-place", Vertical).mount(PromptPlace(prompting, self.sessions_told, id="prompting"))

    @property
    def prompt(self) -> PromptPlace | None:
        """The prompt; None where there is none."""
        try:
            return self.query_one(PromptPlace)
        except NoMatches:
            return None

    def draw_footer(self) -> None:
        """While somebody types, only what needs no letter."""
        if self.prompt is None or not self.prompt.typing:
            super().draw_footer()
            return
        keys = dressed(self).keys
        shown = (*WHILE_TYPING, "back")
        offered = [action for action in keys.in_scope(self.SCOPE) if action.footer and action.id in shown]
        self.query_one(ActionBar).show([one for one in offered if self.refusal(one) is None])

    def sessions_told(self) -> Sequence[Row]:
        """The sessions that the coordinator is told of; subclasses have some."""
        return ()

    def focus_content(self) -> None:
        """To what is above the prompt; subclasses have something."""
        self.focus_previous()

    def refusal(self, action: Action) -> str | None:
        """What has to do with the prompt applies where there is one, and with a proposal, once there is one."""
        if action.id not in _ACTIONS:
            return super().refusal(action)
        prompt = self.prompt
        if prompt is None:
            return "nothing is started from here"
        if action.id == "take" and not prompt.proposed:
            return "the coordinator proposes nothing now"
        if action.id == "plan_now" and not prompt.text.strip() and not prompt.proposed:
            return "write a goal or the name of a task file first"
        return None

    def do_new_goal(self) -> None:
        """n."""
        if self.prompt is not None:
            self.prompt.type_here()

    def do_plan_now(self) -> None:
        """F9."""
        if self.prompt is not None:
            self.prompt.plan_at_once()

    def do_take(self) -> None:
        """F10."""
        if self.prompt is not None:
            self.prompt.take_proposal()

    def do_talk(self) -> None:
        """F11: whoever opens the conversation has something to say."""
        if self.prompt is not None:
            self.prompt.show_talk(not self.prompt.talking)
            if self.prompt.talking:
                self.prompt.type_here()

    def do_clear_talk(self) -> None:
        """Forget what was said."""
        if self.prompt is not None:
            self.prompt.clear_talk()

    @on(PromptPlace.Start)
    def _start(self, message: PromptPlace.Start) -> None:
        from swarmtui.tui.browser import Choice

        self.app.exit(Choice("run", "", argv=message.argv, typed=message.typed))

    @on(PromptPlace.Told)
    def _prompt_told(self) -> None:
        self.draw_footer()

    @on(PromptPlace.Left)
    def _left(self) -> None:
        self.focus_content()
