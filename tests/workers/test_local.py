import asyncio
import logging
import random
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from swarmtui.engine.ports import (
    Attempt,
    CallAsked,
    Delta,
    Done,
    Failed,
    Inquiry,
    Stopped,
    Suspended,
    Terminal,
    ToolCalled,
    WorkerEvent,
)
from swarmtui.plan.model import Check, PythonSpec
from swarmtui.safety.permissions import Effect
from swarmtui.session.vocabulary import ErrorInfo, ErrorKind, Usage
from swarmtui.workers import local
from swarmtui.workers.local import BACKLOG, FLUSH_CHARS, Course, LocalExecutor, Worker, WorkerFailed
from tests.workers.building import attempt

Emit = Callable[[Delta], None]


class Reader:
    """Reads an executor's events until its end."""

    def __init__(self, executor: LocalExecutor) -> None:
        self.events: list[WorkerEvent] = []
        self.batches = 0
        self._more = asyncio.Event()
        self._task = asyncio.create_task(self._read(executor))

    async def _read(self, executor: LocalExecutor) -> None:
        async for batch in executor.events():
            assert batch
            self.batches += 1
            self.events.extend(batch)
            self._more.set()

    async def ended(self, count: int = 1) -> list[Terminal]:
        """The terminal events, once there are `count`."""
        async with asyncio.timeout(20):
            while len(self.terminals()) < count:
                self._more.clear()
                await self._more.wait()
        return self.terminals()

    def terminals(self) -> list[Terminal]:
        return [event for event in self.events if not isinstance(event, Delta)]

    async def closed(self) -> None:
        await asyncio.wait_for(self._task, 20)


async def outcome(worker: Worker, tried: Attempt | None = None, grace_s: float = 0.05) -> tuple[Terminal, list[Delta]]:
    """How an attempt ends that nobody interferes with, and what was streamed."""
    executor = LocalExecutor({"prompt": worker}, grace_s=grace_s)
    await executor.start()
    reader = Reader(executor)
    await executor.submit(tried or attempt())
    (ending,) = await reader.ended()
    await executor.close()
    await reader.closed()
    assert reader.terminals() == [ending]
    return ending, [event for event in reader.events if isinstance(event, Delta)]


async def hello(tried: Attempt, emit: Emit) -> Done:
    return Done(tried.id, "hello")


async def forever(tried: Attempt, emit: Emit) -> Done:
    await asyncio.Event().wait()
    raise AssertionError("unreachable")


async def test_a_result_is_passed_on() -> None:
    assert await outcome(hello) == (Done("node//1", "hello"), [])


async def test_a_failure_is_passed_on() -> None:
    failed = Failed("node//1", ErrorInfo(ErrorKind.EXIT, "exit code 1", 1), "said", usage=Usage(tokens_in=3))

    async def fail(tried: Attempt, emit: Emit) -> Done:
        raise WorkerFailed(failed)

    assert await outcome(fail) == (failed, [])


async def test_a_broken_worker_fails_its_attempt_with_one_line(caplog: pytest.LogCaptureFixture) -> None:
    async def broken(tried: Attempt, emit: Emit) -> Done:
        raise KeyError("first\nsecond \x1b[31m")

    with caplog.at_level(logging.ERROR):
        ending, _ = await outcome(broken)
    assert isinstance(ending, Failed)
    assert ending.error.kind is ErrorKind.INTERNAL
    assert "\n" not in ending.error.message
    assert "\x1b" not in ending.error.message
    assert "KeyError" in (caplog.text + ending.error.message)
    assert "Traceback" in caplog.text


async def test_a_kind_without_worker_fails() -> None:
    ending, _ = await outcome(hello, attempt(PythonSpec("1")))
    assert isinstance(ending, Failed)
    assert ending.error.message == "there is no worker for nodes of kind python"


async def test_the_folder_is_there_before_the_worker(tmp_path: Path) -> None:
    executor = LocalExecutor({"python": hello})
    reader = Reader(executor)
    await executor.submit(attempt(PythonSpec("1"), tmp_path / "a" / "b"))
    assert (tmp_path / "a" / "b").stat().st_mode & 0o777 == 0o700
    (tmp_path / "file").touch()
    await executor.submit(attempt(PythonSpec("1"), tmp_path / "file" / "x", number=2))
    first, second = sorted(await reader.ended(2), key=lambda ending: ending.attempt)
    assert isinstance(first, Done)
    assert isinstance(second, Failed)
    assert "cannot be made" in second.error.message
    await executor.close()


async def test_an_attempt_that_takes_too_long_times_out_with_what_it_had() -> None:
    async def slow(tried: Attempt, emit: Emit) -> Done:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            error = ErrorInfo(ErrorKind.LOST, "stopped")
            raise WorkerFailed(Failed(tried.id, error, "half", usage=Usage(tokens_in=1))) from None
        raise AssertionError("unreachable")

    ending, _ = await outcome(slow, attempt(timeout_s=0.02))
    error = ErrorInfo(ErrorKind.TIMEOUT, "took longer than its timeout of 0.02 s")
    assert ending == Failed("node//1", error, "half", usage=Usage(tokens_in=1))


async def test_an_attempt_in_time_does_not_time_out() -> None:
    assert (await outcome(hello, attempt(timeout_s=0.01)))[0] == Done("node//1", "hello")


async def test_a_cancelled_attempt_is_stopped() -> None:
    executor = LocalExecutor({"prompt": forever})
    reader = Reader(executor)
    await executor.submit(attempt())
    await executor.submit(attempt(number=2))
    await executor.cancel("node//1", 0.05)
    await executor.cancel("unknown", 0.05)
    assert await reader.ended() == [Stopped("node//1")]
    await executor.close()
    await reader.closed()
    assert reader.terminals() == [Stopped("node//1"), Stopped("node//2")]


async def test_an_attempt_that_has_ended_leaves_no_timer() -> None:
    executor = LocalExecutor({"prompt": hello})
    reader = Reader(executor)
    await executor.submit(attempt(timeout_s=1000.0))
    await reader.ended()
    await executor.close()
    assert all(timer.cancelled() for timer in getattr(asyncio.get_running_loop(), "_scheduled", ()))


async def test_a_worker_that_lingers_is_cancelled_again_after_the_grace_period() -> None:
    asked: list[float] = []
    loop = asyncio.get_running_loop()

    async def lingering(tried: Attempt, emit: Emit) -> Done:
        while len(asked) < 2:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                asked.append(loop.time())
        raise asyncio.CancelledError

    executor = LocalExecutor({"prompt": lingering})
    reader = Reader(executor)
    await executor.submit(attempt())
    await asyncio.sleep(0)
    await executor.cancel("node//1", 0.1)
    assert await reader.ended() == [Stopped("node//1")]
    assert asked[1] - asked[0] >= 0.09
    await executor.close()


async def test_a_worker_that_never_stops_does_not_hold_up_the_session(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local, "_ABANDON_S", 0.05)
    release = asyncio.Event()

    async def stubborn(tried: Attempt, emit: Emit) -> Done:
        while not release.is_set():
            with suppress(asyncio.CancelledError):
                await release.wait()
        emit(Delta(tried.id, "too late"))
        return Done(tried.id, "too late")

    executor = LocalExecutor({"prompt": stubborn})
    reader = Reader(executor)
    await executor.submit(attempt())
    await asyncio.sleep(0)
    await executor.cancel("node//1", 0.01)
    assert await reader.ended() == [Stopped("node//1")]
    release.set()
    await executor.close()
    await reader.closed()
    assert reader.events == [Stopped("node//1")]


async def test_streamed_text_comes_joined_and_before_the_end() -> None:
    async def talk(tried: Attempt, emit: Emit) -> Done:
        for word in ("to", "be", "or", "not"):
            emit(Delta(tried.id, word))
        emit(Delta(tried.id, "hm", "reasoning"))
        emit(Delta(tried.id, "to be"))
        return Done(tried.id, "")

    _, deltas = await outcome(talk)
    assert [(delta.channel, delta.text) for delta in deltas] == [
        ("output", "tobeornot"),
        ("reasoning", "hm"),
        ("output", "to be"),
    ]


async def test_much_text_goes_out_at_once_and_little_text_soon() -> None:
    async def talk(tried: Attempt, emit: Emit) -> Done:
        emit(Delta(tried.id, "x" * FLUSH_CHARS))
        assert executor._outbox
        emit(Delta(tried.id, "y"))
        await asyncio.Event().wait()
        raise AssertionError("unreachable")

    executor = LocalExecutor({"prompt": talk})
    reader = Reader(executor)
    await executor.submit(attempt())
    async with asyncio.timeout(5):
        while len(reader.events) < 2:
            reader._more.clear()
            await reader._more.wait()
    assert reader.events == [Delta("node//1", "x" * FLUSH_CHARS), Delta("node//1", "y")]
    await executor.close()


async def test_what_nobody_fetches_is_held_to_its_newest_part() -> None:
    async def flood(tried: Attempt, emit: Emit) -> Done:
        for n in range(3 * BACKLOG):
            emit(Delta(tried.id, f"{n:>{FLUSH_CHARS}}"))
        return Done(tried.id, "")

    executor = LocalExecutor({"prompt": flood})
    await executor.submit(attempt())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert len(executor._outbox) <= BACKLOG + 5
    reader = Reader(executor)
    await reader.ended()
    await executor.close()
    await reader.closed()
    last = [event for event in reader.events if isinstance(event, Delta)][-1]
    assert last.text.endswith(f" {3 * BACKLOG - 1}")
    assert isinstance(reader.events[-1], Done)


async def test_a_check_decides_over_success() -> None:
    ending, _ = await outcome(hello, attempt(check=Check(min_chars=6)))
    assert isinstance(ending, Failed)
    assert ending.error.kind is ErrorKind.CHECK
    assert ending.output == "hello"
    assert (await outcome(hello, attempt(check=Check(min_chars=5))))[0] == Done("node//1", "hello")


async def test_a_large_output_is_checked_aside() -> None:
    async def large(tried: Attempt, emit: Emit) -> Done:
        return Done(tried.id, "x" * 300_000)

    ending, _ = await outcome(large, attempt(check=Check(regex="y")))
    assert isinstance(ending, Failed)


async def test_a_worker_waits_for_the_word_that_its_call_is_recorded_and_that_its_model_may_be_called() -> None:
    done: list[str] = []

    async def worker(tried: Attempt, course: Course) -> Done:
        await course.recorded(ToolCalled(tried.id, "a", "c1", "write_file", "{}", Effect.WRITE, "rule 1"))
        done.append("written")
        await course.admitted("acme/m")
        done.append("called")
        return Done(tried.id, "ok")

    executor = LocalExecutor({"prompt": worker})
    reader = Reader(executor)
    tried = attempt()
    await executor.submit(tried)
    while not reader.terminals():
        await asyncio.sleep(0)
    assert isinstance(reader.terminals()[0], ToolCalled)
    executor.recorded(tried.id, "another")
    executor.recorded("unknown", "c1")
    await asyncio.sleep(0)
    assert done == []
    executor.recorded(tried.id, "c1")
    while len(reader.terminals()) == 1:
        await asyncio.sleep(0)
    assert reader.terminals()[1] == CallAsked(tried.id, "acme/m")
    assert done == ["written"]
    executor.recorded(tried.id, "")
    await reader.ended(3)
    assert done == ["written", "called"]
    executor.recorded(tried.id, "c1")
    await executor.close()
    await reader.closed()


async def test_an_attempt_that_is_stopped_while_it_waits_for_a_word_ends() -> None:
    async def worker(tried: Attempt, course: Course) -> Done:
        await course.admitted()
        raise AssertionError("nobody let it go")

    executor = LocalExecutor({"prompt": worker})
    reader = Reader(executor)
    await executor.submit(attempt())
    await reader.ended(1)
    await executor.cancel(attempt().id, 0.05)
    assert isinstance((await reader.ended(2))[1], Stopped)
    await executor.close()
    await reader.closed()


async def test_an_attempt_that_waits_for_somebody_is_not_checked() -> None:
    async def worker(tried: Attempt, course: Course) -> Suspended:
        return Suspended(tried.id, inquiries=(Inquiry("c1", "well?"),))

    ending, _ = await outcome(worker, attempt(check=Check(min_chars=5)))
    assert isinstance(ending, Suspended)


async def test_results_of_one_moment_come_in_one_batch() -> None:
    executor = LocalExecutor({"prompt": hello})
    reader = Reader(executor)
    for number in range(100):
        await executor.submit(attempt(number=number))
    await reader.ended(100)
    assert reader.batches <= 3
    await executor.close()


async def test_what_cannot_be_submitted_is_refused() -> None:
    executor = LocalExecutor({"prompt": forever})
    await executor.submit(attempt())
    with pytest.raises(ValueError, match="runs already"):
        await executor.submit(attempt())
    await executor.close()
    with pytest.raises(RuntimeError, match="closed"):
        await executor.submit(attempt(number=2))


BEHAVIOURS = ("at once", "soon", "fails", "breaks", "lingers", "late result", "never")


def behave(kind: str, rng: random.Random) -> Worker:
    async def work(tried: Attempt, emit: Emit) -> Done:
        emit(Delta(tried.id, "a"))
        try:
            for _ in range(0 if kind == "at once" else rng.randrange(4)):
                await asyncio.sleep(0)
            if kind in ("never", "lingers", "late result"):
                await asyncio.Event().wait()
        except asyncio.CancelledError:
            if kind == "late result":
                return Done(tried.id, "late")
            if kind == "lingers":
                for _ in range(rng.randrange(4)):
                    await asyncio.sleep(0)
            raise
        finally:
            emit(Delta(tried.id, "z"))
        if kind == "fails":
            raise WorkerFailed(Failed(tried.id, ErrorInfo(ErrorKind.EXIT, "no")))
        if kind == "breaks":
            raise ZeroDivisionError
        return Done(tried.id, kind)

    return work


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.tuples(st.sampled_from(BEHAVIOURS), st.sampled_from([None, 0.0, 0.001])), min_size=1, max_size=15),
    st.integers(0, 2**32),
)
def test_every_attempt_ends_exactly_once_whatever_is_cancelled_when(
    plans: list[tuple[str, float | None]], seed: int
) -> None:
    rng = random.Random(seed)

    async def story() -> Counter[str]:
        workers = {index: behave(kind, rng) for index, (kind, _) in enumerate(plans)}

        async def work(tried: Attempt, emit: Emit) -> Done:
            return await workers[tried.number](tried, emit)

        executor = LocalExecutor({"prompt": work}, grace_s=0.001)
        reader = Reader(executor)
        for index, (_, timeout_s) in enumerate(plans):
            await executor.submit(attempt(number=index, timeout_s=timeout_s))
            for _ in range(rng.randrange(3)):
                if rng.random() < 0.5:
                    await asyncio.sleep(0)
                await executor.cancel(f"node//{rng.randrange(len(plans))}", rng.choice([0.0, 0.001]))
        await executor.close()
        await reader.closed()
        ended: set[str] = set()
        for event in reader.events:
            assert event.attempt not in ended
            if not isinstance(event, Delta):
                ended.add(event.attempt)
        return Counter(ending.attempt for ending in reader.terminals())

    logging.disable(logging.CRITICAL)
    try:
        assert asyncio.run(story()) == Counter(f"node//{index}" for index in range(len(plans)))
    finally:
        logging.disable(logging.NOTSET)
