"""A private sshd on loopback, as the user who runs the tests, with keys and configuration of its own.

Nothing of the user's own ssh is read or written.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

BIN = Path(sys.executable).parent
PATIENCE_S = 20.0


@dataclass
class Daemon:
    """One sshd."""

    process: subprocess.Popen[bytes]
    port: int

    def children(self) -> list[int]:
        """What it has started, and what that has started."""
        return _descendants(self.process.pid)

    def sessions(self) -> list[int]:
        """The sshd processes of connections that are open."""
        return [pid for pid in self.children() if _command(pid).startswith("sshd")]


@dataclass
class Ssh:
    """The daemons, and the configuration with which the user's ssh reaches each as a host of its own name."""

    folder: Path
    home: Path
    """``SWARMTUI_HOME`` on the other machine."""
    daemons: dict[str, Daemon] = field(default_factory=dict)

    @property
    def config(self) -> Path:
        return self.folder / "ssh_config"

    @property
    def program(self) -> str:
        """For ``SWARMTUI_SSH``."""
        return f"ssh -F {self.config}"


SETTINGS: dict[str, tuple[str, ...]] = {
    "box": (),
    "noisy": ('ForceCommand echo "welcome to a noisy machine"; printf "prompt> "; eval "$SSH_ORIGINAL_COMMAND"',),
    "strict": ("DisableForwarding yes",),
    "bare": (),
    "locked": ("AuthorizedKeysFile /nonexistent/keys",),
}


class NoSshd(Exception):
    """There is no sshd, or it lets nobody in; the text says why."""


@contextlib.contextmanager
def private_sshd() -> Iterator[Ssh]:
    """One daemon for each of :data:`SETTINGS`; ``closed`` has none, ``stranger`` another key. Raises NoSshd.

    Afterwards nothing of it is left.
    """
    sshd = shutil.which("sshd") or "/usr/sbin/sshd"
    if not Path(sshd).exists() or shutil.which("ssh") is None:
        raise NoSshd("sshd is not installed: apt install openssh-server")
    shell = pwd.getpwuid(os.getuid()).pw_shell
    if not os.access(shell, os.X_OK) or shell.endswith("nologin"):
        raise NoSshd(f"the account that runs the tests has no shell to log in to: {shell}")
    folder = Path(tempfile.mkdtemp(prefix="sw-ssh-"))
    found = Ssh(folder, folder / "home")
    try:
        _make_keys(folder)
        for name, lines in SETTINGS.items():
            found.daemons[name] = _started(sshd, folder, name, lines, found.home)
        _write_client(found)
        tried = [*found.program.split(), "box", "true"]
        done = subprocess.run(tried, capture_output=True, text=True, timeout=30, check=False)
        if done.returncode:
            raise NoSshd(f"sshd does not let this user in: {done.stderr.strip()}")
        yield found
    finally:
        for daemon in found.daemons.values():
            _end(daemon)
        _assert_nobody_is_left(folder)
        shutil.rmtree(folder)


def _make_keys(folder: Path) -> None:
    for name in ("hostkey", "other", "id"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name)], check=True)
    shutil.copy(folder / "id.pub", folder / "authorized_keys")


def _started(sshd: str, folder: Path, name: str, lines: tuple[str, ...], home: Path) -> Daemon:
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
    path = "/usr/bin:/bin" if name == "bare" else f"{BIN}:/usr/bin:/bin"
    own = f"SetEnv PATH={path} SWARMTUI_HOME={home} SWARMTUI_MODEL=simulated/instant LANG=C.UTF-8"
    if name == "bare":
        own += f" HOME={folder}/nobody"
    for _ in range(3):
        port = _free_port()
        config = folder / f"{name}.conf"
        settings = [
            *lines,
            f"Port {port}",
            "ListenAddress 127.0.0.1",
            f"HostKey {folder / 'hostkey'}",
            "PidFile none",
            f"AuthorizedKeysFile {folder / 'authorized_keys'}",
            "AuthenticationMethods publickey",
            "PasswordAuthentication no",
            "KbdInteractiveAuthentication no",
            "UsePAM no",
            "StrictModes no",
            "LogLevel VERBOSE",
            "MaxStartups 100",
            own,
        ]
        config.write_text("\n".join(settings) + "\n")
        process = subprocess.Popen(
            [sshd, "-D", "-e", "-f", str(config)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        log = Log(process, folder / f"{name}.log")
        if log.listening():
            return Daemon(process, port)
        process.kill()
        process.wait()
    raise NoSshd(f"sshd does not start: {log.path.read_text('utf-8', 'replace').strip()[-500:]}")


class Log:
    """What an sshd says, in a file; a thread writes it, until the last of its sessions has ended."""

    def __init__(self, process: subprocess.Popen[bytes], path: Path) -> None:
        self.path = path
        self._process = process
        self._listens, self._known = False, threading.Event()
        threading.Thread(target=self._keep, daemon=True).start()

    def listening(self) -> bool:
        """Wait until it listens; False where it ends instead, or takes too long."""
        return self._known.wait(PATIENCE_S) and self._listens

    def _keep(self) -> None:
        assert self._process.stderr is not None
        with self._process.stderr as said, self.path.open("wb") as file:
            for line in said:
                file.write(line)
                file.flush()
                if b"Server listening" in line:
                    self._listens = True
                    self._known.set()
        self._known.set()


def _write_client(found: Ssh) -> None:
    folder = found.folder
    key = (folder / "hostkey.pub").read_text().strip()
    other = (folder / "other.pub").read_text().strip()
    ports = {name: daemon.port for name, daemon in found.daemons.items()}
    ports |= {"closed": _free_port(), "stranger": ports["box"], "jumped": ports["box"]}
    known = [f"[127.0.0.1]:{port} {key}" for port in set(ports.values())]
    (folder / "known_hosts").write_text("\n".join([*known, f"stranger {other}"]) + "\n")
    common = [
        f"User {pwd.getpwuid(os.getuid()).pw_name}",
        f"IdentityFile {folder / 'id'}",
        "IdentitiesOnly yes",
        "IdentityAgent none",
        f"UserKnownHostsFile {folder / 'known_hosts'}",
        "GlobalKnownHostsFile /dev/null",
        "StrictHostKeyChecking yes",
    ]
    blocks = []
    for name, port in ports.items():
        more = {"stranger": ["HostKeyAlias stranger"], "jumped": ["ProxyJump box"]}.get(name, [])
        blocks.append("\n  ".join([f"Host {name}", "HostName 127.0.0.1", f"Port {port}", *more, *common]))
    found.config.write_text("\n".join(blocks) + "\n")


def _end(daemon: Daemon) -> None:
    """The listener first, then its sessions, which outlive it."""
    children = daemon.children()
    daemon.process.terminate()
    daemon.process.wait(PATIENCE_S)
    for pid in children:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def _assert_nobody_is_left(folder: Path) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while left := [pid for pid in _processes() if str(folder) in _command(pid) + _environ(pid)]:
        assert time.monotonic() < deadline, f"left of the ssh tests: {[_command(pid) for pid in left]}"
        time.sleep(0.05)  # they are grandchildren: nothing tells when they end


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _processes() -> list[int]:
    return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]


def _descendants(pid: int) -> list[int]:
    found = []
    with contextlib.suppress(OSError):
        for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
            found += [int(child), *_descendants(int(child))]
    return found


def _command(pid: int) -> str:
    return _read(pid, "cmdline").replace("\0", " ")


def _environ(pid: int) -> str:
    return "" if pid == os.getpid() else _read(pid, "environ")


def _read(pid: int, what: str) -> str:
    """Empty for one that has ended and was not waited for by whoever should."""
    try:
        return Path(f"/proc/{pid}/{what}").read_bytes().decode("utf-8", "replace")
    except OSError:
        return ""
