import sys
import threading
import time
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from swarmtui.agents.tools import crawl as module
from swarmtui.agents.tools.crawl import crawl
from swarmtui.agents.tools.page_text import page_text
from swarmtui.models.public_net import PublicNet
from swarmtui.safety.permissions import Effect
from tests.agents.tools.calling import refusal, text
from tests.fakes.search import FakeWeb, Reply, html

ARTICLE = """<!doctype html><html><head><title>The  title</title><style>p {}</style></head><body>
<nav><a href="/home">Home</a></nav><script>alert("no")</script>
<h1>Heading</h1><p>First <b>bold</b> text with <a href="/more?a=1#x">a link</a>.</p>
<ul><li>one<ul><li>inner</li></ul><li>two</ul>
<img src="pic (1).png" alt="A [picture]"><a href="javascript:alert(1)">click</a>
<table><tr><th>A</th><th>B</th></tr><tr><td>1</td><td>2</td></tr></table>
<pre>code
  kept</pre></body></html>"""


@pytest.fixture
async def web() -> AsyncIterator[FakeWeb]:
    async with FakeWeb() as server:
        yield server


def open_to(web: FakeWeb, **options: Any) -> PublicNet:
    return PublicNet(allow=lambda ip, port: (ip, port) == (web.host, web.port), **options)


def tool(web: FakeWeb, **options: Any) -> Any:
    return crawl(open_to(web, **options), page_text)


def test_the_text_of_a_page_is_markdown() -> None:
    title, found = page_text(ARTICLE, "http://a.example/dir/page")
    assert title == "The title"
    assert found == (
        "# Heading\n\nFirst bold text with [a link](http://a.example/more?a=1).\n\n- one\n  - inner\n- two\n\n"
        "![A (picture)](http://a.example/dir/pic%20%281%29.png)click\n\n| A | B\n| 1 | 2\n\n```\ncode\n  kept\n```"
    )


async def test_a_page_is_told_with_its_title_and_address_first(web: FakeWeb, tmp_path: Path) -> None:
    web.pages["/page"] = html(ARTICLE)
    told = await text(tool(web), tmp_path, url=web.url("/page"))
    assert told.startswith(f"# The title\n\nSource: {web.url('/page')}\n\n# Heading\n\nFirst bold")
    assert "alert" not in told
    assert "Home" not in told


def test_crawling_asks_the_network_and_is_not_to_be_trusted(web: FakeWeb) -> None:
    assert (tool(web).effect, tool(web).untrusted) == (Effect.NETWORK, True)


async def test_text_of_other_kinds_is_told_as_it_is(web: FakeWeb, tmp_path: Path) -> None:
    web.pages["/a.json"] = Reply(b'{"a": "<b>"}', 200, {"Content-Type": "application/json"})
    web.pages["/a.md"] = Reply("# ä".encode(), 200, {"Content-Type": "text/markdown"})
    web.pages["/none"] = Reply(b"plain")
    web.pages["/html"] = Reply(b"<!doctype html><p>page")
    assert (await text(tool(web), tmp_path, url=web.url("/a.json"))).endswith('\n\n{"a": "<b>"}')
    assert (await text(tool(web), tmp_path, url=web.url("/a.md"))).endswith("\n\n# ä")
    assert (await text(tool(web), tmp_path, url=web.url("/none"))).endswith("\n\nplain")
    assert (await text(tool(web), tmp_path, url=web.url("/html"))).endswith("\n\npage")


@pytest.mark.parametrize(
    ("reply", "told"),
    [
        (Reply(b"%PDF-1.7", 200, {"Content-Type": "application/pdf"}), "it is application/pdf; only web pages"),
        (Reply(b"\x89PNG\0\0", 200, {"Content-Type": "image/png"}), "it is image/png"),
        (Reply(b"\x00\x01\x02"), "it is something without a type"),
        (html("<script>only()</script>"), "there is no text on the page"),
        (html("<p>gone", 410), "the server answered 410"),
    ],
)
async def test_what_cannot_be_read_is_told(reply: Reply, told: str, web: FakeWeb, tmp_path: Path) -> None:
    web.pages["/"] = reply
    said = await refusal(tool(web), tmp_path, url=web.url("/"))
    assert told in said
    assert web.url("/") in said


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1/", "http://localhost:1/", "file:///etc/passwd", "http://169.254.169.254/"]
)
async def test_what_is_not_public_is_refused(url: str, web: FakeWeb, tmp_path: Path) -> None:
    assert url in await refusal(tool(web), tmp_path, url=url)
    assert web.accepted == 0


async def test_a_page_that_is_too_long_is_cut_and_says_so(web: FakeWeb, tmp_path: Path) -> None:
    web.pages["/"] = html("<p>" + "word " * 40_000)
    told = await text(tool(web, cap=100_000), tmp_path, url=web.url("/"))
    assert len(told) < 50_000
    assert "characters left out]" in told
    assert told.endswith("(The page goes on; only its beginning was read.)")


@pytest.mark.parametrize(
    "piece", ["<a ", "<!", "<!--", "<![", "&", "</", "<p><ul>", "<a href=x>", "<pre>", "<svg>", "<td>\n"]
)
def test_hostile_html_is_read_in_time(piece: str) -> None:
    began = time.monotonic()
    page_text(piece * (400_000 // len(piece)), "http://a.example/", limit_s=0.1)
    assert time.monotonic() - began < 20


@settings(max_examples=50)
@given(st.text(alphabet="<>/!-=\"' &;ahrefimgscpt\n[]()", max_size=200), st.text(max_size=20))
def test_any_html_has_a_text(html: str, url: str) -> None:
    _, text = page_text(f"<p>seen</p><script>never</script>{html}", url)
    assert "seen" in text
    assert "never" not in text.replace(url, "")


async def test_a_library_that_fails_or_finds_nothing_is_done_without(
    web: FakeWeb, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any, **__: Any) -> Any:
        raise RecursionError("deep")

    web.pages["/"] = html("<title>T</title><p>text")
    for extract in (broken, lambda *_, **__: None):
        library = SimpleNamespace(extract=extract, extract_metadata=broken)
        monkeypatch.setitem(sys.modules, "trafilatura", library)
        told = await text(crawl(open_to(web), module.extracted), tmp_path, url=web.url("/"))
        assert told == f"# T\n\nSource: {web.url('/')}\n\ntext"


async def test_a_library_that_never_ends_is_left_behind(
    web: FakeWeb, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_EXTRACT_S", 0.05)
    over = threading.Event()
    web.pages["/"] = html("<p>text")
    slow = crawl(open_to(web), lambda *_: (str(over.wait(20)), ""))
    assert "could not be found in time" in await refusal(slow, tmp_path, url=web.url("/"))
    over.set()


@pytest.mark.chaos
async def test_trafilatura_finds_the_main_text(web: FakeWeb, tmp_path: Path) -> None:
    pytest.importorskip("trafilatura", reason="the extra web is not installed")
    body = "".join(f"<p>Paragraph {n} says quite a lot about <a href='/x{n}'>something</a>.</p>" for n in range(40))
    web.pages["/"] = html(f"<html><head><title>T</title></head><body><nav>Menu</nav><article>{body}</article></body>")
    told = await text(crawl(open_to(web)), tmp_path, url=web.url("/"))
    assert told.startswith(f"# T\n\nSource: {web.url('/')}\n\n")
    assert f"Paragraph 7 says quite a lot about [something]({web.url('/x7')})" in told
    assert "Menu" not in told
