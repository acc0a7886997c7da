"""Tasks of an ``.orchestrator`` folder that an earlier session has finished, and that need not be done again.

A result names the *key* of its task: a hash of what the worker was told, of the files it was given, and of the keys of
the tasks whose results it had. A task whose file says Completed is taken over if its result is there with the key that
the task has now, and if everything that it needs is taken over too.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, replace
from hashlib import blake2b
from pathlib import Path

from swarmtui.plan import graph
from swarmtui.plan.lookup import LookupFailed, TemplateError, literal, render
from swarmtui.plan.model import Node, Retry, RunSpec

RESULTS = "results"

_KEY = re.compile(r"<!-- swarmtui task ([0-9a-f]{32}) -->")
_HEAD_BYTES = 4_096


def mark(key: str) -> str:
    """The line that ends the head of a result."""
    return f"<!-- swarmtui task {key} -->"


def reads_file(node: Node) -> bool:
    """Whether a node reads a file of the project for tasks."""
    return isinstance(node.spec, RunSpec) and node.spec.argv[:2] == ("cat", "--")


def earlier_key(node: Node) -> str | None:
    """The key of a task that is taken over; None for any other node."""
    if not isinstance(node.spec, RunSpec) or node.spec.argv[:1] != ("sed",):
        return None
    found = _KEY.search(node.spec.argv[1])
    return found and found[1]


def keys_of(nodes: Iterable[Node], content: Callable[[Node], str | None]) -> dict[str, str]:
    """The key of each node; those whose `content` (of a node that reads a file) is not known have none, nor has what
    needs them."""
    by_id = {node.id: node for node in nodes}
    keys: dict[str, str] = {}
    for node_id in graph.topological_order(graph.needs_of(by_id.values())):
        node = by_id[node_id]
        earlier = earlier_key(node)
        if earlier is not None:
            keys[node_id] = earlier
            continue
        said = content(node) if reads_file(node) else json.dumps(asdict(node.spec), sort_keys=True)
        needs = [keys.get(need) for need in node.needs]
        if said is not None and None not in needs:
            made_of = json.dumps([said, sorted(filter(None, needs))])
            keys[node_id] = blake2b(made_of.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
    return keys


def with_results(nodes: Iterable[Node], done: Iterable[str], folder: Path) -> list[Node]:
    """`nodes`, of which those of `done` that have not changed since take over their results in `folder`."""
    nodes, done = list(nodes), frozenset(done)
    keys = keys_of(nodes, _file_of)
    by_id: Mapping[str, Node] = {node.id: node for node in nodes}
    taken: dict[str, Node] = {node.id: node for node in nodes if reads_file(node)}
    for node_id in graph.topological_order(graph.needs_of(nodes)):
        path = folder / RESULTS / f"{node_id}-result.md"
        if (
            node_id in done
            and all(need in taken for need in by_id[node_id].needs)
            and _key_in(path) == keys.get(node_id)
        ):
            taken[node_id] = _taken_over(by_id[node_id], keys[node_id], path)
    return [taken.get(node.id, node) for node in nodes]


def _taken_over(node: Node, key: str, path: Path) -> Node:
    spec = RunSpec(("sed", f"1,/^{mark(key)}$/d", "--", literal(str(path))))
    return replace(node, spec=spec, retry=Retry(), pool=None, check=None, side_effects=False, estimate_s=None)


def _file_of(node: Node) -> str | None:
    """What is in the file that a node reads."""
    if not isinstance(node.spec, RunSpec):
        return None
    try:
        return Path(render(node.spec.argv[2], {})).read_text("utf-8", "replace")
    except (OSError, LookupFailed, TemplateError):
        return None


def _key_in(path: Path) -> str | None:
    """The key that a result names; empty, which no task has, if there is none."""
    try:
        with path.open("rb") as file:
            found = _KEY.search(file.read(_HEAD_BYTES).decode("utf-8", "replace"))
    except OSError:
        return ""
    return found[1] if found else ""
