"""A feed over a scripted list of events, with a clock that stands still: sessions in every condition, for tests.

feed = mid_run()            # a Feed; feed.state is the fold of its events
python -m tests.tui.scripted_feed mid_run    # look at it in a terminal
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from swarmtui.host.feed import Changes, CommandRefused, FeedStatus, Link, StreamText
from swarmtui.host.gathering import Gathering
from swarmtui.host.protocol import CAPS
from swarmtui.host.shelf import BLOB_LIMIT, FILE_LIMIT, NodeFile
from swarmtui.plan.model import (
    JSON,
    AskSpec,
    Author,
    Limits,
    MapSpec,
    MergeSpec,
    ModelRef,
    Node,
    Plan,
    PromptSpec,
    Retry,
    RunSpec,
)
from swarmtui.session import events as ev
from swarmtui.session import vocabulary as vocab
from swarmtui.session.state import SessionState

START = 1_760_000_000.0
"""Wall time at which every scripted session begins."""
WORKER = "deepseek/deepseek-chat"
MODELS = {
    "planner": ModelRef("deepseek", "deepseek-reasoner", price_in=0.55, price_out=2.19),
    "worker": ModelRef("deepseek", "deepseek-chat", price_in=0.27, price_out=1.1),
}
SIMULATED = {
    "planner": ModelRef("simulated", "planner", dialect="simulated"),
    "worker": ModelRef("simulated", "worker", dialect="simulated"),
}


class ScriptedShelf:
    """A :class:`~swarmtui.host.shelf.Shelf` that holds what a test puts there."""

    def __init__(self) -> None:
        self.blobs: dict[str, bytes] = {}
        self.by_node: dict[str, dict[str, bytes]] = {}

    async def blob(self, sha: str, limit: int = BLOB_LIMIT) -> bytes | None:
        """What was put."""
        found = self.blobs.get(sha)
        return None if found is None else found[:limit]

    async def files(self, node: str) -> list[NodeFile]:
        """What was put."""
        return [NodeFile(name, len(data), START) for name, data in sorted(self.by_node.get(node, {}).items())]

    async def file(self, node: str, name: str, limit: int = FILE_LIMIT) -> bytes:
        """What was put."""
        return self.by_node[node][name][:limit]


class ScriptedFeed:
    """A :class:`Feed` that plays what it is told, and remembers what it is asked."""

    def __init__(self, *, link: Link = Link.LIVE, role: str = "control") -> None:
        self._gathering = Gathering()
        self._gathering.status.role = role
        self._gathering.set_link(link)
        self._gathering.status.caps = frozenset(CAPS)
        self._all: list[ev.Event] = []
        self.now = START
        self.set_by = 0.0
        """Seconds by which the wall clock was set."""
        self.commands: list[tuple[str, dict[str, JSON]]] = []
        self.refusal: str | None = None
        """What every command is refused with."""
        self.broken = False
        """Whether every command finds the link broken."""
        self.closed = False
        self.outputs: dict[str, str] = {}
        self.logs: dict[str, str] = {}
        self.shelf = ScriptedShelf()

    @property
    def events(self) -> list[ev.Event]:
        """All that was played."""
        return self._all

    # -- playing ----------------------------------------------------------------------------------------------

    def play(self, *bodies: ev.Body, after: float = 0.0, actor: str | None = None) -> ScriptedFeed:
        """Let events happen, `after` seconds after what came before."""
        self.now += after
        for body in bodies:
            event = ev.Event(len(self._all) + 1, self.now, self.now - START, body, actor)
            self._all.append(event)
            self._gathering.apply(event)
        return self

    def say(
        self,
        node: str,
        text: str,
        *,
        item: int | None = None,
        attempt: int = 1,
        offset: int = 0,
        channel: str = "output",
    ) -> ScriptedFeed:
        """Let a running attempt say something."""
        self._gathering.stream(StreamText(node, item, attempt, channel, offset, text))
        return self

    def reset(self) -> None:
        """Let a snapshot stand in for what was not received, as after a link that was broken for long."""
        self._gathering.reset(self.state)

    def wait_until(self, seconds: float) -> ScriptedFeed:
        """Let time pass up to `seconds` after the start."""
        self.now = START + seconds
        return self

    def set_link(self, link: Link, note: str = "", *, retry_at: float | None = None) -> None:
        """Change how the feed stands with its source."""
        self._gathering.set_link(link, note, retry_at=retry_at)

    def set_trouble(self, message: str, *, gone: bool = False) -> None:
        """Let the host find that it cannot write the session file."""
        self._gathering.set_trouble(message, gone=gone)

    def clock(self) -> float:
        """Wall time: stands still between events, unless somebody sets the clock."""
        return self.now + self.set_by

    def steady(self) -> float:
        """Seconds that nobody can set."""
        return self.now

    # -- the feed ---------------------------------------------------------------------------------------------

    @property
    def state(self) -> SessionState:
        """The fold of what was played."""
        return self._gathering.state

    @property
    def status(self) -> FeedStatus:
        """Link and role."""
        return self._gathering.status

    def drain(self) -> Changes:
        """What happened since."""
        return self._gathering.drain()

    async def wait(self) -> None:
        """Until something happens."""
        await self._gathering.wait()

    async def command(self, method: str, params: dict[str, JSON]) -> int:
        """Remember it."""
        self.commands.append((method, params))
        if self.broken:
            raise ConnectionError("the link is lost")
        if self.refusal is not None:
            raise CommandRefused(self.refusal)
        return self.state.seq

    async def events_before(self, seq: int, limit: int, node: str | None = None) -> list[ev.Event]:
        """From what was played."""
        found = [e for e in self._all if e.seq < seq and (node is None or getattr(e.body, "node", None) == node)]
        return found[-limit:]

    async def output(self, node: str, item: int | None = None) -> str:
        """What was set, else what the state has."""
        output = self.state.nodes[node].output
        return self.outputs.get(node, output.text if output else "")

    async def log_tail(self, node: str, limit: int = 65_536) -> str:
        """What was set."""
        return self.logs.get(node, "")

    async def close(self) -> None:
        """Remember it."""
        self.closed = True


# -- pieces -----------------------------------------------------------------------------------------------------


def prompt(node_id: str, *needs: str, text: str = "", retries: int = 0, **more: object) -> Node:
    """A node that calls a model."""
    spec = PromptSpec(text or f"Look at {{{{ scan.output }}}} and write what matters about {node_id}.")
    return Node(node_id, spec, needs, retry=Retry(retries), **more)  # type: ignore[arg-type]


REVIEW = Plan(
    goal="Review payments-service and write a report",
    title="Review payments-service",
    nodes=(
        Node("scan", RunSpec(("git", "-C", "{{ path }}", "ls-files", "*.py")), estimate_s=2),
        prompt("quality", "scan", retries=2, estimate_s=40),
        prompt("security", "scan", retries=2, estimate_s=45),
        prompt("speed", "scan", retries=2, estimate_s=30),
        prompt("tests", "scan", estimate_s=25),
        prompt("translate", "scan", map=MapSpec("doc", path="docs.jsonl"), estimate_s=120),
        Node("lint", RunSpec(("ruff", "check", ".")), ("scan",), estimate_s=4),
        Node(
            "report",
            MergeSpec(title="Review", summary="planner"),
            ("quality", "security", "speed", "tests", "translate"),
            estimate_s=10,
        ),
        Node("publish", AskSpec("Publish the report to the team's wiki?", ("publish", "keep it here")), ("report",)),
    ),
)


def output(text: str) -> vocab.Output:
    """A whole output."""
    return vocab.Output(text, len(text.encode("utf-8", "replace")))


def usage(tokens_in: int = 3_100, tokens_out: int = 900, cost: float | None = 0.0019) -> vocab.Usage:
    """What a model call consumed."""
    return vocab.Usage(tokens_in, tokens_out, cost_usd=cost, model=WORKER)


def begun(
    plan: Plan, *, models: dict[str, ModelRef] | None = None, limits: Limits = Limits(usd=2.0), **more: object
) -> ScriptedFeed:
    """A session whose plan is proposed."""
    feed = ScriptedFeed(**more)  # type: ignore[arg-type]
    used = MODELS if models is None else models
    created = ev.SessionCreated(
        "7f3ak2", plan.goal, plan.title or plan.goal, "/home/ada/payments", "0.1.0", limits=limits, models=used
    )
    feed.play(created, ev.HostStarted(4711, "boot", "0.1.0"))
    return feed.play(ev.PlanProposed(1, plan, "five looks at the code, then one report"), after=1)


def approved(plan: Plan, **more: object) -> ScriptedFeed:
    """A session whose plan runs."""
    return begun(plan, **more).play(ev.PlanApproved(1, "hash"), after=9, actor="ada@laptop")  # type: ignore[arg-type]


# -- sessions in every condition -----------------------------------------------------------------------------------

FINDINGS = """## Findings

1. `store/run.py:9` builds a shell command from a name that the caller controls, and runs it with `shell=True`.
2. `store/billing.py:120` catches every exception and goes on: a failed charge looks like a charge.
3. **Retries without a limit** in `net/client.py:41`; an outage becomes a storm.

Each of them has a test that would have found it:

- call `run("; touch x")` and look for `x`
- let the charge raise and look at the ledger
"""


def awaiting_approval() -> ScriptedFeed:
    """A planner's plan, revised once, that waits."""
    plan = replace(REVIEW, author=Author.PLANNER)
    feed = begun(replace(plan, nodes=plan.nodes[:6] + plan.nodes[7:]))
    feed.play(ev.PlanRejected(1, "also run ruff"), after=20, actor="ada@laptop")
    feed.play(ev.PlanningStarted(2, "deepseek/deepseek-reasoner", "also run ruff"))
    feed.play(ev.PlanProposed(2, plan, "ruff runs beside the models"), after=12)
    feed.play(forecasted(2), after=0.5)
    return feed.wait_until(75)


def forecasted(plan_rev: int) -> ev.Forecasted:
    """A forecast at six concurrencies."""
    usd, tokens = (0.2142, 0.3121, 0.5480), (96_000.0, 141_000.0, 248_000.0)
    times = {1: 1_840.0, 4: 502.0, 8: 274.0, 16: 171.0, 32: 158.0, None: 274.0}
    rows = (ev.ForecastRow(at, (time * 0.7, time, time * 1.6), usd, tokens) for at, time in times.items())
    basis = "durations: 3 from earlier sessions, 5 from assumptions; assumed are prompt 15 s"
    return ev.Forecasted(plan_rev, tuple(rows), basis)


def planning() -> ScriptedFeed:
    """The planner at work, its text streaming."""
    feed = ScriptedFeed()
    goal = "Compare vector databases for our workload and recommend one"
    feed.play(ev.SessionCreated("p2xq9", goal, "", "/home/ada", "0.1.0", models=MODELS))
    feed.play(ev.HostStarted(4711, "boot", "0.1.0"), ev.PlanningStarted(1, "deepseek/deepseek-reasoner"), after=0.2)
    feed.wait_until(14)
    text = '{"title": "Vector databases compared",\n "nodes": {\n  "scope": {"prompt": "List the criteria that matter'
    return feed.say("(planner)", text)


def mid_run(models: dict[str, ModelRef] | None = None) -> ScriptedFeed:
    """Running, retrying, throttled, failed, a map at 61 %, a question."""
    plan = replace(
        REVIEW,
        nodes=(*REVIEW.nodes, Node("scope", AskSpec("Which branch counts as the release?", ("main", "release/2.4")))),
    )
    feed = approved(plan, models=models)
    feed.play(ev.AttemptStarted("scan", 1, pool="commands"), ev.QuestionAsked("scope", *_question(plan)), after=0.2)
    feed.play(ev.AttemptStarted("scope", 1, pool="questions"))
    files = "\n".join(f"payments/module_{at}.py" for at in range(40))
    feed.play(ev.AttemptSucceeded("scan", 1, output(files), took_s=1.8), after=1.8)
    feed.play(ev.MapExpanded("translate", 2_000), after=0.1)
    for node in ("quality", "security", "speed", "tests"):
        feed.play(ev.AttemptStarted(node, 1, pool=WORKER, model=WORKER), after=0.1)
    feed.play(ev.AttemptStarted("lint", 1, pool="commands"))
    _translate(feed, 1_220)
    refused = vocab.ErrorInfo(
        vocab.ErrorKind.EXIT, "ruff ended with code 2: no such file or directory: ./setup.cfg", exit_code=2
    )
    feed.play(ev.AttemptFailed("lint", 1, refused, took_s=3.2), after=3)
    broke = vocab.ErrorInfo(vocab.ErrorKind.OUTAGE, "the provider closed the connection after 812 tokens")
    feed.play(ev.AttemptFailed("speed", 1, broke, took_s=31, retry_in_s=12, usage=usage()), after=28)
    feed.play(ev.AttemptThrottled("tests", 1, 24, pool=WORKER, message="rate limit of 60 calls a minute"), after=2)
    feed.wait_until(52)
    feed.say("quality", "Reading the forty files that scan found.\n\n" + FINDINGS[:420])
    feed.say("security", "The session token is compared with `==`, which leaks its length by time.\nLooking at auth/")
    for item in range(1_221, 1_227):
        feed.say("translate", f"Document {item}: « Les paiements refusés sont", item=item)
    return feed


def _question(plan: Plan) -> tuple[str, tuple[str, ...]]:
    spec = plan.nodes[-1].spec
    assert isinstance(spec, AskSpec)
    return spec.question, spec.choices


def _translate(feed: ScriptedFeed, done: int) -> None:
    for item in range(done):
        feed.play(
            ev.AttemptStarted("translate", 1, item, pool=WORKER, model=WORKER),
            ev.AttemptSucceeded("translate", 1, output("…"), item, 2.0, usage(240, 200, 0.0003)),
        )
    garbled = vocab.ErrorInfo(vocab.ErrorKind.MALFORMED, "the reply is not JSON")
    feed.play(ev.AttemptStarted("translate", 1, done, pool=WORKER, model=WORKER))
    feed.play(ev.AttemptFailed("translate", 1, garbled, done, 2.2))
    for item in range(done + 1, done + 7):
        feed.play(ev.AttemptStarted("translate", 1, item, pool=WORKER, model=WORKER))


def finished() -> ScriptedFeed:
    """Ended with failures; what depended on them was skipped; prices only partly known."""
    feed = approved(REVIEW, limits=Limits())
    feed.play(ev.AttemptStarted("scan", 1, pool="commands"), after=0.1)
    feed.play(
        ev.AttemptSucceeded("scan", 1, output("a.py\nb.py"), took_s=1.8), ev.MapExpanded("translate", 2), after=1.8
    )
    for item in range(2):
        feed.play(ev.AttemptStarted("translate", 1, item, pool=WORKER, model=WORKER))
        feed.play(ev.AttemptSucceeded("translate", 1, output("ok"), item, 3.0, usage(200, 180)), after=3)
    feed.play(ev.MapFinished("translate", 2, 0, True, output("ok\nok")))
    for node in ("quality", "speed", "tests"):
        feed.play(ev.AttemptStarted(node, 1, pool=WORKER, model=WORKER))
        spent = usage(cost=None) if node == "tests" else usage()
        feed.play(ev.AttemptSucceeded(node, 1, output(FINDINGS), took_s=21, usage=spent), after=21)
    refused = vocab.ErrorInfo(
        vocab.ErrorKind.REFUSED, "401 from api.deepseek.com: the key was refused; see swarmtui doctor"
    )
    feed.play(
        ev.AttemptStarted("security", 1, pool=WORKER, model=WORKER), ev.AttemptStarted("lint", 1, pool="commands")
    )
    feed.play(ev.AttemptSucceeded("lint", 1, output("All checks passed!\n"), took_s=0.4), after=0.4)
    feed.play(ev.AttemptFailed("security", 1, refused, took_s=0.3), after=0.3)
    feed.play(ev.NodeSkipped("report", "security"), ev.NodeSkipped("publish", "report"))
    feed.play(ev.SessionFinished("failed", "1 node failed"), after=0.1)
    feed.set_link(Link.ENDED)
    return feed.wait_until(4_000)


def large(nodes: int = 5_000) -> ScriptedFeed:
    """Many nodes, a tenth of them done and forty at work."""
    width = 50
    made: list[Node] = []
    for at in range(nodes):
        layer = at // width
        needs = tuple({f"step-{(layer - 1) * width + (at * k) % width:04}" for k in (1, 7)}) if layer else ()
        made.append(prompt(f"step-{at:04}", *sorted(needs), text="Do the next step."))
    feed = approved(Plan("Do a great many things", tuple(made), title="Many steps"))
    done = nodes // 10
    for at in range(done):
        feed.play(ev.AttemptStarted(f"step-{at:04}", 1, pool=WORKER, model=WORKER))
        feed.play(ev.AttemptSucceeded(f"step-{at:04}", 1, output("done"), took_s=1.0, usage=usage()), after=0.01)
    for at in range(done, min(nodes, done + 40)):
        feed.play(ev.AttemptStarted(f"step-{at:04}", 1, pool=WORKER, model=WORKER))
        feed.say(f"step-{at:04}", "working on it\n" * 3)
    return feed


HOSTILE: tuple[str, ...] = (
    "\x1b[2J\x1b[Hgone",
    "\x1b]0;title\x07",
    "\x1b]52;c;ZXZpbA==\x07paste",
    "\x1b]8;;http://evil.example\x1b\\link\x1b]8;;\x1b\\",
    "\x1bP1;2q#0\x1b\\dcs",
    "\x9b31mC1\x9d0;x\x9c",
    "\u202etxt.exe\u2066hidden\u2069",
    "zero\u200bwidth\u2060\ufeff",
    "tags\U000e0041\U000e007f",
    "over\rwritten\x08\x08\x07\x00\x7f",
    "[red]x[/red] [/nope] [bold",
    "[@click=app.quit]click[/]",
    "[link=http://evil.example]x[/link]",
    "zalgo" + "\u0301" * 500,
    "wide 表 👩‍👩‍👧 end",
    "\ud800 lone surrogate",
)


def hostile() -> ScriptedFeed:
    """Everything that comes from outside tries to take the terminal over."""
    joined = " ".join(HOSTILE)
    nodes = (
        Node("innocent", RunSpec(("sh", "-c", joined), env={"A": joined}, cwd=joined), title=joined),
        prompt("talks", "innocent", text="\n".join(HOSTILE)),
        Node("asks", AskSpec(joined, HOSTILE)),
        prompt(f"n{HOSTILE[0]}{HOSTILE[6]}", "talks", map=MapSpec(joined, path=joined)),
        prompt("fails", "innocent"),
    )
    feed = begun(Plan(joined, nodes, title=joined), models={"worker": ModelRef(HOSTILE[0], joined)})
    feed.play(ev.PlanApproved(1, "x"), after=1, actor=joined)
    feed.play(ev.AttemptStarted("innocent", 1, pool=joined, model=joined), ev.QuestionAsked("asks", joined, HOSTILE))
    feed.play(ev.AttemptStarted("asks", 1))
    feed.play(ev.AttemptSucceeded("innocent", 1, output("\n".join(HOSTILE))), after=1)
    error = vocab.ErrorInfo(vocab.ErrorKind.REFUSED, joined)
    feed.play(ev.AttemptStarted("talks", 1, model=joined), ev.AttemptStarted("fails", 1))
    feed.play(ev.AttemptFailed("fails", 1, error), ev.Noted("warning", joined), after=1)
    for at, text in enumerate(HOSTILE):
        feed.say("talks", text + "\n", offset=sum(len(known) + 1 for known in HOSTILE[:at]))
    feed.logs["talks"] = feed.outputs["talks"] = "\n".join(HOSTILE)
    feed.set_link(Link.LIVE, joined)
    return feed


SESSIONS: dict[str, Callable[[], ScriptedFeed]] = {
    make.__name__: make for make in (awaiting_approval, planning, mid_run, finished, large, hostile)
}


def play_along(feed: ScriptedFeed, bodies: Iterable[ev.Body]) -> None:
    """Let more happen, a second apart."""
    for body in bodies:
        feed.play(body, after=1)


def main(names: Sequence[str]) -> int:
    """Look at a session in the terminal."""
    from swarmtui.tui.app import Workbench

    feed = SESSIONS[names[0] if names else "mid_run"]()

    async def connect() -> ScriptedFeed:
        await asyncio.sleep(0)
        return feed

    return Workbench(connect).run() or 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
