"""Dataclasses that cost little to define, and little to make.

Every command and every worker's process defines what it imports before it does anything. For each class
``dataclass(frozen=True, slots=True)`` writes and compiles up to eight methods. Here all classes share those that only
need the names of the fields, and the one that has to differ, ``__init__``, is written when the first value is made,
which of most classes never happens: a class of five fields is defined in a fifth of the time, one that changes in a
third. That nothing is assigned to a frozen value is checked where the code is (mypy, tests included) and not again
whenever one is made, which takes a third of the time without.
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

    Fields are declared as ever, ``field(compare=False)`` and ``field(repr=False)`` included, but for ``InitVar``, and
    what `dataclasses` offers for reading and replacing them works. A method that the class has itself stays; one that
    says what is equal says how it is hashed, too.
    """
    return _made(cls, _hash_by)


@dataclass_transform(field_specifiers=(field,))
def mutable(cls: type[T]) -> type[T]:
    """The same for what changes: a dataclass with slots that is compared by its fields, and not hashed."""
    return _made(cls, lambda key: None)


Key = Callable[[object], tuple[Any, ...]]


def _made(cls: type[T], hash_by: Callable[[Key], object]) -> type[T]:
    made = dataclass(slots=True, init=False, eq=False, repr=False)(cls)
    told = [one.name for one in fields(made) if one.repr]  # type: ignore[arg-type]
    key = _key([one.name for one in fields(made) if one.compare])  # type: ignore[arg-type]

    def __eq__(self: T, other: object) -> bool:
        return key(self) == key(other) if other.__class__ is self.__class__ else NotImplemented

    @recursive_repr()
    def __repr__(self: T) -> str:
        return f"{type(self).__qualname__}({', '.join(f'{name}={getattr(self, name)!r}' for name in told)})"

    shared = {"__init__": _Unwritten(made), "__eq__": __eq__, "__hash__": hash_by(key), "__repr__": __repr__}
    for name, method in shared.items():
        if name not in cls.__dict__:
            setattr(made, name, method)
    return made


def _hash_by(key: Key) -> object:
    def __hash__(self: object) -> int:
        return hash(key(self))

    return __hash__


def _key(names: list[str]) -> Key:
    """What is compared, in a tuple: there the same object equals itself whatever it is, also what is not a number."""
    if len(names) > 1:
        return attrgetter(*names)
    return (lambda value, name=names[0]: (getattr(value, name),)) if names else lambda _: ()  # type: ignore[misc]


class _Unwritten:
    """The ``__init__`` of a class until somebody asks for it: the first value, a signature, what reads annotations."""

    __slots__ = ("_made",)

    def __init__(self, made: type) -> None:
        self._made = made

    def __get__(self, value: object, owner: type) -> Any:
        written = _init_of(self._made)
        self._made.__init__ = written  # type: ignore[misc]
        return written.__get__(value, owner)


def _init_of(made: type) -> Any:
    """What `dataclass` writes for a class of the same fields that is built on nothing."""
    space: dict[str, object] = {
        one.name: field(default=one.default, default_factory=one.default_factory, init=one.init, kw_only=one.kw_only)
        for one in fields(made)
    }
    space |= {"__annotations__": {one.name: one.type for one in fields(made)}, "__module__": made.__module__}
    space |= {"__qualname__": made.__qualname__, "__doc__": made.__doc__ or made.__name__}
    if hasattr(made, "__post_init__"):
        space["__post_init__"] = made.__post_init__
    made = dataclass(eq=False, repr=False, match_args=False)(type(made.__name__, (), space))
    return made.__init__  # type: ignore[misc]
