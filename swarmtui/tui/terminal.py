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

from swarmtui.tui import themes
from swarmtui.tui.settings import Characters, Motion
from swarmtui.tui.view.glyphs import ASCII, UNICODE, Glyphs

_FEW_SIGNS = ("linux", "dumb", "vt100", "vt102", "vt220", "ansi", "cons25")
_LIGHT_GROUNDS = ("7", *(str(number) for number in range(9, 16)))
CLIPBOARD_LIMIT = 74_000
"""Characters that terminals accept in one OSC 52 (tmux and many others cut near 100 kB of base64)."""


class NoProgram(Exception):
    """There is no editor or pager, or it could not be started; the text says which and how to mend it."""


def glyphs_for(
    environ: Mapping[str, str] = os.environ,
    encoding: str | None = None,
    wanted: Characters = Characters.AUTO,
) -> Glyphs:
    """What ``SWARMTUI_ASCII`` asks for, else what is `wanted`; else ASCII where the locale is not UTF-8, and on
    terminals whose fonts have few signs."""
    asked = environ.get("SWARMTUI_ASCII", "")
    if asked:
        return UNICODE if asked == "0" else ASCII
    if wanted is not Characters.AUTO:
        return ASCII if wanted is Characters.ASCII else UNICODE
    return UNICODE if is_utf8(encoding) and environ.get("TERM") not in _FEW_SIGNS else ASCII


def is_utf8(encoding: str | None = None) -> bool:
    """Whether the terminal is written to in UTF-8."""
    return (encoding or locale.getpreferredencoding(False)).replace("-", "").casefold() == "utf8"


def theme_for(colours: str | None, environ: Mapping[str, str] = os.environ) -> str:
    """The theme for somebody who has chosen none: as many colours as there are (as Rich calls it), and light where the
    terminal says that it is. It is not asked: an answer that comes late over ssh would be typed into the session."""
    if environ.get("NO_COLOR") or colours is None:
        return themes.COLOURLESS
    if colours in ("standard", "windows"):
        return themes.SIXTEEN
    ground = environ.get("COLORFGBG", "").rpartition(";")[2]
    return themes.LIGHT if ground in _LIGHT_GROUNDS else themes.DEFAULT


def is_still(wanted: Motion, environ: Mapping[str, str] = os.environ) -> bool:
    """Whether nothing is to move: ``SWARMTUI_MOTION``, else ``TEXTUAL_ANIMATIONS``, else what is `wanted`."""
    asked = environ.get("SWARMTUI_MOTION", "")
    if asked in tuple(Motion):
        return asked == Motion.REDUCED
    return environ.get("TEXTUAL_ANIMATIONS", "").lower() == "none" or wanted is Motion.REDUCED


def has_job_control() -> bool:
    """Whether a shell that can take us up again is behind us: where the whole session is one process group, as in a
    window that was opened for the workbench alone, nothing would wake up what stops."""
    return hasattr(os, "getsid") and os.getpgrp() != os.getsid(0)


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


def read_in_editor(text: str, name: str, environ: Mapping[str, str]) -> None:
    """Show `text` (clean) in the user's editor, as a file that cannot be written. Raises NoProgram."""
    argv = program(("VISUAL", "EDITOR"), "vi", environ)
    with tempfile.TemporaryDirectory(prefix="swarmtui-") as folder:
        path = Path(folder) / name
        path.write_text(text, encoding="utf-8")
        path.chmod(0o400)
        _run([*argv, str(path)], environ)


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
