"""Keys are carried out one after the other, each once what the one before it opened is ready for it.

A terminal hands over in one go what was typed while the program was busy. Textual gives each key at once to whatever
has the focus by then: letters behind the key that opens a form would reach the screen beneath it, or nothing at all.
Here a key waits until the one before it has been dealt with, and until the screen that is on top by then stands and has
its focus. What was pasted counts as one key. So does text that waits for a field that takes text as it comes: a field
does everything anew for each key, and is slower the more it holds.

Terminals send alt with a key as escape and that key, and a slow link carries escape and the next key in one piece:
where alt with a key is bound to nothing, it was those two.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any, TypeGuard

from textual import events
from textual.app import App
from textual.message import Message
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import Input, TextArea
from textual.worker import Worker

from swarmtui.tui.view.deliberate import HELD_S, TOGETHER_S, Press

Typed = events.Key | events.Paste
LOOK_S = 0.05
"""How often it is looked whether what others wait for is still there, while any wait."""
LONGEST_S = 5.0
"""After this long what nobody has answered for holds up nothing any longer."""
TEXT = "text"
"""The name of a key that is several: no key is called so."""
ALT = "alt+"
BEGINS = "NOPX[]^_"
"""With escape before them these may be what has come of a sequence (ECMA-48, 5.3), whose rest comes late."""


class Passed(Message):
    """Goes the way that a key has gone, behind it: once it arrives at the app, the key has been dealt with."""

    def __init__(self, typed: Typed, again: bool) -> None:
        super().__init__()
        self.typed, self.again = typed, again


class Keyboard:
    """The keys of one app. `deliver` is what Textual does with one; `clock` gives seconds that never go back."""

    def __init__(
        self,
        app: App[Any],
        deliver: Callable[[Typed], Awaitable[None]],
        clock: Callable[[], float] = time.monotonic,
        chosen: Callable[[], Iterable[Sequence[str]]] = tuple,
    ) -> None:
        """`chosen` gives the keys to which the user has given a meaning anywhere."""
        self._app, self._deliver, self.clock, self._chosen = app, deliver, clock, chosen
        self._waiting: deque[Typed] = deque()
        self._under_way: Typed | None = None
        self._again = False
        """Whether what is under way has been dealt with, and what it had widgets tell each other is awaited."""
        self._target: Widget | None = None
        """What is awaited: where the key went, or the screen that is to stand."""
        self._ready: Screen[Any] | None = None
        """The screen that was last found to stand and to have its focus."""
        self._work: Worker[Any] | None = None
        """What opens something, once it is done."""
        self._since = 0.0
        self._look: asyncio.TimerHandle | None = None
        self._last: events.Key | None = None
        self._last_at = 0.0
        self._press: Press | None = None

    # -- what is asked of it ----------------------------------------------------------------------------------

    async def take(self, typed: Typed) -> None:
        """Carry out what comes from the terminal as soon as it is its turn; what leads out of the app waits for nothing
        that is being opened."""
        if self._leads_out(typed) and self._work is not None and not self._work.is_finished:
            self._note(typed)
            await self._deliver(typed)
            return
        self._waiting.append(typed)
        if self._target is None and self._under_way is None:
            await self._next()
        else:
            self._look_after()

    async def passed(self, typed: Typed, *, again: bool = False) -> None:
        """`typed` has been dealt with; with `again`, so has what it had widgets tell each other."""
        if typed is not self._under_way or (self._again and not again):
            return
        self._again = True
        if again or not self._send_behind(typed):
            self._done()

    def wait_for(self, work: Worker[Any]) -> None:
        """Keys wait until `work` is done: they are meant for what it opens."""
        self._work, self._since = work, time.monotonic()

    def forget(self) -> None:
        """Drop what waits: it was typed for another program that has the terminal by now."""
        self._waiting.clear()

    @property
    def is_behind(self) -> bool:
        """Whether more has been typed than has been carried out."""
        return bool(self._waiting)

    @property
    def is_at_work(self) -> bool:
        """Whether a key is being carried out, or waits to be."""
        return self._under_way is not None or bool(self._waiting)

    @property
    def press(self) -> Press:
        """How the key was pressed whose action is being carried out; a click and the like are as good as a key."""
        if self._press is None or self._last is None:
            return Press(self.clock())
        follows = next(iter(self._waiting), None)
        burst = follows is not None and follows.time - self._last.time < TOGETHER_S
        return Press(self._press.at, self._press.held, self._press.together or burst)

    # -- one after the other ----------------------------------------------------------------------------------

    async def _next(self) -> None:
        """Carry out what waits first, if its turn has come."""
        if not self._waiting or self._under_way is not None or self._target is not None:
            return
        if self._work is not None and not self._work.is_finished:
            self._look_after()
            return
        screen = self._app.screen
        if screen is not self._ready and screen.call_later(self._await_focus, screen):
            self._await(screen)
            return
        typed = self._take_first()
        self._under_way, self._again = typed, False
        await self._deliver(typed)
        self._again = not typed.is_forwarded  # a key of the app's or of a dialog's own has been dealt with by now
        if not self._send_behind(typed):
            self._done()

    def _take_first(self) -> Typed:
        """What waits first; if it is text for a field, all of it that waits, as one key."""
        first = self._waiting.popleft()
        if self._is_two(first):
            escape, behind = _apart(first)
            self._waiting.appendleft(behind)
            first = escape
        self._note(first)
        if not (self._waiting and _is_text(first) and _is_text(self._waiting[0]) and _takes_text(self._app.focused)):
            return first
        text = [first]
        while self._waiting and _is_text(following := self._waiting[0]):
            self._note(self._waiting.popleft())
            text.append(following)
        return events.Key(TEXT, "".join(one.character or "" for one in text)) if len(text) > 1 else first

    def _is_two(self, typed: Typed) -> TypeGuard[events.Key]:
        """Whether it came as alt with a key, and was escape and that key."""
        if not isinstance(typed, events.Key) or not typed.key.startswith(ALT) or not typed.is_printable:
            return False
        if (typed.character or "") in BEGINS or any(typed.key in keys for keys in self._chosen()):
            return False
        return not any(typed.key in bindings.key_to_bindings for _, bindings in self._app.screen._binding_chain)

    def _await_focus(self, screen: Screen[Any]) -> None:
        """`screen` has been put together: what it asked the app to focus is next in the queue of the app."""
        self._app.call_later(self._stands, screen)

    async def _stands(self, screen: Screen[Any]) -> None:
        if self._target is screen and self._under_way is None:
            self._ready, self._target = screen, None
            await self._next()

    def _send_behind(self, typed: Typed) -> bool:
        target = self._app.focused or self._app.screen
        self._await(target)
        return target.is_attached and target.post_message(Passed(typed, self._again))

    def _done(self) -> None:
        self._under_way = self._press = self._target = None
        if self._waiting:
            self._app.call_later(self._next)  # behind what was asked of the app meanwhile

    def _leads_out(self, typed: Typed) -> bool:
        """Whether it is a key that is the same everywhere: ctrl+c, ctrl+q, ctrl+z."""
        bound = self._app._bindings.key_to_bindings
        return isinstance(typed, events.Key) and any(one.priority for one in bound.get(typed.key, ()))

    # -- what never comes -------------------------------------------------------------------------------------

    def _await(self, target: Widget) -> None:
        self._target, self._since = target, time.monotonic()
        if self._waiting:
            self._look_after()

    def _look_after(self) -> None:
        if self._look is None:
            self._look = asyncio.get_running_loop().call_later(LOOK_S, self._looked)

    def _looked(self) -> None:
        """Wait no longer for work that is done, and for what has been taken away, as a dialog is by its answer."""
        self._look = None
        waited = time.monotonic() - self._since
        if self._work is not None and (self._work.is_finished or waited > LONGEST_S):
            self._work = None
        target = self._target
        if target is not None and (not target.is_attached or waited > LONGEST_S):
            self._ready = self._app.screen if target is self._app.screen else self._ready
            self._done()
        elif self._waiting and (target is not None or self._work is not None):
            self._look_after()
        elif self._waiting:
            self._app.call_later(self._next)

    def _note(self, typed: Typed) -> None:
        if not isinstance(typed, events.Key):
            self._last = self._press = None
            return
        last, self._last = self._last, typed
        before, self._last_at = self._last_at, self.clock() - max(0.0, Message().time - typed.time)
        held = last is not None and last.key == typed.key and self._last_at - before < HELD_S
        together = last is not None and typed.time - last.time < TOGETHER_S
        self._press = Press(self._last_at, held, together)


def _apart(both: events.Key) -> tuple[events.Key, events.Key]:
    """Escape, and the key that came with it; both at the time when they came."""
    letter = both.character or ""
    keys = (
        events.Key("escape", "\x1b"),
        events.Key(letter if letter.isalnum() else both.key.removeprefix(ALT), letter),
    )
    for key in keys:
        key.time = both.time
    return keys


def _is_text(typed: Typed) -> TypeGuard[events.Key]:
    return isinstance(typed, events.Key) and typed.is_printable and "+" not in typed.key


def _takes_text(field: Widget | None) -> bool:
    """Whether `field` takes each text as it is: of one that refuses some, a letter is refused and not all of them."""
    if isinstance(field, Input):
        return field.type == "text" and not field.restrict and not field.max_length
    return isinstance(field, TextArea) and not field.read_only
