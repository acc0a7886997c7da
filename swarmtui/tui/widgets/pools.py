"""The gauges of pools: a few lines each among other panes, everything about them alone."""

from __future__ import annotations

from swarmtui.tui.widgets.lines import TextView


class PoolsView(TextView):
    """Lines that are made for its width."""
