"""The variables of the environment that swarmtui reads or sets: each once, for ``swarmtui config`` and the docs."""

from __future__ import annotations

from swarmtui.frozen import frozen


@frozen
class Variable:
    """One variable."""

    name: str
    told: str
    given: bool = False
    """Whether swarmtui sets it, for what it starts, rather than reads it."""


VARIABLES: tuple[Variable, ...] = (
    Variable("SWARMTUI_HOME", "one folder for configuration, state, sockets and cache"),
    Variable("SWARMTUI_THEME", "the theme, whatever else says so"),
    Variable("SWARMTUI_ASCII", "draw with ASCII characters alone (1)"),
    Variable("SWARMTUI_MOTION", "reduced: nothing moves but figures; full: whatever else says so"),
    Variable("SWARMTUI_TOUR", "0: no tour the first time"),
    Variable("NO_COLOR", "no colours: states keep their signs and words"),
    Variable("VISUAL", "the editor for plans and for the configuration"),
    Variable("EDITOR", "the editor, where VISUAL is not set"),
    Variable("PAGER", "what long outputs are shown with"),
    Variable("SWARMTUI_MODEL", "the model of both tiers, as PROVIDER/MODEL"),
    Variable("SWARMTUI_PLANNER_MODEL", "the model that plans"),
    Variable("SWARMTUI_SSH", "the program for ssh, with its first arguments"),
    Variable("SWARMTUI_REMOTE", "what swarmtui is called on the other machine"),
    Variable("SWARMTUI_FAULT", "for tests of the program: where a host is to fail"),
    Variable("SWARMTUI_IDEMPOTENCY_KEY", "told to commands: equal for equal work, so that nothing is done twice", True),
    Variable("SWARMTUI_ATTEMPT", "told to commands: which attempt they belong to", True),
)
