"""What is written to a terminal so that somebody who looks elsewhere comes back: bell, desktop notification, title.

No byte of data gets into a sequence but as printable text of bounded length.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

from swarmtui.safety.text import one_line

BELL = "\a"
NOTICE_CHARS = 120
KEEP_TITLE, GIVE_TITLE_BACK = "\x1b[22;2t", "\x1b[23;2t"
"""Have the terminal remember its title, and put it back."""


def title_sequence(title: str) -> str:
    """Sets the terminal's title; of `title` nothing can end the sequence or begin another."""
    return f"\x1b]2;{_harmless(title)}\x1b\\"


def desktop_notice(title: str, body: str, environ: Mapping[str, str] = os.environ) -> str:
    """Asks the terminal for a desktop notification in the two ways that terminals know, and rings its bell.

    Within tmux it is passed through to the terminal around it (which tmux does where ``allow-passthrough`` is on).
    """
    head, words = _harmless(title).replace(";", ","), _harmless(body).replace(";", ",")
    asked = f"\x1b]9;{head}: {words}\x1b\\", f"\x1b]777;notify;{head};{words}\x1b\\"
    return "".join(through_tmux(one, environ) for one in asked) + BELL


def through_tmux(sequence: str, environ: Mapping[str, str] = os.environ) -> str:
    """`sequence` as tmux hands it to the terminal around it; as it is where there is no tmux."""
    if not environ.get("TMUX"):
        return sequence
    doubled = sequence.replace("\x1b", "\x1b\x1b")
    return f"\x1bPtmux;{doubled}\x1b\\"


def _harmless(text: str) -> str:
    return "".join(char for char in one_line(text, NOTICE_CHARS) if char.isprintable())
