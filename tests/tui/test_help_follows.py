"""The help goes on saying what applies while one reads it; a question goes on saying whether it can be answered."""

from __future__ import annotations

from textual.widgets import Input, Static

from swarmtui.host.feed import Link
from swarmtui.session import events as ev
from swarmtui.tui.actions.action import Mode, Scope
from swarmtui.tui.app import Workbench
from swarmtui.tui.screens.dialogs import QuestionScreen
from swarmtui.tui.screens.keys import HelpScreen
from swarmtui.tui.widgets.one_line import OneLine
from tests.tui.opening import notices, opened, press, settled, text
from tests.tui.scripted_feed import mid_run


async def test_what_is_filtered_stays_so_while_something_happens() -> None:
    feed = mid_run()
    async with opened(feed) as pilot:
        await press(pilot, "question_mark", *"retry")
        before = text(pilot)
        assert "Run all failed nodes again" in before
        feed.play(ev.NodeRetried("lint"))
        await settled(pilot)
        assert "Run all failed nodes again" in text(pilot)
        assert "Write the screen to an SVG" not in text(pilot), "the filter is forgotten"
        assert pilot.app.screen.query_one(Input).value == "retry"


AGAIN = "Try at once to set the link up again"


async def test_the_help_tells_the_keys_of_what_has_become_of_the_session_meanwhile() -> None:
    feed = mid_run()
    async with opened(feed) as pilot:
        await press(pilot, "question_mark", *"link")
        assert AGAIN not in text(pilot)
        feed.set_link(Link.RECONNECTING, "the link is lost")
        await settled(pilot)
        assert AGAIN in text(pilot)


async def test_a_help_that_is_not_there_yet_has_nothing_to_say_and_says_it_once_it_is() -> None:
    feed = mid_run()
    async with opened(feed) as pilot:
        screen = HelpScreen(Scope.RUN)
        waits = pilot.app.push_screen(screen)
        screen.follow(Mode.LIVE)
        await waits
        await press(pilot, *"failed")
        assert "Run all failed nodes again" in text(pilot)


class Asked:
    """Whether a question waits still."""

    waits = True

    def age(self) -> str:
        return "asked 0:03 ago" if self.waits else "answered by ada"


def hint_of(screen: QuestionScreen) -> str:
    return str(screen.query_one(".hint", Static).render())


async def test_a_question_that_is_asked_anew_under_its_open_dialog_takes_an_answer_again() -> None:
    asked, answers = Asked(), list[str | None]()
    async with opened(mid_run()) as pilot:
        app = pilot.app
        assert isinstance(app, Workbench)
        screen = QuestionScreen("scope asks", "How deep?", (), asked.age, waits=lambda: asked.waits)
        app.push_screen(screen, answers.append)
        await settled(pilot)
        assert "enter answers" in hint_of(screen)
        asked.waits = False
        screen.look()
        assert "enter copies what you wrote" in hint_of(screen)
        asked.waits = True
        screen.look()
        assert "enter answers" in hint_of(screen)
        screen.query_one(OneLine).value = "deep"
        await press(pilot, "enter")
    assert answers == ["deep"]


async def test_a_choice_that_comes_too_late_is_neither_sent_nor_copied() -> None:
    asked, answers = Asked(), list[str | None]()
    async with opened(mid_run()) as pilot:
        app = pilot.app
        assert isinstance(app, Workbench)
        screen = QuestionScreen("scope asks", "How deep?", ("deep", "flat"), asked.age, waits=lambda: asked.waits)
        app.push_screen(screen, answers.append)
        await settled(pilot)
        asked.waits = False
        for _ in range(2):
            await press(pilot, "enter")
            assert notices(pilot)[-1] == "not sent: answered by ada"
            assert "copies" not in hint_of(screen)
        assert app.screen is screen
        assert app.clipboard == ""
    assert answers == []
