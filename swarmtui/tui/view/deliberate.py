"""Whether a yes was meant: not pressed before anybody can have read what it is to, nor held down, nor pasted. Pure."""

from __future__ import annotations

from swarmtui.frozen import frozen

DEAD_S = 0.3
"""How long after something appears a key says no yes to it: nobody can have read it."""
HELD_S = 0.8
"""A key that comes again within this time, with no other key between, may never have been let go: keyboards wait for up
to 0.66 s before they repeat."""
TOGETHER_S = 0.01
"""Keys that come closer than this were not typed one by one."""

TOGETHER = "this key came together with others, as pasted text does: press it alone"


@frozen
class Press:
    """How a key was pressed, or what stands for it: a click, a command of the palette."""

    at: float
    """Seconds of a clock that never goes back nor jumps."""
    held: bool = False
    """Whether it may be the repetition of a key that is held down."""
    together: bool = False
    """Whether it came in one go with other keys, as pasted text does."""


def why_not_meant(shown_at: float, press: Press) -> str | None:
    """Why `press` is no yes to what has been shown since `shown_at`; None if it is one."""
    if press.together:
        return TOGETHER
    if press.at - shown_at < DEAD_S:
        return "this has only just appeared: read it, then answer"
    return "this key is held down, or was pressed a moment ago: let it go, then press it" if press.held else None
