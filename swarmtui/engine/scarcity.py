"""Failures that are nobody's fault: the machine had no open file or no room left, and will have again.

What failed so is put back and tried later; it is never a failure of the attempt (back-pressure, not an error).
"""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Iterator
from enum import StrEnum

from swarmtui.session.vocabulary import ErrorInfo, ErrorKind

AGAIN_S = 1.0


class Scarcity(StrEnum):
    """What there was too little of, in words for the user."""

    FILES = "too many open files"
    DISK = "no room left on the disk"


_ERRNOS = {
    errno.EMFILE: Scarcity.FILES,
    errno.ENFILE: Scarcity.FILES,
    errno.ENOSPC: Scarcity.DISK,
    errno.EDQUOT: Scarcity.DISK,
}


def scarcity_of(error: BaseException) -> Scarcity | None:
    """What was scarce when `error`, or an error that it was raised from, arose; None if nothing was."""
    for one in _chain(error):
        if isinstance(one, socket.gaierror):
            if _no_file_left():
                return Scarcity.FILES
        elif isinstance(one, OSError) and one.errno in _ERRNOS:
            return _ERRNOS[one.errno]
    return None


def scarce_error(scarcity: Scarcity) -> ErrorInfo:
    """Like a provider's 429: put back and tried again, with less at once."""
    message = f"this machine has {scarcity.value}: put back, and tried again with less at once"
    return ErrorInfo(ErrorKind.THROTTLED, message, retry_after_s=AGAIN_S)


def _chain(error: BaseException) -> Iterator[BaseException]:
    waiting, seen = [error], set[int]()
    while waiting:
        one = waiting.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        waiting += [more for more in (one.__cause__, one.__context__) if more is not None]
        if isinstance(one, BaseExceptionGroup):
            waiting += one.exceptions


def _no_file_left() -> bool:
    """Looking a name up opens files, and does not say that it could not."""
    try:
        os.close(os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC))
    except OSError as error:
        return _ERRNOS.get(error.errno or 0) is Scarcity.FILES
    return False
