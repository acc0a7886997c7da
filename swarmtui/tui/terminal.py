"""What the terminal can do, and the ways out of the workbench: editor, pager, clipboard."""

from __future__ import annotations

import contextlib
import locale
import os
import shlex
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path

from swarmtui.tui.view.glyphs import ASCII, UNICODE, Glyphs

CLIPBOARD_LIMIT = 74_000
"""Characters that terminals accept in one OSC 52 (tmux and many others cut near 100 kB of base64)."""


class NoProgram(Exception):
    """There is no editor or pager, or it could not be started; the text says which and how to mend it."""


def glyphs_for(environ: Mapping[str, str] = os.environ, encoding: str | None = None) -> Glyphs:
    """ASCII where ``SWARMTUI_ASCII`` asks for it or the locale is not UTF-8."""
    asked = environ.get("SWARMTUI_ASCII", "")
    if asked not in ("", "0"):
        return ASCII
    name = (encoding or locale.getpreferredencoding(False)).replace("-", "").casefold()
    return UNICODE if name == "utf8" else ASCII


def program(names: tuple[str, ...], fallback: str, environ: Mapping[str, str] = os.environ) -> list[str]:
    """The argv of the program named by the first of the variables `names` that is set, else `fallback`."""
    for name in names:
        if environ.get(name, "").strip():
            with contextlib.suppress(ValueError):
                return shlex.split(environ[name])
    return [fallback]


def child_environment(no_color: bool, environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The environment for a program that takes over the terminal. Textual removes NO_COLOR from ours: put it back."""
    return {**environ, **({"NO_COLOR": "1"} if no_color else {})}


def edit_in_editor(text: str, suffix: str, environ: Mapping[str, str]) -> str:
    """`text` as the user leaves it in their editor. The terminal must be theirs (see ``App.suspend``).

    Raises NoProgram if there is no editor or it ends with a failure: then nothing is taken over.
    """
    argv = program(("VISUAL", "EDITOR"), "vi", environ)
    with tempfile.TemporaryDirectory(prefix="swarmtui-") as folder:
        path = Path(folder) / f"plan{suffix}"
        path.write_text(text, encoding="utf-8")
        _run([*argv, str(path)], environ)
        return path.read_text(encoding="utf-8", errors="replace")


def show_in_pager(text: str, environ: Mapping[str, str]) -> None:
    """Show `text` (clean) in the user's pager. Raises NoProgram."""
    argv = program(("PAGER",), "less", environ)
    with tempfile.TemporaryDirectory(prefix="swarmtui-") as folder:
        path = Path(folder) / "output.txt"
        path.write_text(text, encoding="utf-8")
        _run([*argv, str(path)], environ)


def _run(argv: list[str], environ: Mapping[str, str]) -> None:
    try:
        ended = subprocess.run(argv, check=False, env=dict(environ))
    except OSError as error:
        raise NoProgram(f"{argv[0]} cannot be started ({error.strerror}); set $EDITOR or $PAGER") from error
    if ended.returncode:
        raise NoProgram(f"{argv[0]} ended with code {ended.returncode}; nothing was taken over")
