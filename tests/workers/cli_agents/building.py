"""What the programs say, and small programs of our own that say it."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from swarmtui.engine.ports import Attempt
from swarmtui.plan.model import AgentSpec
from swarmtui.plan.team import AgentDef
from swarmtui.workers.cli_agents.programs import Programs, load_programs
from swarmtui.workers.cli_agents.run import Patience
from swarmtui.workers.cli_agents.worker import CliAgentWorker
from swarmtui.workers.process import Processes
from tests.workers.building import attempt as plain_attempt

SESSION = "11111111-1111-4111-8111-111111111111"
QUICK = Patience(silence_s=20.0, linger_s=0.1, steps=((2, 0.2), (15, 0.2)))


def claude_says(text: str = "Hello there.", **result: Any) -> list[dict[str, Any]]:
    """A run of claude that answers `text`; `result` changes its last line."""
    first, _, second = text.partition(" ")
    parts = [first, f" {second}"] if second else [first]
    usage = {
        "input_tokens": 11,
        "cache_creation_input_tokens": 5,
        "cache_read_input_tokens": 4,
        "output_tokens": 7,
    }
    return [
        {"type": "system", "subtype": "init", "session_id": SESSION, "model": "claude-x"},
        {"type": "stream_event", "event": {"type": "message_start"}, "session_id": SESSION},
        *(
            {
                "type": "stream_event",
                "event": {"type": "content_block_delta", "delta": {"type": "text_delta", "text": part}},
            }
            for part in parts
        ),
        {"type": "assistant", "message": {"content": [{"type": "text", "text": text}]}},
        {
            "type": "result",
            "subtype": "success",
            "is_error": False,
            "result": text,
            "session_id": SESSION,
            "num_turns": 1,
            "total_cost_usd": 0.25,
            "usage": usage,
        }
        | result,
    ]


def codex_says(text: str = "Hello there.", usage: Mapping[str, int] | None = None) -> list[dict[str, Any]]:
    """A run of codex that runs a command and answers `text`."""
    command = {"id": "item_1", "type": "command_execution", "command": "ls -l", "status": "in_progress"}
    return [
        {"type": "thread.started", "thread_id": SESSION},
        {"type": "item.completed", "item": {"id": "item_0", "type": "error", "message": "no metadata"}},
        {"type": "turn.started"},
        {"type": "item.completed", "item": {"type": "agent_message", "text": "I look."}},
        {"type": "item.started", "item": command},
        {"type": "item.completed", "item": command | {"status": "completed", "exit_code": 0}},
        {"type": "item.completed", "item": {"type": "agent_message", "text": text}},
        {
            "type": "turn.completed",
            "usage": usage or {"input_tokens": 100, "cached_input_tokens": 40, "output_tokens": 7},
        },
    ]


def gemini_says(text: str = "Hello there.") -> list[dict[str, Any]]:
    """A run of gemini that uses a tool and answers `text`."""
    stats = {"total_tokens": 18, "input_tokens": 11, "output_tokens": 7, "cached": 3, "tool_calls": 1}
    return [
        {"type": "init", "session_id": SESSION, "model": "gemini-x"},
        {"type": "message", "role": "user", "content": "the task"},
        {"type": "message", "role": "assistant", "content": "I look.", "delta": True},
        {"type": "tool_use", "tool_name": "read_file", "tool_id": "1", "parameters": {"path": "a.py"}},
        {"type": "tool_result", "tool_id": "1", "status": "success", "output": "…"},
        *({"type": "message", "role": "assistant", "content": word, "delta": True} for word in text.split(" ", 1)[:1]),
        {"type": "message", "role": "assistant", "content": text.removeprefix(text.split(" ", 1)[0]), "delta": True},
        {"type": "result", "status": "success", "stats": stats},
    ]


def opencode_says(text: str = "Hello there.") -> list[dict[str, Any]]:
    """A run of opencode in two steps that answers `text`."""
    tokens = {"input": 10, "output": 5, "reasoning": 2, "cache": {"read": 3, "write": 1}}
    return [
        {"type": "step_start", "sessionID": SESSION, "part": {}},
        {"type": "tool_use", "part": {"tool": "bash", "state": {"status": "completed", "input": {"command": "ls"}}}},
        {"type": "step_finish", "part": {"reason": "tool-calls", "tokens": tokens, "cost": 0.01}},
        {"type": "step_start", "sessionID": SESSION, "part": {}},
        {"type": "text", "part": {"text": text}},
        {"type": "step_finish", "part": {"reason": "stop", "tokens": tokens, "cost": 0.02}},
    ]


def copilot_says(text: str = "Hello there.") -> list[dict[str, Any]]:
    """A run of copilot that uses a tool and answers `text`."""
    first, _, second = text.partition(" ")
    return [
        {"type": "user.message", "data": {"content": "the task"}},
        {"type": "tool.execution_start", "data": {"toolName": "view", "arguments": {"path": "a.py"}}},
        {"type": "tool.execution_complete", "data": {"success": True}},
        {"type": "assistant.message_start", "data": {}},
        {"type": "assistant.message_delta", "data": {"deltaContent": first}},
        {"type": "assistant.message_delta", "data": {"deltaContent": f" {second}"}},
        {"type": "assistant.message", "data": {"content": text, "model": "copilot-x"}},
        {"type": "result", "sessionId": SESSION, "exitCode": 0, "usage": {"premiumRequests": 1}},
    ]


SAYS = {
    "claude": claude_says,
    "codex": codex_says,
    "gemini": gemini_says,
    "opencode": opencode_says,
    "copilot": copilot_says,
}
"""Format -> a good run."""


def as_lines(events: list[dict[str, Any]]) -> list[str]:
    """The run as a program prints it."""
    return [json.dumps(event) for event in events]


def fake(folder: Path, events: list[dict[str, Any]], before: str = "", after: str = "") -> tuple[str, ...]:
    """A program that prints `events`, with a shell to run `before` and `after` that; its task is in ``task.txt``.

    It is a shell since that starts in no time, however busy this machine is.
    """
    said = folder / "events.jsonl"
    said.write_text("".join(f"{line}\n" for line in as_lines(events)))
    task = folder / "task.txt"
    return shell(folder, f"{{ cat; printf '|%s' \"$*\"; }} > {task}\n{before}\ncat {said}\n{after}\n")


def shell(folder: Path, script: str) -> tuple[str, ...]:
    """A program that is a shell script."""
    path = folder / "fake_program.sh"
    path.write_text(script)
    return ("sh", str(path))


def known(argv: tuple[str, ...], format: str = "claude", **fields: Any) -> Programs:
    """Programs among which the one called `format` is `argv` (with what the known one is told to do)."""
    base = load_programs().get(format)
    made = replace(base, argv=(*argv, "{resume}", "{model}", "{access}"), **{"version": (), **fields})
    return Programs({format: made})


def worker(programs: Programs | None = None, patience: Patience = QUICK, **fields: Any) -> CliAgentWorker:
    """A worker that has little patience."""
    return CliAgentWorker(Processes(fields.pop("redactor", None)), programs, patience=patience, **fields)


def agent_attempt(
    folder: Path, cwd: Path | None = None, own: AgentDef | None = None, prompt: str = "do it", **fields: Any
) -> Attempt:
    """An attempt at an agent node whose agent is claude, or as `own` tells."""
    spec = AgentSpec("self", prompt, own or AgentDef(program="claude"))
    return plain_attempt(spec, folder, cwd=str(cwd or folder), **fields)


def git(folder: Path, *words: str) -> str:
    """What a git command says."""
    identity = ("-c", "user.name=A", "-c", "user.email=a@example.org", "-c", "init.defaultBranch=main")
    return subprocess.run(["git", *identity, *words], cwd=folder, check=True, capture_output=True, text=True).stdout


def repository(folder: Path) -> Path:
    """A repository with a commit: ``a.txt`` and ``sub/b.txt``."""
    (folder / "sub").mkdir(parents=True)
    (folder / "a.txt").write_text("one\ntwo\n")
    (folder / "sub/b.txt").write_text("b\n")
    git(folder, "init", "-q")
    git(folder, "add", ".")
    git(folder, "commit", "-q", "-m", "first")
    return folder
