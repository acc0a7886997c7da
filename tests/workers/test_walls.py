"""The wall of the kernel around a command's processes."""

import os
import subprocess
from pathlib import Path

import pytest

from swarmtui.workers.walls import _home, walled

COUNTED = "for i in 1 2 3 4 5 6 7 8 9 10; do sleep 0.1 & done; wait"


def groups() -> set[Path]:
    return {path for path in Path("/sys/fs/cgroup").rglob(f"swarmtui-{os.getpid()}-*") if path.is_dir()}


def ended(argv: list[str]) -> subprocess.CompletedProcess[str]:
    """How it ended, once all that it started has too."""
    ran = subprocess.run(argv, capture_output=True, text=True, check=False)  # its pipes are open until then
    while Path(argv[3]).read_text():
        pass
    return ran


def is_walled() -> bool:
    with walled(["true"], 5) as argv:
        return argv != ["true"]


needs_groups = pytest.mark.skipif(not is_walled(), reason="no control group can be made here (only root can)")


@needs_groups
def test_a_command_behind_a_wall_cannot_have_more_processes_than_it_may_and_leaves_no_group() -> None:
    before = groups()  # of tests whose last processes are still dying
    with walled(["sh", "-c", COUNTED], 5) as argv:
        ran = ended(argv)
        assert groups() - before
    assert "ork" in ran.stderr
    assert not groups() - before
    with walled(["sh", "-c", COUNTED], 20) as argv:
        ran = ended(argv)
    assert (ran.returncode, ran.stderr) == (0, "")


@needs_groups
def test_what_a_killed_host_left_is_taken_away_by_the_next_wall() -> None:
    with walled(["true"], 5) as argv:
        own = Path(argv[3]).parent
        left = own.with_name("swarmtui-4194999-7")
        left.mkdir()
        young = own.with_name(f"swarmtui-{os.getpid()}-999")
        young.mkdir()
        with walled(["true"], 5):
            assert not left.exists()
            assert young.exists(), "somebody may be about to join it"
        young.rmdir()


@needs_groups
def test_arguments_environment_exit_code_and_process_are_the_commands_own() -> None:
    with walled(["/bin/sh", "-c", 'echo "$$|$1|$A"; exit 7', "x", "a b'\"$(id)"], 5) as argv:
        process = subprocess.Popen(argv, env={"A": "1"}, stdout=subprocess.PIPE, text=True)
        said, _ = process.communicate()
    assert said == f"{process.pid}|a b'\"$(id)|1\n"
    assert process.returncode == 7


def test_where_no_group_can_be_made_the_command_is_run_as_it_is(tmp_path: Path) -> None:
    with walled(["echo", "x"], 5, parent=tmp_path / "absent") as argv:
        assert argv == ["echo", "x"]


def test_a_group_that_cannot_be_joined_does_not_keep_the_command_from_running(tmp_path: Path) -> None:
    with walled(["echo", "x"], 5, parent=tmp_path) as argv:  # plain folders: what is written is just a file
        (Path(argv[3])).mkdir()
        ran = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert (ran.stdout, ran.stderr) == ("x\n", "")


@pytest.fixture
def unified(tmp_path: Path) -> Path:
    """A machine that has groups of version 2 alone, as its files tell; we are in ``/user.slice/session``."""
    groups, proc = tmp_path / "groups", tmp_path / "proc"
    own = groups / "user.slice" / "session"
    own.mkdir(parents=True)
    proc.mkdir()
    (proc / "cgroup").write_text("0::/user.slice/session\n")
    (proc / "mountinfo").write_text(f"31 23 0:28 / {groups} rw,nosuid shared:4 - cgroup2 cgroup2 rw\n")
    (groups / "cgroup.subtree_control").write_text("cpu memory pids\n")
    (groups / "user.slice" / "cgroup.subtree_control").write_text("memory pids\n")
    (own / "cgroup.subtree_control").write_text("\n")
    (own / "memory.max").write_text("max\n")
    (own / "cpu.max").write_text("max 100000\n")
    return tmp_path


def test_in_version_2_a_wall_is_made_beside_our_own_group(unified: Path) -> None:
    assert _home(unified / "proc") == unified / "groups" / "user.slice"
    (unified / "groups" / "user.slice" / "session" / "cgroup.subtree_control").write_text("pids\n")
    assert _home(unified / "proc") == unified / "groups" / "user.slice" / "session"


@pytest.mark.parametrize(("name", "limit"), [("memory.max", "1073741824"), ("memory.high", "1"), ("cpu.max", "5 100")])
def test_in_version_2_no_wall_leads_out_of_a_limit(unified: Path, name: str, limit: str) -> None:
    (unified / "groups" / "user.slice" / "session" / name).write_text(f"{limit}\n")
    assert _home(unified / "proc") is None


def test_in_a_container_our_group_is_found_below_what_is_mounted(unified: Path) -> None:
    (unified / "proc" / "cgroup").write_text("0::/docker/abc/user.slice/session\n")
    (unified / "proc" / "mountinfo").write_text(
        f"31 23 0:28 /docker/abc {unified / 'groups'} rw - cgroup2 cgroup2 rw\n"
    )
    assert _home(unified / "proc") == unified / "groups" / "user.slice"


def test_where_nothing_is_mounted_there_is_no_place_for_a_wall(tmp_path: Path) -> None:
    assert _home(tmp_path) is None
