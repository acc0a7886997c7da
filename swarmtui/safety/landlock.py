"""A partial sandbox where no namespaces can be had: Landlock and a filter of system calls, for an ordinary user.

A command reads the system's programs, Python and what is shown to it, and writes to its work folder, nothing else; it
makes no sockets (with network: TCP alone is what this is for, and UDP is open too), and gains no privileges. It is not
alone: see :attr:`Landlock.partial`. Hence it is used only where the user's own configuration accepts it, never for
root, whose files it could open to everybody, and nothing falls back to it by itself.

Run as a program this file puts what it was told on its own process and executes the command; it imports nothing but
the standard library then (landlock(7), prctl(2)).
"""

from __future__ import annotations

import ctypes
import errno
import json
import os
import resource
import struct
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from swarmtui.safety.sandbox import Blocked, Rlimits

_CREATE, _ADD, _RESTRICT = 444, 445, 446  # the same on every machine
_READ = 1 << 0 | 1 << 2 | 1 << 3  # execute, read a file, list a folder
_FILE = 1 << 0 | 1 << 1 | 1 << 2 | 1 << 14 | 1 << 15  # what can be said of a file: with writing, truncating, ioctl
_ALL_BY_ABI = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1, 4: (1 << 15) - 1, 5: (1 << 16) - 1}
_TCP = 0b11  # bind, connect
_SCOPES = 0b11  # abstract sockets, signals
_DEVICES = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom")


@dataclass(frozen=True, slots=True)
class Landlock:
    """A Landlock that was seen to work. Used as :class:`swarmtui.safety.sandbox.Sandbox` is."""

    abi: int
    limits: Rlimits
    filter: bytes | None = field(default=None, repr=False)
    """The filter of system calls without sockets."""
    network_filter: bytes | None = field(default=None, repr=False)

    tier: ClassVar[str] = "landlock"

    @property
    def partial(self) -> str:
        """What it does not confine, in words for the user."""
        open_still = ["modes and times of your files", "the names of your processes"]
        if self.filter is None:
            open_still += ["UDP", "unix sockets"] if self.abi >= 4 else ["the network"]
        if self.abi < 6:
            open_still.append("signals to your processes")
        return f"{', '.join(open_still)} are not confined"

    def work(self, workdir: str | Path) -> str:
        """Where a command finds its work folder: where it is outside."""
        return os.path.realpath(workdir)

    def argv(
        self,
        command: Sequence[str],
        workdir: str | Path,
        read_only: Sequence[str | Path] = (),
        *,
        writable: Sequence[str | Path] = (),
        hidden: Sequence[str | Path] = (),
        network: bool = False,
        env: Mapping[str, str] | None = None,
        chdir: str | None = None,
    ) -> list[str]:
        """As :meth:`swarmtui.safety.sandbox.Sandbox.argv`, but that nothing in a writable folder is guarded, for which
        there is no way: so `writable` is refused. Raises OSError, PathRefused.
        """
        from swarmtui.safety.paths import PathRefused
        from swarmtui.safety.sandbox import BESIDE_USR, WORK, python_prefixes, system_settings, variables

        if writable:
            raise PathRefused(f"{writable[0]}: a partial sandbox cannot guard the hooks in it; install bubblewrap")
        work = os.path.realpath(workdir, strict=True)
        here = work if chdir is None or chdir == WORK else chdir.replace(f"{WORK}/", f"{work}/", 1)
        chosen = self.network_filter if network else self.filter
        told = {
            "abi": self.abi,
            "read": ["/usr", *BESIDE_USR, *system_settings(network), *python_prefixes(), *map(str, read_only)],
            "hidden": [str(path) for path in hidden],
            "write": [work],
            "network": network,
            "filter": None if chosen is None else chosen.hex(),
            "chdir": here,
            "env": {**variables({}), "HOME": work, "TMPDIR": work, **(env or {})},
            "limits": [
                [resource.RLIMIT_AS, self.limits.memory_bytes],
                [resource.RLIMIT_CPU, self.limits.cpu_s],
                [resource.RLIMIT_FSIZE, self.limits.file_bytes],
                [resource.RLIMIT_NOFILE, self.limits.files],
                [resource.RLIMIT_CORE, 0],
            ],
        }
        return [sys.executable, "-I", "-S", __file__, json.dumps(told), *command]


def probe(timeout_s: float = 10.0) -> Landlock | Blocked:
    """A partial sandbox that has just run Python and kept it from a file, or the reason why there is none."""
    import tempfile

    from swarmtui.safety.sandbox import Blocked, Rlimits
    from swarmtui.safety.seccomp import program

    fix = "install bubblewrap, for example: apt install bubblewrap"
    if os.geteuid() == 0:
        return Blocked("Landlock does not confine root", fix)
    abi = _abi()
    if abi < 1:
        return Blocked("this kernel has no Landlock", fix)
    found = Landlock(abi, Rlimits(), program(sockets=False), program())
    with tempfile.TemporaryDirectory(prefix="swarmtui-probe-") as folder:
        work, secret = Path(folder, "work"), Path(folder, "secret")
        work.mkdir()
        secret.write_text("secret")
        code = f"print(6 * 7)\ntry: open({str(secret)!r})\nexcept PermissionError: print('kept')"
        try:
            ran = subprocess.run(
                found.argv([sys.executable, "-I", "-S", "-c", code], work),
                env={},
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=timeout_s,
                check=False,
                text=True,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            return Blocked(f"Landlock does not work here: {error}", fix)
    if ran.stdout.split() != ["42", "kept"]:
        said = (ran.stderr.strip().splitlines() or [f"it ended with exit code {ran.returncode}"])[-1]
        return Blocked(f"Landlock does not work here: {said}", fix)
    return found


def _abi() -> int:
    try:
        return _call(_CREATE, None, 0, 1)
    except OSError:
        return 0


# -- in the process of the command ----------------------------------------------------------------------------------


def confine(told: Mapping[str, Any]) -> None:
    """Put on this process what `told` says. Raises OSError."""
    for kind, wanted in told["limits"]:
        _, hard = resource.getrlimit(kind)
        most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(kind, (most, most))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(38, 1, 0, 0, 0):  # PR_SET_NO_NEW_PRIVS
        raise OSError(ctypes.get_errno(), "no_new_privs")
    read = [part for path in told["read"] for part in _without(path, frozenset(told["hidden"]))]
    _restrict(told["abi"], read, told["write"], network=told["network"])
    if told["filter"] is not None:
        _filter(libc, bytes.fromhex(told["filter"]))


def _without(path: str, hidden: frozenset[str]) -> Iterator[str]:
    """`path`, or where something in it is hidden its other parts: what is allowed cannot be forbidden further in."""
    path = os.path.realpath(path)
    if path in hidden:
        return
    if not any(one.startswith(f"{path}/") for one in hidden):
        yield path
        return
    with os.scandir(path) as listing:
        parts = [entry.path for entry in listing if not entry.is_symlink()]
    inner = frozenset(one for one in hidden if one.startswith(f"{path}/"))
    for part in parts:
        yield from _without(part, inner)


def _restrict(abi: int, read: Sequence[str], write: Sequence[str], *, network: bool) -> None:
    everything = _ALL_BY_ABI[min(abi, max(_ALL_BY_ABI))]
    attributes = struct.pack("QQQ", everything, 0 if network or abi < 4 else _TCP, _SCOPES if abi >= 6 else 0)
    size = 24 if abi >= 6 else 16 if abi >= 4 else 8
    rules = _call(_CREATE, ctypes.create_string_buffer(attributes[:size], size), size, 0)
    for paths, rights in ((read, _READ), (_DEVICES, 0b110), (write, everything)):
        for path in paths:
            _allow(rules, path, rights & everything)
    _call(_RESTRICT, rules, 0)
    os.close(rules)


def _allow(rules: int, path: str, rights: int) -> None:
    try:
        file = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    try:
        rights = rights if Path(path).is_dir() else rights & _FILE
        rule = struct.pack("=Qi", rights, file)
        _call(_ADD, rules, 1, ctypes.create_string_buffer(rule, len(rule)), 0)
    finally:
        os.close(file)


def _filter(libc: ctypes.CDLL, program: bytes) -> None:
    kept = ctypes.create_string_buffer(program, len(program))
    described = struct.pack("HxxxxxxP", len(program) // 8, ctypes.addressof(kept))
    if libc.prctl(22, 2, ctypes.create_string_buffer(described, len(described)), 0, 0):  # PR_SET_SECCOMP
        raise OSError(ctypes.get_errno(), "seccomp")


def _call(number: int, *arguments: Any) -> int:
    libc = ctypes.CDLL(None, use_errno=True)
    words = [ctypes.c_long(one) if isinstance(one, int) else one for one in arguments]
    result = int(libc.syscall(ctypes.c_long(number), *words))
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result


def _main() -> None:
    told = json.loads(sys.argv[1])
    command = sys.argv[2:]
    try:
        confine(told)
        os.chdir(told["chdir"])
        os.execvpe(command[0], command, told["env"])  # noqa: S606 - the confined command itself
    except OSError as error:
        code = 127 if error.errno == errno.ENOENT else 126
        sys.stderr.write(f"landlock: {command[0]}: {error.strerror}\n")
        raise SystemExit(code) from None


if __name__ == "__main__":
    _main()
