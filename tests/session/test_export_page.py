"""The page, the summary and the recording of a session: whole by themselves, and harmless whatever is in them."""

from __future__ import annotations

import json
import re
from base64 import b64encode
from hashlib import sha256
from html.parser import HTMLParser

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from swarmtui.plan.model import Node, Plan, PromptSpec
from swarmtui.session import fold
from swarmtui.session.events import (
    AttemptFailed,
    AttemptStarted,
    AttemptSucceeded,
    Body,
    Event,
    HostStopped,
    PlanApproved,
    PlanProposed,
    SessionCreated,
    SessionFinished,
)
from swarmtui.session.exports.asciicast import Cast
from swarmtui.session.exports.markdown import markdown
from swarmtui.session.exports.page import LogLine, Story, page
from swarmtui.session.exports.pictures import MOST_NODES, graph_svg, lasted
from swarmtui.session.marks import Mark, MarkKind
from swarmtui.session.moves import count_nodes
from swarmtui.session.state import SessionState
from swarmtui.session.vocabulary import ErrorInfo, ErrorKind, Output, State

VOID = {"meta", "br", "hr", "rect", "path"}
ALLOWED = VOID | {"html", "head", "title", "style", "body", "header", "footer", "nav", "section", "div", "span", "p"}
ALLOWED |= {"h1", "h2", "b", "i", "em", "a", "pre", "details", "summary", "ol", "li", "time", "svg", "g", "text"}
ALLOWED |= {
    "h3",
    "h4",
    "h5",
    "h6",
    "ul",
    "table",
    "thead",
    "tbody",
    "tr",
    "th",
    "td",
    "code",
    "blockquote",
    "strong",
    "s",
}
ALLOWED |= {"article"}


class Seen(HTMLParser):
    """A page as a browser takes it: elements, attributes and text; raises for what is not balanced."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.words = ""
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open[-1:] != ["style"]:
            self.words += data


def session(said: str, nodes: int = 3) -> SessionState:
    """A session in which everything that somebody else may write is `said`."""
    names = [f"n{index}" for index in range(nodes)]
    plan = Plan(
        said, tuple(Node(name, PromptSpec(said), tuple(names[:at][-1:]), said) for at, name in enumerate(names))
    )
    bodies: list[Body] = [
        SessionCreated("id", said, said, said, said),
        PlanProposed(1, plan),
        PlanApproved(1, said),
        AttemptStarted("n0", 1, model=said),
        AttemptSucceeded("n0", 1, Output(said, len(said.encode("utf-8", "replace")))),
        AttemptStarted("n1", 1),
        AttemptFailed("n1", 1, ErrorInfo(ErrorKind.EXIT, said)),
    ]
    return fold.fold(Event(seq, 1e9 + seq, float(seq), body) for seq, body in enumerate(bodies, 1))


def story(said: str) -> Story:
    mark = Mark(3, 1e9, 3.0, MarkKind.USER, said)
    return Story("failed", {"n0": said}, [LogLine(said, said, said, said)], 7, [mark], [said], said, said, said)


def leads_out(attributes: dict[str, str | None]) -> bool:
    """Whether it is a link to a page elsewhere, which learns nothing of ours."""
    return (attributes["href"] or "").startswith(("http://", "https://")) and set(attributes) == {"href", "rel"}


HOSTILE = (
    "<script>alert(1)</script>",
    "</pre></title></style><img src=x onerror=alert(1)>",
    "\" onmouseover='x' javascript:alert(1)",
    "&lt;b&gt; &#60;script&#62;",
    "\x1b[31mred\x1b]0;title\x07\x00\x9b2J",
    "a\u202eb\u2066c\u200bd",
    "]]><!--<svg/onload=x>-->",
    "http://example.org/pixel.png @import url(//x)",
    '![](http://example.org/p.png) [a](javascript:alert(1)) [b](data:text/html,x) <http://e.org/?"onload=x>',
    "&#x202e;&#27;[31m&lt;script&gt; [c](http://e.org/\u202ea 'on\"x')\n\n```x onload=y\ncode&#7;\n```",
    "| a |\n|:-:|\n| <b onclick=x> |",
)
texts = st.text(max_size=40) | st.lists(st.sampled_from(HOSTILE), max_size=3).map(" ".join)


@settings(max_examples=25, deadline=None)
@given(texts)
def test_whatever_is_in_a_session_its_page_has_no_element_or_attribute_of_it(said: str) -> None:
    seen = Seen(page(session(said), story(said)))
    for tag, attributes in seen.elements:
        assert tag in ALLOWED
        assert not any(name.startswith("on") or name in ("src", "style", "srcset") for name in attributes)
        target = attributes.get("href")
        assert target is None or re.fullmatch(r"#[a-z]+(-\d+)?", target) or leads_out(attributes)
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b\u202a-\u202e\u2066-\u2069]", seen.words)


def test_the_page_may_load_nothing_and_has_the_one_style_that_its_policy_names() -> None:
    text = page(session("x"), story("x"))
    metas = [attributes for tag, attributes in Seen(text).elements if tag == "meta"]
    policy = next(meta["content"] for meta in metas if meta.get("http-equiv") == "Content-Security-Policy")
    assert policy is not None
    assert policy.startswith("default-src 'none'; ")
    assert "unsafe" not in policy
    (style,) = re.findall(r"<style>(.*?)</style>", text, re.DOTALL)
    assert f"'sha256-{b64encode(sha256(style.encode()).digest()).decode()}'" in policy
    assert not re.search(r"url\(|@import|https?:", text)
    assert "width=device-width" in text
    assert "prefers-color-scheme:dark" in style


def test_the_page_tells_every_node_with_its_state_output_and_error_and_links_the_graph_to_it() -> None:
    text = page(session("what was said"), story("what was said"))
    for index, state in enumerate(("succeeded", "failed", "skipped")[:2]):
        assert f'<a href="#node-{index}">' in text
        assert f'<div id="node-{index}">' in text
        assert f'class="node s-{state}"' in text
    assert '<p class="why">what was said</p>' in text
    assert "7 earlier lines are left out" in text


def test_the_head_of_a_page_says_how_many_nodes_are_how_and_why_the_first_ones_failed_with_a_link_to_each() -> None:
    state = session("x", 9)
    for number in range(4, 8):
        state.nodes[f"n{number}"].state = State.FAILED
        state.nodes[f"n{number}"].error = ErrorInfo(ErrorKind.EXIT, f"no <{number}>")
    count_nodes(state)
    whole = page(state, Story("failed"))
    head = whole.partition("</header>")[0]
    share = next(attributes for tag, attributes in Seen(whole).elements if attributes.get("class") == "share")
    assert share["aria-label"] == "1 succeeded, 3 waiting, 5 failed"
    assert share["viewbox"] == "0 0 9 1"
    assert re.findall(r'<rect x="(\d)" width="(\d)"', head) == [("0", "1"), ("1", "3"), ("4", "5")]
    assert '<a href="#node-1">n1</a>: x' in head
    assert '<a href="#node-5">n5</a>: no &lt;5&gt;' in head
    assert "n6" not in head
    assert "and 2 more that failed" in head
    for node in state.nodes.values():
        node.state = State.SUCCEEDED
    assert 'class="why"' not in page(state, Story("running")).partition("</header>")[0]


def test_a_summary_says_each_thing_once_and_not_without_end() -> None:
    outputs = {"a": "what a said\n", "merged": "# All\n\nwhat a said\n", "long": "x" * 10_000}
    told = markdown(session("x"), "succeeded", outputs=outputs, report="# All\n\nwhat a said\n\n## Figures\n")
    assert told.count("what a said") == 1
    assert told.count("## Output of") == 1
    assert "(cut here; the whole has 10,000 characters)" in told
    many = markdown(session("x"), "succeeded", outputs={f"n{at}": "y" * 5_000 for at in range(100)})
    assert len(many) < 60_000
    assert "90 more outputs are left out" in many


REPORT = """# Findings

See [the page](https://example.org/a?b=1&c=2 "a title") and ![a chart](https://example.org/chart.png).

1. one `x < y`
2. **two**

| what | n |
|---|--:|
| a | 1 |

[no](javascript:alert(1)) [nor this](file:///etc/passwd) [nor that](#node-1) <b>no HTML</b>
"""


def test_the_report_is_drawn_as_markdown_with_links_out_and_nothing_that_loads() -> None:
    whole = page(session("x"), Story("succeeded", report=REPORT))
    seen = Seen(whole)
    tags = [tag for tag, _ in seen.elements]
    assert {"h3", "ol", "code", "strong", "table", "td"} <= set(tags)
    assert {"img", "script"}.isdisjoint(tags)
    links = [attributes for tag, attributes in seen.elements if tag == "a" and leads_out(attributes)]
    assert links == [{"href": "https://example.org/a?b=1&c=2", "rel": "noopener noreferrer"}]
    assert "[image: a chart]" in seen.words
    assert "<b>no HTML</b>" in seen.words
    assert "[no](javascript:alert(1))" in seen.words
    assert "chart.png" not in whole


def test_wires_of_the_graph_end_in_tips_and_lead_round_boxes() -> None:
    """`a` is needed by `c` two layers on: its wire passes the layer between beside `b`, not behind it."""
    nodes = (Node("a", PromptSpec("x")), Node("b", PromptSpec("x"), ("a",)), Node("c", PromptSpec("x"), ("a", "b")))
    bodies: list[Body] = [SessionCreated("id", "g", "g", "/", "1"), PlanProposed(1, Plan("g", nodes))]
    state = fold.fold(Event(seq, 1e9, float(seq), body) for seq, body in enumerate(bodies, 1))
    drawn = graph_svg(Plan("g", nodes), state, {}) or ""
    assert drawn.count('class="tip"') == 3
    _, b, _ = (tuple(map(int, place)) for place in re.findall(r'<rect x="(\d+)" y="(\d+)"', drawn))
    lanes = [tuple(map(int, lane)) for lane in re.findall(r"(\d+) (\d+)L\d+ \d+C", drawn)]
    assert [b[0] <= x <= b[0] + 168 for x, _ in lanes] == [False]


@pytest.mark.parametrize(("stayed", "ts"), [(60.0, 60.0), (0.0, 0.0), (60.0, -500.0)])
def test_a_session_lasts_until_it_ended_and_no_longer_however_long_its_host_stayed(stayed: float, ts: float) -> None:
    state = session("x")
    fold.apply(state, Event(8, 1e9 + 8, 8.0, SessionFinished("failed")))
    fold.apply(state, Event(9, 1e9 + 8 + ts, 8.0 + stayed, HostStopped("ended")))
    assert lasted(state) == (8.0 if ts >= 0 else 8.0 + stayed)  # a clock that was set back tells nothing
    state.ended_ts = None
    assert lasted(state) == 8.0 + stayed


@pytest.mark.chaos
def test_a_page_of_all_there_can_be_is_a_few_megabytes_at_most() -> None:
    state = session("<&>" * 30, 6_000)
    for node in state.nodes.values():
        node.output = Output("", 10**6)
    outputs = dict.fromkeys(state.nodes, "<script>\u2028" * 8_000)
    text = page(state, Story("running", outputs, report="<" * 10**7))
    assert len(text.encode()) < 8_000_000
    assert "and 1000 more" in text


def test_a_long_output_is_cut_and_that_is_said_and_a_graph_too_large_is_not_drawn() -> None:
    state = session("x", MOST_NODES + 1)
    text = page(state, Story("running", {"n0": "y" * 99_999}))
    assert "[cut here; the whole has 99,999 bytes]" in text
    assert len(text) < 400_000
    assert "too many to be drawn" in text
    assert 'class="graph' not in text


@settings(max_examples=25, deadline=None)
@example("a\n```\n<b>| x |\n```\n````\n")
@given(texts | st.text(alphabet="`~\n|*_[]()#<a", max_size=30))
def test_nothing_in_a_session_ends_a_block_of_its_summary_or_makes_a_column(said: str) -> None:
    lines = markdown(session(said), "failed", outputs={"n0": said}, report=said, imported=said).split("\n")
    fence = ""
    for line in lines:
        if fence:
            fence = "" if line == fence else fence
        elif found := re.match(r"(`{3,})\w*$", line):
            fence = found[1]
        else:
            assert not re.match(r"(`{3}|~{3})", line)
            assert "<" not in re.sub(r"\\<", "", line)
            if line.startswith("| "):
                assert len(re.findall(r"(?<!\\)\|", line)) == 7, line
    assert fence == ""


def parsed(lines: list[str]) -> tuple[dict[str, object], list[tuple[float, str, str]]]:
    """A recording, read as the published format says."""
    head = json.loads(lines[0])
    assert head["version"] == 3
    assert all(isinstance(head["term"][name], int) for name in ("cols", "rows"))
    assert isinstance(head.get("timestamp", 0), int)
    at, events = 0.0, []
    for line in lines[1:]:
        if line.startswith("#"):
            continue
        interval, code, data = json.loads(line)
        assert isinstance(interval, int | float)
        assert interval >= 0
        assert code in ("o", "i", "m", "r", "x")
        assert isinstance(data, str)
        at += interval
        events.append((at, code, data))
    assert [code for _, code, _ in events].index("x") == len(events) - 1
    return head, events


@example([0.0004] * 200)
@given(st.lists(st.floats(0, 3), min_size=1, max_size=200))
@settings(max_examples=20)
def test_intervals_of_a_recording_add_up_to_its_times(steps: list[float]) -> None:
    cast, at, times = Cast(100, 30), 0.0, []
    lines = [cast.header(title="a\x1b[31m title", timestamp=1e9 + 0.5, idle_limit_s=2.0)]
    for number, step in enumerate(steps):
        at += step
        times.append(at)
        lines.append(cast.marker(at, "here\n") if number % 3 == 1 else cast.output(at, "\x1b[2Jé"))
    lines.append(cast.exit(at + 1, 0))
    head, events = parsed(lines)
    assert head["title"] == "a title"
    assert all(abs(found - told) < 0.002 for (found, _, _), told in zip(events, times, strict=False))
    assert events[-1][1:] == ("x", "0")


def test_of_the_older_kind_of_recording_times_are_those_since_its_beginning() -> None:
    cast = Cast(100, 30, version=2)
    head = json.loads(cast.header(title="a", timestamp=1e9, idle_limit_s=2.0))
    assert (head["version"], head["width"], head["height"], head["idle_time_limit"]) == (2, 100, 30, 2.0)
    lines = [cast.output(0.5, "x"), cast.marker(1.25, "here"), cast.output(3.0, "y"), cast.exit(5.0, 0)]
    assert [json.loads(line) for line in lines] == [
        [0.5, "o", "x"],
        [1.25, "m", "here"],
        [3.0, "o", "y"],
        [5.0, "o", ""],
    ]
