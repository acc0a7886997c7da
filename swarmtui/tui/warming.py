"""What the first opening of a screen would wait for is made ready: modules on a thread, style sheets one by one."""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.screen import ModalScreen
from textual.widget import Widget
from textual.widgets import Button, Input, OptionList, Static, TextArea

from swarmtui.tui.sheet import Sheet

if TYPE_CHECKING:
    from swarmtui.tui.dressed import Dressed

SCREENS = Path(__file__).with_name("screens")
SHEETS = ("dialogs", "plan", "node", "node_form", "compare")
"""Of the screens that can be opened from a session."""
MODULES = tuple(
    f"swarmtui.tui.screens.{name}" for name in ("node", "node_form", "palette", "theme_choice", "jump", "queue")
)
"""What is imported late, so that the first frame need not wait for it."""
WIDGETS: tuple[Callable[[], Widget], ...] = (
    ModalScreen, Vertical, Horizontal, VerticalScroll, Static, Input, TextArea, OptionList, lambda: Button(""),
)  # fmt: skip
"""What they are put together of: each brings a style sheet of its own."""


async def warm(app: Dressed[Any]) -> None:
    """Import, read and parse it all; never for long at once."""
    for module in MODULES:
        await asyncio.to_thread(importlib.import_module, module)
    sheet = app.stylesheet
    if not isinstance(sheet, Sheet):
        return
    known = set(sheet.source)
    for name in SHEETS:
        path = SCREENS / f"{name}.tcss"
        if not sheet.has_source(str(path)):
            sheet.read(path)
    for make in WIDGETS:
        make()._post_register(app)
        await asyncio.sleep(0)
    for source in [one for one in sheet.source if one not in known]:
        sheet.warm(source)
        await asyncio.sleep(0)
