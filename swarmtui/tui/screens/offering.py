"""What the prompt at home offers while one types: what completes the word, and what was typed before."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING

from textual import on
from textual.containers import Vertical
from textual.widgets import TextArea

from swarmtui.tui import content
from swarmtui.tui.view import prompt as view
from swarmtui.tui.view.prompt import Entry, Kind, Offer, Typed
from swarmtui.tui.widgets.looks import dressed
from swarmtui.tui.widgets.prompt import OfferList, PromptArea

if TYPE_CHECKING:
    from swarmtui.tui.desk import Prompting, TaskTold

_NAMED = (Kind.SAMPLE, Kind.RECENT, Kind.FILE)


class Offering(Vertical):
    """Part of the prompt: the line, and what is offered for it."""

    def __init__(self, prompting: Prompting, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._prompting = prompting
        self._area = PromptArea(prompting.draft, id="prompt")
        self._as_put: str | None = prompting.draft or None
        """What was put there rather than typed: nothing is offered for it."""
        self._offers = OfferList(id="offers")
        self._offered_for = ""
        self._typed = Typed()
        self._searching = False
        self._known: Sequence[Entry] = ()
        self._names: frozenset[str] = frozenset()
        """Of task files, as far as they are known."""
        self._told: tuple[str, TaskTold | None] = ("", None)
        """The task file that was read last, and what is known of it."""

    @property
    def text(self) -> str:
        """What stands in the prompt."""
        return self._area.text

    def type_here(self) -> None:
        """To the prompt."""
        self._area.focus()

    def draw_hint(self) -> None:
        """Something is known that was not; what can be done with it is told elsewhere."""

    def know(self, entries: Sequence[Entry]) -> None:
        """Recent task files and samples."""
        self._known = entries
        self._know_names(entries)

    def _know_names(self, entries: Sequence[Entry]) -> None:
        self._names |= {entry.name for entry in entries if entry.kind in _NAMED}

    # -- what completes it ------------------------------------------------------------------------------------

    @on(TextArea.Changed)
    def _offer(self) -> None:
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

    @property
    def _is_offered_for_this(self) -> bool:
        return self._searching or self._offered_for == self.text

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
        self._know_names(found)
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
        self.draw_hint()
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

    def _on_complete_asked(self) -> None:
        if self._offers.display and self._offers.chosen is not None and self._is_offered_for_this:
            self._take(self._offers.chosen)
            return
        best = self._offers.display  # what is offered was for fewer letters: it is not known by now what is the first
        work = self.run_worker(self._complete(asked=True, best=best), group="complete", exclusive=True)
        dressed(self).keyboard.wait_for(work)

    # -- what was typed before --------------------------------------------------------------------------------

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

    def _keep(self, text: str) -> None:
        self.run_worker(self._kept(text), group="keep")

    async def _kept(self, text: str) -> None:
        kept = self._prompting.typed
        if self._typed.add(kept.redactor.redact(text)):
            said = self._typed.entries[0]
            problem = await asyncio.to_thread(kept.add, {"text": said}, lambda one: one.get("text") == said)
            if problem and self._prompting.first_time("typed"):
                content.notice(self.app, problem, "warning")
