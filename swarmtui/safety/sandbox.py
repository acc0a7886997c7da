"""Runs commands that nobody has read in a bubblewrap sandbox, or tells why that is impossible.

Inside, a command sees the system's programs, Python and what is bound for it, all read-only; it may write to its work
folder and a small /tmp; it has no network, no capabilities, no other processes and nothing of the user's environment.
Notes that shaped the arguments: bubblewrap keeps root's capabilities unless told otherwise, and its own environment
can be read inside at /proc/1/environ, so it is started with none (:data:`ENVIRON`) and the command's is set by it.
A variable such as LD_PRELOAD from a plan thus never reaches bubblewrap itself.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

WORK = "/ws"
"""Where a command finds its work folder."""
ENVIRON: Mapping[str, str] = MappingProxyType({})
"""The environment with which an argv of :meth:`Sandbox.argv` is to be started."""

_NOBODY = "65534"
_MIB = 1 << 20
_TMP, _SHM = "/tmp", "/dev/shm"  # noqa: S108 (the sandbox's own)
_ETC = ("alternatives", "ca-certificates", "ld.so.cache", "localtime", "pki", "ssl")
_ETC_NETWORK = ("hosts", "nsswitch.conf", "resolv.conf")
_SHARED = tuple((name,) for name in ["home", "media", "mnt", "opt", "run", "srv", "tmp", "usr", "var"])
_PRIVATE = tuple((name,) for name in ["boot", "dev", "etc", "proc", "sys"])
_NAMESPACES_FIX = (
    "allow user namespaces: kernel.unprivileged_userns_clone=1, and on Ubuntu 24.04 an AppArmor profile for bwrap"
)


@dataclass(frozen=True, slots=True)
class Rlimits:
    """What one process in the sandbox may use at most. `processes` has no effect where swarmtui runs as root."""

    memory_bytes: int = 2048 * _MIB
    cpu_s: int = 3600
    file_bytes: int = 1024 * _MIB
    files: int = 256
    processes: int = 256


@dataclass(frozen=True, slots=True)
class Blocked:
    """No sandbox works here."""

    reason: str
    fix: str

    def __str__(self) -> str:
        return f"{self.reason}; {self.fix}"


@dataclass(frozen=True, slots=True)
class Sandbox:
    """A bubblewrap that was seen to work."""

    bwrap: str
    prlimit: str = "/usr/bin/prlimit"
    disable_userns: bool = True
    """Whether this bubblewrap can forbid further user namespaces inside (0.8 and later)."""
    limits: Rlimits = field(default_factory=Rlimits)

    def argv(
        self,
        command: Sequence[str],
        workdir: str | Path,
        read_only: Sequence[str | Path] = (),
        *,
        network: bool = False,
        env: Mapping[str, str] | None = None,
        chdir: str = WORK,
    ) -> list[str]:
        """What to execute, with :data:`ENVIRON` and without further file descriptors, to run `command` inside.

        `workdir` is all that `command` may write to; it is found at :data:`WORK`. The paths in `read_only` are found
        where they are outside. `env` is added to the few variables which every command gets.
        """
        return [
            self.bwrap,
            *self._namespaces(network),
            *_system(network),
            *("--proc", "/proc", "--dev", "/dev"),
            *("--size", str(64 * _MIB), "--tmpfs", _SHM),
            *("--size", str(256 * _MIB), "--tmpfs", _TMP),
            *(word for path in (*python_prefixes(), *map(str, read_only)) for word in ("--ro-bind", path, path)),
            *("--bind", str(workdir), WORK),
            *("--remount-ro", "/dev", "--remount-ro", "/", "--chdir", chdir),
            *(word for name, value in _variables(env or {}).items() for word in ("--setenv", name, value)),
            "--",
            *self._limited(),
            *command,
        ]

    def _namespaces(self, network: bool) -> list[str]:
        words = ["--unshare-user", "--unshare-ipc", "--unshare-pid", "--unshare-uts", "--unshare-cgroup-try"]
        if not network:
            words.append("--unshare-net")
        if self.disable_userns:
            words.append("--disable-userns")
        identity = ["--uid", _NOBODY, "--gid", _NOBODY, "--hostname", "sandbox", "--cap-drop", "ALL"]
        return [*words, *identity, "--die-with-parent", "--new-session"]

    def _limited(self) -> list[str]:
        """Limits are set inside: outside, the limit on processes would count all that the user runs."""
        limits = self.limits
        return [
            self.prlimit,
            f"--as={limits.memory_bytes}",
            f"--cpu={limits.cpu_s}",
            f"--fsize={limits.file_bytes}",
            f"--nofile={limits.files}",
            f"--nproc={limits.processes}",
            "--core=0",
            "--",
        ]


def probe(bwrap: str | None = None, timeout_s: float = 10.0) -> Sandbox | Blocked:
    """A sandbox that has just run Python, or the reason why there is none. Blocks for some 50 ms.

    `bwrap` is the program to use instead of the one found.
    """
    program = bwrap or _find("bwrap")
    if program is None:
        return Blocked("bubblewrap is not installed", "install it, for example: apt install bubblewrap")
    prlimit = _find("prlimit")
    if prlimit is None:
        return Blocked("prlimit is not installed", "install it, for example: apt install util-linux")
    said = ""
    for disable_userns in (True, False):
        sandbox = Sandbox(program, prlimit, disable_userns)
        said = _try(sandbox, timeout_s)
        if not said:
            return sandbox
        if "disable-userns" not in said:
            break
    wants_namespaces = any(word in said.lower() for word in ("namespace", "uid map", "rtm_newaddr", "permi"))
    return Blocked(
        f"bubblewrap does not work here: {said}", _NAMESPACES_FIX if wants_namespaces else "see `swarmtui doctor`"
    )


def python_prefixes() -> tuple[str, ...]:
    """The folders beside /usr that the running Python needs: its virtual environment and what that is based on."""
    found = {os.path.realpath(sys.executable).rpartition("/bin/")[0]}
    for prefix in (sys.prefix, sys.base_prefix):
        found |= {prefix, os.path.realpath(prefix)}
    home = str(Path.home())
    return tuple(
        sorted(path for path in found if path.count("/") > 1 and path != home and not path.startswith("/usr/"))
    )


def too_wide(path: str | Path) -> bool:
    """Whether `path` holds more than one project, so that binding it would show keys and private files inside."""
    folder, home = Path(os.path.realpath(path)), Path(os.path.realpath(Path.home()))
    return home.is_relative_to(folder) or folder.parts[1:] in _SHARED or folder.parts[1:2] in _PRIVATE


def _system(network: bool) -> list[str]:
    words = ["--ro-bind", "/usr", "/usr"]
    for name in ("bin", "sbin", "lib", "lib32", "lib64"):
        path = Path("/", name)
        if path.is_symlink():
            words += ["--symlink", str(path.readlink()), str(path)]
        elif path.is_dir():
            words += ["--ro-bind", str(path), str(path)]
    for name in (*_ETC, *_ETC_NETWORK) if network else _ETC:
        words += ["--ro-bind-try", f"/etc/{name}", f"/etc/{name}"]
    return words


def _variables(env: Mapping[str, str]) -> dict[str, str]:
    return {
        "PATH": f"{os.path.dirname(sys.executable)}:/usr/local/bin:/usr/bin:/bin",  # noqa: PTH120 (no resolving)
        "HOME": WORK,
        "TMPDIR": _TMP,
        "LANG": "C.UTF-8",
        "TERM": "dumb",
        **env,
    }


def _find(program: str) -> str | None:
    usual = Path("/usr/bin", program)  # an AppArmor profile is bound to this path
    return str(usual) if os.access(usual, os.X_OK) else shutil.which(program)


def _try(sandbox: Sandbox, timeout_s: float) -> str:
    """Runs Python in the sandbox; what went wrong, in one line, or nothing."""
    import tempfile

    with tempfile.TemporaryDirectory(prefix="swarmtui-probe-") as folder:
        argv = sandbox.argv([sys.executable, "-I", "-S", "-c", "print(6 * 7)"], folder)
        try:
            ran = subprocess.run(
                argv, env=dict(ENVIRON), stdin=subprocess.DEVNULL, capture_output=True, timeout=timeout_s, check=False
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            return str(error)
    if ran.returncode == 0 and ran.stdout.strip() == b"42":
        return ""
    lines = ran.stderr.decode("utf-8", "replace").strip().splitlines()
    return lines[-1].removeprefix("bwrap: ") if lines else f"it ended with exit code {ran.returncode}"
