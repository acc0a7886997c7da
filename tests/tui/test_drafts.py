"""What was written and not taken yet is there, on its way, or told: in whatever order things happen."""

from __future__ import annotations

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from swarmtui.tui.drafts import Asked, Drafts

ONE, AGAIN, OTHER = ("ask", 1.0), ("ask", 2.0), ("other", 1.0)


@pytest.fixture
def drafts() -> Drafts:
    """Nothing has been written."""
    return Drafts()


def test_what_is_kept_is_there_for_that_question_and_no_later_one_under_its_key(drafts: Drafts) -> None:
    drafts.keep(ONE, "answer", "green")
    assert drafts.text(ONE, "answer") == "green"
    assert [drafts.text(AGAIN, "answer"), drafts.text(ONE, "wish"), drafts.text(OTHER, "answer")] == ["", "", ""]
    assert drafts.left({AGAIN}) == [("ask", "green")]
    assert drafts.left({AGAIN}) == []


@pytest.mark.parametrize("first", ["event", "answer"])
def test_what_was_taken_is_no_loss_whichever_is_told_first(drafts: Drafts, first: str) -> None:
    drafts.send(ONE, "edit", "a\nb")
    if first == "answer":
        drafts.taken(ONE, "edit")
    assert drafts.left(set()) == []
    drafts.taken(ONE, "edit")
    assert drafts.left(set()) == []


def test_what_came_back_is_there_again_or_told_where_nothing_waits_any_more(drafts: Drafts) -> None:
    drafts.send(ONE, "answer", "green")
    drafts.came_back(ONE, "answer")
    assert drafts.text(ONE, "answer") == "green"
    assert drafts.left({ONE}) == []
    assert drafts.left(set()) == [("ask", "green")]


def test_what_is_written_while_another_text_is_on_its_way_is_kept(drafts: Drafts) -> None:
    drafts.send(ONE, "edit", "first")
    drafts.keep(ONE, "edit", "first")
    assert drafts.left(set()) == [], "it is on its way still"
    drafts.keep(ONE, "edit", "second")
    drafts.taken(ONE, "edit")
    assert drafts.text(ONE, "edit") == "second"


def test_whoever_wrote_what_was_answered_has_lost_nothing(drafts: Drafts) -> None:
    drafts.send(ONE, "answer", "green")
    drafts.came_back(ONE, "answer")  # the link broke: nobody knows
    drafts.keep(OTHER, "answer", "green")
    drafts.answered("ask", "red")
    assert drafts.text(ONE, "answer") == "green"
    drafts.answered("ask", "green")
    assert drafts.left(set()) == [("other", "green")]


class Written(RuleBasedStateMachine):
    """Of each text that was written last it is always known where it is."""

    def __init__(self) -> None:
        super().__init__()
        self.drafts, self.waits = Drafts(), {ONE, OTHER}
        self.last: dict[Asked, str] = {}
        self.sent: set[Asked] = set()
        self.number = 0

    def _new(self) -> str:
        self.number += 1
        return f"text {self.number}"

    @rule(asked=st.sampled_from([ONE, OTHER]))
    def leave_it(self, asked: Asked) -> None:
        self.last[asked] = self._new()
        self.drafts.keep(asked, "edit", self.last[asked])
        self.sent.discard(asked)

    @precondition(lambda self: not self.sent)
    @rule(asked=st.sampled_from([ONE, OTHER]))
    def send_it(self, asked: Asked) -> None:
        self.last[asked] = self._new()
        self.drafts.send(asked, "edit", self.last[asked])
        self.sent.add(asked)

    @precondition(lambda self: self.sent)
    @rule(taken=st.booleans())
    def the_answer_comes(self, taken: bool) -> None:
        asked = self.sent.pop()
        (self.drafts.taken if taken else self.drafts.came_back)(asked, "edit")
        if taken:
            del self.last[asked]

    @precondition(lambda self: self.waits)
    @rule()
    def it_is_decided_elsewhere(self) -> None:
        self.waits.pop()

    @invariant()
    def nothing_is_lost(self) -> None:
        told = self.drafts.left(self.waits)
        for key, text in told:
            (asked,) = (asked for asked, last in self.last.items() if last == text)
            assert (asked[0], asked in self.waits, asked in self.sent) == (key, False, False)
            del self.last[asked]
        assert all(self.drafts.text(asked, "edit") == text for asked, text in self.last.items())


TestWritten = Written.TestCase
