"""The task-file language as pydantic models: every key, what it takes, and what it says in the editor.

These models see what comes from outside (YAML, a planner's JSON) and nothing else: :mod:`swarmtui.plan.build` turns
them into the values of :mod:`swarmtui.plan.model`, :mod:`swarmtui.plan.schema` into a JSON Schema, and
:mod:`swarmtui.plan.wording` their complaints into plain language. What one value cannot tell (cycles, unknown
names) is in :mod:`swarmtui.plan.checks`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, ConfigDict, Field, Tag, WithJsonSchema

from swarmtui.plan.model import KINDS, NAME
from swarmtui.plan.shapes import (
    Argument,
    Bounded,
    Name,
    Outside,
    PositiveSeconds,
    Seconds,
    Text,
    all_of,
    env_names,
    one_of,
    optional,
    without_null,
)
from swarmtui.plan.team_language import (
    AgentLimitsModel,
    AgentModel,
    PlanModel,
    RuleModel,
    SearchModel,
    ServerModel,
)

TIERS: tuple[str, ...] = ("planner", "worker", "small", "medium", "large")
"""Models that every task has without defining them."""

BESIDE: dict[str, tuple[str, ...]] = {"agent": ("prompt",)}
"""Kinds beside whose key another kind's key stands as its own."""


def _node_schema(schema: dict[str, Any]) -> None:
    without_null(schema)
    one = [kind for kind in KINDS if kind not in ("prompt", "agent")]
    schema["oneOf"] = [
        *({"required": [kind]} for kind in one),
        {"required": ["prompt"], "not": {"required": ["agent"]}},
        {"required": ["agent", "prompt"]},
    ]


class InputModel(Outside):
    """A value that the user may set with --set name=value."""

    default: Any = optional("Its value when the user sets none; values that are set take the type of this one.")
    help: str = Field(default="", description="What it is for.")
    required: bool = Field(default=False, description="Whether the user has to set it.")


class PriceModel(Outside):
    """US dollars per million tokens."""

    in_: float = Field(alias="in", ge=0, description="US dollars per million input tokens.")
    out: float = Field(ge=0, description="US dollars per million output tokens.")
    cached: float = optional("US dollars per million input tokens that the provider had cached.", ge=0)


class ModelModel(Outside):
    """Where a model answers."""

    model: Name = Field(description="The provider's name of the model.")
    dialect: Literal["openai-chat", "anthropic", "gemini", "simulated"] = Field(
        default="openai-chat", description="The protocol that the endpoint speaks."
    )
    base_url: str = optional("Where the endpoint is, such as http://localhost:8000/v1.", pattern=r"^https?://\S+$")
    api_key_env: str = optional("The environment variable that holds the key.", pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")
    price: PriceModel = optional("What it costs; without it the catalogue's price, or unknown.")
    context: int = optional("Tokens of its context window.", gt=0)
    provider: str = optional("A provider of the catalogue; not needed with base_url.", pattern=r"^[^\s/]+$")


class BudgetModel(Outside):
    """What a session may use up; new starts stop when any of it is used up."""

    usd: float = optional("US dollars.", ge=0)
    tokens: int = optional("Tokens, in and out.", ge=0)
    minutes: float = optional("Minutes of work; time spent paused or waiting for a person does not count.", ge=0)
    attempts: int = optional("Attempts, retries included.", ge=0)
    warn: float = Field(default=0.8, gt=0, le=1, description="Share of a limit (0 to 1) at which you are warned.")


class LimitsModel(Outside):
    """What the user allows."""

    concurrency: Annotated[
        Annotated[Literal["auto"], Tag("auto")]
        | Annotated[int, Field(ge=1), Tag("number")]
        | Annotated[dict[str, Annotated[int, Field(ge=1)]], Tag("pools")],
        one_of(
            "auto, a number, or numbers per pool",
            "write auto, 8 or {all: 16, commands: 2}",
            auto=str,
            number=int,
            pools=dict,
        ),
    ] = Field(
        default="auto", description="Attempts running at once: auto, a number, or numbers per pool; `all` is the total."
    )
    budget: BudgetModel = optional("What the session may use up.")
    tags: dict[str, Annotated[int, Field(ge=1)]] = optional("Attempts running at once among nodes with a tag, per tag.")
    ramp: Seconds = Field(
        default=0.0,
        description="Least time between two growths of a pool, by one attempt each, over what has run in it at once.",
    )
    replan: Annotated[int, Field(ge=0, le=10)] = Field(
        default=0, description="How often the planner is asked for a change of the plan when something failed."
    )
    replan_approve: Literal["ask", "auto"] = Field(
        default="ask", description="Whether you approve such a change before it runs."
    )


Items = Annotated[
    Annotated[Name, Tag("reference")] | Annotated[list[Any], Tag("values")],
    one_of("a file, a node or a list", "write docs.jsonl, the id of a node, or [a, b]", reference=str, values=list),
]


class MapModel(Outside):
    """The node is carried out once per item."""

    items: Items = Field(description="A JSONL, CSV or JSON file, a list, or the id of a node whose output is an array.")
    as_: str = Field(default="item", alias="as", pattern=f"^{NAME.pattern}$", description="How lookups call the item.")
    limit: int = optional("Take the first so many items only.", ge=1)
    tolerate: float = Field(default=0.0, ge=0, le=1, description="Share of items (0 to 1) that may fail.")
    duplicates: Literal["run", "skip"] = Field(
        default="run", description="Whether items that equal an earlier one are carried out too; they are reported."
    )
    field: Name = optional("What the item's name alone stands for where the item is an object that has this field.")
    keep_items: bool = Field(default=False, description="Whether results and failures hold each item too, as `input`.")


class RetriesModel(Outside):
    """Tries after the first one, with growing pauses between them."""

    limit: int = Field(default=0, ge=0, le=1000, description="Tries after the first one.")
    base: Seconds = Field(default=1.0, description="Longest pause before the second try; it doubles with each try.")
    cap: Seconds = Field(default=60.0, description="Longest pause of all.")
    models: list[Name] = optional("Tiers or models that take over on retry, one after the other.")


class CheckModel(Outside):
    """What an output must be for the attempt to succeed."""

    schema_: Annotated[
        Annotated[Name, Tag("name")] | Annotated[dict[str, Any], Tag("schema")],
        one_of(
            "the name of a built-in schema, a JSON file, or a JSON Schema",
            "write findings, schema.json, or {type: object, …}",
            name=str,
            schema=dict,
        ),
    ] = optional(
        "A JSON Schema for the output read as JSON, the name of a built-in one, or a .json file beside the task.",
        alias="schema",
    )
    regex: Bounded = optional("A regular expression (Python) that must be found in the output.")
    min_chars: int = optional("The fewest characters.", ge=0)
    max_chars: int = optional("The most characters.", ge=0)
    command: Annotated[list[Argument], Field(min_length=1)] = optional(
        "A command that reads the output from its standard input; exit code 0 lets it pass."
    )


Arguments = Annotated[list[Argument], Field(min_length=1)]


class RunModel(Outside):
    """A command: `argv`, or a `shell` script with `args`."""

    argv: Arguments = optional("Program and arguments; each lookup stays one argument.")
    shell: Text = optional("A script for sh -c; it holds no lookups, they go into args.")
    args: list[Argument] = optional("What the script gets as $1, $2, …; may hold lookups.")
    cwd: Argument = optional("Folder to run in, relative to the one the user started in.")
    env: Annotated[dict[str, Argument], AfterValidator(env_names)] = optional("Environment variables to set.")
    stdin: Bounded = optional("What the command reads from its standard input.")
    ok_exit: Annotated[
        Annotated[int, Field(ge=0, le=255), Tag("code")]
        | Annotated[list[Annotated[int, Field(ge=0, le=255)]], Field(min_length=1), Tag("codes")],
        one_of("an exit code or a list of them", "write 0 or [0, 1]", code=int, codes=list),
    ] = Field(default=0, description="Exit codes that mean success.")


class PythonModel(Outside):
    """Python code, or a file of it; it finds the values of `with` in the dict `inputs`."""

    code: Text = optional("The code; it holds no lookups, they go into with.")
    file: Name = optional("A file of code, relative to the task file.")
    with_: dict[str, Any] = optional("Values for the code; may hold lookups.", alias="with")


class MergeModel(Outside):
    """Joins the outputs of the node's needs into one report."""

    dedupe: bool = Field(default=True, description="Whether findings that tell the same are told once.")
    rank: Literal["severity", "path", "none"] = Field(default="severity", description="How findings are ordered.")
    title: Bounded = optional("Title of the report.")
    summary: Name = optional("Tier or model that writes a summary.")


class AskModel(Outside):
    """A question to the user."""

    question: Text = Field(description="What to ask; may hold lookups.")
    choices: Annotated[list[Text], Field(min_length=1)] = optional("The answers to choose from; without it free text.")


_WRITE_RUN = "write a list such as [git, status], or {shell: …} for a script"

Needs = Annotated[
    Annotated[str, Tag("one")] | Annotated[list[str], Tag("several")],
    one_of("an id or a list of ids", "write needs: a or needs: [a, b]", one=str, several=list),
    AfterValidator(all_of),
]


class NodeModel(Outside):
    """One step: exactly one of prompt, run, python, merge, ask, agent and plan, and how it is to be done."""

    model_config = ConfigDict(json_schema_extra=_node_schema)

    title: Bounded = optional("What people read instead of the id.")
    needs: Needs = optional("Ids of the nodes to wait for; a lookup of a node is a need by itself.")
    when: Literal["all_succeeded", "all_done", "any_succeeded"] = Field(
        default="all_succeeded", description="Which ends of its needs let it start."
    )
    map: MapModel = optional("Carry it out once per item.")
    prompt: Text = optional("What a model is asked; may hold lookups.")
    system: Bounded = optional("The system prompt; may hold lookups.")
    model: Name = optional("A tier (planner, worker), a name from models, or provider/model.")
    max_tokens: int = optional("The most tokens that the model may answer.", ge=1)
    temperature: float = optional("Sampling temperature.", ge=0, le=2)
    turns: int = optional(
        "Turns of the conversation at most; an answer that says task_complete ends it.", ge=1, le=1000
    )
    run: Annotated[
        Annotated[Arguments, Tag("argv")] | Annotated[RunModel, Tag("mapping")],
        one_of("a list of arguments or a mapping", _WRITE_RUN, argv=list, mapping=dict),
    ] = optional("A command.")
    python: Annotated[
        Annotated[Text, Tag("code")] | Annotated[PythonModel, Tag("mapping")],
        one_of("code or a mapping", "write the code, or {file: …, with: {…}}", code=str, mapping=dict),
    ] = optional("Python code, run in an interpreter of its own.")
    with_: dict[str, Any] = optional("Values for the code of a python node; may hold lookups.", alias="with")
    merge: Annotated[
        Annotated[Literal[True], Tag("plain")] | Annotated[MergeModel, Tag("mapping")],
        one_of("true or a mapping", "write merge: true, or {rank: severity, …}", plain=bool, mapping=dict),
    ] = optional("Join the outputs of its needs into one report.")
    ask: Annotated[
        Annotated[Text, Tag("question")] | Annotated[AskModel, Tag("mapping")],
        one_of(
            "a question or a mapping", "write the question, or {question: …, choices: […]}", question=str, mapping=dict
        ),
    ] = optional("Ask the user.")
    agent: Annotated[
        Annotated[Name, Tag("name")] | Annotated[AgentModel, Tag("mapping")],
        one_of("the name of an agent or a mapping", "write researcher, or {instructions: …}", name=str, mapping=dict),
    ] = optional("An agent that does what `prompt` says: one of `agents`, a program such as claude, or defined here.")
    context: dict[str, Any] = optional("Context variables of an agent; may hold lookups.")
    plan: Annotated[
        Annotated[Text, Tag("goal")] | Annotated[PlanModel, Tag("mapping")],
        one_of("a goal or a mapping", "write the goal, or {goal: …, approve: auto}", goal=str, mapping=dict),
    ] = optional("Plan this part while the plan runs.")
    if_: Annotated[dict[str, Any], Field(min_length=1)] = optional(
        "Run only if each of these outputs has the value, or one of the values: {triage.output.next: [a, b]}.",
        alias="if",
    )
    report: bool = Field(default=False, description="Whether its output is a report for you; a merge's always is.")
    parent: Name = optional("The node that made this one while it ran; set by swarmtui.")
    check: CheckModel = optional("What the output must be; success is defined, not assumed.")
    retries: Annotated[
        Annotated[int, Field(ge=0, le=1000), Tag("limit")] | Annotated[RetriesModel, Tag("mapping")],
        one_of("a number or a mapping", "write 3 or {limit: 3, base: 1, cap: 60}", limit=int, mapping=dict),
    ] = optional("Tries after the first one.")
    timeout: PositiveSeconds = optional("The most time for one attempt: seconds, or such as 90s, 5m, 1h.")
    pool: Name = optional("A named pool to share with other nodes.")
    tags: Annotated[
        Annotated[str, Tag("one")] | Annotated[list[str], Tag("several")],
        one_of("a tag or a list of tags", "write tags: slow or tags: [slow, gpu]", one=str, several=list),
        AfterValidator(all_of),
    ] = optional("Tags; `limits.tags` says how many attempts run at once among nodes with one.")
    priority: int = Field(default=0, ge=-1000, le=1000, description="Among ready nodes a higher one goes first.")
    budget: BudgetModel = optional("What this node, or its map as a whole, may use up.")
    estimate: Seconds = optional("How long an attempt is expected to take.")
    side_effects: bool = optional("Whether an attempt may change the world; run and python may, unless told.")
    retry_safe: bool = Field(default=False, description="Whether it may be repeated by itself after a crash.")


_SCALAR_OR_LIST: tuple[type, ...] = (str, int, float, bool, type(None), list)

InputShape = Annotated[
    Annotated[Any, Tag("default"), WithJsonSchema({"type": ["string", "number", "boolean", "null", "array"]})]
    | Annotated[InputModel, Tag("mapping")],
    one_of("a default or a mapping", "write a value or {default: …, help: …}", default=_SCALAR_OR_LIST, mapping=dict),
]
ModelShape = Annotated[
    Annotated[str, Field(pattern=r"^[^\s/]+/\S+$"), Tag("name")] | Annotated[ModelModel, Tag("mapping")],
    one_of(
        "provider/model or a mapping",
        "write deepseek/deepseek-chat, or {base_url: …, model: …}",
        name=str,
        mapping=dict,
    ),
]


class TaskModel(Outside):
    """A task file: a goal, and as much of the way to it as the user wants to say."""

    goal: Text = Field(description="What is to be achieved.")
    title: Bounded = optional("A short name for the session.")
    inputs: dict[str, InputShape] = optional("Values that the user may set.")
    models: dict[str, ModelShape] = optional("What stands behind the tiers and behind names of your own.")
    limits: LimitsModel = optional("What the session may use.")
    agents: dict[str, AgentModel] = optional("Agents that nodes name.")
    servers: dict[str, ServerModel] = optional("MCP servers whose tools agents may use.")
    permissions: list[RuleModel] = optional("What agents' tools may do; the first rule that matches decides.")
    search: SearchModel = optional("How the tool web_search searches.")
    nodes: dict[str, NodeModel] = optional("The steps by id; without it the planner writes them.")


MODELS_BY_PATH: dict[tuple[str, ...], type[Outside]] = {
    (): TaskModel,
    ("inputs", "*"): InputModel,
    ("models", "*"): ModelModel,
    ("models", "*", "price"): PriceModel,
    ("limits",): LimitsModel,
    ("limits", "budget"): BudgetModel,
    ("nodes", "*"): NodeModel,
    ("nodes", "*", "map"): MapModel,
    ("nodes", "*", "run"): RunModel,
    ("nodes", "*", "python"): PythonModel,
    ("nodes", "*", "merge"): MergeModel,
    ("nodes", "*", "ask"): AskModel,
    ("nodes", "*", "check"): CheckModel,
    ("nodes", "*", "retries"): RetriesModel,
    ("nodes", "*", "agent"): AgentModel,
    ("nodes", "*", "agent", "limits"): AgentLimitsModel,
    ("nodes", "*", "plan"): PlanModel,
    ("agents", "*"): AgentModel,
    ("agents", "*", "limits"): AgentLimitsModel,
    ("servers", "*"): ServerModel,
    ("permissions", "*"): RuleModel,
    ("search",): SearchModel,
}
"""Which model reads the mapping at a place; ``*`` is a name that the user gave."""


_NAMED = ("inputs", "models", "nodes", "agents", "servers", "permissions")
"""Keys under which the user gives names, or a list."""


def known_keys(path: tuple[str | int, ...]) -> list[str]:
    """The keys that a mapping at `path` may have; empty where any key goes."""
    wild = tuple("*" if i == 1 and path[0] in _NAMED else part for i, part in enumerate(path))
    model: Callable[..., Outside] | None = MODELS_BY_PATH.get(wild)  # type: ignore[arg-type]
    if model is None:
        return []
    return [field.alias or name for name, field in model.model_fields.items()]  # type: ignore[attr-defined]
