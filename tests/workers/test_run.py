import asyncio
import os
import time
from pathlib import Path

import pytest

from swarmtui.engine.ports import Delta, Done, Failed
from swarmtui.plan.model import RunSpec
from swarmtui.safety.sandbox import Blocked, Sandbox
from swarmtui.session.vocabulary import ErrorKind
from swarmtui.workers.local import LocalExecutor, WorkerFailed
from swarmtui.workers.orphans import start_time
from swarmtui.workers.process import Processes
from swarmtui.workers.run import RunWorker
from tests.sandboxed import WORKS, needs_sandbox
from tests.workers.building import attempt, carry_out

NONE = Blocked("bubblewrap is not installed", "install it")


def worker(sandbox: Sandbox | Blocked = WORKS) -> RunWorker:
    return RunWorker(Processes(find_sandbox=lambda: sandbox))


def sh(script: str, **fields: object) -> RunSpec:
    return RunSpec((), shell=script, **fields)  # type: ignore[arg-type]


async def test_what_a_command_prints_is_the_output(tmp_path: Path) -> None:
    deltas: list[Delta] = []
    ending = await carry_out(worker(), attempt(RunSpec(("echo", "a b", "$HOME")), tmp_path), deltas)
    assert ending == Done("node//1", "a b $HOME\n", path=str(tmp_path / "output.txt"), exit_code=0)
    assert deltas == [Delta("node//1", "a b $HOME\n")]


async def test_a_script_gets_values_as_its_parameters_never_as_code(tmp_path: Path) -> None:
    spec = RunSpec(("$(touch evil)", "`touch evil`"), shell='printf "%s\\n" "$1" "$2"')
    ending = await carry_out(worker(), attempt(spec, tmp_path))
    assert isinstance(ending, Done)
    assert ending.output == "$(touch evil)\n`touch evil`\n"
    assert not (tmp_path / "evil").exists()


async def test_folder_variables_input_and_key_reach_the_command(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    spec = sh('cat; echo "$A $SWARMTUI_IDEMPOTENCY_KEY"; pwd', cwd="sub", env={"A": "1"}, stdin="in ")
    ending = await carry_out(worker(), attempt(spec, tmp_path))
    assert isinstance(ending, Done)
    assert ending.output == f"in 1 key-1\n{tmp_path / 'sub'}\n"


async def test_an_exit_code_that_is_no_success_fails_with_the_last_words(tmp_path: Path) -> None:
    ending = await carry_out(
        worker(), attempt(sh("echo out; echo 'first' >&2; echo 'boom \x1b[31m' >&2; exit 3"), tmp_path)
    )
    assert isinstance(ending, Failed)
    assert ending.error.kind is ErrorKind.EXIT
    assert ending.error.exit_code == 3
    assert ending.error.message == "exit code 3: first / boom"
    assert ending.output == "out\n"


async def test_an_exit_code_that_the_node_calls_a_success_is_one(tmp_path: Path) -> None:
    ending = await carry_out(worker(), attempt(sh("exit 1", ok_exit=(0, 1)), tmp_path))
    assert isinstance(ending, Done)
    assert ending.exit_code == 1


async def test_a_signal_is_called_by_its_name(tmp_path: Path) -> None:
    ending = await carry_out(worker(), attempt(sh("kill -SEGV $$"), tmp_path))
    assert isinstance(ending, Failed)
    assert ending.error.message == "ended by SIGSEGV"


async def test_a_large_output_is_told_as_such(tmp_path: Path) -> None:
    ending = await carry_out(worker(), attempt(sh("head -c 3000000 /dev/zero"), tmp_path))
    assert isinstance(ending, Done)
    assert ending.truncated
    assert ending.size == 3_000_000
    assert len(ending.output) < 2_200_000
    assert os.path.getsize(ending.path or "") == 3_000_000


async def test_an_item_of_a_map_leaves_no_file(tmp_path: Path) -> None:
    for trusted in (True, False) if isinstance(WORKS, Sandbox) else (True,):
        ending = await carry_out(worker(), attempt(sh("echo x"), tmp_path, item=7, trusted=trusted))
        assert isinstance(ending, Done)
        assert (ending.output, ending.path) == ("x\n", None)
    assert list(tmp_path.iterdir()) == []


async def test_a_missing_program_is_told(tmp_path: Path) -> None:
    ending = await carry_out(worker(), attempt(RunSpec(("no-such-program",)), tmp_path))
    assert isinstance(ending, Failed)
    assert ending.error.message.startswith("no-such-program: there is no such program")


async def test_a_timeout_kills_all_that_the_command_started(tmp_path: Path) -> None:
    script = "trap '' TERM; sh -c \"trap '' TERM; sleep 60\" & echo $! > pid; echo said; while :; do sleep 0.02; done"
    executor = LocalExecutor({"run": worker()}, grace_s=0.3)
    before = time.monotonic()
    await executor.submit(attempt(sh(script), tmp_path, timeout_s=0.5))
    endings = []
    async with asyncio.timeout(20):
        async for batch in executor.events():
            endings += [event for event in batch if not isinstance(event, Delta)]
            if endings:
                break
    took = time.monotonic() - before
    await executor.close()
    (ending,) = endings
    assert isinstance(ending, Failed)
    assert ending.error.kind is ErrorKind.TIMEOUT
    assert ending.output == "said\n"
    assert 0.8 <= took < 0.8 + 1.0
    assert start_time(int((tmp_path / "pid").read_text())) is None  # its exit code may wait for init yet


async def test_without_a_sandbox_nothing_of_a_foreign_plan_runs(tmp_path: Path) -> None:
    ending = await carry_out(worker(NONE), attempt(sh("touch ran"), tmp_path, trusted=False))
    assert isinstance(ending, Failed)
    assert ending.error.kind is ErrorKind.BLOCKED
    assert "bubblewrap is not installed; install it" in ending.error.message
    assert "\n" not in ending.error.message
    assert list(tmp_path.iterdir()) == []


async def test_the_users_own_plan_needs_no_sandbox(tmp_path: Path) -> None:
    def forbidden() -> Sandbox:
        raise AssertionError("nobody asked for a sandbox")

    assert isinstance(await carry_out(RunWorker(Processes(None, forbidden)), attempt(sh("true"), tmp_path)), Done)


async def test_the_sandbox_is_looked_for_once(tmp_path: Path) -> None:
    asked = []

    def find() -> Blocked:
        asked.append(1)
        return NONE

    shared = RunWorker(Processes(None, find))
    await asyncio.gather(*(carry_out(shared, attempt(sh("true"), tmp_path, trusted=False)) for _ in range(5)))
    assert asked == [1]


@needs_sandbox
async def test_a_foreign_plan_reads_the_project_and_writes_nowhere_else(tmp_path: Path) -> None:
    project, folder = tmp_path / "project", tmp_path / "state"
    (project / "sub").mkdir(parents=True)
    folder.mkdir()
    (project / "sub" / "file").write_text("source\n")
    script = f"pwd; cat file; touch here; touch {folder}/there; echo note > ~/note; cat ~/note; echo $A$HOME"
    tried = attempt(sh(script, cwd="sub", env={"A": "a"}), folder, cwd=str(project), trusted=False)
    ending = await carry_out(worker(), tried)
    assert isinstance(ending, Done)
    assert ending.output == f"{project / 'sub'}\nsource\nnote\na/ws\n"
    assert sorted(path.name for path in folder.iterdir()) == ["log.txt", "output.txt"]
    assert [path.name for path in (project / "sub").iterdir()] == ["file"]


@needs_sandbox
async def test_a_foreign_plan_cannot_leave_the_project_by_its_folder(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("/etc")
    for cwd in ("..", "/etc", "link"):
        ending = await carry_out(worker(), attempt(sh("pwd", cwd=cwd), tmp_path, trusted=False))
        assert isinstance(ending, Failed)
        assert ending.error.kind is ErrorKind.BLOCKED


@needs_sandbox
async def test_from_a_home_directory_a_foreign_plan_sees_nothing(tmp_path: Path) -> None:
    tried = attempt(sh("pwd; ls -A"), tmp_path, cwd=str(Path.home()), trusted=False)
    ending = await carry_out(worker(), tried)
    assert isinstance(ending, Done)
    assert ending.output == "/ws\n"


@needs_sandbox
async def test_what_a_sandboxed_command_leaves_is_gone(tmp_path: Path) -> None:
    script = "setsid -f sleep 71; mkdir -p ~/a/b; echo x > ~/a/b/c"
    assert isinstance(await carry_out(worker(), attempt(sh(script), tmp_path, trusted=False)), Done)
    assert not [entry for entry in Path("/proc").glob("[0-9]*/cmdline") if b"sleep\x0071" in _read(entry)]
    assert list(tmp_path.iterdir()) == []


def _read(entry: Path) -> bytes:
    try:
        return entry.read_bytes()
    except OSError:
        return b""


@needs_sandbox
async def test_a_sandboxed_command_is_gone_when_it_is_cancelled(tmp_path: Path) -> None:
    up = asyncio.Event()

    def emit(delta: Delta) -> None:
        up.set()

    tried = attempt(sh("trap '' TERM; echo up; sleep 72"), tmp_path, trusted=False)
    task = asyncio.create_task(worker()(tried, emit))
    await asyncio.wait_for(up.wait(), 20)
    task.cancel()
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(WorkerFailed) as caught:
        await asyncio.wait_for(task, 20)
    assert caught.value.failed.output == "up\n"
    assert not [entry for entry in Path("/proc").glob("[0-9]*/cmdline") if b"sleep\x0072" in _read(entry)]
