"""The prompt at home: what is typed starts nothing but what it says, and nothing that was typed is lost."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from textual import events
from textual.pilot import Pilot

from swarmtui.plan.model import JSON
from swarmtui.tui.browser import Browser, Choice
from swarmtui.tui.desk import Answer, Prompting, TalkFailed, TaskTold
from swarmtui.tui.kept import Kept
from swarmtui.tui.screens.prompting import PromptPlace
from swarmtui.tui.view.glyphs import UNICODE
from swarmtui.tui.view.prompt import Entry, InputTold, Kind
from swarmtui.tui.view.sessions import Looking, Row
from swarmtui.tui.view.talk import Turn
from swarmtui.tui.widgets.prompt import MOST_CHARS, OfferList, PromptArea
from swarmtui.tui.widgets.table import RowTable
from tests.tui.browsing import press, rested

ROW: Row = {"id": "q7m2xk", "title": "Review", "status": "running", "started": 1.0, "counts": {"running": 1}}
GOAL = "compare three queues"


@dataclass
class ScriptedDesk:
    """A desk of which everything is known beforehand."""

    problems: tuple[str, ...] = ()
    answers: list[Answer | TalkFailed] = field(default_factory=list)
    pieces: tuple[str, ...] = ()
    goes_on: asyncio.Event | None = None
    """Until this is set an answer is under way."""
    asked: list[list[Turn]] = field(default_factory=list)
    rows: Sequence[Mapping[str, Any]] = ()
    checked: list[tuple[str, ...]] = field(default_factory=list)
    cancelled: int = 0

    async def known(self) -> Sequence[Entry]:
        return [Entry("code_review", Kind.SAMPLE, "Code review"), Entry("translate", Kind.SAMPLE, "Translate")]

    async def entries(self, folder: str) -> Sequence[Entry]:
        if folder == "docs/":
            return [Entry("docs/a.yaml", Kind.FILE)]
        return [Entry("broken.yaml", Kind.FILE), Entry("docs/", Kind.FOLDER), Entry("e\x1b[2Jvil.yaml", Kind.FILE)]

    async def told(self, task: str) -> TaskTold | None:
        return TaskTold("Code review", "8 nodes", (InputTold("path", ".", "the folder"),))

    async def check(self, argv: Sequence[str], *, goal: bool = False) -> Sequence[str]:
        self.checked.append(tuple(argv))
        return self.problems

    async def model(self) -> tuple[str, bool]:
        return "acme/small", False

    async def answer(
        self, talk: Sequence[Turn], rows: Sequence[Mapping[str, Any]], on_text: Callable[[str], None]
    ) -> Answer:
        self.asked.append(list(talk))
        self.rows = rows
        for piece in self.pieces:
            on_text(piece)
        if self.goes_on is not None:
            try:
                await self.goes_on.wait()
            except asyncio.CancelledError:
                self.cancelled += 1
                raise
        found = self.answers.pop(0)
        if isinstance(found, TalkFailed):
            raise found
        return found


PROPOSED = Answer("start", "A comparison.", ("run", "Compare RabbitMQ, NATS and Kafka"), tokens=120, cost_usd=0.0012)


@asynccontextmanager
async def home(
    desk: ScriptedDesk,
    rows: Sequence[Row] = (ROW,),
    size: tuple[int, int] = (100, 30),
    prompting: Prompting | None = None,
) -> AsyncIterator[Pilot[Choice]]:
    """The home screen, at rest."""

    async def read() -> Sequence[Row]:
        return rows

    given = prompting or Prompting(desk)
    app = Browser(read, Looking(), glyphs=UNICODE, theme="swarm-dark", prompting=given, clock=lambda: 2.0)
    async with app.run_test(size=size) as pilot:
        await rested(pilot)
        yield pilot


async def typed(pilot: Pilot[Choice], text: str) -> None:
    """Type `text` into the prompt."""
    area(pilot).focus()
    area(pilot).replace(text, *area(pilot).selection, maintain_selection_offset=False)
    await rested(pilot)


def area(pilot: Pilot[Choice]) -> PromptArea:
    return pilot.app.screen.query_one(PromptArea)


def offered(pilot: Pilot[Choice]) -> list[str]:
    found = pilot.app.screen.query_one(OfferList)
    return [one.shown for one in found.offers] if found.display else []


def text(pilot: Pilot[Choice]) -> str:
    return "\n".join(strip.text for strip in pilot.app.screen._compositor.render_strips())


def notices(pilot: Pilot[Choice]) -> list[str]:
    return [one.message for one in pilot.app._notifications]


# -- being there ------------------------------------------------------------------------------------------------------


@pytest.mark.chaos
async def test_where_there_are_no_sessions_one_types_at_once() -> None:
    async with home(ScriptedDesk(), rows=()) as pilot:
        assert area(pilot).has_focus


async def test_while_keys_are_not_for_the_prompt_it_says_which_one_leads_there() -> None:
    async with home(ScriptedDesk()) as pilot:
        assert "n: write here" in text(pilot)
        assert "enter: coordinator" not in text(pilot)
        await press(pilot, "n")
        assert "enter: coordinator" in text(pilot)
        assert "n: write here" not in text(pilot)
        await press(pilot, "escape")
        assert "n: write here" in text(pilot)


async def test_n_goes_to_the_prompt_and_esc_back_to_the_sessions_and_the_text_stays() -> None:
    async with home(ScriptedDesk()) as pilot:
        assert pilot.app.screen.query_one(RowTable).has_focus
        await press(pilot, "n", "n", "q", "escape", "escape")
        assert pilot.app.screen.query_one(RowTable).has_focus
        assert area(pilot).text == "nq"
        await press(pilot, "tab")
        assert area(pilot).has_focus


@pytest.mark.chaos
async def test_what_was_typed_is_there_after_a_look_at_a_session() -> None:
    prompting = Prompting(ScriptedDesk())
    async with home(ScriptedDesk(), prompting=prompting) as pilot:
        await typed(pilot, "half a thought")
        await press(pilot, "escape", "enter")
    async with home(ScriptedDesk(), prompting=prompting) as pilot:
        assert area(pilot).text == "half a thought"


@pytest.mark.chaos
async def test_several_lines_are_pasted_clean_and_the_prompt_grows() -> None:
    async with home(ScriptedDesk()) as pilot:
        await press(pilot, "n")
        area(pilot).post_message(events.Paste("one\r\ntwo\x1b[2J\nthree\u202e"))
        await rested(pilot)
        await press(pilot, "ctrl+j", "x")
        assert area(pilot).text == "one\ntwo\nthree\nx"
        assert area(pilot).size.height == 4
        assert pilot.app.is_running


# -- completing -------------------------------------------------------------------------------------------------------


async def test_tab_completes_a_task_then_its_inputs_then_their_defaults() -> None:
    async with home(ScriptedDesk()) as pilot:
        await typed(pilot, "co")
        assert offered(pilot) == ["code_review"]
        await press(pilot, "tab")
        assert offered(pilot) == ["path"]
        assert "Code review, 8 nodes" in text(pilot)
        await press(pilot, "tab", "tab")
        assert area(pilot).text == "code_review --set path=. "


async def test_tab_waits_for_what_completes_all_that_was_typed() -> None:
    class SlowDesk(ScriptedDesk):
        here = asyncio.Event()

        async def entries(self, folder: str) -> Sequence[Entry]:
            await self.here.wait()
            return [*await super().entries(folder), Entry("count.yaml", Kind.FILE)]

    desk = SlowDesk()
    desk.here.set()
    async with home(desk) as pilot:
        await typed(pilot, "co")
        assert offered(pilot)[0] == "code_review"
        desk.here.clear()
        area(pilot).insert("u")
        await pilot.press("tab")
        assert area(pilot).text == "cou"
        desk.here.set()
        await rested(pilot)
        assert area(pilot).text == "count.yaml "


@pytest.mark.chaos
async def test_an_empty_prompt_offers_what_there_is_and_arrows_choose() -> None:
    async with home(ScriptedDesk()) as pilot:
        await press(pilot, "n", "tab")
        assert offered(pilot)[:3] == ["code_review", "translate", "broken.yaml"]
        await press(pilot, "down", "down", "enter")
        assert area(pilot).text == "translate "


@pytest.mark.chaos
async def test_folders_are_gone_into() -> None:
    async with home(ScriptedDesk()) as pilot:
        await typed(pilot, "doc")
        await press(pilot, "tab", "tab")
        assert area(pilot).text == "docs/a.yaml "


@pytest.mark.chaos
async def test_a_hostile_file_name_is_shown_clean_and_not_taken() -> None:
    async with home(ScriptedDesk()) as pilot:
        await typed(pilot, "evil")
        assert offered(pilot) == ["evil.yaml"]
        await press(pilot, "tab")
        assert area(pilot).text == "evil"
        assert "rename it" in notices(pilot)[-1]


@pytest.mark.chaos
async def test_esc_closes_the_list_and_leaves_what_was_typed() -> None:
    async with home(ScriptedDesk()) as pilot:
        await typed(pilot, "co")
        await press(pilot, "escape")
        assert offered(pilot) == []
        assert (area(pilot).text, area(pilot).has_focus) == ("co", True)


# -- what was typed before --------------------------------------------------------------------------------------------


@pytest.mark.chaos
async def test_up_and_down_go_through_what_was_typed_and_come_back(tmp_path: Path) -> None:
    kept = Kept(tmp_path / "state" / "typed.jsonl", 9)
    for said in ("first goal of all", "second goal of all"):
        kept.add({"text": said})
    async with home(ScriptedDesk(), prompting=Prompting(ScriptedDesk(), kept)) as pilot:
        await typed(pilot, "now this")
        seen = []
        for key in ("up", "up", "up", "down", "down"):
            await press(pilot, key)
            seen.append(area(pilot).text)
        first, second = "first goal of all", "second goal of all"
        assert seen == [second, first, first, second, "now this"]


@pytest.mark.chaos
async def test_ctrl_r_searches_what_was_typed(tmp_path: Path) -> None:
    kept = Kept(tmp_path / "state" / "typed.jsonl", 9)
    for said in ("compare queues", "review the docs"):
        kept.add({"text": said})
    async with home(ScriptedDesk(), prompting=Prompting(ScriptedDesk(), kept)) as pilot:
        await press(pilot, "n", "ctrl+r", *"que")
        assert offered(pilot) == ["compare queues"]
        await press(pilot, "tab")
        assert area(pilot).text == "compare queues"


# -- starting ---------------------------------------------------------------------------------------------------------


async def test_enter_runs_a_task_and_keeps_what_was_typed_without_secrets(tmp_path: Path) -> None:
    kept = Kept(tmp_path / "state" / "typed.jsonl", 9)
    async with home(ScriptedDesk(), prompting=Prompting(ScriptedDesk(), kept)) as pilot:
        await typed(pilot, "code_review --set path=sk-abcdefghijklmnop1234567890")
        await press(pilot, "enter")
    argv = ("run", "code_review", "--set", "path=sk-abcdefghijklmnop1234567890")
    assert pilot.app.return_value == Choice("run", "", argv=argv)
    assert kept.read() == [{"text": "code_review --set path=***"}]


async def test_f9_plans_a_goal_without_a_word_to_the_coordinator() -> None:
    desk = ScriptedDesk()
    async with home(desk) as pilot:
        await typed(pilot, GOAL)
        await press(pilot, "f9")
    assert pilot.app.return_value == Choice("run", "", argv=("run", GOAL))
    assert desk.asked == []


async def test_what_is_typed_while_a_task_is_checked_is_there_when_one_comes_back() -> None:
    checked = asyncio.Event()

    class SlowDesk(ScriptedDesk):
        async def check(self, argv: Sequence[str], *, goal: bool = False) -> Sequence[str]:
            await checked.wait()
            return ()

    prompting = Prompting(SlowDesk())
    async with home(SlowDesk(), prompting=prompting) as pilot:
        await typed(pilot, "code_review")
        await pilot.press("enter", *"next")
        checked.set()
        await rested(pilot)
    assert pilot.app.return_value == Choice("run", "", argv=("run", "code_review"))
    assert prompting.draft == "next"


async def test_what_is_wrong_is_told_with_its_place_and_nothing_starts() -> None:
    desk = ScriptedDesk(problems=("broken.yaml:3:5: unknown key 'promt': did you mean prompt?",))
    async with home(desk) as pilot:
        await typed(pilot, "broken.yaml")
        await press(pilot, "escape", "enter")
        assert "broken.yaml:3:5: unknown key 'promt'" in text(pilot)
        assert area(pilot).text == "broken.yaml"
        assert pilot.app.is_running
        await press(pilot, "x")
        assert "unknown key" not in text(pilot)


@pytest.mark.chaos
async def test_enter_and_f9_on_nothing_say_what_is_missing() -> None:
    async with home(ScriptedDesk()) as pilot:
        await press(pilot, "n", "enter", "f9", "f10")
        assert pilot.app.is_running
        assert ["write a goal" in one for one in notices(pilot)[-3:-1]] == [True, True]
        assert "proposes nothing" in notices(pilot)[-1]


# -- the coordinator --------------------------------------------------------------------------------------------------


async def test_what_the_coordinator_proposes_is_shown_and_starts_by_f9_alone() -> None:
    desk = ScriptedDesk(answers=[PROPOSED])
    async with home(desk, size=(100, 40)) as pilot:
        await typed(pilot, GOAL)
        await press(pilot, "enter")
        assert [turn.text for turn in desk.asked[0]] == [GOAL]
        assert desk.rows == [ROW]
        shown = text(pilot)
        assert "swarmtui run 'Compare RabbitMQ, NATS and Kafka'" in shown
        assert "acme/small answers · 120 tokens · $0.0012" in shown
        await press(pilot, "enter")
        assert pilot.app.is_running
        await press(pilot, "f9")
    assert pilot.app.return_value == Choice("run", "", argv=PROPOSED.argv)
    assert desk.checked == [PROPOSED.argv]


async def test_what_is_proposed_but_not_seen_is_shown_first() -> None:
    async with home(ScriptedDesk(answers=[PROPOSED]), size=(100, 40)) as pilot:
        await typed(pilot, GOAL)
        await press(pilot, "enter", "f11", "f9")
        assert pilot.app.is_running
        assert "swarmtui run 'Compare RabbitMQ, NATS and Kafka'" in text(pilot)
        await press(pilot, "f9")
    assert pilot.app.return_value == Choice("run", "", argv=PROPOSED.argv)


@pytest.mark.chaos
async def test_f10_puts_the_proposal_into_the_prompt_to_be_changed() -> None:
    async with home(ScriptedDesk(answers=[PROPOSED])) as pilot:
        await typed(pilot, GOAL)
        await press(pilot, "enter", "f10", "!")
        assert area(pilot).text == "Compare RabbitMQ, NATS and Kafka!"
        await press(pilot, "f9")
    assert pilot.app.return_value == Choice("run", "", argv=("run", "Compare RabbitMQ, NATS and Kafka!"))


@pytest.mark.chaos
async def test_what_was_proposed_is_off_the_table_once_something_else_is_said() -> None:
    desk = ScriptedDesk(answers=[PROPOSED, Answer("reply", "As you like.")])
    async with home(desk) as pilot:
        for said in (GOAL, "no, leave it be"):
            await typed(pilot, said)
            await press(pilot, "enter")
        await press(pilot, "f9")
        assert pilot.app.is_running
        assert "write a goal" in notices(pilot)[-1]


@pytest.mark.chaos
async def test_text_streams_and_esc_stops_the_call_and_gives_back_what_was_said() -> None:
    desk = ScriptedDesk(pieces=("It is ", "\x1b[2Jquiet"), goes_on=asyncio.Event())
    async with home(desk) as pilot:
        await typed(pilot, GOAL)
        await pilot.press("enter")
        while "It is quiet" not in text(pilot):
            await pilot.pause(0.01)
        await press(pilot, "escape")
        assert desk.cancelled == 1
        assert area(pilot).text == GOAL
        assert "stopped" in text(pilot)


@pytest.mark.chaos
async def test_an_error_of_the_provider_is_one_line_and_what_was_said_is_in_the_prompt_again() -> None:
    desk = ScriptedDesk(answers=[TalkFailed("acme refused the key in ACME_KEY"), Answer("reply", "Hello.")])
    async with home(desk) as pilot:
        await typed(pilot, GOAL)
        await press(pilot, "enter")
        assert "! acme refused the key in ACME_KEY" in text(pilot)
        assert area(pilot).text == GOAL
        await press(pilot, "enter")
        assert [turn.text for turn in desk.asked[1]] == [GOAL]


@pytest.mark.chaos
async def test_what_cannot_be_started_is_told_and_offers_nothing_to_start() -> None:
    answer = Answer("reply", "", problem="it proposed a task file that there is not: /etc/passwd")
    async with home(ScriptedDesk(answers=[answer])) as pilot:
        await typed(pilot, GOAL)
        await press(pilot, "enter")
        assert "there is not: /etc/passwd" in text(pilot)
        await press(pilot, "f9")
        assert pilot.app.is_running


@pytest.mark.chaos
async def test_the_conversation_is_there_the_next_time_and_is_forgotten_on_command(tmp_path: Path) -> None:
    kept = Kept(tmp_path / "state" / "talk.jsonl", 9)

    def again() -> Prompting:
        return Prompting(ScriptedDesk(answers=[Answer("reply", "It is quiet.")]), talk=kept)

    async with home(ScriptedDesk(), prompting=again()) as pilot:
        await typed(pilot, "how is it with my key sk-abcdefghijklmnop1234567890")
        await press(pilot, "enter")
    assert [line["who"] for line in kept.read()] == ["you", "reply"]
    assert "sk-" not in str(kept.read())
    async with home(ScriptedDesk(), prompting=again()) as pilot:
        await press(pilot, "f11")
        assert "It is quiet." in text(pilot)
        await typed(pilot, "/clear")
        await press(pilot, "enter")
        assert "It is quiet." not in text(pilot)
    assert kept.read() == []


class Slow(Kept):
    """What was kept is there once somebody says so."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, 9)
        self.goes_on = threading.Event()

    def read(self) -> list[dict[str, JSON]]:
        self.goes_on.wait(30)
        return super().read()


async def test_up_that_is_pressed_before_earlier_prompts_were_read_brings_the_last_one(tmp_path: Path) -> None:
    kept = Slow(tmp_path / "typed.jsonl")
    (tmp_path / "typed.jsonl").write_text('{"text": "older"}\n{"text": "newer"}\n')

    async def none() -> Sequence[Row]:
        return ()

    app = Browser(none, Looking(), glyphs=UNICODE, prompting=Prompting(ScriptedDesk(), typed=kept))
    async with app.run_test(size=(100, 30)) as pilot:
        await pilot.pause()
        while not isinstance(pilot.app.focused, PromptArea):
            await pilot.pause()
        await pilot.press("up", "up")
        assert area(pilot).text == ""
        kept.goes_on.set()
        await rested(pilot)
        assert area(pilot).text == "older"


async def test_what_an_answer_adds_while_all_of_it_is_forgotten_is_forgotten_too(tmp_path: Path) -> None:
    desk = ScriptedDesk(answers=[Answer("reply", "It is quiet.")], goes_on=asyncio.Event())
    kept = Kept(tmp_path / "talk.jsonl", 9)
    forgotten: list[str] = []
    add = kept.add

    def adds(value: dict[str, JSON], *rest: Any, **how: Any) -> str:
        if value["who"] == "reply":  # between the two lines of one answer
            forgotten.append(kept.clear())
        return add(value, *rest, **how)

    kept.add = adds  # type: ignore[method-assign]
    async with home(desk, prompting=Prompting(desk, talk=kept)) as pilot:
        await typed(pilot, "how is it?")
        assert desk.goes_on is not None
        desk.goes_on.set()
        await press(pilot, "enter")
    assert forgotten == [""]
    assert kept.read() == []


async def test_an_answer_that_is_forgotten_before_it_came_leaves_nothing(tmp_path: Path) -> None:
    desk = ScriptedDesk(pieces=("It is",), goes_on=asyncio.Event())
    async with home(desk) as pilot:
        await typed(pilot, GOAL)
        await pilot.press("enter")
        while not desk.asked:
            await pilot.pause()
        area(pilot).put("/clear")
        await pilot.press("enter")
        while not desk.cancelled:
            await pilot.pause()
        await pilot.pause()
        assert area(pilot).text == ""
        assert "stopped" not in text(pilot)


async def test_a_place_that_cannot_be_written_is_told_once_and_one_goes_on(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("")
    kept = [Kept(tmp_path / "state" / name, 9) for name in ("typed.jsonl", "talk.jsonl")]
    desk = ScriptedDesk(answers=[Answer("reply", "Well."), Answer("reply", "Very well.")])
    async with home(desk, prompting=Prompting(desk, *kept)) as pilot:
        for said in ("how is it?", "and now?"):
            await typed(pilot, said)
            await press(pilot, "enter")
        assert sorted(told.partition(":")[0] for told in notices(pilot)) == [
            "talk.jsonl was not kept",
            "typed.jsonl was not kept",
        ]
        assert "Very well." in text(pilot)


@pytest.mark.chaos
async def test_f11_shows_the_conversation_and_one_writes_there_and_esc_closes_it() -> None:
    async with home(ScriptedDesk()) as pilot:
        place = pilot.app.screen.query_one(PromptPlace)
        await press(pilot, "f11")
        assert place.talking
        assert "Nothing starts without your key" in text(pilot)
        await press(pilot, "h", "i")
        assert place.text == "hi"
        await press(pilot, "escape")
        assert not place.talking


@pytest.mark.chaos
async def test_no_key_of_the_prompt_does_harm_where_there_is_nothing() -> None:
    async with home(ScriptedDesk(), size=(80, 24)) as pilot:
        for key in ("up", "down", "ctrl+r", "shift+tab", "pageup", "pagedown", "escape"):
            await press(pilot, "n", key)
            await typed(pilot, "")
        assert pilot.app.is_running


async def test_without_a_desk_there_is_no_prompt_and_its_keys_say_so() -> None:
    async def read() -> Sequence[Row]:
        return [ROW]

    app = Browser(read, Looking(), glyphs=UNICODE, theme="swarm-dark")
    async with app.run_test(size=(80, 24)) as pilot:
        await rested(pilot)
        await press(pilot, "n")
        assert "nothing is started from here" in notices(pilot)[-1]


@pytest.mark.chaos
async def test_to_leave_while_an_answer_is_under_way_ends_the_call_and_keeps_what_was_said() -> None:
    desk = ScriptedDesk(goes_on=asyncio.Event())
    prompting = Prompting(desk)
    async with home(desk, prompting=prompting) as pilot:
        await typed(pilot, GOAL)
        await pilot.press("enter")
        while not desk.asked:
            await pilot.pause(0.01)
        pilot.app.exit(None)
        await pilot.pause()
    assert desk.cancelled == 1
    assert prompting.draft == GOAL


@pytest.mark.chaos
async def test_what_breaks_is_told_and_nothing_that_was_typed_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(*args: object, **more: object) -> Sequence[str]:
        raise ValueError("boom")

    desk = ScriptedDesk()
    for name in ("check", "answer"):
        monkeypatch.setattr(desk, name, broken)
    async with home(desk) as pilot:
        await typed(pilot, GOAL)
        await press(pilot, "f9")
        assert "it could not be checked: ValueError: boom" in text(pilot)
        await press(pilot, "enter")
        assert "the coordinator broke: ValueError: boom" in text(pilot)
        assert area(pilot).text == GOAL


@pytest.mark.chaos
async def test_of_a_paste_that_is_too_long_nothing_is_taken_so_that_half_a_goal_is_never_started() -> None:
    async with home(ScriptedDesk()) as pilot:
        await press(pilot, "n")
        area(pilot).post_message(events.Paste("x" * (MOST_CHARS + 1)))
        await rested(pilot)
        assert area(pilot).text == ""
        assert "put more into a file; nothing was pasted" in notices(pilot)[-1]
        area(pilot).post_message(events.Paste("x" * MOST_CHARS))
        await rested(pilot)
        area(pilot).post_message(events.Paste("y"))
        await rested(pilot)
        assert area(pilot).text == "x" * MOST_CHARS


async def test_the_arrows_move_in_what_is_typed_before_they_lead_to_what_was_typed_earlier() -> None:
    async with home(ScriptedDesk()) as pilot:
        await typed(pilot, "one\ntwo")
        for key, row in (("up", 0), ("down", 1)):
            await pilot.press(key)
            await rested(pilot)
            assert (area(pilot).text, area(pilot).cursor_location[0]) == ("one\ntwo", row)


async def test_ctrl_u_takes_the_line_back_however_many_rows_it_fills() -> None:
    async with home(ScriptedDesk(), size=(60, 30)) as pilot:
        await typed(pilot, "first\n" + "a goal of many words " * 12)
        await pilot.press("ctrl+u")
        await rested(pilot)
        assert area(pilot).text == "first\n"
