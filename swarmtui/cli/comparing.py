"""Two sessions held against each other on the screen, wherever each is: from its file here, over ssh elsewhere."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from dataclasses import replace

from swarmtui.cli.closing import standing
from swarmtui.cli.following import AnyFeed, Place, open_feed
from swarmtui.host.address import Address, parse_address
from swarmtui.host.locate import locate
from swarmtui.host.ssh_dial import SshDial, predial
from swarmtui.session.compare import Comparison, compare, output_diff
from swarmtui.tui.comparing import DiffOf

FAR_S = 30.0
DIAL_S = 25.0  # a dial gives up on its own before nobody waits for it any more
"""How long another machine may take to send what it has of a session."""


async def held(first: str, second: str) -> tuple[Comparison, DiffOf]:
    """Both sessions, by ID or ``HOST/ID``, and what reads the outputs of a node. Raises what is told in one line."""
    if parse_address(first) is None and parse_address(second) is None:
        return await _of_files(first, second)
    sides = Sides()
    try:
        async with asyncio.timeout(FAR_S):
            a, b = await sides.opened(first, second)
    except TimeoutError:
        await sides.close()
        raise TimeoutError(f"they were not there within {FAR_S:g} s; C tries again") from None
    except BaseException:
        await sides.close()
        raise
    found = compare(a[1].state, b[1].state)
    there_a, there_b = (replace(side, status=standing(*of).status) for side, of in ((found.a, a), (found.b, b)))
    return replace(found, a=there_a, b=there_b), sides


async def _of_files(first: str, second: str) -> tuple[Comparison, DiffOf]:
    from swarmtui.cli.compare import compared, output_of

    folders = await asyncio.to_thread(lambda: (locate(first), locate(second)))

    async def diff_of(node: str) -> list[str]:
        return await asyncio.to_thread(lambda: output_diff(*(output_of(folder, node) for folder in folders)))

    found, _ = await asyncio.to_thread(compared, *folders)
    return found, diff_of


class Sides:
    """The feeds of both sessions, open until :meth:`close`; called, it reads the outputs of a node."""

    def __init__(self) -> None:
        self._open = AsyncExitStack()
        self._feeds: list[AnyFeed] = []
        """In the order in which they were asked for."""
        self._closed = False

    async def opened(self, *words: str) -> list[tuple[Place, AnyFeed]]:
        """The feeds of sessions, and where they are."""
        answers = await asyncio.gather(*map(self._opened, words), return_exceptions=True)
        found = [answer for answer in answers if not isinstance(answer, BaseException)]
        for answer in answers:  # all have answered: nothing is opened any more behind an error's back
            if isinstance(answer, BaseException):
                raise answer
        self._feeds = [feed for _, feed in found]
        return found

    async def _opened(self, word: str) -> tuple[Place, AnyFeed]:
        """A feed that has all that was recorded by now: it begins with a snapshot. Nobody is asked for anything."""
        address = parse_address(word)
        place = await asyncio.to_thread(locate, word) if address is None else await self._dialled(address)
        feed = await open_feed(place, name="comparison", role="observe", max_wait_s=FAR_S)
        self._open.push_async_callback(feed.close)
        return place, feed

    async def _dialled(self, address: Address) -> Place:
        dial = await asyncio.to_thread(self._dial, address)
        self._open.enter_context(dial)
        return dial

    def _dial(self, address: Address) -> SshDial:
        dial = predial(address, patience_s=DIAL_S, batch=True)
        if self._closed:  # nobody waits for it any more
            with dial:
                pass
        return dial

    async def __call__(self, node: str) -> list[str]:
        """What differs between what the node gave."""
        texts = await asyncio.gather(*(self._output(feed, node) for feed in self._feeds))
        return await asyncio.to_thread(output_diff, *texts)

    async def _output(self, feed: AnyFeed, node: str) -> str:
        found = feed.state.nodes.get(node)
        return "" if found is None or found.output is None else await feed.output(node)

    async def close(self) -> None:
        """Leave both."""
        self._closed = True
        await self._open.aclose()
