"""Where a program works: in a copy of its own of the user's repository where that is wanted, else in their folder."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

from swarmtui.engine.ports import Attempt
from swarmtui.frozen import mutable
from swarmtui.plan.team import AgentDef
from swarmtui.safety.redact import Redactor
from swarmtui.safety.sandbox import WORK
from swarmtui.safety.text import one_line
from swarmtui.workers.cli_agents.thread import TREE, SessionEntry
from swarmtui.workers.cli_agents.worktree import Changes, GitFailed, Repository, Worktree, find_repository, is_dirty


@mutable
class Place:
    """The folder of one run."""

    cwd: str
    """Where it starts; in the sandbox as it is called there."""
    may_edit: bool
    tree: Worktree | None = None
    scratch: Path | None = None
    """What the sandbox lets it write to; None outside of the sandbox."""
    resumed: SessionEntry | None = None
    """The session that it goes on with: its files are as that left them."""

    async def leave(self, attempt: Attempt, redactor: Redactor | None) -> tuple[Changes | None, str]:
        """What was changed here, and what went wrong with that; the copy is gone then, or told where it is."""
        if self.tree is None:
            return None, ""
        name = "changes.diff" if attempt.item is None else f"changes-{attempt.item}.diff"
        try:
            changes = await self.tree.changes(Path(attempt.folder, name), redactor)
        except (GitFailed, OSError) as error:
            if self.scratch is None:
                why = one_line(str(error), 200)
                return None, f"what it changed could not be read ({why}); its copy is kept: {self.tree.path}"
            await self.tree.remove()
            return None, f"what it changed could not be read: {one_line(str(error), 200)}"
        await self.tree.remove()
        return changes, ""


class Places:
    """Finds and makes places. `say` gets remarks for the user, each told once per repository."""

    def __init__(self) -> None:
        self._told: set[str] = set()

    async def find(
        self,
        attempt: Attempt,
        definition: AgentDef,
        resumed: SessionEntry | None,
        scratch: Path | None,
        say: Callable[[str], None],
    ) -> Place:
        """Where `attempt` is carried out; in `scratch` if it is in the sandbox. Raises GitFailed."""
        repository = await find_repository(attempt.cwd) if definition.worktree else None
        if repository is None:
            return self._without(attempt, definition, resumed, scratch, say)
        if str(repository.top) not in self._told and await is_dirty(repository):
            self._told.add(str(repository.top))
            say("agents work on copies of the last commit: changes that are in no commit are not in them")
        if resumed is not None and resumed.tree is not None:
            tree = await _again(repository, resumed, resumed.tree)
            if tree is not None:
                return Place(str(tree.cwd), True, tree, resumed=resumed)
        within = scratch if scratch is not None else Path(attempt.folder)
        tree = Worktree(repository, Path(tempfile.mkdtemp(prefix=TREE, dir=within)))
        try:
            await tree.make()
        except BaseException:
            await tree.remove()
            raise
        cwd = str(tree.cwd) if scratch is None else str(Path(WORK, tree.path.name, repository.prefix))
        return Place(cwd, True, tree, scratch)

    def _without(
        self,
        attempt: Attempt,
        definition: AgentDef,
        resumed: SessionEntry | None,
        scratch: Path | None,
        say: Callable[[str], None],
    ) -> Place:
        """The user's own folder: what they did not say may be changed there is only read."""
        if definition.worktree and definition.program and attempt.cwd not in self._told:
            self._told.add(attempt.cwd)
            say("no git repository with a commit is here: agents only read; `worktree: false` lets them change files")
        resumed = resumed if resumed is not None and resumed.tree is None else None
        cwd = attempt.cwd if scratch is None else "."
        return Place(cwd, not definition.worktree, None, scratch, resumed)


async def _again(repository: Repository, resumed: SessionEntry, path: Path) -> Worktree | None:
    """The copy of an earlier attempt, as it was left; None if it cannot be had again."""
    tree = Worktree(repository, path, resumed.base)
    if await tree.adopt():
        return tree
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        await tree.make(resumed.changes)
    except (GitFailed, OSError):
        await tree.remove()
        return None
    return tree
