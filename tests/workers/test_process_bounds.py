"""What a sandboxed command may take altogether, and what the word that does without a sandbox changes."""

import asyncio
import contextlib
import sys
from pathlib import Path

import pytest

from swarmtui.agents.tools import ToolContext
from swarmtui.agents.tools.code import PROJECT, CodeBlocked
from swarmtui.engine.ports import Attempt, Done, Failed
from swarmtui.plan.model import PythonSpec, RunSpec
from swarmtui.safety.sandbox import Blocked, Sandbox
from swarmtui.session.vocabulary import ErrorKind
from swarmtui.workers.bounds import Bounds
from swarmtui.workers.process import Processes
from swarmtui.workers.python import PythonWorker
from swarmtui.workers.run import RunWorker
from swarmtui.workers.tool_code import SandboxedCode
from tests.sandboxed import WORKS, needs_sandbox
from tests.workers.building import attempt, carry_out

pytestmark = pytest.mark.timeout(60)
NONE = Blocked("there is none", "get one")
FORK_BOMB = "bomb() { bomb | bomb & }; bomb; sleep 60"


def sh(script: str) -> RunSpec:
    return RunSpec(("sh", "-c", script))


def foreign(spec: RunSpec | PythonSpec, folder: Path) -> Attempt:
    return attempt(spec, folder, trusted=False)


def bounded(**bounds: int) -> RunWorker:
    assert isinstance(WORKS, Sandbox)
    return RunWorker(Processes(None, lambda: WORKS, bounds=Bounds(**bounds)))


def bombs() -> int:
    """Processes of a fork bomb that are alive."""
    found = 0
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            found += b"bomb | bomb" in path.read_bytes()
    return found


@needs_sandbox
async def test_a_command_with_too_many_processes_is_ended_and_told(tmp_path: Path) -> None:
    script = "for i in 1 2 3 4 5 6 7 8 9 10 11 12; do sleep 87 & done; wait"
    ending = await carry_out(bounded(processes=10), foreign(sh(script), tmp_path))
    assert isinstance(ending, Failed)
    assert ending.error.kind is ErrorKind.EXIT
    assert ending.error.message == "ended by swarmtui: it had more than 10 processes at once"
    assert not [entry for entry in Path("/proc").glob("[0-9]*/cmdline") if b"sleep\x0087" in entry.read_bytes()]


@needs_sandbox
async def test_a_command_whose_processes_together_need_too_much_memory_is_ended_and_told(tmp_path: Path) -> None:
    one = f"{sys.executable} -I -S -c 'import time; kept = b\"x\" * (30 << 20); time.sleep(60)'"
    ending = await carry_out(bounded(memory_bytes=50 << 20), foreign(sh(f"{one} & {one} & {one} & wait"), tmp_path))
    assert isinstance(ending, Failed)
    assert ending.error.message == "ended by swarmtui: its processes used more than 50 MiB of memory"


@needs_sandbox
@pytest.mark.chaos
async def test_a_command_that_fills_the_disk_with_many_files_is_ended_and_told(tmp_path: Path) -> None:
    script = "i=0; while :; do i=$((i+1)); head -c 200000 /dev/zero > /ws/$i; sleep 0.01; done"
    ending = await carry_out(bounded(disk_bytes=4 << 20), foreign(sh(script), tmp_path))
    assert isinstance(ending, Failed)
    assert ending.error.message == "ended by swarmtui: its files took more than 4 MiB of disk"


@needs_sandbox
@pytest.mark.chaos
async def test_a_fork_bomb_is_over_soon(tmp_path: Path) -> None:
    most = 0

    async def look() -> None:
        nonlocal most
        while True:
            most = max(most, bombs())
            await asyncio.sleep(0.01)

    looking = asyncio.create_task(look())
    ending = await carry_out(bounded(processes=100), foreign(sh(FORK_BOMB), tmp_path))
    looking.cancel()
    assert isinstance(ending, Failed)
    assert most <= 4 * 100 + 10
    async with asyncio.timeout(20):
        while bombs():  # the kernel is still ending them
            await asyncio.sleep(0.01)


async def test_the_users_word_lets_a_foreign_plan_run_without_a_sandbox(tmp_path: Path) -> None:
    allowed = Processes(None, lambda: NONE, unsandboxed=True)
    ending = await carry_out(RunWorker(allowed), foreign(sh("pwd; echo $HOME"), tmp_path))
    assert isinstance(ending, Done)
    assert ending.output.splitlines()[0] == str(tmp_path)
    ending = await carry_out(PythonWorker(allowed), foreign(PythonSpec("result = 7"), tmp_path))
    assert isinstance(ending, Done)
    assert ending.output == "7"


async def test_without_that_word_nothing_of_a_foreign_plan_runs(tmp_path: Path) -> None:
    for worker, spec in ((RunWorker, sh("touch ran")), (PythonWorker, PythonSpec("open('ran', 'w')"))):
        ending = await carry_out(worker(Processes(None, lambda: NONE)), foreign(spec, tmp_path))
        assert isinstance(ending, Failed)
        assert ending.error.kind is ErrorKind.BLOCKED
    assert list(tmp_path.iterdir()) == []


async def test_even_then_a_foreign_plan_stays_in_the_project(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("/etc")
    allowed = Processes(None, lambda: NONE, unsandboxed=True)
    for cwd in ("..", "/etc", "link"):
        ending = await carry_out(RunWorker(allowed), foreign(RunSpec(("pwd",), cwd=cwd), tmp_path))
        assert isinstance(ending, Failed)
        assert ending.error.kind is ErrorKind.BLOCKED


@needs_sandbox
async def test_a_foreign_plan_does_not_see_the_credentials_of_the_project(tmp_path: Path) -> None:
    project, folder = tmp_path / "project", tmp_path / "attempt"
    for path in (folder, project / "deep" / "er"):
        path.mkdir(parents=True)
    (project / "a.txt").write_text("fine")
    for name in (".env", "deep/er/key.pem"):
        (project / name).write_text("canary")
    script = sh("cat a.txt; grep -r canary . && exit 7; exit 0")
    tried = attempt(script, folder, trusted=False, cwd=str(project))
    assert isinstance(WORKS, Sandbox)
    ending = await carry_out(RunWorker(Processes(None, lambda: WORKS)), tried)
    assert isinstance(ending, Done), ending
    assert ending.output == "fine"


@needs_sandbox
async def test_a_result_that_was_made_setuid_is_an_ordinary_file(tmp_path: Path) -> None:
    code = "import os\nresult = 1\nopen('/ws/result.json', 'w').close()\nos.chmod('/ws/result.json', 0o777)"
    assert isinstance(WORKS, Sandbox)
    ending = await carry_out(PythonWorker(Processes(None, lambda: WORKS)), foreign(PythonSpec(code), tmp_path))
    assert isinstance(ending, Done)
    assert Path(ending.path or "").stat().st_mode & 0o7777 == 0o600


async def test_that_word_holds_for_the_code_of_agents_too(tmp_path: Path) -> None:
    where = ToolContext("s", "n", "agent", "c1", str(tmp_path), str(tmp_path), str(tmp_path), trusted=True)
    bare = SandboxedCode(Processes(None, lambda: NONE, unsandboxed=True))
    ran = await bare(["sh", "-c", f"cat; echo ${PROJECT}"], where, stdin="given ", timeout_s=20)
    assert ran.output == f"given {tmp_path}\n"
    with pytest.raises(CodeBlocked, match="there is none; get one"):
        await SandboxedCode(Processes(None, lambda: NONE))(["true"], where, stdin=None, timeout_s=20)
