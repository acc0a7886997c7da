"""What the user wrote of what waits for them, until the session has taken it: nothing of it is lost. Pure.

What waits is known by its key and by when it was asked: an ``ask`` node that runs again asks under the same key. A
draft is kept (it is there the next time), or on its way. One that is on its way is let go of once it is taken, whether
the session's answer or the event comes first, and is kept again where it comes back.
"""

from __future__ import annotations

from collections.abc import Collection

from swarmtui.frozen import mutable

Asked = tuple[str, float]
"""Key of what waits, and when it was asked, as wall time."""


@mutable
class Draft:
    """What was written."""

    text: str
    on_its_way: bool = False


class Drafts:
    """All that was written and was not taken. `what` tells an answer from an edit, or a wish, of the same thing."""

    def __init__(self) -> None:
        self._of: dict[tuple[Asked, str], Draft] = {}

    def text(self, asked: Asked, what: str) -> str:
        """What was written; empty if nothing was."""
        draft = self._of.get((asked, what))
        return "" if draft is None else draft.text

    def keep(self, asked: Asked, what: str, text: str) -> None:
        """Have `text` there the next time; what is on its way already needs no keeping."""
        draft = self._of.get((asked, what))
        if draft is None or draft.text != text:
            self._of[asked, what] = Draft(text)

    def forget(self, asked: Asked, what: str) -> None:
        """Nothing was written after all."""
        self._of.pop((asked, what), None)

    def send(self, asked: Asked, what: str, text: str) -> None:
        """`text` is on its way."""
        self._of[asked, what] = Draft(text, True)

    def taken(self, asked: Asked, what: str) -> None:
        """What was on its way has got there; what was written meanwhile stays."""
        draft = self._of.get((asked, what))
        if draft is not None and draft.on_its_way:
            del self._of[asked, what]

    def came_back(self, asked: Asked, what: str) -> None:
        """It was not taken, or nobody knows."""
        draft = self._of.get((asked, what))
        if draft is not None:
            draft.on_its_way = False

    def answered(self, key: str, text: str) -> None:
        """Somebody has answered `text`: whoever wrote the same has lost nothing."""
        for at in [at for at, draft in self._of.items() if at[0][0] == key and draft.text == text]:
            del self._of[at]

    def left(self, waits: Collection[Asked]) -> list[tuple[str, str]]:
        """Let go of what was written of nothing that `waits` any more; key and text of each, but of what is on its way:
        what becomes of that is still to be told."""
        gone = [at for at, draft in self._of.items() if at[0] not in waits and not draft.on_its_way]
        return [(at[0][0], self._of.pop(at).text) for at in gone]
