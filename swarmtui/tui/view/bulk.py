"""One thing done with many sessions: which of them it is done with, which not and why, and what came of each. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import field
from enum import StrEnum
from typing import TYPE_CHECKING

from swarmtui.frozen import frozen, mutable
from swarmtui.safety.text import one_line
from swarmtui.session.vocabulary import FINAL, Status, how_ended
from swarmtui.tui.actions.names import verbatim
from swarmtui.tui.view import format as say
from swarmtui.tui.view.column import Column
from swarmtui.tui.view.lines import cells as cells_of
from swarmtui.tui.view.sessions import Row, key_of, status_of
from swarmtui.tui.view.status import STATUS

if TYPE_CHECKING:
    from swarmtui.tui.view.glyphs import Glyphs
    from swarmtui.tui.view.lines import Role, Span
    from swarmtui.tui.view.moment import Moment


class Verb(StrEnum):
    """What can be done with many sessions at once."""

    PAUSE = "pause"
    GO_ON = "go on"
    RETRY = "retry failed"
    CANCEL = "cancel"
    RESUME = "resume"
    REMOVE = "remove"
    EXPORT = "export"


@frozen
class Words:
    """How a dialog speaks of a verb."""

    title: str
    """With the number of sessions in it: ``Pause 3 sessions?``."""
    told: str
    """What follows from it."""
    will: str
    """Of one session, before: ``is paused``."""
    done: str
    """Of one session, after."""


WORDS: Mapping[Verb, Words] = {
    Verb.PAUSE: Words("Pause {}?", "What runs goes on to its end, nothing new starts.", "is paused", "paused"),
    Verb.GO_ON: Words("Let {} go on?", "What waits starts again.", "goes on", "goes on"),
    Verb.RETRY: Words(
        "Run what failed in {} again?", "Where a session has ended a host is started.", "runs again", "runs again"
    ),
    Verb.CANCEL: Words(
        "Cancel {}?", "What runs is stopped and nothing else starts. What is recorded stays.", "is cancelled",
        "cancelled",
    ),
    Verb.RESUME: Words(
        "Resume {}?",
        "A new host takes it up; what is done stays done. What a crash cut short waits for you where it may have "
        "changed something.",
        "goes on", "goes on",
    ),
    Verb.REMOVE: Words(
        "Remove {} for good?", "Record, outputs and artefacts are deleted. There is no way back.", "is removed",
        "removed",
    ),
    Verb.EXPORT: Words("Export {}?", "Each becomes a page for a browser.", "is exported", "exported"),
}  # fmt: skip

_RECORDING = "a recording of what ran elsewhere: nothing of it can go on"
_CRASHED = "its host has crashed: {resume} resumes it"
_NO_HOST = "no host runs it: {resume} starts one"
_GOING = (Status.PLANNING, Status.RUNNING, Status.AWAITING_APPROVAL)


def why_not(verb: Verb, row: Row) -> str | None:
    """Why `verb` cannot be done with the session, in a sentence that names actions as ``{their_ids}``; None if it can,
    as far as its row tells."""
    if "error" in row:
        return "its machine does not answer"
    status = status_of(row)
    if status is None:
        return "its status is not known to this version"
    damaged = "`swarmtui recover" in str(row.get("reason"))
    if damaged and verb is not Verb.REMOVE:
        return f"its file is damaged: `swarmtui recover {verbatim(str(row.get('id')))}` saves what is intact"
    match verb:
        case Verb.REMOVE:
            return _why_not_remove(row, status)
        case Verb.EXPORT:
            return None if row.get("counts") or row.get("title") else "nothing of it was recorded yet"
        case Verb.RETRY:
            return _why_not_retry(row, status)
        case Verb.RESUME:
            return _why_not_resume(row, status)
        case _:
            return _why_not_steer(verb, row, status)


def _why_not_steer(verb: Verb, row: Row, status: Status) -> str | None:
    """What a living host is asked for."""
    if status in FINAL:
        return f"it {how_ended(status)}"
    if row.get("imported"):
        return _RECORDING
    if status is Status.CRASHED:
        return _CRASHED
    if not _hosted(row, status):
        return _NO_HOST
    paused = status is Status.PAUSED
    if verb is Verb.PAUSE and paused:
        return "it is paused already"
    return "it is not paused" if verb is Verb.GO_ON and not paused else None


def _why_not_remove(row: Row, status: Status) -> str | None:
    if not _hosted(row, status):
        return None
    if status not in FINAL:
        return "its host lives: {cancel_session} cancels it first"
    return "somebody still watches it" if row.get("viewers") else "its host is about to leave: try again in a moment"


def _why_not_retry(row: Row, status: Status) -> str | None:
    counts = row.get("counts")
    failed = counts.get("failed") if isinstance(counts, Mapping) else 0
    if not failed:
        return "nothing of it has failed"
    if row.get("imported"):
        return _RECORDING
    if status is Status.CRASHED:
        return _CRASHED
    return None if status in FINAL or _hosted(row, status) else _NO_HOST


def _why_not_resume(row: Row, status: Status) -> str | None:
    if row.get("imported"):
        return _RECORDING
    if status is Status.FAILED:
        return "it has failed: {retry_failed} runs what failed again"
    if status in FINAL:
        return f"it {how_ended(status)}: there is nothing to go on with"
    if _hosted(row, status):
        return "its host lives" + (": {pause_session} lets it go on" if status is Status.PAUSED else "")
    return None


def _hosted(row: Row, status: Status) -> bool:
    """Whether a host lives; of an older version, which does not tell, whether one should."""
    told = row.get("hosted")
    return told if isinstance(told, bool) else status in (*_GOING, Status.PAUSED)


def pausing(rows: Iterable[Row]) -> Verb:
    """What the pause key means: to pause where something can be paused, else to let go on."""
    found = list(rows)
    can_go_on = any(why_not(Verb.GO_ON, row) is None for row in found)
    return Verb.GO_ON if can_go_on and all(why_not(Verb.PAUSE, row) for row in found) else Verb.PAUSE


class How(StrEnum):
    """How far it is with one session."""

    LEFT = "left alone"
    ASKED = "asked"
    UNDER_WAY = "under way"
    DONE = "done"
    FAILED = "failed"


TO_BE_DONE = "to be done"
"""What is asked for once somebody has agreed to it."""


@mutable
class One:
    """One session of many."""

    key: str
    row: Row
    how: How
    told: str = ""
    """Why it is left alone, or what came of it."""


@mutable
class Bulk:
    """A verb, and the sessions that it was asked for: first those that it is done with. Rows of a table, too."""

    verb: Verb
    all: list[One]
    began: bool = False
    _by_key: dict[str, One] = field(default_factory=dict)

    @staticmethod
    def of(verb: Verb, rows: Sequence[Row], with_keys: Callable[[str], str] = str) -> Bulk:
        """What would be done; `with_keys` puts the user's keys of actions into why it is not."""
        judged = [(row, why_not(verb, row)) for row in rows]
        acts = [One(key_of(row), row, How.ASKED) for row, why in judged if why is None]
        left = [One(key_of(row), row, How.LEFT, with_keys(why)) for row, why in judged if why is not None]
        return Bulk(verb, [*acts, *left], _by_key={one.key: one for one in (*acts, *left)})

    def keys(self, how: How) -> list[str]:
        """The sessions with which it is so far."""
        return [one.key for one in self.all if one.how is how]

    def note(self, key: str, how: How, told: str = "") -> None:
        """What has become of it with one session."""
        self.began = True
        one = self._by_key[key]
        one.how, one.told = how, told

    @property
    def busy(self) -> bool:
        """Whether some are not through."""
        return self.began and any(one.how in (How.ASKED, How.UNDER_WAY) for one in self.all)

    def title(self) -> str:
        """The question."""
        return WORDS[self.verb].title.format(say.sessions(len([one for one in self.all if one.how is not How.LEFT])))

    def standing(self) -> str:
        """How far it is, in a sentence."""
        count = {how: len(self.keys(how)) for how in How}
        left = f"; {say.sessions(count[How.LEFT])} left alone" if count[How.LEFT] else ""
        if not self.began:
            return f"{say.sessions(count[How.ASKED])} of {len(self.all):,}{left}"
        acts = len(self.all) - count[How.LEFT]
        failed = f", {count[How.FAILED]:,} failed" if count[How.FAILED] else ""
        return f"{count[How.DONE]:,} of {acts:,} done{failed}{left}"

    # -- as rows of a table -----------------------------------------------------------------------------------

    @property
    def columns(self) -> Sequence[Column]:
        """What becomes of it, which session, why."""
        return (
            Column("how", "", 12, 10),
            Column("id", "session", min(24, max([8, *(cells_of(one_line(one.key, 80)) for one in self.all)])), 9),
            Column("title", "title", 22, 2),
            Column("status", "status", 15, 3),
            Column("told", "what becomes of it", 0, 8),
        )

    @property
    def sort(self) -> tuple[str, bool]:
        """Their own order."""
        return "", False

    def __len__(self) -> int:
        return len(self.all)

    def key(self, at: int) -> str:
        """Which session."""
        return self.all[at].key

    def cells(self, at: int, moment: Moment, glyphs: Glyphs) -> dict[str, Span]:
        """One session."""
        one = self.all[at]
        words = WORDS[self.verb]
        role, icon = _LOOKS[one.how]
        told = one.told or {How.ASKED: words.will, How.UNDER_WAY: "…", How.DONE: words.done}.get(one.how, "")
        how = TO_BE_DONE if one.how is How.ASKED and not self.began else one.how.value
        left = one.how is How.LEFT
        status = status_of(one.row)
        return {
            "how": (how if glyphs.ascii else f"{icon} {how}", role),
            "id": (one_line(one.key, 80), "muted" if left else "text"),
            "title": (one_line(str(one.row.get("title") or ""), 200), "muted" if left else "text"),
            "status": (STATUS[status][0] if status else "?", "muted"),
            "told": (one_line(told, 300), "bad" if one.how is How.FAILED else "muted" if left else "text"),
        }


_LOOKS: dict[How, tuple[Role, str]] = {
    How.LEFT: ("faint", "–"),
    How.ASKED: ("accent", "○"),
    How.UNDER_WAY: ("running", "●"),
    How.DONE: ("succeeded", "✓"),
    How.FAILED: ("failed", "✗"),
}
