"""Ways out of the sandbox, each of them tried inside a real one, with witnesses outside."""

import json
import os
import platform
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from swarmtui.safety import sandbox as module
from swarmtui.safety.paths import PathRefused
from swarmtui.safety.sandbox import ENVIRON, Rlimits, Sandbox
from tests.safety.escapes import WAYS
from tests.safety.outside import CANARY, NOBODY, PROGRAM, Outside, made, tidy
from tests.sandboxed import WORKS, needs_sandbox

pytestmark = [
    pytest.mark.timeout(180),
    needs_sandbox,
]

UNFILTERED = {
    "open_a_socket_to_the_hypervisor", "open_a_socket_to_the_kernels_ciphers", "read_a_key_of_the_login", "make_a_key",
    "go_around_filters_of_system_calls", "make_a_setuid_program_on_the_host", "make_a_setuid_program_in_one_go",
    "handle_the_faults_of_the_kernel",
}  # fmt: skip
"""Ways that only the filter of system calls closes, which is known for two kinds of machine."""

OPEN_OUTSIDE = {
    "read_the_users_keys", "read_a_file_beside_the_project", "read_the_password_file", "see_a_process_of_the_host",
    "read_the_environment_of_any_process", "read_an_inherited_descriptor", "read_shared_memory_of_the_host",
    "signal_a_process_of_the_host", "open_a_process_of_the_host", "limit_a_process_of_the_host",
    "connect_to_the_hosts_loopback", "connect_to_the_hosts_address", "connect_to_an_abstract_socket",
    "connect_to_a_socket_outside", "write_by_a_symbolic_link", "write_by_a_hard_link", "write_by_dots",
    "write_to_the_project", "make_a_file_in_the_project", "change_the_mode_of_the_projects_files",
    "change_the_times_of_the_projects_files", "write_a_hook_of_the_project", "write_a_hook_of_a_writable_folder",
    "change_the_configuration_of_git", "swap_the_git_folder", "write_a_hook_of_a_repository_within",
    "make_settings_that_are_not_there_yet", "gain_privileges_by_executing", "open_the_terminal",
    "make_a_setuid_program_on_the_host", "make_a_setuid_program_in_one_go",
}  # fmt: skip
"""Ways that lead somewhere without a sandbox, whoever tries them: what the suite finds closed was open before."""


@dataclass(frozen=True)
class Tried:
    """What every way came to, and what the witnesses saw."""

    ways: dict[str, str]
    heard: list[str]
    signals: str
    typed: bytes
    before: dict[str, str]
    after: dict[str, str]
    work: dict[str, int]
    error: str


def _identities() -> list[int]:
    return [os.geteuid(), NOBODY] if os.geteuid() == 0 else [os.geteuid()]


@pytest.fixture(scope="module", params=_identities(), ids=lambda uid: f"uid {uid}")
def tried(request: pytest.FixtureRequest) -> Tried:
    uid: int = request.param
    with pytest.MonkeyPatch.context() as patch:
        if uid != os.geteuid():
            if not Path("/usr/bin/python3").exists():
                pytest.skip("another user needs a Python of the system's, and there is none")
            patch.setattr(module, "python_prefixes", lambda: ())  # this user's Python is not that one's
        with made(uid) as outside:
            return _try_all(outside)


def _try_all(outside: Outside) -> Tried:
    assert isinstance(WORKS, Sandbox)
    program = outside.folder / "project" / PROGRAM.name
    program.write_text(PROGRAM.read_text())
    before = outside.tree()
    told = {
        **outside.told,
        "work": "/ws",
        "shown": [
            Path(path).relative_to(Path.home()).parts[0]
            for path in module.python_prefixes()
            if path.startswith(f"{Path.home()}/")
        ],
    }
    argv = outside.filtered(WORKS).argv(
        [outside.python, "-I", str(program), json.dumps(told)],
        outside.work,
        [outside.folder / "project"],
        writable=[outside.writable],
    )
    ran = outside.run(argv, dict(ENVIRON))
    tidy(outside.writable)
    return Tried(
        json.loads(ran.stdout or "{}"),
        list(outside.heard),
        outside.signals(),
        outside.typed(),
        before,
        outside.tree(),
        {path.name: path.lstat().st_mode for path in outside.work.rglob("*")},
        ran.stderr,
    )


@pytest.mark.parametrize("way", WAYS)
def test_no_way_leads_out(tried: Tried, way: str) -> None:
    if way in UNFILTERED and platform.machine() not in ("x86_64", "aarch64"):
        pytest.skip(f"no filter of system calls is known for {platform.machine()}")
    assert tried.ways, tried.error
    assert tried.ways[way] == ""


def test_nobody_outside_heard_of_it(tried: Tried) -> None:
    assert tried.heard == []
    assert tried.signals == ""
    assert tried.typed == b""


def test_nothing_outside_has_changed(tried: Tried) -> None:
    assert tried.after == tried.before
    for folder in ("/", "/usr", "/etc", "/dev", sys.prefix, "/usr/bin"):
        assert not Path(folder, "escaped").exists()
    assert not Path("/sys/fs/cgroup/escaped").exists()
    assert os.uname().nodename != "escaped"


def test_nothing_in_the_work_folder_is_a_device_or_setuid(tried: Tried) -> None:
    assert [name for name, mode in tried.work.items() if mode & 0o6000] == []
    assert "memory" not in tried.work
    assert "pre-commit" not in tried.work


def test_the_same_ways_are_open_without_a_sandbox() -> None:
    """A way that fails wherever it is tried would prove nothing."""
    with made(os.geteuid()) as outside:
        told = {**outside.told, "work": str(outside.work), "ways": [way for way in WAYS if way in OPEN_OUTSIDE]}
        ran = outside.run(
            [sys.executable, "-I", str(PROGRAM), json.dumps(told)], {"CANARY": CANARY}, fds=[9], cwd=outside.folder
        )
        ways = json.loads(ran.stdout)
        assert {way for way in OPEN_OUTSIDE if not ways[way]} <= {"write_by_dots"}  # there is no /ws
        assert len(outside.heard) >= 4
        assert outside.signals() != ""


# -- what else is written to ----------------------------------------------------------------------------------------


def inside(box: Sandbox, script: str, work: Path, **how: object) -> subprocess.CompletedProcess[str]:
    argv = box.argv(["sh", "-c", script], work, **how)  # type: ignore[arg-type]
    return subprocess.run(
        argv, env=dict(ENVIRON), stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False
    )


@pytest.fixture
def box() -> Sandbox:
    assert isinstance(WORKS, Sandbox)
    return WORKS


def test_a_writable_folder_is_written_to_but_for_what_programs_outside_obey(box: Sandbox, tmp_path: Path) -> None:
    project, work = tmp_path / "project", tmp_path / "work"
    (project / ".git" / "hooks").mkdir(parents=True)
    work.mkdir()
    ran = inside(
        box,
        f"cd {project}; echo x > source; touch .git/config .envrc/x; mkdir .claude; ls -A",
        work,
        writable=[project],
    )
    assert (project / "source").read_text() == "x\n"
    assert ran.stderr.count("Read-only file system") == 2
    tidy(project)
    assert sorted(path.name for path in project.iterdir()) == [".git", "source"]
    assert list((project / ".git").iterdir()) == [project / ".git" / "hooks"]


def test_a_guarded_name_that_is_a_link_is_refused(box: Sandbox, tmp_path: Path) -> None:
    project = tmp_path / "project"
    project.mkdir()
    (project / ".git").symlink_to(tmp_path)
    with pytest.raises(PathRefused, match="is a symbolic link, which a sandbox cannot guard"):
        box.argv(["true"], tmp_path, writable=[project])


def test_a_work_folder_that_is_a_link_is_followed_before_anything_runs(box: Sandbox, tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    argv = box.argv(["true"], tmp_path / "link")
    assert argv[argv.index("/ws") - 1] == str(tmp_path / "real")
    with pytest.raises(FileNotFoundError):
        box.argv(["true"], tmp_path / "missing")


def test_ordinary_work_is_not_hindered(box: Sandbox, tmp_path: Path) -> None:
    code = (
        "import asyncio, concurrent.futures as f, os, socket, subprocess, tempfile, threading\n"
        "print(subprocess.run(['sh', '-c', 'echo sub'], capture_output=True, text=True).stdout.strip())\n"
        "async def go():\n"
        "    server = await asyncio.start_server(lambda r, w: w.close(), '127.0.0.1', 0)\n"
        "    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())\n"
        "    print(await reader.read()); writer.close(); server.close()\n"
        "asyncio.run(go())\n"
        "with f.ProcessPoolExecutor(2) as pool: print(sum(pool.map(abs, [-1, -2])))\n"
        "with tempfile.NamedTemporaryFile() as file: os.chmod(file.name, 0o755)\n"
        "os.makedirs('a/b'); os.chmod('a', 0o700); os.mkfifo('pipe'); os.link(__file__, 'c') if 0 else None\n"
        "print(len(os.listdir('/proc')) > 5)\n"
    )
    (tmp_path / "code.py").write_text(code)
    ran = inside(box, f"{sys.executable} -I /ws/code.py", tmp_path)
    assert ran.stderr == ""
    assert ran.stdout.split() == ["sub", "b''", "3", "True"]


# -- bombs ------------------------------------------------------------------------------------------------------------


def python(code: str) -> str:
    return f"{sys.executable} -I -c '{code}; print(\"survived\")'"


BOMBS = {
    "memory": (python("a = [bytearray(16 << 20) for _ in range(64)]"), "MemoryError"),
    "file": ("dd if=/dev/zero of=/ws/big bs=1M count=1 seek=1100 && echo survived", "File"),
    "temporary files": ("dd if=/dev/zero of=/tmp/big bs=1M count=300 && echo survived", "No space left"),
    "shared memory": ("dd if=/dev/zero of=/dev/shm/big bs=1M count=80 && echo survived", "No space left"),
    "processor": ("while :; do :; done; echo survived", ""),
    "descriptors": (python("import os; [os.dup(0) for _ in range(400)]"), "Too many open files"),
}


@pytest.mark.chaos
@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_harms_only_itself(box: Sandbox, tmp_path: Path, name: str) -> None:
    script, reason = BOMBS[name]
    ran = inside(replace(box, limits=Rlimits(memory_bytes=256 << 20, cpu_s=1)), script, tmp_path)
    assert "survived" not in ran.stdout
    assert ran.returncode != 0
    assert reason in ran.stderr
    assert "bwrap" not in ran.stderr
    assert sum(path.stat().st_blocks * 512 for path in tmp_path.rglob("*")) < 64 << 20


LEAVERS = {
    "in a session of its own": "setsid sleep {mark} >/dev/null 2>&1 &",
    "forked twice": "( ( sleep {mark} >/dev/null 2>&1 & ) & ) ;",
    "deaf to signals": "sh -c \"trap '' TERM HUP INT; sleep {mark}; sleep {mark}\" >/dev/null 2>&1 &",
}


def alive(mark: str) -> list[Path]:
    found = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if mark.encode() in entry.read_bytes():
                found.append(entry)
        except OSError:
            continue
    return found


@pytest.mark.chaos
def test_after_two_hundred_runs_nothing_is_left(box: Sandbox, tmp_path: Path) -> None:
    mark = f"86.{os.getpid()}"
    for number, script in zip(range(200), list(LEAVERS.values()) * 67, strict=False):
        ran = inside(box, script.format(mark=mark) + " exit 7", tmp_path)
        assert ran.returncode == 7, (number, ran.stderr)
    assert alive(mark) == []


@pytest.mark.chaos
def test_how_long_a_start_takes(box: Sandbox, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    took = []
    for _ in range(100):
        began = time.perf_counter()
        assert inside(box, "exit 0", tmp_path).returncode == 0
        took.append((time.perf_counter() - began) * 1000)
    p95 = statistics.quantiles(took, n=20)[-1]
    with capsys.disabled():
        print(f"\nsandbox start: p50 {statistics.median(took):.1f} ms, p95 {p95:.1f} ms (goal: 50 ms)")
    assert len(took) == 100
