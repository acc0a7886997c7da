"""The partial sandbox, as an ordinary user: what it does keep, and what it says that it does not."""

import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import swarmtui
from swarmtui.safety import landlock
from swarmtui.safety.landlock import Landlock, _without
from swarmtui.safety.paths import PathRefused
from swarmtui.safety.sandbox import Blocked, Rlimits
from tests.safety.outside import CANARY, NOBODY, Outside, made

SYSTEM_PYTHON = "/usr/bin/python3"
pytestmark = pytest.mark.timeout(60)

_RUN = """
import json, subprocess, sys
sys.path.insert(0, sys.argv[1])
from swarmtui.safety import landlock, sandbox
if sys.executable.startswith("/usr/"):
    sandbox.python_prefixes = lambda: ()
told = json.loads(sys.argv[2])
found = landlock.probe()
if isinstance(found, sandbox.Blocked):
    print(json.dumps({"blocked": str(found)}))
    raise SystemExit
argv = found.argv([sys.executable, "-I", told["program"], json.dumps(told)], told["work"], [told["project"]])
ran = subprocess.run(argv, env={}, capture_output=True, text=True)
print(json.dumps({"ways": json.loads(ran.stdout or "{}"), "error": ran.stderr, "partial": found.partial}))
"""

KEPT = (
    "read_the_users_keys", "read_the_shadow_file", "read_the_password_file", "list_the_home_directory",
    "read_a_file_beside_the_project", "see_a_process_of_the_host", "read_an_inherited_descriptor",
    "read_the_environment_of_any_process", "read_shared_memory_of_the_host", "read_a_key_of_the_login",
    "signal_a_process_of_the_host", "trace_a_process_of_the_host", "become_root", "run_a_setuid_program",
    "gain_privileges_by_executing", "make_a_setuid_program_on_the_host", "make_a_setuid_program_in_one_go",
    "make_a_user_namespace", "make_a_user_namespace_the_new_way", "mount", "connect_to_the_hosts_loopback",
    "connect_to_an_abstract_socket", "connect_to_a_socket_outside", "send_a_datagram_away", "resolve_a_name",
    "open_a_socket_to_the_hypervisor", "go_around_filters_of_system_calls", "write_by_a_symbolic_link",
    "write_by_a_hard_link", "write_to_the_project", "make_a_file_in_the_project", "write_a_hook_of_the_project",
    "write_a_hook_of_a_writable_folder", "write_to_the_system", "write_to_the_devices", "say_what_runs_at_a_crash",
    "set_a_setting_of_the_kernel", "open_the_terminal",
)  # fmt: skip


@pytest.fixture(scope="module")
def outside() -> Iterator[Outside]:
    uid = NOBODY if os.geteuid() == 0 else os.geteuid()
    if os.geteuid() == 0 and not Path(SYSTEM_PYTHON).exists():
        pytest.skip("another user needs a Python of the system's, and there is none")
    with made(uid) as found:
        yield found


@pytest.fixture(scope="module")
def tried(outside: Outside) -> dict[str, Any]:
    package = Path(swarmtui.__file__).parent
    with tempfile.TemporaryDirectory(prefix="swarmtui-package-") as folder:
        Path(folder).chmod(0o755)
        copied = Path(folder, "swarmtui")
        copied.mkdir()
        for module in ("__init__.py", "frozen.py"):
            shutil.copy(package / module, copied)
        shutil.copytree(package / "safety", copied / "safety", ignore=shutil.ignore_patterns("__pycache__"))
        program = outside.folder / "project" / "escapes.py"
        program.write_text(Path(__file__).with_name("escapes.py").read_text())
        told = {**outside.told, "shown": [], "work": str(outside.work), "program": str(program), "ways": KEPT}
        ran = outside.run([outside.python, "-I", "-c", _RUN, folder, json.dumps(told)], {"CANARY": CANARY})
    result: dict[str, Any] = json.loads(ran.stdout) if ran.stdout else {"error": ran.stderr, "ways": {}}
    if "blocked" in result:
        pytest.skip(f"no Landlock works here: {result['blocked']}")
    return result


@pytest.mark.parametrize("way", KEPT)
def test_what_it_keeps(tried: dict[str, Any], way: str) -> None:
    if way in ("signal_a_process_of_the_host", "connect_to_an_abstract_socket") and "signals" in tried["partial"]:
        pytest.skip("this kernel's Landlock is older")
    assert tried["ways"], tried["error"]
    assert tried["ways"][way] == ""


def test_nobody_outside_heard_of_it(tried: dict[str, Any], outside: Outside) -> None:
    assert tried["partial"].startswith("modes and times of your files")
    assert outside.heard == []
    assert (outside.folder / "victim").read_text() == CANARY
    assert [path for path in outside.work.rglob("*") if path.lstat().st_mode & 0o6000] == []


def test_it_is_not_for_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert isinstance(landlock.probe(), Blocked)


def test_no_folder_of_the_users_can_be_made_writable(tmp_path: Path) -> None:
    with pytest.raises(PathRefused, match="cannot guard the hooks"):
        Landlock(7, Rlimits()).argv(["true"], tmp_path, writable=[tmp_path])


def test_what_it_does_not_keep_is_told() -> None:
    whole = Landlock(7, Rlimits(), b"filter", b"filter").partial
    assert whole == "modes and times of your files, the names of your processes are not confined"
    assert "signals to your processes" in Landlock(5, Rlimits(), b"filter", b"filter").partial
    assert "UDP, unix sockets" in Landlock(7, Rlimits()).partial
    assert "the network" in Landlock(3, Rlimits()).partial


def test_what_is_hidden_is_not_among_what_may_be_read(tmp_path: Path) -> None:
    for name in ("a.py", ".env", "src/b.py", "src/sub/x.key", "src/sub/y", ".ssh/id"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("x")
    (tmp_path / "link").symlink_to("/etc")
    secret = frozenset(str(tmp_path / name) for name in (".env", ".ssh", "src/sub/x.key"))
    read = sorted(str(Path(path).relative_to(tmp_path)) for path in _without(str(tmp_path), secret))
    assert read == ["a.py", "src/b.py", "src/sub/y"]
    assert list(_without("/usr", secret)) == ["/usr"]
