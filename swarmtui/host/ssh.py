"""Reaching swarmtui on another machine through the user's own ssh: its command line, and what its failures mean.

The user's program is run with the user's configuration, jump hosts, keys and agent. What it or the other machine says
when it fails becomes one line with the next step.
"""

from __future__ import annotations

import os
import shlex
import subprocess
from collections.abc import Mapping, Sequence

from swarmtui.host.address import Address
from swarmtui.host.dialling import Unreachable
from swarmtui.host.exits import Exit
from swarmtui.safety.text import clean, one_line

OPTIONS = (
    "ConnectTimeout=15",
    "ServerAliveInterval=5",
    "ServerAliveCountMax=3",
    "ClearAllForwardings=yes",
    "RemoteCommand=none",
)
"""A link that is dead is known to be after 15 s; of the user's configuration, nothing that is for a shell applies."""

REMOTE_SCRIPT = 'PATH="$PATH:$HOME/.local/bin"; exec swarmtui "$@"'
"""Run by sh, whatever the user's shell is. A command over ssh reads no profile, which is where pipx extends PATH."""

STDERR_BYTES = 4096
"""How much of the end of what ssh says is kept."""

SSH_CODES = (255, 126, 127)
"""Exit codes that are ssh's own, or the other shell's, rather than those of the command that was to be run."""

_REFUSED = ("permission denied", "too many authentication failures", "no supported authentication", "no more authent")
_UNKNOWN_KEY = ("host key verification failed", "identification has changed")


def ssh_argv(
    address: Address,
    words: Sequence[str],
    *,
    batch: bool,
    terminal: bool = False,
    environ: Mapping[str, str] = os.environ,
) -> list[str]:
    """The command that runs ``swarmtui WORDS`` on the machine of `address`.

    With `batch` nobody is asked for anything. With `terminal` it gets one there. ``SWARMTUI_SSH`` names another
    program than ssh, with its own first arguments; ``SWARMTUI_REMOTE`` says what swarmtui is called on the other
    machine.
    """
    argv = [*shlex.split(environ.get("SWARMTUI_SSH") or "ssh"), "-t" if terminal else "-T"]
    for option in (*(("BatchMode=yes",) if batch else ()), *OPTIONS):
        argv += ["-o", option]
    if address.port is not None:
        argv += ["-p", str(address.port)]
    return [*argv, "--", address.destination, remote_command(words, environ)]


def remote_command(words: Sequence[str], environ: Mapping[str, str] = os.environ) -> str:
    """What the shell of the other machine is given: its words are quoted, since that shell reads them once more."""
    called = environ.get("SWARMTUI_REMOTE")
    if called:
        return f"exec {called} {shlex.join(words)}"
    return "exec " + shlex.join(["sh", "-c", REMOTE_SCRIPT, "swarmtui", *words])


def in_terminal(address: Address, words: Sequence[str]) -> int:
    """Run ``swarmtui WORDS`` there in this terminal; the exit code. Raises Unreachable where there is no ssh."""
    argv = ssh_argv(address, words, batch=False, terminal=True)
    try:
        return subprocess.call(argv)
    except OSError as error:
        raise no_ssh(argv[0], error) from None


def no_ssh(program: str, error: OSError) -> Unreachable:
    """What to tell a user who has nothing that could be run as ssh."""
    return Unreachable(
        f"{program} cannot be run ({error.strerror}): install an ssh client, or name one in SWARMTUI_SSH",
        Exit.NOT_INSTALLED,
    )


def failure_of(
    code: int | None, stderr: str, address: Address, *, batch: bool = False, again: bool = False
) -> Unreachable | None:
    """Why ssh ended with `code`, in one line with the next step; None if it was in good order.

    `batch`: nobody could be asked. `again`: nor was anybody, for a link that had been made before.
    Its `code` is an exit code: one of 3, 4, 5 and 127 where trying again is in vain, else 6.
    """
    machine, said = address.machine, last_line(stderr)
    match code:
        case 0:
            return None
        case Exit.NO_SESSION:
            why = said.replace("`swarmtui ls`", f"`swarmtui ls --host {machine}`")
            return Unreachable(f"{machine}: {why or f'no session {address.id!r}'}", Exit.NO_SESSION)
        case Exit.PERMISSION:
            return Unreachable(f"{machine}: {said or 'permission denied'}", Exit.PERMISSION)
        case Exit.VERSION:
            return Unreachable(f"{machine}: {said or 'another version'}; {own_screen(address)}", Exit.VERSION)
        case Exit.USAGE:
            return Unreachable(
                f"{machine} has a swarmtui that is too old for this one: {said}; "
                f"`{address.by_hand} 'pipx upgrade swarmtui'` brings another, or: {own_screen(address)}",
                Exit.VERSION,
            )
        case Exit.NOT_INSTALLED | 126:  # not there, or there and cannot be run
            return Unreachable(
                f"{machine} has no swarmtui where ssh looks: `{address.by_hand} 'pipx install swarmtui'` installs it, "
                "and if it is somewhere else there, set SWARMTUI_REMOTE to its path",
                Exit.NOT_INSTALLED,
            )
        case 255 | None:
            return _of_ssh(said, stderr.lower(), address, batch=batch, again=again)
        case _ if code < 0:
            return Unreachable(f"ssh to {machine} was ended by signal {-code}", Exit.LOST)
        case _:
            return Unreachable(
                f"{machine}: swarmtui ended there with code {code}: {said or 'it said nothing'}", Exit.LOST
            )


def own_screen(address: Address) -> str:
    """The way that works whatever the versions are: the host's own screen, over ssh."""
    words = f"swarmtui attach {address.id}" if address.id else "swarmtui"
    return f"`ssh -t {address.ssh_words} {words}` opens its own screen"


def _of_ssh(said: str, lowered: str, address: Address, *, batch: bool, again: bool) -> Unreachable:
    machine, by_hand = address.machine, address.by_hand
    if any(part in lowered for part in _UNKNOWN_KEY):
        return Unreachable(
            f"{machine}: its key is not known here, or is another one than before: `{by_hand}` shows it, and says "
            f"what to do",
            Exit.PERMISSION,
        )
    if any(part in lowered for part in _REFUSED):
        if again:
            return Unreachable(
                f"{machine} lets you in only if it may ask, as `swarmtui attach {address.name}` in a terminal does",
                Exit.PERMISSION,
            )
        ask = "; if it wants a password, leave and attach again from a terminal" if batch else ""
        return Unreachable(
            f"{machine} did not let you in: {said}: see that `{by_hand}` works, and `ssh-add -l` lists your key{ask}",
            Exit.PERMISSION,
        )
    return Unreachable(f"{machine} cannot be reached: {said or 'ssh failed'}: see whether `{by_hand}` works", Exit.LOST)


def last_line(stderr: str) -> str:
    """What matters of what was said: swarmtui's own word, else the last line."""
    lines = [line.strip() for line in clean(stderr).splitlines() if line.strip()]
    own = [line.removeprefix("swarmtui: ") for line in lines if line.startswith("swarmtui: ")]
    return one_line((own or lines or [""])[-1].removeprefix("ssh: ").rstrip("."), 300)
