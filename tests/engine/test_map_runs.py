"""Maps at work: sources, duplicates, pausing and retrying within a map, outputs kept before they are recorded."""

from __future__ import annotations

import asyncio
import json
import threading
from pathlib import Path

import pytest

from swarmtui.engine.artefacts import Artefacts
from swarmtui.engine.commands import Refused
from swarmtui.engine.ports import Attempt, Done
from swarmtui.plan.model import Limits, MapSpec, Node, PromptSpec, Retry
from swarmtui.session.events import AttemptStarted, AttemptSucceeded, Event, MapExpanded, NodeRetried, Noted
from swarmtui.session.vocabulary import State, Status
from tests.engine.world import failure, node, plan, running


def a_map(count: int = 6, **more: object) -> Node:
    return Node("m", PromptSpec("say {{ item }}"), map=MapSpec(values=tuple(range(count)), **more))  # type: ignore[arg-type]


def lines(folder: Path, name: str, of: str = "m") -> list[dict[str, object]]:
    return [json.loads(line) for line in (folder / "artefacts" / of / name).read_text().splitlines()]


class Gate:
    """A script whose attempts wait until they are let through."""

    def __init__(self) -> None:
        self.open = asyncio.Event()

    async def __call__(self, attempt: Attempt) -> str:
        await self.open.wait()
        return "ok"


# -- sources --------------------------------------------------------------------------------------------------


async def test_a_map_over_a_large_output_reads_it_as_a_stream(tmp_path: Path) -> None:
    values = [{"n": n, "text": "x" * 2_000} for n in range(1_500)]
    whole = json.dumps(values)

    async def script(attempt: Attempt) -> object:
        if attempt.node == "list":
            path = tmp_path / "artefacts" / "list" / "output.txt"
            path.parent.mkdir(parents=True)
            path.write_text(whole)
            return Done(attempt.id, whole[:100], len(whole), str(path), truncated=True)
        return str(attempt.item)

    mapped = Node("m", PromptSpec("{{ it.n }}"), needs=("list",), map=MapSpec(name="it", node="list"))
    async with running(tmp_path, plan(node("list"), mapped), script, limits=Limits(concurrency=50)) as world:
        assert await world.finished() is Status.SUCCEEDED
        assert [line["item"] for line in lines(tmp_path, "results.jsonl")] == list(range(1_500))


async def test_equal_items_are_reported_and_carried_out_unless_they_are_to_be_skipped(tmp_path: Path) -> None:
    (tmp_path / "docs.jsonl").write_text('{"a": 1, "b": 2}\n{"b": 2, "a": 1}\n\n3\n3\n')
    for duplicates, done in (("run", 4), ("skip", 2)):
        folder = tmp_path / duplicates
        folder.mkdir()
        (folder / "docs.jsonl").write_bytes((tmp_path / "docs.jsonl").read_bytes())
        spec = MapSpec(path="docs.jsonl", duplicates=duplicates)  # type: ignore[arg-type]
        async with running(folder, plan(Node("m", PromptSpec("{{ item }}"), map=spec))) as world:
            assert await world.finished() is Status.SUCCEEDED
            assert len(world.executor.started) == done
            recorded = [event.body for event in await world.recorded()]
            (expanded,) = (body for body in recorded if isinstance(body, MapExpanded))
            assert (expanded.duplicates, expanded.duplicates_total) == (((2, 1), (5, 4)), 2)
            assert expanded.skipped == ((1, 3) if duplicates == "skip" else ())
            told = [body.message for body in recorded if isinstance(body, Noted)]
            assert told == ["items, line 2: the same as line 1", "items, line 5: the same as line 4"]
            skipped = [line for line in lines(folder, "failures.jsonl") if line["state"] == "skipped"]
            assert [(line["item"], line["line"]) for line in skipped] == ([(1, 2), (3, 5)] if done == 2 else [])


async def test_a_source_without_any_item_is_told_and_fails_nothing(tmp_path: Path) -> None:
    (tmp_path / "none.csv").write_text("id,text\n")
    mapped = Node("m", PromptSpec("{{ it.id }}"), map=MapSpec(name="it", path="none.csv"))
    async with running(tmp_path, plan(mapped)) as world:
        assert await world.finished() is Status.SUCCEEDED
        told = [event.body.message for event in await world.recorded() if isinstance(event.body, Noted)]
        assert told == ["the map has no items: nothing is carried out"]


async def test_every_malformed_line_is_in_the_file_and_the_log_tells_how_many(tmp_path: Path) -> None:
    (tmp_path / "docs.jsonl").write_bytes(b"\xff\n" * 500 + b"1\n")
    spec = MapSpec(path="docs.jsonl", tolerate=1.0)
    async with running(tmp_path, plan(Node("m", PromptSpec("{{ item }}"), map=spec))) as world:
        assert await world.finished() is Status.SUCCEEDED
        told = [event.body.message for event in await world.recorded() if isinstance(event.body, Noted)]
        assert told[-1] == "items: 500 entries could not be read: all are in malformed.jsonl"
        assert [line["line"] for line in lines(tmp_path, "malformed.jsonl")] == list(range(1, 501))
        items = world.state.nodes["m"].items
        assert items is not None
        assert items.malformed == 500
        assert lines(tmp_path, "results.jsonl")[0]["line"] == 501


# -- steering within a map ------------------------------------------------------------------------------------


async def test_a_paused_map_starts_nothing_lets_its_items_end_and_goes_on(tmp_path: Path) -> None:
    gate = Gate()
    async with running(tmp_path, plan(a_map()), gate, limits=Limits(concurrency=2)) as world:
        await world.until(lambda: len(world.executor.running) == 2)
        await world.do("node.pause", node="m")
        gate.open.set()
        await world.until(lambda: world.state.nodes["m"].state is State.HELD)
        items = world.state.nodes["m"].items
        assert items is not None
        assert (items.count(State.SUCCEEDED), items.count(State.READY)) == (2, 4)
        assert len(world.executor.started) == 2
        await world.do("node.resume", node="m")
        assert await world.finished() is Status.SUCCEEDED
        assert len(world.executor.started) == 6


async def test_items_that_a_pause_stopped_go_before_those_not_tried_yet(tmp_path: Path) -> None:
    gate = Gate()
    async with running(tmp_path, plan(a_map(20)), gate, limits=Limits(concurrency=2)) as world:
        await world.until(lambda: len(world.executor.running) == 2)
        await world.do("session.pause", mode="now")
        await world.until(lambda: not world.executor.running)
        gate.open.set()
        await world.do("session.resume")
        assert await world.finished() is Status.SUCCEEDED
        assert [place.split("/")[1] for place in world.executor.started[2:5]] == ["0", "1", "2"]


async def test_items_that_are_due_again_go_before_those_not_tried_yet_in_the_order_in_which_they_are_due(
    tmp_path: Path,
) -> None:
    async def script(attempt: Attempt) -> object:
        await asyncio.sleep(0.005)
        return failure() if attempt.number == 1 and attempt.item in (0, 1) else "ok"

    again = Node(
        "m",
        PromptSpec("say {{ item }}"),
        map=MapSpec(values=tuple(range(100))),
        retry=Retry(limit=1, base_s=0.0),
    )
    async with running(tmp_path, plan(again), script, limits=Limits(concurrency=2)) as world:
        assert await world.finished() is Status.SUCCEEDED
        started = world.executor.started
        assert started.index("m/0/2") < started.index("m/1/2") < started.index("m/20/1")


async def test_no_attempt_id_repeats_when_a_whole_map_is_carried_out_again(tmp_path: Path) -> None:
    broken = {1, 4}
    script = lambda attempt: failure() if attempt.item in broken else "ok"  # noqa: E731
    async with running(tmp_path, plan(a_map()), script) as world:
        assert await world.finished() is Status.FAILED
        await world.do("nodes.retry_failed")
        assert await world.finished() is Status.FAILED
        broken.clear()
        await world.do("node.retry", node="m", fresh=True)
        assert await world.finished() is Status.SUCCEEDED
        assert len(world.executor.started) == 14
        assert len(set(world.executor.started)) == 14
        numbers = [
            (event.body.item, event.body.attempt)
            for event in await world.recorded()
            if isinstance(event.body, AttemptStarted)
        ]
        assert len(set(numbers)) == 14


async def test_items_chosen_one_by_one_are_retried_and_no_others(tmp_path: Path) -> None:
    broken = {1, 3, 4}
    script = lambda attempt: failure() if attempt.item in broken else "ok"  # noqa: E731
    async with running(tmp_path, plan(a_map()), script) as world:
        assert await world.finished() is Status.FAILED
        world.executor.started.clear()
        broken.clear()
        world.conductor.record(NodeRetried("m", items=(1, 4)))
        world.conductor._step()
        await world.until(lambda: len(world.executor.started) == 2)
        assert await world.finished() is Status.FAILED
        assert sorted(world.executor.started) == ["m/1/2", "m/4/2"]
        items = world.state.nodes["m"].items
        assert items is not None
        assert list(items.where(State.FAILED)) == [3]
        assert [line["item"] for line in lines(tmp_path, "results.jsonl")] == [0, 1, 2, 4, 5]


async def test_single_items_are_cancelled_and_skipped_running_or_not(tmp_path: Path) -> None:
    gate = Gate()
    async with running(tmp_path, plan(a_map(tolerate=1.0)), gate, limits=Limits(concurrency=2)) as world:
        await world.until(lambda: len(world.executor.running) == 2)
        await world.do("node.cancel", node="m", item=0)
        await world.do("node.cancel", node="m", item=4)
        await world.do("node.skip", node="m", item=5)
        with pytest.raises(Refused, match="item 5 of m was skipped already"):
            await world.do("node.cancel", node="m", item=5)
        gate.open.set()
        assert await world.finished() is Status.SUCCEEDED
        items = world.state.nodes["m"].items
        assert items is not None
        states = [items.state(item).value for item in range(6)]
        assert states == ["cancelled", "succeeded", "succeeded", "succeeded", "cancelled", "skipped"]
        assert "m/4/1" not in world.executor.started


# -- outputs --------------------------------------------------------------------------------------------------


async def test_an_output_is_written_outside_of_the_event_loop_and_before_its_result_is_recorded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write, seen = Artefacts.write, list[tuple[bool, bool]]()

    def watched(self: Artefacts, folder: Path, name: str, text: str) -> Path:
        if name == "output.txt":
            recorded = any(state.state is State.SUCCEEDED for state in world.state.nodes.values())
            seen.append((threading.current_thread() is threading.main_thread(), recorded))
        return write(self, folder, name, text)

    monkeypatch.setattr(Artefacts, "write", watched)
    started_with: list[str] = []

    def script(attempt: Attempt) -> str:
        if attempt.node == "b":
            started_with.append((tmp_path / "artefacts" / "a" / "output.txt").read_text())
        return f"{attempt.node} said"

    async with running(tmp_path, plan(node("a"), node("b", "a")), script) as world:
        assert await world.finished() is Status.SUCCEEDED
        assert seen == [(False, False), (False, True)]
        assert started_with == ["a said"]


async def test_an_output_that_is_being_kept_when_the_host_leaves_is_recorded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write, writing, go_on = Artefacts.write, threading.Event(), threading.Event()

    def slow(self: Artefacts, folder: Path, name: str, text: str) -> Path:
        if name == "output.txt":
            writing.set()
            assert go_on.wait(20)
        return write(self, folder, name, text)

    monkeypatch.setattr(Artefacts, "write", slow)
    async with running(tmp_path, plan(node("a"))) as world:
        assert await asyncio.to_thread(writing.wait, 20)
        world.conductor.stop("signal", drain_s=0)
        go_on.set()
    assert any(isinstance(event.body, AttemptSucceeded) for event in await _file(tmp_path))


async def _file(folder: Path) -> list[Event]:
    from swarmtui.session.reader import Reader
    from swarmtui.session.rows import row_to_event

    with Reader(folder / "session.db") as reader:
        return [row_to_event(row) for row in reader.rows()]
