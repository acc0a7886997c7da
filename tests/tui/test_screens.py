"""What the screens show and do, through keys, at every size."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest
from textual.widgets import Input, TextArea

from swarmtui.host.feed import Link
from swarmtui.session import events as ev
from swarmtui.session import vocabulary as vocab
from swarmtui.tui.app import Workbench, run_workbench
from swarmtui.tui.leaving import CRASHED, outcome
from swarmtui.tui.screens.dialogs import EditScreen, QuestionScreen
from swarmtui.tui.screens.keys import HelpScreen
from swarmtui.tui.screens.node import NodeScreen
from swarmtui.tui.screens.plan import PlanScreen
from swarmtui.tui.screens.run import RunScreen
from swarmtui.tui.view.glyphs import ASCII
from swarmtui.tui.view.lines import cells
from swarmtui.tui.view.table import NodeRows
from swarmtui.tui.widgets.lines import TextView
from swarmtui.tui.widgets.log import LogView
from swarmtui.tui.widgets.table import RowTable
from tests.tui.opening import lines, notices, opened, press, settled, text, workbench
from tests.tui.scripted_feed import (
    FINDINGS,
    SESSIONS,
    SIMULATED,
    ScriptedFeed,
    awaiting_approval,
    finished,
    large,
    mid_run,
    output,
    planning,
)

SIZES = [(80, 24), (120, 40), (200, 60), (100, 24), (79, 24), (80, 19), (40, 10), (20, 5), (10, 3), (300, 20)]
USUAL = SIZES[:1]
EVERY_SIZE = [pytest.param(size, marks=() if size in USUAL else pytest.mark.chaos, id=str(size)) for size in SIZES]
"""Odd sizes are left to the slower run."""


@pytest.mark.parametrize("name", [name for name in SESSIONS if name != "large"])
@pytest.mark.parametrize("size", EVERY_SIZE)
async def test_every_session_is_drawn_at_every_size(name: str, size: tuple[int, int]) -> None:
    async with opened(SESSIONS[name](), size) as pilot:
        shown = lines(pilot)
        assert len(shown) == size[1]
        assert all(cells(line) <= size[0] for line in shown)
        await press(pilot, "1", "v", "v", "2", "3", "4", "5", "2", "enter")


@pytest.mark.chaos
async def test_resizing_while_it_runs_never_breaks_the_drawing() -> None:
    async with opened(mid_run()) as pilot:
        for size in SIZES:
            await pilot.resize_terminal(*size)
            await settled(pilot)
            assert len(lines(pilot)) == size[1]
        await pilot.resize_terminal(120, 40)
        await settled(pilot)
        assert "quality" in text(pilot)


async def test_a_frame_that_is_due_while_the_screens_go_away_draws_nothing_and_breaks_nothing() -> None:
    async with opened(mid_run()) as pilot:
        app = pilot.app
        assert isinstance(app, Workbench)
        run = next(screen for screen in app.screen_stack if isinstance(screen, RunScreen))
        await run.query_one(LogView).remove()
        app._frame(force=True)
        assert not run.stands


async def test_at_eighty_columns_the_graph_is_a_list_and_the_log_a_strip() -> None:
    async with opened(mid_run(), (80, 24)) as pilot:
        shown = text(pilot)
        assert "├─┬───▶ ● quality" in shown
        assert "429, again in 0:24, not charged: rate limit" in shown
        assert "tries" not in shown


@pytest.mark.chaos
async def test_at_two_hundred_columns_the_workers_stream_beside_the_graph() -> None:
    async with opened(mid_run(), (200, 60)) as pilot:
        shown = text(pilot)
        assert "│ ● quality" in shown
        assert "let the charge ra" in shown
        assert "translate[1221]" in shown
        assert "tries" in shown


async def test_below_eighty_by_twenty_only_the_list_is_left() -> None:
    async with opened(mid_run(), (60, 15)) as pilot:
        assert "quality" in text(pilot)
        assert not pilot.app.screen.query_one("#log").display


async def test_without_unicode_nothing_but_ascii_is_drawn() -> None:
    async with opened(mid_run(), glyphs=ASCII) as pilot:
        await press(pilot, "v")
        shown = text(pilot)
        assert [char for char in shown if not char.isascii()] == []
        assert "ERR" in shown


async def test_the_first_frame_comes_before_the_session() -> None:
    waiting = asyncio.Event()
    feed = mid_run()

    async def connect() -> ScriptedFeed:
        await waiting.wait()
        return feed

    app = Workbench(connect)
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.pause()
        assert "connecting to the session" in text(pilot)
        waiting.set()
        await settled(pilot)
        assert "Review payments-service" in text(pilot)


async def test_a_session_that_cannot_be_opened_is_the_callers_to_tell() -> None:
    async def connect() -> ScriptedFeed:
        raise ConnectionError("no host answers")

    app = Workbench(connect)
    async with app.run_test() as pilot:
        await pilot.pause()
        await pilot.pause()
    assert isinstance(app.failure, ConnectionError)
    assert app.return_value == 6


async def test_what_happens_is_drawn() -> None:
    feed = mid_run()
    async with opened(feed) as pilot:
        feed.play(ev.AttemptSucceeded("quality", 1, output("fine"), took_s=40), after=1)
        feed.say("security", " and found it", offset=89)
        await settled(pilot)
        assert "2/10 ok" in text(pilot)
        assert "ok in 0:40, 4 B" in text(pilot)


async def test_the_end_is_told_and_the_report_is_what_one_sees() -> None:
    feed = mid_run()
    async with opened(feed) as pilot:
        feed.play(ev.ReportWritten("artefacts/report.md", "report", "/home/ada/report.md"))
        feed.play(ev.SessionFinished("succeeded"), after=1)
        await settled(pilot)
        assert notices(pilot)[-1] == "the session has succeeded; the report is in /home/ada/report.md"
        assert pilot.app.selected == "report"  # type: ignore[attr-defined]


async def test_who_has_selected_a_node_keeps_it_at_the_end_and_is_told_what_leads_to_the_report() -> None:
    feed = mid_run()
    async with opened(feed) as pilot:
        await press(pilot, "j")
        app = pilot.app
        assert isinstance(app, Workbench)
        chosen = app.selected
        feed.play(ev.ReportWritten("artefacts/report.md", "report", "/home/ada/report.md"))
        feed.play(ev.SessionFinished("succeeded"), after=1)
        await settled(pilot)
        assert app.selected == chosen != "report"
        told = "the report is in /home/ada/report.md; press : and type report to see the node that wrote it"
        assert notices(pilot)[-1] == f"the session has succeeded; {told}"
        await press(pilot, "colon", *"report")
        await pilot.pause(0.3)
        await press(pilot, "enter")
        assert app.selected == "report"


async def test_who_has_selected_nothing_sees_the_report_that_was_written_last() -> None:
    feed = mid_run()
    async with opened(feed) as pilot:
        app = pilot.app
        assert isinstance(app, Workbench)
        for node in ("speed", "report"):
            assert app.selected != node
            feed.play(ev.ReportWritten("artefacts/report.md", node, None))
            await settled(pilot)
            assert app.selected == node


async def test_who_has_opened_the_node_that_was_selected_has_chosen_it() -> None:
    feed = mid_run()
    async with opened(feed) as pilot:
        app = pilot.app
        assert isinstance(app, Workbench)
        chosen = app.selected
        await press(pilot, "enter")
        assert isinstance(app.screen, NodeScreen)
        await press(pilot, "escape")
        feed.play(ev.ReportWritten("artefacts/report.md", "report", None))
        await settled(pilot)
        assert app.selected == chosen != "report"


async def test_no_way_is_told_to_a_node_that_wrote_the_report_and_is_not_there() -> None:
    feed = mid_run()
    async with opened(feed) as pilot:
        await press(pilot, "j")
        feed.play(ev.ReportWritten("artefacts/report.md", "gone", "/home/ada/report.md"))
        feed.play(ev.SessionFinished("succeeded"), after=1)
        await settled(pilot)
        assert notices(pilot)[-1] == "the session has succeeded; the report is in /home/ada/report.md"


async def test_a_report_of_a_node_that_is_not_there_leaves_the_selection_where_it_is() -> None:
    feed = mid_run()
    async with opened(feed) as pilot:
        app = pilot.app
        assert isinstance(app, Workbench)
        before = app.selected
        feed.play(ev.ReportWritten("artefacts/report.md", "gone", None))
        await settled(pilot)
        assert app.selected == before


async def test_ten_thousand_events_are_one_frame() -> None:
    feed = mid_run()
    async with opened(feed) as pilot:
        drawn = 0
        screen = pilot.app.screen
        assert isinstance(screen, RunScreen)
        redraw = screen.redraw

        def counted() -> None:
            nonlocal drawn
            drawn += 1
            redraw()

        screen.redraw = counted  # type: ignore[method-assign]
        for at in range(10_000):
            feed.play(ev.Noted("info", f"note {at}"))
        pilot.app._frame()  # type: ignore[attr-defined]
        await pilot.pause()
        assert drawn == 1
        assert "note 9999" in text(pilot)


@pytest.mark.chaos
async def test_simulated_sessions_are_labelled_on_every_screen() -> None:
    async with opened(mid_run(SIMULATED)) as pilot:
        for key in ("2", "1", "enter"):
            await press(pilot, key)
            assert "SIMULATED" in lines(pilot)[0]


# -- the plan ------------------------------------------------------------------------------------------------------


@pytest.mark.chaos
async def test_a_plan_that_waits_opens_at_once() -> None:
    async with opened(awaiting_approval()) as pilot:
        assert isinstance(pilot.app.screen, PlanScreen)
        shown = text(pilot)
        assert "revision 2 by the planner, 1 change since revision 1" in shown
        assert "2 nodes run commands" in shown
        assert "git -C '{{ path }}' ls-files" in shown


@pytest.mark.chaos
async def test_approving_takes_a_moment_and_names_the_revision_that_was_shown() -> None:
    feed = awaiting_approval()
    async with opened(feed) as pilot:
        await press(pilot, "A")
        assert feed.commands == []
        assert "only just appeared" in notices(pilot)[-1]
        feed.now += 0.81  # long enough for the key not to be the same one, held down
        await press(pilot, "A")
    assert feed.commands == [("plan.approve", {"plan_rev": 2})]


@pytest.mark.chaos
async def test_a_revision_that_comes_while_one_looks_starts_the_moment_again() -> None:
    feed = awaiting_approval()
    async with opened(feed) as pilot:
        feed.now += 5
        assert feed.state.plan is not None
        feed.play(ev.PlanProposed(3, feed.state.plan, "another viewer's"))
        await settled(pilot)
        await press(pilot, "A")
        assert feed.commands == []


async def test_enter_and_y_do_not_approve() -> None:
    feed = awaiting_approval()
    async with opened(feed) as pilot:
        feed.now += 5
        await press(pilot, "enter", "escape", "y", "space")
    assert feed.commands == []


async def test_an_approved_plan_gives_way_to_the_run() -> None:
    feed = awaiting_approval()
    async with opened(feed) as pilot:
        feed.play(ev.PlanApproved(2, "hash"), after=1)
        await settled(pilot)
        assert isinstance(pilot.app.screen, RunScreen)


@pytest.mark.chaos
async def test_feedback_goes_to_the_planner() -> None:
    feed = awaiting_approval()
    async with opened(feed) as pilot:
        await press(pilot, "c", *"no wiki".replace(" ", "_").split("_")[0], "space", *"wiki", "enter")
    assert feed.commands == [("plan.reject", {"plan_rev": 2, "feedback": "no wiki"})]


@pytest.mark.chaos
async def test_the_plan_as_text_and_as_differences() -> None:
    async with opened(awaiting_approval()) as pilot:
        await press(pilot, "v", "v")
        assert "ls-files" in text(pilot)
        assert "nodes:" in text(pilot)
        await press(pilot, "v")
        assert "+ lint" in text(pilot)


async def test_an_edit_that_is_refused_is_shown_with_its_errors_and_nothing_is_lost() -> None:
    feed = awaiting_approval()
    feed.refusal = "plan.yaml:3:5: unknown key `promt`: did you mean `prompt`?"
    async with opened(feed) as pilot:
        await press(pilot, "e")
        screen = pilot.app.screen
        assert isinstance(screen, EditScreen)
        screen.query_one(TextArea).load_text("nodes:\n  a:\n    promt: x\n")
        await press(pilot, "f2")
        assert feed.commands == [("plan.edit", {"plan_rev": 2, "text": "nodes:\n  a:\n    promt: x\n"})]
        assert "unknown key `promt`" in text(pilot)
        assert screen.query_one(TextArea).cursor_location[0] == 2
        await press(pilot, "escape", "e")
        assert "promt: x" in pilot.app.screen.query_one(TextArea).text
        feed.refusal = None
        await press(pilot, "f2")
        assert not isinstance(pilot.app.screen, EditScreen)
        assert pilot.app.editing.draft is None  # type: ignore[attr-defined]


async def test_0_leaves_to_swarmtui_how_many_run_at_once_and_says_so_where_it_does() -> None:
    feed = mid_run()
    async with opened(feed) as pilot:
        feed.state.limits = replace(feed.state.limits, concurrency=4)
        await press(pilot, "0")
        assert feed.commands == [("limits.set", {"concurrency": "auto"})]
        feed.state.limits = replace(feed.state.limits, concurrency=None)
        await press(pilot, "0")
        assert notices(pilot)[-1] == "auto: it is auto already"
    assert len(feed.commands) == 1


async def test_a_text_of_a_revision_that_was_overtaken_says_so_before_it_is_proposed() -> None:
    feed = awaiting_approval()
    async with opened(feed) as pilot:
        await press(pilot, "e")
        pilot.app.screen.query_one(TextArea).load_text("nodes: {}")
        await press(pilot, "escape")
        assert feed.state.plan is not None
        feed.play(ev.PlanProposed(3, feed.state.plan, "edited"), actor="ada@laptop")
        await settled(pilot)
        await press(pilot, "e")
        assert "your text is of revision 2: what ada@laptop changed in revision 3 is not in it" in notices(pilot)[-1]
        await press(pilot, "escape", "e")
        assert len([told for told in notices(pilot) if "your text is of revision" in told]) == 1


@pytest.mark.chaos
async def test_the_planner_at_work_is_shown_with_its_text() -> None:
    async with opened(planning()) as pilot:
        shown = text(pilot)
        assert "Compare vector databases for our workload and recommend one" in shown
        assert '"title": "Vector databases compared"' in shown
        assert "deepseek-reasoner" in shown


@pytest.mark.chaos
async def test_a_planner_that_failed_is_told() -> None:
    feed = planning()
    error = vocab.ErrorInfo(vocab.ErrorKind.MALFORMED, "the planner's reply was no plan, twice")
    feed.play(ev.PlanningFailed(1, error))
    async with opened(feed) as pilot:
        assert "the planner's reply was no plan, twice" in text(pilot)


@pytest.mark.chaos
async def test_review_shows_the_plan_of_a_running_session() -> None:
    async with opened(mid_run(), review=True) as pilot:
        assert isinstance(pilot.app.screen, PlanScreen)
        await press(pilot, "A")
        assert "no plan waits for a decision" in notices(pilot)[-1]


# -- a node --------------------------------------------------------------------------------------------------------


@pytest.mark.chaos
async def test_a_node_in_full() -> None:
    feed = mid_run()
    feed.logs["lint"] = "ruff 0.14\nerror: no such file\n"
    async with opened(feed) as pilot:
        pilot.app.screen.select("lint")  # type: ignore[attr-defined]
        await press(pilot, "enter")
        assert isinstance(pilot.app.screen, NodeScreen)
        assert "ruff ended with code 2" in text(pilot)
        await press(pilot, "tab")
        assert "ruff check ." in text(pilot)
        await press(pilot, "l")
        assert "failed" in text(pilot)
        await press(pilot, "tab", "tab")
        assert "started" in text(pilot)
        await press(pilot, "tab")
        assert "error: no such file" in text(pilot)
        await press(pilot, "escape")
        assert isinstance(pilot.app.screen, RunScreen)


@pytest.mark.chaos
async def test_finished_prose_is_markdown_and_v_shows_it_as_it_is_written() -> None:
    async with opened(finished()) as pilot:
        pilot.app.screen.select("quality")  # type: ignore[attr-defined]
        await press(pilot, "enter")
        assert "Retries without a limit" in text(pilot)
        assert "## " not in text(pilot)
        await press(pilot, "v")
        assert "## " in text(pilot)


@pytest.mark.chaos
async def test_the_items_of_a_map_are_a_table() -> None:
    async with opened(mid_run()) as pilot:
        pilot.app.screen.select("translate")  # type: ignore[attr-defined]
        await press(pilot, "enter", "shift+tab")
        assert pilot.app.screen.query_one(RowTable).display
        assert "the reply is not JSON" in text(pilot)


@pytest.mark.chaos
async def test_a_map_that_runs_tells_how_far_it_is_where_its_output_will_be() -> None:
    feed = mid_run()
    async with opened(feed) as pilot:
        items = feed.state.nodes["translate"].items
        assert items is not None
        pilot.app.screen.select("translate")  # type: ignore[attr-defined]
        await press(pilot, "enter")
        shown = text(pilot)
        assert f"{items.ended:,}/{items.total:,}" in "\n".join(shown.splitlines()[4:])
        assert "nothing yet" not in shown


# -- questions, help, search ---------------------------------------------------------------------------------------


async def test_a_question_is_answered_with_one_of_its_choices() -> None:
    feed = mid_run()
    async with opened(feed) as pilot:
        await press(pilot, "a")
        assert isinstance(pilot.app.screen, QuestionScreen)
        assert "asked 41s ago" in text(pilot)
        await press(pilot, "j", "enter")
    assert feed.commands == [("answer", {"pending": "scope", "text": "release/2.4"})]


@pytest.mark.chaos
async def test_a_question_can_be_put_off() -> None:
    feed = mid_run()
    async with opened(feed) as pilot:
        await press(pilot, "a", "escape")
        assert isinstance(pilot.app.screen, RunScreen)
    assert feed.commands == []


@pytest.mark.chaos
async def test_an_open_question_takes_text() -> None:
    feed = mid_run().play(ev.QuestionAnswered("scope", "main"), ev.QuestionAsked("scope", "What else?"))
    async with opened(feed) as pilot:
        await press(pilot, "a", "enter")
        assert "write an answer" in notices(pilot)[-1]
        await press(pilot, *"docs", "enter")
    assert feed.commands == [("answer", {"pending": "scope", "text": "docs"})]


@pytest.mark.chaos
async def test_help_filters_as_one_types() -> None:
    async with opened(mid_run()) as pilot:
        await press(pilot, "question_mark")
        assert isinstance(pilot.app.screen, HelpScreen)
        await press(pilot, *"retry")
        await settled(pilot)
        shown = text(pilot)
        assert "Run all failed nodes again" in shown
        assert "Next theme" not in shown
        await press(pilot, "escape")
        assert isinstance(pilot.app.screen, RunScreen)


async def test_the_help_follows_what_happens_behind_it_and_one_reads_on_where_one_is() -> None:
    feed = mid_run()
    async with opened(feed) as pilot:
        await press(pilot, "question_mark", "down", "down")
        assert "was cancelled" not in text(pilot)
        keys = pilot.app.screen.query_one("#keys", TextView)
        at = keys.scroll_offset
        feed.play(ev.SessionFinished("cancelled"))
        await settled(pilot)
        assert "was cancelled: nothing is left" in " ".join(text(pilot).split())
        assert keys.scroll_offset == at != (0, 0)


@pytest.mark.chaos
async def test_the_filter_narrows_the_table_and_escape_clears_it() -> None:
    async with opened(mid_run()) as pilot:
        screen = pilot.app.screen
        await press(pilot, "slash", *"retrying")
        assert screen.query_one(RowTable).rows.key(0) == "speed"
        assert len(screen.query_one(RowTable).rows) == 1
        await press(pilot, "enter")
        assert not screen.query_one("#find", Input).display
        await press(pilot, "escape")
        assert len(screen.query_one(RowTable).rows) == 10


@pytest.mark.chaos
async def test_the_palette_finds_actions_and_nodes() -> None:
    feed = mid_run()
    async with opened(feed) as pilot:
        await press(pilot, "colon", *"pause all")
        await pilot.pause(0.3)
        await press(pilot, "enter")
        await settled(pilot)
    assert feed.commands == [("session.pause", {})]


@pytest.mark.chaos
async def test_a_table_sorts_by_key_and_by_click() -> None:
    async with opened(mid_run()) as pilot:
        table = pilot.app.screen.query_one(RowTable)
        await press(pilot, "S")
        assert table.rows.sort == ("state", False)
        assert table.rows.key(0) == "scope"
        await press(pilot, "D")
        assert table.rows.key(0) == "scan"
        await pilot.click(RowTable, offset=(18, 1))
        await settled(pilot)
        assert table.rows.sort[0] == "node"


async def test_a_table_says_that_nothing_matches_only_once_it_knows() -> None:
    async with opened(mid_run()) as pilot:
        table = RowTable()
        await pilot.app.screen.mount(table)
        assert "nothing matches" not in str(table.line_at(0, 40))
        table.show(table.rows)
        assert "what comes is listed here" in str(table.line_at(0, 40))
        table.show(NodeRows(filter="absent"))
        assert "nothing matches" in str(table.line_at(0, 40))


async def test_what_is_told_again_is_shown_once() -> None:
    async with opened(finished()) as pilot:
        await press(pilot, "P", "P", "P")
        told = notices(pilot)
        assert told
        assert len(told) == len(set(told))


@pytest.mark.parametrize("keys", [("S",), ("S", "D")])
async def test_what_is_selected_stays_so_in_another_order_and_is_scrolled_to(keys: tuple[str, ...]) -> None:
    async with opened(mid_run(), (80, 11)) as pilot:
        await press(pilot, "4", "G", "k")
        table = pilot.app.screen.query_one(RowTable)
        selected = table.selected
        await press(pilot, *keys)
        assert selected == "publish"
        assert table.selected == pilot.app.selected == selected  # type: ignore[attr-defined]
        assert table.scroll_offset.y <= table.cursor < table.scroll_offset.y + table.rows_seen
        assert any("publish" in line for line in lines(pilot))


async def test_matches_in_the_table_come_in_the_order_of_its_rows_and_begin_again_after_the_last() -> None:
    async with opened(mid_run()) as pilot:
        await press(pilot, "4", "S", "slash", *"!waiting", "enter", "g")
        table, app = pilot.app.screen.query_one(RowTable), pilot.app
        assert isinstance(app, Workbench)
        rows = [table.rows.key(at) for at in range(len(table.rows))]
        gone_to = [app.selected]
        for _ in rows:
            await pilot.press("n")
            gone_to.append(app.selected)
        assert gone_to == [*rows, rows[0]]
        await press(pilot, "N")
        assert app.selected == table.selected == rows[-1]
        await press(pilot, "escape", "escape", "4", "n")
        assert app.selected == table.selected == rows[-1]
        assert "nothing is searched for" in notices(pilot)[-1]


async def test_a_match_in_the_table_is_what_is_selected_in_the_very_next_frame() -> None:
    async with opened(mid_run()) as pilot:
        await press(pilot, "4", "slash", *"!wa", "enter", "g")
        table, app = pilot.app.screen.query_one(RowTable), pilot.app
        assert isinstance(app, Workbench)
        assert isinstance(app.screen, RunScreen)
        app.screen.next_match(1)
        app._frame(force=True)  # before any message has been handled
        assert app.selected == table.selected == table.rows.key(1)


async def test_an_item_that_is_selected_stays_so_in_another_order() -> None:
    async with opened(mid_run(), (80, 24)) as pilot:
        await press(pilot, "4", "slash", *"translate", "enter", "enter", "G", "k")
        table, item = pilot.app.screen.query_one(RowTable), "1218"
        assert table.selected == item
        await press(pilot, "S", "S", "D")
        assert table.selected == item
        assert table.scroll_offset.y <= table.cursor < table.scroll_offset.y + table.rows_seen


@pytest.mark.chaos
async def test_the_log_follows_until_one_looks_back() -> None:
    feed = mid_run()
    async with opened(feed) as pilot:
        log = pilot.app.screen.query_one(LogView)
        log.focus()
        await press(pilot, "k", "k")
        assert not log.following
        feed.play(ev.Noted("error", "the very last"))
        await settled(pilot)
        assert "the very last" not in text(pilot)
        await press(pilot, "G")
        assert log.following
        assert "the very last" in text(pilot)


@pytest.mark.chaos
async def test_levels_of_the_log() -> None:
    async with opened(mid_run()) as pilot:
        await press(pilot, "5", "i")
        assert "429, again in" in text(pilot)
        assert "approved" not in text(pilot)
        await press(pilot, "i", "g")
        assert "host 4711 started" in text(pilot)


@pytest.mark.chaos
async def test_older_events_are_in_the_log_when_one_attaches() -> None:
    feed = mid_run()
    feed.drain()
    async with opened(feed) as pilot:
        assert "429, again in 0:24, not charged: rate limit of 60 calls a minute" in text(pilot)


# -- the link ------------------------------------------------------------------------------------------------------


@pytest.mark.chaos
async def test_a_lost_link_is_told_with_its_reason_and_its_return() -> None:
    feed = mid_run()
    async with opened(feed) as pilot:
        feed.set_link(Link.RECONNECTING, "the host does not answer; next try in 4 s")
        await settled(pilot)
        assert "next try in 4 s" in text(pilot)
        assert "link lost" in lines(pilot)[0]
        feed.set_link(Link.LIVE)
        await settled(pilot)
        assert "next try" not in text(pilot)


async def test_an_ended_session_is_read_only_and_says_when_it_ended() -> None:
    async with opened(finished()) as pilot:
        assert "[ended 20" in lines(pilot)[0]
        assert "pause" not in lines(pilot)[-1]


def test_exit_codes() -> None:
    feed = finished()
    assert outcome(feed.state, feed.status) == 1
    running = mid_run()
    assert outcome(running.state, running.status) == 0
    running.set_link(Link.CRASHED)
    assert outcome(running.state, running.status) == 6
    done = mid_run().play(ev.SessionFinished("succeeded"))
    assert outcome(done.state, done.status) == 0


# -- accidents -----------------------------------------------------------------------------------------------------


def test_a_crash_is_one_line_without_values(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setenv("SWARMTUI_HOME", str(tmp_path))
    monkeypatch.setenv("DEEPSEEK_API_KEY", "sk-0123456789abcdefghij")
    feed = mid_run()

    async def connect() -> ScriptedFeed:
        return feed

    def broken(self: RunScreen) -> None:
        if self.app.feed is None:  # type: ignore[attr-defined]
            return
        secret_local = "sk-0123456789abcdefghij"
        raise RuntimeError(f"cannot draw {secret_local}\n\x1b[2J second line")

    monkeypatch.setattr(RunScreen, "redraw", broken)
    assert run_workbench(connect) == CRASHED
    told = capfd.readouterr().err.rpartition("\x1b")[2].partition("swarmtui: ")[2]
    assert told.startswith("the workbench crashed (RuntimeError: cannot draw ***")
    assert told.count("\n") == 1
    assert "the session goes on: swarmtui attach 7f3ak2" in told
    assert "sk-01234" not in told
    assert "Traceback" not in told


async def test_a_large_session_is_drawn_and_moved_through() -> None:
    async with opened(large(3_000)) as pilot:
        await press(pilot, "G", "k", "g", "4", "G", "pagedown", "pageup")
        assert "step-" in text(pilot)
        assert FINDINGS


def test_the_workbench_can_be_made_without_a_loop() -> None:
    assert workbench(mid_run()).theme == "swarm-dark"


async def test_a_page_of_the_keys_is_as_much_as_is_shown_of_them() -> None:
    async with opened(mid_run(), (100, 30)) as pilot:
        await press(pilot, "question_mark")
        view = pilot.app.screen.query_one("#keys", TextView)
        await press(pilot, "pagedown")
        assert view.scroll_y == view.page() > 10
        await press(pilot, "pagedown", "pageup", "pageup")
        assert view.scroll_y == 0
