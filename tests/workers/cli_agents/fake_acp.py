"""A program that speaks the Agent Client Protocol, line by line, with nothing but the standard library.

What it does is told by words in its arguments; what it was told goes to the file that the first one names.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

LOG = Path(sys.argv[1])
DOES = sys.argv[2:]
SESSION = "acp-session-1"
_ids = iter(range(1000, 9999))


def say(**message: Any) -> None:
    print(json.dumps({"jsonrpc": "2.0", **message}), flush=True)


def note(**what: Any) -> None:
    with LOG.open("a") as file:
        file.write(json.dumps(what) + "\n")


def update(**fields: Any) -> None:
    say(method="session/update", params={"sessionId": SESSION, "update": fields})


def ask(method: str, **params: Any) -> dict[str, Any]:
    id_ = next(_ids)
    say(id=id_, method=method, params={"sessionId": SESSION, **params})
    while True:
        message = json.loads(sys.stdin.readline())
        if message.get("id") == id_ and "method" not in message:
            note(asked=method, got=message.get("result"), error=message.get("error"))
            return dict(message)


def chunk(text: str, kind: str = "agent_message_chunk") -> None:
    update(sessionUpdate=kind, content={"type": "text", "text": text})


def permission(kind: str, path: str, more: list[str], given: dict[str, Any]) -> None:
    call = {
        "toolCallId": "c1",
        "kind": kind,
        "title": f"{kind} {path}",
        "locations": [{"path": each} for each in (path, *more)],
        "rawInput": {"command": "rm -rf /"} if kind == "execute" else given,
    }
    options = [
        *([] if "for-good" in DOES else [{"optionId": "yes", "name": "Yes", "kind": "allow_once"}]),
        {"optionId": "always", "name": "Always", "kind": "allow_always"},
        {"optionId": "no", "name": "No", "kind": "reject_once"},
    ]
    ask("session/request_permission", toolCall=call, options=options)


def work(cwd: str) -> dict[str, Any] | None:
    if "hang" in DOES:
        chunk("I begin")
        time.sleep(600)
    if "die" in DOES:
        print("out of memory", file=sys.stderr, flush=True)
        os._exit(3)
    if "noise" in DOES:
        print("this is no JSON", flush=True)
        say(method="session/update", params={"sessionId": SESSION, "update": {"sessionUpdate": "unheard_of"}})
        say(method="no/such", id=77)
    chunk("hmm", "agent_thought_chunk")
    chunk("I look.")
    update(sessionUpdate="tool_call", toolCallId="c1", title="Read a.txt", kind="read", status="pending")
    update(sessionUpdate="tool_call_update", toolCallId="c1", title="Read a.txt", status="failed")
    for word in DOES:
        verb, _, rest = word.partition(":")
        rest, *more = rest.split(",")
        rest, _, raw = rest.partition("=")
        path = rest if rest.startswith("/") else f"{cwd}/{rest}"
        if verb == "read":
            ask("fs/read_text_file", path=path)
        elif verb == "write":
            ask("fs/write_text_file", path=path, content="written\n")
        elif verb in ("edit", "execute", "fetch"):
            permission(verb, path, more, {"path": raw} if raw else {})
    chunk("Hello ")
    chunk("there.")
    update(sessionUpdate="usage_update", used=10, size=100, cost={"amount": 0.5, "currency": "USD"})
    if "error" in DOES:
        return None
    usage = {"totalTokens": 18, "inputTokens": 11, "outputTokens": 7, "cachedReadTokens": 2}
    return {"stopReason": "refusal" if "refuse" in DOES else "end_turn", "usage": usage}


def main() -> None:
    if "stubborn" in DOES:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    note(pid=os.getpid())
    cwd = ""
    for line in sys.stdin:
        message = json.loads(line)
        method, params = message.get("method"), message.get("params", {})
        note(method=method, params=params)
        if method == "initialize":
            result: dict[str, Any] = {"protocolVersion": 1, "agentCapabilities": {"loadSession": "load" in DOES}}
            say(id=message["id"], result=result)
        elif method == "session/new":
            cwd = params["cwd"]
            if "auth" in DOES:
                say(id=message["id"], error={"code": -32000, "message": "Authentication required"})
            else:
                say(id=message["id"], result={"sessionId": SESSION})
        elif method == "session/load":
            cwd = params["cwd"]
            chunk("what was said before")
            say(id=message["id"], result={})
        elif method == "session/prompt":
            answer = work(cwd)
            if answer is None:
                say(id=message["id"], error={"code": -32603, "message": "Internal error", "data": {"details": "quota"}})
            else:
                say(id=message["id"], result=answer)
    if "stubborn" in DOES:
        time.sleep(600)


main()
