"""Runs commands that nobody has read in a bubblewrap sandbox, or tells why that is impossible.

Inside, a command sees the system's programs, Python and what is bound for it, all read-only; it may write to its work
folder and a small /tmp; it has no network, no capabilities, no other processes and nothing of the user's environment.
Notes that shaped the arguments: bubblewrap keeps root's capabilities unless told otherwise, and its own environment
can be read inside at /proc/1/environ, so it is started with none (:data:`ENVIRON`) and the command's is set by it.
A variable such as LD_PRELOAD from a plan thus never reaches bubblewrap itself. A shell starts it, which does nothing
but open the filter of system calls (:mod:`swarmtui.safety.seccomp`), so that whoever starts it hands on no descriptor.

There are three tiers: ``strict``, this one; ``landlock`` (:mod:`swarmtui.safety.landlock`), which confines in part and
is used only where the user's own configuration accepts that; and none, where nothing of the kind is run at all.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import field
from pathlib import Path
from types import MappingProxyType
from typing import ClassVar, Protocol

from swarmtui.frozen import frozen
from swarmtui.safety.paths import PathRefused
from swarmtui.safety.seccomp import program_file

WORK = "/ws"
"""Where a command finds its work folder."""
ENVIRON: Mapping[str, str] = MappingProxyType({})
"""The environment with which an argv of :meth:`Sandbox.argv` is to be started."""

GUARDED = (
    ".git", ".gitmodules", ".gitconfig", ".githooks", ".hg", ".hgrc", ".husky", ".swarmtui", ".claude", ".codex",
    ".gemini", ".cursor", ".mcp.json", ".vscode", ".idea", ".devcontainer", ".envrc", ".pre-commit-config.yaml",
    ".bashrc", ".bash_profile", ".profile", ".zshrc", ".zprofile", ".zshenv", ".ssh", ".npmrc",
)  # fmt: skip
"""What programs outside obey when they find it in a folder: hooks, settings, what shells run. Never writable inside."""

_NOBODY = "65534"
_DEEP, _MANY = 3, 4000  # folders within which repositories are looked for
_MIB = 1 << 20
_TMP, _SHM = "/tmp", "/dev/shm"  # noqa: S108 (the sandbox's own)
BESIDE_USR = ("/bin", "/sbin", "/lib", "/lib32", "/lib64")
"""Folders of the system's programs, or links into /usr, where that is where they are."""
_ETC = ("alternatives", "ca-certificates", "ld.so.cache", "localtime", "pki", "ssl")
_ETC_NETWORK = ("hosts", "nsswitch.conf", "resolv.conf")
_SHARED = tuple((name,) for name in ["home", "media", "mnt", "opt", "run", "srv", "tmp", "usr", "var"])
_PRIVATE = tuple((name,) for name in ["boot", "dev", "etc", "proc", "sys"])
_NAMESPACES_FIX = (
    "allow user namespaces: kernel.unprivileged_userns_clone=1, and on Ubuntu 24.04 an AppArmor profile for bwrap"
)


@frozen
class Rlimits:
    """What one process in the sandbox may use at most. `processes` has no effect where swarmtui runs as root."""

    memory_bytes: int = 2048 * _MIB
    cpu_s: int = 3600
    file_bytes: int = 1024 * _MIB
    files: int = 256
    processes: int = 256


@frozen
class Blocked:
    """No sandbox works here."""

    reason: str
    fix: str

    def __str__(self) -> str:
        return f"{self.reason}; {self.fix}"


@frozen
class Sandbox:
    """A bubblewrap that was seen to work."""

    bwrap: str
    prlimit: str = "/usr/bin/prlimit"
    disable_userns: bool = True
    """Whether this bubblewrap can forbid further user namespaces inside (0.8 and later)."""
    limits: Rlimits = field(default_factory=Rlimits)
    filter: str | None = None
    """File with the filter of system calls; None where none is known for this machine."""

    tier: ClassVar[str] = "strict"
    partial: ClassVar[str] = ""
    """What it does not confine, in words for the user."""

    def work(self, workdir: str | Path) -> str:
        """Where a command finds its work folder."""
        return WORK

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
        chdir: str = WORK,
    ) -> list[str]:
        """What to execute, with :data:`ENVIRON` and without further file descriptors, to run `command` inside.

        `workdir`, a folder for this command alone, is found at :data:`WORK`. The paths in `read_only` and the folders
        in `writable` are found where they are outside. Nothing but `workdir` and `writable` can be written to, and in
        them nothing of :data:`GUARDED` can: not what is there, and in `writable` not what is not there either, for
        which an empty folder is made outside, and stays. What is `hidden` of `read_only` is empty
        inside; none of it is below another one, and none a symbolic link. `env` is added to the few variables that
        every command gets. Raises OSError where a folder is missing, PathRefused where one of them cannot be guarded.
        """
        work, open_to_it = _resolved(workdir), [_resolved(path) for path in writable]
        return [
            *(() if self.filter is None else ("/bin/sh", "-c", 'exec "$@" 3<"$0"', self.filter)),
            self.bwrap,
            *(() if self.filter is None else ("--seccomp", "3")),
            *self._namespaces(network),
            *_system(network),
            *("--proc", "/proc", "--dev", "/dev"),
            *("--size", str(64 * _MIB), "--tmpfs", _SHM),
            *("--size", str(256 * _MIB), "--tmpfs", _TMP),
            *(word for path in (*python_prefixes(), *map(str, read_only)) for word in ("--ro-bind", path, path)),
            *(word for path in hidden for word in _emptied(str(path))),
            *("--bind", work, WORK),
            *(word for path in open_to_it for word in ("--bind", path, path)),
            *_guards(work, WORK, _present(work)),
            *(word for path in open_to_it for word in _guards(path, path, dict.fromkeys((*GUARDED, *_present(path))))),
            # /proc too: with the user id of the host's root the settings of its kernel could be written, and bubblewrap
            # covers them only where it finds their folder writable, which it never is.
            *(word for path in ("/proc", "/dev", "/") for word in ("--remount-ro", path)),
            *("--chdir", chdir),
            *(word for name, value in variables(env or {}).items() for word in ("--setenv", name, value)),
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


class AnySandbox(Protocol):
    """A sandbox of any tier. See :class:`Sandbox` for what each of these is."""

    @property
    def tier(self) -> str: ...

    @property
    def partial(self) -> str: ...

    def work(self, workdir: str | Path) -> str: ...

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
        chdir: str = WORK,
    ) -> list[str]: ...


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
        sandbox = Sandbox(program, prlimit, disable_userns, filter=program_file())
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


def _resolved(folder: str | Path) -> str:
    """`folder` without symbolic links, as it is when the command is started. Raises OSError if it is not there."""
    return os.path.realpath(folder, strict=True)


def _present(folder: str) -> list[str]:
    """What is there of :data:`GUARDED`, and of what git keeps for repositories that lie within the folder."""
    found = [name for name in GUARDED if os.path.lexists(f"{folder}/{name}")]
    return [*found, *_repositories(folder)]


def _repositories(folder: str) -> Iterator[str]:
    """``.git`` of the repositories in the folders below, as far as they are not too deep or too many."""
    seen = 0
    level = [""]
    for _ in range(_DEEP):
        below: list[str] = []
        for prefix in level:
            try:
                entries = list(os.scandir(f"{folder}/{prefix}"))
            except OSError:
                continue
            for entry in entries:
                if entry.name != ".git" and entry.is_dir(follow_symlinks=False):
                    below.append(f"{prefix}{entry.name}/")
            seen += len(entries)
            if seen > _MANY:
                return
        yield from (f"{prefix}.git" for prefix in below if os.path.lexists(f"{folder}/{prefix}.git"))
        level = below


def _guards(folder: str, inside: str, names: Iterable[str]) -> Iterator[str]:
    """Words that make `names` in `folder`, which is found at `inside`, read-only; what is not there stays empty."""
    for name in names:
        path = Path(folder, name)
        if path.is_symlink():  # a mount would land where the link leads, and the link could be swapped for a folder
            raise PathRefused(
                f"{path}: is a symbolic link, which a sandbox cannot guard; put in its place what it names"
            )
        if path.exists():
            yield from ("--ro-bind", str(path), f"{inside}/{name}")
        else:
            yield from ("--tmpfs", f"{inside}/{name}", "--remount-ro", f"{inside}/{name}")


def _emptied(path: str) -> tuple[str, ...]:
    """Words that put nothing where `path` is."""
    if not os.path.lexists(path):  # it is gone since
        return ()
    if Path(path).is_dir():
        return ("--tmpfs", path, "--remount-ro", path)
    empty = Path(__file__).parents[1] / "py.typed"
    return ("--ro-bind", str(empty) if empty.is_file() and not empty.stat().st_size else os.devnull, path)


def _system(network: bool) -> list[str]:
    words = ["--ro-bind", "/usr", "/usr"]
    for folder in BESIDE_USR:
        path = Path(folder)
        if path.is_symlink():
            words += ["--symlink", str(path.readlink()), str(path)]
        elif path.is_dir():
            words += ["--ro-bind", str(path), str(path)]
    for setting in system_settings(network):
        words += ["--ro-bind-try", setting, setting]
    return words


def system_settings(network: bool) -> list[str]:
    """What is seen of /etc, as far as it is there: what programs need to start, and with `network` to find hosts."""
    return [f"/etc/{name}" for name in ((*_ETC, *_ETC_NETWORK) if network else _ETC)]


def variables(env: Mapping[str, str]) -> dict[str, str]:
    """The environment of a command inside: what any program needs, and `env`."""
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
