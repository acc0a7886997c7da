"""Sessions on another machine, over a real ssh: a private sshd on loopback."""

from __future__ import annotations

import json
import socket
import subprocess

import pytest

from tests.ssh.daemons import Ssh
from tests.ssh.machines import QUICK, Machine, running, until

pytestmark = [pytest.mark.ssh, pytest.mark.timeout(180)]


@pytest.mark.parametrize("host", ["box", "noisy", "strict", "jumped"])
def test_13_a_session_is_watched_to_its_end_whatever_the_other_machine_prints_or_forbids(
    machine: Machine, host: str
) -> None:
    session = machine.session(QUICK)
    done = machine("attach", f"{host}/{session.id}", "--json")
    assert done.returncode == 0, done.stderr
    last = json.loads(done.stdout.splitlines()[-1])
    assert (last["type"], last["status"], last["counts"]) == ("summary", "succeeded", {"succeeded": 1})


@pytest.mark.parametrize(
    ("host", "code", "said"),
    [
        ("closed", 6, "cannot be reached: connect to host 127.0.0.1 port"),
        ("stranger", 4, "its key is not known here, or is another one"),
        ("locked", 4, "did not let you in"),
        ("bare", 127, "pipx install swarmtui"),
        ("nowhere.invalid", 6, "cannot be reached: Could not resolve hostname"),
    ],
)
def test_13_what_keeps_a_viewer_out_is_told_in_one_line_with_the_next_step(
    machine: Machine, host: str, code: int, said: str
) -> None:
    done = machine("attach", f"{host}/abcdefgh", "--headless")
    assert said in done.stderr
    assert f"`ssh {host}" in done.stderr
    assert done.stderr.count("\n") == 1
    assert (done.returncode, done.stdout) == (code, "")


def test_13_a_session_that_is_not_there_is_told_as_that(machine: Machine) -> None:
    done = machine("attach", "box/nobody", "--headless")
    assert (done.returncode, done.stderr.count("\n")) == (3, 1)
    assert "box: no session 'nobody': `swarmtui ls --host box`" in done.stderr


def test_a_url_with_user_and_port_reaches_the_same_machine(machine: Machine, ssh: Ssh) -> None:
    import getpass

    session = machine.ended()
    config = ssh.config.read_text().replace("Host box\n", "Host 127.0.0.1\n")
    (machine.folder / "config").write_text(config)
    machine.env["SWARMTUI_SSH"] = f"ssh -F {machine.folder / 'config'}"
    done = machine("wait", f"ssh://{getpass.getuser()}@127.0.0.1:{ssh.daemons['box'].port}/{session.id[:6]}", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["id"] == session.id


def test_14_what_a_configuration_has_for_shells_is_no_obstacle_nor_is_a_master_that_died(
    machine: Machine, ssh: Ssh
) -> None:
    session, sentinel = machine.ended(), machine.folder / "sentinel"
    control = ssh.folder / "%C"  # a short path: it is a socket's
    own = ["RequestTTY force", f"RemoteCommand touch {sentinel}", "LocalForward 1 localhost:1"]
    own += ["ControlMaster auto", f"ControlPath {control}", "ControlPersist 60", f"Include {ssh.config}"]
    config = machine.folder / "config"
    config.write_text("\n".join(own) + "\n")
    machine.env["SWARMTUI_SSH"] = f"ssh -F {config}"
    asked = [*machine.env["SWARMTUI_SSH"].split(), "-G", "box"]
    settings = subprocess.run(asked, capture_output=True, text=True, check=True).stdout
    (path,) = [line.split()[1] for line in settings.splitlines() if line.startswith("controlpath ")]
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(path)
    try:
        for words in (["wait", f"box/{session.id}"], ["ls", "--host", "box", "--json", "--timeout", "30"]):
            done = machine(*words)  # the first one makes a connection that the second one shares
            assert done.returncode == 0, done.stderr
            assert "succeeded" in done.stdout
    finally:
        subprocess.run([*machine.env["SWARMTUI_SSH"].split(), "-O", "exit", "box"], capture_output=True, check=False)
    assert not sentinel.exists()


def test_nothing_stays_on_either_side_once_a_viewer_has_left(machine: Machine) -> None:
    session = machine.session()
    viewer = machine.start("events", f"box/{session.id}", "--follow")
    assert viewer.stdout is not None
    assert json.loads(viewer.stdout.readline())["seq"] == 1
    assert running(f"dial-stdio {session.id}")
    viewer.kill()
    viewer.communicate()
    until(lambda: not running(f"dial-stdio {session.id}"), patience_s=5)
    assert session.owned()
