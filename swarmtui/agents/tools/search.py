"""``web_search``: asks ddgs, a SearXNG instance or an MCP server, and lists titles, addresses and what they say."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from importlib import import_module
from importlib.util import find_spec
from typing import Any
from urllib.parse import urlencode, urlsplit

from swarmtui.agents.tools import AgentTool, ToolContext, ToolSource, ToolUnavailable
from swarmtui.agents.tools.making import Arguments, Refused, made
from swarmtui.agents.tools.threads import in_thread
from swarmtui.frozen import frozen
from swarmtui.models.public_net import FetchFailed, PublicNet
from swarmtui.plan.model import JSON
from swarmtui.plan.team import Search
from swarmtui.safety.permissions import Effect
from swarmtui.safety.text import clean, one_line

SEARCH_S = 30.0
_MOST = 20
_SNIPPET = 600
_QUERY = 400


@frozen
class Found:
    """One result of a search."""

    title: str
    url: str
    snippet: str


Engine = Callable[[str, int, ToolContext], Awaitable[Sequence[Found] | str]]
"""Asks for a query and a number of results. Raises Refused."""


async def web_search(search: Search, net: PublicNet, servers: ToolSource | None, agent: str) -> AgentTool:
    """The tool as `search` wants it; `servers` is where an MCP server's tools come from. Raises ToolUnavailable."""
    engine = await _engine(search, net, servers, agent)
    usual = max(1, min(search.results, _MOST))

    async def act(arguments: Arguments, context: ToolContext) -> str:
        query = " ".join(clean(arguments.text("query")).split())[:_QUERY]
        if not query:
            raise Refused("query: give words to search for")
        number = arguments.number("results", usual, 1, _MOST)
        context.say(f"searching for {one_line(query, 200)}")
        found = await engine(query, number, context)
        return found if isinstance(found, str) else listed(query, found[:number])

    return made(
        "web_search",
        "Search the web. Gives a numbered list with title, address and a short excerpt of each result; read a page in "
        "full with crawl, and cite addresses as they are given.",
        {
            "query": {"type": "string", "description": "Words to search for"},
            "results": {"type": "integer", "description": f"How many results at most; {usual} if left out"},
        },
        act,
        required=("query",),
        effect=Effect.NETWORK,
        untrusted=True,
        timeout_s=SEARCH_S + 15,
    )


def listed(query: str, found: Sequence[Found]) -> str:
    """Results as a model gets them."""
    if not found:
        return f"Nothing was found for: {query}. Try fewer or other words."
    entries = (
        f"{number}. {one_line(entry.title, 300) or 'Untitled'}\n   {one_line(entry.url, 2000)}\n"
        f"   {one_line(entry.snippet, _SNIPPET)}".rstrip()
        for number, entry in enumerate(found, 1)
    )
    return "\n".join((f"Results for: {query}", "", *entries))


async def _engine(search: Search, net: PublicNet, servers: ToolSource | None, agent: str) -> Engine:
    match search.engine:
        case "searxng":
            if not search.url or urlsplit(search.url).scheme not in ("http", "https"):
                raise ToolUnavailable("web_search: searxng needs the address of an instance: search: {url: https://…}")
            return _SearXNG(search.url, _reaching(search.url, net, local=search.local))
        case "mcp":
            return await _delegate(search.tool, servers, agent)
        case "ddgs":
            if find_spec("ddgs") is None:
                raise ToolUnavailable(
                    "web_search: the engine ddgs needs an extra: pip install 'swarmtui[web]'; or name another one: "
                    "search: {engine: searxng, url: https://…}"
                )
            return _ddgs


def _reaching(url: str, net: PublicNet, *, local: bool) -> PublicNet:
    """`net`, or one that reaches the user's own instance and nothing else beside the public: its port, its machines."""
    try:
        parts = urlsplit(url)
        port = parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError:
        raise ToolUnavailable("web_search: the address of the SearXNG instance names no valid port") from None
    return net.opened(port, private=local)


class _SearXNG:
    """The JSON form of an instance's search."""

    def __init__(self, url: str, net: PublicNet) -> None:
        self._url = url.rstrip("/").removesuffix("/search")
        self._net = net

    async def __call__(self, query: str, number: int, context: ToolContext) -> Sequence[Found]:
        asked = urlencode({"q": query, "format": "json"})
        try:
            page = await self._net.fetch(f"{self._url}/search?{asked}", redirects=0)
        except FetchFailed as failed:
            raise Refused(f"the search engine did not answer: {failed}") from None
        if page.status == 403:
            raise Refused("the SearXNG instance gives no JSON: add json to search.formats in its settings.yml")
        if page.status != 200:
            raise Refused(f"the search engine answered {page.status}; try again later")
        try:
            answer = json.loads(page.text)
        except (ValueError, RecursionError):
            raise Refused("the search engine gave no JSON: is that the address of a SearXNG instance?") from None
        results = answer.get("results") if isinstance(answer, dict) else None
        return _read(results, "title", "url", "content")


async def _ddgs(query: str, number: int, context: ToolContext) -> Sequence[Found]:
    """Scrapes public search engines: best effort, they may refuse at any time."""

    def ask() -> Any:
        library: Any = import_module("ddgs")
        return library.DDGS(timeout=10).text(query, max_results=number)

    try:
        results = await in_thread(ask, SEARCH_S)
    except TimeoutError:
        raise Refused("the search took too long; try again, or with other words") from None
    except Exception as error:  # noqa: BLE001 - a library that scrapes: it may raise anything, and the model goes on
        if "no results" in str(error).lower():
            return ()
        raise Refused(
            f"the search failed ({one_line(str(error), 200)}); try again later, or with other words"
        ) from None
    return _read(results, "title", "href", "body")


async def _delegate(name: str | None, servers: ToolSource | None, agent: str) -> Engine:
    """A tool of an MCP server that takes a query."""
    if name is None or "/" not in name:
        raise ToolUnavailable("web_search: the engine mcp needs a tool: search: {engine: mcp, tool: server/tool}")
    tools = await servers.tools(name, agent) if servers is not None else ()
    if len(tools) != 1:
        raise ToolUnavailable(f"web_search: no MCP server of this task has the tool {name}")
    tool = tools[0]
    words, count = _parameters(tool)
    if words is None:
        raise ToolUnavailable(f"web_search: {name} takes no text to search for")

    async def ask(query: str, number: int, context: ToolContext) -> str:
        given: dict[str, JSON] = {words: query}
        if count is not None:
            given[count] = number
        result = await tool.run(given, context)
        if not result.ok:
            raise Refused(result.text)
        return result.text

    return ask


def _parameters(tool: AgentTool) -> tuple[str | None, str | None]:
    """Names of the parameters that take the query and the number of results."""
    schema = tool.spec.parameters
    properties = schema.get("properties") if isinstance(schema, Mapping) else None
    if not isinstance(properties, Mapping):
        return None, None
    kinds = {str(name): entry.get("type") if isinstance(entry, Mapping) else None for name, entry in properties.items()}
    texts = [name for name, kind in kinds.items() if kind == "string"]
    query = next((name for name in ("query", "q", "search", "search_query", "text") if name in texts), None)
    numbers = [name for name, kind in kinds.items() if kind in ("integer", "number")]
    usual = ("max_results", "num_results", "numResults", "count", "limit", "results", "n")
    return query or next(iter(texts), None), next((name for name in usual if name in numbers), None)


def _read(results: Any, title: str, url: str, snippet: str) -> list[Found]:
    """What a search engine gave, as far as it is what it should be."""
    found = []
    for entry in results if isinstance(results, list) else ():
        if isinstance(entry, Mapping) and isinstance(entry.get(url), str):
            texts = (entry.get(title), entry[url], entry.get(snippet))
            found.append(Found(*(text if isinstance(text, str) else "" for text in texts)))
    return found
