"""What is fetched of one node, or of one item of its map, once somebody looks at it; each thing once."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from swarmtui.host.feed import Changes, Link, NotFetched
from swarmtui.host.shelf import NodeFile
from swarmtui.plan.model import JSON
from swarmtui.session.events import AttemptStarted, Event
from swarmtui.session.items import Items
from swarmtui.session.vocabulary import Output
from swarmtui.tui.view.attempts import Attempt, ToolUse, gather
from swarmtui.tui.view.node_tabs import Inserted, wanted_outputs

if TYPE_CHECKING:
    from swarmtui.tui.app import Workbench

EVENTS = 500
"""Events of the node that are fetched at a time."""
PAGES = 20
"""Pages that are gone back by, at most, to where an item's attempts began."""
KEPT = 4_000
"""Events that are kept while the node goes on."""
TEXTS_KEPT = 40


class NodeReading:
    """What is known of a node beyond the session's state. `changed` is called once something has arrived."""

    def __init__(self, app: Workbench, node: str, item: int | None, changed: Callable[[], None]) -> None:
        self._app, self.node, self.item, self._changed = app, node, item, changed
        self.events: list[Event] = []
        self.log: str | None = None
        self._log_due: object = None
        """What fetches it; None where nothing does."""
        self.files: list[NodeFile] | None = None
        self.why_not: dict[str, str] = {}
        """What could not be fetched, and why."""
        self._texts: dict[object, str] = {}
        self._asked: set[object] = set()
        self._broken_off: set[object] = set()
        """What was asked for over a link that broke."""
        self._links = 0
        """How often it was told that there is a link."""
        self._gathered: tuple[tuple[int, int], list[Attempt]] = ((0, 0), [])
        """The last event that the attempts are of, and of how many; the attempts."""
        self._inserted: tuple[object, Inserted] = (None, Inserted({}))

    # -- events -----------------------------------------------------------------------------------------------

    def begin(self) -> None:
        """Fetch what happened to it."""
        self._run("events", self._fetch_events, "events")

    def forget(self) -> None:
        """Another moment is shown: what was fetched may not be so yet, or no longer."""
        looked_at = self.log is not None or "log" in self.why_not
        self.events, self.log, self.files = [], None, None
        self.why_not.clear()
        self._texts.clear()
        self._asked.clear()
        self._broken_off.clear()
        self._gathered, self._inserted = ((0, 0), []), (None, Inserted({}))
        self.begin()
        if looked_at:
            self.want_log()

    def absorb(self, changes: Changes) -> bool:
        """Take what a feed brought; whether what is shown of the node may be another now."""
        new = [event for event in changes.events if self._concerns(event)]
        if new:
            self.events = [*self.events, *new][-KEPT:]
            self._asked -= {"files", "log"}
        return (changes.link and self._ask_again()) or bool(new)

    def _ask_again(self) -> bool:
        """What broke off with a link is asked for again once there is one; whether anything is."""
        if self._app.status.link is Link.RECONNECTING:
            return False
        self._links += 1
        again, self._broken_off = self._broken_off, set()
        self._asked -= again  # what is drawn asks for the rest
        if "events" in again:
            self.begin()
        if "log" in again:
            self.want_log_once()
        return bool(again)

    def _concerns(self, event: Event) -> bool:
        of = getattr(event.body, "node", None) == self.node
        return of and (self.item is None or getattr(event.body, "item", None) == self.item)

    @property
    def attempts(self) -> list[Attempt]:
        """The attempts, as far as events of them are here."""
        upto = (self.events[-1].seq, len(self.events)) if self.events else (0, 0)
        if self._gathered[0] != upto:
            self._gathered = upto, gather(self.events)
        return self._gathered[1]

    async def _fetch_events(self) -> None:
        feed, state = self._app.feed, self._app.state
        if feed is None:
            return
        end, found = state.seq + 1, list[Event]()
        for _ in range(1 if self.item is None else PAGES):
            page = await feed.events_before(end, EVENTS, self.node)
            found = [event for event in page if self._concerns(event)] + found
            begun = any(isinstance(one.body, AttemptStarted) and one.body.attempt == 1 for one in found)
            if len(page) < EVENTS or (self.item is not None and begun):
                break
            end = page[0].seq
        known = {event.seq for event in found}
        late = (event for event in self.events if event.seq not in known)
        self.events = sorted([*found, *late], key=lambda event: event.seq)

    # -- texts ------------------------------------------------------------------------------------------------

    def whole(self, output: Output, wanted: object) -> str:
        """The node's own output, or what of it is here until the whole has come; `wanted` tells one from the next."""
        if output.whole:
            return output.text
        return self._text(("output", wanted), lambda feed: feed.output(self.node, self.item), output.text)

    def output_of(self, attempt: Attempt) -> str:
        """The whole of what an attempt gave, or what of it is here until that has come."""
        output = attempt.output
        if output is None:
            return ""
        if output.whole or (output.sha is None and output.path is None):
            return output.text
        if output.sha is not None:
            return self.blob(output.sha) or output.text
        name = _own_file(output.path or "", self.node)
        return output.text if name is None else self.file(name, output.text)

    def blob(self, sha: str) -> str | None:
        """A recorded text; None until it has come, and where there is none."""

        async def fetch() -> str:
            feed = self._app.feed
            found = await feed.shelf.blob(sha) if feed is not None and sha else None
            return "" if found is None else found.decode("utf-8", "replace")

        return self._text(("blob", sha), lambda feed: fetch(), "") or None

    def file(self, name: str, meanwhile: str = "") -> str:
        """A file of the node as text; `meanwhile` until it has come."""

        async def fetch() -> str:
            feed = self._app.feed
            return "" if feed is None else (await feed.shelf.file(self.node, name)).decode("utf-8", "replace")

        return self._text(("file", name), lambda feed: fetch(), meanwhile)

    def has(self, key: object) -> bool:
        """Whether a text has come."""
        return key in self._texts

    def want_log(self) -> None:
        """Fetch the end of its log anew."""
        self._asked.add("log")
        due = self._log_due = object()
        self._run("log", lambda: self._fetch_log(due), "log")

    def want_more_log(self) -> None:
        """The same, unless it is under way: a link may take longer than whoever asks waits."""
        if self._log_due is None:
            self.want_log()

    def want_log_once(self) -> None:
        """Fetch the end of its log, once until something happens to it."""
        if self._is_first("log"):
            self.want_log()

    async def _fetch_log(self, due: object) -> None:
        try:
            if self._app.feed is not None:
                self.log = await self._app.feed.log_tail(self.node)
        finally:
            if self._log_due is due:  # and not of a later one, which took the place of this one
                self._log_due = None

    def want_files(self) -> None:
        """Fetch the list of its files, once until something happens to it."""
        if self._is_first("files"):
            self._run("files", self._fetch_files, "files")

    async def _fetch_files(self) -> None:
        if self._app.feed is not None:
            self.files = await self._app.feed.shelf.files(self.node)

    # -- what went into it ------------------------------------------------------------------------------------

    def inserted(self) -> Inserted:
        """What went into it as far as that has come; the rest is fetched."""
        state = self._app.state
        plan_node = state.plan_nodes.get(self.node)
        if plan_node is None:
            return Inserted({})
        wanted = wanted_outputs(state, plan_node)
        shas = tuple((name, getattr(state.nodes[name].output, "sha", None)) for name in wanted)
        key = ("inputs", shas, plan_node.needs)
        if self._inserted[0] != key and self._is_first(key):
            self._run("inputs", lambda: self._fetch_inputs(key, wanted), key)
        return self._inserted[1]

    async def _fetch_inputs(self, key: object, wanted: list[str]) -> None:
        feed = self._app.feed
        if feed is None:
            return
        outputs = {name: await feed.output(name) for name in wanted[:50]}
        node = self._app.state.nodes.get(self.node)
        known, value = False, None
        if node is not None and node.items is not None and self.item is not None:
            known, value = await self._item(node.items, self.item)
        self._inserted = key, Inserted(outputs, value, known)

    async def _item(self, items: Items, item: int) -> tuple[bool, JSON]:
        """Whether it is recorded what the item is, and what it is."""
        first = 0
        for chunk in items.chunks:
            if item < first + chunk.count:
                feed = self._app.feed
                found = await feed.shelf.blob(chunk.sha) if feed is not None else None
                if found is None:
                    return False, None
                return True, json.loads(found.split(b"\n")[item - first])
            first += chunk.count
        return False, None

    def call(self, use: ToolUse) -> tuple[str | None, str | None]:
        """Arguments and result of a tool call in full; None while only their beginnings are here."""
        asked = _entry(self.blob(use.asked_sha)) if use.asked_sha else None
        answer = _entry(self.blob(use.answer_sha)) if use.answer_sha else None
        calls = asked.get("calls") if asked is not None else None
        mine = next((one for one in calls or () if isinstance(one, dict) and one.get("id") == use.call), None)
        arguments = None if mine is None else _words(mine.get("arguments"))
        return arguments, None if answer is None else _words(answer.get("content"))

    def sizes(self) -> dict[str, int]:
        """Recorded entry -> characters of the result in it, of those that have come."""
        found: dict[str, int] = {}
        for key, text in self._texts.items():
            if isinstance(key, tuple) and key[0] == "blob":
                entry = _entry(text)
                if entry is not None and entry.get("role") == "tool":
                    found[str(key[1])] = len(_words(entry.get("content")))
        return found

    # -- fetching ---------------------------------------------------------------------------------------------

    def _text(self, key: object, fetch: Callable[..., Awaitable[str]], meanwhile: str) -> str:
        if key in self._texts:
            return self._texts[key]
        feed = self._app.feed
        if feed is not None and self._is_first(key):

            async def keep() -> None:
                self._texts[key] = await fetch(feed)
                while len(self._texts) > TEXTS_KEPT:
                    gone = next(iter(self._texts))
                    del self._texts[gone]
                    self._asked.discard(gone)

            self._run("text", keep, key)
        return meanwhile

    def _is_first(self, key: object) -> bool:
        """Whether `key` has not been asked for yet."""
        first = key not in self._asked
        self._asked.add(key)
        return first

    def _run(self, what: str, work: Callable[[], Awaitable[None]], key: object) -> None:
        group = f"{what} of {self.node}/{self.item}"  # what the screen below has asked for comes, too
        self._app.run_worker(self._fetch(what, work, key), group=group, exclusive=what in ("events", "log"))

    async def _fetch(self, what: str, work: Callable[[], Awaitable[None]], key: object) -> None:
        links = self._links
        try:
            await work()
        except NotFetched as error:
            self.why_not[what] = str(error)
        except ConnectionError:
            if links != self._links:  # the link that broke is not the one there is by now
                await self._fetch(what, work, key)
                return
            self.why_not[what] = "the link is lost"
            self._broken_off.add(key)
        except (ValueError, LookupError, RecursionError) as error:
            self.why_not[what] = f"what is recorded cannot be read ({type(error).__name__})"
        else:
            self.why_not.pop(what, None)
            self._broken_off.discard(key)
        await asyncio.sleep(0)
        self._changed()


def _own_file(path: str, node: str) -> str | None:
    head = f"artefacts/{node}/"
    return path.removeprefix(head) if path.startswith(head) else None


def _entry(text: str | None) -> dict[str, JSON] | None:
    try:
        found = json.loads(text) if text else None
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _words(value: JSON) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, indent=2)
