"""The filter of system calls for commands in the sandbox, as a program for the kernel (seccomp(2), classic BPF).

It closes what namespaces and missing capabilities leave open: families of sockets that know no network namespace
(``AF_VSOCK`` reaches the host of a virtual machine), keyrings of the user's login, io_uring (which no filter sees
into), BPF, performance counters, faults that a process handles itself, namespaces and mounts whatever the version of
bubblewrap, typing into a terminal, and files that would be setuid outside. Everything else is let through.
"""

from __future__ import annotations

import errno
import os
import platform
import struct
from functools import cache

from swarmtui.frozen import frozen

_LOAD, _RETURN = 0x20, 0x06
_EQUALS, _AT_LEAST, _ANY_OF = 0x15, 0x35, 0x45
_ALLOW, _ERRNO = 0x7FFF0000, 0x00050000
_NUMBER, _ARCHITECTURE, _ARGUMENTS = 0, 4, 16
_X32 = 0x40000000

_NAMESPACES = 0x7E020000  # CLONE_NEW*, but for CLONE_NEWTIME, which is unshare's alone
_NEWTIME = 0x80
_SETID = 0o6000
_MAKES_A_FILE = 0x40 | 0x400000  # O_CREAT, __O_TMPFILE
_FAMILIES = (1, 2, 10, 16)  # AF_UNIX, AF_INET, AF_INET6, AF_NETLINK
_TYPING = (0x5412, 0x541C)  # TIOCSTI, TIOCLINUX


@frozen
class _Test:
    """What an argument of a call has to be for a rule to hold: its low word has any bit of `mask`, or equals."""

    argument: int
    mask: int = 0
    equals: int | None = None


@frozen
class _Rule:
    """A call that fails with `error` where all tests hold."""

    call: str
    tests: tuple[_Test, ...] = ()
    error: int = errno.EPERM


_ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
_CALLS: dict[str, tuple[int | None, int | None]] = {  # on x86-64, and on what uses the generic table
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
    "open_by_handle_at": (304, 265),
    "kexec_load": (246, 104),
    "kexec_file_load": (320, 294),
    "setns": (308, 268),
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "open_tree": (428, 428),
    "move_mount": (429, 429),
    "fsopen": (430, 430),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fspick": (433, 433),
    "mount_setattr": (442, 442),
    "unshare": (272, 97),
    "clone": (56, 220),
    "clone3": (435, 435),
    "ioctl": (16, 29),
    "socket": (41, 198),
    "open": (2, None),
    "creat": (85, None),
    "openat": (257, 56),
    "openat2": (437, 437),
    "chmod": (90, None),
    "fchmod": (91, 52),
    "fchmodat": (268, 53),
    "fchmodat2": (452, 452),
    "mknod": (133, None),
    "mknodat": (259, 33),
}
_FORBIDDEN = (
    "add_key", "request_key", "keyctl", "io_uring_setup", "io_uring_enter", "io_uring_register", "bpf",
    "perf_event_open", "userfaultfd", "open_by_handle_at", "kexec_load", "kexec_file_load", "setns", "mount", "umount2",
    "pivot_root", "open_tree", "move_mount", "fsopen", "fsconfig", "fsmount", "fspick", "mount_setattr",
)  # fmt: skip
_RULES = (
    *(_Rule(call) for call in _FORBIDDEN),
    _Rule("unshare", (_Test(0, _NAMESPACES | _NEWTIME),)),
    _Rule("clone", (_Test(0, _NAMESPACES),)),
    # A filter cannot see behind the pointers of these two: programs go on with the older call.
    _Rule("clone3", error=errno.ENOSYS),
    _Rule("openat2", error=errno.ENOSYS),
    *(_Rule("ioctl", (_Test(1, equals=request),)) for request in _TYPING),
    _Rule("open", (_Test(1, _MAKES_A_FILE), _Test(2, _SETID))),
    _Rule("openat", (_Test(2, _MAKES_A_FILE), _Test(3, _SETID))),
    _Rule("creat", (_Test(1, _SETID),)),
    _Rule("chmod", (_Test(1, _SETID),)),
    _Rule("fchmod", (_Test(1, _SETID),)),
    _Rule("fchmodat", (_Test(2, _SETID),)),
    _Rule("fchmodat2", (_Test(2, _SETID),)),
    _Rule("mknod", (_Test(1, _SETID),)),
    _Rule("mknodat", (_Test(2, _SETID),)),
)


def program(machine: str | None = None, *, sockets: bool = True) -> bytes | None:
    """The filter for `machine` (default: this one); None where none is known for it.

    Without `sockets` no socket can be made at all, but for pairs.
    """
    machine = machine or platform.machine()
    architecture = _ARCHITECTURES.get(machine)
    if architecture is None:
        return None
    made = [
        *(_step(_LOAD, _ARCHITECTURE), _step(_EQUALS, architecture, 1, 0), _fail(errno.ENOSYS)),
        _step(_LOAD, _NUMBER),
    ]
    if machine == "x86_64":
        made += [_step(_AT_LEAST, _X32, 0, 1), _fail(errno.ENOSYS)]
    column = 0 if machine == "x86_64" else 1
    for rule in _RULES:
        number = _CALLS[rule.call][column]
        if number is not None:
            made += _steps(rule, number)
    made += _socket_steps(_CALLS["socket"][column] or 0, sockets=sockets)
    return b"".join([*made, _step(_RETURN, _ALLOW)])


@cache
def program_file() -> str | None:
    """Where any process of this user can read the filter as long as this process lives; None: none is known.

    The file has no name in any folder, so that nothing is left behind and nobody can swap it.
    """
    wanted = program()
    if wanted is None:
        return None
    file = os.memfd_create("swarmtui-seccomp", os.MFD_CLOEXEC)
    os.write(file, wanted)
    return f"/proc/{os.getpid()}/fd/{file}"


def _steps(rule: _Rule, number: int) -> list[bytes]:
    body: list[bytes] = []
    left = sum(2 for _ in rule.tests)
    for test in rule.tests:
        left -= 2
        to_end = left + 1  # over the tests to come and the failure
        body.append(_step(_LOAD, _ARGUMENTS + 8 * test.argument))
        if test.equals is not None:
            body.append(_step(_EQUALS, test.equals, 0, to_end))
        else:
            body.append(_step(_ANY_OF, test.mask, 0, to_end))
    body.append(_fail(rule.error))
    if rule.tests:
        body.append(_step(_LOAD, _NUMBER))
    return [_step(_EQUALS, number, 0, len(body)), *body]


def _socket_steps(number: int, *, sockets: bool) -> list[bytes]:
    if not sockets:
        return [_step(_EQUALS, number, 0, 1), _fail(errno.EACCES)]
    body = [_step(_LOAD, _ARGUMENTS)]
    for left, family in zip(reversed(range(len(_FAMILIES))), _FAMILIES, strict=True):
        body.append(_step(_EQUALS, family, left + 1, 0))
    body += [_fail(errno.EAFNOSUPPORT), _step(_LOAD, _NUMBER)]
    return [_step(_EQUALS, number, 0, len(body)), *body]


def _step(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("<HBBI", code, if_true, if_false, value)


def _fail(error: int) -> bytes:
    return _step(_RETURN, _ERRNO | error)
