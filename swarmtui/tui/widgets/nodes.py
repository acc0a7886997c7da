"""What a view of nodes says to its screen."""

from __future__ import annotations

from textual.message import Message
from textual.widget import Widget


class NodeMessage(Message):
    """About a node of a view."""

    def __init__(self, view: Widget, node: str) -> None:
        super().__init__()
        self.view, self.node = view, node


class NodeSelected(NodeMessage):
    """The cursor of `view` is on another node."""


class NodeOpened(NodeMessage):
    """The user wants to see a node: a double click, or what stands for one."""
