"""``swarmtui eval functions``: how often an agent chooses the function that each case says."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from swarmtui.agents.swarm.model import Agent
    from swarmtui.cli.console import Console
    from swarmtui.evaluation.function_choice import CaseResult, Evaluation, Message

_MODULE = "swarmtui_evaluated_agent"


def _repeats(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 0 < int(text) <= 10_000:
        raise ArgumentTypeError(f"{text!r} is not a whole number from 1 to 10000")
    return int(text)


def _percent(text: str) -> float:
    try:
        value = float(text.removesuffix("%"))
    except ValueError:
        value = -1.0
    if not 0 <= value <= 100:
        raise ArgumentTypeError(f"{text!r} is not a percentage from 0 to 100")
    return value


def arguments(parser: ArgumentParser) -> None:
    """What only this evaluation takes."""
    group = parser.add_argument_group("functions: does an agent choose the right one")
    group.add_argument("--agent", metavar="FILE:NAME", help="the Agent, by its variable in a Python file, which is run")
    group.add_argument("--model", metavar="M", help="who answers, such as deepseek/deepseek-chat; else what there is")
    group.add_argument("--repeats", type=_repeats, default=1, metavar="N", help="tries per case; 1 unless said")
    group.add_argument("--out", type=Path, metavar="FILE", help="add the result to this JSON list of results")
    group.add_argument("--at-least", type=_percent, default=0.0, metavar="P", help="exit code 1 below P percent")


def run(arguments: Namespace, console: Console) -> int:
    """Ask and print; exit code 1 below ``--at-least``."""
    from swarmtui.agents.swarm.run import Swarm
    from swarmtui.cli.failures import UsageError
    from swarmtui.evaluation.function_choice import CasesError, append_result, evaluate, load_cases
    from swarmtui.host.exits import Exit
    from swarmtui.models.chat import ModelError

    if not arguments.file or not arguments.agent:
        raise UsageError("eval functions needs a file of cases and an agent: FILE --agent FILE:NAME")
    agent = load_agent(arguments.agent)
    swarm = Swarm(arguments.model)

    def ask(conversation: Sequence[Message]) -> Sequence[Message]:
        return swarm.run(agent, conversation, max_turns=1, execute_tools=False).messages

    try:
        cases = load_cases(Path(arguments.file))
        evaluation = evaluate(cases, ask, arguments.repeats, lambda result: _say(result, console))
        if arguments.out is not None:
            append_result(arguments.out, evaluation)
    except CasesError as error:
        raise UsageError(str(error)) from None
    except ModelError as error:
        raise UsageError(str(error), Exit.FAILED) from None
    _sum_up(evaluation, console)
    return Exit.FAILED if 100 * evaluation.share < arguments.at_least else Exit.OK


def load_agent(where: str) -> Agent:
    """The agent called NAME in the Python file of ``FILE:NAME``; the file is run. Raises UsageError."""
    from importlib.util import module_from_spec, spec_from_file_location

    from swarmtui.agents.swarm.model import Agent
    from swarmtui.cli.failures import UsageError

    file, _, name = where.rpartition(":")
    spec = spec_from_file_location(_MODULE, file) if file.endswith(".py") and Path(file).is_file() else None
    if spec is None or spec.loader is None:
        raise UsageError(f"--agent {where}: there is no such Python file; say FILE.py:NAME")
    module = module_from_spec(spec)
    sys.modules[_MODULE] = module
    sys.path.insert(0, str(Path(file).parent.absolute()))
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise UsageError(f"{file}: {type(error).__name__}: {error}") from error
    finally:
        sys.path.pop(0)
        del sys.modules[_MODULE]
    agent = getattr(module, name, None)
    if not isinstance(agent, Agent):
        known = [key for key, value in vars(module).items() if isinstance(value, Agent)]
        raise UsageError(f"{file}: {name} is no Agent; there are {', '.join(known) or 'none in it'}")
    return agent


def _say(result: CaseResult, console: Console) -> None:
    from swarmtui.safety.text import one_line

    asked = one_line(str(result.case.conversation[-1].get("content")), 60)
    chosen = ", ".join(sorted({one_line(answer.function, 40) for answer in result.answers}))
    share = f"{result.correct}/{len(result.answers)}"
    console.say(f"{share:>7}  {asked}  expected {result.case.function}, chosen {chosen}")


def _sum_up(evaluation: Evaluation, console: Console) -> None:
    if console.json:
        console.emit(evaluation.as_json())
        return
    low, high = (100 * bound for bound in evaluation.interval())
    right, total = evaluation.correct, evaluation.total
    console.say(f"{right} of {total} right: {100 * evaluation.share:.2f}% (95% interval {low:.1f} to {high:.1f}%)")
