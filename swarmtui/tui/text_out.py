"""Text that leaves the workbench: to the clipboard, over ssh too, to the user's pager and editor, to a file."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Awaitable, Callable
from dataclasses import field
from pathlib import Path
from typing import TYPE_CHECKING

from swarmtui.frozen import mutable
from swarmtui.host.feed import NotFetched
from swarmtui.safety.paths import PathRefused, ensure_private, places, write_atomic
from swarmtui.safety.text import one_line
from swarmtui.tui import content, terminal
from swarmtui.tui.clipboard import ClipboardTool, clipboard_tool, hand_to
from swarmtui.tui.view.nodes import name_of

if TYPE_CHECKING:
    from swarmtui.session.state import NodeState
    from swarmtui.tui.app import Workbench

COPY_FILE = "copied.txt"
"""What was copied last, in the directory for state: the way that always works."""

Give = Callable[[], Awaitable[tuple[str, str]]]
"""Fetches a text, and what to call it. Raises ConnectionError."""


@mutable
class Ways:
    """By which ways a text may leave for the clipboard."""

    folder: Path | None = None
    """Where the file goes that always works; None: nowhere."""
    tool: Callable[[], ClipboardTool | None] = field(default=clipboard_tool)
    hand: Callable[[ClipboardTool, str], bool] = field(default=hand_to)

    @classmethod
    def of(cls, *, headless: bool) -> Ways:
        """Those of this machine; none of them where nobody sits before a terminal."""
        return cls(None, lambda: None) if headless else cls(places().state)

    def take(self, text: str) -> tuple[str, str]:
        """Name of the program that took `text`, and the file it is in; empty where that is not so. Blocks."""
        tool = self.tool()
        taken = tool.name if tool is not None and self.hand(tool, text) else ""
        if self.folder is None:
            return taken, ""
        try:
            _keep(self.folder / COPY_FILE, text)
        except (OSError, PathRefused):
            return taken, ""
        return taken, str(self.folder / COPY_FILE)


def told(what: str, size: int, *, terminal_took: bool, tool: str, file: str) -> tuple[str, bool]:
    """What the user is told of a copy, and whether it went anywhere."""
    ways = [f"{tool}'s clipboard" if tool != "tmux" else "tmux's buffer"] if tool else []
    ways += ["the terminal's clipboard"] if terminal_took else []
    limit = f"it is too long for the terminal's clipboard ({size:,} of {terminal.CLIPBOARD_LIMIT:,} characters)"
    if ways:
        kept = f"; {limit}" if not terminal_took else f"; it is in {file} too" if file else ""
        return f"{what} was sent to {' and '.join(ways)} ({size:,} characters){kept}", True
    if file:
        return f"{limit}: {what} is in {file}", True
    return f"{limit}: open it in your pager", False


class TextOut:
    """One workbench's way of handing texts out."""

    def __init__(self, app: Workbench) -> None:
        self._app = app
        self.ways: Ways | None = None
        """How a text gets to a clipboard; None: as this machine can."""

    # -- clipboard --------------------------------------------------------------------------------------------

    def copy(self, text: str, what: str) -> None:
        """To every clipboard there is a way to, and to a file; says which it was."""
        plain = content.plain(text)
        fits = len(plain) <= terminal.CLIPBOARD_LIMIT
        if fits:
            self._app.copy_to_clipboard(plain)
        self._app.run_worker(self._copied(plain, one_line(what, 80), fits), group="copy", exclusive=True)

    async def _copied(self, plain: str, what: str, fits: bool) -> None:
        ways = self.ways or Ways.of(headless=self._app.is_headless or self._app.is_web)
        tool, file = await asyncio.to_thread(ways.take, plain)
        words, went = told(what, len(plain), terminal_took=fits, tool=tool, file=file)
        content.notice(self._app, words, "information" if went else "warning")

    # -- programs of the user ---------------------------------------------------------------------------------

    def page(self, text: str) -> None:
        """In the user's pager."""
        self._take_over(lambda environ: terminal.show_in_pager(content.plain(text), environ), "pager")

    def page_named(self, text: str, what: str) -> None:
        """In the user's pager."""
        self.page(text)

    def edit(self, text: str, what: str) -> None:
        """In the user's editor, to be read."""
        name = _file_name(what)
        self._take_over(lambda environ: terminal.read_in_editor(content.plain(text), name, environ), "editor")

    def _take_over(self, show: Callable[[dict[str, str]], None], called: str) -> None:
        self._app.run_worker(self._taken_over(show, called), group="pager", exclusive=True)

    async def _taken_over(self, show: Callable[[dict[str, str]], None], called: str) -> None:
        app = self._app
        if app.is_headless or app.is_web:
            content.notice(app, f"no {called} can run here: copy it, or on a node write it to a file", "warning")
            return
        try:
            with app.batch_update(), app.suspend():
                await asyncio.to_thread(show, terminal.child_environment(app.no_color))
        except terminal.NoProgram as error:
            content.notice(app, str(error), "warning")

    # -- files ------------------------------------------------------------------------------------------------

    def ask_where(self, text: str, what: str) -> None:
        """Write it to a file that the user names."""
        from swarmtui.tui.screens.dialogs import LineScreen

        draft = _file_name(what)
        hint = f"{what}, {len(text):,} characters. A path; enter writes it."

        def answered(path: str | None) -> None:
            if path:
                whole = Path(os.path.expanduser(path))  # noqa: PTH111 - of a user who is not there it fails
                self._app.run_worker(self._save(whole, text), group="save", exclusive=True)

        self._app.push_screen(LineScreen("Write it to which file?", hint, draft), answered)

    def put_aside(self, text: str, what: str, name: str) -> None:
        """Into a file of its own in the directory for state, since no dialog waits for it any more; says which."""
        self._app.run_worker(self._put_aside(content.plain(text), what, name), group="aside")

    async def _put_aside(self, text: str, what: str, name: str) -> None:
        folder = (self.ways.folder if self.ways else None) or places().state
        path = folder / f"{time.strftime('%Y%m%d-%H%M%S')}-{_file_name(name)}"
        try:
            await asyncio.to_thread(_keep, path, text)
        except (OSError, PathRefused):
            content.notice(self._app, f"{what}; you had written: {text}", "warning")
        else:
            content.notice(self._app, f"{what}; what you had written is in {one_line(str(path), 200)}", "warning")

    async def _save(self, path: Path, text: str, *, over: bool = False) -> None:
        from swarmtui.tui.screens.dialogs import ConfirmScreen

        shown = one_line(str(path), 200)
        try:
            await asyncio.to_thread(_write, path, content.plain(text), over)
        except FileExistsError:

            def answered(yes: bool | None) -> None:
                if yes:
                    self._app.run_worker(self._save(path, text, over=True), group="save", exclusive=True)

            question = ConfirmScreen("Write over it?", f"{shown} is there already.", "write over it")
            self._app.push_screen(question, answered)
        except OSError as error:
            why = error.strerror or "it cannot be written"
            content.notice(self._app, f"{shown} was not written: {why}; name another file", "error")
        else:
            content.notice(self._app, f"written to {shown}")

    # -- outputs ----------------------------------------------------------------------------------------------

    def with_text(self, give: Give, use: Callable[[str, str], None]) -> None:
        """Hand what `give` fetches to `use`; tells where there is nothing, or it cannot be had."""
        self._app.run_worker(self._with_text(give, use), group="output")

    async def _with_text(self, give: Give, use: Callable[[str, str], None]) -> None:
        try:
            text, what = await give()
        except ConnectionError as error:
            why = str(error) if isinstance(error, NotFetched) else "the link is lost"
            content.notice(self._app, f"it could not be fetched: {why}", "warning")
            return
        if text.strip():
            use(text, what)
        else:
            content.notice(self._app, f"there is nothing in {one_line(what, 80)} yet", "warning")

    def with_output(self, node: NodeState | None, use: Callable[[str, str], None]) -> None:
        """Hand a node's output to `use`, as :meth:`with_text` does."""
        if node is None:
            content.notice(self._app, "no node is selected", "warning")
        else:
            self.with_text(lambda: self.output_of(node.id, None, gave=node.output is not None), use)

    async def output_of(self, node: str, item: int | None, *, gave: bool) -> tuple[str, str]:
        """The whole recorded output of a node or item if it `gave` one, else what it says; and what to call it. Raises
        ConnectionError."""
        app = self._app
        called = f"the output of {name_of(node)}{'' if item is None else f' item {item}'}"
        tail = app.tails.by_key.get((node, item))
        if app.feed is not None and (gave or tail is None):
            return await app.feed.output(node, item), called
        return "\n".join(line.text for line in tail.lines) if tail is not None else "", called


def _file_name(what: str) -> str:
    """A name for a file made of what a text is called: ``output-of-quality.txt``."""
    words = what.removeprefix("the ").rpartition("/")[2]
    kept = "".join(char if char.isalnum() or char in "._-" else "-" for char in words).strip("-.")[:80]
    return kept if "." in kept else f"{kept or 'output'}.txt"


def _keep(path: Path, text: str) -> None:
    """Write a file in the directory for state. Raises OSError, PathRefused."""
    ensure_private(path.parent)
    write_atomic(path, text.encode("utf-8", "replace"))


def _write(path: Path, text: str, over: bool) -> None:
    """Write a file of the user's own. Raises FileExistsError unless it may be written over; OSError."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | (os.O_TRUNC if over else os.O_EXCL)
    with os.fdopen(os.open(path, flags, 0o644), "w", encoding="utf-8", errors="replace") as file:
        file.write(text)
