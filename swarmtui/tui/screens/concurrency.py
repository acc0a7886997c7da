"""How many at once: in all and per pool, changed here and sent as one, beside what binds now."""

from __future__ import annotations

from textual import events
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widgets import Static

from swarmtui.tui import content
from swarmtui.tui.commands import Request
from swarmtui.tui.screens.dialogs import Dialog
from swarmtui.tui.screens.fitting import SHORT, give_room
from swarmtui.tui.view.concurrency import Draft, draft_lines
from swarmtui.tui.view.pools import gauges
from swarmtui.tui.widgets.lines import TextView
from swarmtui.tui.widgets.looks import looks, workbench

AGAIN_S = 1.0
"""How often the figures are drawn anew."""


class ConcurrencyScreen(Dialog[Request | None]):
    """Closes with what is to be asked of the session; None if the user thinks better of it."""

    DIALOG = "concurrency"

    def __init__(self) -> None:
        super().__init__()
        self.draft = Draft()

    def compose(self) -> ComposeResult:
        """The rows, and the keys."""
        with Vertical(classes="dialog limits") as box:
            box.border_title = content.line("how many at once")
            yield TextView(id="draft")
            yield Static(content.text(self._hint()), classes="hint", markup=False)

    def _hint(self) -> str:
        more, fewer, half, twice = (self.key(name) for name in ("more", "fewer", "halve", "double"))
        hold, send, leave = (self.key(name) for name in ("hold", "send", "leave"))
        if self.size.height < SHORT:
            return f"{more} {fewer} one more, one fewer; digits: so many; {send} sends; {leave} leaves"
        numbers = f"{half} halve; {twice} double; {self.key('auto')} auto; digits: so many"
        return (
            f"{more} {fewer} one more, one fewer; {numbers}\n"
            f"{hold} hold a provider's window, or let it go; {send} sends; {leave} leaves"
        )

    def on_mount(self) -> None:
        """Figures go on while one thinks."""
        self.query_one(TextView).can_focus = False
        self.draw()
        self.call_after_refresh(self.draw)  # by then it is known how high the line of keys is
        self.set_interval(AGAIN_S, self.draw)

    def on_resize(self) -> None:
        """On a short screen the most needed keys are told."""
        self.query_one(".hint", Static).update(content.text(self._hint()))
        self.call_after_refresh(self.draw)

    def draw(self) -> None:
        """The rows as they stand."""
        if not self.is_attached:
            return
        app = workbench(self)
        self.draft.look(app.state, gauges(app.state, app.flights, app.moment.session, app.with_keys))
        view, draft, glyphs = self.query_one(TextView), self.draft, looks(self).glyphs
        # the dialog must not jump about while one moves: two lines each for what binds and whether more helps
        give_room(self, view, len(draft.choices) + 8)
        view.show(lambda width: draft_lines(draft, width, glyphs))
        view.scroll_to(y=max(0, draft.at - max(1, view.size.height - 9)), animate=False)

    def on_key(self, event: events.Key) -> None:
        """Digits make a number."""
        if event.character is not None and event.character in "0123456789":
            self.draft.type(event.character)
            self.draw()
            event.stop()

    def on_click(self, event: events.Click) -> None:
        """A click on a row chooses it."""
        view = self.query_one(TextView)
        if self.get_widget_at(*event.screen_offset)[0] is view:
            self.draft.go(event.screen_y - view.content_region.y + view.scroll_offset.y - 1)
            self.draw()

    def action_move(self, by: int) -> None:
        """j and k."""
        self.draft.move(by)
        self.draw()

    def action_change(self, by: int) -> None:
        """+ and -."""
        self.draft.change(by)
        self.draw()

    def action_halve(self) -> None:
        """h."""
        self.draft.halve()
        self.draw()

    def action_double(self) -> None:
        """d."""
        self.draft.double()
        self.draw()

    def action_auto(self) -> None:
        """a."""
        self.draft.auto()
        self.draw()

    def action_rub_out(self) -> None:
        """backspace."""
        self.draft.rub_out()
        self.draw()

    def action_hold(self) -> None:
        """f."""
        why = self.draft.toggle_hold()
        if why is not None:
            content.notice(self.app, f"hold: {why}", "warning")
        self.draw()

    def action_send(self) -> None:
        """enter."""
        request = self.draft.request(looks(self).glyphs)
        if request is None:
            content.notice(self.app, "nothing is changed yet", "warning")
        else:
            self.dismiss(request)

    def action_leave(self) -> None:
        """Nothing is sent."""
        self.dismiss(None)
