"""Nothing that anybody may have written makes the crawler connect to a machine that is not public.

`WITNESS` listens on 127.0.0.1. The pages that the tests treat as public are on 127.0.0.2, opened by `allow`. All
that the process connects to is seen by an audit hook, whatever library does it.
"""

import gzip
import sys
import zlib
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Any

import pytest

from swarmtui.models.public_net import FetchFailed, Page, PublicNet
from tests.fakes.search import Drip, FakeWeb, Raw, Reply, html, moved

PUBLIC = "127.0.0.2"
_watching: list[list[str]] = []


def _hook(event: str, args: tuple[Any, ...]) -> None:
    if event == "socket.connect" and _watching and isinstance(args[1], tuple):
        _watching[-1].append(str(args[1][0]))


sys.addaudithook(_hook)


@pytest.fixture
def dialled() -> Iterator[list[str]]:
    """The addresses that anything in this process connected to."""
    _watching.append([])
    yield _watching[-1]
    _watching.pop()


@pytest.fixture
async def witness() -> AsyncIterator[FakeWeb]:
    async with FakeWeb() as server:
        server.pages["/"] = html("secret")
        yield server


@pytest.fixture
async def web(witness: FakeWeb) -> AsyncIterator[FakeWeb]:
    """At the same port as the witness."""
    async with FakeWeb(PUBLIC, witness.port) as server:
        yield server


class Names:
    """A resolver that follows a script."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        self.asked.append(host)
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


def net(port: int, names: Names | None = None, **options: Any) -> PublicNet:
    return PublicNet(allow=lambda ip, _: ip == PUBLIC, ports={80, 443, port}, resolve=names, **options)


async def failure(net: PublicNet, url: str, **options: Any) -> str:
    with pytest.raises(FetchFailed) as failed:
        await net.fetch(url, **options)
    assert "\n" not in str(failed.value)
    return str(failed.value)


HOSTS = [
    *("127.0.0.1", "127.0.0.1.", "127.1", "127.0.1", "2130706433", "0x7f000001", "0x7F.0x0.0x0.0x1", "017700000001"),
    *("0177.0.0.1", "0177.0.0.01", "127.0.0.1.0", "0", "0.0.0.0", "127.0.0.3", "127.255.255.254"),
    *("[::1]", "[::]", "[0:0:0:0:0:0:0:1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[0:0:0:0:0:ffff:127.0.0.1]"),
    *("[::127.0.0.1]", "[64:ff9b::127.0.0.1]", "[64:ff9b::7f00:1]", "[2002:7f00:1::]", "[fe80::1%25lo]", "[::1%25lo]"),
    *("localhost", "LOCALHOST", "localhost.", "localhost6", "ip6-localhost", "127。0。0。1", "①②⑦.⓪.⓪.①"),
    *("example.com@127.0.0.1", "127.0.0.1\\@example.com", "127.0.0.1%00.example.com", "127.0.0.1\t", "127.0.0.1%2f"),
    *("169.254.169.254", "[fd00:ec2::254]", "100.100.100.200", "10.0.0.1", "192.168.0.1", "172.16.0.1", "100.64.0.1"),
    *("224.0.0.1", "255.255.255.255", "168.63.129.16", "192.0.0.192", "metadata.google.internal."),
]


@pytest.mark.parametrize("host", HOSTS)
async def test_no_form_of_a_private_address_is_connected_to(
    host: str, witness: FakeWeb, dialled: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for proxy in ("http_proxy", "all_proxy"):
        monkeypatch.setenv(proxy, witness.url())
    crawler = net(witness.port, None if "local" in host.lower() else Names(["127.0.0.1"]))
    await failure(crawler, f"http://{host}:{witness.port}/")
    assert (dialled, witness.accepted) == ([], 0)


async def test_the_witness_would_have_seen_it(witness: FakeWeb, dialled: list[str]) -> None:
    crawler = PublicNet(allow=lambda ip, port: (ip, port) == ("127.0.0.1", witness.port))
    assert (await crawler.fetch(witness.url("/"))).text == "secret"
    assert (dialled, witness.accepted) == (["127.0.0.1"], 1)


@pytest.mark.parametrize(
    "addresses",
    [["127.0.0.1"], [PUBLIC, "127.0.0.1"], ["127.0.0.1", PUBLIC], ["::1"], ["fe80::1%lo"], ["::ffff:127.0.0.1"], ["x"]],
)
async def test_a_name_with_one_private_address_is_refused(
    addresses: list[str], witness: FakeWeb, web: FakeWeb, dialled: list[str]
) -> None:
    told = await failure(net(web.port, Names(addresses)), web.url("/", "pages.example"))
    assert told == "pages.example: this host is not on the public internet"
    assert (dialled, witness.accepted) == ([], 0)


async def test_a_name_that_changes_between_two_look_ups_gains_nothing(
    witness: FakeWeb, web: FakeWeb, dialled: list[str]
) -> None:
    web.pages["/"] = html("public")
    names = Names([PUBLIC], ["127.0.0.1"])
    crawler = net(web.port, names)
    assert (await crawler.fetch(web.url("/", "rebind.example"))).text == "public"
    assert names.asked == ["rebind.example"]
    await failure(crawler, web.url("/", "rebind.example"))
    assert (dialled, witness.accepted) == ([PUBLIC], 0)


async def test_a_name_that_changes_before_a_redirect_gains_nothing(
    witness: FakeWeb, web: FakeWeb, dialled: list[str]
) -> None:
    web.pages["/"] = moved("/again")
    await failure(net(web.port, Names([PUBLIC], ["127.0.0.1"])), web.url("/", "rebind.example"))
    assert (dialled, web.asked, witness.accepted) == ([PUBLIC], ["/"], 0)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("location", ["http://127.0.0.1:{port}/", "//localhost:{port}/", "http://0x7f.1:{port}/"])
async def test_a_redirect_to_a_private_address_is_not_followed(
    status: int, location: str, witness: FakeWeb, web: FakeWeb, dialled: list[str]
) -> None:
    web.pages["/"] = moved("/next", status)
    web.pages["/next"] = moved(location.format(port=web.port), status)
    await failure(net(web.port), web.url("/"))
    assert (dialled, web.asked, witness.accepted) == ([PUBLIC, PUBLIC], ["/", "/next"], 0)


@pytest.mark.parametrize(
    "location", ["file:///etc/passwd", "gopher://127.0.0.1/", "http://a@b/", "http://[", "http:\\\\x"]
)
async def test_a_redirect_to_something_else_than_a_page_is_not_followed(location: str, web: FakeWeb) -> None:
    web.pages["/"] = moved(location)
    await failure(net(web.port), web.url("/"))
    assert web.asked == ["/"]


async def test_a_redirect_that_is_allowed_is_followed(web: FakeWeb) -> None:
    web.pages["/a/"] = moved("../b?ü")
    web.pages["/b"] = html("here")
    page = await net(web.port).fetch(web.url("/a/#part"))
    assert (page.url, page.text, web.asked) == (web.url("/b?%C3%BC"), "here", ["/a/", "/b?%C3%BC"])


async def test_redirects_have_an_end(web: FakeWeb) -> None:
    web.pages["/"] = moved("/")
    assert await failure(net(web.port), web.url("/")) == "it redirects more than 5 times"
    assert len(web.asked) == 6
    assert await failure(net(web.port), web.url("/"), redirects=0) == "it redirects more than 0 times"
    assert len(web.asked) == 7


async def test_other_ports_than_the_webs_are_refused(witness: FakeWeb, dialled: list[str]) -> None:
    crawler = PublicNet(resolve=Names(["93.184.216.34"]))
    for port in (22, 25, 6379, 8080):
        assert f"port {port} is not one of the web's" in await failure(crawler, f"http://pages.example:{port}/")
    assert dialled == []


async def test_a_page_is_asked_without_anything_of_the_user(web: FakeWeb, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9/")
    web.pages["/"] = Reply(b"", 302, {"Location": "/b", "Set-Cookie": "a=b; Path=/"})
    web.pages["/b"] = html("b")
    await net(web.port, Names([PUBLIC])).fetch(web.url("/", "pages.example"))
    for head in web.heads:
        names = {line.partition(":")[0].lower() for line in head.splitlines()[1:] if line}
        assert names == {"host", "user-agent", "accept", "accept-language", "accept-encoding"}
        assert f"Host: pages.example:{web.port}\r\n" in head


async def test_a_page_that_comes_in_drops_ends_at_the_deadline(web: FakeWeb) -> None:
    web.pages["/"] = Drip()
    told = await failure(net(web.port, deadline_s=0.3), web.url("/"))
    assert told == f"{PUBLIC} had not sent it all after 0.3 s"


@pytest.mark.parametrize("coding", ["gzip", "deflate", "raw deflate", "gzip of gzips", ""])
async def test_no_more_than_the_cap_is_unpacked(coding: str, web: FakeWeb) -> None:
    many = b"0" * 20_000_000 if coding else b"0" * 2_000_000
    raw = zlib.compressobj(9, zlib.DEFLATED, -15)
    packed = {
        "gzip": lambda: gzip.compress(many),
        "deflate": lambda: zlib.compress(many),
        "raw deflate": lambda: raw.compress(many) + raw.flush(),
        "gzip of gzips": lambda: gzip.compress(b"0" * 10_000) * 300,
        "": lambda: many,
    }[coding]()
    web.pages["/"] = Reply(packed, 200, {"Content-Encoding": coding.rpartition(" ")[2].replace("gzips", "gzip")})
    page = await net(web.port, cap=1_000_000).fetch(web.url("/"))
    assert page.truncated
    assert page.body == b"0" * 1_000_000


async def test_a_stream_that_unpacks_to_nothing_has_an_end(web: FakeWeb) -> None:
    empty = zlib.compressobj(9, zlib.DEFLATED, 31)
    endless = empty.compress(b"x") + b"".join(
        empty.flush(zlib.Z_FULL_FLUSH) + b"\x00\x00\x00\xff\xff" for _ in range(40_000)
    )
    web.pages["/"] = Reply(endless, 200, {"Content-Encoding": "gzip"})
    page = await net(web.port, cap=100_000).fetch(web.url("/"))
    assert (page.body, page.truncated) == (b"x", True)


@pytest.mark.parametrize("coding", ["gzip", "deflate", "x-gzip", "identity", ""])
async def test_a_compressed_page_is_read_whole(coding: str, web: FakeWeb) -> None:
    text = "".join(f"line {number}\n" for number in range(50_000))
    pack = {"gzip": gzip.compress, "x-gzip": gzip.compress, "deflate": zlib.compress}.get(coding, bytes)
    headers = {"Content-Encoding": coding} if coding else {}
    web.pages["/"] = Reply(pack(text.encode()), 200, headers)
    page = await net(web.port).fetch(web.url("/"))
    assert (page.text, page.truncated) == (text, False)


@pytest.mark.parametrize(
    ("reply", "told"),
    [
        (Raw(b""), "broke the connection"),
        (Raw(b"SSH-2.0-OpenSSH_9.2\r\n"), "broke the connection"),
        (Raw(b"HTTP/1.1 200 OK\r\nX: " + b"a" * 300_000 + b"\r\n\r\n"), "broke the connection"),
        (Raw(b"HTTP/1.1 200 OK\r\n" + b"X: a\r\n" * 60_000 + b"\r\n"), "broke the connection"),
        (Raw(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc"), "broke the connection"),
        (Raw(b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\nabc"), "broke the connection"),
        (Reply(b"abc", 200, {"Content-Encoding": "br"}), "not asked for"),
        (Reply(b"abc", 200, {"Content-Encoding": "gzip, gzip"}), "not asked for"),
        (Reply(b"abc", 200, {"Content-Encoding": "gzip"}), "compression is broken"),
    ],
)
async def test_a_broken_reply_is_told(reply: Raw | Reply, told: str, web: FakeWeb) -> None:
    web.pages["/"] = reply
    assert told in await failure(net(web.port), web.url("/"))


async def test_a_host_that_cannot_be_reached_is_told(web: FakeWeb) -> None:
    assert "begin with https" in await failure(net(web.port), "pages.example")
    await web.__aexit__(None, None, None)
    assert "cannot be reached" in await failure(net(web.port), web.url("/"))
    assert "no such host" in await failure(net(web.port, Names([])), "http://pages.example/")


async def test_the_next_address_is_tried_where_one_does_not_answer(witness: FakeWeb, dialled: list[str]) -> None:
    crawler = PublicNet(
        allow=lambda ip, _: ip.startswith("127.0.0."), resolve=Names(["127.0.0.9", "127.0.0.8", "127.0.0.1"])
    )
    assert (await crawler.fetch(witness.url("/", "pages.example"))).status == 200
    assert dialled == ["127.0.0.9", "127.0.0.8", "127.0.0.1"]


async def test_a_host_that_does_not_speak_tls_is_told(web: FakeWeb) -> None:
    web.greeting = b"HTTP/1.1 400 Bad Request\r\n\r\n"
    assert "cannot be reached" in await failure(net(web.port), web.url("/").replace("http:", "https:"))


async def page_of(web: FakeWeb, body: bytes, **headers: str) -> Page:
    web.pages["/"] = Reply(body, 200, {name.replace("_", "-"): value for name, value in headers.items()})
    return await net(web.port).fetch(web.url("/"))


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ("é ü".encode(), "text/html"),
        ("é ü".encode(), "Text/HTML; Charset='UTF-8'"),
        ("é ü".encode("latin-1"), "text/html; charset=iso-8859-1"),
        ("é ü".encode("utf-16"), "text/html"),
        (b"<meta charset=windows-1252>" + "é ü".encode("cp1252"), "text/html"),
        ("é ü".encode(), "text/html; charset=unicode_escape"),
        ("é ü".encode(), "text/html; charset=hex"),
        ("é ü".encode(), "text/html; charset=punycode"),
    ],
)
async def test_the_text_is_read_in_the_codec_of_the_page(body: bytes, kind: str, web: FakeWeb) -> None:
    page = await page_of(web, body, Content_Type=kind)
    assert page.text.endswith("é ü")
    assert page.content_type == "text/html"


async def test_a_page_of_any_status_is_a_page(web: FakeWeb) -> None:
    page = await net(web.port).fetch(web.url("/missing"))
    assert (page.status, page.text) == (404, "<p>Nothing here")
