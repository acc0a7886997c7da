"""An MCP server that does what it is told, also what none should: raw JSON-RPC over stdio, without any package.

``python -I -S mcp_server.py [--starts FILE] [--offers FILE] [--version V] [--mute] [--end CODE]``: `starts` gets a line
for each start, `offers` (JSON) replaces the entries of ``tools/list`` each time, `version` is the protocol that it
claims, a mute one answers nothing, `end` has it say something on stderr and end at once.
"""

import json
import os
import sys
import time

ARGUMENTS = {"type": "object", "properties": {"text": {"type": "string", "description": "Words."}}}
TOOLS = (
    *("echo", "add", "die", "die_once", "hang", "freeze", "freeze_once", "flood", "garbage", "huge", "deep", "bad"),
    *("environ", "media", "fail", "refuse", "ask", "progress", "note", "cancelled", "more", "spawn"),
)
cancelled: list[object] = []
deferred: dict[str, object] = {}


def say(message: dict[str, object]) -> None:
    sys.stdout.write(json.dumps({"jsonrpc": "2.0", **message}) + "\n")
    sys.stdout.flush()


def answer(number: object, text: str, **more: object) -> None:
    say({"id": number, "result": {"content": [{"type": "text", "text": text}], **more}})


def option(name: str) -> str | None:
    return sys.argv[sys.argv.index(name) + 1] if name in sys.argv else None


def offers() -> list[object]:
    path = option("--offers")
    if path is not None:
        with open(path) as file:
            found: list[object] = json.load(file)
            return found
    annotations = {"readOnlyHint": True}
    return [
        {"name": name, "description": f"Does {name}.", "inputSchema": ARGUMENTS, "annotations": annotations}
        for name in TOOLS
    ]


def first_time(path: str) -> bool:
    if os.path.exists(path):
        return False
    open(path, "w").close()
    return True


def call(number: object, name: str, text: str, token: object) -> None:
    match name:
        case "echo":
            answer(number, text)
        case "add":
            answer(number, '{"sum": 3}', structuredContent={"sum": 3})
        case "die":
            sys.stderr.write("thinking\nout of cheese\n")
            sys.exit(3)
        case "die_once":
            if first_time(text):
                sys.exit(3)
            answer(number, "lived")
        case "hang":
            pass
        case "freeze":
            first_time(text)
            time.sleep(600)
        case "freeze_once":
            if first_time(text):
                time.sleep(600)
            answer(number, "thawed")
        case "flood":
            for _ in range(12):
                sys.stderr.write("x" * 1023 * 1024 + "\n")
            sys.stderr.flush()
            answer(number, "dry")
        case "garbage":
            sys.stdout.write('Listening on port 80\n\n{"half\n[1, 2]\n\xff\n{"jsonrpc": "2.0", "nonsense": 1}\nnull\n')
            sys.stdout.buffer.write(b"\xff\xfe\x00\n")
            answer(number, "after all")
        case "huge":
            answer(number, "x" * (11 * 1024 * 1024))
        case "deep":
            answer(number, "deep", structuredContent=json.loads('{"a":' * 100 + "1" + "}" * 100))
        case "bad":
            sys.stdout.write(f'{{"jsonrpc": "2.0", "id": {number}, "result": {{"content": [\n')
            sys.stdout.flush()
        case "environ":
            answer(number, json.dumps(dict(os.environ)))
        case "media":
            picture = {"type": "image", "data": "AAAA", "mimeType": "image/png"}
            say({"id": number, "result": {"content": [{"type": "text", "text": "see"}, picture]}})
        case "fail":
            answer(number, "no such file", isError=True)
        case "refuse":
            say({"id": number, "error": {"code": -32000, "message": "not today"}})
        case "ask":
            schema = {"type": "object", "properties": {}}
            asked = {
                "sampling/createMessage": {"messages": [], "maxTokens": 1},
                "elicitation/create": {"message": "your password?", "requestedSchema": schema},
                "roots/list": {},
            }
            for method, params in asked.items():
                deferred[method] = number
                say({"id": method, "method": method, "params": params})
        case "progress":
            for step in (1, 2, 3):
                params = {"progressToken": token, "progress": step, "total": 3, "message": "step"}
                say({"method": "notifications/progress", "params": params})
            answer(number, "done")
        case "note":
            with open(text, "a") as file:
                file.write("called\n")
            sys.exit(4)
        case "cancelled":
            answer(number, json.dumps(cancelled))
        case "more":
            say({"method": "notifications/tools/list_changed"})
            answer(number, "more")
        case "spawn":
            child = os.spawnlp(os.P_NOWAIT, "sleep", "sleep", "600")
            answer(number, f"{os.getpid()} {child}")
        case _:
            say({"id": number, "error": {"code": -32602, "message": f"Unknown tool: {name}"}})


refusals: dict[str, object] = {}


def heard(message: dict[str, object]) -> None:
    """An answer of the client to what it was asked."""
    refusals[str(message["id"])] = message.get("error") or message.get("result")
    if len(refusals) == 3:
        answer(deferred["roots/list"], json.dumps(refusals))


def main() -> None:
    if path := option("--starts"):
        with open(path, "a") as file:
            file.write(f"{os.getpid()}\n")
    if (code := option("--end")) is not None:
        sys.stderr.write("no licence found\n")
        sys.exit(int(code))
    for line in sys.stdin:
        message = json.loads(line)
        if "--mute" in sys.argv:
            continue
        params = message.get("params", {})
        match message.get("method"):
            case "initialize":
                version = option("--version") or "2025-11-25"
                about = {"name": "fake", "version": "1"}
                capabilities = {"tools": {"listChanged": True}}
                result = {"protocolVersion": version, "capabilities": capabilities, "serverInfo": about}
                say({"id": message["id"], "result": result})
            case "tools/list":
                say({"id": message["id"], "result": {"tools": offers()}})
            case "tools/call":
                token = params.get("_meta", {}).get("progressToken")
                call(message["id"], params["name"], params.get("arguments", {}).get("text", ""), token)
            case "notifications/cancelled":
                cancelled.append(params["requestId"])
            case None:
                heard(message)
            case method if "id" in message:
                say({"id": message["id"], "error": {"code": -32601, "message": f"no {method}"}})


main()
