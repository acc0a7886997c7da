"""What is said of machines that end what a login leaves running, and where sockets lie on them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import pytest

from swarmtui.host import lodging
from swarmtui.host.lodging import ends_at_logout
from swarmtui.safety import paths
from swarmtui.safety.paths import places

LOGIN = "0::/user.slice/user-1000.slice/session-5.scope\n"
MANAGER = "0::/user.slice/user-1000.slice/user@1000.service/app.slice/terminal.scope\n"
KILLS = "[Login]\nKillUserProcesses=yes\n"


@pytest.fixture(autouse=True)
def ann(monkeypatch: pytest.MonkeyPatch) -> None:
    """root is spared by default, and tests may be run by it."""
    for module in (paths, lodging):
        monkeypatch.setattr(module, "user_name", lambda: "ann")


def machine(root: Path, group: str, files: Mapping[str, str] = MappingProxyType({}), *, lingers: bool = False) -> Path:
    """A machine with these files of systemd, each named without its ``.conf``."""
    texts = {"proc/self/cgroup": group, **{f"{name}.conf": text for name, text in files.items()}}
    if lingers:
        texts["var/lib/systemd/linger/ann"] = ""
    for name, text in texts.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


def test_03_a_site_that_kills_what_outlives_a_login_is_told_with_how_to_mend_it(tmp_path: Path) -> None:
    told = ends_at_logout(machine(tmp_path, LOGIN, {"etc/systemd/logind": KILLS}))
    assert f"KillUserProcesses=yes in {tmp_path}/etc/systemd/logind.conf" in told
    assert "loginctl enable-linger" in told
    assert "systemd-run --user --scope swarmtui run" in told
    assert "\n" not in told


def test_lingering_alone_does_not_help_a_login_whose_processes_are_killed(tmp_path: Path) -> None:
    told = ends_at_logout(machine(tmp_path, LOGIN, {"etc/systemd/logind": KILLS}, lingers=True))
    assert "enable-linger" not in told
    assert "systemd-run --user --scope" in told


@pytest.mark.parametrize(
    ("files", "kills"),
    [
        ({}, False),
        ({"etc/systemd/logind": "[Login]\n#KillUserProcesses=no\n"}, False),
        ({"usr/lib/systemd/logind": "[Login]\n#KillUserProcesses=yes\n"}, True),
        ({"usr/lib/systemd/logind": KILLS, "etc/systemd/logind": "[Login]\n"}, False),
        ({"etc/systemd/logind": "[Login]\n#KillUserProcesses=yes\nKillUserProcesses=no\n"}, False),
        ({"etc/systemd/logind.conf.d/50-site": "[Login]\nKillUserProcesses = true\n"}, True),
        ({"etc/systemd/logind.conf.d/50-site": "[Login]\n#KillUserProcesses=yes\n"}, False),
        ({"etc/systemd/logind": KILLS, "run/systemd/logind.conf.d/a": "[Login]\nKillUserProcesses=0\n"}, False),
        ({"usr/lib/systemd/logind.conf.d/a": KILLS, "etc/systemd/logind.conf.d/a": "[Login]\n"}, False),
        (
            {
                "etc/systemd/logind.conf.d/90-site": KILLS,
                "usr/lib/systemd/logind.conf.d/10-vendor": "[Login]\nKillUserProcesses=no\n",
            },
            True,
        ),
        ({"etc/systemd/logind": KILLS + "KillExcludeUsers=bob ann\n"}, False),
        ({"etc/systemd/logind": KILLS + "KillExcludeUsers=ann\nKillExcludeUsers=\n"}, True),
        ({"etc/systemd/logind": KILLS + "KillOnlyUsers=bob\n"}, False),
        ({"etc/systemd/logind": KILLS + "KillOnlyUsers=bob ann\n"}, True),
    ],
)
def test_what_logind_does_is_read_as_logind_reads_it(files: dict[str, str], kills: bool, tmp_path: Path) -> None:
    assert bool(ends_at_logout(machine(tmp_path, LOGIN, files))) is kills


def test_root_is_spared_unless_it_is_said_who_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lodging, "user_name", lambda: "root")
    files = {"etc/systemd/logind": KILLS}
    assert ends_at_logout(machine(tmp_path, LOGIN, files)) == ""
    files = {"etc/systemd/logind": KILLS + "KillExcludeUsers=\n"}
    assert "KillUserProcesses=yes" in ends_at_logout(machine(tmp_path, LOGIN, files))


@pytest.mark.parametrize("lingers", [True, False])
def test_what_a_service_manager_runs_ends_with_the_last_login_unless_its_user_lingers(
    lingers: bool, tmp_path: Path
) -> None:
    told = ends_at_logout(machine(tmp_path, MANAGER, lingers=lingers))
    assert bool(re.search("last login.*loginctl enable-linger", told)) is not lingers


def test_nothing_is_said_where_no_login_holds_the_process(tmp_path: Path) -> None:
    told = ends_at_logout(machine(tmp_path, "0::/system.slice/cron.service\n", {"etc/systemd/logind": KILLS}))
    assert told == ""
    assert ends_at_logout(tmp_path / "no such machine") == ""


@pytest.mark.parametrize("lingers", [True, False])
def test_03_a_socket_lies_in_the_directory_of_a_login_only_if_that_outlives_the_login(
    lingers: bool, tmp_path: Path
) -> None:
    runtime = machine(tmp_path, LOGIN, lingers=lingers) / "run" / "user" / "1000"
    runtime.mkdir(parents=True)
    environ = {"XDG_STATE_HOME": str(tmp_path / "state"), "XDG_RUNTIME_DIR": str(runtime)}
    kept = runtime / "swarmtui" if lingers else tmp_path / "state" / "swarmtui" / "run"
    assert places(environ, tmp_path).runtime == kept
