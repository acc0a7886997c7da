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
from swarmtui.tui.actions.action import Mode, Scope
from swarmtui.tui.actions.names import key_name
from swarmtui.tui.screens.talk import Rows, TalkPane
from swarmtui.tui.view import document
from swarmtui.tui.view import prompt as view
from swarmtui.tui.view.prompt import Entry, Kind, Meaning, Offer, Typed
from swarmtui.tui.view.talk import Turn
from swarmtui.tui.widgets.lines import TextView, entitle, undertitle
from swarmtui.tui.widgets.looks import dressed, looks
from swarmtui.tui.widgets.prompt import OfferList, PromptArea

if TYPE_CHECKING:
    from swarmtui.tui.desk import Prompting, TaskTold

CLEAR = "/clear"
_NAMED = (Kind.SAMPLE, Kind.RECENT, Kind.FILE)


class PromptPlace(Vertical):
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
        super().__init__(id=id)
        self._prompting = prompting
        self._talk = TalkPane(prompting, rows, id="talk")
        self._offers = OfferList(id="offers")
        self._offered_for = ""
        self._area = PromptArea(prompting.draft, id="prompt")
        self._problems = TextView(id="prompt-problems")
        self._typed = Typed()
        self._known: Sequence[Entry] = ()
        self._names: frozenset[str] = frozenset()
        self._told: tuple[str, TaskTold | None] = ("", None)
        self._searching = self._checking = False
        self._early: list[str] | None = []
        """Keys for what was typed before that came while it was being read; None once it has been."""
        self._can: tuple[bool, bool] | None = None
        self._as_put: str | None = prompting.draft or None
        """What was put there rather than typed: nothing is offered for it."""

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
        self._draw_hint()
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
            self._known = await self._prompting.desk.known()
        except OSError as error:
            content.notice(self.app, f"recent task files cannot be read: {error}", "warning")
        self._names = frozenset(entry.name for entry in self._known if entry.kind in _NAMED)
        self._draw_hint()

    # -- what the screen asks for -----------------------------------------------------------------------------

    @property
    def text(self) -> str:
        """What stands in the prompt."""
        return self._area.text

    @property
    def proposed(self) -> tuple[str, ...]:
        """The command that the coordinator proposes; empty if none."""
        return self._talk.argv

    @property
    def talking(self) -> bool:
        """Whether the conversation is shown."""
        return bool(self._talk.display)

    def type_here(self) -> None:
        """To the prompt."""
        self._area.focus()

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
        self._draw_hint()

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

    @property
    def _is_offered_for_this(self) -> bool:
        return self._searching or self._offered_for == self.text

    # -- typing -----------------------------------------------------------------------------------------------

    @on(TextArea.Changed)
    def _changed(self) -> None:
        self._prompting.draft = self.text
        self._problems.display = False
        self._draw_hint()
        if self._searching:
            self._offers.offer(self._typed.found(self.text, self.text))
            return
        as_put, self._as_put = self._as_put, None
        if self.text == as_put:
            return
        self._typed.rest()
        if not self.text.strip():
            self._offers.offer(())
            return
        self.run_worker(self._complete(), group="complete", exclusive=True)

    async def _complete(self, *, asked: bool = False, best: bool = False) -> None:
        """Offer what the word at the cursor can become; where that is one thing and it was `asked` for, take it; the
        `best` even of several."""
        text = self.text
        if not asked and not text.strip():
            return  # what was typed has been sent meanwhile
        word = next(iter(view.words(text)), None)
        first = "" if word is None else word.text
        found = await self._prompting.desk.entries(first.rpartition("/")[0] + "/" if "/" in first else "")
        entries = [*found, *self._known] if "/" in first else [*self._known, *found]
        self._names = self._names | {one.name for one in found if one.kind in _NAMED}
        inputs: Sequence[view.InputTold] = ()
        if view.is_task(first, self._names):
            if self._told[0] != first:
                self._told = (first, await self._prompting.desk.told(first))
            inputs = self._told[1].inputs if self._told[1] is not None else ()
        if text != self.text:
            return
        offers = view.offers(text, self._area.cursor_index, entries, inputs, self._names)
        self._offers.offer(offers)
        self._offered_for = text
        self._draw_hint()
        if offers and (best or (asked and len(offers) == 1)):
            self._take(offers[0])
        elif asked and not offers:
            content.notice(self.app, "nothing completes this: it is a goal in words", "information")

    @on(OfferList.Taken)
    def _clicked(self, message: OfferList.Taken) -> None:
        self._take(message.offer)
        self.type_here()

    def _take(self, offer: Offer) -> None:
        if not offer.usable:
            content.notice(self.app, offer.told, "warning")
            return
        text, cursor = view.applied(self.text, offer)
        if offer.kind is Kind.TYPED:
            self._put(text)
            return
        self._offers.offer(())
        self._area.put(text, cursor)

    def _put(self, text: str) -> None:
        """Put `text` into the prompt; nothing is offered for it."""
        self._searching = False
        self._offers.offer(())
        self._as_put = text if text != self.text else None
        self._area.put(text)

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

    def _on_complete_asked(self) -> None:
        if self._offers.display and self._offers.chosen is not None and self._is_offered_for_this:
            self._take(self._offers.chosen)
            return
        best = self._offers.display  # what is offered was for fewer letters: it is not known by now what is the first
        work = self.run_worker(self._complete(asked=True, best=best), group="complete", exclusive=True)
        dressed(self).keyboard.wait_for(work)

    def _on_search_asked(self) -> None:
        self._searching = True
        self._offers.offer(self._typed.found(self.text, self.text))
        if not self._offers.offers:
            self._searching = False
            content.notice(self.app, "nothing like it was typed before", "information")

    def _on_up_asked(self) -> None:
        if self._offers.display and (self._searching or self.text.strip() or self._offers.at is not None):
            self._offers.move(-1)
            return
        older = self._typed.older(self.text)
        if older is not None:
            self._put(older)

    def _on_down_asked(self) -> None:
        if self._offers.display:
            self._offers.move(1)
            return
        newer = self._typed.newer()
        if newer is not None:
            self._put(newer)

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
            self._draw_hint()
            return
        if typed:
            await self._kept(typed)
            self._put(self.text.removeprefix(typed))  # what was typed meanwhile is there when one comes back
        self._prompting.draft = self.text
        self.post_message(self.Start(argv, typed))

    def _keep(self, text: str) -> None:
        self.run_worker(self._kept(text), group="keep")

    async def _kept(self, text: str) -> None:
        kept = self._prompting.typed
        if self._typed.add(kept.redactor.redact(text)):
            said = self._typed.entries[0]
            problem = await asyncio.to_thread(kept.add, {"text": said}, lambda one: one.get("text") == said)
            if problem and self._prompting.first_time("typed"):
                content.notice(self.app, problem, "warning")

    # -- what is said of it -----------------------------------------------------------------------------------

    @on(TalkPane.Changed)
    def _talk_changed(self) -> None:
        self._draw_hint()

    @on(TalkPane.Failed)
    def _talk_failed(self, message: TalkPane.Failed) -> None:
        if not self.text.strip():
            self._put(message.text)

    def _draw_hint(self) -> None:
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
        """How the key of an action is called, whatever the user made it."""
        keys = dressed(self).keys
        found = next((one for one in keys.in_scope(Scope.HOME) if one.id == action), None)
        named = keys.keys_in(found, Mode.LIVE) if found is not None else ()
        return key_name(named[0], ascii_only=looks(self).glyphs.ascii) if named else f"the command {action}"


def _at_home(argv: Sequence[str]) -> tuple[str, ...]:
    """`argv` with the user's home folder in place of the ``~`` that a shell would read so."""
    if len(argv) > 1 and argv[1].startswith("~"):
        with suppress(RuntimeError):
            return (argv[0], str(Path(argv[1]).expanduser()), *argv[2:])
    return tuple(argv)
