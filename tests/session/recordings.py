"""Recordings of other programs, written by what is known of their formats."""

from __future__ import annotations

import json
from typing import Any

Block = tuple[str, dict[str, Any]]

PLAN = {
    "locale": "en-US",
    "has_enough_context": False,
    "thought": "Both are needed.",
    "title": "The tower",
    "steps": [
        {"need_search": True, "title": "Find the height", "description": "How tall?", "step_type": "research"},
        {"need_search": False, "title": "Double it", "description": "Compute.", "step_type": "processing"},
    ],
}


def sse(*blocks: Block) -> str:
    return "".join(f"event: {kind}\ndata: {json.dumps(data)}\n\n" for kind, data in blocks)


def said(agent: str, message: str, content: str = "", stop: bool = False, **more: Any) -> Block:
    data = {"thread_id": "thread-7", "agent": agent, "id": message, "role": "assistant", "content": content, **more}
    return "message_chunk", data | ({"finish_reason": "stop"} if stop else {})


def deerflow_chat() -> list[Block]:
    """A chat with a hand-over, a plan that waits for the user, a search, a computation and a report."""
    plan = json.dumps(PLAN)
    handoff = {"name": "handoff_to_planner", "args": {}, "id": "call-1", "type": "tool_call"}
    search = {"name": "web_search", "args": {"query": "height"}, "id": "call-2", "type": "tool_call"}
    options = [{"text": "Edit plan", "value": "edit_plan"}, {"text": "Start research", "value": "accepted"}]
    piece = {"name": "handoff_to_planner", "args": '{"research_topic": "How tall', "id": "call-1", "index": 0}
    asks = {"id": "i", "thread_id": "thread-7", "role": "assistant", "content": "Please Review the Plan."}
    researcher = {"agent": "researcher", "role": "assistant", "id": "r1"}
    return [
        said("coordinator", "c", "I hand over."),
        ("tool_calls", {"agent": "coordinator", "id": "c", "tool_calls": [handoff], "tool_call_chunks": [piece]}),
        ("tool_call_chunks", {"agent": "coordinator", "id": "c", "tool_call_chunks": [{"args": ' is it?"}'}]}),
        said("coordinator", "c", stop=True),
        said("planner", "p", plan[:40]),
        said("planner", "p", plan[40:], stop=True),
        ("interrupt", {**asks, "finish_reason": "interrupt", "options": options}),
        said("researcher", "r1", "I look it up."),
        ("tool_calls", {**researcher, "finish_reason": "tool_calls", "tool_calls": [search]}),
        (
            "tool_call_result",
            {"agent": "researcher", "role": "tool", "id": "r2", "tool_call_id": "call-2", "content": "330 m"},
        ),
        said("researcher", "r3", "It is 330 m tall.", stop=True),
        said("coder", "k", "660", stop=True),
        said("reporter", "z", "# The tower\n"),
        said("reporter", "z", "330 m, twice 660 m.", stop=True),
    ]


def trace_line(second: float, kind: str, task: str | None = None, **data: Any) -> dict[str, Any]:
    stamp = f"2026-03-01T10:00:{second:09.6f}+00:00"
    return {"run_id": "run-9", "timestamp": stamp, "kind": kind, "task_id": task, "data": data}


def trace() -> list[dict[str, Any]]:
    """Two tasks side by side, one of them tried twice, a third that fails, and a fourth that is skipped for that."""
    return [
        trace_line(0, "worker_registered", worker_id="w1"),
        trace_line(0, "task_submitted", "find", dependencies=[], description="Find files", max_retries=0),
        trace_line(0, "task_submitted", "flaky", dependencies=[], max_retries=1, profile="gpu"),
        trace_line(0, "task_submitted", "break", dependencies=["find"], max_retries=0),
        trace_line(0, "task_submitted", "end", dependencies=["break", "flaky"], max_retries=0),
        trace_line(1, "policy_action", action="run"),
        trace_line(1, "task_scheduled", "find", worker_id="w1"),
        trace_line(1, "task_scheduled", "flaky", worker_id="w1"),
        trace_line(3, "task_attempt", "find", worker_id="w1", attempt=1, ok=True, output={"files": 3}),
        trace_line(3, "task_terminal", "find", status="completed", ok=True, attempt=1),
        trace_line(4, "task_attempt", "flaky", worker_id="w1", attempt=1, ok=False, error="no luck"),
        trace_line(4, "task_retrying", "flaky", attempt=1, max_retries=1),
        trace_line(5, "task_scheduled", "flaky", worker_id="w1"),
        trace_line(5, "task_scheduled", "break", worker_id="w1"),
        trace_line(6, "task_attempt", "flaky", attempt=2, ok=True),
        trace_line(6, "task_terminal", "flaky", status="completed", ok=True, attempt=2),
        trace_line(7, "task_attempt", "break", attempt=1, ok=False, error="it is broken"),
        trace_line(7, "task_terminal", "break", status="failed", ok=False, attempt=1),
        trace_line(7, "task_terminal", "end", status="skipped", ok=False, attempt=0, error="dependency failed: break"),
        trace_line(8, "tick_completed", tick=4),
    ]


def checkpoint() -> dict[str, Any]:
    """A run that was stopped in the middle: one task done, one at work, one that waits for both."""

    def task(
        name: str, status: str, *needs: str, attempts: int = 0, start: int | None = None, end: int | None = None
    ) -> dict[str, Any]:
        return {
            "task_id": name,
            "description": f"Do {name}",
            "payload": {},
            "dependencies": list(needs),
            "profile": "default",
            "queued_at": "2026-03-01T10:00:00+00:00",
            "started_at": None if start is None else f"2026-03-01T10:00:{start:02}+00:00",
            "ended_at": None if end is None else f"2026-03-01T10:00:{end:02}+00:00",
            "max_retries": 1,
            "attempts": attempts,
            "status": status,
        }

    done = {"task_id": "a", "worker_id": "w", "ok": True, "attempt": 2, "output": {"text": "done"}, "error": None}
    return {
        "run_id": "run-9",
        "created_at": "2026-03-01T10:00:30+00:00",
        "ready_queue": [],
        "blocked": ["c"],
        "running": ["b"],
        "result_order": ["a"],
        "tasks": {
            "a": task("a", "completed", attempts=2, start=2, end=10),
            "b": task("b", "running", attempts=1, start=20),
            "c": task("c", "pending", "a", "b"),
        },
        "results": {"a": done},
        "attempt_history": {"a": [{**done, "ok": False, "attempt": 1, "output": {}, "error": "once"}, done]},
        "tick_count": 3,
    }
