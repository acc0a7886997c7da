"""Does an agent choose the right function? Cases of a conversation and the function that should be called, or none.

The result has the form of OpenAI Swarm's evaluations, so that figures can be laid side by side. Nothing is executed:
what the model asks for is all that counts. Who answers is given by the caller.
"""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

from swarmtui.frozen import frozen
from swarmtui.session.rates import wilson

Message = Mapping[str, Any]
NOTHING = "None"
"""What stands for no function at all."""


class CasesError(ValueError):
    """A file of cases cannot be used; one line that says where and how to mend it."""


@frozen
class Case:
    """`function` is the name of the one that should be called first, or :data:`NOTHING`."""

    conversation: tuple[Message, ...]
    function: str


@frozen
class Answer:
    """One try: the function chosen, and the text instead of it or beside it."""

    function: str
    message: str

    @classmethod
    def of(cls, messages: Sequence[Message]) -> Answer:
        """What the messages of a run that executed nothing came to: the first call of the first answer."""
        said = next((message for message in messages if message.get("role") == "assistant"), {})
        calls = said.get("tool_calls") or ()
        return cls(calls[0]["function"]["name"] if calls else NOTHING, said.get("content") or NOTHING)


@frozen
class CaseResult:
    """All tries of one case."""

    case: Case
    answers: tuple[Answer, ...]

    @property
    def correct(self) -> int:
        """How many chose right."""
        return sum(answer.function == self.case.function for answer in self.answers)


@frozen
class Evaluation:
    """A whole evaluation. `timestamp` is ISO 8601."""

    id: str
    timestamp: str
    results: tuple[CaseResult, ...]

    @property
    def correct(self) -> int:
        """Tries that chose right."""
        return sum(result.correct for result in self.results)

    @property
    def total(self) -> int:
        """All tries."""
        return sum(len(result.answers) for result in self.results)

    @property
    def share(self) -> float:
        """Of tries that chose right, 0..1."""
        return self.correct / self.total if self.total else 0.0

    def interval(self) -> tuple[float, float]:
        """The 95 % score interval of :attr:`share`."""
        return wilson(self.correct, self.total)

    def as_json(self) -> dict[str, Any]:
        """In the form of OpenAI Swarm's result files."""
        return {
            "id": self.id,
            "timestamp": self.timestamp,
            "results": [_case_json(result) for result in self.results],
            "correct_evals": self.correct,
            "total_evals": self.total,
            "overall_accuracy_percent": _percent(self.share),
        }


def evaluate(
    cases: Sequence[Case],
    ask: Callable[[Sequence[Message]], Sequence[Message]],
    repeats: int = 1,
    on_case: Callable[[CaseResult], None] | None = None,
) -> Evaluation:
    """Ask each case `repeats` times; `ask` gives the messages that a run of one turn without execution adds.

    `on_case` hears of each case as it is done. What `ask` raises comes out.
    """
    results: list[CaseResult] = []
    for case in cases:
        results.append(CaseResult(case, tuple(Answer.of(ask(case.conversation)) for _ in range(repeats))))
        if on_case is not None:
            on_case(results[-1])
    return Evaluation(str(uuid.uuid4()), datetime.now().astimezone().isoformat(), tuple(results))


def load_cases(path: Path) -> tuple[Case, ...]:
    """The cases of a JSON file: a list of ``{"conversation": [messages], "function": "name" or "None"}``.

    Raises CasesError that names the case, OSError.
    """
    try:
        listed = json.loads(path.read_text("utf-8"))
    except (ValueError, RecursionError) as error:
        raise CasesError(f"{path}: is not JSON: {error}") from None
    if not isinstance(listed, list) or not listed:
        raise CasesError(f"{path}: must be a list of cases, each with conversation and function")
    return tuple(_case(entry, f"{path}: case {number}") for number, entry in enumerate(listed, 1))


def _case(entry: Any, where: str) -> Case:
    if not isinstance(entry, dict) or not {"conversation", "function"} <= entry.keys():
        raise CasesError(f"{where}: must have conversation and function")
    talk, function = entry["conversation"], entry["function"]
    if not isinstance(talk, list) or not talk or not all(isinstance(one, dict) and "role" in one for one in talk):
        raise CasesError(f"{where}: conversation must be a list of messages with role and content")
    if function is not None and (not isinstance(function, str) or not function):
        raise CasesError(f'{where}: function must be the name of one, or "{NOTHING}"')
    return Case(tuple(talk), function or NOTHING)


def append_result(path: Path, evaluation: Evaluation) -> None:
    """Add `evaluation` to the list of results in `path`, which is made if it is not there; never half a file.

    Raises CasesError where the file holds something else, OSError.
    """
    try:
        earlier = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        earlier = []
    except ValueError:
        raise CasesError(f"{path}: is not a file of results: name another one") from None
    earlier = earlier if isinstance(earlier, list) else [earlier]
    with NamedTemporaryFile("w", encoding="utf-8", dir=path.absolute().parent, delete=False) as file:
        try:
            json.dump([*earlier, evaluation.as_json()], file, indent=4, ensure_ascii=False)
            file.flush()
            os.fsync(file.fileno())
            Path(file.name).replace(path)
        except BaseException:
            Path(file.name).unlink(missing_ok=True)
            raise


def _case_json(result: CaseResult) -> dict[str, Any]:
    return {
        "messages": list(result.case.conversation),
        "expected_function": result.case.function,
        "actual_function": [answer.function for answer in result.answers],
        "actual_message": [answer.message for answer in result.answers],
        "case_accuracy": _percent(result.correct / len(result.answers) if result.answers else 0.0),
    }


def _percent(share: float) -> str:
    return f"{share * 100:.2f}%"
