"""What waits for the user, put to them: the plan, questions, permissions, changes of the plan, what a crash caught."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from swarmtui.plan.render import nodes_to_yaml
from swarmtui.session.state import Pending
from swarmtui.session.vocabulary import State
from swarmtui.tui import commands, content
from swarmtui.tui.screens.asking import ChangeScreen, PermissionScreen
from swarmtui.tui.screens.dialogs import EditScreen, QuestionScreen
from swarmtui.tui.view import format as say
from swarmtui.tui.view.changes import change_lines
from swarmtui.tui.view.nodes import name_of

if TYPE_CHECKING:
    from swarmtui.tui.app import Workbench


class Asking:
    """One workbench's questions. Answering one leaves the user where they were."""

    def __init__(self, app: Workbench) -> None:
        self._app = app

    def attend(self) -> None:
        """Go to what waits for the user: the plan, then what is asked, the oldest first, then what a crash caught."""
        app = self._app
        if "plan" in app.state.pending:
            app.show_plan()
            return
        for pending in sorted(app.state.pending.values(), key=lambda one: one.since_ts):
            if self._put(pending):
                return
        caught = [node for node in app.state.nodes.values() if node.state is State.INTERRUPTED]
        if caught:
            app.show_node(caught[0].id)
            content.notice(
                app,
                f"{name_of(caught[0].id)} was cut short: r runs it again, m says it was done, s skips it",
                "warning",
            )

    def about(self, node: str) -> bool:
        """Put the oldest thing that a node asks to the user; False if it asks nothing."""
        asked = [one for one in self._app.state.pending.values() if one.node == node]
        return bool(asked) and self._put(min(asked, key=lambda one: one.since_ts))

    def _put(self, pending: Pending) -> bool:
        match pending.kind:
            case "question":
                self._question(pending)
            case "permission":
                self._permission(pending)
            case "change":
                self._change(pending)
            case _:
                return False
        return True

    def _question(self, pending: Pending) -> None:
        title = f"{self._who(pending)} asks"
        age = self._age(pending)
        self._app.push_screen(QuestionScreen(title, pending.question, pending.choices, age), self._answer(pending))

    def _permission(self, pending: Pending) -> None:
        title = f"{self._who(pending)} wants to call {name_of(pending.tool or 'a tool', 60)}"
        lasts = "the rest of the session" if pending.agent else "this attempt"  # a program is told within it alone
        screen = PermissionScreen(title, pending.question, pending.detail, self._age(pending), lasts, self._app.clock)
        self._app.push_screen(screen, self._answer(pending))

    def _answer(self, pending: Pending) -> Callable[[str | None], None]:
        def answered(text: str | None) -> None:
            if text is not None:
                self._app.sending.send(commands.answer(pending.id, text))

        return answered

    def _change(self, pending: Pending) -> None:
        app = self._app
        change = app.state.proposed.get(pending.id)
        if change is None or app.state.plan is None:
            return
        known = app.state.plan_nodes
        added = sum(node.id not in known for node in change.put)
        who = name_of(pending.node) if pending.node else "the planner"
        title = f"{who} proposes {added} more node{'' if added == 1 else 's'}" if added else f"{who} changes the plan"

        def decided(decision: str | None) -> None:
            if decision == "accept":
                app.sending.send(commands.accept_change(change.id, change.base_rev))
            elif decision == "edit":
                self._edit(change.id, nodes_to_yaml(change.put))
            elif decision == "change":
                app.ask_text(
                    "What should be different?",
                    "It is proposed anew, and you see it before anything of it runs. enter sends, esc leaves it.",
                    lambda text: app.sending.send(commands.reject_change(change.id, text)),
                )

        told = change_lines(app.state, change)
        app.push_screen(ChangeScreen(title, told, self._age(pending), app.clock), decided)

    def _edit(self, change: str, text: str) -> None:
        """The nodes of a change as YAML, in an editor of our own; the text stays until it is taken."""

        def submit(edited: str) -> None:
            self._app.run_worker(self._propose(change, edited, screen), group="edit", exclusive=True)

        screen = EditScreen(text, submit, self._app.editing.edit_on)
        self._app.push_screen(screen)

    async def _propose(self, change: str, text: str, screen: EditScreen) -> None:
        if self._app.feed is None:
            return
        request = commands.edit_change(change, text)
        refused = await self._app.sending.refusal_of(request)
        if refused is None:
            screen.dismiss(None)
            content.notice(self._app, request.done)
        else:
            screen.show_errors(refused)

    def _who(self, pending: Pending) -> str:
        node = name_of(pending.node or "")
        return f"{name_of(pending.agent)} ({node})" if pending.agent and pending.agent != pending.node else node

    def _age(self, pending: Pending) -> Callable[[], str]:
        return lambda: say.ago(self._app.clock() - pending.since_ts)
