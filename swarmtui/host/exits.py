"""Exit codes: what every command ends with, each defined once."""

from __future__ import annotations

from enum import IntEnum

from swarmtui.session.vocabulary import Status


class Exit(IntEnum):
    """Exit codes of the program and of hosts."""

    OK = 0
    """Succeeded, or detached."""
    FAILED = 1
    """Finished with failures, or cancelled."""
    USAGE = 2
    """Wrong usage, or an invalid file."""
    NO_SESSION = 3
    PERMISSION = 4
    VERSION = 5
    LOST = 6
    """The connection was lost, or the host crashed."""
    WAITS = 7
    """Waits for a decision that nobody here can give."""
    DISK = 74
    """Disk full, or an I/O error."""
    TIMEOUT = 124
    """``wait --timeout`` ran out."""
    NOT_INSTALLED = 127
    """There is no swarmtui on the other machine, or no ssh on this one."""
    HUNG_UP = 129
    INTERRUPTED = 130
    SIGNALLED = 143


def of_status(status: Status) -> Exit:
    """The code with which a session that has this status, and changes no more, ends a command."""
    match status:
        case Status.SUCCEEDED:
            return Exit.OK
        case Status.FAILED | Status.CANCELLED:
            return Exit.FAILED
        case Status.CRASHED:
            return Exit.LOST
        case _:
            return Exit.WAITS
