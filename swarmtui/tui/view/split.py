"""Where the time of an attempt went, and its money: waiting, first token, generation, tools; tokens and price."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from swarmtui.frozen import frozen
from swarmtui.plan.model import ModelRef
from swarmtui.session.spent import Spent
from swarmtui.tui.view import format as say
from swarmtui.tui.view.attempts import Attempt
from swarmtui.tui.view.glyphs import Glyphs, Sign
from swarmtui.tui.view.lines import Line, Span, cells, fit, shares, shorten
from swarmtui.tui.view.tails import TOKEN_CHARS

QUEUE, THROTTLE, FIRST, MODEL, WORK, TOOLS = "queue", "throttle", "first token", "generation", "work", "tools"
_LOOKS: dict[str, Sign] = {
    QUEUE: Sign("░", ".", "waiting"),
    THROTTLE: Sign("▒", "~", "throttled"),
    FIRST: Sign("▓", ":", "held"),
    MODEL: Sign("█", "#", "running"),
    WORK: Sign("█", "#", "running"),
    TOOLS: Sign("▚", "+", "retrying"),
}
"""Each part has a shape of its own, so that it can be told without colour."""
_TOLD = {
    QUEUE: "ready, and no place was free",
    THROTTLE: "ready, and the provider let nothing through",
    FIRST: "asked, and nothing had come yet",
    MODEL: "text came; where first tokens are not told, waiting for them too",
    WORK: "at work",
    TOOLS: "a tool was at work",
}
LABEL = 12


@frozen
class Part:
    """A part of an attempt's time."""

    name: str
    seconds: float


def parts_of(attempt: Attempt, now: float) -> list[Part]:
    """The parts of an attempt's time from when it was ready; those after its start add up to its life."""
    life = attempt.life_s(now)
    tools = min(life, _tools_s(attempt, now))
    rest = life - tools
    waited = [Part(QUEUE, max(0.0, attempt.queue_s)), Part(THROTTLE, max(0.0, attempt.throttle_s))]
    if not attempt.called_model and not attempt.model:
        return [*waited, Part(WORK, rest), Part(TOOLS, tools)]
    first = min(rest, max(0.0, attempt.first_token_s or 0.0))
    return [*waited, Part(FIRST, first), Part(MODEL, rest - first), Part(TOOLS, tools)]


def _tools_s(attempt: Attempt, now: float) -> float:
    """Seconds in which at least one tool was at work."""
    end = attempt.ended_ts if attempt.ended_ts is not None else now
    spans = sorted(
        (use.called_ts, min(end, use.answered_ts if use.answered_ts is not None else end))
        for use in attempt.tools.values()
        if use.called_ts is not None
    )
    busy, until = 0.0, float("-inf")
    for begun, over in spans:
        busy += max(0.0, over - max(begun, until))
        until = max(until, over)
    return busy


def added(attempts: Iterable[Attempt], now: float) -> list[Part]:
    """The parts of several attempts, added up."""
    sums: dict[str, float] = {}
    for attempt in attempts:
        for part in parts_of(attempt, now):
            sums[part.name] = sums.get(part.name, 0.0) + part.seconds
    return [Part(name, sums[name]) for name in _LOOKS if name in sums]


def bar(parts: Sequence[Part], size: int, glyphs: Glyphs) -> Line:
    """The parts as one bar of `size` cells."""
    spans: list[Span] = []
    for part, given in zip(parts, shares([part.seconds for part in parts], size), strict=True):
        sign, role = glyphs.sign(_LOOKS[part.name])
        if given:
            spans.append((sign * given, role))
    return tuple(spans)


def legend(parts: Sequence[Part], size: int, glyphs: Glyphs) -> list[Line]:
    """What of the bar is what, and how long: ``░ queue 1.5s``; in as many lines as that takes in `size` cells."""
    lines: list[Line] = []
    line: list[Span] = []
    taken = 0
    for part in parts:
        if not part.seconds:
            continue
        words = shorten(f" {part.name} {_s(part.seconds)}", size - 1, glyphs.cut)
        wide = 1 + cells(words)
        if line and taken + 2 + wide > size:
            lines.append(tuple(line))
            line, taken = [], 0
        if line:
            line.append(("  ", "text"))
            taken += 2
        line += [glyphs.sign(_LOOKS[part.name]), (words, "muted")]
        taken += wide
    return [*lines, tuple(line)] if line else lines


def time_lines(parts: Sequence[Part], width: int, glyphs: Glyphs) -> list[Line]:
    """The bar, and a line for each part."""
    whole = sum(part.seconds for part in parts)
    lines: list[Line] = [bar(parts, max(8, min(100, width - 2)), glyphs), ()]
    for part in parts:
        if not part.seconds:
            continue
        sign, role = glyphs.sign(_LOOKS[part.name])
        share = f"{part.seconds * 100 / whole:3.0f}%"
        told = fit(_TOLD[part.name], max(0, width - LABEL - 20), ellipsis=glyphs.cut)
        lines.append((
            (sign * 2, role), (f" {part.name:<{LABEL}}", "text"),
            (f"{_s(part.seconds):>8}", "strong"), (f" {share}  ", "muted"), (told, "faint"),
        ))  # fmt: skip
    lines.append(((" " * 3 + f"{'together':<{LABEL}}", "muted"), (f"{_s(whole):>8}", "strong")))
    return lines


def _s(seconds: float) -> str:
    return f"{seconds * 1000:.0f}ms" if 0 < seconds < 0.1 else say.took(seconds)


def money_lines(
    spent: Spent, attempts: Sequence[Attempt], ref: ModelRef | None, width: int, glyphs: Glyphs, now: float
) -> list[Line]:
    """Tokens and price, and how fast text came."""
    if not spent.attempts:
        return [] if any(one.model and not one.ended for one in attempts) else [(("no model was called", "faint"),)]
    known = [] if spent.tokens or not spent.unmetered else [_row("tokens", "n/a", "nobody told how many")]
    rows = [
        _row("tokens in", say.count(spent.tokens_in), _cached(spent)),
        _row("tokens out", say.count(spent.tokens_out), _reasoning(spent)),
    ]
    lines = known or rows
    if spent.unmetered and spent.tokens:
        lines.append(_row("", "", f"of {spent.unmetered} attempts not all tokens are known"))
    lines.append(_row("price", say.money(spent, ascii_only=glyphs.ascii) or "none", _price(spent, ref)))
    wrote = sum(part.seconds for attempt in attempts for part in parts_of(attempt, now) if part.name == MODEL)
    if wrote > 0.05 and spent.tokens_out:
        lines.append(_row("speed", f"{spent.tokens_out / wrote:.0f}/s", "tokens out by the time of generation"))
    if spent.orphans:
        lines.append(_row("lost", str(spent.orphans), "calls that a crash caught: what they cost nobody knows"))
    return lines


def running_lines(running: Sequence[tuple[Attempt, int]], glyphs: Glyphs, now: float) -> list[Line]:
    """What attempts that run have taken by now, each with the characters that it has said; nothing if none calls a
    model. Their tokens are told at their ends: until then they are estimated."""
    ours = [(attempt, chars) for attempt, chars in running if attempt.model or attempt.called_model]
    if not ours:
        return []
    longest = max(attempt.life_s(now) for attempt, _ in ours)
    of = "by now" if len(ours) == 1 else f"by now, the longest of {len(ours)} attempts"
    steps = sum(attempt.spent.tokens for attempt, _ in ours)
    about = round(sum(chars for _, chars in ours) / TOKEN_CHARS)
    lines = [_row("running", say.clock(longest), of)]
    if steps:
        lines.append(_row("tokens", say.count(steps), "in the calls that have ended"))
    told = "tokens out, estimated from what it has said"
    lines.append(_row("so far", f"{'~' if glyphs.ascii else '≈'}{say.count(about)}", told))
    return lines


def _row(label: str, value: str, told: str = "") -> Line:
    return ((f"   {label:<{LABEL}}", "muted"), (f"{value:>8}", "strong"), (f"  {told}", "faint"))


def _cached(spent: Spent) -> str:
    if not spent.tokens_cached:
        return "none of them cached"
    return f"{say.count(spent.tokens_cached)} of them cached ({say.percent(spent.tokens_cached, spent.tokens_in)})"


def _reasoning(spent: Spent) -> str:
    return f"{say.count(spent.tokens_reasoning)} of them reasoning" if spent.tokens_reasoning else ""


def _price(spent: Spent, ref: ModelRef | None) -> str:
    if spent.simulated == spent.attempts:
        return "simulated: nothing is paid"
    if ref is None or ref.price_in is None or ref.price_out is None:
        return "" if spent.cost_usd else "the model's price is not known"
    cached = f", {say.usd(ref.price_cached)} cached" if ref.price_cached is not None else ""
    return f"{say.usd(ref.price_in)} in, {say.usd(ref.price_out)} out{cached} per million tokens"
