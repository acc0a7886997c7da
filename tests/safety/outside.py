"""What lies outside a sandbox in the tests of escapes, and who tells whether anything of it was reached."""

from __future__ import annotations

import contextlib
import ctypes
import hashlib
import json
import os
import pty
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from swarmtui.safety import seccomp
from swarmtui.safety.sandbox import GUARDED, Sandbox

CANARY = "canary-of-the-escapes"
NOBODY = 65534
PROGRAM = Path(__file__).with_name("escapes.py")
_SYSTEM_PYTHON = "/usr/bin/python3"

_HOST = """
import ctypes, fcntl, json, os, subprocess, sys, termios
told = json.loads(sys.argv[1])
libc = ctypes.CDLL(None)
if told["terminal"]:
    os.setsid()
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
key = libc.syscall(250 if os.uname().machine == "x86_64" else 219, 1, None)  # a keyring of its own
libc.syscall(248 if os.uname().machine == "x86_64" else 217, b"user", told["key"].encode(), b"canary", 6, -3)
file = os.open(told["secret"], os.O_RDONLY)
os.dup2(file, 9, inheritable=True)
ran = subprocess.run(told["argv"], env=told["env"], capture_output=True, pass_fds=told["fds"])
sys.stdout.buffer.write(ran.stdout)
sys.stderr.buffer.write(ran.stderr)
sys.exit(ran.returncode)
"""
_SLEEPER = """
import signal, sys
def heard(number, frame):
    with open(sys.argv[1], "a") as file:
        file.write(f"{number} ")
for number in (signal.SIGTERM, signal.SIGCONT):
    signal.signal(number, heard)
print("up", flush=True)
while True:
    signal.pause()
"""


@dataclass
class Outside:
    """Files, sockets and a process outside, all of them the user's under whom the sandbox is started."""

    folder: Path
    uid: int
    heard: list[str] = field(default_factory=list)
    told: dict[str, Any] = field(default_factory=dict)
    master: int = -1

    @property
    def python(self) -> str:
        return sys.executable if self.uid == os.geteuid() else _SYSTEM_PYTHON

    @property
    def work(self) -> Path:
        return self.folder / "work"

    @property
    def writable(self) -> Path:
        return self.folder / "writable"

    def filtered(self, sandbox: Sandbox) -> Sandbox:
        """`sandbox` with a filter that this user can read too."""
        wanted = seccomp.program()
        if wanted is None:
            return sandbox
        path = self.folder / "filter"
        path.write_bytes(wanted)
        return replace(sandbox, filter=str(path))

    def run(
        self, argv: Sequence[str], env: dict[str, str], *, fds: Sequence[int] = (), cwd: Path | str = "/"
    ) -> subprocess.CompletedProcess[str]:
        """Run `argv` as a host would, from a process that has a secret in every place where one can be inherited."""
        slave = os.open(os.ttyname(self.told["slave"]), os.O_RDWR | os.O_NOCTTY)
        told = {"argv": list(argv), "env": env, "key": CANARY, "secret": str(self.folder / "secret"), "terminal": True}
        who: dict[str, Any] = (
            {} if self.uid == os.geteuid() else {"user": self.uid, "group": self.uid, "extra_groups": []}
        )
        try:
            return subprocess.run(
                [self.python, "-I", "-c", _HOST, json.dumps(told | {"fds": list(fds)})],
                env={"CANARY": CANARY},
                stdin=slave,
                capture_output=True,
                text=True,
                timeout=120,
                check=False,
                cwd=cwd,
                **who,
            )
        finally:
            os.close(slave)

    def tree(self) -> dict[str, str]:
        """Everything outside that must stay as it is."""
        return {
            str(path.relative_to(self.folder)): _looks(path)
            for path in self.folder.rglob("*")
            if self.work not in path.parents and path.name not in ("signals", "filter")
        }

    def typed(self) -> bytes:
        """What waits in the terminal to be read by whoever reads it next."""
        slave = self.told["slave"]
        return os.read(slave, 1024) if select.select([slave], [], [], 0)[0] else b""

    def signals(self) -> str:
        path = self.folder / "signals"
        return path.read_text() if path.exists() else ""


def _looks(path: Path) -> str:
    found = path.lstat()
    held = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
    return f"{found.st_mode:o} {found.st_nlink if path.is_file() else ''} {held}"


@contextlib.contextmanager
def made(uid: int) -> Iterator[Outside]:
    """All of it, and gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="swarmtui-escapes-"))
    outside = Outside(folder, uid)
    with contextlib.ExitStack() as ending:
        ending.callback(shutil.rmtree, folder, ignore_errors=True)
        _files(outside)
        outside.master, slave = pty.openpty()
        ending.callback(os.close, outside.master)
        ending.callback(os.close, slave)
        if uid != os.geteuid():
            for path in (folder, *folder.rglob("*")):
                os.chown(path, uid, uid)
            os.chown(os.ttyname(slave), uid, -1)
        shm = Path("/dev/shm", folder.name)
        shm.write_text(CANARY)
        shm.chmod(0o644)
        ending.callback(shm.unlink, missing_ok=True)
        outside.told = {
            "folder": str(folder),
            "home": str(folder / "home"),
            "real_home": str(Path.home()),
            "project": str(folder / "project"),
            "writable": str(outside.writable),
            "absent": [".swarmtui", ".claude", ".vscode", ".husky", ".envrc", ".bashrc"],
            "canary": CANARY,
            "key": CANARY,
            "marker": f"asleep-in-{folder.name}"[::-1],  # written so that whoever is told of it does not have it
            "shm": shm.name,
            "sysv_key": _system_v(ending),
            "slave": slave,
            **_sockets(outside, ending),
            **_sleeper(outside, ending),
        }
        yield outside


def _files(outside: Outside) -> None:
    folder = outside.folder
    folder.chmod(0o755)
    for name in (
        "home/.ssh", "project/.git/hooks", "writable/.git/hooks", "writable/vendor/part/.git/hooks", "work/.git/hooks",
    ):  # fmt: skip
        (folder / name).mkdir(parents=True)
    for name in (
        "home/.ssh/id_ed25519", "secret", "victim", "project/source", "project/.git/config", "writable/.git/config",
        "writable/source",
    ):  # fmt: skip
        (folder / name).write_text(CANARY)


def _sockets(outside: Outside, ending: contextlib.ExitStack) -> dict[str, Any]:
    path = str(outside.folder / "socket")
    abstract = outside.folder.name
    listening = [socket.create_server(("0.0.0.0", 0))]
    port = listening[0].getsockname()[1]
    with contextlib.suppress(OSError):  # a machine without IPv6
        listening.append(socket.create_server(("::1", port), family=socket.AF_INET6))
    for address in (path, "\0" + abstract):
        made_here = socket.socket(socket.AF_UNIX)
        made_here.bind(address)
        made_here.listen()
        listening.append(made_here)
    os.chmod(path, 0o777)
    datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    datagrams.bind(("0.0.0.0", 0))
    closing, closed = os.pipe()

    def listen() -> None:
        watched: list[socket.socket | int] = [*listening, datagrams, closing]
        while True:
            ready, _, _ = select.select(watched, [], [])
            if closing in ready:
                return
            for one in ready:
                if one is datagrams or isinstance(one, int):
                    outside.heard.append(f"a datagram: {datagrams.recv(100)!r}")
                else:
                    connection, _ = one.accept()
                    connection.close()
                    outside.heard.append(f"a connection to {one.getsockname()!r}")

    thread = threading.Thread(target=listen)
    thread.start()

    def end() -> None:
        os.write(closed, b"x")
        thread.join()
        for one in (*listening, datagrams):
            one.close()
        os.close(closing)
        os.close(closed)

    ending.callback(end)
    return {
        "tcp": port,
        "udp": datagrams.getsockname()[1],
        "address": _own_address(),
        "socket": path,
        "abstract": abstract,
    }


def _own_address() -> str:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        try:
            asking.connect(("192.0.2.1", 9))
        except OSError:
            return "127.0.0.1"
        return str(asking.getsockname()[0])


def _sleeper(outside: Outside, ending: contextlib.ExitStack) -> dict[str, Any]:
    who: dict[str, Any] = {} if outside.uid == os.geteuid() else {"user": outside.uid, "group": outside.uid}
    sleeper = subprocess.Popen(
        [outside.python, "-I", "-c", _SLEEPER, str(outside.folder / "signals"), f"asleep-in-{outside.folder.name}"],
        stdout=subprocess.PIPE,
        cwd="/",
        **who,
    )
    assert sleeper.stdout is not None
    assert sleeper.stdout.readline() == b"up\n"

    def end() -> None:
        sleeper.send_signal(signal.SIGKILL)
        sleeper.communicate()

    ending.callback(end)
    return {"pid": sleeper.pid}


def _system_v(ending: contextlib.ExitStack) -> int:
    libc = ctypes.CDLL(None)
    key = 0x5EED0000 | (os.getpid() & 0xFFFF)
    made_here = libc.shmget(key, 4096, 0o1000 | 0o666)
    if made_here < 0:
        return 0
    ending.callback(libc.shmctl, made_here, 0, None)
    return key


def tidy(writable: Path) -> None:
    """Remove the empty folders that a sandbox made in `writable` for what was not there."""
    for name in GUARDED:
        with contextlib.suppress(OSError):  # not there, or not empty
            (writable / name).rmdir()
