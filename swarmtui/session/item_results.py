"""How the items of a map ended, in item order, read from the session file page by page.

The state knows for each item the event of its last success; so neither the log is searched nor are outputs held, and
what is there so far can be had while the map still runs.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator

from swarmtui.plan.model import JSON
from swarmtui.session.items import Items
from swarmtui.session.reader import Reader
from swarmtui.session.vocabulary import Chunk, State

PAGE = 256


def results(reader: Reader, items: Items, *, inputs: bool = False) -> Iterator[dict[str, JSON]]:
    """``{item, line?, output, cost_usd?}`` of each item that succeeded, in item order. Raises LogError.

    With `inputs` the item itself is there too, as ``input``, so far as the file holds it. ``truncated`` is added where
    the output was larger than what is kept. `items` must not be newer than the file.
    """
    places = Places(reader, items.chunks, inputs=inputs)
    for page in _pages(items.where(State.SUCCEEDED)):
        data = _events(reader, [items.seqs[item] for item in page])
        for item in page:
            output = _output(reader, data.get(items.seqs[item]))
            yield {"item": item, **places.at(item), **output, **_cost(items, item)}


def failures(reader: Reader, items: Items, *, inputs: bool = False) -> Iterator[dict[str, JSON]]:
    """``{item, line?, input?, state, attempts, kind?, error?, cost_usd?}`` of each item that ended not in success."""
    places = Places(reader, items.chunks, inputs=inputs)
    bad = {State.FAILED, State.CANCELLED, State.SKIPPED, State.INTERRUPTED}
    for item in range(items.total):
        state = items.state(item)
        if state not in bad:
            continue
        error = items.errors.get(item)
        told = {} if error is None else {"kind": error.kind.value, "error": error.message}
        ended = {"state": state.value, "attempts": items.attempts[item], **told}
        yield {"item": item, **places.at(item), **ended, **_cost(items, item)}


def _cost(items: Items, item: int) -> dict[str, JSON]:
    """What the item has cost over all its attempts, where a price is known."""
    cost = items.cost_usd(item)
    return {} if cost is None else {"cost_usd": cost}


class Places:
    """Tells for items, asked in ascending order, where in the source they stood, and what they are."""

    def __init__(self, reader: Reader, chunks: tuple[Chunk, ...], *, inputs: bool = False) -> None:
        self._reader = reader
        self._inputs = inputs
        self._texts: list[bytes] | None = None
        self._chunks = iter(chunks)
        self._chunk = Chunk("", 0)
        self._first = 0
        self._lines: list[int] | None = None

    def at(self, item: int) -> dict[str, JSON]:
        """``{"line": …, "input": …}`` as far as that is known and wanted."""
        while item >= self._first + self._chunk.count:
            self._first += self._chunk.count
            self._chunk = next(self._chunks, Chunk("", 2**62))
            data = None if self._chunk.lines is None else self._reader.blob(self._chunk.lines)
            self._lines = None if data is None else json.loads(data)
            if self._inputs:
                texts = self._reader.blob(self._chunk.sha)
                self._texts = None if texts is None else texts.split(b"\n")
        index = item - self._first
        told = {} if self._texts is None else {"input": json.loads(self._texts[index])}
        if self._lines is not None:
            return {"line": self._lines[index], **told}
        return {"line": self._chunk.line + index, **told} if self._chunk.line else told


def _pages(items: Iterable[int]) -> Iterator[list[int]]:
    page: list[int] = []
    for item in items:
        page.append(item)
        if len(page) == PAGE:
            yield page
            page = []
    if page:
        yield page


def _events(reader: Reader, seqs: list[int]) -> dict[int, str]:
    """The data of these events by their seq; order on disk is by seq, whatever the order of items."""
    marks = ",".join("?" * len(seqs))
    found = reader.query(f"SELECT seq, data FROM events WHERE seq IN ({marks})", tuple(seqs))  # noqa: S608 - marks only
    return {int(seq): str(data) for seq, data in found}


def _output(reader: Reader, data: str | None) -> dict[str, JSON]:
    if data is None:
        return {"output": None}
    output = json.loads(data)["output"]
    text, cut = output["text"], output.get("truncated", False)
    if output.get("sha") is not None:
        blob = reader.blob(output["sha"])
        text, cut = (text, True) if blob is None else (blob.decode("utf-8", "replace"), cut)
    return {"output": text, "truncated": True} if cut else {"output": text}
