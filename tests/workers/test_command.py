import asyncio
import errno
import os
import resource
import signal
import stat
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from swarmtui.safety.redact import Redactor, Secret
from swarmtui.session.vocabulary import ErrorKind
from swarmtui.workers import pump
from swarmtui.workers.command import Command, CommandStopped, NotStarted, Ran, _explain, child_env, run_command
from swarmtui.workers.exits import has_exited
from swarmtui.workers.orphans import become_subreaper
from swarmtui.workers.pump import Kept

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="POSIX only")


def command(*argv: str, cwd: Path | str = "/", **fields: object) -> Command:
    given: dict[str, object] = {"env": child_env(), "mark": f"test-{time.monotonic_ns()}"}
    return Command(argv, str(cwd), **(given | fields))  # type: ignore[arg-type]


def shell(script: str, **fields: object) -> Command:
    return command("sh", "-c", script, **fields)  # type: ignore[arg-type]


def ignore(channel: str, text: str) -> None:
    pass


async def run(what: Command) -> Ran:
    return await run_command(what, ignore)


class Watcher:
    """Collects what a command says and waits for it to say something."""

    def __init__(self) -> None:
        self.said: list[tuple[str, str]] = []
        self._more = asyncio.Event()

    def __call__(self, channel: str, text: str) -> None:
        self.said.append((channel, text))
        self._more.set()

    def text(self, channel: str = "output") -> str:
        return "".join(text for name, text in self.said if name == channel)

    async def until(self, part: str) -> None:
        async with asyncio.timeout(20):
            while part not in self.text():
                self._more.clear()
                await self._more.wait()


@asynccontextmanager
async def started(what: Command) -> AsyncIterator[tuple[asyncio.Task[Ran], Watcher]]:
    """The command, once it has said "up"."""
    watcher = Watcher()
    task = asyncio.create_task(run_command(what, watcher))
    try:
        await watcher.until("up")
        yield task, watcher
    finally:
        task.cancel()
        await asyncio.sleep(0)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


@pytest.fixture
def subreaper() -> None:
    if not become_subreaper():
        pytest.skip("this system has no subreapers")


async def test_a_command_makes_files_as_its_user_would_whatever_the_mask_of_the_host(tmp_path: Path) -> None:
    await run_command(
        Command(["touch", "made"], str(tmp_path), {"PATH": os.environ["PATH"]}, umask=0o027), lambda *_: None
    )
    assert stat.S_IMODE((tmp_path / "made").stat().st_mode) == 0o640


async def test_output_exit_code_and_stderr_are_told(tmp_path: Path) -> None:
    watcher = Watcher()
    ran = await run_command(shell("echo out; echo err >&2; exit 3", folder=tmp_path), watcher)
    assert (ran.exit_code, ran.output, ran.size, ran.whole, ran.stderr) == (3, "out\n", 4, True, "err\n")
    assert (watcher.text(), watcher.text("stderr")) == ("out\n", "err\n")
    assert ran.path == str(tmp_path / "output.txt")
    assert (tmp_path / "output.txt").read_text() == "out\n"
    assert sorted((tmp_path / "log.txt").read_text().splitlines()) == ["err", "out"]
    assert (tmp_path / "log.txt").stat().st_mode & 0o777 == 0o600


async def test_a_silent_command_leaves_no_file(tmp_path: Path) -> None:
    ran = await run(command("true", folder=tmp_path))
    assert (ran.exit_code, ran.output, ran.path) == (0, "", None)
    assert list(tmp_path.iterdir()) == []


async def test_a_command_ended_by_a_signal_has_the_exit_code_of_a_shell() -> None:
    assert (await run(shell("kill -SEGV $$"))).exit_code == 128 + signal.SIGSEGV


async def test_input_is_passed_on_however_large() -> None:
    text = "é" * 700_000
    ran = await run(command("cat", stdin=text))
    assert ran.output == text
    assert ran.whole


async def test_a_command_that_does_not_read_its_input_is_left_alone() -> None:
    assert (await run(command("true", stdin="x" * 5_000_000))).exit_code == 0


async def test_without_input_there_is_nothing_to_read() -> None:
    assert (await run(command("cat"))).output == ""


async def test_text_is_streamed_while_the_command_runs() -> None:
    async with started(shell("echo up; read never < /dev/zero; sleep 60")) as (task, watcher):
        assert watcher.text() == "up\n"
        assert not task.done()


async def test_characters_split_over_reads_arrive_whole() -> None:
    watcher = Watcher()
    await run_command(shell(r"printf 'up\303'; sleep 0.1; printf '\251\n'"), watcher)
    assert watcher.text() == "upé\n"


async def test_bytes_that_are_no_text_are_replaced_and_kept_as_they_are_in_the_file(tmp_path: Path) -> None:
    blob = bytes(range(256)) * 64
    (tmp_path / "blob").write_bytes(blob)
    ran = await run(command("cat", str(tmp_path / "blob"), folder=tmp_path))
    assert ran.output == blob.decode("utf-8", "replace")
    assert (tmp_path / "output.txt").read_bytes() == blob


async def test_a_line_of_ten_megabytes_is_kept_at_both_ends(tmp_path: Path) -> None:
    ran = await run(shell("printf start; head -c 10000000 /dev/zero | tr '\\0' x; printf end", folder=tmp_path))
    assert ran.size == 10_000_008
    assert not ran.whole
    assert ran.output.startswith("startx")
    assert ran.output.endswith("xend")
    assert "7,902,856 bytes left out" in ran.output
    assert (tmp_path / "output.txt").stat().st_size == ran.size


async def test_a_file_is_cut_with_a_marker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = pump.CappedFile(tmp_path / "f", limit=10)
    for part in (b"12345", b"67890"):
        file.write(part)
    assert file.whole
    file.write(b"x")
    file.write(b"y")
    file.close()
    assert not file.whole
    head, _, marker = (tmp_path / "f").read_text().partition("\n")
    assert head == "1234567890"
    assert "truncated" in marker


async def test_a_file_that_cannot_be_written_does_not_stop_the_command(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "victim").write_text("kept")
    (tmp_path / "folder" / "output.txt").symlink_to(tmp_path / "victim")
    assert (await run(shell("echo x", folder=tmp_path / "folder"))).output == "x\n"
    assert (tmp_path / "victim").read_text() == "kept"


async def test_secrets_are_kept_out_of_the_files(tmp_path: Path) -> None:
    script = "printf hunter2-; sleep 0.1; echo correct; printf 'caf\\351 hunter2-correct'"
    await run_command(shell(script, folder=tmp_path), ignore, Redactor([Secret("hunter2-correct")]))
    for name in ("output.txt", "log.txt"):
        assert (tmp_path / name).read_bytes() == b"***\ncaf\xe9 ***"


async def test_only_a_few_variables_reach_a_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "canary")
    monkeypatch.setenv("LC_TIME", "C")
    monkeypatch.setenv("PYTHONPATH", "/canary")
    monkeypatch.delenv("NO_COLOR", raising=False)
    ran = await run(command("cat", "/proc/self/environ", env=child_env({"MINE": "1"}, key="k")))
    found = dict(line.split("=", 1) for line in ran.output.split("\0") if line)
    assert "canary" not in ran.output
    assert found["MINE"] == "1"
    assert found["SWARMTUI_IDEMPOTENCY_KEY"] == "k"
    assert found["TERM"] == "dumb"
    assert found["LC_TIME"] == "C"
    assert found["PATH"].split(":")[0] == str(Path(sys.executable).parent)
    assert "NO_COLOR" not in found
    assert child_env(environ={"NO_COLOR": ""})["NO_COLOR"] == ""


@pytest.mark.parametrize(
    ("what", "kind", "message"),
    [
        (command("no-such-program-x"), ErrorKind.INPUT, "no-such-program-x: there is no such program on PATH"),
        (command("/etc/passwd"), ErrorKind.INPUT, "chmod"),
        (command("true", cwd="/no/such/folder"), ErrorKind.INPUT, "the folder to run in is missing: /no/such/folder"),
        (command("echo", "x" * 3_000_000), ErrorKind.INPUT, "{{ node.path }}"),
        (command("echo", "a\0b"), ErrorKind.INPUT, "NUL"),
    ],
)
async def test_a_command_that_cannot_start_says_why(what: Command, kind: ErrorKind, message: str) -> None:
    with pytest.raises(NotStarted) as caught:
        await run(what)
    assert caught.value.error.kind is kind
    assert message in caught.value.error.message
    assert "\n" not in caught.value.error.message


@pytest.mark.parametrize(
    ("argv", "why"),
    [
        (("echo", "x" * 3_000_000), "echo: the arguments are too large"),
        (("echo", *["x" * 100_000] * 40), "echo: the arguments are too large"),
        (("mere-text", "x" * 3_000_000), "mere-text: may not be executed"),
        (("no-such-program-x",), "no-such-program-x: there is no such program on PATH"),
        (("mere-text",), "mere-text: may not be executed"),
    ],
)
async def test_what_keeps_a_command_from_starting_is_told_whatever_else_is_on_path(
    tmp_path: Path, argv: tuple[str, ...], why: str
) -> None:
    folder = tmp_path / "first"
    folder.mkdir()
    for name in ("echo", "mere-text"):
        (folder / name).write_text("no program")
    what = command(*argv, env={"PATH": f"{folder}:{os.environ['PATH']}"})
    with pytest.raises(NotStarted) as caught:
        await run(what)
    assert caught.value.error.message.startswith(why)
    closed = _explain(PermissionError(errno.EACCES, "Permission denied"), what)  # as of a folder that is somebody's
    assert closed.message.startswith(why)


def test_a_program_in_a_folder_that_may_not_be_looked_into_is_not_called_absent(tmp_path: Path) -> None:
    path = str(tmp_path / "closed" / "program")
    told = _explain(PermissionError(errno.EACCES, "Permission denied"), command(path))
    assert "may not be executed" in told.message


async def test_a_machine_without_free_descriptors_is_busy_not_broken() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    held: list[int] = []
    resource.setrlimit(resource.RLIMIT_NOFILE, (len(os.listdir("/proc/self/fd")) + 40, hard))
    try:
        with suppress(OSError):
            while True:
                held.append(os.open("/dev/null", os.O_RDONLY))
        with pytest.raises(NotStarted) as caught:
            await run(command("true"))
        for fd in held[:8]:
            os.close(fd)
        del held[:8]
        assert (await run(shell("echo again"))).output == "again\n"
    finally:
        for fd in held:
            os.close(fd)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert caught.value.error.kind is ErrorKind.THROTTLED
    assert caught.value.error.retry_after_s == 1.0


async def test_commands_work_where_processes_cannot_be_watched(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "pidfd_open", raising=False)
    ran = await run(shell("exec >&- 2>&-; sleep 0.1; exit 5"))
    assert ran.exit_code == 5
    assert (await run(shell("sleep 60 & echo x"))).output == "x\n"


async def test_a_command_that_leaves_nothing_behind_is_over_at_once() -> None:
    before = time.monotonic()
    await run(command("true"))
    assert time.monotonic() - before < pump.DRAIN_S / 2


async def test_a_child_in_the_background_that_holds_the_output_does_not_hold_the_command() -> None:
    before = time.monotonic()
    ran = await run(shell("sleep 60 & echo $!"))
    assert time.monotonic() - before < 10
    assert ran.exit_code == 0
    assert not alive(int(ran.output))


async def test_a_child_in_a_session_of_its_own_is_gone_after_the_command(subreaper: None) -> None:
    ran = await run(shell("setsid sleep 60 >/dev/null 2>&1 & echo $!; setsid -f sleep 61 >/dev/null 2>&1; exit 0"))
    assert not alive(int(ran.output))
    assert "sleep\x0061" not in _command_lines()


def _command_lines() -> str:
    lines = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            lines.append(entry.read_text("utf-8", "replace"))
    return "\n".join(lines)


async def test_a_cancelled_command_is_gone_with_its_children(subreaper: None) -> None:
    script = "sleep 62 & echo $!; setsid sleep 63 & echo $!; setsid -f sleep 64; echo up; wait"
    async with started(shell(script)) as (task, watcher):
        pids = [int(word) for word in watcher.text().split()[:2]]
        assert all(map(alive, pids))
        task.cancel()
        with pytest.raises(CommandStopped) as caught:
            await task
    assert caught.value.ran.output.endswith("up\n")
    assert not any(map(alive, pids))
    assert "sleep\x0064" not in _command_lines()
    assert task.cancelled()


async def test_a_command_may_tidy_up_when_it_is_asked_to_stop() -> None:
    async with started(shell("trap 'echo bye; exit 4' TERM; echo up; while :; do sleep 0.02; done")) as (task, _):
        task.cancel()
        with pytest.raises(CommandStopped) as caught:
            await task
    assert caught.value.ran.output == "up\nbye\n"
    assert caught.value.ran.exit_code == 4


async def test_a_command_that_ignores_the_request_is_killed_at_the_second_one() -> None:
    script = "trap '' TERM; echo up; while :; do sleep 0.02; done"
    async with started(shell(script)) as (task, _):
        task.cancel()
        done, _pending = await asyncio.wait({task}, timeout=0.3)
        assert not done
        before = time.monotonic()
        task.cancel()
        with pytest.raises(CommandStopped) as caught:
            await task
    assert time.monotonic() - before < 1.5
    assert caught.value.ran.exit_code == 128 + signal.SIGKILL


async def test_a_stopped_command_hears_the_request() -> None:
    async with started(shell("echo up; kill -STOP $$; echo never")) as (task, _):
        task.cancel()
        with pytest.raises(CommandStopped):
            await asyncio.wait_for(task, 10)


@pytest.mark.parametrize("chunk", [1, 999, 1_000, 1_001, 3_000])
@pytest.mark.parametrize("size", [1_999, 2_000, 2_001, 3_000])
def test_what_is_kept_depends_on_how_much_came_and_not_on_how_it_was_cut(chunk: int, size: int) -> None:
    data = bytes(97 + k % 26 for k in range(size))
    kept = Kept(2_000)
    for start in range(0, size, chunk):
        kept.add(data[start : start + chunk])
    assert kept.whole == (size <= 2_000)
    text = kept.text()
    assert text == data.decode() if kept.whole else text.startswith(data[:1_000].decode())
    assert text.endswith(data[-1_000:].decode())


async def test_many_commands_at_once_leave_nothing(subreaper: None) -> None:
    me = os.getpid()
    children = Path(f"/proc/{me}/task/{me}/children")
    others, before = children.read_text().split(), len(os.listdir("/proc/self/fd"))
    runs = await asyncio.gather(*(run(shell(f"setsid -f sleep 65; echo {n}")) for n in range(30)))
    assert [ran.output for ran in runs] == [f"{n}\n" for n in range(30)]
    assert "sleep\x0065" not in _command_lines()
    assert len(os.listdir("/proc/self/fd")) <= before + 2
    until = time.monotonic() + 10  # one that was killed may take a moment to be gone
    while left := [pid for pid in children.read_text().split() if pid not in others and alive(int(pid))]:
        assert time.monotonic() < until, [Path(f"/proc/{pid}/cmdline").read_bytes() for pid in left]
        await asyncio.sleep(0)


@pytest.mark.chaos
async def test_a_flood_is_taken_in_little_memory_and_leaves_the_loop_free(tmp_path: Path) -> None:
    lags: list[float] = []

    async def tick() -> None:
        while True:
            before = time.monotonic()
            await asyncio.sleep(0.01)
            lags.append(time.monotonic() - before - 0.01)

    watcher = Watcher()
    await run(shell("head -c 1000000 /dev/zero", folder=tmp_path))
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    ticking = asyncio.create_task(tick())
    before = time.monotonic()
    ran = await run_command(shell("yes 0123456789 | head -c 200000000", folder=tmp_path), watcher)
    took = time.monotonic() - before
    ticking.cancel()
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - memory
    print(
        f"200 MB in {took:.2f} s, memory +{grown} KiB, worst lag {max(lags) * 1000:.0f} ms, {len(watcher.said)} texts"
    )
    assert ran.size == 200_000_000
    assert grown < 30_000
    assert max(lags) < 0.2
    assert len(watcher.said) <= took * 20 + 3
    assert 100_000_000 < (tmp_path / "output.txt").stat().st_size < 100_001_000


async def test_what_was_said_in_time_is_read_however_late(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pump, "DRAIN_S", 0.0)
    ended = pump._ExitWatch.ended

    def late(watch: pump._ExitWatch) -> bool:
        os.waitid(
            os.P_PID, watch._process.pid, os.WEXITED | os.WNOWAIT
        )  # it has spoken and ended before the pump looks
        return ended(watch) or has_exited(watch._process)

    monkeypatch.setattr(pump._ExitWatch, "ended", late)
    ran = await run(command("printf", "said"))
    assert ran.output == "said"


async def test_a_file_that_could_not_hold_the_output_is_not_passed_off_as_the_whole(tmp_path: Path) -> None:
    (tmp_path / "output.txt").mkdir()  # as good as a full disk
    ran = await run(command("printf", "result", folder=tmp_path))
    assert (ran.output, ran.path) == ("result", None)


async def test_a_command_ends_even_when_its_output_cannot_be_handled(tmp_path: Path) -> None:
    class Broken(Redactor):
        def redact(self, text: str) -> str:
            raise ArithmeticError

    async with asyncio.timeout(10):
        with pytest.raises(RuntimeError, match="its output was lost"):
            await run_command(command("printf", "result", folder=tmp_path), ignore, Broken())
