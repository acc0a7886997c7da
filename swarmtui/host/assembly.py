"""Puts a session together: its log and state, and everything that its conductor works with."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import random
import time
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path

import swarmtui
from swarmtui.engine.commands import INVALID_PARAMS, Refused
from swarmtui.engine.conductor import Conductor
from swarmtui.engine.durations import learn, read
from swarmtui.engine.orchestrator_folder import OrchestratorFolder
from swarmtui.engine.ranks import observed
from swarmtui.engine.reuse_store import ReuseStore
from swarmtui.engine.setup import Setup
from swarmtui.host.confinement import find_sandbox, may_need_sandbox, remarks
from swarmtui.host.experience import accounts_of, durations_file
from swarmtui.host.leftovers import end_leftovers
from swarmtui.host.spec import LaunchSpec, read_task
from swarmtui.host.workforce import workforce
from swarmtui.host.write_back import written_back
from swarmtui.models.catalog import PROFILES, TIERS, CatalogError, resolve
from swarmtui.models.discover import discover, keys_abroad, unusable
from swarmtui.models.net import Net
from swarmtui.models.prices import budget_warning, with_price
from swarmtui.plan.model import MergeSpec, ModelRef, Node, Plan, PlanSpec, Task
from swarmtui.plan.problems import TaskError
from swarmtui.plan.team import Team
from swarmtui.safety.paths import places
from swarmtui.safety.redact import Redactor, secrets_from_env
from swarmtui.safety.sandbox import AnySandbox, Blocked
from swarmtui.safety.text import one_line
from swarmtui.session import fold
from swarmtui.session.budgets import uncounted_models
from swarmtui.session.events import Body, Event, HostStarted, Noted, PlanProposed, SessionCreated
from swarmtui.session.faults import Faults
from swarmtui.session.folder import SessionFolder
from swarmtui.session.heads import boot_id
from swarmtui.session.log import Log
from swarmtui.session.migrate import bring_up
from swarmtui.session.pools import agent_of, model_name, team_of
from swarmtui.session.reader import Reader
from swarmtui.session.rows import Head
from swarmtui.session.state import SessionState
from swarmtui.session.trouble import little_room
from swarmtui.workers.process import Processes

TITLE_CHARS = 120

logger = logging.getLogger(__name__)


@contextlib.asynccontextmanager
async def assembled(
    folder: SessionFolder,
    spec: LaunchSpec,
    environ: Mapping[str, str] = os.environ,
    *,
    wait_if_interrupted: bool = False,
    faults: Faults | None = None,
    umask: int = -1,
    unsandboxed: bool = False,
    redactor: Redactor | None = None,
) -> AsyncIterator[Conductor]:
    """The conductor of the session in `folder`, new or to be gone on with, ready to run. The caller holds the lock.

    With `wait_if_interrupted` a session stays paused when a crash caught what may have changed something. `umask` is
    the user's, where this process has another one; `unsandboxed` their word, given to this host alone, that commands
    which are not their own run without a sandbox. `redactor` learns the keys that are found on the way. Raises
    TaskError, CatalogError (a model that is not known) and LogError.
    """
    redactor = redactor or Redactor()
    redactor.learn(*secrets_from_env(environ))
    async with Net() as net, _opened(folder, spec, net, environ, faults or Faults()) as (log, state, leftovers):
        net.found_keys.tell(redactor.learn)
        back = None if spec.write_back is None else OrchestratorFolder(Path(spec.write_back), folder.path)
        kept, since = durations_file(environ), state.mono
        accounts = accounts_of(folder.id, environ)
        try:
            find, confined = await _sandbox(state, environ, unsandboxed=unsandboxed)
            processes = Processes(redactor, find, umask, unsandboxed=unsandboxed)
            setup = replace(
                _setup(folder, spec, state, environ),
                mirror=back,
                wait_if_interrupted=wait_if_interrupted,
                leftovers=leftovers,
                durations=await asyncio.to_thread(read, kept),
                warnings=(*_warnings(folder, state, environ), *confined),
                accounts=accounts,
                redactor=redactor,
            )
            async with workforce(folder.path, net, environ, processes, umask) as (executor, planner):
                conductor = Conductor(log, state, executor, planner, setup)
                async with contextlib.nullcontext() if back is None else written_back(conductor, back, folder):
                    yield conductor
            await asyncio.to_thread(learn, kept, observed(state, since), time.time())
        finally:
            accounts.close()


def _setup(folder: SessionFolder, spec: LaunchSpec, state: SessionState, environ: Mapping[str, str]) -> Setup:
    """What the conductor is told of the session's own: where it lies, and what its user asked for."""
    return Setup(
        session_folder=folder.path,
        artefacts=folder.artefacts,
        task_folder=spec.task_folder,
        parse_plan=partial(parse_edited, state=state),
        resolve_model=partial(resolve_named, environ=environ),
        reuse=spec.reuse,
        reuse_store=ReuseStore(places().state / "reuse.db") if spec.reuse == "any" else None,
        out=Path(spec.out) if spec.out else None,
        approve=spec.approve,
        review=spec.review,
        unattended=spec.unattended,
        seed=random.getrandbits(32),  # jitter, not a secret
    )


def _warnings(folder: SessionFolder, state: SessionState, environ: Mapping[str, str]) -> Iterator[str]:
    """What is likely to go wrong, or goes to others, told before anything runs."""
    yield from unusable(state.models.values(), environ)
    yield from keys_abroad(state.models.values(), environ)
    yield from _servers_told(state, environ)
    yield from money_warnings(state)
    if room := little_room(folder.path):
        yield room


async def prospect(spec: LaunchSpec, environ: Mapping[str, str] = os.environ) -> SessionState:
    """The state that a session of `spec` would begin with, of which nothing is made or kept.

    Raises TaskError, CatalogError.
    """
    async with Net() as net:
        bodies = await _first_events("", spec, net, environ)
    return fold.fold(Event(seq, 0.0, 0.0, body) for seq, body in enumerate(bodies, 1))


async def started(conductor: Conductor, conducting: asyncio.Task[None]) -> None:
    """Until the conductor, which the task `conducting` runs, has settled what the host before left open.

    Only from then on does the state say what a session waits for. It is in the file then, unless that cannot be written
    for now. Raises what ended the conductor before that.
    """
    troubled = asyncio.Event()
    conductor.log.watch_trouble(lambda trouble: troubled.set())

    async def begun() -> None:
        await conductor.begun()
        if conductor.stopping:  # perhaps because it broke, which is what is to be told then
            await asyncio.wait((conducting,))
        await conductor.log.flushed()

    waits = [asyncio.create_task(begun()), asyncio.create_task(troubled.wait())]
    await asyncio.wait((conducting, *waits), return_when=asyncio.FIRST_COMPLETED)
    for wait in waits:
        wait.cancel()
    await asyncio.gather(*waits, return_exceptions=True)
    if conducting.done():
        conducting.result()


def _servers_told(state: SessionState, environ: Mapping[str, str]) -> list[str]:
    """What of the user's environment goes to the servers of the plan."""
    servers = team_of(state).servers
    if not servers:
        return []
    from swarmtui.agents.mcp.settings import variables_told

    return list(variables_told(servers, environ))


def money_warnings(state: SessionState) -> list[str]:
    """What is to be said before anything starts of a budget that cannot be kept, since a price is not known."""
    models = uncounted_models(state)
    return [budget_warning(models)] if models else []


def host_started(session: str) -> HostStarted:
    """The event that says who runs the session from here on, and what its ID is."""
    cpus = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 2
    return HostStarted(os.getpid(), boot_id(), swarmtui.__version__, cpus, session)


def parse_edited(text: str, plan: Plan, *, state: SessionState, file: str = "plan") -> Plan:
    """The plan that a user made of `plan` in an editor: whoever wrote that one answers for this one too.

    It may name the inputs and models of the session. Raises Refused with every problem, and its place in `file`.
    """
    from swarmtui.plan.taskfile import parse_task

    try:
        task = parse_task(
            text,
            file=file,
            author=plan.author,
            inputs=state.inputs,
            models={**state.declared, **state.models},
            team=plan.team,
        )
    except TaskError as error:
        raise Refused(str(error), INVALID_PARAMS) from error
    if task.plan is None:
        raise Refused("the plan has no nodes: write them under `nodes`", INVALID_PARAMS)
    return task.plan


def resolve_named(name: str, known: dict[str, ModelRef], *, environ: Mapping[str, str]) -> ModelRef:
    """Where a model answers that a change of the plan names. Raises Refused.

    A tier for which there is nothing but the stand-in is refused in a session of real models.
    """
    try:
        ref = with_price(resolve(name, known, environ))
    except CatalogError as error:
        raise Refused(str(error), INVALID_PARAMS) from error
    if ref.simulated and name in (*TIERS, *PROFILES) and not any(one.simulated for one in known.values()):
        raise Refused(f"no key and no local server is there for the tier {name}: name a model, as PROVIDER/MODEL")
    return ref


# -- the log --------------------------------------------------------------------------------------------------


Opened = tuple[Log, SessionState, int]
"""The log, its fold, and how many processes of an earlier host were ended."""


@contextlib.asynccontextmanager
async def _opened(
    folder: SessionFolder, spec: LaunchSpec, net: Net, environ: Mapping[str, str], faults: Faults
) -> AsyncIterator[Opened]:
    """The session file, made or gone on with, and let go of whatever happens."""
    opened = await _gone_on_with(folder, faults)
    if opened is None:
        bodies = await _first_events(folder.id, spec, net, environ)
        opened = (await Log.create(folder.db, swarmtui.__version__, _tell_trouble, faults=faults), fold.empty(), 0)
    else:
        bodies = ()
    log, state, _ = opened
    try:
        for body in bodies:
            fold.apply(state, log.append(body, durable=True))
        yield opened
    finally:
        if not log.closing:
            await log.close()


async def _gone_on_with(folder: SessionFolder, faults: Faults) -> Opened | None:
    """What an earlier host recorded; None if that is nothing."""
    if folder.db.exists():
        await asyncio.to_thread(bring_up, folder.db, swarmtui.__version__, faults=faults)
        head, state = await asyncio.to_thread(_read, folder)
        if head.seq:
            left = await asyncio.to_thread(_end_leftovers, folder, state.id)
            if left:
                logger.warning("%d processes of the host that died were still at work and were ended", left)
            return await Log.open(folder.db, head, _tell_trouble, faults=faults), state, left
        folder.db.unlink()  # a host that died before the first event: nothing was recorded
    return None


def _end_leftovers(folder: SessionFolder, recorded: str) -> int:
    """End what hosts of this session left, also those of the session `recorded` that it was recovered from."""
    ended = end_leftovers(folder.id)
    if recorded != folder.id and not SessionFolder(folder.path.with_name(recorded)).owned():
        ended += end_leftovers(recorded)
    return ended


def _read(folder: SessionFolder) -> tuple[Head, SessionState]:
    with Reader(folder.db) as reader:
        reader.check_pages()
        return reader.resume()


def _tell_trouble(trouble: str | None) -> None:
    if trouble is None:
        logger.warning("the session file can be written again")
    else:
        # the next moment, since host.log may be on that disk: by then what was kept in reserve for it is free
        asyncio.get_running_loop().call_soon(logger.error, "%s", trouble)


async def _first_events(id: str, spec: LaunchSpec, net: Net, environ: Mapping[str, str]) -> tuple[Body, ...]:
    task, inputs = read_task(spec)
    models, declared = await _models(task, net, environ)
    created = SessionCreated(
        id=id,
        goal=task.goal,
        title=one_line(task.title or task.goal, TITLE_CHARS),
        cwd=spec.cwd,
        app=swarmtui.__version__,
        task_path=task.path,
        inputs=inputs,
        limits=task.limits,
        models=models,
        declared=declared,
        team=task.team,
    )
    remarks = tuple(Noted("warning", remark) for remark in spec.remarks)
    return (created, *remarks) if task.plan is None else (created, PlanProposed(1, task.plan), *remarks)


async def _models(task: Task, net: Net, environ: Mapping[str, str]) -> tuple[dict[str, ModelRef], dict[str, ModelRef]]:
    """Where each model that the task can come to use answers, and each other one that a change of its plan may name.

    A summary that only the simulated model could write is left out instead, so that a session whose every result is
    real is not labelled simulated.
    """
    wanted, summaries = _names(task)
    known = dict(task.models)
    if any(tier not in known for tier in TIERS) and (wanted | summaries):
        known = {**(await discover(environ, net)).tiers, **known}
    models = {name: resolve(name, known, environ) for name in sorted(wanted)}
    for name in sorted(summaries - wanted):
        ref = resolve(name, known, environ)
        if not ref.simulated:
            models[name] = ref
    planner = known.get("planner")
    if models and planner is not None and "planner" not in models:  # what all of it would cost on that one can be told
        ref = resolve("planner", known, environ)
        if not ref.simulated:
            models["planner"] = ref
    declared = _declared(task, known, environ, frozenset(models))
    return await asyncio.to_thread(lambda: (_priced(models), _priced(declared)))


def _priced(models: Mapping[str, ModelRef]) -> dict[str, ModelRef]:
    return {name: with_price(ref) for name, ref in models.items()}


def _declared(
    task: Task, known: Mapping[str, str | ModelRef], environ: Mapping[str, str], used: Collection[str]
) -> dict[str, ModelRef]:
    """Models that are named and not used: a mistake in one of them is told once something wants it."""
    found: dict[str, ModelRef] = {}
    for name in sorted(known.keys() - used):
        with contextlib.suppress(CatalogError):
            ref = resolve(name, known, environ)
            if name in task.models or not ref.simulated:
                found[name] = ref
    return found


def _names(task: Task) -> tuple[set[str], set[str]]:
    """Names of models that prompts (or a plan yet to be written) use, and those that only summaries use."""
    if task.plan is None:
        return {*TIERS, *task.models, *_of_agents(task.team, ())}, set()
    nodes, team = task.plan.nodes, task.plan.team
    prompts = {name for node in nodes if node.kind != "merge" and (name := model_name(node, 0, team)) is not None}
    prompts |= {name for node in nodes for name in node.retry.models}
    if any(isinstance(node.spec, PlanSpec) for node in nodes):
        prompts |= set(TIERS)
    if task.limits.replan:
        prompts |= set(TIERS)
    summaries = {node.spec.summary for node in nodes if isinstance(node.spec, MergeSpec) and node.spec.summary}
    return prompts | _of_agents(team, nodes), summaries


def _of_agents(team: Team, nodes: Iterable[Node]) -> set[str]:
    """Names of models that agents come to use by being named while the plan runs, or by making others."""
    defined = [*team.agents.values(), *(agent for node in nodes if (agent := agent_of(team, node)) is not None)]
    models = [agent for agent in defined if not (agent.program or agent.command)]
    makes = any("create_subagent" in agent.tools for agent in models)
    return {agent.model for agent in models} | (set(PROFILES) if makes else set())


# -- who does the work ----------------------------------------------------------------------------------------


async def _sandbox(
    state: SessionState, environ: Mapping[str, str], *, unsandboxed: bool
) -> tuple[Callable[[], AnySandbox | Blocked], list[str]]:
    """How the sandbox is found, and what the user is to be told of it. It is tried out now where it may be needed."""
    find = partial(find_sandbox, environ)
    if not unsandboxed and not may_need_sandbox(state):
        return find, []
    found = Blocked("it was not looked for", "") if unsandboxed else await asyncio.to_thread(find)
    return (lambda: found), remarks(found, unsandboxed=unsandboxed)
