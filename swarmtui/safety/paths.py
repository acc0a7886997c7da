"""Where swarmtui keeps its files, and how it opens paths that somebody else may have named.

Directories with sessions or sockets are the user's alone: mode 0700, owned by the user, no symbolic link. Names that
come from a plan, an item or a recorded file are only ever joined to a folder through :func:`inside` or, where the
folder's content is not to be trusted either, opened through :func:`open_inside`.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import re
import secrets
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from swarmtui.frozen import frozen

SOCKET_BYTES = 100
"""Longest path of a socket: below the 104 bytes of the BSDs and the 108 of Linux."""

_SESSION_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


class PathRefused(Exception):
    """A path is not safe to use; the message says which, why, and how to mend it, in one line."""


@frozen
class Places:
    """The directories of one user. None of them need exist."""

    config: Path
    state: Path
    runtime: Path
    """For sockets; may be emptied when the machine starts."""
    cache: Path


def places(environ: Mapping[str, str] = os.environ, root: Path = Path("/")) -> Places:
    """The user's directories: all below ``SWARMTUI_HOME`` if that is set, else where the platform wants them.

    A session outlives the login that started it, and so must its socket: a runtime directory that goes with the last
    login is not used. `root` is where the machine's files are.
    """
    home = environ.get("SWARMTUI_HOME")
    if home:
        root = Path(home).expanduser().absolute()
        return Places(root / "config", root / "state", root / "run", root / "cache")
    from platformdirs import PlatformDirs

    dirs = PlatformDirs("swarmtui", appauthor=False)
    state = _xdg(environ, "XDG_STATE_HOME") or dirs.user_state_path
    runtime = _xdg(environ, "XDG_RUNTIME_DIR")
    return Places(
        _xdg(environ, "XDG_CONFIG_HOME") or dirs.user_config_path,
        state,
        runtime if runtime and _is_ours(runtime.parent) and _stays(runtime.parent, root) else state / "run",
        _xdg(environ, "XDG_CACHE_HOME") or dirs.user_cache_path,
    )


def ensure_private(folder: Path) -> Path:
    """Makes `folder` with mode 0700 if it is missing, and returns it.

    Raises PathRefused if it is a symbolic link, no directory, somebody else's, or open to others.
    """
    try:
        folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with contextlib.suppress(FileExistsError):
            folder.mkdir(mode=0o700)
        found = folder.lstat()
    except OSError as error:
        raise PathRefused(f"{folder}: cannot be made: {error.strerror}") from error
    if stat.S_ISLNK(found.st_mode):
        raise PathRefused(f"{folder}: is a symbolic link; remove it, or set SWARMTUI_HOME to a directory of yours")
    if not stat.S_ISDIR(found.st_mode):
        raise PathRefused(f"{folder}: is not a directory; move it away")
    if found.st_uid != os.geteuid():
        raise PathRefused(
            f"{folder}: belongs to uid {found.st_uid}, not to you; set SWARMTUI_HOME to a directory of yours"
        )
    if stat.S_IMODE(found.st_mode) & 0o077:
        mode = stat.S_IMODE(found.st_mode)
        raise PathRefused(f"{folder}: is open to others (mode {mode:04o}); mend it with: chmod 700 {folder}")
    return folder


def socket_path(session_id: str, where: Places) -> Path:
    """The socket of a session's host, at most :data:`SOCKET_BYTES` long, in a private directory, which is made.

    The same session and places always give the same path. Raises PathRefused.
    """
    if not _SESSION_ID.fullmatch(session_id):
        raise PathRefused(f"{session_id!a}: is not a session's id (letters, digits, '.', '_', '-'; at most 64)")
    path = where.runtime / f"{session_id}.sock"
    if len(os.fsencode(path)) > SOCKET_BYTES:
        path = where.runtime / f"{_short(session_id)}.sock"
    if len(os.fsencode(path)) > SOCKET_BYTES:
        # TMPDIR may be long too, and hosts and viewers must agree whatever theirs is. The checks make /tmp safe here.
        path = Path(f"/tmp/swarmtui-{os.geteuid()}") / f"{_short(f'{where.runtime}/{session_id}')}.sock"  # noqa: S108
    ensure_private(path.parent)
    return path


def data_dir(name: str) -> Path:
    """A folder that ships with swarmtui (``themes``, ``sample_tasks``): in the wheel, or in the repository."""
    package = Path(__file__).resolve().parent.parent
    for folder in (package / "_data" / name, package.parent / name):
        if folder.is_dir():
            return folder
    raise FileNotFoundError(errno.ENOENT, f"swarmtui's own folder {name} is missing; install swarmtui again", name)


def inside(root: Path, relative: str) -> Path:
    """`relative` joined to `root` and resolved. Raises PathRefused if that leads out of `root`, also by a link."""
    _components(relative)
    base = root.resolve()
    try:
        path = (base / relative).resolve()
    except (OSError, RuntimeError) as error:  # a loop of links
        raise PathRefused(f"{relative!a}: cannot be resolved in {root}") from error
    if not path.is_relative_to(base):
        raise PathRefused(f"{relative!a}: a symbolic link leads out of {root}")
    return path


def open_inside(root: Path, relative: str, flags: int, mode: int = 0o600) -> int:
    """Opens `relative` below `root` and returns the file descriptor, following no symbolic link on the way.

    `root` itself is trusted. Unlike :func:`inside` this also holds while somebody changes the folder. Raises
    PathRefused, or OSError as ``os.open`` does.
    """
    *folders, name = _components(relative)
    folder = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for part in folders:
            inner = _open_no_link(part, os.O_RDONLY | os.O_DIRECTORY, 0, folder, relative)
            os.close(folder)
            folder = inner
        return _open_no_link(name, flags, mode, folder, relative)
    finally:
        os.close(folder)


def write_atomic(path: Path, content: str | bytes, mode: int = 0o600) -> None:
    """Writes `path` so that after a crash it holds either what it held or all of `content`. Raises OSError."""
    data = content.encode("utf-8", "replace") if isinstance(content, str) else content
    with replacing(path, mode) as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


@contextlib.contextmanager
def replacing(path: Path, mode: int = 0o600) -> Iterator[BinaryIO]:
    """A new file that becomes `path`, instead of what that was, once it is written without an error; else it is gone.

    Raises OSError, which names `path`.
    """
    temporary = path.with_name(f".{path.name[:100]}.{secrets.token_hex(6)}")
    try:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, mode)
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from error
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
        try:
            temporary.replace(path)
        except OSError as error:
            raise OSError(error.errno, error.strerror, str(path)) from error
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise


def _open_no_link(name: str, flags: int, mode: int, folder: int, whole: str) -> int:
    try:
        return os.open(name, flags | os.O_NOFOLLOW | os.O_CLOEXEC, mode, dir_fd=folder)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENOTDIR) and _is_link(name, folder):
            raise PathRefused(f"{whole!a}: {name!a} is a symbolic link") from error
        raise


def _is_link(name: str, folder: int) -> bool:
    try:
        return stat.S_ISLNK(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode)
    except OSError:
        return False


def _components(relative: str) -> tuple[str, ...]:
    path = PurePosixPath(relative)
    if path.is_absolute():
        raise PathRefused(f"{relative!a}: is absolute; give a path within the folder")
    if ".." in path.parts or "\0" in relative or not path.parts:
        raise PathRefused(f"{relative!a}: is not a path within a folder")
    return path.parts


def _xdg(environ: Mapping[str, str], name: str) -> Path | None:
    value = environ.get(name, "")
    return Path(value) / "swarmtui" if value.startswith("/") else None


def user_name() -> str:
    """Who this process runs as; the number of a user who has no name."""
    import pwd

    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return str(os.geteuid())


def lingers(root: Path = Path("/")) -> bool:
    """Whether systemd-logind lets what this user runs be after the last logout (``loginctl enable-linger``)."""
    return (root / "var/lib/systemd/linger" / user_name()).exists()


def _stays(runtime: Path, root: Path) -> bool:
    """Whether the runtime directory outlives a login: logind's own, one for each user, only where that user lingers."""
    return runtime.resolve().parent != (root / "run/user").resolve() or lingers(root)


def _is_ours(folder: Path) -> bool:
    try:
        found = folder.stat()
    except OSError:
        return False
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid()


def _short(text: str) -> str:
    return hashlib.blake2b(text.encode(), digest_size=10).hexdigest()
