"""What can be asked at a place in the past: the answers as they were there, not as they are at the end of it.

Each function takes the past, and the state at the place that is asked about.
"""

from __future__ import annotations

from swarmtui.host.past import PAGE, Past
from swarmtui.session.events import Event
from swarmtui.session.rows import blob_sha
from swarmtui.session.state import SessionState
from swarmtui.session.vocabulary import Output


async def events_before(past: Past, state: SessionState, seq: int, limit: int, node: str | None) -> list[Event]:
    """Up to `limit` events before `seq`, oldest first, of one node if given; none beyond `state`."""
    found: list[Event] = []
    end = min(seq, state.seq + 1)
    while end > 1 and len(found) < limit:
        first = max(1, end - (limit if node is None else PAGE))
        page = await past.events(first, end - first)
        found = [event for event in page if node is None or getattr(event.body, "node", None) == node] + found
        end = first
    return found[-limit:] if limit > 0 else []


async def output(past: Past, state: SessionState, node: str, item: int | None) -> str:
    """The whole output of a node or item, not cleaned; empty if there was none yet."""
    then = await _recorded_output(past, state, node, item)
    if then is None:
        return ""
    if then.whole:
        return then.text
    text = await past.output(node, item)
    same = then.sha is None or blob_sha(text.encode("utf-8", "surrogatepass")) == then.sha
    return text if same else then.text


async def _recorded_output(past: Past, state: SessionState, node: str, item: int | None) -> Output | None:
    found = state.nodes.get(node)
    if found is None or item is None:
        return None if found is None else found.output
    seq = found.items.seqs[item] if found.items is not None and item < found.items.total else 0
    events = await past.events(seq, 1) if seq else []
    return getattr(events[0].body, "output", None) if events else None


async def log_tail(past: Past, state: SessionState, node: str, limit: int) -> str:
    """The end of the node's log, not cleaned; empty until the node has ended: how far it had come is not known."""
    found = state.nodes.get(node)
    return await past.log_tail(node, limit) if found is not None and found.ended else ""
