"""The prompt at home: a goal or a task file, what completes it, what was typed before, the talk with the coordinator.

It starts nothing by itself: it says :class:`PromptPlace.Start`, and the screen leaves the app for that command.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.message import Message
from textual.widgets import TextArea

from swarmtui.tui import content
from swarmtui.tui.screens.offering import Offering
from swarmtui.tui.screens.talk import Rows, TalkPane
from swarmtui.tui.view import document
from swarmtui.tui.view import prompt as view
from swarmtui.tui.view.prompt import Meaning, Typed
from swarmtui.tui.view.talk import Turn
from swarmtui.tui.widgets.lines import TextView, entitle, undertitle
from swarmtui.tui.widgets.looks import dressed
from swarmtui.tui.widgets.prompt import PromptArea

if TYPE_CHECKING:
    from swarmtui.tui.desk import Prompting

CLEAR = "/clear"


class PromptPlace(Offering):
    """All of it, from top to bottom: the conversation, what is offered, the line, what is wrong with it."""

    DEFAULT_CSS = """
    PromptPlace TalkPane { height: 1fr; border: round $role-border; border-title-color: $role-muted; }
    PromptPlace TalkPane { border-subtitle-color: $role-muted; padding: 0 1; }
    PromptPlace #prompt-box { height: auto; border: round $role-border; padding: 0 1; }
    PromptPlace #prompt-box { border-title-color: $role-muted; border-subtitle-color: $role-muted; }
    PromptPlace #prompt-box:focus-within { border: round $role-border-focus; border-title-color: $role-accent; }
    PromptPlace #prompt-problems { height: auto; max-height: 8; padding: 0 2; }
    PromptPlace OfferList { background: $panel; padding: 0 1; }
    .-ascii PromptPlace #prompt-box { border: ascii $role-border; }
    .-ascii PromptPlace #prompt-box:focus-within { border: ascii $role-border-focus; }
    """

    class Start(Message):
        """The user wants this command, a ``run``, to be carried out."""

        def __init__(self, argv: Sequence[str], typed: str = "") -> None:
            """`typed`: what asked for it, if anything was typed."""
            super().__init__()
            self.argv, self.typed = tuple(argv), typed

    class Told(Message):
        """What can be done from here may be another thing now."""

    class Left(Message):
        """The user is done here for now."""

    def __init__(self, prompting: Prompting, rows: Rows, *, id: str | None = None) -> None:
        super().__init__(prompting, id=id)
        self._talk = TalkPane(prompting, rows, id="talk")
        self._problems = TextView(id="prompt-problems")
        self._checking = False
        self._early: list[str] | None = []
        """Keys for what was typed before that came while it was being read; None once it has been."""
        self._can: tuple[bool, bool] | None = None

    def compose(self) -> ComposeResult:
        """From top to bottom."""
        yield self._talk
        yield self._offers
        with Vertical(id="prompt-box"):
            yield self._area
        yield self._problems

    def on_mount(self) -> None:
        """Read what was typed and said before."""
        self._offers.display = self._problems.display = False
        entitle(self.query_one("#prompt-box"), "goal or task file")
        self.watch(self._area, "has_focus", self.draw_hint)
        self.call_after_refresh(self._begin)

    def _begin(self) -> None:
        self.run_worker(self._recall(), group="recall")

    async def _recall(self) -> None:
        kept, talk = self._prompting.typed, self._prompting.talk
        lines, turns = await asyncio.gather(asyncio.to_thread(kept.read), asyncio.to_thread(talk.read))
        now = self._typed.entries
        earlier = [text for line in reversed(lines) if isinstance(text := line.get("text"), str)]
        self._typed = Typed([*now, *earlier])
        early, self._early = self._early or (), None
        for asked in early:
            getattr(self, f"_on_{asked}_asked")()
        self._talk.take([turn for line in turns if (turn := Turn.from_json(line)) is not None])
        try:
            self.know(await self._prompting.desk.known())
        except OSError as error:
            content.notice(self.app, f"recent task files cannot be read: {error}", "warning")
        self.draw_hint()

    # -- what the screen asks for -----------------------------------------------------------------------------

    @property
    def proposed(self) -> tuple[str, ...]:
        """The command that the coordinator proposes; empty if none."""
        return self._talk.argv

    @property
    def talking(self) -> bool:
        """Whether the conversation is shown."""
        return bool(self._talk.display)

    def plan_at_once(self) -> None:
        """Run what was typed without talking of it; where nothing was typed, what is proposed."""
        meant = self._meaning()
        if meant is not None:
            self._start(meant.argv, self.text, goal=not meant.task)
        elif self.proposed and not self.talking:  # nobody sees what it is
            self.show_talk(True)
            content.notice(self.app, f"this is what is proposed: {self._key('plan_now')} starts it")
        elif self.proposed:
            self._start(self.proposed, "", goal=False)
        else:
            content.notice(self.app, "write a goal or the name of a task file first", "warning")

    def take_proposal(self) -> None:
        """Put what is proposed into the prompt, to be changed there."""
        argv = self.proposed
        if argv:
            words = [word for word in argv[1:] if word != "--"]
            goal = len(words) == 1 and words[0] not in self._names
            self._put(words[0] if goal else " ".join(map(view.quoted, words)))
            self.type_here()
        else:
            content.notice(self.app, "the coordinator has proposed nothing yet: write to it, then enter", "warning")

    def show_talk(self, shown: bool) -> None:
        """Show or hide the conversation."""
        if shown:
            self._talk.open()
        else:
            self._talk.display = False
        self._make_room(shown)
        self.draw_hint()

    def _make_room(self, shown: bool) -> None:
        self.set_class(shown, "-talking")
        self.screen.set_class(shown, "-talking")

    def clear_talk(self) -> None:
        """Forget the conversation, here and in its file."""
        self._talk.empty()
        self.run_worker(self._forget(), group="forget")

    async def _forget(self) -> None:
        problem = await asyncio.to_thread(self._talk.forget)
        content.notice(self.app, problem or "the conversation is forgotten", "error" if problem else "information")

    def on_descendant_focus(self) -> None:
        """Keys mean something else here."""
        self.post_message(self.Told())

    def on_descendant_blur(self) -> None:
        """And then they do not any more."""
        self.post_message(self.Told())

    @property
    def typing(self) -> bool:
        """Whether letters go into the prompt."""
        return self._area.has_focus

    # -- typing -----------------------------------------------------------------------------------------------

    @on(TextArea.Changed)
    def _changed(self) -> None:
        self._prompting.draft = self.text
        self._problems.display = False
        self.draw_hint()

    @on(PromptArea.Asked)
    def _asked(self, message: PromptArea.Asked) -> None:
        if self._early is not None and message.what in ("up", "down", "search") and not self._offers.display:
            self._early.append(message.what)
            return
        getattr(self, f"_on_{message.what}_asked")()

    def _on_submit_asked(self) -> None:
        chosen = self._offers.chosen if self._offers.display and self._offers.at is not None else None
        if chosen is not None and self._is_offered_for_this:
            self._take(chosen)
            return
        self._searching = False
        self._offers.offer(())
        meant = self._meaning()
        if self.text.strip() == CLEAR:
            self._put("")
            self.clear_talk()
        elif meant is None:
            hint = (
                f"{self._key('plan_now')} starts what is proposed"
                if self.proposed
                else "write a goal or the name of a task file"
            )
            content.notice(self.app, hint, "information" if self.proposed else "warning")
        elif meant.task:
            self._start(meant.argv, self.text, goal=False)
        elif self._talk.busy:
            content.notice(self.app, "the coordinator answers just now: wait, or stop it with esc", "warning")
        else:
            self._say(self.text.strip())

    def _say(self, text: str) -> None:
        self._keep(text)
        self._put("")
        self._make_room(True)
        self._talk.say(text)

    def _on_page_up_asked(self) -> None:
        self._talk.go(0, -self._talk.page())

    def _on_page_down_asked(self) -> None:
        self._talk.go(0, self._talk.page())

    def _on_back_asked(self) -> None:
        self.screen.focus_previous()

    def _on_leave_asked(self) -> None:
        if self._offers.display:
            self._searching = False
            self._offers.offer(())
        elif not self._talk.cancel():
            if self.talking:
                self.show_talk(False)
            self.post_message(self.Left())

    # -- starting ---------------------------------------------------------------------------------------------

    def _meaning(self) -> Meaning | None:
        return view.meaning(self.text, self._names)

    def _start(self, argv: Sequence[str], typed: str, *, goal: bool) -> None:
        if not self._checking:
            self._checking = True
            asked = tuple(argv) if goal else _at_home(argv)
            self.run_worker(self._check(asked, typed, goal=goal), group="start")

    async def _check(self, argv: tuple[str, ...], typed: str, *, goal: bool) -> None:
        """Say what is wrong before anything starts; nothing that was typed is lost."""
        try:
            wrong = await self._prompting.desk.check(argv, goal=goal)
        except Exception as error:  # noqa: BLE001 - told; what was typed stays
            wrong = [f"it could not be checked: {type(error).__name__}: {error}"]
        finally:
            self._checking = False
        if wrong:
            self._problems.display = True
            self._problems.show(lambda width: document.verbatim("\n".join(wrong), width, "bad"), top=True)
            self.draw_hint()
            return
        if typed:
            await self._kept(typed)
            self._put(self.text.removeprefix(typed))  # what was typed meanwhile is there when one comes back
        self._prompting.draft = self.text
        self.post_message(self.Start(argv, typed))

    # -- what is said of it -----------------------------------------------------------------------------------

    @on(TalkPane.Changed)
    def _talk_changed(self) -> None:
        self.draw_hint()

    @on(TalkPane.Failed)
    def _talk_failed(self, message: TalkPane.Failed) -> None:
        if not self.text.strip():
            self._put(message.text)

    def draw_hint(self) -> None:
        """What can be done with what stands there; and whether the keys mean something else by now."""
        undertitle(self.query_one("#prompt-box"), self._hint())
        can = (bool(self.text.strip()), bool(self.proposed))
        if can != self._can:
            self._can = can
            self.post_message(self.Told())

    def _hint(self) -> str:
        meant = self._meaning()
        if self._talk.busy:
            return "esc stops the answer"
        if meant is None and self.proposed:
            return f"{self._key('plan_now')} starts exactly that · {self._key('take')} puts it here to be changed"
        if meant is None and not self._area.has_focus:
            return f"{self._key('new_goal')}: write here"
        if meant is None:
            return f"enter: coordinator · {self._key('plan_now')}: plan at once · tab: task files · up: typed before"
        if not meant.task:
            return f"a goal · enter: to the coordinator · {self._key('plan_now')}: plan it at once"
        if self._problems.display:
            return "nothing was started: mend it, then enter again"
        told = self._told[1] if self._told[0] == meant.task else None
        if told is not None and told.problems:
            return f"task file · {len(told.problems)} problem{'' if len(told.problems) == 1 else 's'}: enter shows them"
        about = f"task file: {told.title}, {told.about}" if told is not None else "task file"
        return f"{about} · enter runs it"

    def _key(self, action: str) -> str:
        return dressed(self).with_keys(f"{{{action}}}")


def _at_home(argv: Sequence[str]) -> tuple[str, ...]:
    """`argv` with the user's home folder in place of the ``~`` that a shell would read so."""
    if len(argv) > 1 and argv[1].startswith("~"):
        with suppress(RuntimeError):
            return (argv[0], str(Path(argv[1]).expanduser()), *argv[2:])
    return tuple(argv)
