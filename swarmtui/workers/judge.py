"""Holds an attempt's output against its node's check: the whole output, and whatever the check is, within a time limit.

A regex or a schema may come from a planner, and both can be written so that they take for ever on the right text,
without ever letting the interpreter do anything else. Such checks are made in child processes, which the system's own
timer ends; the few that cannot hang are made here.
"""

from __future__ import annotations

import asyncio
import json
import select
import subprocess
import sys
import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from swarmtui.engine.ports import Attempt, Done
from swarmtui.plan.model import JSON, Check
from swarmtui.safety.text import one_line
from swarmtui.session.vocabulary import ErrorInfo, ErrorKind
from swarmtui.workers.check import Wrong, problem
from swarmtui.workers.command import Ran
from swarmtui.workers.local import WorkerFailed
from swarmtui.workers.process import Processes, Scratch
from swarmtui.workers.pump import WHOLE_BYTES

COMMAND_S = 60.0
LIMIT_S = 5.0
"""What a regex or schema may take, and as much again per 4 MiB of output."""

_HERE_CHARS = 64 * 1024
_MEMORY_BYTES = 2 << 30
_RISKY = frozenset({"pattern", "patternProperties", "uniqueItems", "$ref", "$dynamicRef", "$recursiveRef"})
_CHILD = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]); from swarmtui.workers.judge_child import serve; serve()"
)


class OutputJudge:
    """Judges outputs, with at most `children` processes that are started when first needed."""

    def __init__(self, processes: Processes, *, children: int = 2, limit_s: float = LIMIT_S) -> None:
        self._processes = processes
        self._limit_s = limit_s
        self._children = children
        self._threads: ThreadPoolExecutor | None = None
        self._idle: list[_Child] = []
        self._lock = threading.Lock()
        self._closed = False

    async def verdict(self, attempt: Attempt, check: Check, done: Done) -> ErrorInfo | None:
        """Why `done` is no success, or None if it is one. Raises WorkerFailed if the check's command did not start."""
        text = await _whole(done)
        if isinstance(text, ErrorInfo):
            return text
        if can_hang(check, text):
            wrong = await self._aside(check, text)
        else:
            wrong = problem(text, check)
        if wrong is not None:
            return ErrorInfo(wrong.kind, wrong.message, done.exit_code)
        return None if check.command is None else await self._commanded(attempt, check.command, text, done)

    def close(self) -> None:
        """Let go of all processes; what is being judged comes to no verdict."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
        for child in idle:
            child.close()
        if self._threads is not None:
            self._threads.shutdown(wait=False, cancel_futures=True)

    async def _aside(self, check: Check, text: str) -> Wrong | None:
        if self._threads is None:
            self._threads = ThreadPoolExecutor(self._children, thread_name_prefix="judge")
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._ask, check, text)

    def _ask(self, check: Check, text: str) -> Wrong | None:
        limit_s = self._limit_s * (1.0 + len(text) / (4 << 20))
        with self._lock:
            child = self._idle.pop() if self._idle else None
        child = child or _Child()
        try:
            wrong = child.ask(check, text, limit_s)
        except _NoAnswer:
            child.close()
            what = "regex" if check.regex is not None else "schema"
            return Wrong(
                ErrorKind.CHECK,
                f"the {what} of check came to no end within {limit_s:.0f} s on an output of {len(text)} characters: "
                "write it so that no part can match in many ways",
            )
        with self._lock:
            if not self._closed:
                self._idle.append(child)
                return wrong
        child.close()
        return wrong

    async def _commanded(self, attempt: Attempt, command: tuple[str, ...], text: str, done: Done) -> ErrorInfo | None:
        await asyncio.to_thread(Path(attempt.folder).mkdir, 0o700, parents=True, exist_ok=True)
        limit = asyncio.timeout(COMMAND_S)
        try:
            async with limit, Scratch(attempt) as scratch:
                ran = await self._processes.run(
                    attempt, command, lambda _: None, scratch=scratch, stdin=text, files=False
                )
        except (TimeoutError, WorkerFailed) as error:
            if not limit.expired():
                raise _of_check(error) from error
            return ErrorInfo(ErrorKind.CHECK, f"the command of check took longer than {COMMAND_S:g} s", done.exit_code)
        if ran.exit_code == 0:
            return None
        told = (
            f"the command of check ({one_line(command[0], 40)}) ended with exit code {ran.exit_code}{_last_line(ran)}"
        )
        return ErrorInfo(ErrorKind.CHECK, told, done.exit_code)


def can_hang(check: Check, text: str) -> bool:
    """Whether holding `text` against `check` may take long, so that it must not be done in the host's process."""
    return check.regex is not None or (check.schema is not None and (len(text) > _HERE_CHARS or _risky(check.schema)))


def _risky(schema: JSON) -> bool:
    if isinstance(schema, Mapping):
        return not _RISKY.isdisjoint(schema) or any(_risky(inner) for inner in schema.values())
    return isinstance(schema, list) and any(_risky(inner) for inner in schema)


async def _whole(done: Done) -> str | ErrorInfo:
    """All of the output, or why it cannot be had."""
    size = done.size if done.truncated and done.size is not None else len(done.output)
    if size > WHOLE_BYTES:
        told = (
            f"the output has {size / 1024**2:.1f} MiB, more than the {WHOLE_BYTES // 1024**2} MiB that can be checked"
        )
        return ErrorInfo(ErrorKind.CHECK, told, done.exit_code)
    if not done.truncated:
        return done.output
    if done.path is None:
        return ErrorInfo(ErrorKind.CHECK, "only a part of the output was kept: it cannot be checked", done.exit_code)
    try:
        return await asyncio.to_thread(Path(done.path).read_text, "utf-8", "replace")
    except OSError as error:
        return ErrorInfo(ErrorKind.CHECK, f"the output cannot be read to be checked: {error}", done.exit_code)


def _of_check(error: TimeoutError | WorkerFailed) -> Exception:
    """`error`, if it is a worker's, told as one of the check's command and not of what was checked."""
    if not isinstance(error, WorkerFailed):
        return error
    failed = error.failed
    return WorkerFailed(replace(failed, error=replace(failed.error, message=f"check: {failed.error.message}")))


def _last_line(ran: Ran) -> str:
    for said in (ran.stderr, ran.output[-64 * 1024 :]):
        lines = [line for line in said.splitlines() if line.strip()]
        if lines:
            return ": " + one_line(lines[-1], 300)
    return ""


class _NoAnswer(Exception):
    """The child ended, or was ended, before it came to a verdict."""


class _Child:
    """A process that judges one output after another; used by one thread at a time."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-X", "utf8", "-c", _CHILD, json.dumps(sys.path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={},
            start_new_session=True,
        )

    def ask(self, check: Check, text: str, limit_s: float) -> Wrong | None:
        """The verdict. Raises _NoAnswer."""
        stdin, stdout = self._process.stdin, self._process.stdout
        if stdin is None or stdout is None:
            raise _NoAnswer
        data = text.encode("utf-8", "surrogatepass")
        asked = {
            "check": {name: getattr(check, name) for name in ("schema", "regex", "min_chars", "max_chars")},
            "size": len(data),
            "limit_s": limit_s,
            "memory_bytes": _MEMORY_BYTES,
        }
        try:
            stdin.write(json.dumps(asked).encode() + b"\n")
            stdin.write(data)
            stdin.flush()
        except OSError as error:
            raise _NoAnswer from error
        if not select.select([stdout], [], [], limit_s + 10.0)[0]:
            raise _NoAnswer
        answer = stdout.readline()
        if not answer.endswith(b"\n"):
            raise _NoAnswer
        told = json.loads(answer)
        return None if told is None else Wrong(ErrorKind(told["kind"]), told["message"])

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with suppress(OSError):
                    pipe.close()
        self._process.wait()
