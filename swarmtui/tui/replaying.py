"""Moving about in the past of the session that the workbench shows."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, TypeAlias, cast

from swarmtui.host.feed import FASTEST, SLOWEST, Feed, Play, Player
from swarmtui.session.marks import MarkKind
from swarmtui.tui import content
from swarmtui.tui.view import format as say
from swarmtui.tui.view.scrub import at_end, seq_at_share

if TYPE_CHECKING:
    from swarmtui.host.past import Past
    from swarmtui.tui.app import Workbench

JUMP_S = 5.0
VIEWS = ("view_plan", "view_run", "view_workers", "view_table", "view_log", "view_timeline", "view_pools")
"""The actions that change the view, in their order."""
ToPast: TypeAlias = "Callable[[Feed], Awaitable[Past]]"
"""Makes the past of the session that a feed is of."""


class Replaying:
    """What the keys of a replay do. Without a replay all of it does nothing, except :meth:`open`."""

    def __init__(self, app: Workbench, to_past: ToPast | None) -> None:
        self._app, self._to_past = app, to_past
        self._opened: Player | None = None
        """The replay of a session that is followed again meanwhile."""
        self._told_digits = False

    @property
    def player(self) -> Player | None:
        """The replay that is shown; None where none is."""
        return cast("Player", self._app.feed) if self._app.status.play is not None else None

    @property
    def _at(self) -> tuple[Player, Play] | None:
        player, play = self.player, self._app.status.play
        return None if player is None or play is None else (player, play)

    def open(self) -> None:
        """Stand still in the past, where the session is now."""
        if self._opened is not None:
            self._opened.pause()
            self._app.draw_now()
        elif self._to_past is None or self._app.feed is None:
            content.notice(self._app, "the past cannot be reached from here: try swarmtui replay", "warning")
        else:
            self._app.run_worker(self._open(self._app.feed, self._to_past), group="past", exclusive=True)

    async def _open(self, feed: Feed, to_past: ToPast) -> None:
        from swarmtui.host.replay import ReplayFeed

        try:
            past = await to_past(feed)
        except Exception as error:  # noqa: BLE001 - told, and the session is shown as before
            content.notice(self._app, f"history: {error}", "error")
            return
        try:
            player = await ReplayFeed.open(past, at=max(1, feed.state.seq), live=feed)
        except Exception as error:  # noqa: BLE001 - told, and the session is shown as before
            await past.close()
            content.notice(self._app, f"history: {error}", "error")
            return
        self._opened = player
        self._app.show_feed(player)
        told = f"{{toggle_play}} plays, {{next_failure}} finds failures, {{end}} leads back; views: {self._views()}"
        content.notice(self._app, self._app.with_keys(f"this is the past: {told}"))

    # -- keys -------------------------------------------------------------------------------------------------

    def toggle(self) -> None:
        """Play, or stand still."""
        if (at := self._at) is None:
            return
        player, play = at
        if play.playing:
            player.pause()
        elif play.live and play.seq >= play.head_seq:
            content.notice(self._app, f"this is {at_end(play, self._app.key_of('end'))}")
        else:
            player.play()
        self._app.draw_now()

    def step(self, events: int) -> None:
        """So many events on, or back."""
        if (player := self.player) is not None:
            player.step(events)
            self._app.draw_now()

    def to_mark(self, direction: int) -> None:
        """To the next mark, or the one before, and stand still there."""
        player = self.player
        if player is None:
            return
        player.pause()
        found = player.seek_mark(direction)
        if found is not None:
            self._app.selected = found.node or self._app.selected
        else:
            content.notice(self._app, f"there is no mark {'after' if direction > 0 else 'before'} this", "warning")
        self._app.draw_now()

    @property
    def failed_here(self) -> str:
        """The node whose failure is what happened last in the past that is shown; empty where that is no failure."""
        at = self._at
        marks = [] if at is None else at[1].marks
        here = (mark for mark in marks if at is not None and mark.seq == at[1].seq and mark.kind is MarkKind.FAILURE)
        return next((mark.node or "" for mark in here), "")

    def to_failure(self) -> None:
        """To the next failure, after the last one to the first, and stand still there."""
        if (at := self._at) is None:
            return
        player, play = at
        player.pause()
        failures = [mark for mark in play.marks if mark.kind is MarkKind.FAILURE]
        if not failures:
            told = self._app.with_keys("nothing has failed: {previous_mark} and {next_mark} go to all marks")
            content.notice(self._app, told, "warning")
        else:
            after = [mark for mark in failures if mark.seq > play.seq]
            number = len(failures) - len(after) + 1 if after else 1
            where = f"failure {number:,} of {len(failures):,}"
            content.notice(self._app, where if after else f"nothing failed after that: {where}, from the beginning")
            failure = failures[number - 1]
            player.seek(failure.seq)
            self._app.selected = failure.node or self._app.selected
        self._app.draw_now()

    def by_seconds(self, seconds: float) -> None:
        """So many seconds of the session on, or back; where nothing happened for longer, to the next event."""
        if (at := self._at) is None:
            return
        player, play = at
        player.seek_time(min(play.last_mono, max(play.first_mono, play.mono + seconds)))
        if seconds > 0:
            player.step(1)
            if play.playing:
                player.play()
        self._app.draw_now()

    def change_speed(self, factor: float) -> None:
        """Faster or slower."""
        if (at := self._at) is not None:
            at[0].set_speed(min(FASTEST, max(SLOWEST, at[1].speed * factor)))
            self._app.draw_now()

    def toggle_idle(self) -> None:
        """Whether times without events are passed over."""
        from swarmtui.host.tempo import IDLE_LIMIT_S

        if (at := self._at) is None:
            return
        limit = IDLE_LIMIT_S if at[1].idle_limit is None else None
        at[0].set_idle_limit(limit)
        words = "last as long as they did" if limit is None else f"take {say.took(limit)} at most"
        content.notice(self._app, f"times without events {words}")
        self._app.draw_now()

    def to_share(self, share: float) -> None:
        """To a share of all events."""
        if (at := self._at) is not None:
            self.to_seq(seq_at_share(share, at[1].head_seq))

    def to_tenth(self, tenth: int) -> None:
        """To a tenth of all events, by a digit; what else digits do outside of replays is said, but once."""
        self.to_share(tenth / 10)
        if not self._told_digits:
            self._told_digits = True
            told = f"{tenth}0 % of the events; views here: {self._views()}"
            content.notice(self._app, told.removeprefix("0"))

    def _views(self) -> str:
        """The keys of views, as the user has them in a replay."""
        from swarmtui.tui.view.keyhelp import in_a_row

        return in_a_row([self._app.with_keys(f"{{{view}}}") for view in VIEWS])

    def to_seq(self, seq: int) -> None:
        """To just after an event."""
        if (player := self.player) is not None:
            player.seek(seq)
            self._app.draw_now()

    def go_live(self) -> None:
        """Back to the session, or to its end."""
        if (player := self.player) is not None:
            player.go_live()
            if self.player is None:
                content.notice(self._app, "live again: what you press is asked of the session")
            self._app.draw_now()

    def ask_where(self) -> None:
        """Ask for a moment, and go there."""
        from swarmtui.host.moments import FORMS

        if self.player is not None:
            self._app.ask_text("Where to?", f"{FORMS}.", self._go)

    def _go(self, word: str) -> None:
        from swarmtui.host.moments import MomentMissing, find_mark, parse_moment

        at = self._at
        if at is None:
            return
        player, play = at
        try:
            moment = parse_moment(word)
            player.pause()
            if moment.seconds is not None:
                player.seek_time(play.first_mono + moment.seconds)
            elif moment.seq is not None:
                player.seek(moment.seq)
            else:
                player.seek(find_mark(play.marks, moment).seq)
        except MomentMissing as error:
            content.notice(self._app, str(error), "warning")
        self._app.draw_now()
