"""Values behave as dataclasses do, whatever is shared between them."""

from __future__ import annotations

import copy
import inspect
import pickle
from dataclasses import dataclass, field, fields, replace
from typing import Generic, TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from swarmtui.frozen import frozen, mutable

T = TypeVar("T")


@frozen
class Point:
    """Of two fields."""

    x: int
    y: float = 0.0


@dataclass(frozen=True, slots=True)
class Model:
    """What a Point is held against."""

    x: int
    y: float = 0.0


@frozen
class Deep(Point):
    """More fields than what it is built on."""

    z: str = ""


@frozen
class Tree(Generic[T]):
    """One that holds others, and what takes no part in comparing or in telling."""

    value: T
    inside: tuple[Tree[T], ...] = ()
    note: str = field(default="", compare=False)
    secret: str = field(default="", repr=False)


@frozen
class Nothing:
    """No fields."""


@frozen
class Own:
    """Has its own way of telling and comparing."""

    name: str

    def __repr__(self) -> str:
        return f"<{self.name}>"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Own) and self.name.lower() == other.name.lower()

    def __hash__(self) -> int:
        return hash(self.name.lower())


numbers = st.floats() | st.sampled_from([0.0, -0.0, float("nan")])


@frozen
class Only:
    """Of one field."""

    x: float


@dataclass(frozen=True, slots=True)
class OnlyModel:
    """What an Only is held against."""

    x: float


@frozen
class Ring:
    """May hold itself."""

    inside: list[Ring]


@given(numbers, numbers)
def test_values_of_one_field_compare_hash_and_tell_themselves_as_dataclasses_do(a: float, b: float) -> None:
    assert Only(a) == Only(a), "also what is not a number"
    assert (Only(a) == Only(b)) == (OnlyModel(a) == OnlyModel(b))
    assert hash(Only(a)) == hash(OnlyModel(a))
    assert repr(Only(a)) == repr(OnlyModel(a)).replace("OnlyModel", "Only")


def test_what_holds_itself_can_be_told() -> None:
    ring = Ring([])
    ring.inside.append(ring)
    assert repr(ring) == "Ring(inside=[...])"


@given(st.integers(), st.integers(), numbers, numbers)
def test_values_compare_hash_and_tell_themselves_as_dataclasses_do(a: int, b: int, c: float, d: float) -> None:
    assert (Point(a, c) == Point(b, d)) == (Model(a, c) == Model(b, d))
    assert hash(Point(a, c)) == hash(Model(a, c))
    assert repr(Point(a, c)) == repr(Model(a, c)).replace("Model", "Point")
    assert Point(a, c) == Point(a, c)


def test_another_class_is_another_value_even_if_it_is_built_on_it() -> None:
    assert Point(1) != Deep(1)
    assert Point(1) != Model(1)
    assert Deep(1, 2.0, "a") != Deep(1, 2.0, "b")
    assert repr(Deep(1, 2.0, "a")) == "Deep(x=1, y=2.0, z='a')"


def test_what_takes_no_part_takes_none() -> None:
    assert Tree(1, note="a") == Tree(1, note="b")
    assert hash(Tree(1, note="a")) == hash(Tree(1, note="b"))
    assert Tree(1, secret="a") != Tree(1, secret="b")
    assert "hidden" not in repr(Tree(1, secret="hidden"))
    assert repr(Tree(1, (Tree(2),))) == "Tree(value=1, inside=(Tree(value=2, inside=(), note=''),), note='')"


def test_no_fields_and_own_methods() -> None:
    assert Nothing() == Nothing()
    assert hash(Nothing()) == hash(())
    assert repr(Nothing()) == "Nothing()"
    assert Own("A") == Own("a")
    assert len({Own("A"), Own("a")}) == 1
    assert repr(Own("A")) == "<A>"


def test_it_is_a_dataclass_with_slots() -> None:
    assert [one.name for one in fields(Deep)] == ["x", "y", "z"]
    assert replace(Deep(1), z="b") == Deep(1, z="b")
    match Point(1, 2.0):
        case Point(x, y):
            assert (x, y) == (1, 2.0)
    with pytest.raises(AttributeError):
        Point(1).w = 2  # type: ignore[attr-defined]
    assert not hasattr(Point(1), "__dict__")


@pytest.mark.parametrize("value", [Point(1, 2.0), Deep(1, z="c"), Nothing()])
def test_it_is_copied_and_goes_to_other_processes(value: object) -> None:
    assert copy.deepcopy(value) == value
    assert pickle.loads(pickle.dumps(value)) == value


# -- how values are made -------------------------------------------------------------------------------------------


@mutable
class Basket:
    """Changes; has fields of its own for each, by name alone, and made from others."""

    owner: str
    inside: list[int] = field(default_factory=list)
    most: int = field(default=3, kw_only=True)
    total: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        self.total = sum(self.inside)


@dataclass(slots=True)
class BasketModel:
    """What a Basket is held against."""

    owner: str
    inside: list[int] = field(default_factory=list)
    most: int = field(default=3, kw_only=True)
    total: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        self.total = sum(self.inside)


@frozen
class Made:
    """Makes itself."""

    x: int

    def __init__(self, of: str) -> None:
        object.__setattr__(self, "x", len(of))


def unmade() -> tuple[type[Deep], type[Deep]]:
    """Two classes of which there is no value yet, one built on the other."""

    @frozen
    class Base(Deep):
        """One field more."""

        w: int = 5

    @frozen
    class Above(Base):
        """And another."""

        v: list[int] = field(default_factory=list)

    return Base, Above


def test_what_changes_does_so_and_is_compared_but_not_hashed() -> None:
    basket = Basket("a", [1, 2])
    assert basket == Basket("a", [1, 2])
    basket.inside.append(3)
    basket.owner = "b"
    assert basket != Basket("a", [1, 2])
    assert repr(basket) == repr(BasketModel("b", [1, 2])).replace("Model", "").replace("[1, 2]", "[1, 2, 3]")
    with pytest.raises(TypeError, match="unhashable type: 'Basket'"):
        hash(basket)


@pytest.mark.parametrize(
    ("given", "named"),
    [((), {}), (("a",), {}), (("a", [1]), {"most": 1}), (("a", [1], 1), {}), (("a",), {"total": 1}), ((), {"x": 1})],
)
def test_a_value_is_made_from_what_a_dataclass_is_made_from(given: tuple[object], named: dict[str, object]) -> None:
    def made(cls: type) -> str:
        try:
            return repr(cls(*given, **named))
        except TypeError as error:
            return str(error)

    assert made(Basket) == made(BasketModel).replace("Model", "")
    assert Basket("a").inside is not Basket("a").inside


def test_who_asks_how_a_value_is_made_is_told_before_there_is_one() -> None:
    base, above = unmade()
    assert str(inspect.signature(above)).startswith("(x: 'int', y: 'float' = 0.0, z: 'str' = '', w: 'int' = 5, v: ")
    assert list(inspect.signature(base).parameters) == ["x", "y", "z", "w"]


def test_a_class_is_not_made_as_the_one_it_is_built_on_whichever_comes_first() -> None:
    base, above = unmade()
    assert repr(base(1)).endswith("Base(x=1, y=0.0, z='', w=5)")
    assert repr(above(1, z="b")).endswith("Above(x=1, y=0.0, z='b', w=5, v=[])")
    base, above = unmade()
    assert repr(above(1)).endswith("Above(x=1, y=0.0, z='', w=5, v=[])")
    assert repr(base(1)).endswith("Base(x=1, y=0.0, z='', w=5)")

    class Plain(base):  # type: ignore[misc, valid-type]
        """Not a value of its own."""

    assert Plain(2, 3.0).y == 3.0


def test_its_init_is_written_once() -> None:
    base, _ = unmade()
    assert vars(base)["__init__"] is not base.__init__  # type: ignore[misc]
    assert vars(base)["__init__"] is base.__init__  # type: ignore[misc]


def test_a_class_with_its_own_way_of_being_made_keeps_it() -> None:
    assert Made("abc").x == 3
