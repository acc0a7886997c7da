"""Servers at an address, over real connections."""

import asyncio
import json
import logging
from pathlib import Path

import pytest

pytest.importorskip("mcp", reason="needs the extra: pip install 'swarmtui[mcp]'")

from swarmtui.agents.tools import ToolUnavailable
from swarmtui.plan.team import Server
from tests.agents.mcp.using import using
from tests.fakes.mcp_server_http import FakeHttp, fake_http


def at(http: FakeHttp, **fields: object) -> Server:
    return Server(url=http.url, **{"read_only": ("*",), **fields})  # type: ignore[arg-type]


@pytest.mark.parametrize("sse", [False, True])
async def test_an_agent_calls_a_tool_at_an_address(tmp_path: Path, sse: bool) -> None:
    async with fake_http(sse=sse) as http:
        async with using(tmp_path, at(http)) as session:
            results = await asyncio.gather(*(session.call("fake/echo", str(number)) for number in range(20)))
            assert [result.text for result in results] == [str(number) for number in range(20)]
        assert http.methods().count("initialize") == 1
        assert http.asked[-1][0] == "DELETE"  # the session was ended


async def test_headers_come_from_the_hosts_environment(tmp_path: Path) -> None:
    async with fake_http(needs_key="Bearer hidden") as http:
        server = at(http, headers={"Authorization": "$MCP_KEY"})
        async with using(tmp_path, server, environ={"MCP_KEY": "Bearer hidden"}) as session:
            assert (await session.call("fake/echo", "in")).text == "in"


async def test_a_server_that_wants_a_key_says_so(tmp_path: Path) -> None:
    async with fake_http(needs_key="Bearer hidden") as http, using(tmp_path, at(http)) as session:
        with pytest.raises(ToolUnavailable, match=r"HTTP 401: it wants to know who asks; set `headers:"):
            await session.source.tools("fake", "agent")


async def test_an_address_without_a_server_says_so(tmp_path: Path) -> None:
    async with fake_http() as http, using(tmp_path, Server(url=http.url + "/typo")) as session:
        with pytest.raises(ToolUnavailable, match="HTTP 404: there is no MCP server at this address"):
            await session.source.tools("fake", "agent")


async def test_an_address_that_nobody_listens_to_says_so(tmp_path: Path) -> None:
    async with fake_http() as http:
        url = http.url
    async with using(tmp_path, Server(url=url)) as session:
        with pytest.raises(ToolUnavailable, match=r"127\.0\.0\.1 cannot be reached"):
            await session.source.tools("fake", "agent")


@pytest.mark.parametrize(
    ("how", "why"),
    [
        ("500", "HTTP 500"),
        ("html", "content type: text/html"),
        ("huge", "larger than 10,485,760 bytes"),
        ("gzip", "compressed"),
        ("redirect", "not followed"),
        ("cut", "broke off"),
    ],
)
async def test_a_call_that_fails_says_why_and_costs_no_other_one(tmp_path: Path, how: str, why: str) -> None:
    async with fake_http() as http, using(tmp_path, at(http)) as session:
        tool = await session.tool("fake/echo")
        http.failing.append(how)
        result = await tool.run({"text": "x"}, session.context())
        assert not result.ok
        assert why in result.text
        assert (await tool.run({"text": "after"}, session.context())).text == "after"
        assert http.methods().count("initialize") == 1


async def test_a_connection_that_breaks_costs_one_repetition_of_what_reads(tmp_path: Path) -> None:
    async with fake_http() as http, using(tmp_path, at(http)) as session:
        tool = await session.tool("fake/echo")
        http.failing.append("drop")
        assert (await tool.run({"text": "x"}, session.context())).text == "x"
        assert http.methods().count("tools/call") == 2


async def test_what_may_change_something_is_not_repeated(tmp_path: Path) -> None:
    async with fake_http() as http, using(tmp_path, at(http, read_only=())) as session:
        tool = await session.tool("fake/echo")
        http.failing.append("drop")
        result = await tool.run({"text": "x"}, session.context())
        assert not result.ok
        assert "not repeated" in result.text
        assert http.methods().count("tools/call") == 1


async def test_a_session_that_the_server_ends_is_begun_anew(tmp_path: Path) -> None:
    async with fake_http() as http, using(tmp_path, at(http)) as session:
        tool = await session.tool("fake/echo")
        http.failing.append("gone")
        assert (await tool.run({"text": "x"}, session.context())).text == "x"
        assert http.methods().count("initialize") == 2


async def test_addresses_and_headers_are_written_nowhere(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    async with fake_http(needs_key="Bearer other") as http:
        server = at(http, headers={"Authorization": "$MCP_KEY"})
        async with using(tmp_path, server, environ={"MCP_KEY": "Bearer hidden-away"}) as session:
            with pytest.raises(ToolUnavailable) as raised:
                await session.source.tools("fake", "agent")
    assert "hidden" not in str(raised.value)
    assert http.url not in caplog.text
    assert not any(b"hidden" in path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert json.dumps(http.asked).count("hidden-away")
