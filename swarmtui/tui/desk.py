"""What the prompt at home works with, handed in from outside: task files, their checks, somebody to talk with."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import field
from typing import TYPE_CHECKING, Any, Literal, Protocol

from swarmtui.frozen import frozen, mutable
from swarmtui.tui.kept import Kept

if TYPE_CHECKING:
    from swarmtui.tui.view.prompt import Entry, InputTold
    from swarmtui.tui.view.talk import Turn


class TalkFailed(Exception):
    """There is no answer; the message says why and what to do, in one line."""


@frozen
class TaskTold:
    """What is known of a task file before it runs."""

    title: str
    about: str
    """How much it is: ``8 nodes``."""
    inputs: tuple[InputTold, ...] = ()
    problems: tuple[str, ...] = ()
    """One line each, ``file:line:column: what: how to mend it``; then nothing else is known."""


@frozen
class Answer:
    """What the coordinator has said, once it is whole."""

    kind: Literal["reply", "ask", "start"]
    text: str
    argv: tuple[str, ...] = ()
    """Of ``start``: the arguments of the command that is proposed."""
    problem: str = ""
    """Why what it proposed cannot be started, if so."""
    tokens: int | None = None
    cost_usd: float | None = None


class Desk(Protocol):
    """Everything here may take a moment; nothing blocks the loop, nothing starts anything."""

    async def known(self) -> Sequence[Entry]:
        """Task files that ran lately, the last one first, then samples."""

    async def entries(self, folder: str) -> Sequence[Entry]:
        """Task files and folders in `folder`, as it was typed; empty for the current one."""

    async def told(self, task: str) -> TaskTold | None:
        """What is known of a task file or sample; None where there is none of that name."""

    async def check(self, argv: Sequence[str], *, goal: bool = False) -> Sequence[str]:
        """What keeps a ``run`` command from starting, a line each; empty if nothing does. `goal`: it is to run a goal,
        and not a task file of that name."""

    async def model(self) -> tuple[str, bool]:
        """Who answers, and whether that is the simulated model. Raises TalkFailed."""

    async def answer(
        self, talk: Sequence[Turn], rows: Sequence[Mapping[str, Any]], on_text: Callable[[str], None]
    ) -> Answer:
        """The answer to the last turn; its text goes to `on_text` as it comes. Raises TalkFailed."""


@mutable
class Prompting:
    """What outlives a look at the home screen: the desk, what was typed and said, and what stands in the prompt."""

    desk: Desk
    typed: Kept = field(default_factory=lambda: Kept(None, 0))
    talk: Kept = field(default_factory=lambda: Kept(None, 0))
    draft: str = ""
    told: set[str] = field(default_factory=set)
    """Files of which it was said that they cannot be written: once is enough."""

    def first_time(self, file: str) -> bool:
        """Whether nothing was said yet of `file`; from now on something was."""
        first = file not in self.told
        self.told.add(file)
        return first
