"""The ``merge`` worker: joins what a node's needs brought into one report.

Each input is taken for what it is: findings as JSON, a SARIF log, the items of a map, other JSON, or text. A need that
failed or was skipped is named at the top of the report, so that nobody takes half a review for a whole one. Beside the
report, in the attempt's folder, lies ``findings.json`` with every finding.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import field, replace
from pathlib import Path

from swarmtui.engine.ports import Attempt, Delta, Done, Failed, NodeResult, Signal
from swarmtui.frozen import mutable
from swarmtui.models.simulated_text import LABEL
from swarmtui.plan.model import JSON, MergeSpec
from swarmtui.plan.repair import loads_lenient
from swarmtui.safety.paths import write_atomic
from swarmtui.session.vocabulary import State, Usage
from swarmtui.workers.findings import (
    Finding,
    Place,
    Read,
    dedupe,
    finding_to_json,
    parse_json,
    rank,
    read_findings,
)
from swarmtui.workers.local import WorkerFailed
from swarmtui.workers.markdown import fenced, one_line
from swarmtui.workers.report import Report, Section, Source, render
from swarmtui.workers.sarif import SarifRead, is_sarif, read_sarif
from swarmtui.workers.summary import Summarise, SummaryFailed, summary_prompt

READ_LIMIT = 256 * 1024 * 1024
"""Bytes read of one input."""
SECTION_LIMIT = 200_000
"""Characters of one section of text in the report."""
ITEMS_SHOWN = 500
"""Items of a map that the report tells one by one."""
RESULTS, FAILURES = "results.jsonl", "failures.jsonl"
"""The files in which the engine keeps how the items of a map ended."""

_WHY = {State.SKIPPED: "it was skipped", State.CANCELLED: "it was cancelled"}

_NO_MODEL = "No executive summary: no model is configured; the simulated one does not write any."

Emit = Callable[[Signal], None]


@mutable
class _Input:
    """One need, read."""

    source: Source
    findings: tuple[Finding, ...] | None = None
    section: Section | None = None
    simulated: bool = False


@mutable
class _Items:
    """A map's output, item by item."""

    blocks: list[str] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    unreadable: int = 0
    seen: int = 0
    reviews: int = 0
    """Items whose output was findings, even an empty list."""
    texts: int = 0


class MergeWorker:
    """Carries out ``merge`` nodes. Without `summarise` no executive summary is ever asked for."""

    def __init__(self, summarise: Summarise | None = None) -> None:
        self._summarise = summarise

    async def __call__(self, attempt: Attempt, emit: Emit) -> Done:
        """The report as a finished attempt.

        Raises WorkerFailed when the model of the summary takes no calls now, OSError if the attempt's folder cannot be
        written.
        """
        spec = attempt.spec
        if not isinstance(spec, MergeSpec):
            raise TypeError(f"a merge worker was given a node of kind {spec.kind}")
        emit(Delta(attempt.id, f"joining {len(attempt.results)} inputs\n"))
        report = await asyncio.to_thread(_gather, attempt, spec)
        emit(Delta(attempt.id, _progress(report)))
        report, usage = await self._with_summary(attempt, spec, report, emit)
        text, path = await asyncio.to_thread(_write, attempt, report)
        return Done(attempt.id, text, path=path, usage=usage, report=True)

    async def _with_summary(
        self, attempt: Attempt, spec: MergeSpec, report: Report, emit: Emit
    ) -> tuple[Report, Usage]:
        if spec.summary is None:
            return report, Usage()
        if attempt.model is None or attempt.model.simulated or self._summarise is None:
            return replace(report, summary_by=_NO_MODEL), Usage()
        name = attempt.model.name
        try:
            summary = await self._summarise(attempt.model, summary_prompt(report), attempt.id, emit)
        except SummaryFailed as error:
            if error.throttled is not None:
                raise WorkerFailed(Failed(attempt.id, error.throttled, usage=error.usage)) from error
            return replace(report, summary_by=f"No executive summary: {name} gave none: {error}"), error.usage
        return replace(report, summary=summary.text, summary_by=name), summary.usage


# -- reading --------------------------------------------------------------------------------------------------


def _gather(attempt: Attempt, spec: MergeSpec) -> Report:
    inputs = [_read(result) for result in attempt.results]
    lists = [entry.findings for entry in inputs if entry.findings is not None]
    found = [_relative(finding, attempt.cwd) for findings in lists for finding in findings]
    kept = dedupe(found) if spec.dedupe else found
    return Report(
        title=spec.title or attempt.title or "Report",
        findings=rank(kept, spec.rank),
        by_severity=spec.rank == "severity",
        has_findings=bool(lists),
        joined=len(found) - len(kept),
        sections=[entry.section for entry in inputs if entry.section is not None],
        sources=[entry.source for entry in inputs],
        simulated=[entry.source.title for entry in inputs if entry.simulated],
        all_findings=str(Path(attempt.folder) / "findings.json") if lists else "",
    )


def _read(result: NodeResult) -> _Input:
    title = result.title or result.node
    succeeded = result.state in (State.SUCCEEDED, State.STALE)
    why = "" if succeeded else result.error or _WHY.get(result.state, "it did not succeed")
    is_map = result.path is not None and Path(result.path).name == RESULTS  # good items of a failed map still count
    if result.path is None or not (succeeded or is_map):
        return _Input(Source(title, str(result.state), "nothing", why))
    try:
        text, cut = _text_of(Path(result.path))
    except OSError as error:
        why = f"its output could not be read: {error.strerror or error}"
        return _Input(Source(title, str(result.state), problem=why))
    entry = _recognise(title, text)
    failed = _failed_items(Path(result.path)) if is_map else 0
    problems = [
        why,
        entry.source.problem,
        f"{failed:,} of its items failed" * bool(failed),
        f"its output is longer than {READ_LIMIT} bytes and was cut" * cut,
    ]
    state = f"{result.state}: an input of it changed since" if result.state is State.STALE else str(result.state)
    source = replace(entry.source, state=state, problem="; ".join(filter(None, problems)))
    return replace(entry, source=source, simulated=_is_simulated(entry))


def _text_of(path: Path) -> tuple[str, bool]:
    with path.open("rb") as file:
        data = file.read(READ_LIMIT + 1)
    return data[:READ_LIMIT].decode("utf-8", errors="replace"), len(data) > READ_LIMIT


def _recognise(title: str, text: str) -> _Input:
    value = parse_json(text)
    if is_sarif(value):
        return _as_findings(title, read_sarif(value))
    read = read_findings(value) or _within_prose(text)
    if read is not None:
        return _as_findings(title, read)
    items = _items(text)
    if items is not None:
        return _as_items(title, items)
    if isinstance(value, dict | list):
        shown = json.dumps(value, ensure_ascii=False, indent=1)
        return _Input(Source(title, "", "JSON"), section=_section(title, shown, "json"))
    if not text.strip():
        return _Input(Source(title, "", "nothing"))
    return _Input(Source(title, "", "text"), section=_section(title, value if isinstance(value, str) else text))


def _is_simulated(entry: _Input) -> bool:
    if entry.section is not None and LABEL in entry.section.text:
        return True
    return any(finding.message.startswith(LABEL) for finding in entry.findings or ())


def _within_prose(text: str) -> Read | None:
    """Findings that a model wrapped in words or wrote carelessly; None where the words are what was wanted."""
    if '"severity"' not in text:
        return None
    try:
        read = read_findings(loads_lenient(text))
    except ValueError:
        return None
    return read if read is not None and read.findings else None


def _failed_items(results: Path) -> int:
    """How many items of a map failed, by the file that lies beside its results."""
    try:
        with results.with_name(FAILURES).open("rb") as file:
            return sum(1 for _ in file)
    except OSError:
        return 0


def _as_findings(title: str, read: Read) -> _Input:
    number = len(read.findings)
    brought = [f"{number:,} finding{'s' * (number != 1)}"]
    if isinstance(read, SarifRead) and read.suppressed:
        brought.append(f"{read.suppressed:,} that the project suppresses left out")
    problem = f"{read.unreadable:,} entries were no findings and are left out" if read.unreadable else ""
    return _Input(Source(title, "", ", ".join(brought), problem), findings=read.findings)


def _as_items(title: str, items: _Items) -> _Input:
    told = len(items.blocks)
    brought = [f"{items.texts:,} items"] if items.texts else []
    if items.reviews:
        brought.append(f"{len(items.findings):,} findings on {items.reviews:,} items")
    problem = f"{items.unreadable:,} entries were no findings and are left out" if items.unreadable else ""
    if items.texts > told:
        items.blocks.append(f"# And {items.texts - told:,} more items\n\nThe node's own output has them all.")
    return _Input(
        Source(title, "", ", ".join(brought), problem),
        findings=tuple(items.findings) if items.reviews else None,
        section=_section(title, "\n\n".join(items.blocks)) if items.blocks else None,
    )


def _items(text: str) -> _Items | None:
    """The items of a map, each a line of JSON with its ``output`` or ``error``; None if `text` is not that."""
    items = _Items()
    for line in text.splitlines():
        if not line.strip():
            continue
        try:
            entry = json.loads(line)
        except (ValueError, RecursionError):
            return None
        if not isinstance(entry, dict) or not {"item", "output"} <= entry.keys():
            return None
        _add_item(items, entry)
    return items if items.seen else None


def _add_item(items: _Items, entry: dict[str, JSON]) -> None:
    items.seen += 1
    output = entry.get("output")
    read = read_findings(parse_json(output) if isinstance(output, str) else output)
    if read is not None:
        items.reviews += 1
        items.findings += read.findings
        items.unreadable += read.unreadable
        return
    items.texts += 1
    if len(items.blocks) < ITEMS_SHOWN:
        shown = output if isinstance(output, str) else fenced(json.dumps(output, ensure_ascii=False, indent=1), "json")
        items.blocks.append(f"# {_label(entry.get('item'), items.texts)}\n\n{shown.strip()}")


def _label(item: JSON, number: int) -> str:
    if isinstance(item, dict):
        for name in ("title", "name", "id"):
            if isinstance(item.get(name), str | int):
                return one_line(str(item[name]), 120)
    if isinstance(item, str):
        return one_line(item, 120)
    return f"Item {item + 1 if isinstance(item, int) else number}"


def _section(title: str, text: str, language: str | None = None) -> Section:
    rest = len(text) - SECTION_LIMIT
    shown = text[:SECTION_LIMIT]
    if rest > 0:
        shown += f"\n\n… and {rest:,} more characters in the step's own output."
    return Section(title, shown) if language is None else Section(title, fenced(shown, language), verbatim=True)


# -- values ---------------------------------------------------------------------------------------------------


def _relative(finding: Finding, base: str) -> Finding:
    """`finding` with its paths relative to `base` where they lie in it, and in one spelling."""
    path = None if finding.path is None else _short(finding.path, base)
    related = tuple(Place(_short(place.path, base), place.line, place.end_line) for place in finding.related)
    if path == finding.path and related == finding.related:
        return finding
    return replace(finding, path=path, related=related)


def _short(path: str, base: str) -> str:
    within = path.removeprefix(base.rstrip("/") + "/") if base else path
    while within.startswith("./"):
        within = within[2:]
    return within or path


def _progress(report: Report) -> str:
    joined = f", {report.joined:,} joined with others" if report.joined else ""
    return f"{len(report.findings):,} findings{joined}; {len(report.sections):,} sections of text\n"


# -- writing --------------------------------------------------------------------------------------------------


def _write(attempt: Attempt, report: Report) -> tuple[str, str]:
    folder = Path(attempt.folder)
    if report.has_findings:
        entries = [finding_to_json(finding) for finding in report.findings]
        lines = ",\n".join(json.dumps(entry, ensure_ascii=False) for entry in entries)
        write_atomic(folder / "findings.json", f"[\n{lines}\n]\n")
    text = render(report)
    path = folder / "report.md"
    write_atomic(path, text)
    return text, str(path)
