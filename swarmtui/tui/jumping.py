"""Labels to jump by: which letters, and what is left of them while they are typed. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

LETTERS = "asdfjklghqwertyuiopzxcvbnm"
"""The best first: those that fingers rest on."""
MOST = len(LETTERS) ** 2
"""Labels there are."""


class Target(NamedTuple):
    """What can be jumped to, and where on the screen its label stands."""

    x: int
    y: int
    go: Callable[[], object]
    told: str = ""


def labels(count: int) -> list[str]:
    """`count` different labels, at most :data:`MOST`, none of which begins another; the first ones are the shortest."""
    count = min(count, MOST)
    pairs = 0
    while len(LETTERS) - pairs + pairs * len(LETTERS) < count:
        pairs += 1
    single = list(LETTERS[: len(LETTERS) - pairs])
    double = [first + second for first in LETTERS[len(LETTERS) - pairs :] for second in LETTERS]
    return (single + double)[:count]


def labelled(targets: Sequence[Target]) -> dict[str, Target]:
    """Each target under its label; of two in one place the first is meant."""
    places: dict[tuple[int, int], Target] = {}
    for target in targets:
        places.setdefault((target.x, target.y), target)
    return dict(zip(labels(len(places)), places.values(), strict=False))


def left(labels: Sequence[str], typed: str) -> list[str]:
    """The labels that can still be meant."""
    return [label for label in labels if label.startswith(typed)]
