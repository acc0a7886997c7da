"""The sessions of several machines as one list: rows as they arrive, and one row for a machine that is silent. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field
from typing import TYPE_CHECKING

from swarmtui.frozen import mutable
from swarmtui.safety.text import one_line
from swarmtui.tui.view import format as say
from swarmtui.tui.view.column import Column
from swarmtui.tui.view.sessions import key_of

if TYPE_CHECKING:
    from swarmtui.plan.model import JSON
    from swarmtui.tui.view.glyphs import Glyphs
    from swarmtui.tui.view.lines import Role, Span
    from swarmtui.tui.view.moment import Moment
    from swarmtui.tui.view.sessions import Row


@mutable
class _Machine:
    """What another machine said last."""

    asked: float
    """When it was asked first since it answered last, epoch seconds."""
    rows: list[Row] | None = None
    error: str = ""


@mutable
class Machines:
    """This machine's sessions, and those of others."""

    here: Sequence[Row] = ()
    _far: dict[str, _Machine] = field(default_factory=dict)

    @property
    def names(self) -> tuple[str, ...]:
        """The other machines."""
        return tuple(self._far)

    def keep(self, names: Iterable[str], now: float) -> None:
        """These machines and no others are asked, the new ones from `now` on."""
        self._far = {name: self._far.get(name) or _Machine(now) for name in names}

    def answered(self, name: str, rows: Sequence[Row], now: float) -> None:
        """What `name` answered: rows as ``ls --host`` gives them; one with an `error` says why there are none."""
        machine = self._far.get(name)
        if machine is None:
            return  # taken off the list meanwhile
        error = next((str(row["error"]) for row in rows if "error" in row), None)
        if error is not None:
            if machine.rows is not None:
                machine.asked = now
            machine.error, machine.rows = error or "no answer", None
        else:
            machine.asked, machine.error = now, ""
            machine.rows = [{**row, "far": True, "host": name} for row in rows]

    def outdated(self, key: str) -> None:
        """What is known of that session is of before somebody was in it: that is told until its machine answers."""
        for machine in self._far.values():
            machine.rows = machine.rows and [
                {**row, "again": True, "needs_you": 0} if key_of(row) == key else row for row in machine.rows
            ]

    def said(self, name: str, now: float) -> tuple[str, Role]:
        """What `name` said last, in a few words."""
        machine = self._far.get(name)
        if machine is None:
            return "", "muted"
        age = say.ago(now - machine.asked)
        if machine.rows is not None:
            return f"{say.sessions(len(machine.rows))}, {age} ago", "ok"
        if machine.error:
            return one_line(f"{machine.error} (for {age})", 300), "bad"
        return f"is being asked, for {age}", "muted"

    def rows(self) -> list[Row]:
        """All sessions, newest first; then a row ``{host, error, since}`` for each machine without an answer, of which
        `error` is empty while it is asked for the first time."""
        far = [row for machine in self._far.values() for row in machine.rows or ()]
        found = sorted((*self.here, *far), key=_age) if far else list(self.here)
        silent: list[Row] = [
            {"host": name, "error": machine.error, "since": machine.asked}
            for name, machine in self._far.items()
            if machine.rows is None
        ]
        return found + silent


def _age(row: Row) -> tuple[float, str]:
    return -float(row.get("started") or 0.0), str(row.get("id"))


@mutable
class Hosts:
    """Which other machines are listed: those of the settings and those added, less what is switched off."""

    settled: tuple[str, ...] = ()
    """Of the settings."""
    added: list[str] = field(default_factory=list)
    off: set[str] = field(default_factory=set)

    @staticmethod
    def recalled(kept: Mapping[str, JSON], settled: Sequence[str]) -> Hosts:
        """What was remembered, as far as it makes sense."""
        words = {
            name: [one_line(word, 200) for word in found if isinstance(word, str)] if isinstance(found, list) else []
            for name in ("added", "off")
            for found in [kept.get(name)]
        }
        added = [word for word in dict.fromkeys(words["added"]) if word not in settled]
        return Hosts(tuple(dict.fromkeys(settled)), added, set(words["off"]))

    def kept(self) -> dict[str, JSON]:
        """What is remembered."""
        added: list[JSON] = list(self.added)
        off: list[JSON] = sorted(self.off & set(self.all))
        return {"added": added, "off": off}

    @property
    def all(self) -> tuple[str, ...]:
        """All that are known."""
        return (*self.settled, *self.added)

    @property
    def listed(self) -> tuple[str, ...]:
        """Those that are asked."""
        return tuple(name for name in self.all if name not in self.off)

    def add(self, name: str) -> None:
        """List `name`, too."""
        self.off.discard(name)
        if name not in self.all:
            self.added.append(name)

    def remove(self, name: str) -> None:
        """Forget one that was added; of one of the settings, switch it off."""
        if name in self.added:
            self.added.remove(name)
        elif name in self.settled:
            self.off.add(name)

    def switch(self, name: str) -> None:
        """On, or off."""
        self.off.symmetric_difference_update({name})


@mutable
class HostRows:
    """The machines as rows of a table."""

    hosts: Hosts
    machines: Machines

    @property
    def none(self) -> str:
        """What is said where there are no rows."""
        return " no other machine is listed yet"

    @property
    def columns(self) -> Sequence[Column]:
        """Name, whether it is listed, what it said last."""
        return (
            Column("host", "machine", 24, 10),
            Column("on", "listed", 6, 9),
            Column("from", "from", 11, 3),
            Column("told", "what it said last", 0, 8),
        )

    @property
    def sort(self) -> tuple[str, bool]:
        """Their own order."""
        return "", False

    def __len__(self) -> int:
        return len(self.hosts.all)

    def key(self, at: int) -> str:
        """Which machine."""
        return self.hosts.all[at]

    def cells(self, at: int, moment: Moment, glyphs: Glyphs) -> dict[str, Span]:
        """One machine."""
        name = self.hosts.all[at]
        on = name not in self.hosts.off
        said, role = self.machines.said(name, moment.wall)
        return {
            "host": (one_line(name, 80), "text" if on else "muted"),
            "on": ("yes" if on else "no", "ok" if on else "muted"),
            "from": ("config file" if name in self.hosts.settled else "added here", "muted"),
            "told": (said if on else "", role),
        }
