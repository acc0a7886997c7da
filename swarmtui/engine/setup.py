"""What one session's conductor is told of the world around it, by whoever puts the session together."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import field
from pathlib import Path

from swarmtui.engine.commands import ParsePlan, ResolveModel, known_models_only
from swarmtui.engine.paced import AccountStore, NoStore
from swarmtui.engine.ranks import Known
from swarmtui.engine.ready import NOTHING_KNOWN
from swarmtui.engine.reuse import Reach
from swarmtui.engine.reuse_store import ReuseStore
from swarmtui.frozen import frozen
from swarmtui.safety.redact import Redactor
from swarmtui.session.state import SessionState


@frozen
class Setup:
    """What the conductor needs to know of the world around the session."""

    session_folder: Path
    artefacts: Path
    task_folder: Path
    parse_plan: ParsePlan
    """Reads an edited plan; raises commands.Refused."""
    resolve_model: ResolveModel = known_models_only
    """Finds a model that a patch names and the session does not know yet; raises commands.Refused."""
    reuse: Reach = "session"
    """Where results may be taken over from when something is run again."""
    reuse_store: ReuseStore | None = None
    """Results of other sessions, for a reach of ``any``."""
    out: Path | None = None
    """Folder that gets a copy of the report."""
    approve: bool = False
    """Approve any plan without asking."""
    review: bool = False
    """Ask even for a plan that is the user's own."""
    unattended: bool = False
    """Nobody is there who could be asked: an agent that asks for permission is refused it."""
    mirror: Callable[[SessionState], None] | None = None
    """Shows the session somewhere else; called before its end is recorded, so that whoever hears of that finds it."""
    wait_if_interrupted: bool = False
    """Stay paused after a crash that caught what may have changed something, until the user has decided."""
    leftovers: int = 0
    """Processes of the host before that were still at work, and were ended."""
    warnings: tuple[str, ...] = ()
    """What is likely to go wrong, found out before anything runs."""
    durations: Known = field(default_factory=lambda: NOTHING_KNOWN)
    """What earlier sessions took, for the order of starts and for forecasts."""
    accounts: AccountStore = field(default_factory=NoStore)
    """What is known of providers' accounts from other sessions."""
    wall: Callable[[], float] = time.time
    """Seconds since the epoch, for how old what is known is."""
    seed: int = 0
    redactor: Redactor = field(default_factory=Redactor)
