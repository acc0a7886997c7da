"""What is looked for in the log: words that a line has, and of which node lines are shown at all. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from swarmtui.frozen import frozen
from swarmtui.tui.view.matching import lit

if TYPE_CHECKING:
    from swarmtui.tui.view.lines import Line
    from swarmtui.tui.view.logs import LogLine

NODE = "node:"


@frozen
class LogSearch:
    """Words as they were typed, taken apart."""

    words: tuple[str, ...] = ()
    """All of them must be in a line that is gone to."""
    nodes: tuple[str, ...] = ()
    """Only lines of one of these nodes are shown; empty: of all."""

    @classmethod
    def of(cls, text: str) -> LogSearch:
        """From what was typed."""
        words, nodes = list[str](), list[str]()
        for word in text.casefold().split():
            if not word.startswith(NODE):
                words.append(word)
            elif word != NODE:
                nodes.append(word.removeprefix(NODE))
        return cls(tuple(words), tuple(nodes))

    def shows(self, line: LogLine) -> bool:
        """Whether the line is there at all: of a node, or of an item of it."""
        if not self.nodes:
            return True
        name = line.node.casefold()
        return any(name == node or name.startswith(f"{node}[") for node in self.nodes)

    def matches(self, line: LogLine) -> bool:
        """Whether the line is one that was looked for."""
        if not self.words:
            return False
        told = f"{line.node} {line.text} {line.actor}".casefold()
        return all(word in told for word in self.words)

    def lit(self, line: Line) -> Line:
        """The line with the words in it told apart."""
        return lit(self.words, line)
