"""``swarmtui eval report``: the figures of a report that anybody can check, and on request a judge's marks."""

from __future__ import annotations

import asyncio
import os
import re
from argparse import ArgumentParser, Namespace
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from swarmtui.frozen import frozen

if TYPE_CHECKING:
    from swarmtui.cli.console import Console
    from swarmtui.evaluation.reports import Figures, Judgement
    from swarmtui.models.chat import ChatModel
    from swarmtui.models.net import Net
    from swarmtui.models.structured import Structured
    from swarmtui.plan.model import JSON, ModelRef
    from swarmtui.session.vocabulary import Usage

STYLE = "academic"
_MOST_BYTES = 16 * 1024 * 1024
_HEADING = re.compile(r"^#{1,6}[ \t]+(\S.*)$", re.MULTILINE)


@frozen
class Given:
    """The report that is evaluated."""

    path: str
    text: str
    question: str
    """What it is to answer: as asked for, else what its session says, else its first heading."""
    style: str


@frozen
class Judged:
    """What a judge made of it."""

    judgement: Judgement
    model: ModelRef
    usage: Usage


def arguments(parser: ArgumentParser) -> None:
    """What only this evaluation takes."""
    group = parser.add_argument_group("report: figures of a report, and on request a judge's marks")
    group.add_argument("--style", metavar="S", help="the style whose sections are looked for; else the session's")
    group.add_argument("--judge", metavar="MODEL", help="have this model mark it, such as planner or openai/gpt-5")
    group.add_argument("--question", metavar="TEXT", help="what the report is to answer, for the judge")


def run(arguments: Namespace, console: Console) -> int:
    """Count, have it judged if asked for, and print."""
    from swarmtui.evaluation.reports import figures
    from swarmtui.host.exits import Exit

    given = _given(arguments)
    found = figures(given.text, given.style)
    judged = asyncio.run(_judge(given, arguments.judge)) if arguments.judge else None
    if console.json:
        console.emit(_as_json(given, found, judged))
    else:
        _print(given, found, judged, console)
    return Exit.OK


# -- what is evaluated ----------------------------------------------------------------------------------------


def _given(arguments: Namespace) -> Given:
    """The report that the command line names, from a file or of a session. Raises UsageError, OSError."""
    from swarmtui.cli.failures import UsageError
    from swarmtui.evaluation.reports import STYLES

    if not arguments.file:
        raise UsageError("eval report needs the report: a Markdown file, or a session that has one")
    name = arguments.file
    path, inputs, goal = (name, {}, "") if Path(name).exists() else _of_session(name)
    text = _read(Path(path))
    of_session = str(inputs.get("style"))
    style: str = arguments.style or (of_session if of_session in STYLES else STYLE)
    if style not in STYLES:
        raise UsageError(f"--style {style}: there is no such style; there are {', '.join(STYLES)}")
    heading = _HEADING.search(text)
    asked = arguments.question or inputs.get("question") or goal or (heading[1] if heading else "")
    if arguments.judge and not asked:
        raise UsageError("--judge needs to know what the report is to answer: say --question TEXT")
    return Given(path, text, str(asked), style)


def _of_session(name: str) -> tuple[str, dict[str, Any], str]:
    """(the report's path, inputs, goal) of a session. Raises UsageError."""
    from swarmtui.cli.failures import UsageError
    from swarmtui.host.exits import Exit
    from swarmtui.host.history import History
    from swarmtui.host.locate import locate
    from swarmtui.safety.text import one_line
    from swarmtui.session.folder import SessionMissing

    try:
        folder = locate(name)
    except SessionMissing as error:
        raise UsageError(f"{one_line(name, 200)}: there is no such file, and no such session: {error}") from None
    state = History(folder).state()
    if state.report_path is None:
        raise UsageError(f"session {folder.id} has no report", Exit.FAILED)
    return str(folder.path / state.report_path), dict(state.inputs), state.goal


def _read(path: Path) -> str:
    from swarmtui.cli.failures import UsageError

    if path.is_dir():
        raise UsageError(f"{path}: is a folder; name the report in it")
    with path.open("rb") as file:
        data = file.read(_MOST_BYTES + 1)
    if len(data) > _MOST_BYTES:
        raise UsageError(f"{path}: is larger than {_MOST_BYTES // 1024**2} MiB, which no report is")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise UsageError(f"{path}: this is not UTF-8") from None


# -- the judge ------------------------------------------------------------------------------------------------


async def _judge(given: Given, name: str) -> Judged:
    """The marks of the model called `name`, by one structured call. Raises UsageError, CatalogError."""
    from swarmtui.cli.failures import UsageError
    from swarmtui.evaluation.reports import judgement
    from swarmtui.host.exits import Exit
    from swarmtui.models.chat import ModelError
    from swarmtui.models.discover import make_model
    from swarmtui.models.net import Net

    try:
        async with Net() as net:
            ref = await _resolved(name, net)
            answer = await _asked(given, ref, make_model(ref, net, os.environ))
    except ModelError as error:
        raise UsageError(f"the judge gave no marks: {error}", Exit.FAILED) from None
    return Judged(judgement(answer.value), ref, answer.usage)


async def _resolved(name: str, net: Net) -> ModelRef:
    from swarmtui.models.catalog import PROFILES, TIERS, resolve
    from swarmtui.models.discover import discover

    if name in TIERS or name in PROFILES:
        return (await discover(os.environ, net)).tiers[PROFILES.get(name, name)]
    return resolve(name, {}, os.environ)


async def _asked(given: Given, ref: ModelRef, model: ChatModel) -> Structured:
    from swarmtui.evaluation.reports import JUDGE_SCHEMA, judge_prompt
    from swarmtui.models.chat import ChatRequest, Message
    from swarmtui.models.structured import structured

    system, user = judge_prompt(given.question, given.text)
    messages = (Message("system", system), Message("user", user))
    return await structured(ChatRequest(ref, messages, temperature=0.0, schema=JUDGE_SCHEMA), model)


# -- what is printed ------------------------------------------------------------------------------------------


def _as_json(given: Given, found: Figures, judged: Judged | None) -> JSON:
    told: dict[str, JSON] = {
        "report": given.path,
        "style": given.style,
        "words": found.words,
        "citations": found.citations,
        "sources": found.sources,
        "images": found.images,
        "sections": dict(found.sections),
        "coverage": round(found.coverage, 4),
    }
    if judged is not None:
        told["judge"] = {
            "model": judged.model.name,
            "simulated": judged.model.simulated,
            "question": given.question,
            "mark": round(judged.judgement.mark, 2),
            "marks": dict(judged.judgement.marks),
            "strengths": list(judged.judgement.strengths),
            "weaknesses": list(judged.judgement.weaknesses),
            "usage": asdict(judged.usage),
        }
    return told


def _print(given: Given, found: Figures, judged: Judged | None, console: Console) -> None:
    from swarmtui.safety.text import one_line

    there = sum(found.sections.values())
    missing = ", ".join(name for name, has in found.sections.items() if not has)
    rows = [
        ("words", f"{found.words:,}", ""),
        ("citations", f"{found.citations:,}", "links to the web"),
        ("sources", f"{found.sources:,}", "different sites"),
        ("images", f"{found.images:,}", ""),
        ("sections", f"{there} of {len(found.sections)}", f"missing: {missing}" if missing else ""),
    ]
    console.table((one_line(given.style, 40), "", ""), rows)
    if judged is not None:
        _print_marks(judged, console)


def _print_marks(judged: Judged, console: Console) -> None:
    from swarmtui.cli.console import money
    from swarmtui.evaluation.reports import MARKS
    from swarmtui.safety.text import one_line

    marks, usage = judged.judgement, judged.usage
    console.say()
    rows = [(name, str(marks.marks[name]), f"weighs {weight:.0%}") for name, weight in MARKS.items()]
    console.table(("mark of 10", "", ""), [*rows, ("altogether", f"{marks.mark:.1f}", "")])
    for word, said in (("+", marks.strengths), ("-", marks.weaknesses)):
        for text in said:
            console.say(f"{word} {one_line(text, 300)}")
    tokens = (usage.tokens_in or 0) + (usage.tokens_out or 0)
    console.say(f"judged by {one_line(judged.model.name, 80)}: {tokens:,} tokens, {money(usage.cost_usd)}")
    if judged.model.simulated:
        console.say("SIMULATED: the marks were made up by the built-in stand-in")
