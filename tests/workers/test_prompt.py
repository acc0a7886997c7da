"""A prompt node: asked of its model, streamed, and judged a success only when there is an answer."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from swarmtui.engine.ports import (
    Attempt,
    CallAccepted,
    CallEnded,
    CallSent,
    Delta,
    Done,
    Failed,
    Signal,
    Stopped,
    WorkerEvent,
)
from swarmtui.models.discover import make_model
from swarmtui.models.net import Net
from swarmtui.plan.model import Check, ModelRef, PromptSpec, RunSpec, Spec
from swarmtui.session.vocabulary import ErrorKind
from swarmtui.workers.local import LocalExecutor, WorkerFailed
from swarmtui.workers.prompt import PromptWorker
from tests.fakes.llm import Answer, Behaviour, FakeLLM, Raw, Reset, Silence, Status


@pytest.fixture
async def llm() -> AsyncIterator[FakeLLM]:
    async with FakeLLM() as server:
        yield server


@pytest.fixture
async def worker() -> AsyncIterator[PromptWorker]:
    async with Net() as net:
        yield PromptWorker(lambda ref: make_model(ref, net, {"ACME_KEY": "k-1"}))


def attempt(llm: FakeLLM, spec: Spec | None = None, model: ModelRef | None = None, **more: object) -> Attempt:
    acme = ModelRef("acme", "m", base_url=llm.base_url, api_key_env="ACME_KEY", price_in=2.0, price_out=10.0)
    folder = str(Path.cwd())
    return Attempt(
        id="n//1",
        session="s",
        node="n",
        item=None,
        number=1,
        key="k",
        spec=spec or PromptSpec("what is it?", system="be brief", max_tokens=50, temperature=0.2),
        cwd=folder,
        folder=folder,
        task_folder=folder,
        trusted=True,
        model=model or acme,
        **more,  # type: ignore[arg-type]
    )


async def carry_out(worker: PromptWorker, what: Attempt) -> tuple[Done, list[Delta]]:
    told: list[Signal] = []
    done = await worker(what, told.append)
    return done, [signal for signal in told if isinstance(signal, Delta)]


async def calls_of(worker: PromptWorker, what: Attempt) -> list[Signal]:
    """What the worker tells of its calls, whether they succeed or not."""
    told: list[Signal] = []
    with contextlib.suppress(WorkerFailed):
        await worker(what, told.append)
    return [signal for signal in told if not isinstance(signal, Delta)]


async def failed(worker: PromptWorker, what: Attempt) -> Failed:
    with pytest.raises(WorkerFailed) as raised:
        await worker(what, lambda _: None)
    return raised.value.failed


async def test_the_answer_is_the_output_and_streams_as_it_comes(llm: FakeLLM, worker: PromptWorker) -> None:
    llm.will(Answer("it is this", reasoning="hm"))
    done, deltas = await carry_out(worker, attempt(llm))
    assert done.output == "it is this"
    assert deltas[0] == Delta("n//1", "hm", "reasoning")
    assert "".join(d.text for d in deltas if d.channel == "output") == "it is this"


async def test_what_the_node_says_is_what_is_asked(llm: FakeLLM, worker: PromptWorker) -> None:
    await carry_out(worker, attempt(llm))
    body = llm.ledger[0].body
    assert [(m["role"], m["content"]) for m in body["messages"]] == [("system", "be brief"), ("user", "what is it?")]
    assert (body["model"], body["max_tokens"], body["temperature"]) == ("m", 50, 0.2)


async def test_usage_and_cost_are_told(llm: FakeLLM, worker: PromptWorker) -> None:
    done, _ = await carry_out(worker, attempt(llm))
    assert (done.usage.tokens_in, done.usage.tokens_out, done.usage.model) == (11, 7, "acme/m")
    assert done.usage.cost_usd == pytest.approx((11 * 2 + 7 * 10) / 1e6)
    assert done.usage.first_token_s is not None


async def test_without_prices_the_cost_is_unknown(llm: FakeLLM, worker: PromptWorker) -> None:
    done, _ = await carry_out(worker, attempt(llm, model=ModelRef("x", "m", base_url=llm.base_url)))
    assert done.usage.cost_usd is None


async def test_the_schema_of_the_check_is_asked_for(llm: FakeLLM, worker: PromptWorker) -> None:
    await carry_out(worker, attempt(llm, check=Check(schema="findings")))
    await carry_out(worker, attempt(llm, check=Check(schema={"type": "object", "title": "mine"})))
    assert "severity" in llm.ledger[0].text
    assert any('"title": "mine"' in asked.text for asked in llm.ledger)


SHAPE = Check(schema={"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]})


async def test_an_answer_without_the_shape_is_given_back_once_with_what_is_wrong(
    llm: FakeLLM, worker: PromptWorker
) -> None:
    llm.will(Answer('{"n": "three"}'), Answer('{"n": 3}'))
    done, deltas = await carry_out(worker, attempt(llm, check=SHAPE))
    assert done.output == '{"n": 3}'
    assert "$.n: 'three' is not of type 'integer'" in llm.ledger[1].prompt
    assert [role for role, _ in llm.ledger[1].said][-2:] == ["assistant", "user"]
    assert (done.usage.tokens_in, done.usage.calls) == (22, 2)
    assert "once more" in "".join(delta.text for delta in deltas)


async def test_an_answer_that_is_wrong_twice_is_left_to_the_check(llm: FakeLLM, worker: PromptWorker) -> None:
    llm.will(Answer("no idea"), Answer("still none"))
    done, _ = await carry_out(worker, attempt(llm, check=SHAPE))
    assert (done.output, len(llm.ledger)) == ("still none", 2)


async def test_a_second_call_that_fails_fails_the_attempt_with_what_both_used(
    llm: FakeLLM, worker: PromptWorker
) -> None:
    llm.will(Answer("no idea"), Status(503))
    end = await failed(worker, attempt(llm, check=SHAPE))
    assert (end.error.kind, end.output) == (ErrorKind.OUTAGE, "no idea")
    assert (end.usage.tokens_in, end.usage.calls, end.usage.untold) == (11, 2, 1)


async def test_an_answer_that_was_cut_off_is_not_asked_for_again(llm: FakeLLM, worker: PromptWorker) -> None:
    llm.will(Answer('{"n": ', finish_reason="length"))
    await carry_out(worker, attempt(llm, check=SHAPE))
    assert len(llm.ledger) == 1


@pytest.mark.parametrize(
    ("behaviour", "kind"),
    [
        (Status(429, {"retry-after": "4"}), ErrorKind.THROTTLED),
        (Status(500), ErrorKind.OUTAGE),
        (Status(401), ErrorKind.REFUSED),
        (Answer("", finish_reason="stop"), ErrorKind.MALFORMED),
        (Answer(" \n ", finish_reason="stop"), ErrorKind.MALFORMED),
        (Answer("", reasoning="hm " * 9, finish_reason="length"), ErrorKind.TOO_LONG),
        (Answer("so far", finish_reason="content_filter"), ErrorKind.REFUSED),
        (
            Answer(tool_calls=({"index": 0, "function": {"name": "f"}},), finish_reason="tool_calls"),
            ErrorKind.MALFORMED,
        ),
    ],
    ids=lambda value: repr(value)[:40],
)
async def test_what_is_no_answer_is_a_failure_of_its_kind(
    llm: FakeLLM, worker: PromptWorker, behaviour: Answer, kind: ErrorKind
) -> None:
    llm.will(behaviour)
    assert (await failed(worker, attempt(llm))).error.kind is kind


async def test_a_throttled_call_passes_the_providers_wait_on(llm: FakeLLM, worker: PromptWorker) -> None:
    llm.will(Status(429, {"retry-after": "4"}))
    assert (await failed(worker, attempt(llm))).error.retry_after_s == 4.0


async def test_what_was_said_before_a_failure_is_kept(llm: FakeLLM, worker: PromptWorker) -> None:
    llm.will(Reset(after=3))
    failure = await failed(worker, attempt(llm))
    assert failure.output == "word0 word1 word2 "
    assert failure.usage.tokens_out is None


async def test_an_answer_that_reached_its_limit_is_kept_and_noted(llm: FakeLLM, worker: PromptWorker) -> None:
    llm.will(Answer("so far", finish_reason="length"))
    done, deltas = await carry_out(worker, attempt(llm))
    assert done.output == "so far"
    assert deltas[-1].channel == "stderr"
    assert "cut off" in deltas[-1].text


async def test_an_attempt_that_is_no_prompt_is_a_defect(llm: FakeLLM, worker: PromptWorker) -> None:
    assert (await failed(worker, attempt(llm, RunSpec(("ls",))))).error.kind is ErrorKind.INTERNAL


async def test_the_simulated_model_keeps_count_over_attempts(llm: FakeLLM, worker: PromptWorker) -> None:
    simulated = attempt(llm, PromptSpec("rivers [[fail:throttled:1]]"), ModelRef("simulated", "instant", "simulated"))
    assert (await failed(worker, simulated)).error.kind is ErrorKind.THROTTLED
    done, _ = await carry_out(worker, simulated)
    assert done.output.startswith("[simulated]")
    assert done.usage.simulated


# -- what the pacer is told ----------------------------------------------------------------------------------


async def test_the_course_of_a_call_is_told(llm: FakeLLM, worker: PromptWorker) -> None:
    llm.will(Answer("it is this"))
    sent, accepted, ended = await calls_of(worker, attempt(llm))
    assert (sent, accepted) == (CallSent("n//1", "acme/m"), CallAccepted("n//1"))
    assert ended == CallEnded("n//1", 200, {}, 11, 7)


async def test_each_turn_is_a_call_of_its_own(llm: FakeLLM, worker: PromptWorker) -> None:
    llm.will(Answer("going on"), Answer("task_complete"))
    told = await calls_of(worker, attempt(llm, PromptSpec("go", turns=3)))
    assert [type(signal) for signal in told] == [CallSent, CallAccepted, CallEnded] * 2


@pytest.mark.parametrize(
    ("behaviour", "status", "headers", "fault"),
    [
        (
            Status(429, {"Retry-After": "4", "x-ratelimit-remaining-requests": "0", "set-cookie": "secret"}),
            429,
            {"retry-after": "4", "x-ratelimit-remaining-requests": "0"},
            None,
        ),
        (Status(503), 503, {}, None),
        (Reset(after=3), 0, {}, None),
        (Raw(b"data: {nonsense\n\n"), 200, {}, "malformed"),
    ],
    ids=["refused", "broken", "reset", "malformed"],
)
async def test_how_a_call_failed_is_told(
    llm: FakeLLM, worker: PromptWorker, behaviour: Behaviour, status: int, headers: dict[str, str], fault: str | None
) -> None:
    llm.will(behaviour)
    assert (await calls_of(worker, attempt(llm)))[-1] == CallEnded("n//1", status, headers, fault=fault)


async def test_a_call_that_was_stopped_says_nothing_of_the_provider(llm: FakeLLM, worker: PromptWorker) -> None:
    llm.will(Silence(after=2))
    told: list[Signal] = []
    task = asyncio.ensure_future(worker(attempt(llm), told.append))
    await llm.until_asked()
    task.cancel()
    with pytest.raises(WorkerFailed):
        await task
    assert told[-1] == CallEnded("n//1", None)


# -- within the executor --------------------------------------------------------------------------------------


async def end_of(executor: LocalExecutor) -> WorkerEvent:
    async for batch in executor.events():
        for event in batch:
            if isinstance(event, Done | Failed | Stopped):
                return event
    raise AssertionError("no end")


async def test_cancelling_an_attempt_closes_its_connection(llm: FakeLLM, worker: PromptWorker) -> None:
    llm.will(Silence(after=2))
    executor = LocalExecutor({"prompt": worker})
    await executor.start()
    await executor.submit(attempt(llm))
    await llm.until_asked()
    await executor.cancel("n//1", 1.0)
    assert isinstance(await end_of(executor), Stopped)
    await llm.until_closed()
    await executor.close()


async def test_a_timeout_keeps_what_was_said(llm: FakeLLM, worker: PromptWorker) -> None:
    llm.will(Silence(after=2))
    executor = LocalExecutor({"prompt": worker})
    await executor.submit(attempt(llm, timeout_s=0.3))
    async with asyncio.timeout(5):
        end = await end_of(executor)
    assert isinstance(end, Failed)
    assert end.error.kind is ErrorKind.TIMEOUT
    assert end.output == "word0 word1 "
    await executor.close()
