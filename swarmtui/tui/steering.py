"""One thing asked of many nodes, or of many items of a map: of which of them, of which not, and why. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import groupby
from typing import TYPE_CHECKING

from swarmtui.frozen import frozen
from swarmtui.session.selection import RETRYABLE_STATES
from swarmtui.session.vocabulary import ENDED, State, how_ended
from swarmtui.tui import commands
from swarmtui.tui.commands import Request
from swarmtui.tui.view import format as say
from swarmtui.tui.view.nodes import listed, name_of

if TYPE_CHECKING:
    from swarmtui.plan.model import JSON
    from swarmtui.session.items import Items
    from swarmtui.session.state import NodeState

NAMED = 6
"""Nodes or items of a kind that are named before the rest is counted."""
REASONS = 3
"""Reasons, and names for each, that are told where one line has to do."""
AT_ONCE = 2_000
"""Commands that are sent for one key, at most."""

_NODES: Mapping[str, Callable[[NodeState], Request]] = {
    "pause_node": commands.pause_node,
    "retry_node": commands.retry_node,
    "retry_below": commands.retry_below,
    "skip_node": commands.skip_node,
    "mark_done": commands.mark_done,
    "cancel_node": commands.cancel_node,
    "sooner": lambda node: commands.prioritise(node, 1),
    "later": lambda node: commands.prioritise(node, -1),
}
STEERING = frozenset(_NODES)
"""Actions that can be about many nodes at once, by their IDs."""
_ITEMS: Mapping[str, str] = {
    "retry_node": "node.retry", "skip_node": "node.skip", "mark_done": "node.mark_done", "cancel_node": "node.cancel",
}  # fmt: skip


@frozen
class Steer:
    """What becomes of one key for many."""

    requests: tuple[Request, ...]
    applies: tuple[str, ...]
    """Names of those that it applies to."""
    others: tuple[tuple[str, tuple[str, ...]], ...]
    """Why it does not apply to the others, and their names."""
    kind: str
    """``nodes`` or ``items``."""

    @property
    def total(self) -> int:
        """All that were chosen."""
        return len(self.applies) + sum(len(names) for _, names in self.others)

    @property
    def refusal(self) -> str | None:
        """Why it applies to none, and where that differs to which; None if it applies to any."""
        if self.applies:
            return None
        if len(self.others) < 2:
            why = self.others[0][0] if self.others else "nothing is chosen"
        else:
            told = [f"{listed(names, REASONS)}: {why}" for why, names in self.others[:REASONS]]
            why = "; ".join(told) + (f"; and {len(self.others) - REASONS} more" if len(self.others) > REASONS else "")
        return f"none of {say.count(self.total)} {self.kind}: {why}"

    def question(self, label: str) -> str:
        """``Retry 12 of 15 nodes?``."""
        number = say.count(len(self.applies))
        of = f"{number} of {say.count(self.total)}" if self.others else number
        return f"{label[:1].upper()}{label[1:]} {of} {self.kind}?"

    def consequence(self) -> str:
        """To which it applies, and why not to the others, a line each."""
        lines = [listed(self.applies, NAMED)]
        lines += [f"Not {listed(names, NAMED)}: {why}" for why, names in self.others]
        return "\n".join(lines)


def steer_nodes(action: str, nodes: Iterable[NodeState], why_not: Callable[[NodeState], str | None]) -> Steer:
    """What the action with that ID does to `nodes`; `why_not` says why it does not apply to one."""
    make = _NODES[action]
    chosen = list(nodes)
    if action == "pause_node" and any(not node.held and why_not(node) is None for node in chosen):
        why_not = _not_held(why_not)
    requests: list[Request] = []
    applies: list[str] = []
    others: dict[str, list[str]] = {}
    for node in chosen:
        why, name = why_not(node), name_of(node.id, 40)
        if why is None:
            requests.append(make(node))
            applies.append(name)
        else:
            others.setdefault(why.removeprefix(f"{name} "), []).append(name)
    return Steer(tuple(requests), tuple(applies), _told(others), "nodes")


def _not_held(why_not: Callable[[NodeState], str | None]) -> Callable[[NodeState], str | None]:
    """Where some go on and some are held, all are held."""
    return lambda node: "held already" if node.held else why_not(node)


def steer_items(action: str, node: NodeState, chosen: Iterable[int]) -> Steer:
    """What the action with that ID does to items of a map."""
    method, items = _ITEMS.get(action), node.items
    numbers = sorted(set(chosen))
    if method is None or items is None:
        why = "that is asked of a map as a whole, on its row among the nodes"
        return Steer((), (), ((why, tuple(map(_number, numbers))),), "items")
    applies: list[int] = []
    others: dict[str, list[str]] = {}
    for item in numbers:
        why_not = _why_not_item(action, items, item)
        if why_not is None:
            applies.append(item)
        else:
            others.setdefault(why_not, []).append(_number(item))
    if action != "retry_node" and len(applies) > AT_ONCE:
        others.setdefault(f"at most {say.count(AT_ONCE)} are taken at once", []).extend(map(_number, applies[AT_ONCE:]))
        del applies[AT_ONCE:]
    requests = _item_requests(action, method, node.id, applies)
    return Steer(tuple(requests), tuple(map(_number, applies)), _told(others), "items")


def _item_requests(action: str, method: str, node: str, items: list[int]) -> list[Request]:
    if action != "retry_node":
        return [Request(method, {"node": node, "item": item}, "") for item in items]
    if not items:
        return []
    states: list[JSON] = sorted(state.value for state in RETRYABLE_STATES)
    where: dict[str, JSON] = {"items": list(ranges(items)), "state": states}
    return [Request(method, {"node": node, "where": where}, "")]


def ranges(items: Sequence[int]) -> list[str]:
    """Ascending numbers as ranges: ``3``, ``7-12``."""
    found: list[str] = []
    for _, run in groupby(enumerate(items), key=lambda pair: pair[1] - pair[0]):
        numbers = [number for _, number in run]
        found.append(str(numbers[0]) if len(numbers) == 1 else f"{numbers[0]}-{numbers[-1]}")
    return found


def _why_not_item(action: str, items: Items, item: int) -> str | None:
    at = items.state(item) if item < items.total else State.WAITING
    ended = at in ENDED
    match action:
        case "retry_node":
            return None if ended or at is State.INTERRUPTED else f"{at.value}: only what has ended is run again"
        case "mark_done":
            return None if at is State.INTERRUPTED else "only what was cut short can be marked as done"
        case "skip_node" if at is State.RUNNING:
            return "running: cancel it instead"
    return f"{how_ended(at)} already" if ended else None


def _number(item: int) -> str:
    return say.count(item)


def _told(others: Mapping[str, list[str]]) -> tuple[tuple[str, tuple[str, ...]], ...]:
    by_number = sorted(others.items(), key=lambda entry: -len(entry[1]))
    return tuple((why, tuple(names)) for why, names in by_number)
