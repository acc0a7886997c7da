"""``swarmtui serve``: the workbench in a browser of this machine."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from argparse import ArgumentParser, Namespace

from swarmtui.cli.console import Console
from swarmtui.host.exits import Exit

PORT = 8765


def arguments(parser: ArgumentParser) -> None:
    """The command's arguments."""
    parser.add_argument("id", metavar="ID", nargs="?", help="a session; else the list of sessions")
    parser.add_argument("--port", type=int, default=PORT, metavar="N", help=f"0 is any that is free ({PORT})")
    parser.add_argument("--read-only", action="store_true", help="of a session: look, but change nothing")
    parser.add_argument("--open", action="store_true", help="open the page in the browser")
    parser.add_argument("--json", action="store_true", help="print the link as a JSON object")


def run(arguments: Namespace, console: Console) -> int:
    """Serve until interrupted. Sessions go on whatever becomes of the page."""
    from swarmtui.cli.failures import UsageError

    if arguments.read_only and arguments.id is None:
        raise UsageError("--read-only is about one session: swarmtui serve ID --read-only")
    if not 0 <= arguments.port <= 65_535:
        raise UsageError(f"--port {arguments.port}: a port is a number from 0 to 65535")
    if arguments.id is not None:
        from swarmtui.host.address import parse_address
        from swarmtui.host.locate import locate

        if parse_address(arguments.id) is None:
            locate(arguments.id)  # an ID that is wrong is told first
    try:
        import textual_serve  # noqa: F401 - its page is what is served

        from swarmtui.web.server import Server, workbench_argv
    except ImportError:
        raise UsageError("serve needs an extra that is not installed: pip install 'swarmtui[serve]'") from None
    server = Server(workbench_argv(arguments.id, read_only=arguments.read_only))
    try:
        asyncio.run(_serve(server, arguments, console))
    except OSError as error:
        raise UsageError(
            f"port {arguments.port} cannot be had ({error.strerror}): --port 0 takes a free one"
        ) from error
    return Exit.OK


async def _serve(server: object, arguments: Namespace, console: Console) -> None:
    from swarmtui.web.server import Server, serving

    assert isinstance(server, Server)  # noqa: S101 - known by the caller; the import is not made for --help
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, ended.set)
    async with serving(server, arguments.port) as link:
        if console.json:
            console.emit({"type": "serve", "url": link})
        else:
            console.say(f"the workbench is at {link}")
            console.say("whoever has this link acts as you; ^C ends it, sessions go on")
        if arguments.open:
            import webbrowser

            with contextlib.suppress(webbrowser.Error):
                await asyncio.to_thread(webbrowser.open, link)
        await ended.wait()
