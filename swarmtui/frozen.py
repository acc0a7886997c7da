"""Values: dataclasses that cost little to define, and little to make.

Every command and every worker's process defines what it imports before it does anything. For each class
``dataclass(frozen=True, slots=True)`` writes and compiles up to eight methods; here it is the one that has to differ,
``__init__``, and the others are shared: between a quarter and two fifths of the time. That nothing is assigned to
afterwards is checked where the code is (mypy, tests included) and not again whenever a value is made, which takes a
third of the time without.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, fields
from operator import attrgetter
from reprlib import recursive_repr
from typing import Any, TypeVar, dataclass_transform

T = TypeVar("T")


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def frozen(cls: type[T]) -> type[T]:
    """A dataclass with slots whose values are compared and hashed by their fields.

    Fields are declared as ever, ``field(compare=False)`` and ``field(repr=False)`` included, and what `dataclasses`
    offers for reading and replacing them works. A method that the class has itself stays; one that says what is equal
    says how it is hashed, too.
    """
    made = dataclass(slots=True, eq=False, repr=False)(cls)
    told = [one.name for one in fields(made) if one.repr]  # type: ignore[arg-type]
    key = _key([one.name for one in fields(made) if one.compare])  # type: ignore[arg-type]

    def __eq__(self: T, other: object) -> bool:
        return key(self) == key(other) if other.__class__ is self.__class__ else NotImplemented

    def __hash__(self: T) -> int:
        return hash(key(self))

    @recursive_repr()
    def __repr__(self: T) -> str:
        return f"{type(self).__qualname__}({', '.join(f'{name}={getattr(self, name)!r}' for name in told)})"

    for method in (__eq__, __hash__, __repr__):
        if method.__name__ not in cls.__dict__:
            setattr(made, method.__name__, method)
    return made


def _key(names: list[str]) -> Callable[[object], tuple[Any, ...]]:
    """What is compared, in a tuple: there the same object equals itself whatever it is, also what is not a number."""
    if len(names) > 1:
        return attrgetter(*names)
    return (lambda value, name=names[0]: (getattr(value, name),)) if names else lambda _: ()  # type: ignore[misc]
