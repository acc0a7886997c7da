"""The filter of system calls, carried out step by step as the kernel would, also for machines that this one is not."""

import errno
import struct

import pytest

from swarmtui.safety.seccomp import program

ALLOWED = 0x7FFF0000
X86, ARM = "x86_64", "aarch64"
ARCHITECTURES = {X86: 0xC000003E, ARM: 0xC00000B7}
SIGCHLD, NEWUSER, NEWNS = 17, 0x10000000, 0x00020000
O_CREAT, O_WRONLY = 0x40, 1


def said(
    machine: str, number: int, *arguments: int, architecture: int | None = None, sockets: bool = True
) -> int | None:
    """The error that a call fails with; None if it is let through."""
    code = program(machine, sockets=sockets)
    assert code is not None
    words = [*arguments, *[0] * (6 - len(arguments))]
    data = struct.pack("<IIQ6Q", number, architecture or ARCHITECTURES[machine], 0, *words)
    accumulator = at = 0
    while True:
        operation, if_true, if_false, value = struct.unpack_from("<HBBI", code, 8 * at)
        at += 1
        if operation == 0x20:
            (accumulator,) = struct.unpack_from("<I", data, value)
        elif operation == 0x06:
            return None if value == ALLOWED else value & 0xFFFF
        else:
            holds = {
                0x15: accumulator == value,
                0x35: accumulator >= value,
                0x45: bool(accumulator & value),
            }[operation]
            at += if_true if holds else if_false


@pytest.mark.parametrize(
    ("x86", "arm"),
    [
        (250, 219), (248, 217), (425, 425), (321, 280), (298, 241), (323, 282), (165, 40), (166, 39), (155, 41),
        (308, 268), (430, 430), (429, 429), (304, 265),
    ],
)  # fmt: skip
def test_what_no_command_needs_is_forbidden_whatever_its_arguments(x86: int, arm: int) -> None:
    for machine, number in ((X86, x86), (ARM, arm)):
        assert said(machine, number) == errno.EPERM
        assert said(machine, number, 2**64 - 1, 2**64 - 1) == errno.EPERM


def test_processes_are_made_and_namespaces_are_not() -> None:
    for machine, clone, unshare in ((X86, 56, 272), (ARM, 220, 97)):
        assert said(machine, clone, SIGCHLD) is None
        assert said(machine, clone, NEWUSER | SIGCHLD) == errno.EPERM
        assert said(machine, clone, NEWNS) == errno.EPERM
        assert said(machine, unshare, 0x400) is None  # CLONE_FILES
        assert said(machine, unshare, 0x80) == errno.EPERM  # CLONE_NEWTIME
        assert said(machine, 435) == errno.ENOSYS  # clone3: libraries go on with clone


def test_sockets_are_of_families_that_know_namespaces() -> None:
    for machine, number in ((X86, 41), (ARM, 198)):
        assert [said(machine, number, family) for family in (1, 2, 10, 16)] == [None] * 4
        assert {said(machine, number, family) for family in (0, 3, 17, 38, 40, 44)} == {errno.EAFNOSUPPORT}
        assert said(machine, number, 1, sockets=False) == errno.EACCES


def test_files_are_made_and_changed_but_not_setuid() -> None:
    assert said(X86, 257, 0, 0, O_CREAT | O_WRONLY, 0o755) is None
    assert said(X86, 257, 0, 0, O_CREAT | O_WRONLY, 0o4755) == errno.EPERM
    assert said(X86, 257, 0, 0, O_WRONLY, 0o4755) is None  # the mode means nothing then
    assert said(X86, 2, 0, O_CREAT, 0o2755) == errno.EPERM
    assert said(X86, 90, 0, 0o755) is None
    assert said(X86, 90, 0, 0o4755) == errno.EPERM
    assert said(X86, 91, 0, 0o2755) == errno.EPERM
    assert said(ARM, 53, 0, 0, 0o4755) == errno.EPERM
    assert said(ARM, 53, 0, 0, 0o755) is None


def test_nothing_is_typed_into_a_terminal() -> None:
    for machine, number in ((X86, 16), (ARM, 29)):
        assert said(machine, number, 0, 0x5412) == errno.EPERM
        assert said(machine, number, 0, 0x5412 | 7 << 32) == errno.EPERM  # the kernel looks at the low word alone
        assert said(machine, number, 0, 0x5413) is None


def test_calls_of_another_kind_of_machine_do_not_get_round_it() -> None:
    assert said(X86, 1, architecture=0x40000003) == errno.ENOSYS
    assert said(X86, 0x40000000 | 41, 40) == errno.ENOSYS
    assert said(ARM, 1, architecture=0xC000003E) == errno.ENOSYS


def test_ordinary_calls_are_let_through() -> None:
    assert [said(X86, number) for number in (0, 1, 3, 9, 39, 59, 60, 202, 231)] == [None] * 9
    assert program("riscv64") is None
