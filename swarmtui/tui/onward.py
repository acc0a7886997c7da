"""What other commands do with a session, offered where it is looked at: resume, fork, export, compare.

Each is shown as the very command line. Those that lead to a session are carried out from here too: the workbench is
left for them, and what it showed goes on. The others the list of sessions carries out.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable
from typing import TYPE_CHECKING

from swarmtui.session.vocabulary import Status
from swarmtui.tui.view.forked import fork_words

if TYPE_CHECKING:
    from swarmtui.tui.app import Workbench

CarryOut = Callable[[list[str]], None]
"""Takes the arguments of the command that is carried out once the workbench has been left."""


class Onward:
    """One workbench's ways on. Without `carry_out`, commands are shown and copied only."""

    def __init__(self, app: Workbench, carry_out: CarryOut | None) -> None:
        self._app, self._carry_out = app, carry_out

    @property
    def _called(self) -> str:
        machine, session = self._app.origin.machine, self._app.state.id
        return f"{machine}/{session}" if machine else session

    def resume(self) -> None:
        """A new host for a session that has none."""
        failed = self._app.state.status is Status.FAILED
        told = "What failed runs again." if failed else "A new host takes it up; what is done stays done."
        self._offer("Go on with the session?", told, ["resume", self._called, *(["--retry-failed"] if failed else [])])

    def fork(self) -> None:
        """Another session with the past of this one up to here."""
        from swarmtui.tui.screens.dialogs import ForkScreen

        seq = self._app.state.seq
        told = f"Another session begins with all that was by event {seq:,}; this one stays as it is."
        words = ["fork", self._called, "--at", str(seq)]
        screen = ForkScreen(
            "Fork the session here?",
            f"{told}\n\n{fork_words(self._app.state)}",
            shlex.join(["swarmtui", *words]),
            can_run=self._carry_out is not None,
        )
        more = {"edit": ["--edit"], "paused": ["--paused"]}
        self._app.push_screen(screen, lambda answer: self._answered(answer, [*words, *more.get(answer or "", [])]))

    def export(self) -> None:
        """As a file."""
        told = "Writes the session as one page for a browser; --help names the other forms.\n\n" + self._typed("export")
        words = ["export", self._called, "--format", "html", "-o", f"{self._app.state.id}.html"]
        self._offer("Export the session", told, words, here=False)

    def compare(self) -> None:
        """With another one; of a fork, with what it was forked from."""
        parent, machine = self._app.state.parent, self._app.origin.machine
        other = parent.id if parent is not None else "OTHER"
        if machine:
            other = f"{machine}/{other}"
        told = "Holds two sessions against each other, node by node.\n\n" + self._typed("compare")
        self._offer("Compare the session", told, ["compare", other, self._called], here=False)

    def _typed(self, action: str) -> str:
        """What is not carried out from here, and where it is."""
        there = f"{{{action}}} in the list of sessions (swarmtui alone) needs none"
        return self._app.with_keys(f"From here this is a command; {there}.")

    def _offer(self, title: str, told: str, words: list[str], *, here: bool = True) -> None:
        from swarmtui.tui.screens.dialogs import CommandScreen

        can = here and self._carry_out is not None
        screen = CommandScreen(title, told, shlex.join(["swarmtui", *words]), can_run=can)
        self._app.push_screen(screen, lambda answer: self._answered(answer, words))

    def _answered(self, answer: str | None, words: list[str]) -> None:
        if answer == "copy":
            self._app.text_out.copy(shlex.join(["swarmtui", *words]), "the command")
        elif answer is not None and self._carry_out is not None:
            self._carry_out(words)
            self._app.detach()
