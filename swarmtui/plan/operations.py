"""What a person writes to change a plan that runs, read into a patch and checked as a whole. Pure.

It is a list of operations, each a mapping with `op` and the `node` it is about:

    {op: add, node: check, value: {needs: scan, prompt: …}}     a new node, as a task file says it
    {op: remove, node: check}
    {op: set, node: check, field: prompt, value: …}             any key of a node; `map.limit` reaches into a mapping;
                                                                a value of null takes the key away
    {op: connect, node: check, need: scan}                      and {op: disconnect, …}
    {op: rename, node: check, to: verify}                       whatever names the node follows

The operations are applied one after the other; only what comes out of all of them has to be a plan.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from copy import deepcopy

from swarmtui.plan import checks, graph
from swarmtui.plan.build import build_nodes
from swarmtui.plan.checks import Scope
from swarmtui.plan.model import JSON, Author, Input, Node, Plan
from swarmtui.plan.patch import Patch
from swarmtui.plan.problems import Finding, Nearest, Problem, TaskError, listed, path_text, shown
from swarmtui.plan.renaming import renamed_document
from swarmtui.plan.render import node_document
from swarmtui.plan.wording import described

OPS: tuple[str, ...] = ("add", "remove", "set", "connect", "disconnect", "rename")
MOST_OPS = 10_000
_TAKES: Mapping[str, set[str]] = {"add": {"value"}, "set": {"field", "value"}, "remove": set(), "rename": {"to"}}
"""What an operation takes besides `op` and `node`; others take a need."""


def read_ops(plan: Plan, ops: JSON, *, inputs: Iterable[Input] = (), models: Collection[str] = ()) -> Patch:
    """The patch that `ops` come to. Raises TaskError with everything that is wrong: with the operations, and with the
    plan as it would be (cycles, needs and lookups that lead nowhere, nodes that nobody could carry out)."""
    editing = _Editing(plan)
    editing.take(ops)
    if editing.problems:
        raise TaskError(editing.problems)
    scope = Scope(editing.ids(), {given.name: given for given in inputs}, models, plan.team)
    written = {node_id: editing.written[node_id] for node_id in editing.written if node_id in scope.ids}
    checks.check_names(scope, "nodes", editing.added, dict.fromkeys(scope.inputs, "an input"))
    _check_cases(scope, editing.added)
    built = build_nodes(scope, written)
    kept = [node for node in plan.nodes if node.id in scope.ids and node.id not in written]
    _check_dangling(scope, kept, editing.dropped)
    _check_disconnected(scope, built, editing.disconnected)
    if not scope.findings:
        needs = {**graph.needs_of(kept), **graph.needs_of(built)}
        checks.check_graph(scope, needs)
        if plan.author is Author.PLANNER:
            checks.check_size(scope, needs)
    if scope.findings:
        raise TaskError(_problem(finding) for finding in dict.fromkeys(scope.findings))
    before = {node.id: node for node in plan.nodes}
    put = tuple(node for node in built if before.get(node.id) != node)
    return Patch(put, tuple(editing.dropped), editing.kept_names())


def _problem(finding: Finding) -> Problem:
    return Problem(None, None, None, finding.message, finding.fix, path_text(finding.path))


def _check_cases(scope: Scope, added: Iterable[str]) -> None:
    folded: dict[str, list[str]] = {}
    for node_id in scope.ids:
        folded.setdefault(node_id.casefold(), []).append(node_id)
    for node_id in added:
        others = [other for other in folded.get(node_id.casefold(), ()) if other != node_id]
        if others and others[0] not in added:
            message = f"`{shown(node_id)}` and `{shown(others[0])}` differ only in case"
            scope.report(("nodes", node_id), message, "rename one: file names are made of them", at_key=True)


def _check_dangling(scope: Scope, kept: Iterable[Node], dropped: Collection[str]) -> None:
    """Nodes that stay as they are and need one that goes."""
    if not dropped:
        return
    gone = frozenset(dropped)
    for node in kept:
        for need in node.needs:
            if need in gone:
                fix = f"disconnect {node.id} from it, or remove {node.id} too"
                scope.report(("nodes", node.id), f"{shown(node.id)} needs {shown(need)}, which would be gone", fix)


def _check_disconnected(scope: Scope, built: Iterable[Node], cut: Collection[tuple[str, str]]) -> None:
    """A need that a lookup implies is back as soon as the node is read."""
    for node in built:
        for need in node.needs:
            if (node.id, need) in cut:
                fix = f"change the text that looks {need} up as well"
                scope.report(("nodes", node.id), f"{shown(node.id)} looks {shown(need)} up, so it needs it", fix)


def _names_it(node: Node, name: str) -> bool:
    """Whether a node says another one's name, so that it changes with it. Whatever is looked up is needed, too."""
    return name in node.needs or name == node.id or any(one.lookup.partition(".")[0] == name for one in node.only_if)


class _Editing:
    """A plan's nodes as documents while operations are applied to them; what is wrong with these is kept."""

    def __init__(self, plan: Plan) -> None:
        self._nodes = {node.id: node for node in plan.nodes}
        self._nearest = Nearest()
        self.written: dict[str, JSON] = {}
        """What touched nodes say now."""
        self.added: dict[str, None] = {}
        self.dropped: dict[str, None] = {}
        self.disconnected: set[tuple[str, str]] = set()
        self.renamed: dict[str, str] = {}
        """Id at first -> id now."""
        self.problems: list[Problem] = []

    def ids(self) -> dict[str, None]:
        """The nodes that there are after all operations."""
        return {node_id: None for node_id in (*self._nodes, *self.added) if node_id not in self.dropped}

    def take(self, ops: JSON) -> None:
        """Apply operations."""
        if not isinstance(ops, list) or not ops:
            self._refuse("ops", "there is nothing to do", f"write a list of {{op: {'|'.join(OPS)}, node: …}}")
            return
        if len(ops) > MOST_OPS:
            self._refuse("ops", f"{len(ops)} operations, and a patch may have {MOST_OPS}", "make several of it")
            return
        for index, op in enumerate(ops):
            self._apply(f"ops[{index}]", op)
        if not self.problems and not self.ids():
            self._refuse("ops", "no node would be left", "cancel the session if nothing of it is wanted")

    def _refuse(self, where: str, message: str, fix: str = "") -> None:
        self.problems.append(Problem(None, None, None, message, fix, where))

    def _apply(self, where: str, op: JSON) -> None:
        name = op.get("op") if isinstance(op, dict) else None
        if name not in OPS:
            self._refuse(where, f"`op` is none of {listed(OPS)}", self._nearest.hint(str(name), OPS))
            return
        node_id = op.get("node")
        if not isinstance(node_id, str):
            self._refuse(where, f"{name} does not say which node", "give it `node: …`")
            return
        known = {"op", "node"} | _TAKES.get(name, {"need"})
        for key in op:
            if key not in known:
                self._refuse(where, f"`{shown(str(key))}` means nothing to {name}", f"it takes {listed(sorted(known))}")
        if name == "add":
            self._add(where, node_id, op.get("value"))
        elif self._document(where, node_id) is not None:
            carry_out = {"remove": self._remove, "set": self._set, "rename": self._rename}.get(name, self._wire)
            carry_out(where, node_id, op)

    def _exists(self, node_id: str) -> bool:
        return node_id not in self.dropped and (node_id in self._nodes or node_id in self.added)

    def _document(self, where: str, node_id: str) -> JSON:
        """What the node says now, to be changed in place; None, and a problem, if there is none."""
        if not self._exists(node_id):
            hint = self._nearest.hint(node_id, self.ids(), f"the nodes are {listed(self.ids())}")
            self._refuse(where, f"there is no node `{shown(node_id)}`", hint)
            return None
        if node_id not in self.written:
            self.written[node_id] = deepcopy(node_document(self._nodes[node_id]))
        return self.written[node_id]

    def _add(self, where: str, node_id: str, value: JSON) -> None:
        if self._exists(node_id):
            self._refuse(where, f"there is a node `{shown(node_id)}` already", "choose another id, or set its fields")
            return
        if not isinstance(value, dict):
            fix = "write {prompt: …} or {run: […]}, as in a task file"
            self._refuse(where, f"the value of node {shown(node_id)} must be a mapping, not {described(value)}", fix)
            return
        self.dropped.pop(node_id, None)
        if node_id not in self._nodes:
            self.added[node_id] = None
        self.written[node_id] = deepcopy(value)

    def _remove(self, where: str, node_id: str, op: Mapping[str, JSON]) -> None:
        self.written.pop(node_id, None)
        if node_id in self.added:
            del self.added[node_id]
        else:
            self.dropped[node_id] = None

    def _set(self, where: str, node_id: str, op: Mapping[str, JSON]) -> None:
        field = op.get("field")
        if not isinstance(field, str) or not field or "value" not in op:
            self._refuse(where, "set takes `field` and `value`", "write {op: set, node: a, field: prompt, value: …}")
            return
        at = self.written[node_id]
        *path, last = field.split(".")
        for part in path:
            inner = at.setdefault(part, {})
            if part == "retries" and isinstance(inner, int):
                inner = at[part] = {"limit": inner}
            if not isinstance(inner, dict):
                self._refuse(where, f"`{shown(part)}` of {shown(node_id)} is no mapping", f"set `{part}` as a whole")
                return
            at = inner
        if op["value"] is None:
            at.pop(last, None)
        else:
            at[last] = deepcopy(op["value"])

    def _rename(self, where: str, node_id: str, op: Mapping[str, JSON]) -> None:
        name = op.get("to")
        if not isinstance(name, str):
            self._refuse(where, "rename does not say how the node is to be called", "give it `to: …`")
            return
        if self._exists(name):
            self._refuse(where, f"there is a node `{shown(name)}` already", "choose another id")
            return
        names = {node_id: name}
        for other in list(self.ids()):
            said = self.written.get(other)
            if said is None and not _names_it(self._nodes[other], node_id):
                continue
            document = self.written[other] if said is not None else deepcopy(node_document(self._nodes[other]))
            self.written[other] = renamed_document(document, names)
        document = self.written[node_id]
        self._remove(where, node_id, {})
        self._add(where, name, document)
        first = next((old for old, new in self.renamed.items() if new == node_id), node_id)
        self.renamed[first] = name

    def kept_names(self) -> dict[str, str]:
        """Nodes of the plan that have other names now."""
        return {old: new for old, new in self.renamed.items() if old in self._nodes and old in self.dropped}

    def _wire(self, where: str, node_id: str, op: Mapping[str, JSON]) -> None:
        need = op.get("need")
        if not isinstance(need, str):
            self._refuse(where, f"{op['op']} does not say which need", "give it `need: …`")
            return
        document = self.written[node_id]
        written = document.get("needs", [])
        needs = [written] if isinstance(written, str) else list(written) if isinstance(written, list) else []
        if (need in needs) == (op["op"] == "connect"):
            has = "needs it already" if need in needs else "does not need it"
            self._refuse(where, f"{shown(need)}: {shown(node_id)} {has}", "leave this operation out")
            return
        if op["op"] == "connect":
            self.disconnected.discard((node_id, need))
            document["needs"] = [*needs, need]
        else:
            self.disconnected.add((node_id, need))
            document["needs"] = [one for one in needs if one != need]
            if not document["needs"]:
                del document["needs"]
