"""Servers that others wrote, as their registries give them out today. Skipped where a registry cannot be reached."""

import asyncio
import json
import os
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

pytest.importorskip("mcp", reason="needs the extra: pip install 'swarmtui[mcp]'")

from swarmtui.agents.tools import AgentTool, ToolResult
from swarmtui.plan.team import Server
from tests.agents.mcp.using import Session

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(400)]


def install(argv: list[str], what: str) -> None:
    """Runs an installer; skips the test where that does not work."""
    if shutil.which(argv[0]) is None:
        pytest.skip(f"{argv[0]} is not installed")
    try:
        ran = subprocess.run(argv, capture_output=True, text=True, timeout=300, check=False)
    except subprocess.TimeoutExpired:
        pytest.skip(f"{what} could not be installed in time")
    if ran.returncode:
        pytest.skip(f"{what} could not be installed: {ran.stderr.strip()[-300:]}")


@pytest.fixture(scope="module")
def time_server(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A script that is ``mcp-server-time`` of PyPI."""
    folder = tmp_path_factory.mktemp("pypi")
    argv = [sys.executable, "-m", "pip", "install", "-q", "--target", str(folder / "lib"), "mcp-server-time"]
    install(argv, "mcp-server-time")
    script = folder / "time_server.py"
    script.write_text(
        f"import sys\nsys.path.insert(0, {str(folder / 'lib')!r})\nimport mcp_server_time as m\nm.main()\n"
    )
    return script


@pytest.fixture(scope="module")
def npm(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with the programs of two servers of npm."""
    folder = tmp_path_factory.mktemp("npm")
    names = ["@modelcontextprotocol/server-everything", "@modelcontextprotocol/server-filesystem"]
    install(["npm", "install", "--no-audit", "--no-fund", "--prefix", str(folder), *names], "the servers of npm")
    return folder / "node_modules" / ".bin"


@asynccontextmanager
async def serving(folder: Path, server: Server) -> AsyncIterator[tuple[Session, dict[str, AgentTool]]]:
    session = Session(folder, {"real": server})
    try:
        yield session, {tool.rule_name.partition("/")[2]: tool for tool in await session.source.tools("real", "agent")}
    finally:
        await session.source.closed()


async def call(session: Session, tool: AgentTool, **arguments: object) -> ToolResult:
    return await tool.run(arguments, session.context())


async def test_the_time_server_of_pypi(tmp_path: Path, time_server: Path) -> None:
    server = Server(command=(sys.executable, str(time_server)), read_only=("*",))
    async with serving(tmp_path, server) as (session, tools):
        assert {"get_current_time", "convert_time"} <= set(tools)
        arguments = {"source_timezone": "UTC", "time": "12:00", "target_timezone": "Asia/Tokyo"}
        result = await call(session, tools["convert_time"], **arguments)
        assert result.ok, result.text
        assert "21:00" in result.text
        result = await call(session, tools["get_current_time"], timezone="Nowhere/Land")
        assert not result.ok
        assert tools["get_current_time"].spec.name == "real__get_current_time"


async def test_the_everything_server_of_npm(tmp_path: Path, npm: Path) -> None:
    server = Server(command=(str(npm / "mcp-server-everything"),), read_only=("*",))
    async with serving(tmp_path, server) as (session, tools):
        assert (await call(session, tools["echo"], message="hello")).text == "Echo: hello"
        results = await asyncio.gather(*(call(session, tools["echo"], message=str(n)) for n in range(100)))
        assert [result.text for result in results] == [f"Echo: {n}" for n in range(100)]
        long = next(tool for name, tool in tools.items() if "long" in name.lower())
        result = await call(session, long, duration=1, steps=4)
        assert result.ok, result.text
        assert any("4/4" in said for said in session.said)
        image = next(tool for name, tool in tools.items() if "tiny" in name.lower())
        assert "[image left out: image/png" in (await call(session, image)).text
        slow = asyncio.create_task(call(session, long, duration=60, steps=4))
        await asyncio.sleep(0)
        slow.cancel()
        await asyncio.gather(slow, return_exceptions=True)
        assert (await call(session, tools["echo"], message="still")).text == "Echo: still"


async def test_the_everything_server_at_an_address(tmp_path: Path, npm: Path, free_port: int) -> None:
    environ = {"PATH": os.environ["PATH"], "PORT": str(free_port)}
    process = await asyncio.create_subprocess_exec(
        str(npm / "mcp-server-everything"),
        "streamableHttp",
        env=environ,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        await listening(free_port)
        server = Server(url=f"http://127.0.0.1:{free_port}/mcp", read_only=("*",))
        async with serving(tmp_path, server) as (session, tools):
            assert (await call(session, tools["echo"], message="hello")).text == "Echo: hello"
            long = next(tool for name, tool in tools.items() if "long" in name.lower())
            assert (await call(session, long, duration=1, steps=4)).ok
            assert any("4/4" in said for said in session.said)
    finally:
        process.kill()
        await process.wait()


async def test_the_filesystem_server_of_npm(tmp_path: Path, npm: Path) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    (shared / "a.txt").write_text("inside")
    server = Server(command=(str(npm / "mcp-server-filesystem"), str(shared)), tools=("read_text_file", "write_file"))
    async with serving(tmp_path, server) as (session, tools):
        assert set(tools) == {"read_text_file", "write_file"}
        result = await call(session, tools["read_text_file"], path=str(shared / "a.txt"))
        assert "inside" in result.text
        assert not (await call(session, tools["read_text_file"], path="/etc/passwd")).ok
        assert (await call(session, tools["write_file"], path=str(shared / "b.txt"), content="new")).ok
        assert (shared / "b.txt").read_text() == "new"
    pins = json.loads((tmp_path / "mcp/pins.json").read_text())
    (pinned,) = pins.values()
    assert set(tools) <= set(pinned)


@pytest.fixture
async def free_port() -> int:
    server = await asyncio.start_server(lambda reader, writer: None, "127.0.0.1", 0)
    port: int = server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()
    return port


async def listening(port: int) -> None:
    async with asyncio.timeout(60):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.05)
                continue
            writer.close()
            await writer.wait_closed()
            return


async def test_a_change_that_a_server_of_the_newest_protocol_tells_is_heard(tmp_path: Path) -> None:
    script = Path(__file__).parents[2] / "fakes" / "mcp_server_modern.py"
    async with serving(tmp_path, Server(command=(sys.executable, str(script)), read_only=("*",))) as (session, tools):
        assert (await call(session, tools["echo"], text="a")).text == "a"
        link = session.source._uses["real"]._link
        assert link is not None
        assert link._client is not None
        assert link._client.protocol_version == "2026-07-28"
        await call(session, tools["turn"])
        async with asyncio.timeout(30):
            while not link.stale:
                await asyncio.sleep(0.01)
        result = await call(session, tools["echo"], text="b")
        assert not result.ok
        assert "changed since the plan was approved" in result.text
