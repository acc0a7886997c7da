"""A working copy of its own for an agent: a git worktree at HEAD, and at the end what was changed in it as a diff.

The repository and, the more so, what an agent leaves in the copy may be hostile. Git is therefore run without hooks,
file system monitors, filters, external diffs, pagers, prompts and transports; it is told which repository and which
folder are meant rather than left to find them by what is in the copy; and it never looks into nested repositories, so
that what is in one that an agent makes is not told.
Uncommitted changes of the user are not in the copy. Submodules and LFS objects are not fetched.
"""

from __future__ import annotations

import asyncio
import os
import random
import shutil
import subprocess
import threading
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO, TypeVar, cast

from swarmtui.frozen import frozen
from swarmtui.safety.redact import Redactor
from swarmtui.safety.text import one_line
from swarmtui.workers.pump import CappedFile

SHOWN_CHARS = 60_000
"""What of a diff is told in an output; all of it is in the file."""
GIT_S = 120.0
"""What one git command may take."""

_TRIES = 6
_CHUNK = 1 << 20
_SAFE = (
    *("-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=false", "-c", "core.pager=cat"),
    *("-c", "submodule.recurse=false", "-c", "diff.ignoreSubmodules=dirty", "-c", "gc.auto=0"),
    *("-c", "maintenance.auto=false", "-c", "advice.detachedHead=false", "-c", "core.quotePath=true"),
)
_BUSY = (
    "unable to create",
    "file exists",
    "could not lock",
    "cannot lock",
    "index.lock",
    "is locked",
    "initializing",
    "failed to read",
)

Result = TypeVar("Result")


class GitFailed(Exception):
    """A git command failed; the message is for the user."""


@frozen
class Repository:
    """A git repository with at least one commit, seen from a folder in it."""

    top: Path
    prefix: str
    """The folder, relative to `top`."""
    common: Path
    """Where git keeps what all worktrees share."""
    head: str


@frozen
class Changes:
    """What an agent changed in its copy."""

    stat: str
    diff: str
    """As it is told: cut at :data:`SHOWN_CHARS`."""
    path: Path
    """The file with all of it."""
    whole: bool
    """Whether the file holds the diff as git told it: it is not cut, and no secret in it was masked."""

    def told(self) -> str:
        """The changes as a part of an output."""
        fence = "```"
        while fence in self.diff:
            fence += "`"
        note = "" if self.whole else " (not all of it: it was too large, or held secrets that are masked)"
        head = f"Changes, made in a copy and not applied; all of them are in {self.path}{note}:"
        return f"{head}\n\n{self.stat.rstrip()}\n\n{fence}diff\n{self.diff.rstrip()}\n{fence}"


async def find_repository(folder: str) -> Repository | None:
    """The repository that `folder` is in; None if it is in none, or in one without a commit or a working copy."""

    def look() -> Repository | None:
        try:
            said = _git(folder, "rev-parse", "--show-toplevel", "--git-common-dir", "--show-prefix", "HEAD^{commit}")
        except (GitFailed, OSError):
            return None
        lines = said.split("\n")
        if len(lines) != 5 or not lines[0]:  # more: a folder's name has a line end in it
            return None
        return Repository(Path(lines[0]), lines[2], Path(folder, lines[1]).resolve(), lines[3])

    return await asyncio.to_thread(look)


async def is_dirty(repository: Repository) -> bool:
    """Whether the user has changes that are in no commit."""

    def look() -> bool:
        words = ("status", "--porcelain=v1", "--untracked-files=normal", "--ignore-submodules=all")
        with suppress(GitFailed, OSError):
            top = str(repository.top)
            return bool(_git(top, *words, env=_no_filters(top)).strip())
        return False

    return await asyncio.to_thread(look)


class Worktree:
    """A copy of `repository` in `path`, at its HEAD unless `base` names another commit.

    Use :meth:`make` (or :meth:`adopt`), :meth:`changes`, and at the end, whatever happened, :meth:`remove`.
    """

    def __init__(self, repository: Repository, path: Path, base: str | None = None) -> None:
        self.path = path
        self.base = base or repository.head
        """The commit that changes are told against."""
        self._repository = repository
        self._git_dir = repository.common / "worktrees" / path.name
        self._env: dict[str, str] = {}

    @property
    def cwd(self) -> Path:
        """Where in the copy the agent starts: the same folder of the project as the user."""
        return self.path / self._repository.prefix

    async def make(self, changes: Path | None = None) -> None:
        """Makes the copy, with the earlier `changes` applied. Raises GitFailed."""
        await asyncio.to_thread(self._make, changes)

    async def adopt(self) -> bool:
        """Whether `path` holds this copy still, as a crash left it: it is then used as it is."""
        return await asyncio.to_thread(self._adopt)

    async def changes(self, file: Path, redactor: Redactor | None = None) -> Changes | None:
        """What was changed, written to `file`; None if nothing was. Raises GitFailed."""
        return await asyncio.to_thread(self._changes, file, redactor)

    async def remove(self) -> None:
        """Removes the copy, whatever is in it. Never raises."""
        await asyncio.to_thread(self._remove)

    def _make(self, changes: Path | None) -> None:
        add = ("worktree", "add", "--no-checkout", "--detach", "--", str(self.path), self.base)
        _patiently(lambda: _git(str(self._repository.top), *add))
        self._find_git_dir()
        self._settle_place()
        self._here("reset", "--hard", "--quiet")
        if changes is not None:
            self._here("apply", "--whitespace=nowarn", "--", str(changes))
        self.cwd.mkdir(parents=True, exist_ok=True)

    def _find_git_dir(self) -> None:
        """Git names its own folder for a worktree; told before anybody else could write to the copy."""
        said = _git(str(self.path), "rev-parse", "--absolute-git-dir").strip()
        if Path(said).parent != self._repository.common / "worktrees":
            raise GitFailed(f"git keeps the copy in an unexpected place: {one_line(said, 200)}")
        self._git_dir = Path(said)

    def _adopt(self) -> bool:
        if not self.path.is_dir():
            return False
        for known in (self._repository.common / "worktrees").glob("*/gitdir"):
            with suppress(OSError, ValueError):
                if Path(known.read_text("utf-8").strip()).parent.resolve() == self.path.resolve():
                    self._git_dir = known.parent
                    self._settle_place()
                    return self.cwd.is_dir()
        return False

    def _changes(self, file: Path, redactor: Redactor | None) -> Changes | None:
        self._settle_place()
        self._show_new_files()
        common = ("diff", "--no-ext-diff", "--no-textconv", "--no-color", "--ignore-submodules=dirty")
        kept = CappedFile(file, redactor)
        size, shown = 0, b""
        with self._started(*common, "--binary", self.base, "--") as process:
            said = cast("IO[bytes]", process.stdout)  # it was asked for
            timer = threading.Timer(GIT_S, process.kill)
            timer.start()
            try:
                while data := said.read(_CHUNK):
                    kept.write(data)
                    size += len(data)
                    shown += data[: 4 * SHOWN_CHARS - len(shown)]
            finally:
                timer.cancel()
                kept.close()
        if process.returncode:
            raise GitFailed("git diff failed")
        if not size:
            return None
        stat = self._here(*common, "--stat=100,80", "--stat-count=100", self.base, "--")
        if kept.path is None:
            raise GitFailed(f"the diff cannot be written: {kept.lost}")
        whole = kept.whole and file.stat().st_size == size
        text = shown.decode("utf-8", "replace")
        if redactor is not None:
            stat, text = redactor.redact(stat), redactor.redact(text)
        return Changes(stat, _cut(text, size), file, whole)

    def _show_new_files(self) -> None:
        """Has the diff tell of new files too. Only they are named, so that git looks at nothing else by this; what ends
        in a slash is a repository that was made within the copy."""
        names = self._here("ls-files", "--others", "--exclude-standard", "-z").split("\0")
        new = "\0".join(name for name in names if name and not name.endswith("/"))
        if new:
            self._here("add", "--intent-to-add", "--pathspec-from-file=-", "--pathspec-file-nul", stdin=new)

    def _remove(self) -> None:
        top = str(self._repository.top)
        with suppress(GitFailed, OSError):
            _patiently(lambda: _git(top, "worktree", "remove", "--force", "--force", "--", str(self.path)))
        if self.path.exists():
            _make_removable(self.path)
            shutil.rmtree(self.path, ignore_errors=True)
        if self._git_dir.exists() and self._git_dir.parent == self._repository.common / "worktrees":
            with suppress(GitFailed, OSError):
                _patiently(lambda: _git(top, "worktree", "prune"))

    def _settle_place(self) -> None:
        """The copy is told rather than found, since what is in it may lead elsewhere; and what the configuration says
        may depend on the place."""
        place = {"GIT_DIR": str(self._git_dir), "GIT_WORK_TREE": str(self.path)}
        self._env = {**place, **_no_filters(str(self.path), place)}

    def _here(self, *words: str, stdin: str = "") -> str:
        return _git(str(self.path), *words, env=self._env, stdin=stdin)

    def _started(self, *words: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            ["git", *_SAFE, *words],
            cwd=self.path,
            env=_environment(self._env),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )


async def to_the_end(work: Awaitable[Result]) -> tuple[Result, bool]:
    """Carries `work` out even if this task is cancelled meanwhile; the result, and whether it was."""
    task = asyncio.ensure_future(work)
    cancelled = False
    while not task.done():
        try:
            await asyncio.wait({task})
        except asyncio.CancelledError:
            cancelled = True
    return task.result(), cancelled


# -- git ------------------------------------------------------------------------------------------------------


def _environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    passed = ("HOME", "PATH", "USER", "LOGNAME", "TMPDIR", "XDG_CONFIG_HOME")
    return {
        **{name: os.environ[name] for name in passed if name in os.environ},
        "LC_ALL": "C.UTF-8",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_ASKPASS": "/bin/false",
        "SSH_ASKPASS": "/bin/false",
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_NO_LAZY_FETCH": "1",
        "GIT_ALLOW_PROTOCOL": "none",
        "GIT_LFS_SKIP_SMUDGE": "1",
        "GIT_EDITOR": "false",
        "GIT_LITERAL_PATHSPECS": "1",
        **(extra or {}),
    }


def _git(cwd: str, *words: str, env: Mapping[str, str] | None = None, stdin: str = "") -> str:
    """What a git command says. Raises GitFailed with its last words, OSError if there is no git."""
    try:
        ran = subprocess.run(
            ["git", *_SAFE, *words],
            cwd=cwd,
            env=_environment(env),
            input=stdin.encode("utf-8", "surrogateescape"),
            capture_output=True,
            timeout=GIT_S,
            start_new_session=True,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise GitFailed(f"git took longer than {GIT_S:g} s") from None
    if ran.returncode:
        raise GitFailed(one_line(ran.stderr.decode("utf-8", "replace").strip().split("\n")[-1], 300))
    return ran.stdout.decode("utf-8", "surrogateescape")


def _no_filters(cwd: str, env: Mapping[str, str] | None = None) -> dict[str, str]:
    """Variables that switch off the filters of this configuration: commands which git would run on files."""
    try:
        said = _git(cwd, "config", "--name-only", "-z", "--get-regexp", r"^filter\..+\..+", env=env)
    except GitFailed:  # there are none
        return {}
    drivers = sorted({name.rsplit(".", 1)[0] for name in said.split("\0") if name})
    settings = [
        (f"{driver}.{key}", value)
        for driver in drivers
        for key, value in (("clean", ""), ("smudge", ""), ("process", ""), ("required", "false"))
    ]
    told = {"GIT_CONFIG_COUNT": str(len(settings))}
    for number, (key, value) in enumerate(settings):
        told |= {f"GIT_CONFIG_KEY_{number}": key, f"GIT_CONFIG_VALUE_{number}": value}
    return told


def _patiently(act: Callable[[], Result]) -> Result:
    """Several agents begin at once, and git locks what they share: tried again while that is all that is wrong."""
    for tried in range(_TRIES):
        try:
            return act()
        except GitFailed as failed:
            if tried + 1 == _TRIES or not any(word in str(failed).lower() for word in _BUSY):
                raise
            # git offers no way to wait for its locks: it fails at once where another one holds them
            time.sleep(0.05 * 2**tried * (0.5 + random.random()))  # noqa: S311  # no secret
    raise AssertionError("unreachable")


def _cut(text: str, size: int) -> str:
    if len(text) <= SHOWN_CHARS and size == len(text.encode("utf-8", "replace")):
        return text
    head = text[:SHOWN_CHARS].rpartition("\n")[0] or text[:SHOWN_CHARS]
    return f"{head}\n… the rest of {size:,} bytes is in the file …"


def _make_removable(path: Path) -> None:
    """Folders that were made read-only, such as caches of packages, could not be emptied."""
    for folder, _, _ in os.walk(path):
        with suppress(OSError):
            Path(folder).chmod(0o700)
