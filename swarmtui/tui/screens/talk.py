"""The conversation with the coordinator, above the prompt. It proposes; what is started, the user starts."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from textual.message import Message
from textual.worker import Worker

from swarmtui.tui import content
from swarmtui.tui.desk import Answer, Prompting, TalkFailed
from swarmtui.tui.view import talk
from swarmtui.tui.view.prompt import command
from swarmtui.tui.view.talk import MOST_TURNS, Turn
from swarmtui.tui.widgets.lines import TextView, entitle, undertitle

if TYPE_CHECKING:
    from swarmtui.tui.view.lines import Line

FRAME_S = 0.1
"""How often text that comes is drawn."""
MOST_LIVE = 50_000
"""Characters of an answer under way that are drawn."""

_NOTHING = "Say what is to be done, or ask about your sessions. Nothing starts without your key."

Rows = Callable[[], Sequence[Mapping[str, Any]]]


class TalkPane(TextView):
    """What was said, what is being said, and what is proposed."""

    class Changed(Message):
        """Somebody has begun or ended to speak, or something is proposed."""

    class Failed(Message):
        """There is no answer to `text`, which is the user's again."""

        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    def __init__(self, prompting: Prompting, rows: Rows, *, id: str | None = None) -> None:
        super().__init__(id=id, classes="panel", follow=True)
        self._prompting, self._rows = prompting, rows
        self.turns: list[Turn] = []
        self.argv: tuple[str, ...] = ()
        """The command that is proposed; empty if none is."""
        self._live: str | None = None
        self._dirty = False
        self._call: Worker[None] | None = None
        self._forgotten = 0
        self._made: tuple[int, int, list[Line]] = (0, 0, [])
        self._model, self._simulated = "", False
        self._asked, self._tokens = False, 0
        self._cost: float | None = 0.0

    def on_mount(self) -> None:
        """Nothing to be seen before somebody talks."""
        self.display = False
        entitle(self, "coordinator")
        self.set_interval(FRAME_S, self._frame)

    @property
    def busy(self) -> bool:
        """Whether an answer is under way."""
        return self._live is not None

    def take(self, turns: Sequence[Turn]) -> None:
        """What was said earlier."""
        self.turns = [*turns, *self.turns][-MOST_TURNS:]
        self._draw()

    def open(self) -> None:
        """Show it, and find out who answers."""
        self.display = True
        self._draw()
        self.run_worker(self._ask_who(), group="who", exclusive=True)

    async def _ask_who(self) -> None:
        try:
            self._model, self._simulated = await self._prompting.desk.model()
        except TalkFailed as error:
            self._add(Turn("problem", str(error)))
        self._tell_spent()

    def say(self, text: str) -> None:
        """Say `text` to the coordinator."""
        self.argv = ()  # what was proposed before is no longer what F9 starts
        self._add(Turn("you", text))
        self._live = ""
        self.open()
        self._call = self.run_worker(self._answer(text), group="talk", exclusive=True)
        self.post_message(self.Changed())

    def cancel(self) -> bool:
        """Stop the call; False if none is under way."""
        if self._call is None or not self.busy:
            return False
        self._call.cancel()
        return True

    def forget(self) -> str:
        """Nothing was said; why that could not be done in the file too, if so. Blocks for a moment."""
        return self._prompting.talk.clear()

    def empty(self) -> None:
        """Show nothing."""
        self._forgotten += 1
        self.cancel()
        self.turns, self.argv = [], ()
        self._draw()
        self.post_message(self.Changed())

    async def _answer(self, text: str) -> None:
        turns = [turn for turn in self.turns if turn.who != "problem"]
        keep, forgotten = self._prompting.talk, self._forgotten
        cleared = keep.cleared
        try:
            answer = await self._prompting.desk.answer(turns, self._rows(), self._heard)
        except asyncio.CancelledError:
            if forgotten != self._forgotten:  # with all that was said
                self._live = None
                raise
            self._failed(text, "stopped: what you said is in the prompt again")
            raise
        except TalkFailed as error:
            self._failed(text, str(error))
            return
        except Exception as error:  # noqa: BLE001 - told; what was said is not lost
            self._failed(text, f"the coordinator broke: {type(error).__name__}: {error}")
            return
        self._live = None
        self._count(answer)
        said = self._turn(answer)
        self.argv = answer.argv if answer.argv and said and said[-1].command else ()
        self._add(*said)
        self.post_message(self.Changed())
        problems = [
            await asyncio.to_thread(keep.add, turn.to_json(), cleared=cleared)
            for turn in (Turn("you", text), *(one for one in said if one.who != "problem"))
        ]
        if any(problems) and self._prompting.first_time("talk"):
            content.notice(self.app, f"{max(problems)}; the conversation goes on", "warning")

    def _turn(self, answer: Answer) -> list[Turn]:
        text = answer.text or ("This is what I would run." if answer.argv else "")
        said = [Turn(answer.kind, text, command(answer.argv) if answer.argv else "")] if text else []
        return [*said, Turn("problem", answer.problem)] if answer.problem else said

    def _count(self, answer: Answer) -> None:
        self._asked = True
        self._tokens += answer.tokens or 0
        known = self._cost is not None and answer.cost_usd is not None
        self._cost = (self._cost or 0.0) + (answer.cost_usd or 0.0) if known else None
        self._tell_spent()

    def _failed(self, text: str, why: str) -> None:
        self._live = None
        self.turns = [turn for turn in self.turns if turn != Turn("you", text)]
        self._prompting.draft = self._prompting.draft or text
        if not self.is_attached or not self.app.is_running:
            return
        self._add(Turn("problem", why))
        self.post_message(self.Failed(text))
        self.post_message(self.Changed())

    # -- drawing ----------------------------------------------------------------------------------------------

    def _heard(self, piece: str) -> None:
        if self._live is not None and len(self._live) < MOST_LIVE:
            self._live += piece
            self._dirty = True

    def _frame(self) -> None:
        if self._dirty:
            self._draw(to_end=False)  # whoever has scrolled up reads on there

    def _add(self, *turns: Turn) -> None:
        self.turns = [*self.turns, *turns][-MOST_TURNS:]
        self._made = (0, 0, [])
        self._draw()

    def _draw(self, *, to_end: bool = True) -> None:
        self._dirty = False
        self.show(self._all_lines)
        if to_end and self.size.height:
            self.scroll_to(y=self.max_scroll_y, animate=False, force=True)

    def _all_lines(self, width: int) -> list[Line]:
        if self._made[:2] != (len(self.turns), width):
            told = [*self.turns[:-1], replace(self.turns[-1], command="")] if self.argv else self.turns
            self._made = (len(self.turns), width, talk.said(told, width))
        waiting = command(self.argv).split("\n") if self.argv else ()
        found = [*self._made[2], *talk.to_come(self._live, waiting, width)]
        return found or [((_NOTHING, "faint"),)]

    def _tell_spent(self) -> None:
        undertitle(self, talk.spent(self._model, self._simulated, self._tokens, self._cost, asked=self._asked))
