"""The report of a merge as Markdown: pure text from values, of bounded size however much was found."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby

from swarmtui.frozen import frozen
from swarmtui.plan.schemas import SEVERITIES
from swarmtui.workers.findings import RANK, Finding
from swarmtui.workers.markdown import code, embed, inline

FIRST = 10
"""Findings under "What to look at first"."""
PER_RULE = 10
"""Findings of one rule and severity told in full; the rest are listed by place."""
FULL = 800
"""Findings told in full in the whole report."""
PLACES = 4_000
"""Findings listed by place alone; what is beyond stays in ``findings.json``."""

_CATEGORIES = ("security", "bugs", "packaging", "dependencies", "complexity", "duplication", "tests", "documentation")
_ORDER = {category: index for index, category in enumerate(_CATEGORIES)}
_OTHER = len(_CATEGORIES)


@frozen
class Source:
    """One need of the merge: what it brought, or why it brought nothing."""

    title: str
    state: str
    brought: str = ""
    """In words: ``12 findings``, ``text``."""
    problem: str = ""
    """Why something of it is missing; empty if nothing is."""


@frozen
class Section:
    """Text that is no findings, under its node's title. With `verbatim` it is not Markdown but a ready block."""

    title: str
    text: str
    verbatim: bool = False


@frozen
class Report:
    """All that a report says."""

    title: str
    findings: Sequence[Finding] = ()
    """In the order in which they are to be told."""
    by_severity: bool = True
    has_findings: bool = False
    """Whether any input was findings, even an empty list."""
    joined: int = 0
    """Findings that said the same as another one."""
    sections: Sequence[Section] = ()
    sources: Sequence[Source] = ()
    summary: str = ""
    """A model's executive summary; empty if there is none."""
    summary_by: str = ""
    """The model that wrote it, or in a sentence why there is none."""
    simulated: Sequence[str] = ()
    """Titles of what the simulated model made up."""
    all_findings: str = ""
    """File that holds every finding."""


def render(report: Report) -> str:
    """The report as Markdown. Everything from outside in it is escaped."""
    blocks = [f"# {inline(report.title, 200)}", *_warnings(report)]
    if report.has_findings:
        blocks += _overview(report)
    blocks += _summary(report)
    if report.has_findings:
        blocks += _first(report.findings)
        blocks += _Listing(report).blocks()
        blocks += _facts(report.findings)
    for section in report.sections:
        blocks += [f"## {inline(section.title, 200)}", section.text if section.verbatim else embed(section.text, 2)]
    blocks += _sources(report)
    return "\n\n".join(block for block in blocks if block) + "\n"


def _warnings(report: Report) -> Iterator[str]:
    if report.simulated:
        names = ", ".join(inline(name, 80) for name in report.simulated)
        yield f"> **Simulated.** No model answered: the built-in simulated model made up {names}. It is no result."
    problems = [source for source in report.sources if source.problem]
    if problems:
        lines = [f"> **Incomplete.** {len(problems)} of {len(report.sources)} inputs are missing or not whole:"]
        lines += [f"> - {inline(source.title, 80)}: {inline(source.problem)}" for source in problems]
        yield "\n".join(lines)


# -- findings: figures ----------------------------------------------------------------------------------------


def _overview(report: Report) -> Iterator[str]:
    told = [finding for finding in report.findings if not finding.is_fact]
    files = len({finding.path for finding in told if finding.path})
    counts = Counter(finding.severity for finding in told)
    if told:
        figures = ", ".join(f"{counts[severity]:,} {severity}" for severity in SEVERITIES if counts[severity])
        where = f" in {_count(files, 'file')}" if files else ""
        line = f"**{_count(len(told), 'finding')}**{where}: {figures}."
    else:
        line = "**No findings.**"
    if report.joined:
        line += f" {report.joined:,} more said the same as one of these and {_were(report.joined)} joined with it."
    yield line
    if told:
        yield _table_of_counts(told)
        tools = Counter(tool for finding in told for tool in finding.tools)
        yield "Findings by tool: " + ", ".join(f"{inline(tool, 60)} {n:,}" for tool, n in tools.most_common(20)) + "."
    if report.all_findings:
        yield f"Every finding, for programs: {code(report.all_findings, 1000)}"


def _table_of_counts(findings: Sequence[Finding]) -> str:
    counts = Counter((finding.category or "other", finding.severity) for finding in findings)
    categories = sorted({category for category, _ in counts}, key=lambda name: (_ORDER.get(name, _OTHER), name))
    shown = [severity for severity in SEVERITIES if any(counts[category, severity] for category in categories)]
    lines = [f"| severity: | {' | '.join(shown)} |", "|---|" + "--:|" * len(shown)]
    for category in categories[:30]:
        figures = (f"{counts[category, severity]:,}" if counts[category, severity] else "" for severity in shown)
        lines.append(f"| {inline(category, 60)} | {' | '.join(figures)} |")
    totals = (f"**{sum(counts[category, severity] for category in categories):,}**" for severity in shown)
    lines.append(f"| **all** | {' | '.join(totals)} |")
    return "\n".join(lines)


def _summary(report: Report) -> Iterator[str]:
    if report.summary:
        yield "## Executive summary"
        yield f"_Written by {code(report.summary_by)} from the findings below; not checked by anybody._"
        yield embed(report.summary, 2)
    elif report.summary_by:
        yield f"_{inline(report.summary_by)}_"


def _first(findings: Sequence[Finding]) -> Iterator[str]:
    """The worst findings, at most two per rule, so that one noisy rule does not hide the others."""
    worth = [finding for finding in findings if RANK[finding.severity] <= RANK["medium"] and not finding.is_fact]
    worth.sort(key=lambda finding: (RANK[finding.severity], _ORDER.get(finding.category or "", _OTHER)))
    chosen: list[Finding] = []
    seen: Counter[str] = Counter()
    for finding in worth:
        seen[finding.rule] += 1
        if seen[finding.rule] <= 2 and len(chosen) < FIRST:
            chosen.append(finding)
    yield "## What to look at first"
    if not chosen:
        yield "Nothing of medium severity or worse was found."
        return
    lines = []
    for number, finding in enumerate(chosen, 1):
        alike = seen[finding.rule] - sum(other.rule == finding.rule for other in chosen)
        last = not any(other.rule == finding.rule for other in chosen[number:])
        more = f" (and {alike:,} more by this rule)" if alike and last else ""
        lines.append(f"{number}. **{finding.severity}** {_entry(finding)}{more}")
    yield "\n".join(lines)


# -- findings: every one --------------------------------------------------------------------------------------


@dataclass
class _Listing:
    """Tells findings in order until its budgets are spent; each is told, listed by place, or counted."""

    report: Report
    full: int = FULL
    places: int = PLACES
    _blocks: list[str] = field(default_factory=list)

    def blocks(self) -> list[str]:
        told = [finding for finding in self.report.findings if not finding.is_fact]
        if not self.report.by_severity:
            if told:
                self._blocks.append("## Findings")
                self._group(told, len(told), flat=True)
            return self._blocks
        for severity, group in groupby(told, key=lambda finding: finding.severity):
            findings = list(group)
            self._blocks.append(f"## {severity.capitalize()} ({len(findings):,})")
            self._severity(findings)
        return self._blocks

    def _severity(self, findings: list[Finding]) -> None:
        rules: dict[tuple[int, str, str], list[Finding]] = {}
        for finding in findings:
            category = finding.category or "other"
            rules.setdefault((_ORDER.get(category, _OTHER), category, finding.rule), []).append(finding)
        rest: list[Finding] = []
        for (_, category, rule), group in sorted(rules.items(), key=lambda entry: entry[0]):
            if not self.full:
                rest += group
                continue
            tools = ", ".join(dict.fromkeys(tool for finding in group for tool in finding.tools))
            self._blocks.append(
                f"### {inline(category, 60)}: {inline(rule, 80)} ({len(group):,}, by {inline(tools, 120)})"
            )
            self._group(group, PER_RULE)
        if rest:
            self._blocks.append(f"### Other rules ({len(rest):,})")
            self._group(rest, 0)

    def _group(self, findings: list[Finding], limit: int, *, flat: bool = False) -> None:
        shown = findings[: min(limit, self.full)]
        self.full -= len(shown)
        lines = [f"- {f'**{finding.severity}** ' * flat}{_entry(finding, with_rule=flat)}" for finding in shown]
        rest = findings[len(shown) :]
        listed, beyond = rest[: self.places], len(rest[self.places :])
        self.places -= len(listed)
        if listed:
            where = " ".join(code(finding.place) if finding.path else "project" for finding in listed)
            lines.append(f"- and {_count(len(listed), 'more')} at {where}" if shown else f"- at {where}")
        if beyond:
            lines.append(f"- and {_count(beyond, 'more')} which only the file of all findings lists")
        self._blocks.append("\n".join(lines))


def _entry(finding: Finding, *, with_rule: bool = True) -> str:
    where = code(finding.place) if finding.path else "project"
    rules = [finding.rule] * with_rule + [f"also {rule}" for rule in finding.rules]
    by = f" ({inline(', '.join(rules), 200)})" if rules else ""
    fix = f" Fix: {inline(finding.fix)}" if finding.fix else ""
    also = ""
    if finding.related:
        places = (code(f"{place.path}:{place.line}" if place.line else place.path) for place in finding.related[:10])
        also = f" See {', '.join(places)}"
        also += f" and {len(finding.related) - 10:,} more." if len(finding.related) > 10 else "."
    return f"{where} {inline(finding.message)}{by}{also}{fix}"


def _facts(findings: Sequence[Finding]) -> Iterator[str]:
    facts = [finding for finding in findings if finding.is_fact]
    if facts:
        yield "## Project facts"
        lines = [f"- {inline(finding.message, 600)}" for finding in facts[:200]]
        if len(facts) > 200:
            lines.append(f"- and {_count(len(facts) - 200, 'more')} which only the file of all findings lists")
        yield "\n".join(lines)


def _sources(report: Report) -> Iterator[str]:
    if not report.sources:
        return
    yield "## What ran"
    yield "\n".join(_source_rows(report.sources))


def _source_rows(sources: Iterable[Source]) -> Iterator[str]:
    yield "| step | ended | brought |"
    yield "|---|---|---|"
    for source in sources:
        brought = "; ".join(part for part in (source.brought, source.problem) if part)
        cells = ((source.title, 80), (source.state, 40), (brought, 300))
        # a pipe in a code span would end the cell, so that there is no code in one
        yield "| " + " | ".join(inline(text.replace("`", "'"), limit) for text, limit in cells) + " |"


def _count(number: int, noun: str) -> str:
    plural = "" if number == 1 or noun == "more" else "s"
    return f"{number:,} {noun}{plural}"


def _were(number: int) -> str:
    return "was" if number == 1 else "were"
