"""What a host answers to questions about its session: how it stands, how it stood, and what its file holds."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Callable, Coroutine, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from swarmtui.host import jsonrpc as rpc
from swarmtui.host import protocol as wire
from swarmtui.host.file_past import FilePast
from swarmtui.host.history import History, OutputMissing
from swarmtui.host.jsonrpc import Code, ProtocolError, Request
from swarmtui.host.protocol import Method
from swarmtui.plan.model import JSON
from swarmtui.session import fold
from swarmtui.session.items import Items
from swarmtui.session.marks import Mark
from swarmtui.session.rows import row_to_line
from swarmtui.session.state import SessionState
from swarmtui.session.state_json import state_to_json
from swarmtui.session.vocabulary import State

if TYPE_CHECKING:
    from swarmtui.host.server import Server

COMMIT_PATIENCE_S = 1.0
"""How long a snapshot waits for the state to be in the file before it is taken from the file."""
PAGE_EVENTS = 2_000
PAGE_ITEMS = 1_000
PAGE_MARKS = 2_000
MARKS_AT_MOST = 20_000
"""For a viewer that does not ask for pages."""
PAGE_WEIGHT = 16 * 1024 * 1024


class Answer(NamedTuple):
    """How one method is answered."""

    asks: Any
    """The kind of its parameters."""
    give: Callable[[Any], Coroutine[Any, Any, str]]
    """The result as JSON text."""


class Answers:
    """Answers of one session to all its viewers. Files are read in threads."""

    def __init__(self, server: Server) -> None:
        self.history = History(server.folder)
        self._server = server
        self._conducted = server.conducted
        self._past = FilePast(server.folder)
        self._by_method: Mapping[str, Answer] = {
            Method.SNAPSHOT: Answer(wire.Snapshot, self._snapshot),
            Method.EVENTS_PAGE: Answer(wire.EventsPage, self._events_page),
            Method.OUTPUT_READ: Answer(wire.OutputRead, self._output),
            Method.LOG_TAIL: Answer(wire.LogTail, self._log_tail),
            Method.MARKS: Answer(wire.MarksFrom, self._marks),
            Method.SEQ_AT: Answer(wire.SeqAt, self._seq_at),
            Method.ITEMS_PAGE: Answer(wire.ItemsPage, self._items_page),
            Method.FILES_LIST: Answer(wire.FilesList, self._files_list),
            Method.FILE_READ: Answer(wire.FileRead, self._file_read),
        }

    def answers(self, method: str) -> bool:
        """Whether `method` is a question that is answered here."""
        return method in self._by_method

    async def answer(self, request: Request) -> str:
        """The result as JSON text. Raises ProtocolError; LogError, OSError or PathRefused where a file fails."""
        how = self._by_method[request.method]
        asked = wire.parse(how.asks, request.params, request.id)
        try:
            return await how.give(asked)
        except _Missing as error:
            raise ProtocolError(error.code, str(error), request.id) from error

    async def close(self) -> None:
        """Let go of the file."""
        await self._past.close()

    async def _state_text(self) -> tuple[int, str]:
        """Seq and JSON text of the state as it is in the file by now: a crash takes back nothing that was shown."""
        conducted, log = self._conducted, self._conducted.log
        state, seq = state_to_json(conducted.state), conducted.state.seq
        try:
            async with asyncio.timeout(0 if log.trouble is not None else COMMIT_PATIENCE_S):
                await log.committed(seq)
        except TimeoutError:  # the disk takes nothing: what it has taken so far is in the file
            recorded = await asyncio.to_thread(self.history.state)
            seq, state = recorded.seq, state_to_json(recorded)
            await log.committed(seq)
        return seq, rpc.dump(state)

    async def _snapshot(self, asked: wire.Snapshot) -> str:
        if asked.seq is None:
            seq, text = await self._state_text()
        else:
            seq, text = asked.seq, await asyncio.to_thread(_text_of, await self._state_at(asked.seq))
        log_id = rpc.dump(await self._server.log_id())
        viewers = rpc.dump(wire.to_json(wire.Viewers(self._server.viewers))["viewers"])
        return f'{{"seq":{seq},"log_id":{log_id},"state":{text},"viewers":{viewers}}}'

    async def _state_at(self, seq: int) -> SessionState:
        if seq == 0:
            return fold.empty()
        try:
            return await self._past.state_at(seq)
        except IndexError:
            head = self._conducted.log.committed_seq
            raise _Missing(f"there is no event {seq}: the log has events 1 to {head}", Code.AHEAD) from None

    async def _events_page(self, asked: wire.EventsPage) -> str:
        limit = max(0, min(asked.limit, PAGE_EVENTS))
        if asked.from_seq is None:
            rows = await asyncio.to_thread(self.history.before, asked.before, limit, asked.node, PAGE_WEIGHT)
        else:
            rows = await asyncio.to_thread(self.history.rows, asked.from_seq, limit, asked.node, PAGE_WEIGHT)
        return f'{{"events":[{",".join(map(row_to_line, rows))}]}}'

    async def _output(self, asked: wire.OutputRead) -> str:
        try:
            return rpc.dump({"text": await asyncio.to_thread(self.history.output, asked.node, asked.item)})
        except OutputMissing as error:
            raise _Missing(str(error)) from error

    async def _log_tail(self, asked: wire.LogTail) -> str:
        limit = max(0, min(asked.limit, 4 * rpc.MAX_LINE))
        return rpc.dump({"text": await asyncio.to_thread(self.history.log_tail, asked.node, limit)})

    async def _marks(self, asked: wire.MarksFrom) -> str:
        head = await self._past.head()
        first = max(1, min(asked.from_seq, head + 1))
        limit = MARKS_AT_MOST if asked.limit is None else max(1, min(asked.limit, PAGE_MARKS))
        marks, more = await self._past.marks_page(first, limit)
        return await asyncio.to_thread(_marks_text, marks, head, more)

    async def _seq_at(self, asked: wire.SeqAt) -> str:
        if asked.mono is not None:
            seq = await self._past.seq_at(asked.mono)
        elif asked.ts is not None:
            seq = await asyncio.to_thread(self.history.seq_at_ts, asked.ts)
        else:
            raise _Missing("give mono or ts", Code.PARAMS)
        return rpc.dump({"seq": seq})

    async def _files_list(self, asked: wire.FilesList) -> str:
        found = await asyncio.to_thread(self.history.files, asked.node)
        return rpc.dump({"files": [wire.to_json(file) for file in found]})

    async def _file_read(self, asked: wire.FileRead) -> str:
        length = max(1, min(asked.len, wire.PAGE))
        page = await asyncio.to_thread(self.history.file, asked.node, asked.name, asked.offset, length)
        return rpc.dump({"data": base64.b64encode(page).decode()})

    async def _items_page(self, asked: wire.ItemsPage) -> str:
        node = self._conducted.state.nodes.get(asked.node)
        if node is None or node.items is None:
            raise _Missing(f"{asked.node}: there is no such map")
        items = node.items
        limit = max(0, min(asked.limit, PAGE_ITEMS))
        page = [_item(items, number) for number in _numbers(items, asked.after + 1, limit, asked.where)]
        counts = {state.value: count for state, count in items.counts.items()}
        return rpc.dump({"items": page, "counts": counts, "total": items.total})


class _Missing(Exception):
    """What was asked for is not there, or makes no sense."""

    def __init__(self, message: str, code: Code = Code.MISSING) -> None:
        super().__init__(message)
        self.code = code


def _marks_text(marks: list[Mark], head: int, more: int | None) -> str:
    told = [
        {"seq": mark.seq, "ts": mark.ts, "mono": mark.mono, "kind": mark.kind, "label": mark.label, "node": mark.node}
        for mark in marks
        if mark.seq <= head
    ]
    rest = {} if more is None or more > head else {"next_seq": more}
    return rpc.dump({"marks": told, "head_seq": head, **rest})


def _text_of(state: SessionState) -> str:
    return rpc.dump(state_to_json(state))


def _numbers(items: Items, first: int, limit: int, where: str | None) -> list[int]:
    """Items from number `first` on, of one state if given."""
    first = max(0, first)
    if where is None:
        return list(range(first, min(items.total, first + limit)))
    if where not in {state.value for state in State}:
        raise _Missing(f"where: {where!r} is no state", Code.PARAMS)
    found: list[int] = []
    for number in items.where(State(where)):
        if number >= first:
            if len(found) == limit:
                break
            found.append(number)
    return found


def _item(items: Items, number: int) -> dict[str, JSON]:
    told: dict[str, JSON] = {
        "item": number,
        "state": items.state(number).value,
        "attempts": items.attempts[number],
    }
    if (error := items.errors.get(number)) is not None:
        told["error"] = {"kind": error.kind.value, "message": error.message}
    if (cost := items.cost_usd(number)) is not None:
        told["cost_usd"] = cost
    return told
