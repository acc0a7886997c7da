"""What a host tells a viewer, taken into the viewer's state: where to begin, and every notice after that."""

from __future__ import annotations

from swarmtui.host import protocol as wire
from swarmtui.host.connection import Connection
from swarmtui.host.feed import Link, StreamText, Viewer
from swarmtui.host.gathering import Gathering
from swarmtui.host.jsonrpc import Notice
from swarmtui.host.protocol import Method, Topic
from swarmtui.plan.model import JSON
from swarmtui.session.codec import event_from_json
from swarmtui.session.state_json import state_from_json


class Intake:
    """Fills `gathered` from one connection after another, as long as they tell of one session.

    With `whole` every event from `from_seq` on goes in, and `stream` asks for the text of running attempts too. Both
    calls raise what a host that breaks off or makes no sense causes.
    """

    def __init__(self, gathered: Gathering, *, whole: bool, from_seq: int, stream: bool) -> None:
        self._gathered = gathered
        self._whole = whole
        self._from_seq = from_seq
        self._stream = stream
        self._started = whole and from_seq <= 1
        self.log_id = ""
        """Of the log that was folded so far; empty before the first connection."""

    async def catch_up(self, connection: Connection, welcome: wire.Welcome) -> None:
        """Subscribe to what comes after the state, which is kept if it is of the host's log, else taken from there."""
        same_log = not self.log_id or self.log_id == welcome.log_id
        if not same_log or self._gathered.state.seq > welcome.head_seq:
            await self._take_snapshot(connection)
        elif not self._started:
            await self._begin(connection, welcome)
        self._started = True
        self.log_id = welcome.log_id
        await self._subscribe(connection)

    def doubt(self) -> None:
        """What was folded last may be half in the state: begin with a snapshot; who wants every event has no other."""
        if not self._whole:
            self._started, self.log_id = False, ""

    async def _begin(self, connection: Connection, welcome: wire.Welcome) -> None:
        """The state to begin with: of who wants events from one on, that before it, where the host can tell it."""
        if not self._whole:
            await self._take_snapshot(connection)
        elif "past" in welcome.caps and welcome.head_seq > 0:
            await self._take_snapshot(connection, min(self._from_seq - 1, welcome.head_seq))

    async def _take_snapshot(self, connection: Connection, seq: int | None = None) -> None:
        asked: dict[str, JSON] = {} if seq is None else {"seq": seq}
        snapshot = await connection.call(Method.SNAPSHOT, asked)
        self.log_id = str(snapshot["log_id"])
        self._gathered.reset(state_from_json(snapshot["state"]))
        if "viewers" in snapshot:
            self._see(wire.parse(wire.Viewers, snapshot))

    async def _subscribe(self, connection: Connection) -> None:
        asked = wire.Subscribe(self._gathered.state.seq + 1, self.log_id, self._stream, resync=not self._whole)
        await connection.call(Method.SUBSCRIBE, wire.to_json(asked))

    async def take(self, connection: Connection, notice: Notice) -> wire.Bye | None:
        """Take one notice in; the host's goodbye if it is that."""
        match notice.method:
            case Topic.EVENT:
                await self._apply(connection, notice.params)
            case Topic.EVENTS:
                for line in notice.params["batch"]:
                    await self._apply(connection, line)
            case Topic.STREAM:
                for piece in wire.parse(wire.Stream, notice.params).pieces:
                    text = StreamText(piece.node, piece.item, piece.attempt, piece.channel, piece.offset, piece.text)
                    self._gathered.stream(text)
            case Topic.VIEWERS:
                self._see(wire.parse(wire.Viewers, notice.params))
            case Topic.TROUBLE:
                trouble = wire.parse(wire.TroubleTold, notice.params)
                self._gathered.set_trouble(trouble.message, gone=trouble.gone)
            case Topic.LAGGING:
                self._lag(wire.parse(wire.Lagging, notice.params))
            case Topic.RESYNC:
                await self._skip(connection)
            case Topic.BYE:
                return wire.parse(wire.Bye, notice.params)
            case _:
                pass  # heartbeats need no answer, and a newer host may say more than this version knows
        return None

    async def _skip(self, connection: Connection) -> None:
        """A snapshot in place of the events that this viewer was too slow for."""
        before = self._gathered.state.seq
        await self._take_snapshot(connection)
        self._gathered.add_skipped(max(0, self._gathered.state.seq - before))
        await self._subscribe(connection)

    def _see(self, told: wire.Viewers) -> None:
        self._gathered.set_viewers(tuple(Viewer(viewer.id, viewer.name, viewer.role) for viewer in told.viewers))

    def _lag(self, told: wire.Lagging) -> None:
        if self._gathered.status.link is Link.LIVE:
            note = f"{told.behind:,} events behind for {told.seconds:.0f} s" if told.behind else ""
            self._gathered.set_link(Link.LIVE, note)

    async def _apply(self, connection: Connection, line: JSON) -> None:
        self._gathered.apply(event_from_json(await connection.resolve(line)))
