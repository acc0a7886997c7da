"""What the list of sessions does with one of many: the commands of the same names, with no terminal to ask or print in.

All of it blocks, and so runs on threads; errors are told in one line beside the session.
"""

from __future__ import annotations

import asyncio
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import TYPE_CHECKING

from swarmtui.cli.beside import page_of, written
from swarmtui.cli.console import Console
from swarmtui.cli.failures import explain
from swarmtui.host.address import Address, parse_address
from swarmtui.host.exits import Exit
from swarmtui.safety.paths import replacing
from swarmtui.safety.text import one_line
from swarmtui.tui.view.bulk import Verb
from swarmtui.tui.view.sessions import Row, key_of

if TYPE_CHECKING:
    from swarmtui.host.dialling import Unreachable
    from swarmtui.plan.model import JSON

FAR_S = 90.0
"""How long another machine may take for one session: a host that starts there, a page that is made there."""

_WORDS: dict[Verb, tuple[str, Callable[[str], list[str]]]] = {
    Verb.PAUSE: ("ctl", lambda id: [id, "pause"]),
    Verb.GO_ON: ("ctl", lambda id: [id, "resume"]),
    Verb.CANCEL: ("ctl", lambda id: [id, "cancel"]),
    Verb.RETRY: ("ctl", lambda id: [id, "retry-failed"]),
    Verb.RESUME: ("resume", lambda id: [id, "--detach"]),
    Verb.REMOVE: ("rm", lambda id: ["--force", id]),
    Verb.EXPORT: ("export", lambda id: [id, "--as", "html"]),
}


class NotDone(Exception):
    """It came to nothing; the text says why, for the user."""


async def act(verb: Verb, row: Row) -> str:
    """Do it with one session; what came of it, where that is not told by the verb. Raises NotDone."""
    address = parse_address(key_of(row))
    id = str(row["id"])
    try:
        if address is not None:
            return await asyncio.to_thread(_there, verb, address)
        return await asyncio.to_thread(_here, verb, id)
    except Exception as error:
        told = explain(error)
        if told is None:
            raise
        raise NotDone(told.message) from error


def _here(verb: Verb, id: str) -> str:
    if verb is Verb.EXPORT:
        from swarmtui.cli.export import write_page
        from swarmtui.host.locate import locate

        return written(page_of(id), write_page(locate(id), page_of(id)))
    name, words_of = _WORDS[verb]
    said = _carried_out(name, words_of(id))
    return said[-1] if verb is Verb.REMOVE and said else ""


def _carried_out(name: str, words: Sequence[str]) -> list[str]:
    """What the command said. Raises NotDone, and what the command raises."""
    command = import_module(f"swarmtui.cli.{name}")
    parser = ArgumentParser(exit_on_error=False)
    command.arguments(parser)
    heard = _Heard()
    code = command.run(parser.parse_args(words, Namespace(words=[name, *words])), heard)
    if code != Exit.OK:
        raise NotDone(heard.lines[-1] if heard.lines else f"{name} ended with code {code}")
    return heard.lines


class _Heard(Console):
    """Keeps what a command says: the screen is not its own."""

    interactive = False
    can_draw = False

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def say(self, text: str = "") -> None:
        self.lines.append(one_line(text, 300))

    def raw(self, text: str) -> None:
        self.say(text)

    def emit(self, value: JSON) -> None:
        pass

    def line(self, text: str) -> None:
        pass

    def warn(self, text: str) -> None:
        self.say(text)

    def alarm(self, text: str) -> None:
        self.say(text)


def _there(verb: Verb, address: Address) -> str:
    """Have the command carried out on the machine of `address`. Raises NotDone, Unreachable, OSError."""
    name, words_of = _WORDS[verb]
    words = [name, *words_of(address.id)]
    if verb is not Verb.EXPORT:
        said = _called(address, words)
        return one_line(said.decode("utf-8", "replace"), 200) if verb is Verb.REMOVE else ""
    path = page_of(address.id)
    page = _called(address, words)
    with replacing(path) as file:
        file.write(page)
    return written(path, len(page))


def _called(address: Address, words: list[str]) -> bytes:
    from swarmtui.host.ssh import failure_of, last_line
    from swarmtui.host.ssh_call import SshCall

    try:
        with SshCall(address, words, batch=True) as call:
            call.give(b"")
            call.heard(FAR_S)
            said = b"".join(call.said(FAR_S))
            code = call.code(FAR_S)
            complaint = call.complaint
    except TimeoutError:
        raise NotDone(f"{address.machine} says nothing: what became of it is not known") from None
    if code in (Exit.OK, Exit.NO_SESSION, *range(126, 256)) or code < 0:
        failure: Unreachable | None = failure_of(code, complaint, address, batch=True)
        if failure is not None:
            raise failure
        return said
    raise NotDone(f"{address.machine}: {last_line(complaint) or f'{words[0]} ended with code {code}'}")
