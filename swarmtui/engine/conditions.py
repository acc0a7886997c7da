"""Conditions of nodes (``if`` in a task file), judged once their needs have ended."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from swarmtui.engine.values import ValueMissing, Values
from swarmtui.plan.lookup import Lookup, LookupFailed, as_text, parse, resolve
from swarmtui.plan.model import JSON, Condition, Node
from swarmtui.session.events import AttemptFailed, AttemptStarted, Body, Event, NodeSkipped
from swarmtui.session.state import NodeState, SessionState
from swarmtui.session.vocabulary import BY_CONDITION, ErrorInfo, ErrorKind, State


class Conditions:
    """Judges the conditions of one session's nodes. `hold` is told of nodes that may start, `step` is called after
    what happened here was recorded."""

    def __init__(
        self,
        state: SessionState,
        values: Values,
        record: Callable[[Body], Event],
        hold: Callable[[str], None],
        step: Callable[[], None],
    ) -> None:
        self._state = state
        self._values = values
        self._record = record
        self._hold = hold
        self._step = step

    async def judge(self, node_id: str) -> None:
        """Find out whether a node that is ready may start; unless that was overtaken, it does, is skipped or fails."""
        node, plan_node = waits(self._state, node_id)
        if node is None or plan_node is None:
            return
        since = node.ready_mono
        found = await self._found(plan_node)
        again, same = waits(self._state, node_id)
        if again is None or same is None or same.only_if != plan_node.only_if or again.ready_mono != since:
            return
        if isinstance(found, ErrorInfo):
            self._record(AttemptStarted(node_id, again.attempts + 1))
            self._record(AttemptFailed(node_id, again.attempts, found))
        elif found:
            self._hold(node_id)
        else:
            self._record(NodeSkipped(node_id, BY_CONDITION))
        self._step()

    async def _found(self, node: Node) -> bool | ErrorInfo:
        """Whether all conditions hold; or which lookup cannot be read."""
        try:
            for condition in node.only_if:
                lookup = lookup_of(condition)
                values = await self._values.for_lookups([lookup])
                if not equals_one(resolve(lookup, values), condition.values):
                    return False
        except (ValueMissing, LookupFailed) as error:
            return ErrorInfo(ErrorKind.INPUT, f"its condition cannot be judged: {error}")
        except OSError as error:
            return ErrorInfo(ErrorKind.INPUT, f"its condition cannot be judged: {error}")
        return True


def waits(state: SessionState, node_id: str) -> tuple[NodeState | None, Node | None]:
    """The node if it is ready and has not begun."""
    node = state.nodes.get(node_id)
    if node is None or node.state is not State.READY or node.running or node.items is not None:
        return None, None
    return node, state.plan_nodes[node_id]


def lookup_of(condition: Condition) -> Lookup:
    """What a condition looks up; its text was checked when the plan was built."""
    (found,) = parse(f"{{{{ {condition.lookup} }}}}")
    if not isinstance(found, Lookup):
        raise LookupFailed(Lookup(condition.lookup), "it is no lookup")
    return found


def equals_one(value: JSON, wanted: Sequence[JSON]) -> bool:
    """Whether a value is one of those wanted. Compared as text: an output is text, whatever it stands for."""
    said = as_text(value).strip()
    return any(said == as_text(one).strip() for one in wanted)
