"""What waits for the user, put to them: the plan, questions, permissions, changes of the plan, what a crash caught."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from swarmtui.safety.text import one_line
from swarmtui.session.events import QuestionAnswered, QuestionAsked
from swarmtui.session.vocabulary import State
from swarmtui.tui import commands, content
from swarmtui.tui.actions.action import Mode
from swarmtui.tui.drafts import Asked, Drafts
from swarmtui.tui.sending import ASKING
from swarmtui.tui.view import format as say
from swarmtui.tui.view.nodes import name_of
from swarmtui.tui.view.queue import Waiting, after, asked_lines, calls_lines, several_cut, waiting

if TYPE_CHECKING:
    from swarmtui.host.feed import Changes
    from swarmtui.session.state import Pending
    from swarmtui.tui.app import Workbench
    from swarmtui.tui.screens.asking import ChangeEditScreen
    from swarmtui.tui.screens.queue import QueueScreen
    from swarmtui.tui.view.lines import Line


KEPT = 100
"""Answers of others that are remembered."""
TOLD_CHARS = 60
"""What the lower border of a dialog has room for."""
ANSWER, EDIT, WISH = "answer", "edit", "wish"
"""What is written: an answer, the nodes of a change as YAML, what should be different."""
NO_LONGER = "answered elsewhere, or not asked any more"


class Asking:
    """One workbench's questions. Answering one leaves the user where they were."""

    def __init__(self, app: Workbench) -> None:
        self._app = app
        self._sent: set[Asked] = set()
        """What was answered, until the session has said that it is."""
        self._drafts = Drafts()
        self._answered: dict[str, str] = {}
        """Question -> who answered it and what, of the latest ones: those of open dialogs are among them."""

    def waiting(self) -> list[Waiting]:
        """What waits and was not answered yet, the oldest first."""
        found = waiting(self._app.state)
        if self._app.mode is not Mode.REPLAY:  # in the past what is on its way may not have been asked yet
            self._sent &= {one.asked for one in found}
        return [one for one in found if one.asked not in self._sent]

    def absorb(self, changes: Changes) -> None:
        """Take in who answered what, and let go of what was written of what waits no longer; answers are told again."""
        from swarmtui.session.fold_steering import pending_key  # not before the first frame

        if changes.reset:  # what was asked anew meanwhile is not known
            self._answered.clear()
        for event in changes.events:
            if isinstance(event.body, QuestionAnswered):
                who = name_of(event.actor or "somebody")
                key = pending_key(event.body)
                self._answered[key] = one_line(f"{who} answered: {event.body.answer}", TOLD_CHARS)
                self._drafts.answered(key, event.body.answer)
            elif isinstance(event.body, QuestionAsked):
                self._answered.pop(pending_key(event.body), None)
        for key in list(self._answered)[:-KEPT]:
            del self._answered[key]
        self._settle()

    def _settle(self) -> None:
        """What was written of what waits no longer is not lost: a line is told, what is longer goes into a file."""
        if self._app.mode is Mode.REPLAY:  # what waits is known once the session is followed again
            return
        for key, text in self._drafts.left({(one.id, one.since_ts) for one in self._app.state.pending.values()}):
            told = f"{name_of(key)} waits no longer"
            if "\n" in text:
                self._app.text_out.put_aside(text, told, f"{key}.yaml")
            else:
                content.notice(self._app, f"{told}; you had written: {text}", "warning")

    def attend(self) -> None:
        """Put what waits to the user: the one thing at once, of more than one the list."""
        from swarmtui.tui.screens.queue import QueueScreen

        found = self.waiting()
        if len(found) == 1:
            self.put(found[0])
        elif found:
            self._app.push_screen(QueueScreen(self.put, self._several, self.waiting))

    def about(self, node: str) -> bool:
        """Put the oldest thing that a node asks to the user; False if it asks nothing."""
        asked = [one for one in self.waiting() if one.node == node and one.pending is not None]
        if asked:
            self.put(asked[0])
        return bool(asked)

    def put(self, one: Waiting) -> None:
        """Put one thing to the user."""
        match one.kind:
            case "question" if one.pending is not None:
                self._question(one, one.pending)
            case "permission" if one.pending is not None:
                self._permission(one, one.pending)
            case "change" if one.pending is not None:
                self._change(one)
            case "plan":
                self._plan()
            case _:
                self._caught(one)

    def _plan(self) -> None:
        from swarmtui.tui.screens.plan import PlanScreen

        queue = self._queue
        if queue is not None:
            queue.dismiss(None)
        elif isinstance(self._app.screen, PlanScreen):
            content.notice(self._app, "it is this plan that waits for you")
        self._app.call_after_refresh(self._app.show_plan)

    def _question(self, one: Waiting, pending: Pending) -> None:
        from swarmtui.tui.screens.dialogs import QuestionScreen

        follows = self._queue is not None  # enter has just been pressed
        screen = QuestionScreen(
            f"{one.who} asks", pending.question, pending.choices, self._age(one),
            follows=follows, written=self._drafts.text(one.asked, ANSWER), waits=lambda: bool(self._still([one])),
        )  # fmt: skip
        self._app.push_screen(screen, self._answer([one]))

    def _permission(self, one: Waiting, pending: Pending) -> None:
        from swarmtui.tui.screens.asking import PermissionScreen

        title = f"{one.who} wants to call {name_of(pending.tool or 'a tool', 60)}"
        lasts = "the rest of the session" if pending.agent else "this attempt"  # a program is told within it alone
        screen = PermissionScreen(title, pending.question, pending.detail, self._age(one), lasts)
        self._app.push_screen(screen, self._answer([one]))

    def _several(self, found: list[Waiting]) -> None:
        """Permissions for the same tool, answered together: exactly those that are shown."""
        from swarmtui.tui.screens.asking import SeveralScreen

        def told(width: int) -> list[Line]:
            return calls_lines(found, width, {one.key for one in self._still(found)})

        title = f"{len(found)} calls of {name_of(found[0].tool, 60)}"
        screen = SeveralScreen(title, told, self._ages(found), lambda: len(self._still(found)))
        self._app.push_screen(screen, self._answer(found))

    def _caught(self, one: Waiting) -> None:
        from swarmtui.tui.screens.asking import CaughtScreen

        node = self._app.state.nodes.get(one.node)
        if node is None:
            return

        def decided(decision: str | None) -> None:
            if decision == "retry":
                self._send([(one, request) for request in commands.retry_caught(node)])
            elif decision == "done":
                self._send([(one, commands.mark_done(node))])
            elif decision == "skip":
                self._send([(one, request) for request in commands.skip_caught(node)])

        state = self._app.state
        items = node.items is not None and node.items.count(State.INTERRUPTED)
        title = f"{say.count(items)} of the items of {one.who} were cut short" if several_cut(node) else ""
        title = title or f"{'an item of ' if items else ''}{one.who} was cut short"
        told = partial(asked_lines, state, one)
        screen = CaughtScreen(title, told, self._age(one), several=several_cut(node))
        self._app.push_screen(screen, decided)

    def _answer(self, found: list[Waiting]) -> Callable[[str | None], None]:
        def answered(text: str | None) -> None:
            left = self._still(found)
            if text is not None and left:
                self._send([(one, commands.answer(one.key, text)) for one in left])
            elif text is not None:  # what is asked by now may be something else
                content.notice(self._app, f"not sent: {self._ages(found)()}", "warning")

        return answered

    # -- what comes of an answer ------------------------------------------------------------------------------

    def _send(self, answers: list[tuple[Waiting, commands.Request]]) -> None:
        """Tell the session, and go on to what waits next, where the user goes through the list."""
        self._sent.update(one.asked for one, _ in answers)
        self._app.run_worker(self._tell(answers), group=ASKING)
        queue = self._queue
        following = after(self.waiting(), answers[-1][0])
        if queue is None or following is None:
            if queue is not None:
                queue.look()
            return
        queue.select(following.key)
        if following.kind != "plan":  # that is decided on a screen of its own
            self.put(following)

    async def _tell(self, answers: list[tuple[Waiting, commands.Request]]) -> None:
        done = 0
        for one, request in answers:
            what, text = _written(one, request)
            if text:
                self._drafts.send(one.asked, what, text)
            refused = await self._app.sending.refusal_of(request)
            if refused is None:
                done += 1
                self._drafts.taken(one.asked, what)
                continue
            self._sent.discard(one.asked)
            self._drafts.came_back(one.asked, what)
            content.notice(self._app, refused, "error")
        self._settle()
        if done:
            words = {request.done for _, request in answers}
            told = answers[0][1].done if len(words) == 1 else "answers given"
            content.notice(self._app, told if len(answers) == 1 else f"{done} {told}")

    @property
    def _queue(self) -> QueueScreen | None:
        """The list, where it is open."""
        from swarmtui.tui.screens.queue import QueueScreen

        return next((screen for screen in self._app.screen_stack if isinstance(screen, QueueScreen)), None)

    def _change(self, one: Waiting) -> None:
        from swarmtui.plan.render import nodes_to_yaml
        from swarmtui.tui.screens.asking import ChangeScreen
        from swarmtui.tui.view.changes import change_lines

        app = self._app
        change = app.state.proposed.get(one.key)
        if change is None or app.state.plan is None:
            return
        known = app.state.plan_nodes
        added = sum(node.id not in known for node in change.put)
        who = one.who
        title = f"{who} proposes {added} more node{'' if added == 1 else 's'}" if added else f"{who} changes the plan"

        def decided(decision: str | None) -> None:
            if decision == "accept":
                self._send([(one, commands.accept_change(change.id, change.base_rev))])
            elif decision == "edit":
                self._edit(one, nodes_to_yaml(change.put))
            elif decision == "change":
                self._wish(
                    one,
                    "What should be different?",
                    "It is proposed anew, and you see it before anything of it runs. enter sends.",
                    partial(commands.reject_change, change.id),
                )

        told = change_lines(app.state, change)
        app.push_screen(ChangeScreen(title, told, self._age(one)), decided)

    def send_back(self, rev: int) -> None:
        """Have the planner write its plan anew, by what the user wishes."""
        title = "What should the planner change?"
        hint = "It makes a new revision, which you see before anything runs. enter sends."
        one = next((one for one in self.waiting() if one.kind == "plan"), None)
        if one is None:
            content.notice(self._app, "your word on this plan is on its way already", "warning")
        else:
            self._wish(one, title, hint, partial(commands.reject, rev))

    def _wish(self, one: Waiting, title: str, hint: str, request: Callable[[str], commands.Request]) -> None:
        """Ask what the user wishes, and send that; what did not get there is there the next time."""
        written = self._drafts.text(one.asked, WISH)
        self._app.ask_text(title, hint, lambda text: self._send([(one, request(text))]), written)

    def _edit(self, one: Waiting, text: str) -> None:
        """The nodes of a change as YAML, in an editor of our own; the text stays until it is taken."""
        from swarmtui.tui.screens.asking import ChangeEditScreen

        def submit(edited: str) -> None:
            self._app.editing.propose(lambda: self._propose(one, edited, screen))

        def keep(edited: str) -> bool:
            if edited == text:  # what was only looked at is there as long as the change is
                self._drafts.forget(one.asked, EDIT)
                return True
            self._drafts.keep(one.asked, EDIT, edited)
            self._settle()
            return bool(self._drafts.text(one.asked, EDIT))

        screen = ChangeEditScreen(self._drafts.text(one.asked, EDIT) or text, submit, keep)
        self._app.push_screen(screen)

    async def _propose(self, one: Waiting, text: str, screen: ChangeEditScreen) -> None:
        if self._app.feed is None:
            return
        request = commands.edit_change(one.key, text)
        self._drafts.send(one.asked, EDIT, text)
        refused = await self._app.sending.refusal_of(request)
        if refused is None:
            self._drafts.taken(one.asked, EDIT)
            content.notice(self._app, request.done)
            if screen.is_attached:
                if screen.text != text:  # it was written after that was sent
                    screen.keep(screen.text)
                screen.dismiss(None)
            return
        self._drafts.came_back(one.asked, EDIT)
        if screen.is_attached:
            screen.show_errors(refused)
        else:  # it was left before the answer came
            content.notice(self._app, refused, "error")
            self._settle()

    def _age(self, one: Waiting) -> Callable[[], str]:
        """How long it has waited, until somebody answers it elsewhere."""

        return self._ages([one])

    def _ages(self, found: list[Waiting]) -> Callable[[], str]:
        """How long the oldest of `found` that waits has waited, and how many do once others were answered elsewhere."""

        def told() -> str:
            left = self._still(found)
            if not left:
                if len(found) > 1:
                    return f"none waits any longer: {NO_LONGER}"
                return self._answered.get(found[0].key, f"it waits no longer: {NO_LONGER}")
            asked = f"asked {say.ago(self._app.clock() - left[0].since_ts)} ago"
            if len(left) == len(found):
                return asked
            return f"{len(left)} of {len(found)} still {'waits' if len(left) == 1 else 'wait'}, {asked}"

        return told

    def _still(self, found: list[Waiting]) -> list[Waiting]:
        """Those of `found` that wait for an answer by now."""
        waits = {one.asked for one in self.waiting()}
        return [one for one in found if one.asked in waits]


def _written(one: Waiting, request: commands.Request) -> tuple[str, str]:
    """What of a request the user has written, and of what kind it is; no text where they have chosen."""
    if request.method == "answer" and one.pending is not None and one.kind == "question" and not one.pending.choices:
        return ANSWER, str(request.params["text"])
    return WISH, str(request.params.get("feedback", ""))
