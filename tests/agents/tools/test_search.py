import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.request import urlopen

import pytest

from swarmtui.agents.tools import AgentTool, ToolContext, ToolResult, ToolUnavailable
from swarmtui.agents.tools import search as module
from swarmtui.agents.tools.search import web_search
from swarmtui.models.chat import Tool
from swarmtui.models.public_net import PublicNet
from swarmtui.plan.team import Search
from swarmtui.safety.permissions import Effect
from tests.agents.tools.calling import refusal, text
from tests.fakes.search import FakeWeb, Hit, Reply, html, moved


@pytest.fixture
async def web() -> AsyncIterator[FakeWeb]:
    async with FakeWeb() as server:
        server.found = [Hit(f"Title\n{n}", f"https://example.com/{n}", f"What   {n} says") for n in range(1, 9)]
        yield server


async def searxng(web: FakeWeb, **options: Any) -> AgentTool:
    return await web_search(Search("searxng", web.url(), local=True, **options), PublicNet(), None, "a")


async def test_results_are_a_numbered_list_with_addresses(web: FakeWeb, tmp_path: Path) -> None:
    told = await text(await searxng(web, results=2), tmp_path, query="two  words & more")
    assert told == (
        "Results for: two words & more\n\n1. Title 1\n   https://example.com/1\n   What 1 says\n"
        "2. Title 2\n   https://example.com/2\n   What 2 says"
    )
    assert web.asked == ["/search?q=two+words+%26+more&format=json"]


async def test_searching_asks_the_network_and_is_not_to_be_trusted(web: FakeWeb) -> None:
    tool = await searxng(web)
    assert (tool.effect, tool.untrusted) == (Effect.NETWORK, True)


async def test_the_number_of_results_may_be_asked_for(web: FakeWeb, tmp_path: Path) -> None:
    tool = await searxng(web)
    assert (await text(tool, tmp_path, query="x")).count("https://") == 5
    assert (await text(tool, tmp_path, query="x", results=7)).count("https://") == 7
    assert (await text(tool, tmp_path, query="x", results=700)).count("https://") == 8
    assert "whole number" in await refusal(tool, tmp_path, query="x", results=0)
    assert "give words" in await refusal(tool, tmp_path, query=" \n")


async def test_nothing_found_is_no_failure(web: FakeWeb, tmp_path: Path) -> None:
    web.found = []
    assert "Nothing was found for: x" in await text(await searxng(web), tmp_path, query="x")


@pytest.mark.parametrize(
    ("reply", "told"),
    [
        (html("forbidden", 403), "add json to search.formats"),
        (html("busy", 429), "answered 429"),
        (html("<p>page"), "gave no JSON"),
        (moved("/elsewhere"), "redirects more than 0 times"),
    ],
)
async def test_an_instance_that_does_not_answer_is_told(reply: Reply, told: str, web: FakeWeb, tmp_path: Path) -> None:
    web.pages["/search"] = reply
    assert told in await refusal(await searxng(web), tmp_path, query="x")
    assert len(web.asked) == 1


@pytest.mark.parametrize(
    "answer", ["[]", "{}", '{"results": 5}', '{"results": [1, {"url": 2}, {"title": null}]}', "[" * 99999]
)
async def test_an_odd_answer_is_no_crash(answer: str, web: FakeWeb, tmp_path: Path) -> None:
    web.pages["/search"] = Reply(answer.encode(), 200, {"Content-Type": "application/json"})
    tool = await searxng(web)
    result = await tool.run({"query": "x"}, SimpleNamespace(say=print))  # type: ignore[arg-type]
    assert "Nothing was found" in result.text or "gave no JSON" in result.text


async def test_an_instance_on_this_machine_needs_the_users_word(web: FakeWeb, tmp_path: Path) -> None:
    tool = await web_search(Search("searxng", web.url()), PublicNet(), None, "a")
    assert "not on the public internet" in await refusal(tool, tmp_path, query="x")
    assert web.accepted == 0


async def test_only_the_search_reaches_the_users_instance(web: FakeWeb) -> None:
    net = PublicNet()
    await web_search(Search("searxng", web.url(), local=True), net, None, "a")
    with pytest.raises(Exception, match="not one of the web's"):
        await net.fetch(web.url("/search"))
    assert web.accepted == 0


def ddgs(monkeypatch: pytest.MonkeyPatch, search: Any) -> None:
    library = SimpleNamespace(DDGS=lambda **_: SimpleNamespace(text=search))
    monkeypatch.setitem(sys.modules, "ddgs", library)
    monkeypatch.setattr(module, "find_spec", lambda name: name)


async def test_ddgs_is_asked_in_a_thread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ddgs(monkeypatch, lambda query, max_results: [{"title": query, "href": "https://a.example", "body": max_results}])
    tool = await web_search(Search(), PublicNet(), None, "a")
    assert await text(tool, tmp_path, query="word") == "Results for: word\n\n1. word\n   https://a.example"


@pytest.mark.parametrize(
    ("error", "told"),
    [(RuntimeError("202 Ratelimit"), "202 Ratelimit"), (ValueError("x\ny"), "x y"), (KeyError("k"), "'k'")],
)
async def test_whatever_ddgs_raises_is_a_result(
    error: Exception, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(query: str, max_results: int) -> Any:
        raise error

    ddgs(monkeypatch, fails)
    tool = await web_search(Search(), PublicNet(), None, "a")
    assert f"the search failed ({told})" in await refusal(tool, tmp_path, query="word")


async def test_ddgs_without_results_found_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def none(query: str, max_results: int) -> Any:
        raise LookupError("No results found.")

    ddgs(monkeypatch, none)
    tool = await web_search(Search(), PublicNet(), None, "a")
    assert "Nothing was found" in await text(tool, tmp_path, query="word")


class Servers:
    """A source with one tool, that tells what it was asked."""

    def __init__(self, schema: Any, ok: bool = True) -> None:
        async def run(given: Mapping[str, Any], context: ToolContext) -> ToolResult:
            return ToolResult(json.dumps(given), ok)

        self.tool = AgentTool(Tool("find", "", schema), Effect.WRITE, run)

    async def tools(self, name: str, agent: str) -> tuple[AgentTool, ...]:
        return (self.tool,) if name == "web/find" else ()

    async def close(self) -> None: ...


@pytest.mark.parametrize(
    ("properties", "asked"),
    [
        ({"query": {"type": "string"}, "count": {"type": "integer"}}, {"query": "word", "count": 5}),
        ({"lang": {"type": "string"}, "q": {"type": "string"}}, {"q": "word"}),
        ({"n": {"type": "string"}, "topic": {"type": "string"}}, {"n": "word"}),
    ],
)
async def test_a_tool_of_a_server_searches(properties: Any, asked: Any, tmp_path: Path) -> None:
    servers = Servers({"type": "object", "properties": properties})
    tool = await web_search(Search("mcp", tool="web/find"), PublicNet(), servers, "a")
    assert tool.untrusted
    assert json.loads(await text(tool, tmp_path, query="word")) == asked


async def test_a_failure_of_the_servers_tool_is_one_of_the_search(tmp_path: Path) -> None:
    servers = Servers({"properties": {"query": {"type": "string"}}}, ok=False)
    tool = await web_search(Search("mcp", tool="web/find"), PublicNet(), servers, "a")
    assert "word" in await refusal(tool, tmp_path, query="word")


@pytest.mark.parametrize(
    ("search", "told"),
    [
        (Search("searxng"), "needs the address"),
        (Search("searxng", "ftp://x"), "needs the address"),
        (Search("searxng", "http://x:99999"), "no valid port"),
        (Search("mcp"), "needs a tool"),
        (Search("mcp", tool="web/other"), "no MCP server of this task has the tool web/other"),
        (Search("mcp", tool="web/find"), "takes no text"),
        (Search(), "pip install 'swarmtui[web]'"),
    ],
)
async def test_a_search_that_cannot_be_had_says_how_to_mend_it(
    search: Search, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "find_spec", lambda name: None)
    with pytest.raises(ToolUnavailable, match=told.replace("[", r"\[")):
        await web_search(search, PublicNet(), Servers({"type": "object"}), "a")


async def test_the_local_web_runs_on_its_own(tmp_path: Path) -> None:
    (tmp_path / "page.html").write_text("<p>page")
    (tmp_path / "search.json").write_text('[{"title": "T", "url": "{web}/page.html", "content": "C"}]')
    command = [sys.executable, "-m", "tests.fakes.search", "--pages", str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        url = json.loads(process.stdout.readline())["url"]

        def ask(path: str) -> bytes:
            with urlopen(url + path) as reply:
                return bytes(reply.read())

        found = json.loads(await asyncio.to_thread(ask, "/search?q=x&format=json"))
        assert found["results"] == [{"title": "T", "url": f"{url}/page.html", "content": "C"}]
        assert await asyncio.to_thread(ask, "/page.html") == b"<p>page"
        process.stdin.close()
        assert process.wait(20) == 0
