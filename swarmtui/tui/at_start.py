"""How a session is shown when it is opened: what ``layout`` in the config file may say, and what comes of that.

One rule for all of it: what the file says holds each time a session is opened; what is changed after that holds until
it is left. Only what the file says nothing of is remembered as it was left.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from swarmtui.frozen import frozen

if TYPE_CHECKING:
    from swarmtui.plan.model import JSON

Told = Mapping[str, str | bool | int]
"""What stands in the file, by the names of :data:`LAYOUT`."""


@frozen
class One:
    """One thing that can be said."""

    told: str
    remembered: str = ""
    """Under which name the workbench remembers it otherwise; nothing remembers sizes."""
    words: tuple[str, ...] = ()
    """The words it can be; without any it is yes or no, or a number."""
    least: int = 0
    most: int = 0

    @property
    def known(self) -> str:
        """What it can be."""
        if self.words:
            return "one of " + ", ".join(self.words)
        return f"from {self.least} to {self.most}" if self.most else "true or false"


LAYOUT: Mapping[str, One] = {
    "view": One("what is seen first", "run.view", ("run", "graph", "workers", "table", "log", "timeline", "pools")),
    "log": One("whether the strip with the log is there", "run.log"),
    "log_level": One("the least that the log shows", "run.log_level", ("debug", "info", "warning")),
    "graph": One("the form of the graph", "run.form", ("columns", "list")),
    "zoom": One("how much the graph says of each node", "run.zoom", ("fit", "detail", "names", "dots")),
    "follow": One("whether the graph follows what runs", "run.follow"),
    "fold": One("whether large groups of nodes are folded", "run.fold"),
    "sort": One("what the nodes are sorted by", "run.sort", ("state", "took", "tries", "tokens", "cost", "node")),
    "plan": One("the form of a plan", "plan.form", ("graph", "table")),
    "graph_percent": One("how much of the width the graph has beside the workers", least=20, most=80),
    "table_lines": One("lines of the table below them", least=4, most=30),
    "log_lines": One("lines of the strip with the log", least=3, most=20),
}


def fits(name: str, value: object) -> bool:
    """Whether `value` is one that `name` can be."""
    one = LAYOUT[name]
    if one.words:
        return value in one.words
    if one.most:
        return isinstance(value, int) and not isinstance(value, bool) and one.least <= value <= one.most
    return isinstance(value, bool)


def in_place_of_memory(told: Told) -> dict[str, JSON]:
    """What is to be found in the memory at the start, by its names there."""
    found: dict[str, JSON] = {LAYOUT[name].remembered: value for name, value in told.items() if LAYOUT[name].remembered}
    if "sort" in told:
        found["run.sort_down"] = told["sort"] in ("took", "tries", "tokens", "cost")
    return found


def sizes(told: Told) -> dict[str, str]:
    """Variables of the style sheet: shares of the width and lines, as they come or as the file has them."""
    percent, lines = told.get("graph_percent"), told.get("log_lines")
    left = {"run-left": "3fr", "run-right": "2fr", "run-left-wide": "11fr", "run-right-wide": "9fr"}
    if percent is not None:
        shares = f"{percent}fr", f"{100 - int(percent)}fr"
        left = dict(zip(left, shares * 2, strict=True))
    strips = {"run-log": "8", "run-log-narrow": "6", "run-log-wide-short": "7"}
    if lines is not None:
        strips = dict.fromkeys(strips, str(int(lines) + 2))  # its border is counted, too
        strips["run-log-narrow"] = str(int(lines) + 1)
    table = told.get("table_lines")
    return {**left, **strips, "run-table": "11" if table is None else str(int(table) + 3)}
