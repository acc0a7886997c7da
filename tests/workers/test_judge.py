"""Checks see the whole output, cannot hang the host, and say what kind of wrong an output is."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from swarmtui.engine.ports import Attempt, Done, Failed
from swarmtui.plan.model import Check
from swarmtui.safety.sandbox import Blocked
from swarmtui.session.vocabulary import ErrorInfo, ErrorKind, Usage
from swarmtui.workers import judge
from swarmtui.workers.judge import OutputJudge, can_hang
from swarmtui.workers.local import LocalExecutor, WorkerFailed
from swarmtui.workers.process import Processes
from swarmtui.workers.pump import WHOLE_BYTES
from tests.workers.building import attempt

BACKTRACKS = Check(regex=r"^(a+)+$")
ENDLESS = "a" * 40 + "b"


@pytest.fixture
async def judging() -> AsyncIterator[OutputJudge]:
    made = OutputJudge(Processes(), children=1, limit_s=1.0)
    yield made
    made.close()


async def judged(judging: OutputJudge, check: Check, output: str, tried: Attempt | None = None) -> ErrorInfo | None:
    tried = tried or attempt()
    return await judging.verdict(tried, check, Done(tried.id, output))


async def test_a_regex_that_backtracks_without_end_is_stopped_and_the_loop_goes_on(judging: OutputJudge) -> None:
    ticks = 0

    async def tick() -> None:
        nonlocal ticks
        while True:
            await asyncio.sleep(0.01)
            ticks += 1

    ticking = asyncio.create_task(tick())
    wrong = await judged(judging, BACKTRACKS, ENDLESS)
    ticking.cancel()
    assert wrong is not None
    assert wrong.kind is ErrorKind.CHECK
    assert "the regex of check came to no end within 1 s on an output of 41 characters" in wrong.message
    assert ticks > 20
    assert await judged(judging, BACKTRACKS, "aaa") is None  # with a process of its own again


async def test_a_pattern_in_a_schema_that_backtracks_is_stopped_too(judging: OutputJudge) -> None:
    wrong = await judged(judging, Check(schema={"pattern": r"^(a+)+$"}), f'"{ENDLESS}"')
    assert wrong is not None
    assert "the schema of check came to no end" in wrong.message


async def test_one_process_judges_many_outputs(judging: OutputJudge) -> None:
    check = Check(regex=r"^ok \d+$")
    verdicts = [await judged(judging, check, f"ok {n}") for n in range(50)]
    assert verdicts == [None] * 50
    assert len(judging._idle) == 1
    wrong = await judged(judging, check, "\ud800 né \0")
    assert wrong is not None
    assert "does not match" in wrong.message


@pytest.mark.parametrize(
    ("check", "output", "kind"),
    [
        (Check(schema={"type": "object"}), "[]", ErrorKind.SCHEMA),
        (Check(schema={"type": "object"}), "nothing", ErrorKind.SCHEMA),
        (Check(schema={"type": "string", "pattern": "x"}), '"y"', ErrorKind.SCHEMA),
        (Check(regex="x"), "y", ErrorKind.CHECK),
        (Check(regex="("), "y", ErrorKind.INPUT),
        (Check(min_chars=2), "y", ErrorKind.CHECK),
    ],
)
async def test_what_is_wrong_has_its_kind_wherever_it_is_judged(
    judging: OutputJudge, check: Check, output: str, kind: ErrorKind
) -> None:
    wrong = await judged(judging, check, output)
    assert wrong is not None
    assert wrong.kind is kind


def test_what_cannot_hang_is_judged_without_a_process() -> None:
    assert not can_hang(Check(min_chars=1, schema={"properties": {"a": {"type": "integer"}}}), "x")
    assert can_hang(Check(regex="x"), "x")
    assert can_hang(Check(schema={"properties": {"a": {"anyOf": [{"pattern": "x"}]}}}), "x")
    assert can_hang(Check(schema={"type": "array"}), "x" * 100_000)


# -- the whole output -----------------------------------------------------------------------------------------


async def test_a_check_sees_all_of_an_output_of_which_the_event_has_head_and_tail(
    judging: OutputJudge, tmp_path: Path
) -> None:
    whole = "x" * 3_000_000 + "needle" + "y" * 3_000_000
    (tmp_path / "output.txt").write_text(whole)
    done = Done("node//1", whole[:10], len(whole), str(tmp_path / "output.txt"), truncated=True)
    assert await judging.verdict(attempt(), Check(regex="needle"), done) is None
    wrong = await judging.verdict(attempt(), Check(max_chars=100), done)
    assert wrong is not None
    assert "6000006 characters" in wrong.message


async def test_an_output_that_is_too_large_to_be_checked_is_told_so(judging: OutputJudge, tmp_path: Path) -> None:
    done = Done("node//1", "x", WHOLE_BYTES + 1, str(tmp_path / "output.txt"), truncated=True)
    wrong = await judging.verdict(attempt(), Check(min_chars=1), done)
    assert wrong == ErrorInfo(ErrorKind.CHECK, "the output has 16.0 MiB, more than the 16 MiB that can be checked")
    lost = Done("node//1", "x", 5_000_000, None, truncated=True)
    wrong = await judging.verdict(attempt(), Check(min_chars=1), lost)
    assert wrong is not None
    assert "only a part of the output was kept" in wrong.message


async def test_the_output_of_an_item_is_kept_whole_up_to_what_can_be_checked(tmp_path: Path) -> None:
    ran = await Processes().run(
        attempt(folder=tmp_path, item=0),
        ["sh", "-c", "head -c 5000000 /dev/zero | tr '\\0' x; echo needle; head -c 5000000 /dev/zero | tr '\\0' y"],
        lambda _: None,
        scratch=tmp_path,
    )
    assert ran.whole
    assert ran.size == len(ran.output) == 10_000_007
    assert "needle" in ran.output


# -- commands -------------------------------------------------------------------------------------------------


async def test_a_command_reads_the_output_and_lets_it_pass_with_exit_code_0(
    judging: OutputJudge, tmp_path: Path
) -> None:
    tried = attempt(folder=tmp_path / "made")
    check = Check(command=("grep", "-q", "needle"))
    assert await judged(judging, check, "a needle\n", tried) is None
    assert await judged(judging, check, "hay\n", tried) == ErrorInfo(
        ErrorKind.CHECK, "the command of check (grep) ended with exit code 1"
    )
    assert list((tmp_path / "made").iterdir()) == []  # neither its output nor its work is left


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("echo one; echo two; exit 3", "3: two"),
        ("echo out; echo err >&2; echo '' >&2; exit 3", "3: err"),
        ("printf 'bad \\033[31mred\\n'; exit 1", "1: bad red"),
        ("kill -9 $$", "137"),
    ],
)
async def test_what_a_command_says_last_is_told_with_its_exit_code(
    judging: OutputJudge, tmp_path: Path, script: str, message: str
) -> None:
    wrong = await judged(judging, Check(command=("sh", "-c", script)), "x", attempt(folder=tmp_path))
    assert wrong == ErrorInfo(ErrorKind.CHECK, f"the command of check (sh) ended with exit code {message}")


async def test_a_command_that_takes_too_long_is_stopped_and_told(
    judging: OutputJudge, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(judge, "COMMAND_S", 0.2)
    began = time.monotonic()
    wrong = await judged(judging, Check(command=("sleep", "60")), "x", attempt(folder=tmp_path))
    assert wrong == ErrorInfo(ErrorKind.CHECK, "the command of check took longer than 0.2 s")
    assert time.monotonic() - began < 20


async def test_a_command_of_a_plan_that_is_not_the_users_own_needs_a_sandbox(tmp_path: Path) -> None:
    no_sandbox = OutputJudge(Processes(find_sandbox=lambda: Blocked("none here", "install one")))
    with pytest.raises(WorkerFailed) as failed:
        await judged(no_sandbox, Check(command=("true",)), "x", attempt(folder=tmp_path, trusted=False))
    assert failed.value.failed.error.kind is ErrorKind.BLOCKED
    no_sandbox.close()


async def test_a_check_counts_against_the_attempts_timeout_and_keeps_what_the_call_cost(tmp_path: Path) -> None:
    usage = Usage(tokens_in=5, cost_usd=0.25)

    async def answer(tried: Attempt, emit: object) -> Done:
        return Done(tried.id, "paid for", usage=usage)

    async def end(check: Check, timeout_s: float | None) -> object:
        executor = LocalExecutor({"prompt": answer}, grace_s=0.1)
        await executor.submit(attempt(folder=tmp_path, check=check, timeout_s=timeout_s))
        async for batch in executor.events():
            await executor.close()
            return batch[-1]
        raise AssertionError("no event")

    slow = await end(Check(command=("sleep", "60")), 0.3)
    assert isinstance(slow, Failed)
    assert slow.error.kind is ErrorKind.TIMEOUT
    assert (slow.usage, slow.output) == (usage, "paid for")
    missing = await end(Check(command=("no-such-program-at-all",)), None)
    assert isinstance(missing, Failed)
    assert missing.error.kind is ErrorKind.INPUT
    assert (missing.usage, missing.output) == (usage, "paid for")
