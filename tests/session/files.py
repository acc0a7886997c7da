"""Session files as hosts leave them: ended in good order, or caught by a crash with their write-ahead log."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

from swarmtui.plan.model import MapSpec, Node, Plan, PromptSpec, plan_hash
from swarmtui.session import fold
from swarmtui.session.events import (
    AttemptStarted,
    AttemptSucceeded,
    Body,
    HostStarted,
    MapExpanded,
    PlanApproved,
    PlanProposed,
    SessionCreated,
)
from swarmtui.session.log import Log
from swarmtui.session.state_json import state_to_json
from swarmtui.session.vocabulary import Chunk, Output, Usage

FILES = ("session.db", "session.db-wal", "head")


def beginning(items: int, chunk: Chunk) -> list[Body]:
    """The events up to a map whose items are known."""
    plan = Plan("count", (Node("m", PromptSpec("say {{ n }}"), map=MapSpec(name="n", values=tuple(range(items)))),))
    return [
        SessionCreated("original", "count", "Counting", "/", "test"),
        HostStarted(1, "boot", "test"),
        PlanProposed(1, plan),
        PlanApproved(1, plan_hash(plan)),
        MapExpanded("m", items, (chunk,)),
    ]


def work(log: Log, item: int) -> list[Body]:
    """One item carried out; every tenth has an output that is kept as a blob."""
    text = f"item {item} " + "word " * (2_000 if item % 10 == 0 else item % 40)
    sha = log.put_blob(text.encode()) if item % 10 == 0 else None
    output = Output(text[:200] if sha else text, len(text), sha)
    return [AttemptStarted("m", 1, item), AttemptSucceeded("m", 1, output, item, 0.5, Usage(10, 20))]


async def session_file(folder: Path, items: int = 60, *, crash: bool) -> None:
    """A session file in `folder`, which is made: closed, or (`crash`) as it was when its host died."""
    made = folder.with_name(f"{folder.name}.live") if crash else folder
    made.mkdir(parents=True)
    log = await Log.create(made / "session.db", "test")
    state = fold.empty()
    lines = "\n".join(str(item) for item in range(items)).encode()
    for body in beginning(items, Chunk(log.put_blob(lines), items)):
        fold.apply(state, log.append(body, durable=True))
    for item in range(items):
        for body in work(log, item):
            fold.apply(state, log.append(body, durable=item % 7 == 0))
        if item == items // 2:
            log.put_snapshot(state.seq, json.dumps(state_to_json(state)).encode())
        if item % 5 == 0:
            await log.flushed()
    await log.flushed()
    if crash:
        folder.mkdir()
        for name in FILES:
            shutil.copyfile(made / name, folder / name)
    await log.close()


def fingerprint(folder: Path) -> dict[str, str]:
    """File -> hash of its bytes, of what a session file consists of."""
    return {
        name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in FILES if (folder / name).exists()
    }
