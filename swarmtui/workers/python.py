"""Carries a ``python`` node out: code in a child interpreter of its own."""

from __future__ import annotations

import json
import os
import re
import stat
import sys
from pathlib import Path

from swarmtui.engine.ports import Attempt, Done
from swarmtui.plan.model import PythonSpec
from swarmtui.safety.paths import PathRefused, inside, open_inside
from swarmtui.safety.text import one_line
from swarmtui.session.vocabulary import ErrorInfo, ErrorKind
from swarmtui.workers.command import Ran
from swarmtui.workers.process import Emit, Processes, Scratch, exit_error, failure
from swarmtui.workers.pump import FILE_BYTES, KEEP_BYTES, WHOLE_BYTES, Kept
from swarmtui.workers.run import done

_RESULT = "result.json"

_BOOTSTRAP = """
import json, linecache, os, sys, traceback, types

def run():
    task = json.loads(sys.stdin.buffer.read())
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    sys.stdin = open(0, closefd=False)
    sys.stdout.reconfigure(line_buffering=True)
    code, name = task["code"], task["name"]
    sys.argv = [name]
    linecache.cache[name] = (len(code), None, code.splitlines(True), name)
    main = types.ModuleType("__main__")
    main.__file__ = name
    main.inputs = task["inputs"]
    sys.modules["__main__"] = main
    try:
        exec(compile(code, name, "exec"), main.__dict__)
    except Exception as error:
        trace = error.__traceback__.tb_next if error.__traceback__ else None
        traceback.print_exception(type(error), error, trace)
        raise SystemExit(1)
    if "result" in main.__dict__:
        try:
            text = json.dumps(main.result, ensure_ascii=False, allow_nan=False)
        except (TypeError, ValueError, RecursionError) as error:
            raise SystemExit(f"{name}: result cannot be written as JSON: {error}")
        with open(task["result"], "w", encoding="utf-8", errors="backslashreplace") as file:
            file.write(text)

run()
"""


class PythonWorker:
    """Runs the code with the dict ``inputs`` at hand. What it prints is the output, or ``result`` if it sets that.

    Code and values reach the child through a pipe, so that they may be large and show up in no list of processes.
    """

    def __init__(self, processes: Processes) -> None:
        self._processes = processes

    async def __call__(self, attempt: Attempt, emit: Emit, /) -> Done:
        """The attempt's result. Raises WorkerFailed."""
        spec = attempt.spec
        if not isinstance(spec, PythonSpec):
            raise failure(attempt, ErrorInfo(ErrorKind.INTERNAL, f"{attempt.node} is no Python"))
        name, code = _source(attempt, spec)
        argv = [sys.executable, "-I", "-X", "utf8", "-c", _BOOTSTRAP]
        async with Scratch(attempt) as scratch:
            result = f"{await self._processes.work(attempt, scratch)}/{_RESULT}"
            task = json.dumps({"code": code, "name": name, "inputs": spec.values, "result": result})
            ran = await self._processes.run(attempt, argv, emit, scratch=scratch, stdin=task)
            if ran.exit_code:
                raise failure(attempt, _with_line(exit_error(ran), ran, name), ran)
            return _result(attempt, ran, scratch) or done(attempt, ran)


def _source(attempt: Attempt, spec: PythonSpec) -> tuple[str, str]:
    """What tracebacks call the code, and the code."""
    if spec.file is None:
        return f"<{attempt.node}>", spec.code or ""
    try:
        folder = Path(attempt.task_folder)
        path = folder / spec.file if attempt.trusted else inside(folder, spec.file)
        return str(path), path.read_text("utf-8")
    except PathRefused as refused:
        raise failure(attempt, ErrorInfo(ErrorKind.BLOCKED, f"python file: {refused}")) from refused
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "is not UTF-8"
        raise failure(attempt, ErrorInfo(ErrorKind.INPUT, f"{spec.file}: {reason}")) from error


def _with_line(error: ErrorInfo, ran: Ran, name: str) -> ErrorInfo:
    """`error` with the line of the user's code where it arose."""
    lines = re.findall(rf'^ *File "{re.escape(name)}", line (\d+)', ran.stderr, re.MULTILINE)
    if not lines:
        return error
    last = ran.stderr.strip().splitlines()[-1]
    return ErrorInfo(error.kind, f"{name}:{lines[-1]}: {one_line(last, 300)}", error.exit_code)


def _result(attempt: Attempt, ran: Ran, scratch: Path) -> Done | None:
    """What the code set as ``result``; None if it did not."""
    try:
        file = open_inside(scratch, _RESULT, os.O_RDONLY | os.O_NONBLOCK)
    except (OSError, PathRefused):
        return None
    if not stat.S_ISREG(os.fstat(file).st_mode):
        os.close(file)
        return None
    os.fchmod(file, 0o600)  # whatever the code made it: it is the user's from here on
    kept = Kept(KEEP_BYTES if attempt.item is None else WHOLE_BYTES)
    with os.fdopen(file, "rb") as stream:
        while data := stream.read(1 << 20):
            kept.add(data)
            if kept.size > FILE_BYTES:
                error = ErrorInfo(ErrorKind.EXIT, f"result is larger than {FILE_BYTES:,} bytes", ran.exit_code)
                raise failure(attempt, error, ran)
    path = None
    if attempt.item is None:
        path = Path(attempt.folder, "output.txt")
        (scratch / _RESULT).replace(path)  # what was printed is in the log
    size = None if kept.whole else kept.size
    return Done(
        attempt.id, kept.text(), size, str(path) if path else None, truncated=not kept.whole, exit_code=ran.exit_code
    )
