"""What becomes of nodes and maps beside their attempts, above all by the word of a person."""

from __future__ import annotations

from typing import ClassVar

from swarmtui.frozen import frozen
from swarmtui.session.vocabulary import Chunk, Output


@frozen
class MapExpanded:
    """The items of a map are known and recorded; `malformed` lists (line, message) of what could not be read."""

    TYPE: ClassVar[str] = "map_expanded"
    node: str
    total: int
    chunks: tuple[Chunk, ...] = ()
    malformed: tuple[tuple[int, str], ...] = ()
    duplicates: tuple[tuple[int, int], ...] = ()
    """(line, line of the equal item before it) of the first of them that were found."""
    malformed_total: int = 0
    """All that could not be read, those listed included."""
    duplicates_total: int = 0
    skipped: tuple[int, ...] = ()
    """Items that are skipped as duplicates."""


@frozen
class MapFinished:
    """All items of a map have ended. The node succeeds unless more failed than its map tolerates.

    `failed` counts malformed lines too: what could not be read was not done.
    """

    TYPE: ClassVar[str] = "map_finished"
    node: str
    succeeded: int
    failed: int
    ok: bool
    output: Output


@frozen
class NodeSkipped:
    """The node will not run; `cause` is the node whose end is the reason, ``user``, or ``if``: its condition."""

    TYPE: ClassVar[str] = "node_skipped"
    node: str
    cause: str
    item: int | None = None


@frozen
class NodeHeld:
    """The user paused the node: it does not start; what runs of it goes on."""

    TYPE: ClassVar[str] = "node_held"
    node: str


@frozen
class NodeReleased:
    """The user let a held node go on."""

    TYPE: ClassVar[str] = "node_released"
    node: str


@frozen
class NodeRetried:
    """The user had a node or item that ended run again.

    Dependents that were skipped for it wait again; those that ran become stale. `failed_items` limits a map to the
    items that failed.
    """

    TYPE: ClassVar[str] = "node_retried"
    node: str
    item: int | None = None
    failed_items: bool = False
    items: tuple[int, ...] = ()
    """These items of a map, chosen by a filter."""
    descendants: bool = False
    """Whether everything downstream that ran is run again too."""
    fresh: bool = False
    """Whether earlier successes may not be taken over for it."""
    restart: tuple[str, ...] = ()
    """Of what is run again with it, nodes that are at work: they are stopped, and begin anew."""
    goes_on: bool = False
    """An agent that was cut short in the middle of what may have changed something goes on where it was."""
    result: str | None = None
    """Of one that goes on: what came of the calls that were cut short, the user says; None: they are repeated."""


@frozen
class NodePrioritised:
    """The user moved the node up or down among those that are ready."""

    TYPE: ClassVar[str] = "node_prioritised"
    node: str
    priority: int


@frozen
class NodeCancelled:
    """The user cancelled a node, or its `item` alone, that had not ended; with nothing running it is over at once."""

    TYPE: ClassVar[str] = "node_cancelled"
    node: str
    item: int | None = None


@frozen
class QuestionAsked:
    """An ``ask`` node, or with `call` an agent, waits for the user; lookups in the question are resolved."""

    TYPE: ClassVar[str] = "question_asked"
    node: str
    question: str
    choices: tuple[str, ...] = ()
    item: int | None = None
    kind: str = "question"
    """``question``, or ``permission`` to call a tool."""
    call: str = ""
    """Of an agent: the tool call that waits for the answer."""
    detail: str = ""
    """Of a permission: the call, whole, as escaped text."""
    agent: str = ""
    tool: str = ""


@frozen
class QuestionAnswered:
    """The user answered: an ``ask`` node, whose attempt succeeds with it, or with `call` an agent, which goes on once
    nothing else of its questions is open."""

    TYPE: ClassVar[str] = "question_answered"
    node: str
    answer: str
    item: int | None = None
    call: str = ""


NodeBody = (
    MapExpanded
    | MapFinished
    | NodeSkipped
    | NodeHeld
    | NodeReleased
    | NodeRetried
    | NodePrioritised
    | NodeCancelled
    | QuestionAsked
    | QuestionAnswered
)
