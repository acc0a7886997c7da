"""From a decision to an attempt that a worker can carry out: lookups resolved, items read, results gathered."""

from __future__ import annotations

import asyncio
from functools import partial
from hashlib import blake2b
from pathlib import Path

from swarmtui.engine.artefacts import Artefacts, write_map_files
from swarmtui.engine.expansion import Expansion, FoundItems
from swarmtui.engine.grants import with_grants
from swarmtui.engine.items import ItemStore
from swarmtui.engine.ports import Attempt, NodeResult
from swarmtui.engine.scarcity import scarce_error, scarcity_of
from swarmtui.engine.sources import ItemsError
from swarmtui.engine.subagents import acts_for, depth_of
from swarmtui.engine.threads import ThreadLost, thread_of
from swarmtui.engine.values import ValueMissing, Values
from swarmtui.plan.lookup import LookupFailed, render_spec
from swarmtui.plan.model import JSON, AgentSpec, Author, MergeSpec, Node, PlanSpec
from swarmtui.plan.team import Team
from swarmtui.session.log import Log
from swarmtui.session.pools import model_name, model_of, team_of
from swarmtui.session.state import SessionState
from swarmtui.session.vocabulary import ErrorInfo, ErrorKind


def attempt_id(node: str, item: int | None, number: int) -> str:
    """``node/item/number``, or ``node//number``: unique in a session."""
    return f"{node}/{'' if item is None else item}/{number}"


class Dispatcher:
    """Prepares attempts of one session."""

    def __init__(self, state: SessionState, log: Log, artefacts: Artefacts, task_folder: Path) -> None:
        self._state = state
        self._log = log
        self._artefacts = artefacts
        self._task_folder = task_folder
        self.values = Values(state, artefacts, log.blob)
        self._items = ItemStore(log.blob)
        self._expansion = Expansion(state, log, artefacts, task_folder, self.values)

    def forget_plan(self) -> None:
        """The plan was replaced."""
        self.values.forget_plan()

    async def prepare(self, node_id: str, item: int | None, number: int) -> Attempt | ErrorInfo:
        """The attempt with every lookup resolved, or why it cannot be made."""
        state = self._state
        node, plan_node = state.nodes[node_id], state.plan_nodes[node_id]
        tries = node.tries_of(item) - 1  # but for this one, which counts already
        ref, name = model_of(state, plan_node, tries), model_name(plan_node, tries, team_of(state))
        # A summary whose only model is the stand-in is left out on purpose; all else that is named must be there.
        if ref is None and name is not None and (tries > 0 or not isinstance(plan_node.spec, MergeSpec)):
            known = ", ".join(state.models) or "none"
            return ErrorInfo(ErrorKind.INPUT, f"no model {name!r} in this session; it has {known}")
        try:
            value = None
            if item is not None and node.items is not None:
                value = await self._items.item(node.items.chunks, item)
            values = await self.values.of(plan_node, value)
            spec = render_spec(plan_node.spec, values)
            results: tuple[NodeResult, ...] = ()
            if isinstance(spec, MergeSpec):
                results = await self.values.results(plan_node)
            thread: tuple[JSON, ...] = ()
            if isinstance(spec, AgentSpec | PlanSpec):
                forked = 0 if state.parent is None else state.parent.seq
                thread = await thread_of(self._log, node_id, item, node.thread_seq, self.values.told, forked=forked)
        except (ValueMissing, LookupFailed, ItemsError, ThreadLost) as error:
            return ErrorInfo(ErrorKind.INPUT, str(error))
        except OSError as error:
            scarcity = scarcity_of(error)
            if scarcity is not None:
                return scarce_error(scarcity)
            return ErrorInfo(ErrorKind.INPUT, f"an output could not be written for {node_id}: {error}")
        return Attempt(
            id=attempt_id(node_id, item, number),
            session=state.id,
            node=node_id,
            item=item,
            number=number,
            key=self._key(plan_node, item, number),
            spec=spec,
            cwd=state.cwd,
            folder=self._artefacts.attempt_path(node_id, number, map_item=item is not None),
            task_folder=str(self._task_folder),
            trusted=state.plan is not None and state.plan.author is Author.USER and plan_node.parent is None,
            model=ref,
            check=plan_node.check,
            timeout_s=plan_node.timeout_s,
            results=results,
            title=state.title or state.goal,
            thread=thread,
            team=self._team(plan_node),
            models=dict(state.models) if isinstance(spec, AgentSpec | PlanSpec) else {},
            depth=depth_of(state, node_id),
            acts_for=acts_for(state, node_id),
            tainted=self._tainted(plan_node),
            may_wait=item is None,
        )

    def _team(self, node: Node) -> Team:
        """Who may work in the node, with what the user has allowed them since the plan was approved."""
        team = team_of(self._state)
        return with_grants(team, self._state.granted, node.id) if isinstance(node.spec, AgentSpec) else team

    def _tainted(self, plan_node: Node) -> bool:
        """As :attr:`Attempt.tainted`. What nodes tell that it made itself is in its thread, at its place."""
        nodes, plan_nodes = self._state.nodes, self._state.plan_nodes
        inputs = (need for need in plan_node.needs if plan_nodes[need].parent != plan_node.id)
        return plan_node.parent is not None or any(nodes[need].tainted for need in inputs)

    def _key(self, node: Node, item: int | None, number: int) -> str:
        text = f"{self._state.id}/{attempt_id(node.id, item, number)}/{self._state.plan_rev}"
        return blake2b(text.encode(), digest_size=16).hexdigest()

    # -- maps ---------------------------------------------------------------------------------------------

    async def read_items(self, node_id: str) -> FoundItems | ErrorInfo:
        """Read a map's items into the session file."""
        return await self._expansion.read(node_id)

    async def write_results(self, node_id: str) -> Path:
        """Write a map's ``results.jsonl`` (item order) and ``failures.jsonl``; the first one's path.

        Everything recorded of it must be committed. Done in a thread, over a connection of its own. Raises OSError.
        """
        items, spec = self._state.nodes[node_id].items, self._state.plan_nodes[node_id].map
        if items is None or spec is None:
            raise ValueMissing(f"{node_id} has no items")
        write = partial(write_map_files, inputs=spec.keep_items)
        return await asyncio.to_thread(write, self._log.path, self._artefacts, node_id, items.frozen())
