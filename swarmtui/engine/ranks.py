"""How long nodes will take, and so which of them lies on the longest remaining path.

The remaining path is the upward rank of HEFT (Topcuoglu, Hariri, Wu, "Performance-effective and low-complexity task
scheduling for heterogeneous computing", 2002). A node's duration comes from what is known of it, best first: earlier
attempts of this very node of this task; earlier attempts of its kind and profile (its model, or else its pool), those
of this session included, once there are :data:`ENOUGH`; the planner's estimate. Nodes of which nothing is known count
as the mean of the others, so that with nothing known at all every node counts the same. A map takes as long as its
items take one after another, divided by how many of them run at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import blake2b
from math import ceil, exp, inf, log
from typing import NamedTuple

from swarmtui.plan import graph
from swarmtui.plan.model import Node
from swarmtui.session.pools import QUESTIONS, model_name, model_of, pool_limit, pool_of, team_of
from swarmtui.session.state import NodeState, SessionState
from swarmtui.session.vocabulary import State

ENOUGH = 3
"""Attempts of a kind and profile before their mean beats an estimate of the node itself."""
LONGEST_S = 1e7
SHORTEST_S = 1e-6


class Took(NamedTuple):
    """How long attempts took: a lognormal distribution. `n` may be a fraction, since old attempts count less."""

    n: float
    mean: float
    """Of the natural logarithm of seconds."""
    variance: float = 0.0
    """Of the same."""

    @property
    def expected_s(self) -> float:
        """The mean duration."""
        return min(LONGEST_S, exp(min(50.0, self.mean + self.variance / 2)))

    def with_(self, other: Took) -> Took:
        """Both together: Chan, Golub and LeVeque, "Updating formulae and a pairwise algorithm", 1979."""
        count = self.n + other.n
        if count <= 0:
            return self
        gap, share = other.mean - self.mean, other.n / count
        variance = self.variance * (1 - share) + other.variance * share + gap * gap * share * (1 - share)
        return Took(count, self.mean + gap * share, variance)


class Key(NamedTuple):
    """Of which attempts: of a kind and profile, or with `task` and `node` of that node of that task alone."""

    kind: str
    profile: str
    task: str = ""
    node: str = ""


Known = Mapping[Key, Took]


def task_of(state: SessionState) -> str:
    """By what a task is known again: a hash of its file's path, or of its goal if it has none."""
    return blake2b((state.task_path or state.goal).encode("utf-8", "replace"), digest_size=12).hexdigest()


def profile_of(state: SessionState, node: Node) -> str:
    """What carries the node out: its model, or else its pool."""
    ref = model_of(state, node)
    return pool_of(state, node) if ref is None else ref.name


def observed(state: SessionState, since: float = 0.0) -> dict[Key, Took]:
    """What this session shows so far of durations, per node and per kind and profile; O(nodes).

    With `since` only nodes that ended after that session second, so that what several hosts of one session show is
    counted once.
    """
    found: dict[Key, Took] = {}
    task = task_of(state)
    for node in state.nodes.values():
        plan_node = state.plan_nodes.get(node.id)
        if since and (node.ended_mono is None or node.ended_mono <= since):
            continue
        took = None if plan_node is None or plan_node.kind == "ask" else _took(state, node)
        if took is None or plan_node is None:
            continue
        key = Key(plan_node.kind, profile_of(state, plan_node))
        before = found.get(key)
        found[key] = took if before is None else before.with_(took)
        found[Key(*key[:2], task, node.id)] = took
    return found


def _took(state: SessionState, node: NodeState) -> Took | None:
    if node.items is not None:
        service = state.measures.of_node(node.id).service
        fit = service.lognormal()
        return None if fit is None else Took(float(service.n), log(max(fit[0], SHORTEST_S)), fit[1] ** 2)
    if node.state is not State.SUCCEEDED or node.ended_mono is None or node.started_mono is None or not node.busy_s:
        return None
    return Took(1.0, log(max(node.ended_mono - node.started_mono, SHORTEST_S)))


def priority_of(state: SessionState, node: Node) -> int:
    """The node's priority: what a person gave it while it ran, 0 included, else the plan's."""
    given = state.nodes[node.id].priority
    return node.priority if given is None else given


def remaining_paths(state: SessionState, known: Known) -> dict[str, float]:
    """Node -> seconds from its start to the end of all that needs it; O(nodes + needs)."""
    nodes = state.plan.nodes if state.plan else ()
    durations = _durations(state, known)
    default = sum(durations.values()) / len(durations) if durations else 1.0
    for node in nodes:
        times = _rounds(state, node) if node.map is not None else 1
        if times > 1:
            durations[node.id] = durations.get(node.id, default) * times
    return graph.upward_rank(graph.needs_of(nodes), durations, default)


def all_alike(state: SessionState, known: Known) -> bool:
    """Whether no duration can tell one node from another: then nothing that a session shows changes the order."""
    nodes = state.plan.nodes if state.plan else ()
    if any(node.estimate_s is not None or node.map is not None for node in nodes):
        return False
    team = team_of(state)
    if len({(node.kind, model_name(node, 0, team), node.pool) for node in nodes}) > 1:
        return False
    task = task_of(state)
    return not any(key.task == task for key in known)


def _durations(state: SessionState, known: Known) -> dict[str, float]:
    """Seconds of one attempt, of the nodes of which anything is known."""
    task = task_of(state)
    own = {key.node: (key, took) for key, took in known.items() if key.task == task}
    seen = _seen(state)
    kin: dict[tuple[str, str | None, str | None], tuple[Key, float | None]] = {}
    durations: dict[str, float] = {}
    team = team_of(state)
    for node in state.plan.nodes if state.plan else ():
        group = (node.kind, model_name(node, 0, team), node.pool)
        if group not in kin:
            key = Key(node.kind, profile_of(state, node))
            kin[group] = key, _of_kin(known.get(key), seen.get(key))
        key, seconds = kin[group]
        mine = own.get(node.id)
        if mine is not None and mine[0][:2] == key[:2]:
            seconds = mine[1].expected_s
        if seconds is None:
            seconds = node.estimate_s
        if seconds is not None:
            durations[node.id] = seconds
    return durations


def _of_kin(before: Took | None, now: Took | None) -> float | None:
    took = before.with_(now) if before and now else before or now
    return took.expected_s if took is not None and took.n >= ENOUGH else None


def _seen(state: SessionState) -> dict[Key, Took]:
    """What this session shows of kinds and profiles."""
    return {key: took for key, took in observed(state).items() if not key.node} if state.starts else {}


def _rounds(state: SessionState, node: Node) -> int:
    """How many attempts at a map run one after another, as far as its items are known."""
    known = state.nodes[node.id].items
    count = len(node.map.values or ()) if known is None and node.map else known.total - known.ended if known else 0
    pool = pool_of(state, node)
    return ceil(count / max(1, inf if pool == QUESTIONS else pool_limit(state, pool)))
