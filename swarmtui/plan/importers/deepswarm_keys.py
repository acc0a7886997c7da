"""The keys of a DeepSwarm task file, what each takes, and what is meant by what people write there.

Such files are read by PyYAML and by code that takes what it gets: ``multi_turn: yes``, ``workers: "8"`` and
``output_format: JSONL`` do there what they say, and so they do here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field, Tag

from swarmtui.plan.model import JSON
from swarmtui.plan.shapes import Outside, Text, one_of, optional

MAX_TURNS = 20
MAX_TOKENS = 4096

_TELLING = frozenset(
    {
        "task_type",
        "prompt_template",
        "seeds_file",
        "orchestrator_model",
        "worker_model",
        "worker_script",
        "worker_api_base",
    }
)
"""Keys by which a file is known; task files of ours have none of them."""
_NUMBERS = frozenset({"workers", "stagger", "batch_size", "worker_max_tokens", "max_turns", "checkpoint_every"})
_WORDS = frozenset({"task_type", "output_format", "workers", "stagger", "batch_size"})
_TRUTHS: Mapping[str, bool] = {
    **dict.fromkeys(("true", "yes", "on"), True),
    **dict.fromkeys(("false", "no", "off"), False),
}

TaskType = Literal["generation", "translation", "summarization", "classification", "custom"]
AutoOrNumber = Annotated[
    Annotated[Literal["auto"], Tag("auto")] | Annotated[float, Field(ge=0), Tag("number")],
    one_of("auto or a number", "write auto, or such as 8", auto=str, number=(int, float)),
]
AutoOrCount = Annotated[
    Annotated[Literal["auto"], Tag("auto")] | Annotated[int, Field(ge=1), Tag("number")],
    one_of("auto or a whole number", "write auto, or such as 8", auto=str, number=int),
]


class DeepSwarmModel(Outside):
    """Every key of a DeepSwarm task file."""

    task_type: TaskType = Field(default="generation", description="What is done with each seed.")
    prompt_template: Text = optional("What the worker is asked; {{seed}} stands for the seed.")
    orchestrator_model: Text = optional("The model that plans.")
    worker_model: Text = optional("The model that works.")
    worker_api_base: str = optional("Where the worker's model answers.", pattern=r"^https?://\S+$")
    worker_max_tokens: int = Field(default=MAX_TOKENS, ge=1, description="The most tokens of one answer.")
    worker_script: Text = optional("The command of task type custom.")
    multi_turn: bool = Field(default=False, description="Whether it is a conversation.")
    max_turns: int = Field(default=MAX_TURNS, ge=1, le=1000, description="Turns of a conversation at most.")
    seeds_file: Text = optional("The seeds, a JSON value a line.")
    workers: AutoOrCount = Field(default="auto", description="Calls at once.")
    stagger: AutoOrNumber = Field(default="auto", description="Seconds between starts of workers.")
    batch_size: AutoOrCount = Field(default="auto", description="Seeds per worker.")
    output_dir: Text = Field(default="output", description="Where results are written.")
    output_format: Literal["jsonl", "json", "parquet"] = Field(default="jsonl", description="The form of the results.")
    checkpoint_every: int = Field(default=10, ge=1, description="Results between checkpoints.")


def is_deepswarm(data: JSON) -> bool:
    """Whether a YAML document is a DeepSwarm task: it has keys of one and no ``goal`` or ``nodes`` of ours."""
    return isinstance(data, dict) and not {"goal", "nodes"} & data.keys() and bool(_TELLING & data.keys())


def meant(key: str, value: JSON) -> JSON:
    """What `value`, as it is written, means at `key`: a number in quotes is one, and capitals count for nothing."""
    if isinstance(value, float) and value.is_integer() and key in _NUMBERS:
        return int(value)
    if not isinstance(value, str):
        return value
    word = value.strip().lower()
    if key == "multi_turn":
        return _TRUTHS.get(word, value)
    if key in _NUMBERS and (number := _number(word)) is not None:
        return number
    return word if key in _WORDS else value


def _number(word: str) -> int | float | None:
    if not word.isascii() or len(word) > 20 or not word.replace(".", "", 1).isdigit():
        return None
    number = float(word)
    return int(number) if number.is_integer() else number
