"""Thousands of items over real HTTP against a provider that refuses, breaks, stalls and hangs up.

Program, host and provider are processes of their own. Every item succeeds or has failed with a cause, and what the
session recorded is what the provider's own ledger says.
"""

from __future__ import annotations

import json
import os
import re
import select
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from swarmtui.session.events import AttemptFailed, AttemptStarted, AttemptThrottled
from swarmtui.session.folder import SessionFolder, session_folders
from swarmtui.session.reader import Reader
from swarmtui.session.rows import row_to_event
from swarmtui.session.vocabulary import ErrorKind, State, Status
from tests.chaos.unreliable import answer_to, never

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(3_600)]

ITEMS = int(os.environ.get("SWARMTUI_CHAOS_ITEMS", "2000"))
"""Twenty thousand in a long run."""
PEAK_MB = 200
"""Memory of the host at its peak, however many items there are."""
KINDS = (ErrorKind.REFUSED, ErrorKind.CHECK)
"""Of what the provider never answers well, by the item's number."""


@dataclass
class Provider:
    """The provider's process."""

    process: subprocess.Popen[bytes]
    base_url: str

    def ledger(self) -> Ledger:
        """What it was asked, once it has stopped."""
        out, _ = self.process.communicate(timeout=60)
        told = json.loads(out.splitlines()[-1])
        asked, answered = ({int(item): n for item, n in told[name].items()} for name in ("asked", "answered"))
        return Ledger(asked, answered, {int(status): n for status, n in told["statuses"].items()}, told["most"])


@dataclass
class Ledger:
    """Requests and whole answers by item, replies by status, and the most requests at once."""

    asked: dict[int, int]
    answered: dict[int, int]
    statuses: dict[int, int]
    most: int


@dataclass
class Recorded:
    """What the session file tells of attempts."""

    started: Counter[int] = field(default_factory=Counter)
    failed: Counter[str] = field(default_factory=Counter)
    throttled: int = 0


@contextmanager
def provider(*words: str) -> Iterator[Provider]:
    """The unreliable provider, at work."""
    argv = [sys.executable, "-m", "tests.chaos.unreliable", *words]
    process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        yield Provider(process, json.loads(process.stdout.readline())["base_url"])
    finally:
        process.kill()
        process.wait()


def test_every_item_succeeds_or_has_a_cause_and_the_counts_are_the_providers_own(tmp_path: Path) -> None:
    malformed = write_items(tmp_path / "docs.jsonl")
    with provider() as llm:
        (tmp_path / "task.json").write_text(json.dumps(task(llm.base_url)))
        began = time.monotonic()
        folder, peak_mb, cpu_s = carried_out(tmp_path)
        took_s = time.monotonic() - began
        ledger = llm.ledger()
    with Reader(folder.db) as reader:
        state, recorded = reader.state(), attempts_in(reader)
    print(
        f"\n{ITEMS} items in {took_s:.0f} s ({ITEMS / took_s:.0f}/s), host {1000 * cpu_s / ITEMS:.2f} ms of CPU each, "
        f"{peak_mb:.0f} MB; requests {sum(ledger.asked.values())}, most at once {ledger.most}, "
        f"refused {recorded.throttled}, failed {dict(recorded.failed)}"
    )
    hopeless = {item for item in range(ITEMS) if never(item)}

    assert state.status is Status.SUCCEEDED, state.reason
    items = state.nodes["m"].items
    assert items is not None
    assert items.count(State.SUCCEEDED) == ITEMS - len(hopeless)
    assert set(items.where(State.FAILED)) == hopeless
    assert {item: items.errors[item].kind for item in hopeless} == {item: KINDS[item % 2] for item in hopeless}
    assert all(items.errors[item].message for item in hopeless)
    assert items.malformed == malformed

    assert recorded.started == ledger.asked, "an attempt is a request, and a request is an attempt"
    assert {item: items.attempts[item] for item in range(ITEMS)} == ledger.asked
    assert recorded.throttled == ledger.statuses.get(429, 0)
    assert set(ledger.answered.values()) == {1}, "no answer was paid for twice"

    results = [json.loads(line) for line in results_of(folder, "results.jsonl")]
    assert [line["item"] for line in results] == sorted(set(range(ITEMS)) - hopeless)
    assert all(line["output"].strip() == answer_to(line["item"]) for line in results)
    failures = [json.loads(line) for line in results_of(folder, "failures.jsonl")]
    assert [line["item"] for line in failures] == sorted(hopeless)
    assert all(line["error"] and line["attempts"] == ledger.asked[line["item"]] for line in failures)
    assert len(results_of(folder, "malformed.jsonl")) == malformed
    assert peak_mb < PEAK_MB


def write_items(path: Path) -> int:
    """The items, and now and then a line that is none; how many of these."""
    with path.open("w") as file:
        for item in range(ITEMS):
            file.write(json.dumps({"id": item}) + "\n" + ("" if item % 1_000 else "not json\n"))
    return -(-ITEMS // 1_000)


def task(base_url: str) -> dict[str, object]:
    """A task file with one map."""
    node = {
        "prompt": "What of <{{ doc.id }}>?",
        "map": {"items": "docs.jsonl", "as": "doc", "tolerate": 0.05},
        "retries": {"limit": 8, "base": 0.02, "cap": 0.3},
        "check": {"min_chars": 24},
        "timeout": 15,
    }
    return {
        "goal": "survive",
        "models": {"worker": {"base_url": base_url, "model": "fake-small"}},
        "nodes": {"m": node},
    }


def carried_out(folder: Path) -> tuple[SessionFolder, float, float]:
    """The session of the task in `folder`, once it has ended, and its host's peak memory in MB and seconds of CPU."""
    keep = {name: value for name, value in os.environ.items() if not name.endswith(("_KEY", "_TOKEN"))}
    env = {**keep, "SWARMTUI_HOME": str(folder / "home")}
    argv = [sys.executable, "-m", "swarmtui", "run", "task.json", "--detach", "--json"]
    launched = subprocess.run(argv, cwd=folder, env=env, capture_output=True, text=True, check=False, timeout=120)
    assert launched.returncode == 0, launched.stderr
    pid = json.loads(launched.stdout.splitlines()[-1])["pid"]
    (session,) = session_folders(folder / "home" / "state" / "sessions")
    peak_mb = cpu_s = 0.0
    try:
        ended = os.pidfd_open(pid)
    except ProcessLookupError:
        return session, peak_mb, cpu_s
    while session.owned():
        try:
            status, stat = (Path(f"/proc/{pid}/{name}").read_text() for name in ("status", "stat"))
        except OSError:
            break
        found = re.search(r"VmHWM:\s+(\d+) kB", status)
        if found is not None:
            peak_mb = int(found[1]) / 1024
            cpu_s = sum(int(ticks) for ticks in stat.rpartition(")")[2].split()[11:13]) / os.sysconf("SC_CLK_TCK")
        select.select([ended], [], [], 0.5)
    os.close(ended)
    return session, peak_mb, cpu_s


def attempts_in(reader: Reader) -> Recorded:
    """What is recorded of attempts, in all."""
    recorded = Recorded()
    for row in reader.rows():
        match row_to_event(row).body:
            case AttemptStarted(item=int(item)):
                recorded.started[item] += 1
            case AttemptFailed(error=error):
                recorded.failed[error.kind.value] += 1
            case AttemptThrottled():
                recorded.throttled += 1
            case _:
                pass
    return recorded


def results_of(session: SessionFolder, name: str) -> list[str]:
    """The lines of one of the map's files."""
    return (session.artefacts / "m" / name).read_text().splitlines()
