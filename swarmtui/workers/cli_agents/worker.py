"""Carries an ``agent`` node out whose agent is a program: one known by name, or any command."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from swarmtui.engine.ports import Attempt, Done
from swarmtui.plan.lookup import LookupFailed, TemplateError, render
from swarmtui.plan.model import AgentSpec
from swarmtui.plan.team import AgentDef
from swarmtui.safety.permissions import Rule
from swarmtui.session.vocabulary import ErrorInfo, ErrorKind
from swarmtui.workers.cli_agents.permits import Ask, Permit, by_rules
from swarmtui.workers.cli_agents.place import Places
from swarmtui.workers.cli_agents.programs import Program, ProgramError, Programs, load_programs, plain
from swarmtui.workers.cli_agents.run import Job, Patience, ProgramRun
from swarmtui.workers.command import child_env
from swarmtui.workers.local import Course
from swarmtui.workers.process import Processes, Scratch, failure

_TIERS = ("planner", "worker", "small", "medium", "large")
"""Models that are no model of a program's: it takes its own."""


class CliAgentWorker:
    """Runs programs that are agents; a :class:`swarmtui.workers.local.Worker`.

    Of a plan that is not the user's own, known programs do not run, and other commands in the sandbox alone. `permit`
    decides, from the rules of a team, what programs that ask may do. `environ` is the user's: a program gets the
    variables that ``programs.yaml`` names for it.
    """

    def __init__(
        self,
        processes: Processes,
        programs: Programs | None = None,
        *,
        patience: Patience | None = None,
        permit: Callable[[tuple[Rule, ...], Ask | None, str], Permit] = by_rules,
        environ: Mapping[str, str] = os.environ,
    ) -> None:
        self._processes = processes
        self._programs = programs or load_programs()
        self._patience = patience or Patience()
        self._permit = permit
        self._environ = environ
        self._places = Places()

    async def __call__(self, attempt: Attempt, emit: Course, /) -> Done:
        """The attempt's result. Raises WorkerFailed."""
        job = self._job(attempt)
        if attempt.trusted:
            return await self._run(job, emit, None)
        async with Scratch(attempt) as scratch:
            return await self._run(job, emit, scratch)

    async def _run(self, job: Job, emit: Course, scratch: Path | None) -> Done:
        attempt = job.attempt
        ask = emit.asked if attempt.may_wait else None
        agent = job.definition.program or attempt.node
        run = ProgramRun(
            job,
            emit,
            self._processes,
            self._places,
            self._patience,
            scratch,
            self._permit(attempt.team.rules, ask, agent),
        )
        return await run.carry_out()

    def _job(self, attempt: Attempt) -> Job:
        spec = attempt.spec
        definition = _definition(attempt, spec, self._programs) if isinstance(spec, AgentSpec) else None
        if not isinstance(spec, AgentSpec) or definition is None:
            raise failure(attempt, ErrorInfo(ErrorKind.INTERNAL, f"{attempt.node} has no program for its agent"))
        program = self._program(attempt, definition)
        if attempt.trusted and program.located(child_env()["PATH"]) is None and "/" not in program.argv[0]:
            raise failure(attempt, program.missing())
        try:
            instructions = render(definition.instructions, spec.context)
        except (LookupFailed, TemplateError) as error:
            message = f"the instructions of {spec.agent}: {error}"
            raise failure(attempt, ErrorInfo(ErrorKind.INPUT, message)) from error
        prompt = f"{instructions}\n\n{spec.prompt}" if instructions.strip() else spec.prompt
        return Job(attempt, program, definition, prompt, _model(attempt, spec, definition, program), self._environ)

    def _program(self, attempt: Attempt, definition: AgentDef) -> Program:
        if definition.program is None:
            return plain(definition.command)
        try:
            program = self._programs.get(definition.program)
        except ProgramError as error:
            raise failure(attempt, ErrorInfo(ErrorKind.INPUT, str(error))) from error
        if not attempt.trusted:
            message = (
                f"{program.name} works outside of the sandbox, and the plan is not your own: "
                "write the node into a task file of yours, or give its task to an agent with a model"
            )
            raise failure(attempt, ErrorInfo(ErrorKind.BLOCKED, message))
        return program


def _definition(attempt: Attempt, spec: AgentSpec, programs: Programs) -> AgentDef | None:
    """The agent as it is defined, if it is a program. Of a plan that is not the user's own, an agent that a node itself
    defines gets no network."""
    if spec.own is not None:
        own = spec.own
        if own.network and not attempt.trusted:
            own = replace(own, network=False)
        return own if own.program or own.command else None
    known = attempt.team.agents.get(spec.agent)
    if known is not None:
        return known if known.program or known.command else None
    return AgentDef(program=spec.agent) if spec.agent in programs.names() else None


def _model(attempt: Attempt, spec: AgentSpec, definition: AgentDef, program: Program) -> str | None:
    """The model that the program is told to take; None: its own choice."""
    name = spec.model or definition.model
    if name in _TIERS:
        return None
    ref = attempt.models.get(name)
    full = f"{ref.provider}/{ref.model}" if ref is not None else name
    return full if program.model_form == "full" else full.partition("/")[2] or full
