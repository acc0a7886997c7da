"""One connection over ssh after another: the near end of what ``swarmtui dial-stdio`` serves on the other machine.

The first connection is made in the user's terminal, before a screen takes it, so that ssh can ask for whatever it asks
for. Those that follow a broken link ask nobody: they are processes without a terminal.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from types import TracebackType
from typing import Self, TypeVar

from swarmtui.host import asking
from swarmtui.host.address import Address
from swarmtui.host.dialling import Dialled
from swarmtui.host.ssh_call import Greeting, SshCall

Heard = TypeVar("Heard")

GREETING_S = 30.0
"""How long it may take until the other machine speaks: 15 s for ssh, 15 s for swarmtui there."""
PERSON_S = 300.0
"""The same where a person may have to type a password."""


class SshDial:
    """Connections to one session over ssh: a ``client.Dial``. Made by :func:`predial`; a context manager.

    The first one was made already, where a person could be asked. Each later one is a process of its own that asks
    nobody.
    """

    def __init__(self, address: Address, first: SshCall, greeting: Greeting, environ: Mapping[str, str]) -> None:
        self.address = address
        self.greeting = greeting
        self._first: SshCall | None = first
        self._environ = environ

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._first is not None:
            self._first.kill()

    async def __call__(self) -> Dialled:
        """One connection. Raises Unreachable."""
        call, self._first = self._first, None
        if call is None:
            call = await self._again()
        return await call.hand_over()

    async def _again(self) -> SshCall:
        call = SshCall(self.address, batch=True, again=True, environ=self._environ)
        try:
            self.greeting = await asyncio.to_thread(call.greeted, GREETING_S)
        except asyncio.CancelledError:
            call.abandon()
            raise
        except BaseException:
            call.kill()
            raise
        return call


def predial(
    address: Address,
    *,
    environ: Mapping[str, str] = os.environ,
    patience_s: float | None = None,
    batch: bool = False,
) -> SshDial:
    """Connect to the session for the first time. Blocks; ssh may ask for passwords, if there is a terminal and this is
    no `batch`: on any thread but the main one it has to be.

    The session's whole ID is known afterwards. Raises Unreachable, KeyboardInterrupt.
    """
    call = SshCall(address, batch=batch or not asking.has_terminal(), environ=environ)
    try:
        greeting = _first_word(call, call.greeted, patience_s)
    except BaseException:
        call.kill()
        raise
    call.address = replace(address, id=greeting.id)
    return SshDial(call.address, call, greeting, environ)


@contextlib.contextmanager
def called(
    address: Address, words: Sequence[str], *, environ: Mapping[str, str] = os.environ, patience_s: float | None = None
) -> Iterator[SshCall]:
    """Have ``swarmtui WORDS`` carried out over there; within the block it speaks, and nobody is asked any more.

    Raises Unreachable, KeyboardInterrupt.
    """
    with SshCall(address, words, batch=not asking.has_terminal(), environ=environ) as call:
        _first_word(call, call.heard, patience_s)
        yield call


def _first_word(call: SshCall, hear: Callable[[float], Heard], patience_s: float | None) -> Heard:
    """Wait for swarmtui there to speak, for as long as a person may take where one can be asked."""
    if call.batch:
        return hear(patience_s or GREETING_S)
    with asking.terminal_lent(call.process.pid):
        return hear(patience_s or PERSON_S)
