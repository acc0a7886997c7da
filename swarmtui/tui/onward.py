"""What other commands do with a session, offered where it is looked at: resume, fork, export, compare.

The first three are shown as the very command line. Those that lead to a session leave the workbench for them, and what
it showed goes on; the others are carried out beside it, while it stands.
"""

from __future__ import annotations

import shlex
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from swarmtui.session.vocabulary import Status
from swarmtui.tui import content
from swarmtui.tui.comparing import Comparing
from swarmtui.tui.view.forked import fork_words

if TYPE_CHECKING:
    from swarmtui.tui.app import Workbench
    from swarmtui.tui.beside import Beside
    from swarmtui.tui.view.others import Other

CarryOut = Callable[[list[str]], None]
"""Takes the arguments of the command that is carried out once the workbench has been left."""


class Onward:
    """One workbench's ways on. Without `carry_out`, commands are shown and copied only."""

    def __init__(self, app: Workbench, carry_out: CarryOut | None, beside: Beside) -> None:
        self._app, self._carry_out, self._beside = app, carry_out, beside
        self._comparing = Comparing(app, beside.compare)

    @property
    def _called(self) -> str:
        machine, session = self._app.origin.machine, self._app.state.id
        return f"{machine}/{session}" if machine else session

    def _is_loose(self) -> bool:
        """Whether there is no session that a command could be about, which is told."""
        if self._beside.loose:
            made = _line(["recover", self._beside.loose])
            content.notice(self._app, f"this is a file by itself: `{made}` makes a session of it", "warning")
        return bool(self._beside.loose)

    def resume(self) -> None:
        """A new host for a session that has none."""
        if self._is_loose():
            return
        failed = self._app.state.status is Status.FAILED
        told = "What failed runs again." if failed else "A new host takes it up; what is done stays done."
        self._offer("Go on with the session?", told, ["resume", self._called, *(["--retry-failed"] if failed else [])])

    def fork(self) -> None:
        """Another session with the past of this one up to here."""
        from swarmtui.tui.screens.dialogs import ForkScreen

        if self._is_loose():
            return
        seq = self._app.state.seq
        told = f"Another session begins with all that was by event {seq:,}; this one stays as it is."
        words = ["fork", self._called, "--at", str(seq)]
        screen = ForkScreen(
            "Fork the session here?",
            f"{told}\n\n{fork_words(self._app.state)}",
            _line(words),
            can_run=self._carry_out is not None,
        )
        more = {"edit": ["--edit"], "paused": ["--paused"]}
        self._app.push_screen(screen, lambda answer: self._answered(answer, [*words, *more.get(answer or "", [])]))

    def export(self) -> None:
        """As a page for a browser."""
        from swarmtui.tui.screens.dialogs import CommandScreen, ConfirmScreen

        state, does = self._app.state, self._beside.export
        title, told = "Export the session?", "Writes the session, as far as it has come, as one page for a browser."
        if self._beside.loose and does is not None:
            self._app.push_screen(
                ConfirmScreen(title, f"{told}\n\n{self._beside.exports_to}", "write it"), self._agreed
            )
            return
        words = ["export", self._called, "--format", "html", "-o", f"{state.id}.html"]
        told += " --help names the other forms."
        if does is not None:
            told += f"\n\n{self._beside.exports_to}"

        def answered(answer: str | None) -> None:
            if answer == "copy":
                self._copy(words)
            else:
                self._agreed(answer == "run")

        self._app.push_screen(CommandScreen(title, told, _line(words), can_run=does is not None), answered)

    def _agreed(self, yes: bool | None) -> None:
        if yes and self._beside.export is not None:
            self._app.run_worker(self._export(self._beside.export), exclusive=True, group="export")

    async def _export(self, does: Callable[[], Awaitable[str]]) -> None:
        content.notice(self._app, "exporting …")
        try:
            written = await does()
        except Exception as error:  # noqa: BLE001 - told: a disk may be full, a machine may not answer
            content.notice(self._app, f"export: {error}", "error")
        else:
            content.notice(self._app, f"exported to {written}")

    def compare(self) -> None:
        """With another one, that is picked: of a fork, what it was forked from stands on top."""
        if self._is_loose():
            return
        if not self._comparing.can:
            words = ["compare", self._origin or "OTHER", self._called]
            self._offer(
                "Compare the session", "Holds two sessions against each other, node by node.", words, here=False
            )
            return
        from swarmtui.tui.screens.against import AgainstScreen

        self._app.push_screen(AgainstScreen(self._beside, self._called, self._origin), self._picked)

    def _picked(self, other: Other | None) -> None:
        if other is not None:
            pair = (other.key, self._called) if other.older else (self._called, other.key)
            self._comparing.show(*pair)

    @property
    def _origin(self) -> str:
        """What the session was forked from is called; empty where it is no fork."""
        parent, machine = self._app.state.parent, self._app.origin.machine
        if parent is None:
            return ""
        return f"{machine}/{parent.id}" if machine else parent.id

    async def close(self) -> None:
        """The workbench ends."""
        await self._comparing.close()

    def _offer(self, title: str, told: str, words: list[str], *, here: bool = True) -> None:
        from swarmtui.tui.screens.dialogs import CommandScreen

        can = here and self._carry_out is not None
        screen = CommandScreen(title, told, _line(words), can_run=can)
        self._app.push_screen(screen, lambda answer: self._answered(answer, words))

    def _answered(self, answer: str | None, words: list[str]) -> None:
        if answer == "copy":
            self._copy(words)
        elif answer is not None and self._carry_out is not None:
            self._carry_out(words)
            self._app.detach()

    def _copy(self, words: list[str]) -> None:
        self._app.text_out.copy(_line(words), "the command")


def _line(words: list[str]) -> str:
    return shlex.join(["swarmtui", *words])
