"""Text that leaves the workbench: to the terminal's clipboard, over ssh too, and to the user's pager."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

from swarmtui.host.feed import NotFetched
from swarmtui.session.state import NodeState
from swarmtui.tui import content, terminal
from swarmtui.tui.view.nodes import name_of

if TYPE_CHECKING:
    from swarmtui.tui.app import Workbench


class TextOut:
    """One workbench's way of handing texts out."""

    def __init__(self, app: Workbench) -> None:
        self._app = app

    def copy(self, text: str, what: str) -> None:
        """To the terminal's clipboard, over ssh too."""
        plain = content.plain(text)
        if len(plain) > terminal.CLIPBOARD_LIMIT:
            content.notice(self._app, f"{what} is too long for the clipboard: o opens it in your pager", "warning")
            return
        self._app.copy_to_clipboard(plain)
        content.notice(self._app, f"{what} was sent to the terminal's clipboard ({len(plain):,} characters)")

    def page(self, text: str) -> None:
        """In the user's pager."""
        self._app.run_worker(self._page(text), group="pager", exclusive=True)

    async def _page(self, text: str) -> None:
        app = self._app
        if app.is_headless or app.is_web:
            content.notice(app, "no pager can run here: enter shows the whole", "warning")
            return
        try:
            with app.batch_update(), app.suspend():
                environ = terminal.child_environment(app.no_color)
                await asyncio.to_thread(terminal.show_in_pager, content.plain(text), environ)
        except terminal.NoProgram as error:
            content.notice(app, str(error), "warning")

    def copy_output(self, node: NodeState | None) -> None:
        """A node's output to the clipboard."""
        self._app.run_worker(self._with_output(node, lambda text: self.copy(text, "the output")), group="output")

    def page_output(self, node: NodeState | None) -> None:
        """A node's output in the pager."""
        self._app.run_worker(self._with_output(node, self.page), group="output")

    async def _with_output(self, node: NodeState | None, use: Callable[[str], None]) -> None:
        app = self._app
        if node is None or app.feed is None:
            content.notice(app, "no node is selected", "warning")
            return
        tail = app.tails.by_key.get((node.id, None))
        try:
            text = await app.feed.output(node.id) if node.output is not None or tail is None else ""
        except ConnectionError as error:
            why = str(error) if isinstance(error, NotFetched) else "the link is lost"
            content.notice(app, f"the output could not be fetched: {why}", "warning")
            return
        text = text or ("\n".join(line.text for line in tail.lines) if tail is not None else "")
        if text:
            use(text)
        else:
            content.notice(app, f"{name_of(node.id)} has given nothing yet", "warning")
