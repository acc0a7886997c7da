import asyncio
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from swarmtui.engine.ports import Delta, Done, Failed, Stepped, Stopped
from swarmtui.plan.model import AgentSpec, ModelRef
from swarmtui.plan.team import AgentDef
from swarmtui.session.vocabulary import ErrorKind, Usage
from swarmtui.workers.cli_agents.run import GO_ON, Patience
from swarmtui.workers.local import LocalExecutor, WorkerFailed
from tests.sandboxed import needs_sandbox
from tests.workers.building import Telling, carry_out
from tests.workers.building import attempt as plain_attempt
from tests.workers.cli_agents.building import (
    QUICK,
    SESSION,
    agent_attempt,
    claude_says,
    codex_says,
    fake,
    gemini_says,
    known,
    shell,
    worker,
)

HANGS = "sleep 600"
STUBBORN = "trap '' INT TERM"
OWN = AgentDef(program="claude", worktree=False)


async def run(folder: Path, argv: tuple[str, ...], told: list[Any] | None = None, **fields: Any) -> Done | Failed:
    """How a run ends of a program that speaks as claude does, in the user's folder."""
    own = fields.pop("own", OWN)
    patience = fields.pop("patience", QUICK)
    return await carry_out(
        worker(known(argv), patience), agent_attempt(folder, own=own, **fields), [] if told is None else told
    )


def entries(told: list[Any]) -> list[Any]:
    return [event.entry for event in told if isinstance(event, Stepped)]


def texts(told: list[Any], channel: str) -> str:
    return "".join(event.text for event in told if isinstance(event, Delta) and event.channel == channel)


async def test_the_answer_is_the_output_with_what_it_cost(tmp_path: Path) -> None:
    told: list[Any] = []
    end = await run(tmp_path, fake(tmp_path, claude_says()), told)
    assert isinstance(end, Done)
    assert end.output == "Hello there."
    assert end.exit_code == 0
    assert Path(end.path or "").read_text() == "Hello there."
    assert end.usage == Usage(20, 7, 4, 0.25, "claude/claude-x", end.usage.first_token_s, calls=1)
    assert end.usage.first_token_s is not None
    assert texts(told, "output") == "Hello there."


async def test_the_task_goes_to_its_standard_input_after_the_instructions(tmp_path: Path) -> None:
    own = AgentDef(program="claude", worktree=False, instructions="Be {{ tone }}.")
    spec = AgentSpec("self", "--do it", own, context={"tone": "brief"})
    tried = plain_attempt(spec, tmp_path)
    await carry_out(worker(known(fake(tmp_path, claude_says()))), tried)
    task, _, words = (tmp_path / "task.txt").read_text().partition("|")
    assert task == "Be brief.\n\n--do it"
    assert "--do it" not in words


async def test_a_lookup_in_instructions_that_leads_nowhere_is_told(tmp_path: Path) -> None:
    end = await run(tmp_path, fake(tmp_path, []), own=AgentDef(program="claude", instructions="Be {{ tone }}."))
    assert isinstance(end, Failed)
    assert end.error.kind is ErrorKind.INPUT
    assert "tone" in end.error.message


@pytest.mark.parametrize(
    ("model", "told"),
    [
        ("worker", ""),
        ("opus", "--model opus"),
        ("anthropic/claude-opus", "--model claude-opus"),
        ("mine", "--model sonnet"),
    ],
)
async def test_a_model_is_passed_on_by_its_own_name(tmp_path: Path, model: str, told: str) -> None:
    own = AgentDef(program="claude", worktree=False, model=model)
    await run(tmp_path, fake(tmp_path, claude_says()), own=own, models={"mine": ModelRef("anthropic", "sonnet")})
    words = (tmp_path / "task.txt").read_text().partition("|")[2]
    assert words.startswith(told)
    assert ("--model" in words) == bool(told)


async def test_a_program_gets_its_own_keys_and_nobody_elses(tmp_path: Path) -> None:
    environ = {"ANTHROPIC_API_KEY": "key-of-claude", "OPENAI_API_KEY": "no", "HOME": "/nowhere"}
    argv = fake(tmp_path, claude_says(), before="env -0 > env")
    await carry_out(worker(known(argv), environ=environ), agent_attempt(tmp_path, own=OWN))
    seen = dict(line.split("=", 1) for line in (tmp_path / "env").read_text().split("\0") if line)
    assert seen["ANTHROPIC_API_KEY"] == "key-of-claude"
    assert "OPENAI_API_KEY" not in seen
    assert seen["HOME"] == os.environ["HOME"]
    assert not {name for name in seen if "TOKEN" in name or "SECRET" in name}


async def test_a_home_of_its_own_is_the_users_word(tmp_path: Path) -> None:
    argv = fake(tmp_path, claude_says(), before='printf %s "$HOME" > env')
    await carry_out(worker(known(argv, home=str(tmp_path / "other"))), agent_attempt(tmp_path, own=OWN))
    assert (tmp_path / "env").read_text() == str(tmp_path / "other")


async def test_an_error_flag_fails_it_whatever_its_exit_code_is(tmp_path: Path) -> None:
    end = await run(tmp_path, fake(tmp_path, claude_says(is_error=True, result="Connection refused")))
    assert isinstance(end, Failed)
    assert end.error.message == "claude: Connection refused"
    assert end.usage.cost_usd == 0.25


async def test_an_end_without_a_good_word_is_no_success(tmp_path: Path) -> None:
    end = await run(tmp_path, fake(tmp_path, claude_says()[:-1]))
    assert isinstance(end, Failed)
    assert end.error.kind is ErrorKind.MALFORMED
    assert end.error.message == "claude: it ended without saying that it was done"
    assert end.output == "Hello there."


async def test_garbage_fails_with_its_last_words(tmp_path: Path) -> None:
    noise = "printf '\\000\\377\\n{\\033[2J' ; head -c 9000 /dev/urandom; echo 'no such option' >&2; exit 2"
    end = await run(tmp_path, fake(tmp_path, [], after=noise))
    assert isinstance(end, Failed)
    assert (end.error.kind, end.error.exit_code) == (ErrorKind.EXIT, 2)
    assert end.error.message == "claude: exit code 2: no such option"


@pytest.mark.parametrize(
    ("result", "kind", "say"),
    [
        ({"is_error": True, "result": "Not logged in · Please run /login"}, ErrorKind.REFUSED, "log in once with"),
        ({"is_error": True, "result": "x", "api_error_status": 429}, ErrorKind.THROTTLED, "x"),
        ({"is_error": True, "result": "x", "api_error_status": 403}, ErrorKind.REFUSED, "x"),
        ({"is_error": True, "result": "x", "api_error_status": 529}, ErrorKind.OUTAGE, "x"),
        ({"is_error": True, "result": "Prompt is too long"}, ErrorKind.TOO_LONG, "give it less"),
    ],
)
async def test_what_went_wrong_decides_whether_it_is_tried_again(
    tmp_path: Path, result: dict[str, Any], kind: ErrorKind, say: str
) -> None:
    end = await run(tmp_path, fake(tmp_path, claude_says(**result), after="exit 1"))
    assert isinstance(end, Failed)
    assert end.error.kind is kind
    assert say in end.error.message


async def test_one_that_has_acted_is_not_simply_done_again_when_throttled(tmp_path: Path) -> None:
    use = {"type": "assistant", "message": {"content": [{"type": "tool_use", "name": "Bash", "input": {}}]}}
    events = [use, *claude_says(is_error=True, result="x", api_error_status=429)]
    end = await run(tmp_path, fake(tmp_path, events))
    assert isinstance(end, Failed)
    assert end.error.kind is ErrorKind.OUTAGE


@pytest.mark.parametrize(("told", "kind"), [(True, ErrorKind.MALFORMED), (False, ErrorKind.EXIT)])
async def test_one_that_has_acted_in_place_begins_anew_only_if_the_plan_says_so(
    tmp_path: Path, told: bool, kind: ErrorKind
) -> None:
    begun = [{"type": "system", "subtype": "init", "session_id": SESSION}] if told else []
    use = {"type": "assistant", "message": {"content": [{"type": "tool_use", "name": "Bash", "input": {}}]}}
    end = await run(tmp_path, fake(tmp_path, [*begun, use]))
    assert isinstance(end, Failed)
    assert end.error.kind is kind
    assert end.error.message == "claude: it ended without saying that it was done"


async def test_an_exit_code_that_means_something_says_what_to_do(tmp_path: Path) -> None:
    argv = fake(tmp_path, [], after="exit 41")
    own = AgentDef(program="gemini", worktree=False)
    end = await carry_out(worker(known(argv, "gemini")), agent_attempt(tmp_path, own=own))
    assert isinstance(end, Failed)
    assert end.error.kind is ErrorKind.REFUSED
    assert "log in once with `gemini`" in end.error.message


async def test_a_missing_program_is_told_with_how_to_get_it(tmp_path: Path) -> None:
    end = await run(tmp_path, ("no-such-claude",))
    assert isinstance(end, Failed)
    assert end.error.message == (
        "no-such-claude: there is no such program on PATH; install it: npm install -g @anthropic-ai/claude-code"
    )


async def test_a_version_that_is_too_old_is_told_when_it_understood_nothing(tmp_path: Path) -> None:
    argv = fake(tmp_path, [], after="exit 2")
    programs = known(argv, version=(sys.executable, "-c", "print('1.0.3 (Claude Code)')"))
    end = await carry_out(worker(programs), agent_attempt(tmp_path, own=OWN))
    assert isinstance(end, Failed)
    assert end.error.message.startswith("claude 1.0.3 is older than 2.0")


# -- programs that do not end ---------------------------------------------------------------------------------


async def test_one_that_hangs_after_its_good_end_succeeded(tmp_path: Path) -> None:
    end = await run(tmp_path, fake(tmp_path, claude_says(), after=HANGS))
    assert isinstance(end, Done)
    assert end.output == "Hello there."
    assert end.exit_code is None


async def test_one_that_hangs_after_an_error_failed_by_that_error(tmp_path: Path) -> None:
    end = await run(tmp_path, fake(tmp_path, claude_says(is_error=True, result="no"), after=HANGS))
    assert isinstance(end, Failed)
    assert end.error.message == "claude: no"


async def test_one_that_ignores_every_signal_is_killed_with_all_that_it_started(tmp_path: Path) -> None:
    before = f"{STUBBORN}\nsetsid sleep 600 &\necho $$ $! > pids"
    end = await run(tmp_path, fake(tmp_path, claude_says(), before, HANGS))
    assert isinstance(end, Done)
    for pid in (tmp_path / "pids").read_text().split():
        assert not Path(f"/proc/{pid}/cmdline").exists() or not Path(f"/proc/{pid}/cmdline").read_bytes()


async def test_it_is_asked_with_the_gentlest_signal_first(tmp_path: Path) -> None:
    before = "trap 'touch asked; exit 0' INT"
    patience = Patience(linger_s=0.1, steps=((2, 60.0), (15, 60.0)))
    end = await run(tmp_path, fake(tmp_path, claude_says(), before, "while :; do sleep 0.05; done"), patience=patience)
    assert isinstance(end, Done)
    assert (tmp_path / "asked").exists()


async def test_trouble_told_again_and_again_is_no_sign_of_getting_on(tmp_path: Path) -> None:
    again = """while :; do echo '{"type": "error", "message": "Reconnecting... 5/5"}'; sleep 0.05; done"""
    own = AgentDef(program="codex", worktree=False)
    patience = Patience(silence_s=1.0, linger_s=0.1, steps=QUICK.steps)
    made = worker(known(shell(tmp_path, again), "codex"), patience)
    end = await carry_out(made, agent_attempt(tmp_path, own=own))
    assert isinstance(end, Failed)
    assert end.error.kind is ErrorKind.TIMEOUT
    assert end.error.message == (
        "codex gave no sign of getting on for 1 s and was ended; it said last: Reconnecting... 5/5"
    )


async def test_one_that_tries_again_and_again_what_is_refused_is_ended(tmp_path: Path) -> None:
    retry = {"type": "system", "subtype": "api_retry", "error": "authentication_failed"}
    patience = Patience(silence_s=600, linger_s=0.1, steps=QUICK.steps)
    end = await run(tmp_path, fake(tmp_path, [claude_says()[0], *[retry] * 3], after=HANGS), patience=patience)
    assert isinstance(end, Failed)
    assert end.error.kind is ErrorKind.REFUSED
    assert end.error.message.startswith("claude: authentication_failed; log in once with `claude`")


async def test_cancelling_ends_it_and_keeps_what_it_had_cost(tmp_path: Path) -> None:
    argv = fake(tmp_path, claude_says(), before=STUBBORN, after=HANGS)
    patience = Patience(linger_s=60, steps=QUICK.steps)
    executor = LocalExecutor({"agent": worker(known(argv), patience)}, grace_s=5)
    tried = agent_attempt(tmp_path, own=OWN)
    await executor.submit(tried)
    async for batch in executor.events():
        for event in batch:
            if isinstance(event, Delta) and event.channel == "output":
                await executor.cancel(tried.id, 5.0)
            if isinstance(event, Stopped):
                assert event.usage.cost_usd == 0.25
                await executor.close()


async def test_cancelling_twice_kills_it_at_once(tmp_path: Path) -> None:
    argv = fake(tmp_path, claude_says(), before=STUBBORN, after=HANGS)
    patience = Patience(linger_s=600, steps=((2, 600.0), (15, 600.0)))
    said = asyncio.Event()
    course = Telling([], hear=lambda _: said.set())
    task = asyncio.ensure_future(worker(known(argv), patience)(agent_attempt(tmp_path, own=OWN), course))
    await said.wait()
    task.cancel()
    await asyncio.sleep(0)
    task.cancel()
    async with asyncio.timeout(60):
        await asyncio.wait({task})
    error = task.exception()
    assert isinstance(error, WorkerFailed)
    assert error.failed.error.message == "stopped before its end"


# -- floods ---------------------------------------------------------------------------------------------------


async def test_a_line_of_ten_megabytes_does_not_break_it(tmp_path: Path) -> None:
    block = {"type": "tool_result", "content": "x" * 10_000_000}
    events = [{"type": "user", "message": {"content": [block]}}, *claude_says()]
    end = await run(tmp_path, fake(tmp_path, events))
    assert isinstance(end, Done)
    assert end.output == "Hello there."


async def test_a_large_answer_is_whole_in_the_file(tmp_path: Path) -> None:
    end = await run(tmp_path, fake(tmp_path, claude_says("word " * 600_000)))
    assert isinstance(end, Done)
    assert end.truncated
    assert end.size == 5 * 600_000
    assert Path(end.path or "").stat().st_size == end.size
    assert len(end.output) < end.size


# -- sessions -------------------------------------------------------------------------------------------------


async def test_the_session_is_recorded_as_it_begins_and_its_good_end_too(tmp_path: Path) -> None:
    told: list[Any] = []
    await run(tmp_path, fake(tmp_path, claude_says()), told)
    began = {"role": "session", "program": "claude", "id": SESSION, "cwd": str(tmp_path)}
    assert entries(told) == [began, {**began, "ended": True}]


async def test_a_retry_goes_on_with_the_session(tmp_path: Path) -> None:
    told: list[Any] = []
    await run(tmp_path, fake(tmp_path, claude_says()[:-1]), told)
    end = await run(tmp_path, fake(tmp_path, claude_says()), thread=tuple(entries(told)), number=2)
    assert isinstance(end, Done)
    task, _, words = (tmp_path / "task.txt").read_text().partition("|")
    assert task == f"{GO_ON}do it"
    assert words.startswith(f"--resume {SESSION}")


async def test_a_session_that_came_to_its_end_is_not_gone_on_with(tmp_path: Path) -> None:
    told: list[Any] = []
    await run(tmp_path, fake(tmp_path, claude_says()), told)
    await run(tmp_path, fake(tmp_path, claude_says()), thread=tuple(entries(told)), number=2)
    assert (tmp_path / "task.txt").read_text().startswith("do it|--permission-mode")


async def test_a_session_that_cannot_be_resumed_is_forgotten(tmp_path: Path) -> None:
    began = {"role": "session", "program": "claude", "id": SESSION, "cwd": str(tmp_path)}
    gone = [{"type": "result", "subtype": "error_during_execution", "is_error": True, "errors": ["No conversation"]}]
    told: list[Any] = []
    end = await run(tmp_path, fake(tmp_path, gone, after="exit 1"), told, thread=(began,), number=2)
    assert isinstance(end, Failed)
    assert end.error.message == "claude: No conversation"
    thread = (began, *entries(told))
    await run(tmp_path, fake(tmp_path, claude_says()), thread=thread, number=3)
    assert "--resume" not in (tmp_path / "task.txt").read_text()


async def test_codex_that_is_resumed_counts_this_run_alone(tmp_path: Path) -> None:
    own = AgentDef(program="codex", worktree=False)
    failing = [*codex_says(), {"type": "turn.failed", "error": {"message": "no"}}]
    told: list[Any] = []
    first = await carry_out(worker(known(fake(tmp_path, failing), "codex")), agent_attempt(tmp_path, own=own), told)
    assert isinstance(first, Failed)
    assert (first.usage.tokens_in, first.usage.tokens_out) == (100, 7)
    totals = {"input_tokens": 250, "cached_input_tokens": 40, "output_tokens": 17}
    again = agent_attempt(tmp_path, own=own, thread=tuple(entries(told)), number=2)
    second = await carry_out(worker(known(fake(tmp_path, codex_says(usage=totals)), "codex")), again)
    assert isinstance(second, Done)
    assert (second.usage.tokens_in, second.usage.tokens_out) == (150, 10)


@pytest.mark.parametrize(
    "entry",
    [
        {"id": "--yolo"},
        {"program": "codex"},
        {"cwd": "/elsewhere"},
        {"id": None},
        {"tree": "/etc", "base": "a" * 40},
        {"tree": "/etc/tree-x", "base": "a" * 40},
        {"cwd": 3},
    ],
)
async def test_what_a_foreign_file_says_of_a_session_is_not_believed(tmp_path: Path, entry: dict[str, Any]) -> None:
    thread = ({"role": "session", "program": "claude", "id": SESSION, "cwd": str(tmp_path)} | entry,)
    end = await run(tmp_path, fake(tmp_path, claude_says()), thread=thread)
    assert isinstance(end, Done)
    assert "--resume" not in (tmp_path / "task.txt").read_text()


# -- commands, and whose plan it is ---------------------------------------------------------------------------


async def test_any_command_is_an_agent_whose_text_is_the_answer(tmp_path: Path) -> None:
    own = AgentDef(command=("sh", "-c", 'echo "got $1"; cat', "sh", "<{prompt}>"), worktree=False)
    end = await carry_out(worker(), agent_attempt(tmp_path, own=own, prompt="$(touch evil) --x"))
    assert isinstance(end, Done)
    assert end.output == "got <$(touch evil) --x>"
    assert end.usage == Usage()
    piped = AgentDef(command=("cat",), worktree=False)
    end = await carry_out(worker(), agent_attempt(tmp_path, own=piped, prompt="the task"))
    assert isinstance(end, Done)
    assert end.output == "the task"


async def test_a_command_fails_by_its_exit_code(tmp_path: Path) -> None:
    own = AgentDef(command=("sh", "-c", "echo said; echo why >&2; exit 3"), worktree=False)
    end = await carry_out(worker(), agent_attempt(tmp_path, own=own))
    assert isinstance(end, Failed)
    assert end.error.message == "sh: exit code 3: why"
    assert end.output == "said"


async def test_a_known_program_does_not_run_for_a_plan_of_somebody_else(tmp_path: Path) -> None:
    end = await run(tmp_path, fake(tmp_path, claude_says()), trusted=False)
    assert isinstance(end, Failed)
    assert end.error.kind is ErrorKind.BLOCKED
    assert "not your own" in end.error.message
    assert not (tmp_path / "task.txt").exists()


@needs_sandbox
async def test_a_command_of_a_plan_of_somebody_else_runs_in_the_sandbox(tmp_path: Path) -> None:
    script = "cat; touch out && echo wrote; touch /outside-x 2>/dev/null || echo kept; ls /sys/class/net; echo $HOME"
    own = AgentDef(command=("sh", "-c", script), worktree=False)
    end = await carry_out(worker(), agent_attempt(tmp_path, own=own, trusted=False))
    assert isinstance(end, Done)
    assert end.output.startswith("do it")
    assert "kept" in end.output
    assert os.environ["HOME"] not in end.output.split()
    assert not (tmp_path / "out").exists()


async def test_gemini_is_told_as_it_streams(tmp_path: Path) -> None:
    told: list[Any] = []
    own = AgentDef(program="gemini", worktree=False)
    end = await carry_out(
        worker(known(fake(tmp_path, gemini_says()), "gemini")), agent_attempt(tmp_path, own=own), told
    )
    assert isinstance(end, Done)
    assert texts(told, "reasoning") == "· read_file: a.py\n"
    assert texts(told, "output") == "I look.\n\nHello there."
