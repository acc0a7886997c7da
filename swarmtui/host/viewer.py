"""The host's end of one viewer's connection.

It answers what the viewer asks and carries its commands to the session; what follows the session on its own is in
:mod:`swarmtui.host.pumps`.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import time
from collections.abc import Awaitable, Callable, Coroutine
from typing import TYPE_CHECKING, Any

from swarmtui.engine.commands import Refused
from swarmtui.host import jsonrpc as rpc
from swarmtui.host import protocol as wire
from swarmtui.host.bodies import Bodies
from swarmtui.host.jsonrpc import Code, Fault, Notice, ProtocolError, Request
from swarmtui.host.protocol import Method, Topic
from swarmtui.host.pumps import Pumps
from swarmtui.plan.model import JSON
from swarmtui.safety.paths import PathRefused
from swarmtui.session.errors import LogError
from swarmtui.session.heads import boot_id

if TYPE_CHECKING:
    from swarmtui.host.server import Server

ONLY_OBSERVES = "this viewer only observes: attach without --read-only"
NOBODY = "no host lives: `swarmtui resume {}` starts one"
CLOSE_S = 1.0
COMMANDS_AT_ONCE = 64
"""So many commands of one viewer wait to be done before it is no longer listened to."""


class ViewerLink:
    """One connection, from its first byte to its last."""

    def __init__(self, server: Server, id: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, user: str):
        self.id = id
        self.welcomed = False
        self.role: wire.Role = "observe"
        self.name = ""
        self._server = server
        self._reader = reader
        self._writer = writer
        self._user = user
        self._actor: str | None = None
        self._version = wire.PROTOCOL_MIN
        self._may_fork = False
        self._bodies = Bodies()
        self._sending = asyncio.Lock()
        self._at_once = asyncio.Semaphore(COMMANDS_AT_ONCE)
        self._sent_at = time.monotonic()
        self._pumps = Pumps(server, self._bodies, self._write)
        self._tasks: asyncio.TaskGroup | None = None
        self._company = asyncio.Event()
        self._trouble = asyncio.Event()
        writer.transport.set_write_buffer_limits(high=wire.MAX_BODY)

    # -- life ---------------------------------------------------------------------------------------------

    async def serve(self) -> None:
        """Answer the viewer until it goes. Whatever it does wrong ends this connection alone."""
        try:
            async with asyncio.TaskGroup() as self._tasks:
                background = [self._tasks.create_task(work) for work in self._background()]
                try:
                    await self._answer_all()
                finally:
                    self._server.left(self)  # what it asked for may still wait for the disk
                    for task in background:
                        task.cancel()
                    self._pumps.stop()
        except* (ConnectionError, TimeoutError):
            pass  # it went away, or took nothing for too long: nobody is left to be told
        finally:
            self._writer.close()
            with contextlib.suppress(ConnectionError, TimeoutError):
                async with asyncio.timeout(CLOSE_S):
                    await self._writer.wait_closed()
            self._writer.transport.abort()

    def _background(self) -> tuple[Coroutine[Any, Any, None], ...]:
        return self._beat(), self._tell_company(), self._tell_trouble()

    async def leave(self, bye: wire.Bye, patience_s: float) -> None:
        """Say goodbye once the viewer has seen everything, or `patience_s` have passed, and close."""
        with contextlib.suppress(TimeoutError, ConnectionError):
            async with asyncio.timeout(patience_s):
                await self._pumps.seen_all()
                await self.send(Notice(Topic.BYE, wire.to_json(bye)))
        self._pumps.stop()
        self._writer.close()

    def company_changed(self) -> None:
        """Have the viewer told who else watches, as soon as it takes anything."""
        self._company.set()

    async def _tell_company(self) -> None:
        while True:
            await self._company.wait()
            self._company.clear()
            await self.send(Notice(Topic.VIEWERS, wire.to_json(wire.Viewers(self._server.viewers))))

    def trouble_changed(self) -> None:
        """Have the viewer told whether the session file can be written, as soon as it takes anything."""
        self._trouble.set()

    async def _tell_trouble(self) -> None:
        while True:
            await self._trouble.wait()
            self._trouble.clear()
            trouble = self._server.conducted.log.trouble
            told = wire.TroubleTold(None)
            if trouble is not None:
                told = wire.TroubleTold(trouble.kind.value, trouble.message, trouble.since)
            await self.send(Notice(Topic.TROUBLE, wire.to_json(told)))

    # -- writing ------------------------------------------------------------------------------------------

    async def send(self, message: rpc.Message) -> None:
        """Write one message. Raises ConnectionError or TimeoutError when the viewer is to be given up."""
        await self._write(rpc.encode(message))

    async def _write(self, data: bytes) -> None:
        async with self._sending:
            self._writer.write(data)
            transport = self._writer.transport
            while True:
                before = transport.get_write_buffer_size()
                try:
                    async with asyncio.timeout(self._server.stalled_s):
                        await self._writer.drain()
                    break
                except TimeoutError:
                    if transport.get_write_buffer_size() >= before:
                        self._server.note(f"viewer {self.id} ({self.name}) accepts nothing and was dropped")
                        transport.abort()
                        raise
            self._sent_at = time.monotonic()

    async def _reply(self, id: int | str, text: str) -> None:
        """Answer with `text`, which is JSON."""
        if len(text) > wire.MAX_BODY:
            text = rpc.dump(self._bodies.put(text).to_json())
        await self._write(rpc.encode_reply(id, text))

    async def _beat(self) -> None:
        while True:
            quiet = time.monotonic() - self._sent_at
            if quiet >= self._server.heartbeat_s and self.welcomed:
                beat: dict[str, JSON] = {"seq": self._server.conducted.log.committed_seq, "ts": time.time()}
                await self.send(Notice(Topic.HEARTBEAT, beat))
                quiet = 0.0
            await asyncio.sleep(max(0.05, self._server.heartbeat_s - quiet))

    # -- reading ------------------------------------------------------------------------------------------

    async def _answer_all(self) -> None:
        lines = rpc.LineBuffer()
        try:
            async with asyncio.timeout(self._server.handshake_s) as patience:
                while data := await self._reader.read(65_536):
                    for line in lines.feed(data):
                        if not await self._answer_line(line):
                            return
                        if self.welcomed:
                            patience.reschedule(None)
        except ProtocolError as error:
            await self.send(error.fault)
        except TimeoutError:
            if not self.welcomed:
                text = f"no initialize within {self._server.handshake_s:g} s"
                await self.send(Fault(None, Code.HANDSHAKE, text))

    async def _answer_line(self, line: bytes) -> bool:
        """Answer one line; False if the connection is to be closed."""
        message = rpc.decode(line)
        if not isinstance(message, Request):
            return True
        try:
            rpc.check_text(message)
            if message.method == Method.INITIALIZE or not self.welcomed:
                await self._welcome(message)
            else:
                await self._answer(message)
        except ProtocolError as error:
            await self.send(Fault(message.id, error.code, str(error), error.data))
            return self.welcomed
        return True

    async def _welcome(self, request: Request) -> None:
        if request.method != Method.INITIALIZE or self.welcomed:
            raise ProtocolError(Code.HANDSHAKE, "initialize comes first, and once", request.id)
        if not self._user:
            raise ProtocolError(Code.FORBIDDEN, "this session belongs to another user", request.id)
        asked = wire.parse(wire.Initialize, request.params, request.id)
        server = self._server
        try:
            self._version = wire.negotiate(asked.protocol)
        except ProtocolError as error:
            info = server.info
            about = {"server_version": info.version, "argv0": info.argv0, "program": info.program}
            raise ProtocolError(error.code, str(error), request.id, {**error.data, **about}) from None
        self.role = "observe" if server.recorded else asked.role
        self._may_fork = asked.role == "control"  # also of a session that nobody can steer any more
        self.name, self._actor = server.introduce(self._user, asked.client)
        log = server.conducted.log
        welcome = wire.Welcome(
            self._version,
            server.info,
            server.session,
            self.id,
            self.role,
            log.committed_seq,
            await server.log_id(),
            tuple(wire.CAPS),
            status=server.status.value,
            title=server.conducted.state.title,
            boot_id=boot_id(),
            recorded=server.recorded,
        )
        await self._reply(request.id, _dumped(welcome))
        self.welcomed = True
        if log.trouble is not None:
            self.trouble_changed()
        server.arrived()

    async def _answer(self, request: Request) -> None:
        handlers: dict[str, Callable[[Request], Awaitable[str]]] = {
            Method.SUBSCRIBE: self._subscribe,
            Method.UNSUBSCRIBE: self._unsubscribe,
            Method.PING: self._ping,
            Method.BLOB_READ: self._blob_read,
        }
        answers = self._server.answers
        handler = handlers.get(request.method) or (answers.answer if answers.answers(request.method) else None)
        if handler is None:
            await self._run_command(request)
            return
        try:
            result = await handler(request)
        except (LogError, OSError, PathRefused) as error:
            raise ProtocolError(Code.INTERNAL, str(error), request.id) from error
        except OverflowError as error:
            raise ProtocolError(Code.PARAMS, "a number is too large", request.id) from error
        if request.method == Method.BLOB_READ:  # a page stays a page, whatever base64 makes of its size
            await self._write(rpc.encode_reply(request.id, result))
        else:
            await self._reply(request.id, result)
        if request.method == Method.SUBSCRIBE and self._tasks is not None:
            asked = wire.parse(wire.Subscribe, request.params)
            self._pumps.start(self._tasks, asked, tells_lag=self._version > 1)

    # -- requests -----------------------------------------------------------------------------------------

    async def _ping(self, request: Request) -> str:
        return rpc.dump(request.params)

    async def _subscribe(self, request: Request) -> str:
        asked = wire.parse(wire.Subscribe, request.params, request.id)
        head = self._server.conducted.log.committed_seq
        if asked.log_id != await self._server.log_id():
            raise ProtocolError(Code.LOG_CHANGED, "the events are of another log: take a snapshot", request.id)
        if not 1 <= asked.from_seq <= head + 1:
            raise ProtocolError(Code.AHEAD, f"the log has events 1 to {head}: take a snapshot", request.id)
        return rpc.dump({"from_seq": asked.from_seq, "head_seq": head})

    async def _unsubscribe(self, request: Request) -> str:
        self._pumps.stop()
        return "{}"

    async def _blob_read(self, request: Request) -> str:
        asked = wire.parse(wire.BlobRead, request.params, request.id)
        offset, length = max(0, asked.offset), max(1, min(asked.len, wire.PAGE))
        page = self._bodies.read(asked.sha, offset, length)
        if page is None:
            page = await asyncio.to_thread(self._server.answers.history.blob, asked.sha, offset, length)
        if page is None:
            raise ProtocolError(Code.MISSING, f"no blob {asked.sha}: ask again for what it was part of", request.id)
        self._pumps.body_read()
        return rpc.dump({"data": base64.b64encode(page).decode()})

    # -- commands -----------------------------------------------------------------------------------------

    async def _run_command(self, request: Request) -> None:
        """Commands may wait for the disk, so that the viewer's other requests go on meanwhile; not for too many."""
        if self.role != "control" and not (self._may_fork and request.method == Method.FORK):
            told = NOBODY.format(self._server.session) if self._server.recorded else ONLY_OBSERVES
            raise ProtocolError(Code.FORBIDDEN, told, request.id)
        await self._at_once.acquire()
        if self._tasks is not None:
            self._tasks.create_task(self._command(request)).add_done_callback(lambda _: self._at_once.release())

    async def _command(self, request: Request) -> None:
        params = dict(request.params)
        command_id = params.pop("client_cmd_id", None)
        if command_id is not None and not (isinstance(command_id, str) and 0 < len(command_id) <= wire.ID_CHARS):
            told = f"client_cmd_id: must be a string of 1 to {wire.ID_CHARS} characters"
            await self.send(Fault(request.id, Code.PARAMS, told))
            return
        try:
            if request.method == Method.FORK:
                result = await self._server.fork(params, self._actor, command_id)
            else:
                conducted = self._server.conducted
                seq = await conducted.command(request.method, params, actor=self._actor, command_id=command_id)
                result = {"seq": seq}
        except Refused as refused:
            data = {**(refused.data or {}), **(await self._decision() if refused.code == Code.STALE_PLAN else {})}
            await self.send(Fault(request.id, refused.code, str(refused), data))
        except ProtocolError as error:
            await self.send(Fault(request.id, error.code, str(error), error.data))
        except (LogError, OSError) as error:
            await self.send(Fault(request.id, Code.INTERNAL, str(error)))
        else:
            await self._reply(request.id, rpc.dump(result))

    async def _decision(self) -> dict[str, JSON]:
        """Who decided on the plan last, and how: for whoever came too late."""
        try:
            row = await asyncio.to_thread(self._server.answers.history.decision)
        except LogError:
            return {}
        about: dict[str, JSON] = {"current_rev": self._server.conducted.state.plan_rev}
        if row is not None:
            about |= {"decided_by": row.actor, "choice": row.type.removeprefix("plan_")}
        return about


def _dumped(result: Any) -> str:
    return rpc.dump(wire.to_json(result))
