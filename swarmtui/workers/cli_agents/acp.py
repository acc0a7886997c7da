"""Programs that speak the Agent Client Protocol: one session, one task, its permissions decided by the plan's rules.

The protocol's library is the extra ``acp``; it is imported when the first such program runs. File requests are served
within the program's own folder alone, by the same rules, and without what may hold credentials. Terminals are not
offered: the program has its own tools for these.
"""

from __future__ import annotations

import asyncio
import importlib
import os
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from swarmtui.engine.ports import Attempt
from swarmtui.safety.redact import Redactor
from swarmtui.safety.text import one_line
from swarmtui.session.vocabulary import ErrorInfo, ErrorKind
from swarmtui.workers.cli_agents.acp_files import ServedFiles, refusal
from swarmtui.workers.cli_agents.acp_process import PipedProcess
from swarmtui.workers.cli_agents.formats import AcpReader
from swarmtui.workers.cli_agents.permits import PREFIX, Leave, Permit
from swarmtui.workers.cli_agents.streams import Event, Outcome, Said, SessionBegan
from swarmtui.workers.cli_agents.worktree import to_the_end
from swarmtui.workers.command import Ran, child_env
from swarmtui.workers.process import failure
from swarmtui.workers.pump import CappedFile

if TYPE_CHECKING:
    from acp.client.connection import ClientSideConnection

CLOSE_S = 2.0
"""How long a program may take to exit by itself once its input is closed."""

_HEARTBEAT_S = 5.0
_MISSING = "the Agent Client Protocol needs an extra of swarmtui: pip install 'swarmtui[acp]'"


async def load_library(attempt: Attempt) -> ModuleType:
    """The protocol's library. Raises WorkerFailed with a hint where it is missing."""
    try:
        return await asyncio.to_thread(importlib.import_module, "acp")
    except ImportError as error:
        raise failure(attempt, ErrorInfo(ErrorKind.INPUT, _MISSING)) from error


class Conversation:
    """One task given to one program; also what the program may ask of us (the library's ``Client``)."""

    def __init__(
        self,
        attempt: Attempt,
        argv: Sequence[str],
        prompt: str,
        *,
        again: str = "",
        cwd: str,
        env: Mapping[str, str],
        session: str | None,
        model: str | None,
        root: Path,
        own: bool,
        may_edit: bool,
        permit: Permit,
        hear: Callable[[Event], None],
        steps: tuple[tuple[int, float], ...],
        redactor: Redactor | None = None,
        umask: int = -1,
    ) -> None:
        """`root` is what it may have files of; with `own` that is a copy that nobody else works in. `session` is the
        one to go on with; the prompt then begins with `again`."""
        self.heard_at = time.monotonic()
        self.ended_at: float | None = None
        self.turned = asyncio.Event()
        self._attempt = attempt
        self._argv = list(argv)
        self._prompt = prompt
        self._again = again
        self._cwd = cwd
        self._env = env
        self._session = session
        self._model = model
        self._files = ServedFiles(root, cwd)
        self._own = own
        self._may_edit = may_edit
        self._permit = permit
        self._hear = hear
        self._steps = steps
        self._umask = umask
        self._reader = AcpReader()
        self._replaying = False
        self._edits: Counter[str] = Counter()
        """Files that it was allowed to edit, and has not written since."""
        self._said = ""
        own_log = Path(attempt.folder, "log.txt") if attempt.item is None else None
        self._log = CappedFile(own_log, redactor)

    def finish(self, exit_code: int | None) -> Outcome:
        """What it came to."""
        return self._reader.finish(exit_code)

    async def carry_out(self) -> Ran:
        """How the program ended; nothing of it is left. When cancelled, it is asked to stop, and then made to; a second
        time it is killed at once. Raises WorkerFailed if it cannot be started."""
        library = await load_library(self._attempt)
        child = self._start()
        connection = None
        listening: asyncio.Future[None] | None = None
        try:
            writer, reader, errors = await child.connect()
            listening = asyncio.ensure_future(self._listen(errors))
            from acp.client.connection import ClientSideConnection

            connection = ClientSideConnection(self, writer, reader)  # type: ignore[arg-type]
            await self._speak(connection, library, child)
            writer.close()
            await child.exits(CLOSE_S)
        finally:
            try:
                await self._stop(connection, child)
            finally:
                code, cancelled = await to_the_end(_bury(child, connection, listening))
                self._log.close()
        if cancelled:
            raise asyncio.CancelledError
        return Ran(code if code >= 0 else 128 - code, "", 0, True, self._said, None)

    # -- our side ---------------------------------------------------------------------------------------------

    def _start(self) -> PipedProcess:
        env = child_env(self._env, key=self._attempt.key)
        mark = f"{self._attempt.session}/{self._attempt.id}"
        try:
            return PipedProcess(self._argv, cwd=self._cwd, env=env, mark=mark, umask=self._umask)
        except OSError as error:
            message = f"{one_line(self._argv[0], 100)}: cannot be started: {error.strerror}"
            raise failure(self._attempt, ErrorInfo(ErrorKind.INPUT, message)) from error

    async def _speak(self, connection: ClientSideConnection, library: ModuleType, child: PipedProcess) -> None:
        """Gives it the task and waits for the end of its answer, or for its own end."""
        task = asyncio.ensure_future(self._task(connection, library))
        gone = asyncio.ensure_future(child.exits())
        try:
            await asyncio.wait({task, gone}, return_when=asyncio.FIRST_COMPLETED)
            if not task.done():  # what it said last may still be on its way
                await asyncio.wait({task}, timeout=1.0)
            if task.done():
                task.result()
        except (library.RequestError, ConnectionError, ValueError) as error:
            if isinstance(error, library.RequestError) or not await child.exits(1.0):
                data = getattr(error, "data", None)
                detail = data.get("details") or data.get("message") if isinstance(data, dict) else data
                self._reader.broke(one_line(f"{error}: {detail}" if isinstance(detail, str) else str(error), 300))
        finally:
            for future in (task, gone):
                future.cancel()
            await asyncio.wait({task, gone})
            if not task.cancelled():
                task.exception()  # taken note of above
        if self._reader.ended:
            self.ended_at = time.monotonic()
            self.turned.set()

    async def _task(self, connection: ClientSideConnection, library: ModuleType) -> None:
        from acp.schema import ClientCapabilities, FileSystemCapabilities

        files = FileSystemCapabilities(read_text_file=True, write_text_file=self._may_edit)
        told = await connection.initialize(
            protocol_version=library.PROTOCOL_VERSION, client_capabilities=ClientCapabilities(fs=files, terminal=False)
        )
        abilities = told.agent_capabilities
        session, prompt = self._session, self._prompt
        loaded = None
        if session is not None and abilities is not None and abilities.load_session:
            self._replaying = True
            with suppress(library.RequestError):  # it knows no such session any more: it begins a new one
                loaded = await connection.load_session(cwd=self._cwd, session_id=session, mcp_servers=[])
            self._replaying = False
        if session is None or loaded is None:
            made = await connection.new_session(cwd=self._cwd, mcp_servers=[])
            session, options = made.session_id, made.config_options
        else:
            prompt, options = self._again + prompt, loaded.config_options
        self._session = session
        self._hear(SessionBegan(session))
        if self._model is not None:
            await self._choose_model(connection, session, options)
        reply = await connection.prompt(session_id=session, prompt=[library.text_block(prompt)])
        usage = reply.usage.model_dump() if reply.usage else None
        self._reader.stopped(reply.stop_reason, usage, (reply.field_meta or {}).get("quota"))

    async def _choose_model(self, connection: ClientSideConnection, session: str, options: Any) -> None:
        wanted = self._model or ""
        for option in options or ():
            if getattr(option, "category", None) != "model" and option.id != "model":
                continue
            for value in _values(option):
                if value == wanted or value.rpartition("/")[2] == wanted:
                    await connection.set_config_option(config_id=option.id, session_id=session, value=value)
                    return
        self._hear(Said(f"it does not offer the model {one_line(wanted, 80)}; it takes its own\n", "stderr"))

    async def _listen(self, errors: asyncio.StreamReader) -> None:
        """What it says on the side, for the log."""
        while data := await errors.read(1 << 16):
            self._log.write(data)
            text = data.decode("utf-8", "replace")
            self._said = (self._said + text)[-4096:]
            self._hear(Said(text, "stderr"))

    async def _stop(self, connection: ClientSideConnection | None, child: PipedProcess) -> None:
        """Asks what still runs to stop, step by step."""
        if child.exited:
            return
        if connection is not None and self._session is not None and not self._reader.ended:
            with suppress(Exception):  # whatever it is, the process is ended next
                async with asyncio.timeout(0.5):
                    await connection.cancel(session_id=self._session)
        for number, wait_s in self._steps:
            child.ask_to_stop(number)
            if await child.exits(wait_s):
                return

    def _tell(self, events: list[Event]) -> None:
        self.heard_at = time.monotonic()
        if not self._replaying:
            for event in events:
                self._hear(event)

    # -- what it asks of us -----------------------------------------------------------------------------------

    def on_connect(self, conn: Any) -> None:
        """The library's word that the connection is there."""

    async def session_update(self, session_id: str, update: Any, **_: Any) -> None:
        """It tells how it gets on."""
        if self._replaying:
            self.heard_at = time.monotonic()
            return
        content = getattr(update, "content", None)
        match getattr(update, "session_update", None):
            case "agent_message_chunk":
                self._tell(self._reader.said(getattr(content, "text", ""), aloud=True))
            case "agent_thought_chunk":
                self._tell(self._reader.said(getattr(content, "text", ""), aloud=False))
            case "tool_call":
                self._tell(self._reader.acted(update.title, None))
            case "tool_call_update" if update.status == "failed":
                self._tell(self._reader.failed(update.title or ""))
            case "usage_update":
                cost = update.cost
                if cost is not None and cost.currency == "USD":
                    self._reader.cost(cost.amount)
            case _:
                self.heard_at = time.monotonic()

    async def request_permission(self, session_id: str, tool_call: Any, options: Sequence[Any], **_: Any) -> Any:
        """It asks whether it may call a tool; the rules of the plan say so, or not."""
        from acp.schema import AllowedOutcome, DeniedOutcome, RequestPermissionResponse

        kind = tool_call.kind or "other"
        paths = list(dict.fromkeys(self._plain(place.path) for place in tool_call.locations or ()))
        given = tool_call.raw_input if isinstance(tool_call.raw_input, dict) else {}
        called = {**given, "title": tool_call.title or ""}
        contained = self._contained(kind, [*paths, *_paths_in(given)] if paths else [])
        leave = await self._leave(kind, [{**called, "path": path} for path in paths] or [called], contained)
        wanted = ("allow_once",) if leave.given else ("reject_once", "reject_always")
        chosen = next((option for name in wanted for option in options if option.kind == name), None)
        if leave.given and chosen is None:  # what it would take for good is not what was allowed
            self._tell([Said("· refused after all: it offers no leave for this call alone\n", "reasoning")])
            chosen = next((option for option in options if option.kind == "reject_once"), None)
        elif leave.given and kind == "edit":
            self._edits.update(self._files.real(path) for path in paths)
        if chosen is None:
            return RequestPermissionResponse(outcome=DeniedOutcome(outcome="cancelled"))
        return RequestPermissionResponse(outcome=AllowedOutcome(outcome="selected", option_id=chosen.option_id))

    async def read_text_file(
        self, session_id: str, path: str, line: int | None = None, limit: int | None = None, **_: Any
    ) -> Any:
        """It reads a file of its own folder."""
        from acp.schema import ReadTextFileResponse

        await self._leave_or_refuse("read", path)
        text = await asyncio.to_thread(self._files.read, path)
        if line is not None or limit is not None:
            start = max((line or 1) - 1, 0)
            text = "".join(text.splitlines(keepends=True)[start : None if limit is None else start + limit])
        return ReadTextFileResponse(content=text)

    async def write_text_file(self, session_id: str, path: str, content: str, **_: Any) -> Any:
        """It writes a file of its own folder."""
        from acp import RequestError
        from acp.schema import WriteTextFileResponse

        if not self._may_edit:
            raise RequestError.invalid_params({"details": "it may only read here"})
        real = await asyncio.to_thread(self._files.real, path)
        if self._edits[real] > 0:
            self._edits[real] -= 1  # it has asked for this one
        else:
            await self._leave_or_refuse("edit", path)
        await asyncio.to_thread(self._files.write, path, content)
        self._tell([Said(f"· wrote {one_line(path, 200)}\n", "reasoning")])
        return WriteTextFileResponse()

    async def ext_method(self, method: str, params: dict[str, Any]) -> dict[str, Any]:
        """What is not in the protocol is not there."""
        from acp import RequestError

        raise RequestError.method_not_found(method)

    async def ext_notification(self, method: str, params: dict[str, Any]) -> None:
        """What is not in the protocol says nothing."""

    async def _leave(self, kind: str, calls: Sequence[Mapping[str, Any]], contained: bool) -> Leave:
        """Whether all of the calls may be made; what it asks for several files at once is one for each."""
        leave = Leave(False, "refused: it asks for nothing")
        for arguments in calls:
            deciding = asyncio.ensure_future(self._permit(f"{PREFIX}{kind}", arguments, contained))
            try:
                while not (await asyncio.wait({deciding}, timeout=_HEARTBEAT_S))[0]:
                    self.heard_at = time.monotonic()  # it is a person that is silent
            finally:
                deciding.cancel()
            leave = deciding.result()
            self._tell([Said(f"· {leave.why}\n", "reasoning")])
            if not leave.given:
                break
        return leave

    async def _leave_or_refuse(self, kind: str, path: str) -> None:
        """Raises what the program is answered if the rules do not let it have the file."""
        plain = self._plain(path)
        contained = await asyncio.to_thread(self._contained, kind, [plain])
        leave = await self._leave(kind, [{"path": plain}], contained)
        if not leave.given:
            raise refusal(one_line(leave.why, 300))

    def _contained(self, kind: str, paths: Sequence[str]) -> bool:
        """Whether a call changes nothing but files of its own copy."""
        return self._own and bool(paths) and kind in ("edit", "delete", "move") and self._files.hold(paths)

    @staticmethod
    def _plain(path: str) -> str:
        """`path` as rules see it: without steps back, so that no pattern fits what lies elsewhere."""
        return os.path.normpath(path)


def _paths_in(given: Mapping[str, Any]) -> list[str]:
    """What the arguments of a call say of files, by their names."""
    return [value for name, value in given.items() if isinstance(value, str) and "path" in name.lower()]


def _values(option: Any) -> list[str]:
    """The values of a setting that can be chosen, in groups or not."""
    found: list[str] = []
    for each in getattr(option, "options", None) or ():
        found += [part.value for part in getattr(each, "options", None) or [each] if hasattr(part, "value")]
    return found


async def _bury(
    child: PipedProcess, connection: ClientSideConnection | None, listening: asyncio.Future[None] | None
) -> int:
    """Kills what is left, takes its exit code, and lets go of all that led to it."""
    code = await asyncio.to_thread(child.kill)
    if listening is not None:
        await asyncio.wait({listening}, timeout=1.0)
        listening.cancel()
        await asyncio.wait({listening})
    if connection is not None:
        with suppress(Exception):  # it is gone either way
            await connection.close()
    await child.close()
    return code
