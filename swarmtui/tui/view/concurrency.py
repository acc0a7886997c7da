"""How many at once, as it is being changed: what is allowed now, what would be, and whether that would help."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import field

from swarmtui.frozen import frozen, mutable
from swarmtui.plan.model import JSON
from swarmtui.safety.text import one_line
from swarmtui.session.pools import total_limit
from swarmtui.session.state import SessionState
from swarmtui.tui.commands import Request
from swarmtui.tui.view import format as say
from swarmtui.tui.view.glyphs import Glyphs
from swarmtui.tui.view.lines import Line, Role, Span, crop, fit, shorten, wrap
from swarmtui.tui.view.pool_words import binds_words, more_helps
from swarmtui.tui.view.pools import UNBOUND, Gauge

TOTAL = ""
"""The row of all pools together; the others are called by their pool."""
MOST = 100_000


@frozen
class Choice:
    """A row: something of which the number at once can be set."""

    pool: str
    set_to: int | None
    """The user's figure; None: left to swarmtui."""
    allowed: int | None
    """What holds now; None where nobody knows yet."""
    in_flight: int
    waiting: int
    gauge: Gauge | None
    """Of a pool, its gauge."""
    frozen: bool = False

    @property
    def name(self) -> str:
        """As it is shown."""
        return one_line(self.pool, 60) if self.pool else "all pools"


@mutable
class Draft:
    """Changes that have not been sent."""

    choices: list[Choice] = field(default_factory=list)
    at: int = 0
    """The row that is changed."""
    numbers: dict[str, int | None] = field(default_factory=dict)
    """Row -> the number it shall have; None: what swarmtui chooses."""
    held: dict[str, bool] = field(default_factory=dict)
    """Pool -> whether its window shall be held."""
    _typed: str = ""

    def look(self, state: SessionState, found: Sequence[Gauge]) -> None:
        """How things stand now; what was changed by somebody else meanwhile is no change of ours any more."""
        limits = state.limits
        waiting = sum(gauge.waiting for gauge in found)
        total = Choice(TOTAL, limits.concurrency, total_limit(state), state.in_flight, waiting, None)
        pools = [
            Choice(
                gauge.pool,
                limits.pools.get(gauge.pool),
                gauge.limit,
                gauge.in_flight,
                gauge.waiting,
                gauge,
                gauge.pool in limits.frozen,
            )
            for gauge in found
        ]
        self.choices = [total, *pools]
        self.at = max(0, min(self.at, len(self.choices) - 1))
        by_pool = {choice.pool: choice for choice in self.choices}
        self.numbers = {
            pool: number for pool, number in self.numbers.items() if pool in by_pool and by_pool[pool].set_to != number
        }
        self.held = {pool: hold for pool, hold in self.held.items() if pool in by_pool and by_pool[pool].frozen != hold}

    @property
    def choice(self) -> Choice:
        """The row that is changed."""
        return self.choices[self.at]

    def move(self, by: int) -> None:
        """To another row."""
        self._typed = ""
        self.at = max(0, min(len(self.choices) - 1, self.at + by))

    def go(self, at: int) -> None:
        """To row `at`, if there is one."""
        if 0 <= at < len(self.choices):
            self._typed, self.at = "", at

    def wanted(self, choice: Choice) -> int | None:
        """What the row shall have; None: what swarmtui chooses."""
        return self.numbers.get(choice.pool, choice.set_to)

    def _base(self) -> int:
        wanted, choice = self.wanted(self.choice), self.choice
        return wanted or choice.set_to or choice.allowed or max(1, choice.in_flight)

    def _set(self, number: int | None) -> None:
        choice = self.choice
        number = None if number is None else max(1, min(MOST, number))
        if number == choice.set_to:
            self.numbers.pop(choice.pool, None)
        else:
            self.numbers[choice.pool] = number

    def change(self, by: int) -> None:
        """So many more, or fewer."""
        self._typed = ""
        self._set(self._base() + by)

    def halve(self) -> None:
        """Half as many, one at least."""
        self._typed = ""
        self._set(self._base() // 2)

    def double(self) -> None:
        """Twice as many."""
        self._typed = ""
        self._set(self._base() * 2)

    def auto(self) -> None:
        """Leave it to swarmtui."""
        self._typed = ""
        self._set(None)

    def type(self, digit: str) -> None:
        """A digit more of a number."""
        self._typed = (self._typed + digit).lstrip("0")[:6]
        if self._typed:
            self._set(int(self._typed))

    def rub_out(self) -> None:
        """A digit less; without any, as it was."""
        self._typed = self._typed[:-1]
        if self._typed:
            self._set(int(self._typed))
        else:
            self.numbers.pop(self.choice.pool, None)

    def toggle_hold(self) -> str | None:
        """Hold the pool's window where it is, or let it go; why that cannot be done, or None."""
        choice = self.choice
        if choice.gauge is None or not choice.gauge.can_freeze:
            return "only the window of a provider's pool can be held"
        hold = not self.held.get(choice.pool, choice.frozen)
        if hold and choice.gauge.window is None:
            return f"{choice.name} was not asked yet: there is no window to hold"
        if hold == choice.frozen:
            self.held.pop(choice.pool, None)
        else:
            self.held[choice.pool] = hold
        return None

    # -- what is sent -----------------------------------------------------------------------------------------

    def told(self, glyphs: Glyphs) -> list[str]:
        """Each change in words: ``all pools 18 → 9``."""
        arrow = "->" if glyphs.ascii else "→"
        words = []
        for choice in self.choices:
            if choice.pool in self.numbers:
                number = self.numbers[choice.pool]
                before = _number(choice.allowed)
                words.append(f"{choice.name} {before} {arrow} {'auto' if number is None else say.count(number)}")
            if choice.pool in self.held:
                words.append(f"{choice.name} {'is held where it is' if self.held[choice.pool] else 'is let go'}")
        return words

    def request(self, glyphs: Glyphs) -> Request | None:
        """What is asked of the session; None if nothing was changed."""
        params: dict[str, JSON] = {}
        if TOTAL in self.numbers:
            number = self.numbers[TOTAL]
            params["concurrency"] = "auto" if number is None else number
        pools = {pool: number for pool, number in self.numbers.items() if pool}
        if pools:
            params["pools"] = pools
        if self.held:
            params["freeze"] = {pool: "now" if hold else None for pool, hold in self.held.items()}
        return Request("limits.set", params, "; ".join(self.told(glyphs))) if params else None


# -- drawn --------------------------------------------------------------------------------------------------------

_HEADS = ("at work", "wait", "now", "will be")
_WIDE = 9
HELD = 7


def draft_lines(draft: Draft, width: int, glyphs: Glyphs) -> list[Line]:
    """The rows, what binds the one that is changed, and what will be sent."""
    shown = max(1, min(len(_HEADS), (width - 2 - HELD - 10) // _WIDE))
    name = max(4, width - 2 - shown * _WIDE - HELD)
    heads = "".join(f"{head:>{_WIDE}}" for head in _HEADS[-shown:])
    lines: list[Line] = [((" " * (name + 2) + heads, "muted"),)]
    for at, choice in enumerate(draft.choices):
        lines.append(_row(draft, choice, name, shown, glyphs, chosen=at == draft.at))
    lines = [crop(line, width) for line in lines]
    gauge = _telling(draft)
    lines.append(())
    if gauge is not None:
        binds, role = binds_words(gauge)
        told = ":" if gauge.binding in UNBOUND else " is bound by"
        lines += _wrapped(f"{one_line(gauge.pool, 40)}{told} {binds}", role, width, glyphs)
        lines += _wrapped(more_helps(gauge), "text", width, glyphs)
    lines.append(())
    words = draft.told(glyphs)
    if words:
        lines += _wrapped("to be sent: " + "; ".join(words), "strong", width, glyphs)
    else:
        lines.append((("nothing is changed yet", "faint"),))
    return lines


def _telling(draft: Draft) -> Gauge | None:
    """The gauge of the row; of all pools together, the one in which most wait."""
    if draft.choice.gauge is not None:
        return draft.choice.gauge
    found = [choice.gauge for choice in draft.choices if choice.gauge is not None]
    return max(found, key=lambda gauge: (gauge.waiting + gauge.throttled, gauge.in_flight), default=None)


def _row(draft: Draft, choice: Choice, name: int, shown: int, glyphs: Glyphs, *, chosen: bool) -> Line:
    wanted = draft.wanted(choice)
    changed = choice.pool in draft.numbers
    will = "auto" if wanted is None else say.count(wanted)
    changed_hold = "*" if choice.pool in draft.held else " "
    state_of_hold = (
        "held" if draft.held.get(choice.pool, choice.frozen) else "free" if choice.pool in draft.held else ""
    )
    numbers = (say.count(choice.in_flight), say.count(choice.waiting), _number(choice.allowed))
    role: Role = "strong" if changed else "text"
    mark: Span = (glyphs.cursor if chosen else " ", "accent")
    return (
        mark,
        (" " + fit(choice.name, name, ellipsis=glyphs.cut), "strong" if chosen else "text"),
        ("".join(f"{number:>{_WIDE}}" for number in numbers[len(_HEADS) - shown :]), "text"),
        (f"{'*' if changed else ''}{will}".rjust(_WIDE), "accent" if changed else role),
        (f" {changed_hold}{state_of_hold}", "held"),
    )


def _number(number: int | None) -> str:
    return say.UNKNOWN if number is None else say.count(number)


def _wrapped(text: str, role: Role, width: int, glyphs: Glyphs) -> list[Line]:
    """`text` in two lines at most, broken between words."""
    head, *rest = wrap(text, width)
    return [((head, role),), *([((shorten(" ".join(rest), width, glyphs.cut), role),)] if rest else ())]
