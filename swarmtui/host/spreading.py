"""What attempts gave, spread over the time they took.

The text of a running attempt is streamed and never recorded: of a past, only what came of it is known. So that panes
live while it is played, an attempt's recorded output appears evenly between its beginning and its end.
"""

from __future__ import annotations

from swarmtui.frozen import mutable
from swarmtui.host.feed import StreamText
from swarmtui.session.events import AttemptFailed, AttemptSucceeded, Event
from swarmtui.session.state import SessionState

_Key = tuple[str, int | None, int]


@mutable
class _Coming:
    text: str
    begins: float
    ends: float
    told: int = 0


class Spreading:
    """Outputs of attempts that end in what is known of the time ahead. Times are seconds of a clock of the caller's."""

    def __init__(self) -> None:
        self._coming: dict[_Key, _Coming] = {}

    def clear(self) -> None:
        """Nothing is known of the time ahead."""
        self._coming.clear()

    def foresee(self, event: Event, at: float) -> None:
        """Take in that `event` happens at `at`."""
        body = event.body
        if not isinstance(body, AttemptSucceeded | AttemptFailed) or body.output is None or not body.output.text:
            return
        if body.took_s > 0:
            key = (body.node, body.item, body.attempt)
            self._coming[key] = _Coming(body.output.text, at - body.took_s, at)

    def until(self, now: float, state: SessionState) -> list[StreamText]:
        """What the attempts that run in `state` have said by `now` and was not told yet."""
        said = []
        for key, coming in self._coming.items():
            if coming.begins <= now and _runs(state, key):
                share = (now - coming.begins) / (coming.ends - coming.begins)
                piece = _told_up_to(key, coming, min(len(coming.text), int(len(coming.text) * share)))
                if piece is not None:
                    said.append(piece)
        return said

    def at_end(self, event: Event) -> StreamText | None:
        """The rest of what the attempt said that `event` ends; None if there is none."""
        body = event.body
        if not isinstance(body, AttemptSucceeded | AttemptFailed):
            return None
        key = (body.node, body.item, body.attempt)
        coming = self._coming.pop(key, None)
        return None if coming is None else _told_up_to(key, coming, len(coming.text))


def _told_up_to(key: _Key, coming: _Coming, end: int) -> StreamText | None:
    if end <= coming.told:
        return None
    node, item, attempt = key
    piece = StreamText(node, item, attempt, "output", coming.told, coming.text[coming.told : end])
    coming.told = end
    return piece


def _runs(state: SessionState, key: _Key) -> bool:
    node = state.nodes.get(key[0])
    return node is not None and node.running > 0 and node.attempts_of(key[1]) == key[2]
