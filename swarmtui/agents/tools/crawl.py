"""``crawl``: a page of the public web as Markdown, with its title and its address first."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from swarmtui.agents.tools import AgentTool, ToolContext
from swarmtui.agents.tools.making import Arguments, Refused, made
from swarmtui.agents.tools.page_text import page_text
from swarmtui.agents.tools.results import head
from swarmtui.agents.tools.threads import in_thread
from swarmtui.models.public_net import FetchFailed, Page, PublicNet
from swarmtui.safety.permissions import Effect
from swarmtui.safety.text import one_line

_EXTRACT_S = 20.0
_HTML_CHARS = 2_000_000
_TEXT_CHARS = 45_000
_LEAST_CHARS = 1500
_HTML = frozenset({"text/html", "application/xhtml+xml"})
_TEXT = frozenset(
    {"application/json", "application/xml", "application/javascript", "application/yaml", "application/toml"}
)
_LOOKS_HTML = ("<!doctype html", "<html", "<head", "<body")

Extract = Callable[[str, str], tuple[str, str]]
"""Title and Markdown of a page's HTML, given its address; in a thread."""


class NoText(Exception):
    """A library found next to no text in a page."""


def crawl(net: PublicNet, extract: Extract | None = None) -> AgentTool:
    """The tool. `extract` is by default trafilatura's, where that is installed, else :func:`page_text`."""
    reads = extract or (extracted if find_spec("trafilatura") else page_text)

    async def act(arguments: Arguments, context: ToolContext) -> str:
        url = arguments.text("url")
        context.say(f"reading {one_line(url, 200)}")
        try:
            page = await net.fetch(url)
        except FetchFailed as failed:
            raise Refused(f"{one_line(url, 300)}: {failed}") from None
        if page.status >= 400:
            raise Refused(f"{one_line(page.url, 300)}: the server answered {page.status}; try another page")
        title, text = await _read(page, reads)
        if not text.strip():
            raise Refused(f"{one_line(page.url, 300)}: there is no text on the page; it may need a browser's scripts")
        note = "\n\n(The page goes on; only its beginning was read.)" if page.truncated else ""
        return (
            f"# {one_line(title, 300) or 'Untitled'}\n\nSource: {page.url}\n\n{head(text.strip(), _TEXT_CHARS)}{note}"
        )

    return made(
        "crawl",
        "Read a web page. Gives its title, its address for citation, and its text as Markdown with links and images. "
        "Only public http and https pages of text; no PDF.",
        {"url": {"type": "string", "description": "Address of the page, beginning with https:// or http://"}},
        act,
        required=("url",),
        effect=Effect.NETWORK,
        untrusted=True,
        timeout_s=60.0,
    )


async def _read(page: Page, extract: Extract) -> tuple[str, str]:
    """Title and text. Raises Refused."""
    start = page.text[:2000].lstrip().lower()
    if page.content_type in _HTML or (not page.content_type and start.startswith(_LOOKS_HTML)):
        return await _extracted(page, extract)
    if (
        page.content_type.startswith("text/")
        or page.content_type in _TEXT
        or page.content_type.endswith(("+json", "+xml"))
    ):
        return page.url.rpartition("/")[2], page.text
    if not page.content_type and "\0" not in page.text and "\ufffd" not in page.text[:2000]:
        return page.url.rpartition("/")[2], page.text
    kind = one_line(page.content_type or "something without a type", 60)
    raise Refused(f"{one_line(page.url, 300)}: it is {kind}; only web pages and plain text can be read")


async def _extracted(page: Page, extract: Extract) -> tuple[str, str]:
    html = page.text[:_HTML_CHARS]
    try:
        return await in_thread(lambda: extract(html, page.url), _EXTRACT_S)
    except TimeoutError:
        raise Refused(f"{one_line(page.url, 300)}: its text could not be found in time; try another page") from None
    except NoText:
        return await in_thread(lambda: page_text(html, page.url), _EXTRACT_S)


def extracted(html: str, url: str) -> tuple[str, str]:
    """Title and main text by trafilatura (extra ``web``). Raises NoText."""
    library: Any = import_module("trafilatura")
    try:
        text = library.extract(
            html,
            url=url,
            output_format="markdown",
            include_links=True,
            include_images=True,
            include_tables=True,
            include_comments=False,
        )
        title = getattr(library.extract_metadata(html, default_url=url), "title", None)
    except Exception as error:  # whatever a library makes of a hostile page, there is another way to read it
        raise NoText from error
    if not text or len(text) < _LEAST_CHARS:
        raise NoText  # of a short page it gives words without their form, and there is little around the text
    return str(title or ""), str(text)
