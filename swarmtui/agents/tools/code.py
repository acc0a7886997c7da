"""``python`` and ``shell``: code that a model wrote, in the sandbox and nowhere else, whoever wrote the plan.

Only by the user's word for one session it runs without one, *bare*: then it may change the world, and is asked for.

How a process is run there is not known here: whoever builds the tools passes it in as a :class:`RunCode`.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Protocol

from swarmtui.agents.tools import AgentTool, ToolContext
from swarmtui.agents.tools.making import Arguments, Refused, made
from swarmtui.agents.tools.results import head_and_tail
from swarmtui.frozen import frozen
from swarmtui.safety.permissions import Effect

PROJECT = "PROJECT"
"""Variable with the folder of the project, for code in the sandbox."""
USUAL_S = 60
LONGEST_S = 600
_CODE_CHARS = 200_000
_OUT_CHARS, _ERR_CHARS = 36_000, 12_000

_NOTEBOOK = """
import ast, linecache, os, sys
code = sys.stdin.buffer.read().decode("utf-8", "replace")
nothing = os.open(os.devnull, os.O_RDONLY)
os.dup2(nothing, 0)
sys.stdin = open(0, closefd=False)
sys.path.insert(0, os.getcwd())
name = "<code>"
linecache.cache[name] = (len(code), None, code.splitlines(True), name)
scope = {"__name__": "__main__", "__builtins__": __builtins__}
def run():
    import traceback
    try:
        tree = ast.parse(code, name)
        last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
        exec(compile(tree, name, "exec"), scope)
        if last is not None:
            value = eval(compile(ast.Expression(last.value), name, "eval"), scope)
            if value is not None:
                print(repr(value))
    except Exception as error:
        trace = error.__traceback__.tb_next if error.__traceback__ else None
        traceback.print_exception(type(error), error, trace)
        sys.exit(1)
run()
"""


@frozen
class CodeRan:
    """How a process ended."""

    exit_code: int
    output: str
    stderr: str
    timed_out: bool = False


class CodeBlocked(Exception):
    """It was not run; the message says why and how to mend it, in one line."""


class RunCode(Protocol):
    """Runs a process in the sandbox, in the folder of the agent's own files and with nothing else to write to."""

    async def __call__(
        self, argv: Sequence[str], context: ToolContext, *, stdin: str | None, timeout_s: float
    ) -> CodeRan:
        """How it ended. Raises CodeBlocked."""


def python(run: RunCode, *, bare: bool = False) -> AgentTool:
    """Python code, as in a notebook's cell but with nothing kept but files."""

    async def act(arguments: Arguments, context: ToolContext) -> str:
        code = arguments.text("code")
        if len(code) > _CODE_CHARS:
            raise Refused(f"code: it has {len(code):,} characters; write data to a file with write_file, and read it")
        argv = (sys.executable, "-I", "-X", "utf8", "-c", _NOTEBOOK)
        return await _carried_out(run, argv, arguments, context, code)

    return made(
        "python",
        f"Run Python code {_where(bare)}. Print what you want to see; the value of a last expression is "
        "shown too. Each call starts anew, but files in the working folder stay, and are those of write_file. The "
        f"project is in the folder os.environ['{PROJECT}']{'' if bare else ', read-only'}.",
        {"code": {"type": "string", "description": "The code"}, "timeout": _timeout()},
        act,
        required=("code",),
        effect=_effect(bare),
        timeout_s=LONGEST_S + 60,
    )


def shell(run: RunCode, *, bare: bool = False) -> AgentTool:
    """A program with its arguments, or a script for the shell."""

    async def act(arguments: Arguments, context: ToolContext) -> str:
        if ("argv" in arguments) == ("script" in arguments):
            raise Refused("give either argv or script")
        argv = ["bash", "-c", arguments.text("script")] if "script" in arguments else arguments.words("argv")
        if any("\0" in word for word in argv):
            raise Refused("a command cannot hold a NUL character")
        if sum(map(len, argv)) > _CODE_CHARS // 2:
            raise Refused("the command is too long; write data to a file with write_file, and read it")
        return await _carried_out(run, argv, arguments, context, None)

    return made(
        "shell",
        f"Run a program, or a bash script, {_where(bare)}. Files in the working folder stay, and are "
        f"those of write_file. The project is in the folder ${PROJECT}{'' if bare else ', read-only'}.",
        {
            "argv": {"type": "array", "items": {"type": "string"}, "description": "The program and its arguments"},
            "script": {"type": "string", "description": "Instead of argv: a script for bash"},
            "timeout": _timeout(),
        },
        act,
        effect=_effect(bare),
        timeout_s=LONGEST_S + 60,
    )


async def _carried_out(
    run: RunCode, argv: Sequence[str], arguments: Arguments, context: ToolContext, stdin: str | None
) -> str:
    """What the process said. Raises Refused where it was not run, or failed."""
    limit = arguments.number("timeout", USUAL_S, 1, LONGEST_S)
    try:
        ran = await run(argv, context, stdin=stdin, timeout_s=limit)
    except CodeBlocked as blocked:
        raise Refused(str(blocked)) from None
    output, errors = ran.output.strip("\n"), ran.stderr.strip()
    parts = [head_and_tail(output, _OUT_CHARS)] if output else []
    if errors:
        parts.append(f"stderr:\n{head_and_tail(errors, _ERR_CHARS)}")
    if ran.timed_out:
        raise Refused("\n".join((f"It was ended after {limit} s, the timeout. Until then it said:", *parts)))
    if ran.exit_code:
        raise Refused("\n".join((f"It failed with exit code {ran.exit_code}.", *parts)))
    return "\n".join(parts) or "It succeeded and printed nothing."


def _where(bare: bool) -> str:
    return "on the user's machine, outside any sandbox" if bare else "in a sandbox without network"


def _effect(bare: bool) -> Effect:
    return Effect.WRITE if bare else Effect.RUN


def _timeout() -> dict[str, str]:
    return {"type": "integer", "description": f"Seconds it may take; {USUAL_S} if left out, {LONGEST_S} at most"}
