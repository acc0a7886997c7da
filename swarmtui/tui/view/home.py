"""What the list of sessions says around its table: the headline, the title, what to do where there is none, and why an
action does not apply. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from swarmtui.safety.text import one_line
from swarmtui.tui.actions.names import verbatim
from swarmtui.tui.view import format as say
from swarmtui.tui.view.bulk import Verb, pausing, why_not
from swarmtui.tui.view.lines import Line, shorten, wrap
from swarmtui.tui.view.sessions import Looking, Row, goes_on, key_of

VERBS: Mapping[str, Verb] = {
    "pause_session": Verb.PAUSE,
    "retry_failed": Verb.RETRY,
    "cancel_session": Verb.CANCEL,
    "resume": Verb.RESUME,
    "remove": Verb.REMOVE,
    "export": Verb.EXPORT,
}
"""Actions that are about all sessions that are marked, by their IDs."""
MANY = 300
"""Of more sessions than that it is not worked out with every key whether any can be acted on: the dialog tells."""
REASONS = 3
"""So many reasons are told of why nothing can be done with any of several; the others are counted."""
_OF_ONE = ("open", "past", "fork", "select", "compare", "attend")


def verb_of(action: str, rows: Sequence[Row]) -> Verb:
    """What the key means for these sessions: the pause key lets go on what is paused."""
    return pausing(rows) if action == "pause_session" else VERBS[action]


def refusal(action: str, row: Row | None, meant: Sequence[Row], *, able: bool) -> str | None:
    """Why an action does not apply: `row` is under the cursor, `meant` are the marked ones, else that one.

    For the key of an action ``{its_id}`` stands.
    """
    if action in _OF_ONE and (row is None or "error" in row):
        return "no session is selected"
    if action == "attend" and row is not None and not row.get("needs_you"):
        return f"nothing of {verbatim(key_of(row))} waits for you"
    if action not in VERBS:
        return None
    if not meant:
        return "no session is selected"
    if not able:
        return "not from this list: swarmtui --help has a command for it"
    if len(meant) > MANY:
        return None
    verb = verb_of(action, meant)
    reasons: Counter[str] = Counter()
    for one in meant:
        why = why_not(verb, one)
        if why is None:
            return None
        reasons[why] += 1
    return f"{verbatim(key_of(meant[0]))}: {why}" if len(meant) == 1 else _why_none(reasons)


def _why_none(reasons: Counter[str]) -> str:
    """Why nothing can be done with any of several: each reason once, with how many it holds for."""
    told, total = reasons.most_common(REASONS), reasons.total()
    if len(reasons) == 1:
        return f"none of the {say.sessions(total)}: {told[0][0]}"
    rest = total - sum(count for _, count in told)
    parts = [f"{why} ({count:,})" for why, count in (*told, *([("something else", rest)] if rest else []))]
    return f"none of the {say.sessions(total)}: {'; '.join(parts)}"


def headline(found: Sequence[Row], marked: int, *, read: bool, prompted: bool) -> Line:
    """How many there are, how many go on, are marked, need somebody."""
    line: Line = ((" swarmtui", "strong"),)
    if not read and not found:
        return (*line, ("   reading the sessions", "muted"))
    known = [row for row in found if "error" not in row]
    if not found:
        how = "type a goal below" if prompted else "swarmtui run TASK.yaml starts one"
        return (*line, (f"   no sessions yet: {how}", "muted"))
    needs = sum(1 for row in known if row.get("needs_you"))
    runs = sum(1 for row in known if goes_on(row))
    silent = len({row.get("host") for row in found if row.get("error")})
    line = (*line, (f"   {say.sessions(len(known))}", "muted"))
    if runs:
        line = (*line, (f"   {runs:,} go{'es' if runs == 1 else ''} on", "running"))
    if needs:
        line = (*line, (f"   {say.need_you(needs)}", "ask"))
    if silent:
        line = (*line, (f"   {silent} machine{'' if silent == 1 else 's'} silent", "bad"))
    return (*line, (f"   {marked:,} marked", "accent")) if marked else line


def told_of_list(looking: Looking, shown: int, total: int) -> str:
    """The title of the table: how many of how many, and why not all."""
    key, descending = looking.sort
    parts = [looking.shown if looking.shown != "all" else "", looking.words]
    parts.append(f"by {key} {'down' if descending else 'up'}" if key else "" if looking.tree else "by time")
    many = f"{shown:,} of {total:,}" if shown != total else "all"
    return ", ".join([f"sessions: {many}", *(part for part in parts if part)])


HOW_HERE = (
    "Type below what you want to have done: enter talks it over, {plan_now} has a plan written at once. You see it "
    "before it runs."
)
"""What to do where there is no session yet, but a prompt."""


def empty_lines(samples: Sequence[tuple[str, str]], width: int, how_here: str) -> list[Line]:
    """What to do where there is no session yet: with a prompt `how_here`. `samples`: task files that run as they are,
    with their goals."""
    room, prompted = max(20, width - 4), bool(how_here)
    how = how_here or 'swarmtui run "what you want to have done" has a plan written, and shows it before anything runs.'
    lines: list[Line] = [(), (("  No sessions yet.", "strong"),), ()]
    lines += [((f"  {part}", "text"),) for part in wrap(how, room)]
    if samples:
        ways = "type its name below" if prompted else "swarmtui run NAME"
        lines += [(), ((f"  Or try a sample: {ways}", "text"),), ()]
        wide = max(len(name) for name, _ in samples) + 2
        lines += [
            ((f"    {name:<{wide}}", "accent"), (shorten(one_line(told, 200), max(8, room - wide - 2)), "muted"))
            for name, told in samples
        ]
    told = "Without a key for a model, a simulated one answers: nothing is sent anywhere, and nothing costs anything."
    lines += [(), *(((f"  {part}", "muted"),) for part in wrap(told, room))]
    return lines
