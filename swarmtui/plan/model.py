"""Plan, node and what each kind of node says: plain frozen values, no behaviour beyond lookups.

A plan is made by :mod:`swarmtui.plan.taskfile` (from YAML) or by the planner (from JSON); both pass the same
validation, so that whoever holds a :class:`Plan` may rely on: unique ids, every need exists, no cycle, every
``{{ }}`` lookup names an input, the item variable of the node's map, or a node that is among its ``needs``.

Values cross every boundary as JSON: :func:`plan_to_json` and :func:`plan_from_json` are exact inverses.
"""

from __future__ import annotations

import json
import re
from contextlib import suppress
from dataclasses import field
from enum import StrEnum
from functools import cache
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, Literal

from swarmtui.frozen import frozen
from swarmtui.plan.team import AgentDef, Team

if TYPE_CHECKING:
    from pydantic import TypeAdapter

JSON = Any
"""A value as ``json.loads`` returns it."""

NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}")
"""Ids of nodes, names of inputs and items. No dots: ``{{ a.b }}`` is the field b of a."""


class When(StrEnum):
    """Which ends of its needs let a node start; it is decided once all of them have ended."""

    ALL_SUCCEEDED = "all_succeeded"
    ALL_DONE = "all_done"
    ANY_SUCCEEDED = "any_succeeded"


class Author(StrEnum):
    """Who wrote a plan revision. What is not the user's own runs commands in the sandbox only."""

    USER = "user"
    PLANNER = "planner"


@frozen
class PromptSpec:
    """One call of a model. `prompt` and `system` may hold lookups."""

    prompt: str
    system: str | None = None
    model: str = "worker"
    """A tier (``planner``, ``worker``), a name from the task file's ``models``, or ``provider/model``."""
    max_tokens: int | None = None
    temperature: float | None = None
    turns: int = 1
    """Turns of the conversation at most; it ends early when an answer says ``task_complete``. With more than one the
    output is the conversation as JSON: see :mod:`swarmtui.workers.conversation`."""
    kind: Literal["prompt"] = "prompt"


@frozen
class RunSpec:
    """A command. `argv` elements may hold lookups, each of which stays one argument.

    `shell` (a script for ``sh -c``) is set instead of a program when the user asked for a shell; `argv` then holds
    its positional parameters and the script itself may hold no lookup.
    """

    argv: tuple[str, ...]
    shell: str | None = None
    cwd: str | None = None
    """Relative to the folder in which the user started; may hold lookups."""
    env: dict[str, str] = field(default_factory=dict)
    stdin: str | None = None
    ok_exit: tuple[int, ...] = (0,)
    kind: Literal["run"] = "run"


@frozen
class PythonSpec:
    """Python code, run in a child interpreter. It finds `values` (lookups resolved) as the dict ``inputs``.

    What it prints is the output; if it sets ``result``, that value as JSON is the output instead.
    Exactly one of `code` and `file` is set; a `file` is relative to the task file.
    """

    code: str | None = None
    file: str | None = None
    values: dict[str, JSON] = field(default_factory=dict)
    kind: Literal["python"] = "python"


@frozen
class MergeSpec:
    """Joins the outputs of the node's needs into one report.

    Inputs that are findings (see :mod:`swarmtui.plan.schemas`) or SARIF are merged as findings: `dedupe` removes
    those that tell the same thing about the same place, `rank` orders them. Other inputs become sections.
    """

    dedupe: bool = True
    rank: Literal["severity", "path", "none"] = "severity"
    title: str | None = None
    summary: str | None = None
    """Tier or model that writes an executive summary; left out where only the simulated model is there."""
    kind: Literal["merge"] = "merge"


@frozen
class AskSpec:
    """A question to the user. With `choices` the answer is one of them, else free text."""

    question: str
    choices: tuple[str, ...] = ()
    kind: Literal["ask"] = "ask"


OWN_AGENT = "self"
"""What an agent is called that a node defines itself."""


@frozen
class AgentSpec:
    """A task for an agent: a loop of model calls and tool calls, or a program that is one (``claude``, ``codex``, …).

    `prompt` and the texts in `context` may hold lookups.
    """

    agent: str
    """An agent of the team, or a program known by name; ``self`` where `own` defines it."""
    prompt: str
    own: AgentDef | None = None
    """Defined in the node itself."""
    model: str | None = None
    """Instead of the agent's own."""
    context: dict[str, JSON] = field(default_factory=dict)
    """Context variables: what instructions and functions find, and the model does not see by itself."""
    kind: Literal["agent"] = "agent"


@frozen
class PlanSpec:
    """A part of the plan that is planned while it runs: the planner turns `goal` into nodes, whose ends this node waits
    for. Its output is theirs: of the one that no other needs, or of all such as sections."""

    goal: str
    """May hold lookups."""
    model: str = "planner"
    instructions: str | None = None
    """What the planner is told beside its own prompt; may hold lookups."""
    approve: Literal["ask", "auto"] = "ask"
    """Whether a person approves the nodes before they run."""
    nodes: int = 12
    """Nodes that one proposal may have at most."""
    agents: tuple[str, ...] = ()
    """Agents of the team that the nodes may name; empty: all."""
    must_have: tuple[str, ...] = ()
    """Agents of the team of which each has to have a node in the first proposal."""
    iterations: int = 1
    """Proposals at most: with more than one the planner sees the results, and adds nodes or says that it is enough."""
    kind: Literal["plan"] = "plan"


Spec = PromptSpec | RunSpec | PythonSpec | MergeSpec | AskSpec | AgentSpec | PlanSpec

KINDS: tuple[str, ...] = ("prompt", "run", "python", "merge", "ask", "agent", "plan")
"""The keys of which a node has exactly one; its kind follows from it. An ``agent`` has a ``prompt`` beside it."""


@frozen
class MapSpec:
    """The node is carried out once per item. Exactly one of `path`, `values` and `node` is set."""

    name: str = "item"
    """The name by which lookups reach the item (``as`` in the task file)."""
    path: str | None = None
    """A JSONL, CSV or JSON file, relative to the task file; may hold lookups of inputs."""
    values: tuple[JSON, ...] | None = None
    node: str | None = None
    """A node whose output is a JSON array or JSONL."""
    limit: int | None = None
    tolerate: float = 0.0
    """Share of the items (0..1) that may fail before the node counts as failed."""
    duplicates: Literal["run", "skip"] = "run"
    """Whether an item that equals an earlier one is carried out too; it is reported either way."""
    field: str | None = None
    """Of an item that is an object with this field, `name` alone means the field (``lookup.GoesBy``)."""
    keep_items: bool = False
    """Whether the lines of results and failures hold the item too, as ``input``."""


@frozen
class Retry:
    """Exponential backoff with full jitter: before try k+1 wait uniform(0, min(cap_s, base_s * 2**(k-1)))."""

    limit: int = 0
    """Tries after the first one."""
    base_s: float = 1.0
    cap_s: float = 60.0
    models: tuple[str, ...] = ()
    """Tiers or models that take over: the first from the first retry on, and so forth; the last one stays."""


@frozen
class Budget:
    """What may be used up. None means no limit."""

    usd: float | None = None
    tokens: int | None = None
    """In and out."""
    minutes: float | None = None
    """Of work: time spent paused or waiting for a person does not count."""
    attempts: int | None = None
    warn: float = 0.8
    """Share of a limit (0..1) at which the user is warned."""


@frozen
class Check:
    """What an output must be for the attempt to succeed; every part that is set must hold."""

    schema: JSON | None = None
    """A JSON Schema for the output parsed as JSON, or the name of a built-in one."""
    regex: str | None = None
    min_chars: int | None = None
    max_chars: int | None = None
    command: tuple[str, ...] | None = None
    """A command that reads the output from its standard input; exit code 0 lets it pass."""


@frozen
class Condition:
    """What an output has to say for a node to run."""

    lookup: str
    """Without braces: ``coordinator.output.next``."""
    values: tuple[JSON, ...]
    """It has to equal one of these."""


@frozen
class Node:
    """One step of a plan."""

    id: str
    spec: Spec
    needs: tuple[str, ...] = ()
    """Ids whose end this node waits for: written ones and those that lookups imply, in that order, no duplicates."""
    title: str | None = None
    when: When = When.ALL_SUCCEEDED
    map: MapSpec | None = None
    retry: Retry = Retry()
    timeout_s: float | None = None
    check: Check | None = None
    pool: str | None = None
    """A named pool to share with other nodes; None: by model for prompts, ``commands`` for commands."""
    tags: tuple[str, ...] = ()
    """Each tag with a limit of its own (``limits.tags``) is one more pool that an attempt has to fit into."""
    priority: int = 0
    """Among ready nodes a higher one goes first, whatever its remaining path."""
    budget: Budget | None = None
    """What this node, or its map as a whole, may use up."""
    estimate_s: float | None = None
    side_effects: bool | None = None
    """May an attempt change the world? None: by kind (run and python may, the rest may not)."""
    retry_safe: bool = False
    """The user's word that repeating an attempt after a crash does no harm."""
    only_if: tuple[Condition, ...] = ()
    """All must hold once its needs have ended, or the node is skipped."""
    report: bool = False
    """Whether its output is a report for the user (Markdown): shown, and copied out. A merge's always is."""
    parent: str | None = None
    """The node that made this one while it ran. What has a parent is a model's work: it is never trusted."""

    @property
    def kind(self) -> str:
        """The key of the task file that made the node what it is."""
        return self.spec.kind

    @property
    def changes_world(self) -> bool:
        """Whether an attempt caught by a crash must be held for the user instead of repeated."""
        may = self.kind in ("run", "python") if self.side_effects is None else self.side_effects
        return may and not self.retry_safe


@frozen
class Limits:
    """What the user allows. None means no limit, or for `concurrency` that swarmtui chooses."""

    concurrency: int | None = None
    """Attempts running at once, over all pools."""
    pools: dict[str, int] = field(default_factory=dict)
    """The same per pool."""
    usd: float | None = None
    tokens: int | None = None
    minutes: float | None = None
    attempts: int | None = None
    warn: float = 0.8
    """Share of a budget at which the user is warned."""
    tags: dict[str, int] = field(default_factory=dict)
    """Attempts running at once among nodes with that tag."""
    ramp_s: float = 0.0
    """Seconds at least between two growths of a pool, by one attempt each, over what has run in it at once so far."""
    frozen: dict[str, int] = field(default_factory=dict)
    """Of a provider's pool: calls in flight, at which the user holds it whatever its pacer learns."""
    replan: int = 0
    """So often the planner is asked for a change of the plan when something failed."""
    replan_approve: Literal["ask", "auto"] = "ask"
    """Whether a person approves such a change."""

    @property
    def budget(self) -> Budget:
        """What the session may use up."""
        return Budget(self.usd, self.tokens, self.minutes, self.attempts, self.warn)


@frozen
class ModelRef:
    """Where a model answers. `provider` names an entry of the catalogue, or ``custom`` with `base_url` set."""

    provider: str
    model: str
    dialect: str = "openai-chat"
    base_url: str | None = None
    api_key_env: str | None = None
    price_in: float | None = None
    """US dollars per million input tokens; None: unknown, never taken for zero."""
    price_out: float | None = None
    context: int | None = None
    price_cached: float | None = None
    """Of input tokens that the provider had cached; None: as other input."""
    price_source: str = ""
    """Who says what it costs: the user, or a list of published prices with its version."""

    @property
    def name(self) -> str:
        """``provider/model``, also the name of the pool."""
        return f"{self.provider}/{self.model}"

    @property
    def simulated(self) -> bool:
        """Whether answers are made up by the built-in stand-in and must be labelled so."""
        return self.dialect == "simulated"


@frozen
class Plan:
    """The graph to run."""

    goal: str
    nodes: tuple[Node, ...] = ()
    title: str | None = None
    author: Author = Author.USER
    team: Team = Team()

    def node(self, node_id: str) -> Node:
        """The node called `node_id`; KeyError if there is none. O(n): keep a dict where it is asked often."""
        for node in self.nodes:
            if node.id == node_id:
                return node
        raise KeyError(node_id)


@frozen
class Input:
    """A value that the user may set with ``--set name=value``."""

    name: str
    default: JSON = None
    help: str = ""
    required: bool = False


@frozen
class Task:
    """A task file, validated. `plan` is None when the planner is to write the nodes."""

    goal: str
    path: str | None = None
    """The task file, absolute; None for a goal given on the command line."""
    title: str | None = None
    inputs: tuple[Input, ...] = ()
    models: dict[str, str | ModelRef] = field(default_factory=dict)
    """Tier or local name -> ``provider/model`` or where it answers."""
    limits: Limits = Limits()
    plan: Plan | None = None
    team: Team = Team()
    """The same as the plan's where there is one; what the planner may use where there is none."""


@cache
def _adapter() -> TypeAdapter[Plan]:
    from pydantic import TypeAdapter

    return TypeAdapter(Plan)


def plan_to_json(plan: Plan) -> JSON:
    """`plan` as JSON values; what equals its default is left out, but for each node's kind."""
    data = _adapter().dump_python(plan, mode="json", exclude_defaults=True)
    for node, dumped in zip(plan.nodes, data.get("nodes", ()), strict=True):
        dumped["spec"]["kind"] = node.kind
    return data


def plan_from_json(data: JSON) -> Plan:
    """The plan that `data` describes. Raises ``pydantic.ValidationError`` if its shape is not a plan's, ValueError for
    a node by a name that none can have: files are named after nodes.

    That alone is checked here: a plan from outside goes through :mod:`swarmtui.plan.taskfile`.
    """
    with suppress(LookupError, TypeError, ValueError):
        data = {**data, "nodes": [{**node, "spec": _spec_from_json(node["spec"])} for node in data["nodes"]]}
    plan = _adapter().validate_python(data)
    for node in plan.nodes:
        if not NAME.fullmatch(node.id):
            raise ValueError(f"{node.id[:80]!a} is no name of a node")
    return plan


def _spec_from_json(data: JSON) -> Spec:
    """The spec, by its kind: trying one kind after the other would take half the time of reading a plan."""
    spec: Spec = _spec_adapters()[data["kind"]].validate_python(data)
    return spec


@cache
def _spec_adapters() -> dict[str, TypeAdapter[Any]]:
    from pydantic import TypeAdapter

    specs = (PromptSpec, RunSpec, PythonSpec, MergeSpec, AskSpec, AgentSpec, PlanSpec)
    return {kind: TypeAdapter(spec) for kind, spec in zip(KINDS, specs, strict=True)}


def plan_hash(plan: Plan) -> str:
    """BLAKE2b-16 (hex) of the plan's JSON: what an approval is bound to."""
    text = json.dumps(plan_to_json(plan), sort_keys=True, separators=(",", ":"))
    return blake2b(text.encode(), digest_size=16).hexdigest()
