"""Whether this machine lets a session outlive the login that started it, and what to do where it does not.

systemd-logind ends a login's processes when that login ends if ``KillUserProcesses=`` says so (logind.conf(5)), and
those of the user's service manager, which graphical sessions run in, with the last login unless the user *lingers*
(loginctl(1)). A session of its own does not help: logind goes by control groups.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import field
from pathlib import Path

from swarmtui.frozen import mutable
from swarmtui.safety.paths import lingers, user_name

_CONFIGURATION = ("etc", "run", "usr/local/lib", "usr/lib")
"""Where systemd looks for logind.conf and for what adds to it, the first one first."""
_LOGIN_SCOPE = re.compile(r"/session-[^/]+\.scope(/|$)", re.MULTILINE)
_MANAGER = re.compile(r"/user@\d+\.service(/|$)", re.MULTILINE)
_YES = ("yes", "true", "on", "1", "y", "t")
_ENABLE = "`loginctl enable-linger`"


def ends_at_logout(root: Path = Path("/")) -> str:
    """What ends the sessions that this process starts when its user logs out, and how to mend it, in one line.

    Empty where nothing does. `root` is where the machine's files are.
    """
    groups = _read(root / "proc/self/cgroup")
    if _LOGIN_SCOPE.search(groups):
        return _of_login(root)
    if _MANAGER.search(groups) and not lingers(root):
        return f"this machine ends your sessions with your last login: {_ENABLE}, once, lets them go on"
    return ""


def _of_login(root: Path) -> str:
    found = _login_settings(root)
    if not found.kills(user_name()):
        return ""
    once = "" if lingers(root) else f"{_ENABLE}, once, and then "
    return (
        f"this machine ends what a login leaves running (KillUserProcesses=yes in {found.source}), this session too: "
        f"{once}`systemd-run --user --scope swarmtui run ...` lets sessions go on"
    )


@mutable
class _Login:
    """What logind.conf says of the processes of those who log out."""

    kill: bool = False
    source: Path = field(default_factory=Path)
    only: list[str] = field(default_factory=list)
    spared: list[str] = field(default_factory=lambda: ["root"])

    def kills(self, user: str) -> bool:
        return self.kill and user not in self.spared and (not self.only or user in self.only)


def _login_settings(root: Path) -> _Login:
    found = _Login()
    for path in _files(root):
        text = _read(path)
        if path.name == "logind.conf":  # as it comes with systemd it has what was built in, commented out
            for name, value in re.findall(r"^[ \t#]*(KillUserProcesses)[ \t]*=[ \t]*(\S*)", text, re.MULTILINE)[:1]:
                _set(found, name, value, path)
        for name, value in re.findall(r"^[ \t]*(Kill\w+)[ \t]*=[ \t]*(.*?)[ \t]*$", text, re.MULTILINE):
            _set(found, name, value, path)
    return found


def _set(found: _Login, name: str, value: str, path: Path) -> None:
    match name:
        case "KillUserProcesses":
            found.kill, found.source = value.lower() in _YES, path
        case "KillOnlyUsers":
            found.only = [*found.only, *value.split()] if value else []
        case "KillExcludeUsers":
            found.spared = [*found.spared, *value.split()] if value else []


def _files(root: Path) -> Iterator[Path]:
    """The files that count, in the order in which later ones win."""
    folders = [root / folder / "systemd" for folder in _CONFIGURATION]
    yield from [path for folder in folders if (path := folder / "logind.conf").is_file()][:1]
    added: dict[str, Path] = {}
    for folder in folders:
        for path in (folder / "logind.conf.d").glob("*.conf"):
            added.setdefault(path.name, path)
    yield from (added[name] for name in sorted(added))


def _read(path: Path) -> str:
    try:
        return path.read_text("utf-8", "replace")
    except OSError:
        return ""
