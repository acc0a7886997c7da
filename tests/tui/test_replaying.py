"""A replay in the workbench: its keys, its bar, its clocks, the way back to the session that goes on."""

from __future__ import annotations

import pytest
from textual.pilot import Pilot

from swarmtui.host.feed import Feed, Gap, Link, Play
from swarmtui.host.replay import ReplayFeed
from swarmtui.session import events as ev
from swarmtui.session.fold import fold
from swarmtui.session.marks import Mark, MarkKind
from swarmtui.session.state_json import state_hash
from swarmtui.tui.actions.keymap import fit_keys
from swarmtui.tui.app import Workbench
from swarmtui.tui.screens.dialogs import LineScreen
from swarmtui.tui.screens.plan import PlanScreen
from swarmtui.tui.screens.run import RunScreen
from swarmtui.tui.settings import Read, Settings
from swarmtui.tui.view import scrub
from swarmtui.tui.view.glyphs import ASCII, UNICODE
from swarmtui.tui.view.lines import width
from swarmtui.tui.widgets.scrub import ScrubBar
from tests.tui.opening import lines, notices, opened, press, settled, text, workbench
from tests.tui.scripted_feed import awaiting_approval, finished, mid_run
from tests.tui.scripted_past import Stopwatch, replayed, to_past

HEAD = len(finished().events)


def link(pilot: Pilot[int]) -> Link:
    assert isinstance(pilot.app, Workbench)
    return pilot.app.status.link


def play_of(pilot: Pilot[int]) -> Play:
    assert isinstance(pilot.app, Workbench)
    play = pilot.app.status.play
    assert play is not None
    return play


# -- keys -----------------------------------------------------------------------------------------------------------


async def test_29_a_replay_is_stepped_and_sought_with_keys_forwards_and_backwards() -> None:
    async with opened(replayed(at=10)) as pilot:
        for key, seq in (
            ("full_stop", 11),
            ("comma", 10),
            ("comma", 9),
            ("G", HEAD),
            ("g", 1),
            ("5", 1 + round(0.5 * (HEAD - 1))),
            ("0", 1),
        ):
            await press(pilot, key)
            assert play_of(pilot).seq == seq, key
            app = pilot.app
            assert isinstance(app, Workbench)
            assert state_hash(app.state) == state_hash(fold(finished().events[:seq]))


@pytest.mark.chaos
async def test_29_keys_lead_from_mark_to_mark_and_say_where_there_is_none() -> None:
    async with opened(replayed(at=1)) as pilot:
        marks = [mark.seq for mark in play_of(pilot).marks]
        assert len(marks) >= 3
        for seq in marks:
            await press(pilot, "right_square_bracket")
            assert play_of(pilot).seq == seq
        await press(pilot, "right_square_bracket")
        assert "no mark after" in notices(pilot)[-1]
        await press(pilot, "left_square_bracket")
        assert play_of(pilot).seq == marks[-2]


async def test_e_leads_to_the_next_failure_and_after_the_last_one_says_so_and_leads_to_the_first() -> None:
    async with opened(replayed(at=1)) as pilot:
        failing = [mark for mark in play_of(pilot).marks if mark.kind is MarkKind.FAILURE]
        failures = [mark.seq for mark in failing]
        assert len({mark.node for mark in failing}) > 1, "one of a node, and the session's own"
        app = pilot.app
        assert isinstance(app, Workbench)
        for number, mark in enumerate(failing, 1):
            app.selected = "scope"
            await press(pilot, "e")
            assert play_of(pilot).seq == mark.seq
            assert app.selected == (mark.node or failing[0].node), "who looks for a failure looks at what failed"
            assert notices(pilot)[-1] == f"failure {number} of {len(failures)}"
        await press(pilot, "e")
        told = f"nothing failed after that: failure 1 of {len(failures)}, from the beginning"
        assert notices(pilot)[-1] == told
        assert play_of(pilot).seq == failures[0]
        assert len(failures) > 1
        await press(pilot, "e")
        assert notices(pilot)[-1] == f"failure 2 of {len(failures)}", "it is told of where one stands"


async def test_where_nothing_has_failed_e_says_so_and_stays() -> None:
    async with opened(replayed(awaiting_approval(), at=2)) as pilot:
        await press(pilot, "e")
        assert notices(pilot)[-1] == "nothing has failed: [ and ] go to all marks"
        assert play_of(pilot).seq == 2


async def test_a_replay_that_opens_at_a_failure_shows_what_failed() -> None:
    async with opened(replayed(at=1)) as pilot:
        failing = [mark for mark in play_of(pilot).marks if mark.kind is MarkKind.FAILURE]
    for mark in failing:
        async with opened(replayed(at=mark.seq)) as pilot:
            assert isinstance(pilot.app, Workbench)
            assert pilot.app.selected == (mark.node or failing[-2].node)


@pytest.mark.chaos
@pytest.mark.parametrize("key", ["e", "right_square_bracket", "full_stop"])
async def test_whoever_jumps_to_a_failure_a_mark_or_an_event_stands_there_although_the_replay_was_playing(
    key: str,
) -> None:
    watch = Stopwatch()
    async with opened(replayed(at=8, clock=watch)) as pilot:
        await press(pilot, "space")
        assert play_of(pilot).playing
        await press(pilot, key)
        there = play_of(pilot).seq
        watch.now += 60
        await settled(pilot)
        assert (play_of(pilot).seq, play_of(pilot).playing) == (there, False)


@pytest.mark.chaos
async def test_a_replay_opens_with_the_graph_whatever_was_looked_at_last_and_says_how_views_are_changed_in_it() -> None:
    app = workbench(replayed(at=10))
    app.memory.put("run.view", "pools")
    async with app.run_test(size=(120, 40)) as pilot:
        await settled(pilot)
        assert isinstance(app.screen, RunScreen)
        assert app.screen.view == "run"
        assert " F3 run " in lines(pilot)[-1]
        await press(pilot, "7")
        assert notices(pilot)[-1] == "70 % of the events; views here: F2 to F8"
        said = len(notices(pilot))
        await press(pilot, "0")
        assert len(notices(pilot)) == said
        await press(pilot, "f6")
        assert app.screen.view == "log"
        assert app.memory.get("run.view", "") == "pools", "a replay decides how the next session is looked at"


async def test_the_footer_of_a_replay_begins_with_what_one_comes_for() -> None:
    async with opened(replayed(at=10), size=(120, 40)) as pilot:
        foot = lines(pilot)[-1]
        told = ("play", "step", "next failure", "fork", "end/live", "help")
        places = [foot.find(f" {one} ") for one in told]
        assert -1 not in places, foot
        assert places == sorted(places), foot
        assert foot.startswith(" space play")


@pytest.mark.chaos
async def test_29_speed_doubles_and_halves_within_its_limits_and_waits_are_cut_or_lived_through() -> None:
    async with opened(replayed(at=1)) as pilot:
        await press(pilot, "plus", "equals_sign")
        assert play_of(pilot).speed == 4
        await press(pilot, *["minus"] * 6)
        assert play_of(pilot).speed == 0.25
        assert play_of(pilot).idle_limit == 2
        await press(pilot, "i")
        assert play_of(pilot).idle_limit is None
        await press(pilot, "i")
        assert play_of(pilot).idle_limit == 2


@pytest.mark.chaos
async def test_29_space_plays_and_stands_still_and_the_header_shows_the_time_of_the_past() -> None:
    watch = Stopwatch()
    async with opened(replayed(at=8, clock=watch)) as pilot:
        before = text(pilot)
        watch.now += 30
        await settled(pilot)
        assert text(pilot) == before, "a replay that stands still shows clocks that go"
        await press(pilot, "space")
        assert play_of(pilot).playing
        watch.now += 1
        await settled(pilot)
        assert "replay 2025-10-0" in text(pilot)
        assert text(pilot) != before
        await press(pilot, "space")
        assert not play_of(pilot).playing


KEYS = "space plus minus full_stop comma right_square_bracket left_square_bracket less_than_sign greater_than_sign"
EVERY_KEY = [*KEYS.split(), *"059", "i", "g", "G"]


@pytest.mark.chaos
@pytest.mark.parametrize("events", [1, HEAD], ids=["one", "all"])
async def test_29_whatever_the_key_the_size_and_the_place_the_state_is_that_of_the_play_head(events: int) -> None:
    feed = finished()
    del feed.events[events:]
    watch = Stopwatch()
    async with opened(replayed(feed, at=1, clock=watch)) as pilot:
        app = pilot.app
        assert isinstance(app, Workbench)
        for size in ((40, 10), (300, 90), (80, 24)):
            for key in ("G", *EVERY_KEY, "g", *KEYS.split()):
                await pilot.press(key)
                watch.now += 0.3
            await pilot.resize_terminal(*size)
            await settled(pilot)
            seq = play_of(pilot).seq
            assert 1 <= seq <= events
            assert state_hash(app.state) == state_hash(fold(feed.events[:seq]))
            bar = pilot.app.screen.query_one(ScrubBar)
            assert bar.size.width == size[0]
            assert app.crash is None


@pytest.mark.chaos
async def test_29_seconds_are_gone_forwards_and_backwards() -> None:
    async with opened(replayed(at=HEAD)) as pilot:
        late = play_of(pilot).mono
        await press(pilot, "less_than_sign")
        early = play_of(pilot)
        assert early.mono <= late - 5
        assert early.seq == max(event.seq for event in finished().events if event.mono <= late - 5)
        await press(pilot, "greater_than_sign")
        assert play_of(pilot).seq > early.seq, "a time without events keeps the play head where it is"
        await press(pilot, "g", "space", "greater_than_sign")
        assert play_of(pilot).playing, "who goes on in what plays has it play on"


@pytest.mark.chaos
@pytest.mark.parametrize(
    ("word", "seq"), [("12", 12), ("0s", 2), ("failure", None), ("nonsense", 10)], ids=["seq", "time", "mark", "none"]
)
async def test_29_a_place_is_gone_to_by_number_time_and_mark(word: str, seq: int | None) -> None:
    async with opened(replayed(at=10)) as pilot:
        wanted = seq or next(mark.seq for mark in play_of(pilot).marks if mark.kind is MarkKind.FAILURE)
        await press(pilot, "semicolon")
        assert isinstance(pilot.app.screen, LineScreen)
        await press(pilot, *word, "enter")
        assert play_of(pilot).seq == wanted
        if word == "nonsense":
            assert "no moment" in notices(pilot)[-1]


@pytest.mark.chaos
async def test_29_a_click_on_the_bar_goes_there() -> None:
    async with opened(replayed(at=10)) as pilot:
        bar = pilot.app.screen.query_one(ScrubBar)
        await pilot.click(bar, offset=(bar.size.width - 2, 0))
        await settled(pilot)
        assert play_of(pilot).seq == HEAD
        await pilot.click(bar, offset=(bar.size.width // 2, 0))
        await settled(pilot)
        assert play_of(pilot).seq == pytest.approx(HEAD / 2, abs=1.5)


@pytest.mark.chaos
async def test_29_nothing_is_asked_of_a_session_in_its_past() -> None:
    feed = mid_run()
    async with opened(replayed(feed, at=len(feed.events))) as pilot:
        await press(pilot, "P", "p", "r", "X", "M", "a")
        assert len(notices(pilot)) >= 6
        assert all("this is a recording, at its end" in notice for notice in notices(pilot))
        await press(pilot, "comma", "P", "a")
        assert all("this is the past" in notice for notice in notices(pilot)[-2:])
        assert f"fork {feed.state.id} --at {len(feed.events)}`" in notices(pilot)[0]
        assert "pause all" not in text(pilot)
    assert feed.commands == []


@pytest.mark.chaos
async def test_29_the_plan_is_shown_again_while_it_waited_for_a_decision() -> None:
    async with opened(replayed(at=1)) as pilot:
        assert isinstance(pilot.app.screen, PlanScreen)
        assert pilot.app.screen.query_one(ScrubBar).display
        await press(pilot, "G")
        assert isinstance(pilot.app.screen, RunScreen)


@pytest.mark.chaos
async def test_29_the_log_begins_with_what_was_before_the_play_head() -> None:
    async with opened(replayed(at=HEAD)) as pilot:
        assert "session failed" in text(pilot)
        await press(pilot, "comma", "comma", "comma", "comma")
        assert "session failed" not in text(pilot)
        assert "started on" in text(pilot)


# -- while the session goes on ----------------------------------------------------------------------------------------


@pytest.mark.chaos
async def test_30_the_past_is_gone_through_while_the_session_goes_on_and_G_leads_back() -> None:
    feed = mid_run()
    async with opened(feed, past=to_past) as pilot:
        app = pilot.app
        assert isinstance(app, Workbench)
        await press(pilot, "H", "comma")
        assert link(pilot) is Link.REPLAY
        here = app.state.seq
        assert here == len(feed.events) - 1
        feed.play(ev.SessionPaused("user"), after=3)
        await settled(pilot)
        assert app.state.seq == here, "the present shows through"
        assert play_of(pilot).head_seq == len(feed.events)
        assert "G live +2" in text(pilot)
        await press(pilot, "G")
        assert link(pilot) is Link.LIVE
        assert app.state is feed.state
        assert "paused" in text(pilot)
        await press(pilot, "P")
        assert feed.commands == [("session.resume", {})]
        await press(pilot, "H")
        assert app.status.link is Link.REPLAY
    assert feed.closed


@pytest.mark.chaos
async def test_at_the_end_of_what_has_happened_so_far_a_replay_stays_and_its_keys_ask_nothing_of_the_session() -> None:
    feed = mid_run()
    async with opened(feed, past=to_past) as pilot:
        await press(pilot, "H", "space")
        assert link(pilot) is Link.REPLAY
        assert "the end so far: G goes live" in notices(pilot)[-1]
        assert "the end so far: G goes live" in text(pilot)
        await press(pilot, "e")
        assert "failure 1 of" in notices(pilot)[-1], "the plan is edited instead"
        await press(pilot, "G")
        assert link(pilot) is Link.LIVE
        assert "live again" in notices(pilot)[-1]


@pytest.mark.chaos
async def test_30_what_was_selected_is_selected_again_after_a_look_at_what_was_before_its_plan() -> None:
    async with opened(mid_run(), past=to_past) as pilot:
        app = pilot.app
        assert isinstance(app, Workbench)
        app.screen.select("security")  # type: ignore[attr-defined]
        await press(pilot, "H", "g")
        assert app.state.nodes == {}
        await press(pilot, "G")
        assert app.selected == "security"
        await press(pilot, "H", "g", "5")
        assert app.selected == "security"
        app.screen.select("speed")  # type: ignore[attr-defined]
        await press(pilot, "G")
        assert app.selected == "speed"
        app._missed = "security", "quality"  # of which the one was not there, and the other stood in for it
        app._keep_selection()
        assert app.selected == "speed", "what the user has selected meanwhile stays"


@pytest.mark.chaos
async def test_15_a_session_that_is_over_can_be_lived_through_again() -> None:
    feed = finished()
    async with opened(feed, past=to_past) as pilot:
        await press(pilot, "H", "left_square_bracket")
        assert play_of(pilot).seq < HEAD
        assert not play_of(pilot).live


@pytest.mark.chaos
async def test_a_past_that_cannot_be_read_is_said_and_the_session_stays() -> None:
    async def broken(feed: object) -> object:
        raise OSError("no such file")

    async with opened(mid_run(), past=broken) as pilot:  # type: ignore[arg-type]
        await press(pilot, "H")
        assert "history: no such file" in notices(pilot)
        app = pilot.app
        assert isinstance(app, Workbench)
        assert not isinstance(app.feed, ReplayFeed)
    async with opened(mid_run()) as pilot:
        await press(pilot, "H")
        assert "swarmtui replay" in notices(pilot)[-1]


# -- the bar ----------------------------------------------------------------------------------------------------------


def playing(seq: int = 50, head: int = 100, **more: object) -> Play:
    known: dict[str, object] = {
        "ts": 1.0, "mono": 30.0, "first_mono": 0.0, "last_mono": 60.0, "speed": 1.0, "playing": True, "idle_limit": 2.0
    }  # fmt: skip
    return Play(seq, head, **{**known, **more})  # type: ignore[arg-type]


def words(play: Play, size: int = 120) -> str:
    return "".join(part for part, _ in scrub.figures(play, size, UNICODE, "G"))


@pytest.mark.parametrize("size", [3, 20, 80, 200])
@pytest.mark.parametrize("head", [1, 7, 100, 100_000])
def test_a_click_on_a_cell_of_the_bar_puts_the_play_head_into_it(size: int, head: int) -> None:
    inside = scrub.room(size)
    for x in range(1, size - 1):
        seq = scrub.seq_of(x, head, size)
        assert 1 <= seq <= head
        if head >= inside:
            assert scrub.cell_of(seq, head, inside) + 1 == x
    assert scrub.seq_of(size - 1, head, size) == head
    assert scrub.seq_of(0, head, size) == 1 or inside == 1


@pytest.mark.parametrize("glyphs", [UNICODE, ASCII], ids=["unicode", "ascii"])
@pytest.mark.parametrize("size", [10, 40, 80, 160])
def test_the_bar_and_its_figures_are_as_wide_as_they_should_be(size: int, glyphs: object) -> None:
    kinds = [Mark(at * 7 + 1, 0.0, 0.0, kind, "said\x1b[31m " * 9) for at, kind in enumerate(MarkKind)]
    play = playing(marks=tuple(kinds), gap_s=7_300.0, live=True)
    line, head = scrub.bar(play, size, glyphs)  # type: ignore[arg-type]
    assert width(line) == size - 1
    assert 1 <= head < size
    told = scrub.figures(play, size, glyphs, "G")  # type: ignore[arg-type]
    assert width(told) == size
    shown = "".join(part for part, _ in (*line, *told))
    assert "\x1b" not in shown
    assert glyphs is UNICODE or shown.isascii()


def test_29_where_there_is_a_retry_in_every_cell_the_play_head_and_the_long_waits_are_seen_all_the_same() -> None:
    marks = tuple(Mark(seq, 0, 0, MarkKind.RETRY, "r") for seq in range(1, 101))
    line, head = scrub.bar(playing(30, 100, marks=marks, gaps=(Gap(60, 7_300.0),)), 102, UNICODE)
    shown = "".join(part for part, _ in line)
    assert shown[head] == "●"
    assert "⋯ 2h" in shown
    assert shown.count("↻") > 80


def test_every_kind_of_mark_has_a_tick_of_its_own() -> None:
    assert set(scrub.TICKS) == set(MarkKind)
    assert len({tick for tick, _, _ in scrub.TICKS.values()}) == len(MarkKind)
    assert len({plain for _, plain, _ in scrub.TICKS.values()}) == len(MarkKind)


def test_the_gravest_of_marks_in_one_cell_is_the_one_that_is_seen() -> None:
    marks = (
        Mark(40, 0, 0, MarkKind.PAUSE, "p"),
        Mark(41, 0, 0, MarkKind.FAILURE, "f"),
        Mark(42, 0, 0, MarkKind.EDIT, "e"),
    )
    line, _ = scrub.bar(playing(1, 1_000, marks=marks), 42, UNICODE)
    assert "".join(part for part, _ in line).count("✗") == 1
    assert "‖" not in "".join(part for part, _ in line)


@pytest.mark.parametrize("head", [1, 2, 40, 41, 1_000])
@pytest.mark.parametrize("inside", [1, 2, 40, 77])
def test_each_cell_has_the_gravest_of_all_marks_that_fall_into_it(head: int, inside: int) -> None:
    kinds = list(MarkKind)
    marks = tuple(Mark(seq, 0, 0, kinds[seq * 7 % len(kinds)], "m") for seq in range(1, head + 1) if seq % 3)
    wanted: dict[int, MarkKind] = {}
    order = list(scrub.TICKS)
    for mark in marks:
        at = scrub.cell_of(mark.seq, head, inside)
        if at not in wanted or order.index(mark.kind) < order.index(wanted[at]):
            wanted[at] = mark.kind
    assert scrub._ticks(marks, head, inside) == wanted


def test_29_a_frame_costs_what_is_on_the_bar_however_many_marks_there_are() -> None:
    marks = tuple(Mark(seq, 0, 0, MarkKind.RETRY, "m") for seq in range(1, 100_001))
    scrub.bar(playing(1, 100_000, marks=marks), 120, UNICODE)
    first, second = (playing(seq, 100_000 + seq, marks=marks) for seq in (2, 3))
    reads = 0

    def counted(seq: int, head_seq: int, size: int) -> int:
        nonlocal reads
        reads += 1
        return cell_of(seq, head_seq, size)

    cell_of, scrub.cell_of = scrub.cell_of, counted
    try:
        for play in (first, second):
            scrub.bar(play, 120, UNICODE)
            scrub.figures(play, 120, UNICODE, "G")
    finally:
        scrub.cell_of = cell_of
    assert reads < 4 * 120


def test_the_ends_of_the_bar_are_the_first_and_the_last_event() -> None:
    for size in (10, 80):
        for head in (2, 13, 100_000):
            inside = scrub.room(size)
            assert scrub.bar(playing(1, head), size, UNICODE)[1] == scrub.MARGIN
            line, at = scrub.bar(playing(head, head), size, UNICODE)
            assert at == scrub.MARGIN + inside - 1
            assert "─" not in "".join(part for part, _ in line), "at the end something seems to be left"


@pytest.mark.parametrize(("glyphs", "sign"), [(UNICODE, "⋯"), (ASCII, "~")], ids=["unicode", "ascii"])
def test_29_a_long_wait_is_named_on_the_bar_where_it_was(glyphs: object, sign: str) -> None:
    play = playing(10, 100, gaps=(Gap(60, 7_300.0),), marks=(Mark(60, 0, 0, MarkKind.FAILURE, "f"),))
    line, _ = scrub.bar(play, 102, glyphs)  # type: ignore[arg-type]
    shown = "".join(part for part, _ in line)
    tick = "x" if glyphs is ASCII else "✗"
    assert f" {sign} 2h {tick}" in shown
    roles = {role for part, role in line if "2h" in part}
    assert roles == {"warn"}
    whole, _ = scrub.bar(playing(10, 100, gaps=play.gaps, idle_limit=None), 102, glyphs)  # type: ignore[arg-type]
    assert {role for part, role in whole if "2h" in part} == {"muted"}


def test_29_waits_named_on_the_bar_hide_neither_marks_nor_the_play_head_nor_each_other() -> None:
    marks = tuple(Mark(seq, 0, 0, MarkKind.FAILURE, "f") for seq in (20, 40))
    gaps = (Gap(21, 90.0), Gap(60, 3_700.0), Gap(61, 120.0), Gap(99, 60.0))
    line, head = scrub.bar(playing(98, 100, marks=marks, gaps=gaps), 102, UNICODE)
    shown = "".join(part for part, _ in line)
    assert shown.count("✗") == 2
    assert shown[head] == "●"
    assert "1h" in shown, "the longest goes first"
    assert "2m" not in shown
    assert "1m" not in shown


def test_a_wait_that_is_passed_over_is_told_with_its_length() -> None:
    assert "⋯ 2h wait" in words(playing(gap_s=7_300.0))
    assert "wait" not in words(playing())
    assert "waits in full" in words(playing(idle_limit=None))


def test_a_replay_is_as_long_as_the_session_was_however_long_its_host_stayed_after_the_end() -> None:
    assert "0:30/1:00 " in words(playing())
    assert "0:30/0:42 " in words(playing(over_mono=42.0))
    assert "0:42/0:42 " in words(playing(100, mono=60.0, over_mono=42.0))


async def test_of_a_session_that_is_over_a_replay_knows_when_that_was() -> None:
    for more, known in (((ev.HostStopped("finished"),), True), ((ev.NodeRetried("security"),), False)):
        feed = finished()
        end = feed.state.mono
        feed.play(*more, after=120)
        player = replayed(feed)()
        await player.settled()
        player.drain()
        assert player.status.play is not None
        assert player.status.play.over_mono == (end if known else None)
        await player.close()


def test_the_key_that_goes_live_is_called_as_the_user_has_it() -> None:
    for seq, over, told in (
        (50, False, "^e live +50"),
        (100, False, "the end so far: ^e goes live"),
        (50, True, "^e back +50"),
        (100, True, "the end: ^e leads back"),
    ):
        line = scrub.figures(playing(seq, live=True, over=over), 120, UNICODE, "^e")
        assert told in "".join(part for part, _ in line)


async def test_nothing_goes_live_that_is_over_though_its_host_is_there() -> None:
    feed = finished()
    feed.set_link(Link.LIVE)
    async with opened(feed, past=to_past) as pilot:
        await press(pilot, "H", "space")
        assert link(pilot) is Link.REPLAY
        assert notices(pilot)[-1] == "this is the end: G leads back"
        assert "the end: G leads back" in text(pilot)
        assert "live" not in lines(pilot)[-3]


async def test_the_bar_says_with_which_of_the_users_keys_one_goes_live() -> None:
    feed = mid_run()

    async def connect() -> Feed:
        return feed

    read = Read(Settings(keys=fit_keys({"end": ("f20",)}).own))
    app = Workbench(connect, past=to_past, theme="swarm-dark", glyphs=UNICODE, read=read)
    async with app.run_test(size=(120, 40)) as pilot:
        await settled(pilot)
        await press(pilot, "H", "comma")
        assert "F20 live +1" in text(pilot)


def test_the_last_mark_is_named_and_what_is_ahead_of_a_live_session_counted() -> None:
    marks = (Mark(40, 0, 0, MarkKind.FAILURE, "lint failed"), Mark(60, 0, 0, MarkKind.USER, "later"))
    told = words(playing(marks=marks, live=True))
    assert "lint failed" in told
    assert "later" not in told
    assert "G live +50" in told
