"""Which screens of a session are shown: where keys and clicks lead, and what opens and closes by itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from textual.screen import Screen

from swarmtui.session.vocabulary import Status
from swarmtui.tui.actions.action import Scope
from swarmtui.tui.screens.run import RunScreen
from swarmtui.tui.screens.session import SessionScreen
from swarmtui.tui.view.watching import watchers
from swarmtui.tui.viewing import Viewing

if TYPE_CHECKING:
    from swarmtui.tui.editing import PlanEditing


class Routing(Viewing):
    """Part of the workbench."""

    editing: PlanEditing
    _plan_shown_for = -1
    """The revision that wants a decision and was shown for that; -1: none does."""

    def _run_screen(self) -> RunScreen:
        return next(screen for screen in self.screen_stack if isinstance(screen, RunScreen))

    # -- by itself --------------------------------------------------------------------------------------------

    def _route(self) -> None:
        """Open the plan when it wants a decision; leave it once it has been made."""
        state = self.state
        undecided = "plan" in state.pending or (state.status is Status.PLANNING and not state.approved_rev)
        if undecided and self._plan_shown_for < 0:
            self._plan_shown_for = state.plan_rev
            if not self._plan_is_open():
                self._push_plan()
        elif not undecided and self._plan_shown_for >= 0:
            self._plan_shown_for = -1
            if self._shows_plan(self.screen):
                self.pop_screen()

    def _plan_is_open(self) -> bool:
        return any(map(self._shows_plan, self.screen_stack))

    @staticmethod
    def _shows_plan(screen: Screen[object]) -> bool:
        return isinstance(screen, SessionScreen) and screen.SCOPE is Scope.PLAN

    def _push_plan(self) -> None:
        from swarmtui.tui.screens.plan import PlanScreen

        self.push_screen(PlanScreen())

    # -- by keys and clicks -----------------------------------------------------------------------------------

    def show_plan(self) -> None:
        """The plan screen."""
        while self._plan_is_open() and not self._shows_plan(self.screen):
            self.pop_screen()
        if not self._shows_plan(self.screen):
            self._push_plan()

    def show_run(self, view: str) -> None:
        """The run screen, with all panes or one."""
        while not isinstance(self.screen, RunScreen):
            self.pop_screen()
        self._run_screen().set_view(view)

    def show_node(self, node: str) -> None:
        """Select a node on the run screen."""
        self.show_run("run")
        self._run_screen().select(node)

    def open_node(self, node: str) -> None:
        """Everything about a node."""
        from swarmtui.tui.screens.node import NodeScreen  # few look here first

        if node in self.state.nodes:
            self.push_screen(NodeScreen(node))

    def back(self) -> None:
        """The screen before."""
        if len(self.screen_stack) > 1:
            self.pop_screen()

    def show_help(self, scope: Scope) -> None:
        """All keys."""
        from swarmtui.tui.screens.keys import HelpScreen

        self.push_screen(HelpScreen(scope, self.mode, watchers(self.status)))

    def confirm(self, question: str, consequence: str, verb: str, then: Callable[[], None]) -> None:
        """Do `then` if the user says yes."""
        from swarmtui.tui.screens.dialogs import ConfirmScreen

        def answered(yes: bool | None) -> None:
            if yes:
                then()

        self.push_screen(ConfirmScreen(question, consequence, verb), answered)

    def ask_text(
        self,
        title: str,
        hint: str,
        then: Callable[[str], None],
        written: str = "",
        why_not: Callable[[str], str | None] | None = None,
    ) -> None:
        """Do `then` with what the user writes, once `why_not` finds nothing to mend; `written` is there already."""
        from swarmtui.tui.screens.dialogs import LineScreen

        def answered(text: str | None) -> None:
            if text:
                then(text)

        self.push_screen(LineScreen(title, hint, written, why_not), answered)

    def edit_plan(self) -> None:
        """The plan as YAML, in $EDITOR or in an editor of our own."""
        self.editing.begin()
