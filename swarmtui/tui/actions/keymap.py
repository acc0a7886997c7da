"""The user's own keys: which of them can be used, and why the others cannot. What cannot be used changes nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from swarmtui.frozen import frozen
from swarmtui.tui.actions.dialogs import ANYWHERE, BY_NAME, DIALOG_KEYS, DIALOGS, HELP, DialogKeys
from swarmtui.tui.actions.names import UnusableKey, key_name, parse_key, prints
from swarmtui.tui.actions.table import BY_ID, Clash, Keys

REQUIRED = frozenset({"help", "detach", "quit", "leave", "anywhere.leave"}) | {
    key.id for group in DIALOGS for key in group.keys if key.does == group.leave
}
"""What nobody can do without: a list with no key in it is not taken."""
DELIBERATE = frozenset({
    "approve", "permission.once", "permission.always", "several.once", "change.accept", "caught.retry", "caught.done",
    "caught.skip", "confirm.yes", "bulk.yes",
})  # fmt: skip
"""What must not happen because somebody was typing, or pressed enter once too often."""
_BY_ACCIDENT = frozenset({"enter", "space", "tab", "escape", "backspace"})


@frozen
class Refused:
    """A key, or with `at` None all keys of an action, that cannot be used."""

    id: str
    at: int | None
    """Which of the keys that were given."""
    why: str
    fix: str


@frozen
class Lost:
    """A second key that an action has no longer: the user gave it to something else."""

    id: str
    """What had it."""
    key: str
    """As Textual calls it."""
    taker: str
    """What it was given to."""
    at: int
    """Which of the keys that were given to that."""
    left: tuple[str, ...]
    """The keys that are left to what had it."""

    @property
    def told(self) -> str:
        """What has happened."""
        return f"{key_name(self.key)} is taken from {_named(self.id)}"

    @property
    def rest(self) -> str:
        """What is left to what had it."""
        return f"{self.id} keeps {', '.join(key_name(key) for key in self.left)}"


@frozen
class Fitted:
    """What became of the user's keys."""

    own: Mapping[str, tuple[str, ...]]
    """By IDs of actions and of keys of dialogs, as Textual calls keys."""
    refused: tuple[Refused, ...] = ()
    lost: tuple[Lost, ...] = ()
    """What gave way to the user's keys."""


def known_ids() -> tuple[str, ...]:
    """Everything that keys can be given to."""
    return (*BY_ID, *(key.id for key in DIALOG_KEYS.values() if key.ours))


def fit_keys(wanted: Mapping[str, tuple[str, ...]]) -> Fitted:
    """The keys of `wanted` (by known IDs, as users write them) that can be used all at once.

    The second keys of what the user says nothing of give way: `own` then has what is left of them. Any other key that
    would mean two things is not the user's any more, whichever of the two it was given to last; an action that is left
    with none of the keys that were given keeps its own.
    """
    return _Fitting(wanted).fitted()


class _Fitting:
    def __init__(self, wanted: Mapping[str, tuple[str, ...]]) -> None:
        self._wanted = wanted
        self._order = {id: at for at, id in enumerate(wanted)}
        self._refused: list[Refused] = []
        self._left: dict[str, dict[str, int]] = {}
        """ID -> key -> where it was given."""
        self._empty: set[str] = set()
        self._given_way: dict[str, dict[str, str]] = {}
        """ID -> second keys that are the user's for something else -> for what."""

    def fitted(self) -> Fitted:
        for id, written in self._wanted.items():
            self._take(id, written)
        while (found := self._clash()) is not None:
            id, key, why, fix = found
            self._refuse(id, self._left[id].pop(key), why, fix)
        return Fitted(self._own(), tuple(self._told()), tuple(self._lost()))

    def _take(self, id: str, written: tuple[str, ...]) -> None:
        if not written:
            if id in REQUIRED:
                self._refuse(id, None, f"{id} needs a key", "give it one")
            else:
                self._empty.add(id)
            return
        keys = self._left.setdefault(id, {})
        for at, one in enumerate(written):
            try:
                key = parse_key(one)
            except UnusableKey as error:
                self._refuse(id, at, str(error), error.fix)
                continue
            why = _unfit(id, key)
            if why:
                self._refuse(id, at, why, "choose another key")
            else:
                keys.setdefault(key, at)

    def _own(self) -> dict[str, tuple[str, ...]]:
        given = {id: tuple(keys) for id, keys in self._left.items() if keys}
        theirs = {key for keys in given.values() for key in keys}
        less = {
            id: tuple(key for key in _default(id) if key not in gone)
            for id, every in self._given_way.items()
            if id not in given and (gone := every.keys() & theirs)
        }
        return less | given | dict.fromkeys(sorted(self._empty), ())

    def _clash(self) -> tuple[str, str, str, str] | None:
        """The ID and key of the user that has to go, why, and what would do; None once all fit together."""
        while (found := self._first_clash()) is not None:
            key, ids, where = found
            given = [id for id in ids if key in self._left.get(id, ())]
            loser = max(given, key=self._order.__getitem__)
            other = next(id for id in ids if id != loser)
            if len(given) == 2:
                fix = "give one of the two another key"
            elif self._gives_way(other, key, loser):
                continue
            else:
                fix = _exchange(loser, other, key)
            return loser, key, f"{key_name(key)} is {_named(other)} already{where}", fix
        return None

    def _first_clash(self) -> Clash | None:
        """Of a key that the user gave."""
        clashes = _all_clashes(self._own())
        return next((one for one in clashes if any(one.key in self._left.get(id, ()) for id in one.ids)), None)

    def _gives_way(self, id: str, key: str, taker: str) -> bool:
        """Have a key that is only another one for `id` give way to the user's for `taker`; False where it cannot."""
        if key in self._given_way.get(id, ()) or key not in _seconds(id):
            return False
        self._given_way.setdefault(id, {})[key] = taker
        return True

    def _lost(self) -> Iterator[Lost]:
        """What has given way in the end: what it gave way to may have been refused since."""
        own = self._own()
        for id, every in self._given_way.items():
            if self._left.get(id):
                continue  # it has the keys that the user gave it, and no others
            for key, first in every.items():
                taker = next((one for one in (first, *self._left) if key in self._left.get(one, ())), None)
                if taker is not None:
                    yield Lost(id, key, taker, self._left[taker][key], own[id])

    def _refuse(self, id: str, at: int | None, why: str, fix: str) -> None:
        self._refused.append(Refused(id, at, why, fix))

    def _told(self) -> Iterator[Refused]:
        own = self._own()
        for one in self._refused:
            kept = own.get(one.id) or _default(one.id)
            names = ", ".join(key_name(key) for key in kept)
            yield Refused(one.id, one.at, one.why, f"{one.fix}; {one.id} stays on {names}" if names else one.fix)


def _default(id: str) -> tuple[str, ...]:
    return BY_ID[id].keys if id in BY_ID else DIALOG_KEYS[id].keys


def _seconds(id: str) -> tuple[str, ...]:
    """The keys that are only other ones for the same: not a digit that says where to go, nor what a widget takes."""
    if id == "seek_share" or (id in DIALOG_KEYS and not DIALOG_KEYS[id].ours):
        return ()
    return _default(id)[1:]


def _exchange(id: str, other: str, key: str) -> str:
    """How two things that want the same key can both have one."""
    own = _default(id)
    fits = len(own) > 0 and _default(other)[:1] == (key,) and not _unfit(other, own[0])
    return "choose another key" + (f", or let the two change places with `{other}: {key_name(own[0])}`" if fits else "")


def _named(id: str) -> str:
    return f"`{id}`"


def _unfit(id: str, key: str) -> str:
    """Why a key cannot be given to this, whatever else there is."""
    if id in DELIBERATE and key in _BY_ACCIDENT:
        return f"{key_name(key)} is pressed too easily for what {id} does"
    if id == "seek_share" and not key.isdigit():
        return "the digit says where to go: only 0 to 9 can be keys of it"
    group = _group_of(id)
    if group is ANYWHERE and prints(key):
        return f"{key_name(key)} is typed in many places"
    typed = group is not None and group.typed
    return f"{key_name(key)} is typed there" if typed and prints(key) else ""


def _group_of(id: str) -> DialogKeys | None:
    name = id.partition(".")[0]
    return (ANYWHERE if name == ANYWHERE.name else BY_NAME.get(name)) if id in DIALOG_KEYS else None


def _all_clashes(own: Mapping[str, tuple[str, ...]]) -> Iterator[Clash]:
    """Each key that means two things: on one screen, in one dialog, or there and everywhere."""
    keys = Keys(own)
    yield from keys.clashing()
    everywhere = {key: one.id for one in ANYWHERE.keys for key in own.get(one.id, one.keys)}
    for action in keys.all:
        for key in action.keys:
            if key in everywhere:
                yield Clash(key, (everywhere[key], action.id), "")
    for group in DIALOGS:
        seen = {**everywhere, HELP: "help"} if group.explained else dict(everywhere)
        for one in group.keys:
            for key in own.get(one.id, one.keys):
                other = seen.setdefault(key, one.id)
                if other != one.id:
                    yield Clash(key, (other, one.id), f" in {group.title[0].lower()}{group.title[1:]}")
