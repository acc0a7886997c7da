"""Where an agent's tools read and write: a view of the project, read-only, with the agent's own files laid over it.

What an agent writes, and what its code makes, is in one folder of its attempt: nothing of it is in the project. Both
folders may hold what somebody else put there, so that no symbolic link is followed, in neither of them. Files whose
names say that they hold credentials are not there for agents.
"""

from __future__ import annotations

import errno
import fnmatch
import os
import re
import stat
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path, PurePosixPath

from swarmtui.agents.tools import ToolContext
from swarmtui.agents.tools.making import Refused
from swarmtui.frozen import frozen
from swarmtui.safety.paths import PathRefused, open_inside
from swarmtui.safety.sandbox import WORK, too_wide
from swarmtui.safety.text import one_line

FILES = "files"
"""Folder within the attempt's own one: what tools write, and where code of the agent runs."""
WALKED = 50_000
"""Entries that one listing or search looks at."""
_DEEPEST = 40

_SECRET_FOLDER = re.compile(
    r"\.(git|hg|svn|ssh|gnupg|aws|azure|gcloud|kube|docker|swarmtui|password-store|terraform|vault)"
)
_SECRET_NAMES = (
    *(
        ".env",
        ".env.*",
        "*.env",
        ".envrc",
        ".netrc",
        "_netrc",
        ".npmrc",
        ".yarnrc.yml",
        ".pypirc",
        ".pgpass",
        ".my.cnf",
    ),
    *(
        ".git",
        ".git-credentials",
        ".htpasswd",
        ".dockercfg",
        ".vault-token",
        ".boto",
        ".s3cfg",
        "*.pem",
        "*.key",
        "*.p12",
    ),
    *("*.pfx", "*.jks", "*.keystore", "*.kdbx", "*.ppk", "*.asc", "*.gpg", "*.tfstate", "*.tfstate.*", "*.tfvars"),
    *("id_rsa*", "id_dsa*", "id_ecdsa*", "id_ed25519*", "credentials", "credentials.*", "secrets.*", ".secrets*"),
    *("service-account*.json", "service_account*.json", "client_secret*.json", "kubeconfig", "auth.json"),
)
_EXAMPLES = ("*.example", "*.sample", "*.template", "*.dist", "*.pub")


@frozen
class Entry:
    """A file or folder as tools list it."""

    path: str
    """Relative to the root, with ``/``."""
    is_folder: bool
    size: int


def withheld(path: str) -> bool:
    """Whether a path within a project is one that agents do not read, by its name."""
    *folders, name = PurePosixPath(path).parts or ("",)
    return secret_name(name) or any(_SECRET_FOLDER.fullmatch(folder.lower()) for folder in folders)


def secret_name(name: str) -> bool:
    """Whether a file or folder of this name is likely to hold credentials."""
    name = name.lower()
    if _SECRET_FOLDER.fullmatch(name):
        return True
    if any(fnmatch.fnmatchcase(name, pattern) for pattern in _EXAMPLES):
        return False
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in _SECRET_NAMES)


class View:
    """What the tools of one call see."""

    def __init__(self, context: ToolContext) -> None:
        self.project = Path(context.cwd)
        self.own = Path(context.folder, FILES)

    def relative(self, path: str) -> str:
        """`path` as a model gave it, relative to the roots; ``.`` for the roots themselves. Raises Refused."""
        text = path.strip()
        if "\0" in text or any("\ud800" <= char <= "\udfff" for char in text):
            raise Refused("path: it holds characters that no path has")
        for root in (str(self.project), str(self.own), WORK):
            if text == root or text.startswith(f"{root}/"):
                text = text[len(root) :].lstrip("/")
                break
        pure = PurePosixPath(text or ".")
        if pure.is_absolute() or ".." in pure.parts or text.startswith("~"):
            raise Refused(f"path: {one_line(path, 200)}: give one within the project, such as src/main.py")
        return str(pure)

    def roots(self) -> list[Path]:
        """The folders that are there, the agent's own first. Raises Refused where the project is no project."""
        found = [self.own] if self.own.is_dir() else []
        if not too_wide(self.project):
            found.append(self.project)
        if not found:
            raise Refused(
                "the session was started in a folder that holds more than one project, and agents do not read that; "
                "start it in the project's folder"
            )
        return found

    def read(self, path: str, cap: int) -> tuple[bytes, int]:
        """The first `cap` bytes of a file, and its size. Raises Refused."""
        relative = self.relative(path)
        problem = ""
        for root in self.roots():
            if root == self.project and withheld(relative):
                raise Refused(
                    f"{one_line(path, 200)}: by its name it may hold credentials, and agents do not read such files"
                )
            try:
                with os.fdopen(_open(root, relative), "rb") as file:
                    return file.read(cap), os.fstat(file.fileno()).st_size
            except FileNotFoundError:
                continue
            except (PathRefused, OSError) as error:
                problem = problem or _reason(error)
        raise Refused(f"{one_line(path, 200)}: {problem or 'there is no such file; list_files tells what there is'}")

    def write(self, path: str, data: bytes, *, append: bool = False) -> str:
        """Writes a file among the agent's own and returns its path there. Raises Refused."""
        relative = self.relative(path)
        how = os.O_APPEND if append else os.O_TRUNC
        try:
            self.own.mkdir(mode=0o700, parents=True, exist_ok=True)
            _make_folders(self.own, relative)
            file = open_inside(self.own, relative, os.O_WRONLY | os.O_CREAT | os.O_NONBLOCK | how)
            with os.fdopen(file, "wb") as stream:
                if not stat.S_ISREG(os.fstat(file).st_mode):
                    raise Refused(f"{one_line(path, 200)}: it is no ordinary file")
                stream.write(data)
        except (PathRefused, OSError) as error:
            raise Refused(f"{one_line(path, 200)}: {_reason(error)}") from None
        return relative


def walk(root: Path, under: str = ".", *, secrets: bool = False) -> Iterator[Entry]:
    """What is below `under` in `root`: sorted, folders after files, no links, and without `secrets` nothing that is
    withheld. At most :data:`WALKED` entries. Raises Refused where there is no such folder."""
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
    try:
        folder = os.open(root, flags) if under == "." else open_inside(root, under, flags)
    except (PathRefused, OSError) as error:
        raise Refused(f"{one_line(under, 200)}: {_reason(error)}") from None
    left = [WALKED]
    prefix = "" if under == "." else f"{under}/"
    try:
        yield from _walk(folder, prefix, left, 0, secrets=secrets)
    finally:
        os.close(folder)


def _walk(folder: int, prefix: str, left: list[int], depth: int, *, secrets: bool) -> Iterator[Entry]:
    with os.scandir(folder) as listing:
        found = sorted(listing, key=lambda entry: entry.name)
    inner: list[str] = []
    for entry in found:
        left[0] -= 1
        if left[0] < 0:
            return
        path = prefix + entry.name
        if entry.is_symlink() or (not secrets and withheld(path)) or not _sayable(entry.name):
            continue
        if entry.is_dir(follow_symlinks=False):
            inner.append(entry.name)
        elif entry.is_file(follow_symlinks=False):
            with suppress(OSError):  # gone meanwhile
                yield Entry(path, is_folder=False, size=entry.stat(follow_symlinks=False).st_size)
    for name in inner:
        yield Entry(f"{prefix}{name}", is_folder=True, size=0)
        if depth >= _DEEPEST:
            continue
        try:
            below = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)
        except OSError:
            continue  # not ours to read, or gone meanwhile
        try:
            yield from _walk(below, f"{prefix}{name}/", left, depth + 1, secrets=secrets)
        finally:
            os.close(below)


def _sayable(name: str) -> bool:
    """Whether a name is UTF-8: another one could not be given back to us."""
    return not any("\ud800" <= char <= "\udfff" for char in name)


def _open(root: Path, relative: str) -> int:
    """An ordinary file below `root`. Raises PathRefused, Refused and OSError."""
    file = open_inside(root, relative, os.O_RDONLY | os.O_NONBLOCK)
    mode = os.fstat(file).st_mode
    if not stat.S_ISREG(mode):
        os.close(file)
        what = "a folder; list_files tells what is in it" if stat.S_ISDIR(mode) else "no ordinary file"
        raise Refused(f"{one_line(relative, 200)}: it is {what}")
    return file


def _make_folders(root: Path, relative: str) -> None:
    """The folders on the way to `relative`, following no link."""
    parents = PurePosixPath(relative).parts[:-1]
    if len(parents) > _DEEPEST:
        raise Refused("path: it has too many folders")
    folder = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for part in parents:
            with suppress(FileExistsError):
                os.mkdir(part, 0o700, dir_fd=folder)
            inner = os.open(part, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)
            os.close(folder)
            folder = inner
    finally:
        os.close(folder)


def _reason(error: PathRefused | OSError) -> str:
    if isinstance(error, PathRefused):
        return "a symbolic link, or a way out of the folder: agents do not follow these"
    told = {
        errno.ENOENT: "there is no such folder",
        errno.ENOTDIR: "it goes through something that is no folder",
        errno.ELOOP: "a symbolic link: agents do not follow these",
        errno.EISDIR: "it is a folder",
        errno.ENAMETOOLONG: "the name is too long",
        errno.ENOSPC: "the disk is full",
    }
    return told.get(error.errno or 0, error.strerror or "it cannot be used")
