"""A session over a fake provider whose own log of requests is the witness, killed again and again until it is done."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from swarmtui.engine.recovery import REPEATS
from swarmtui.host.spec import LaunchSpec
from swarmtui.session.errors import LogError
from swarmtui.session.events import AttemptFailed, AttemptInterrupted, AttemptStarted, AttemptSucceeded, SessionFinished
from swarmtui.session.folder import SessionFolder
from swarmtui.session.reader import Reader
from swarmtui.session.rows import Row, row_to_event
from swarmtui.session.state import SessionState
from swarmtui.session.vocabulary import ErrorKind, Status
from tests.chaos.nursery import Nursery
from tests.fakes.llm import FakeLLM

CONCURRENCY = 24


def task(base_url: str, nodes: dict[str, object]) -> str:
    """A task file over the fake provider."""
    model = {"base_url": base_url, "model": "fake-small"}
    return json.dumps(
        {"goal": "survive", "models": {"worker": model}, "limits": {"concurrency": CONCURRENCY}, "nodes": nodes}
    )


def chain(length: int) -> dict[str, object]:
    """Prompts, each with what the one before said."""
    nodes: dict[str, object] = {"n0": {"prompt": "ask <n0>"}}
    for at in range(1, length):
        nodes[f"n{at}"] = {"prompt": f"ask <n{at}>", "needs": [f"n{at - 1}"]}
    return nodes


def fan_out(width: int) -> dict[str, object]:
    """One prompt, then many at once."""
    return {
        "root": {"prompt": "ask <root>"},
        **{f"leaf{at}": {"prompt": f"ask <leaf{at}>", "needs": ["root"]} for at in range(width)},
    }


def one_map(items: int) -> dict[str, object]:
    """One prompt for each of many items."""
    return {"m": {"prompt": "ask <{{ n }}>", "map": {"items": [f"i{at}" for at in range(items)], "as": "n"}}}


@dataclass
class Shot:
    """One host that was killed."""

    rows: int
    """Events in the file afterwards."""
    results: int
    """Results among them."""


@dataclass
class Trial:
    """A session, the hosts that it went through, and what is true of it."""

    folder: SessionFolder
    llm: FakeLLM
    seed: str
    shots: list[Shot] = field(default_factory=list)
    _rows: list[Row] = field(default_factory=list)

    @classmethod
    def begun(cls, root: Path, name: str, llm: FakeLLM, nodes: dict[str, object], seed: str) -> Trial:
        """A session that has been launched and has no host yet."""
        folder = SessionFolder(root / "state" / "sessions" / name)
        folder.path.mkdir(parents=True, mode=0o700)
        for made in (root, root / "state", root / "state" / "sessions"):
            made.chmod(0o700)
        text = task(llm.base_url, nodes)
        LaunchSpec(cwd=str(root), text=text, viewer=False).write(folder)
        return cls(folder, llm, seed)

    def check(self) -> None:
        """After a host's end: what was recorded before is there, unchanged, and the file is whole."""
        if not self.folder.db.exists():
            assert not self._rows, f"{self.seed}: the file is gone"
            return
        try:
            with Reader(self.folder.db) as reader:
                reader.verify()
                rows = list(reader.rows())
        except LogError as error:
            raise AssertionError(f"{self.seed}: after host {len(self.shots) + 1}: {error}") from error
        assert rows[: len(self._rows)] == self._rows, f"{self.seed}: what was recorded was lost"
        self._rows = rows

    def shot(self) -> None:
        """A host was killed: check, and count."""
        self.check()
        results = sum(row.type == AttemptSucceeded.TYPE for row in self._rows)
        self.shots.append(Shot(len(self._rows), results))

    @property
    def over(self) -> bool:
        """Whether the session has come to its end: a host then only waits for viewers."""
        return any(row.type == SessionFinished.TYPE for row in self._rows)

    def state(self) -> SessionState:
        """The state at the last event."""
        with Reader(self.folder.db) as reader:
            return reader.state()

    def given_up(self) -> int:
        """How many attempts failed, each given up for no other reason than that crash after crash had caught it."""
        caught: Counter[tuple[str, int | None]] = Counter()
        given_up = 0
        for row in self._rows:
            body = row_to_event(row).body
            if isinstance(body, AttemptInterrupted):
                caught[body.node, body.item] += 1
            elif isinstance(body, AttemptFailed):
                assert body.error.kind is ErrorKind.LOST, f"{self.seed}: {body.node} {body.item}: {body.error.message}"
                assert caught[body.node, body.item] >= REPEATS, f"{self.seed}: {body.node} {body.item} given up early"
                given_up += 1
        return given_up

    def judge(self, prompts: set[str]) -> int:
        """At its end: everything was done once, and repeated only where a crash caught it; how many were repeated."""
        bodies = [row_to_event(row).body for row in self._rows]
        done: set[tuple[str, int | None]] = set()
        started: Counter[str] = Counter()
        items = [f"i{at}" for at in range(len(prompts))]
        for body in bodies:
            if isinstance(body, AttemptStarted):
                assert (body.node, body.item) not in done, f"{self.seed}: {body.node} {body.item} was run again"
                started[body.node if body.item is None else items[body.item]] += 1
            elif isinstance(body, AttemptSucceeded):
                assert (body.node, body.item) not in done, f"{self.seed}: {body.node} {body.item} succeeded twice"
                done.add((body.node, body.item))
        asked = Counter(request.prompt.partition("<")[2].partition(">")[0] for request in self.llm.ledger)
        given_up = self.given_up()
        assert set(asked) == prompts or (given_up and set(asked) < prompts), f"{self.seed}: {set(asked) ^ prompts}"
        for prompt, times in asked.items():
            assert times <= started[prompt], f"{self.seed}: {prompt} was asked {times} times, started {started[prompt]}"
        caught = sum(isinstance(body, AttemptInterrupted) for body in bodies) + given_up
        repeated = asked.total() - len(asked)
        assert repeated <= caught <= len(self.shots) * CONCURRENCY, f"{self.seed}: {repeated} repeated, {caught} caught"
        return repeated


async def to_the_end(trial: Trial, nursery: Nursery, within_s: float = 60) -> int:
    """Let a last host finish the session; its exit code, which must fit what was given up."""
    pid = await asyncio.to_thread(nursery.start, trial.folder)
    code = await asyncio.to_thread(nursery.ended, pid, within_s)
    if code is None:
        await asyncio.to_thread(nursery.kill, pid)
        raise AssertionError(f"{trial.seed}: not done in {within_s} s: {trial.folder.host_log.read_text()[-2000:]}")
    trial.check()
    given_up = trial.given_up()
    assert (code, trial.state().status) == ((1, Status.FAILED) if given_up else (0, Status.SUCCEEDED)), trial.seed
    return code
