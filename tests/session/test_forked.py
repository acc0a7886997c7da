"""What the event that begins a fork changes, and that a mark changes nothing."""

from swarmtui.session import events as ev
from swarmtui.session import fold
from swarmtui.session.state import Parent, SessionState
from swarmtui.session.state_json import state_from_json, state_to_json
from swarmtui.session.summary import show, summary
from swarmtui.session.vocabulary import Status
from tests.tui.scripted_feed import awaiting_approval, finished, mid_run


def forked(events: list[ev.Event]) -> SessionState:
    last = events[-1]
    body = ev.SessionForked("new-one", "old-one", last.seq, "ab")
    return fold.fold([*events, ev.Event(last.seq + 1, last.ts + 60, last.mono, body)])


def test_a_fork_names_its_parent_has_an_id_of_its_own_and_waits_to_go_on() -> None:
    before = list(mid_run()._all)
    state = forked(before)
    assert (state.id, state.parent) == ("new-one", Parent("old-one", before[-1].seq))
    assert (state.status, state.reason, state.ended_ts) == (Status.PAUSED, "forked", None)
    for told in (summary(state), show(state)):
        assert told["id"] == "new-one"
        assert told["parent"] == {"id": "old-one", "seq": before[-1].seq}
    assert state_to_json(state_from_json(state_to_json(state))) == state_to_json(state)


def test_what_had_ended_goes_on_and_what_waited_for_approval_still_does() -> None:
    assert forked(list(finished()._all)).status is Status.PAUSED
    assert forked(list(awaiting_approval()._all)).status is Status.AWAITING_APPROVAL


def test_what_the_fork_asks_it_has_asked_since_it_began_however_long_its_parent_had_waited() -> None:
    feed = mid_run()
    feed.play(ev.QuestionAsked("publish", "Where to?", ()), after=3)
    asked = {key: one.since_ts for key, one in feed.state.pending.items()}
    state = forked(list(feed._all))
    assert asked
    assert state.pending.keys() == asked.keys()
    assert {one.since_ts for one in state.pending.values()} == {state.ts}
    assert state.ts > max(asked.values())


def test_what_was_cut_short_waits_since_then_and_in_a_fork_since_that_began() -> None:
    feed = mid_run()
    feed.play(ev.AttemptInterrupted("quality", 1), ev.AttemptInterrupted("translate", 1, 1_221), after=300)
    cut = {"quality": feed.now, "translate": feed.now}
    feed.play(ev.AttemptInterrupted("security", 1, repeat=True), after=60)
    assert {one.id: one.cut_ts for one in feed.state.nodes.values() if one.cut_ts is not None} == cut
    state = forked(list(feed._all))
    assert {one.id: one.cut_ts for one in state.nodes.values() if one.cut_ts} == dict.fromkeys(cut, state.ts)
    assert state_to_json(state_from_json(state_to_json(state))) == state_to_json(state)


def test_what_is_cut_short_once_more_waits_since_then() -> None:
    feed = mid_run()
    feed.play(ev.AttemptInterrupted("quality", 1), after=300)
    feed.play(ev.NodeRetried("quality"), ev.AttemptStarted("quality", 2), ev.AttemptInterrupted("quality", 2), after=90)
    assert feed.state.nodes["quality"].cut_ts == feed.now


def test_a_mark_changes_no_state() -> None:
    feed = mid_run()
    before = state_to_json(feed.state)
    feed.play(ev.MarkerSet("here it went wrong"), actor="ann@host")
    after = state_to_json(feed.state)
    assert {key for key in after if after[key] != before[key]} <= {"seq", "ts", "mono", "active_s"}
