import os
import socket
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from swarmtui.safety import sandbox
from swarmtui.safety.sandbox import ENVIRON, Blocked, Sandbox, probe, too_wide
from tests.sandboxed import WORKS, needs_sandbox

pytestmark = pytest.mark.timeout(60)


def box() -> Sandbox:
    assert isinstance(WORKS, Sandbox)
    return WORKS


def inside(
    script: str, workdir: Path, read_only: Sequence[str | Path] = (), *, network: bool = False, **env: str
) -> subprocess.CompletedProcess[str]:
    argv = box().argv(["sh", "-c", script], workdir, read_only, network=network, env=env)
    return subprocess.run(
        argv, env=dict(ENVIRON), stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30, check=False
    )


ESCAPES = {
    "read the shadow file": "cat /etc/shadow",
    "read the user's home": f"ls {Path.home()}/.ssh {Path.home()}/.bashrc",
    "write to the system": "touch /usr/escaped",
    "write to the root": "touch /escaped",
    "write to a device directory": "touch /dev/escaped",
    "write to python": f"touch {sys.prefix}/escaped",
    "see a process of the host": f"test -d /proc/{os.getpid()} && grep -q python /proc/{os.getpid()}/cmdline",
    "signal a process of the host": f"kill -0 {os.getpid()}",
    "make a namespace": "unshare --user true",
    "mount": "mount -t tmpfs none /tmp",
    "gain capabilities": "grep -q 'CapEff:.*[1-9a-f]' /proc/self/status",
    "gain privileges": "grep -q 'NoNewPrivs:.*0' /proc/self/status",
    "open a disk": "ls /dev/sda /dev/vda /dev/mem",
    "use more memory than allowed": f"{sys.executable} -I -c 'bytearray(4 << 30)'",
    "write a file larger than allowed": "dd if=/dev/zero of=/ws/big bs=1M count=1 seek=1100",
    "dump core": "test $(ulimit -c) != 0",
}


@needs_sandbox
@pytest.mark.parametrize("name", ESCAPES)
def test_no_way_out(name: str, tmp_path: Path) -> None:
    ran = inside(ESCAPES[name] + " && echo escaped", tmp_path)
    assert "escaped" not in ran.stdout
    assert ran.returncode != 0
    assert "bwrap:" not in ran.stderr


@needs_sandbox
def test_a_command_writes_to_its_work_folder_alone(tmp_path: Path) -> None:
    work, project = tmp_path / "work", tmp_path / "project"
    work.mkdir()
    project.mkdir()
    (project / "source").write_text("text")
    ran = inside(f"cat {project}/source; echo made > /ws/made; pwd; touch {project}/x", work, [project])
    assert ran.stdout.splitlines() == ["text/ws"]
    assert "Read-only" in ran.stderr
    assert (work / "made").read_text() == "made\n"
    assert sorted(entry.name for entry in project.iterdir()) == ["source"]


@needs_sandbox
def test_nothing_of_the_environment_is_seen_inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CANARY_KEY", "canary-in-env")
    ran = inside("cat /proc/1/environ /proc/self/environ /proc/*/environ", tmp_path, GREETING="hello")
    assert "canary" not in ran.stdout
    assert "GREETING=hello" in ran.stdout


@needs_sandbox
def test_a_preloaded_library_of_the_plan_is_not_loaded_by_bubblewrap(tmp_path: Path) -> None:
    ran = inside("true", tmp_path, LD_PRELOAD=str(tmp_path / "missing.so"))
    assert ran.stderr.count("cannot be preloaded") <= 2  # by prlimit and sh, both inside
    argv = box().argv(["true"], tmp_path, env={"LD_PRELOAD": "x"})
    assert "LD_PRELOAD" not in ENVIRON
    assert argv.index("LD_PRELOAD") < argv.index("--")


@needs_sandbox
def test_no_open_file_is_inherited(tmp_path: Path) -> None:
    (tmp_path / "held").write_text("secret")
    with (tmp_path / "held").open() as file:
        os.set_inheritable(file.fileno(), True)
        ran = inside("ls /proc/self/fd", tmp_path)
        assert str(file.fileno()) not in ran.stdout.split()[4:]
        assert len(ran.stdout.split()) <= 4


@needs_sandbox
def test_a_child_in_a_session_of_its_own_dies_with_the_sandbox(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listening:
        name = str(tmp_path / "s")
        listening.bind(name)
        listening.listen()
        listening.settimeout(20)
        call = "import socket, signal; s = socket.socket(socket.AF_UNIX); s.connect('/ws/s'); s.send(b'x')"
        child = f"{call}; open('/ws/up', 'w'); signal.pause()"
        ran = inside(
            f'setsid {sys.executable} -I -c "{child}" & until [ -e /ws/up ]; do sleep 0.01; done; exit 3', tmp_path
        )
        assert ran.returncode == 3
        connection, _ = listening.accept()
        with connection:
            connection.settimeout(20)
            assert connection.recv(1) == b"x"
            assert connection.recv(1) == b""  # the far end is gone


@needs_sandbox
def test_the_network_is_there_only_where_it_was_asked_for(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        call = f"import socket; socket.create_connection(('127.0.0.1', {server.getsockname()[1]}), 5)"
        assert inside(f'{sys.executable} -I -c "{call}"', tmp_path, network=True).returncode == 0
        ran = inside(f'{sys.executable} -I -c "{call}"', tmp_path)
        assert ran.returncode == 1
        assert "ConnectionRefusedError" in ran.stderr


@needs_sandbox
def test_exit_codes_pass_through(tmp_path: Path) -> None:
    assert inside("exit 7", tmp_path).returncode == 7


@needs_sandbox
@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_it_works_as_an_ordinary_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox, "python_prefixes", lambda: ())  # root's Python is not that user's
    mine = replace(box(), filter=None)  # which is for root's eyes; test_escapes has it as another user
    argv = mine.argv(["sh", "-c", "id -u; cat /etc/shadow; grep processes /proc/self/limits"], "/usr/share")
    ran = subprocess.run(
        argv, env={}, user=65534, group=65534, extra_groups=[], capture_output=True, text=True, cwd="/", check=False
    )
    assert ran.stdout.split()[:5] == ["65534", "Max", "processes", "256", "256"]


def test_a_missing_bubblewrap_is_told_with_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox, "_find", lambda program: None)
    assert str(probe()) == "bubblewrap is not installed; install it, for example: apt install bubblewrap"


def fake_bwrap(tmp_path: Path, body: str) -> str:
    program = tmp_path / "bwrap"
    program.write_text(f"#!/bin/sh\n{body}\n")
    program.chmod(0o755)
    return str(program)


def test_a_bubblewrap_that_cannot_make_namespaces_is_no_sandbox(tmp_path: Path) -> None:
    said = "bwrap: setting up uid map: Permission denied"
    found = probe(fake_bwrap(tmp_path, f"echo '{said}' >&2; exit 1"))
    assert isinstance(found, Blocked)
    assert found.reason.endswith("setting up uid map: Permission denied")
    assert "AppArmor" in found.fix


def test_a_bubblewrap_that_does_nothing_is_no_sandbox(tmp_path: Path) -> None:
    assert isinstance(probe(fake_bwrap(tmp_path, "exit 0")), Blocked)
    assert isinstance(probe(fake_bwrap(tmp_path, "exec sleep 60"), timeout_s=0.2), Blocked)


def test_an_older_bubblewrap_is_used_without_the_newer_option(tmp_path: Path) -> None:
    refuse = 'echo "bwrap: Unknown option --disable-userns" >&2; exit 1'
    found = probe(fake_bwrap(tmp_path, f'case "$*" in *--disable-userns*) {refuse};; esac; echo 42'))
    assert isinstance(found, Sandbox)
    assert not found.disable_userns


def test_folders_with_more_than_a_project_are_too_wide_to_show(tmp_path: Path) -> None:
    assert all(too_wide(path) for path in ("/", Path.home(), Path.home().parent, "/etc/ssl", "/proc/self", "/tmp"))
    assert not too_wide(Path.home() / "project")
    assert not too_wide(tmp_path)
